# shellcheck shell=bash
# How the GitHub action shows what came of it. Sourced by its two scripts.

# shellcheck source=.github/packaging/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../packaging/shared.sh"
reports=${reports:-}

annotate() { echo "::$1 title=bitrise-dx${label:+ ($label)}::${2//%/%25}"; }
complain() { annotate error "$1"; }
hand_on() {
  printf '%s\n' "verdict=$1" "reason=$2" "exit-code=$3" "message=$4" "report-dir=$reports" \
    >>"$GITHUB_OUTPUT"
}
spelt() { echo "${1//_/-}"; }
