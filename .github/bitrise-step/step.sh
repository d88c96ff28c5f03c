#!/usr/bin/env bash
# The Bitrise Step: installs bitrise-dx, runs it, and puts its answer where Bitrise shows it.
# Inputs come as environment variables of their own names (step.yml). Keeps to bash 3.2, macOS' own.
set -euo pipefail
set +x

# Nothing that is started below inherits the token, but the program that checks it.
token=${bitrise_api_token:-}
unset bitrise_api_token BITRISE_TOKEN

packaging=$(dirname "${BASH_SOURCE[0]}")/../packaging
readonly packaging
# shellcheck source=.github/packaging/outcome.sh
source "$packaging/outcome.sh"

# Reports stay after the Step, since its outputs name them.
reports=$(mktemp -d "${TMPDIR:-/tmp}/bitrise-dx.XXXXXX")
readonly reports

# Hands a value to the Steps that follow; an empty one too, so that an earlier run's is gone.
output() {
  envman add --no-expand --key "$1" --value "$2" </dev/null || echo "$1 could not be set."
}

# Prints a report's path, if there is one.
path_of() {
  [ ! -f "$1" ] || echo "$1"
}

# Sets the outputs: the verdict, the reason, the program's exit code and the reports that there are.
hand_on() {
  if command -v envman >/dev/null; then
    output BITRISE_DX_VERDICT "$1"
    output BITRISE_DX_REASON "$2"
    output BITRISE_DX_EXIT_CODE "$3"
    output BITRISE_DX_REPORT_JSON "$(path_of "$reports/bitrise-dx.json")"
    output BITRISE_DX_REPORT_MARKDOWN "$(path_of "$reports/bitrise-dx.md")"
    output BITRISE_DX_REPORT_HTML "$(path_of "$reports/bitrise-dx.html")"
  else
    echo "There is no envman here, so the outputs are not set."
  fi
}

# Prints true or false for an input of yes or no. Any other ends the Step, and its outputs say so.
chosen() {
  case $2 in
    yes) echo true ;;
    no) echo false ;;
    *)
      echo "The input $1 must be yes or no." >&2
      hand_on not_run invalid_options 2 >&2
      return 2
      ;;
  esac
}
all_apps=$(chosen all_apps "${all_apps:-no}")
pipeline_details=$(chosen pipeline_details "${pipeline_details:-no}")
fail_on_inconclusive=$(chosen fail_on_inconclusive "${fail_on_inconclusive:-yes}")
fail_without_token=$(chosen fail_without_token "${fail_without_token:-yes}")
annotate=$(chosen annotate "${annotate:-yes}")

program=$(BITRISE_DX_PROGRAM=${program_path:-} BITRISE_DX_VERSION=${version:-} \
  BITRISE_DX_DOWNLOAD_URL=${download_url:-} bash "$packaging/install.sh" "$reports/program")

args=(verify)
for ending in json md html xml; do
  args+=("--report=$reports/bitrise-dx.$ending")
done
[ -z "${base_url:-}" ] || args+=("--base-url=$base_url")
[ -z "${sandbox:-}" ] || args+=("--sandbox=$sandbox")
[ "$all_apps" = false ] || args+=(--all-apps)
[ "$pipeline_details" = false ] || args+=(--pipeline-details)
add_apps "${apps:-}"

code=0
BITRISE_TOKEN=$token "$program" "${args[@]}" </dev/null || code=$?
verdict=$(verdict_of "$code" "$reports/bitrise-dx.json")
reason=$(reason_of "$code" "$reports/bitrise-dx.json")

# What follows only shows the answer: where it fails, it says so, and the answer stands.

# Copies a report, if there is one and a place for it.
place() {
  [ -f "$1" ] || return 0
  { mkdir -p "$(dirname "$2")" && cp "$1" "$2"; } || echo "$2 could not be written."
}

if [ -n "${BITRISE_DEPLOY_DIR:-}" ]; then
  for ending in json md html; do
    place "$reports/bitrise-dx.$ending" "$BITRISE_DEPLOY_DIR/bitrise-dx.$ending"
  done
fi
if [ -n "${BITRISE_TEST_RESULT_DIR:-}" ]; then
  printf '{"test-name":"Bitrise token for DX"}\n' >"$reports/test-info.json"
  place "$reports/bitrise-dx.xml" "$BITRISE_TEST_RESULT_DIR/bitrise-dx/bitrise-dx.xml"
  place "$reports/test-info.json" "$BITRISE_TEST_RESULT_DIR/bitrise-dx/test-info.json"
fi
if [ -n "${BITRISE_HTML_REPORT_DIR:-}" ]; then
  place "$reports/bitrise-dx.html" "$BITRISE_HTML_REPORT_DIR/bitrise-dx/index.html"
fi

hand_on "$verdict" "$reason" "$code"

if [ "$annotate" = true ] && [ -n "${BITRISE_BUILD_SLUG:-}" ] && [ -f "$reports/bitrise-dx.md" ]; then
  case $verdict in
    verified) style=info ;;
    inconclusive | not_run) style=warning ;;
    *) style=error ;;
  esac
  bitrise :annotations annotate --style "$style" --context bitrise-dx <"$reports/bitrise-dx.md" \
    || echo "The build is not annotated: is the annotations plugin installed?"
fi

build=$(build_code "$code" "$reason" "$fail_on_inconclusive" "$fail_without_token")
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this Step is set not to take for a failure."
fi
exit "$build"
