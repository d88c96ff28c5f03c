//! The secrets in a pasted text: found first, so that nothing of them is shown, and told by kind.
//!
//! A secret is known by its own shape, or by the name in front of it: of a header, an option, a
//! setting. The names stand in `words.txt`, the shapes of other services' tokens in `services.txt`.
//!
//! Invariant: linear in the text; each place is looked at in a bounded window.

use super::plain::is_token_part;
use super::request::is_hidden;
use super::words::{self, floor, lower, section};
use crate::pasted::Secret;
use crate::redact::{Redactor, decode_base64, undone};
use crate::token::{Token, has_prefix, listed, prefix_at};
use regex_lite::Captures;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::iter;

/// The maximum number of secrets of a text; of one that has more nothing is shown at all.
const MAX_SECRETS: usize = 512;

/// The maximum number of bytes of a secret.
const LONGEST: usize = 512;

/// The fewest bytes of another service's token, and of a token in base64.
const SHORTEST: usize = 16;

/// The made-up token of the sandbox, which is no secret.
pub const SANDBOX_TOKEN: &str = "bitwat_sandbox_made_up_and_not_a_secret";

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// What stands between a name and its value.
const SIGNS: [char; 3] = [':', '=', ','];

/// The secrets of a text.
#[derive(Default)]
pub(super) struct Secrets {
    texts: BTreeSet<String>,
    /// What is told of, with its text.
    found: Vec<(String, Secret)>,
    /// Whether a user and a password for a proxy are shown, also if they are hidden.
    pub(super) has_proxy_login: bool,
    /// Removes them from other texts; nothing if there are too many.
    redactor: Option<Redactor>,
}

