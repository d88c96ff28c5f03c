#!/usr/bin/env bash
# Prints the Homebrew formula of a release.
#
#   usage: formula.sh VERSION SHA256SUMS
set -euo pipefail

readonly version=${1:?usage: formula.sh VERSION SHA256SUMS}
readonly sums=${2:?usage: formula.sh VERSION SHA256SUMS}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
repository=$(sed -n 's/^repository = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
readonly repository

formula=$(cat "$root/.github/packaging/bitrise-dx.rb.in")
formula=${formula//@URL@/$repository/releases/download/v$version}
formula=${formula//@REPOSITORY@/$repository}
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
