//! The texts, held against the names that they use, and against the rules for all of them.

use super::super::conditions::FACTS;
use super::super::facts::Facts;
use super::super::sentence::fill;
use super::super::values::VALUES;
use super::*;
use crate::diagnosis::Warning;
use crate::verdict::Verdict;
use std::collections::BTreeSet;

fn entries() -> impl Iterator<Item = (&'static str, Line)> {
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    reasons.chain(["verified"]).map(|name| {
        let entry = read(name).unwrap_or_else(|why| panic!("{why}"));
        (name, entry)
    })
}

/// The lines of a report that are made of no reason's entry.
const LINES: &[&str] = &[
    "command",
    "start_again",
    "enter_token",
    "token_line",
    "rest_of_result",
    "causes_note",
    "remarks",
    "not_checked",
    "if_dx_refuses",
    "check_line",
    "outcome",
    "leave_token_out",
    "failure_point",
];

/// Returns every entry of the texts, by its name.
fn all_entries() -> impl Iterator<Item = (&'static str, Line)> {
    let names = TEXT
        .split("\n== ")
        .skip(1)
        .filter_map(|entry| entry.lines().next());
    names.map(|name| (name, read(name).unwrap_or_else(|why| panic!("{why}"))))
}

/// Returns the names of a sentence's gaps.
fn gaps(sentence: &str) -> Vec<&str> {
    let names = sentence.split('{').skip(1);
    let names = names.filter_map(|part| Some(part.split_once('}')?.0));
    names.filter(|name| is_gap(name)).collect()
}

fn is_gap(name: &str) -> bool {
    let is_value = VALUES.iter().any(|(known, _)| *known == name);
    let is_words = !named(&format!("{{{name}}}")).below.is_empty();
    is_value || is_words || ["cause", "ci_action", "ci_cause", "commands"].contains(&name)
}

/// The keywords of lines.
const WORDS: &[&str] = &[
    "means", "result", "dx", "remark", "cause", "weight", "proves", "do", "ask", "see", "say",
    "status",
];

/// Those of CI systems.
const OF_CI: &[&str] = &["system", "page", "told", "on", "input", "build", "when"];

/// Returns the names of the CI systems.
fn systems() -> impl Iterator<Item = &'static str> {
    named("ci").all("system").map(|line| &*line.text)
}

/// Returns every line of an entry.
fn lines(entry: &Line) -> impl Iterator<Item = &Line> {
    { entry.below.iter() }.flat_map(|line| [line].into_iter().chain(&line.below))
}

/// Returns the causes and actions of an entry.
fn causes_and_actions(entry: &Line) -> impl Iterator<Item = &Line> {
    lines(entry).filter(|line| ["cause", "do"].contains(&line.word))
}

#[test]
fn every_line_begins_with_a_keyword_and_stands_in_its_place() {
    for (name, entry) in all_entries() {
        for line in lines(&entry) {
            let is_of_ci = name == "ci" || systems().any(|system| system == name);
            let word = line.word;
            let is_known = WORDS.contains(&word)
                || (is_of_ci && OF_CI.contains(&word))
                || (name == "statuses" && !named(&format!("step {word}")).below.is_empty());
            assert!(is_known, "{name}: {word}");
            for below in line.below.iter().map(|below| below.word) {
                let belongs = match word {
                    "cause" => ["weight", "proves", "do", "result"].contains(&below),
                    "build" => ["when", "cause", "proves", "do"].contains(&below),
                    word => word == "status",
                };
                assert!(belongs, "{name}: {below}");
            }
        }
    }
}