impl Secrets {
    /// Finds the secrets of a text, also of what is written in escapes: a name says more than a shape, and
    /// what was told is not told again.
    pub(super) fn find(text: &str) -> Self {
        let mut secrets = Self::default();
        let is_border = |c: char| c.is_whitespace() || "\"'`“”‘’<>|;()[]{}\\&?".contains(c);
        for text in readings(text) {
            // Archives and settings have a name in one member, and its value in the next.
            let text = pattern!(r#"(?i)\n(\s*"?value"?:)"#).replace_all(&text, " $1");
            for line in text.split('\n') {
                let words = line.split(is_border).filter(|word| !word.is_empty());
                let words: Vec<_> = words.map(|word| &word[..floor(word, LONGEST)]).collect();
                // In some commands and files white space alone stands behind a name.
                let mut is_spaced = words.len() == 2;
                for (at, word) in words.iter().enumerate() {
                    secrets.name(word, &words[at + 1..], is_spaced);
                    // What is known by its own shape.
                    let (_, behind) = word.split_once("://").unwrap_or_default();
                    let authority = behind.split('/').next().unwrap_or_default();
                    if let Some((user_info, host)) = authority.rsplit_once('@') {
                        let port = host.rsplit_once(':').map_or("443", |(_, port)| port);
                        secrets.user_info(user_info, !matches!(port, "443" | "80"));
                    }
                    let mut start = 0;
                    for part in word.split([':', '=', ',', '@']) {
                        if secrets.token(part) {
                            // Those of some services have such signs inside. Behind an “@” stands a
                            // host, unless a path stands before it.
                            let rest = &word[start..];
                            let host = rest.find('@').filter(|_| !part.contains('/'));
                            secrets.token(&rest[..host.unwrap_or(rest.len())]);
                        } else {
                            part.split('/').for_each(|part| _ = secrets.token(part));
                        }
                        start += part.len() + 1;
                    }
                    is_spaced |= words::is("spaced", word);
                }
            }
        }
        let texts = secrets.texts.iter().map(String::as_str);
        secrets.redactor = (texts.len() < MAX_SECRETS).then(|| Redactor::new(texts));
        secrets
    }

    /// Returns what they are, each once.
    pub(super) fn kinds(&self) -> Vec<Secret> {
        // The start of another token is that token, which was cut there.
        let is_whole = |(text, _): &&(String, Secret)| {
            let mut texts = self.found.iter().map(|(text, _)| text);
            texts.all(|other| other == text || !other.starts_with(text))
        };
        let whole = self.found.iter().filter(is_whole);
        whole.map(|(_, kind)| kind.clone()).collect()
    }

    /// Returns a text without the secrets, and without what looks like a token, in any case: plain,
    /// percent-encoded or somewhere inside of base64, and perhaps broken into several words. A text that
    /// holds some in escapes is shown without these.
    pub(super) fn clean(&self, text: &str) -> String {
        const NEXT: &str = r"\s+[a-z0-9_-]*(?:[0-9][a-z]|[a-z][0-9])[a-z0-9_-]*";
        let Some(redactor) = &self.redactor else {
            return "[not shown]".to_owned();
        };
        let token = pattern!(&format!(
            r"(?i)(?:bit[wp]at(?:_|%5f)|[a-z0-9+/_-]*(?:yml0(?:d2|cg)f0x|jpdh[db]hdf|iaxr[3w]yxrf))(?:{0}{{8,}}|{0}+{NEXT})(?:{NEXT})*",
            "[a-z0-9_%+/=.~-]",
        ));
        let masked = |found: &Captures| match &found[0] {
            SANDBOX_TOKEN => SANDBOX_TOKEN.to_owned(),
            _ => "[token]".to_owned(),
        };
        let clean = |text: &str| {
            let text = token.replace_all(text, masked);
            redactor.clean(&text).into_owned()
        };
        let shown = clean(text);
        let held = readings(&shown).filter(|text| clean(text) != **text).last();
        held.map_or_else(|| shown.clone(), |text| clean(&text))
    }

    fn add(&mut self, text: &str, kind: Option<Secret>) {
        if self.texts.len() < MAX_SECRETS {
            self.texts.insert(text.to_owned());
        }
        let is_known = |kind: &Secret| {
            let mut found = self.found.iter();
            found.any(|(own, known)| own == text || known == kind)
        };
        let is_new = |kind: &Secret| self.found.len() < MAX_SECRETS && !is_known(kind);
        if let Some(kind) = kind.filter(is_new) {
            self.found.push((text.to_owned(), kind));
        }
    }

    /// Takes a token of Bitrise, perhaps in base64, or of another service, and tells whether it is one.
    fn token(&mut self, text: &str) -> bool {
        let Some(at) = prefix_at(text) else {
            // To look them up costs most of the time; no token is as short as most words.
            let long = Some(text).filter(|text| text.len() >= SHORTEST);
            let decoded = long.map(decode_base64).unwrap_or_default();
            if has_prefix(&decoded) {
                return self.token(&decoded);
            }
            let known = long.and_then(|text| listed(&["tokens", "pasted"], text));
            let Some((name, place, prefix)) = known else {
                return false;
            };
            let secret = match text.split_once(prefix) {
                Some((before, behind)) if before.is_empty() || before.contains("//") => behind,
                _ => text,
            };
            let is_live = secret.contains(DIGITS) && is_real(secret);
            if is_live {
                self.add(text, Some(Secret::Service(name, place)));
            }
            return is_live;
        };
        let text = &text[at..];
        let token = &text[..text.find(|c| !is_token_part(c)).unwrap_or(text.len())];
        let secret = &token["bitwat_".len().min(token.len())..];
        if token != SANDBOX_TOKEN && !secret.is_empty() {
            // A masked or made-up one is not shown either, but it is no secret.
            let is_one = !is_hidden(text);
            self.add(secret, is_one.then(|| bitrise(token, secret)).flatten());
        }
        true
    }

    /// Takes a user and a password with a colon between, of which either may be a token.
    fn user_info(&mut self, text: &str, is_of_proxy: bool) {
        self.has_proxy_login |= is_of_proxy;
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let is_token = self.token(user) | self.token(password);
        // Behind “password” alone, a word of letters may be one of a sentence.
        let is_word = user.is_empty() && password.bytes().all(|b| b.is_ascii_lowercase());
        let is_told = is_shown(password) && !is_token && !is_word;
        let kind = if is_of_proxy {
            Secret::Proxy
        } else {
            Secret::Password
        };
        self.add(text, is_told.then_some(kind));
        for part in [user, password].into_iter().filter(|part| is_shown(part)) {
            self.add(part, None);
        }
    }

    /// Takes what stands behind a name that announces a secret.
    fn name(&mut self, word: &str, rest: &[&str], is_spaced: bool) {
        let word = pattern!(r"(?i)^\$env:").replace(word, "");
        // As in `-ubob:pw`.
        let is_glued = pattern!("^-[A-Za-z].*[:@]").is_match(&word);
        let end = if is_glued { Some(2) } else { word.find(SIGNS) };
        let (name, glued) = word.split_at(end.unwrap_or(word.len()));
        let is_value = |word: &str| word.trim_matches(SIGNS).eq_ignore_ascii_case("value");
        let mut next = [glued].into_iter().chain(rest.first().copied());
        let has_sign = next.any(|next| next.starts_with(SIGNS) || is_value(next));
        if !has_sign && !is_glued && !name.starts_with('-') && !is_spaced {
            return;
        }
        let small = lower(name);
        let is_of_proxy = small.contains("proxy") || matches!(name, "-U" | "-x");
        let is_name =
            |known: &&str| *known == name || !known.starts_with('-') && small.ends_with(known);
        let mut kinds = ["session", "user", "password", "token"].into_iter();
        let Some(kind) = kinds.find(|kind| section(&format!("secret {kind}")).iter().any(is_name))
        else {
            return;
        };
        let values = [glued].into_iter().chain(rest.iter().copied());
        let values = values.map(|value| value.trim_matches(SIGNS));
        let mut values = values.filter(|value| !value.is_empty() && !is_value(value));
        if kind == "session" {
            for (_, value) in values.take(8).filter_map(|pair| pair.split_once('=')) {
                let is_sent = !small.starts_with("set-") && value.len() >= SHORTEST;
                let is_session = is_sent && !is_hidden(value);
                self.add(value, is_session.then_some(Secret::Session));
            }
            return;
        }
        let mut value = values.next().unwrap_or_default();
        let scheme = lower(value);
        if scheme == "token" || words::is("scheme", &scheme) {
            value = values.next().unwrap_or_default();
        }
        // An option, a path or an address is none.
        let is_place = pattern!(r"^[-/]|://|/v0\.1").is_match(value);
        let decoded = (scheme == "basic").then(|| decode_base64(value));
        if let Some(decoded) = decoded.filter(|decoded| !decoded.is_empty()) {
            self.add(value, None);
            self.user_info(&decoded, is_of_proxy);
        } else if kind == "user" {
            // An address of a proxy, or a user and a password.
            let (_, value) = value.split_once("://").unwrap_or(("", value));
            let (user_info, host) = value.rsplit_once('@').unwrap_or((value, ""));
            let is_address = small.ends_with("proxy") || name == "-x";
            if !value.is_empty() && (!is_address || !host.is_empty()) {
                self.user_info(user_info, is_of_proxy);
            }
        } else if kind == "password" && is_shown(value) {
            self.user_info(&format!(":{value}"), is_of_proxy);
        } else if !self.token(value) && is_shown(value) && value.len() >= 8 && !is_place {
            // A date or a name of a file is shorter than one.
            let is_one = value.len() >= 20 && value.contains(DIGITS);
            self.add(value, is_one.then(|| bitrise(value, value)).flatten());
        }
    }
}

/// Returns what a value is if it is a token of Bitrise with a secret in it.
fn bitrise(value: &str, secret: &str) -> Option<Secret> {
    let parsed = is_real(secret).then(|| Token::parse(value));
    let (_, info) = parsed?.ok()?;
    Some(Secret::Bitrise(info.kind?, info.fingerprint))
}

/// Tells whether a value is shown, and not hidden, empty or a name.
fn is_shown(value: &str) -> bool {
    // One of words, such as `YOUR_API_TOKEN` or `redacted-for-ticket`.
    let is_made_up = !value.contains(DIGITS) && words::says("secret word", &lower(value));
    !is_made_up && !value.is_empty() && !is_hidden(value) && !value.starts_with(['$', '%', '@'])
}

/// Tells whether a value is a secret, and not a mask or a placeholder.
fn is_real(secret: &str) -> bool {
    let characters: BTreeSet<char> = lower(secret).chars().collect();
    let is_part = |c: char| is_token_part(c) || ".+/=~@".contains(c);
    is_shown(secret) && secret.len() >= 8 && characters.len() > 4 && secret.chars().all(is_part)
}

/// Returns a text as it stands, and as it reads with its escapes undone, once and twice.
fn readings(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let next = |text: &Cow<'_, str>| {
        let undone = undone(text);
        (undone != *text).then(|| Cow::Owned(undone.into_owned()))
    };
    iter::successors(Some(Cow::Borrowed(text)), next).take(3)
}

