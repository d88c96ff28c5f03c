//! How the program comes onto a machine: from a release, from its source, or not at all.

use super::{Machine, PROGRAM, VERSION, read, rows, run};
use crate::support::server::{Act, Server, response, unused};
use crate::support::{has, lacks};
use std::fs;
use std::path::Path;
use std::process::Command;

/// For the action and the Step: from wherever the program comes.
const INSTALL: &str = ".github/packaging/install.sh";
/// For every CI: a release's archive, and with it a check of the token.
pub(super) const SCRIPT: &str = ".github/ci/bitrise-dx.sh";

/// Returns the target whose archive the scripts take on this machine.
pub(super) fn target() -> String {
    let systems = ["unknown-linux-musl", "apple-darwin"];
    let system = systems[usize::from(cfg!(target_os = "macos"))];
    let machine = ["x86_64", "aarch64"][usize::from(cfg!(target_arch = "aarch64"))];
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
    super::executable(&folder.join("bitrise-dx"), script);
    let archive = super::packed(machine.0.path(), &name);
    fs::remove_dir_all(folder).unwrap();
    archive
}

/// Returns a file's line in SHA256SUMS.
pub(super) fn sum(bytes: &[u8], name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: Vec<_> = { digest.as_ref().iter() }
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}  {name}\n", hex.concat())
}

/// Returns a response with a file.
pub(super) fn file(bytes: &[u8]) -> Act {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let length = format!("Content-Length: {}\r\n\r\n", bytes.len());
    Act::Send([head.as_bytes(), length.as_bytes(), bytes].concat())
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

/// Prepares an installation of a version from a mirror.
pub(super) fn install(machine: &Machine, version: &str, url: &str) -> Command {
    let folder = machine.path("temp/program");
    let mut command = machine.script(INSTALL, &[folder.to_str().unwrap()]);
    command
        .env("BITRISE_DX_VERSION", version)
        .env("BITRISE_DX_DOWNLOAD_URL", url);
    command
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[test]
fn a_release_is_installed_once_its_checksum_is_right() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let right = sum(&archive, &archive_name("9.8.7"));
    let others = right.replace(&target(), "other");
    let server = mirror("9.8.7", archive, format!("{others}{right}"));
    for version in ["9.8.7", "v9.8.7"] {
        let ran = run(&mut install(&machine, version, &url(&server)));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let program = Path::new(ran.stdout.trim_end());
        let says = Command::new(program).output().unwrap().stdout;
        assert_eq!(says, b"installed\n");
        let folder = program.parent().unwrap().parent().unwrap();
        assert!(!folder.join(archive_name("9.8.7")).exists());
    }
    assert_eq!(server.requests().len(), 4);
}

/// Whatever fails before the program runs ends 2 with one line that says so, in every shell: no exit
/// code of curl's or tar's may pass for a verdict on the token.
#[test]
fn whatever_fails_on_the_way_ends_with_two_and_one_line() {
    let made = Machine::new();
    let name = archive_name(VERSION);
    let good = packed(&made, VERSION, "echo '{\"verdict\"' >ran; exit 5");
    let broken = packed(&made, VERSION, "exit 1");
    let cut = &good[..good.len() / 2];
    let mirror = |archive: &[u8], sums: String| mirror(VERSION, archive.to_vec(), sums);
    // A name that no resolver is asked for, since it can be none.
    let impossible = format!("{}.example", "a".repeat(64));
    let saying = |bytes: Vec<u8>| Server::always(move || Act::Send(bytes.clone()));
    let elsewhere = response(302, "Location: file:///etc/hosts\r\n", "");
    let torn = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\ncut";
    let servers = [
        ("nothing", saying(response(404, "", ""))),
        ("redirecting", saying(elsewhere)),
        ("closing", saying(torn.into())),
        ("missing", mirror(&good, sum(&good, "other.tar.gz"))),
        ("damaged", mirror(&good, sum(cut, &name))),
        ("unpackable", mirror(cut, sum(cut, &name))),
        ("failing", mirror(&broken, sum(&broken, &name))),
        ("fine", mirror(&good, sum(&good, &name))),
    ];
    let mut cases = "
        no such host    | https://{impossible}                 |        | resolve host
        no such proxy   | https://127.0.0.1:9                  | proxy  | resolve proxy
        no address      | https://[                            |        | curl: (3)
        refused         | http://{nobody}                      |        | curl: (7)
        no such file    | {nothing}                            |        | error: 404
        leads elsewhere | {redirecting}                        |        | curl: (1)
        closed          | {closing}                            |        | curl: (18)
        not in the sums | {missing}                            |        | does not name
        damaged         | {damaged}                            |        | not the one that is wanted
        cut             | {unpackable}                         |        | can't be unpacked
        does not run    | {failing}                            |        | does not run here
        no space        | {fine}                               | full   | bitrise-dx can't be installed
        no place        | {fine}                               | TMPDIR | no place for temporary files
        a file          | file:///nowhere                      |        | curl: (37)
        plain HTTP      | http://mirror.example                |        | must begin with https://
        other protocol  | ftp://127.0.0.1:1                    |        | must begin with https://
        user            | https://me:pa55word@{impossible}     |        | a user name
        host as user    | http://127.0.0.1:1?@{impossible}/x   |        | a user name
        glob            | http://127.0.0.1:{9}                 |        | curl: (3)"
        .replace("{impossible}", &impossible)
        .replace("{nobody}", &unused().to_string());
    for (name, server) in &servers {
        cases = cases.replace(&format!("{{{name}}}"), &url(server));
    }
    for (index, [case, url, condition, words]) in rows(&cases).enumerate() {
        let machine = Machine::new();
        machine.without_retries();
        // The other shell in turn; every case in both is what a walk by hand has shown.
        let shell = [Some("dash"), Some("bash")][index % 2];
        let shell = shell.filter(|shell| Path::new("/usr/bin").join(shell).exists());
        let shell = shell.unwrap_or("sh");
        fs::create_dir(machine.path("home/bitrise-dx-reports")).unwrap();
        let yesterdays = machine.path("home/bitrise-dx-reports/bitrise-dx.xml");
        fs::write(&yesterdays, "").unwrap();
        let script = super::root().join(SCRIPT).display().to_string();
        let limits = ["", "ulimit -f 0; trap '' XFSZ; "];
        let limit = limits[usize::from(condition == "full")];
        let text = format!("{limit}exec {shell} '{script}' --all-apps");
        fs::write(machine.path("job"), text).unwrap();
        let mut job = machine.script(machine.path("job").to_str().unwrap(), &[]);
        job.env("BITRISE_DX_DOWNLOAD_URL", url);
        match condition {
            "proxy" => job.env("https_proxy", format!("http://{impossible}:1")),
            "TMPDIR" => job.env("TMPDIR", "/dev/null/nope"),
            _ => &mut job,
        };
        let ran = run(&mut job);
        assert_eq!(ran.code, Some(2), "{case}, {shell}: {ran:?}");
        assert!(ran.stderr.contains(words), "{case}: {ran:?}");
        let start = "bitrise-dx can't be installed: ";
        assert!(ran.stderr.starts_with(start), "{case}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{case}: {ran:?}");
        assert_eq!(ran.stdout, "", "{case}");
        assert!(!ran.stderr.contains("pa55word"), "{case}: {ran:?}");
        assert!(!machine.path("home/ran").exists(), "{case}");
        assert!(!yesterdays.exists(), "{case}: yesterday's report stays");
        let temporary = fs::read_dir(machine.path("temp")).unwrap();
        assert_eq!(temporary.count(), 0, "{case}: temporary files stay");
    }
}

#[test]
fn a_download_is_tried_again() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let sums = sum(&archive, &archive_name("9.8.7"));
    let server = Server::start(move |request, number| match number {
        0 => Act::Send(response(503, "", "")),
        _ if request.target.ends_with("SHA256SUMS") => file(sums.as_bytes()),
        _ => file(&archive),
    });
    let ran = run(&mut install(&machine, "9.8.7", &url(&server)));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(server.requests().len(), 3);
}

