//! The program as a process, in an environment that holds nothing of this machine's.

use crate::schema::{self, Report};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bitrise-dx");

/// A token that must show up nowhere.
pub(crate) const CANARY: &str = "bitwat_CANARY-3f9a81c27e55d04b";

/// A run of the program that is being prepared.
pub(crate) struct Program(Command);

/// What came of a run.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Prepares a run with these arguments and an empty environment.
    pub(crate) fn new<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::of(Command::new(PROGRAM), args)
    }

    /// Prepares a run by a shell, which has a script to run before it.
    #[cfg(unix)]
    pub(crate) fn after<const N: usize>(script: &str, args: [&str; N]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{script}; exec \"$0\" \"$@\""), PROGRAM]);
        Self::of(shell, args)
    }

    fn of<S: AsRef<std::ffi::OsStr>>(
        mut command: Command,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        command.args(args).env_clear().stdin(Stdio::null());
        #[expect(
            clippy::disallowed_methods,
            reason = "Windows opens no socket without this variable"
        )]
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        Self(command)
    }

    /// Prepares `verify` against a server, with the canary as the token.
    pub(crate) fn verify(base_url: &str) -> Self {
        Self::new(["verify", "--base-url", base_url]).env("BITRISE_TOKEN", CANARY)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, folder: &std::path::Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(self) -> Finished {
        ended(self.start())
    }

    /// Runs the program to its end, and reads its report.
    pub(crate) fn report(self) -> Report {
        self.args(["-o", "json"]).run().report()
    }

    /// Runs the program with a text on standard input.
    pub(crate) fn run_with_input(self, input: &[u8]) -> Finished {
        let mut child = self.open_input().start();
        // The program may have ended without reading; its answer is what counts.
        let _ = child.stdin.take().unwrap().write_all(input);
        ended(child)
    }

    /// Gives the program a standard input that is written to later, or never.
    pub(crate) fn open_input(mut self) -> Self {
        self.0.stdin(Stdio::piped());
        self
    }

    /// Starts the program, for a test that needs the process itself.
    pub(crate) fn start(mut self) -> Child {
        let pipes = self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        pipes.spawn().unwrap()
    }

    /// Gives the command away, for a test that needs the process itself.
    pub(crate) fn into_command(self) -> Command {
        self.0
    }
}

/// Returns what came of a run, once it ends.
pub(crate) fn ended(child: Child) -> Finished {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Finished {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Finished {
    /// Reads the run's report in JSON, which says the run's exit code.
    pub(crate) fn report(&self) -> Report {
        let report = schema::read(&self.stdout);
        assert_eq!(self.code, Some(report.exit_code), "{}", self.stderr);
        report
    }

    /// Returns everything that the run printed.
    pub(crate) fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A sandbox in a process of its own, which ends with the value.
pub(crate) struct Served {
    process: Child,
    pub(crate) base_url: String,
}

impl Served {
    pub(crate) fn start(sandbox: Program) -> Self {
        let mut process = sandbox.into_command();
        let mut process = process.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let base_url = first.strip_prefix("Simulated Bitrise API: ").unwrap();
        Self {
            process,
            base_url: base_url.to_owned(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program whose output is larger than a pipe, and returns the most memory that it had: while it
/// waits for its reader, it has done all its work.
#[cfg(target_os = "linux")]
pub(crate) fn peak_of(program: Program) -> (u64, Finished) {
    use std::io::Read as _;
    let mut child = program.start();
    let mut first = [0];
    let out = child.stdout.as_mut().unwrap();
    out.read_exact(&mut first).unwrap();
    let peak = peak_kib(child.id()).unwrap();
    let mut finished = ended(child);
    finished.stdout.insert(0, char::from(first[0]));
    (peak, finished)
}

/// Returns the most memory that a running process has had resident so far, in KiB.
#[cfg(target_os = "linux")]
pub(crate) fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
