# shellcheck shell=bash
# What a run of bitrise-dx came to. Sourced by the GitHub action and by the Bitrise Step.

# Prints what a JSON report says under a key of its top level, which stands two spaces in. Foreign text
# does not get there, since JSON escapes its line breaks.
key_of() {
  [ ! -f "$2" ] || sed -n "s/^  \"$1\": \"\([a-z_]*\)\",\{0,1\}\$/\1/p" "$2" | head -n 1
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

# Adds --app options to the array `args`, one for each slug in a text.
add_apps() {
  local slug
  while read -r slug; do
    [ -z "$slug" ] || args+=("--app=$slug")
  done <<<"$(printf '%s' "$1" | tr -s '[:space:],' '\n')"
}
