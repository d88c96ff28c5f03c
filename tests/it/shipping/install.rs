//! How the program comes onto a build machine: from a release, from its source, or not at all.

use super::{Machine, PROGRAM, VERSION, read, run};
use crate::support::server::{Act, Server, response};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = ".github/packaging/install.sh";

/// Returns the target whose archive the scripts take on this machine.
pub(super) fn target() -> String {
    let system = if cfg!(target_os = "macos") {
        "apple-darwin"
    } else {
        "unknown-linux-musl"
    };
    let machine = if cfg!(target_arch = "aarch64") {
        "aarch64"
    } else {
        "x86_64"
    };
    format!("{machine}-{system}")
}

/// The name of this machine's archive in a release.
pub(super) fn archive_name(version: &str) -> String {
    format!("bitrise-dx-v{version}-{}.tar.gz", target())
}

/// Packs a script as if it were the program of a version, and returns the archive.
pub(super) fn packed(machine: &Machine, version: &str, script: &str) -> Vec<u8> {
    let name = archive_name(version).replace(".tar.gz", "");
    let folder = machine.path(&name);
    fs::create_dir(&folder).unwrap();
    fs::write(
        folder.join("bitrise-dx"),
        format!("#!/bin/bash\n{script}\n"),
    )
    .unwrap();
    fs::set_permissions(folder.join("bitrise-dx"), fs::Permissions::from_mode(0o755)).unwrap();
    let archive = machine.path("packed.tar.gz");
    let packing = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(machine.0.path())
        .arg(&name)
        .status();
    assert!(packing.unwrap().success());
    fs::read(archive).unwrap()
}

/// Returns a file's line in SHA256SUMS.
pub(super) fn sum(machine: &Machine, bytes: &[u8], name: &str) -> String {
    let path = machine.path("to-sum");
    fs::write(&path, bytes).unwrap();
    let line = Command::new("sh")
        .args([
            "-c",
            "sha256sum \"$1\" 2>/dev/null || shasum -a 256 \"$1\"",
            "sum",
        ])
        .arg(path)
        .output()
        .unwrap();
    let line = String::from_utf8(line.stdout).unwrap();
    format!("{}  {name}\n", line.split(' ').next().unwrap())
}

/// Returns a response with a file.
fn file(bytes: &[u8]) -> Act {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    Act::Send([head.as_bytes(), bytes].concat())
}

/// Starts a mirror that holds one release: an archive for this machine, and its checksums.
pub(super) fn mirror(version: &str, archive: Vec<u8>, sums: String) -> Server {
    let (at, name) = (format!("/v{version}"), archive_name(version));
    Server::start(move |request, _| match request.target.strip_prefix(&at) {
        Some("/SHA256SUMS") => file(sums.as_bytes()),
        Some(path) if path[1..] == name => file(&archive),
        _ => Act::Send(response(404, "", "")),
    })
}

pub(super) fn install(machine: &Machine) -> Command {
    let folder = machine.path("temp/program");
    machine.script(SCRIPT, &[folder.to_str().unwrap()])
}

#[test]
fn a_release_is_installed_once_its_checksum_is_right() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let right = sum(&machine, &archive, &archive_name("9.8.7"));
    let server = mirror(
        "9.8.7",
        archive.clone(),
        format!("{right}{right}").replacen(&target(), "other", 1),
    );
    for version in ["9.8.7", "v9.8.7"] {
        let ran = run(install(&machine).env("BITRISE_DX_VERSION", version).env(
            "BITRISE_DX_DOWNLOAD_URL",
            format!("http://{}", server.address()),
        ));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let program = Command::new(ran.stdout.trim_end()).output().unwrap();
        assert_eq!(program.stdout, b"installed\n");
    }

    let name = archive_name("9.8.7");
    let damaged = [archive.as_slice(), b"!"].concat();
    let cases = [
        (damaged, right.clone(), "is not the one in SHA256SUMS"),
        (
            archive.clone(),
            right.replace(&name, "other.tar.gz"),
            "does not name",
        ),
        (archive.clone(), String::new(), "does not name"),
    ];
    for (archive, sums, words) in cases {
        let machine = Machine::new();
        let server = mirror("9.8.7", archive, sums);
        let ran = run(install(&machine).env("BITRISE_DX_VERSION", "9.8.7").env(
            "BITRISE_DX_DOWNLOAD_URL",
            format!("http://{}", server.address()),
        ));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(
            ran.stdout, "",
            "a program is named, though it was not checked"
        );
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        let left = machine.path("temp/program").join(&name);
        assert!(!left.exists() || !words.starts_with("is not"));
        assert!(
            !machine
                .path("temp/program")
                .join(name.replace(".tar.gz", ""))
                .exists()
        );
    }
}

