#!/usr/bin/env bash
# Makes a release's archive from a built program that runs, and installs it as its users will, from a mirror
# on this machine. The same program makes the same archive, byte by byte: entries are sorted, and have the
# commit's time and no owner.
#
#   usage: archive.sh TARGET PROGRAM LICENCES FOLDER
#   LICENCES is what licences.py printed. Writes FOLDER/bitrise-dx-vVERSION-TARGET.tar.gz (.zip for
#   Windows), and prints its path.
set -euo pipefail

usage="usage: archive.sh TARGET PROGRAM LICENCES FOLDER"
readonly target=${1:?$usage} program=${2:?$usage} licences=${3:?$usage}
mkdir -p "${4:?$usage}"
folder=$(cd "$4" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly folder root

"$program" verify --quiet --sandbox >&2
version=$("$program" --version | cut -d ' ' -f 2)
readonly version
readonly name=bitrise-dx-v$version-$target

stage=$(mktemp -d)
# Windows removes nothing that is still in use, and that must not be the script's own fault.
trap 'rm -rf "$stage" || true' EXIT
mkdir -p "$stage/$name/completions"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$stage/$name"
cp "$licences" "$stage/$name/THIRD-PARTY-LICENSES.txt"
"$program" completions bash >"$stage/$name/completions/bitrise-dx.bash"
"$program" completions zsh >"$stage/$name/completions/_bitrise-dx"
"$program" completions fish >"$stage/$name/completions/bitrise-dx.fish"
"$program" completions powershell >"$stage/$name/completions/_bitrise-dx.ps1"
"$program" man --dir "$stage/$name/man"
"$program" schema >"$stage/$name/report-1.schema.json"
case $target in
  *-windows-*) cp "$program" "$stage/$name/bitrise-dx.exe" ;;
  *) cp "$program" "$stage/$name/bitrise-dx" ;;
esac

# The time of all entries: that of SOURCE_DATE_EPOCH, or of the commit.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" show -s --format=%ct HEAD 2>/dev/null || echo 1000000000)}
stamp=$(date -u -d "@$epoch" +%Y%m%d%H%M.%S 2>/dev/null || date -u -r "$epoch" +%Y%m%d%H%M.%S)
export TZ=UTC LC_ALL=C COPYFILE_DISABLE=1
cd "$stage"
chmod -R u=rwX,go=rX "$name"
find "$name" -exec touch -t "$stamp" {} +
find "$name" | sort >names

case $target in
  *-windows-*)
    archive=$folder/$name.zip
    rm -f "$archive"
    7z a -bso0 -tzip -mtc=off "$(cygpath -w "$archive")" "$name"
    ;;
  *)
    archive=$folder/$name.tar.gz
    # The two kinds of tar say “no owner” each in their own way.
    case $(tar --version) in
      *GNU*) owner=(--owner=0 --group=0 --numeric-owner) ;;
      *) owner=(--uid 0 --gid 0 --numeric-owner) ;;
    esac
    tar -cf - --format ustar --no-recursion "${owner[@]}" -T names | gzip -9n >"$archive"
    ;;
esac

mirror=$stage/mirror
mkdir -p "$mirror/v$version"
cp "$archive" "$mirror/v$version"
hasher=sha256sum
command -v sha256sum >/dev/null || hasher='shasum -a 256'
(cd "$mirror/v$version" && $hasher "${archive##*/}" >SHA256SUMS)
! command -v cygpath >/dev/null || mirror=/$(cygpath -m "$mirror")
installed=$(BITRISE_DX_DOWNLOAD_URL=file://$mirror BITRISE_DX_VERSION=$version \
  BITRISE_DX_TARGET=$target bash "$root/.github/packaging/install.sh" "$stage/program")
"$installed" verify --quiet --sandbox >&2
echo "$archive"
