//! What must hold for any response, shared by the fuzzer and the tests, which run its seeds.

use bitrise_dx::app::{App, Slug};
use bitrise_dx::check::{Check, CheckId};
use bitrise_dx::classify;
use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::exchange::{Body, Exchange, Response};
use bitrise_dx::render::{self, Detail, Style};
use bitrise_dx::report::Report;
use bitrise_dx::text::Untrusted;
use bitrise_dx::token::Token;
use bitrise_dx::verdict::{Reason, Verdict};
use bitrise_dx::wire::{Document, Form};

const CANARY: &str = "bitwat_CANARY-3f9a81c27e55d04b";

/// Judges a response: two bytes for its status, and its body.
///
/// # Panics
/// Panics where reading, meaning or showing it breaks a promise.
pub(crate) fn judge(bytes: &[u8]) {
    let Some((status, body)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let status = 100 + u16::from_be_bytes(*status) % 500;
    let redactor = Token::parse(CANARY).unwrap().0.redactor();
    let body = match Document::read(body, |text| redactor.clean(text)) {
        Some(document) => {
            is_kept_right(&document);
            Body::Json(document)
        }
        None => Body::Html,
    };
    let url = "https://api.bitrise.io/v0.1/apps?limit=50";
    let exchange = Exchange::new(url, Ok(Response::new(status, body)));
    for (id, app, result) in meanings(&exchange) {
        is_nobodys_fault(status, &exchange, result);
        let check = Check {
            id,
            result: Some(result),
            app,
            exchange: Some(exchange.clone()),
        };
        is_harmless(report(check));
    }
}

/// Asserts that little is kept of a response, that it goes together, and that the token is not in it.
fn is_kept_right(document: &Document) {
    is_free_of_token(&format!("{document:?}"));
    if let Some(page) = document.apps() {
        assert!(page.apps.len() <= 1000);
        for app in &page.apps {
            let slug = app.slug.raw();
            assert_eq!(Slug::try_from(slug.to_owned()).as_ref(), Ok(&app.slug));
            let texts = [&app.title, &app.workspace, &app.workspace_slug];
            for text in texts.into_iter().flatten() {
                assert!(text.raw().chars().count() <= 256);
            }
        }
        assert!(!page.apps.is_empty() || page.unusable == 0);
        assert!(page.has_more || page.next.is_none());
        if let Some(runs) = document.pipelines() {
            assert!(runs.runs >= page.apps.len() + page.unusable);
        }
    }
    let words = document.message.as_ref().map(Untrusted::raw);
    assert!(words.is_none_or(|words| document.form != Form::Value && words.chars().count() <= 256));
    assert!(words.is_some() || document.form != Form::BitriseError && !document.says_rate_limit);
    let mut kept = document.clone();
    kept.list = None;
    assert_eq!(kept.message.as_ref(), document.message.as_ref());
    assert!(kept.apps().is_none() && kept.pipelines().is_none());
}

/// Returns what the response means at each step, for the first app that it names.
fn meanings(exchange: &Exchange) -> [(CheckId, Option<App>, Result<(), Reason>); 3] {
    let app = classify::apps(exchange, true).ok();
    let app = app.and_then(|page| page.apps.into_iter().next());
    let app = app.unwrap_or_else(|| App::unlisted(Slug::try_from("app".to_owned()).unwrap()));
    let apps = classify::told(CheckId::AppsList, exchange);
    let pipelines = classify::told(CheckId::PipelinesList, exchange);
    let details = classify::told(CheckId::PipelinesShow, exchange);
    let details = details.map_err(|reason| match reason {
        Reason::TokenRejected => Reason::PipelineDetailsDenied,
        reason => reason,
    });
    [
        (CheckId::AppsList, None, apps),
        (CheckId::PipelinesList, Some(app.clone()), pipelines),
        (CheckId::PipelinesShow, Some(app), details),
    ]
}

/// Asserts that only Bitrise's own refusals lead to a verdict on the token.
fn is_nobodys_fault(status: u16, exchange: &Exchange, result: Result<(), Reason>) {
    let Err(reason) = result else {
        assert_eq!(status, 200);
        return;
    };
    let is_json = matches!(
        exchange.outcome,
        Ok(Response {
            body: Body::Json(_),
            ..
        })
    );
    match reason.verdict() {
        Verdict::NoResources => assert!(status == 200 && is_json),
        Verdict::InvalidCredentials => assert!(status == 401 && is_json),
        Verdict::InvalidPermissions => assert!(matches!(status, 401 | 403 | 404) && is_json),
        Verdict::Inconclusive => {}
        Verdict::Verified | Verdict::NotRun => panic!("{reason:?}"),
    }
}

fn report(check: Check) -> Report {
    Report {
        checks: vec![check],
        ..Report::default()
    }
}

/// Asserts that nothing which is shown moves a cursor, forges a line or holds the token.
fn is_harmless(report: Report) {
    let style = Style {
        color: false,
        unicode: true,
        width: 100,
        detail: Detail::Verbose,
        max_apps: 20,
    };
    let diagnosis = &diagnose(report, &Known::default());
    let json = render::json(diagnosis).unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    for text in [
        render::human(diagnosis, style),
        json,
        render::markdown(diagnosis),
        render::junit(diagnosis).unwrap(),
        render::html(diagnosis).unwrap(),
    ] {
        is_plain(&text);
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{text}");
        }
    }
    // Here a line may be a command, but only one of those that annotate.
    let github = render::github(diagnosis);
    is_plain(&github);
    for command in github.lines().filter_map(|line| line.strip_prefix("::")) {
        let name = command.split([' ', ':']).next();
        assert!(
            matches!(name, Some("error" | "warning" | "notice")),
            "{github}"
        );
    }
}

/// Asserts that a text has no control character but the line break, and not the token.
fn is_plain(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    is_free_of_token(text);
}

fn is_free_of_token(text: &str) {
    let lower = text.to_ascii_lowercase();
    assert!(!lower.contains(&CANARY.to_ascii_lowercase()), "{text}");
}
