//! `bitrise-dx verify`: the run, from a request to an outcome.

use super::environment::Environment;
use super::input::ReadLimits;
use super::outcome::{Outcome, Readers, from, plan_files, started};
use super::output;
use super::progress::Progress;
use super::request::{self, Refusal, Request};
use super::signals::Signals;
use super::token_source::Failure;
use super::{VerifyArgs, sandbox, token_source};
use crate::api::{Client, RetryPolicy, Settings};
use crate::base_url::BaseUrl;
use crate::diagnosis::Known;
use crate::plan::{self, PlanError};
use crate::report::{NotRun, SandboxTarget, Target, TokenInfo, TokenSource};
use crate::sandbox::{Config, Sandbox, Scenario, TOKEN};
use crate::token::{ParsedToken, Token};
use crate::verify::{Event, verify};
use secrecy::{ExposeSecret as _, SecretString};
use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread;
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
    let (files, unusable) = plan_files(&args.readers.report);
    let token_given = token_given || !args.stray.is_empty();
    let refused = token_given
        .then_some(PlanError::TokenInArguments)
        .or(unusable);
    let several = args.all_apps || args.apps_file.is_some() || args.app.len() > 1;
    let watched = !environment.is_ci();
    let progress = Rc::new(Progress::new(style, several, watched));
    let outcome = match refused {
        Some(error) => Err(error),
        None => answer(args, environment, &progress),
    };
    drop(progress);
    let mut outcome = outcome.unwrap_or_else(Outcome::from);
    outcome.report.duration = clock.elapsed();
    outcome.report.options = request::options(args);
    let asked = outcome.report.target.base_url.as_deref();
    outcome.known = environment.known(asked.and_then(|url| Url::parse(url).ok()).as_ref());
    outcome.write(&Readers {
        format: Some(args.readers.output),
        style,
        files: &files,
    })
}

/// Finds the answer; everything that can go wrong before the first request ends in a report too.
///
/// # Errors
/// Returns [`PlanError::System`] if the system has no room for a run.
fn answer(
    args: &VerifyArgs,
    environment: &Environment,
    progress: &Rc<Progress>,
) -> Result<Outcome, PlanError> {
    let no_room = |error: io::Error| PlanError::System(plan::words(&error));
    let (runtime, signals) = start().map_err(no_room)?;
    let run = Run {
        args,
        environment,
        progress,
        signals,
        deadline: Cell::new(Instant::now() + args.max_time),
    };
    let outcome = runtime.block_on(run.anywhere());
    // A name that is still being resolved, or a pipe that is still being read, must not hold up
    // the end of the process.
    runtime.shutdown_background();
    Ok(outcome)
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

/// What every way of running needs.
struct Run<'a> {
    args: &'a VerifyArgs,
    environment: &'a Environment,
    progress: &'a Rc<Progress>,
    signals: Signals,
    /// When the time for everything is over, but for what a person takes at the prompt.
    deadline: Cell<Instant>,
}

