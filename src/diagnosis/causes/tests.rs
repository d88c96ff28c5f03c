//! The catalogue as a table: what each fact rules out and proves.

use super::super::facts::{Decided, Route};
use super::super::{actions, explain, pages};
use super::*;
use crate::app::{App, Slug};
use crate::exchange::{Fault, ProxyResponse};
use crate::verdict::Verdict;

fn facts(reason: Reason) -> Facts {
    Facts {
        reason: Some(reason),
        ..Facts::default()
    }
}

/// Returns a known environment.
fn here(change: impl Fn(&mut Known)) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut known = Known::default();
        change(&mut known);
        facts.known = Some(known);
    }
}

fn status(status: u16) -> impl Fn(&mut Facts) {
    move |facts| facts.decided.get_or_insert_default().status = Some(status)
}

fn fault(kind: impl Into<Fault> + Clone) -> impl Fn(&mut Facts) {
    move |facts| facts.decided.get_or_insert_default().fault = Some(kind.clone().into())
}

fn tls(kind: FaultKind) -> impl Fn(&mut Facts) {
    fault(kind)
}

fn an_app() -> App {
    App::unlisted(Slug::parse("a1").unwrap())
}

#[test]
fn with_nothing_known_every_cause_is_left() {
    for &reason in Reason::ALL {
        let all: Vec<_> = of(reason).collect();
        assert!(!all.is_empty(), "{reason:?}");
        let facts = facts(reason);
        for cause in &all {
            let applies = (cause.applies)(&facts);
            assert!(matches!(applies, Maybe(_)), "{reason:?}: {}", cause.text);
        }
        assert_eq!(left(&facts).len(), all.len());
    }
}

type Change = Box<dyn Fn(&mut Facts)>;
/// A reason, one fact, and what it rules out.
type Row = (Reason, Change, &'static [&'static str]);

fn row(reason: Reason, change: Change, gone: &'static [&'static str]) -> Row {
    (reason, change, gone)
}

/// What a fact rules out if the token lacks access.
fn ruled_out_of_access() -> Vec<Row> {
    use Reason as R;
    vec![
        row(
            R::PipelinesDenied,
            Box::new(status(403)),
            &["deleted", "404", "slug is wrong"],
        ),
        row(R::PipelinesDenied, Box::new(status(404)), &["403"]),
        row(
            R::PipelinesDenied,
            Box::new(|f| f.is_listed = Some(true)),
            &["slug is wrong"],
        ),
        row(
            R::PipelinesDenied,
            Box::new(|f| f.selection = Some(Selection::All)),
            &["slug is wrong"],
        ),
        row(
            R::PipelinesDenied,
            Box::new(|f| f.app = Some(an_app())),
            &[
                "disabled",
                "title of",
                "another case",
                "workspace {meant}",
                "person's account",
            ],
        ),
        row(
            R::PipelinesDenied,
            Box::new(|f| f.is_rechecked = Some(false)),
            &["401"],
        ),
        row(
            R::AppNotAccessible,
            Box::new(|f| f.kind = Some(TokenKind::Personal)),
            &["another workspace"],
        ),
        row(
            R::AppNotAccessible,
            Box::new(status(403)),
            &["slug is wrong"],
        ),
        row(
            R::PipelineDetailsDenied,
            Box::new(status(403)),
            &["removed"],
        ),
        row(
            R::AppsForbidden,
            Box::new(|f| f.listed_before_cut = Some(50)),
            &["no Workspace role"],
        ),
        row(
            R::NoApps,
            Box::new(|f| f.kind = Some(TokenKind::Personal)),
            &["Product access"],
        ),
        row(
            R::NoApps,
            Box::new(|f| f.kind = Some(TokenKind::Workspace)),
            &["The person"],
        ),
    ]
}

