# shellcheck shell=bash
# What a run of bitrise-dx came to. Sourced by the GitHub action and by the Bitrise Step, so it keeps
# to bash 3.2 and to sed.

# Prints what a JSON report says under a key of its top level, which stands two spaces in: a number, true,
# false, or a text with its escapes of quotes and backslashes undone. Nothing for null. Foreign text does
# not get there, since JSON escapes its line breaks.
key_of() {
  [ ! -f "$2" ] || sed -n "s/^  \"$1\": \(.*[^,]\),\{0,1\}\$/\1/p" "$2" | head -n 1 | plain
}

# Prints how many apps a JSON report counts under a key of `apps`, which stands four spaces in.
count_of() {
  [ ! -f "$2" ] || sed -n '/^  "apps": {$/,/^  }/p' "$2" \
    | sed -n "s/^    \"$1\": \([0-9]*\),\{0,1\}\$/\1/p" | head -n 1
}

# Turns a value as JSON writes it into text on one line. Escapes of control characters stay as they are.
plain() {
  sed -e '/^null$/d' -e 's/^"\(.*\)"$/\1/' -e 's/\\\(["\\]\)/\1/g'
}

# Prints the reason of a run, from its report; nothing where it has none. Options that the program
# can't read at all end it with exit code 2 before any report.
reason_of() {
  if [ "$1" = 2 ] && [ ! -f "$2" ]; then
    echo invalid_options
  else
    key_of reason "$2"
  fi
}

# Prints the verdict of a run: of its report, or where it wrote none, of its exit code.
verdict_of() {
  local verdict
  verdict=$(key_of verdict "$2")
  case ${verdict:-$1} in
    0) echo verified ;;
    2) echo not_run ;;
    3) echo invalid_credentials ;;
    4) echo inconclusive ;;
    5) echo invalid_permissions ;;
    6) echo no_resources ;;
    *[!a-z_]*) ;;
    *) echo "$verdict" ;;
  esac
}

# Prints the exit code that the build gets for the program's: "true" or "false" for whether an
# inconclusive run fails it, and the same for a run that had no token.
build_code() {
  local code=$1 reason=$2 on_inconclusive=$3 without_token=$4
  case $code-$reason in
    4-*) [ "$on_inconclusive" = true ] || code=0 ;;
    2-token_missing) [ "$without_token" = true ] || code=0 ;;
  esac
  echo "$code"
}

# Adds --app options to the array `args`, one for each app in a text: separated by white space, commas
# or, as in Bitrise's Steps, by “|”.
add_apps() {
  local app
  while read -r app; do
    [ -z "$app" ] || args+=("--app=$app")
  done <<<"$(printf '%s' "$1" | tr -s '[:space:],|' '\n')"
}

# Tells whether a text can be a label: it stands in titles, names of files and XML, so it has no
# character that would need escaping in any of them.
is_label() {
  local LC_ALL=C
  case $1 in *[!0-9A-Za-z\ ._-]*) return 1 ;; esac
  [ "${#1}" -le 60 ]
}

# Prints a name for files: bitrise-dx, or with a label, bitrise-dx-LABEL with dashes for its spaces.
name_of() {
  echo "bitrise-dx${1:+-${1// /-}}"
}

# Writes a label into a JUnit report's names of suites and above a Markdown report. The files keep their
# permissions.
label_reports() {
  [ -n "$1" ] || return 0
  if [ -f "$2.xml" ]; then
    sed -E "s/^( *<testsuites? name=\"[^\"]*)\"/\\1 ($1)\"/" "$2.xml" >"$2.labelled"
    cat "$2.labelled" >"$2.xml"
  fi
  if [ -f "$2.md" ]; then
    { printf '# %s\n\n' "$1" && cat "$2.md"; } >"$2.labelled"
    cat "$2.labelled" >"$2.md"
  fi
  rm -f "$2.labelled"
}
