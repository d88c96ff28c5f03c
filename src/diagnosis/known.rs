//! What is known of the place where the program runs.
//!
//! Invariant: names alone. No value of a variable gets here, since any of them may be a secret.

use super::ci::CiBuild;
use crate::names::names;
use crate::report::Shell;

/// What the environment shows, read once at the edge.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The CI build that runs the program, if one does, with what a missing token means there.
    pub ci: Option<CiBuild>,
    /// Other variables that are set and that people use for this token, such as
    /// `BITRISE_API_TOKEN`.
    pub token_variables: Vec<&'static str>,
    /// The proxy variables that are set and not empty, in the order of their precedence.
    pub proxy_variables: Vec<&'static str>,
    /// Whether a proxy is set, and `NO_PROXY` (or `no_proxy`) names the host that is asked.
    pub is_in_no_proxy: bool,
    /// Variables for root certificates that the platform reads but that lead nowhere.
    pub roots: Vec<BrokenRoots>,
    /// Whether this is a container, whose own 127.0.0.1 is not the machine's.
    pub is_container: bool,
    /// The shell that commands are written for.
    pub shell: Shell,
}

/// A variable for root certificates that is of no use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BrokenRoots {
    /// The variable's name: `SSL_CERT_FILE` or `SSL_CERT_DIR`.
    pub variable: &'static str,
    /// What is wrong with what it names.
    pub fault: RootsFault,
}

names! {
    /// What is wrong with a file or folder of root certificates.
    pub enum RootsFault {
        /// There is no such file or folder.
        Missing = "missing",
        /// It can't be read.
        Unreadable = "unreadable",
        /// It holds no certificate.
        Empty = "empty",
    }
}
