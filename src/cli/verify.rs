//! `bitrise-dx verify`: the run, from a request to an outcome.

use super::environment::Environment;
use super::input::{ReadLimits, STANDARD_INPUT};
use super::outcome::{Early, Readers, started};
use super::progress::Progress;
use super::request::{self, Request};
use super::signals::Signals;
use super::{VerifyArgs, sandbox, token_source};
use crate::api::{Client, RetryPolicy, Settings};
use crate::base_url::{self, BaseUrl};
use crate::check::{Check, CheckId};
use crate::diagnosis::{diagnose, words};
use crate::plan::{self, NotRun};
use crate::redact::Redactor;
use crate::render::{Detail, Style};
use crate::report::{Report, SandboxTarget, Target, TokenSource};
use crate::sandbox::{Config, Sandbox, Scenario, TOKEN};
use crate::text::escape_unprintable;
use crate::token::Token;
use crate::verdict::Reason;
use crate::verify::{Event, verify};
use anyhow::anyhow;
use secrecy::{ExposeSecret as _, SecretString};
use std::borrow::Cow;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use tokio::time::Instant;
use url::Position;

/// The time that a reader of standard output has in any case, and all of it after a signal.
const TO_WRITE: Duration = Duration::from_secs(2);

/// Verifies a token, writes what came of it, and returns the report's exit code.
///
/// # Errors
/// Returns an error if the report could not be written.
pub(super) fn run(args: &VerifyArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let clock = Instant::now();
    let inputs = [
        ("the file of --token-file", args.token_file.as_deref()),
        ("the file of --apps-file", args.apps_file.as_deref()),
        ("the file of --ca-cert", args.ca_cert.as_deref()),
        (
            "the file of SSL_CERT_FILE",
            environment.cert_file.as_deref(),
        ),
    ];
    let (mut readers, unusable) = Readers::plan(&args.output, environment, &inputs);
    let mut run = Run {
        args,
        environment,
        style: readers.style,
        deadline: clock + args.max_time,
        report: started(),
    };
    let mut piped = { inputs.iter() }.filter(|(_, path)| *path == Some(Path::new(STANDARD_INPUT)));
    let refused = if let (Some((one, _)), Some((other, _))) = (piped.next(), piped.next()) {
        let words = format!("{one} and {other} can't both be standard input");
        Some(NotRun::options(words))
    } else {
        unusable
    };
    let answer = refused.map_or_else(|| run.answer(), |error| Err(error.into()));
    let mut report = run.report;
    let redactor = answer.unwrap_or_else(|early| {
        match early {
            Early::NotRun(why) => report.not_run = Some(why),
            Early::Stopped(signal) => report.interrupted = Some(signal),
        }
        None
    });
    report.duration = Some(clock.elapsed());
    report.options = request::options(args);
    let asked = report.target.base_url.as_deref();
    let asked = asked.and_then(|address| base_url::url(address, None));
    let known = environment.known(asked.as_ref());
    if let Some(redactor) = &redactor {
        clean(&mut report, redactor);
    }
    let soon = Instant::now() + TO_WRITE;
    readers.until = Some(soon.max(run.deadline).into_std());
    if report.interrupted.is_some() {
        readers.until = Some(soon.into_std());
        // A signal that came before anything was asked is worth one line.
        if report.checks.iter().all(|check| check.exchange.is_none()) {
            readers.style.detail = Detail::Quiet;
        }
    }
    readers.write(diagnose(report, &known)).map_err(|error| {
        // A file's name may hold anything, also the token.
        let text = format!("{error:#}");
        let cleaned = redactor.as_ref().map(|token| token.clean(&text));
        anyhow!(escape_unprintable(cleaned.as_deref().unwrap_or(&text)))
    })
}

/// Takes the token out of what came from the options and the environment. Texts from the network
/// were cleaned when they were read; so no format has to look for the token, nor to know how it
/// looks when it is escaped.
fn clean(report: &mut Report, redactor: &Redactor) {
    let target = &mut report.target;
    let texts = [&mut target.base_url, &mut target.proxy, &mut target.ca_cert];
    let exchanges = { report.checks.iter_mut() }.filter_map(|check| check.exchange.as_mut());
    let addresses = exchanges.map(|exchange| &mut exchange.url);
    for text in texts.into_iter().flatten().chain(addresses) {
        if let Cow::Owned(cleaned) = redactor.clean(text) {
            *text = cleaned;
        }
    }
}

/// A run, and what is known of it so far.
struct Run<'a> {
    args: &'a VerifyArgs,
    environment: &'a Environment,
    style: Style,
    /// When the time for everything is over, but for what a person takes at the prompt.
    deadline: Instant,
    report: Report,
}

