//! Each fact as it is judged: yes, no, and not known.

use super::*;
use crate::app::{App, Slug};
use crate::exchange::{Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::pasted::{PastedFacts, Secret};
use crate::report::{Report, Target, TokenInfo, TokenState};
use crate::text::Untrusted;
use std::time::SystemTime;

type Change = fn(&mut Facts<'static>);

fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn report() -> &'static Report {
    let (target, token) = (Target::default(), TokenInfo::default());
    kept(Report {
        target,
        token,
        ..Report::started(SystemTime::UNIX_EPOCH)
    })
}

/// Returns the facts of a run of which nothing but the report's existence is known.
fn run() -> Facts<'static> {
    Facts {
        report: Some(report()),
        ..Facts::default()
    }
}

fn app(change: impl Fn(&mut App)) -> &'static App {
    let mut app = App::unlisted(Slug::try_from("a1".to_owned()).unwrap());
    change(&mut app);
    kept(app)
}

fn answered(facts: &mut Facts<'static>, status: u16) {
    let response = Response::new(status, Body::Empty);
    facts.exchange = Some(kept(Exchange::new("https://api.bitrise.io", Ok(response))));
}

fn failed(facts: &mut Facts<'static>, fault: impl Into<Fault>) {
    let exchange = Exchange::new("https://api.bitrise.io", Err(fault.into()));
    facts.exchange = Some(kept(exchange));
}

fn refused_by_proxy(facts: &mut Facts<'static>, change: impl Fn(&mut ProxyResponse)) {
    let mut response = ProxyResponse {
        status: 407,
        ..ProxyResponse::default()
    };
    change(&mut response);
    failed(
        facts,
        Fault {
            proxy: Some(Box::new(response)),
            ..FaultKind::ProxyLogin.into()
        },
    );
}

fn here(facts: &mut Facts<'static>, change: impl Fn(&mut crate::diagnosis::Known)) {
    let mut known = crate::diagnosis::Known::default();
    change(&mut known);
    facts.known = Some(kept(known));
}

fn through(facts: &mut Facts<'static>, proxy: &'static str) {
    here(facts, |_| {});
    facts.proxy = Some(proxy);
}

