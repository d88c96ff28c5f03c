//! Reports of every kind, as a reader gets them.

use super::*;
use crate::app::{App, Slug};
use crate::check::Check;
use crate::exchange::Header;
use crate::exchange::{AuthScheme, Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::report::{
    AppList, AppState, BaseUrlSource, NotRun, RunOptions, Runs, Shell, Target, TokenInfo,
};
use crate::token::Token;
use crate::wire::Document;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

const BASE: &str = "https://api.bitrise.io/v0.1";

/// Returns an app of a workspace.
fn app(slug: &str, title: &str, workspace: &str) -> App {
    App {
        title: Some(Untrusted::new(title)),
        workspace: Some(Untrusted::new(workspace)),
        workspace_slug: Some(Untrusted::new("acme-slug")),
        ..App::unlisted(Slug::try_from(slug.to_owned()).unwrap())
    }
}

fn apps() -> Vec<App> {
    vec![
        app("a1", "Shop iOS", "Acme Mobile"),
        app("a2", "Shop Android", "Acme Mobile"),
        app("a3", "Courier", "Acme Mobile"),
    ]
}

fn json(text: &str) -> Body {
    Body::Json(Document::read(text.as_bytes(), |text| text.into()).unwrap())
}

fn message(status: u16, words: &str) -> Response {
    Response::new(status, json(&format!(r#"{{"message":"{words}"}}"#)))
}

fn exchange(path: &str, response: Response) -> Exchange {
    Exchange {
        elapsed: Duration::from_millis(120),
        ..Exchange::new(format!("{BASE}{path}"), Ok(response))
    }
}

fn failed(fault: impl Into<Fault>) -> Exchange {
    Exchange::new(format!("{BASE}/apps?limit=50"), Err(fault.into()))
}

/// A run to be built up.
struct Run {
    report: Report,
    checks: Vec<Check>,
    known: Known,
}

impl Run {
    /// Starts a run with a workspace token.
    fn new(kind: TokenKind) -> Self {
        let target = Target {
            base_url: Some(BASE.to_owned()),
            ..Target::default()
        };
        let token = TokenInfo {
            kind: Some(kind),
            fingerprint: Some("3f9a1c2e".to_owned()),
            source: Some(TokenSource::Environment),
            ..TokenInfo::default()
        };
        let format = Check::new(CheckId::TokenFormat, Some(Ok(())));
        Self {
            report: Report {
                target,
                token,
                ..Report::started(SystemTime::UNIX_EPOCH)
            },
            checks: vec![format],
            known: Known::default(),
        }
    }

    fn select(mut self, selection: Selection) -> Self {
        self.report.options = RunOptions {
            selection,
            ..RunOptions::default()
        };
        self
    }

    fn base_url(mut self, url: &str) -> Self {
        self.report.target.base_url = Some(url.to_owned());
        self.report.target.base_url_source = BaseUrlSource::Option;
        self
    }

    /// Adds a list of apps.
    fn listed(mut self, apps: &[App]) -> Self {
        self.report.list = AppList {
            total: Some(apps.len() as u64),
            listed: apps.len(),
            end: None,
            sample: apps.to_vec(),
            begins_with_app: Some(!apps.is_empty()),
        };
        self.checks.push(Check {
            exchange: Some(exchange("/apps?limit=50", Response::new(200, json("{}")))),
            ..Check::new(CheckId::AppsList, Some(Ok(())))
        });
        self
    }

    /// Adds a list of apps that was not read.
    fn not_listed(mut self, reason: Reason, exchange: Exchange) -> Self {
        self.checks.push(Check {
            exchange: Some(exchange),
            ..Check::new(CheckId::AppsList, Some(Err(reason)))
        });
        self
    }

    /// Adds a look at one app: readable without a reason.
    fn app(mut self, app: &App, refused: Option<(Reason, Response)>) -> Self {
        let index = self
            .report
            .list
            .sample
            .iter()
            .position(|other| other == app);
        let reason = refused.as_ref().map(|(reason, _)| *reason);
        let status = refused
            .as_ref()
            .map_or(200, |(_, response)| response.status.unwrap());
        self.report.apps.push(AppResult {
            app: app.clone(),
            is_first: index == Some(0),
            is_listed: Some(index.is_some()),
            state: match reason.map(Reason::verdict) {
                None => AppState::Readable,
                Some(Verdict::InvalidPermissions) => AppState::Denied,
                Some(_) => AppState::Unknown,
            },
            reason,
            http_status: Some(status),
            runs: reason.is_none().then_some(Runs::Seen),
            details: None,
        });
        let is_decided = self.checks.iter().any(|check| {
            check.id == CheckId::PipelinesList && matches!(check.result, Some(Err(_)))
        });
        if is_decided {
            return self;
        }
        self.checks
            .retain(|check| check.id != CheckId::PipelinesList);
        let path = format!("/apps/{}/pipelines?limit=1", app.slug.raw());
        let response = refused.map(|(_, response)| response);
        let response = response.unwrap_or_else(|| Response::new(200, json("{}")));
        let result = Some(reason.map_or(Ok(()), Err));
        self.checks.push(Check {
            app: Some(app.clone()),
            exchange: Some(exchange(&path, response)),
            ..Check::new(CheckId::PipelinesList, result)
        });
        self
    }

    fn diagnosis(self) -> Diagnosis {
        diagnose(self.report.with_checks(self.checks), &self.known)
    }

    /// Shows what matters of a diagnosis, much as the human format does.
    fn screen(self) -> String {
        screen(&self.diagnosis())
    }
}

fn screen(diagnosis: &Diagnosis) -> String {
    let mut text = format!("{}\n", diagnosis.result);
    let mut line = |label: &str, what: &Text| writeln!(text, "{label}{what}").unwrap();
    for remark in &diagnosis.remarks {
        line("  ", remark);
    }
    for (label, what) in [("DX: ", &diagnosis.dx), ("Who: ", &diagnosis.who_text)] {
        if let Some(what) = what {
            line(label, what);
        }
    }
    line("Token: ", &diagnosis.token.text);
    for (label, list) in [
        ("Do: ", &diagnosis.actions),
        ("Why: ", &diagnosis.causes),
        ("Not checked: ", &diagnosis.not_checked),
        ("If DX refuses: ", &diagnosis.if_dx_refuses),
    ] {
        for what in list {
            line(label, what);
        }
    }
    for WarningLine {
        code,
        message: what,
    } in &diagnosis.warnings
    {
        line(&format!("! {}: ", code.as_str()), what);
    }
    for check in &diagnosis.checks {
        line(
            &format!("{} {}: ", check.status.as_str(), check.id.as_str()),
            &check.text,
        );
        if let Some(request) = &check.request {
            line("    ", &request.outcome);
            if let Some(at) = &request.failure_point {
                line("    ", at);
            }
        }
    }
    for workspace in &diagnosis.apps.workspaces {
        let name = workspace.name.clone();
        let name = name.map_or_else(String::new, |name| name.to_string());
        line("Sees: ", &format!("{name} {}", workspace.apps).into());
    }
    for command in &diagnosis.reproduce {
        line("$ ", &command.as_str().into());
    }
    text
}

/// Several screens under their names, for one snapshot.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn add(&mut self, name: &str, screen: impl std::fmt::Display) {
        write!(self.0, "=== {name}\n{screen}\n").unwrap();
    }
}

fn not_found() -> (Reason, Response) {
    (Reason::PipelinesDenied, message(404, "Not Found"))
}

#[test]
fn access() {
    let mut sheet = Sheet::default();
    let list = apps();
    let workspace = || Run::new(TokenKind::Workspace);
    let forbidden = Some((Reason::PipelinesDenied, message(403, "Forbidden")));
    let unauthorized = Some((Reason::PipelinesDenied, message(401, "Unauthorized")));
    sheet.add(
        "refused_404",
        workspace()
            .listed(&list)
            .app(&list[0], Some(not_found()))
            .screen(),
    );
    sheet.add(
        "refused_403",
        workspace().listed(&list).app(&list[0], forbidden).screen(),
    );
    sheet.add(
        "refused_401_rechecked",
        workspace()
            .listed(&list)
            .app(&list[0], unauthorized)
            .screen(),
    );
    let all = workspace().select(Selection::All).listed(&list);
    let all = all
        .app(&list[0], None)
        .app(&list[1], Some(not_found()))
        .app(&list[2], Some(not_found()));
    sheet.add("two_of_three_refused", all.screen());
    let mut disabled = apps();
    disabled[0].is_disabled = true;
    let run = workspace()
        .listed(&disabled)
        .app(&disabled[0], Some(not_found()));
    sheet.add("disabled_first_app", run.screen());
    let mut foreign = apps();
    foreign[0].is_owned_by_user = true;
    foreign[0].workspace = Some(Untrusted::new("Jo Doe"));
    let run = Run::new(TokenKind::Personal)
        .listed(&foreign)
        .app(&foreign[0], Some(not_found()));
    sheet.add("foreign_owner", run.screen());
    let details = Some((Reason::PipelineDetailsDenied, message(404, "Not Found")));
    let run = workspace().listed(&list).app(&list[0], details);
    sheet.add("details", run.screen());
    insta::assert_snapshot!("access", sheet.0);
}

#[test]
fn named_apps() {
    let mut sheet = Sheet::default();
    let list = apps();
    for (name, slug) in [
        ("app_title", "courier"),
        ("app_case", "A2"),
        ("app_workspace", "acme-slug"),
        ("app_wrong_slug", "0000"),
    ] {
        let one = App::unlisted(Slug::try_from(slug.to_owned()).unwrap());
        let run = Run::new(TokenKind::Workspace)
            .select(Selection::Named)
            .listed(&list);
        let refused = Some((Reason::AppNotAccessible, message(404, "Not Found")));
        sheet.add(name, run.app(&one, refused).screen());
    }
    let run = Run::new(TokenKind::Workspace)
        .select(Selection::Named)
        .listed(&list);
    sheet.add(
        "app_named_refused",
        run.app(&list[1], Some(not_found())).screen(),
    );
    insta::assert_snapshot!("named_apps", sheet.0);
}

#[test]
fn verified() {
    let mut sheet = Sheet::default();
    let list = apps();
    let run = Run::new(TokenKind::Workspace)
        .listed(&list)
        .app(&list[0], None);
    sheet.add("verified_one_of_three", run.screen());
    let mut two = apps();
    two[2].workspace = Some(Untrusted::new("Beta"));
    let run = Run::new(TokenKind::Personal)
        .select(Selection::All)
        .listed(&two);
    let run = run.app(&two[0], None).app(&two[1], None).app(&two[2], None);
    sheet.add("verified_all_of_two_workspaces", run.screen());
    let run = Run::new(TokenKind::Workspace)
        .select(Selection::Named)
        .listed(&list);
    sheet.add("verified_named", run.app(&list[1], None).screen());
    insta::assert_snapshot!("verified", sheet.0);
}

#[test]
fn tokens() {
    let mut sheet = Sheet::default();
    for (name, kind) in [
        ("rejected_workspace", TokenKind::Workspace),
        ("rejected_personal", TokenKind::Personal),
        ("rejected_unknown", TokenKind::Unknown),
    ] {
        let answer = exchange("/apps?limit=50", message(401, "Unauthorized"));
        let run = Run::new(kind).not_listed(Reason::TokenRejected, answer);
        sheet.add(name, run.screen());
    }
    let empty = exchange("/apps?limit=50", Response::new(200, json("{}")));
    let run = Run::new(TokenKind::Workspace).not_listed(Reason::NoApps, empty);
    sheet.add("no_apps", run.screen());
    let run = Run::new(TokenKind::Workspace);
    let error = Token::parse("ghp_CANARY3f9a81c27e55d04b").err();
    let result = Some(Err(Reason::TokenMalformed));
    let check = Check::new(CheckId::TokenFormat, result);
    let mut malformed = run.report.with_checks(vec![check]);
    malformed.token.error = error;
    sheet.add("malformed", screen(&diagnose(malformed, &Known::default())));
    insta::assert_snapshot!("tokens", sheet.0);
}

#[test]
fn no_token() {
    let mut sheet = Sheet::default();
    let on = |variables| Known {
        ci: ci::at(variables),
        ..Known::default()
    };
    let cases = [
        ("missing_laptop", Known::default()),
        ("missing_bitrise", on("BITRISE_IO=true")),
        (
            "missing_bitrise_pull_request",
            on("BITRISE_IO=true PR=true"),
        ),
        ("missing_github", on("GITHUB_ACTIONS=true")),
        (
            "missing_github_fork",
            on("GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=fork"),
        ),
        (
            "missing_dependabot",
            on("GITHUB_ACTIONS=true GITHUB_ACTOR=dependabot[bot]"),
        ),
        (
            "missing_action",
            on("BITRISE_DX_CALLER=action GITHUB_ACTIONS=true"),
        ),
        ("missing_step", on("BITRISE_DX_CALLER=step BITRISE_IO=true")),
        (
            "missing_gitlab",
            on("GITLAB_CI=true CI_COMMIT_REF_PROTECTED=false"),
        ),
        ("missing_azure", on("TF_BUILD=True")),
        ("missing_circleci", on("CIRCLECI=true")),
        ("missing_jenkins", on("JENKINS_URL=https://h/")),
        ("missing_elsewhere", on("CI=true")),
        (
            "missing_other_variable",
            Known {
                token_variables: vec!["BITRISE_API_TOKEN"],
                ..Known::default()
            },
        ),
    ];
    for (name, known) in cases {
        let report = Run::new(TokenKind::Workspace).report;
        let report = Report {
            token: TokenInfo::default(),
            ..report
        };
        let report = Report {
            not_run: Some(NotRun::TOKEN_MISSING),
            ..report
        };
        sheet.add(name, screen(&diagnose(report, &known)));
    }
    insta::assert_snapshot!("no_token", sheet.0);
}

#[test]
fn answers() {
    let mut sheet = Sheet::default();
    let page = |status, title: Option<&str>, headers: &[(&'static str, &str)]| {
        let mut response = Response::new(status, Body::Html);
        response.responder.title = title.map(Untrusted::new);
        let headers = headers.iter().map(|(name, value)| Header {
            name: Untrusted::new(*name),
            value: Untrusted::new(*value),
        });
        response.responder.headers = headers.collect();
        exchange("/apps?limit=50", response)
    };
    let workspace = || Run::new(TokenKind::Workspace);
    let firewall = page(
        403,
        Some("Blocked: Developer Tools"),
        &[
            ("Server", "Zscaler/6.2"),
            ("Via", "1.1 proxy7.corp.example"),
        ],
    );
    sheet.add(
        "firewall",
        workspace()
            .not_listed(Reason::Intercepted, firewall)
            .screen(),
    );
    let portal = page(200, Some("Guest Wi-Fi"), &[]);
    sheet.add(
        "portal",
        workspace().not_listed(Reason::Intercepted, portal).screen(),
    );
    let mut outage = exchange("/apps?limit=50", message(503, "down"));
    outage.attempts = 3;
    sheet.add(
        "outage",
        workspace().not_listed(Reason::ServerError, outage).screen(),
    );
    let mut limited = exchange("/apps?limit=50", message(429, "slow down"));
    limited.retry_after = Some(Duration::from_secs(120));
    sheet.add(
        "rate_limited",
        workspace()
            .not_listed(Reason::RateLimited, limited)
            .screen(),
    );
    let wrong = exchange("/apps?limit=50", Response::new(404, Body::Html));
    let run = workspace().base_url("https://bitrise.example/v1");
    sheet.add(
        "wrong_base_url",
        run.not_listed(Reason::WrongBaseUrl, wrong).screen(),
    );
    let run = workspace().base_url("https://mirror.example/v0.1");
    let rejected = exchange("/apps?limit=50", message(401, "Unauthorized"));
    sheet.add(
        "other_host_rejects",
        run.not_listed(Reason::TokenRejected, rejected).screen(),
    );
    insta::assert_snapshot!("answers", sheet.0);
}

#[test]
fn network() {
    let mut sheet = Sheet::default();
    let workspace = || Run::new(TokenKind::Workspace);
    let tls = |kind: FaultKind, instead: Option<&str>| {
        failed(Fault {
            issuer: Some(Untrusted::new("Acme Inspection CA")),
            instead: instead.map(Untrusted::new),
            ..kind.into()
        })
    };
    for (name, fault) in [
        ("tls_inspection", tls(FaultKind::TlsUnknownIssuer, None)),
        (
            "tls_expired",
            tls(FaultKind::TlsExpired, Some("on 2026-01-01")),
        ),
        (
            "tls_other_name",
            tls(FaultKind::TlsWrongName, Some("for portal.example")),
        ),
    ] {
        sheet.add(
            name,
            workspace().not_listed(Reason::TlsFailure, fault).screen(),
        );
    }
    let mut ntlm = ProxyResponse {
        status: 407,
        ..ProxyResponse::default()
    };
    ntlm.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm];
    let mut run = workspace();
    run.report.target.proxy = Some("http://proxy.corp.example:8080".to_owned());
    run.known.proxy_variables = vec!["https_proxy"];
    let fault = Fault {
        proxy: Some(Box::new(ntlm)),
        ..FaultKind::ProxyLogin.into()
    };
    let run = run.not_listed(Reason::ProxyFailure, failed(fault));
    sheet.add("proxy_ntlm", run.screen());
    let mut sinkhole = failed(FaultKind::Refused);
    sinkhole.remote_address = Some(([0, 0, 0, 0], 443).into());
    let run = workspace().not_listed(Reason::ConnectionFailed, sinkhole);
    sheet.add("sinkhole", run.screen());
    let run = workspace().base_url("https://nosuch.example/v0.1");
    let run = run.not_listed(Reason::DnsFailure, failed(FaultKind::Dns));
    sheet.add("dns_base_url", run.screen());
    let run = workspace().not_listed(Reason::DnsFailure, failed(FaultKind::Dns));
    sheet.add("dns", run.screen());
    let mut run = workspace();
    run.report.target.proxy = Some("socks5://127.0.0.1:1080".to_owned());
    let run = run.not_listed(Reason::DnsFailure, failed(FaultKind::Dns));
    sheet.add("dns_socks5", run.screen());
    let run = workspace();
    let run = run.not_listed(Reason::Timeout, failed(FaultKind::ConnectTimeout));
    sheet.add("timeout", run.screen());
    let mut run =
        workspace().not_listed(Reason::TokenRejected, exchange("/apps", message(401, "x")));
    run.known.shell = Shell::PowerShell;
    let commands = run.diagnosis().reproduce;
    assert!(commands[0].starts_with("curl.exe -sS -i -H \"Authorization: $env:BITRISE_TOKEN\""));
    insta::assert_snapshot!("network", sheet.0);
}

mod random {
    mod tests;
}

#[test]
fn a_time_is_written_whatever_the_clock_says() {
    let year = Duration::from_secs(365 * 86_400);
    let epoch = SystemTime::UNIX_EPOCH;
    for (time, expected) in [
        (epoch - year, "1970-01-01T00:00:00Z"),
        (epoch, "1970-01-01T00:00:00Z"),
        (
            epoch + Duration::from_millis(1_795_631_763_999),
            "2026-11-25T18:36:03Z",
        ),
        (epoch + year * 9_000, "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(rfc3339(Some(time)), expected);
    }
}
