//! Notes which commit and which target a binary is built from, for `bitrise-dx --version` and for
//! the reports.
//!
//! Nothing but the source decides on the text, so that two builds of one commit are the same: the
//! date is the commit's. A published crate has no repository; Cargo left the commit in a file there.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo speaks to a build script through the environment"
)]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let (commit, date) = from_repository()
        .or_else(from_published_crate)
        .unwrap_or_default();
    let target = env::var("TARGET").unwrap_or_default();
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let source = format!("{commit} {date}");
    let parts = [source.trim(), &target].into_iter();
    let build: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let long_version = format!("{version} ({})", build.join(", "));
    // Else a library that unwinds the stack is loaded at each start, for a tenth of its time.
    if target.ends_with("-linux-gnu") {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
    for (name, value) in [
        ("COMMIT", &commit),
        ("DATE", &date),
        ("TARGET", &target),
        ("LONG_VERSION", &long_version),
    ] {
        println!("cargo::rustc-env=BITRISE_DX_{name}={value}");
    }
}

/// Returns the commit and its day, where this folder is a repository itself and not a part of
/// somebody else's.
fn from_repository() -> Option<(String, String)> {
    if !Path::new(".git").exists() {
        return None;
    }
    // The log of HEAD changes with each commit, also in a further work tree.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    let shown = git(&["show", "-s", "--abbrev=7", "--format=%h %cs", "HEAD"])?;
    let (commit, date) = shown.split_once(' ')?;
    Some((commit.to_owned(), date.to_owned()))
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Returns the commit that `cargo package` noted.
fn from_published_crate() -> Option<(String, String)> {
    let text = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?.get(..7)?;
    Some((commit.to_owned(), String::new()))
}
