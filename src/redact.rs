//! The redactor: removes a token from texts that may hold it, whole or in part.
//!
//! One rule: of a secret, no run of [`RUN`] characters stays, in whichever case; nor a run of that
//! length of its base64 forms. White space, invisible characters and colours between the characters
//! change nothing, nor do escapes: percent, backslash, entities of HTML, quoted-printable. Other
//! encodings take a server that wants to show the token, and such a server has it anyway.
//!
//! Invariant: no I/O; of secrets that are found in parts hashes are kept, never themselves; the time
//! that a text takes is linear in its length, whatever stands in it.

use crate::text::{entity, is_combining, is_unseen};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{NO_PAD, STANDARD_NO_PAD};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;

/// The number of a secret's characters in a row that may not stand anywhere.
pub const RUN: usize = 12;

/// The shortest secret that is removed from any text; one that is shorter than [`RUN`] is removed as
/// a whole. What is shorter still would tear ordinary words apart, and no token is that short.
const SHORTEST: usize = 8;

/// The shortest secret that is removed inside of words where short ones are removed at all.
const SHORTEST_PART: usize = 3;

/// What stands in place of what was removed. It is shorter than any secret.
const REDACTED: &str = "[token]";

/// The ways to look at a text, each by the signs of the escapes that it undoes, since what looks like
/// an escape may be a part of the secret itself. Any equals sign looks like one of quoted-printable.
const VIEWS: [&str; 4] = ["", "%", "%\\&\u{1b}", "%\\&\u{1b}="];

/// A remover of secrets, made once and used for many texts.
#[derive(Default)]
pub struct Redactor {
    runs: Vec<Runs>,
    /// Secrets that are removed as words of their own alone.
    words: Vec<String>,
}

/// The runs of one length that may not stand in a text.
struct Runs {
    length: usize,
    /// Whether they are found also if white space stands in between.
    joins_words: bool,
    /// The factor of what leaves a hash.
    gone: u64,
    /// Sorted.
    hashes: Vec<u64>,
}

impl Redactor {
    /// Makes a redactor for secrets, such as the part of a token behind its prefix: the prefix
    /// itself is none. A secret of fewer than eight characters is not removed.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self::default().with(secrets, false)
    }

    /// Returns a redactor that removes these secrets, too; `short` for those that [`Self::new`]
    /// leaves, as a user's name may be one, in texts of which whole words need not stay. One of
    /// fewer than three characters is removed as a word of its own, also from base64.
    #[must_use]
    pub fn with<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>, short: bool) -> Self {
        let mut runs = BTreeMap::<_, Vec<_>>::new();
        let is_unit = |c: &char| !is_between(*c);
        for secret in secrets {
            let length = secret.chars().filter(is_unit).count();
            if length == 0 || (length < SHORTEST) != short {
                continue;
            }
            // How it looks inside of base64 that started so many bytes before it (as in
            // `user:secret`), less the characters at both ends that depend on what stands beside it.
            let [a, b, c] = [0, 1, 2].map(|shift| {
                let encoded =
                    STANDARD_NO_PAD.encode([&[0; 2][..shift], secret.as_bytes()].concat());
                encoded[(shift * 8).div_ceil(6)..(shift + secret.len()) * 8 / 6].to_owned()
            });
            for form in [secret, &a, &b, &c] {
                let values: Vec<u64> = form.chars().filter(is_unit).map(folded).collect();
                let length = values.len().min(RUN);
                if length >= SHORTEST_PART {
                    let hash = |run: &[u64]| run.iter().copied().fold(0, longer);
                    let hashes = values.windows(length).map(hash);
                    runs.entry(length).or_default().extend(hashes);
                } else if form == secret {
                    self.words.push(secret.to_owned());
                }
            }
        }
        let runs = runs.into_iter().map(|(length, mut hashes)| {
            hashes.sort_unstable();
            Runs {
                length,
                joins_words: !short,
                gone: (0..length).fold(1, |power, _| longer(power, 0)),
                hashes,
            }
        });
        self.runs.extend(runs);
        self
    }

    /// Returns the text without the secrets; `[token]` stands in place of what was removed.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        /// More are needed only for a secret that holds a piece of `[token]`: what stands before
        /// and behind a removed part may then be a run together with what took its place.
        const PASSES: usize = 3;
        let mut cleaned = Cow::Borrowed(text);
        for _ in 0..PASSES {
            let mut places = self.places(&cleaned);
            if places.is_empty() {
                return cleaned;
            }
            places.sort_unstable_by_key(|place| place.start);
            let (mut out, mut at) = (String::new(), 0);
            for place in places {
                if place.start > at || out.is_empty() {
                    out.push_str(&cleaned[at..place.start]);
                    out.push_str(REDACTED);
                }
                at = at.max(place.end);
            }
            out.push_str(&cleaned[at..]);
            cleaned = Cow::Owned(out);
        }
        Cow::Borrowed(REDACTED)
    }

    /// Tells whether any run of the secrets stands in the text.
    pub fn finds(&self, text: &str) -> bool {
        !self.places(text).is_empty()
    }

    /// Returns the places where secrets stand.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for signs in VIEWS {
            if !signs.is_empty() && !text.contains(|c| signs.contains(c)) {
                continue;
            }
            // Of the last characters: the hash of all before each, and where it starts.
            let mut last = [(0_u64, 0_usize); RUN];
            let (mut hash, mut count, mut since_space) = (0, 0, 0);
            for (unit, place) in characters(text, signs) {
                let Some(c) = unit else {
                    since_space = 0;
                    continue;
                };
                last[count % RUN] = (hash, place.start);
                hash = longer(hash, folded(c));
                (count, since_space) = (count + 1, since_space + 1);
                for runs in &self.runs {
                    let seen = if runs.joins_words { count } else { since_space };
                    // Before there are as many, one of none is looked up.
                    let (before, start) = last[(count + RUN - runs.length) % RUN];
                    let run = hash.wrapping_sub(before.wrapping_mul(runs.gone));
                    if seen >= runs.length && runs.hashes.binary_search(&run).is_ok() {
                        places.push(start..place.end);
                    }
                }
            }
        }
        let is_secret = |text: &str| {
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            words.any(|word| self.words.iter().any(|one| one.eq_ignore_ascii_case(word)))
        };
        let is_border = |c: char| !c.is_alphanumeric() && !"+/-_".contains(c);
        let parts = text.split_inclusive(is_border);
        let mut end = 0;
        for part in parts.filter(|_| !self.words.is_empty()) {
            let (start, word) = (end, part.trim_end_matches(is_border));
            end += part.len();
            if is_secret(word) || is_secret(&decode_base64(word)) {
                places.push(start..start + word.len());
            }
        }
        places
    }
}