#[test]
fn every_name_in_the_texts_is_known_and_every_known_one_is_used() {
    let (mut facts, mut filled, mut people, mut links) = (
        BTreeSet::new(),
        BTreeSet::new(),
        BTreeSet::new(),
        BTreeSet::new(),
    );
    for (name, entry) in all_entries() {
        for condition in lines(&entry).flat_map(Line::conditions) {
            let name_of = condition.name;
            let is_fact = FACTS.iter().any(|(known, _)| *known == name_of);
            let is_value = VALUES.iter().any(|(known, _)| *known == name_of);
            assert!(is_fact || is_value, "{name}: {name_of}");
            facts.insert(condition.name.to_owned());
        }
        let texts = lines(&entry).map(|line| &line.text);
        let is_plain = name.starts_with("step ") || name == "statuses";
        for text in texts.filter(|_| !is_plain) {
            filled.extend(gaps(text).into_iter().map(str::to_owned));
            // What stands between braces and is no gap is a variable's value in a command.
            for (at, _) in text.match_indices('{') {
                let end = text[at..]
                    .find('}')
                    .map_or(text.len(), |length| at + length + 1);
                let is_gap = !gaps(&text[at..end]).is_empty() || text[at..end].contains(' ');
                assert!(is_gap || text[..at].ends_with(['$', '{']), "{name}: {text}");
            }
        }
        for action in lines(&entry).filter(|line| line.word == "do") {
            let (who, _) = action.action();
            let is_known = !named(&format!("who {who}")).below.is_empty();
            assert!(is_known || who == "ci", "{name}: who is {who}?");
            people.insert(who.to_owned());
        }
        links.extend(entry.links());
    }
    for (fact, _) in FACTS {
        assert!(facts.contains(*fact), "no text asks for {fact}");
    }
    let words = all_entries().filter_map(|(name, _)| name.strip_prefix('{')?.strip_suffix('}'));
    for gap in VALUES.iter().map(|(name, _)| *name).chain(words) {
        let is_used = filled.contains(gap) || facts.contains(gap);
        assert!(is_used, "no text has {{{gap}}}");
    }
    for who in all_entries().filter_map(|(name, _)| name.strip_prefix("who ")) {
        let action = Line {
            text: format!("{who}: x").into(),
            ..Line::default()
        };
        assert!(people.contains(who), "nothing is for {who}");
        assert!(
            crate::diagnosis::result::who(&action, &Facts::default()).is_some(),
            "{who}"
        );
    }
    for (name, entry) in all_entries().filter(|(name, _)| name.starts_with("link ")) {
        assert!(
            links.contains(entry.text("means")),
            "no text has the {name}"
        );
    }
}

#[test]
fn a_gap_has_words_while_nothing_is_known() {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (name, entry) in all_entries() {
        said.extend(name.starts_with('{').then(|| name.to_owned()));
        if Reason::named(name).is_some() {
            said.extend(causes_and_actions(&entry).map(|line| line.text.to_string()));
        }
    }
    assert!(said.len() > 150);
    for text in said {
        let filled = fill(&text, &Facts::default()).to_string();
        let filled = filled.replace("${", "").replace("{{", "");
        assert!(!filled.contains('{'), "{text}: {filled}");
    }
}

#[test]
fn every_entry_of_the_texts_is_a_reasons_or_is_used() {
    let names: Vec<&str> = TEXT
        .split("\n== ")
        .skip(1)
        .filter_map(|entry| entry.lines().next())
        .collect();
    let used = { TEXT.lines() }.filter_map(|line| line.trim_start().strip_prefix("use "));
    for name in used {
        assert!(names.contains(&name.trim()), "no entry {name}");
    }
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "two entries {name}");
        let is_used = TEXT
            .lines()
            .any(|line| line.split_whitespace().eq(["use", name]));
        let is_reason = Reason::named(name).is_some();
        let is_line = LINES.contains(name) || name.starts_with('{');
        let code = name.strip_prefix("warning ");
        let is_warning = code.is_some_and(|code| Warning::named(code).is_some());
        let verdict = name.strip_prefix("verdict ");
        let is_verdict = verdict.is_some_and(|verdict| Verdict::named(verdict).is_some());
        let kinds = [
            "who ", "by ", "link ", "step ", "dx ", "check ", "start ", "told ", "outcome ",
        ];
        let is_one = kinds.iter().any(|kind| name.starts_with(kind));
        let is_other = is_warning || is_verdict || is_one;
        let is_known = is_line
            || is_other
            || ["verified", "always", "statuses", "ci"].contains(name)
            || systems().any(|system| system == *name);
        assert!(is_used || is_reason || is_known, "{name}");
    }
}

