//! What holds of every report, whatever was seen: it does not contradict itself, and says no more
//! than it has.

use super::super::super::ci;
use super::super::*;
use crate::classify;
use crate::pasted::{PastedFacts, Secret};
use crate::report::TokenState;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// One app of a made-up list: its workspace, whether it is a person's, whether it is disabled, and
/// what its pipelines answer.
type MadeUp = (u8, bool, bool, u16);

/// What a run meets.
#[derive(Clone, Debug)]
struct World {
    kind: TokenKind,
    selection: Selection,
    /// Which app is named; beyond the list it is one that the list lacks.
    named: usize,
    apps: Vec<MadeUp>,
    /// What the list of apps answers if not with the apps.
    list: Option<Result<u16, FaultKind>>,
    is_page: bool,
    is_chosen: bool,
    is_in_action: bool,
    pasted: Option<bool>,
}

fn worlds() -> impl Strategy<Value = World> {
    let kinds = prop::sample::select(vec![
        TokenKind::Workspace,
        TokenKind::Personal,
        TokenKind::Unknown,
    ]);
    let selections = prop::sample::select(vec![Selection::First, Selection::Named, Selection::All]);
    let answers = prop::sample::select(vec![200, 200, 401, 403, 404, 503]);
    let apps = prop::collection::vec(
        (0..3_u8, prop::bool::weighted(0.1), any::<bool>(), answers),
        1..6,
    );
    let statuses = prop::sample::select(vec![200, 302, 401, 403, 404, 418, 429, 503, 511]);
    let list = prop_oneof![
        3 => Just(None),
        1 => statuses.prop_map(|status| Some(Ok(status))),
        1 => prop::sample::select(FaultKind::ALL).prop_map(|kind| Some(Err(kind))),
    ];
    let others = (
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    let pasted = prop::option::weighted(0.2, any::<bool>());
    (kinds, selections, 0..7_usize, apps, list, others, pasted).prop_map(
        |(kind, selection, named, apps, list, (is_page, is_chosen, is_in_action), pasted)| World {
            kind,
            selection,
            named,
            apps,
            list,
            is_page,
            // Pasted text has no base URL of its own.
            is_chosen: is_chosen && pasted.is_none(),
            is_in_action,
            pasted,
        },
    )
}

impl World {
    fn apps(&self) -> Vec<App> {
        let apps = self.apps.iter().enumerate();
        apps.map(|(index, (workspace, is_person, is_disabled, _))| {
            // A workspace token belongs to one workspace, and sees no person's apps.
            let is_one = self.kind == TokenKind::Workspace;
            let name = ["Acme", "Beta", "Gamma"][if is_one { 0 } else { usize::from(*workspace) }];
            App {
                is_disabled: *is_disabled,
                is_owned_by_user: *is_person && !is_one,
                ..app(
                    &format!("5100000000000{index}"),
                    &format!("Title{index}"),
                    name,
                )
            }
        })
        .collect()
    }

    /// Returns what the run means, and who has to do each of its actions.
    fn diagnosis(&self) -> (Diagnosis, Vec<String>) {
        let mut run = Run::new(self.kind).select(self.selection);
        if self.is_chosen {
            run = run.base_url("https://mirror.example/v0.1");
        }
        if self.is_in_action {
            let value = |name: &str| match name {
                "BITRISE_DX_CALLER" => Some("action".to_owned()),
                "GITHUB_ACTIONS" => Some("true".to_owned()),
                _ => None,
            };
            run.known.ci = ci::running(&value, &|_| None);
        }
        if let Some(holds_token) = self.pasted {
            run.report.evidence = EvidenceKind::Pasted;
            run.report.pasted = Some(PastedFacts {
                secrets: if holds_token {
                    vec![Secret::Bitrise(TokenKind::Workspace, None)]
                } else {
                    Vec::new()
                },
                settled_by: vec!["https://api.bitrise.io/v0.1/apps?limit=1".to_owned()],
                ..PastedFacts::default()
            });
        }
        run = match self.list {
            Some(answer) => self.without_list(run, answer),
            None => self.with_list(run),
        };
        let (report, known) = (run.report.with_checks(run.checks), run.known);
        let facts = Facts::of(&report, &known);
        let entry = named(facts.reason.map_or("verified", Reason::as_str));
        let actions = entry.actions_left(&facts, &entry.causes_left(&facts));
        // Whoever waits does the rest, too.
        let people = actions
            .iter()
            .map(|action| action.action().0.replace("wait", "you"));
        let people = people.collect();
        (diagnose(report, &known), people)
    }

    fn without_list(&self, run: Run, answer: Result<u16, FaultKind>) -> Run {
        let exchange = match answer {
            Ok(200) if !self.is_page => {
                let empty = json(r#"{"data":[],"paging":{}}"#);
                exchange("/apps?limit=50", Response::new(200, empty))
            }
            Ok(status) if self.is_page => {
                exchange("/apps?limit=50", Response::new(status, Body::Html))
            }
            Ok(status) => exchange("/apps?limit=50", message(status, "words")),
            Err(kind) => failed(kind),
        };
        let reason = classify::apps(&exchange, true).err();
        run.not_listed(reason.unwrap_or(Reason::NoApps), exchange)
    }

    fn with_list(&self, mut run: Run) -> Run {
        let apps = self.apps();
        run = run.listed(&apps);
        let chosen: Vec<usize> = match self.selection {
            Selection::All => (0..apps.len()).collect(),
            Selection::First => vec![0],
            Selection::Named | Selection::File => vec![self.named],
        };
        for index in chosen {
            let Some(app) = apps.get(index) else {
                // One character off a listed slug, or none of the list's.
                let slug = if index % 2 == 0 {
                    "51000000000009"
                } else {
                    "ffff0000ffff0000"
                };
                let one = App::unlisted(Slug::try_from(slug.to_owned()).unwrap());
                let refused = (Reason::AppNotAccessible, message(404, "Not Found"));
                run = run.app(&one, Some(refused));
                continue;
            };
            let refused = match self.apps[index].3 {
                200 => None,
                503 => Some((Reason::ServerError, message(503, "down"))),
                status => Some((Reason::PipelinesDenied, message(status, "no"))),
            };
            run = run.app(app, refused);
        }
        run
    }
}

/// Returns every number that stands before a word, as in “3 apps”.
fn numbers_before(text: &str, word: &str) -> Vec<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2);
    let numbers = pairs.filter(|pair| pair[1].trim_end_matches(['.', ',', ':', ';']) == word);
    numbers.filter_map(|pair| pair[0].parse().ok()).collect()
}

