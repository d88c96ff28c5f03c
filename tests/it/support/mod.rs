//! What several tests need: servers on loopback, and the program as a process.

pub(crate) mod bitrise;
pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod readers;
pub(crate) mod server;
pub(crate) mod tls;

use bitrise_dx::diagnosis::Diagnosis;
use bitrise_dx::render::{self, Detail, Style};
use proptest::test_runner::{Config, RngSeed};
use std::time::Duration;

/// Returns how random cases are made: the same every time, so that a test which passed does so again.
/// The fuzzer looks for others.
pub(crate) fn repeatable() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(0x00b1_7215_edd8),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Returns the rows of a table, a line each, with their cells between bars.
pub(crate) fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [&str; N]> {
    table.trim_ascii().lines().map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("{line}"))
    })
}

/// Asserts that a text has these words.
#[track_caller]
pub(crate) fn has(text: &str, words: &str) {
    assert!(text.contains(words), "no “{words}” in: {text}");
}

/// Asserts that a text has these words nowhere.
#[track_caller]
pub(crate) fn lacks(text: &str, words: &str) {
    assert!(!text.contains(words), "“{words}” in: {text}");
}

/// Tries with more and more time, until what is meant to happen within it did: on a busy machine
/// even a little takes long.
pub(crate) fn in_time<T>(attempt: impl Fn(Duration) -> Result<T, String>) -> T {
    const LONGEST: Duration = Duration::from_secs(20);
    let mut time = Duration::from_millis(50);
    loop {
        match attempt(time) {
            Ok(found) => return found,
            Err(why) => assert!(time < LONGEST, "{why}"),
        }
        time *= 2;
    }
}

/// Returns a time as the program's arguments have it.
pub(crate) fn as_argument(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// How people see a report in these tests: with all there is, on lines for most sentences.
pub(crate) const WIDE: Style = Style {
    color: false,
    unicode: true,
    width: 100,
    detail: Detail::Verbose,
    max_apps: 20,
};

/// Returns a diagnosis in every format, by the ending of its file.
pub(crate) fn documents(diagnosis: &Diagnosis) -> [(&'static str, String); 6] {
    [
        ("human", render::human(diagnosis, WIDE)),
        ("json", render::json(diagnosis).unwrap()),
        ("md", render::markdown(diagnosis)),
        ("xml", render::junit(diagnosis).unwrap()),
        ("html", render::html(diagnosis).unwrap()),
        ("github", render::github(diagnosis)),
    ]
}
