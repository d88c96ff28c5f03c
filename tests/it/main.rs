//! Tests from outside, in reading order: meaning, client, process, house.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a failed unwrap is how a test fails, and a table of cases may be long"
)]

mod support;

mod bounds;
mod classification;
mod client;
mod comfort;
mod coverage;
mod ending;
mod faults;
mod formats;
mod fuzz;
mod process;
mod sandbox;
mod schema;
#[cfg(unix)]
mod shipping;
mod soak;
mod tidy;
mod token;
mod worlds;
