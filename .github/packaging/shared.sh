# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the scripts that source this set and use the rest
# What the GitHub action and the Bitrise Step share. Sourced by their scripts, so it keeps to bash 3.2
# and to sed. The inputs are variables of the Step's names; each script has its own
#   hand_on VERDICT REASON EXIT_CODE MESSAGE   to set the outputs, and
#   complain MESSAGE                           to show why there is no run.
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly packaging
label=${label:-} name=bitrise-dx

# Ends a run that could not be made: a reason, and one line that says why.
refuse() {
  trap - EXIT
  complain "$2"
  hand_on not_run "$1" 2 "$2" || true
  exit 2
}

# An exit code of some command would pass for a verdict on the token.
trap 'code=$?; [ "$code" = 0 ] || refuse not_installed "A command of this step ended with exit code $code."' EXIT

# Sets `name` to the name of files: bitrise-dx, or bitrise-dx-LABEL with dashes for its spaces. A label
# stands in titles, names of files and XML, so it has no character that would need escaping there.
check_label() {
  local LC_ALL=C allowed='^[0-9A-Za-z ._-]{0,60}$'
  [[ $label =~ $allowed ]] || {
    label=
    refuse invalid_options \
      "The input label can have letters, digits, spaces, dots, dashes and underscores, 60 at most."
  }
  [ -z "$label" ] || name=bitrise-dx-${label// /-}
}

# Checks that inputs hold one of two words, or nothing.
check_switches() {
  local yes=$1 no=$2 input
  shift 2
  for input in "$@"; do
    case ${!input:-} in
      "$yes" | "$no" | "") ;;
      *) refuse invalid_options "The input $(spelt "$input") must be $yes or $no." ;;
    esac
  done
}

# Sets `program` to the path of the program, which is brought below a folder. The last line that the
# script says is its own; what it ran may have said more before.
bring_program() {
  local said ended=0
  said=$(BITRISE_DX_CA_CERT=${ca_cert:-} bash "$packaging/install.sh" "$1" 2>&1 </dev/null) || ended=$?
  program=${said##*$'\n'}
  case $said in *$'\n'*) printf '%s\n' "${said%$'\n'*}" >&2 ;; esac
  [ "$ended" = 0 ] || refuse not_installed "${program%$'\r'}"
}

# Prints what a JSON report says under a key of its top level, which stands two spaces in, with its
# escapes of quotes and backslashes undone; nothing for null. Foreign text does not get there, since
# JSON escapes its line breaks.
key_of() {
  [ ! -f "$base.json" ] \
    || sed -n "/^  \"$1\": \"/{s/^[^:]*: \"\(.*\)\",\{0,1\}\$/\1/;s/\\\\\([\"\\\\]\)/\1/g;p;q;}" "$base.json"
}

# Runs the program with a token, options of its own in front, and reports at $base. Sets `code`,
# `verdict`, `reason` and `message`, and `build` to the exit code that the build gets.
verify() {
  local token=$1 caller=$2 ending app
  shift 2
  set -- verify "$@"
  for ending in json md html xml; do
    set -- "$@" "--report=$base.$ending"
  done
  [ -z "${base_url:-}" ] || set -- "$@" "--base-url=$base_url"
  [ -z "${ca_cert:-}" ] || set -- "$@" "--ca-cert=$ca_cert"
  [ -z "${max_time:-}" ] || set -- "$@" "--max-time=$max_time"
  [ -z "${sandbox:-}" ] || set -- "$@" "--sandbox=$sandbox"
  is_off "${all_apps:-no}" || set -- "$@" --all-apps
  is_off "${pipeline_details:-no}" || set -- "$@" --pipeline-details
  # Apps are separated by white space, commas or, as in Bitrise's Steps, by “|”.
  while read -r app; do
    [ -z "$app" ] || set -- "$@" "--app=$app"
  done <<<"$(printf '%s' "${app_slug_list:-}" | tr -s '[:space:],|' '\n')"

  code=0
  BITRISE_DX_CALLER=$caller BITRISE_TOKEN=$token "$program" "$@" </dev/null || code=$?
  trap - EXIT
  verdict=$(key_of verdict) reason=$(key_of reason) message=$(key_of message)
  if [ "$code" = 2 ] && [ -z "$verdict" ]; then
    verdict=not_run reason=invalid_options
    message="An input has a value that bitrise-dx does not take; the log says which."
  fi
  build=$code
  case $code-$reason in
    4-*) ! is_off "${fail_on_inconclusive:-yes}" || build=0 ;;
    2-token_missing) ! is_off "${fail_without_token:-yes}" || build=0 ;;
  esac
  [ -z "$label" ] || label_reports
}

# Tells whether an input says no.
is_off() { case $1 in no | false) ;; *) return 1 ;; esac }

# Writes the label into the JUnit report's names of suites and above the Markdown report. The files keep
# their permissions.
label_reports() {
  local file text
  for file in "$base.xml" "$base.md"; do
    [ -f "$file" ] || continue
    text=$(sed -E "s/^( *<testsuites? name=\"[^\"]*)\"/\\1 ($label)\"/" "$file")
    case $file in *.md) text="# $label"$'\n\n'"$text" ;; esac
    printf '%s\n' "$text" >"$file"
  done
}

# Ends with the exit code that the build gets, which may not be the program's.
end_build() {
  [ "$build" = "$code" ] \
    || echo "bitrise-dx ended with exit code $code ($reason), which is not to be taken for a failure here."
  exit "$build"
}
