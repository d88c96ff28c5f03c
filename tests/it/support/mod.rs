//! What several tests need: servers on loopback, and the program as a process.

pub(crate) mod bitrise;
pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod readers;
pub(crate) mod server;
pub(crate) mod tls;