/// What a fact rules out if the token is missing or rejected.
fn ruled_out_of_token() -> Vec<Row> {
    use Reason as R;
    vec![
        row(
            R::TokenRejected,
            Box::new(|f| f.kind = Some(TokenKind::Workspace)),
            &["November 2024", "account was closed", "another kind"],
        ),
        row(
            R::TokenRejected,
            Box::new(|f| f.kind = Some(TokenKind::Personal)),
            &["November 2024", "workspace API token"],
        ),
        row(
            R::TokenRejected,
            Box::new(|f| f.is_bitrise = Some(true)),
            &["is not Bitrise's API"],
        ),
        row(
            R::TokenMissing,
            Box::new(here(|_| {})),
            &[
                "fork",
                "Dependabot",
                "pull request",
                "CI system",
                "env:",
                "protected",
                "environment",
            ],
        ),
        row(
            R::TokenMissing,
            Box::new(here(|known| known.ci = Some(Ci::GitHub))),
            &["Bitrise gives", "Azure", "protected", "CI system"],
        ),
        row(
            R::TokenMissing,
            Box::new(here(|known| known.ci = Some(Ci::Azure))),
            &["secrets: inherit", "fork"],
        ),
        row(
            R::TokenMalformed,
            Box::new(|f| f.token_error = crate::token::Token::parse("***").err()),
            &["placeholder", "quotation", "another service"],
        ),
    ]
}

/// What a fact rules out if the question could not be answered.
fn ruled_out_of_network() -> Vec<Row> {
    use Reason as R;
    vec![
        row(
            R::Intercepted,
            Box::new(status(403)),
            &["guest network", "page of its own"],
        ),
        row(R::Intercepted, Box::new(status(200)), &["firewall"]),
        row(
            R::Intercepted,
            Box::new(|f| f.source = Some(BaseUrlSource::Default)),
            &["{base_url}"],
        ),
        row(
            R::WrongBaseUrl,
            Box::new(|f| f.source = Some(BaseUrlSource::Option)),
            &["Something on the way"],
        ),
        row(R::ServerError, Box::new(status(500)), &["gateway"]),
        row(
            R::RateLimited,
            Box::new(|f| f.evidence = crate::report::EvidenceKind::Pasted),
            &["many apps"],
        ),
        row(
            R::ConnectionFailed,
            Box::new(fault(FaultKind::NoRoute)),
            &["firewall", "{host} is down"],
        ),
        row(
            R::ConnectionFailed,
            Box::new(fault(FaultKind::Refused)),
            &["offline"],
        ),
        row(
            R::RateLimited,
            Box::new(|f| f.selection = Some(Selection::First)),
            &["many apps"],
        ),
        row(
            R::DnsFailure,
            Box::new(|f| f.source = Some(BaseUrlSource::Default)),
            &["misspelt"],
        ),
        row(
            R::DnsFailure,
            Box::new(|f| f.route = Some(Route::Direct)),
            &["socks5"],
        ),
        row(
            R::DnsFailure,
            Box::new(here(|known| known.proxy_variables = vec!["HTTPS_PROXY"])),
            &["only its proxy"],
        ),
        row(
            R::Timeout,
            Box::new(fault(FaultKind::Timeout)),
            &["drops the packets", "hosts file"],
        ),
        row(
            R::MaxTimeReached,
            Box::new(|f| f.selection = Some(Selection::First)),
            &["more apps"],
        ),
        row(R::Interrupted, Box::new(here(|_| {})), &["CI system"]),
        row(
            R::Interrupted,
            Box::new(here(|known| known.ci = Some(Ci::Other))),
            &["Ctrl-C"],
        ),
    ]
}

#[test]
fn a_fact_rules_out_what_it_contradicts() {
    for (reason, change, gone) in ruled_out_of_access()
        .into_iter()
        .chain(ruled_out_of_token())
        .chain(ruled_out_of_network())
    {
        let mut facts = facts(reason);
        change(&mut facts);
        let left: Vec<_> = left(&facts).iter().map(|cause| cause.text).collect();
        let all: Vec<_> = of(reason).map(|cause| cause.text).collect();
        for gone in gone {
            let is_there = |text: &&&str| text.contains(gone);
            assert!(
                all.iter().any(|text| is_there(&text)),
                "{reason:?}: no “{gone}”"
            );
            let kept = left.iter().find(is_there);
            assert_eq!(kept, None, "{reason:?}: {gone}");
        }
    }
}

