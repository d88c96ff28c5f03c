//! What people see of the cases that support meets most, each as a whole screen; a few of them in
//! every format.

use crate::formats::{all_formats, each_as_it_was, read_all, steady};
use crate::support::WIDE;
use crate::support::process::{CANARY, Program};
use crate::support::server::{Act, Server, json, response};
use crate::support::tls::{GOOD, TlsServer};
use bitrise_dx::app::Slug;
use bitrise_dx::check::CheckId;
use bitrise_dx::classify;
use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::exchange::{
    AuthScheme, Body, Exchange, Fault, FaultKind, Header, ProxyResponse, Response,
};
use bitrise_dx::render::{self, Detail, Style};
use bitrise_dx::report::{
    Assembly, BaseUrlSource, Report, RunOptions, Selection, Target, TokenInfo, TokenSource,
};
use bitrise_dx::text::Untrusted;
use bitrise_dx::token::TokenKind;
use bitrise_dx::verdict::{Reason, Verdict};
use bitrise_dx::wire::Document;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

const NOT_FOUND: &str = r#"{"message":"Not Found"}"#;

/// Three apps of one workspace.
const THREE: &str = r#"{"data":[
    {"slug":"93f256e365d929d3","title":"Shop iOS","is_disabled":false,"owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}},
    {"slug":"7be4d2a90c310008","title":"Shop Android","is_disabled":false,"owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}},
    {"slug":"19f6a3c87d540004","title":"Courier","is_disabled":false,"owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}}
],"paging":{"total_item_count":3,"page_item_limit":50}}"#;

/// Lists apps, and reads those whose slugs are among the readable ones.
fn listing(list: impl Into<String>, readable: &'static [&'static str]) -> Server {
    let list = list.into();
    Server::start(move |request, _| {
        if !request.target.contains("/pipelines") {
            return json(200, &list);
        }
        if readable.iter().any(|slug| request.target.contains(slug)) {
            return json(
                200,
                r#"{"data":[{"id":"run","is_pipeline":true}],"paging":{}}"#,
            );
        }
        let headers = "Content-Type: application/json\r\nX-Request-Id: 0c9b11aa-77f0\r\n";
        Act::Send(response(404, headers, NOT_FOUND))
    })
}

/// Gives every request the same response.
fn saying(status: u16, headers: &'static str, body: &'static str) -> Server {
    Server::always(move || Act::Send(response(status, headers, body)))
}

fn program(server: &Server) -> Program {
    let program = Program::verify(&server.base_url()).env("BITRISE_TOKEN", CANARY);
    program.args(["--retries", "0"]).env("LANG", "C.UTF-8")
}

/// Asserts what a person sees of a run.
fn screen(name: &str, program: Program, code: i32) {
    let finished = program.run();
    assert_eq!(finished.code, Some(code), "{}", finished.everything());
    assert!(!finished.everything().contains("CANARY"));
    insta::assert_snapshot!(name, steady(&finished.stdout));
}

/// Asserts what a run gives in each format.
fn in_every_format(name: &str, program: &dyn Fn() -> Program, code: i32, verdict: Verdict) {
    screen(name, program(), code);
    let texts = all_formats(program, code);
    read_all(&texts, verdict);
    each_as_it_was(name, &texts);
}

#[test]
fn one_of_three_apps_is_verified() {
    let server = listing(THREE, &["93f256e365d929d3"]);
    in_every_format("one-of-three", &|| program(&server), 0, Verdict::Verified);
}

#[test]
fn two_of_three_apps_are_refused() {
    let server = listing(THREE, &["93f256e365d929d3"]);
    let run = || program(&server).arg("--all-apps");
    in_every_format("two-of-three", &run, 5, Verdict::InvalidPermissions);
}

#[test]
fn a_companys_firewall_answers() {
    let headers = "Content-Type: text/html\r\nServer: Zscaler/6.2\r\nVia: 1.1 proxy7.corp.example\r\n\
        X-Squid-Error: ERR_ACCESS_DENIED 0\r\n";
    let page = "<!doctype html><html><head><title>Blocked: Developer Tools</title></head></html>";
    let server = saying(403, headers, page);
    in_every_format("firewall", &|| program(&server), 4, Verdict::Inconclusive);
}

#[test]
fn a_certificate_is_an_inspecting_boxs() {
    // One trusted root is there, so that every machine has some, but it is not this one's.
    let trusted = TlsServer::start(saying(200, "", THREE));
    let mut identity = GOOD;
    identity.issuer = Some("Corp Inspection CA");
    let server = TlsServer::with(identity, saying(200, "", THREE));
    let run = Program::verify(&server.base_url()).args(["--retries", "0"]);
    let run = run.env("LANG", "C.UTF-8").arg("--ca-cert").arg(&trusted.ca);
    let finished = run.run();
    assert_eq!(finished.code, Some(4));
    let folder = trusted.ca.parent().unwrap().to_str().unwrap();
    let shown = steady(&finished.stdout.replace(folder, "/FOLDER"));
    insta::assert_snapshot!("inspection", shown);
}