#[test]
fn every_entry_has_what_a_reader_needs() {
    for (name, entry) in entries() {
        for word in ["means", "ask", "see"] {
            assert!(!entry.text(word).is_empty(), "{name}: {word}");
        }
        let any = |word: &str| lines(&entry).any(|line| line.word == word);
        assert!(any("do"), "{name}: nothing to do");
        assert!(name == "verified" || any("cause"), "{name}: no cause");
        // Whatever is known, there is a headline.
        let last = entry.all("result").last();
        assert!(
            last.is_some_and(|last| last.conditions.is_empty()),
            "{name}: no headline"
        );
    }
}

#[test]
fn with_nothing_known_every_cause_applies() {
    let facts = Facts::default();
    for (name, entry) in entries() {
        let left = entry.causes_left(&facts);
        assert_eq!(left.len(), entry.all("cause").count(), "{name}");
        let weights = left.iter().map(|cause| {
            let weight = cause.all("weight").chain(cause.all("proves")).next();
            weight.unwrap().text.parse::<u8>().unwrap()
        });
        assert!(weights.rev().is_sorted(), "{name}");
    }
}

/// A run of which nothing is known.
fn a_run() -> crate::report::Report {
    crate::report::Report::started(std::time::SystemTime::UNIX_EPOCH)
}

#[test]
fn after_a_run_what_is_open_comes_last() {
    let report = a_run();
    let facts = Facts {
        report: Some(&report),
        ..Facts::default()
    };
    let mut seen = false;
    for (name, entry) in entries() {
        let left = entry.causes_left(&facts);
        let open: Vec<bool> = left.iter().map(|one| one.holds(&facts).is_none()).collect();
        assert!(open.is_sorted(), "{name}: {open:?}");
        seen |= open.windows(2).any(|pair| pair[0] != pair[1]);
    }
    assert!(seen);
}

#[test]
fn a_cause_is_ruled_out_by_what_is_known_alone_and_never_always_proved() {
    for (name, entry) in entries() {
        for cause in entry.all("cause") {
            let text = &cause.text;
            let is_bound = !cause.conditions.is_empty();
            let may_be = cause.text("proves").is_empty() || is_bound;
            assert!(may_be, "{name}: always proved: {text}");
            let is_sure = cause.conditions().any(|one| one.is_sure);
            assert!(!is_sure, "{name}: what is not known rules out: {text}");
        }
    }
}

#[test]
fn all_conditions_of_a_line_have_to_hold() {
    let report = a_run();
    let facts = Facts {
        report: Some(&report),
        ..Facts::default()
    };
    // Yes, no, and not known.
    for (conditions, holds) in [
        ("", Some(true)),
        ("live, not sandbox", Some(true)),
        ("live, sandbox", Some(false)),
        ("live, listed", None),
        ("listed, sandbox", Some(false)),
        ("live, surely listed", Some(false)),
    ] {
        let line = Line {
            conditions: conditions.into(),
            ..Line::default()
        };
        assert_eq!(line.holds(&facts), holds, "{conditions}");
    }
}

#[test]
fn every_condition_has_words_for_both_answers() {
    let mut seen = BTreeSet::new();
    let values = VALUES.iter().map(|(name, _)| name);
    for name in FACTS.iter().map(|(name, _)| name).chain(values) {
        assert!(seen.insert(*name), "two facts or values {name}");
    }
    for line in include_str!("facts.txt")
        .lines()
        .filter(|line| line.contains('|'))
    {
        let (fact, words) = line.split_once(" | ").unwrap();
        let fact = fact.split(' ').next().unwrap();
        assert!(seen.contains(fact) && words.contains(" | "), "{line}");
    }
    for (name, entry) in entries() {
        for line in causes_and_actions(&entry) {
            for condition in line.conditions() {
                let words = condition.words();
                assert!(
                    !words.is_empty() && !words.contains(['{', '}', '|']),
                    "{name}: {words}"
                );
            }
        }
    }
}

#[test]
fn after_all_apps_nobody_is_told_to_check_all_apps() {
    let report = a_run();
    let facts = Facts {
        report: Some(&report),
        selection: Some(crate::report::Selection::All),
        ..Facts::default()
    };
    for (name, entry) in entries() {
        for action in entry.actions_left(&facts, &entry.causes_left(&facts)) {
            let text = &action.text;
            assert!(!text.contains("--all-apps"), "{name}: {text}");
        }
    }
}

