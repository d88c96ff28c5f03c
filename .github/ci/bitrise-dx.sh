#!/bin/sh
# Brings bitrise-dx onto a machine, and checks the Bitrise token in BITRISE_TOKEN. Copy it into your
# repository: it needs a POSIX shell, curl, tar (on Windows unzip), and sha256sum or shasum.
#
#   usage: sh bitrise-dx.sh [OPTIONS OF bitrise-dx verify]   reports: bitrise-dx-reports/bitrise-dx.*
#          sh bitrise-dx.sh --install FOLDER                 checks nothing; prints the program's path
#   BITRISE_DX_VERSION       the version to use, such as 0.1.0
#   BITRISE_DX_SHA256        SHA-256 sums, one of which the archive must have; default: SHA256SUMS
#   BITRISE_DX_DOWNLOAD_URL  a mirror of the folder that holds v0.1.0/, v0.1.1/, …
#   BITRISE_DX_CA_CERT       one more root certificate (PEM) for downloads; default: that of --ca-cert
#   BITRISE_DX_TARGET        the target whose archive to use; default: that of this machine
#   GH_TOKEN                 with it and gh, GitHub must attest that the release's workflow built it
#
# Ends with the program's exit code; or with 2 and a line that says why, if the program was not run.
set -eu

version=0.1.0
version=${BITRISE_DX_VERSION:-$version}
version=${version#v}
repository=https://github.com/bitrise-dx/bitrise-dx
url=${BITRISE_DX_DOWNLOAD_URL:-$repository/releases/download}
ca_cert=${BITRISE_DX_CA_CERT:-}
target=${BITRISE_DX_TARGET:-}
reports=bitrise-dx-reports
line_break='
'
# Nothing that is started below inherits a token, but the one program that needs it.
token=${BITRISE_TOKEN:-} gh_token=${GH_TOKEN:-}
unset BITRISE_TOKEN GH_TOKEN

temporary='' said_why='' ran='' needed_cert=''
fail() {
  printf '%s\n' "bitrise-dx can't be installed: $*" >&2
  said_why=yes
  exit 2
}
# An exit code of curl or tar would pass for a verdict on the token.
# shellcheck disable=SC2329 # called by the trap
finish() {
  code=$?
  trap - EXIT
  [ -z "$temporary" ] || rm -rf "$temporary" || true
  [ "$code" = 0 ] || [ -n "$ran" ] || [ -n "$said_why" ] || fail "a command ended with exit code $code"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Fetches an address into a file. The further certificate would take the place of the system's, so it is
# used only if those are not enough.
fetch() {
  address=$1 file=$2 status=0
  set -- --globoff --silent --show-error --fail --location --proto "$protocols" \
    --proto-redir '=https' --retry 3 --connect-timeout 20 --max-time 300 --output "$file" "$address"
  fault=$(curl "$@" 2>&1) || status=$?
  if [ "$status" = 60 ] && [ -n "$ca_cert" ]; then
    needed_cert=$ca_cert status=0
    fault=$(curl --cacert "$ca_cert" "$@" 2>&1) || status=$?
  fi
  [ "$status" = 0 ] || fail "$address: ${fault##*"$line_break"}"
}

folder=
if [ "${1:-}" = --install ]; then
  folder=${2:?usage: bitrise-dx.sh --install FOLDER}
else
  # Yesterday's reports must not pass for today's.
  rm -f "$reports"/bitrise-dx.json "$reports"/bitrise-dx.html "$reports"/bitrise-dx.xml
  previous=
  for argument in "$@"; do
    [ "$previous" != --ca-cert ] || ca_cert=$argument
    case $argument in --ca-cert=*) ca_cert=${argument#*=} ;; esac
    previous=$argument
  done
fi

case $version in
  latest) fail "name a version, such as 0.1.0: with the latest one, a check could change overnight" ;;
  '' | *[!0-9A-Za-z.+-]*) fail "the version must be one such as 0.1.0" ;;
esac
[ -n "$target" ] || case $(uname -sm) in
  Linux\ x86_64) target=x86_64-unknown-linux-musl ;;
  Linux\ aarch64 | Linux\ arm64) target=aarch64-unknown-linux-musl ;;
  Darwin\ x86_64) target=x86_64-apple-darwin ;;
  Darwin\ arm64) target=aarch64-apple-darwin ;;
  MINGW*\ x86_64 | MSYS*\ x86_64 | CYGWIN*\ x86_64) target=x86_64-pc-windows-msvc ;;
  MINGW*\ aarch64 | MSYS*\ aarch64 | CYGWIN*\ aarch64) target=aarch64-pc-windows-msvc ;;
  *) fail "there is no archive for $(uname -sm)" ;;
