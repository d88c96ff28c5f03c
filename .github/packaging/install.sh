#!/usr/bin/env bash
# Brings the program onto a build machine, and prints the path of it. Used by the GitHub action and
# by the Bitrise Step, so it keeps to bash 3.2 and to what their machines have.
#
# In order: the program at BITRISE_DX_PROGRAM; one of the wanted version on the PATH; the release's
# archive for this machine, once its SHA-256 is that of the release's SHA256SUMS; and a build of the
# source that this script came with, where that version has no archive for this machine.
#
#   usage: install.sh FOLDER
#   BITRISE_DX_PROGRAM       use this program, whatever its version
#   BITRISE_DX_VERSION       such as 0.1.0, or "source" to build; default: the source's own version
#   BITRISE_DX_DOWNLOAD_URL  a mirror of the folder that holds v0.1.0/, v0.1.1/, …
#   BITRISE_DX_TARGET        take this target's archive; default: that of this machine
#   BITRISE_DX_SHA256        take an archive with one of these SHA-256 sums, and nothing else
#   GH_TOKEN                 with it and gh, a release's archive must also have GitHub's attestation
set -euo pipefail
set +x

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
folder=${1:?usage: install.sh FOLDER}
repository=$(sed -n 's/^repository = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
readonly repository
readonly url=${BITRISE_DX_DOWNLOAD_URL:-$repository/releases/download}
readonly sums=${BITRISE_DX_SHA256:-}

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "bitrise-dx can't be installed: $*"
  exit 1
}

# The version that stands in the manifest beside this script.
source_version() {
  sed -n 's/^version = "\([0-9A-Za-z.+-]*\)"$/\1/p' "$root/Cargo.toml" | head -n 1
}

# Prints the target whose archive runs on this machine. On Linux that is the static one, which asks
# nothing of the C library.
target() {
  local system machine
  if [ -n "${BITRISE_DX_TARGET:-}" ]; then
    echo "$BITRISE_DX_TARGET"
    return
  fi
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x86_64 ;;
    arm64 | aarch64) machine=aarch64 ;;
    *) return 1 ;;
  esac
  case $system in
    Linux) echo "$machine-unknown-linux-musl" ;;
    Darwin) echo "$machine-apple-darwin" ;;
    MINGW* | MSYS* | CYGWIN*) echo "$machine-pc-windows-msvc" ;;
    *) return 1 ;;
  esac
}

