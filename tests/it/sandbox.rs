//! The simulated Bitrise, over real HTTP on loopback.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed expectation is how a test fails, also in its helpers"
)]

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use crate::support::client::block_on;
use bitrise_dx::sandbox::{Config, Sandbox, Scenario, TOKEN};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back for one request.
struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    fn parse(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").expect("a complete head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.expect("a status line"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    fn data(&self) -> Vec<Value> {
        self.json()["data"].as_array().expect("a list").clone()
    }

    /// Asserts an error response in the form of `service.StandardErrorRespModel`.
    #[track_caller]
    fn assert_error(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body, format!("{{\"message\":\"{message}\"}}\n"));
        let kind = self.header("content-type");
        assert_eq!(kind, Some("application/json; charset=utf-8"));
    }
}

/// A client that writes its requests by hand, one connection for each.
struct Client {
    address: SocketAddr,
}

impl Client {
    /// Sends a request with exactly these header lines.
    async fn send(&self, method: &str, path: &str, headers: &str) -> Response {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} /v0.1{path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut raw = String::new();
        stream.read_to_string(&mut raw).await.unwrap();
        Response::parse(&raw)
    }

    async fn get(&self, path: &str) -> Response {
        self.send("GET", path, &format!("Authorization: {TOKEN}\r\n"))
            .await
    }

    /// Follows `next` from the first page of apps to the last one.
    async fn all_apps(&self, query: &str) -> Vec<Value> {
        let (mut apps, mut anchor) = (Vec::new(), String::new());
        loop {
            let response = self.get(&format!("/apps?{query}{anchor}")).await;
            assert_eq!(response.status, 200, "{}", response.body);
            apps.extend(response.data());
            let paging = &response.json()["paging"];
            let Some(next) = paging.get("next") else {
                return apps;
            };
            anchor = format!("&next={}", next.as_str().expect("a slug"));
        }
    }
}

/// Runs a test against a scenario, all on one thread.
fn play(scenario: Scenario, test: impl AsyncFnOnce(Client)) {
    let config = Config {
        scenario,
        ..Config::default()
    };
    block_on(async {
        let sandbox = Sandbox::bind(loopback(), config).await.unwrap();
        let url = sandbox.base_url();
        let address = url.trim_start_matches("http://").trim_end_matches("/v0.1");
        let address = address.parse().unwrap();
        let serving = tokio::spawn(sandbox.serve());
        test(Client { address }).await;
        serving.abort();
    });
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn slug(item: &Value) -> &str {
    item["slug"].as_str().expect("a slug")
}

fn slugs(items: &[Value]) -> Vec<&str> {
    items.iter().map(slug).collect()
}

fn pipelines(app: &Value) -> String {
    format!("/apps/{}/pipelines", slug(app))
}

// Scenarios and binding.

#[test]
fn scenario_names_read_back() {
    let mut names = HashSet::new();
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::named(scenario.as_str()), Some(*scenario));
        assert!(names.insert(scenario.as_str()));
        let summary = scenario.summary();
        assert!(!summary.ends_with('.') && !summary.contains('\n'));
        assert!(summary.starts_with(|first: char| first.is_ascii_lowercase()));
    }
    assert_eq!(Scenario::named("bitwat_pasted"), None);
}

#[test]
fn only_loopback_is_bound() {
    block_on(async {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let listen = address.parse().unwrap();
            let refused = Sandbox::bind(listen, Config::default()).await.err();
            let kind = refused.map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::InvalidInput), "{address}");
        }
    });
}

#[test]
fn ipv6_stands_in_brackets() {
    block_on(async {
        let listen = "[::1]:0".parse().unwrap();
        match Sandbox::bind(listen, Config::default()).await {
            Ok(sandbox) => assert!(sandbox.base_url().starts_with("http://[::1]:")),
            // A machine may have no IPv6.
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrNotAvailable),
        }
    });
}

#[test]
fn dropping_the_server_ends_its_connections() {
    block_on(async {
        let sandbox = Sandbox::bind(loopback(), Config::default()).await.unwrap();
        let url = sandbox.base_url();
        let address = url.trim_start_matches("http://").trim_end_matches("/v0.1");
        let serving = tokio::spawn(sandbox.serve());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: sandbox\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 401");
        serving.abort();
        let mut rest = Vec::new();
        // The end of the stream or a reset: either way the connection is over.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(serving.await.unwrap_err().is_cancelled());
        assert!(TcpStream::connect(address).await.is_err());
    });
}

