//! `bitrise-dx` tells whether a Bitrise API token will work as a DX connection, and if not, why.

pub mod api;
pub mod check;
pub mod classify;
pub mod exchange;
pub mod guide;
pub mod plan;
pub mod render;
pub mod report;
pub mod sandbox;
pub mod text;
pub mod token;
pub mod verdict;
pub mod wire;