/// What the environment proves of a missing token.
fn proofs_of_environment() -> Vec<(Reason, Change, &'static str)> {
    use Reason as R;
    vec![
        (
            R::TokenMissing,
            Box::new(here(|known| known.token_variables = vec!["BITRISE_PAT"])),
            "{variables}",
        ),
        (
            R::TokenMissing,
            Box::new(here(|known| known.build = Build::Fork)),
            "fork",
        ),
        (
            R::TokenMissing,
            Box::new(here(|known| known.build = Build::Dependabot)),
            "Dependabot",
        ),
        (
            R::TokenMissing,
            Box::new(here(|known| known.caller = Caller::Step)),
            "bitrise_api_token",
        ),
        (
            R::TokenMissing,
            Box::new(here(|known| known.caller = Caller::Action)),
            "action's input",
        ),
        (R::TokenMissing, Box::new(here(|_| {})), "not set"),
    ]
}

/// What other facts prove.
fn proofs() -> Vec<(Reason, Change, &'static str)> {
    use Reason as R;
    let mut ntlm = ProxyResponse::new(407);
    ntlm.schemes = vec![AuthScheme::Ntlm];
    let basic = Fault::of_proxy(FaultKind::ProxyLogin, ProxyResponse::new(407));
    let ntlm = Fault::of_proxy(FaultKind::ProxyLogin, ntlm);
    vec![
        (
            R::TokenRejected,
            Box::new(|f| f.sample = vec![an_app()]),
            "first calls still worked",
        ),
        (
            R::AppNotAccessible,
            Box::new(|f| f.mistaken = Some(Mistaken::Title(an_app()))),
            "is the title",
        ),
        (
            R::AppNotAccessible,
            Box::new(|f| f.mistaken = Some(Mistaken::Case(an_app()))),
            "another case",
        ),
        (
            R::AppNotAccessible,
            Box::new(|f| f.mistaken = Some(Mistaken::Workspace(None))),
            "not an app",
        ),
        (
            R::DnsFailure,
            Box::new(|f| f.route = Some(Route::Proxy("socks5://p".to_owned()))),
            "socks5h",
        ),
        (
            R::ConnectionFailed,
            Box::new(fault(FaultKind::NotLoopback)),
            "alone",
        ),
        (R::ProxyFailure, Box::new(fault(basic)), "wants a user"),
        (R::ProxyFailure, Box::new(fault(ntlm)), "speaks Basic"),
        (
            R::ProxyFailure,
            Box::new(fault(FaultKind::ProxyUnreachable)),
            "not there",
        ),
        (
            R::ProxyFailure,
            Box::new(fault(FaultKind::ProxyClosed)),
            "no proxy",
        ),
        (
            R::ProxyFailure,
            Box::new(fault(FaultKind::ProxyNotTls)),
            "http://",
        ),
        (
            R::ProxyFailure,
            Box::new(fault(FaultKind::ProxyTls)),
            "itself",
        ),
    ]
}

/// What each fault of TLS proves.
fn tls_proofs() -> Vec<(Reason, Change, &'static str)> {
    let mut rows: Vec<(Reason, Change, &str)> = Vec::new();
    for (kind, text) in [
        (FaultKind::TlsUnknownIssuer, "inspects"),
        (FaultKind::TlsSelfSigned, "inspects"),
        (FaultKind::TlsNoRoots, "container"),
        (FaultKind::TlsExpired, "expired"),
        (FaultKind::TlsNotYetValid, "not valid"),
        (FaultKind::TlsWrongName, "another server"),
        (FaultKind::TlsNotSpoken, "gateway"),
        (FaultKind::TlsFailed, "handshake"),
    ] {
        rows.push((Reason::TlsFailure, Box::new(tls(kind)), text));
    }
    rows
}

#[test]
fn a_proved_cause_stands_alone() {
    for (reason, change, text) in proofs_of_environment()
        .into_iter()
        .chain(proofs())
        .chain(tls_proofs())
    {
        let mut facts = facts(reason);
        change(&mut facts);
        let left: Vec<_> = left(&facts).iter().map(|cause| cause.text).collect();
        assert!(
            matches!(left[..], [only] if only.contains(text)),
            "{reason:?} {text}: {left:?}"
        );
    }
}