// Authorization and routes.

#[test]
fn token_is_raw_or_after_the_word_token() {
    play(Scenario::Healthy, async |client| {
        for (headers, status) in [
            (format!("Authorization: {TOKEN}\r\n"), 200),
            (format!("authorization: token {TOKEN}\r\n"), 200),
            (format!("Authorization: Bearer {TOKEN}\r\n"), 401),
            (format!("Authorization: Token {TOKEN}\r\n"), 401),
            (format!("Authorization: {TOKEN}x\r\n"), 401),
            (format!("Authorization: {TOKEN}\r\n").repeat(2), 401),
            (format!("Bitrise-Addon-Auth-Token: {TOKEN}\r\n"), 401),
            ("Authorization: \r\n".to_owned(), 401),
            (String::new(), 401),
        ] {
            let response = client.send("GET", "/apps?limit=1", &headers).await;
            assert_eq!(response.status, status, "{headers}");
            if status == 401 {
                response.assert_error(401, "Unauthorized");
            }
        }
        // The token comes before the route.
        let lost = client.send("GET", "/nothing", "").await;
        lost.assert_error(401, "Unauthorized");
    });
}

#[test]
fn other_paths_and_methods_are_refused() {
    play(Scenario::Healthy, async |client| {
        let apps = client.get("/apps?limit=1").await.data();
        let slug = slug(&apps[0]);
        for path in [
            String::new(),
            "/".to_owned(),
            "/apps/".to_owned(),
            "//apps".to_owned(),
            "/me".to_owned(),
            format!("/apps/{slug}"),
            format!("/apps/{slug}/pipelines/"),
            format!("/apps/{slug}%2Fpipelines"),
            format!("/apps/{slug}%00/pipelines"),
            "/apps/%ff/pipelines".to_owned(),
            "/apps//pipelines".to_owned(),
            "/apps/ffffffffffffffff/pipelines".to_owned(),
            "/apps/ffffffffffffffff/pipelines?limit=x".to_owned(),
        ] {
            client.get(&path).await.assert_error(404, "Not Found");
        }
        let authorization = format!("Authorization: {TOKEN}\r\n");
        for method in ["POST", "DELETE", "OPTIONS"] {
            let response = client.send(method, "/apps", &authorization).await;
            response.assert_error(405, "Method Not Allowed");
            assert_eq!(response.header("allow"), Some("GET"));
        }
        let escaped = format!(
            "/%61pps/%{:02x}{}/pipelines",
            slug.as_bytes()[0],
            &slug[1..]
        );
        assert_eq!(client.get(&escaped).await.status, 200);
    });
}

#[test]
fn answers_are_numbered_and_repeatable() {
    let record = || {
        let mut seen = Vec::new();
        play(Scenario::Healthy, async |client| {
            for path in ["/apps", "/nothing", "/apps?limit=3"] {
                let response = client.get(path).await;
                assert_eq!(response.header("date"), None);
                seen.push((response.head, response.body));
            }
        });
        seen
    };
    let first = record();
    assert_eq!(first, record());
    for (number, (head, body)) in first.iter().enumerate() {
        let id = format!("x-request-id: sandbox-{:06}", number + 1);
        assert!(head.contains(&id), "{head}");
        assert!(body.ends_with("}\n"));
    }
}

// Apps.

#[test]
fn pages_cover_every_app_once() {
    play(Scenario::Healthy, async |client| {
        let first = client.get("/apps").await;
        assert_eq!(first.data().len(), 50);
        assert_eq!(first.json()["paging"]["total_item_count"], 120);
        assert_eq!(first.json()["paging"]["page_item_limit"], 50);
        for query in [
            "",
            "limit=50",
            "limit=7",
            "limit=40",
            "sort_by=last_build_at",
        ] {
            let apps = client.all_apps(query).await;
            assert_eq!(apps.len(), 120, "{query}");
            let unique: HashSet<&str> = slugs(&apps).into_iter().collect();
            assert_eq!(unique.len(), 120, "{query}");
        }
        let from = async |slug: &str| client.get(&format!("/apps?next={slug}")).await;
        let anchor = first.json()["paging"]["next"].clone();
        let second = from(anchor.as_str().unwrap()).await;
        assert_eq!(second.data()[0]["slug"], anchor);
        let apps = client.all_apps("limit=40").await;
        let last = from(slug(&apps[119])).await;
        assert_eq!(last.data().len(), 1);
        assert_eq!(last.json()["paging"].get("next"), None);
    });
}

