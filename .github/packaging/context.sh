#!/usr/bin/env bash
# Prepares the folder that the container image is built from, out of a release's archives.
#
#   usage: context.sh TAG ARCHIVES FOLDER
set -euo pipefail

usage="usage: context.sh TAG ARCHIVES FOLDER"
readonly tag=${1:?$usage} archives=${2:?$usage} folder=${3:?$usage}

for pair in amd64:x86_64 arm64:aarch64; do
  name=bitrise-dx-$tag-${pair#*:}-unknown-linux-musl
  mkdir -p "$folder/${pair%:*}"
  tar -xzf "$archives/$name.tar.gz" -C "$folder/${pair%:*}" --strip-components 1 "$name/bitrise-dx"
  # The same in both.
  tar -xzf "$archives/$name.tar.gz" -C "$folder" --strip-components 1 \
    "$name/LICENSE-APACHE" "$name/LICENSE-MIT" "$name/THIRD-PARTY-LICENSES.txt"
done
cp "${SSL_ROOTS:-/etc/ssl/certs/ca-certificates.crt}" "$folder/ca-certificates.crt"
