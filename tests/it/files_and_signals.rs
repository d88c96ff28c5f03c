//! The program always answers: however it is started, whatever it is given, and when it is ended.

#[cfg(unix)]
use crate::schema;
use crate::schema::Report;
use crate::support::process::{CANARY, Finished, Program, ended};
use crate::support::server::healthy;
#[cfg(unix)]
use crate::support::server::telling;
#[cfg(target_os = "linux")]
use crate::support::server::{Act, Server, response};
#[cfg(target_os = "linux")]
use crate::support::{as_argument, in_time};
use crate::support::{has, lacks};
use std::fs;
#[cfg(target_os = "linux")]
use std::io::Write as _;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::process::Child;
#[cfg(target_os = "linux")]
use std::process::Stdio;

/// Runs with a token file against a server where all is well.
fn with_token_file(path: &Path) -> Report {
    let server = healthy();
    let program = Program::new(["verify", "--base-url", &server.base_url()]);
    let found = program.arg("--token-file").arg(path).report();
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some(CANARY));
    }
    found
}

#[test]
fn token_files_as_windows_writes_them_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let line = format!("{CANARY}\r\n");
    let utf16 = |mark: u16, bytes: fn(u16) -> [u8; 2]| {
        let units = [mark].into_iter().chain(line.encode_utf16());
        units.flat_map(bytes).collect::<Vec<u8>>()
    };
    for content in [
        line.clone().into_bytes(),
        format!("\u{feff}{line}").into_bytes(),
        utf16(0xfeff, u16::to_le_bytes),
        utf16(0xfeff, u16::to_be_bytes),
    ] {
        fs::write(&path, content).unwrap();
        let found = with_token_file(&path);
        assert_eq!(found.verdict, "verified");
        assert_eq!(found.warnings.len(), 0);
    }
}

/// Makes a pipe with a name, from which nothing comes as long as nobody writes to it.
#[cfg(unix)]
fn fifo(folder: &Path, name: &str) -> PathBuf {
    let fifo = folder.join(name);
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    fifo
}

/// Waits for a run whose standard input stays open, or whose output nobody reads.
fn ended_with<T>(mut child: Child, keep: impl FnOnce(&mut Child) -> T) -> Finished {
    let kept_open = keep(&mut child);
    let finished = ended(child);
    drop(kept_open);
    finished
}

#[cfg(unix)]
#[test]
fn no_file_that_never_ends_holds_the_run_up() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path(), "fifo");
    let server = healthy();
    let verify = |option: &str| {
        let program = Program::verify(&server.base_url()).args(["-o", "json"]);
        program.arg(option)
    };
    for (option, reason) in [
        ("--token-file", "token_unreadable"),
        ("--ca-cert", "invalid_options"),
        ("--apps-file", "invalid_options"),
    ] {
        let endless = verify(option).arg("/dev/zero").run().report();
        let nobody_writes = verify("--max-time=200ms")
            .arg(option)
            .arg(&fifo)
            .run()
            .report();
        let silent = verify("--max-time=200ms").args([option, "-"]).open_input();
        let silent = ended_with(silent.start(), |child| child.stdin.take()).report();
        for (found, words) in [
            (endless, "it is too large"),
            (nobody_writes, "it took longer than --max-time"),
            (silent, "it took longer than --max-time"),
        ] {
            assert_eq!(found.outcome(), reason);
            has(&found.message, option);
            has(&found.message, words);
        }
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn an_odd_environment_changes_nothing() {
    let server = healthy();
    let program = || Program::verify(&server.base_url()).args(["-o", "json"]);
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("HOME", "/proc"),
        ("LANG", "C"),
        ("LC_ALL", "xx_YY.nothing"),
        ("TERM", "dumb"),
        ("TERM", ""),
        ("COLUMNS", "1"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_LOG", "trace"),
        ("SSLKEYLOGFILE", "/nonexistent/keys"),
        ("TMPDIR", "/nonexistent"),
    ] {
        let finished = program().env(name, value).run();
        assert_eq!(finished.report().verdict, "verified", "{name}={value}");
        assert_eq!(finished.stderr, "", "{name}={value}");
    }
}

#[cfg(unix)]
#[test]
fn an_answer_without_a_reader_keeps_its_exit_code() {
    let server = healthy();
    let url = server.base_url();
    let program = Program::after("exec >&- 2>&-", ["verify", "--base-url", &url]);
    let finished = program.env("BITRISE_TOKEN", CANARY).run();
    assert_eq!((finished.code, &*finished.everything()), (Some(0), ""));
    assert_eq!(server.requests().len(), 2);
}

#[cfg(unix)]
fn kill(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args([signal, &id]).status().unwrap().success());
}