#[test]
fn an_address_that_is_none_is_the_one_cause() {
    for address in ["0.0.0.0:443", "[::]:443", "127.0.0.1:443"] {
        let mut facts = facts(Reason::ConnectionFailed);
        facts.is_bitrise = Some(true);
        facts.decided = Some(Decided {
            remote: Some(address.parse().unwrap()),
            fault: Some(FaultKind::Refused.into()),
            ..Decided::default()
        });
        assert_eq!(left(&facts).len(), 1, "{address}");
        // Behind a proxy, the address is the proxy's.
        facts.route = Some(Route::Proxy("http://127.0.0.1:8080".to_owned()));
        assert!(left(&facts).len() > 1, "{address}");
    }
}

#[test]
fn every_reason_has_actions_and_somebody_to_act() {
    for &reason in Reason::ALL {
        let actions = actions::left(&facts(reason));
        assert!(!actions.is_empty(), "{reason:?}");
    }
}

#[test]
fn after_all_apps_nobody_is_told_to_check_all_apps() {
    for reason in Reason::ALL.iter().copied().map(Some).chain([None]) {
        let facts = Facts {
            reason,
            selection: Some(Selection::All),
            ..Facts::default()
        };
        for action in actions::left(&facts) {
            assert!(!action.text.contains("--all-apps"), "{}", action.text);
        }
    }
}

/// What a text for people must not say: see the project's guide to words.
const REJECTED: &[&str] = &[
    "the token is good",
    "token is fine",
    "else than",
    "of its own accord",
    "a fault of its own",
    "organization",
    "reply",
    "beside ",
    "begun",
    "stays so",
    "dies with",
    "regard ",
    "see that",
    "is no API token",
    "enter the same token",
    "enter it again",
    "left as it is",
    "further attempt",
    "to be had",
    "fewer requests",
    "answers to be",
];

#[test]
fn no_text_has_words_that_slow_a_reader_down() {
    let mut texts: Vec<String> = Vec::new();
    for &reason in Reason::ALL {
        let page = explain::page(reason);
        texts.push(page.meaning.to_owned());
        for (text, when) in page.causes {
            texts.extend([text.to_string(), when.to_owned()]);
        }
        texts.extend(page.actions.iter().map(|(text, _)| text.to_string()));
        texts.extend(page.questions.iter().map(|text| (*text).to_owned()));
    }
    texts.extend(pages::questions(None).iter().map(|text| (*text).to_owned()));
    texts.extend(
        Verdict::ALL
            .iter()
            .map(|verdict| explain::meaning(*verdict).to_owned()),
    );
    for status in 100..600 {
        texts.extend(
            explain::status(status)
                .iter()
                .map(|line| line.meaning.to_owned()),
        );
    }
    for text in texts {
        for word in REJECTED {
            assert!(!text.to_lowercase().contains(word), "“{word}” in: {text}");
        }
        assert!(
            !text.contains(['{', '}']) || text.contains("{slug}") || text.contains("${{"),
            "a gap in: {text}"
        );
    }
}

#[test]
fn a_status_leads_to_reasons_of_its_own() {
    for (status, reasons) in [
        (401, &[Reason::TokenRejected, Reason::PipelinesDenied][..]),
        (403, &[Reason::AppsForbidden, Reason::RateLimited]),
        (404, &[Reason::WrongBaseUrl, Reason::PipelinesDenied]),
        (429, &[Reason::RateLimited]),
        (302, &[Reason::Redirected]),
        (408, &[Reason::ServerError]),
        (503, &[Reason::ServerError]),
        (418, &[Reason::UnexpectedStatus]),
    ] {
        for reason in reasons {
            let lines = explain::status(status);
            assert!(
                lines.iter().any(|line| line.reason == Some(*reason)),
                "{status}"
            );
        }
    }
    assert!(explain::status(7).is_empty());
}
