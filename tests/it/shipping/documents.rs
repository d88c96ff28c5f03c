//! Workflows, `action.yml`, `step.yml` and their pages, held against each other.

use super::{VERSION, files, read, root};
use std::path::PathBuf;

/// Returns the project's files below `.github` with one of these endings, and `step.yml`.
fn shipped(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = vec![root().join("step.yml"), root().join("README.md")];
    found.extend(files(&root().join(".github")));
    found.retain(|path| {
        let ending = path.extension().unwrap_or_default();
        endings.iter().any(|wanted| ending == *wanted)
    });
    found
}

#[test]
fn every_action_is_pinned_by_its_commit() {
    let mut pinned = 0;
    for path in shipped(&["yml"]) {
        for line in read(&path).lines() {
            let Some((_, used)) = line.split_once("uses: ") else {
                continue;
            };
            // The project's own, from the same commit.
            if used.starts_with("$/") {
                continue;
            }
            let (commit, version) = used
                .split_once('@')
                .and_then(|(_, at)| at.split_once(" # v"))
                .unwrap_or_else(|| panic!("{}: {used}", path.display()));
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit, "{}: {used}", path.display());
            assert!(
                version.split('.').count() == 3,
                "{}: {used}",
                path.display()
            );
            pinned += 1;
        }
    }
    assert!(pinned > 0);
}

#[test]
fn examples_name_this_version() {
    let mut named = 0;
    for path in shipped(&["md", "yml"]) {
        let text = read(&path);
        for start in [
            "bitrise-dx/.github/actions/verify@v",
            "bitrise-dx/bitrise-dx.git@v",
            "ghcr.io/bitrise-dx/bitrise-dx:",
        ] {
            for after in text.split(start).skip(1) {
                let end = after.find([' ', '\n', ':', '`']).unwrap();
                assert_eq!(&after[..end], VERSION, "{}: {start}", path.display());
                named += 1;
            }
        }
    }
    assert!(named >= 5, "{named}");
}

/// Returns the names that stand at one indentation in a section of a YAML file.
fn names(yaml: &str, section: &str, start: &str) -> Vec<String> {
    let inside = yaml
        .lines()
        .skip_while(|line| *line != format!("{section}:"))
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with([' ', '-']));
    let names = inside
        .filter_map(|line| line.strip_prefix(start)?.split_once(':'))
        .filter(|(name, _)| !name.starts_with([' ', '#']))
        .map(|(name, _)| name.to_owned())
        .collect::<Vec<_>>();
    assert!(!names.is_empty(), "{section}");
    names
}

#[test]
fn inputs_and_outputs_are_documented_and_used() {
    let action = read(root().join(".github/actions/verify/action.yml"));
    let page = read(root().join(".github/actions/verify/README.md"));
    for name in names(&action, "inputs", "  ") {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        let used = format!(": ${{{{ inputs.{name} }}}}\n");
        assert_eq!(action.matches(&used).count(), 1, "{name}");
    }
    for name in names(&action, "outputs", "  ") {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        assert!(
            read(root().join(".github/actions/verify/verify.sh")).contains(&format!("{name}=")),
            "{name}"
        );
    }
    // An expression in a script would be run as part of it.
    for line in action.lines().filter(|line| line.contains("inputs.")) {
        let name = line.trim().split(':').next().unwrap();
        assert!(
            name.chars().all(|c| c.is_ascii_uppercase() || c == '_'),
            "{line}"
        );
    }

    let step = read(root().join("step.yml"));
    let page = read(root().join(".github/bitrise-step/README.md"));
    let script = read(root().join(".github/bitrise-step/step.sh"));
    for name in names(&step, "inputs", "- ") {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        assert!(script.contains(&format!("${{{name}:-")), "{name}");
    }
    for name in names(&step, "outputs", "- ") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
        assert!(script.contains(&format!("output {name} ")), "{name}");
    }
}
