//! `bitrise-dx verify`: the run, from a request to an outcome.

use super::environment::Environment;
use super::input::ReadLimits;
use super::outcome::{Early, Outcome, Readers, from, plan_files, started};
use super::output;
use super::progress::Progress;
use super::request::{self, Request};
use super::signals::Signals;
use super::usage_error::TOKEN_IN_ARGUMENTS;
use super::{VerifyArgs, sandbox, token_source};
use crate::api::{Client, RetryPolicy, Settings};
use crate::base_url::BaseUrl;
use crate::plan::{self, PlanError};
use crate::report::{NotRun, SandboxTarget, Target, TokenInfo, TokenSource};
use crate::sandbox::{Config, Sandbox, Scenario, TOKEN};
use crate::token::Token;
use crate::verify::{Event, verify};
use secrecy::{ExposeSecret as _, SecretString};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use url::{Position, Url};

/// Verifies a token, writes what came of it, and returns the report's exit code.
///
/// # Errors
/// Returns an error if the report could not be written.
pub(super) fn run(
    args: &VerifyArgs,
    token_given: bool,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    let clock = Instant::now();
    let style = output::style(environment, args.readers.detail(args.verbose));
    let (files, unusable) = plan_files(&args.readers.report, &inputs(args, environment));
    let refused = if token_given || !args.stray.is_empty() {
        Some(PlanError::TokenInArguments(TOKEN_IN_ARGUMENTS))
    } else {
        unusable
    };
    let several = args.all_apps || args.apps_file.is_some() || args.app.len() > 1;
    let run = Run {
        args,
        environment,
        progress: Rc::new(Progress::new(style, several, !environment.is_ci())),
        deadline: Cell::new(clock + args.max_time),
        target: RefCell::default(),
        source: Cell::default(),
    };
    let outcome = match refused {
        Some(error) => Err(error.into()),
        None => answer(&run),
    };
    let (target, source) = (run.target.take(), run.source.get());
    let deadline = run.deadline.get();
    drop(run.progress);
    let mut outcome = outcome.unwrap_or_else(|early| early.report(target, source).into());
    outcome.report.duration = clock.elapsed();
    outcome.report.options = request::options(args);
    let asked = outcome.report.target.base_url.as_deref();
    outcome.known = environment.known(asked.and_then(|url| Url::parse(url).ok()).as_ref());
    let soon = Instant::now() + TO_WRITE;
    let until = match outcome.report.interrupted {
        Some(_) => soon,
        None => deadline.max(soon),
    };
    outcome.write(&Readers {
        format: Some(args.output),
        style,
        files: &files,
        until: Some(until.into_std()),
    })
}

/// The time that a reader of standard output has in any case, and all of it after a signal.
const TO_WRITE: Duration = Duration::from_secs(2);

/// Returns the files that a run reads, with their names for people.
fn inputs<'a>(args: &'a VerifyArgs, environment: &'a Environment) -> Vec<(&'static str, &'a Path)> {
    let inputs = [
        ("the file of --token-file", &args.token_file),
        ("the file of --apps-file", &args.apps_file),
        ("the file of --ca-cert", &args.ca_cert),
        ("the file of SSL_CERT_FILE", &environment.cert_file),
    ];
    let named = inputs.into_iter();
    named
        .filter_map(|(name, path)| Some((name, path.as_deref()?)))
        .collect()
}

/// Finds the answer.
///
/// # Errors
/// Returns why nothing was sent.
fn answer(run: &Run<'_>) -> Result<Outcome, Early> {
    let no_room = |error: io::Error| PlanError::Machine(plan::words(&error));
    let (runtime, signals) = start().map_err(no_room)?;
    let outcome = runtime.block_on(run.ask(&signals));
    // A name that is still being resolved, or a pipe that is still being read, must not hold up
    // the end of the process.
    runtime.shutdown_background();
    outcome
}

/// Takes from the system what every run needs.
///
/// # Errors
/// Returns the system's error if it has no event queue, no pipe or no thread left. The thread is
/// for whatever blocks, such as looking up a name: the library panics if it can't be had.
fn start() -> io::Result<(Runtime, Signals)> {
    let runtime = sandbox::runtime()?;
    let signals = Signals::listen()?;
    let thread = thread::Builder::new().spawn(|| {})?;
    // Nothing in it can fail.
    let _ = thread.join();
    Ok((runtime, signals))
}

/// A run, and what is known of it before there is an answer.
struct Run<'a> {
    args: &'a VerifyArgs,
    environment: &'a Environment,
    progress: Rc<Progress>,
    /// When the time for everything is over, but for what a person takes at the prompt.
    deadline: Cell<Instant>,
    /// What is asked, once that is known.
    target: RefCell<Target>,
    /// Where the token comes from, once that is known.
    source: Cell<Option<TokenSource>>,
}

