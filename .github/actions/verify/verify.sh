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

annotate() {
  echo "::$1 title=bitrise-dx${LABEL:+ ($LABEL)}::$2"
}

# Prints an output that names a report; nothing where there is no such report.
report_output() {
  [ ! -f "$base.$2" ] || echo "report-$1=$base.$2"
}

# Sets the outputs: of a run, those of its report.
output() {
  {
    echo "verdict=$1"
    echo "reason=$2"
    echo "exit-code=$3"
    echo "message=$4"
    echo "dx-error=$(key_of dx_error "$base.json")"
    echo "retryable=$(key_of retryable "$base.json")"
    echo "retry-after-s=$(key_of retry_after_s "$base.json")"
    echo "apps-denied=$(count_of denied "$base.json")"
    report_output json json
    report_output markdown md
    report_output html html
    report_output junit xml
    echo "report-dir=$reports"
  } >>"$GITHUB_OUTPUT"
}

# Ends a run whose inputs can't be used.
refuse() {
  annotate error "$1"
  output not_run invalid_options 2 "$1"
  exit 2
}

# Prepares a folder for reports. What an earlier step left there must not pass for this run's answer.
prepare() {
  local probe
  case $1 in *$'\n'* | *$'\r'*) return 1 ;; esac
  mkdir -p "$1" && rm -f "$1/$name.json" "$1/$name.md" "$1/$name.html" "$1/$name.xml" \
    && probe=$(mktemp "$1/.bitrise-dx.XXXXXX") && rm -f "$probe"
}

reports=
base=/dev/null/none
if ! is_label "$LABEL"; then
  LABEL=
  refuse "The input label can have letters, digits, spaces, dots, dashes and underscores, 60 at most."
fi
name=$(name_of "$LABEL")
readonly name

reports=$REPORT_DIR
# A name of a folder, not an option of the commands that get it.
case $reports in -*) reports=./$reports ;; esac
# Each use gets a folder of its own, so that two in one job keep theirs.
if [ -z "$reports" ] || ! prepare "$reports"; then
  reports=
  folder=$(mktemp -d "$RUNNER_TEMP/bitrise-dx.XXXXXX") || refuse "There is no folder for the reports."
  reports=$folder
  [ -z "$REPORT_DIR" ] \
    || annotate warning "Reports can't be written to the folder that the input report-dir names. They are in the one that the output report-dir names."
fi
base=$reports/$name
readonly reports base

for variable in ALL_APPS PIPELINE_DETAILS SUMMARY FAIL_ON_INCONCLUSIVE FAIL_WITHOUT_TOKEN; do
  case ${!variable} in
    true | false) ;;
    *) refuse "The input $(tr 'A-Z_' 'a-z-' <<<"$variable") must be true or false." ;;
  esac
done

args=(verify --output=github)
for ending in json md html xml; do
  args+=("--report=$base.$ending")
done
[ -z "$BASE_URL" ] || args+=("--base-url=$BASE_URL")
[ -z "$CA_CERT" ] || args+=("--ca-cert=$CA_CERT")
[ -z "$MAX_TIME" ] || args+=("--max-time=$MAX_TIME")
[ -z "$SANDBOX" ] || args+=("--sandbox=$SANDBOX")
[ "$ALL_APPS" = false ] || args+=(--all-apps)
[ "$PIPELINE_DETAILS" = false ] || args+=(--pipeline-details)
add_apps "$APPS"

code=0
annotations=$(BITRISE_DX_CALLER=action BITRISE_TOKEN=$token "$PROGRAM" "${args[@]}" </dev/null) || code=$?
[ -z "$annotations" ] || printf '%s\n' "$annotations" \
  | sed -E "s/^::(error|warning|notice) title=/&${LABEL:+$LABEL · }/"
label_reports "$LABEL" "$base"

message=$(key_of message "$base.json")
if [ "$code" = 2 ] && [ ! -f "$base.json" ]; then
  message="An input has a value that bitrise-dx does not take; the log says which."
  # The program may have said so itself.
  case $annotations in
    ::error* | *$'\n'::error*) ;;
    *) annotate error "$message" ;;
  esac
fi
reason=$(reason_of "$code" "$base.json")
output "$(verdict_of "$code" "$base.json")" "$reason" "$code" "$message"
if [ "$SUMMARY" = true ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$base.md" ]; then
  cat "$base.md" >>"$GITHUB_STEP_SUMMARY" || annotate warning "The job's summary can't be written."
fi

build=$(build_code "$code" "$reason" "$FAIL_ON_INCONCLUSIVE" "$FAIL_WITHOUT_TOKEN")
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this workflow does not take for a failure."
fi
exit "$build"
