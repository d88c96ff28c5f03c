//! `bitrise-dx explain`.

use super::environment::Environment;
use super::{ExplainArgs, output};
use crate::classify::{self, AppStep};
use crate::exchange::{Body, Exchange, Response};
use crate::guide;
use crate::render::{self, Detail, Style};
use crate::verdict::{Reason, Verdict};
use crate::wire::Document;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Returns the codes that there is a page for, apart from the HTTP statuses.
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    let verdicts = Verdict::ALL.iter().map(|verdict| verdict.as_str());
    verdicts.chain(Reason::ALL.iter().map(|reason| reason.as_str()))
}

/// Reads a code: a verdict, a reason or an HTTP status.
#[derive(Clone)]
pub(super) struct CodeParser;

fn names() -> PossibleValuesParser {
    let value = |name: &'static str| PossibleValue::new(name).alias(name.replace('_', "-"));
    PossibleValuesParser::new(codes().map(value))
}

impl TypedValueParser for CodeParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        match value.to_str().filter(|text| status(text).is_some()) {
            Some(text) => Ok(text.to_owned()),
            None => names().parse_ref(command, arg, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values: Vec<_> = names().possible_values()?.collect();
        Some(Box::new(values.into_iter()))
    }
}

/// Reads an HTTP status.
fn status(text: &str) -> Option<u16> {
    let status = text.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

/// Prints the page of a code, or the list of all codes.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn run(args: &ExplainArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, Detail::Normal);
    let code = args.code.as_deref().unwrap_or_default().replace('-', "_");
    let verdict = Verdict::ALL
        .iter()
        .find(|verdict| verdict.as_str().eq_ignore_ascii_case(&code));
    let reason = Reason::ALL
        .iter()
        .find(|reason| reason.as_str().eq_ignore_ascii_case(&code));
    let text = match (verdict, reason, status(&code)) {
        (Some(verdict), ..) => render::explain_verdict(*verdict, style),
        (None, Some(reason), _) => render::explain_reason(*reason, style),
        (None, None, Some(status)) => explain_status(status, style),
        (None, None, None) => render::explain_index(style),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what an HTTP status means at each step, as the run itself reads it.
fn explain_status(status: u16, style: Style) -> String {
    let mut text = format!("HTTP status {status}\n");
    for (step, meaning) in meanings(status) {
        let _ = write!(text, "\n{step}\n");
        let options = textwrap::Options::new(style.width)
            .initial_indent("  ")
            .subsequent_indent("  ");
        text.push_str(&textwrap::fill(&meaning, options));
        text.push('\n');
    }
    text.push_str("\nMore: bitrise-dx explain REASON\n");
    if style.unicode {
        return text;
    }
    text.replace(['“', '”'], "\"")
        .replace('’', "'")
        .replace('…', "...")
}

/// Returns what a status means where, with what the response then holds: what Bitrise sends, or a
/// web page, which it never does.
fn meanings(status: u16) -> Vec<(&'static str, String)> {
    let seen = |body: &str| {
        let document = Document::read(&mut body.as_bytes().to_vec(), |text| text.into());
        let body = document.map_or(Body::Other, Body::Json);
        Exchange::new(
            "https://api.bitrise.io/v0.1",
            Ok(Response::new(status, body)),
        )
    };
    let below = |step: AppStep<()>| match step {
        AppStep::Readable(()) => "fine: DX can read this.".to_owned(),
        AppStep::NotReadable(reason) => of_reason(reason),
        AppStep::RecheckToken => format!(
            "The list of apps is asked for once more. 401 again: {} 200: {}",
            of_reason(Reason::TokenRejected),
            of_reason(Reason::PipelinesDenied)
        ),
    };
    let apps = seen(r#"{"message":"","data":[{"slug":"a"}]}"#);
    let list = classify::apps(&apps).map_or_else(of_reason, |_| {
        "fine: the token is accepted. An empty list is no_resources / no_apps.".to_owned()
    });
    let pipelines = match classify::pipelines(&seen(r#"{"message":"","data":[]}"#)) {
        AppStep::Readable(_) => AppStep::Readable(()),
        AppStep::NotReadable(reason) => AppStep::NotReadable(reason),
        AppStep::RecheckToken => AppStep::RecheckToken,
    };
    let page = Exchange::new(
        "https://api.bitrise.io/v0.1",
        Ok(Response::new(status, Body::Html)),
    );
    let page = classify::apps(&page).map_or_else(of_reason, |_| String::new());
    vec![
        ("At the list of apps (GET /apps)", list),
        (
            "At an app's pipelines (GET /apps/{app-slug}/pipelines)",
            below(pipelines),
        ),
        (
            "At one pipeline run (GET /apps/{app-slug}/pipelines/{pipeline-id})",
            below(classify::details(&seen(r#"{"message":""}"#))),
        ),
        ("Anywhere, if the response is a web page", page),
    ]
}

fn of_reason(reason: Reason) -> String {
    let verdict = reason.verdict();
    format!(
        "{} / {} (exit code {}): {}",
        verdict.as_str(),
        reason.as_str(),
        verdict.exit_code(),
        guide::page(reason).meaning
    )
}
