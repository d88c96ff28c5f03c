//! The house: directions of dependency, examples in the documents, and what must not be there.

use crate::support::process::Program;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

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
    let first = inner.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Returns a file's code, without its unit tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut code = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let item = line.trim_start();
        if item == "#[cfg(test)]" {
            let is_end = |end: &str| end.ends_with(['}', ';']) && indent(end) == indent(line);
            lines.by_ref().find(|end| is_end(end));
        } else if !item.starts_with("//") {
            code.push(line);
        }
    }
    code.join("\n")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Returns the modules that each module uses, as far as `crate::` in its code tells.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&root().join("src")) {
        let (name, code) = (module(&path), code(&path));
        let named = code.split("crate::").skip(1).map(|rest| {
            let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
            rest.chars().take_while(is_name).collect::<String>()
        });
        let others = named.filter(|other| !other.is_empty() && *other != name);
        graph.entry(name.clone()).or_default().extend(others);
    }
    graph
}

/// Returns the modules in the order of the map in the library's documentation.
fn map() -> Vec<String> {
    let page = read("src/lib.rs");
    let lines = page.lines();
    let rows = lines.filter_map(|line| line.strip_prefix("//! | [`")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn dependencies_point_one_way() {
    let graph = dependencies();
    let map = map();
    let modules: BTreeSet<_> = graph.keys().map(String::as_str).collect();
    let shown: BTreeSet<_> = map.iter().map(String::as_str).collect();
    assert_eq!(shown.len(), map.len(), "a row a module");
    assert_eq!(shown, &modules - &BTreeSet::from(["lib", "main"]));
    for (row, name) in map.iter().enumerate() {
        for used in &graph[name] {
            let is_below = map[row..].contains(used);
            assert!(is_below, "{name} uses {used}, which is not below it");
        }
    }
    let users = |module: &str| {
        let above = graph.iter().filter(|(_, below)| below.contains(module));
        above.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    // What holds beyond that there is no circle.
    assert_eq!(users("cli"), [""; 0], "the edge is used by nobody but main");
    assert_eq!(users("verify"), ["cli"]);
    assert_eq!(users("api"), ["cli", "verify"]);
    for (alone, shared) in [("names", &[][..]), ("sandbox", &["names"]), ("text", &[])] {
        let used: Vec<_> = graph[alone].iter().collect();
        assert_eq!(used, shared, "{alone} shares no more");
    }
}

/// Returns what is used of each path that starts so: the first names behind it, alone or of a list.
fn used<'a>(code: &'a str, start: &str) -> Vec<&'a str> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        let (mut depth, mut is_first) = (0, true);
        for (at, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => is_first |= depth == 1,
                c if is_first && (c.is_alphanumeric() || c == '_') => {
                    let is_name = |c: char| c.is_alphanumeric() || c == '_';
                    used.extend(rest[at..].split(|c| !is_name(c)).next());
                    is_first = false;
                }
                _ => {}
            }
            if depth == 0 && !is_first {
                break;
            }
        }
    }
    used
}

/// Returns the modules of one folder that each of them uses, in its file or its folder, as far as
/// `super::` and the room's own name tell. What the room itself passes on of a module is the module's.
fn siblings(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let room = folder.strip_prefix(root().join("src")).unwrap();
    let room = room.to_str().unwrap().replace(MAIN_SEPARATOR, "::");
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let files = sources(folder).into_iter();
    let files = files.map(|path| {
        let inner = path.strip_prefix(folder).unwrap().with_extension("");
        let inner: Vec<_> = inner
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        (inner, path)
    });
    let files: Vec<_> = files
        .filter(|(inner, _)| inner.last().unwrap() != "tests")
        .collect();
    for (inner, _) in files.iter().filter(|(inner, _)| inner[0] != "mod") {
        modules.entry(inner[0].clone()).or_default();
    }
    let own = [folder.join("mod.rs"), folder.with_extension("rs")];
    let own = own
        .iter()
        .find(|path| path.exists())
        .map_or_else(String::new, |path| code(path));
    let passed_on = |name: &str| {
        let mut names = modules.keys();
        names
            .find(|module| used(&own, &format!("use {module}::")).contains(&name))
            .cloned()
    };
    let mut graph = modules.clone();
    for (inner, path) in files.iter().filter(|(inner, _)| inner[0] != "mod") {
        let code = code(path);
        let ups = "super::".repeat(inner.iter().filter(|part| *part != "mod").count());
        for name in [ups, format!("crate::{room}::")]
            .iter()
            .flat_map(|start| used(&code, start))
        {
            let module = modules.contains_key(name).then(|| name.to_owned());
            let module = module
                .or_else(|| passed_on(name))
                .filter(|module| *module != inner[0]);
            graph.get_mut(&inner[0]).unwrap().extend(module);
        }
    }
    graph
}

