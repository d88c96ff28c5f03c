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

# Sets the outputs: the verdict, the reason and the program's exit code.
output() {
  {
    echo "verdict=$1"
    echo "reason=$2"
    echo "exit-code=$3"
    echo "report-dir=$reports"
  } >>"$GITHUB_OUTPUT"
}

annotate() {
  echo "::$1 title=bitrise-dx::$2"
}

# Ends a run whose inputs can't be used.
refuse() {
  annotate error "$1"
  output not_run invalid_options 2
  exit 2
}

# Prepares a folder for reports. What an earlier step left there must not pass for this run's answer.
prepare() {
  local probe
  case $1 in *$'\n'* | *$'\r'*) return 1 ;; esac
  mkdir -p "$1" && rm -f "$1"/bitrise-dx.json "$1"/bitrise-dx.md "$1"/bitrise-dx.html \
    && probe=$(mktemp "$1/.bitrise-dx.XXXXXX") && rm -f "$probe"
}

reports=${REPORT_DIR:-$RUNNER_TEMP/bitrise-dx}
# A name of a folder, not an option of the commands that get it.
case $reports in -*) reports=./$reports ;; esac
if ! prepare "$reports"; then
  reports=
  folder=$(mktemp -d "$RUNNER_TEMP/bitrise-dx.XXXXXX") || refuse "There is no folder for the reports."
  reports=$folder
  annotate warning "Reports can't be written to the folder that the input report-dir names. They are in the one that the output report-dir names."
fi
readonly reports

for variable in ALL_APPS PIPELINE_DETAILS FAIL_ON_INCONCLUSIVE FAIL_WITHOUT_TOKEN; do
  case ${!variable} in
    true | false) ;;
    *) refuse "The input $(tr 'A-Z_' 'a-z-' <<<"$variable") must be true or false." ;;
  esac
done

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

reason=$(reason_of "$code" "$reports/bitrise-dx.json")
output "$(verdict_of "$code" "$reports/bitrise-dx.json")" "$reason" "$code"
if [ "$code" = 2 ] && [ ! -f "$reports/bitrise-dx.json" ]; then
  annotate error "An input has a value that bitrise-dx does not take; the log says which."
fi
if [ -f "$reports/bitrise-dx.md" ]; then
  cat "$reports/bitrise-dx.md" >>"$GITHUB_STEP_SUMMARY"
fi

build=$(build_code "$code" "$reason" "$FAIL_ON_INCONCLUSIVE" "$FAIL_WITHOUT_TOKEN")
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this workflow does not take for a failure."
fi
exit "$build"
