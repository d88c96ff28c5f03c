#!/usr/bin/env bash
# Drafts a release on GitHub, with the changelog's words and the files of a folder. A draft of an earlier
# try is replaced; a release that is published is left alone.
#
#   usage: draft.sh TAG FOLDER
#   GITHUB_REPOSITORY and GH_TOKEN say where, and let gh do it.
set -euo pipefail

readonly tag=${1:?usage: draft.sh TAG FOLDER} folder=${2:?usage: draft.sh TAG FOLDER}
changelog=$(dirname "${BASH_SOURCE[0]}")/../../CHANGELOG.md

drafts=$(gh release list --repo "$GITHUB_REPOSITORY" --limit 100 --json tagName,isDraft \
  --jq ".[] | select(.tagName == \"$tag\") | .isDraft")
case $drafts in
  *false*)
    echo "$tag is published already; nothing is changed" >&2
    exit 1
    ;;
esac
for _ in $drafts; do
  gh release delete "$tag" --repo "$GITHUB_REPOSITORY" --yes
done

notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
awk -v heading="[${tag#v}]" '$1 == "##" { on = ($2 == heading); next } on' "$changelog" >"$notes"
grep -q . "$notes" || {
  echo "CHANGELOG.md says nothing of ${tag#v}" >&2
  exit 1
}
gh release create "$tag" --repo "$GITHUB_REPOSITORY" --draft --verify-tag --title "$tag" \
  --notes-file "$notes" "$folder"/*
