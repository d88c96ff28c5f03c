//! `bitrise-dx` tells whether a Bitrise API token will work as a DX connection, and if not, why
//! and what to click. This page is the architecture of the program.
//!
//! The library exists for the program and its tests. What is promised to users is the command
//! line, the exit codes and the JSON report; the library's API may change at any time.
//!
//! # Data flow
//! [`cli`] reads arguments, environment and token, and makes a [`plan::Plan`]. [`verify`] sends
//! DX's requests in DX's order through the [`api::Client`]. Each request ends in an
//! [`exchange::Exchange`], plain data of what was seen. [`classify`] says what it means: go on, or a
//! [`verdict::Reason`]. A [`report::Assembly`] takes them in their order and makes a
//! [`check::Check`] of each kind, what is known of each app, and of all that a [`report::Report`],
//! which derives the [`verdict::Verdict`].
//!
//! [`diagnosis::diagnose`] turns the report, and what the environment shows
//! ([`diagnosis::Known`]), into a [`diagnosis::Diagnosis`]: what it means for whom, in words.
//! [`render`] shows that in a format, and [`cli`] writes the text and exits with the diagnosis's
//! code.
//!
//! Other ways lead into the same path, so that all formats and exit codes are the same:
//! - If nothing can be checked, the report has a [`plan::NotRun`]. If a signal ends the run, the
//!   report is what is known by then.
//! - [`evidence`] makes exchanges from a pasted text, and [`classify`] judges them.
//! - [`diagnosis::read`] reads a saved JSON report, the diagnosis itself, back into its report.
//!
//! # Map
//! From the edge to the core; a module uses those below it alone.
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | the edge: arguments, environment, files, terminal |
//! | [`sandbox`] | a simulated Bitrise on loopback; it shares nothing with the client |
//! | [`verify`] | the run: order, concurrency, deadline |
//! | [`api`] | the client; the only module that names `reqwest` or `rustls` |
//! | [`evidence`] | pasted text → report |
//! | [`render`] | diagnosis → text in a format |
//! | [`diagnosis`] | report → what it means for whom: the one place where meaning becomes words |
//! | [`report`] | what is known after a run, put together of what was answered |
//! | [`pasted`] | what a pasted text shows beyond requests and responses |
//! | [`classify`] | from what was seen to what it means |
//! | [`check`] | one check and how it ended |
//! | [`proxy`] | the proxy that the environment asks for, and what it says |
//! | [`responder`] | who sent a response, told by its headers and its page's title |
//! | [`exchange`] | what was seen on the network |
//! | [`wire`] | lenient reading of Bitrise's JSON |
//! | [`base_url`] | the address of the API |
//! | [`plan`] | what a run is asked to do, or why nothing is |
//! | [`app`] | an app and its slug |
//! | [`token`] | a token, its kind, and texts that are plainly no token |
//! | [`redact`] | removes the token and other secrets from texts |
//! | [`text`] | text that is not ours, and sentences that quote it |
//! | [`verdict`] | the tables of verdicts and reasons |
//! | [`names`] | a macro for enums whose variants have names that scripts read |
//!
//! # Invariants
//! - A reason has one verdict, and a verdict one exit code and one code of DX's. The exit code is
//!   another one only if a signal ended the run or a report could not be written.
//! - What the server says is never an `Err`. The pure half (all but `cli`, `api`, `sandbox` and
//!   `verify`) does no I/O and reads no clock.
//! - No format decides or words anything but its headings.
//! - The token leaves as the value of one header, to one origin. Texts from the network are
//!   [`text::Untrusted`], cleaned of the token before they are stored.
//! - `sandbox` shares no code with the client, so that both can't share a mistake.
//!
//! A test (`tests/it/tidy.rs`) holds that modules use those below them in the map alone, as far as
//! `crate::` in their code tells, that the edge and the client have no other users, and that no
//! modules of one folder are in a circle.

/// Declares tests as `proptest!` does, but with the same random cases in every run, so that tests which
/// passed do so again.
#[cfg(test)]
macro_rules! repeatable {
    ($($tests:tt)*) => {
        proptest::proptest! {
            #![proptest_config(proptest::test_runner::Config {
                rng_seed: proptest::test_runner::RngSeed::Fixed(0x00b1_7215_edd8),
                failure_persistence: None,
                ..proptest::test_runner::Config::default()
            })]

            $($tests)*
        }
    };
}

#[macro_use]
pub mod text;

pub mod api;
pub mod app;
pub mod base_url;
pub mod check;
pub mod classify;
pub mod cli;
pub mod diagnosis;
pub mod evidence;
pub mod exchange;
pub mod names;
pub mod pasted;
pub mod plan;
pub mod proxy;
pub mod redact;
pub mod render;
pub mod report;
pub mod responder;
pub mod sandbox;
pub mod token;
pub mod verdict;
pub mod verify;
pub mod wire;