impl Run<'_> {
    /// Reads what is asked for, and asks it.
    async fn anywhere(&self) -> Outcome {
        match Request::read(self.args, self.environment, self.limits()).await {
            Ok(request) => match self.args.sandbox {
                Some(scenario) => self.in_sandbox(request, scenario).await,
                None => self.on_site(request).await,
            },
            Err(Refusal::Plan(error)) => error.into(),
            Err(Refusal::Stopped(signal)) => started(Target::default(), TokenInfo::default())
                .interrupted(signal)
                .into(),
        }
    }

    const fn limits(&self) -> ReadLimits<'_> {
        ReadLimits {
            until: Some(self.deadline.get()),
            signals: &self.signals,
        }
    }

    /// Asks the server at the base URL, with the user's token.
    async fn on_site(&self, request: Request) -> Outcome {
        let target = request.target(self.args);
        let file = self.args.token_file.as_deref();
        let asked = Instant::now();
        match token_source::read(file, self.environment, self.limits()).await {
            Ok((text, source)) => {
                if source == TokenSource::Prompt {
                    self.deadline.set(self.deadline.get() + asked.elapsed());
                }
                self.ask(request, target, &text, source).await
            }
            Err(Failure::NotRun(source, why)) => {
                let token = source.map_or_else(TokenInfo::default, from);
                started(target, token).not_run(why).into()
            }
            Err(Failure::Stopped(source, signal)) => {
                started(target, from(source)).interrupted(signal).into()
            }
        }
    }

    /// Asks a sandbox inside of this process, over real HTTP, with its made-up token.
    async fn in_sandbox(&self, request: Request, scenario: Scenario) -> Outcome {
        let (server, base_url) = match open_sandbox(scenario).await {
            Ok(opened) => opened,
            Err(error) => return error.into(),
        };
        let listen = &base_url.as_url()[Position::BeforeHost..Position::AfterPort];
        let target = Target {
            base_url: Some(base_url.to_string()),
            sandbox: Some(SandboxTarget {
                scenario: scenario.as_str(),
                listen: listen.to_owned(),
                token: TOKEN,
            }),
            ..Target::default()
        };
        let request = Request {
            base_url,
            ..request
        };
        let serving = tokio::spawn(server.serve());
        let text = SecretString::from(TOKEN);
        let outcome = self.ask(request, target, &text, TokenSource::Sandbox).await;
        serving.abort();
        // The made-up token is no secret, and the commands to start the sandbox again show it.
        Outcome {
            redactor: None,
            ..outcome
        }
    }

    /// Looks at the token's text, and asks with it if that makes sense.
    async fn ask(
        &self,
        request: Request,
        mut target: Target,
        text: &SecretString,
        source: TokenSource,
    ) -> Outcome {
        let ParsedToken {
            token,
            kind,
            was_trimmed,
            had_scheme,
        } = match Token::parse(text.expose_secret()) {
            Ok(parsed) => parsed,
            Err(error) if error.is_empty() => {
                let report = started(target, from(source));
                return report.not_run(NotRun::TokenMissing).into();
            }
            Err(error) => {
                let redactor = Token::redactor_of_malformed(text.expose_secret());
                return Outcome {
                    report: started(target, from(source)).malformed(error),
                    redactor: Some(redactor),
                    known: Known::default(),
                };
            }
        };
        let (redactor, fingerprint) = (token.redactor(), token.fingerprint());
        if let Err(error) = request.plan.holds_no_token(&request.base_url, &redactor) {
            let report = started(Target::default(), from(source));
            return report.not_run(error.into()).into();
        }
        let plan = request.plan.clone();
        let client = match Client::new(self.settings(request, token)) {
            Ok(client) => client,
            Err(error) => {
                let error = PlanError::Client(error.to_string());
                return started(target, from(source)).not_run(error.into()).into();
            }
        };
        target.proxy = client.proxy();
        let on_event = |event: Event<'_>| self.progress.event(event);
        let token = TokenInfo {
            kind: Some(kind),
            was_trimmed,
            had_scheme,
            fingerprint,
            source: Some(source),
        };
        let report = started(target, token);
        let report = verify(&client, &plan, report, self.signals.first(), &on_event).await;
        Outcome {
            report,
            redactor: Some(redactor),
            known: Known::default(),
        }
    }

    fn settings(&self, request: Request, token: Token) -> Settings {
        let progress = Rc::clone(self.progress);
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
/// Returns [`PlanError::Sandbox`] if no port can be opened.
async fn open_sandbox(scenario: Scenario) -> Result<(Sandbox, BaseUrl), PlanError> {
    let config = Config {
        scenario,
        ..Config::default()
    };
    let opened = sandbox::open((Ipv4Addr::LOCALHOST, 0).into(), config).await;
    let server = opened.map_err(PlanError::Sandbox)?;
    let base_url = BaseUrl::parse(&server.base_url())?;
    Ok((server, base_url))
}
