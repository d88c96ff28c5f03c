//! `bitrise-dx verify`: from arguments to a plan, and from a report to its readers.

use super::environment::Environment;
use super::input::{self, Patience};
use super::output::{self, ReportFile};
use super::progress::Progress;
use super::signals::Signals;
use super::token_source::Failure;
use super::{Format, VerifyArgs, sandbox, token_source};
use crate::api::{Client, RetryPolicy, Settings};
use crate::base_url::{BaseUrl, DEFAULT_BASE_URL};
use crate::plan::{self, AppSelection, Plan, PlanError};
use crate::redact::Redactor;
use crate::render::{self, Detail, Style};
use crate::report::{Report, SandboxTarget, Target, TokenInfo, TokenSource};
use crate::sandbox::{Config, Sandbox, Scenario, TOKEN};
use crate::text::escape_unprintable;
use crate::token::{ParsedToken, Token, TokenError};
use crate::verdict::Signal;
use crate::verify::{Event, verify};
use anyhow::anyhow;
use secrecy::{ExposeSecret as _, SecretString};
use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::SystemTime;
use tokio::time::Instant;
use url::Position;

/// The most bytes of `--apps-file` that are read: room for some 25,000 apps.
const APPS_FILE_LIMIT: u64 = 1024 * 1024;

/// The most bytes of `--ca-cert` that are read: room for every root that the web trusts.
const CA_CERT_LIMIT: u64 = 1024 * 1024;

/// Verifies a token, writes what came of it, and returns the report's exit code.
///
/// # Errors
/// Returns an error where the report could not be written.
pub(super) fn run(
    args: &VerifyArgs,
    token_given: bool,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (false, true) => Detail::Verbose,
        (false, false) => Detail::Normal,
    };
    let clock = Instant::now();
    let style = output::style(environment, detail);
    let (mut files, mut unusable) = (Vec::new(), None);
    for path in &args.report {
        match ReportFile::plan(path) {
            Ok(file) => files.push(file),
            Err(error) => unusable = unusable.or(Some(error)),
        }
    }
    let token_given = token_given || !args.stray.is_empty();
    let refused = token_given
        .then_some(PlanError::TokenInArguments)
        .or(unusable);
    let several = args.all_apps || args.apps_file.is_some() || args.app.len() > 1;
    let progress = Rc::new(Progress::new(style, several));
    let mut outcome: Outcome = match refused {
        Some(error) => error.into(),
        None => answer(args, environment, &progress)?,
    };
    drop(progress);
    outcome.report.duration = clock.elapsed();
    outcome.clean();
    // Each reader gets the report, also where another one can't have it.
    let written: Vec<_> = files
        .iter()
        .map(|file| file.write(&outcome.text(file.format, style)?))
        .collect();
    let printed = output::print(&outcome.text(args.output, style)?);
    let failed = written.into_iter().chain([printed]).find_map(Result::err);
    match failed {
        // A file's name may hold anything, also the token.
        Some(error) => Err(anyhow!(outcome.clean_text(&format!("{error:#}")))),
        None => Ok(ExitCode::from(outcome.report.exit_code())),
    }
}

/// Holds a report, and the redactor of its token where there was one.
struct Outcome {
    report: Report,
    redactor: Option<Redactor>,
}

impl Outcome {
    /// Takes the token out of what came from the options and the environment. Texts from the
    /// network were cleaned where they were read; so no format has to look for the token, nor to
    /// know how it looks when it is escaped.
    fn clean(&mut self) {
        let Some(token) = &self.redactor else {
            return;
        };
        let clean = |text: &mut String| {
            if let Cow::Owned(cleaned) = token.clean(text) {
                *text = cleaned;
            }
        };
        let target = &mut self.report.target;
        let texts = [&mut target.base_url, &mut target.proxy, &mut target.ca_cert];
        texts.into_iter().flatten().for_each(clean);
        let exchanges = self.report.checks.iter_mut();
        let exchanges = exchanges.filter_map(|check| check.exchange.as_mut());
        exchanges.for_each(|exchange| clean(&mut exchange.url));
    }

    /// Returns a text without the token, safe to show.
    fn clean_text(&self, text: &str) -> String {
        let cleaned = self.redactor.as_ref().map(|token| token.clean(text));
        escape_unprintable(cleaned.as_deref().unwrap_or(text))
    }

    /// Renders the report.
    ///
    /// # Errors
    /// Returns the error of a format's library; no report is known to cause one.
    fn text(&self, format: Format, style: Style) -> anyhow::Result<String> {
        let report = &self.report;
        Ok(match format {
            Format::Human => render::human(report, style),
            Format::Json => render::json(report)?,
            Format::Markdown => render::markdown(report),
            Format::Junit => render::junit(report)?,
            Format::Github => render::github(report),
            Format::Html => render::html(report)?,
        })
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        Self {
            report,
            redactor: None,
        }
    }
}

