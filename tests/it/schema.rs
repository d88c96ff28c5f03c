//! The JSON report against its published schema, and against types that know no other keys.

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;

/// The report's keys, as a reader that trusts the documentation would declare them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    pub(crate) schema_version: String,
    pub(crate) verdict: String,
    pub(crate) dx_error: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message: String,
    pub(crate) exit_code: i32,
    pub(crate) retryable: bool,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) tool: Tool,
    pub(crate) checked_at: String,
    pub(crate) duration_ms: u64,
    pub(crate) target: Target,
    pub(crate) token: Token,
    pub(crate) checks: Vec<Check>,
    pub(crate) apps: Apps,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) remediation: Vec<String>,
    pub(crate) support: Vec<String>,
    pub(crate) docs_url: String,
    pub(crate) reproduce: Vec<String>,
    pub(crate) not_proven: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) base_url: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) sandbox: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) kind: Option<String>,
    pub(crate) source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: String,
    pub(crate) app: Option<App>,
    pub(crate) request: Option<Request>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "declared so that every key is known, read or not")]
pub(crate) struct App {
    pub(crate) slug: String,
    pub(crate) title: Option<String>,
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "declared so that every key is known, read or not")]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) http_status: Option<u16>,
    pub(crate) http_version: Option<String>,
    pub(crate) duration_ms: u64,
    pub(crate) attempts: u32,
    #[expect(clippy::struct_field_names, reason = "the key's name is promised")]
    pub(crate) request_id: Option<String>,
    pub(crate) api_message: Option<String>,
}

#[derive(Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apps {
    pub(crate) total: Option<u64>,
    pub(crate) checked: u64,
    pub(crate) readable: u64,
    pub(crate) denied: u64,
    pub(crate) unknown: u64,
    pub(crate) not_reached: u64,
    pub(crate) items: Vec<AppItem>,
}

#[derive(Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppItem {
    pub(crate) slug: String,
    pub(crate) title: Option<String>,
    pub(crate) workspace: Option<String>,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) http_status: Option<u16>,
    pub(crate) pipelines: Option<String>,
    pub(crate) details: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Warning {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Reads a report, after it was found to be as the schema says.
pub(crate) fn read(text: &str) -> Report {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    let schema: Value = serde_json::from_str(bitrise_dx::render::SCHEMA).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    every_key_is_there(&schema, &schema, &value);
    let report: Report = serde_json::from_value(value).unwrap();
    coherent(&report);
    report
}

/// Holds that no key is missing; `Option` alone would let a missing one pass.
fn every_key_is_there(root: &Value, schema: &Value, value: &Value) {
    let schema = match schema.get("$ref") {
        Some(_) => &root["$defs"]["check"],
        None => schema,
    };
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object())
    {
        let expected: Vec<_> = properties.keys().collect();
        assert_eq!(object.keys().count(), expected.len(), "{object:?}");
        for key in expected {
            every_key_is_there(root, &properties[key], &object[key]);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        every_key_is_there(root, &schema["items"], item);
    }
}

/// Holds what must be true between the values of any report.
fn coherent(report: &Report) {
    assert_eq!(report.tool.name, "bitrise-dx");
    assert_eq!(report.tool.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(report.schema_version, "1.0");
    assert!(report.docs_url.starts_with("https://") && report.checked_at.ends_with('Z'));
    assert!(!report.message.is_empty() && !report.not_proven.is_empty());
    assert_eq!(report.verdict == "verified", report.remediation.is_empty());
    assert!(!report.support.is_empty());
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
    assert!(asked == 0 || !report.reproduce.is_empty());
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

#[test]
fn the_schema_names_every_verdict_and_reason() {
    use bitrise_dx::check::{CheckId, Status};
    use bitrise_dx::report::Warning;
    use bitrise_dx::report::{AppState, Runs, TokenSource};
    use bitrise_dx::token::TokenKind;
    use bitrise_dx::verdict::{Reason, Signal, Verdict};
    let schema: Value = serde_json::from_str(bitrise_dx::render::SCHEMA).unwrap();
    let properties = &schema["properties"];
    let check = &schema["$defs"]["check"]["properties"];
    let warning = &properties["warnings"]["items"]["properties"]["code"];
    let token = &properties["token"]["properties"];
    let kinds = [
        TokenKind::Workspace,
        TokenKind::Personal,
        TokenKind::Unknown,
    ];
    let warnings = Warning::ALL;
    let names = |node: &Value| {
        let mut names: Vec<String> = node["enum"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&properties["verdict"]),
        sorted(Verdict::ALL.iter().map(|v| v.as_str()).collect())
    );
    let reasons = sorted(Reason::ALL.iter().map(|r| r.as_str()).collect());
    assert_eq!(names(&properties["reason"]), reasons);
    assert_eq!(names(&check["reason"]), reasons);
    assert_eq!(
        names(&check["id"]),
        sorted(CheckId::ALL.iter().map(|c| c.as_str()).collect())
    );
    assert_eq!(
        names(&check["status"]),
        sorted(Status::ALL.iter().map(|s| s.as_str()).collect())
    );
    assert_eq!(
        names(&token["source"]),
        sorted(TokenSource::ALL.iter().map(|s| s.as_str()).collect())
    );
    assert_eq!(
        names(&token["kind"]),
        sorted(kinds.iter().map(|k| k.as_str()).collect())
    );
    assert_eq!(
        names(warning),
        sorted(warnings.iter().map(|w| w.as_str()).collect())
    );
    let item = &properties["apps"]["properties"]["items"]["items"]["properties"];
    assert_eq!(names(&item["reason"]), reasons);
    assert_eq!(
        names(&item["status"]),
        sorted(AppState::ALL.iter().map(|s| s.as_str()).collect())
    );
    assert_eq!(
        names(&item["pipelines"]),
        sorted(Runs::ALL.iter().map(|r| r.as_str()).collect())
    );
    assert_eq!(
        names(&item["details"]),
        sorted(Status::ALL.iter().map(|s| s.as_str()).collect())
    );
    for (rule, verdict) in schema["allOf"].as_array().unwrap().iter().zip(Verdict::ALL) {
        let name = rule["if"]["properties"]["verdict"]["const"]
            .as_str()
            .unwrap();
        let verdict = Verdict::ALL
            .iter()
            .find(|v| v.as_str() == name)
            .unwrap_or(verdict);
        let then = &rule["then"]["properties"];
        let codes = then["exit_code"]["enum"].as_array().unwrap();
        let by_signal = Signal::ALL.iter().map(|signal| signal.exit_code());
        let mut expected = vec![verdict.exit_code()];
        // Neither a run that checks nothing nor a complete one was cut short.
        let is_whole = matches!(verdict, Verdict::NotRun | Verdict::Verified);
        expected.extend(by_signal.filter(|_| !is_whole));
        assert_eq!(*codes, expected);
        assert_eq!(then["dx_error"]["const"].as_str(), verdict.dx_error());
        let own = Reason::ALL
            .iter()
            .filter(|r| r.verdict() == *verdict)
            .map(|r| r.as_str())
            .collect();
        if *verdict != Verdict::Verified {
            assert_eq!(names(&then["reason"]), sorted(own));
        }
    }
}
