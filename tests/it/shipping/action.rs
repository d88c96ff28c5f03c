//! The GitHub action's script, with its inputs as `action.yml` passes them on.

use super::install::{archive_name, mirror};
use super::{Machine, PROGRAM, SCENARIOS, VERSION, read, refuses_without_showing, root, run};
use crate::schema;
use crate::support::process::CANARY;
use crate::support::server::healthy;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const INSTALL: &str = ".github/actions/verify/install.sh";
const SCRIPT: &str = ".github/actions/verify/verify.sh";

impl Machine {
    /// Prepares the GitHub action's script with its inputs' defaults.
    pub(super) fn action(&self) -> Command {
        let mut command = self.script(SCRIPT, &[]);
        command
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("PROGRAM", PROGRAM);
        for (name, value) in defaults() {
            command.env(name, value);
        }
        command
    }

    /// Prepares the script of the action's first step, with its inputs' defaults.
    fn action_install(&self) -> Command {
        let mut command = self.script(INSTALL, &[]);
        command
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_OUTPUT", self.path("outputs"));
        command
    }

    /// Returns the action's outputs, which must each stand on a line of its own.
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = self.text("outputs");
        let lines = text.lines().map(|line| line.split_once('=').unwrap());
        let outputs: BTreeMap<_, _> = lines.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(outputs.len(), text.lines().count(), "{text}");
        outputs
    }

    /// Returns the folder that the action put its reports into.
    fn report_dir(&self) -> PathBuf {
        PathBuf::from(&self.outputs()["report-dir"])
    }
}

/// Returns the variables that `action.yml` hands to the script, each with its input's default.
fn defaults() -> Vec<(String, String)> {
    let action = read(root().join(".github/actions/verify/action.yml"));
    let (_, verifying) = action.split_once("    - id: verify\n").unwrap();
    let passed = verifying.lines().filter_map(|line| {
        let (variable, input) = line.split_once(": ${{ inputs.")?;
        Some((variable.trim(), input.trim_end_matches(" }}")))
    });
    let found: Vec<_> = passed
        .map(|(variable, input)| {
            let (_, described) = action.split_once(&format!("\n  {input}:\n")).unwrap();
            let (_, default) = described.split_once("    default: \"").unwrap();
            let value = default.split('"').next().unwrap();
            (variable.to_owned(), value.to_owned())
        })
        .collect();
    assert!(found.len() > 10, "{found:?}");
    found
}

#[test]
fn the_action_hands_on_what_the_program_found() {
    for (scenario, code, verdict, reason) in SCENARIOS {
        let machine = Machine::new();
        let ran = run(machine.action().env("SANDBOX", scenario));
        assert_eq!(ran.code, Some(code), "{scenario}: {ran:?}");
        let outputs = machine.outputs();
        let reports = machine.report_dir();
        assert!(reports.starts_with(machine.path("temp")), "{outputs:?}");
        for (output, ending) in [
            ("report-json", "json"),
            ("report-markdown", "md"),
            ("report-html", "html"),
            ("report-junit", "xml"),
        ] {
            let path = reports.join(format!("bitrise-dx.{ending}"));
            assert_eq!(outputs[output], path.to_str().unwrap());
            assert!(path.exists(), "{output}");
        }
        let report: serde_json::Value =
            serde_json::from_str(&read(reports.join("bitrise-dx.json"))).unwrap();
        schema::read(&report.to_string());
        let text = |value: &serde_json::Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None if value.is_null() => String::new(),
            None => value.to_string(),
        };
        for (output, value) in [
            ("verdict", &report["verdict"]),
            ("reason", &report["reason"]),
            ("exit-code", &report["exit_code"]),
            ("message", &report["message"]),
            ("dx-error", &report["dx_error"]),
            ("retryable", &report["retryable"]),
            ("retry-after-s", &report["retry_after_s"]),
            ("apps-denied", &report["apps"]["denied"]),
        ] {
            assert_eq!(outputs[output], text(value), "{scenario}: {output}");
        }
        assert_eq!(outputs["verdict"], verdict);
        assert_eq!(outputs["reason"], reason);
        assert_eq!(outputs["exit-code"], code.to_string());
        assert_eq!(
            machine.text("summary"),
            read(reports.join("bitrise-dx.md")),
            "{scenario}"
        );
        assert!(read(reports.join("bitrise-dx.html")).contains("<html"));
        let annotated = ran.stdout.lines().any(|line| line.starts_with("::"));
        assert!(annotated, "{scenario}: {}", ran.stdout);
    }
}

