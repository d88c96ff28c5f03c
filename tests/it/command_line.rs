//! The command line itself: help, completions, manual, suggestions, version.

use crate::support::process::{CANARY, Program};
use crate::support::{has, lacks};
use bitrise_dx::sandbox::Scenario;
use bitrise_dx::verdict::Reason;
use regex::Regex;
use std::fmt::Write as _;
use std::fs;

fn stdout<const N: usize>(args: [&str; N]) -> String {
    let finished = Program::new(args).env("LANG", "C.UTF-8").run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stderr, "");
    finished.stdout
}

/// Returns the options that the help of a command shows.
fn options(command: &str) -> Vec<String> {
    let help = stdout([command, "--help"]);
    let line = Regex::new("(?m)^ +(?:-[a-z], )?(--[a-z-]+)").unwrap();
    let found = line.captures_iter(&help);
    found.map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_version_says_what_the_binary_is_made_of() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(stdout(["-V"]), format!("bitrise-dx {version}\n"));
    let form = r"^bitrise-dx [0-9.]+ \((?:[0-9a-f]{7})?(?: ?[0-9]{4}-[0-9]{2}-[0-9]{2})?(?:, )?[a-z0-9_]+-[a-z0-9_.-]+\)\n$";
    let long = stdout(["--version"]);
    assert!(Regex::new(form).unwrap().is_match(&long), "{long}");
    assert!(long.contains(std::env::consts::ARCH), "{long}");
}

#[test]
fn help_is_short_or_long() {
    let mut sheet = String::new();
    let mut help = |args: &[&str]| {
        let finished = Program::new(args).run();
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
        write!(sheet, "######## {}\n{}\n", args.join(" "), finished.stdout).unwrap();
        finished.stdout
    };
    for command in [&[][..], &["verify"]] {
        let [short, long] = ["-h", "--help"].map(|form| help(&[command, &[form]].concat()));
        assert!(long.contains("Examples:") && long.contains("Exit codes"));
        assert!(!short.contains("Examples:") && short.len() < long.len());
    }
    for command in [
        "diagnose",
        "explain",
        "sandbox",
        "schema",
        "completions",
        "man",
    ] {
        help(&[command, "--help"]);
    }
    insta::assert_snapshot!("help", sheet);
}

#[test]
fn the_examples_of_the_help_are_commands_that_are_there() {
    let help = stdout(["--help"]) + &stdout(["verify", "--help"]);
    let command = Regex::new("(?m)^  bitrise-dx ([a-z]+)(.*)$").unwrap();
    let known = options("verify");
    assert!(known.len() > 15, "{known:?}");
    for found in command.captures_iter(&help) {
        stdout([&found[1], "--help"]);
        let words = found[2].split_whitespace();
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(known.iter().any(|known| known == option), "{option}");
        }
    }
}

#[test]
fn completions_have_all_that_may_be_typed_and_no_trap() {
    let options = options("verify");
    let trap = Regex::new(r"(--token\b[^-]|-l token\b[^-]|\bstray\b)").unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(["completions", shell]);
        for option in &options {
            // fish names a long option without its dashes.
            let name = option.trim_start_matches('-');
            assert!(script.contains(name), "{shell} lacks {option}");
        }
        // Not every shell's script completes values.
        let values = matches!(shell, "bash" | "fish" | "zsh");
        for word in ["completions", "explain", "captive-portal", "markdown"] {
            let wanted = values || matches!(word, "completions" | "explain");
            assert!(!wanted || script.contains(word), "{shell} lacks {word}");
        }
        // What exists to be refused is offered by no shell.
        assert!(!trap.is_match(&script), "{shell}: {script}");
    }
    let finished = Program::new(["completions", "tcsh"]).run();
    assert_eq!(finished.code, Some(2));
    has(&finished.stderr, "powershell");
}