#[test]
fn a_proxy_offers_ntlm_alone() {
    const ANSWER: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n\
        Proxy-Authenticate: NTLM\r\nVia: 1.1 gate\r\nContent-Length: 0\r\n\r\n";
    let proxy = Server::always(|| Act::SendAndHold(ANSWER.into()));
    let run = Program::verify("https://localhost:9/v0.1").args(["--retries", "0"]);
    let run = run.env("https_proxy", format!("http://{}", proxy.address()));
    screen("ntlm-proxy", run.env("LANG", "C.UTF-8"), 4);
}

/// A run against Bitrise itself, which no test asks: what it would see, in its order.
struct Seen {
    kind: TokenKind,
    selection: Selection,
    named: &'static [&'static str],
    target: Target,
    known: Known,
    asked: Cell<u8>,
}

const API: &str = "https://api.bitrise.io/v0.1";

impl Seen {
    fn by(kind: TokenKind) -> Self {
        Self {
            kind,
            selection: Selection::First,
            named: &[],
            target: Target {
                base_url: Some(API.to_owned()),
                ..Target::default()
            },
            known: Known::default(),
            asked: Cell::default(),
        }
    }

    fn all_apps(mut self) -> Self {
        self.selection = Selection::All;
        self
    }

    fn named(mut self, app: &'static [&'static str]) -> Self {
        (self.selection, self.named) = (Selection::Named, app);
        self
    }

    fn base_url(mut self, url: &str) -> Self {
        self.target.base_url = Some(url.to_owned());
        self.target.base_url_source = BaseUrlSource::Environment;
        self
    }

    fn exchange(&self, path: &str, outcome: Result<Response, Fault>) -> Exchange {
        let base = self.target.base_url.as_deref().unwrap_or(API);
        let mut exchange = Exchange::new(format!("{base}{path}"), outcome);
        if let Ok(Response {
            request_id: Some(id),
            ..
        }) = &mut exchange.outcome
        {
            // Each request has one of its own.
            let number = self.asked.get() + 1;
            self.asked.set(number);
            *id = Untrusted::new(format!("6f1c2d7e-0b1{number}"));
        }
        exchange.elapsed = Duration::from_millis(120);
        let is_found = !matches!(&exchange.outcome, Err(fault) if fault.kind == FaultKind::Dns);
        exchange.remote_address = is_found.then(|| ([203, 0, 113, 7], 443).into());
        exchange
    }

    /// Returns the report of a run whose list of apps is answered so, and the pipelines of its apps
    /// by `pipelines`.
    fn report(
        &self,
        list: Exchange,
        pipelines: impl Fn(&str) -> Result<Response, Fault>,
    ) -> Report {
        let options = RunOptions {
            selection: self.selection,
            timeout: Some(Duration::from_secs(30)),
            ..RunOptions::default()
        };
        let mut assembly = Assembly::new(options);
        for app in self.named {
            assembly.app(&Slug::try_from((*app).to_owned()).unwrap());
        }
        let is_read = assembly.apps(list).is_ok();
        let apps = assembly.apps.iter();
        let slugs: Vec<String> = apps.map(|it| it.app.slug.raw().to_owned()).collect();
        for (index, slug) in slugs.iter().enumerate().filter(|_| is_read) {
            let path = format!("/apps/{slug}/pipelines?limit=1");
            let answered = self.exchange(&path, pipelines(slug));
            let id = CheckId::PipelinesList;
            let mut told = classify::below_app(id, &answered);
            if told == Err(Reason::TokenRejected) {
                let again = self.exchange("/apps?limit=50", Ok(body(200, THREE)));
                assembly.keep(CheckId::AppsRecheck, None, Ok(()), Some(again));
                told = Err(Reason::PipelinesDenied);
            }
            let _ = assembly.below_app(id, Some(index), told, Some(answered));
        }
        let token = TokenInfo {
            kind: Some(self.kind),
            fingerprint: Some("3f9a1c2e".to_owned()),
            source: Some(TokenSource::Environment),
            ..TokenInfo::default()
        };
        assembly.finish(Report {
            target: self.target.clone(),
            token,
            options,
            ..Report::started(SystemTime::UNIX_EPOCH)
        })
    }

    /// Shows a run whose list of apps is not read.
    fn without_list(
        &self,
        change: impl Fn(&mut Exchange),
        outcome: Result<Response, Fault>,
    ) -> String {
        let mut list = self.exchange("/apps?limit=50", outcome);
        change(&mut list);
        self.show(self.report(list, |_| Ok(Response::new(200, Body::Empty))))
    }

    /// Shows a run with a list, of which all but these apps are answered so.
    fn with_list(&self, list: &str, readable: &[&str], refused: u16) -> String {
        let runs = r#"{"data":[{"id":"run","is_pipeline":true}],"paging":{}}"#;
        let list = self.exchange("/apps?limit=50", Ok(body(200, list)));
        self.show(self.report(list, |slug| {
            if readable.contains(&slug) {
                Ok(body(200, runs))
            } else if refused == 200 {
                Ok(body(200, r#"{"data":[],"paging":{}}"#))
            } else {
                let words = match refused {
                    401 => "Unauthorized",
                    403 => "Forbidden",
                    _ => "Not Found",
                };
                Ok(body(refused, &format!(r#"{{"message":"{words}"}}"#)))
            }
        }))
    }

    fn show(&self, report: Report) -> String {
        let style = Style {
            detail: Detail::Normal,
            ..WIDE
        };
        steady(&render::human(&diagnose(report, &self.known), style))
    }
}

fn body(status: u16, text: &str) -> Response {
    let document = Document::read(text.as_bytes(), |text| Cow::Borrowed(text)).unwrap();
    let mut response = Response::new(status, Body::Json(document));
    response.request_id = Some(Untrusted::new("6f1c2d7e-0b1a"));
    response
}

fn page(status: u16, title: &str) -> Response {
    let mut response = Response::new(status, Body::Html);
    response.responder.title = Some(Untrusted::new(title));
    response
}

const FIRST: &str = "93f256e365d929d3";
const SECOND: &str = "7be4d2a90c310008";
const THIRD: &str = "19f6a3c87d540004";

#[test]
fn what_a_person_sees_who_asks_for_apps() {
    let of = || Seen::by(TokenKind::Workspace);
    let own = || Seen::by(TokenKind::Personal);
    let every = || of().all_apps();
    let mirror = || of().base_url("https://mirror.example/v0.1");
    let (none, one): (&[&str], &[&str]) = (&[], &[FIRST]);
    let two = THREE.replacen(r#""name":"Acme Mobile""#, r#""name":"Acme Labs""#, 1);
    let disabled = THREE.replacen(r#""is_disabled":false"#, r#""is_disabled":true"#, 1);
    let third = r#""Courier","is_disabled":"#;
    let third = THREE.replace(&format!("{third}false"), &format!("{third}true"));
    let person = r#""organization","name":"Acme Mobile""#;
    let person = THREE.replacen(person, r#""user","name":"Jane""#, 1);
    // The list, the apps that are readable, and how the others are answered.
    let screens = [
        ("one app refused with 404", of(), THREE, none, 404),
        ("one app refused with 403", of(), THREE, none, 403),
        ("one app refused with 401", of(), THREE, none, 401),
        ("one of three verified", of(), THREE, one, 404),
        (
            "all of two workspaces verified",
            own().all_apps(),
            &two,
            &[FIRST, SECOND, THIRD],
            404,
        ),
        ("two of three refused", every(), THREE, one, 404),
        ("all three refused", every(), THREE, none, 404),
        ("a personal token verified", own(), THREE, one, 404),
        ("nothing ran in 200 days", every(), THREE, none, 200),
        ("the first app disabled", of(), &disabled, none, 404),
        (
            "another app disabled",
            every(),
            &third,
            &[FIRST, SECOND],
            404,
        ),
        ("another person's app", own(), &person, none, 404),
        ("a title as app", of().named(&["Courier"]), THREE, none, 404),
        (
            "a slug with a typo",
            of().named(&["7be4d2a90c310009"]),
            THREE,
            none,
            404,
        ),
        (
            "a wrong slug",
            of().named(&["0000000000000000"]),
            THREE,
            none,
            404,
        ),
        (
            "a list with two apps, one refused",
            of().named(&[FIRST, THIRD]),
            THREE,
            one,
            404,
        ),
        ("another host accepts", mirror(), THREE, one, 404),
        ("another host refuses", mirror(), THREE, none, 404),
    ]
    .map(|(name, seen, list, readable, refused)| {
        let screen = seen.with_list(list, readable, refused);
        format!("######## {name}\n{screen}\n")
    });
    let sheet = screens.concat();
    // One app is not counted twice.
    let is_doubled = |line: &str| line.contains(" refused, ") && line.contains(" disabled)");
    assert!(!sheet.lines().any(is_doubled));
    insta::assert_snapshot!("apps", sheet);
}

#[test]
fn what_a_person_sees_who_gets_no_list() {
    let of = || Seen::by(TokenKind::Workspace);
    let told = |status, words| Ok(body(status, &format!(r#"{{"message":"{words}"}}"#)));
    let mut redirect = Response::new(302, Body::Empty);
    redirect.location_host = Some(Untrusted::new("login.corp.example"));
    let inspected = Fault {
        issuer: Some(Untrusted::new("Corp Inspection CA")),
        ..FaultKind::TlsUnknownIssuer.into()
    };
    let mut filter = page(403, "Blocked: Developer Tools");
    filter.responder.headers = vec![Header {
        name: Untrusted::new("Server"),
        value: Untrusted::new("Zscaler/6.2"),
    }];
    let mut login = ProxyResponse {
        status: 407,
        ..ProxyResponse::default()
    };
    login.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm];
    let login = Fault {
        proxy: Some(Box::new(login)),
        ..FaultKind::ProxyLogin.into()
    };
    let mut behind = of();
    behind.target.proxy = Some("http://proxy.corp.example:8080".to_owned());
    behind.known.proxy_variables = vec!["HTTPS_PROXY"];
    let mirror = of().base_url("https://bitrise.example/v1");
    let as_is: fn(&mut Exchange) = |_| {};
    let waiting: fn(&mut Exchange) = |it| it.retry_after = Some(Duration::from_secs(90));
    let tried: fn(&mut Exchange) = |it| it.attempts = 3;
    let nowhere: fn(&mut Exchange) = |it| it.remote_address = Some(([0, 0, 0, 0], 443).into());
    let screens = [
        ("rejected", of(), as_is, told(401, "Unauthorized")),
        (
            "personal rejected",
            Seen::by(TokenKind::Personal),
            as_is,
            told(401, "Unauthorized"),
        ),
        (
            "without prefix rejected",
            Seen::by(TokenKind::Unknown),
            as_is,
            told(401, "Unauthorized"),
        ),
        ("403 to the list", of(), as_is, told(403, "Forbidden")),
        (
            "no apps",
            of(),
            as_is,
            Ok(body(200, r#"{"data":[],"paging":{}}"#)),
        ),
        ("guest network", of(), as_is, Ok(page(200, "Guest Wi-Fi"))),
        ("redirect", of(), as_is, Ok(redirect)),
        ("rate limit", of(), waiting, told(429, "slow down")),
        ("outage", of(), tried, told(503, "down")),
        ("DNS", of(), as_is, Err(FaultKind::Dns.into())),
        ("TLS inspection", of(), as_is, Err(inspected)),
        ("sinkhole", of(), nowhere, Err(FaultKind::Refused.into())),
        (
            "no connection in time",
            of(),
            as_is,
            Err(FaultKind::ConnectTimeout.into()),
        ),
        ("a filter's page", of(), as_is, Ok(filter)),
        ("a proxy with NTLM", behind, as_is, Err(login)),
        ("wrong base URL", mirror, as_is, told(404, "Not Found")),
    ]
    .map(|(name, seen, change, outcome)| {
        format!("######## {name}\n{}\n", seen.without_list(change, outcome))
    });
    let sheet = screens.concat();
    insta::assert_snapshot!("no-list", sheet);
}

#[test]
fn what_a_person_sees_who_has_no_token() {
    let mut sheet = String::new();
    let mut add = |name: &str, program: Program, code: i32| {
        let finished = program.env("LANG", "C.UTF-8").run();
        assert_eq!(finished.code, Some(code), "{}", finished.everything());
        let screen = steady(&finished.stdout);
        write!(sheet, "######## {name}\n{screen}\n").unwrap();
    };
    let verify = || Program::new(["verify"]);
    let github = verify().env("BITRISE_TOKEN", "ghp_0123456789abcdefghijABCDEFGHIJ012345");
    add("another service's token", github, 3);
    add("no token", verify(), 2);
    add(
        "another variable",
        verify().env("BITRISE_API_TOKEN", CANARY),
        2,
    );
    let build = verify().env("BITRISE_IO", "true").env("PR", "true");
    add("a pull request on Bitrise", build, 2);
    insta::assert_snapshot!("no-token", sheet);
}

/// Returns how many lines a screen has, without the remark that the server is not Bitrise's.
fn lines(program: Program, code: i32) -> usize {
    let finished = program.run();
    assert_eq!(finished.code, Some(code), "{}", finished.everything());
    let shown = &finished.stdout;
    // What another host says is neither good nor bad for DX.
    assert!(shown.starts_with("? "), "{shown}");
    let remark = "; without it, Bitrise is asked";
    let at = shown.lines().position(|line| line.contains(remark));
    let remarks = shown
        .lines()
        .skip(at.unwrap())
        .take_while(|line| !line.is_empty());
    shown.lines().count() - remarks.count()
}

#[test]
fn a_refusal_fits_a_screen_and_a_pass_half_of_one() {
    let refused = lines(program(&listing(THREE, &[])), 5);
    assert!(refused <= 40, "{refused}");
    let server = listing(THREE, &["93f256e365d929d3"]);
    let passed = lines(program(&server), 0);
    assert!(passed <= 20, "{passed}");
}
