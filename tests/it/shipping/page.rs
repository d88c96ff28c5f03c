//! The page with snippets for every CI: its shell is run, and its words are held to what there is.

use super::install::{SCRIPT, file, sum};
use super::{Machine, PROGRAM, VERSION, read, root, rows, run};
use crate::support::has;
use crate::support::process::CANARY;
use crate::support::server::{Act, NO_RUNS, ONE_APP, Server, healthy, json, response};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// Two apps, of which a test takes one away again.
const TWO_APPS: &str = r#"{"data":[{"slug":"app-one"},{"slug":"app-two"}],"paging":{}}"#;

/// Returns the snippets of the page, and of the README, by the names of the files that they are for.
fn snippets() -> BTreeMap<String, String> {
    let pages = [".github/ci/README.md", "README.md"].map(|page| read(root().join(page)));
    let mut found = BTreeMap::new();
    for part in { pages.iter() }.flat_map(|page| page.split("<!-- file: ").skip(1)) {
        let (name, rest) = part.split_once(" -->\n```").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let (snippet, _) = rest.split_once("```\n").unwrap();
        let is_first = found.insert(name.to_owned(), snippet.to_owned()).is_none();
        assert!(is_first, "{name}");
    }
    found
}

/// Starts a mirror that has an archive for every system, each with the program, or what a script says
/// in its place.
fn releases(machine: &Machine, script: &str) -> Server {
    let mut archives = BTreeMap::new();
    let mut sums = String::new();
    for system in ["unknown-linux-musl", "apple-darwin"] {
        for processor in ["x86_64", "aarch64"] {
            let name = format!("bitrise-dx-v{VERSION}-{processor}-{system}");
            let folder = machine.path("releases").join(&name);
            fs::create_dir_all(&folder).unwrap();
            super::executable(&folder.join("bitrise-dx"), script);
            let bytes = super::packed(&machine.path("releases"), &name);
            sums += &sum(&bytes, &format!("{name}.tar.gz"));
            archives.insert(format!("/v{VERSION}/{name}.tar.gz"), bytes);
        }
    }
    archives.insert(format!("/v{VERSION}/SHA256SUMS"), sums.into_bytes());
    Server::start(move |request, _| match archives.get(&request.target) {
        Some(bytes) => file(bytes),
        None => Act::Send(response(404, "", "")),
    })
}

impl Machine {
    /// Makes this the machine of a CI system: the page's script in its working folder, and a release
    /// to download. The release lives as long as the returned server.
    fn with_script(&self, program: &str) -> Server {
        let releases = releases(self, program);
        self.redirect_downloads(&releases);
        fs::copy(root().join(SCRIPT), self.path("home/bitrise-dx.sh")).unwrap();
        let slept = self.path("slept").display().to_string();
        self.command("sleep", &format!("echo \"$1\" >>{slept}"));
        releases
    }

    /// Prepares a text as a shell script, as CI systems do, with the token in its variable.
    fn shell(&self, text: &str, base_url: &str) -> Command {
        fs::write(self.path("job"), text).unwrap();
        let mut command = self.script(self.path("job").to_str().unwrap(), &[]);
        let variables = [
            ("BITRISE_TOKEN", CANARY),
            ("BITRISE_API_BASE_URL", base_url),
        ];
        command.envs(variables);
        command
    }
}

fn program() -> String {
    format!("exec {PROGRAM} \"$@\"")
}

