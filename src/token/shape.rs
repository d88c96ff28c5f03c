//! The shapes of text that is plainly no Bitrise token, found before anything is sent.
//!
//! `shapes.txt` holds the shapes with their words, `services.txt` other services and stores of
//! secrets; here are the rules that no expression can hold.
//!
//! Invariant: nothing here quotes the text, apart from the name of a setting that can't be part of
//! a token.

use super::{has_prefix, prefix_at};
use crate::redact::{Redactor, decode_base64};
use crate::text::regex;
use regex_lite::Regex;
use std::sync::LazyLock;

/// What was seen of a text that can't be used as a Bitrise token, as a sentence about “it”.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{seen}")]
pub struct TokenError {
    /// The name of the shape in `shapes.txt`.
    pub shape: &'static str,
    seen: String,
    /// What to do about it, as one sentence. If the token itself may be fine, no sentence asks for a
    /// new one.
    pub fix: &'static str,
    /// Whether the text may hold a secret; one that holds none may still be an address with a user or
    /// a query.
    pub(super) holds_secret: bool,
}

/// Returns the name of a setting if it is one: ASCII letters, digits, `_`, `.` and `-`, so that it can
/// be shown anywhere.
fn key(name: &str) -> Option<String> {
    let is_name = pattern!(r"^[A-Za-z_][\w.-]{0,39}$").is_match(name);
    is_name.then(|| name.to_owned())
}

/// A shape, as `shapes.txt` has it.
#[derive(Default)]
struct Shape {
    name: &'static str,
    seen: &'static str,
    fix: &'static str,
    has_no_secret: bool,
    when: Option<Regex>,
    unless: Option<Regex>,
}

/// The shapes in their order: each is a block of `shapes.txt`, which may also name parts of
/// expressions.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let (mut shapes, mut parts) = (Vec::new(), Vec::new());
    for block in include_str!("shapes.txt").split("\n\n") {
        let mut shape = Shape::default();
        let (mut when, mut unless) = (Vec::new(), Vec::new());
        for (word, rest) in block.lines().filter_map(|line| line.split_once(' ')) {
            let rest = rest.trim_start();
            match word {
                "let" => parts.extend(rest.split_once(' ').map(|(name, part)| (name, part.trim()))),
                "shape" => shape.name = rest,
                "seen" => shape.seen = rest,
                "do" => shape.fix = rest,
                "secret" => shape.has_no_secret = rest == "none",
                "when" => when.push(rest),
                "unless" => unless.push(rest),
                _ => {}
            }
        }
        let expression = |alternatives: &[&str]| {
            let mut whole = format!("(?:{})", alternatives.join(")|(?:"));
            for (name, part) in &parts {
                whole = whole.replace(&format!("{{{name}}}"), part);
            }
            (!alternatives.is_empty()).then(|| regex(&whole))
        };
        shape.when = expression(&when);
        shape.unless = expression(&unless);
        if !shape.name.is_empty() {
            shapes.push(shape);
        }
    }
    shapes
});

