//! Workflows, `action.yml`, `step.yml` and their pages, held against each other.

use super::{VERSION, files, read, root};
use crate::support::has;
use std::path::PathBuf;

/// Returns the project's files below `.github` with one of these endings, and those at the top.
fn shipped(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = ["action.yml", "step.yml", "README.md"]
        .map(|name| root().join(name))
        .to_vec();
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
            if used.starts_with("./ ") {
                continue;
            }
            let at = used
                .split_once('@')
                .and_then(|(_, at)| at.split_once(" # v"));
            let (commit, version) = at.unwrap_or_else(|| panic!("{}: {used}", path.display()));
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            let is_pinned = is_commit && version.split('.').count() == 3;
            assert!(is_pinned, "{}: {used}", path.display());
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
    let mut documents = shipped(&["md", "yml", "sh", "py"]);
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
                if is_foreign || owner.is_empty() || owner == "." {
                    continue;
                }
                let name = name.trim_end_matches(".git").trim_end_matches('.');
                let found = format!("{owner}/{name}");
                assert_eq!(found, wanted, "{}: {start}{after:.60}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn examples_name_this_version() {
    let (repository, image) = (owner_and_name(), owner_and_name().to_lowercase());
    let mut named = 0;
    for path in shipped(&["md", "yml", "sh"]) {
        let text = read(&path);
        for start in [
            format!("uses: {repository}@"),
            format!("{repository}.git@v"),
            format!("ghcr.io/{image}:"),
            "download/v".to_owned(),
            "bitrise-dx-v".to_owned(),
            "refs/tags/v".to_owned(),
            "\nversion=".to_owned(),
            "Until v".to_owned(),
        ] {
            for after in text.split(&start).skip(1) {
                // The action is pinned by the release's commit, once there is one.
                let after = after.split_once(" # ").map_or(after, |(commit, version)| {
                    if commit.len() == 40 { version } else { after }
                });
                let version = after.trim_start_matches('v');
                if version.starts_with(|c: char| c.is_ascii_digit()) {
                    let is_this = version.starts_with(VERSION);
                    assert!(is_this, "{}: {after:.40}", path.display());
                    named += 1;
                }
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
        let mut starts = ["@v", "bitrise-dx:", "# v"].into_iter();
        let has_example = starts.any(|start| text.contains(&format!("{start}{VERSION}")));
        let says_so = text.contains(&format!("Until v{VERSION} is out"));
        assert_eq!(says_so, has_example && !is_released, "{}", path.display());
        saying += usize::from(says_so);
    }
    assert!(is_released || saying >= 2, "{saying}");
}

/// Returns the names that stand at one indentation in a section of a YAML file.
fn names(yaml: &str, section: &str, start: &str) -> Vec<String> {
    let (_, inside) = yaml.split_once(&format!("\n{section}:\n")).unwrap();
    let lines = inside.lines();
    let inside = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '-']));
    let names = inside.filter_map(|line| line.strip_prefix(start)?.split_once(':'));
    let names = names.filter(|(name, _)| !name.starts_with([' ', '#']));
    let names: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
    assert!(!names.is_empty(), "{section}");
    names
}

#[test]
fn inputs_and_outputs_are_described_and_used() {
    let action = read(root().join("action.yml"));
    let [shared, of_action, of_step] = ["shared", "action", "step"]
        .map(|name| read(root().join(format!(".github/packaging/{name}.sh"))));
    let scripts = of_action + &shared;
    let (_, steps) = action.split_once("\nruns:\n").unwrap();
    for name in names(&action, "inputs", "  ") {
        has(steps, &format!("{{{{ inputs.{name} }}}}\n"));
    }
    for line in steps.lines().filter(|line| line.contains("{ inputs.")) {
        // An expression in a script would be run as part of it.
        let (variable, _) = line.trim().split_once(": $").unwrap();
        let is_variable = |c: char| c.is_ascii_alphabetic() || "_256".contains(c);
        assert!(variable.chars().all(is_variable), "{line}");
        let is_used = scripts.contains(variable) || variable.starts_with("BITRISE_DX_");
        assert!(is_used, "{variable}");
    }
    for name in names(&action, "outputs", "  ") {
        has(&scripts, &format!("\"{name}=$"));
    }
    // The Marketplace's demands.
    for key in ["name: ", "description: ", "branding:\n  icon: "] {
        has(&action, key);
    }

    let step = read(root().join("step.yml"));
    let scripts = of_step + &shared;
    for name in names(&step, "inputs", "- ") {
        let is_used = scripts.contains(&format!("${{{name}:-")) || name == "label";
        assert!(is_used, "{name}");
        let among = |text: &str, forms: [String; 2]| forms.iter().any(|form| text.contains(form));
        let is_switch = among(&scripts, [format!(" {name} "), format!(" {name}\n")]);
        let choices = ["yes", "no"].map(|choice| format!("- {name}: \"{choice}\"\n"));
        let has_choice = among(&step, choices);
        assert!(is_switch || !has_choice, "{name} is not looked at");
    }
    for name in names(&step, "outputs", "- ") {
        let output = name.trim_start_matches("BITRISE_DX_");
        has(&scripts, &format!("\"{output}=$"));
    }
}
