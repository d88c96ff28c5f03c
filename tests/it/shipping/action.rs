//! The GitHub action's script, with its inputs as `action.yml` passes them on.

use super::{Machine, PROGRAM, SCENARIOS, read, refuses_without_showing, root, run};
use crate::schema;
use crate::support::process::CANARY;
use crate::support::server::healthy;
use std::fs;
use std::process::Command;

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
        for name in ["APPS", "BASE_URL", "SANDBOX", "REPORT_DIR", "BITRISE_TOKEN"] {
            command.env(name, "");
        }
        for name in ["ALL_APPS", "PIPELINE_DETAILS"] {
            command.env(name, "false");
        }
        for name in ["FAIL_ON_INCONCLUSIVE", "FAIL_WITHOUT_TOKEN"] {
            command.env(name, "true");
        }
        command
    }
}

#[test]
fn the_action_hands_on_what_the_program_found() {
    for (scenario, code, verdict, reason) in SCENARIOS {
        let machine = Machine::new();
        let ran = run(machine.action().env("SANDBOX", scenario));
        assert_eq!(ran.code, Some(code), "{scenario}: {ran:?}");
        let reports = machine.path("temp/bitrise-dx");
        assert_eq!(
            machine.text("outputs"),
            format!(
                "verdict={verdict}\nreason={reason}\nexit-code={code}\nreport-dir={}\n",
                reports.display()
            )
        );
        let report = schema::read(&read(reports.join("bitrise-dx.json")));
        assert_eq!(report.verdict, verdict);
        assert_eq!(report.reason.unwrap_or_default(), reason);
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
fn an_input_that_can_not_be_used_is_named_and_has_outputs() {
    let refused = "verdict=not_run\nreason=invalid_options\nexit-code=2\nreport-dir=";
    for (name, value, words) in [
        ("ALL_APPS", "yes", "input all-apps must be"),
        ("PIPELINE_DETAILS", "", "input pipeline-details must be"),
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
        ("SANDBOX", "no-such-scenario", "An input has a value"),
        ("BASE_URL", "nowhere", "Not run"),
    ] {
        let machine = Machine::new();
        let old = machine.path("temp/bitrise-dx");
        fs::create_dir(&old).unwrap();
        fs::write(old.join("bitrise-dx.json"), "{}").unwrap();
        let ran = run(machine.action().env(name, value));
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        let is_annotation = |line: &&str| line.starts_with("::error title=");
        let annotations: Vec<&str> = ran.stdout.lines().filter(is_annotation).collect();
        assert_eq!(annotations.len(), 1, "{name}: {ran:?}");
        assert!(annotations[0].contains(words), "{name}: {ran:?}");
        let outputs = machine.text("outputs");
        assert_eq!(outputs, format!("{refused}{}\n", old.display()), "{name}");
        let has_report = old.join("bitrise-dx.json").exists();
        assert_eq!(has_report, name == "BASE_URL", "{name}");
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
        let outputs = machine.text("outputs");
        let found = outputs.split_once("report-dir=").unwrap();
        assert_eq!(
            found.0,
            "verdict=no_resources\nreason=no_apps\nexit-code=6\n"
        );
        let reports = std::path::Path::new(found.1.trim_end());
        assert!(reports.starts_with(machine.path("temp")), "{outputs}");
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
    assert!(machine.text("outputs").ends_with("report-dir=./-p\n"));
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
    assert_eq!(
        machine.text("outputs"),
        "verdict=not_run\nreason=invalid_options\nexit-code=2\nreport-dir=\n"
    );
}

#[test]
fn the_action_takes_no_old_report_for_an_answer() {
    let machine = Machine::new();
    assert_eq!(
        run(machine.action().env("SANDBOX", "no-resources")).code,
        Some(6)
    );
    let before = machine.text("summary");
    machine.command("broken", "exit 1");
    let ran = run(machine.action().env("PROGRAM", machine.path("bin/broken")));
    assert_eq!(ran.code, Some(1));
    assert!(machine.text("outputs").ends_with(&format!(
        "verdict=\nreason=\nexit-code=1\nreport-dir={}\n",
        machine.path("temp/bitrise-dx").display()
    )));
    assert_eq!(machine.text("summary"), before);
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
        .env("BITRISE_TOKEN", CANARY));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let environment = read(notes);
    assert!(environment.contains("SANDBOX=healthy"));
    assert!(!environment.contains("CANARY"), "{environment}");
}
