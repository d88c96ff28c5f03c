#!/usr/bin/env bash
# Makes a release's archive from a built program, after that program has shown that it runs.
#
#   usage: archive.sh TARGET PROGRAM FOLDER
#   Writes FOLDER/bitrise-dx-vVERSION-TARGET.tar.gz (.zip for Windows) and prints its path.
set -euo pipefail

readonly target=${1:?usage: archive.sh TARGET PROGRAM FOLDER}
readonly program=${2:?usage: archive.sh TARGET PROGRAM FOLDER}
mkdir -p "${3:?usage: archive.sh TARGET PROGRAM FOLDER}"
folder=$(cd "$3" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly folder root

"$program" verify --quiet --sandbox >&2
version=$("$program" --version | cut -d ' ' -f 2)
readonly version
readonly name=bitrise-dx-v$version-$target

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name/completions"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE" "$stage/$name"
"$program" completions bash >"$stage/$name/completions/bitrise-dx.bash"
"$program" completions zsh >"$stage/$name/completions/_bitrise-dx"
"$program" completions fish >"$stage/$name/completions/bitrise-dx.fish"
"$program" completions powershell >"$stage/$name/completions/_bitrise-dx.ps1"
"$program" man --dir "$stage/$name/man"
"$program" schema >"$stage/$name/report-1.schema.json"

case $target in
  *-windows-*)
    cp "$program" "$stage/$name/bitrise-dx.exe"
    archive=$folder/$name.zip
    rm -f "$archive"
    (cd "$stage" && 7z a -bso0 -tzip "$(cygpath -w "$archive")" "$name")
    ;;
  *)
    cp "$program" "$stage/$name/bitrise-dx"
    archive=$folder/$name.tar.gz
    # On macOS, tar would add files of extended attributes.
    COPYFILE_DISABLE=1 tar -czf "$archive" -C "$stage" "$name"
    ;;
esac
echo "$archive"