#[test]
fn the_action_can_let_pass_what_says_nothing_about_the_token() {
    let cases = [
        (
            "captive-portal",
            "FAIL_ON_INCONCLUSIVE",
            0,
            "inconclusive",
            "4",
        ),
        (
            "captive-portal",
            "FAIL_WITHOUT_TOKEN",
            4,
            "inconclusive",
            "4",
        ),
        ("", "FAIL_WITHOUT_TOKEN", 0, "not_run", "2"),
        ("", "FAIL_ON_INCONCLUSIVE", 2, "not_run", "2"),
        (
            "invalid-permissions",
            "FAIL_ON_INCONCLUSIVE",
            5,
            "invalid_permissions",
            "5",
        ),
    ];
    for (scenario, setting, code, verdict, its_code) in cases {
        let machine = Machine::new();
        let ran = run(machine
            .action()
            .env("SANDBOX", scenario)
            .env(setting, "false"));
        assert_eq!(ran.code, Some(code), "{scenario} {setting}: {ran:?}");
        let outputs = machine.text("outputs");
        assert!(
            outputs.contains(&format!("verdict={verdict}\n")),
            "{outputs}"
        );
        assert!(
            outputs.contains(&format!("exit-code={its_code}\n")),
            "{outputs}"
        );
        assert_eq!(
            code == 0,
            ran.stdout.contains("does not take for a failure")
        );
        if scenario.is_empty() {
            assert!(outputs.contains("reason=token_missing\n"), "{outputs}");
            assert!(machine.text("summary").contains("fork"));
        }
    }

    // What was not run for another reason is not let pass.
    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("BASE_URL", "nowhere")
        .env("BITRISE_TOKEN", CANARY)
        .env("FAIL_WITHOUT_TOKEN", "false"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(machine.text("outputs").contains("reason=invalid_options\n"));
}

#[test]
fn the_action_passes_its_inputs_on() {
    let server = healthy();
    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("BITRISE_TOKEN", CANARY)
        .env("BASE_URL", server.base_url())
        .env("APPS", "app-one app-two,\n-x\n")
        .env("PIPELINE_DETAILS", "true")
        .env("REPORT_DIR", machine.path("my reports")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let asked: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
    for app in ["app-one", "app-two", "-x"] {
        let start = format!("/v0.1/apps/{app}/pipelines?limit=10");
        assert!(asked.contains(&start), "{asked:?}");
    }
    assert!(machine.path("my reports/bitrise-dx.json").exists());

    // Some apps of this scenario are refused, but not the first one.
    for (all_apps, code) in [("false", 0), ("true", 5)] {
        let machine = Machine::new();
        let ran = run(machine
            .action()
            .env("SANDBOX", "partial-permissions")
            .env("ALL_APPS", all_apps));
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}

#[test]
fn every_use_of_the_action_keeps_its_own_reports() {
    let machine = Machine::new();
    let mut folders = Vec::new();
    for scenario in ["healthy", "no-resources"] {
        run(machine.action().env("SANDBOX", scenario));
        folders.push(machine.report_dir());
        fs::remove_file(machine.path("outputs")).unwrap();
    }
    let verdict = |folder: &PathBuf| schema::read(&read(folder.join("bitrise-dx.json"))).verdict;
    assert_eq!(verdict(&folders[0]), "verified");
    assert_eq!(verdict(&folders[1]), "no_resources");
    let summary = folders.iter().map(|f| read(f.join("bitrise-dx.md")));
    assert_eq!(machine.text("summary"), summary.collect::<String>());
}

#[test]
fn a_label_names_the_connection_wherever_the_answer_stands() {
    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("SANDBOX", "invalid-permissions")
        .env("LABEL", "Acme Mobile"));
    assert_eq!(ran.code, Some(5), "{ran:?}");
    let titles: Vec<&str> = ran.stdout.lines().filter(|l| l.starts_with("::")).collect();
    assert!(!titles.is_empty());
    for title in titles {
        assert!(title.contains(" title=Acme Mobile · "), "{title}");
    }
    let base = machine.report_dir().join("bitrise-dx-Acme-Mobile");
    assert!(machine.text("summary").starts_with("# Acme Mobile\n\n"));
    assert_eq!(machine.text("summary"), read(base.with_extension("md")));
    schema::read(&read(base.with_extension("json")));
    let junit = read(base.with_extension("xml"));
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suites = document.descendants().filter(|node| {
        let name = node.tag_name().name();
        name == "testsuites" || name == "testsuite"
    });
    let names: Vec<_> = suites.map(|node| node.attribute("name").unwrap()).collect();
    assert_eq!(names.len(), 2);
    for name in names {
        assert!(name.ends_with(" (Acme Mobile)"), "{name}");
    }

    for label in [
        "a\nb",
        "a/b",
        "../x",
        "<b>",
        "a%0Ab",
        "a:b",
        "ä",
        &"x".repeat(61),
    ] {
        let machine = Machine::new();
        let ran = run(machine
            .action()
            .env("SANDBOX", "healthy")
            .env("LABEL", label));
        assert_eq!(ran.code, Some(2), "{label}: {ran:?}");
        let annotation = "::error title=bitrise-dx::The input label can have";
        assert!(ran.stdout.starts_with(annotation), "{label}: {ran:?}");
        assert_eq!(machine.outputs()["reason"], "invalid_options", "{label}");
    }
}

#[test]
fn the_summary_can_be_left_out_or_be_missing() {
    for (name, value) in [("SUMMARY", "false"), ("GITHUB_STEP_SUMMARY", "")] {
        let machine = Machine::new();
        let mut action = machine.action();
        let ran = run(action.env("SANDBOX", "healthy").env(name, value));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert_eq!(machine.text("summary"), "");
    }
    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("SANDBOX", "healthy")
        .env_remove("GITHUB_STEP_SUMMARY"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_time_and_a_root_certificate_are_passed_on() {
    for (name, value, reason) in [
        ("CA_CERT", "/nowhere/root.pem", "invalid_options"),
        ("MAX_TIME", "1ms", "max_time_reached"),
    ] {
        let machine = Machine::new();
        let ran = run(machine.action().env("SANDBOX", "slow").env(name, value));
        assert_ne!(ran.code, Some(0), "{name}: {ran:?}");
        assert_eq!(machine.outputs()["reason"], reason, "{name}: {ran:?}");
    }
}

#[test]
fn where_nothing_can_be_installed_the_outputs_and_an_annotation_say_so() {
    let machine = Machine::new();
    // Nothing but what the scripts themselves need: no curl.
    for tool in [
        "bash", "cat", "dirname", "head", "mkdir", "mktemp", "rm", "sed", "tail", "tr", "uname",
    ] {
        machine.link(tool);
    }
    let ran = run(machine.action_install().env("PATH", machine.path("bin")));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let fault = "bitrise-dx can't be installed: there is no curl here";
    assert_eq!(ran.stdout, format!("::error title=bitrise-dx::{fault}\n"));
    assert_eq!(ran.stderr, format!("{fault}\n"));
    let outputs = machine.outputs();
    for (output, value) in [
        ("verdict", "not_run"),
        ("reason", "not_installed"),
        ("exit-code", "2"),
        ("message", fault),
        ("retryable", "false"),
    ] {
        assert_eq!(outputs[output], value);
    }
    let action = read(root().join(".github/actions/verify/action.yml"));
    for output in outputs.keys() {
        let value =
            format!("${{{{ steps.verify.outputs.{output} || steps.install.outputs.{output} }}}}");
        assert!(action.contains(&value), "{output}");
    }

    // The right case: the program's path, and nothing else.
    let machine = Machine::new();
    let archive = super::install::packed(&machine, VERSION, "echo installed");
    let sums = super::install::sum(&machine, &archive, &archive_name(VERSION));
    let server = mirror(VERSION, archive, sums);
    let ran = run(machine.action_install().env(
        "BITRISE_DX_DOWNLOAD_URL",
        format!("http://{}", server.address()),
    ));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    let outputs = machine.outputs();
    assert_eq!(outputs.len(), 1);
    let program = Command::new(&outputs["program"]).output().unwrap();
    assert_eq!(program.stdout, b"installed\n");
}

#[test]
fn an_input_that_can_not_be_used_is_named_and_has_outputs() {
    for (name, value, words) in [
        ("ALL_APPS", "yes", "input all-apps must be"),
        ("PIPELINE_DETAILS", "", "input pipeline-details must be"),
        ("SUMMARY", "no", "input summary must be"),
        (
            "FAIL_ON_INCONCLUSIVE",
            "1",
            "input fail-on-inconclusive must",
        ),
        (
            "FAIL_WITHOUT_TOKEN",
            "a\nb",
            "input fail-without-token must",
        ),
        // What the program refuses, it may name itself.
        ("SANDBOX", "no-such-scenario", ""),
        ("MAX_TIME", "soon", ""),
        ("BASE_URL", "nowhere", ""),
    ] {
        let machine = Machine::new();
        let old = machine.path("temp/reports");
        fs::create_dir(&old).unwrap();
        fs::write(old.join("bitrise-dx.json"), "{}").unwrap();
        let ran = run(machine.action().env("REPORT_DIR", &old).env(name, value));
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        let is_annotation = |line: &&str| line.starts_with("::error title=");
        let annotations: Vec<&str> = ran.stdout.lines().filter(is_annotation).collect();
        // The program itself reports what it can't use, where it can read that much.
        let is_reported = old.join("bitrise-dx.json").exists();
        assert_eq!(annotations.len(), 1, "{name}: {ran:?}");
        assert!(
            is_reported || annotations[0].contains(words),
            "{name}: {ran:?}"
        );
        let outputs = machine.outputs();
        for (output, value) in [
            ("verdict", "not_run"),
            ("reason", "invalid_options"),
            ("exit-code", "2"),
            ("report-dir", old.to_str().unwrap()),
        ] {
            assert_eq!(outputs[output], value, "{name}");
        }
        assert_ne!(outputs["message"], "", "{name}");
        if is_reported {
            let report = schema::read(&read(old.join("bitrise-dx.json")));
            assert_eq!(report.verdict, "not_run", "{name}");
        }
    }
}

#[test]
fn what_the_program_says_itself_is_not_said_twice() {
    for (says, annotations) in [
        ("", 1),
        ("::error title=x::y", 1),
        ("::warning title=x::y", 2),
    ] {
        let machine = Machine::new();
        machine.command("refusing", &format!("echo '{says}'; exit 2"));
        let ran = run(machine
            .action()
            .env("PROGRAM", machine.path("bin/refusing")));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let found = ran.stdout.lines().filter(|line| line.starts_with("::"));
        assert_eq!(found.count(), annotations, "{ran:?}");
        assert_eq!(machine.outputs()["reason"], "invalid_options");
    }
}

#[test]
fn reports_that_have_no_place_do_not_keep_the_token_from_being_checked() {
    for folder in ["/dev/null/nope", "two\nverdict=verified", "taken"] {
        let machine = Machine::new();
        fs::create_dir_all(machine.path("home/taken/bitrise-dx.json")).unwrap();
        let ran = run(machine
            .action()
            .env("SANDBOX", "no-resources")
            .env("REPORT_DIR", folder));
        assert_eq!(ran.code, Some(6), "{folder}: {ran:?}");
        let warning = "::warning title=bitrise-dx::Reports can't be written";
        assert!(ran.stdout.starts_with(warning), "{folder}: {ran:?}");
        assert_eq!(machine.outputs()["verdict"], "no_resources");
        let reports = machine.report_dir();
        assert!(reports.starts_with(machine.path("temp")), "{folder}");
        assert!(reports.join("bitrise-dx.html").exists());
    }

    // One that looks like an option is a folder like any other.
    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("SANDBOX", "no-resources")
        .env("REPORT_DIR", "-p"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(6), ""), "{ran:?}");
    assert!(!ran.stdout.contains("::warning"), "{ran:?}");
    assert_eq!(machine.outputs()["report-dir"], "./-p");
    assert_eq!(
        machine.text("summary"),
        read(machine.path("home/-p/bitrise-dx.md"))
    );

    let machine = Machine::new();
    let ran = run(machine
        .action()
        .env("SANDBOX", "healthy")
        .env("RUNNER_TEMP", "/dev/null/nope"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stdout.starts_with("::error title=bitrise-dx::There is"));
    let outputs = machine.outputs();
    assert_eq!(outputs["verdict"], "not_run");
    assert_eq!(outputs["report-dir"], "");
}

#[test]
fn the_action_takes_no_old_report_for_an_answer() {
    let machine = Machine::new();
    let folder = machine.path("reports");
    let action = |machine: &Machine| {
        let mut action = machine.action();
        action.env("REPORT_DIR", &folder);
        action
    };
    let ran = run(action(&machine).env("SANDBOX", "no-resources"));
    assert_eq!(ran.code, Some(6));
    let before = machine.text("summary");
    fs::remove_file(machine.path("outputs")).unwrap();
    machine.command("broken", "exit 1");
    let ran = run(action(&machine).env("PROGRAM", machine.path("bin/broken")));
    assert_eq!(ran.code, Some(1));
    let outputs = machine.outputs();
    assert_eq!(outputs["exit-code"], "1");
    for name in ["verdict", "reason", "message", "dx-error", "apps-denied"] {
        assert_eq!(outputs[name], "", "{name}");
    }
    assert!(!outputs.contains_key("report-json"));
    assert_eq!(machine.text("summary"), before);
}

#[test]
fn a_message_is_one_line_of_the_outputs_whatever_is_in_it() {
    let machine = Machine::new();
    let message = r#""A \"quoted\" \\ name, 100%\nverdict=verified","#;
    machine.command(
        "odd",
        &format!(
            "for arg; do case $arg in --report=*.json) report=${{arg#*=}} ;; esac; done\n\
             printf '{{\\n  \"verdict\": \"no_resources\",\\n  \"message\": %s\\n}}\\n' '{message}' >\"$report\"\n\
             exit 6"
        ),
    );
    let ran = run(machine.action().env("PROGRAM", machine.path("bin/odd")));
    assert_eq!(ran.code, Some(6), "{ran:?}");
    let outputs = machine.outputs();
    assert_eq!(outputs["verdict"], "no_resources");
    assert_eq!(
        outputs["message"],
        r#"A "quoted" \ name, 100%\nverdict=verified"#
    );
}

#[test]
fn the_verdict_is_that_of_the_report_or_else_of_the_exit_code() {
    // As a run that a signal ended may report what it had found by then.
    let machine = Machine::new();
    machine.command(
        "ended",
        &format!("{PROGRAM} \"$@\" --sandbox=no-resources >/dev/null; exit 143"),
    );
    let ran = run(machine.action().env("PROGRAM", machine.path("bin/ended")));
    assert_eq!(ran.code, Some(143), "{ran:?}");
    assert!(
        machine
            .text("outputs")
            .starts_with("verdict=no_resources\nreason=no_apps\nexit-code=143\n")
    );

    // An option's value that the program can't read ends it before any report.
    let machine = Machine::new();
    let ran = run(machine.action().env("SANDBOX", "no-such-scenario"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        machine
            .text("outputs")
            .starts_with("verdict=not_run\nreason=invalid_options\nexit-code=2\n")
    );

    for (code, verdict) in [
        (0, "verified"),
        (3, "invalid_credentials"),
        (4, "inconclusive"),
        (5, "invalid_permissions"),
        (6, "no_resources"),
        (1, ""),
        (130, ""),
    ] {
        let machine = Machine::new();
        machine.command("silent", &format!("exit {code}"));
        let ran = run(machine.action().env("PROGRAM", machine.path("bin/silent")));
        assert_eq!(ran.code, Some(code));
        assert!(
            machine
                .text("outputs")
                .starts_with(&format!("verdict={verdict}\n"))
        );
    }
}

#[test]
fn the_action_does_not_show_the_token() {
    refuses_without_showing(|machine, base_url, token| {
        let mut action = machine.action();
        action.env("BASE_URL", base_url).env("BITRISE_TOKEN", token);
        action
    });
}

#[test]
fn nothing_that_the_action_starts_has_the_token_but_the_program() {
    let action = read(root().join(".github/actions/verify/action.yml"));
    let (before, verifying) = action.split_once("    - id: verify\n").unwrap();
    assert!(before.contains("install.sh"));
    assert!(
        !before.contains("inputs.token"),
        "the step that installs has the token"
    );
    assert!(verifying.contains("BITRISE_TOKEN: ${{ inputs.token }}\n"));

    let machine = Machine::new();
    let notes = machine.path("environment");
    machine.command(
        "mkdir",
        &format!("env >>{}; exec /bin/mkdir \"$@\"", notes.display()),
    );
    let ran = run(machine
        .action()
        .env("SANDBOX", "healthy")
        .env("REPORT_DIR", machine.path("reports"))
        .env("BITRISE_TOKEN", CANARY));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let environment = read(notes);
    assert!(environment.contains("SANDBOX=healthy"));
    assert!(!environment.contains("CANARY"), "{environment}");
}
