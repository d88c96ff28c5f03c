//! The GitHub action and the Bitrise Step: the same cases for both, run as a runner runs them.

use super::{Machine, PROGRAM, Ran, read, refuses_without_showing, root, rows, run};
use crate::schema;
use crate::support::process::CANARY;
use crate::support::server::{healthy, unused};
use crate::support::{has, lacks};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Action,
    Step,
}

const KINDS: [Kind; 2] = [Kind::Action, Kind::Step];

/// A use of one of them, with its inputs by the Step's names and values.
struct Use<'a> {
    kind: Kind,
    machine: &'a Machine,
    inputs: BTreeMap<&'a str, String>,
    variables: BTreeMap<&'a str, OsString>,
}

/// What came of it.
#[derive(Debug)]
struct Used {
    ran: Ran,
    /// By the action's names.
    outputs: BTreeMap<String, String>,
}

/// Uses one of them with inputs, on a machine of its own.
fn try_out(kind: Kind, inputs: &[(&str, &str)]) -> (Machine, Used) {
    let machine = Machine::new();
    let prepared = machine.prepare(kind);
    let used = inputs
        .iter()
        .fold(prepared, |used, (name, value)| used.input(name, value));
    let used = used.run();
    (machine, used)
}

impl Machine {
    /// Prepares a use on a machine that has the program already; and for the Step `envman`, and the CLI
    /// with the plugin for annotations, which note how they were called and what they could have read.
    fn prepare(&self, kind: Kind) -> Use<'_> {
        let prepared = Use {
            kind,
            machine: self,
            inputs: BTreeMap::new(),
            variables: BTreeMap::new(),
        };
        match kind {
            Kind::Action => prepared
                .variable("BITRISE_DX_PROGRAM", PROGRAM)
                .variable("RUNNER_TEMP", self.path("temp"))
                .variable("GITHUB_STEP_SUMMARY", self.path("annotation")),
            Kind::Step => {
                let notes = self.0.path().display().to_string();
                let noting = "printf '%s\\n' \"$*\" >>NOTES/NAME; env >>NOTES/environment\n\
                    [ NAME = envman ] || cat >>NOTES/annotation";
                for name in ["envman", "bitrise"] {
                    let noting = noting.replace("NOTES", &notes).replace("NAME", name);
                    self.command(name, &noting);
                }
                prepared
                    .input("program_path", PROGRAM)
                    .variable("BITRISE_BUILD_SLUG", "a-build")
                    .variable("BITRISE_DEPLOY_DIR", self.path("deploy"))
                    .variable("BITRISE_TEST_RESULT_DIR", self.path("tests"))
                    .variable("BITRISE_HTML_REPORT_DIR", self.path("html"))
            }
        }
    }
}

impl<'a> Use<'a> {
    fn input(mut self, name: &'a str, value: &str) -> Self {
        self.inputs.insert(name, value.to_owned());
        self
    }