/// Returns what a text stands for as base64, in either alphabet, with or without its end, and whether
/// or not it was cut; nothing if it is none.
pub(crate) fn decode_base64(text: &str) -> String {
    const FORM: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, FORM);
    let text = { text.trim_end_matches('=') }
        .replace('-', "+")
        .replace('_', "/");
    // One character alone at the end stands for no whole byte.
    let whole = text.len() - usize::from(text.len() % 4 == 1);
    let decoded = BASE64.decode(&text.as_bytes()[..whole]).unwrap_or_default();
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Returns a text with its escapes undone, but those of quoted-printable, and without what is invisible.
pub(crate) fn undone(text: &str) -> Cow<'_, str> {
    const SIGNS: &str = VIEWS[2];
    if !text.contains(|c| SIGNS.contains(c)) {
        return Cow::Borrowed(text);
    }
    let mut undone = String::with_capacity(text.len());
    for (c, place) in characters(text, SIGNS) {
        match c {
            Some(c) => undone.push(c),
            None => undone += &text[place],
        }
    }
    Cow::Owned(undone)
}

/// Returns the hash of a run that is longer by a value: a polynomial modulo 2^64.
const fn longer(hash: u64, value: u64) -> u64 {
    /// Odd and without a pattern in its bits.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    hash.wrapping_mul(FACTOR).wrapping_add(value)
}

/// Returns a character as it is compared: in lower case, and the two alphabets of base64 as one.
fn folded(c: char) -> u64 {
    u64::from(match c {
        '-' => '+',
        '_' => '/',
        c if c.is_ascii() => c.to_ascii_lowercase(),
        c => c.to_lowercase().next().unwrap_or(c),
    })
}

/// Tells whether a character may stand between those of a secret without changing it for a reader.
fn is_between(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_unseen(c) || is_combining(c)
}

/// Returns the characters of a text that count, with their places: those behind one of `signs` as
/// what they stand for, and `None` for white space. Where anything is undone, colours count as nothing.
fn characters(text: &str, signs: &str) -> impl Iterator<Item = (Option<char>, Range<usize>)> {
    let (mut at, mut before, mut in_colour) = (0, ' ', false);
    std::iter::from_fn(move || {
        loop {
            let rest = &text[at..];
            let first = rest.chars().next()?;
            let undone = signs.contains(first).then(|| undo(rest)).flatten();
            let (c, length) = undone.unwrap_or((first, first.len_utf8()));
            let place = at..at + length;
            at = place.end;
            // What follows an escape character may be a colour, `[31m`.
            let starts = mem::replace(&mut before, c) == '\u{1b}' && c == '[' && !signs.is_empty();
            let lasts = starts || (in_colour && !matches!(c, '@'..='~'));
            if mem::replace(&mut in_colour, lasts) || starts {
                continue;
            }
            if c.is_whitespace() || !is_between(c) {
                return Some(((!is_between(c)).then_some(c), place));
            }
        }
    })
}