impl Run<'_> {
    /// Reads what is asked for and the token, and asks with it if that makes sense.
    ///
    /// # Errors
    /// Returns why nothing was sent.
    async fn ask(&self, signals: &Signals) -> Result<Outcome, Early> {
        let limits = ReadLimits {
            until: Some(self.deadline.get()),
            signals,
        };
        let mut request = Request::read(self.args, self.environment, limits).await?;
        let (text, mut serving) = if let Some(scenario) = self.args.sandbox {
            let (server, base_url) = open_sandbox(scenario).await?;
            self.target.replace(in_sandbox(scenario, &base_url));
            self.source.set(Some(TokenSource::Sandbox));
            request.base_url = base_url;
            (
                SecretString::from(TOKEN),
                Some(tokio::spawn(server.serve())),
            )
        } else {
            self.target.replace(request.target(self.args));
            (self.token(limits).await?, None)
        };
        let parsed = match Token::parse(text.expose_secret()) {
            Ok(parsed) => parsed,
            Err(error) if error.is_empty() => return Err(Early::NotRun(NotRun::TokenMissing)),
            Err(error) => {
                let report = started(self.target.take(), from(self.source.get()));
                return Ok(Outcome {
                    redactor: Some(Token::redactor_of_malformed(text.expose_secret())),
                    ..Outcome::from(report.malformed(error))
                });
            }
        };
        let redactor = parsed.token.redactor();
        if let Err(error) = request.plan.holds_no_token(&request.base_url, &redactor) {
            self.target.take();
            return Err(error.into());
        }
        let plan = request.plan.clone();
        let info = TokenInfo {
            kind: Some(parsed.kind),
            was_trimmed: parsed.was_trimmed,
            had_scheme: parsed.had_scheme,
            fingerprint: parsed.token.fingerprint(),
            source: self.source.get(),
        };
        let client = Client::new(self.settings(request, parsed.token));
        let client = client.map_err(|error| PlanError::Arguments(error.to_string().into()))?;
        let target = Target {
            proxy: client.proxy(),
            ..self.target.take()
        };
        let on_event = |event: Event<'_>| self.progress.event(event);
        let report = started(target, info);
        let report = verify(&client, &plan, report, signals.first(), &on_event).await;
        if let Some(serving) = &mut serving {
            serving.abort();
        }
        // The sandbox's token is no secret, and the commands to start it again show it.
        let is_secret = serving.is_none();
        Ok(Outcome {
            redactor: is_secret.then_some(redactor),
            ..Outcome::from(report)
        })
    }

    /// Reads the user's token; what a person takes for it at the prompt is no part of the time.
    async fn token(&self, limits: ReadLimits<'_>) -> Result<SecretString, Early> {
        let asked = Instant::now();
        let file = self.args.token_file.as_deref();
        let text = token_source::read(file, self.environment, limits, &self.source).await?;
        if self.source.get() == Some(TokenSource::Prompt) {
            self.deadline.set(self.deadline.get() + asked.elapsed());
        }
        Ok(text)
    }

    fn settings(&self, request: Request, token: Token) -> Settings {
        let progress = Rc::clone(&self.progress);
        Settings {
            base_url: request.base_url,
            token,
            timeout: self.args.timeout,
            max_time: self
                .deadline
                .get()
                .saturating_duration_since(Instant::now()),
            retry: RetryPolicy::new(self.args.retries),
            route: request.route,
            roots: request.roots,
            on_pause: Box::new(move |pause| progress.pause(pause)),
        }
    }
}

/// Opens a sandbox on a free port of this machine.
///
/// # Errors
/// Returns a [`PlanError`] if no port can be opened.
async fn open_sandbox(scenario: Scenario) -> Result<(Sandbox, BaseUrl), PlanError> {
    let config = Config {
        scenario,
        ..Config::default()
    };
    let opened = sandbox::open((Ipv4Addr::LOCALHOST, 0).into(), config).await;
    let server = opened
        .map_err(|why| PlanError::Arguments(format!("can't start the sandbox: {why}").into()))?;
    let base_url = BaseUrl::parse(&server.base_url())?;
    Ok((server, base_url))
}

/// Returns what a report says of a sandbox inside of this process.
fn in_sandbox(scenario: Scenario, base_url: &BaseUrl) -> Target {
    let listen = &base_url.as_url()[Position::BeforeHost..Position::AfterPort];
    Target {
        base_url: Some(base_url.to_string()),
        sandbox: Some(SandboxTarget {
            scenario: scenario.as_str().into(),
            listen: listen.to_owned(),
            token: TOKEN,
        }),
        ..Target::default()
    }
}
