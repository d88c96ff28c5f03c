//! `bitrise-dx sandbox`, and the sandbox inside of `verify`.

use super::{SandboxArgs, output};
use crate::plan;
use crate::report::shown_time;
use crate::sandbox::{Config, Sandbox, TOKEN};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::SystemTime;
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

/// Opens a sandbox.
///
/// # Errors
/// Returns what keeps it from opening: the port, or a clock that the HTTP library of a server can't
/// write as a date, over which it panics.
pub(super) async fn open(listen: SocketAddr, config: Config) -> Result<Sandbox, String> {
    let now = SystemTime::now();
    let off = now.duration_since(shown_time(now));
    if off.is_ok_and(|off| off.as_secs() == 0) {
        let opened = Sandbox::bind(listen, config).await;
        return opened.map_err(|error| plan::words(&error));
    }
    Err("the clock shows a year before 1970 or after 9999".to_owned())
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
    };
    let opened = runtime().map_err(|error| plan::words(&error));
    let opened = opened.and_then(|runtime| {
        let sandbox = runtime.block_on(open(args.listen, config))?;
        Ok((runtime, sandbox))
    });
    let (runtime, sandbox) = match opened {
        Ok(opened) => opened,
        Err(words) => {
            let address = args.listen;
            output::complain(&format!("error: can't listen on {address}: {words}\n"));
            return Ok(ExitCode::from(2));
        }
    };
    let (scenario, url) = (args.scenario, sandbox.base_url());
    output::print(&format!(
        "Simulated Bitrise API: {url}\n\
         Scenario: {} ({})\n\
         Try it from another terminal:\n  \
         BITRISE_TOKEN={TOKEN} bitrise-dx verify --base-url {url}\n\
         End it with Ctrl-C.\n",
        scenario.as_str(),
        scenario.summary()
    ))?;
    runtime.block_on(sandbox.serve());
    Ok(ExitCode::SUCCESS)
}