fn all(texts: &[Text]) -> String {
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, rng_seed: RngSeed::Fixed(0x00b1_7215_edd8), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_report_contradicts_itself(world in worlds()) {
        let (diagnosis, people) = world.diagnosis();
        let shown = screen(&diagnosis);
        let result = diagnosis.result.to_string();
        let actions: Vec<String> = diagnosis.actions.iter().map(ToString::to_string).collect();
        let is_verified = diagnosis.verdict == Verdict::Verified;

        // Somebody has to act, and something is to be done.
        prop_assert!(diagnosis.who.is_some(), "{}", shown);
        prop_assert!(!actions.is_empty() || world.pasted.is_some(), "{}", shown);

        // The headline and the token's line are of one state.
        let state = diagnosis.token.state;
        prop_assert_eq!(state == TokenState::Rejected, result.contains(" rejected "), "{}", shown);
        if result.contains("can't read the pipelines") || result.contains(" accepts ") {
            prop_assert_eq!(state, TokenState::Accepted, "{}", shown);
        }
        let is_undecided = diagnosis.reason == Some(Reason::AppsForbidden);
        prop_assert_eq!(is_undecided, state == TokenState::Undecided, "{}", shown);
        if state == TokenState::NotTested {
            prop_assert!(!result.contains("show invalid_credentials"), "{}", shown);
        }
        prop_assert_eq!(result.starts_with("Can't tell"), diagnosis.verdict == Verdict::Inconclusive);

        // DX's code stands in the headline only if it is sure, or else DX may connect; another host
        // than Bitrise's tells nothing of DX.
        let is_elsewhere = world.is_chosen && diagnosis.reason != Some(Reason::TokenMalformed);
        if let Some(code) = diagnosis.verdict.dx_error() {
            let is_foretold = result.contains(code);
            let may_connect = diagnosis.dx.is_some();
            if is_elsewhere {
                prop_assert!(!is_foretold && !may_connect, "{}", shown);
            } else {
                prop_assert!(is_foretold != may_connect || result.starts_with("App "), "{}", shown);
            }
        }
        if is_elsewhere {
            let foretells = ["DX should accept", "DX will", "DX would", "DX may", "If DX gets", "If DX refuses"];
            prop_assert!(!foretells.iter().any(|words| shown.contains(words)), "{}", shown);
            let is_way = |action: &String| action.contains("base-url");
            let is_own = matches!(diagnosis.reason, Some(Reason::ProxyFailure | Reason::MaxTimeReached));
            prop_assert!(is_own || actions.iter().any(is_way), "{}", shown);
            let at = actions.iter().position(is_way).unwrap_or(0);
            let is_next = at == 1 && actions[0].starts_with("The token was sent to ");
            let is_open = diagnosis.verdict == Verdict::Inconclusive;
            prop_assert!(at == 0 || is_next || is_open, "{}", shown);
            prop_assert!(!all(&diagnosis.actions).contains("API tokens →"), "{}", shown);
        }

        // What one sentence doubts, no other one takes for certain.
        for sure in ["nothing is wrong with the token", "only tokens", "decides nothing"] {
            prop_assert!(!shown.contains(sure), "{}", shown);
        }

        // A step of somebody else than the one before says whose it is, and no other does. What are
        // alternatives stands in one step.
        for (at, action) in actions.iter().enumerate() {
            let is_others = at > 0 && people[at] != people[at - 1];
            let names = ["You: ", "The customer: ", "Whoever manages ", "Whoever runs "];
            let is_named = names.iter().any(|name| action.starts_with(name));
            prop_assert_eq!(is_others, is_named, "{}", shown);
            prop_assert!(!["Or ", "Or: ", "Then "].iter().any(|word| action.starts_with(word)), "{}", shown);
        }

        // What tells causes apart comes before somebody is asked to change something.
        let asks = actions.iter().position(|action| {
            action.contains("If it is neither") || action.contains("sk whoever runs your network")
        });
        let test = actions.iter().position(|action| action.starts_with("Run it from "));
        let is_open = asks.is_some() && diagnosis.causes.len() > 1 && !is_elsewhere;
        let is_access = diagnosis.reason == Some(Reason::AppNotAccessible);
        prop_assert!(!is_open || is_access || test.is_some_and(|test| Some(test) < asks), "{}", shown);

        // Nobody gives access to what may be no app.
        if shown.contains("The slug is wrong") {
            let mut grants = actions.iter().filter(|action| action.contains("roduct access"));
            prop_assert!(grants.all(|action| action.contains("If the slug is right")), "{}", shown);
            prop_assert!(is_elsewhere || actions[0].contains("slug"), "{}", shown);
        }

        // Where something answered, it is said whom the token was sent to.
        let has_answer = diagnosis.requests().any(|request| request.status.is_some());
        let is_stranger = matches!(diagnosis.reason, Some(
            Reason::Intercepted | Reason::Redirected | Reason::UnexpectedResponse | Reason::UnexpectedStatus
        ));
        if has_answer && world.pasted.is_none() && (is_stranger || is_elsewhere) {
            prop_assert!(shown.contains("The token was sent "), "{}", shown);
        }
        prop_assert!(!(shown.contains("The token was sent ") && shown.contains("the token was not sent")), "{}", shown);

        // “This token” is one token: after an action that replaces it, it is not spoken of.
        let replaced = actions.iter().position(|action| {
            let (before, _) = action.split_once("(If").unwrap_or((action, ""));
            before.contains("+ Create token") && !before.contains("this token")
        });
        let after = replaced.map_or(&[][..], |at| &actions[at + 1..]);
        prop_assert!(after.iter().all(|action| !action.contains("this token")), "{}", shown);
        let pastes_this = actions.iter().any(|action| action.contains("aste this token into DX"));
        prop_assert!(!pastes_this || is_verified, "{}", shown);
        prop_assert!(!(pastes_this && replaced.is_some()), "{}", shown);

        // Pasting comes last, and what a change needs is checked: what is to pass was run in this step.
        for (at, action) in actions.iter().enumerate() {
            if action.contains("When it passes") {
                let before = action.split("When it passes").next().unwrap_or_default();
                let runs = ["run ", "Run ", "bitrise-dx verify"];
                prop_assert!(runs.iter().any(|words| before.contains(words)), "{}", shown);
            }

            let mut rest = actions[at + 1..].iter();
            let is_last = rest.all(|action| action.contains("elete the pasted token"));
            let action = action.split("If it passes there").next().unwrap_or_default();
            let pastes = action.contains("into DX") || action.contains("connect DX");
            prop_assert!(!pastes || is_last || is_verified, "{}", shown);
        }
        if !is_verified && world.pasted.is_none() {
            let last = actions.last().unwrap();
            let is_check = ["run ", "Run ", "verify", "into DX", "newer version", "nothing else uses"];
            prop_assert!(is_check.iter().any(|words| last.contains(words)), "{}", shown);
        }

        // No action is there twice, none says what the run has answered.
        for (at, action) in actions.iter().enumerate() {
            prop_assert!(!actions[..at].contains(action), "{}", shown);
        }
        if world.selection == Selection::All && world.pasted.is_none() {
            let rest = ["the others, too", "the other apps"];
            prop_assert!(!rest.iter().any(|words| all(&diagnosis.actions).contains(words)), "{}", shown);
        }

        if diagnosis.apps.coverage.not_checked() == Some(0) && world.pasted.is_none() {
            let others = ["the others, too", "the other apps"];
            prop_assert!(!others.iter().any(|words| all(&diagnosis.actions).contains(words)), "{}", shown);
        }

        // On the action, its inputs are spoken of.
        if world.is_in_action && world.pasted.is_none() {
            prop_assert!(!all(&diagnosis.actions).contains("verify --all-apps"), "{}", shown);
        }

        // Pasted text is the customer's.
        if world.pasted.is_some() {
            prop_assert!(diagnosis.who.is_some_and(|who| who != Who::You), "{}", shown);
            let block = format!("{result}\n{}\n{}", all(&diagnosis.actions), all(&diagnosis.causes));
            prop_assert!(!block.contains(" your ") && !block.contains("this token can"), "{}", shown);
        }

        // The numbers are the run's, and “first” is said of the list's first app alone.
        let coverage = diagnosis.apps.coverage;
        let known = [
            Some(coverage.checked),
            Some(coverage.checked + coverage.not_reached),
            Some(coverage.readable),
            coverage.total,
        ];
        let said = format!("{result}\n{}", diagnosis.dx.clone().unwrap_or_default());
        for number in numbers_before(&said, "apps") {
            prop_assert!(known.contains(&Some(number)), "{number}: {}", shown);
        }
        if result.contains("the first app in its list") {
            prop_assert!(world.list.is_none() && result.contains("“Title0”"), "{}", shown);
        }

        // A name stands at most twice in the first block.
        let block = format!("{said}\n{}\n{}", diagnosis.who_text.clone().unwrap_or_default(), all(&diagnosis.actions));
        for index in 0..world.apps.len() {
            let count = block.matches(&format!("Title{index}")).count();
            prop_assert!(count <= 2, "Title{index} {count} times: {}", shown);
        }

        // Nothing says what the headline has said.
        for cause in &diagnosis.causes {
            prop_assert!(!result.contains(cause.to_string().trim_end_matches('.')), "{}", shown);
        }
        let is_one = coverage.denied + coverage.unknown <= 1;
        let examples = diagnosis.checks.iter().any(|check| check.text.to_string().contains("such as"));
        prop_assert!(!(is_one && examples), "{}", shown);
    }
}
