//! `bitrise-dx sandbox`, and the sandbox inside of `verify`.

use super::{SandboxArgs, output};
use crate::plan;
use crate::sandbox::{Config, Sandbox, TOKEN};
use std::io;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// Makes the runtime of a process that does one thing at a time.
///
/// # Errors
/// Returns the system's error if it gives no event queue.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}

/// Serves a sandbox until the process is ended.
///
/// # Errors
/// Returns an error if the first lines can't be written.
pub(super) fn run(args: &SandboxArgs) -> anyhow::Result<ExitCode> {
    let config = Config {
        scenario: args.scenario,
        latency: args.latency.unwrap_or_default(),
        apps: args.apps.map(usize::from),
        ..Config::default()
    };
    let opened = runtime().and_then(|runtime| {
        let sandbox = runtime.block_on(Sandbox::bind(args.listen, config))?;
        Ok((runtime, sandbox))
    });
    let (runtime, sandbox) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let (address, words) = (args.listen, plan::words(&error));
            output::complain(&format!("error: can't listen on {address}: {words}\n"));
            return Ok(ExitCode::from(2));
        }
    };
    let (scenario, url) = (args.scenario, sandbox.base_url());
    output::print(&format!(
        "Simulated Bitrise API: {url}\n\
         Scenario: {scenario} ({})\n\
         Try it from another terminal:\n  \
         BITRISE_TOKEN={TOKEN} bitrise-dx verify --base-url {url}\n\
         End it with Ctrl-C.\n",
        scenario.summary()
    ))?;
    runtime.block_on(sandbox.serve());
    Ok(ExitCode::SUCCESS)
}
