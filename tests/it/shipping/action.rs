//! The GitHub action, its steps run as a runner runs those of `action.yml`.

use super::{Machine, PROGRAM, Ran, SCENARIOS, read, refuses_without_showing, root, run};
use crate::schema;
use crate::support::process::CANARY;
use crate::support::server::healthy;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// A use of the action in a workflow, with its inputs.
pub(super) struct Action<'a> {
    machine: &'a Machine,
    inputs: BTreeMap<String, String>,
    variables: Vec<(String, OsString)>,
}

impl Machine {
    /// Prepares a use of the GitHub action, on a machine that has the program already.
    fn action(&self) -> Action<'_> {
        let action = Action {
            machine: self,
            inputs: BTreeMap::new(),
            variables: Vec::new(),
        };
        action
            .variable("BITRISE_DX_PROGRAM", PROGRAM)
            .variable("GITHUB_STEP_SUMMARY", self.path("summary"))
    }

    /// Uses the action with a command of this machine in the program's place.
    fn action_with(&self, command: &str) -> Ran {
        let program = self.path("bin").join(command);
        self.action().variable("BITRISE_DX_PROGRAM", program).run()
    }

    /// Returns the action's outputs.
    fn outputs(&self) -> BTreeMap<String, String> {
        serde_json::from_str(&self.text("outputs")).unwrap()
    }

    /// Returns the folder that the action put its reports into.
    fn report_dir(&self) -> PathBuf {
        PathBuf::from(&self.outputs()["report-dir"])
    }
}

impl Action<'_> {
    fn input(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable of the runner's.
    fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(set, _)| set != name);
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Runs the steps of `action.yml` as a runner does: each with the variables that stand there, its
    /// outputs kept from the next one's, and none after one that failed.
    fn run(self) -> Ran {
        let action = read(root().join("action.yml"));
        let (_, described) = action.split_once("inputs:\n").unwrap();
        for input in self.inputs.keys() {
            assert!(
                described.contains(&format!("\n  {input}:\n"))
                    || described.starts_with(&format!("  {input}:")),
                "{input}"
            );
        }
        let value = |expression: &str, outputs: &BTreeMap<String, String>| {
            let mut alternatives = expression.split(" || ");
            let found = alternatives.find_map(|alternative| {
                let value = if let Some(input) = alternative.strip_prefix("inputs.") {
                    self.inputs.get(input).cloned().unwrap_or_else(|| {
                        let (_, described) = action.split_once(&format!("\n  {input}:\n")).unwrap();
                        let (_, default) = described.split_once("    default: \"").unwrap();
                        default.split('"').next().unwrap().to_owned()
                    })
                } else {
                    // GitHub's token and whatever else is unknown here is empty.
                    outputs.get(alternative).cloned().unwrap_or_default()
                };
                Some(value).filter(|value| !value.is_empty())
            });
            found.unwrap_or_default()
        };
        let mut outputs = BTreeMap::new();
        let mut all = Ran {
            code: Some(0),
            stdout: String::new(),
            stderr: String::new(),
        };
        let (described, steps) = action.split_once("\nruns:\n").unwrap();
        for step in steps.split("    - id: ").skip(1) {
            let (id, step) = step.split_once('\n').unwrap();
            let (_, line) = step.split_once("      run: ").unwrap();
            fs::write(self.machine.path("step"), line).unwrap();
            let file = self.machine.path("step-outputs");
            fs::write(&file, "").unwrap();
            let mut command = self
                .machine
                .script(self.machine.path("step").to_str().unwrap(), &[]);
            command
                .env("GITHUB_ACTION_PATH", root())
                .env("RUNNER_TEMP", self.machine.path("temp"))
                .env("GITHUB_OUTPUT", &file)
                .envs(self.variables.iter().map(|(name, value)| (name, value)));
            let mut passed = 0;
            for line in step.lines() {
                if let Some((name, expression)) = line.trim().split_once(": ${{ ") {
                    let expression = expression.strip_suffix(" }}").unwrap();
                    command.env(name, value(expression, &outputs));
                    passed += 1;
                }
            }
            assert!(passed > 5, "{step}");
            let ran = run(&mut command);
            for line in read(&file).lines() {
                let (name, value) = line.split_once('=').unwrap();
                let old = outputs.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
                assert_eq!(old, None, "{name} is set twice");
            }
            all.code = ran.code;
            all.stdout += &ran.stdout;
            all.stderr += &ran.stderr;
            if ran.code != Some(0) {
                break;
            }
        }
        let mut shown = BTreeMap::new();
        let (_, described) = described.split_once("\noutputs:\n").unwrap();
        let mut name = "";
        for line in described.lines() {
            let line = line.trim();
            if let Some((_, expression)) = line.split_once("value: ${{ ") {
                let expression = expression.strip_suffix(" }}").unwrap();
                shown.insert(name.to_owned(), value(expression, &outputs));
            } else if let Some(output) = line.strip_suffix(':') {
                name = output;
            }
        }
        fs::write(
            self.machine.path("outputs"),
            serde_json::to_string(&shown).unwrap(),
        )
        .unwrap();
        all
    }
}