#[test]
fn apps_have_the_recorded_variety() {
    play(Scenario::Healthy, async |client| {
        let apps = client.all_apps("limit=50").await;
        let is_legacy = |slug: &str| slug.len() == 16 && !slug.contains('-');
        let is_uuid = |slug: &str| slug.len() == 36 && slug.matches('-').count() == 4;
        let slugs = slugs(&apps);
        let legacy = slugs.iter().filter(|slug| is_legacy(slug)).count();
        let uuids = slugs.iter().filter(|slug| is_uuid(slug)).count();
        assert!(legacy > 0 && uuids > 0 && legacy + uuids == apps.len());
        for (pointer, value) in [
            ("/status", Value::from(-1)),
            ("/status", Value::from(0)),
            ("/status", Value::from(1)),
            ("/avatar_url", Value::Null),
            ("/is_disabled", Value::from(true)),
        ] {
            let apps = apps.iter();
            let hits = apps
                .filter(|app| app.pointer(pointer) == Some(&value))
                .count();
            assert!((1..120).contains(&hits), "{pointer} {value}: {hits}");
        }
    });
}

#[test]
fn bad_queries_are_refused() {
    play(Scenario::Healthy, async |client| {
        for limit in ["0", "51", "-1", "ten", "", "1e1", "99999999999999999999"] {
            let response = client.get(&format!("/apps?limit={limit}")).await;
            response.assert_error(400, "invalid limit");
        }
        for anchor in ["", "ffffffffffffffff", "2026-03-28T00:00:00Z"] {
            let response = client.get(&format!("/apps?next={anchor}")).await;
            response.assert_error(400, "invalid next");
        }
        let apps = client.get("/apps").await.data();
        let runs = pipelines(&apps[0]);
        for limit in ["0", "ten"] {
            let response = client.get(&format!("{runs}?limit={limit}")).await;
            response.assert_error(400, "invalid limit");
        }
    });
}

// Pipelines and standalone builds.

#[test]
fn runs_come_newest_first_and_as_many_as_are_wanted() {
    play(Scenario::Healthy, async |client| {
        let apps = client.get("/apps").await.data();
        let path = pipelines(&apps[0]);
        let whole = client.get(&format!("{path}?limit=1000")).await;
        assert!(whole.json()["paging"].get("next").is_none());
        let runs = whole.data();
        let times: Vec<_> = runs.iter().map(|run| &run["triggered_at"]).collect();
        assert!(times.is_sorted_by(|newer, older| newer.as_str() > older.as_str()));
        let page = client.get(&format!("{path}?limit=3")).await;
        assert_eq!(page.data(), runs[..3]);
        let paging = &page.json()["paging"];
        assert_eq!(paging["total_item_count"], 0);
        assert_eq!(paging["page_item_limit"], 0);
        assert_eq!(&paging["next"], times[2]);
    });
}

#[test]
fn runs_have_the_recorded_quirks() {
    play(Scenario::Healthy, async |client| {
        let apps = client.get("/apps").await.data();
        let path = format!("{}?limit=100", pipelines(&apps[0]));
        let runs = client.get(&path).await.data();
        assert_eq!(runs[0]["is_pipeline"], false);
        assert_eq!(runs[1]["is_pipeline"], true);
        assert!(runs.iter().all(|run| run["status"].is_i64()));
        let nullable = "/artifacts /commit_hash /commit_message /credit_cost /finished_at \
            /pull_request_target_branch /tag /triggered_by /trigger_params/commit_messages \
            /trigger_params/commit_paths /trigger_params/environments \
            /trigger_params/pull_request_labels /trigger_params/tag";
        for field in nullable.split(' ') {
            let values = runs.iter().map(|run| run.pointer(field).unwrap());
            let nulls = values.filter(|value| value.is_null()).count();
            assert!((1..runs.len()).contains(&nulls), "{field}: {nulls}");
        }
        let id = |run: &Value| run["trigger_params"]["pull_request_id"].clone();
        assert!(runs.iter().any(|run| id(run) == ""));
        assert!(runs.iter().any(|run| id(run).is_i64()));
        let has_all = |field: &str| runs.iter().all(|run| run.get(field).is_some());
        assert!(has_all("slug") && has_all("is_pipeline"));
        assert!(!has_all("ai_run_type") && !has_all("utility"));
        // Only the newest may still be running.
        assert_eq!(runs.iter().filter(|run| run["status"] == 0).count(), 1);
    });
}

