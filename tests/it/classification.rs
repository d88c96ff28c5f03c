//! Every step × every status × every kind of body, as one table that a person can read.

use bitrise_dx::check::CheckId;
use bitrise_dx::classify;
use bitrise_dx::exchange::{Body, Exchange, FaultKind, Response};
use bitrise_dx::verdict::{Reason, Verdict};
use bitrise_dx::wire::Document;
use std::borrow::Cow;
use std::fmt::Write as _;

type Step = (&'static str, fn(&Exchange) -> String);

fn outcome(reason: Reason) -> String {
    reason.as_str().to_owned()
}

fn step<T>(step: &Result<T, Reason>) -> String {
    match step {
        Ok(_) => "readable".into(),
        Err(Reason::TokenRejected) => "(recheck)".into(),
        Err(reason) => outcome(*reason),
    }
}

const STEPS: [Step; 4] = [
    ("apps", |seen| {
        classify::apps(seen, true).map_or_else(outcome, |_| "go on".into())
    }),
    ("pipelines", |seen| {
        step(&classify::below_app(CheckId::PipelinesList, seen))
    }),
    ("apps again, after a 401", |seen| {
        classify::told(CheckId::AppsRecheck, seen).map_or_else(outcome, |()| "accepted".into())
    }),
    ("details", |seen| {
        step(&classify::below_app(CheckId::PipelinesShow, seen))
    }),
];

fn json(text: &str) -> Body {
    Body::Json(Document::read(text.as_bytes(), |text| Cow::Borrowed(text)).unwrap())
}

fn bodies() -> [(&'static str, Body); 18] {
    let list = |items: &str| json(&format!(r#"{{"data": [{items}]}}"#));
    let whole = r#"{"slug": "a", "title": "A", "owner": {"name": "W"}}"#;
    let run = r#"{"slug": "a", "is_pipeline": true}"#;
    let error = r#"{"error": {"code": 401, "message": "no"}, "message": "no"}"#;
    let both = r#"{"message": "no", "data": []}"#;
    [
        ("a list with a slug", list(r#"{"slug": "a"}"#)),
        ("a list of apps", list(whole)),
        ("a list of runs", list(run)),
        ("an object", json("{}")),
        ("a message and a list", json(both)),
        ("an object as error", json(error)),
        ("the status's word", Body::Word),
        ("an empty list", list("")),
        ("a null list", json(r#"{"data": null}"#)),
        ("a list without slugs", list(r#"{"title": "a"}"#)),
        ("an object as data", json(r#"{"data": {"slug": "a"}}"#)),
        ("a message", json(r#"{"message": "no"}"#)),
        ("JSON, no object", json("[1]")),
        ("HTML", Body::Html),
        ("other text", Body::Other),
        ("nothing", Body::Empty),
        ("too much", Body::TooLarge),
        ("cut off", Body::Cut(FaultKind::Closed.into())),
    ]
}

fn seen(status: u16, body: &Body) -> Exchange {
    let url = "https://api.bitrise.io/v0.1/apps?limit=50";
    Exchange::new(url, Ok(Response::new(status, body.clone())))
}

/// Returns what a step makes of a status, with the bodies that lead to the same put together.
fn row(step: Step, status: u16) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, body) in &bodies() {
        let result = step.1(&seen(status, body));
        match groups.iter_mut().find(|(other, _)| *other == result) {
            Some((_, names)) => names.push(name),
            None => groups.push((result, vec![name])),
        }
    }
    let whole = groups.len() == 1;
    let cell = |(result, names): &(String, Vec<&str>)| {
        if whole {
            format!("    {result}\n")
        } else {
            format!("    {result:<24} {}\n", names.join(", "))
        }
    };
    groups.iter().map(cell).collect()
}

#[test]
fn every_step_status_and_body_has_its_reason() {
    let mut table = String::new();
    for step in STEPS {
        writeln!(table, "# {}", step.0).unwrap();
        let mut from = 100;
        while from < 600 {
            let this = row(step, from);
            let to = (from..600)
                .take_while(|status| row(step, *status) == this)
                .last()
                .unwrap();
            let range = if from == to {
                format!("{from}")
            } else {
                format!("{from}-{to}")
            };
            writeln!(table, "  {range}\n{}", this.trim_end()).unwrap();
            let foreign = step.1(&seen(from, &Body::Html));
            let reason = Reason::ALL.iter().find(|reason| reason.as_str() == foreign);
            let verdict = reason.map(|reason| reason.verdict());
            assert_eq!(verdict, Some(Verdict::Inconclusive), "{foreign}");
            from = to + 1;
        }
    }
    insta::assert_snapshot!(table);
}

/// A gateway answers in its own way, for its own host and, if it inspects the traffic, as Bitrise's.
#[test]
fn a_refusal_counts_if_it_can_be_bitrises() {
    let mut table = String::new();
    for host in ["api.bitrise.io", "gateway.example"] {
        for (status, asks_login) in [(401, false), (401, true), (403, false), (404, false)] {
            let is_counted = |body: &Body| {
                let mut response = Response::new(status, body.clone());
                response.asks_login = asks_login;
                let exchange = Exchange::new(format!("https://{host}/v0.1/apps"), Ok(response));
                let result = STEPS.map(|step| step.1(&exchange) != "intercepted");
                assert!(result.iter().all(|counts| *counts == result[0]));
                result[0]
            };
            let bodies = bodies();
            let counted = bodies.iter().filter(|(_, body)| is_counted(body));
            let counted: Vec<_> = counted.map(|(name, _)| *name).collect();
            let login = ["", " that asks for a login"][usize::from(asks_login)];
            writeln!(table, "{host} {status}{login}: {}", counted.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(table, @"
    api.bitrise.io 401: a list with a slug, a list of apps, a list of runs, an object, a message and a list, the status's word, an empty list, a null list, a list without slugs, an object as data, a message, JSON, no object, nothing, cut off
    api.bitrise.io 401 that asks for a login: a message and a list, a message
    api.bitrise.io 403: a message and a list, a message, cut off
    api.bitrise.io 404: a list with a slug, a list of apps, a list of runs, an object, a message and a list, the status's word, an empty list, a null list, a list without slugs, an object as data, a message, JSON, no object, nothing, cut off
    gateway.example 401: a message and a list, a message, nothing, cut off
    gateway.example 401 that asks for a login: a message and a list, a message
    gateway.example 403: a message and a list, a message, cut off
    gateway.example 404: a message and a list, a message, nothing, cut off
    ");
}

#[test]
fn every_transport_fault_is_inconclusive_at_every_step() {
    let mut table = String::new();
    for &kind in FaultKind::ALL {
        let mut exchange = seen(200, &Body::Empty);
        exchange.outcome = Err(kind.into());
        let results: Vec<String> = STEPS.iter().map(|step| step.1(&exchange)).collect();
        let reason = &results[0];
        assert!(results.iter().all(|result| result == reason), "{results:?}");
        let found = Reason::ALL.iter().find(|it| it.as_str() == reason);
        assert_eq!(found.unwrap().verdict(), Verdict::Inconclusive);
        let again = ["final", "tried again"][usize::from(kind.is_transient())];
        writeln!(table, "{reason:<18} {again:<12} {}", kind.sentence()).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    dns_failure        tried again  the host name could not be resolved
    connection_failed  final        the name does not lead to this machine, and plain http goes nowhere else
    connection_failed  tried again  the connection was refused
    connection_failed  tried again  no connection could be made: there is no route to that network
    connection_failed  tried again  no connection could be made: there is no route to that host
    connection_failed  tried again  no connection could be made: the network is down
    connection_failed  tried again  no connection could be made: this machine has no address to connect from
    connection_failed  tried again  no connection could be made: this machine does not allow it
    connection_failed  tried again  no connection could be made
    timeout            tried again  the connection timed out (--timeout)
    connection_failed  tried again  the connection was closed while its encryption was being agreed on
    tls_failure        final        the certificate was issued by an authority that this machine does not trust
    tls_failure        final        the certificate is self-signed, and this machine does not trust it
    tls_failure        final        the certificate is an authority's own (CA:TRUE) and not one for a server, so it is refused even where that authority is trusted
    tls_failure        final        the certificate has expired
    tls_failure        final        the certificate is not valid yet
    tls_failure        final        the certificate is for another host name
    tls_failure        final        the certificate can't be used
    tls_failure        final        the server asks for a client certificate, which Bitrise's API does not
    tls_failure        final        there is no common TLS version or cipher (TLS 1.2 is the least)
    tls_failure        final        what answered does not speak TLS
    tls_failure        final        this machine has no root certificates to check against
    tls_failure        final        the TLS handshake failed
    connection_failed  tried again  the connection was closed before the response was complete
    connection_failed  final        what came back is not HTTP
    connection_failed  final        the response's headers are larger than those of any real response
    connection_failed  tried again  the response's body could not be decoded
    timeout            tried again  no complete response came in time (--timeout)
    proxy_failure      tried again  the proxy's host name could not be resolved
    proxy_failure      tried again  no connection to the proxy could be made
    proxy_failure      final        the proxy does not speak TLS, though its address starts with https://
    proxy_failure      final        the connection to the proxy itself could not be encrypted
    proxy_failure      final        the proxy asks for authentication
    proxy_failure      final        the proxy did not open a connection to the host
    proxy_failure      final        the proxy's response is larger than any real one
    proxy_failure      tried again  the proxy closed the connection instead of opening one to the host
    max_time_reached   final        the time for the whole run was over (--max-time)
    connection_failed  tried again  the request failed for an unknown reason
    ");
}

#[test]
fn only_408_429_5xx_and_a_success_cut_short_are_tried_again() {
    let again = |status: u16, body: &Body| seen(status, body).outcome.unwrap().is_transient();
    let cut = Body::Cut(FaultKind::Closed.into());
    for status in 100..600 {
        let expected = matches!(status, 408 | 429 | 500..);
        assert_eq!(again(status, &Body::Empty), expected, "{status}");
        assert_eq!(again(status, &cut), expected || status == 200, "{status}");
    }
    assert!(!again(200, &Body::Cut(FaultKind::MaxTime.into())));
}

#[test]
fn a_page_without_apps_is_no_empty_list_if_there_are_apps_elsewhere() {
    for (paging, expected) in [
        (r#"{"total_item_count": 0}"#, Reason::NoApps),
        ("{}", Reason::NoApps),
        (
            r#"{"total_item_count": 0, "next": "x"}"#,
            Reason::UnexpectedResponse,
        ),
        (r#"{"next": "x"}"#, Reason::UnexpectedResponse),
        (r#"{"next": 7}"#, Reason::UnexpectedResponse),
        (r#""nonsense""#, Reason::UnexpectedResponse),
        (r#"{"total_item_count": 3}"#, Reason::UnexpectedResponse),
        (
            r#"{"total_item_count": 3, "next": "x"}"#,
            Reason::UnexpectedResponse,
        ),
    ] {
        for data in ["[]", "null"] {
            let body = json(&format!("{{\"data\": {data}, \"paging\": {paging}}}"));
            let told = classify::apps(&seen(200, &body), true);
            assert_eq!(told, Err(expected), "{paging}");
        }
    }
}