/// A condition, what makes it hold, and what rules it out.
const ROWS: &[(&str, Change, Change)] = &[
    ("live", |_| {}, |f| f.is_sandbox = true),
    ("sandbox", |f| f.is_sandbox = true, |_| {}),
    (
        "secret bitrise",
        |f| {
            f.pasted = Some(kept(PastedFacts {
                secrets: vec![Secret::Bitrise(TokenKind::Workspace, None)],
                ..PastedFacts::default()
            }));
        },
        |_| {},
    ),
    ("one_cause", |f| f.causes_left = 1, |_| {}),
    (
        "other_variable",
        |f| here(f, |known| known.token_variables = vec!["BITRISE_PAT"]),
        |f| here(f, |_| {}),
    ),
    (
        "proxy_set",
        |f| here(f, |known| known.proxy_variables = vec!["HTTPS_PROXY"]),
        |f| here(f, |_| {}),
    ),
    (
        "in_container",
        |f| here(f, |known| known.is_container = true),
        |f| here(f, |_| {}),
    ),
    (
        "proxy_local",
        |f| through(f, "http://localhost:3128"),
        |f| through(f, "http://proxy.example:3128"),
    ),
    (
        "all_apps",
        |f| f.selection = Some(Selection::All),
        |f| f.selection = Some(Selection::First),
    ),
    (
        "all_apps",
        |f| f.selection = Some(Selection::All),
        |f| f.is_told = true,
    ),
    (
        "slug_doubtful",
        |f| (f.selection, f.is_listed) = (Some(Selection::File), Some(false)),
        |f| (f.selection, f.is_listed) = (Some(Selection::File), Some(true)),
    ),
    (
        "chosen",
        |f| f.source = Some(BaseUrlSource::Environment),
        |f| f.source = Some(BaseUrlSource::Default),
    ),
    (
        "bitrise",
        |f| f.is_bitrise = Some(true),
        |f| f.is_bitrise = Some(false),
    ),
    (
        "other_host",
        |f| f.is_bitrise = Some(false),
        |f| f.is_bitrise = Some(true),
    ),
    (
        "socks5",
        |f| through(f, "socks5://p:1"),
        |f| through(f, "socks5h://p:1"),
    ),
    (
        "verdict no_resources",
        |f| f.reason = Some(Reason::NoApps),
        |_| {},
    ),
    (
        "token personal",
        |f| f.kind = Some(TokenKind::Personal),
        |f| f.kind = Some(TokenKind::Workspace),
    ),
    (
        "state accepted",
        |f| f.state = Some(TokenState::Accepted),
        |f| f.state = Some(TokenState::Rejected),
    ),
    (
        "listed",
        |f| f.is_listed = Some(true),
        |f| f.is_listed = Some(false),
    ),
    (
        "disabled",
        |f| f.app = Some(app(|app| app.is_disabled = true)),
        |f| f.app = Some(app(|_| {})),
    ),
    (
        "disabled",
        |f| f.app = Some(app(|app| app.is_disabled = true)),
        |f| {
            f.app = Some(app(|app| app.is_disabled = true));
            answered(f, 403);
        },
    ),
    (
        "another_persons",
        |f| f.app = Some(app(|app| app.is_owned_by_user = true)),
        |f| {
            f.app = Some(app(|app| app.is_owned_by_user = true));
            f.kind = Some(TokenKind::Workspace);
        },
    ),
    (
        "mistaken_for title",
        |f| f.mistaken = Some(("title", app(|_| {}))),
        |f| f.app = Some(app(|_| {})),
    ),
    (
        "several_refused",
        |f| f.refused = vec![app(|_| {}), app(|_| {})],
        |f| f.refused = vec![app(|_| {})],
    ),
    (
        "others_unchecked",
        |_| {},
        |f| f.selection = Some(Selection::All),
    ),
    ("listed_count", |f| f.listed_before_cut = Some(50), |_| {}),
    (
        "first_app_is denied",
        |f| {
            f.first = Some(app(|_| {}));
            f.first_state = Some(AppState::Denied);
        },
        |f| f.first = Some(app(|_| {})),
    ),
    (
        "status_number 404",
        |f| answered(f, 404),
        |f| answered(f, 403),
    ),
    (
        "status_number 5xx",
        |f| answered(f, 503),
        |f| answered(f, 403),
    ),
    (
        "status_number 502|503",
        |f| answered(f, 503),
        |f| answered(f, 500),
    ),
    (
        "asked_again",
        |f| f.is_rechecked = Some(true),
        |f| answered(f, 404),
    ),
    (
        "sender_named",
        |f| {
            let mut response = Response::new(403, Body::Html);
            response.responder.title = Some(Untrusted::new("Blocked"));
            f.exchange = Some(kept(Exchange::new("https://api.bitrise.io", Ok(response))));
        },
        |f| answered(f, 403),
    ),
    (
        "clock",
        |f| f.retry_at = Some(SystemTime::UNIX_EPOCH),
        |_| {},
    ),
    (
        "failed",
        |f| failed(f, FaultKind::Dns),
        |f| answered(f, 200),
    ),
    (
        "fault dns",
        |f| failed(f, FaultKind::Dns),
        |f| failed(f, FaultKind::Refused),
    ),
    (
        "login_sent",
        |f| refused_by_proxy(f, |proxy| proxy.had_credentials = true),
        |f| {
            refused_by_proxy(f, |_| {});
        },
    ),
    (
        "speaks_basic",
        |f| refused_by_proxy(f, |_| {}),
        |f| {
            refused_by_proxy(f, |proxy| proxy.schemes = vec![AuthScheme::Ntlm]);
        },
    ),
    (
        "proxy_code 4xx",
        |f| refused_by_proxy(f, |_| {}),
        |f| {
            refused_by_proxy(f, |proxy| proxy.status = 502);
        },
    ),
];

#[test]
fn a_fact_is_judged_by_what_was_seen() {
    for (text, yes, no) in ROWS {
        let forms = [
            text.to_string(),
            format!("not {text}"),
            format!("surely {text}"),
        ];
        let [condition, opposite, sure] = forms.each_ref().map(|form| Condition::read(form));
        for (change, expected) in [(yes, true), (no, false)] {
            let mut facts = run();
            change(&mut facts);
            assert_eq!(condition.holds(&facts), Some(expected), "{text}");
            assert_eq!(opposite.holds(&facts), Some(!expected), "{text}");
            assert_eq!(sure.holds(&facts), Some(expected), "{text}");
        }
        if !text.starts_with("verdict") {
            let unknown = Facts::default();
            assert_eq!(condition.holds(&unknown), None, "{text}");
            assert_eq!(sure.holds(&unknown), Some(false), "{text}");
        }
    }
}

#[test]
fn explain_speaks_of_one_workspace() {
    let nothing = Facts::default();
    let holds = |text: &str| Condition::read(text).holds(&nothing);
    assert_eq!(holds("workspace_count 0|1"), Some(true));
    assert_eq!(holds("clock"), None);
}