#[test]
fn idle_apps_have_an_empty_list_or_null() {
    play(Scenario::Healthy, async |client| {
        let (mut empty, mut null) = (0, 0);
        for app in client.all_apps("limit=50").await {
            let response = client.get(&format!("{}?limit=1", pipelines(&app))).await;
            assert_eq!(response.status, 200);
            let data = response.json()["data"].clone();
            if data.is_null() {
                null += 1;
            } else if data.as_array().is_some_and(Vec::is_empty) {
                empty += 1;
            } else {
                assert_ne!(app["status"], -1, "{data}");
            }
        }
        assert_eq!((empty, null), (39, 1));
    });
}

#[test]
fn show_knows_pipelines_and_no_builds() {
    play(Scenario::Healthy, async |client| {
        let apps = client.get("/apps").await.data();
        let path = pipelines(&apps[0]);
        let mut seen = HashSet::new();
        for run in client.get(&format!("{path}?limit=100")).await.data() {
            assert!(seen.insert(slug(&run).to_owned()));
            let response = client.get(&format!("{path}/{}", slug(&run))).await;
            if run["is_pipeline"] == false {
                response.assert_error(404, "Not Found");
                continue;
            }
            assert_eq!(response.status, 200);
            let show = response.json();
            assert!(show.get("data").is_none());
            for (listed, shown) in [
                ("slug", "id"),
                ("triggered_workflow", "name"),
                ("build_number", "number_in_app_scope"),
                ("triggered_at", "triggered_at"),
                ("started_at", "started_at"),
                ("finished_at", "finished_at"),
                ("credit_cost", "credit_cost"),
                ("triggered_by", "triggered_by"),
            ] {
                assert_eq!(run[listed], show[shown], "{listed}");
            }
            let names = "running succeeded failed aborted succeeded_with_abort";
            let status = usize::try_from(run["status"].as_u64().unwrap()).unwrap();
            assert_eq!(show["status"], names.split(' ').nth(status).unwrap());
            assert_eq!(show["app"]["slug"], apps[0]["slug"]);
            assert_eq!(show["current_attempt_id"], show["attempts"][0]["id"]);
        }
        let pipeline = client.get(&path).await.data()[1].clone();
        for unknown in ["nothing", "00000000-0000-0000-0000-000000000000"] {
            let response = client.get(&format!("{path}/{unknown}")).await;
            response.assert_error(404, "Not Found");
        }
        // A pipeline of one app isn't another's.
        let other = format!("{}/{}", pipelines(&apps[1]), slug(&pipeline));
        client.get(&other).await.assert_error(404, "Not Found");
    });
}

// Scenarios.

#[test]
fn what_is_refused_is_refused_to_all() {
    play(Scenario::InvalidCredentials, async |client| {
        for path in ["/apps", "/apps/5a0db0c5e17a0000/pipelines", "/nothing"] {
            client.get(path).await.assert_error(401, "Unauthorized");
        }
    });
    play(Scenario::InvalidPermissions, async |client| {
        let apps = client.get("/apps?limit=50").await.data();
        assert!(!apps.is_empty());
        for app in &apps {
            client
                .get(&pipelines(app))
                .await
                .assert_error(404, "Not Found");
        }
    });
    play(Scenario::NoResources, async |client| {
        let response = client.get("/apps").await;
        assert_eq!(response.status, 200);
        let paging = serde_json::json!({"total_item_count": 0, "page_item_limit": 50});
        assert_eq!(
            response.json(),
            serde_json::json!({"data": [], "paging": paging})
        );
    });
}