impl From<PlanError> for Outcome {
    fn from(error: PlanError) -> Self {
        started(Target::default(), None)
            .not_run(error.into())
            .into()
    }
}

/// Holds what the options ask for, before anything was read or opened.
struct Request {
    plan: Plan,
    base_url: BaseUrl,
    ca_cert: Option<Vec<u8>>,
}

/// States why there is nothing to ask.
enum Refusal {
    /// The options can't be used.
    Plan(PlanError),
    /// A signal came before everything was read.
    Stopped(Signal),
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<Signal> for Refusal {
    fn from(signal: Signal) -> Self {
        Self::Stopped(signal)
    }
}

impl Request {
    async fn read(
        args: &VerifyArgs,
        environment: &Environment,
        patience: Patience<'_>,
    ) -> Result<Self, Refusal> {
        holds_no_conflict(args)?;
        let given = args.base_url.as_ref().map(|url| url.to_string_lossy());
        let from_environment = environment
            .base_url
            .as_deref()
            .filter(|_| args.sandbox.is_none());
        let base_url = given
            .as_deref()
            .or(from_environment)
            .unwrap_or(DEFAULT_BASE_URL);
        let base_url = BaseUrl::parse(base_url).map_err(PlanError::from)?;
        let ca_cert = match &args.ca_cert {
            Some(path) => Some(ca_cert(path, patience).await?),
            None => None,
        };
        Ok(Self {
            plan: Plan {
                apps: choice(args, patience).await?,
                details: args.pipeline_details,
                concurrency: args.concurrency.into(),
            },
            base_url,
            ca_cert,
        })
    }
}

/// Holds that no option is given together with one that it contradicts.
fn holds_no_conflict(args: &VerifyArgs) -> Result<(), PlanError> {
    let rivals = [
        ("--token-file", args.token_file.is_some()),
        ("--base-url", args.base_url.is_some()),
        ("--ca-cert", args.ca_cert.is_some()),
    ];
    let rival = rivals.into_iter().find(|(_, given)| *given);
    if let (Some((rival, _)), Some(_)) = (rival, args.sandbox) {
        return Err(PlanError::Conflict("--sandbox", rival));
    }
    let ways = [
        ("--all-apps", args.all_apps),
        ("--app", !args.app.is_empty()),
        ("--apps-file", args.apps_file.is_some()),
    ];
    let mut given = ways.into_iter().filter(|(_, given)| *given);
    if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
        return Err(PlanError::Conflict(first, second));
    }
    let both = [&args.token_file, &args.apps_file];
    let is_input = |path: &Option<PathBuf>| path.as_deref().is_some_and(input::is_standard_input);
    if both.into_iter().all(is_input) {
        return Err(PlanError::Conflict("--token-file -", "--apps-file -"));
    }
    Ok(())
}

async fn ca_cert(path: &Path, patience: Patience<'_>) -> Result<Vec<u8>, Refusal> {
    let bytes = patience.read(path.to_owned(), CA_CERT_LIMIT).await?;
    let unreadable = |error: io::Error| PlanError::CaCertUnreadable(error.kind());
    Ok(bytes.map_err(unreadable)?.to_vec())
}

/// Reads which apps are to be checked.
async fn choice(args: &VerifyArgs, patience: Patience<'_>) -> Result<AppSelection, Refusal> {
    if let Some(path) = &args.apps_file {
        let bytes = patience.read(path.clone(), APPS_FILE_LIMIT).await?;
        let text = bytes.and_then(|bytes| input::text(&bytes));
        let text = text.map_err(|error| PlanError::AppsFileUnreadable(error.kind()))?;
        return Ok(AppSelection::Named(plan::app_slugs(&text)?));
    }
    if args.all_apps {
        return Ok(AppSelection::All);
    }
    let mut apps = Vec::new();
    for app in &args.app {
        let app = plan::app_slug(&app.to_string_lossy())?;
        if !apps.contains(&app) {
            apps.push(app);
        }
    }
    Ok(if apps.is_empty() {
        AppSelection::First
    } else {
        AppSelection::Named(apps)
    })
}

