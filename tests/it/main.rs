//! Tests from outside, in reading order: meaning, client, process, house.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod support;

mod agreement;
mod arguments;
mod bounds;
mod classification;
mod client;
mod command_line;
mod coverage;
mod evidence;
mod faults;
mod files_and_signals;
mod formats;
mod fuzz;
mod process;
mod sandbox;
mod saved;
mod schema;
mod screens;
#[cfg(unix)]
mod shipping;
mod surroundings;
mod tidy;
mod token;
mod worlds;
