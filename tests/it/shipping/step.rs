//! The Bitrise Step's script, with stand-ins for Bitrise's own commands.

use super::{Machine, PROGRAM, SCENARIOS, read, refuses_without_showing, root, run};
use crate::schema;
use crate::support::process::CANARY;
use crate::support::server::healthy;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const SCRIPT: &str = ".github/bitrise-step/step.sh";

impl Machine {
    /// Prepares the Bitrise Step's script, on a machine that has `envman` and the CLI with the
    /// plugin for annotations. Both note how they were called, and what they could have read.
    pub(super) fn step(&self) -> Command {
        let notes = self.0.path().display();
        self.command(
            "envman",
            &format!("printf '%s\\n' \"$*\" >>{notes}/envman; env >>{notes}/environment"),
        );
        self.command(
            "bitrise",
            &format!("printf '%s\\n' \"$*\" >>{notes}/bitrise; cat >>{notes}/annotation; env >>{notes}/environment"),
        );
        let mut command = self.script(SCRIPT, &[]);
        command
            .env("program_path", PROGRAM)
            .env("BITRISE_BUILD_SLUG", "a-build")
            .env("BITRISE_DEPLOY_DIR", self.path("deploy"))
            .env("BITRISE_TEST_RESULT_DIR", self.path("tests"))
            .env("BITRISE_HTML_REPORT_DIR", self.path("html"));
        command
    }

    /// Returns the value of one of the Step's outputs, as the last call of `envman` set it.
    fn output(&self, name: &str) -> Option<String> {
        let start = format!("add --no-expand --key {name} --value");
        let notes = self.text("envman");
        let line = notes.lines().rfind(|line| line.starts_with(&start))?;
        Some(line[start.len()..].trim().to_owned())
    }
}

#[test]
fn the_step_puts_the_answer_where_bitrise_shows_it() {
    for (scenario, code, verdict, reason) in SCENARIOS {
        let machine = Machine::new();
        let ran = run(machine.step().env("sandbox", scenario));
        assert_eq!(ran.code, Some(code), "{scenario}: {ran:?}");
        assert!(ran.stdout.contains("from the sandbox"), "{}", ran.stdout);

        let output = |name: &str| machine.output(name).unwrap();
        assert_eq!(output("BITRISE_DX_VERDICT"), verdict);
        assert_eq!(output("BITRISE_DX_REASON"), reason);
        assert_eq!(output("BITRISE_DX_EXIT_CODE"), code.to_string());
        let reports = PathBuf::from(output("BITRISE_DX_REPORT_DIR"));
        let report = |ending: &str| read(reports.join(format!("bitrise-dx.{ending}")));
        let parsed = schema::read(&report("json"));
        assert_eq!(parsed.verdict, verdict);
        assert_eq!(output("BITRISE_DX_MESSAGE"), parsed.message);
        let (markdown, html) = (report("md"), report("html"));
        assert_eq!(
            fs::read_dir(&reports).unwrap().count(),
            4,
            "only reports stay"
        );

        assert_eq!(machine.text("deploy/bitrise-dx.json"), report("json"));
        assert_eq!(machine.text("deploy/bitrise-dx.md"), markdown);
        assert_eq!(machine.text("deploy/bitrise-dx.html"), html);
        assert_eq!(machine.text("html/bitrise-dx/index.html"), html);
        let junit = machine.text("tests/bitrise-dx/bitrise-dx.xml");
        assert_eq!(junit, report("xml"));
        assert!(junit.contains("<testsuites"));
        let info: serde_json::Value =
            serde_json::from_str(&machine.text("tests/bitrise-dx/test-info.json")).unwrap();
        assert_eq!(info["test-name"], "Bitrise token for DX");

        let style = match code {
            0 => "info",
            4 => "warning",
            _ => "error",
        };
        assert_eq!(
            machine.text("bitrise"),
            format!(":annotations annotate --style {style} --context bitrise-dx\n")
        );
        assert_eq!(machine.text("annotation"), markdown);
    }
}