/// Returns the character that an escape at a text's start stands for, and the escape's length.
fn undo(text: &str) -> Option<(char, usize)> {
    /// Stands for what is invisible or not known.
    const NOTHING: char = '\u{200b}';
    /// The longest name of a character that is looked at.
    const NAME: usize = 20;
    let number = |digits: &str| {
        let number = u32::from_str_radix(digits, 16).ok()?;
        Some(char::from_u32(number).unwrap_or(NOTHING))
    };
    let until = |end, most| text.bytes().take(most).position(|byte| byte == end);
    match (text.as_bytes()[0], text.as_bytes().get(1)?) {
        // The end of the line behind it is white space anyway.
        (b'=', b'\n' | b'\r') => Some((NOTHING, 1)),
        // Those of bytes such as `%41`: as many as are one character together, or the first one.
        (sign @ (b'%' | b'='), _) => {
            const LENGTH: usize = 3;
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let escapes = text.as_bytes().chunks_exact(LENGTH).take(4);
            let bytes = escapes.map_while(|escape| {
                let byte = digit(escape[1])? * 16 + digit(escape[2])?;
                u8::try_from(byte).ok().filter(|_| escape[0] == sign)
            });
            let bytes: Vec<u8> = bytes.collect();
            // What is no UTF-8 is Latin-1.
            let first = bytes.utf8_chunks().next()?.valid().chars().next();
            let c = first.unwrap_or(char::from(bytes[0]));
            Some((c, first.map_or(1, char::len_utf8) * LENGTH))
        }
        (b'\\', b'u') if text[2..].starts_with('{') => {
            let end = until(b'}', 3 + 7)?;
            Some((number(&text[3..end])?, end + 1))
        }
        (b'\\', b'u') => Some((number(text.get(2..6)?)?, 6)),
        (b'\\', b'x') => Some((number(text.get(2..4)?)?, 4)),
        (b'\\', b'e') => Some(('\u{1b}', 2)),
        (b'\\', b'n' | b'r' | b't' | b'f' | b'v' | b'b') => Some((NOTHING, 2)),
        (b'\\', byte) if byte.is_ascii() => Some((char::from(*byte), 2)),
        (b'&', _) => {
            let end = until(b';', NAME)?;
            let name = &text[1..end];
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
            let character = entity(name).or(is_name.then_some(NOTHING));
            Some((character?, end + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    /// What percent-encoding encodes if it spares nothing.
    const EVERY_CHARACTER: &AsciiSet = &AsciiSet::EMPTY.complement();

    fn redactor(secret: &str) -> Redactor {
        Redactor::new([secret])
    }

    fn percent(text: &str) -> String {
        percent_encode(text.as_bytes(), EVERY_CHARACTER).to_string()
    }

    #[test]
    fn a_secret_is_removed_in_every_form() {
        let secret = "Canary-0123456789ab?>";
        let redactor = redactor(secret);
        for form in [
            secret.to_owned(),
            secret.to_uppercase(),
            secret[..12].to_owned(),
            secret[7..].to_owned(),
            percent(secret),
            percent(secret).to_lowercase(),
            percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string(),
            percent(&STANDARD.encode(secret)),
        ] {
            let text = format!("a {form} b {form}");
            assert_eq!(redactor.clean(&text), "a [token] b [token]");
            assert!(redactor.finds(&text));
        }
        let url = format!("https://h/x?a=%41{}c&%zz%", percent(secret));
        assert_eq!(redactor.clean(&url), "https://h/x?a=%41[token]c&%zz%");
    }

    #[test]
    fn base64_that_began_before_the_secret_is_found_too() {
        let secret = "canary-0123456789?>";
        let redactor = redactor(secret);
        for before in ["", "u", "us", "usr", "user:"] {
            for behind in ["", "!", "!!"] {
                let text = format!("{before}{secret}{behind}");
                for form in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let cleaned = redactor.clean(&form);
                    let rest = cleaned.replace(REDACTED, "");
                    assert!(cleaned.len() > rest.len(), "{text}: {cleaned}");
                    assert!(rest.len() <= before.len() * 2 + 8, "{cleaned}");
                }
            }
        }
    }

    #[test]
    fn less_than_a_run_stays() {
        let redactor = redactor("canary-0123456789");
        for text in [
            "canary-0123",
            "canary-0123x456789",
            "x23456789 0123456",
            "%",
        ] {
            assert!(matches!(redactor.clean(text), Cow::Borrowed(same) if same == text));
            assert!(!redactor.finds(text));
        }
    }

    #[test]
    fn a_short_secret_is_removed_whole_and_a_tiny_one_not_at_all() {
        let short = redactor("Short-12");
        assert_eq!(
            short.clean("a short-12, SHORT%2d12."),
            "a [token], [token]."
        );
        assert_eq!(short.clean("short-1 hort-12"), "short-1 hort-12");
        assert_eq!(redactor("my-apps").clean("my-apps"), "my-apps");
        assert!(!redactor("").finds(""));
    }

    #[test]
    fn what_may_be_short_is_removed_where_that_is_wanted() {
        let short = Redactor::default().with(["ann", "x", "hunter2"], true);
        let text = "x: Ann or HUNTER2, exact";
        assert_eq!(short.clean(text), "[token]: [token] or [token], exact");
        let both = redactor("canary-0123456789").with(["ann"], true);
        assert_eq!(both.clean("ann canary-0123456789"), "[token] [token]");
    }

    #[test]
    fn short_secrets_are_removed_from_base64_too() {
        let secrets = ["ann", "x1", "pä55", "ann:x1"];
        let short = Redactor::default().with(secrets, true);
        for plain in [
            "ann:x1",
            "x1",
            "bob:x1",
            "ann",
            "eve:pä55",
            "a longer name:pä55",
        ] {
            for form in [STANDARD.encode(plain), URL_SAFE_NO_PAD.encode(plain)] {
                assert!(short.clean(&form).contains(REDACTED), "{plain}");
                let rest = short.clean(&form).replace(REDACTED, "");
                let rest = decode_base64(rest.trim_end_matches('='));
                assert!(
                    secrets.iter().all(|secret| !rest.contains(secret)),
                    "{rest}"
                );
            }
        }
        for text in [
            "PÄ55",
            "p%c3%a455",
            "P%E455",
            "p&auml;55 pä55",
            "p\\u00e455",
        ] {
            assert!(short.clean(text).contains(REDACTED), "{text}");
        }
        let honest = "Forbidden by squid/6.1 (Access Denied) 0123456789abcdef";
        assert_eq!(short.clean(honest), honest);
    }

    #[test]
    fn what_stands_between_the_characters_changes_nothing() {
        let redactor = redactor("canary-0123456789");
        for between in [
            " ",
            "\n",
            "\r\n\t",
            "\u{a0}",
            "\u{200b}",
            "\u{ad}",
            "\u{301}",
            "\u{feff}",
            "\u{202e}",
            "\u{fe0f}",
            "\u{7}",
            "\u{1b}[1;31m",
            "\\u001b[0m",
            "\\x1b[K",
            "%0A",
            "%E2%80%8B",
            "\\n",
            "\\u200b",
            "\\u{ad}",
            "\\\n",
            "&#8203;",
            "&#xAD;",
            "&shy;",
            "&nbsp;",
            "&ZeroWidthSpace;",
            "=\n",
            "=\r\n",
            "=C2=AD",
        ] {
            for piece in [1, 5, 11] {
                let pieces: Vec<_> = "Canary-0123456789".as_bytes().chunks(piece).collect();
                let text = pieces.join(between.as_bytes());
                let text = format!("a.{}.b", String::from_utf8(text).unwrap());
                assert_eq!(redactor.clean(&text), "a.[token].b", "{text:?}");
            }
        }
        for escape in ["\\u00XX", "\\u{XX}", "\\xXX", "%XX", "=XX", "&#xXX;"] {
            let escaped = "canary-0123456789".bytes();
            let escaped = escaped.map(|byte| escape.replace("XX", &format!("{byte:02x}")));
            let text = format!("a.{}.b", escaped.collect::<String>());
            assert_eq!(redactor.clean(&text), "a.[token].b", "{text}");
        }
        let text = "canary-0123-456789 canary-012, 345";
        assert_eq!(redactor.clean(text), text);
    }

    #[test]
    fn several_secrets_are_removed_at_once() {
        let redactor = Redactor::new(["first-secret-1", "2nd-secr"]);
        let text = "2ND-SECR first-secret-12nd-secret";
        assert_eq!(redactor.clean(text), "[token] [token]et");
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let redactor = redactor("ä-canary-0123-ö");
        assert_eq!(redactor.clean("ää-canary-0123-öö"), "ä[token]ö");
        assert_eq!(redactor.clean("é-canary-0123-é"), "é[token]é");
    }

    #[test]
    fn a_secret_that_holds_the_mark_is_removed_all_the_same() {
        let redactor = redactor("abcde[token]fghij");
        assert_eq!(redactor.clean("abcdecde[token]fghijfghij"), "[token]");
        assert_eq!(redactor.clean("[token]"), "[token]");
        let nested = format!(
            "{}abcde[token]fghij{}",
            "abcde".repeat(9),
            "fghij".repeat(9)
        );
        assert!(!redactor.finds(&redactor.clean(&nested)));
    }

    fn each(text: &str, escaped: impl Fn(u32) -> String) -> String {
        let characters: Vec<_> = text.chars().map(|c| escaped(u32::from(c))).collect();
        characters.concat()
    }

    /// Returns every text that has a run of a secret in it, in one of its forms.
    fn holding() -> impl Strategy<Value = (String, String, String)> {
        let parts = ("[!-~]{12,60}", "[!-~]{0,8}\\PC{0,12}", ".{0,20}");
        let choice = (any::<[prop::sample::Index; 2]>(), 0..10, any::<bool>());
        (parts, choice).prop_map(|((secret, before, behind), (ends, form, is_upper))| {
            let start = ends[0].index(secret.len() - RUN + 1);
            let end = start + RUN + ends[1].index(secret.len() - RUN - start + 1);
            let run = match &secret[start..end] {
                run if is_upper => run.to_ascii_uppercase(),
                run => run.to_owned(),
            };
            let run = if form < 4 {
                run
            } else {
                secret[start..end].to_owned()
            };
            let form = match form {
                0 => format!("{before}{run}{behind}"),
                1 => format!("{before}{}{behind}", percent(&run)),
                2 => percent_encode(format!("{before}{run}").as_bytes(), NON_ALPHANUMERIC)
                    .to_string(),
                3 => {
                    // A byte in three is encoded, beside the sign of encoding itself.
                    let encoded = run.char_indices().map(|(at, c)| match c {
                        '%' => "%25".to_owned(),
                        c if at % 3 == 0 => format!("%{:02x}", u32::from(c)),
                        c => c.to_string(),
                    });
                    format!("{before}{}{behind}", encoded.collect::<String>())
                }
                7 => run.chars().flat_map(|c| [c, '\u{ad}', ' ']).collect(),
                8 => each(&run, |c| format!("&#{c};")),
                9 => each(&run, |c| format!("\\u{c:04X}\u{1b}[0m")),
                4 => STANDARD.encode(format!("{before}{run}{behind}")),
                5 => URL_SAFE.encode(format!("{before}{run}{behind}")),
                _ => percent(&STANDARD.encode(format!("{before}{run}{behind}"))),
            };
            (secret, run, form)
        })
    }

    repeatable! {
        #[test]
        fn no_run_of_a_secret_stays_in_any_form((secret, run, text) in holding()) {
            let redactor = redactor(&secret);
            prop_assert!(redactor.finds(&text), "{text}");
            let cleaned = redactor.clean(&text);
            prop_assert!(cleaned.contains(REDACTED), "{text}: {cleaned}");
            prop_assert!(!redactor.finds(&cleaned), "{text}: {cleaned}");
            prop_assert!(matches!(redactor.clean(&cleaned), Cow::Borrowed(same) if same == cleaned));
            let rest = cleaned.to_ascii_lowercase();
            for run in run.to_ascii_lowercase().as_bytes().windows(RUN) {
                prop_assert!(!rest.contains(str::from_utf8(run).unwrap()), "{cleaned}");
            }
        }

        #[test]
        fn a_text_without_the_secret_is_left_alone(
            secret in "[a-m0-4_-]{0,60}",
            text in "([n-z5-9 .,:/?é茶\"<>-]|%[5-7][n-z]){0,200}",
        ) {
            let redactor = redactor(&secret);
            prop_assert!(matches!(redactor.clean(&text), Cow::Borrowed(same) if same == text));
            prop_assert!(!redactor.finds(&text));
        }

        #[test]
        fn what_is_found_is_what_a_plain_search_finds(
            secret in "[ab]{8,20}",
            text in "[abAB]{0,60}",
        ) {
            let run = secret.len().min(RUN);
            let lower = text.to_ascii_lowercase();
            let mut runs = secret.as_bytes().windows(run);
            let expected = runs.any(|run| lower.contains(str::from_utf8(run).unwrap()));
            prop_assert_eq!(redactor(&secret).finds(&text), expected);
        }
    }
}
