#!/usr/bin/env bash
# Installs bitrise-dx for the GitHub action, and prepares the folder for its reports. The Bitrise token
# is not in the environment of this step: what it may build or unpack never sees it.
set -euo pipefail
set +x

# shellcheck source=.github/actions/verify/outputs.sh
source "$(dirname "${BASH_SOURCE[0]}")/outputs.sh"

check_label

# Prepares a folder. What an earlier step left there must not pass for this run's reports.
prepare() {
  local probe
  case $1 in *$'\n'* | *$'\r'*) return 1 ;; esac
  mkdir -p "$1" && rm -f "$1/$name.json" "$1/$name.md" "$1/$name.html" "$1/$name.xml" \
    && probe=$(mktemp "$1/.bitrise-dx.XXXXXX") && rm -f "$probe"
}

folder=$report_dir
# A name of a folder, not an option of the commands that get it.
case $folder in -*) folder=./$folder ;; esac
# Each use gets a folder of its own, so that two in one job keep theirs.
if [ -z "$folder" ] || ! prepare "$folder"; then
  folder=$(mktemp -d "$RUNNER_TEMP/bitrise-dx.XXXXXX")
  [ -z "$report_dir" ] || annotate warning "Reports can't be written to the folder that the input \
report-dir names. They are in the one that the output report-dir names."
fi
reports=$folder

bring_program "$RUNNER_TEMP/bitrise-dx-program"
printf '%s\n' "program=$program" "reports=$reports" >>"$GITHUB_OUTPUT"