impl Shape {
    /// Finds this shape in a text. `core` is the text without what stands around it.
    fn find(&self, whole: &str, core: &str) -> Option<TokenError> {
        if { self.unless.as_ref() }.is_some_and(|unless| unless.is_match(core)) {
            return None;
        }
        if let Some(found) = self.when.as_ref().and_then(|when| when.find(core)) {
            // Which character stands where: “a space after the 6th character”.
            let (before, from) = core.split_at(found.start());
            let name = match from.chars().next().unwrap_or_default() {
                ' ' => "a space".to_owned(),
                '\t' => "a tab".to_owned(),
                other => format!("U+{:04X}", u32::from(other)),
            };
            let before = before.chars().count();
            let ending = match (before % 10, before % 100) {
                (1, tens) if tens != 11 => "st",
                (2, tens) if tens != 12 => "nd",
                (3, tens) if tens != 13 => "rd",
                _ => "th",
            };
            let place = match before {
                0 => format!("{name} at the start"),
                _ => format!("{name} after the {before}{ending} character"),
            };
            return error(self.name, &[("{place}", &place)]);
        }
        match self.name {
            "base64" => decoded(core).and_then(|_| error(self.name, &[])),
            "reference" if !has_prefix(core) => {
                let (store, ..) = listed(&["stores"], &core.to_ascii_lowercase())?;
                error(self.name, &[("{name}", store)])
            }
            "other_service" => {
                let (name, _, beginning) = listed(&["tokens"], core)?;
                error(
                    self.name,
                    &[("{service}", name), ("{beginning}", beginning)],
                )
            }
            "settings" => token_inside(whole, core),
            // What is shorter than twice a short token is none.
            "doubled" if core.len() >= 40 => {
                let (first, second) = core.split_at_checked(core.len() / 2)?;
                let second = second.trim_start_matches([' ', '\t', '\r', '\n', ',', ';']);
                { first.trim_end() == second }.then(|| error(self.name, &[]))?
            }
            "setting_without_prefix" => setting(core),
            _ => None,
        }
    }
}

/// Returns the error of a shape; `gaps` are the gaps in its sentence, each with what fills it.
fn error(shape: &str, gaps: &[(&str, &str)]) -> Option<TokenError> {
    let shape = SHAPES.iter().find(|known| known.name == shape)?;
    let fill = |seen: String, (gap, words): &(&str, &str)| seen.replace(gap, words);
    Some(TokenError {
        shape: shape.name,
        seen: gaps.iter().fold(shape.seen.to_owned(), fill),
        fix: shape.fix,
        holds_secret: !shape.has_no_secret,
    })
}

/// Finds what makes a text plainly no token.
pub(super) fn find(text: &str) -> Option<TokenError> {
    // Most texts are what tokens are, so that no shape has to be tried: no placeholder has a digit.
    let plain = pattern!(r"^bit(?:wat|pat)_([\w-]*\d[\w-]*)$").captures(text.trim());
    if plain.is_some_and(|plain| !has_prefix(&plain[1])) {
        return None;
    }
    let (core, around) = unwrapped(text);
    if core.is_empty() {
        let name = if around.is_some() {
            "missing_value"
        } else {
            "empty"
        };
        return error(name, &[]);
    }
    // What is wrong inside says more than the quotation marks around it.
    let mut shapes = SHAPES.iter();
    shapes.find_map(|shape| shape.find(text, core)).or(around)
}

/// The quotation marks of keyboards, word processors and chats.
const QUOTES: [char; 15] = [
    '"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›', '″', '′',
];

/// What may stand in front of a token in a command or a header, in any case; a word without a colon
/// has white space behind it.
const IN_FRONT: &str = "-H --header Authorization: Authorization Proxy-Authorization: \
    PRIVATE-TOKEN: X-API-Key: X-Auth-Token: Bearer: Bearer Token Basic ApiKey \
    Bitrise-Addon-Auth-Token:";

/// Returns a text without white space, quotation marks and headers around it, and what of them is
/// an error: a header says more than the quotation marks that belong to it.
fn unwrapped<'a>(text: &'a str) -> (&'a str, Option<TokenError>) {
    let after = |text: &'a str, name: &str| {
        let (head, rest) = text.split_at_checked(name.len())?;
        let is_apart = name.ends_with(':') || rest.starts_with(char::is_whitespace);
        (head.eq_ignore_ascii_case(name) && is_apart).then_some(rest)
    };
    let (mut core, mut is_quoted, mut first) = (text.trim(), false, None);
    loop {
        let unquoted = core.trim_matches(QUOTES);
        is_quoted |= unquoted.len() < core.len();
        core = unquoted.trim();
        let mut known = IN_FRONT.split(' ');
        let Some((name, rest)) = known.find_map(|name| Some((name, after(core, name)?))) else {
            let in_front = first.and_then(|name| error("in_front", &[("{name}", name)]));
            let quoted = || error("quoted", &[]);
            return (
                core,
                in_front.or_else(|| if is_quoted { quoted() } else { None }),
            );
        };
        first = first.or(Some(name));
        core = rest.trim();
    }
}

