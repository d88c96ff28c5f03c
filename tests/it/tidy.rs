//! The house: directions of dependency, examples in the documents, and what must not be there.

use crate::support::process::Program;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// Returns the name of the top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    inner
        .iter()
        .next()
        .unwrap()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// Returns a file's code, without its unit tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What each module may use of the others; `cli`, `lib` and `main` may use everything, and `build`
/// is no part of the program.
const MAY_USE: [(&str, &[&str]); 18] = [
    (
        "api",
        &[
            "app", "base_url", "exchange", "plan", "redact", "text", "token", "wire",
        ],
    ),
    ("app", &["text"]),
    ("base_url", &["token"]),
    ("check", &["app", "exchange", "text", "token", "verdict"]),
    ("classify", &["exchange", "verdict", "wire"]),
    (
        "diagnosis",
        &[
            "app", "check", "exchange", "report", "text", "token", "verdict",
        ],
    ),
    ("exchange", &["text", "wire"]),
    (
        "guide",
        &[
            "app", "check", "exchange", "report", "text", "token", "verdict",
        ],
    ),
    ("plan", &["app", "base_url", "redact", "token", "verdict"]),
    ("redact", &[]),
    (
        "render",
        &[
            "app", "check", "exchange", "guide", "report", "text", "token", "verdict",
        ],
    ),
    (
        "report",
        &["app", "check", "plan", "text", "token", "verdict"],
    ),
    ("sandbox", &[]),
    ("text", &[]),
    ("token", &["redact"]),
    ("verdict", &[]),
    (
        "verify",
        &[
            "api", "app", "check", "classify", "exchange", "plan", "report", "text", "token",
            "verdict", "wire",
        ],
    ),
    ("wire", &["app", "text"]),
];

#[test]
fn dependencies_point_one_way() {
    for path in sources(&root().join("src")) {
        let name = module(&path);
        let Some((_, allowed)) = MAY_USE.iter().find(|(module, _)| *module == name) else {
            assert!(
                matches!(name.as_str(), "cli" | "lib" | "main"),
                "where does {name} belong?"
            );
            continue;
        };
        for used in code(&path).split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let own = used == name || used.is_empty();
            assert!(
                own || allowed.contains(&used.as_str()),
                "{} uses {used}",
                path.display()
            );
        }
    }
}

#[test]
fn the_pure_half_touches_nothing_outside() {
    for path in sources(&root().join("src")) {
        let (name, code) = (module(&path), code(&path));
        let forbid = |words: &[&str], except: &[&str]| {
            for word in words.iter().filter(|_| !except.contains(&name.as_str())) {
                assert!(!code.contains(word), "{} names {word}", path.display());
            }
        };
        forbid(&["reqwest", "rustls"], &["api"]);
        forbid(
            &["clap::", "std::env", "std::fs", "io::stdout", "io::stderr"],
            &["build", "cli", "main"],
        );
        forbid(&["tokio"], &["api", "cli", "sandbox", "verify"]);
        forbid(&["hyper::"], &["api", "sandbox"]);
        forbid(
            &["SystemTime::now", "Instant::now"],
            &["api", "cli", "verify"],
        );
        forbid(&["exit_code()"], &["cli", "render", "report", "verdict"]);
    }
}

#[test]
fn no_test_waits_for_a_clock() {
    for path in sources(&root().join("tests")) {
        let text = fs::read_to_string(&path).unwrap();
        for word in [
            concat!("thread::", "sleep"),
            concat!("time::", "sleep"),
            concat!("#[", "ignore"),
        ] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn no_second_tls_library_comes_in() {
    let lock = read("Cargo.lock");
    for name in ["aws-lc-sys", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    assert!(read("CHANGELOG.md").contains(&format!("## [{}]", env!("CARGO_PKG_VERSION"))));
}

/// Returns the blocks of a document that follow a marker line such as `<!-- run: verify -->`.
fn examples(document: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line
            .strip_prefix("<!-- run: ")
            .and_then(|l| l.strip_suffix(" -->"))
        {
            assert!(lines.next().unwrap().starts_with("```"), "{command}");
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((command.to_owned(), block.join("\n") + "\n"));
        }
    }
    found
}

#[test]
fn the_examples_in_the_readme_are_what_the_program_prints() {
    let examples = examples(&read("README.md"));
    assert_eq!(examples.len(), bitrise_dx::verdict::Verdict::ALL.len());
    for (command, shown) in examples {
        let program = Program::new(command.split(' '))
            .env("LANG", "C.UTF-8")
            .run();
        let text = crate::process::steady(&program.stdout);
        assert_eq!(crate::process::steady(&shown), text, "{command}");
    }
}

#[test]
fn the_readme_has_every_option_exit_code_and_scenario() {
    use bitrise_dx::sandbox::Scenario;
    use bitrise_dx::verdict::Verdict;
    let readme = read("README.md");
    let help = Program::new(["verify", "--help"]).run().stdout;
    let options = help
        .split_whitespace()
        .filter(|word| word.starts_with("--"));
    for option in options.map(|word| word.trim_end_matches(',')) {
        assert!(readme.contains(&format!("`{option}")), "{option}");
    }
    for verdict in Verdict::ALL {
        let row = format!("| `{}` | {} |", verdict.as_str(), verdict.exit_code());
        assert!(readme.contains(&row), "{row}");
    }
    for scenario in Scenario::ALL {
        assert!(readme.contains(&format!("`{scenario}`")), "{scenario}");
    }
}
