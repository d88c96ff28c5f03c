//! What several tests need: servers on loopback.

pub(crate) mod server;
pub(crate) mod tls;
