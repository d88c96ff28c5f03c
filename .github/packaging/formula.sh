#!/usr/bin/env bash
# Prints the Homebrew formula of a release.
#
#   usage: formula.sh VERSION SHA256SUMS
set -euo pipefail

readonly version=${1:?usage: formula.sh VERSION SHA256SUMS}
readonly sums=${2:?usage: formula.sh VERSION SHA256SUMS}
readonly url=https://github.com/bitrise-dx/bitrise-dx/releases/download/v$version

formula=$(cat "$(dirname "${BASH_SOURCE[0]}")/bitrise-dx.rb.in")
formula=${formula//@URL@/$url}
formula=${formula//@VERSION@/$version}
for target in {aarch64,x86_64}-{apple-darwin,unknown-linux-musl}; do
  archive=bitrise-dx-v$version-$target.tar.gz
  sum=$(sed -n "s/^\([^ ]*\) [ *]${archive//./\\.}\$/\1/p" "$sums")
  [[ $sum =~ ^[0-9a-f]{64}$ ]] || {
    echo "$sums does not name $archive once, with its SHA-256" >&2
    exit 1
  }
  formula=${formula//@$target@/$sum}
done
printf '%s\n' "$formula"