/// What a text for people must not say: see the project's guide to words.
const REJECTED: &[&str] = &[
    "the token is good",
    "token is fine",
    "else than",
    "of its own accord",
    "a fault of its own",
    "organization",
    "reply",
    "beside ",
    "begun",
    "stays so",
    "dies with",
    "regard ",
    "see that",
    "is no API token",
    "enter the same token",
    "enter it again",
    "left as it is",
    "further attempt",
    "to be had",
    "fewer requests",
    "answers to be",
];

#[test]
fn no_text_has_words_that_slow_a_reader_down() {
    // Other services have words of their own.
    let (text, _) = TEXT.split_once("\n== ci\n").unwrap();
    let mut texts: Vec<String> = text.lines().map(str::to_lowercase).collect();
    for status in 100..600 {
        let lines = crate::diagnosis::status(status);
        texts.extend(lines.iter().map(|line| line.meaning.to_lowercase()));
    }
    for text in texts {
        for word in REJECTED {
            assert!(!text.contains(word), "“{word}” in: {text}");
        }
    }
}

#[test]
fn a_status_leads_to_reasons_of_its_own() {
    for (status, reasons) in [
        (401, &[Reason::TokenRejected, Reason::PipelinesDenied][..]),
        (403, &[Reason::AppsForbidden, Reason::RateLimited]),
        (404, &[Reason::WrongBaseUrl, Reason::PipelinesDenied]),
        (429, &[Reason::RateLimited]),
        (302, &[Reason::Redirected]),
        (408, &[Reason::ServerError]),
        (503, &[Reason::ServerError]),
        (418, &[Reason::UnexpectedStatus]),
    ] {
        for reason in reasons {
            let lines = crate::diagnosis::status(status);
            assert!(
                lines.iter().any(|line| line.reason == Some(*reason)),
                "{status}"
            );
        }
    }
    assert!(crate::diagnosis::status(7).is_empty());
}

#[test]
fn an_address_that_is_none_is_the_one_cause() {
    use crate::exchange::{Exchange, FaultKind};
    let entry = read("connection_failed").unwrap();
    for address in ["0.0.0.0:443", "[::]:443", "127.0.0.1:443"] {
        let mut exchange = Exchange::new("https://api.bitrise.io", Err(FaultKind::Refused.into()));
        exchange.remote_address = Some(address.parse().unwrap());
        let direct = Facts {
            is_bitrise: Some(true),
            exchange: Some(&exchange),
            ..Facts::default()
        };
        assert_eq!(entry.causes_left(&direct).len(), 1, "{address}");
        // Behind a proxy, the address is the proxy's.
        let proxied = Facts {
            proxy: Some("http://127.0.0.1:8080"),
            ..direct
        };
        assert!(entry.causes_left(&proxied).len() > 1, "{address}");
    }
}

#[test]
fn every_form_that_is_asked_for_is_known() {
    use crate::exchange::FaultKind;
    use crate::token::TokenKind;
    for (name, entry) in entries() {
        let conditions = lines(&entry).flat_map(Line::conditions);
        for (fact, form) in
            conditions.flat_map(|one| one.of.split('|').map(move |form| (one.name, form)))
        {
            let is_known = match fact {
                "fault" => FaultKind::named(form).is_some(),
                "token" => TokenKind::named(form).is_some(),
                "verdict" => crate::verdict::Verdict::named(form).is_some(),
                "first_app_is" => ["unchecked", "readable", "denied"].contains(&form),
                _ => true,
            };
            assert!(is_known, "{name}: {fact} {form}");
        }
    }
}

#[test]
fn every_line_about_a_status_is_read() {
    let mut read = 0;
    for status in [200, 401, 403, 404, 429, 302, 408, 418] {
        let lines = crate::diagnosis::status(status);
        assert!(lines.iter().any(|line| line.reason.is_some()), "{status}");
        read += lines.len();
    }
    let lines = named("statuses").all("status");
    let lines: Vec<&Line> = lines.flat_map(|status| &status.below).collect();
    assert_eq!(read, lines.len());
    for line in lines {
        let (reason, _) = line.action();
        let is_known = reason == "accepted" || Reason::named(reason).is_some();
        assert!(is_known, "{}", line.text);
    }
}