/// curl would trust the further root alone, so it is asked to only where the system's are not enough.
#[test]
fn the_further_root_certificate_reaches_the_download() {
    for (options, variable) in [
        (&["--ca-cert", "/roots/own.pem"][..], ""),
        (&["--ca-cert=/roots/own.pem"], ""),
        (&[], "/roots/own.pem"),
        (&[], ""),
    ] {
        let machine = Machine::new();
        let notes = machine.path("asked").display().to_string();
        let note = "printf '%s\\n' \"$1 $2\" >>NOTES; [ \"$1\" = --cacert ] || exit 60; exit 7";
        machine.command("curl", &note.replace("NOTES", &notes));
        let mut script = machine.script(SCRIPT, options);
        let ran = run(script.env("BITRISE_DX_CA_CERT", variable));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let asked = read(notes);
        let with_root = asked.lines().nth(1);
        let wanted = Some("--cacert /roots/own.pem");
        let is_given = !options.is_empty() || !variable.is_empty();
        assert_eq!(with_root, wanted.filter(|_| is_given), "{asked}");
    }
}

#[test]
fn the_source_is_built_where_that_is_asked_for() {
    let machine = Machine::new();
    let nowhere = "http://127.0.0.1:9";
    let ran = run(&mut install(&machine, "source", nowhere));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no cargo"), "{}", ran.stderr);

    let file = machine.path("cargo-ran");
    let note = format!("{{ printf '%s\\n' \"$*\"; env; }} >>{}", file.display());
    machine.command("cargo", &note);
    let mut building = install(&machine, "source", nowhere);
    building.envs([("GH_TOKEN", "CANARY"), ("GITHUB_TOKEN", "CANARY")]);
    let ran = run(&mut building);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let built = machine.path("temp/program/build/release/bitrise-dx");
    assert_eq!(ran.stdout.trim_end(), built.to_str().unwrap());
    let noted = read(&file);
    let start = "build --quiet --release --locked --manifest-path";
    assert!(noted.starts_with(start), "{noted}");
    // No script of a build sees a token.
    lacks(&noted, "CANARY");

    for (version, words) in [
        ("latest", "name a version"),
        ("../../elsewhere", "must be one such as 0.1.0"),
        ("9 8", "must be one such as 0.1.0"),
    ] {
        let ran = run(&mut install(&machine, version, nowhere));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{version}");
        has(&ran.stderr, words);
    }
    let ran = run(install(&machine, "", nowhere).env("BITRISE_DX_PROGRAM", PROGRAM));
    assert_eq!((ran.code, ran.stdout.trim_end()), (Some(0), PROGRAM));
}