#[test]
fn the_action_hands_on_what_the_program_found() {
    for (scenario, code, verdict, reason) in SCENARIOS {
        let machine = Machine::new();
        let ran = machine.action().input("sandbox", scenario).run();
        assert_eq!(ran.code, Some(code), "{scenario}: {ran:?}");
        let outputs = machine.outputs();
        let reports = machine.report_dir();
        assert!(reports.starts_with(machine.path("temp")), "{outputs:?}");
        let json = read(reports.join("bitrise-dx.json"));
        schema::read(&json);
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (output, value) in [
            ("verdict", verdict),
            ("reason", reason),
            ("exit-code", &code.to_string()),
            ("message", report["message"].as_str().unwrap()),
        ] {
            assert_eq!(outputs[output], value, "{scenario}: {output}");
        }
        let markdown = read(reports.join("bitrise-dx.md"));
        assert_eq!(machine.text("summary"), markdown, "{scenario}");
        assert!(read(reports.join("bitrise-dx.html")).contains("<html"));
        assert!(read(reports.join("bitrise-dx.xml")).contains("<testsuites"));
        let annotated = ran.stdout.lines().any(|line| line.starts_with("::"));
        assert!(annotated, "{scenario}: {}", ran.stdout);
    }
}

#[test]
fn the_action_can_let_pass_what_says_nothing_about_the_token() {
    let denied = "invalid-permissions";
    for (scenario, setting, code, verdict, its_code) in [
        (
            "captive-portal",
            "fail-on-inconclusive",
            0,
            "inconclusive",
            "4",
        ),
        (
            "captive-portal",
            "fail-without-token",
            4,
            "inconclusive",
            "4",
        ),
        ("", "fail-without-token", 0, "not_run", "2"),
        ("", "fail-on-inconclusive", 2, "not_run", "2"),
        (
            denied,
            "fail-on-inconclusive",
            5,
            "invalid_permissions",
            "5",
        ),
    ] {
        let machine = Machine::new();
        let action = machine.action().input("sandbox", scenario);
        let ran = action.input(setting, "false").run();
        assert_eq!(ran.code, Some(code), "{scenario} {setting}: {ran:?}");
        let outputs = machine.outputs();
        assert_eq!(outputs["verdict"], verdict);
        assert_eq!(outputs["exit-code"], its_code);
        let is_let_pass = ran.stdout.contains("does not take for a failure");
        assert_eq!(is_let_pass, code == 0);
        // What does not fail the step is no error in the log.
        let is_error = ran.stdout.contains("::error ");
        let is_warning = ran.stdout.contains("::warning ");
        assert_eq!((is_error, is_warning), (code != 0, code == 0), "{ran:?}");
        if scenario.is_empty() {
            assert_eq!(outputs["reason"], "token_missing");
            assert!(machine.text("summary").contains("fork"));
        }
    }

    // What was not run for another reason is not let pass.
    let machine = Machine::new();
    let action = machine.action().input("base-url", "nowhere");
    let action = action.input("fail-without-token", "false");
    let ran = action.input("token", CANARY).run();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(machine.outputs()["reason"], "invalid_options");
}