#[test]
fn modules_of_one_room_are_in_no_circle() {
    let src = root().join("src");
    let files = sources(&src);
    let folders: BTreeSet<&Path> = files.iter().filter_map(|path| path.parent()).collect();
    let mut circles = Vec::new();
    for folder in folders.into_iter().filter(|folder| *folder != src) {
        let mut left = siblings(folder);
        // What uses nothing that is left, or is used by nothing that is left, is in no circle.
        let mut before = 0;
        while before != left.len() {
            before = left.len();
            let others = left.clone();
            left.retain(|_, used| used.iter().any(|used| others.contains_key(used)));
            let used: BTreeSet<_> = left.values().flatten().cloned().collect();
            left.retain(|name, _| used.contains(name));
        }
        circles.extend((!left.is_empty()).then(|| format!("{}: {left:?}", folder.display())));
    }
    assert_eq!(circles, [""; 0]);
}

#[test]
fn a_path_tells_what_it_uses() {
    let code = "use super::{a::{self, b}, c};\nsuper::d(super::e::f)\nuse super::super::g;";
    assert_eq!(used(code, "super::"), ["a", "c", "d", "e", "super", "g"]);
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
        let edge = ["build", "cli", "main"];
        forbid(&["clap::", "std::env", "io::stdout", "io::stderr"], &edge);
        // The system's root certificates are files.
        forbid(&["std::fs"], &["api", "build", "cli", "main"]);
        forbid(&["tokio"], &["api", "cli", "sandbox", "verify"]);
        forbid(&["hyper::"], &["api", "sandbox"]);
        let timed = ["api", "cli", "verify"];
        forbid(&["SystemTime::now", "Instant::now"], &timed);
        let telling = ["cli", "diagnosis", "render", "report", "verdict"];
        forbid(&["exit_code()"], &telling);
    }
}

#[test]
fn no_test_waits_for_a_clock() {
    for path in sources(&root().join("tests")) {
        let text = fs::read_to_string(&path).unwrap();
        let words = [
            concat!("d::", "sleep"),
            concat!("e::", "sleep"),
            concat!("#[", "ignore"),
        ];
        for word in words {
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
fn no_tables_of_unicodes_host_names_come_in() {
    // They are a fifth of a megabyte, and a name outside of ASCII can be written in Punycode. That
    // version of `idna_adapter` has none, as its documentation says; an update brings them back.
    assert!(!read("Cargo.lock").contains("name = \"icu_"));
}

#[test]
fn the_changelog_knows_this_version() {
    assert!(read("CHANGELOG.md").contains(&format!("## [{}]", env!("CARGO_PKG_VERSION"))));
}

/// Returns the blocks of a document that follow a marker line such as `<!-- starts: verify -->`.
fn examples(document: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in document.split("<!-- starts: ").skip(1) {
        let (command, rest) = part.split_once(" -->\n```text\n").unwrap();
        let (block, _) = rest.split_once("```\n").unwrap();
        found.push((command.to_owned(), block.to_owned()));
    }
    found
}

#[test]
fn the_example_in_the_readme_is_what_the_program_prints_first() {
    let examples = examples(&read("README.md"));
    assert_eq!(examples.len(), 1);
    for (command, shown) in examples {
        let program = Program::new(command.split(' ')).env("LANG", "C.UTF-8");
        let text = crate::formats::steady(&program.run().stdout);
        let start = shown.strip_suffix("…\n").unwrap();
        let is_start = text.starts_with(&crate::formats::steady(start));
        assert!(is_start, "{command}:\n{text}");
        assert!(start.lines().count() <= 16, "a reader has 30 seconds");
    }
}

#[test]
fn the_readme_names_what_there_is_and_every_exit_code() {
    use bitrise_dx::verdict::Verdict;
    let readme = read("README.md");
    let help = Program::new(["verify", "--help"]).run().stdout;
    let mut named = 0;
    for line in readme.lines() {
        let Some((_, used)) = line.split_once("bitrise-dx verify") else {
            continue;
        };
        let words = used.split_whitespace();
        let options = words.filter(|word| word.starts_with("--"));
        for option in options.map(|word| word.trim_end_matches('`')) {
            assert!(help.contains(option), "{option}");
            named += 1;
        }
    }
    assert!(named > 3, "{named}");
    for verdict in Verdict::ALL {
        let row = format!("| `{}` | {} |", verdict.as_str(), verdict.exit_code());
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn the_documents_name_files_that_there_are() {
    let github = [
        ".github/CONTRIBUTING.md",
        ".github/PERFORMANCE.md",
        ".github/SECURITY.md",
    ];
    for document in ["README.md"].into_iter().chain(github) {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let paths = quoted.filter(|word| {
            let starts = ["src/", "tests/", ".github/", ".ci/", "build.rs", "step.yml"];
            starts.iter().any(|start| word.starts_with(start)) && !word.contains(['…', ' ', '*'])
        });
        for path in paths {
            assert!(root().join(path).exists(), "{document} names {path}");
        }
    }
}
