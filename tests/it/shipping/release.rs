//! What a release holds.

use super::install::{archive_name, install, mirror, sum, target};
use super::{Machine, PROGRAM, Ran, VERSION, packed, read, root, run};
use crate::support::has;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ARCHIVE: &str = ".github/packaging/archive.sh";
const DRAFT: &str = ".github/packaging/draft.sh";
const CONTEXT: &str = ".github/packaging/context.sh";

/// Packs the program as the release's workflow does, and returns the archive's path. A script in the
/// program's place packs fast, and runs it.
fn pack(machine: &Machine, folder: &str) -> PathBuf {
    machine.command("program", &format!("exec {PROGRAM} \"$@\""));
    let (program, licences) = (machine.path("bin/program"), machine.path("licences"));
    fs::write(&licences, "The work of others.\n").unwrap();
    let folder = machine.path(folder);
    let mut script = machine.script(ARCHIVE, &[&target()]);
    let ran = run(script.args([&program, &licences, &folder]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let archive = folder.join(archive_name(VERSION));
    assert_eq!(ran.stdout.trim_end(), archive.to_str().unwrap());
    archive
}

/// The whole way of a release on this machine: archive, checksums, installation, a run.
#[test]
fn a_release_can_be_rehearsed() {
    let machine = Machine::new();
    let archive = pack(&machine, "dist");
    let bytes = fs::read(&archive).unwrap();
    let sums = sum(&bytes, &archive_name(VERSION));
    let server = mirror(VERSION, bytes, sums);
    let url = format!("http://{}", server.address());
    let ran = run(&mut install(&machine, "", &url));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let installed = Path::new(ran.stdout.trim_end());
    let folder = installed.parent().unwrap();
    for (file, words) in [
        ("README.md", "# bitrise-dx"),
        ("CHANGELOG.md", VERSION),
        ("LICENSE-APACHE", "END OF TERMS AND CONDITIONS"),
        ("LICENSE-MIT", "Permission is hereby granted"),
        ("THIRD-PARTY-LICENSES.txt", "The work of others"),
        ("completions/bitrise-dx.bash", "complete -F"),
        ("completions/_bitrise-dx", "#compdef bitrise-dx"),
        ("completions/bitrise-dx.fish", "complete -c bitrise-dx"),
        ("completions/_bitrise-dx.ps1", "Register-ArgumentCompleter"),
        ("man/bitrise-dx.1", ".TH"),
        ("man/bitrise-dx-verify.1", ".TH"),
        ("report-1.schema.json", "$schema"),
    ] {
        assert!(read(folder.join(file)).contains(words), "{file}");
    }
    let mut works = Command::new(installed);
    works.args(["verify", "-q", "--sandbox"]).env_clear();
    assert!(works.status().unwrap().success());
}

#[test]
fn the_same_program_makes_the_same_archive() {
    let (one, other) = (Machine::new(), Machine::new());
    let archives = [pack(&one, "dist"), pack(&other, "elsewhere")];
    let [first, second] = archives.map(|path| fs::read(path).unwrap());
    assert!(first == second, "the archives differ");
}

#[test]
fn what_does_not_run_is_not_packed() {
    let machine = Machine::new();
    let failing = format!("[ \"$1\" != verify ] || exit 101; exec {PROGRAM} \"$@\"");
    machine.command("program", &failing);
    let mut script = machine.script(ARCHIVE, &[&target()]);
    script.arg(machine.path("bin/program"));
    let ran = run(script.args(["licences", "nothing"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(101), ""));
}

/// `cargo binstall` finds the archives, and the program in them.
#[test]
fn the_manifest_says_where_each_archive_and_its_program_are() {
    let manifest = read(root().join("Cargo.toml"));
    let binstall = "[package.metadata.binstall]\n";
    let (_, said) = manifest.split_once(binstall).unwrap();
    let value = |key: &str| {
        let (_, value) = said.split_once(&format!("{key} = \"")).unwrap();
        let value = value.split('"').next().unwrap();
        let filled = [
            ("repo", env!("CARGO_PKG_REPOSITORY")),
            ("name", "bitrise-dx"),
            ("bin", "bitrise-dx"),
            ("version", VERSION),
            ("target", &target()),
            ("archive-suffix", ".tar.gz"),
            ("binary-ext", ""),
        ];
        filled.iter().fold(value.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{ {name} }}"), value)
        })
    };
    let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download");
    let archive = archive_name(VERSION);
    assert_eq!(value("pkg-url"), format!("{releases}/v{VERSION}/{archive}"));
    let folder = archive.trim_end_matches(".tar.gz");
    assert_eq!(value("bin-dir"), format!("{folder}/bitrise-dx"));
    // Windows' archives are of another kind.
    let workflow = read(root().join(".github/workflows/release.yml"));
    for part in workflow.split("{ target: ").skip(1) {
        let target = part.split(',').next().unwrap();
        let is_zip = said.contains(&format!("\n{target} = {{ pkg-fmt = \"zip\" }}"));
        assert_eq!(is_zip, target.contains("windows"), "{target}");
    }
}

#[test]
fn the_check_and_the_release_use_one_toolchain() {
    let toolchain = |workflow: &str| {
        let text = read(root().join(".github/workflows").join(workflow));
        let (_, version) = text.split_once("\n  RUSTUP_TOOLCHAIN: ").unwrap();
        version.lines().next().unwrap().to_owned()
    };
    assert_eq!(toolchain("ci.yml"), toolchain("release.yml"));
}

/// Returns the script of a step of the release's workflow.
fn step(name: &str) -> String {
    let workflow = read(root().join(".github/workflows/release.yml"));
    let (_, step) = workflow.split_once(&format!("- name: {name}\n")).unwrap();
    let (_, script) = step.split_once("        run: |\n").unwrap();
    let lines = script.lines();
    let lines = lines.map_while(|line| line.strip_prefix("          "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_release_needs_its_own_repository_a_version_and_a_date() {
    let machine = Machine::new();
    let manifest = read(root().join("Cargo.toml"));
    fs::write(machine.path("home/Cargo.toml"), manifest).unwrap();
    let run_step = |name: &str, repository: &str, tag: &str| {
        fs::write(machine.path("step"), format!("set -e\n{}", step(name))).unwrap();
        let mut script = machine.script(machine.path("step").to_str().unwrap(), &[]);
        script.env("GITHUB_SERVER_URL", "https://github.com");
        script.env("GITHUB_REPOSITORY", repository);
        run(script.env("GITHUB_REF_NAME", tag)).code
    };
    let own = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://github.com/");
    let names = "The manifest names this repository";
    assert_eq!(run_step(names, own, ""), Some(0));
    assert_eq!(run_step(names, "somebody/else", ""), Some(1));

    let agree = "The tag, the manifest and the changelog agree";
    let right = format!("v{VERSION}");
    for (heading, tag, code) in [
        (format!("## [{VERSION}] - 2026-12-01"), right.as_str(), 0),
        (format!("## [{VERSION}] - unreleased"), &right, 1),
        ("## [9.8.7] - 2026-12-01".to_owned(), &right, 1),
        (format!("## [{VERSION}] - 2026-12-01"), "v9.8.7", 1),
    ] {
        fs::write(machine.path("home/CHANGELOG.md"), format!("{heading}\n")).unwrap();
        assert_eq!(run_step(agree, own, tag), Some(code), "{heading} {tag}");
    }
}

fn draft(machine: &Machine, tag: &str, dist: &str) -> Ran {
    let mut script = machine.script(DRAFT, &[tag, dist]);
    run(script.env("GITHUB_REPOSITORY", "Owner/name"))
}

#[test]
fn a_draft_is_replaced_and_a_published_release_is_left_alone() {
    for (there, code, calls) in [
        ("", 0, vec!["list", "create"]),
        ("true", 0, vec!["list", "delete", "create"]),
        ("true\ntrue", 0, vec!["list", "delete", "delete", "create"]),
        ("false", 1, vec!["list"]),
        ("true\nfalse", 1, vec!["list"]),
    ] {
        let machine = Machine::new();
        let notes = machine.path("notes");
        let script = format!(
            "printf '%s\\n' \"$*\" >>{}\n\
             [ \"$2\" != list ] || printf '%s\\n' '{there}' | grep . || true\n\
             while [ $# -gt 0 ]; do [ \"$1\" != --notes-file ] || cat \"$2\" >{}; shift; done",
            machine.path("gh").display(),
            notes.display()
        );
        machine.command("gh", &script);
        let dist = machine.path("dist");
        fs::create_dir(&dist).unwrap();
        fs::write(dist.join("SHA256SUMS"), "").unwrap();
        let tag = format!("v{VERSION}");
        let ran = draft(&machine, &tag, dist.to_str().unwrap());
        assert_eq!(ran.code, Some(code), "{there}: {ran:?}");
        let asked = machine.text("gh");
        let commands = asked.lines().map(|line| line.split(' ').nth(1).unwrap());
        let commands: Vec<_> = commands.collect();
        assert_eq!(commands, calls, "{there}: {asked}");
        assert!(asked.lines().all(|line| line.contains("--repo Owner/name")));
        if code == 0 {
            let last = asked.lines().last().unwrap();
            let start = format!("release create {tag} ");
            assert!(last.starts_with(&start), "{last}");
            has(last, " --draft ");
            has(last, " --verify-tag ");
            assert!(last.ends_with("dist/SHA256SUMS"), "{last}");
            has(&read(notes), "bitrise-dx verify");
        }
    }

    let machine = Machine::new();
    machine.command("gh", "true");
    let ran = draft(&machine, "v9.8.7", "dist");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("says nothing of 9.8.7"), "{ran:?}");
}

#[test]
fn the_image_is_built_from_the_archives_and_their_licences() {
    let machine = Machine::new();
    let archive = pack(&machine, "dist");
    let (made, context) = (machine.path("made"), machine.path("context"));
    let unpacked = machine.path("unpacked");
    fs::create_dir(&made).unwrap();
    fs::create_dir(&unpacked).unwrap();
    let mut tar = Command::new("tar");
    let tar = tar.arg("-xzf").arg(&archive).arg("-C").arg(&unpacked);
    assert!(tar.status().unwrap().success());
    let mut folder = unpacked.join(archive_name(VERSION).trim_end_matches(".tar.gz"));
    for processor in ["x86_64", "aarch64"] {
        let name = format!("bitrise-dx-v{VERSION}-{processor}-unknown-linux-musl");
        fs::rename(&folder, unpacked.join(&name)).unwrap();
        folder = unpacked.join(&name);
        fs::write(
            made.join(format!("{name}.tar.gz")),
            packed(&unpacked, &name),
        )
        .unwrap();
    }
    fs::write(machine.path("roots.crt"), "roots").unwrap();
    let mut script = machine.script(CONTEXT, &[&format!("v{VERSION}")]);
    script.env("SSL_ROOTS", machine.path("roots.crt"));
    let ran = run(script.args([&made, &context]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let recipe = read(root().join(".github/packaging/Containerfile"));
    for line in recipe.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let (files, _) = line.rsplit_once(' ').unwrap();
        for word in files.split(' ') {
            for processor in ["amd64", "arm64"] {
                let path = context.join(word.replace("${TARGETARCH}", processor));
                assert!(path.exists(), "{}", path.display());
            }
        }
    }
}
