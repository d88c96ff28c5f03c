#!/usr/bin/env bash
# Runs bitrise-dx for the GitHub action, and hands its answer on: annotations, summary, outputs.
# The token comes in BITRISE_TOKEN, the program's path in PROGRAM, the inputs in their own names.
set -euo pipefail
set +x

# Nothing that is started below inherits the token, but the program that checks it.
token=${BITRISE_TOKEN:-}
unset BITRISE_TOKEN

# shellcheck source=.github/packaging/outcome.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../packaging/outcome.sh"

for input in ALL_APPS PIPELINE_DETAILS FAIL_ON_INCONCLUSIVE FAIL_WITHOUT_TOKEN; do
  case ${!input} in
    true | false) ;;
    *)
      echo "::error title=bitrise-dx::The input $input must be true or false."
      exit 2
      ;;
  esac
done
reports=${REPORT_DIR:-$RUNNER_TEMP/bitrise-dx}
case $reports in
  *$'\n'* | *$'\r'*)
    echo "::error title=bitrise-dx::The input report-dir must be one line."
    exit 2
    ;;
esac
readonly reports
mkdir -p "$reports"
# What an earlier step left must not pass for this run's answer.
rm -f "$reports"/bitrise-dx.json "$reports"/bitrise-dx.md "$reports"/bitrise-dx.html

args=(verify --output=github)
for ending in json md html; do
  args+=("--report=$reports/bitrise-dx.$ending")
done
[ -z "$BASE_URL" ] || args+=("--base-url=$BASE_URL")
[ -z "$SANDBOX" ] || args+=("--sandbox=$SANDBOX")
[ "$ALL_APPS" = false ] || args+=(--all-apps)
[ "$PIPELINE_DETAILS" = false ] || args+=(--pipeline-details)
add_apps "$APPS"

code=0
BITRISE_TOKEN=$token "$PROGRAM" "${args[@]}" </dev/null || code=$?

reason=$(reason_of "$reports/bitrise-dx.json")
{
  echo "verdict=$(verdict_of "$code" "$reports/bitrise-dx.json")"
  echo "reason=$reason"
  echo "exit-code=$code"
  echo "report-dir=$reports"
} >>"$GITHUB_OUTPUT"
if [ -f "$reports/bitrise-dx.md" ]; then
  cat "$reports/bitrise-dx.md" >>"$GITHUB_STEP_SUMMARY"
fi

build=$(build_code "$code" "$reason" "$FAIL_ON_INCONCLUSIVE" "$FAIL_WITHOUT_TOKEN")
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this workflow does not take for a failure."
fi
exit "$build"
