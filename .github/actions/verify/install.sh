#!/usr/bin/env bash
# Installs bitrise-dx for the GitHub action. The token is not in the environment of this step: what it
# may build or unpack never sees it. Where there is no program in the end, the action's outputs and an
# annotation say so.
set -euo pipefail
set +x

faults=$(mktemp "${RUNNER_TEMP:-/tmp}/bitrise-dx.XXXXXX")
readonly faults
trap 'rm -f "$faults"' EXIT

code=0
program=$(bash "$(dirname "${BASH_SOURCE[0]}")/../../packaging/install.sh" \
  "$RUNNER_TEMP/bitrise-dx-program" 2>"$faults") || code=$?
cat "$faults" >&2
if [ "$code" = 0 ]; then
  echo "program=$program" >>"$GITHUB_OUTPUT"
  exit
fi

# The last line is the script's own; what it ran may have said more before.
message=$(tail -n 1 "$faults" | tr -d '\r')
[ -n "$message" ] || message="bitrise-dx can't be installed; the log says why."
escaped=${message//%/%25}
echo "::error title=bitrise-dx::$escaped"
{
  echo "verdict=not_run"
  echo "reason=not_installed"
  echo "exit-code=2"
  echo "message=$message"
  echo "retryable=false"
} >>"$GITHUB_OUTPUT"
exit 2
