//! A command of any program that sends requests, as its words tell.
//!
//! Invariant: linear in the command, which is bounded. What options mean stands in `words.txt`.

use super::request::{
    Address, Credential, Request, Shell, Variables, authorization, mistake_of_query,
};
use super::words::{self, ALL, Words, lower};
use crate::pasted::Mistake;
use std::iter;
use std::ops::Range;

/// A command, as far as it tells what was sent.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) request: Request,
    pub(super) shell: Shell,
    /// Whether it has options or quotes, so that it is no part of a sentence.
    pub(super) has_options: bool,
    client: &'static str,
    /// Whether an address without a scheme is asked over TLS.
    is_https: bool,
}

/// Returns the places in a line where commands start: a program's name as a word, with something
/// behind it that it can be given.
pub(super) fn starts(words: &Words) -> impl Iterator<Item = usize> + '_ {
    let tools = words.kinds("tool", ALL).filter(|(hit, client)| {
        let (before, behind) = (&words.lower[..hit.start], &words.lower[hit.end..]);
        let next = behind.split_whitespace().next().unwrap_or_default();
        // “http” and “https” are words of any text as well.
        let is_given = || match *client {
            "gh" => words.lower[..hit.end].ends_with(" api"),
            "httpie" => next.starts_with('-') || words::is("verb", next),
            _ => pattern!(r#"^[-'"$@\\^`“‘’{<]|/.*\.|\..*/"#).is_match(next),
        };
        behind.starts_with(char::is_whitespace)
            && !before.ends_with(['-', '_', '.', ':', '@', '*'])
            && (is_given() || looks_like_address(next))
    });
    tools.map(|(hit, _)| hit.start)
}

