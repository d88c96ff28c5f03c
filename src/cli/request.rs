//! What `verify` is asked to do: from arguments and files to a plan.

use super::VerifyArgs;
use super::environment::Environment;
use super::input::{self, ReadLimits};
use super::outcome::Early;
use crate::api::Roots;
use crate::base_url::{BaseUrl, DEFAULT_BASE_URL};
use crate::plan::{self, NotRun, Plan, RunOptions, Selection};
use crate::proxy::Route;
use crate::report::{BaseUrlSource, Target};
use std::ffi::OsString;
use std::io;
use std::path::Path;

/// The maximum number of bytes that are read of `--apps-file` and `--ca-cert`: room for some 25,000
/// apps, and for every root that the web trusts.
const MAX_FILE: u64 = 1024 * 1024;

/// What the options ask for.
pub(super) struct Request {
    /// What is to be checked.
    pub(super) plan: Plan,
    /// Where.
    pub(super) base_url: BaseUrl,
    /// What a report says of it.
    pub(super) target: Target,
    /// The way there.
    pub(super) route: Route,
    /// The root certificates that are trusted.
    pub(super) roots: Roots,
}

impl Request {
    /// Reads what the options ask for, and the files that they name.
    ///
    /// # Errors
    /// Returns why there is nothing to ask.
    pub(super) async fn read(
        args: &VerifyArgs,
        environment: &Environment,
        limits: ReadLimits<'_>,
    ) -> Result<Self, Early> {
        let in_sandbox = args.sandbox.is_some();
        let given = args.base_url.as_ref().map(|url| url.to_string_lossy());
        let variable = environment.base_url.as_deref().filter(|_| !in_sandbox);
        let (base_url, base_url_source) = match (given.as_deref(), variable) {
            (Some(url), _) => (url, BaseUrlSource::Option),
            (None, Some(url)) => (url, BaseUrlSource::Environment),
            (None, None) => (DEFAULT_BASE_URL, BaseUrlSource::Default),
        };
        let base_url = BaseUrl::parse(base_url)?;
        // Requests to this machine have no proxy, so its variables are not looked at.
        let route = if base_url.0.scheme() == "https" && !in_sandbox {
            environment.proxies.route(&base_url.0)?
        } else {
            Route::Direct
        };
        let apps = if let Some(path) = &args.apps_file {
            plan::app_slugs(&read(path, limits, "--apps-file", input::text).await?)?
        } else {
            let slug = |app: &OsString| plan::app_slug(plan::OPTION, &app.to_string_lossy());
            args.app.iter().map(slug).collect::<Result<_, _>>()?
        };
        let mut extra = None;
        if let Some(path) = &args.ca_cert {
            // What is no text is a certificate in DER.
            let parse = |bytes: &[u8]| {
                let text = input::text(bytes).map(|text| text.as_bytes().to_vec());
                Ok(text.unwrap_or_else(|_| bytes.to_vec()))
            };
            extra = Some(read(path, limits, "--ca-cert", parse).await?);
        }
        Ok(Self {
            plan: Plan {
                options: options(args),
                apps,
                concurrency: args.concurrency.into(),
            },
            target: Target {
                base_url: Some(base_url.to_string()),
                base_url_source,
                ca_cert: { args.ca_cert.as_ref() }.map(|path| path.display().to_string()),
                ..Target::default()
            },
            base_url,
            route,
            roots: Roots {
                extra,
                file: environment.cert_file.clone(),
                folders: environment.cert_folders.clone(),
            },
        })
    }
}

/// Returns what a run was asked to do, as its report says it.
pub(super) const fn options(args: &VerifyArgs) -> RunOptions {
    let selection = match (args.all_apps, &args.apps_file, args.app.is_empty()) {
        (true, ..) => Selection::All,
        (_, Some(_), _) => Selection::File,
        (.., true) => Selection::First,
        (.., false) => Selection::Named,
    };
    RunOptions {
        selection,
        details: args.pipeline_details,
        timeout: Some(args.timeout),
    }
}

/// Reads what an option names a file of.
async fn read<T: Send + 'static>(
    path: &Path,
    limits: ReadLimits<'_>,
    option: &str,
    parse: fn(&[u8]) -> io::Result<T>,
) -> Result<T, Early> {
    let file = path.to_owned();
    let read = limits.wait(move || parse(&input::read(&file, MAX_FILE)?));
    let read = read.await.map_err(Early::Stopped)?;
    Ok(read.map_err(|error| NotRun::file(path, option, &error))?)
}