/// Returns the token's text that this one is the base64 of, if it is: in either alphabet, with or
/// without its end, whether or not it was cut.
pub(super) fn decoded(text: &str) -> Option<String> {
    let (core, _) = unwrapped(text);
    let compact: String = core.split_whitespace().collect();
    let decoded = decode_base64(&compact);
    (has_prefix(&decoded) && !has_prefix(core)).then_some(decoded)
}

/// Looks a text up in parts of `services.txt`: returns the name, with its article if it is that of a
/// service, the place where such a token is revoked, and the beginning that fits, less its marks.
/// Tokens and addresses that hold one are one word.
pub fn listed(parts: &[&str], text: &str) -> Option<(&'static str, &'static str, &'static str)> {
    if text.contains(char::is_whitespace) && parts != ["stores"] {
        return None;
    }
    // Most beginnings begin otherwise.
    let first = text.chars().next();
    let may_fit = |beginning: &str| beginning.starts_with('…') || beginning.chars().next() == first;
    let mut rows = { LISTED.iter() }.filter(|row| may_fit(row.2) && parts.contains(&row.0));
    rows.find_map(|(_, row, beginning)| {
        let (name, place) = row.split_once(" @ ").unwrap_or((row, ""));
        let (start, then) = beginning.split_once('~').unwrap_or((beginning, ""));
        if let Some(anywhere) = start.strip_prefix('…') {
            return text.contains(anywhere).then_some((name, place, anywhere));
        }
        let rest = text.strip_prefix(start)?;
        let fits = then.is_empty() || Regex::new(then).is_ok_and(|then| then.is_match(rest));
        fits.then_some((name, place, start))
    })
}

/// The beginnings in `services.txt`, each with its part and its name: a pasted text has many words.
static LISTED: LazyLock<Vec<(&str, &str, &str)>> = LazyLock::new(|| {
    let (mut part, mut listed) = ("", Vec::new());
    let lines = include_str!("services.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        part = line.strip_prefix('[').unwrap_or(part);
        if let Some((name, all)) = line.split_once(": ") {
            let part = part.trim_end_matches(']');
            listed.extend(all.split(' ').map(|one| (part, name, one)));
        }
    }
    listed
});

/// Recognises a text that has a token in it, but does not begin with one.
fn token_inside(whole: &str, core: &str) -> Option<TokenError> {
    let at = prefix_at(core).filter(|at| *at > 0)?;
    // What can't be seen is better named as what it is.
    if !core[..at].contains(|c: char| c.is_ascii_graphic()) {
        return None;
    }
    let mut lines = (1..).zip(whole.lines());
    let (line, held) = lines.find(|(_, line)| has_prefix(line))?;
    let (before, token) = held.split_at(prefix_at(held)?);
    let secret = Redactor::new([token]);
    // The name of a setting whose value is about to come: `NAME=`, `name: `, `"name": "`, or the word
    // in front of it in the commands and files that have no sign between them.
    let before = before.trim_end_matches(|c: char| QUOTES.contains(&c) || c.is_whitespace());
    let spaced = pattern!(r"(?i)^\s*(?:setx?|setenv|machine|login|password|default)(?:\s|$)");
    let before = match before.strip_suffix(['=', ':', '>']) {
        Some(before) => Some(before.trim_end_matches([':', '=', '?', ' ', '\t'])),
        None => Some(before).filter(|before| spaced.is_match(before)),
    };
    let is_around = |c: char| QUOTES.contains(&c) || c == ']';
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let name = before.and_then(|text| {
        text.trim_end_matches(is_around)
            .rsplit(|c| !is_part(c))
            .next()
    });
    let key = name.and_then(|name| key(name.trim_start_matches('-')));
    let key = key.filter(|key| !secret.finds(key));
    let shape = match (core.lines().count() == 1, &key) {
        (true, None) => "settings",
        (true, Some(_)) => "setting",
        (false, None) => "file",
        (false, Some(_)) => "file_of_settings",
    };
    let (line, key) = (line.to_string(), key.unwrap_or_default());
    error(shape, &[("{line}", &line), ("{key}", &key)])
}