#[test]
fn every_system_s_snippet_runs_the_script_and_keeps_its_reports() {
    let snippets = snippets();
    for [name, before, reports, when] in rows(
        "gitlab.yml          | - sh       | - bitrise-dx-reports/         | when: always
         circleci.yml        | - run: sh  | path: bitrise-dx-reports      | store_test_results
         jenkinsfile.groovy  | sh 'sh     | 'bitrise-dx-reports/*'        | always {
         azure-pipelines.yml | script: sh | publish: bitrise-dx-reports   | condition: succeededOrFailed()",
    ) {
        let snippet = &snippets[name];
        assert!(snippet.contains(reports) && snippet.contains(when), "{name}");
        let (_, arguments) = snippet.split_once(&format!("{before} bitrise-dx.sh")).unwrap();
        let arguments = arguments.lines().next().unwrap().trim_end_matches('\'');
        let command = format!("sh bitrise-dx.sh{arguments}");
        let refusing = Server::always(|| json(401, r#"{"message":"Unauthorized"}"#));
        for (server, code) in [(healthy(), 0), (refusing, 3)] {
            let machine = Machine::new();
            let _releases = machine.with_script(&program());
            let ran = run(&mut machine.shell(&command, &server.base_url()));
            assert_eq!(ran.code, Some(code), "{name}: {ran:?}");
            for ending in ["xml", "html", "json"] {
                let path = format!("home/bitrise-dx-reports/bitrise-dx.{ending}");
                assert_ne!(machine.text(&path), "", "{name}: {path}");
            }
            assert!(!machine.everything().contains("CANARY"));
            assert_eq!(machine.text("slept"), "");
        }
    }
}

#[test]
fn the_script_tries_again_what_the_report_calls_retryable_and_nothing_else() {
    for [runs, code, slept] in rows(
        "4-true 4-true 0        | 0 | 60 300
         4-true 5 0             | 5 | 60
         4-true 4-true 4-true 0 | 4 | 60 300
         4-false 0              | 4 |
         4 0                    | 4 |
         2 0                    | 2 |
         3-true 0               | 3 |",
    ) {
        let machine = Machine::new();
        let left = machine.path("runs");
        fs::write(&left, runs.replace(' ', "\n")).unwrap();
        // The first run that is left, which then is not any more.
        let next = format!(
            "[ \"$1\" != --version ] || exit 0\n\
             run=$(head -n 1 {0}); sed 1d {0} >{0}.rest; mv {0}.rest {0}\n\
             [ \"$run\" = \"${{run#*-}}\" ] || printf '{{\\n  \"retryable\": %s,\\n}}\\n' \"${{run#*-}}\" >\"$3\"\n\
             exit \"${{run%-*}}\"",
            left.display()
        );
        let _releases = machine.with_script(&next);
        let ran = run(&mut machine.shell("sh bitrise-dx.sh", "http://127.0.0.1:9"));
        assert_eq!(ran.code, code.parse().ok(), "{runs}: {ran:?}");
        let waits = machine.text("slept");
        assert_eq!(waits.lines().collect::<Vec<_>>().join(" "), slept, "{runs}");
    }

    // What the program itself writes.
    for (scenario, slept) in [("captive-portal", ""), ("outage", "60\n300\n")] {
        let machine = Machine::new();
        let _releases = machine.with_script(&program());
        let job = format!("sh bitrise-dx.sh --retries 0 --sandbox {scenario}");
        let ran = run(&mut machine.shell(&job, "http://127.0.0.1:9"));
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert_eq!(machine.text("slept"), slept, "{ran:?}");
    }
}

#[test]
fn the_container_s_reports_are_where_its_page_says() {
    let server = healthy();
    let machine = Machine::new();
    // Plays the part of docker: the folder that is mounted, and the program as the entry point.
    machine.command(
        "docker",
        &format!(
            "printf '%s\\n' \"$*\" >>{}\n\
             [ \"$1\" = run ] || exit 0\n\
             while [ \"$1\" != ghcr.io/bitrise-dx/bitrise-dx:{VERSION} ]; do\n\
               [ \"$1\" != -v ] || mounted=${{2%%:*}}\n\
               shift\n\
             done\n\
             shift\n\
             exec {PROGRAM} \"${{@//\\/reports/$mounted}}\"",
            machine.path("docker").display()
        ),
    );
    let ran = run(&mut machine.shell(&snippets()["container.sh"], &server.base_url()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_ne!(machine.text("home/reports/bitrise-dx.md"), "");
    assert_ne!(machine.text("home/reports/bitrise-dx.json"), "");
    let asked = machine.text("docker");
    for words in ["--read-only", "--cap-drop ALL", "-e BITRISE_TOKEN "] {
        assert!(asked.contains(words), "{asked}");
    }
    assert!(!asked.contains("CANARY"), "{asked}");

    machine.command("docker", "exit 5");
    let ran = run(&mut machine.shell(&snippets()["container.sh"], &server.base_url()));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
}

#[test]
fn the_readme_s_lines_install_and_run_the_program_or_end_with_two() {
    let lines = snippets()["linux.sh"].clone();
    let lines = if cfg!(target_os = "macos") {
        let system = lines.replace("$(uname -m)-unknown-linux-musl", "MACHINE-apple-darwin");
        let lines = system.replace("sha256sum -c -", "shasum -a 256 -c -");
        lines.replace("MACHINE", "$(uname -m | sed s/arm64/aarch64/)")
    } else {
        lines
    };
    let refusing = Server::always(|| json(401, r#"{"message":"Unauthorized"}"#));
    // A sum that is another one's, as grep hands it on.
    let damaged = "PATH=/usr/bin:/bin grep \"$@\" | tr 0-8 1-9";
    for (shell, command, script, code) in [
        ("sh", "unused", "", 3),
        ("bash", "unused", "", 3),
        ("sh", "curl", "exit 6", 2),
        ("bash", "tar", "exit 5", 2),
        ("sh", "grep", damaged, 2),
        ("bash", "grep", "exit 1", 2),
    ] {
        let machine = Machine::new();
        let _releases = machine.with_script(&program());
        machine.command(command, script);
        fs::write(machine.path("lines"), &lines).unwrap();
        let job = format!("exec {shell} {}", machine.path("lines").display());
        let ran = run(&mut machine.shell(&job, &refusing.base_url()));
        assert_eq!(ran.code, Some(code), "{command}: {ran:?}");
        let last = "bitrise-dx is not installed; nothing was checked\n";
        assert_eq!(ran.stderr.ends_with(last), code == 2, "{command}: {ran:?}");
    }
    assert_eq!(refusing.requests().len(), 2);
}

#[test]
fn an_app_that_is_lost_from_the_list_ends_the_job() {
    let machine = Machine::new();
    let _releases = machine.with_script(&program());
    machine.command("bitrise-dx", &program());
    let all = Server::start(|request, _| {
        let is_runs = request.target.contains("/pipelines");
        json(200, if is_runs { NO_RUNS } else { TWO_APPS })
    });
    let ran = run(&mut machine.shell(&snippets()["baseline.sh"], &all.base_url()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(machine.text("home/bitrise-apps.txt"), "app-one\napp-two\n");

    let check = &snippets()["check-baseline.sh"];
    let ran = run(&mut machine.shell(check, &all.base_url()));
    assert_eq!(ran.code, Some(0), "{ran:?}");

    let fewer = Server::start(|request, _| {
        if request.target.contains("/app-two/") {
            json(404, r#"{"message":"Not Found"}"#)
        } else {
            let is_runs = request.target.contains("/pipelines");
            json(200, if is_runs { NO_RUNS } else { ONE_APP })
        }
    });
    let ran = run(&mut machine.shell(check, &fewer.base_url()));
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stdout.contains("app-two"), "{}", ran.stdout);
}

#[test]
fn the_snippets_use_what_there_is() {
    let snippets = snippets();
    let action = read(root().join("action.yml"));
    let step = read(root().join("step.yml"));
    let mut inputs = 0;
    let (_, with) = snippets["github.yml"]
        .split_once("        with:\n")
        .unwrap();
    for line in { with.lines() }.take_while(|line| line.starts_with("          ")) {
        let input = line.trim().split(':').next().unwrap();
        has(&action, &format!("\n  {input}:\n"));
        inputs += 1;
    }
    let (_, with) = snippets["bitrise.yml"].split_once("inputs:\n").unwrap();
    for line in with
        .lines()
        .map_while(|line| line.strip_prefix("        - "))
    {
        let input = line.split(':').next().unwrap();
        has(&step, &format!("\n- {input}: "));
        inputs += 1;
    }
    assert_eq!(inputs, 5);
    for used in snippets["github.yml"].split("steps.dx.outputs.").skip(1) {
        let output = used.split([' ', '\n']).next().unwrap();
        has(&action, &format!("\n  {output}:\n"));
    }

    // What Kubernetes tries again is what the program means by exit code 4.
    let inconclusive = bitrise_dx::verdict::Verdict::Inconclusive.exit_code();
    let rule = format!("operator: NotIn\n              values: [{inconclusive}]");
    let image = format!("image: ghcr.io/bitrise-dx/bitrise-dx:{VERSION}\n");
    for words in [&rule, &image, "runAsUser: 65532"] {
        has(&snippets["cronjob.yml"], words);
    }
    has(
        &read(root().join(".github/packaging/Containerfile")),
        "USER 65532:",
    );
}

#[test]
fn every_snippet_of_the_page_is_checked_by_its_schema_or_run_here() {
    let gate = read(root().join(".ci/run"));
    let mut run_here = read(root().join("tests/it/shipping/page.rs"));
    run_here.truncate(run_here.find("fn every_snippet_of_the_page").unwrap());
    for name in snippets().keys() {
        let by_schema = gate.contains(&format!("target/snippets/{name}\n"));
        // Windows' lines need PowerShell, which the machines of the gate lack.
        let is_run = run_here.contains(name.as_str()) || name == "windows.ps1";
        assert!(by_schema || is_run, "{name}");
    }
}
