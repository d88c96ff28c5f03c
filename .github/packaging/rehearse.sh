#!/usr/bin/env bash
# Installs a release's archive as its users will, from a mirror on this machine, and runs the program.
#
#   usage: rehearse.sh TARGET FOLDER
#   FOLDER is what archive.sh wrote into. Needs Python 3, whose HTTP server is the mirror.
set -euo pipefail

readonly target=${1:?usage: rehearse.sh TARGET FOLDER} folder=${2:?usage: rehearse.sh TARGET FOLDER}
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly packaging

stage=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$stage"' EXIT

archive=$(cd "$folder" && echo bitrise-dx-v*"-$target".*)
version=${archive#bitrise-dx-v}
version=${version%"-$target".*}
mkdir -p "$stage/mirror/v$version"
cp "$folder/$archive" "$stage/mirror/v$version/"
cd "$stage/mirror/v$version"
if command -v sha256sum >/dev/null; then
  sha256sum "$archive" >SHA256SUMS
else
  shasum -a 256 "$archive" >SHA256SUMS
fi

cd "$stage/mirror"
python=python3
command -v python3 >/dev/null || python=python
"$python" -u -m http.server --bind 127.0.0.1 0 >"$stage/server" 2>&1 &
server=$!
port=
while [ -z "$port" ]; do
  kill -0 "$server"
  port=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\) .*/\1/p' "$stage/server")
done

program=$(BITRISE_DX_DOWNLOAD_URL=http://127.0.0.1:$port BITRISE_DX_VERSION=$version \
  BITRISE_DX_TARGET=$target bash "$packaging/install.sh" "$stage/program")
"$program" --version
"$program" verify --quiet --sandbox
