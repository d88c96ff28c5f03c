//! `bitrise-dx` tells whether a Bitrise API token will work as a DX connection, and if not, why
//! and what to click. This page is the architecture of the program.
//!
//! The library exists for the program and its tests. What is promised to users is the command
//! line, the exit codes and the JSON report; the library's API may change at any time.
//!
//! # Data flow
//! [`cli`] reads arguments, environment and token, and makes a [`plan::Plan`]. [`verify`] asks
//! the [`api::Client`] DX's questions in DX's order. Each call ends in an [`exchange::Exchange`],
//! plain data of what was seen. [`classify`] says what it means: go on, or a
//! [`verdict::Reason`]. Each answer becomes a [`check::Check`], and all of them a
//! [`report::Report`], which derives the [`verdict::Verdict`]. [`diagnosis`] says what that means
//! for whom, [`render`] shows it, and [`cli`] writes the text and exits with the verdict's code. Where
//! nothing can be checked, a report with [`report::NotRun`] enters at the same place, so that all
//! formats and exit codes follow one path. So does a run that a signal ends: what is known by then
//! is its report.
//!
//! # Map
//! | module | what it is | it may use |
//! |---|---|---|
//! | [`cli`] | the edge: arguments, environment, files, terminal | everything |
//! | [`verify`] | the run: order, what follows what | `api`, `classify`, `report` and below |
//! | [`api`] | the client; the only module that names an HTTP or TLS library | `exchange`, `plan`, `redact`, `token`, `wire`, `text` and below |
//! | [`sandbox`] | a simulated Bitrise on loopback | nothing of the others |
//! | [`render`] | diagnosis → text | `diagnosis` and below |
//! | [`evidence`] | pasted text → report | `classify`, `report` and below |
//! | [`diagnosis`] | what a report means for whom | `report` and below |
//! | [`report`] | what is known after a run | `check`, `plan`, `token`, `text`, `verdict` |
//! | [`classify`] | from what was seen to what it means | `exchange`, `wire`, `verdict` |
//! | [`check`] | one check and how it ended | `exchange`, `token`, `text`, `verdict` |
//! | [`exchange`] | what was seen on the network | `wire`, `text` |
//! | [`wire`] | lenient reading of Bitrise's JSON | `app`, `text` |
//! | [`plan`] | what a run is asked to do | `app`, `base_url`, `redact`, `token`, `verdict` |
//! | [`base_url`] | the address of the API | `token` |
//! | [`proxy`] | the proxy that the environment asks for | |
//! | [`app`] | an app and its slug | `text` |
//! | [`token`] | what can be said about the token's text | `redact` |
//! | [`redact`] | removes the token from other texts | |
//! | [`text`] | text that is not ours | |
//! | [`verdict`] | the tables of verdicts and reasons | |
//!
//! # Invariants
//! - A reason has one verdict, and the verdict is the only source of DX's code and, but for a run
//!   that a signal ended, of the exit code.
//! - What the server says is never an `Err`; the pure half (all but `cli`, `api`, `sandbox` and
//!   `verify`) does no I/O and can't fail for it.
//! - The token leaves as the value of one header, to one origin. Texts from the network are
//!   [`text::Untrusted`], cleaned of the token before they are stored.
//! - `sandbox` shares no code with the client, so that both can't share a mistake.
//!
//! A test sorts the modules topologically, as far as `crate::` in their code tells: there is no
//! circle, and the edges are used by nobody below them.

pub mod api;
pub mod app;
pub mod base_url;
pub mod check;
pub mod classify;
pub mod cli;
pub mod diagnosis;
pub mod evidence;
pub mod exchange;
pub mod plan;
pub mod proxy;
pub mod redact;
pub mod render;
pub mod report;
pub mod responder;
pub mod sandbox;
pub mod text;
pub mod token;
pub mod verdict;
pub mod verify;
pub mod wire;