impl Run<'_> {
    /// Finds the answer, and returns what takes the token out of texts.
    ///
    /// # Errors
    /// Returns why nothing was sent.
    fn answer(&mut self) -> Result<Option<Redactor>, Early> {
        let start = || {
            // Reads the texts meanwhile. Whatever blocks, such as looking up a name, needs one more thread:
            // the library panics if it can't be had.
            drop(thread::Builder::new().spawn(|| words("link", "dx"))?);
            io::Result::Ok((sandbox::runtime()?, Signals::listen()?))
        };
        let (runtime, signals) = start().map_err(|error| NotRun::machine(plan::words(&error)))?;
        let answer = runtime.block_on(self.ask(&signals));
        // A name that is still being resolved, or a pipe that is still being read, must not hold up
        // the end of the process.
        runtime.shutdown_background();
        answer
    }

    /// Reads what is asked for and the token, and asks with it if that makes sense.
    async fn ask(&mut self, signals: &Signals) -> Result<Option<Redactor>, Early> {
        let limits = ReadLimits {
            until: Some(self.deadline),
            signals,
        };
        let mut request = Request::read(self.args, self.environment, limits).await?;
        let text = if let Some(scenario) = self.args.sandbox {
            let server;
            (server, request.base_url, self.report.target) = open_sandbox(scenario).await?;
            self.report.token.source = Some(TokenSource::Sandbox);
            // Until the runtime ends.
            tokio::spawn(server.serve());
            SecretString::from(TOKEN)
        } else {
            self.report.target = request.target;
            let file = self.args.token_file.as_deref();
            let (asked, source) = (Instant::now(), &mut self.report.token.source);
            let text = token_source::read(file, self.environment, limits, source).await?;
            if *source == Some(TokenSource::Prompt) {
                // What a person takes at the prompt is no part of the time.
                self.deadline += asked.elapsed();
            }
            text
        };
        let (token, mut info) = match Token::parse(text.expose_secret()) {
            Ok(parsed) => parsed,
            Err(error) if error.shape == "empty" => return Err(NotRun::TOKEN_MISSING.into()),
            Err(error) => {
                let malformed = Some(Err(Reason::TokenMalformed));
                let check = Check::new(CheckId::TokenFormat, malformed);
                self.report.token.error = Some(error);
                self.report = std::mem::take(&mut self.report).with_checks(vec![check]);
                return Ok(Some(Token::redactor_of_malformed(text.expose_secret())));
            }
        };
        let redactor = token.redactor();
        let address = request.base_url.to_string();
        let is_clean = request.plan.holds_no_token(&address, &redactor);
        is_clean.inspect_err(|_| self.report.target = Target::default())?;
        let args = self.args;
        let is_several = args.all_apps || args.apps_file.is_some() || args.app.len() > 1;
        let is_watched = self.environment.ci.is_none();
        let progress = Rc::new(Progress::new(self.style, is_several, is_watched));
        let pauses = Rc::clone(&progress);
        let client = Client::new(Settings {
            base_url: request.base_url,
            token,
            timeout: args.timeout,
            max_time: self.deadline.saturating_duration_since(Instant::now()),
            retry: RetryPolicy::new(args.retries),
            route: request.route,
            roots: request.roots,
            on_pause: Box::new(move |pause| pauses.pause(pause)),
        })?;
        self.report.target.proxy.clone_from(&client.proxy);
        info.source = self.report.token.source;
        self.report.token = info;
        let started = std::mem::take(&mut self.report);
        let on_event = |event: Event<'_>| progress.event(event);
        self.report = verify(&client, &request.plan, started, signals.first(), &on_event).await;
        // The sandbox's token is no secret, and the commands to start it again show it.
        Ok(Some(redactor).filter(|_| self.args.sandbox.is_none()))
    }
}

/// Opens a sandbox on a free port of this machine, and returns what a report says of it.
///
/// # Errors
/// Returns so if no port can be opened.
async fn open_sandbox(scenario: Scenario) -> Result<(Sandbox, BaseUrl, Target), NotRun> {
    let config = Config {
        scenario,
        ..Config::default()
    };
    let opened = sandbox::open((Ipv4Addr::LOCALHOST, 0).into(), config).await;
    let server =
        opened.map_err(|why| NotRun::options(format!("can't start the sandbox: {why}")))?;
    let base_url = BaseUrl::parse(&server.base_url())?;
    let listen = &base_url.0[Position::BeforeHost..Position::AfterPort];
    let target = Target {
        base_url: Some(base_url.to_string()),
        sandbox: Some(SandboxTarget {
            scenario: scenario.as_str().into(),
            listen: listen.to_owned(),
            token: TOKEN,
        }),
        ..Target::default()
    };
    Ok((server, base_url, target))
}
