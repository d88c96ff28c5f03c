//! How the program reaches people: the GitHub action, the Bitrise Step, the script for every CI, archives.
//!
//! Their scripts are run as they are, on a made-up build machine that has nothing of this one's but
//! the system's own commands.

mod documents;
mod install;
mod page;
mod release;
mod uses;

use crate::support::process::{CANARY, PROGRAM};
use crate::support::rows;
use crate::support::server::{Server, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// Returns the files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Writes a script that can be run.
fn executable(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/bash\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Packs what is in a folder of that name below another folder, and returns the archive.
fn packed(below: &Path, name: &str) -> Vec<u8> {
    let mut tar = Command::new("tar");
    let tar = tar
        .args(["-czf", "-", name])
        .current_dir(below)
        .output()
        .unwrap();
    assert!(tar.status.success());
    tar.stdout
}

/// A build machine with a home, a folder for temporary files, and commands of its own.
struct Machine(TempDir);

/// What came of a script.
#[derive(Debug, Default)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "home", "temp"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns what a file holds; nothing, where there is no such file.
    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Puts a command onto the PATH.
    fn command(&self, name: &str, script: &str) {
        executable(&self.path("bin").join(name), script);
    }

    /// Puts one of the system's commands onto the PATH, for a machine that has no other ones.
    fn link(&self, name: &str) {
        let system = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
        let found = system.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, self.path("bin").join(name)).unwrap();
    }

    /// Puts a curl onto the PATH that asks a mirror on this machine for the repository's releases, and
    /// nobody for anything else.
    fn redirect_downloads(&self, mirror: &Server) {
        let releases = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download");
        let address = mirror.address();
        self.curl(&format!(
            "{releases}/*) arg=http://{address}${{arg#{releases}}} ;;\n\
             *://*) echo \"curl was to ask $arg\" >&2; exit 7 ;;\n\
             =https) arg==http ;;"
        ));
    }

    /// Puts a curl onto the PATH that does not wait between attempts, as it has only one.
    fn without_retries(&self) {
        self.curl("--retry) arg=--retry-connrefused ;; 3) continue ;;");
    }

    /// Puts a curl onto the PATH whose arguments are changed by the patterns of a `case`.
    fn curl(&self, patterns: &str) {
        let script = "args=()\nfor arg; do\ncase $arg in\nPATTERNS\nesac\nargs+=(\"$arg\")\ndone\n\
            PATH=/usr/bin:/bin exec curl \"${args[@]}\"";
        self.command("curl", &script.replace("PATTERNS", patterns));
    }

    /// Prepares one of the project's scripts.
    fn script(&self, script: &str, args: &[&str]) -> Command {
        let (mut command, bin) = (Command::new("bash"), self.path("bin"));
        command.arg(root().join(script)).args(args).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command
            .env("HOME", self.path("home"))
            .current_dir(self.path("home"));
        command
            .env("TMPDIR", self.path("temp"))
            .stdin(Stdio::null());
        command
    }

    /// Returns everything that a script left on this machine, names and contents.
    fn everything(&self) -> String {
        let shown = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            format!("{}\n{}\n", path.display(), String::from_utf8_lossy(&bytes))
        };
        let all: Vec<String> = files(self.0.path()).into_iter().map(shown).collect();
        all.concat()
    }
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a script with tokens that are refused, by a server that repeats what it got, and demands
/// that they show up nowhere.
fn refuses_without_showing(check: impl Fn(&Machine, &str, &str) -> Ran) {
    let server = Server::start(|request, _| {
        let token = request.header("authorization").unwrap_or_default();
        json(401, &format!(r#"{{"message":"Unauthorized {token}"}}"#))
    });
    for token in [CANARY.to_owned(), format!("Bearer {CANARY}")] {
        let machine = Machine::new();
        let ran = check(&machine, &server.base_url(), &token);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let all = format!("{}{}{}", ran.stdout, ran.stderr, machine.everything());
        assert!(all.contains("invalid_credentials"));
        assert!(!all.contains("CANARY"), "{all}");
    }
    // The second token can't be one, and is not sent.
    let sent = server.requests();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].header("authorization"), Some(CANARY));
}
