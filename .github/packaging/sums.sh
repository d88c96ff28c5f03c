#!/usr/bin/env bash
# Writes what belongs to a release beside its archives: their checksums, and the Homebrew formula.
#
#   usage: sums.sh VERSION FOLDER
#   Writes FOLDER/SHA256SUMS and FOLDER/bitrise-dx.rb for the FOLDER/bitrise-dx-* that are there.
set -euo pipefail

readonly version=${1:?usage: sums.sh VERSION FOLDER} folder=${2:?usage: sums.sh VERSION FOLDER}
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cd "$folder"
if command -v sha256sum >/dev/null; then
  sha256sum bitrise-dx-* >SHA256SUMS
else
  shasum -a 256 bitrise-dx-* >SHA256SUMS
fi
"$packaging/formula.sh" "$version" SHA256SUMS >bitrise-dx.rb