#[test]
fn an_archive_must_have_the_sum_that_the_caller_names() {
    let machine = Machine::new();
    let archive = packed(&machine, "9.8.7", "echo installed");
    let right = sum(&archive, "")[..64].to_owned();
    // This mirror has no SHA256SUMS: the caller's sum is all that counts.
    let server = mirror("9.8.7", archive, String::new());
    let with = |version: &str, sums: &str| {
        let mut command = install(&machine, version, &url(&server));
        run(command.env("BITRISE_DX_SHA256", sums))
    };
    let other = "0".repeat(64);
    let several = format!("{other}\n{right}\n");
    for sums in [right.clone(), right.to_uppercase(), several] {
        let ran = with("9.8.7", &sums);
        assert_eq!(ran.code, Some(0), "{sums}: {ran:?}");
    }
    for (version, sums, words) in [
        ("9.8.7", other.as_str(), "not the one that is wanted"),
        ("9.8.7", &right[1..], "not 64 hexadecimal digits"),
        ("source", &right, "none of the wanted SHA-256"),
    ] {
        let ran = with(version, sums);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_release_s_archive_needs_github_s_attestation_where_that_can_be_asked_for() {
    // GitHub's own address, brought to this machine by a curl that goes to the mirror instead.
    let at_github = |machine: &Machine, token: &str, gh: Option<&str>| {
        let archive = packed(machine, VERSION, "[ -z \"$GH_TOKEN\" ]");
        let sums = sum(&archive, &archive_name(VERSION));
        let server = mirror(VERSION, archive, sums);
        machine.redirect_downloads(&server);
        if let Some(script) = gh {
            let notes = machine.path("gh").display().to_string();
            machine.command("gh", &format!("printf '%s\\n' \"$*\" >>{notes}; {script}"));
        }
        run(install(machine, "", "").env("GH_TOKEN", token))
    };
    let asks = "case $* in *--help) exit 0 ;; esac; [ \"$GH_TOKEN\" = a-token ] && exit";
    let repository = env!("CARGO_PKG_REPOSITORY");
    let owner = repository.trim_start_matches("https://github.com/");

    let machine = Machine::new();
    let ran = at_github(&machine, "a-token", Some(&format!("{asks} 0")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Neither another workflow nor a rehearsal will do.
    let file = machine.path("temp/program").join(archive_name(VERSION));
    let identity = format!("{repository}/.github/workflows/release.yml@refs/tags/v{VERSION}");
    let file = file.display();
    let asked = format!("verify {file} --repo {owner} --cert-identity {identity}\n");
    let noted = machine.text("gh");
    assert!(noted.ends_with(&format!("attestation {asked}")), "{noted}");

    let machine = Machine::new();
    let ran = at_github(&machine, "a-token", Some(&format!("{asks} 1")));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("GitHub does not attest"), "{ran:?}");

    // Without a token, without gh, or with one that knows nothing of attestations, the sum decides.
    let too_old = Some("exit 1");
    for (token, gh) in [("", too_old), ("a-token", None), ("a-token", too_old)] {
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
        for tool in ["bash", "curl", "dirname", "sh", "tar", "uname", "sha256sum"] {
            if tool != missing && Path::new("/usr/bin").join(tool).exists() {
                machine.link(tool);
            }
        }
        machine.command("shasum", "exit 1");
        let mut command = install(&machine, "", "http://127.0.0.1:9");
        let ran = run(command.env("PATH", machine.path("bin")));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        let fault = format!("bitrise-dx can't be installed: there is no {missing} here\n");
        assert_eq!(ran.stderr, fault);
    }
}