/// A pipe that takes no more, and whose reader keeps it.
#[cfg(target_os = "linux")]
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; 64 * 1024]).unwrap();
    (reader, writer)
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_nobody_reads_do_not_hold_the_run_up() {
    let server = Server::always(|| Act::Send(response(503, "", "")));
    let (_reader, full) = full_pipe();
    let program = Program::verify(&server.base_url()).args(["-v", "-o", "json", "--retries", "1"]);
    let mut command = program.into_command();
    let output = command.stderr(full).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let found = schema::read(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(found.checks[1].request.as_ref().unwrap().attempts, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn files_and_requests_share_one_time_for_the_whole_run() {
    let (server, _events) = telling();
    in_time(|time| {
        let folder = tempfile::tempdir().unwrap();
        // A pipe that nobody writes to holds a run up until its time is over.
        let waiting = |parts: u32, token: &str| {
            let program = Program::new(["verify", "-o", "json", "--base-url", &server.base_url()]);
            let program = program.args(["--max-time", &as_argument(time * parts)]);
            let token = fifo(folder.path(), token);
            program.arg("--token-file").arg(token)
        };
        let list = fifo(folder.path(), "list");
        let mut first = waiting(8, "first").start();
        let both = waiting(10, "both").arg("--apps-file").arg(&list);
        let mut both = both.start();
        let mut list = fs::OpenOptions::new().write(true).open(list).unwrap();
        // The list comes when most of the time is over, and the token never.
        first.wait().unwrap();
        let came = list.write_all(b"a-slug").map_err(|late| late.to_string());
        drop(list);
        // With a time of its own for the token the run would outlive one that starts now.
        waiting(7, "last").start().wait().unwrap();
        let has_ended = both.try_wait().unwrap().is_some();
        let found = ended(both).report();
        came?;
        let is_fine = has_ended && found.outcome() == "token_unreadable";
        is_fine.then_some(()).ok_or(found.message)
    });
}

#[test]
fn a_token_in_a_malformed_text_or_a_files_name_is_not_shown() {
    let server = healthy();
    let quoted = format!("Bearer {CANARY}");
    let address = format!("{}/{CANARY}", server.base_url().replace("bitwat_", ""));
    let address = address.replace("bitwat_", "");
    let unprefixed = quoted.replace("bitwat_", "");
    for format in ["human", "json", "junit"] {
        let program = Program::new(["verify", "-o", format, "--base-url", &address]);
        let finished = program.env("BITRISE_TOKEN", &unprefixed).run();
        assert_eq!(finished.code, Some(3));
        lacks(&finished.everything(), "CANARY");
    }
    let name = format!("{CANARY}{}\n::error::.json", "n".repeat(230));
    let folder = tempfile::tempdir().unwrap();
    let program = Program::verify(&server.base_url()).args(["-q", "--report", &name]);
    let finished = program.dir(folder.path()).run();
    assert_eq!(finished.code, Some(1), "{}", finished.everything());
    lacks(&finished.stderr, "CANARY");
    lacks(&finished.stderr, "::error");
    assert_eq!(finished.stderr.lines().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_with_a_report_in_every_form() {
    use bitrise_dx::verdict::Verdict::Inconclusive;
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let (server, events) = telling();
        let endings = ["json", "md", "xml", "html"];
        let reports = endings.map(|ending| format!("--report=r.{ending}"));
        let program = Program::verify(&server.base_url()).args(["-o", "github"]);
        let program = reports.iter().fold(program, Program::arg);
        let child = program.dir(folder.path()).start();
        events.recv().unwrap();
        kill(&format!("-{signal}"), &child);
        let finished = ended(child);
        assert_eq!(finished.code, Some(code));
        let read = |ending| fs::read_to_string(folder.path().join(format!("r.{ending}"))).unwrap();
        let mut texts = endings.map(|ending| (ending, read(ending))).to_vec();
        texts.push(("github", finished.stdout));
        crate::formats::read_all(&texts, Inconclusive);
        for (_, text) in &texts {
            has(text, &format!("SIG{signal}"));
        }
        let found = schema::read(&texts[0].1);
        assert_eq!((found.outcome(), found.exit_code), ("interrupted", code));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), endings.len());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_before_there_is_a_token_ends_the_run_too() {
    let answer = |format: &str, signal: &str, code: i32| {
        let program = Program::new(["verify", "-o", format, "--token-file", "-"]);
        let child = program.open_input().start();
        // The thread that reads tells that signals are being listened to.
        let tasks = format!("/proc/{}/task", child.id());
        while fs::read_dir(&tasks).is_ok_and(|tasks| tasks.count() < 3) {
            std::thread::yield_now();
        }
        kill(signal, &child);
        let finished = ended_with(child, |child| child.stdin.take());
        assert_eq!((finished.code, &*finished.stderr), (Some(code), ""));
        finished.stdout
    };
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let line = answer("human", signal, code);
        assert_eq!(line.lines().count(), 1, "{line}");
        has(&line, "ended the run before it was decided");
    }
    let found = schema::read(&answer("json", "-TERM", 143));
    assert_eq!(found.outcome(), "interrupted");
    assert_eq!(found.token.source.as_deref(), Some("stdin"));
    assert!(found.checks.iter().all(|check| check.request.is_none()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_at_once_where_the_report_finds_no_way_out() {
    use std::os::unix::process::ExitStatusExt as _;
    let (server, events) = telling();
    let mut command = Program::verify(&server.base_url()).into_command();
    let (_reader, full) = full_pipe();
    let mut child = command.stdout(full).stderr(Stdio::null()).spawn().unwrap();
    events.recv().unwrap();
    kill("-INT", &child);
    // The request was given up, so the first signal has arrived.
    events.recv().unwrap();
    kill("-TERM", &child);
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

/// Prepares a run whose report is larger than a pipe holds, however little it finds out.
fn talkative(base_url: &str) -> Program {
    let program = Program::verify(base_url).args(["-o", "json"]);
    let app = |number: usize| format!("app-{number}-{}", "x".repeat(60));
    (0..300).fold(program, |program, number| {
        program.args(["--app", &app(number)])
    })
}

#[test]
fn a_report_that_nobody_reads_is_waited_for_no_longer_than_is_said() {
    let server = healthy();
    let report = talkative(&server.base_url()).run().stdout;
    assert!(report.len() > 64 * 1024, "{}", report.len());

    let late = talkative(&server.base_url()).args(["--max-time", "1ms"]);
    let unread = vec![(late.start(), 1, "nobody read it within --max-time")];
    #[cfg(unix)]
    let unread = {
        let (server, events) = telling();
        let interrupted = talkative(&server.base_url())
            .args(["--max-time", "1h"])
            .start();
        events.recv().unwrap();
        kill("-INT", &interrupted);
        let interrupted = (interrupted, 130, "");
        unread.into_iter().chain([interrupted]).collect::<Vec<_>>()
    };
    for (child, code, words) in unread {
        let finished = ended_with(child, |child| child.stdout.take());
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        has(&finished.stderr, words);
    }
}
