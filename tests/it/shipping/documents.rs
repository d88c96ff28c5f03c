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

/// The repository's address, the one place that says it, and its owner and name.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

fn owner_and_name() -> &'static str {
    REPOSITORY.strip_prefix("https://github.com/").unwrap()
}

/// Others' repositories that the documents name.
const OTHERS: [&str; 2] = ["bitrise-io", "rust-lang"];

#[test]
fn every_document_has_the_address_that_the_manifest_has() {
    assert_eq!(env!("CARGO_PKG_HOMEPAGE"), REPOSITORY);
    // Names of images have no capitals.
    let image = owner_and_name().to_lowercase();
    let mut named = 0;
    let mut documents = shipped(&["md", "yml", "sh", "in", "py"]);
    documents.push(root().join("CHANGELOG.md"));
    for path in documents {
        let text = read(&path);
        for (start, wanted) in [
            ("github.com/", owner_and_name()),
            ("uses: ", owner_and_name()),
            ("--repo ", owner_and_name()),
            ("ghcr.io/", image.as_str()),
        ] {
            for after in text.split(start).skip(1) {
                let is_in_name = |c: char| c.is_alphanumeric() || "-_./".contains(c);
                let end = after.find(|c| !is_in_name(c)).unwrap_or(after.len());
                let mut parts = after[..end].split('/');
                let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
                    continue;
                };
                // Actions that workflows use are pinned, as another test demands.
                let is_foreign = OTHERS.contains(&owner) || start == "uses: " && owner == "actions";
                if is_foreign || owner.is_empty() {
                    continue;
                }
                let name = name
                    .strip_suffix(".git")
                    .unwrap_or(name)
                    .trim_end_matches('.');
                let found = format!("{owner}/{name}");
                assert_eq!(found, wanted, "{}: {start}{after:.60}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
    // What needs it reads it.
    for script in ["install.sh", "formula.sh"] {
        let text = read(root().join(".github/packaging").join(script));
        assert!(!text.contains(REPOSITORY), "{script}");
    }
}

#[test]
fn examples_name_this_version() {
    let (repository, image) = (owner_and_name(), owner_and_name().to_lowercase());
    let mut named = 0;
    for path in shipped(&["md", "yml"]) {
        let text = read(&path);
        for start in [
            format!("{repository}/.github/actions/verify@v"),
            format!("{repository}.git@v"),
            format!("ghcr.io/{image}:"),
            "\nversion=".to_owned(),
            "Until v".to_owned(),
        ] {
            for after in text.split(&start).skip(1) {
                let end = after.find([' ', '\n', ':', '`', '\\']).unwrap();
                assert_eq!(&after[..end], VERSION, "{}: {start}", path.display());
                named += 1;
            }
        }
    }
    assert!(named >= 5, "{named}");
}

/// Before there is a release, each document with an example of one says what to write in its place;
/// afterwards none does.
#[test]
fn the_documents_know_whether_there_is_a_release() {
    let changelog = read(root().join("CHANGELOG.md"));
    let is_released = !changelog.contains(&format!("## [{VERSION}] - unreleased"));
    let mut saying = 0;
    for path in shipped(&["md"]) {
        // This one tells how that changes.
        if path.ends_with("CONTRIBUTING.md") {
            continue;
        }
        let text = read(&path);
        let has_example = [format!("@v{VERSION}"), format!("bitrise-dx:{VERSION}")]
            .iter()
            .any(|example| text.contains(example.as_str()));
        let says_so = text.contains(&format!("Until v{VERSION} is out"));
        assert_eq!(says_so, has_example && !is_released, "{}", path.display());
        saying += usize::from(says_so);
    }
    assert!(is_released || saying >= 3, "{saying}");
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
    let script = read(root().join(".github/actions/verify/verify.sh"));
    for name in names(&action, "outputs", "  ") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
        let is_set = match name.strip_prefix("report-") {
            Some(report) if report != "dir" => script.contains(&format!("report_output {report} ")),
            _ => script.contains(&format!("\"{name}=")),
        };
        assert!(is_set, "{name}");
    }
    // An expression in a script would be run as part of it.
    for line in action.lines().filter(|line| line.contains("{ inputs.")) {
        let name = line.trim().split(':').next().unwrap();
        assert!(
            name.chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
            "{line}"
        );
    }

    let step = read(root().join("step.yml"));
    let page = read(root().join(".github/bitrise-step/README.md"));
    let script = read(root().join(".github/bitrise-step/step.sh"));
    for name in names(&step, "inputs", "- ") {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        let is_switch = script.contains(&format!(" {name} "));
        let is_used = script.contains(&format!("${{{name}:-"));
        assert!(is_used, "{name}");
        let has_choice = step.contains(&format!("- {name}: \"yes\"\n"))
            || step.contains(&format!("- {name}: \"no\"\n"));
        assert!(is_switch || !has_choice, "{name} is not looked at");
    }
    for name in names(&step, "outputs", "- ") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
        assert!(script.contains(&format!("output {name} ")), "{name}");
    }
}
