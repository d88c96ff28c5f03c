//! The redactor: removes a token from texts that may hold it, whole or in part.
//!
//! One rule: of a secret, no run of [`RUN`] characters stays, in whichever ASCII case; nor a run
//! of that length of its base64 forms; nor either of them percent-encoded, in whole or in part.
//! Other encodings take a server that wants to show the token, and such a server has it anyway.
//!
//! Invariant: no I/O; what is kept are hashes, never the secret; the time that a text takes is
//! linear in its length, whatever stands in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The number of a secret's characters in a row that may not stand anywhere.
pub const RUN: usize = 12;

/// The shortest secret that is removed; one that is shorter than [`RUN`] is removed as a whole.
/// What is shorter still would tear ordinary words apart, and no token is that short.
const SHORTEST: usize = 8;

/// What stands in place of what was removed. It is shorter than any secret.
const REDACTED: &str = "[token]";

/// A remover of secrets, made once and used for many texts.
pub struct Redactor(Vec<Runs>);

impl Redactor {
    /// Makes a redactor for secrets, such as the part of a token behind its prefix: the prefix
    /// itself is none. A secret of fewer than eight characters is not removed.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of_length(SHORTEST, secrets)
    }

    /// Makes a redactor for what may be short, as a user's name is, in texts of which whole words
    /// need not stay. A secret of fewer than three characters is not removed.
    pub fn of_short<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of_length(3, secrets)
    }

    /// Returns a redactor that removes the secrets of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn of_length<'a>(shortest: usize, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hashes: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for secret in secrets {
            if secret.len() < shortest {
                continue;
            }
            let length = secret.len().min(RUN);
            let same_length = hashes.entry(length).or_default();
            // The base64 of what is shorter could be anything.
            let forms = base64_forms(secret).into_iter();
            let forms = forms.filter(|_| secret.len() >= SHORTEST);
            for form in [secret.to_owned()].into_iter().chain(forms) {
                rolling(form.as_bytes(), length, |_, hash| {
                    same_length.push(hash);
                    false
                });
            }
        }
        let runs = hashes.into_iter();
        Self(
            runs.map(|(length, hashes)| Runs::new(length, hashes))
                .collect(),
        )
    }

    /// Returns the text without the secrets; `[token]` stands in place of what was removed.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        /// More are needed only for a secret that holds a piece of `[token]`: what stands before
        /// and behind a removed part may then be a run together with what took its place.
        const PASSES: usize = 3;
        let mut cleaned = Cow::Borrowed(text);
        for _ in 0..PASSES {
            match self.without_runs(&cleaned) {
                Some(without) => cleaned = Cow::Owned(without),
                None => return cleaned,
            }
        }
        Cow::Borrowed(REDACTED)
    }

    /// Tells whether any run of the secrets stands in the text.
    pub fn finds(&self, text: &str) -> bool {
        let is_in = |bytes: &[u8]| self.0.iter().any(|runs| runs.search(bytes, |_| true));
        is_in(text.as_bytes()) || percent_decoded(text).is_some_and(|decoded| is_in(&decoded))
    }

    /// Returns the text without what is found in it, be it as it stands or with its
    /// percent-encoding undone; `None` if that is nothing.
    fn without_runs(&self, text: &str) -> Option<String> {
        let mut removed = self.found(text.as_bytes());
        let decoded = percent_decoded(text).and_then(|decoded| self.found(&decoded));
        if let Some(decoded) = decoded {
            let removed = removed.get_or_insert_with(|| vec![false; text.len()]);
            let mut at = 0;
            for ((_, length), is_found) in characters(text.as_bytes()).zip(decoded) {
                if is_found {
                    removed[at..at + length].fill(true);
                }
                at += length;
            }
        }
        let removed = removed?;
        let mut out = String::new();
        let mut was_removed = false;
        for (at, c) in text.char_indices() {
            let is_removed = removed[at..at + c.len_utf8()].contains(&true);
            if !is_removed {
                out.push(c);
            } else if !was_removed {
                out.push_str(REDACTED);
            }
            was_removed = is_removed;
        }
        Some(out)
    }

    /// Tells of each byte whether it belongs to a run; `None` if there is no run.
    fn found(&self, bytes: &[u8]) -> Option<Vec<bool>> {
        let mut found = None;
        for runs in &self.0 {
            runs.search(bytes, |start| {
                let found = found.get_or_insert_with(|| vec![false; bytes.len()]);
                found[start..start + runs.length].fill(true);
                false
            });
        }
        found
    }
}

/// The number of words in a [`Runs::filter`]: one for each value of a hash's first byte.
const FILTER_WORDS: usize = 256;

/// The runs of one length that may not stand in a text.
struct Runs {
    length: usize,
    /// The hashes of the runs, sorted.
    hashes: Vec<u64>,
    /// A bit is set for each hash, so that most of a text needs no search.
    filter: [u64; FILTER_WORDS],
}