#[test]
fn partial_permissions_hides_some() {
    play(Scenario::PartialPermissions, async |client| {
        let mut statuses = Vec::new();
        for app in client.get("/apps").await.data() {
            let response = client.get(&pipelines(&app)).await;
            match response.status {
                200 => {}
                403 => response.assert_error(403, "Forbidden"),
                _ => response.assert_error(404, "Not Found"),
            }
            let details = client.get(&format!("{}/nothing", pipelines(&app))).await;
            assert_eq!(details.status == 403, response.status == 403);
            statuses.push(response.status);
        }
        let count = |status| statuses.iter().filter(|seen| **seen == status).count();
        assert_eq!(statuses[0], 200);
        assert_eq!((count(200), count(403), count(404)), (7, 1, 4));
    });
}

#[test]
fn gateways_answer_before_the_token_is_seen() {
    let (json, html) = (
        "application/json; charset=utf-8",
        "text/html; charset=utf-8",
    );
    for (scenario, status, kind) in [
        (Scenario::RateLimited, 429, json),
        (Scenario::Outage, 503, html),
        (Scenario::CaptivePortal, 200, html),
    ] {
        play(scenario, async |client| {
            for path in ["/apps?limit=0", "/apps/x/pipelines", "/", "/nothing"] {
                let response = client.send("GET", path, "").await;
                assert_eq!(response.status, status);
                assert_eq!(response.header("content-type"), Some(kind));
                assert_eq!(response.header("x-request-id"), None);
                let retry_after = (status == 429).then_some("600");
                assert_eq!(response.header("retry-after"), retry_after);
                if status == 429 {
                    response.assert_error(429, "Too Many Requests");
                } else {
                    assert!(response.body.starts_with("<!DOCTYPE html>"));
                    // Nothing is loaded from elsewhere.
                    assert!(!response.body.contains("//") && !response.body.contains("<script"));
                }
            }
        });
    }
}

#[test]
fn slow_is_healthy_two_seconds_later() {
    let mut healthy = String::new();
    play(Scenario::Healthy, async |client| {
        healthy = client.get("/apps").await.body;
    });
    play(Scenario::Slow, async |client| {
        // The runtime's clock jumps to the next timer instead of waiting for it.
        tokio::time::pause();
        let start = tokio::time::Instant::now();
        let response = client.get("/apps").await;
        assert!(start.elapsed() >= Duration::from_secs(2));
        assert_eq!(response.body, healthy);
    });
}

// Conformance with the specification's models.

/// The models of the specification, each with its properties and their JSON types: a star behind a
/// type is a list of it, and with a question mark null was recorded in spite of it.
const MODELS: &str = "
App (v0.AppResponseItemModel):
  avatar_url:text? is_disabled:bool is_github_checks_enabled:bool is_public:bool owner:Owner
  project_id:text project_type:text provider:text repo_owner:text repo_slug:text repo_url:text
  slug:text status:int title:text

Owner (v0.OwnerAccountResponseModel):
  account_type:text name:text slug:text

Paging (v0.PagingResponseModel):
  next:text page_item_limit:int total_item_count:int

Run (v0.PipelineListResponseItemModel, and ai_run_type, which was recorded and is not in it):
  ai_run_type:text artifacts:Artifact*? branch:text build_number:int
  build_tool_invocations:Invocation* commit_hash:text? commit_message:text? credit_cost:int?
  finished_at:text? is_on_hold:bool is_pipeline:bool is_processed:bool local_config:LocalConfig
  pull_request_id:int pull_request_target_branch:text? rebuildable:bool slug:text started_at:text?
  status:int tag:text? trigger_params:ListedParams triggered_at:text triggered_by:text?
  triggered_workflow:text utility:bool

Artifact (pipelineabledomain.ArtifactMeta):
  artifact_type:text id:text title:text version_code:text version_name:text

Invocation (pipelineabledomain.BuildToolInvocation):
  invocation_id:text tool:text tool_version:text

LocalConfig (pipelineabledomain.LocalConfig):
  host:text username:text

ListedParams (pipelineabledomain.TriggerParams):
  base_repository_url:text branch:text branch_dest:text branch_dest_repo_owner:text
  branch_repo_owner:text commit_hash:text commit_message:text commit_messages:text*?
  commit_paths:CommitPaths*? environments:Environment*? head_repository_url:text
  machine_type_id:text priority:int pull_request_author:text pull_request_comment:text
  pull_request_comment_id:text pull_request_head_branch:text pull_request_id:any
  pull_request_labels:text*? pull_request_labels_added:text*? pull_request_merge_branch:text
  pull_request_ready_state:text pull_request_repository_url:text
  pull_request_unverified_merge_branch:text skip_git_status_report:bool stack:text tag:any?

