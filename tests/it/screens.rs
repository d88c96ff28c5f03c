//! What people see of the cases that support meets most, each as a whole screen; a few of them in
//! every format.

use crate::formats::{all_formats, read_all, steady};
use crate::support::process::{CANARY, Program};
use crate::support::server::{Act, Server, json, response};
use crate::support::tls::{GOOD, Identity, Proxy, ProxyAnswer, TlsServer};
use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::exchange::{Exchange, FaultKind};
use bitrise_dx::render::{self, Detail, Style};
use bitrise_dx::verdict::Verdict;

/// A personal token, made up.
const PERSONAL: &str = "bitpat_CANARY-3f9a81c27e55d04b";

/// A token without prefix, made up.
const LEGACY: &str = "CANARY-3f9a81c27e55d04b-0123456789";

const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;

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
    Server::start(move |_, _| Act::Send(response(status, headers, body)))
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
    for (ending, text) in texts.iter().filter(|(ending, _)| *ending != "json") {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_suffix(*ending);
        settings.bind(|| insta::assert_snapshot!(name, steady(text)));
    }
}

#[test]
fn one_of_three_apps_is_verified() {
    let server = listing(THREE, &["93f256e365d929d3"]);
    in_every_format("one-of-three", &|| program(&server), 0, Verdict::Verified);
}

#[test]
fn all_apps_of_two_workspaces_are_verified() {
    let list = THREE.replace(
        r#""Courier","is_disabled":false,"owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}"#,
        r#""Courier","is_disabled":true,"owner":{"account_type":"organization","name":"Acme Labs","slug":"labs"}"#,
    );
    assert_ne!(list, THREE);
    let server = listing(
        list,
        &["93f256e365d929d3", "7be4d2a90c310008", "19f6a3c87d540004"],
    );
    screen("two-workspaces", program(&server).arg("--all-apps"), 0);
}

#[test]
fn two_of_three_apps_are_refused() {
    let server = listing(THREE, &["93f256e365d929d3"]);
    let run = || program(&server).arg("--all-apps");
    in_every_format("two-of-three", &run, 5, Verdict::InvalidPermissions);
}

#[test]
fn a_personal_token_is_rejected() {
    let server = saying(401, "X-Request-Id: 7d01\r\n", UNAUTHORIZED);
    let run = program(&server).env("BITRISE_TOKEN", PERSONAL);
    screen("personal-rejected", run, 3);
}

#[test]
fn a_token_without_prefix_is_rejected() {
    let server = saying(401, "", UNAUTHORIZED);
    let run = program(&server).env("BITRISE_TOKEN", LEGACY);
    screen("legacy-rejected", run, 3);
}

#[test]
fn the_first_app_is_disabled() {
    let list = THREE.replacen(r#""is_disabled":false"#, r#""is_disabled":true"#, 1);
    screen("disabled-first", program(&listing(list, &[])), 5);
}

#[test]
fn an_app_is_another_persons() {
    let list = r#"{"data":[{"slug":"93f256e365d929d3","title":"Shop iOS",
        "owner":{"account_type":"user","name":"jane","slug":"j4n3"}}],"paging":{"total_item_count":1}}"#;
    let server = listing(list, &[]);
    let run = program(&server).env("BITRISE_TOKEN", PERSONAL);
    screen("another-persons", run, 5);
}

#[test]
fn a_title_is_given_as_app() {
    let server = listing(THREE, &[]);
    screen(
        "title-as-app",
        program(&server).args(["--app", "Courier"]),
        5,
    );
}

#[test]
fn a_wrong_slug_is_given_as_app() {
    let server = listing(THREE, &[]);
    let run = program(&server).args(["--app", "0000000000000000"]);
    screen("wrong-slug", run, 5);
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
    let (_folder, ca) = TlsServer::start(saying(200, "", THREE)).ca_file();
    let identity = Identity {
        issuer: Some("Corp Inspection CA"),
        ..GOOD
    };
    let server = TlsServer::with(identity, saying(200, "", THREE));
    let run = Program::verify(&server.base_url()).args(["--retries", "0"]);
    let run = run.env("LANG", "C.UTF-8").arg("--ca-cert").arg(&ca);
    let finished = run.run();
    assert_eq!(finished.code, Some(4));
    let folder = ca.parent().unwrap().to_str().unwrap();
    insta::assert_snapshot!(
        "inspection",
        steady(&finished.stdout.replace(folder, "/FOLDER"))
    );
}

#[test]
fn a_proxy_offers_ntlm_alone() {
    const ANSWER: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n\
        Proxy-Authenticate: NTLM\r\nVia: 1.1 gate\r\nContent-Length: 0\r\n\r\n";
    let proxy = Proxy::start(ProxyAnswer::Send(ANSWER));
    let run = Program::verify("https://localhost:9/v0.1").args(["--retries", "0"]);
    let run = run.env("HTTPS_PROXY", format!("http://{}", proxy.address));
    screen("ntlm-proxy", run.env("LANG", "C.UTF-8"), 4);
}

#[test]
fn the_base_url_has_no_api_behind_it() {
    screen("wrong-base-url", program(&saying(404, "", NOT_FOUND)), 4);
}

#[test]
fn the_name_leads_to_a_sinkhole() {
    let url = "https://api.bitrise.io/v0.1/apps?limit=50";
    let mut exchange = Exchange::new(url, Err(FaultKind::Refused.into()));
    exchange.remote_address = Some("0.0.0.0:443".parse().unwrap());
    let report = crate::support::report::of_list(exchange);
    let diagnosis = diagnose(report, &Known::default());
    let style = Style {
        color: false,
        unicode: true,
        width: 100,
        detail: Detail::Normal,
    };
    insta::assert_snapshot!("sinkhole", steady(&render::human(&diagnosis, style)));
}
