#!/usr/bin/env bash
# The Bitrise Step: installs bitrise-dx, runs it, and puts its answer where Bitrise shows it.
# Inputs come as environment variables of their own names (step.yml). Keeps to bash 3.2, macOS' own.
set -euo pipefail
set +x

# Nothing that is started below inherits the token, but the program that checks it.
token=${bitrise_api_token:-}
unset bitrise_api_token BITRISE_TOKEN

reports=
spelt() { echo "$1"; }
complain() {
  [ -z "$reports" ] || rm -rf "$reports"
  reports=
  echo "$1" >&2
}
# Sets the outputs for the Steps that follow; an empty one too, so that an earlier run's is gone.
hand_on() {
  local output
  command -v envman >/dev/null || {
    echo "There is no envman here, so the outputs are not set." >&2
    return 0
  }
  for output in "VERDICT=$1" "REASON=$2" "EXIT_CODE=$3" "MESSAGE=$4" "REPORT_DIR=$reports"; do
    envman add --no-expand --key "BITRISE_DX_${output%%=*}" --value "${output#*=}" </dev/null >&2 \
      || echo "BITRISE_DX_${output%%=*} could not be set." >&2
  done
}

# shellcheck source=.github/packaging/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/shared.sh"

check_label
check_switches yes no all_apps pipeline_details fail_on_inconclusive fail_without_token annotate

# Prints where the reports go that Bitrise shows: a report's ending, and a path.
places() {
  local ending
  if [ -n "${BITRISE_DEPLOY_DIR:-}" ]; then
    for ending in json md html; do
      echo "$ending $BITRISE_DEPLOY_DIR/$name.$ending"
    done
  fi
  [ -z "${BITRISE_TEST_RESULT_DIR:-}" ] || echo "xml $BITRISE_TEST_RESULT_DIR/$name/$name.xml"
  [ -z "${BITRISE_HTML_REPORT_DIR:-}" ] || echo "html $BITRISE_HTML_REPORT_DIR/$name/index.html"
}
# An earlier build's reports must not pass for this one's.
places | while read -r _ path; do rm -f "$path"; done

# The reports stay after the Step, since an output names their folder; the program does not.
reports=$(mktemp -d "${TMPDIR:-/tmp}/bitrise-dx.XXXXXX")
base=$reports/$name
BITRISE_DX_PROGRAM=${program_path:-} BITRISE_DX_VERSION=${version:-} BITRISE_DX_SHA256=${sha256:-} \
  BITRISE_DX_DOWNLOAD_URL=${download_url:-} bring_program "$reports/program"
verify "$token" step
rm -rf "$reports/program"

# What follows only shows the answer: where it fails, it says so, and the answer stands.
places | while read -r ending path; do
  [ -f "$base.$ending" ] || continue
  { mkdir -p "$(dirname "$path")" && cp "$base.$ending" "$path"; } || echo "$path could not be written."
  [ "$ending" != xml ] || printf '{"test-name":"Bitrise token for DX%s"}\n' "${label:+ ($label)}" \
    >"$(dirname "$path")/test-info.json" || echo "The name of the test could not be written."
done
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
end_build
