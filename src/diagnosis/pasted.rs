//! What a pasted text shows beyond requests and responses, in words.

use super::reproduce::Reproduce;
use super::{Diagnosis, Who};
use crate::check::{CheckId, Status};
use crate::exchange::Body;
use crate::report::{CommandMistake, Incomplete, PastedFacts, PastedStep, Report};
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

/// Takes out a status that nothing shows: a web page without one is read as if it were the response
/// to a request that worked, and that is no finding.
pub(super) fn forget_assumed(report: &mut Report) {
    let Some(pasted) = &mut report.pasted else {
        return;
    };
    for check in &mut report.checks {
        let Some(Ok(response)) = check
            .exchange
            .as_mut()
            .map(|exchange| &mut exchange.outcome)
        else {
            continue;
        };
        if !matches!(response.body, Body::Html) || response.status != Some(200) {
            continue;
        }
        let mut found = pasted.found.iter_mut();
        let is_it = |step: &&mut PastedStep| {
            step.is_inferred && step.status == Some(200) && step.step == Some(check.id)
        };
        if let Some(step) = found.find(is_it) {
            step.status = None;
            response.status = None;
        }
    }
}

/// Returns a diagnosis with what the text shows said in its place.
pub(super) fn told(mut diagnosis: Diagnosis, facts: &PastedFacts, how: &Reproduce) -> Diagnosis {
    if let Some(incomplete) = facts.incomplete {
        if diagnosis.reason == Some(Reason::EvidenceIncomplete) {
            diagnosis.result = Text::from("Can't tell: ").own(why(incomplete));
            diagnosis.causes = causes(incomplete);
            show_open(&mut diagnosis, facts);
        }
        let commands = facts.settled_by.iter().map(|url| how.curl(url));
        diagnosis.reproduce = commands.clone().collect();
        // What becomes of a pasted token stays the last action.
        let last = diagnosis.actions.pop().filter(|_| facts.holds_token);
        diagnosis.actions = commands
            .map(|command| {
                let words =
                    "Run this, and paste it with all that it prints, but without the token: ";
                Text::from(words).command(command)
            })
            .chain(last)
            .collect();
    }
    if let Some(reason) = facts.own_reason {
        let code = reason.as_str();
        let text = Text::from("The text is, or holds, a report of bitrise-dx: see ")
            .command(format!("bitrise-dx explain {code}"))
            .own(". Its JSON report, if there is one, can be shown again whole.");
        if facts.found.is_empty() && diagnosis.reason == Some(reason) {
            // Of the run there is nothing but its reason.
            let verdict = diagnosis.verdict.as_str();
            let result = format!("A report of bitrise-dx in the text ends in {verdict} ({code}).");
            diagnosis.result = result.into();
            diagnosis.causes = Vec::new();
            diagnosis.actions = vec![
                Text::from("Ask for that report in JSON, and run ")
                    .command("bitrise-dx diagnose report.json"),
            ];
        }
        diagnosis.remarks.push(text);
    }
    // What was not looked for in the text is no check of it.
    diagnosis.checks.retain(|check| {
        let is_of_run = matches!(check.id, CheckId::TokenFormat | CheckId::PipelinesShow);
        !(is_of_run && check.status == Status::Skip)
    });
    let mut inferred: Vec<String> = Vec::new();
    for status in facts.found.iter().filter_map(inferred_status) {
        if !inferred.contains(&status) {
            inferred.push(status);
        }
    }
    mark_inferred(&mut diagnosis, facts);
    if !inferred.is_empty() {
        let text = match inferred.as_slice() {
            [status] => format!("The status {status} was inferred from the body."),
            [first, second] => {
                format!("The statuses {first} and {second} were inferred from the bodies.")
            }
            _ => {
                let statuses = inferred.join(", ");
                format!("The statuses {statuses} were inferred from the bodies.")
            }
        };
        diagnosis.remarks.push(text.into());
    }
    let explains = match facts.incomplete {
        Some(Incomplete::Explained(mistake)) => Some(mistake),
        Some(_) | None => None,
    };
    for mistake in facts
        .mistakes
        .iter()
        .filter(|mistake| Some(**mistake) != explains)
    {
        diagnosis
            .remarks
            .push(format!("In the command: {}.", in_command(*mistake)).into());
    }
    if facts.holds_token {
        diagnosis.remarks.push(HOLDS_TOKEN.into());
    }
    diagnosis
}

const HOLDS_TOKEN: &str = "The text holds a live Bitrise token. It is not shown here, but whoever can \
     read the text can use it.";

/// Says that a token stands in what was pasted, and what has to be done about it.
pub fn say_token_was_pasted(diagnosis: &mut Diagnosis) {
    diagnosis.remarks.push(HOLDS_TOKEN.into());
    let revoke = "Revoke the token that was pasted, whatever else is true: on Bitrise, Settings → \
         Security → API tokens. Whoever can read the ticket can use it.";
    diagnosis.actions.insert(0, revoke.into());
    if diagnosis.who.is_none() || diagnosis.verdict == Verdict::Inconclusive {
        diagnosis.who = Some(Who::BitriseAdmin);
        diagnosis.who_text = Some("whoever manages API tokens in the Bitrise workspace".into());
    }
}

/// Shows a response that is of no known step in place of the check that it leaves open, which would
/// show nothing.
fn show_open(diagnosis: &mut Diagnosis, facts: &PastedFacts) {
    let open = facts.found.iter().rfind(|found| found.step.is_none());
    let check = diagnosis
        .checks
        .iter_mut()
        .find(|check| check.reason == Some(Reason::EvidenceIncomplete) && check.request.is_none());
    let (Some(check), Some(open)) = (check, open) else {
        return;
    };
    let Some(status) = open.status else {
        return;
    };
    let mut text = Text::from(status.to_string());
    if let Some(message) = &open.message {
        text = text.own(" “").foreign(message).own("”");
    }
    check.text = text.own(", of one of DX's two commands");
}