CommitPaths (pipelineabledomain.CommitPaths and v0.CommitPaths; a Go list that was never filled is
null):
  added:text*? modified:text*? removed:text*?

Environment (pipelineabledomain.Environments):
  is_expand:any? key:text value:any

Show (v0.PipelineShowResponseModel):
  abort_reason:text app:Slug attempts:Attempt* credit_cost:any? current_attempt_id:text
  finished_at:text? id:text name:text number_in_app_scope:int put_on_hold_at:any? rebuildable:bool
  started_at:text? status:text trigger_params:ShownParams triggered_at:text triggered_by:text?
  type:text workflows:Workflow*

Attempt (v0.PipelineShowAttemptResponseModel):
  id:text number_in_pipeline_build_scope:int status:text triggered_at:text

Workflow (v0.PipelineShowWorkflowResponseModel):
  credit_cost:any? depends_on:text* external_id:text finished_at:text? id:text is_generator:bool
  name:text startFailureReason:text started_at:text? status:text

ShownParams (v0.PipelineShowTriggerParamsResponseModel):
  branch:text branch_dest:text branch_dest_repo_owner:text branch_repo_owner:text commit_hash:text
  commit_message:text commit_messages:text*? commit_paths:CommitPaths*? environments:Environment*?
  pull_request_author:text pull_request_head_branch:text pull_request_id:text
  pull_request_merge_branch:text pull_request_repository_url:text
  pull_request_unverified_merge_branch:text tag:text

Slug (in v0.PipelineShowResponseModel):
  slug:text
";

/// Returns the properties of a model with their types.
fn model(name: &str) -> HashMap<&'static str, &'static str> {
    let mut models = MODELS.split("\n\n");
    let model = models.find_map(|model| model.trim_start().strip_prefix(name)?.strip_prefix(" ("));
    let (_, properties) = model.expect("a model").split_once("):").unwrap();
    let properties = properties.split_whitespace();
    let pairs = properties.filter_map(|property| property.split_once(':'));
    pairs.collect()
}

/// Asserts that a value is of a type, and an object has no property beside those of its model.
#[track_caller]
fn assert_kind(name: &str, value: &Value, kind: &str) {
    if let Some(kind) = kind.strip_suffix('?') {
        if !value.is_null() {
            assert_kind(name, value, kind);
        }
        return;
    }
    if let Some(kind) = kind.strip_suffix('*') {
        let items = value.as_array().expect("a list");
        return items.iter().for_each(|item| assert_kind(name, item, kind));
    }
    let fits = match kind {
        "text" => value.is_string(),
        "int" => value.is_i64(),
        "bool" => value.is_boolean(),
        "any" => !value.is_null(),
        kind => {
            let model = model(kind);
            for (name, value) in fields(value) {
                let kind = model.get(name.as_str());
                let kind = kind.unwrap_or_else(|| panic!("unknown property {name}"));
                assert_kind(name, value, kind);
            }
            true
        }
    };
    assert!(fits, "{name}: {value}");
}

#[track_caller]
fn fields(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

#[test]
fn bodies_conform_to_the_specification() {
    play(Scenario::Healthy, async |client| {
        let response = client.get("/apps").await.json();
        assert_eq!(fields(&response).len(), 2);
        assert_kind("", &response["paging"], "Paging");
        let apps = response["data"].as_array().unwrap();
        for app in apps {
            assert_kind("", app, "App");
            assert_eq!(fields(app).len(), model("App").len());
        }
        for app in &apps[..7] {
            let path = pipelines(app);
            let response = client.get(&path).await.json();
            assert_eq!(fields(&response).len(), 2);
            assert_kind("", &response["paging"], "Paging");
            for run in response["data"].as_array().into_iter().flatten() {
                assert_kind("", run, "Run");
                let params = fields(&run["trigger_params"]).len();
                assert_eq!(params, model("ListedParams").len());
                if run["is_pipeline"] == true {
                    let show = client.get(&format!("{path}/{}", slug(run))).await.json();
                    assert_kind("", &show, "Show");
                    assert_eq!(fields(&show).len(), model("Show").len());
                }
            }
        }
    });
}