#[test]
fn the_action_passes_its_inputs_on() {
    let server = healthy();
    let machine = Machine::new();
    let reports = machine.path("my reports");
    let action = machine.action().input("token", CANARY);
    let action = action.input("base-url", &server.base_url());
    let action = action.input("apps", "app-one app-two,\n-x\n");
    let action = action.input("pipeline-details", "true");
    let ran = action.input("report-dir", reports.to_str().unwrap()).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let asked: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
    for app in ["app-one", "app-two", "-x"] {
        let start = format!("/v0.1/apps/{app}/pipelines?limit=10");
        assert!(asked.contains(&start), "{asked:?}");
    }
    assert!(reports.join("bitrise-dx.json").exists());

    for (scenario, name, value, reason) in [
        // Some apps of this scenario are refused, but not the first one.
        ("partial-permissions", "all-apps", "false", ""),
        (
            "partial-permissions",
            "all-apps",
            "true",
            "pipelines_denied",
        ),
        ("slow", "ca-cert", "/nowhere/root.pem", "invalid_options"),
        ("slow", "max-time", "1ms", "max_time_reached"),
    ] {
        let machine = Machine::new();
        let action = machine.action().input("sandbox", scenario);
        let ran = action.input(name, value).run();
        assert_eq!(machine.outputs()["reason"], reason, "{name}: {ran:?}");
        assert_eq!(ran.code == Some(0), reason.is_empty(), "{name}: {ran:?}");
    }
}