impl Runs {
    fn new(length: usize, mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let mut filter = [0; FILTER_WORDS];
        for hash in &hashes {
            let (word, bit) = filter_bit(*hash);
            filter[word] |= bit;
        }
        Self {
            length,
            hashes,
            filter,
        }
    }

    /// Reports where runs start, until it is told that this is enough; tells whether it was.
    fn search(&self, bytes: &[u8], mut enough: impl FnMut(usize) -> bool) -> bool {
        rolling(bytes, self.length, |start, hash| {
            let (word, bit) = filter_bit(hash);
            self.filter[word] & bit != 0
                && self.hashes.binary_search(&hash).is_ok()
                && enough(start)
        })
    }
}

/// Returns the place of a hash's bit: the word, and the bit in it. The upper bits of a hash depend
/// on more of the run than the lower ones.
const fn filter_bit(hash: u64) -> (usize, u64) {
    let [word, bit, ..] = hash.to_be_bytes();
    (word as usize, 1 << (bit % 64))
}

/// Returns a text's bytes with the percent-encoding undone; `None` if there is none.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let is_encoded = bytes.contains(&b'%') && characters(bytes).any(|(_, length)| length > 1);
    is_encoded.then(|| characters(bytes).map(|(byte, _)| byte).collect())
}

/// Reads bytes one by one, `%41` as the one that it stands for, with the length of each. A `%`
/// before anything else than two hex digits stands for itself.
fn characters(bytes: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let character = match rest {
            [b'%', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'%', 1),
            },
            [byte, ..] => (*byte, 1),
            [] => return None,
        };
        rest = &rest[character.1..];
        Some(character)
    })
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Reports where each run of `length` bytes starts, and its hash, until it is told that this is
/// enough; tells whether it was.
///
/// The hash is a polynomial modulo 2^64, of which each follows from the one before.
fn rolling(bytes: &[u8], length: usize, mut enough: impl FnMut(usize, u64) -> bool) -> bool {
    /// Odd and without a pattern in its bits.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let Some((first, rest)) = bytes.split_at_checked(length) else {
        return false;
    };
    let longer = |hash: u64, byte: u8| hash.wrapping_mul(FACTOR).wrapping_add(folded(byte));
    let mut hash = first.iter().fold(0, |hash, byte| longer(hash, *byte));
    if enough(0, hash) {
        return true;
    }
    let gone = (0..length).fold(1, |power: u64, _| power.wrapping_mul(FACTOR));
    for (start, (new, old)) in (1..).zip(rest.iter().zip(bytes)) {
        hash = longer(hash, *new).wrapping_sub(folded(*old).wrapping_mul(gone));
        if enough(start, hash) {
            return true;
        }
    }
    false
}

/// Returns a byte as it is compared: in lower case, and the two alphabets of base64 as one.
const fn folded(byte: u8) -> u64 {
    const FOLDED: [u8; 256] = {
        let mut folded = [0; 256];
        let mut byte = u8::MIN;
        loop {
            folded[byte as usize] = match byte {
                b'-' => b'+',
                b'_' => b'/',
                _ => byte.to_ascii_lowercase(),
            };
            if byte == u8::MAX {
                break folded;
            }
            byte += 1;
        }
    };
    FOLDED[byte as usize] as u64
}

/// Returns how a secret looks inside of base64 that started zero, one and two bytes before it (as
/// in `user:secret`), less the characters at both ends that depend on what stands beside it.
fn base64_forms(secret: &str) -> [String; 3] {
    [0, 1, 2].map(|shift| {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(secret.as_bytes());
        let from = (shift * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        STANDARD_NO_PAD.encode(&bytes)[from..to].to_owned()
    })
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
        let short = Redactor::of_short(["ann", "x", "hunter2"]);
        assert_eq!(short.clean("x: Ann or HUNTER2"), "x: [token] or [token]");
        let both = redactor("canary-0123456789").and(short);
        assert_eq!(both.clean("ann canary-0123456789"), "[token] [token]");
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
        assert_eq!(redactor.clean("é-canary-0123-é"), "é[token]");
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

    /// Returns every text that has a run of a secret in it, in one of its forms.
    fn holding() -> impl Strategy<Value = (String, String, String)> {
        let parts = ("[!-~]{12,60}", "[!-~]{0,8}\\PC{0,12}", ".{0,20}");
        let choice = (any::<[prop::sample::Index; 2]>(), 0..7, any::<bool>());
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
                4 => STANDARD.encode(format!("{before}{run}{behind}")),
                5 => URL_SAFE.encode(format!("{before}{run}{behind}")),
                _ => percent(&STANDARD.encode(format!("{before}{run}{behind}"))),
            };
            (secret, run, form)
        })
    }

    proptest! {
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