/// Recognises settings, JSON and YAML whose token, if there is one, has no prefix to know it by.
fn setting(core: &str) -> Option<TokenError> {
    let first = pattern!(r"(?i)^(?:export|setx?|setenv|declare|machine|env)\s");
    // A name that has one of these words is no part of a token.
    let telling = pattern!(
        r"(?i)(?:^|[_.-])(?:(?:api|access)?token|secret|(?:api)?key|pat|auth|password)(?:[_.-]|$)"
    );
    let is_json = core.starts_with(['{', '[']) && core.contains('"');
    // As in `NAME=value`, `- name: value` or `"name": "value"`.
    let name = |line: &str| {
        let (name, value) = line.split_at(line.find(['=', ':'])?);
        let is_around = |c: char| QUOTES.contains(&c) || c.is_whitespace() || "=:".contains(c);
        // What only ends in `=` may be base64.
        if value.chars().all(is_around) {
            return None;
        }
        let name = name.trim().rsplit([' ', '{', '[', ',']).next()?;
        key(name.trim_matches(QUOTES))
    };
    let keys: Vec<String> = core.lines().filter_map(name).collect();
    if !first.is_match(core) && !is_json && keys.is_empty() {
        return None;
    }
    let is_telling = |key: &String| telling.is_match(key);
    match keys.into_iter().find(is_telling) {
        Some(key) => error("setting", &[("{key}", &key)]),
        None => error("setting_without_prefix", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD, URL_SAFE};
    use proptest::prelude::*;

    const CANARY: &str = "bitwat_CANARY-3f9a81c27e55d04b_x9";

    /// Returns the name of the shape that is found in a text.
    fn shape_of(text: &str) -> Option<&'static str> {
        find(text).map(|error| error.shape)
    }

    /// Returns what is said of a text.
    fn seen(text: &str) -> String {
        find(text).map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn each_example_has_its_shape_and_no_words_hold_anything_of_it() {
        const SIGNS: &str = "␊\n␍\r␉\t⍽\u{a0}⎵\u{3000}";
        let signs: Vec<char> = SIGNS.chars().collect();
        let blocks = include_str!("examples.txt").split("\nshape   ").skip(1);
        for block in blocks {
            let (expected, texts) = block.split_once('\n').unwrap();
            assert!(texts.lines().count() >= 8, "{expected}");
            for text in texts.lines().filter(|line| !line.is_empty()) {
                let sign =
                    |text: String, sign: &[char]| text.replace(sign[0], &sign[1].to_string());
                let text = signs.chunks(2).fold(text.to_owned(), sign);
                assert_eq!(shape_of(&text), Some(expected), "{text:?}");
                let error = find(&text).unwrap();
                let words = format!("{error} {}", error.fix);
                assert!(!words.contains("CANARY") && !words.contains('{'), "{words}");
            }
        }
    }

    #[test]
    fn the_file_of_shapes_is_whole() {
        let file = include_str!("shapes.txt");
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            let word = line.split(' ').next().unwrap();
            let words = [
                "", "let", "shape", "when", "unless", "found", "seen", "do", "secret",
            ];
            assert!(words.contains(&word), "{line}");
        }
        let (whens, unlesses) = (
            file.matches("\nwhen ").count(),
            file.matches("\nunless ").count(),
        );
        assert!(whens > SHAPES.len() / 2 && unlesses > 2);
        for shape in SHAPES.iter() {
            let block = file.split("\n\n");
            let mut block =
                block.filter(|block| block.starts_with(&format!("shape   {}\n", shape.name)));
            let (found, other) = (block.next().unwrap(), block.next());
            assert_eq!(other, None, "{} stands there twice", shape.name);
            for (word, expression) in [("when", &shape.when), ("unless", &shape.unless)] {
                let is_there = found.contains(&format!("\n{word} "));
                assert_eq!(is_there, expression.is_some(), "{}", shape.name);
            }
            assert!(shape.seen.starts_with("it "), "{}", shape.name);
            assert!(shape.fix.ends_with('.'), "{}", shape.name);
        }
        for (part, least) in [("tokens", 60), ("stores", 20)] {
            let rows = LISTED.iter().filter(|row| row.0 == part);
            assert!(rows.count() >= least, "{part}");
        }
        for (_, name, beginning) in LISTED.iter() {
            let (start, then) = beginning.split_once('~').unwrap_or((beginning, ""));
            let is_fit = !start.is_empty() && Regex::new(then).is_ok();
            assert!(is_fit, "{name}: {beginning}");
        }
    }

    #[test]
    fn headers_and_schemes() {
        for row in [
            "Bearer ¦ Bearer bitwat_CANARY ¦ bearer\tbitwat_CANARY ¦ BEARER  3f9acanary0",
            "Token ¦ token bitwat_CANARY ¦ Token bitpat_CANARY ¦ token 3f9acanary0",
            "Basic ¦ Basic bitwat_CANARY ¦ basic x ¦ Basic 3f9acanary0",
            "Authorization: ¦ Authorization: bitwat_CANARY ¦ authorization:bitwat_CANARY",
            "Authorization: ¦ Authorization: Bearer bitwat_CANARY",
            "-H ¦ -H 'Authorization: bitwat_CANARY' ¦ -H bitwat_CANARY",
            "-H ¦ -H \"Authorization: Bearer bitwat_CANARY\"",
            "PRIVATE-TOKEN: ¦ PRIVATE-TOKEN: bitwat_CANARY ¦ Private-Token:bitwat_CANARY",
            "PRIVATE-TOKEN: ¦ private-token: 3f9acanary0",
        ] {
            let (scheme, texts) = row.split_once(" ¦ ").unwrap();
            for text in texts.split(" ¦ ") {
                assert_eq!(
                    find(text),
                    error("in_front", &[("{name}", scheme)]),
                    "{text}"
                );
            }
        }
        let bearer = error("in_front", &[("{name}", "Bearer")]);
        assert_eq!(find("\"Bearer bitwat_CANARY\""), bearer);
    }

    #[test]
    fn references_to_secrets() {
        for row in [
            "1Password ¦ op://Private/Bitrise/token ¦ \"op://Private/Bitrise/token\"",
            "HashiCorp Vault ¦ vault:secret/data/bitrise#token ¦ vault://secret/bitrise",
            "AWS ¦ arn:aws:secretsmanager:eu-west-1:123456789012:secret:bitrise",
            "AWS ¦ arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/bitrise",
            "vals ¦ ref+awsssm://bitrise/token",
            "SOPS ¦ ENC[AES256_GCM,data:p673w==,iv:YY=,tag:x=,type:str]",
            "Google Secret Manager ¦ projects/123/secrets/bitrise/versions/latest",
            "Google Secret Manager ¦ gcpsm://projects/x/bitrise",
            "Azure Key Vault ¦ @Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/b/)",
            "Azure Key Vault ¦ https://x.vault.azure.net/secrets/bitrise ¦ keyvault:bitrise",
            "Doppler ¦ doppler://project/config/TOKEN",
            "Ansible Vault ¦ $ANSIBLE_VAULT;1.1;AES256\n6265",
            "Spring Cloud Config ¦ {cipher}AQICAHh",
        ] {
            let (store, texts) = row.split_once(" ¦ ").unwrap();
            for text in texts.split(" ¦ ") {
                assert_eq!(
                    find(text),
                    error("reference", &[("{name}", store)]),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn tokens_in_base64() {
        let once = |text: &str| BASE64.encode(text);
        let line = format!("{CANARY}\n");
        let wrapped = format!("{}\n{}", &once(CANARY)[..20], &once(CANARY)[20..]);
        for text in [
            once(CANARY),
            once(&line),
            STANDARD_NO_PAD.encode(&line),
            URL_SAFE.encode(CANARY),
            once(&format!("user:{CANARY}")),
            format!("Basic {}", once(&format!(":{CANARY}"))),
            once(&format!("BITRISE_TOKEN={CANARY}")),
            format!("\"{}\"", once(CANARY)),
            once(CANARY)[..30].to_owned(),
            once(CANARY)[..29].to_owned(),
            wrapped,
        ] {
            assert_eq!(shape_of(&text), Some("base64"), "{text}");
            assert!(decoded(&text).unwrap().contains("bitwat_CANARY"));
        }
    }

    #[test]
    fn tokens_in_utf_16_without_a_mark() {
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let text: Vec<u8> = format!("{CANARY}\r\n")
                .encode_utf16()
                .flat_map(bytes)
                .collect();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(shape_of(&text), Some("utf16"));
        }
    }

    #[test]
    fn tokens_of_other_services() {
        for (_, row, beginning) in LISTED.iter().filter(|row| row.0 == "tokens") {
            let name = row.split(" @ ").next().unwrap();
            let (start, then) = beginning.split_once('~').unwrap_or((beginning, ""));
            let start = start.strip_prefix('…').unwrap_or(start);
            // As many characters as the service gives its tokens, else some.
            let number: String = then.chars().filter(char::is_ascii_digit).collect();
            let is_exact = then.ends_with("}$") && !then.contains(',');
            let length = if is_exact {
                number.parse().unwrap()
            } else {
                50
            };
            let random = "CANARY0x3f9A81c27E55d04b".repeat(3);
            let text = format!("{start}{}", &random[..length]);
            for text in [
                text.clone(),
                format!("\"{text}\""),
                format!("Bearer {text}\n"),
            ] {
                let expected = format!("it is {name} token ({start}…), not one of Bitrise's");
                assert_eq!(seen(&text), expected, "{text}");
            }
        }
        let terraform = seen("CANARY12345678.atlasv1.CANARY3f9a81c27e55d04b");
        assert!(terraform.starts_with("it is a Terraform Cloud token (.atlasv1.…)"));
    }

    /// Asserts that a text is taken for settings, with the token where it is.
    fn holds(text: &str, line: Option<usize>, key: Option<&str>) {
        let expected = match (line, key) {
            (Some(line), Some(key)) => format!("in line {line}, the value of {key}"),
            (Some(line), None) => format!("in line {line}"),
            (None, Some(key)) => format!("only the value of {key}"),
            (None, None) => "something stands before or after it".to_owned(),
        };
        assert!(seen(text).ends_with(&expected), "{text:?}: {}", seen(text));
    }

    #[test]
    fn settings_that_hold_a_token() {
        for row in [
            "BITRISE_TOKEN ¦ BITRISE_TOKEN=bitwat_CANARY ¦ BITRISE_TOKEN=\"bitwat_CANARY\"",
            "BITRISE_TOKEN ¦ export BITRISE_TOKEN=bitwat_CANARY",
            "BITRISE_TOKEN ¦ export BITRISE_TOKEN='bitwat_CANARY'",
            "BITRISE_TOKEN ¦ setx BITRISE_TOKEN bitwat_CANARY",
            "BITRISE_TOKEN ¦ set -gx BITRISE_TOKEN bitwat_CANARY",
            "BITRISE_TOKEN ¦ $env:BITRISE_TOKEN = \"bitwat_CANARY\"",
            "BITRISE_TOKEN ¦ - BITRISE_TOKEN: bitwat_CANARY",
            "token ¦ token: bitwat_CANARY ¦ token:bitwat_CANARY ¦ {'token' => 'bitwat_CANARY'}",
            "api_token ¦ {\"api_token\":\"bitwat_CANARY\"} ¦ { \"api_token\" : \"bitwat_CANARY\" }",
            "api_token ¦ \"api_token\": \"bitwat_CANARY\",",
            " ¦ [\"bitwat_CANARY\"] ¦ <bitwat_CANARY> ¦ my token is bitwat_CANARY",
            " ¦ https://bitwat_CANARY@api.bitrise.io",
        ] {
            let (key, texts) = row.split_once(" ¦ ").unwrap();
            for text in texts.split(" ¦ ") {
                holds(text, None, Some(key).filter(|key| !key.is_empty()));
            }
        }
        let long = format!("{}=bitwat_CANARY", "K".repeat(41));
        holds(&long, None, None);
    }

    #[test]
    fn files_that_hold_a_token() {
        const YAML: &str =
            "envs:\n- A: b\n- BITRISE_TOKEN: bitwat_CANARY\n  opts:\n    is_expand: false\n";
        for (text, line, key) in [
            (
                "# from the official CLI\ntoken: bitwat_CANARY\n",
                Some(2),
                Some("token"),
            ),
            (
                "\n\ntoken: bitwat_CANARY\nhost: x\n",
                Some(3),
                Some("token"),
            ),
            (YAML, Some(3), Some("BITRISE_TOKEN")),
            (
                "A=b\r\nBITRISE_PAT=bitpat_CANARY\r\n",
                Some(2),
                Some("BITRISE_PAT"),
            ),
            (
                "{\n  \"token\": \"bitwat_CANARY\"\n}",
                Some(2),
                Some("token"),
            ),
            (
                "machine x\n  login x\n  password bitwat_CANARY",
                Some(3),
                Some("password"),
            ),
            ("machine x password bitwat_CANARY", None, Some("password")),
            ("Name\tToken\nDX\tbitwat_CANARY", Some(2), None),
            // The name is foreign text: no part of the token, and nothing that could do harm.
            ("CANARY-3f9a81c27=bitwat_CANARY-3f9a81c27", None, None),
            ("\u{1b}[2J=bitwat_CANARY", None, None),
        ] {
            holds(text, line, key);
        }
    }

    #[test]
    fn settings_whose_token_has_no_prefix() {
        for (text, key) in [
            ("BITRISE_TOKEN=3f9aCANARY", Some("BITRISE_TOKEN")),
            ("export BITRISE_TOKEN=3f9aCANARY", Some("BITRISE_TOKEN")),
            ("token: 3f9aCANARY", Some("token")),
            ("{\"api_token\":\"3f9aCANARY\"}", Some("api_token")),
            ("[\"3f9aCANARY\"]", None),
            ("A: b\ntoken: 3f9aCANARY", Some("token")),
            ("user:3f9aCANARY", None),
            ("setx X 3f9aCANARY", None),
            ("machine api.bitrise.io password 3f9aCANARY", None),
        ] {
            holds(text, None, key);
        }
    }

    #[test]
    fn odd_characters_inside() {
        for c in [
            '\0', '\u{1b}', '\u{7f}', '\u{8}', '\u{1}', '\u{9f}', '\u{6}', '\u{1f}',
        ] {
            let text = format!("bitwat_CAN{c}ARY");
            assert_eq!(shape_of(&text), Some("control_character"), "{text:?}");
        }
        for c in [
            'é', '\u{200b}', '\u{feff}', '–', '\u{202e}', 'а', '🚀', '\u{ad}',
        ] {
            for text in [format!("bitwat_CAN{c}ARY"), format!("bitwat_CANARY{c}")] {
                assert_eq!(shape_of(&text), Some("not_ascii"), "{text:?}");
            }
        }
        for (text, words) in [
            ("\u{feff}bitwat_CANARY", "not ASCII, U+FEFF at the start"),
            (
                "bitwat_CAN\u{200b}ARY",
                "not ASCII, U+200B after the 10th character",
            ),
            (
                "bitwat_CANARY CAN ARY",
                "inside, a space after the 13th character",
            ),
            ("a CANARY", "inside, a space after the 1st character"),
            (
                "bitwat_CANARY0CANARY0\tx",
                "inside, a tab after the 21st character",
            ),
            ("bitwat_C\u{1}", "inside, U+0001 after the 8th character"),
            ("ab\u{3000}c", "inside, U+3000 after the 2nd character"),
        ] {
            assert!(seen(text).ends_with(words), "{}", seen(text));
        }
    }

    #[test]
    fn an_empty_text_is_no_token_either() {
        for text in ["", " ", "\n", "\t \r\n"] {
            assert_eq!(shape_of(text), Some("empty"));
        }
    }

    #[test]
    fn what_may_be_a_token_is_sent() {
        let others = "bitwat_x 3f9a old-Token http-equiv x$y{z}'w $ {x 31536000 workspace \
            3f9a81c27e55d04b3f9a81c27e55d04c3f9a81c2 93f256e365d929d31 93f256e365d929d \
            /abcDEF123/xyz+abcDEF123xyz0==";
        for text in others.split(' ').chain([CANARY]) {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn no_advice_destroys_what_may_be_fine() {
        for text in [
            "'bitwat_CANARY'",
            "bitwat_CANARY...",
            "BITRISE_TOKEN=bitwat_CANARY",
            "bitwat_CANARY\\n",
            "$BITRISE_TOKEN",
            "***",
        ] {
            let fix = find(text).unwrap().fix.to_lowercase();
            assert!(
                !fix.contains("create") && !fix.contains("new token"),
                "{fix}"
            );
        }
    }

    /// Returns texts that may be tokens. Of one without a known prefix nothing is known; but a `-`
    /// or `_` among the first letters is how other services mark theirs.
    fn plausible() -> impl Strategy<Value = String> {
        prop_oneof![
            "(bitwat|bitpat)_[A-Za-z0-9_-]{20,128}",
            "[A-Za-z0-9]{40,80}",
            "[A-Za-z0-9]{6}[A-Za-z0-9_-]{14,100}",
            "[A-Za-z0-9+/]{20,88}={0,2}",
            "[0-9a-f]{32}",
            "[0-9a-f]{40}",
            "[0-9a-f]{64}",
            "[A-Z2-7]{32,64}",
        ]
    }

    repeatable! {
        #[test]
        fn what_is_plain_fits_no_shape(text in "(bitwat|bitpat)_[A-Za-z0-9_-]{0,40}") {
            if super::find(&text).is_none() {
                let found = SHAPES.iter().find_map(|shape| shape.find(&text, &text));
                prop_assert_eq!(found, None);
            }
        }

        #[test]
        fn no_row_fits_what_may_be_a_token(text in plausible()) {
            for shape in SHAPES.iter() {
                let found = shape.find(&text, &text);
                prop_assert_eq!(found, None, "{} fits {}", shape.name, &text);
            }
            prop_assert_eq!(find(&text), None);
        }
    }

    repeatable! {
        #[test]
        fn nothing_of_the_text_is_in_the_words(
            before in "[A-Za-z_]{0,8}[ =:\"'{\n]{0,4}",
            secret in "[A-Za-z0-9_-]{20,60}",
            behind in "[ \"'}\n]{0,3}",
        ) {
            if let Some(error) = find(&format!("{before}bitwat_{secret}{behind}")) {
                let words = format!("{error} {}", error.fix);
                prop_assert!(!Redactor::new([secret.as_str()]).finds(&words), "{words}");
                prop_assert!(words.chars().all(|c| !c.is_control()));
            }
        }

        #[test]
        fn any_text_is_looked_at(text in any::<String>()) {
            if let Some(error) = find(&text) {
                prop_assert!(!error.to_string().is_empty() && error.fix.ends_with('.'));
            }
        }
    }
}