/// Finds the answer; everything that can go wrong before the first request ends in a report too.
fn answer(
    args: &VerifyArgs,
    environment: &Environment,
    progress: &Rc<Progress>,
) -> anyhow::Result<Outcome> {
    let runtime = sandbox::runtime()?;
    let run = Run {
        args,
        environment,
        progress,
        signals: Signals::listen()?,
        deadline: Cell::new(Instant::now() + args.max_time),
    };
    let outcome = runtime.block_on(run.anywhere());
    // A name that is still being resolved, or a pipe that is still being read, must not hold up
    // the end of the process.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Holds what every way of running needs.
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
        match Request::read(self.args, self.environment, self.patience()).await {
            Ok(request) => match self.args.sandbox {
                Some(scenario) => self.in_sandbox(request, scenario).await,
                None => self.on_site(request).await,
            },
            Err(Refusal::Plan(error)) => error.into(),
            Err(Refusal::Stopped(signal)) => {
                started(Target::default(), None).interrupted(signal).into()
            }
        }
    }

    const fn patience(&self) -> Patience<'_> {
        Patience {
            until: Some(self.deadline.get()),
            signals: &self.signals,
        }
    }

    /// Asks the server at the base URL, with the user's token.
    async fn on_site(&self, request: Request) -> Outcome {
        let target = Target {
            base_url: Some(request.base_url.to_string()),
            ca_cert: self
                .args
                .ca_cert
                .as_ref()
                .map(|path| path.display().to_string()),
            ..Target::default()
        };
        let file = self.args.token_file.as_deref();
        let asked = Instant::now();
        match token_source::read(file, self.environment, self.patience()).await {
            Ok((text, source)) => {
                if source == TokenSource::Prompt {
                    self.deadline.set(self.deadline.get() + asked.elapsed());
                }
                self.ask(request, target, &text, source).await
            }
            Err(Failure::NotRun(source, why)) => started(target, source).not_run(why).into(),
            Err(Failure::Stopped(source, signal)) => {
                started(target, Some(source)).interrupted(signal).into()
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

    /// Looks at the token's text, and asks with it where that makes sense.
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
            warnings,
        } = match Token::parse(text.expose_secret()) {
            Ok(parsed) => parsed,
            Err(TokenError::Empty) => {
                let why = token_source::missing(self.environment);
                return started(target, Some(source)).not_run(why).into();
            }
            Err(error) => {
                let redactor = Token::redactor_of_malformed(text.expose_secret());
                return Outcome {
                    report: started(target, Some(source)).malformed(error),
                    redactor: Some(redactor),
                };
            }
        };
        let (redactor, fingerprint) = (token.redactor(), token.fingerprint());
        if let Err(error) = request.plan.holds_no_token(&request.base_url, &redactor) {
            let report = started(Target::default(), Some(source));
            return report.not_run(error.into()).into();
        }
        let client = match Client::new(self.settings(request.base_url, request.ca_cert, token)) {
            Ok(client) => client,
            Err(error) => return started(target, Some(source)).not_run(error.into()).into(),
        };
        target.proxy = client.proxy();
        let on_event = |event: Event<'_>| self.progress.event(event);
        let token = TokenInfo {
            kind: Some(kind),
            was_trimmed: !warnings.is_empty(),
            fingerprint,
            source: Some(source),
        };
        let report = Report::started(SystemTime::now(), target, token);
        let stop = self.signals.first();
        let report = verify(&client, &request.plan, report, stop, &on_event).await;
        Outcome {
            report,
            redactor: Some(redactor),
        }
    }

    fn settings(&self, base_url: BaseUrl, ca_cert: Option<Vec<u8>>, token: Token) -> Settings {
        let progress = Rc::clone(self.progress);
        Settings {
            base_url,
            token,
            timeout: self.args.timeout,
            max_time: self.deadline.get() - Instant::now(),
            retry: RetryPolicy::new(self.args.retries),
            ca_cert,
            on_pause: Box::new(move |pause| progress.pause(pause)),
        }
    }
}

/// Makes the report of a run that starts now.
fn started(target: Target, source: Option<TokenSource>) -> Report {
    let token = TokenInfo {
        source,
        ..TokenInfo::default()
    };
    Report::started(SystemTime::now(), target, token)
}

/// Opens a sandbox on a free port of this machine.
///
/// # Errors
/// Returns [`PlanError::Sandbox`] where no port can be opened.
async fn open_sandbox(scenario: Scenario) -> Result<(Sandbox, BaseUrl), PlanError> {
    let config = Config {
        scenario,
        ..Config::default()
    };
    let opened = Sandbox::bind((Ipv4Addr::LOCALHOST, 0).into(), config).await;
    let server = opened.map_err(|error| PlanError::Sandbox(error.kind()))?;
    let base_url = BaseUrl::parse(&server.base_url())?;
    Ok((server, base_url))
}