    fn variable(mut self, name: &'a str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    /// Takes another program.
    fn program(self, path: &str) -> Self {
        match self.kind {
            Kind::Action => self.variable("BITRISE_DX_PROGRAM", path),
            Kind::Step => self.input("program_path", path),
        }
    }

    /// Takes a script in the program's place.
    fn stand_in(self, script: &str) -> Self {
        self.machine.command("stand-in", script);
        let path = self.machine.path("bin/stand-in");
        self.program(path.to_str().unwrap())
    }

    fn run(self) -> Used {
        match self.kind {
            Kind::Action => self.run_action(),
            Kind::Step => {
                let mut step = self.machine.script(".github/packaging/step.sh", &[]);
                step.envs(&self.variables).envs(&self.inputs);
                let ran = run(&mut step);
                let mut outputs = BTreeMap::new();
                for line in self.machine.text("envman").lines() {
                    let set = line.strip_prefix("add --no-expand --key BITRISE_DX_");
                    let (name, value) = set.unwrap().split_once(" --value ").unwrap();
                    let name = name.to_lowercase().replace('_', "-");
                    outputs.insert(name, value.to_owned());
                }
                Used { ran, outputs }
            }
        }
    }

    /// Runs the steps of `action.yml` as a runner does: each with the variables that stand there, its
    /// outputs kept from the next one's, and none after one that failed.
    fn run_action(self) -> Used {
        let action = read(root().join("action.yml"));
        let (inputs, rest) = action.split_once("\noutputs:\n").unwrap();
        let (described, steps) = rest.split_once("\nruns:\n").unwrap();
        let mut given = BTreeMap::new();
        for (name, value) in &self.inputs {
            let name = match *name {
                "bitrise_api_token" => "token".to_owned(),
                "app_slug_list" => "apps".to_owned(),
                name => name.replace('_', "-"),
            };
            let value = match value.as_str() {
                "yes" => "true",
                "no" => "false",
                value => value,
            };
            assert!(inputs.contains(&format!("\n  {name}:\n")), "{name}");
            given.insert(name, value.to_owned());
        }
        let default = |input: &str| {
            let (_, described) = inputs.split_once(&format!("\n  {input}:\n")).unwrap();
            let mut described = described
                .lines()
                .take_while(|line| line.starts_with("    "));
            // Where nothing is said, GitHub's default is an empty text.
            let default = described.find_map(|line| line.trim().strip_prefix("default: "));
            default.unwrap_or_default().trim_matches('"').to_owned()
        };
        let value = |expression: &str, outputs: &BTreeMap<String, String>| {
            let expression = expression.strip_suffix(" }}").unwrap();
            let values = expression.split(" || ").map(|alternative| {
                let Some(input) = alternative.strip_prefix("inputs.") else {
                    // GitHub's token and whatever else is unknown here is empty.
                    return outputs.get(alternative).cloned().unwrap_or_default();
                };
                given.get(input).cloned().unwrap_or_else(|| default(input))
            });
            let found = values.into_iter().find(|value| !value.is_empty());
            found.unwrap_or_default()
        };
        let mut set = BTreeMap::new();
        let mut all = Ran::default();
        for step in steps.split("    - id: ").skip(1) {
            let (id, step) = step.split_once('\n').unwrap();
            let (variables, line) = step.split_once("      run: ").unwrap();
            let [script, file] = ["step", "step-outputs"].map(|name| self.machine.path(name));
            fs::write(&script, line).unwrap();
            fs::write(&file, "").unwrap();
            let mut command = self.machine.script(script.to_str().unwrap(), &[]);
            command
                .env("GITHUB_ACTION_PATH", root())
                .env("GITHUB_OUTPUT", &file);
            command.envs(&self.variables);
            for (name, expression) in
                { variables.lines() }.filter_map(|line| line.split_once(": ${{ "))
            {
                command.env(name.trim(), value(expression, &set));
            }
            let ran = run(&mut command);
            for line in read(&file).lines() {
                let (name, value) = line.split_once('=').unwrap();
                let old = set.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
                assert_eq!(old, None, "{name} is set twice");
            }
            all.code = ran.code;
            all.stdout += &ran.stdout;
            all.stderr += &ran.stderr;
            if ran.code != Some(0) {
                break;
            }
        }
        let mut outputs = BTreeMap::new();
        let mut name = "";
        for line in described.lines().map(str::trim) {
            if let Some((_, expression)) = line.split_once("value: ${{ ") {
                outputs.insert(name.to_owned(), value(expression, &set));
            } else if let Some(output) = line.strip_suffix(':') {
                name = output;
            }
        }
        Used { ran: all, outputs }
    }
}

impl Used {
    fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    /// Demands an exit code, and a verdict, a reason and the program's own exit code as outputs.
    fn holds(&self, code: &str, verdict: &str, reason: &str, its_code: &str) {
        assert_eq!(self.ran.code, code.parse().ok(), "{self:?}");
        let found = ["verdict", "reason", "exit-code"].map(|name| self.output(name));
        assert_eq!(found, [verdict, reason, its_code], "{self:?}");
    }

    fn report(&self, name: &str) -> String {
        read(PathBuf::from(self.output("report-dir")).join(name))
    }