#[test]
fn a_download_is_tried_again_and_goes_nowhere_else() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let sums = sum(&machine, &archive, &archive_name("9.8.7"));
    let server = Server::start(move |request, number| match number {
        0 => Act::Send(response(503, "", "")),
        _ if request.target.ends_with("SHA256SUMS") => file(sums.as_bytes()),
        _ => file(&archive),
    });
    let at = |url: &str| {
        let mut command = install(&machine);
        command
            .env("BITRISE_DX_VERSION", "9.8.7")
            .env("BITRISE_DX_DOWNLOAD_URL", url);
        run(&mut command)
    };
    let ran = at(&format!("http://{}", server.address()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(server.requests().len(), 3);

    for url in ["http://mirror.example", "ftp://127.0.0.1:1", "file:///etc"] {
        let ran = at(url);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{url}");
        assert!(
            ran.stderr.contains("must begin with https://"),
            "{}",
            ran.stderr
        );
    }
    let asked = server.requests().len();
    let (here, port) = (server.address(), server.address().port());
    for (url, words) in [
        (format!("http://127.0.0.1:x@{here}"), "user name"),
        (format!("http://localhost:1@{here}/folder"), "user name"),
        (format!("http://127.0.0.1:1\\@{here}"), "user name"),
        (format!("http://127.0.0.1:1?@{here}"), "user name"),
        (format!("https://user:pa55word@{here}"), "user name"),
        (format!("http://127.0.0.1:{{{port}}}"), "no port"),
        ("http://127.0.0.1:".to_owned(), "no port"),
    ] {
        let ran = at(&url);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{url}");
        assert!(ran.stderr.contains(words), "{url}: {}", ran.stderr);
        assert!(!ran.stderr.contains("pa55word"), "{}", ran.stderr);
    }
    assert_eq!(server.requests().len(), asked);
    let away =
        Server::start(|_, _| Act::Send(response(302, "Location: file:///etc/hosts\r\n", "")));
    let ran = at(&format!("http://{}", away.address()));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
}

#[test]
fn what_has_no_archive_is_built_if_it_is_the_source_s_own_version() {
    let nothing = Server::start(|_, _| Act::Send(response(404, "", "")));
    let url = format!("http://{}", nothing.address());
    let machine = Machine::new();
    let with = |version: &str| {
        let mut command = install(&machine);
        command
            .env("BITRISE_DX_VERSION", version)
            .env("BITRISE_DX_DOWNLOAD_URL", &url);
        run(&mut command)
    };
    let ran = with("");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no cargo"), "{}", ran.stderr);

    let notes = machine.path("cargo-ran");
    machine.command(
        "cargo",
        &format!("printf '%s\\n' \"$*\" >>{}", notes.display()),
    );
    let built = machine.path("temp/program/build/release/bitrise-dx");
    for version in ["", VERSION, "source"] {
        let ran = with(version);
        assert_eq!(ran.code, Some(0), "{version}: {ran:?}");
        assert_eq!(ran.stdout.trim_end(), built.to_str().unwrap());
    }
    assert_eq!(nothing.requests().len(), 3, "“source” asks nobody");
    for line in read(&notes).lines() {
        assert!(
            line.starts_with("build --quiet --release --locked --manifest-path"),
            "{line}"
        );
    }
    for (version, words) in [
        ("9.8.7", "has no archive"),
        ("../../elsewhere", "must be one such as 0.1.0"),
        ("9 8", "must be one such as 0.1.0"),
    ] {
        let ran = with(version);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{version}");
        assert!(ran.stderr.contains(words), "{version}: {}", ran.stderr);
    }
    assert_eq!(read(&notes).lines().count(), 3);
}

#[test]
fn a_program_that_is_there_already_is_used_if_it_is_the_right_one() {
    let nothing = Server::start(|_, _| Act::Send(response(404, "", "")));
    let machine = Machine::new();
    let with = |name: &str, value: &str| {
        let mut command = install(&machine);
        command
            .env(
                "BITRISE_DX_DOWNLOAD_URL",
                format!("http://{}", nothing.address()),
            )
            .env(name, value);
        run(&mut command)
    };
    machine.command("bitrise-dx", &format!("exec {PROGRAM} \"$@\""));
    let there = machine.path("bin/bitrise-dx");
    let ran = with("BITRISE_DX_VERSION", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.trim_end(), there.to_str().unwrap());
    assert_eq!(with("BITRISE_DX_VERSION", "9.8.7").code, Some(1));
    assert_eq!(nothing.requests().len(), 1);

    let ran = with("BITRISE_DX_PROGRAM", there.to_str().unwrap());
    assert_eq!(ran.stdout.trim_end(), there.to_str().unwrap());
    let ran = with("BITRISE_DX_PROGRAM", "/nowhere/bitrise-dx");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("is not a program"), "{}", ran.stderr);
}

