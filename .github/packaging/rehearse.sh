#!/usr/bin/env bash
# Installs a release's archive as its users will, from a mirror on this machine, and runs the program.
#
#   usage: rehearse.sh TARGET FOLDER
#   FOLDER is what archive.sh wrote into.
set -euo pipefail

readonly target=${1:?usage: rehearse.sh TARGET FOLDER} folder=${2:?usage: rehearse.sh TARGET FOLDER}
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$(cd "$folder" && echo bitrise-dx-v*"-$target".*)
version=${archive#bitrise-dx-v}
version=${version%"-$target".*}

# Windows removes nothing that is still in use, and that must not be the script's own fault.
stage=$(mktemp -d)
trap 'rm -rf "$stage" || true' EXIT
mkdir -p "$stage/mirror/v$version"
cp "$folder/$archive" "$stage/mirror/v$version/"
hasher=sha256sum
command -v sha256sum >/dev/null || hasher='shasum -a 256'
(cd "$stage/mirror/v$version" && $hasher "$archive" >SHA256SUMS)
mirror=$stage/mirror
! command -v cygpath >/dev/null || mirror=/$(cygpath -m "$mirror")
program=$(BITRISE_DX_DOWNLOAD_URL=file://$mirror BITRISE_DX_VERSION=$version \
  BITRISE_DX_TARGET=$target bash "$packaging/install.sh" "$stage/program")
"$program" --version
"$program" verify --quiet --sandbox