esac
name=bitrise-dx-v$version-$target
case $target in
  *-windows-*) archive=$name.zip program=bitrise-dx.exe unpacker=unzip ;;
  *) archive=$name.tar.gz program=bitrise-dx unpacker=tar ;;
esac
hasher=sha256sum
command -v sha256sum >/dev/null || hasher=shasum
for tool in curl "$unpacker" "$hasher"; do
  command -v "$tool" >/dev/null || fail "there is no $tool here"
done

# Plain HTTP is for a mirror on this machine alone. A user's name can pass for the host, and a password
# would stand in messages.
authority=${url#*://}
case ${authority%%/*} in *@*) fail "the address for downloads must not hold a user name" ;; esac
case $url in
  https://*) protocols='=https' ;;
  http://127.0.0.1:* | http://localhost:*) protocols='=http' ;;
  file:///*) protocols='=file' ;;
  *) fail "the address for downloads must begin with https://" ;;
esac

if [ -z "$folder" ]; then
  temporary=$(mktemp -d "${TMPDIR:-/tmp}/bitrise-dx.XXXXXX" 2>/dev/null) \
    || fail "there is no place for temporary files"
  folder=$temporary
elif command -v cygpath >/dev/null; then
  folder=$(cygpath -u "$folder")
fi
mkdir -p "$folder" 2>/dev/null || fail "the folder $folder can't be made"

fetch "$url/v$version/$archive" "$folder/$archive"
[ "$hasher" = sha256sum ] || hasher='shasum -a 256'
actual=$($hasher <"$folder/$archive")
actual=${actual%% *} wanted=
if [ -n "${BITRISE_DX_SHA256:-}" ]; then
  wanted=$(printf %s "$BITRISE_DX_SHA256" | tr -s '[:space:],' ' ' | tr A-F a-f)
  for sum in $wanted; do
    case $sum in *[!0-9a-f]*) sum= ;; esac
    [ "${#sum}" = 64 ] || fail "a wanted SHA-256 is not 64 hexadecimal digits"
  done
else
  fetch "$url/v$version/SHA256SUMS" "$folder/SHA256SUMS"
  while read -r sum file; do
    [ "${file#\*}" != "$archive" ] || wanted="$wanted $sum"
  done <"$folder/SHA256SUMS"
  [ -n "$wanted" ] || fail "SHA256SUMS does not name $archive"
fi
case " $wanted " in
  *" $actual "*) ;;
  *)
    rm -f "$folder/$archive"
    fail "the SHA-256 of $archive is $actual, and not the one that is wanted; nothing of it was run"
    ;;
esac
# Only a release's own archives are attested. A sum that the caller named needs no other word.
if [ -n "$gh_token" ] && [ "$url" = "$repository/releases/download" ] \
  && [ -z "${BITRISE_DX_SHA256:-}" ] && gh attestation verify --help >/dev/null 2>&1; then
  fault=$(GH_TOKEN=$gh_token SSL_CERT_FILE=${needed_cert:-${SSL_CERT_FILE:-}} \
    gh attestation verify "$folder/$archive" --repo "${repository#https://github.com/}" \
    --cert-identity "$repository/.github/workflows/release.yml@refs/tags/v$version" 2>&1) \
    || fail "GitHub does not attest that its release built $archive: ${fault##*"$line_break"}"
fi

case $unpacker in
  unzip) fault=$(unzip -q -o "$folder/$archive" -d "$folder" 2>&1) ;;
  *) fault=$(tar -xzf "$folder/$archive" -C "$folder" 2>&1) ;;
esac || fail "$archive can't be unpacked: ${fault##*"$line_break"}"
rm -f "$folder/$archive"
program=$folder/$name/$program
"$program" --version >/dev/null 2>&1 || fail "the program of $archive does not run here"
echo "bitrise-dx $version for $target, SHA-256 $actual" >&2
if [ -z "$temporary" ]; then
  echo "$program"
  exit
fi

mkdir -p "$reports" 2>/dev/null || fail "the folder $reports can't be made"
ran=yes
for wait in 60 300 0; do
  code=0
  BITRISE_TOKEN=$token "$program" verify --report "$reports/bitrise-dx.json" \
    --report "$reports/bitrise-dx.html" --report "$reports/bitrise-dx.xml" "$@" || code=$?
  if [ "$code" != 4 ] || [ "$wait" = 0 ] \
    || ! grep -q '^  "retryable": true' "$reports/bitrise-dx.json" 2>/dev/null; then break; fi
  sleep "$wait"
done
exit "$code"
