#!/usr/bin/env bash
# The GitHub action, in two steps: `action.sh install` brings the program and prepares the folder for its
# reports; `action.sh verify` runs it and hands its answer on, as annotations, summary and outputs. The
# first has no Bitrise token in its environment: what it may build or unpack never sees it.
set -euo pipefail
set +x

# Nothing that is started below inherits the token, but the program that checks it.
token=${BITRISE_TOKEN:-}
unset BITRISE_TOKEN

reports=${reports:-}
annotate() { echo "::$1 title=bitrise-dx${label:+ ($label)}::${2//%/%25}"; }
complain() { annotate error "$1"; }
hand_on() {
  printf '%s\n' "verdict=$1" "reason=$2" "exit-code=$3" "message=$4" "report-dir=$reports" \
    >>"$GITHUB_OUTPUT"
}
spelt() { echo "${1//_/-}"; }

# shellcheck source=.github/packaging/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/shared.sh"

check_label
if [ "$1" = install ]; then
  # Each use gets a folder of its own, so that two in one job keep theirs.
  folder=${report_dir:-$(mktemp -d "$RUNNER_TEMP/bitrise-dx.XXXXXX")}
  # A name of a folder, not an option of the commands that get it.
  case $folder in -*) folder=./$folder ;; esac
  # What an earlier step left there must not pass for this run's reports.
  { [[ $folder != *[$'\n\r']* ]] && mkdir -p "$folder" && rm -f "$folder/$name".{json,md,html,xml}; } \
    || refuse invalid_options "The input report-dir names no folder that reports can be written to."
  bring_program "$RUNNER_TEMP/bitrise-dx-program"
  printf '%s\n' "program=$program" "reports=$folder" >>"$GITHUB_OUTPUT"
  exit
fi

base=$reports/$name
check_switches true false all_apps pipeline_details summary fail_on_inconclusive fail_without_token
annotations=$(mktemp "$RUNNER_TEMP/bitrise-dx.XXXXXX")
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
end_build