#[test]
fn every_use_of_the_action_keeps_its_own_reports() {
    let machine = Machine::new();
    let mut folders = Vec::new();
    for scenario in ["healthy", "no-resources"] {
        machine.action().input("sandbox", scenario).run();
        folders.push(machine.report_dir());
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
    let action = machine.action().input("sandbox", "invalid-permissions");
    let ran = action.input("label", "Acme Mobile").run();
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

    let long = "x".repeat(61);
    for label in ["a\nb", "a/b", "../x", "<b>", "a%0Ab", "a:b", "ä", &long] {
        let machine = Machine::new();
        let ran = machine.action().input("label", label).run();
        assert_eq!(ran.code, Some(2), "{label}: {ran:?}");
        let annotation = "::error title=bitrise-dx::The input label can have";
        assert!(ran.stdout.starts_with(annotation), "{label}: {ran:?}");
        assert_eq!(machine.outputs()["reason"], "invalid_options", "{label}");
    }
}

#[test]
fn the_summary_can_be_left_out_or_be_missing() {
    for (summary, file) in [("false", "summary"), ("true", "")] {
        let machine = Machine::new();
        let action = machine.action().input("sandbox", "healthy");
        let file = match file {
            "" => PathBuf::new(),
            file => machine.path(file),
        };
        let action = action.variable("GITHUB_STEP_SUMMARY", file);
        let ran = action.input("summary", summary).run();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert_eq!(machine.text("summary"), "");
    }
}

/// Whatever fails before the program runs fails the step with 2, and says why in one line.
#[test]
fn where_there_is_no_program_the_outputs_and_an_annotation_say_so() {
    for (reports, program, fault) in [
        (
            "",
            "/nowhere/x",
            "bitrise-dx can't be installed: /nowhere/x is not a program",
        ),
        (
            "",
            "",
            "bitrise-dx can't be installed: http://127.0.0.1:9/v",
        ),
        (
            "/dev/null/nope",
            "",
            "A command of this step ended with exit code 1.",
        ),
    ] {
        let machine = Machine::new();
        // What an earlier run left in the folder must not pass for this run's.
        let old = machine.path("reports/bitrise-dx.json");
        fs::create_dir(old.parent().unwrap()).unwrap();
        fs::write(&old, "{}").unwrap();
        let action = machine.action().variable("BITRISE_DX_PROGRAM", program);
        let action = action.input("download-url", "http://127.0.0.1:9");
        let action = if reports.is_empty() {
            action.input("report-dir", old.parent().unwrap().to_str().unwrap())
        } else {
            action.variable("RUNNER_TEMP", reports)
        };
        let ran = action.run();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let annotation = format!("::error title=bitrise-dx::{fault}");
        assert!(ran.stdout.starts_with(&annotation), "{ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        let outputs = machine.outputs();
        for (output, value) in [
            ("verdict", "not_run"),
            ("reason", "not_installed"),
            ("exit-code", "2"),
            ("report-dir", ""),
        ] {
            assert_eq!(outputs[output], value);
        }
        assert!(outputs["message"].starts_with(fault), "{outputs:?}");
        assert_eq!(old.exists(), !reports.is_empty(), "{ran:?}");
    }
}

#[test]
fn an_input_that_can_not_be_used_is_named_and_has_outputs() {
    for (name, value, words) in [
        ("all-apps", "yes", "input all-apps must be true or false"),
        ("pipeline-details", "1", "input pipeline-details must be"),
        ("summary", "no", "input summary must be"),
        (
            "fail-on-inconclusive",
            "a\nb",
            "input fail-on-inconclusive must",
        ),
        // What the program refuses, it may name itself.
        ("sandbox", "no-such-scenario", ""),
        ("max-time", "soon", ""),
        ("base-url", "nowhere", ""),
    ] {
        let machine = Machine::new();
        let reports = machine.path("temp/reports");
        let action = machine.action().input(name, value);
        let ran = action.input("report-dir", reports.to_str().unwrap()).run();
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        let is_annotation = |line: &&str| line.starts_with("::error title=");
        let annotations: Vec<&str> = ran.stdout.lines().filter(is_annotation).collect();
        assert_eq!(annotations.len(), 1, "{name}: {ran:?}");
        // The program itself reports what it can't use, where it can read that much.
        let report = fs::read_to_string(reports.join("bitrise-dx.json")).ok();
        assert!(
            report.is_some() || annotations[0].contains(words),
            "{ran:?}"
        );
        let outputs = machine.outputs();
        for (output, value) in [
            ("verdict", "not_run"),
            ("reason", "invalid_options"),
            ("exit-code", "2"),
            ("report-dir", reports.to_str().unwrap()),
        ] {
            assert_eq!(outputs[output], value, "{name}");
        }
        assert_ne!(outputs["message"], "", "{name}");
        if let Some(report) = report {
            assert_eq!(schema::read(&report).verdict, "not_run", "{name}");
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
        let ran = machine.action_with("refusing");
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
        let action = machine.action().input("sandbox", "no-resources");
        let ran = action.input("report-dir", folder).run();
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
    let action = machine.action().input("sandbox", "no-resources");
    let ran = action.input("report-dir", "-p").run();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(6), ""), "{ran:?}");
    assert!(!ran.stdout.contains("::warning"), "{ran:?}");
    assert_eq!(machine.outputs()["report-dir"], "./-p");
    let markdown = read(machine.path("home/-p/bitrise-dx.md"));
    assert_eq!(machine.text("summary"), markdown);
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
    let ran = machine.action_with("odd");
    assert_eq!(ran.code, Some(6), "{ran:?}");
    let outputs = machine.outputs();
    assert_eq!(outputs["verdict"], "no_resources");
    let shown = r#"A "quoted" \ name, 100%\nverdict=verified"#;
    assert_eq!(outputs["message"], shown);
}

#[test]
fn the_verdict_is_the_report_s_or_none() {
    // As a run that a signal ended may report what it had found by then.
    let ended = format!("{PROGRAM} \"$@\" --sandbox=no-resources >/dev/null; exit 143");
    for (script, code, verdict, reason) in [
        (ended.as_str(), 143, "no_resources", "no_apps"),
        ("exit 1", 1, "", ""),
        ("exit 130", 130, "", ""),
    ] {
        let machine = Machine::new();
        machine.command("stand-in", script);
        let ran = machine.action_with("stand-in");
        assert_eq!(ran.code, Some(code), "{ran:?}");
        let outputs = machine.outputs();
        assert_eq!(outputs["verdict"], verdict);
        assert_eq!(outputs["reason"], reason);
        assert_eq!(outputs["exit-code"], code.to_string());
        assert_eq!(machine.text("summary").is_empty(), verdict.is_empty());
    }
}

#[test]
fn the_action_does_not_show_the_token() {
    refuses_without_showing(|machine, base_url, token| {
        let action = machine.action().input("base-url", base_url);
        action.input("token", token).run()
    });
}

#[test]
fn nothing_that_the_action_starts_has_the_token_but_the_program() {
    let action = read(root().join("action.yml"));
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
        "sed",
        &format!(
            "env >>{}; PATH=/usr/bin:/bin exec sed \"$@\"",
            notes.display()
        ),
    );
    let action = machine.action().input("sandbox", "healthy");
    let ran = action.input("token", CANARY).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let environment = read(notes);
    assert!(environment.contains("sandbox=healthy"));
    assert!(!environment.contains("CANARY"), "{environment}");
}
