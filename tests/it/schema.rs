//! The JSON report against its published schema, and against types that know no other keys.

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

/// Declares parts of the report as a reader that trusts the documentation would: with all keys, and
/// no other one.
macro_rules! parts {
    ($($(#[$attribute:meta])* struct $name:ident { $($key:ident: $kind:ty,)* })*) => {
        $(
            $(#[$attribute])*
            #[derive(Debug, Deserialize, Eq, PartialEq)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $name { $(pub(crate) $key: $kind,)* }
        )*
    };
}

parts! {
    struct Report {
        schema_version: String,
        verdict: String,
        dx_error: Option<String>,
        reason: Option<String>,
        message: String,
        remarks: Vec<String>,
        exit_code: i32,
        retryable: bool,
        retry_after_s: Option<u64>,
        who: Option<String>,
        who_message: Option<String>,
        dx_message: Option<String>,
        actions: Vec<String>,
        causes: Vec<String>,
        causes_note: Option<String>,
        evidence: String,
        tool: Tool,
        checked_at: String,
        duration_ms: Option<u64>,
        target: Target,
        token: Token,
        checks: Vec<Check>,
        apps: Apps,
        warnings: Vec<Warning>,
        docs_url: String,
        links: Vec<String>,
        reproduce: Vec<String>,
        not_checked: Vec<String>,
        if_dx_refuses: Vec<String>,
        support: Vec<String>,
        reply: Option<String>,
    }

    struct Tool {
        name: String,
        version: String,
        commit: Option<String>,
        target: Option<String>,
    }

    struct Target {
        base_url: Option<String>,
        is_bitrise: bool,
        proxy: Option<String>,
        sandbox: Option<String>,
        command: String,
        apps: String,
        pipeline_details: bool,
        base_url_source: String,
        ca_cert: bool,
    }

    struct Token {
        kind: Option<String>,
        state: String,
        source: Option<String>,
        fingerprint: Option<String>,
        message: String,
    }

    struct Check {
        id: String,
        status: String,
        reason: Option<String>,
        message: String,
        app: Option<App>,
        request: Option<Request>,
    }

    struct App {
        slug: String,
        title: Option<String>,
        workspace: Option<String>,
        workspace_slug: Option<String>,
        is_owned_by_user: bool,
        is_disabled: bool,
    }

    #[expect(clippy::struct_field_names, reason = "the key's name is promised")]
    struct Request {
        method: String,
        url: String,
        http_status: Option<u16>,
        http_version: Option<String>,
        remote_address: Option<String>,
        duration_ms: Option<u64>,
        attempts: u32,
        retry_after_s: Option<u64>,
        request_id: Option<String>,
        api_message: Option<String>,
        location: Option<String>,
        responder: Option<Responder>,
        fault: Option<Fault>,
        outcome: String,
        failure_point: Option<String>,
        command: String,
    }

    struct Responder {
        title: Option<String>,
        headers: Vec<Header>,
    }

    struct Fault {
        kind: String,
        within: Option<String>,
        issuer: Option<String>,
        instead: Option<String>,
        proxy: Option<ProxyResponse>,
    }

    struct ProxyResponse {
        status: u16,
        schemes: Vec<String>,
        had_credentials: bool,
        responder: Responder,
    }

    struct Header {
        name: String,
        value: String,
    }

    struct Apps {
        total: Option<u64>,
        checked: u64,
        readable: u64,
        denied: u64,
        unknown: u64,
        not_reached: u64,
        unlisted: u64,
        listed: u64,
        workspaces: Vec<Workspace>,
        begins_with_app: Option<bool>,
        first: Vec<App>,
        items: Vec<AppItem>,
    }

    struct Workspace {
        name: Option<String>,
        apps: u64,
        readable: u64,
        denied: u64,
        without_runs: u64,
        disabled: u64,
        titles: Vec<String>,
    }

    struct AppItem {
        slug: String,
        title: Option<String>,
        workspace: Option<String>,
        workspace_slug: Option<String>,
        is_owned_by_user: bool,
        is_disabled: bool,
        is_first: bool,
        is_listed: Option<bool>,
        status: String,
        reason: Option<String>,
        http_status: Option<u16>,
        pipelines: Option<String>,
        details: Option<String>,
    }

    struct Warning {
        code: String,
        message: String,
    }
}

impl Report {
    /// Returns the reason for the verdict, which goes with it, or that there is none but a pass.
    pub(crate) fn outcome(&self) -> &str {
        self.reason.as_deref().unwrap_or(&self.verdict)
    }

    /// Returns the check with a name.
    pub(crate) fn check(&self, id: &str) -> &Check {
        let mut checks = self.checks.iter();
        checks.find(|check| check.id == id).unwrap()
    }

    /// Returns the codes of the warnings.
    pub(crate) fn warned(&self) -> Vec<&str> {
        self.warnings.iter().map(|it| it.code.as_str()).collect()
    }

    /// Returns what the report says of what happened, why, and what to do.
    pub(crate) fn said(&self) -> String {
        format!("{} {:?} {:?}", self.message, self.causes, self.actions)
    }
}

/// The published schema, and what holds documents against it.
static SCHEMA: LazyLock<(Value, Validator)> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(bitrise_dx::render::SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    (schema, validator)
});

/// Asserts that a report is as the schema says.
pub(crate) fn is_valid(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    let (schema, validator) = &*SCHEMA;
    let errors = validator.iter_errors(&value);
    let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    every_key_is_there(schema, schema, &value);
    value
}

/// Reads a report, after it was found to be as the schema says.
pub(crate) fn read(text: &str) -> Report {
    let value = is_valid(text);
    let report: Report = serde_json::from_value(value).unwrap();
    coherent(&report);
    comes_back(text);
    report
}

/// Asserts that a report is read back as what it is: nothing in it contradicts the rest, and it
/// leads to the same verdict.
fn comes_back(text: &str) {
    use bitrise_dx::diagnosis::read;
    let saved = read(text).unwrap_or_else(|| panic!("no report: {text}"));
    assert_eq!(saved.altered, None, "{text}");
}

/// Asserts that no key is missing; `Option` alone would let a missing one pass.
fn every_key_is_there(root: &Value, schema: &Value, value: &Value) {
    let schema = resolved(root, schema);
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object())
    {
        let expected: Vec<_> = properties.keys().collect();
        assert_eq!(object.keys().collect::<Vec<_>>(), expected);
        for key in expected {
            every_key_is_there(root, &properties[key], &object[key]);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        every_key_is_there(root, &schema["items"], item);
    }
}

/// Returns the definition that a part of the schema names, also if null is allowed too.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let first = schema["anyOf"].get(0).unwrap_or(schema);
    let name = first["$ref"].as_str();
    name.map_or(schema, |name| {
        &root["$defs"][name.strip_prefix("#/$defs/").unwrap()]
    })
}

/// Asserts what must be true between the values of any report.
fn coherent(report: &Report) {
    assert_eq!(report.tool.name, "bitrise-dx");
    assert_eq!(report.tool.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(report.schema_version, "1.0");
    assert!(report.docs_url.starts_with("https://") && report.checked_at.ends_with('Z'));
    assert!(!report.message.is_empty() && !report.token.message.is_empty());
    assert!(!report.actions.is_empty(), "{report:?}");
    assert_eq!(report.who.is_some(), report.who_message.is_some());
    agrees_with_itself(report);
    let apps = &report.apps;
    assert_eq!(apps.checked, apps.readable + apps.denied + apps.unknown);
    for (status, count) in [
        ("readable", apps.readable),
        ("denied", apps.denied),
        ("unknown", apps.unknown),
        ("not_reached", apps.not_reached),
    ] {
        let items = apps.items.iter().filter(|app| app.status == status);
        assert_eq!(items.count() as u64, count, "{status}");
    }
    for app in &apps.items {
        let is_fine = app.status == "readable";
        assert_eq!(app.reason.is_none(), is_fine, "{app:?}");
    }
    // A recheck has an entry of its own where there was one.
    let ids = report.checks.iter().map(|check| check.id.as_str());
    let ids: Vec<_> = ids.filter(|id| *id != "apps.recheck").collect();
    let one_of_each = [
        "token.format",
        "apps.list",
        "pipelines.list",
        "pipelines.show",
    ];
    assert_eq!(ids, one_of_each);
    let asked = report
        .checks
        .iter()
        .filter(|check| check.request.is_some())
        .count();
    let is_gone = report.evidence == "report" && report.target.sandbox.is_some();
    assert!(asked == 0 || is_gone || !report.reproduce.is_empty());
    for check in &report.checks {
        assert!(!check.message.is_empty());
        let has_reason = matches!(check.status.as_str(), "fail" | "unknown");
        assert_eq!(check.reason.is_some(), has_reason, "{check:?}");
        if let Some(request) = &check.request {
            assert_eq!(
                request.http_status.is_some(),
                request.http_version.is_some()
            );
        }
    }
    for warning in &report.warnings {
        assert!(!warning.message.is_empty());
    }
}

/// Asserts that verdict, reason, exit code and DX's code go together.
fn agrees_with_itself(report: &Report) {
    use bitrise_dx::verdict::{Reason, Signal, Verdict};
    let verdict = Verdict::ALL.iter().find(|v| v.as_str() == report.verdict);
    let verdict = verdict.unwrap();
    let reason = report.reason.as_deref();
    let reason = reason.map(|name| Reason::ALL.iter().find(|r| r.as_str() == name).unwrap());
    let of_reason = reason.map_or(Verdict::Verified, |reason| reason.verdict());
    assert_eq!(of_reason, *verdict);
    assert_eq!(report.dx_error.as_deref(), verdict.dx_error());
    // 1 is a report that could not be written, whatever its verdict.
    let mut codes = vec![verdict.exit_code(), 1];
    // Neither a run that checks nothing nor a complete one was cut short.
    if !matches!(verdict, Verdict::NotRun | Verdict::Verified) {
        codes.extend(Signal::ALL.iter().map(|signal| signal.exit_code()));
    }
    let mut codes = codes.into_iter().map(i32::from);
    assert!(codes.any(|code| code == report.exit_code), "{report:?}");
}

#[test]
fn the_schema_names_every_value_and_is_open_for_more() {
    use bitrise_dx::check::{CheckId, Status};
    use bitrise_dx::diagnosis::{Warning, Who};
    use bitrise_dx::exchange::{AuthScheme, FaultKind};
    use bitrise_dx::report::{
        AppState, BaseUrlSource, EvidenceKind, Runs, Selection, TokenSource, TokenState,
    };
    use bitrise_dx::token::TokenKind;
    use bitrise_dx::verdict::{Reason, Verdict};
    fn names<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|value| name(*value)).collect()
    }
    let (schema, _) = &*SCHEMA;
    let kinds = [
        TokenKind::Workspace,
        TokenKind::Personal,
        TokenKind::Unknown,
    ];
    let dx_errors = Verdict::ALL.iter().filter_map(|verdict| verdict.dx_error());
    let dx_errors: Vec<_> = dx_errors.collect();
    let closed = [
        ("Verdict", names(Verdict::ALL, Verdict::as_str)),
        ("DxError", dx_errors),
    ];
    let open = [
        ("Reason", names(Reason::ALL, Reason::as_str)),
        ("Who", names(Who::ALL, Who::as_str)),
        (
            "EvidenceKind",
            names(EvidenceKind::ALL, EvidenceKind::as_str),
        ),
        ("TokenKind", names(&kinds, TokenKind::as_str)),
        ("TokenState", names(TokenState::ALL, TokenState::as_str)),
        ("TokenSource", names(TokenSource::ALL, TokenSource::as_str)),
        ("CheckId", names(CheckId::ALL, CheckId::as_str)),
        ("CheckStatus", names(Status::ALL, Status::as_str)),
        ("AppStatus", names(AppState::ALL, AppState::as_str)),
        ("PipelineRuns", names(Runs::ALL, Runs::as_str)),
        ("WarningCode", names(Warning::ALL, Warning::as_str)),
        ("Selection", names(Selection::ALL, Selection::as_str)),
        (
            "BaseUrlSource",
            names(BaseUrlSource::ALL, BaseUrlSource::as_str),
        ),
        ("FaultKind", names(FaultKind::ALL, FaultKind::as_str)),
        ("AuthScheme", names(AuthScheme::ALL, AuthScheme::as_str)),
    ];
    for (name, values) in closed.iter().chain(&open) {
        let known: Vec<&str> = schema["$defs"][name]["enum"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_str().unwrap())
            .collect();
        assert_eq!(known, *values, "{name}");
    }
    // Generated code takes its names from the titles.
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert_eq!(definition["title"].as_str(), Some(name.as_str()));
    }
    let open: Vec<_> = open.iter().map(|(name, _)| *name).collect();
    is_open(schema, &open);
}

/// Asserts that next to each use of an open list of values, any string is let through.
fn is_open(schema: &Value, open: &[&str]) {
    let names_open = |part: &Value| {
        let name = part["$ref"].as_str().unwrap_or_default();
        open.iter().any(|open| name == format!("#/$defs/{open}"))
    };
    match schema {
        Value::Object(fields) => {
            assert!(!names_open(schema), "{schema}");
            for (key, part) in fields {
                match part.as_array().filter(|_| key == "anyOf") {
                    Some(parts) if parts.iter().any(names_open) => {
                        let any = serde_json::json!({"type": "string"});
                        assert!(parts.contains(&any), "{part}");
                    }
                    Some(_) | None => is_open(part, open),
                }
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| is_open(part, open)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
