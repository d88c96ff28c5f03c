//! What a release holds.

use super::install::{archive_name, install, mirror, sum, target};
use super::{Machine, PROGRAM, VERSION, read, run};
use std::fs;
use std::path::Path;
use std::process::Command;

const ARCHIVE: &str = ".github/packaging/archive.sh";
const FORMULA: &str = ".github/packaging/formula.sh";

#[test]
fn an_archive_holds_what_a_release_promises_and_installs() {
    let machine = Machine::new();
    // The program itself is large; a script in its place packs fast, and runs it.
    machine.command("program", &format!("exec {PROGRAM} \"$@\""));
    let program = machine.path("bin/program");
    let folder = machine.path("dist");
    let ran = run(&mut machine.script(
        ARCHIVE,
        &[
            &target(),
            program.to_str().unwrap(),
            folder.to_str().unwrap(),
        ],
    ));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let name = archive_name(VERSION);
    assert_eq!(ran.stdout.trim_end(), folder.join(&name).to_str().unwrap());

    let archive = fs::read(folder.join(&name)).unwrap();
    let sums = sum(&machine, &archive, &name);
    let server = mirror(VERSION, archive, sums);
    let ran = run(install(&machine).env(
        "BITRISE_DX_DOWNLOAD_URL",
        format!("http://{}", server.address()),
    ));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let installed = Path::new(ran.stdout.trim_end());
    let folder = installed.parent().unwrap();
    for (file, words) in [
        ("README.md", "# bitrise-dx"),
        ("CHANGELOG.md", VERSION),
        ("LICENSE", "MIT"),
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
    let works = Command::new(installed)
        .args(["verify", "-q", "--sandbox"])
        .env_clear()
        .output()
        .unwrap();
    assert!(works.status.success());

    // One that does not run, other than to describe itself, is not packed.
    machine.command(
        "program",
        &format!("[ \"$1\" != verify ] || exit 101; exec {PROGRAM} \"$@\""),
    );
    let ran = run(&mut machine.script(
        ARCHIVE,
        &[&target(), program.to_str().unwrap(), "dist-of-nothing"],
    ));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(101), ""));
}

#[test]
fn the_formula_names_each_archive_with_its_checksum() {
    let machine = Machine::new();
    let targets = [
        ("aarch64-apple-darwin", 'a'),
        ("x86_64-apple-darwin", 'b'),
        ("aarch64-unknown-linux-musl", 'c'),
        ("x86_64-unknown-linux-musl", 'd'),
    ];
    let line = |(target, digit): (&str, char)| {
        let sum = digit.to_string().repeat(64);
        format!("{sum}  bitrise-dx-v1.2.3-{target}.tar.gz\n")
    };
    let sums: String = targets.map(line).concat();
    let path = machine.path("SHA256SUMS");
    let formula = |sums: &str| {
        fs::write(&path, sums).unwrap();
        run(&mut machine.script(FORMULA, &["1.2.3", path.to_str().unwrap()]))
    };
    let ran = formula(&sums);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stdout.contains('@'), "{}", ran.stdout);
    assert!(ran.stdout.contains("version \"1.2.3\""));
    for (target, digit) in targets {
        let url = format!(
            "{}/releases/download/v1.2.3/bitrise-dx-v1.2.3-{target}.tar.gz",
            env!("CARGO_PKG_REPOSITORY")
        );
        let line = ran
            .stdout
            .lines()
            .position(|line| line.trim() == format!("url \"{url}\""));
        let next = ran.stdout.lines().nth(line.unwrap() + 1).unwrap().trim();
        assert_eq!(next, format!("sha256 \"{}\"", digit.to_string().repeat(64)));
    }

    let missing = sums.replace("x86_64-apple", "riscv64-apple");
    let ran = formula(&missing);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr
            .contains("does not name bitrise-dx-v1.2.3-x86_64-apple-darwin")
    );
    let again = line(targets[0]);
    for odd in [
        format!("{sums}{again}"),
        sums.clone() + &again.replace("aaaa", "eeee"),
        sums.clone() + &again["aaaa".len()..],
        sums.replacen("aaaa", "aaa", 1),
        sums.replacen("aaaa", "aaag", 1),
        sums.replace("v1.2.3", "v1x2x3"),
        String::new(),
    ] {
        let ran = formula(&odd);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{odd}");
        assert!(ran.stderr.contains("once, with its SHA-256"), "{ran:?}");
    }
}
