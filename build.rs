//! Notes which commit and which target a binary is built from, for `bitrise-dx --version` and for
//! the reports.
//!
//! Nothing but the source decides on the text, so that two builds of one commit are the same: the
//! date is the commit's, or that of `SOURCE_DATE_EPOCH` where it is set. A published crate has no
//! repository; Cargo left the commit in a file there.

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
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let (commit, date) = from_repository()
        .or_else(from_published_crate)
        .unwrap_or_default();
    println!("cargo::rustc-env=BITRISE_DX_COMMIT={commit}");
    let epoch = env::var("SOURCE_DATE_EPOCH").ok();
    let epoch = epoch.and_then(|seconds| seconds.trim().parse().ok());
    let date = epoch.map_or(date, day);
    println!("cargo::rustc-env=BITRISE_DX_DATE={date}");
    let source = [commit, date];
    let source: Vec<String> = source.into_iter().filter(|part| !part.is_empty()).collect();
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BITRISE_DX_TARGET={target}");
    let parts = [source.join(" "), target];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let build = parts.join(", ");
    println!("cargo::rustc-env=BITRISE_DX_LONG_VERSION={version} ({build})");
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

/// Returns the day of a Unix time, in UTC. The algorithm is Howard Hinnant's `civil_from_days`,
/// for days from 1970 on.
fn day(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