/// Says at each request whose status stands nowhere in the text that it was inferred.
fn mark_inferred(diagnosis: &mut Diagnosis, facts: &PastedFacts) {
    for check in &mut diagnosis.checks {
        let step = match check.id {
            CheckId::AppsRecheck => CheckId::AppsList,
            id @ (CheckId::TokenFormat
            | CheckId::AppsList
            | CheckId::PipelinesList
            | CheckId::PipelinesShow) => id,
        };
        let Some(request) = &mut check.request else {
            continue;
        };
        let is_this = |found: &&PastedStep| {
            found.step == Some(step)
                && found.url.as_ref().is_none_or(|url| *url == request.url)
                && !found.is_superseded
        };
        let found = facts.found.iter().rfind(is_this);
        if found.is_some_and(|found| found.is_inferred && found.status == request.status) {
            let outcome = std::mem::take(&mut request.outcome);
            request.outcome = outcome.own(" · status inferred from the body");
        }
    }
}

fn inferred_status(step: &PastedStep) -> Option<String> {
    let status = step
        .status
        .filter(|_| step.is_inferred && !step.is_superseded)?;
    Some(status.to_string())
}

/// Says why the text does not decide.
fn why(incomplete: Incomplete) -> String {
    match incomplete {
        Incomplete::PipelinesMissing => {
            "the list of apps could be read, but the text does not show whether an app's pipelines can be.".to_owned()
        }
        Incomplete::AppsMissing => {
            "an app's pipelines could be read, but the text does not show the list of apps.".to_owned()
        }
        Incomplete::StepUnknown { .. } => {
            "nothing tells which of DX's two commands this answers.".to_owned()
        }
        Incomplete::Unsettled => {
            "one app's pipelines were answered with 401. Either the token is no longer accepted, or it has no access to this app: the list of apps would tell.".to_owned()
        }
        Incomplete::NotFound => {
            "one app's pipelines were answered with 404, and the text does not show that the list of apps can be read. Either the token has no access to this app, or the address is wrong: the list of apps would tell.".to_owned()
        }
        Incomplete::Explained(mistake) => format!(
            "a mistake in the command explains the response, so it says nothing about the token: {}.",
            in_command(mistake)
        ),
        Incomplete::Unreadable => {
            "a response is cut, or its status can neither be seen nor inferred from its body.".to_owned()
        }
        Incomplete::OtherEndpoint => {
            "the text shows endpoints that DX does not use, and none that it does.".to_owned()
        }
    }
}

fn meaning(reason: Option<Reason>) -> String {
    let Some(reason) = reason else {
        return "what DX needs".to_owned();
    };
    let words = match reason.verdict() {
        Verdict::InvalidCredentials => "that the token is rejected",
        Verdict::InvalidPermissions => "that the token lacks access",
        Verdict::NoResources => "that the token sees no app",
        Verdict::Inconclusive if reason == Reason::EvidenceIncomplete => {
            return "nothing certain".to_owned();
        }
        Verdict::Inconclusive | Verdict::NotRun | Verdict::Verified => "nothing about the token",
    };
    format!("{words} ({})", reason.as_str())
}

fn causes(incomplete: Incomplete) -> Vec<Text> {
    match incomplete {
        Incomplete::StepUnknown { apps, pipelines } => {
            let reading = |id: CheckId, reason: Option<Reason>| {
                let step = if id == CheckId::AppsList {
                    "the first command"
                } else {
                    "the second command"
                };
                Text::from(format!(
                    "If it answers {step}, it means {}.",
                    meaning(reason)
                ))
            };
            vec![
                reading(CheckId::AppsList, apps),
                reading(CheckId::PipelinesList, pipelines),
            ]
        }
        Incomplete::PipelinesMissing
        | Incomplete::AppsMissing
        | Incomplete::Unsettled
        | Incomplete::NotFound
        | Incomplete::Explained(_)
        | Incomplete::Unreadable
        | Incomplete::OtherEndpoint => Vec::new(),
    }
}

/// Says what is wrong with a command.
const fn in_command(mistake: CommandMistake) -> &'static str {
    match mistake {
        CommandMistake::Bearer => {
            "“Bearer” stands in front of the token; Bitrise takes it for a part of the token"
        }
        CommandMistake::TokenPlaceholder => {
            "a placeholder stands in place of the token; it was sent so, or put in before pasting"
        }
        CommandMistake::NoToken => "no Authorization header is shown",
        CommandMistake::TokenVariable => {
            "the token's variable stands between single quotes, where the shell does not replace it"
        }
        CommandMistake::SlugPlaceholder => "the app's slug was not filled in",
        CommandMistake::PlainHttp => "the address begins with http:// instead of https://",
        CommandMistake::OtherHost => "the address is not on api.bitrise.io",
        CommandMistake::NoVersion => "the address lacks /v0.1",
        CommandMistake::OtherEndpoint => "the address is not one that DX uses",
        CommandMistake::Quotes => {
            "the shell does not know its quotes, so curl took parts of it for addresses; in Windows' \
             command prompt only double quotes work"
        }
        CommandMistake::PowerShellAlias => {
            "in Windows PowerShell curl is another command; curl.exe is the right one"
        }
        CommandMistake::SlugNotListed => "the app's slug is not in the list of apps",
    }
}