# Sets the protocols that downloads may use: plain HTTP is for a mirror on this machine alone. A user's
# name or password is refused, since it can pass for the host, and would stand in messages.
choose_protocols() {
  local authority=${url#*://}
  authority=${authority%%/*}
  case $authority in
    *@*) fail "the address for downloads must not hold a user name or a password" ;;
  esac
  case $url in
    https://*) protocols='=https' ;;
    http://127.0.0.1:* | http://localhost:*)
      case ${authority##*:} in
        '' | *[!0-9]*) fail "the address for downloads has no port that is a number" ;;
      esac
      protocols='=http,https'
      ;;
    *) fail "the address for downloads must begin with https://" ;;
  esac
}

# Fetches an address into a file, and prints the status of the answer.
fetch() {
  curl --silent --show-error --location --proto "$protocols" --proto-redir "$protocols" \
    --retry 3 --connect-timeout 20 --max-time 300 --write-out '%{http_code}' --output "$2" "$1"
}

# Prints a file's SHA-256.
digest() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is here to check the download with"
  fi | sed 's/^\\\{0,1\}\([0-9a-f]*\).*/\1/'
}

# Ends with a failure where one of these commands is not here.
need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "there is no $tool here"
  done
}

build() {
  [ -z "$sums" ] || fail "$1, and what is built has none of the wanted SHA-256 sums"
  command -v cargo >/dev/null || fail "$1, and there is no cargo to build it with"
  say "$1: building bitrise-dx $(source_version) from its source"
  cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" \
    --target-dir "$folder/build" >&2 || fail "the build failed"
  echo "$folder/build/release/bitrise-dx$suffix"
}

# Asks GitHub whether its workflow built the archive, where that can be asked: for a release of the
# repository's own, with gh and a token. An archive whose sum the caller has given needs no other word.
check_origin() {
  [ "$url" = "$repository/releases/download" ] && [ -n "${GH_TOKEN:-}" ] && [ -z "$sums" ] || return 0
  gh attestation verify --help >/dev/null 2>&1 || return 0
  gh attestation verify "$1" --repo "${repository#https://github.com/}" >&2 \
    || fail "GitHub has no attestation of ${1##*/}, or can't be asked; nothing of it was run"
}

# Sets `wanted` to the SHA-256 that an archive must have: the release's, or one of the caller's.
want() {
  local archive=$1 status sum
  wanted=
  if [ -n "$sums" ]; then
    for sum in $sums; do
      [[ $sum =~ ^[0-9a-fA-F]{64}$ ]] || fail "a wanted SHA-256 is not 64 hexadecimal digits"
      sum=$(tr 'A-F' 'a-f' <<<"$sum")
      [ "$sum" != "$actual" ] || wanted=$sum
    done
    [ -n "$wanted" ] || {
      rm -f "$folder/$archive"
      fail "the SHA-256 of $archive is $actual, and none of the wanted ones; nothing of it was run"
    }
    return 0
  fi
  status=$(fetch "$url/v$version/SHA256SUMS" "$folder/SHA256SUMS") \
    || fail "$url/v$version/SHA256SUMS could not be fetched"
  [ "$status" = 200 ] || fail "$url/v$version/SHA256SUMS was answered with status $status"
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$folder/SHA256SUMS")
  [ -n "$wanted" ] || fail "SHA256SUMS does not name $archive"
  [ "$actual" = "$wanted" ] || {
    rm -f "$folder/$archive"
    fail "the SHA-256 of $archive is not the one in SHA256SUMS; nothing of it was run"
  }
}

# Downloads the release's archive, checks it and unpacks it.
download() {
  local name archive status wanted actual
  name="bitrise-dx-v$version-$target"
  archive=$name.tar.gz
  need curl tar
  case $target in
    *-windows-*)
      archive=$name.zip
      need unzip
      ;;
  esac

  choose_protocols
  status=$(fetch "$url/v$version/$archive" "$folder/$archive") \
    || fail "$url/v$version/$archive could not be fetched"
  case $status in
    200) ;;
    404)
      [ "$version" = "$(source_version)" ] || fail "version $version has no archive $archive at $url"
      build "version $version has no archive for $target at $url"
      return
      ;;
    *) fail "$url/v$version/$archive was answered with status $status" ;;
  esac
  actual=$(digest "$folder/$archive")
  want "$archive"
  check_origin "$folder/$archive"

  case $archive in
    *.zip) unzip -q -o "$folder/$archive" -d "$folder" ;;
    *) tar -xzf "$folder/$archive" -C "$folder" ;;
  esac || fail "$archive can't be unpacked"
  say "bitrise-dx $version for $target, SHA-256 $wanted"
  echo "$folder/$name/bitrise-dx$suffix"
}

if [ -n "${BITRISE_DX_PROGRAM:-}" ]; then
  [ -x "$BITRISE_DX_PROGRAM" ] || fail "$BITRISE_DX_PROGRAM is not a program"
  echo "$BITRISE_DX_PROGRAM"
  exit
fi

suffix=
case $(uname -s) in
  MINGW* | MSYS* | CYGWIN*)
    suffix=.exe
    folder=$(cygpath -u "$folder")
    ;;
esac
mkdir -p "$folder"
version=${BITRISE_DX_VERSION:-$(source_version)}
version=${version#v}
if [ "$version" = source ]; then
  build "asked for"
  exit
fi
case $version in
  '' | *[!0-9A-Za-z.+-]*) fail "the version must be one such as 0.1.0" ;;
esac

if [ -z "$sums" ] && found=$(command -v bitrise-dx) \
  && [ "$("$found" --version | cut -d ' ' -f 2)" = "$version" ]; then
  echo "$found"
elif target=$(target); then
  download
elif [ "$version" = "$(source_version)" ]; then
  build "there are no archives for $(uname -s) on $(uname -m)"
else
  fail "there are no archives for $(uname -s) on $(uname -m)"
fi