    /// Returns the workflow commands in the log.
    fn annotations(&self) -> Vec<&str> {
        let lines = self.ran.stdout.lines();
        lines.filter(|line| line.starts_with("::")).collect()
    }
}

#[test]
fn what_the_program_found_is_handed_on() {
    let scenarios = "
        healthy             | 0 | verified            |
        invalid-credentials | 3 | invalid_credentials | token_rejected
        invalid-permissions | 5 | invalid_permissions | pipelines_denied
        no-resources        | 6 | no_resources        | no_apps
        captive-portal      | 4 | inconclusive        | intercepted
        rate-limited        | 4 | inconclusive        | rate_limited";
    let of = |kind| rows(scenarios).map(move |row| (kind, row));
    let cases = KINDS.into_iter().flat_map(of);
    for (kind, [scenario, code, verdict, reason]) in cases {
        let (machine, used) = try_out(kind, &[("sandbox", scenario)]);
        used.holds(code, verdict, reason, code);
        let json = used.report("bitrise-dx.json");
        assert_eq!(used.output("message"), schema::read(&json).message);
        let [markdown, html, xml] =
            ["md", "html", "xml"].map(|e| used.report(&format!("bitrise-dx.{e}")));
        assert!(html.contains("<html") && xml.contains("<testsuites"));
        // The job's summary, or the build's annotation.
        assert_eq!(machine.text("annotation"), markdown, "{scenario}");
        let reports = PathBuf::from(used.output("report-dir"));
        assert!(reports.starts_with(machine.path("temp")), "{used:?}");
        assert_eq!(fs::read_dir(&reports).unwrap().count(), 4, "reports alone");
        if kind == Kind::Action {
            assert!(!used.annotations().is_empty(), "{used:?}");
            continue;
        }
        has(&used.ran.stdout, "from the sandbox");
        for (path, report) in [
            ("deploy/bitrise-dx.json", &json),
            ("deploy/bitrise-dx.md", &markdown),
            ("deploy/bitrise-dx.html", &html),
            ("html/bitrise-dx/index.html", &html),
            ("tests/bitrise-dx/bitrise-dx.xml", &xml),
        ] {
            assert_eq!(machine.text(path), *report, "{path}");
        }
        let info = machine.text("tests/bitrise-dx/test-info.json");
        assert_eq!(info, "{\"test-name\":\"Bitrise token for DX\"}\n");
        let style = match code {
            "0" => "info",
            "4" => "warning",
            _ => "error",
        };
        let asked = format!(":annotations annotate --style {style} --context bitrise-dx\n");
        assert_eq!(machine.text("bitrise"), asked);
    }
}

#[test]
fn what_says_nothing_about_the_token_can_be_let_pass() {
    for kind in KINDS {
        for [scenario, setting, code, verdict, reason, its_code] in rows(
            "captive-portal | fail_on_inconclusive | 0 | inconclusive | intercepted   | 4
             captive-portal | fail_without_token   | 4 | inconclusive | intercepted   | 4
                            | fail_without_token   | 0 | not_run      | token_missing | 2
                            | fail_on_inconclusive | 2 | not_run      | token_missing | 2
             no-resources   | fail_on_inconclusive | 6 | no_resources | no_apps       | 6",
        ) {
            let (machine, used) = try_out(kind, &[("sandbox", scenario), (setting, "no")]);
            used.holds(code, verdict, reason, its_code);
            let is_passed = code == "0";
            let is_let_pass = used.ran.stdout.contains("not to be taken for a failure");
            assert_eq!(is_let_pass, is_passed, "{used:?}");
            if kind == Kind::Action {
                // What does not fail the step is no error in the log.
                let is_error = used.annotations()[0].starts_with("::error ");
                assert_eq!(is_error, !is_passed, "{used:?}");
            } else if scenario.is_empty() {
                // The Step's own input is what is to be filled in.
                let report = schema::read(&used.report("bitrise-dx.json"));
                assert!(report.actions[0].contains("the Step's input bitrise_api_token"));
                assert!(machine.text("bitrise").contains("--style warning"));
            }
        }
        // What was not run for another reason is not let pass.
        let (address, pass) = (("base_url", "nowhere"), ("fail_without_token", "no"));
        let (_, used) = try_out(kind, &[address, pass, ("bitrise_api_token", CANARY)]);
        used.holds("2", "not_run", "invalid_options", "2");
    }
}

#[test]
fn inputs_are_passed_on() {
    for kind in KINDS {
        let server = healthy();
        let inputs = [
            ("bitrise_api_token", CANARY),
            ("base_url", &server.base_url()),
            ("app_slug_list", "app-one app-two,\n-x|app-three"),
            ("pipeline_details", "yes"),
        ];
        let (_, used) = try_out(kind, &inputs);
        used.holds("0", "verified", "", "0");
        let asked: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
        for app in ["app-one", "app-two", "-x", "app-three"] {
            let start = format!("/v0.1/apps/{app}/pipelines?limit=10");
            assert!(asked.contains(&start), "{asked:?}");
        }
        // Some apps of the first scenario are refused, but not the first one.
        for [scenario, name, value, reason] in rows(
            "partial-permissions | all_apps             | no                |
             partial-permissions | all_apps             | yes               | pipelines_denied
             slow                | ca_cert              | /nowhere/root.pem | invalid_options
             slow                | max_time             | 1ms               | max_time_reached
             no-such-scenario    | all_apps             | no                | invalid_options
             healthy             | max_time             | soon              | invalid_options
             healthy             | base_url             | nowhere           | invalid_options
             healthy             | all_apps             | maybe             | invalid_options
             healthy             | pipeline_details     | 1                 | invalid_options
             healthy             | fail_on_inconclusive | yes, and           | invalid_options
             healthy             | label                | a/b               | invalid_options",
        ) {
            let (_, used) = try_out(kind, &[("sandbox", scenario), (name, value)]);
            assert_eq!(used.output("reason"), reason, "{name}: {used:?}");
            let is_passed = used.ran.code == Some(0);
            assert_eq!(is_passed, reason.is_empty(), "{name}: {used:?}");
            if reason == "invalid_options" {
                used.holds("2", "not_run", reason, "2");
                assert_ne!(used.output("message"), "", "{name}");
                let is_error = |line: &&&str| line.starts_with("::error title=");
                let errors = used.annotations().iter().filter(is_error).count();
                assert_eq!(errors, usize::from(kind == Kind::Action), "{used:?}");
            }
        }
    }
}

#[test]
fn a_label_names_the_connection_wherever_the_answer_stands() {
    for kind in KINDS {
        let machine = Machine::new();
        let refused = ("Acme Mobile", "invalid-permissions");
        for (label, scenario) in [refused, ("Globex", "healthy")] {
            let prepared = machine.prepare(kind).input("sandbox", scenario);
            let used = prepared.input("label", label).run();
            let name = format!("bitrise-dx-{}", label.replace(' ', "-"));
            schema::read(&used.report(&format!("{name}.json")));
            let markdown = used.report(&format!("{name}.md"));
            let title = format!("# {label}\n\n");
            assert!(markdown.starts_with(&title), "{markdown}");
            assert!(machine.text("annotation").ends_with(&markdown));
            let junit = used.report(&format!("{name}.xml"));
            let document = roxmltree::Document::parse(&junit).unwrap();
            let nodes = document.descendants();
            let suites = nodes.filter(|node| node.tag_name().name().starts_with("testsuite"));
            let suites: Vec<_> = suites.map(|node| node.attribute("name").unwrap()).collect();
            let is_named = |suite: &&str| suite.ends_with(&format!(" ({label})"));
            assert_eq!(suites.len(), 2);
            assert!(suites.iter().all(is_named), "{suites:?}");
            let is_titled = |line: &&str| line.contains(&format!(" title={label} · "));
            assert!(used.annotations().iter().all(is_titled), "{used:?}");
            if kind == Kind::Step {
                // One check does not overwrite another.
                let info = machine.text(&format!("tests/{name}/test-info.json"));
                has(&info, &format!("DX ({label})"));
                assert_ne!(machine.text(&format!("html/{name}/index.html")), "");
                has(&machine.text("bitrise"), &format!("--context {name}\n"));
            }
        }
        let long = "x".repeat(61);
        for label in [
            "a\nb", "a/b", "../x", "<b>", "a%0Ab", "a:b", "ä", "a\"b", &long,
        ] {
            let (_, used) = try_out(kind, &[("label", label)]);
            used.holds("2", "not_run", "invalid_options", "2");
            has(used.output("message"), "The input label can have");
        }
    }
}

/// Whatever fails before the program runs fails the use with 2, and says why in one line.
#[test]
fn where_there_is_no_program_one_line_says_so() {
    let nowhere = format!("http://{}", unused());
    for kind in KINDS {
        for [program, temporary, fault] in rows(
            "/nowhere/x | | bitrise-dx can't be installed: /nowhere/x is not a program
             | | bitrise-dx can't be installed: NOWHERE/v
             | /dev/null/nope | A command of this step ended with exit code 1.",
        ) {
            let machine = Machine::new();
            // What an earlier run left must not pass for this run's.
            let old = machine.path("deploy/bitrise-dx.json");
            fs::create_dir(machine.path("deploy")).unwrap();
            fs::write(&old, "{}").unwrap();
            let mut prepared = machine.prepare(kind).program(program);
            prepared = prepared.input("download_url", &nowhere);
            if kind == Kind::Action && temporary.is_empty() {
                prepared = prepared.input("report_dir", machine.path("deploy").to_str().unwrap());
            }
            if !temporary.is_empty() {
                for name in ["TMPDIR", "RUNNER_TEMP"] {
                    prepared = prepared.variable(name, temporary);
                }
            }
            let used = prepared.run();
            used.holds("2", "not_run", "not_installed", "2");
            let fault = fault.replace("NOWHERE", &nowhere);
            assert!(used.output("message").starts_with(&fault), "{used:?}");
            assert_eq!(used.output("report-dir"), "");
            let shown = format!("{}{}", used.ran.stdout, used.ran.stderr);
            has(&shown, &format!("{}\n", used.output("message")));
            assert_eq!(old.exists(), kind == Kind::Action && !temporary.is_empty());
        }
    }
}

#[test]
fn the_verdict_is_the_report_s_or_none() {
    // As a run that a signal ended may report what it had found by then.
    let ended = format!("{PROGRAM} \"$@\" --sandbox=no-resources >/dev/null; exit 143");
    // A message is one line of the outputs, whatever is in it.
    let odd = r#"for arg; do case $arg in --report=*.json) report=${arg#*=} ;; esac; done
        printf '{\n  "verdict": "no_resources",\n  "message": %s\n}\n' \
          '"A \"quoted\" \\ name, 100%\nverdict=verified",' >"$report"
        exit 6"#;
    for kind in KINDS {
        let of_odd = r#"6 | no_resources | | A "quoted" \ name, 100%\nverdict=verified"#;
        for (script, row) in [
            (ended.as_str(), "143 | no_resources | no_apps | sandbox"),
            ("exit 1", "1 | | |"),
            ("exit 130", "130 | | |"),
            (odd, of_odd),
            ("exit 2", "2 | not_run | invalid_options | An input has"),
        ] {
            let [code, verdict, reason, message] = rows(row).next().unwrap();
            let machine = Machine::new();
            let used = machine.prepare(kind).stand_in(script).run();
            used.holds(code, verdict, reason, code);
            has(used.output("message"), message);
        }
    }
}

#[test]
fn the_token_is_shown_nowhere_and_nothing_has_it_but_the_program() {
    for kind in KINDS {
        refuses_without_showing(|machine, base_url, token| {
            let prepared = machine.prepare(kind).input("base_url", base_url);
            // As a Secret of that name stands there for all Steps.
            let prepared = prepared.variable("BITRISE_TOKEN", token);
            prepared.input("bitrise_api_token", token).run().ran
        });
        let machine = Machine::new();
        let notes = machine.path("environment");
        let noting = "PATH=/usr/bin:/bin exec sed \"$@\"";
        machine.command("sed", &format!("env >>{}; {noting}", notes.display()));
        let prepared = machine.prepare(kind).input("sandbox", "healthy");
        let used = prepared.input("bitrise_api_token", CANARY).run();
        used.holds("0", "verified", "", "0");
        let environment = read(notes);
        has(&environment, "sandbox=healthy");
        lacks(&environment, "CANARY");
    }
    // The step that installs has no token at all.
    let action = read(root().join("action.yml"));
    let (before, verifying) = action.split_once("    - id: verify\n").unwrap();
    lacks(before, "inputs.token");
    has(verifying, "BITRISE_TOKEN: ${{ inputs.token }}\n");
}

#[test]
fn the_action_s_reports_have_a_folder_of_their_own_or_the_one_that_is_named() {
    let machine = Machine::new();
    let folders = ["healthy", "no-resources"].map(|scenario| {
        let prepared = machine.prepare(Kind::Action);
        let used = prepared.input("sandbox", scenario).run();
        PathBuf::from(used.output("report-dir"))
    });
    let summaries = folders.map(|folder| read(folder.join("bitrise-dx.md")));
    assert_eq!(machine.text("annotation"), summaries.concat());

    // One that looks like an option is a folder like any other.
    let into = |folder| {
        let inputs = [("sandbox", "healthy"), ("report_dir", folder)];
        try_out(Kind::Action, &inputs)
    };
    for (folder, shown) in [("-p", "./-p"), ("my reports", "my reports")] {
        let (machine, used) = into(folder);
        used.holds("0", "verified", "", "0");
        assert_eq!(used.output("report-dir"), shown);
        let markdown = read(machine.path("home").join(folder).join("bitrise-dx.md"));
        assert_eq!(machine.text("annotation"), markdown);
    }
    for folder in ["/dev/null/nope", "two\nverdict=verified"] {
        let (_, used) = into(folder);
        used.holds("2", "not_run", "invalid_options", "2");
        has(
            used.annotations()[0],
            "The input report-dir names no folder",
        );
    }
}

#[test]
fn the_action_s_summary_can_be_left_out_or_be_missing() {
    for (summary, is_missing) in [("no", false), ("yes", true)] {
        let machine = Machine::new();
        let mut prepared = machine.prepare(Kind::Action).input("summary", summary);
        if is_missing {
            prepared = prepared.variable("GITHUB_STEP_SUMMARY", "");
        }
        let used = prepared.input("sandbox", "healthy").run();
        assert_eq!((used.ran.code, &*used.ran.stderr), (Some(0), ""));
        assert_eq!(machine.text("annotation"), "");
    }
}

#[test]
fn what_the_program_says_itself_the_action_does_not_say_again() {
    for (says, annotations) in [
        ("", 1),
        ("::error title=x::y", 1),
        ("::warning title=x::y", 2),
    ] {
        let machine = Machine::new();
        let prepared = machine.prepare(Kind::Action);
        let used = prepared.stand_in(&format!("echo '{says}'; exit 2")).run();
        used.holds("2", "not_run", "invalid_options", "2");
        assert_eq!(used.annotations().len(), annotations, "{used:?}");
    }
}

#[test]
fn without_a_token_in_a_pull_requests_build_the_step_names_the_setting() {
    let machine = Machine::new();
    let prepared = machine.prepare(Kind::Step).variable("BITRISE_IO", "true");
    let used = prepared.variable("PR", "true").run();
    used.holds("2", "not_run", "token_missing", "2");
    let cause = "a pull request's build, and Bitrise gives Secrets to those only where allowed";
    has(used.output("message"), cause);
    let report = schema::read(&used.report("bitrise-dx.json"));
    has(&report.actions[0], "“Expose for Pull Requests”");
}

#[test]
fn the_step_answers_where_bitrise_has_no_place_for_it() {
    // No envman, no CLI, no folders, as on somebody's own machine; or all of it there and failing.
    for (is_there, scenario, code, about_outputs) in [
        (false, "invalid-permissions", 5, "no envman"),
        (true, "healthy", 0, "could not be set"),
    ] {
        let machine = Machine::new();
        let mut prepared = machine.prepare(Kind::Step);
        if is_there {
            machine.command("envman", "exit 1");
            machine.command("bitrise", "exit 1");
            fs::write(machine.path("deploy"), "a file, where a folder should be").unwrap();
        } else {
            fs::remove_file(machine.path("bin/envman")).unwrap();
            fs::remove_file(machine.path("bin/bitrise")).unwrap();
            let variables = &mut prepared.variables;
            variables.retain(|name, _| *name == "BITRISE_BUILD_SLUG");
        }
        let ran = prepared.input("sandbox", scenario).run().ran;
        assert_eq!(ran.code, Some(code), "{ran:?}");
        has(&ran.stderr, about_outputs);
        has(&ran.stdout, "not annotated");
        let is_told = ran.stdout.contains("could not be written");
        assert_eq!(is_told, is_there, "{ran:?}");
    }
    // No annotation where none is wanted, or where there is no build to annotate.
    for (name, value) in [("annotate", "no"), ("BITRISE_BUILD_SLUG", "")] {
        let machine = Machine::new();
        let prepared = machine.prepare(Kind::Step).input("sandbox", "healthy");
        let used = prepared.variable(name, value).run();
        used.holds("0", "verified", "", "0");
        assert_eq!(machine.text("bitrise"), "");
    }
}
