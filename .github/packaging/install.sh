#!/usr/bin/env bash
# Brings the program onto a machine for the GitHub action and the Bitrise Step, and prints its path: the
# one at BITRISE_DX_PROGRAM, a build of the source that this script came with, or that of a release.
#
#   usage: install.sh FOLDER
#   BITRISE_DX_PROGRAM  use this program, whatever its version
#   BITRISE_DX_VERSION  such as 0.1.0, or "source" to build; default: the source's own version
#   For a release, see ../ci/bitrise-dx.sh.
#
# Ends with 2 and a last line that says why, if there is no program. Keeps to bash 3.2, macOS' own.
set -euo pipefail
set +x

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
folder=${1:?usage: install.sh FOLDER}
! command -v cygpath >/dev/null || folder=$(cygpath -u "$folder")
fail() {
  echo "bitrise-dx can't be installed: $*" >&2
  exit 2
}

if [ -n "${BITRISE_DX_PROGRAM:-}" ]; then
  [ -x "$BITRISE_DX_PROGRAM" ] || fail "$BITRISE_DX_PROGRAM is not a program"
  echo "$BITRISE_DX_PROGRAM"
elif [ "${BITRISE_DX_VERSION:-}" = source ]; then
  [ -z "${BITRISE_DX_SHA256:-}" ] || fail "what is built has none of the wanted SHA-256 sums"
  command -v cargo >/dev/null || fail "there is no cargo to build it with"
  # Build scripts of dependencies are run: they get nobody's token.
  env -u GH_TOKEN -u GITHUB_TOKEN cargo build --quiet --release --locked \
    --manifest-path "$root/Cargo.toml" --target-dir "$folder/build" >&2 || fail "the build failed"
  program=$folder/build/release/bitrise-dx
  [ ! -f "$program.exe" ] || program=$program.exe
  echo "$program"
else
  exec sh "$root/.github/ci/bitrise-dx.sh" --install "$folder"
fi
