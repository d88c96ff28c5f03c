#!/usr/bin/env bash
# Runs bitrise-dx for the GitHub action, and hands its answer on: annotations, summary, outputs.
# The token comes in BITRISE_TOKEN; what install.sh prepared, in `program` and `reports`.
set -euo pipefail
set +x

# Nothing that is started below inherits the token, but the program that checks it.
token=${BITRISE_TOKEN:-}
unset BITRISE_TOKEN

# shellcheck source=.github/actions/verify/outputs.sh
source "$(dirname "${BASH_SOURCE[0]}")/outputs.sh"

check_label
base=$reports/$name
check_switches true false all_apps pipeline_details summary fail_on_inconclusive fail_without_token

annotations=$reports/.annotations
verify "$token" action --output=github >"$annotations"
# A step that is told not to fail shows no error.
[ "$build" = "$code" ] || level=warning
sed -E -e "s/^::error /::${level:-error} /" \
  -e "s/^::(error|warning|notice) title=/&${label:+$label · }/" "$annotations"
[ "$code" != 2 ] || [ -f "$base.json" ] || grep -q '^::error ' "$annotations" || complain "$message"
rm -f "$annotations"

hand_on "$verdict" "$reason" "$code" "$message"
if [ "${summary:-true}" = true ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$base.md" ]; then
  cat "$base.md" >>"$GITHUB_STEP_SUMMARY" || annotate warning "The job's summary can't be written."
fi
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this workflow does not take for a failure."
fi
exit "$build"