/// Tells whether a command goes on in the next line, and takes what says so off it.
pub(super) fn goes_on(command: &mut String, next: &str) -> bool {
    let trimmed = command.trim_end().len();
    let is_odd = |sign| command.matches(sign).count() % 2 == 1;
    let ends = |sign: char| command[..trimmed].ends_with(sign);
    if ends('\\') || ends('^') || ends('`') && is_odd('`') {
        command.truncate(trimmed - 1);
    } else if is_odd('"') || is_odd('\'') {
        // What a mail program has broken inside of quotes.
        let is_rest = next.contains(['"', '\'']) || next.len() > 20 && !next.contains(' ');
        return is_rest && next.len() < 2000 && !next.starts_with(['{', '<']);
    } else {
        let is_open = command.matches('{').count() > command.matches('}').count();
        let is_option = pattern!(r"^(?:--?[A-Za-z]|\| ?jq)").is_match(next);
        let is_value = || pattern!(r#"^(?:["']|https://|\| )"#).is_match(next);
        if !is_open && !is_option && (looks_like_address(command) || !is_value()) {
            return false;
        }
    }
    command.push(' ');
    true
}

impl Command {
    /// Reads a command. `prompt` is the shell of the prompt in front of it, `before` that of an
    /// earlier one.
    pub(super) fn read(
        text: &str,
        prompt: Option<Shell>,
        before: Option<Shell>,
        variables: &Variables,
    ) -> Option<Self> {
        let small = lower(text);
        let tool = small.split_whitespace().next()?;
        let client = words::which("tool", tool)?;
        let is_powershell = client == "powershell" || small.contains("$env:");
        let before = before.filter(|before| *before != Shell::Posix);
        let is_cmd = text.contains('%') && pattern!(r"^[^%]*%[A-Z_]+(?:%|$)").is_match(text);
        let shell = { is_powershell.then_some(Shell::PowerShell) }
            .or(prompt)
            .or(before)
            .unwrap_or(if is_cmd { Shell::Cmd } else { Shell::Posix });
        let mut command = Self {
            request: Request {
                is_shown: true,
                is_whole: true,
                ..Request::default()
            },
            shell,
            has_options: text.contains(['\'', '"']),
            client,
            is_https: matches!(tool, "https" | "xhs") || client == "powershell",
        };
        command.words(text);
        let request = &mut command.request;
        if request.address.is_none()
            && let Some(place) = addresses(text).next()
        {
            request.address = Address::read(&text[place], command.is_https);
        }
        if client == "gh" && request.address.is_none() {
            request.mistakes.push(Mistake::OtherHost);
        }
        if request.credential.is_none() && small.contains("authorization") {
            // It may stand in a notation that is not known; curl sends `Authorization;` without a value.
            let mistake = small
                .contains("authorization;")
                .then_some(Mistake::EmptyToken);
            let judged = authorization(text, Some(shell), true, variables);
            request.credential = judged.or(Some((Credential::Unknown, mistake)));
        }
        let is_typographic = text.contains(['‘', '’', '“', '”']) && !text.contains(['\'', '"']);
        let is_single = shell == Shell::Cmd && pattern!(r"\s'").is_match(text);
        // PowerShell takes both kinds.
        if is_single || is_typographic && shell != Shell::PowerShell {
            request.mistakes.push(Mistake::Quotes);
        }
        Some(command)
    }

    /// Reads the words, as shells split them.
    fn words(&mut self, text: &str) {
        let is_posix = self.shell == Shell::Posix;
        let word =
            pattern!(r#"(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|“[^”]*”?|‘[^’]*’?|[^\s\\"'“‘]|\\.?)+"#);
        let mut rest = word.find_iter(text).skip(1).map(|word| {
            let is_quote = |c| matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’');
            let is_sign = |c| is_quote(c) || c == '\\' && is_posix;
            let word = word.as_str();
            // Without its quotes, and whether it has any.
            (word.replace(is_sign, ""), word.contains(is_quote))
        });
        let client = self.client;
        let (is_httpie, is_powershell) = (client == "httpie", client == "powershell");
        while let Some((word, is_quoted)) = rest.next() {
            let text = word.as_str();
            let has_address = self.request.address.is_some();
            if !is_quoted && matches!(text, "|" | "|&" | ">" | ">>" | "1>" | ">|") {
                let is_filter = text.starts_with('|');
                self.request.is_hidden |= !is_filter;
                let is_part = |word: &String| !word.starts_with(['|', ';', '&']);
                let filter: Vec<_> = rest.map(|(word, _)| word).take_while(is_part).collect();
                let all = pattern!(&words::section("notation of a whole").concat());
                self.request.is_filtered |= is_filter && !all.is_match(&filter.join(" "));
                return;
            }
            if !is_quoted && text == "||" {
                // What stands below may be what another command printed.
                self.request.is_filtered = true;
                return;
            }
            if text.starts_with('-') && text.len() > 1 {
                self.has_options = true;
                // A whole one, perhaps with its value behind a sign, or letters such as `-sSi`.
                let (name, glued) = text.split_once(['=', ':']).unwrap_or((text, ""));
                let small = lower(name);
                let whole = if is_powershell { &small } else { name };
                let is_long = is_powershell || name.starts_with("--");
                let letters = { text.char_indices().skip(1) }.filter(|_| !is_long);
                let letters = letters.map(|(at, letter)| {
                    let behind = &text[at + letter.len_utf8()..];
                    (format!("{client} -{letter}"), behind)
                });
                for (name, glued) in iter::once((format!("{client} {whole}"), glued)).chain(letters)
                {
                    if let Some(meaning) = words::which("valued", &name) {
                        let next = glued.is_empty().then(|| rest.next()).flatten();
                        self.means(meaning, next.as_ref().map_or(glued, |(word, _)| word));
                        break;
                    }
                    self.means(words::which("option", &name).unwrap_or_default(), "");
                }
            } else if is_httpie && !has_address && words::is("verb", text) {
                self.request.method = Some(text.to_ascii_uppercase());
            } else if is_httpie && has_address {
                let sign = text.find([':', '=']).unwrap_or(text.len());
                let (name, value) = text.split_at(sign);
                if let Some(value) = value.strip_prefix("==") {
                    self.request.mistakes.extend(mistake_of_query(name, value));
                } else if value.starts_with('=') || value.starts_with(":=") {
                    self.means("data", text);
                } else if value.starts_with(':') {
                    self.request.other_header(name);
                }
            } else if !has_address && looks_like_address(text) {
                let address = text.trim_end_matches([',', ';', ')']);
                self.request.address = Address::read(address, self.is_https);
            } else if !is_quoted && text.starts_with(['$', '@']) {
                // What is in there may be headers.
                self.request.is_whole = false;
            }
        }
    }

    /// Takes what an option means.
    fn means(&mut self, meaning: &str, value: &str) {
        let request = &mut self.request;
        match meaning {
            "method" => request.method = Some(value.to_ascii_uppercase()),
            "header" if value.starts_with(['@', '$']) => request.is_whole = value.starts_with("@{"),
            "header" => request.other_header(value.split([':', ';']).next().unwrap_or(value)),
            "user" => request.mistakes.push(Mistake::UserOption),
            "bearer" => request.credential = Some((Credential::Unknown, Some(Mistake::Bearer))),
            "elsewhere" => request.is_whole = false,
            "url" => request.address = Address::read(value, self.is_https),
            "output" => request.is_hidden |= value != "-",
            "hidden" => request.is_hidden = true,
            "head" => request.method = Some("HEAD".to_owned()),
            // Data goes into the query, or makes a POST.
            "query" => request.method = Some("GET".to_owned()),
            "data" if request.method.is_none() => request.method = Some("POST".to_owned()),
            _ => {}
        }
    }
}

fn looks_like_address(word: &str) -> bool {
    pattern!(r"://|bitrise\.io|^127\.0\.0\.1|^localhost|^[^\s]*\.[^\s]*/v0").is_match(word)
}

/// Returns where addresses stand in a text.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = Range<usize>> {
    let address = pattern!(&words::section("notation of an address").concat());
    // Most lines have none.
    let mut signs = ["://", "api.bitrise.io/"].iter();
    let found = signs
        .any(|sign| text.contains(sign))
        .then(|| address.find_iter(text));
    found.into_iter().flatten().map(|found| {
        let address = found.as_str().trim_end_matches(['.', ':', '?', '!', '…']);
        found.start()..found.start() + address.len()
    })
}
