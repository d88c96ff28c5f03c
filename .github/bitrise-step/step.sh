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

# Sets the outputs: the verdict, the reason, the exit code, the message, and what the reports say.
hand_on() {
  if command -v envman >/dev/null; then
    output BITRISE_DX_VERDICT "$1"
    output BITRISE_DX_REASON "$2"
    output BITRISE_DX_EXIT_CODE "$3"
    output BITRISE_DX_MESSAGE "$4"
    output BITRISE_DX_ERROR "$(key_of dx_error "$base.json")"
    output BITRISE_DX_RETRYABLE "$(key_of retryable "$base.json")"
    output BITRISE_DX_RETRY_AFTER_S "$(key_of retry_after_s "$base.json")"
    output BITRISE_DX_APPS_DENIED "$(count_of denied "$base.json")"
    output BITRISE_DX_REPORT_JSON "$(path_of "$base.json")"
    output BITRISE_DX_REPORT_MARKDOWN "$(path_of "$base.md")"
    output BITRISE_DX_REPORT_HTML "$(path_of "$base.html")"
    output BITRISE_DX_REPORT_JUNIT "$(path_of "$base.xml")"
  else
    echo "There is no envman here, so the outputs are not set."
  fi
}

# Ends a run that could not be made, for a reason that the outputs name.
refuse() {
  echo "$2" >&2
  hand_on not_run "$1" 2 "$2" >&2
  exit 2
}

label=${label:-}
base=$reports/none
is_label "$label" || refuse invalid_options \
  "The input label can have letters, digits, spaces, dots, dashes and underscores, 60 at most."
name=$(name_of "$label")
base=$reports/$name
readonly name base

for variable in all_apps pipeline_details fail_on_inconclusive fail_without_token annotate; do
  case ${!variable:-} in
    yes | no | "") ;;
    *) refuse invalid_options "The input $variable must be yes or no." ;;
  esac
done

# The last line is the script's own; what it ran may have said more before.
program=$(BITRISE_DX_PROGRAM=${program_path:-} BITRISE_DX_VERSION=${version:-} \
  BITRISE_DX_DOWNLOAD_URL=${download_url:-} BITRISE_DX_SHA256=${sha256:-} \
  bash "$packaging/install.sh" "$reports/program" 2>"$reports/faults") || {
  sed '$d' "$reports/faults" >&2
  refuse not_installed "$(tail -n 1 "$reports/faults")"
}
cat "$reports/faults" >&2

args=(verify)
for ending in json md html xml; do
  args+=("--report=$base.$ending")
done
[ -z "${base_url:-}" ] || args+=("--base-url=$base_url")
[ -z "${ca_cert:-}" ] || args+=("--ca-cert=$ca_cert")
[ -z "${max_time:-}" ] || args+=("--max-time=$max_time")
[ -z "${sandbox:-}" ] || args+=("--sandbox=$sandbox")
[ "${all_apps:-no}" = no ] || args+=(--all-apps)
[ "${pipeline_details:-no}" = no ] || args+=(--pipeline-details)
add_apps "${app_slug_list:-}"

code=0
BITRISE_DX_CALLER=step BITRISE_TOKEN=$token "$program" "${args[@]}" </dev/null || code=$?
label_reports "$label" "$base"
verdict=$(verdict_of "$code" "$base.json")
reason=$(reason_of "$code" "$base.json")
message=$(key_of message "$base.json")
if [ "$code" = 2 ] && [ ! -f "$base.json" ]; then
  message="An input has a value that bitrise-dx does not take; the log says which."
fi

# What follows only shows the answer: where it fails, it says so, and the answer stands.

# Copies a report, if there is one and a place for it.
place() {
  [ -f "$1" ] || return 0
  { mkdir -p "$(dirname "$2")" && cp "$1" "$2"; } || echo "$2 could not be written."
}

if [ -n "${BITRISE_DEPLOY_DIR:-}" ]; then
  for ending in json md html; do
    place "$base.$ending" "$BITRISE_DEPLOY_DIR/$name.$ending"
  done
fi
if [ -n "${BITRISE_TEST_RESULT_DIR:-}" ]; then
  printf '{"test-name":"Bitrise token for DX%s"}\n' "${label:+ ($label)}" >"$reports/test-info.json"
  place "$base.xml" "$BITRISE_TEST_RESULT_DIR/$name/$name.xml"
  place "$reports/test-info.json" "$BITRISE_TEST_RESULT_DIR/$name/test-info.json"
fi
if [ -n "${BITRISE_HTML_REPORT_DIR:-}" ]; then
  place "$base.html" "$BITRISE_HTML_REPORT_DIR/$name/index.html"
fi

hand_on "$verdict" "$reason" "$code" "$message"

if [ "${annotate:-yes}" = yes ] && [ -n "${BITRISE_BUILD_SLUG:-}" ] && [ -f "$base.md" ]; then
  case $verdict in
    verified) style=info ;;
    inconclusive | not_run) style=warning ;;
    *) style=error ;;
  esac
  bitrise :annotations annotate --style "$style" --context "$name" <"$base.md" \
    || echo "The build is not annotated: is the annotations plugin installed?"
fi

# Prints true for an input of yes.
truth() {
  if [ "$1" = yes ]; then echo true; else echo false; fi
}
build=$(build_code "$code" "$reason" \
  "$(truth "${fail_on_inconclusive:-yes}")" "$(truth "${fail_without_token:-yes}")")
if [ "$build" != "$code" ]; then
  echo "bitrise-dx ended with exit code $code ($reason), which this Step is set not to take for a failure."
fi
exit "$build"