/// Returns a text that does not say what its tokens are, such as a value of a saved report, without
/// what looks like one in it and without the users and passwords of addresses; and whether it held
/// a token.
pub fn without_secrets(text: &str) -> (String, bool) {
    let shown = pattern!("://[^\\s/\"'“”]*@").replace_all(text, "://");
    let cleaned = Secrets::find("").clean(&shown);
    let held_token = cleaned != shown;
    (cleaned, held_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// The secret behind the prefix of a token, and in place of a password.
    const CANARY: &str = "Zk3vQ9pL2mX8sT1bN5cR";

    #[test]
    fn secrets_are_named_by_kind_once_and_removed() {
        let basic = |text: &str| format!("Authorization: Basic {}", STANDARD.encode(text));
        for (text, kind) in [
            (format!("> Cookie: _session={CANARY}"), "Session"),
            (
                format!("curl -b 'sid={CANARY}' https://h.example"),
                "Session",
            ),
            (format!("curl --proxy-user ann:{CANARY}"), "Proxy"),
            (format!("curl -x ann:{CANARY}@proxy:3128"), "Proxy"),
            (
                format!("$env:HTTPS_PROXY = \"http://ann:{CANARY}@p:80\""),
                "Proxy",
            ),
            (format!("machine h login ann password {CANARY}"), "Password"),
            (format!("  login ann\n  password {CANARY}"), "Password"),
            (format!("DB_PASSWORD={CANARY}"), "Password"),
            (format!("curl -uann:{CANARY} https://h.example"), "Password"),
            (
                format!("git clone https://ann:{CANARY}@git.example/x"),
                "Password",
            ),
            (basic(&format!("ann:{CANARY}")), "Password"),
            (basic(&format!("ann:bitwat_{CANARY}")), "Bitrise"),
            (format!("setx BITRISE_TOKEN {CANARY}"), "Bitrise"),
            (
                basic(&format!("bitpat_{CANARY}")).replace("Basic ", ""),
                "Bitrise",
            ),
            (
                format!("{{\"name\": \"cookie\",\n\"value\": \"_s={CANARY}; a=b\"}}"),
                "Session",
            ),
            (
                format!("{{\"key\":\"api_key\",\"value\":\"{CANARY}\"}}"),
                "Bitrise",
            ),
            (
                format!("  - name: DB_PASSWORD\n    value: {CANARY}"),
                "Password",
            ),
            (format!("\"Authorization\", \"{CANARY}\""), "Bitrise"),
            (
                format!("bitwat_{CANARY}\nbitwat_{}...", &CANARY[..14]),
                "Bitrise",
            ),
            (
                format!("https://oauth2:glpat-{CANARY}@git.example/x"),
                "a GitLab",
            ),
            (
                format!("https://hooks.slack.com/services/T01/B02/{CANARY}"),
                "a Slack",
            ),
        ] {
            let secrets = Secrets::find(&text);
            assert_eq!(secrets.kinds().len(), 1, "{text}: {:?}", secrets.found);
            assert!(
                format!("{:?}", secrets.kinds()).contains(kind),
                "{text}: {:?}",
                secrets.found
            );
            assert!(!secrets.clean(&text).contains(&CANARY[..12]), "{text}");
        }
        for text in [
            "Authorization: bitwat_***",
            "Authorization: YOUR_API_TOKEN",
            "curl -u \"$USER:$PASS\" -H \"Authorization: ${BITRISE_TOKEN}\"",
            "The password: see below. token: the one from Ann, cookie: none",
            "Access for the token?\",\"12/Nov/26 9:17 AM;ann;No idea",
            "npm_config_registry_url=https://registry.npmjs.org/path",
            SANDBOX_TOKEN,
        ] {
            assert_eq!(Secrets::find(text).kinds(), [], "{text}");
        }
    }
    #[test]
    fn a_services_token_is_hidden_as_a_whole_and_no_host() {
        for token in [
            format!("sntrys_eyJpYXQiOjE2ODczMzY1NDMuNjk4NTk=_{CANARY}"),
            format!("https://a.webhook.office.com/webhookb2/7f3a1c2e@0a1b2c3d/In/{CANARY}"),
            format!("https://ann:ghp_{CANARY}@git.example/x"),
        ] {
            let secrets = Secrets::find(&format!("a ({token}) b"));
            assert_eq!(secrets.kinds().len(), 1, "{:?}", secrets.found);
            assert!(!secrets.clean(&token).contains(CANARY), "{token}");
            let host = "https://git.example/x";
            assert_eq!(secrets.clean(host), host, "{token}");
        }
    }

    #[test]
    fn no_form_of_a_token_is_shown() {
        let token = format!("bitwat_{CANARY}");
        let each = |form: fn(u32) -> String| token.chars().map(|c| form(c.into())).collect();
        let percent: String = each(|c| format!("%{c:02X}"));
        let forms: [String; 9] = [
            token.to_uppercase(),
            each(|c| format!("\\u{c:04x}")),
            each(|c| format!("\\x{c:02x}")),
            each(|c| format!("&#{c};")),
            each(|c| format!("&#x{c:X};")),
            percent.replace('%', "%25"),
            percent,
            STANDARD.encode(format!("ann:{token}")),
            format!("{} {}", &token[..14], &token[14..]),
        ];
        for form in forms {
            let text = Secrets::find("").clean(&format!("a {form} b"));
            assert_eq!(text, "a [token] b", "{form}");
            // What stands behind a name is known in any form, and removed in any other.
            let secrets = Secrets::find(&format!("BITRISE_TOKEN={form}"));
            let is_removed = !secrets.clean(CANARY).contains(&CANARY[..12]);
            assert!(is_removed || form.contains(' '), "{form}");
        }
    }
}