#[test]
fn an_archive_must_have_the_sum_that_the_caller_names() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let name = archive_name("9.8.7");
    let right = sum(&machine, &archive, &name)[..64].to_owned();
    // This mirror has no SHA256SUMS: the caller's sum is all that counts.
    let server = mirror("9.8.7", archive, String::new());
    let url = format!("http://{}", server.address());
    // One of the version on the PATH has no known sum.
    machine.command("bitrise-dx", "echo bitrise-dx 9.8.7");
    let with = |version: &str, sums: &str| {
        let mut command = install(&machine);
        command
            .env("BITRISE_DX_VERSION", version)
            .env("BITRISE_DX_SHA256", sums)
            .env("BITRISE_DX_DOWNLOAD_URL", &url);
        run(&mut command)
    };
    let other = "0".repeat(64);
    for sums in [
        right.clone(),
        right.to_uppercase(),
        format!("{other}\n{right}\n"),
    ] {
        let ran = with("9.8.7", &sums);
        assert_eq!(ran.code, Some(0), "{sums}: {ran:?}");
        let program = Command::new(ran.stdout.trim_end()).output().unwrap();
        assert_eq!(program.stdout, b"installed\n");
    }
    for (version, sums, words) in [
        ("9.8.7", other.as_str(), "none of the wanted ones"),
        ("9.8.7", &right[1..], "not 64 hexadecimal digits"),
        ("source", &right, "none of the wanted SHA-256"),
        ("", &right, "none of the wanted SHA-256"),
    ] {
        let ran = with(version, sums);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_release_s_archive_needs_github_s_attestation_where_that_can_be_asked_for() {
    let archive_of = |machine: &Machine| {
        let archive = packed(machine, VERSION, "echo installed");
        let sums = sum(machine, &archive, &archive_name(VERSION));
        mirror(VERSION, archive, sums)
    };
    // GitHub's own address, brought to this machine by a curl that goes to the mirror instead.
    let at_github = |machine: &Machine, token: &str, gh: Option<&str>| {
        let server = archive_of(machine);
        machine.redirect_downloads(&server);
        if let Some(script) = gh {
            let notes = machine.path("gh");
            machine.command(
                "gh",
                &format!("printf '%s\\n' \"$*\" >>{}; {script}", notes.display()),
            );
        }
        run(install(machine).env("GH_TOKEN", token))
    };
    let asks = "case $* in *--help) exit 0 ;; esac; exit";
    let owner = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://github.com/");

    let machine = Machine::new();
    let ran = at_github(&machine, "a-token", Some(&format!("{asks} 0")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let file = machine.path("temp/program").join(archive_name(VERSION));
    let asked = format!("attestation verify {} --repo {owner}\n", file.display());
    assert!(
        machine.text("gh").ends_with(&asked),
        "{}",
        machine.text("gh")
    );

    let machine = Machine::new();
    let ran = at_github(&machine, "a-token", Some(&format!("{asks} 1")));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("GitHub has no attestation of"));

    // Without a token, without gh, or with one that knows nothing of attestations, the sum decides.
    let too_old = "exit 1";
    for (token, gh) in [
        ("", Some("exit 1")),
        ("a-token", None),
        ("a-token", Some(too_old)),
    ] {
        let machine = Machine::new();
        if gh.is_none() && Path::new("/usr/bin/gh").exists() {
            continue;
        }
        let ran = at_github(&machine, token, gh);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

#[test]
fn a_tool_that_is_missing_is_named() {
    for missing in ["curl", "tar"] {
        let machine = Machine::new();
        for tool in [
            "bash", "curl", "cut", "dirname", "head", "mkdir", "sed", "tar", "uname",
        ] {
            if tool != missing {
                machine.link(tool);
            }
        }
        let ran = run(install(&machine)
            .env("PATH", machine.path("bin"))
            .env("BITRISE_DX_DOWNLOAD_URL", "http://127.0.0.1:9"));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        let fault = format!("bitrise-dx can't be installed: there is no {missing} here\n");
        assert_eq!(ran.stderr, fault);
    }
}
