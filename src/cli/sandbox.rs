//! `bitrise-dx sandbox`, and the sandbox inside of `verify`.

use super::{SandboxArgs, output};
use crate::sandbox::{Config, Sandbox, TOKEN};
use anyhow::Context as _;
use std::io;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// Makes the runtime of a process that does one thing at a time.
///
/// # Errors
/// Returns the system's error where it gives no event queue.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}

/// Serves a sandbox until the process is ended.
///
/// # Errors
/// Returns an error where the port can't be opened.
pub(super) fn run(args: &SandboxArgs) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario;
    runtime()?.block_on(async {
        let problem = || format!("the sandbox could not listen on {}", args.listen);
        let config = Config {
            scenario,
            latency: args.latency.unwrap_or_default(),
            apps: args.apps.map(usize::from),
            ..Config::default()
        };
        let sandbox = Sandbox::bind(args.listen, config).await;
        let sandbox = sandbox.with_context(problem)?;
        let url = sandbox.base_url();
        output::print(&format!(
            "Simulated Bitrise API: {url}\n\
             Scenario: {scenario} ({})\n\
             Try it from another terminal:\n  \
             BITRISE_TOKEN={TOKEN} bitrise-dx verify --base-url {url}\n\
             End it with Ctrl-C.\n",
            scenario.summary()
        ))?;
        sandbox.serve().await;
        Ok(ExitCode::SUCCESS)
    })
}
