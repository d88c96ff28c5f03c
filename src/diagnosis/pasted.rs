//! What a pasted text shows beyond requests and responses, in words.

use super::reproduce::Reproduce;
use super::{Diagnosis, Who};
use crate::check::{CheckId, Status};
use crate::pasted::{Incomplete, Mistake, PastedFacts, PastedStep};
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

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
        let last = diagnosis.actions.pop().filter(|_| facts.holds_token());
        diagnosis.actions = commands
            .map(|command| {
                let words =
                    "Run this, and paste it with all that it prints, but without the token: ";
                Text::from(words).command(command)
            })
            .chain(last)
            .collect();
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
    if facts.holds_token() {
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
        Incomplete::Hidden => {
            "an option or a filter of the command hid the response.".to_owned()
        }
        Incomplete::Contradiction => {
            "the address and the body of a response contradict each other.".to_owned()
        }
        Incomplete::Told => {
            "the text tells a status in a sentence, and shows no response.".to_owned()
        }
        Incomplete::Credentials => {
            "the text shows several tokens with different outcomes, and does not say which one is in DX.".to_owned()
        }
        Incomplete::ShellError => {
            "the shell could not run the command as it was pasted, so nothing was asked.".to_owned()
        }
        Incomplete::OwnReport => {
            "the text holds a report of bitrise-dx, and the rest of it says something else.".to_owned()
        }
        Incomplete::OlderMessage => {
            "the newest message shows no response, and an older one no longer decides.".to_owned()
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
        _ => Vec::new(),
    }
}

/// Says what is wrong with a command.
const fn in_command(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::Bearer => {
            "“Bearer” stands in front of the token; Bitrise takes it for a part of the token"
        }
        Mistake::OtherHeader => "the token stands in another header than Authorization",
        Mistake::UserOption => "the token was given as a user or password",
        Mistake::TokenInQuery => "the token stands in the address",
        Mistake::NoToken => "the request shows no token",
        Mistake::EmptyToken => "the Authorization header, or the variable in it, is empty",
        Mistake::TokenPlaceholder => {
            "a placeholder stands in place of the token; it was sent so, or put in before pasting"
        }
        Mistake::TokenVariable => "the token's variable was sent by its name: nothing replaced it",
        Mistake::SlugPlaceholder => "the app's slug was not filled in",
        Mistake::PlainHttp => "the address begins with http:// instead of https://",
        Mistake::OtherHost => "the address is not on api.bitrise.io",
        Mistake::NoVersion => "the address lacks /v0.1",
        Mistake::OtherVersion => "the address has another version than v0.1",
        Mistake::OtherEndpoint => "the address is not one that DX uses",
        Mistake::ExtraSlash => "the address has a slash too many",
        Mistake::Method => "the method is another one than GET",
        Mistake::Filter => "the address has a filter or a page",
        Mistake::Quotes => {
            "the shell does not know its quotes, so curl took parts of it for addresses; in Windows' \
             command prompt only double quotes work"
        }
        Mistake::PowerShellAlias => {
            "in Windows PowerShell curl is another command; curl.exe is the right one"
        }
        Mistake::SlugNotListed => "the app's slug is not in the list of apps",
    }
}