#[test]
fn the_step_passes_its_inputs_on() {
    let server = healthy();
    let machine = Machine::new();
    let ran = run(machine
        .step()
        .env("bitrise_api_token", CANARY)
        .env("base_url", server.base_url())
        .env("app_slug_list", "app-one|app-two\napp-three")
        .env("pipeline_details", "yes"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let asked: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
    for app in ["app-one", "app-two", "app-three"] {
        let start = format!("/v0.1/apps/{app}/pipelines?limit=10");
        assert!(asked.contains(&start), "{asked:?}");
    }

    for (all_apps, code) in [("no", 0), ("yes", 5)] {
        let machine = Machine::new();
        let ran = run(machine
            .step()
            .env("sandbox", "partial-permissions")
            .env("all_apps", all_apps));
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}

#[test]
fn the_step_can_let_pass_what_says_nothing_about_the_token() {
    let cases = [
        ("captive-portal", "fail_on_inconclusive", 0, "4"),
        ("captive-portal", "fail_without_token", 4, "4"),
        ("", "fail_without_token", 0, "2"),
        ("", "fail_on_inconclusive", 2, "2"),
        ("no-resources", "fail_on_inconclusive", 6, "6"),
    ];
    for (scenario, setting, code, its_code) in cases {
        let machine = Machine::new();
        let ran = run(machine.step().env("sandbox", scenario).env(setting, "no"));
        assert_eq!(ran.code, Some(code), "{scenario} {setting}: {ran:?}");
        assert_eq!(machine.output("BITRISE_DX_EXIT_CODE").unwrap(), its_code);
        assert_eq!(code == 0, ran.stdout.contains("not to take for a failure"));
        if scenario.is_empty() {
            assert_eq!(
                machine.output("BITRISE_DX_REASON").unwrap(),
                "token_missing"
            );
            let report = schema::read(&machine.text("deploy/bitrise-dx.json"));
            for said in [ran.stdout.as_str(), &report.message] {
                assert!(said.contains("BITRISE_TOKEN is empty or not set"), "{said}");
            }
            // The Step's own input is what is to be filled in.
            let first = "Make a Secret that holds the token, and choose it for the Step's input \
                         bitrise_api_token. Then run it again.";
            assert_eq!(report.actions[0], first);
            let secrets = "whoever manages this app's Secrets on Bitrise";
            assert_eq!(report.who_message.as_deref(), Some(secrets));
            assert!(machine.text("bitrise").contains("--style warning"));
        }
    }
}

#[test]
fn without_a_token_in_a_pull_requests_build_the_step_names_the_setting() {
    let machine = Machine::new();
    let ran = run(machine.step().env("BITRISE_IO", "true").env("PR", "true"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let report = schema::read(&machine.text("deploy/bitrise-dx.json"));
    let cause = "a pull request's build, and Bitrise gives Secrets to those only where allowed";
    assert!(report.message.contains(cause), "{}", report.message);
    assert_eq!(machine.output("BITRISE_DX_MESSAGE"), Some(report.message));
    let setting = "“Expose for Pull Requests”";
    assert!(report.actions[0].contains(setting), "{:?}", report.actions);
}

#[test]
fn the_step_answers_where_bitrise_has_no_place_for_it() {
    // No envman, no CLI, no folders: as on somebody's own machine.
    let machine = Machine::new();
    let bare = run(machine
        .script(SCRIPT, &[])
        .env("program_path", PROGRAM)
        .env("BITRISE_BUILD_SLUG", "a-build")
        .env("sandbox", "invalid-permissions"));
    assert_eq!(bare.code, Some(5), "{bare:?}");
    assert!(bare.stderr.contains("no envman"), "{}", bare.stderr);
    assert!(bare.stdout.contains("not annotated"), "{}", bare.stdout);

    // Everything there, and all of it failing.
    let machine = Machine::new();
    let mut step = machine.step();
    machine.command("envman", "exit 1");
    machine.command("bitrise", "exit 1");
    fs::write(machine.path("deploy"), "a file, where a folder should be").unwrap();
    let failing = run(step.env("sandbox", "healthy"));
    assert_eq!(failing.code, Some(0), "{failing:?}");
    assert!(failing.stderr.contains("could not be set"), "{failing:?}");
    for words in ["could not be written", "not annotated"] {
        assert!(failing.stdout.contains(words), "{words}: {failing:?}");
    }

    // No annotation where none is wanted, or where there is no build to annotate.
    for (name, value) in [("annotate", "no"), ("BITRISE_BUILD_SLUG", "")] {
        let machine = Machine::new();
        let mut step = machine.step();
        let quiet = run(step.env("sandbox", "healthy").env(name, value));
        assert_eq!(quiet.code, Some(0));
        assert_eq!(machine.text("bitrise"), "");
    }

    let machine = Machine::new();
    let odd = run(machine.step().env("all_apps", "maybe"));
    assert_eq!(odd.code, Some(2));
    for (name, value) in [
        ("BITRISE_DX_VERDICT", "not_run"),
        ("BITRISE_DX_REASON", "invalid_options"),
        ("BITRISE_DX_EXIT_CODE", "2"),
        ("BITRISE_DX_REPORT_DIR", ""),
    ] {
        assert_eq!(machine.output(name).as_deref(), Some(value), "{name}");
    }
    assert!(
        odd.stderr.contains("all_apps must be yes or no"),
        "{}",
        odd.stderr
    );
}

#[test]
fn a_label_keeps_several_checks_of_a_build_apart() {
    let machine = Machine::new();
    for (label, scenario) in [("Acme Mobile", "healthy"), ("Globex", "no-resources")] {
        run(machine.step().env("sandbox", scenario).env("label", label));
    }
    for (name, verdict) in [
        ("bitrise-dx-Acme-Mobile", "verified"),
        ("bitrise-dx-Globex", "no_resources"),
    ] {
        let report = schema::read(&machine.text(&format!("deploy/{name}.json")));
        assert_eq!(report.verdict, verdict);
        assert_ne!(machine.text(&format!("tests/{name}/{name}.xml")), "");
        assert_ne!(machine.text(&format!("html/{name}/index.html")), "");
        let context = format!("--context {name}\n");
        assert!(machine.text("bitrise").contains(&context));
    }
    let info: serde_json::Value =
        serde_json::from_str(&machine.text("tests/bitrise-dx-Globex/test-info.json")).unwrap();
    assert_eq!(info["test-name"], "Bitrise token for DX (Globex)");
    let annotation = machine.text("annotation");
    assert!(annotation.contains("# Acme Mobile\n\n") && annotation.contains("# Globex\n\n"));

    for label in ["a/b", "a\"b", "a\nb"] {
        let machine = Machine::new();
        let ran = run(machine.step().env("label", label));
        assert_eq!(ran.code, Some(2), "{label}: {ran:?}");
        let reason = machine.output("BITRISE_DX_REASON");
        assert_eq!(reason.as_deref(), Some("invalid_options"), "{label}");
    }
}

/// Whatever fails before the program runs fails the Step with 2, and says why in one line.
#[test]
fn the_step_says_so_where_there_is_no_program() {
    for (name, value, fault) in [
        (
            "program_path",
            "/nowhere/x",
            "bitrise-dx can't be installed: /nowhere/x is not a program",
        ),
        (
            "TMPDIR",
            "/dev/null/nope",
            "A command of this step ended with exit code 1.",
        ),
    ] {
        let machine = Machine::new();
        // An earlier build's report must not pass for this one's.
        fs::create_dir(machine.path("deploy")).unwrap();
        fs::write(machine.path("deploy/bitrise-dx.json"), "{}").unwrap();
        let ran = run(machine.step().env(name, value));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(ran.stderr.lines().last(), Some(fault));
        for (name, value) in [
            ("BITRISE_DX_VERDICT", "not_run"),
            ("BITRISE_DX_REASON", "not_installed"),
            ("BITRISE_DX_EXIT_CODE", "2"),
            ("BITRISE_DX_MESSAGE", fault),
            ("BITRISE_DX_REPORT_DIR", ""),
        ] {
            assert_eq!(machine.output(name).as_deref(), Some(value), "{name}");
        }
        assert!(!machine.path("deploy/bitrise-dx.json").exists());
        assert_eq!(fs::read_dir(machine.path("temp")).unwrap().count(), 0);
    }
}

#[test]
fn the_time_and_a_root_certificate_are_passed_on() {
    for (name, value, reason) in [
        ("ca_cert", "/nowhere/root.pem", "invalid_options"),
        ("max_time", "1ms", "max_time_reached"),
    ] {
        let machine = Machine::new();
        let ran = run(machine.step().env("sandbox", "slow").env(name, value));
        assert_ne!(ran.code, Some(0), "{name}: {ran:?}");
        let found = machine.output("BITRISE_DX_REASON");
        assert_eq!(found.as_deref(), Some(reason), "{name}: {ran:?}");
    }
}

/// Returns the inputs of each Step of this project's, and the scripts that follow, in a `bitrise.yml`.
fn steps(yaml: &str) -> Vec<(Vec<(String, String)>, String)> {
    let mut found = Vec::new();
    for part in yaml.split("    - path::./:\n").skip(1) {
        let (step, script) = part.split_once("    - script:\n").unwrap();
        let inputs = step.split_once("        inputs:\n").unwrap().1.lines();
        let inputs = inputs
            .map(|line| line.trim().strip_prefix("- ").unwrap())
            .map(|input| input.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()));
        let (_, content) = script.split_once("content: |-\n").unwrap();
        found.push((inputs.collect(), content.to_owned()));
    }
    found
}

#[test]
fn the_test_workflow_holds() {
    let steps = steps(&read(root().join(".github/bitrise-step/bitrise.yml")));
    assert_eq!(steps.len(), 1);
    for (inputs, script) in steps {
        let machine = Machine::new();
        let mut step = machine.step();
        // “source” builds the program; the tests have it already.
        step.envs(inputs.into_iter().filter(|(name, _)| name != "version"));
        let ran = run(&mut step);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        fs::write(machine.path("script"), script).unwrap();
        let mut next = machine.script(machine.path("script").to_str().unwrap(), &[]);
        for name in ["VERDICT", "REASON", "EXIT_CODE", "REPORT_DIR"] {
            let name = format!("BITRISE_DX_{name}");
            next.env(&name, machine.output(&name).unwrap());
        }
        let ran = run(&mut next);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

#[test]
fn the_step_does_not_show_the_token() {
    refuses_without_showing(|machine, base_url, token| {
        let mut step = machine.step();
        step.env("base_url", base_url)
            .env("bitrise_api_token", token)
            // As a Secret of that name stands there for all Steps.
            .env("BITRISE_TOKEN", token);
        run(&mut step)
    });
}

#[test]
fn nothing_that_the_step_starts_has_the_token_but_the_program() {
    let machine = Machine::new();
    let ran = run(machine
        .step()
        .env("sandbox", "healthy")
        .env("bitrise_api_token", CANARY)
        .env("BITRISE_TOKEN", CANARY));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let environment = machine.text("environment");
    assert!(environment.contains("BITRISE_BUILD_SLUG=a-build"));
    assert!(!environment.contains("CANARY"), "{environment}");
}