#[cfg(unix)]
#[test]
fn bash_completes_what_is_typed() {
    let ask = |words: &str, expected: &str| {
        let typed: Vec<&str> = words.split(' ').collect();
        let (last, before) = (typed.last().unwrap(), typed[typed.len() - 2]);
        let script = format!(
            "{}\nCOMP_WORDS=({words}); COMP_CWORD={}\n\
             $(complete -p bitrise-dx | sed 's/.*-F \\([^ ]*\\).*/\\1/') bitrise-dx '{last}' {before}\n\
             echo \"${{COMPREPLY[*]}}\"",
            stdout(["completions", "bash"]),
            typed.len() - 1
        );
        let mut bash = std::process::Command::new("bash");
        let output = bash.args(["-c", &script]).output();
        let answer = String::from_utf8(output.unwrap().stdout).unwrap();
        assert_eq!(answer.trim(), expected, "{words}");
    };
    ask("bitrise-dx ver", "verify");
    ask("bitrise-dx verify --rep", "--report");
    ask("bitrise-dx verify --sandbox cap", "captive-portal");
    ask("bitrise-dx verify -o ju", "junit");
    ask("bitrise-dx explain tls", "tls_failure");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("man1");
    let program = Program::new(["man", "--dir"]).arg(&target);
    assert_eq!(program.run().code, Some(0));
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let pages = fs::read_dir(&target).unwrap().map(name);
    let mut pages: Vec<_> = pages.map(|name| name.into_string().unwrap()).collect();
    pages.sort();
    let commands = "completions diagnose explain man sandbox schema verify";
    let expected = commands
        .split(' ')
        .map(|command| format!("bitrise-dx-{command}.1"));
    let expected = expected.chain(["bitrise-dx.1".to_owned()]);
    assert_eq!(pages, expected.collect::<Vec<_>>());
    for page in &pages {
        let text = fs::read_to_string(target.join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
        assert!(!text.contains("\\-\\-token\\fR"), "{page}");
    }
    let first = fs::read_to_string(target.join("bitrise-dx.1")).unwrap();
    assert_eq!(stdout(["man"]), first);
    let verify = fs::read_to_string(target.join("bitrise-dx-verify.1")).unwrap();
    for option in options("verify") {
        let option = option.replace('-', "\\-");
        assert!(verify.contains(&option), "{option}");
    }
    for section in ["EXAMPLES", "ENVIRONMENT", "EXIT STATUS"] {
        assert!(verify.contains(&format!(".SH \"{section}\"\n")), "{verify}");
    }
    let title = r#"(?m)^\.TH bitrise-dx-verify 1 \d{4}-\d\d-\d\d "bitrise-dx [0-9.]+" "bitrise-dx manual"$"#;
    assert!(Regex::new(title).unwrap().is_match(&verify), "{verify}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let finished = Program::new(["man", "--dir"]).arg(file).run();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
}

#[test]
fn a_slip_of_the_pen_is_shown_with_a_suggestion() {
    for (args, suggestion) in [
        (&["verify", "--sandbox", "helthy"][..], "healthy"),
        (&["verify", "--sandbox", "capture-portal"], "captive-portal"),
        (&["sandbox", "--scenario", "outrage"], "outage"),
        (&["explain", "pipeline_denied"], "pipelines_denied"),
        (&["explain", "ratelimited"], "rate_limited"),
        (&["completions", "bahs"], "bash"),
        (&["verify", "-o", "mardown"], "markdown"),
        (&["explian", "timeout"], "explain"),
    ] {
        let finished = Program::new(args).run();
        assert_eq!(finished.code, Some(2), "{args:?}");
        let tip = Regex::new(&format!("tip: .*'{suggestion}'")).unwrap();
        assert!(tip.is_match(&finished.stderr), "{}", finished.stderr);
        let is_shown = |arg: &&&str| finished.stderr.contains(&format!("'{arg}'"));
        let shown = args.iter().filter(is_shown).count();
        assert_eq!(shown, 1, "{}", finished.stderr);
    }
    for args in [
        &["explain", CANARY][..],
        &["sandbox", "--scenario", CANARY],
        &["completions", CANARY],
        &["man", CANARY],
        &["schema", CANARY],
    ] {
        let finished = Program::new(args).run();
        assert_eq!(finished.code, Some(2), "{args:?}");
        lacks(&finished.everything(), "CANARY");
    }
    let finished = Program::new(["explain", "something else"]).run();
    has(&finished.stderr, "lists them all");
}

/// Returns the options of a command's help that take a value.
fn options_with_value(command: &str) -> Vec<String> {
    let help = stdout([command, "--help"]);
    let line = Regex::new(r"(?m)^ +(?:-[a-z], )?(--[a-z-]+) \[?<").unwrap();
    let found = line.captures_iter(&help);
    found.map(|found| found[1].to_owned()).collect()
}

#[test]
fn no_complaint_repeats_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut tried = 0;
    let values = [
        CANARY,
        "98765432109876",
        "-98765432109876s",
        "bitpat_1.CANARY",
    ];
    for command in "verify explain sandbox schema completions man".split(' ') {
        for option in options_with_value(command) {
            for value in values {
                let glued = format!("{option}={value}");
                for args in [&[&*glued][..], &[&option, value]] {
                    let program = Program::new([command]).dir(folder.path());
                    let program = args.iter().fold(program, Program::arg);
                    let finished = program.run();
                    let refused = option == "--dir" && finished.code == Some(0);
                    assert!(refused || finished.code == Some(2), "{args:?}");
                    lacks(&finished.everything(), "CANARY");
                    lacks(&finished.stderr, "9876543210");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_complaint_says_what_is_wrong() {
    let token = "If that was a token: it does not belong on the command line";
    for (args, words) in [
        (&["verfy"][..], "unrecognized subcommand 'verfy'"),
        (&["explain", "a", "b"], "unexpected argument 'b'"),
        (&["schema", "x"], "unexpected argument 'x'"),
        (&["schema", "A1b2C3d4E5"], token),
        (&["A1b2C3d4E5"], token),
        (&["verify", "--max-time", "-1s"], "stands behind “=”"),
        (&["verify", "--report", "-.json"], "--report=-.json"),
        (&["verify", "--timeout", "0s"], "more than nothing"),
        (&["verify", "--timeout", "5"], "has a unit"),
        (&["verify", "--timeout", "25h"], "at most 24h"),
        (&["verify", "--retries", "4294967296"], "from 0 to 100"),
        (&["verify", "--concurrency", "0"], "from 1 to 64"),
        (&["sandbox", "--apps", "0"], "from 1 to 20000"),
        (&["sandbox", "--listen", "here"], "127.0.0.1:8080"),
        (&["verify", "--timeout"], "none was supplied"),
        (&["verify", "--tokn", "x"], "'--token-file'"),
        (&["schema", "--token", "x"], "error: A token does not"),
    ] {
        let finished = Program::new(args).run();
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
        has(&finished.stderr, words);
        let lecture = finished.stderr.contains("A token does not belong");
        assert_eq!(lecture, args.contains(&"--token"), "{}", finished.stderr);
    }
    let report = Program::new(["verify", "--report=-.json"]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(report.dir(folder.path()).run().stderr, "");
    assert!(folder.path().join("-.json").exists());
}

#[test]
fn dashes_and_underscores_are_alike_in_names() {
    for reason in Reason::ALL {
        let name = reason.as_str();
        let other = name.replace('_', "-");
        assert_eq!(stdout(["explain", name]), stdout(["explain", &other]));
    }
    let scenarios = Scenario::ALL.iter();
    for scenario in scenarios.filter(|it| **it != Scenario::Slow) {
        let name = scenario.as_str().replace('-', "_");
        let program = Program::new(["verify", "-q", "--retries", "0", "--sandbox", &name]);
        assert_ne!(program.run().code, Some(2), "{name}");
    }
}
