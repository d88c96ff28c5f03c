//! The shapes of text that is plainly no Bitrise token, found before anything is sent.
//!
//! Each row of [`ROWS`] knows one shape; the first that fits is the one thing that is named. No
//! row may fit a text that may be a token: behind `bitwat_` and `bitpat_` letters, digits, `-` and
//! `_`, and without a prefix a long row of them, 40 hex digits too. No length is asked for.
//!
//! Invariant: nothing here quotes the text, apart from the name of a setting that can't be part of
//! a token.

use super::{PREFIXES, has_prefix};
use crate::redact::Redactor;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::fmt;

/// What was seen of a text that can't be used as a Bitrise token.
///
/// Its [`fmt::Display`] says what was seen, as a sentence about “it”; [`TokenError::fix`] says what
/// to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenError {
    /// There is no text at all.
    Empty,
    /// A quotation mark at the start or the end, also a typographic one.
    Quoted,
    /// The name or the scheme of a header in front, such as “Bearer”.
    Scheme(&'static str),
    /// A name, or an expression, that should have become its value.
    UnreplacedName,
    /// A reference to a secret in a store, with the store's name.
    SecretReference(&'static str),
    /// A placeholder of some documentation.
    Placeholder,
    /// What a program writes for a value that it does not have, such as `null`.
    NoValue,
    /// What a log shows in place of a secret, such as `***`.
    Masked,
    /// The path or the `file:` URL of a file.
    Path,
    /// Any other address.
    Address,
    /// A token in an encoding, and how often it was encoded.
    Encoded(Encoding, u8),
    /// A token of another service, told by the prefix that the service publishes.
    OtherService {
        /// The service's name.
        name: &'static str,
        /// The prefix.
        prefix: &'static str,
    },
    /// A JSON Web Token.
    Jwt,
    /// A key or a certificate in PEM or the like.
    KeyFile,
    /// A command, such as one that uses the token.
    Command,
    /// A setting, or a file of settings.
    Settings {
        /// The line that holds the token, where there are several, counted from one.
        line: Option<usize>,
        /// The name of the setting.
        key: Option<Key>,
    },
    /// The ID (slug) of an app, a build or a pipeline: 16 hex digits or a UUID.
    AppId,
    /// A part of a token.
    Cut,
    /// The same token twice, or two tokens.
    Doubled,
    /// A line break at the end that is written as two characters.
    LiteralEscape,
    /// A prefix with a wrong or a missing letter, or in the wrong case.
    MisspeltPrefix,
    /// Several lines.
    SeveralLines,
    /// White space inside.
    WhiteSpace,
    /// A control character inside.
    ControlCharacter(char),
    /// A character outside of ASCII.
    NotAscii(char),
}

/// An encoding that a token may come in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// Base64 in either alphabet, as in a Kubernetes Secret.
    Base64,
    /// Hex digits.
    Hex,
    /// Percent-encoding, as in a URL.
    Percent,
}

impl Encoding {
    /// Returns the encoding's name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex digits",
            Self::Percent => "percent-encoding",
        }
    }
}

/// The longest name of a setting that is shown.
const MAX_KEY: usize = 40;

/// The name of a setting: ASCII letters, digits, `_`, `.` and `-`, so that it can be shown anywhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    bytes: [u8; MAX_KEY],
    length: usize,
}

impl Key {
    fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; MAX_KEY];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let length = name.len();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        (is_name && name.chars().all(is_name_part)).then_some(Self { bytes, length })
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Quoted => "it has a quotation mark at its start or end",
            Self::Scheme(scheme) => return write!(f, "it has “{scheme}” in front of the token"),
            Self::UnreplacedName => {
                "it is a variable's name or an expression that was never replaced by its value"
            }
            Self::SecretReference(store) => {
                return write!(
                    f,
                    "it is a reference to a secret ({store}), not the secret itself"
                );
            }
            Self::Placeholder => "it is a placeholder from documentation",
            Self::NoValue => {
                "it is what a program writes for a missing value, such as null or an empty pair of \
                 quotation marks"
            }
            Self::Masked => "it is masked, as logs show a secret (*** or [REDACTED])",
            Self::Path => "it is the path of a file, not what stands in the file",
            Self::Address => "it is an address, such as that of a web page",
            Self::Encoded(encoding, _) => {
                return write!(f, "it is a token in {}", encoding.as_str());
            }
            Self::OtherService { name, prefix } => {
                let article = article(name);
                return write!(
                    f,
                    "it is {article} {name} token ({prefix}…), not one of Bitrise's"
                );
            }
            Self::Jwt => "it is a JWT (an OAuth or OIDC token), not an API token",
            Self::KeyFile => "it is a key or a certificate, not an API token",
            Self::Command => "it is a command, not the token alone",
            Self::Settings { line, key } => return settings(f, *line, key.as_ref()),
            Self::AppId => "it is the ID (slug) of an app, build or pipeline",
            Self::Cut => "it is only a part of a token; the rest was cut off",
            Self::Doubled => "it is two tokens in a row, or the same one twice",
            Self::LiteralEscape => {
                "it has a line break at its end that is written as two characters (\\n)"
            }
            Self::MisspeltPrefix => {
                "it has a mistake in its first letters: a token begins with bitwat_ or bitpat_"
            }
            Self::SeveralLines => "it has several lines",
            Self::WhiteSpace => "it has white space inside",
            Self::ControlCharacter(c) => {
                return write!(
                    f,
                    "it has a control character inside (U+{:04X})",
                    u32::from(*c)
                );
            }
            Self::NotAscii(c) => {
                let code = u32::from(*c);
                return write!(
                    f,
                    "it has a character inside that is not ASCII (U+{code:04X})"
                );
            }
        })
    }
}

impl std::error::Error for TokenError {}

fn settings(f: &mut fmt::Formatter<'_>, line: Option<usize>, key: Option<&Key>) -> fmt::Result {
    match (line, key.map(Key::as_str)) {
        (Some(line), Some(key)) => {
            write!(
                f,
                "it is a file of settings; the token is in line {line}, the value of {key}"
            )
        }
        (Some(line), None) => write!(f, "it is a whole file; the token is in line {line}"),
        (None, Some(key)) => write!(
            f,
            "it is a whole setting; the token is only the value of {key}"
        ),
        (None, None) => {
            f.write_str("it is more than the token: something stands before or after it")
        }
    }
}

/// Returns the article that fits a service's name.
fn article(name: &str) -> &'static str {
    let is_vowel = name.starts_with(['A', 'E', 'I', 'O', 'U']);
    // Names that are spelt out letter by letter, from “en” and “ex”.
    let is_spelt = matches!(name, "npm" | "xAI" | "NVIDIA");
    if is_vowel || is_spelt { "an" } else { "a" }
}

impl TokenError {
    /// Tells whether the text holds no secret, unless it be an address with a user or a query.
    pub(super) const fn holds_no_secret(&self) -> bool {
        matches!(
            self,
            Self::Empty | Self::Placeholder | Self::NoValue | Self::Path | Self::Address
        )
    }

    /// Returns what to do about it, as one sentence. If the token itself may be fine, no sentence
    /// asks for a new one.
    pub fn fix(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Empty | Self::Placeholder => {
                "Put the Bitrise workspace API token (it begins with bitwat_) in its place."
            }
            Self::Quoted => "Leave out the quotation marks; the token itself may be fine.",
            Self::Scheme(_) => {
                "Leave out what stands in front: Bitrise and DX want the token alone. The token \
                 itself may be fine."
            }
            Self::UnreplacedName => {
                "Check how the value gets into BITRISE_TOKEN: the name must be spelt as the secret \
                 is, and be written where your CI or shell replaces names."
            }
            Self::SecretReference(_) => {
                "Let the store's own tool put the secret itself into BITRISE_TOKEN or the token \
                 file; the token may be fine."
            }
            Self::NoValue => {
                "Check the secret that BITRISE_TOKEN or the token file is filled from: it is empty, \
                 or its name is spelt differently there."
            }
            Self::Masked => {
                "Copy the token from where it is kept, not from a log; the token itself may be fine."
            }
            Self::Path => "Pass the path with --token-file, and leave BITRISE_TOKEN unset.",
            Self::Jwt | Self::KeyFile | Self::OtherService { .. } => {
                "Put the Bitrise workspace API token (it begins with bitwat_) into BITRISE_TOKEN or \
                 the token file."
            }
            Self::Address | Self::AppId => {
                "Put the Bitrise workspace API token (it begins with bitwat_) into BITRISE_TOKEN or \
                 the token file; an app's address or ID goes into --app."
            }
            Self::Encoded(_, times) => return decode(*times),
            Self::Command => {
                "Copy only the token out of the command; the token itself may be fine."
            }
            Self::Settings { .. } => {
                "Put only the value, the token itself, into BITRISE_TOKEN or a file of its own; the \
                 token may be fine."
            }
            Self::Cut => {
                "Copy the token again, whole, from where it is kept; the token itself may be fine."
            }
            Self::Doubled => "Keep one of them; if they differ, the one that was made last.",
            Self::LiteralEscape => {
                "Leave out those characters at the end; the token itself may be fine."
            }
            Self::MisspeltPrefix => {
                "Copy the token again from its first letter on, and keep upper and lower case."
            }
            Self::SeveralLines => {
                "Put the token into one line, with nothing before or after it; the token itself may \
                 be fine."
            }
            Self::WhiteSpace | Self::ControlCharacter(_) | Self::NotAscii(_) => {
                "Copy the token again without that character; the token itself may be fine."
            }
        })
    }
}

/// How often a token has to be decoded.
fn decode(times: u8) -> Cow<'static, str> {
    let times = match times {
        0 | 1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{times} times"),
    };
    format!("Decode it {times}, and use what comes out; the token itself may be fine.").into()
}

/// Finds what makes a text plainly no token.
pub(super) fn find(text: &str) -> Option<TokenError> {
    let (core, wrapper) = unwrapped(text);
    if core.is_empty() {
        return Some(if wrapper.is_some() {
            TokenError::NoValue
        } else {
            TokenError::Empty
        });
    }
    // What is wrong inside says more than the quotation marks around it.
    let text = Text { whole: text, core };
    ROWS.iter().find_map(|row| row(&text)).or(wrapper)
}

/// Returns the text that a token was encoded as, if this is one: as often decoded as it takes.
pub(super) fn decoded(text: &str) -> Option<String> {
    let (core, _) = unwrapped(text);
    decodings(core).map(|(_, _, decoded)| decoded)
}

/// A text as a row looks at it.
struct Text<'a> {
    /// As it came.
    whole: &'a str,
    /// Without white space, quotation marks and a header around it; never empty.
    core: &'a str,
}

/// The shapes, from the most telling to the least: `${{ secrets.X }}` has white space inside as
/// well, but its name says more.
const ROWS: [fn(&Text<'_>) -> Option<TokenError>; 22] = [
    no_value,
    masked,
    command,
    unreplaced,
    placeholder,
    key_file,
    encoded,
    secret_store,
    jwt,
    other_service,
    token_inside,
    doubled,
    path,
    address,
    setting,
    app_id,
    misspelt_prefix,
    literal_escape,
    cut,
    several_lines,
    white_space,
    odd_character,
];

/// The quotation marks of keyboards, word processors and chats.
const QUOTES: [char; 15] = [
    '"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›', '″', '′',
];

/// What may stand in front of a token in a command or a header, in any case; a word without a colon
/// has white space behind it.
const SCHEMES: [&str; 14] = [
    "-H",
    "--header",
    "Authorization:",
    "Authorization",
    "Proxy-Authorization:",
    "PRIVATE-TOKEN:",
    "X-API-Key:",
    "X-Auth-Token:",
    "Bearer:",
    "Bearer",
    "Token",
    "Basic",
    "ApiKey",
    "Bitrise-Addon-Auth-Token:",
];

/// Returns a text without white space, quotation marks and headers around it, and what of them is
/// an error: a header says more than the quotation marks that belong to it.
fn unwrapped(text: &str) -> (&str, Option<TokenError>) {
    let (mut core, mut quoted, mut in_front) = (text.trim(), None, None);
    loop {
        let unquoted = core.trim_matches(QUOTES);
        if unquoted.len() < core.len() {
            quoted = Some(TokenError::Quoted);
        }
        core = unquoted.trim();
        let Some((scheme, rest)) = SCHEMES.iter().find_map(|scheme| after(core, scheme)) else {
            return (core, in_front.or(quoted));
        };
        in_front = in_front.or(Some(TokenError::Scheme(scheme)));
        core = rest.trim();
    }
}

/// Returns what follows a scheme at the start of a text, and the scheme.
fn after<'a>(text: &'a str, scheme: &'static str) -> Option<(&'static str, &'a str)> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    let is_apart = scheme.ends_with(':') || rest.starts_with(char::is_whitespace);
    (head.eq_ignore_ascii_case(scheme) && is_apart).then_some((scheme, rest))
}

/// Tells whether a text begins with a token's prefix.
fn is_prefixed(text: &str) -> bool {
    PREFIXES.iter().any(|(prefix, _)| text.starts_with(prefix))
}

/// Returns what stands between two marks.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// What documentation puts around its placeholders.
const BRACKETS: [(&str, &str); 2] = [("<", ">"), ("[", "]")];

/// Returns a text without the brackets around it.
fn without_brackets(text: &str) -> &str {
    let mut pairs = BRACKETS.iter();
    let inner = pairs.find_map(|(open, close)| between(text, open, close));
    inner.unwrap_or(text)
}

/// Tells whether a list has a word, in whichever case.
fn lists(list: &str, word: &str) -> bool {
    list.split(' ')
        .any(|known| known.eq_ignore_ascii_case(word))
}

const fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Recognises what programs write for a value that they do not have.
fn no_value(text: &Text<'_>) -> Option<TokenError> {
    const WORDS: [&str; 21] = [
        "null",
        "nil",
        "none",
        "undefined",
        "nan",
        "true",
        "false",
        "empty",
        "unset",
        "n/a",
        "no value",
        "not set",
        "not found",
        "{}",
        "[]",
        "object",
        "object object",
        "object promise",
        "system.object",
        "system.__comobject",
        "system.security.securestring",
    ];
    let word = without_brackets(text.core);
    let word = between(word, "(", ")").unwrap_or(word);
    let mut texts = [word, text.core].into_iter();
    let is_one = texts.any(|text| WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)));
    is_one.then_some(TokenError::NoValue)
}

/// Recognises what logs show in place of a secret.
fn masked(text: &Text<'_>) -> Option<TokenError> {
    const MARKS: [&str; 10] = [
        "***",
        "•••",
        "●●●",
        "redacted",
        "[masked]",
        "[hidden]",
        "[filtered]",
        "[secure]",
        "[secret]",
        "_[token]",
    ];
    let lower = text.core.to_ascii_lowercase();
    let is_dot = |c: char| matches!(c, '*' | '.' | '…' | '·' | '•' | '●');
    let is_one_line = !text.core.contains('\n');
    let has_mark = is_one_line && MARKS.iter().any(|mark| lower.contains(mark));
    (has_mark || text.core.chars().all(is_dot)).then_some(TokenError::Masked)
}

/// Recognises names and expressions of shells, CI systems and templates.
fn unreplaced(text: &Text<'_>) -> Option<TokenError> {
    const OPENINGS: &str = "${ $( $[ {{ #{ %{ @{ {% <% << (( [[";
    const MARKS: [char; 5] = ['%', '@', '!', '#', '$'];
    const PAIRS: [(&str, &str); 7] = [
        ("{", "}"),
        ("(", ")"),
        ("%", "%"),
        ("@", "@"),
        ("!", "!"),
        ("#", "#"),
        ("$", "$"),
    ];
    const SOURCES: &str = "secrets. env. env: vars. inputs. process.env os.environ ENV[ steps.";
    let core = text.core;
    if has_prefix(core) || core.contains('\n') {
        return None;
    }
    let is_capital = |c: char| matches!(c, 'A'..='Z' | '0'..='9' | '_');
    let is_bitrise = |name: &str| name.starts_with("BITRISE") && name.chars().all(is_capital);
    let inside = |pairs: &[(&str, &str)], fits: &dyn Fn(&str) -> bool| {
        let mut pairs = pairs.iter();
        pairs.any(|(open, close)| between(core, open, close).is_some_and(fits))
    };
    let is_in_brackets = |name: &str| is_bitrise(name) || is_name(name) && !is_placeholder(name);
    let is_variable = core.trim_start_matches('\\').strip_prefix('$');
    let is_variable = is_variable.is_some_and(|name| is_name(name.trim_start_matches('$')));
    let call = core.strip_suffix(')').and_then(|call| call.split_once('('));
    let is_unreplaced = OPENINGS.split(' ').any(|opening| core.contains(opening))
        || inside(&PAIRS, &|name| is_name(name.trim_matches(MARKS)))
        || inside(&BRACKETS, &is_in_brackets)
        || SOURCES.split(' ').any(|source| core.starts_with(source))
        || call.is_some_and(|(name, _)| is_name(name))
        || between(core, "__", "__").is_some_and(|name| name.chars().all(is_capital))
        || is_bitrise(core)
        || is_variable;
    is_unreplaced.then_some(TokenError::UnreplacedName)
}

/// Tells whether a text may be the name of a variable, with what may stand around it in templates.
fn is_name(text: &str) -> bool {
    let name = text.trim();
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| is_name_part(c) || matches!(c, ':' | ' '))
}

fn placeholder(text: &Text<'_>) -> Option<TokenError> {
    is_placeholder(without_brackets(text.core)).then_some(TokenError::Placeholder)
}

/// Recognises `YOUR_API_TOKEN` (DX's page), `ACCESS-TOKEN`, `THE-ACCESS-TOKEN` (Bitrise's pages) and
/// their like: each word is one that only placeholders are made of.
fn is_placeholder(text: &str) -> bool {
    /// One of these is in each of them.
    const TELLING: &str = "apitoken accesstoken change changeme changeit dummy example fake fixme my \
        mytoken password pat placeholder replace sample secret tbd todo token your yourtoken";
    const OTHERS: &str = "a access actual add an api auth bearer bitrise copied dx enter fill goes here \
        in insert it key me of pass paste personal put real set the this to value with workspace";
    let mut prefixes = PREFIXES.iter();
    let behind = prefixes.find_map(|(prefix, _)| text.strip_prefix(prefix));
    let behind = behind.unwrap_or(text);
    let is_telling = |word: &str| {
        let is_fill = word.len() > 2 && word.chars().all(|c| matches!(c, 'x' | 'X'));
        is_fill || lists(TELLING, word)
    };
    let words = || {
        let words = without_brackets(behind).split(['-', '_', ' ', '.']);
        words.filter(|word| !word.is_empty())
    };
    words().any(is_telling) && words().all(|word| is_telling(word) || lists(OTHERS, word))
}

fn key_file(text: &Text<'_>) -> Option<TokenError> {
    const STARTS: [&str; 5] = [
        "ssh-rsa ",
        "ssh-ed25519 ",
        "ecdsa-sha2-",
        "AGE-SECRET-KEY-",
        "PuTTY-User-Key-File",
    ];
    let is_key = STARTS.iter().any(|start| text.core.starts_with(start));
    (is_key || text.whole.contains("-----BEGIN ")).then_some(TokenError::KeyFile)
}

/// Recognises commands that print a token or use one.
fn command(text: &Text<'_>) -> Option<TokenError> {
    const COMMANDS: &str = "curl curl.exe wget http https xh gh echo printf cat pass op vault security aws \
        gcloud az bitrise bitrise-cli bitrise-dx envman invoke-restmethod \
        invoke-webrequest sudo";
    let core = text.core.trim_start_matches(['$', '>', ' ']);
    let (first, _) = core.split_once([' ', '\t'])?;
    lists(COMMANDS, first).then_some(TokenError::Command)
}

fn encoded(text: &Text<'_>) -> Option<TokenError> {
    decodings(text.core).map(|(encoding, times, _)| TokenError::Encoded(encoding, times))
}

/// Decodes a text that has no token in it until one shows.
fn decodings(text: &str) -> Option<(Encoding, u8, String)> {
    /// How often a token may be encoded; each time makes it longer by a third.
    const MOST: u8 = 3;
    if has_prefix(text) {
        return None;
    }
    let compact: String = text.split_whitespace().collect();
    let percent = percent_decode_str(&compact).decode_utf8().ok();
    let found = |encoding, decoded: Option<String>| {
        decoded
            .filter(|decoded| has_prefix(decoded))
            .map(|decoded| (encoding, 1, decoded))
    };
    let once = found(Encoding::Percent, percent.map(Cow::into_owned))
        .or_else(|| found(Encoding::Hex, from_hex(&compact)));
    if once.is_some() {
        return once;
    }
    let mut decoded = compact;
    for times in 1..=MOST {
        decoded = from_base64(&decoded)?;
        if has_prefix(&decoded) {
            return Some((Encoding::Base64, times, decoded));
        }
    }
    None
}

fn from_hex(text: &str) -> Option<String> {
    let digits = text.as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let byte = |pair: &[u8; 2]| {
        let pair = str::from_utf8(pair).ok()?;
        let is_hex = pair.chars().all(|c| c.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)
    };
    String::from_utf8(pairs.iter().map(byte).collect::<Option<_>>()?).ok()
}

/// Reads base64 in either alphabet, with or without its end, whether or not it was cut.
fn from_base64(text: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text: String = text.split_whitespace().collect();
    let text = text
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    // One character alone at the end stands for no whole byte.
    let whole = text.len() - usize::from(text.len() % 4 == 1);
    let bytes = LENIENT.decode(text.get(..whole)?).ok()?;
    String::from_utf8(bytes).ok()
}

/// What references to secrets lead to, and how they begin, in lower case.
const STORES: [(&str, &str); 22] = [
    ("1Password", "op://"),
    ("HashiCorp Vault", "vault: hashivault:// hcvault://"),
    ("OpenBao", "bao:"),
    ("AWS", "arn:aws aws:"),
    (
        "AWS Secrets Manager",
        "awssm:// aws-sm:// awssecretsmanager:// secretsmanager: asm://",
    ),
    ("AWS Parameter Store", "ssm: awsps://"),
    ("AWS KMS", "awskms://"),
    ("vals", "ref+ secretref+"),
    ("SOPS", "enc[ sops:"),
    ("ejson", "ej["),
    ("Ansible Vault", "!vault $ansible_vault"),
    ("Spring Cloud Config", "{cipher}"),
    (
        "Google Secret Manager",
        "projects/ gcp: gcpsm:// gcp-sm:// gsm:// sm:// gcpsecretmanager://",
    ),
    (
        "Azure Key Vault",
        "@microsoft.keyvault keyvault azkv:// akv:// azurekeyvault://",
    ),
    ("Doppler", "doppler:"),
    ("Infisical", "infisical:"),
    ("Bitwarden", "bws: bw://"),
    ("Keeper", "keeper://"),
    ("Akeyless", "akeyless:"),
    ("keychain", "keychain:"),
    ("Kubernetes", "k8s:"),
    ("secret store", "secret://"),
];

/// Recognises references to secrets in a store.
fn secret_store(text: &Text<'_>) -> Option<TokenError> {
    let lower = text.core.to_ascii_lowercase();
    if lower.starts_with("projects/") && !lower.contains("/secrets/") || has_prefix(text.core) {
        return None;
    }
    let known = STORES
        .iter()
        .find(|(_, starts)| starts.split(' ').any(|start| lower.starts_with(start)));
    let azure = lower
        .contains(".vault.azure.net/")
        .then_some("Azure Key Vault");
    let store = known.map(|(store, _)| *store).or(azure);
    store.map(TokenError::SecretReference)
}

/// Recognises a JSON Web Token, signed or encrypted (RFC 7519): it begins with `{"` in base64, and
/// has two dots or four.
fn jwt(text: &Text<'_>) -> Option<TokenError> {
    let dots = text.core.matches('.').count();
    let is_jwt = text.core.starts_with("eyJ")
        && matches!(dots, 2 | 4)
        && text.core.chars().all(|c| is_name_part(c) || c == '=');
    is_jwt.then_some(TokenError::Jwt)
}

/// Other services, and what their tokens begin with, as each service publishes it, or as the rules
/// of secret scanners have it.
const SERVICES: [(&str, &str); 45] = [
    ("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_"),
    (
        "GitLab",
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- glimt- gloas- GR1348941",
    ),
    (
        "Slack",
        "xoxb- xoxp- xoxa- xoxr- xoxs- xoxc- xoxd- xoxe- xoxe. xapp-",
    ),
    ("npm", "npm_"),
    ("PyPI", "pypi-"),
    ("RubyGems", "rubygems_"),
    ("Google", "ya29. GOCSPX- AIza"),
    (
        "Stripe",
        "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ whsec_",
    ),
    ("Anthropic", "sk-ant-"),
    ("OpenRouter", "sk-or-"),
    ("OpenAI", "sk-"),
    ("Perplexity", "pplx-"),
    ("Groq", "gsk_"),
    ("xAI", "xai-"),
    ("NVIDIA", "nvapi-"),
    ("Replicate", "r8_"),
    ("Hugging Face", "hf_"),
    ("Atlassian", "ATATT3 ATCTT3"),
    ("Bitbucket", "ATBB"),
    ("CircleCI", "CCIPAT_ CCIPRJ_"),
    ("Buildkite", "bkua_ bkct_"),
    ("HashiCorp Vault", "hvs. hvb. hvr."),
    ("Docker", "dckr_pat_ dckr_oat_"),
    ("Sentry", "sntrys_ sntryu_"),
    ("Linear", "lin_api_ lin_oauth_"),
    ("Notion", "ntn_ secret_"),
    ("Figma", "figd_"),
    ("Postman", "PMAK-"),
    ("SendGrid", "SG."),
    ("Shopify", "shpat_ shpca_ shppa_ shpss_"),
    ("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_"),
    ("Doppler", "dp.pt. dp.st. dp.ct. dp.sa."),
    ("1Password", "ops_eyJ"),
    ("Netlify", "nfp_"),
    ("Supabase", "sbp_ sb_secret_"),
    ("New Relic", "NRAK-"),
    ("Grafana", "glsa_ glc_"),
    ("Fly.io", "fo1_ fm2_"),
    ("Heroku", "HRKU-"),
    ("Tailscale", "tskey-"),
    ("PlanetScale", "pscale_tkn_"),
    ("Pulumi", "pul-"),
    ("SonarQube", "sqp_ squ_ sqa_"),
    ("PostHog", "phc_ phx_"),
    ("AWS", "AKIA ASIA"),
];

/// Prefixes without a mark in them could be the first letters of any token; so these must have the
/// length that the service gives its own.
const LENGTHS: [(&str, usize); 5] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 39),
    ("ATBB", 36),
    ("secret_", 50),
];

/// Prefixes that are little longer; these must be followed by letters and digits alone.
const SHORT: [&str; 3] = ["sk-", "hf_", "r8_"];

/// Recognises another service's token.
fn other_service(text: &Text<'_>) -> Option<TokenError> {
    let core = text.core;
    if core.contains(char::is_whitespace) {
        return None;
    }
    let fits = |prefix: &str| {
        let length = LENGTHS.iter().find(|(known, _)| *known == prefix);
        let is_long = length.is_none_or(|(_, length)| core.len() == *length);
        let rest = core.strip_prefix(prefix).filter(|_| is_long);
        rest.is_some_and(|rest| {
            let is_plain = || rest.len() >= 30 && rest.chars().all(|c| c.is_ascii_alphanumeric());
            !SHORT.contains(&prefix) || is_plain()
        })
    };
    let mut known = SERVICES.iter().filter_map(|(name, prefixes)| {
        let prefix = prefixes.split(' ').find(|prefix| fits(prefix))?;
        Some((*name, prefix))
    });
    let terraform = || {
        core.contains(".atlasv1.")
            .then_some(("Terraform Cloud", ".atlasv1."))
    };
    let (name, prefix) = known.next().or_else(terraform)?;
    Some(TokenError::OtherService { name, prefix })
}

/// Recognises a text that has a token in it, but does not begin with one.
fn token_inside(text: &Text<'_>) -> Option<TokenError> {
    if is_prefixed(text.core) || !has_prefix(text.core) {
        return None;
    }
    let at = prefix_at(text.core)?;
    // What can't be seen is better named as what it is.
    if !text.core[..at].contains(|c: char| c.is_ascii_graphic()) {
        return None;
    }
    let mut lines = (1..).zip(text.whole.lines());
    let (line, held) = lines.find(|(_, line)| has_prefix(line))?;
    let is_one = text.core.lines().count() == 1;
    let at = prefix_at(held)?;
    let secret = Redactor::new([&held[at..]]);
    Some(TokenError::Settings {
        line: (!is_one).then_some(line),
        key: key_before(&held[..at]).filter(|key| !secret.finds(key.as_str())),
    })
}

/// Returns where the first prefix of a token stands.
fn prefix_at(text: &str) -> Option<usize> {
    let places = PREFIXES.iter().filter_map(|(prefix, _)| text.find(prefix));
    places.min()
}

/// Returns the name of a setting whose value is about to come: `NAME=`, `name: `, `"name": "`, or
/// the word in front of it in the commands and files that have no sign between them.
fn key_before(text: &str) -> Option<Key> {
    const SPACED: &str = "set setx setenv machine login password default";
    let text = text.trim_end_matches(|c: char| QUOTES.contains(&c) || c.is_whitespace());
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_spaced = lists(SPACED, first);
    let before = match text.strip_suffix(['=', ':', '>']) {
        Some(before) => before.trim_end_matches([':', '=', '?', ' ', '\t']),
        None if is_spaced => text,
        None => return None,
    };
    let before = before.trim_end_matches(|c: char| QUOTES.contains(&c) || c == ']');
    let name = before.rsplit(|c: char| !is_name_part(c)).next()?;
    Key::new(name.trim_start_matches('-'))
}

/// Recognises two tokens in a row, or the same text twice.
fn doubled(text: &Text<'_>) -> Option<TokenError> {
    /// What is shorter than twice a short token is none.
    const SHORTEST: usize = 40;
    let core = text.core;
    let has_second = is_prefixed(core)
        && PREFIXES
            .iter()
            .any(|(prefix, _)| core.rfind(prefix).is_some_and(|at| at > 0));
    let (first, second) = core.split_at_checked(core.len() / 2)?;
    let second = second.trim_start_matches([' ', '\t', '\r', '\n', ',', ';']);
    let is_twice = core.len() >= SHORTEST && first.trim_end() == second;
    (has_second || is_twice).then_some(TokenError::Doubled)
}

/// Recognises paths. A token in base64 could begin with a slash as well; so an absolute path is one
/// of a known folder, of small letters alone, or with a character that base64 does not have.
fn path(text: &Text<'_>) -> Option<TokenError> {
    const FOLDERS: &str = "/run/ /etc/ /var/ /tmp/ /home/ /Users/ /root/ /opt/ /mnt/ /usr/ /dev/ /proc/ \
        /private/ /builds/ /workspace /github/ /secrets/ /bitrise/";
    const STARTS: [&str; 7] = ["file:", "~", "./", "../", ".\\", "..\\", "\\\\"];
    const ENDINGS: &str = ".txt .token .yml .yaml .json .env .pem .key .secret .ini";
    let core = text.core;
    if has_prefix(core) || core.contains(['\n', '"']) {
        return None;
    }
    let lower = core.to_ascii_lowercase();
    let is_known = STARTS.iter().any(|start| lower.starts_with(start))
        || FOLDERS.split(' ').any(|folder| core.starts_with(folder))
        || ENDINGS.split(' ').any(|ending| lower.ends_with(ending)) && !core.contains("://");
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '=');
    let is_plain = core.chars().all(|c| c.is_ascii_lowercase() || c == '/');
    let is_absolute = core.starts_with('/') && (is_plain || !core.chars().all(is_base64));
    let is_drive =
        matches!(core.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    let is_below = core.starts_with(['$', '%']) && core.contains(['/', '\\']);
    (is_known || is_absolute || is_drive || is_below).then_some(TokenError::Path)
}

/// Recognises addresses: no token has `://`.
fn address(text: &Text<'_>) -> Option<TokenError> {
    let core = text.core;
    let is_one = !core.contains(char::is_whitespace) && !core.contains(['{', '"', '=']);
    let has_scheme = core.find("://").is_some_and(|at| {
        core[..at]
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    let mut hosts = ["api.bitrise.io", "app.bitrise.io", "bitrise.io"].into_iter();
    let is_host = hosts.any(|host| {
        let rest = core.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    (has_scheme && (is_one || core.starts_with("http")) || is_host).then_some(TokenError::Address)
}

/// Recognises settings, JSON and YAML whose token, if there is one, has no prefix to know it by.
fn setting(text: &Text<'_>) -> Option<TokenError> {
    /// A name that has one of these is no part of a token.
    const TELLING: &str = "token apitoken accesstoken secret key apikey pat auth password";
    const FIRST: &str = "export set setx setenv declare machine env";
    let core = text.core;
    let first = core.split_once(char::is_whitespace).map(|(first, _)| first);
    let is_listed = first.is_some_and(|first| lists(FIRST, first));
    let is_json = core.starts_with(['{', '[']) && core.contains('"');
    let keys = || core.lines().filter_map(line_key);
    if !is_listed && !is_json && keys().next().is_none() {
        return None;
    }
    let is_telling = |key: &Key| {
        let mut words = key.as_str().split(['_', '.', '-']);
        words.any(|word| lists(TELLING, word))
    };
    Some(TokenError::Settings {
        line: None,
        key: keys().find(is_telling),
    })
}

/// Returns the name in a line such as `NAME=value`, `- name: value` or `"name": "value"`. What only
/// ends in `=` may be base64.
fn line_key(line: &str) -> Option<Key> {
    let is_sign = |c: char| matches!(c, '=' | ':');
    let at = line.find(is_sign)?;
    let value = line[at..].trim_start_matches(is_sign);
    let is_value = value.contains(|c: char| !QUOTES.contains(&c) && !c.is_whitespace());
    let name = line[..at].trim();
    let name = name
        .rsplit([' ', '{', '[', ','])
        .next()?
        .trim_matches(QUOTES);
    Key::new(name).filter(|_| is_value)
}

/// Recognises the slugs of apps, builds and pipelines (Bitrise's pages show 16 hex digits and
/// UUIDs). No token of either form is known, and 64 bits would be few for one.
fn app_id(text: &Text<'_>) -> Option<TokenError> {
    let core = text.core;
    let is_hex = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let is_slug = core.len() == 16 && is_hex(core);
    let lower = core.to_ascii_lowercase();
    let parts = lower
        .split('-')
        .map(|part| is_hex(part).then_some(part.len()));
    let is_uuid = parts.eq([8, 4, 4, 4, 12].map(Some));
    (is_slug || is_uuid).then_some(TokenError::AppId)
}

/// Recognises a prefix in the wrong case, or with one letter missing or wrong.
fn misspelt_prefix(text: &Text<'_>) -> Option<TokenError> {
    let core = text.core;
    if is_prefixed(core) {
        return None;
    }
    let begins = |start: &str| {
        let head = core.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    let is_close = PREFIXES.iter().any(|(prefix, _)| {
        let one_off = (0..prefix.len()).any(|at| {
            let (before, behind) = (&prefix[..at], &prefix[at + 1..]);
            let rest = core.get(at + 1..prefix.len());
            let is_wrong = rest.is_some_and(|rest| rest.eq_ignore_ascii_case(behind));
            begins(before) && is_wrong || begins(&format!("{before}{behind}"))
        });
        begins(prefix) || one_off
    });
    is_close.then_some(TokenError::MisspeltPrefix)
}

fn literal_escape(text: &Text<'_>) -> Option<TokenError> {
    const ESCAPES: [&str; 5] = ["\\n", "\\r", "\\t", "%0A", "%0a"];
    let is_escaped = ESCAPES.iter().any(|escape| text.core.ends_with(escape));
    is_escaped.then_some(TokenError::LiteralEscape)
}

fn cut(text: &Text<'_>) -> Option<TokenError> {
    let is_prefix = PREFIXES.iter().any(|(prefix, _)| *prefix == text.core);
    let is_short = text.core.contains("...") || text.core.contains('…');
    (is_prefix || is_short).then_some(TokenError::Cut)
}

fn several_lines(text: &Text<'_>) -> Option<TokenError> {
    text.core
        .contains(['\n', '\r'])
        .then_some(TokenError::SeveralLines)
}

fn white_space(text: &Text<'_>) -> Option<TokenError> {
    text.core
        .contains(char::is_whitespace)
        .then_some(TokenError::WhiteSpace)
}

fn odd_character(text: &Text<'_>) -> Option<TokenError> {
    text.core.chars().find_map(|c| match c {
        c if c.is_control() => Some(TokenError::ControlCharacter(c)),
        c if !c.is_ascii() => Some(TokenError::NotAscii(c)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD, URL_SAFE};
    use percent_encoding::{AsciiSet, percent_encode};
    use proptest::prelude::*;

    const CANARY: &str = "bitwat_CANARY-3f9a81c27e55d04b_x9";

    /// What percent-encoding encodes if it spares nothing.
    const EVERY_CHARACTER: &AsciiSet = &AsciiSet::EMPTY.complement();

    /// Asserts that each text is refused for the one reason, in words that hold nothing of it.
    fn refused<const N: usize>(expected: TokenError, texts: [&str; N]) {
        assert!(N >= 8, "{expected:?}");
        for text in texts {
            assert_eq!(find(text), Some(expected), "{text:?}");
        }
        for words in [expected.to_string(), expected.fix().into_owned()] {
            assert!(!words.contains("CANARY"), "{words}");
        }
    }

    #[test]
    fn quotation_marks() {
        refused(
            TokenError::Quoted,
            [
                "\"bitwat_CANARY\"",
                "'bitwat_CANARY'",
                "`bitwat_CANARY`",
                "“bitwat_CANARY”",
                "‘bitwat_CANARY’",
                "„bitwat_CANARY“",
                "«bitwat_CANARY»",
                "bitwat_CANARY\"",
                "'bitwat_CANARY",
                " \"3f9a81c27e55d04b3f9a81c27e55d04b3f9a81c2\"\n",
                "\"'bitwat_CANARY'\"",
            ],
        );
    }

    #[test]
    fn headers_and_schemes() {
        for (scheme, texts) in [
            (
                "Bearer",
                [
                    "Bearer bitwat_CANARY",
                    "bearer\tbitwat_CANARY",
                    "BEARER  3f9acanary0",
                ],
            ),
            (
                "Token",
                [
                    "token bitwat_CANARY",
                    "Token bitpat_CANARY",
                    "token 3f9acanary0",
                ],
            ),
            (
                "Basic",
                ["Basic bitwat_CANARY", "basic x", "Basic 3f9acanary0"],
            ),
            (
                "Authorization:",
                [
                    "Authorization: bitwat_CANARY",
                    "authorization:bitwat_CANARY",
                    "Authorization: Bearer bitwat_CANARY",
                ],
            ),
            (
                "-H",
                [
                    "-H 'Authorization: bitwat_CANARY'",
                    "-H \"Authorization: Bearer bitwat_CANARY\"",
                    "-H bitwat_CANARY",
                ],
            ),
            (
                "PRIVATE-TOKEN:",
                [
                    "PRIVATE-TOKEN: bitwat_CANARY",
                    "Private-Token:bitwat_CANARY",
                    "private-token: 3f9acanary0",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(find(text), Some(TokenError::Scheme(scheme)), "{text}");
            }
        }
        let bearer = Some(TokenError::Scheme("Bearer"));
        assert_eq!(find("\"Bearer bitwat_CANARY\""), bearer);
    }

    #[test]
    fn names_that_were_not_replaced() {
        refused(
            TokenError::UnreplacedName,
            [
                "$BITRISE_TOKEN",
                "$$BITRISE_TOKEN",
                "${BITRISE_TOKEN}",
                "${BITRISE_TOKEN:-}",
                "${{ secrets.BITRISE_TOKEN }}",
                "{{BITRISE_TOKEN}}",
                "{{ .Values.token }}",
                "$(BITRISE_TOKEN)",
                "$(cat /run/secrets/token)",
                "${BITRISE_TOKEN",
                "https://${HOST}/x",
                "$[variables.token]",
                "%BITRISE_TOKEN%",
                "$env:BITRISE_TOKEN",
                "$Env:BITRISE_TOKEN",
                "<BITRISE_SECRET_NAME>",
                "<BITRISE_TOKEN>",
                "{BITRISE_TOKEN}",
                "[bitriseSecretName]",
                "#{BitriseToken}#",
                "#{BitriseToken}",
                "((bitrise-token))",
                "<% token %>",
                "<%= ENV['TOKEN'] %>",
                "<< parameters.token >>",
                "{BITRISE_SECRET}",
                "__BITRISE_TOKEN__",
                "%%BITRISE_TOKEN%%",
                "$BITRISE_TOKEN$",
                "\\$BITRISE_TOKEN",
                "[[BITRISE_TOKEN]]",
                "@BITRISE_SECRET@",
                "!BITRISE_SECRET!",
                "secrets.BITRISE_TOKEN",
                "process.env.BITRISE_TOKEN",
                "os.environ['BITRISE_TOKEN']",
                "credentials('bitrise-token')",
                "BITRISE_TOKEN",
                "\"$BITRISE_TOKEN\"",
                "'${BITRISE_TOKEN}'",
                "Bearer $BITRISE_TOKEN",
                "Authorization: ${{ secrets.BITRISE_TOKEN }}",
            ],
        );
    }

    #[test]
    fn references_to_secrets() {
        for (text, store) in [
            ("op://Private/Bitrise/token", "1Password"),
            ("vault:secret/data/bitrise#token", "HashiCorp Vault"),
            ("vault://secret/bitrise", "HashiCorp Vault"),
            (
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bitrise",
                "AWS",
            ),
            (
                "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/bitrise",
                "AWS",
            ),
            ("ref+awsssm://bitrise/token", "vals"),
            (
                "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:x=,type:str]",
                "SOPS",
            ),
            (
                "projects/123/secrets/bitrise/versions/latest",
                "Google Secret Manager",
            ),
            ("gcpsm://projects/x/bitrise", "Google Secret Manager"),
            (
                "@Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/b/)",
                "Azure Key Vault",
            ),
            (
                "https://x.vault.azure.net/secrets/bitrise",
                "Azure Key Vault",
            ),
            ("keyvault:bitrise", "Azure Key Vault"),
            ("doppler://project/config/TOKEN", "Doppler"),
            ("$ANSIBLE_VAULT;1.1;AES256\n6265", "Ansible Vault"),
            ("{cipher}AQICAHh", "Spring Cloud Config"),
            ("\"op://Private/Bitrise/token\"", "1Password"),
        ] {
            assert_eq!(
                find(text),
                Some(TokenError::SecretReference(store)),
                "{text}"
            );
        }
    }

    #[test]
    fn placeholders() {
        refused(
            TokenError::Placeholder,
            [
                "YOUR_API_TOKEN",
                "<ACCESS-TOKEN>",
                "ACCESS-TOKEN",
                "THE-ACCESS-TOKEN",
                "<YOUR_API_TOKEN>",
                "your-token-here",
                "your-bitrise-token",
                "your_workspace_api_token",
                "[your token]",
                "xxx",
                "XXXXXXXXXXXXXXXX",
                "xxxx-xxxx-xxxx",
                "changeme",
                "CHANGE_ME",
                "token",
                "Bearer YOUR_API_TOKEN",
                "bitwat_xxxxxxxxxxxx",
                "bitwat_YOUR_TOKEN",
                "bitwat_<your-token>",
                "bitpat_your_token_here",
            ],
        );
    }

    #[test]
    fn missing_values() {
        refused(
            TokenError::NoValue,
            [
                "null",
                "undefined",
                "None",
                "nil",
                "<nil>",
                "(null)",
                "NULL",
                "true",
                "false",
                "{}",
                "[]",
                "[object Object]",
                "<no value>",
                "System.Security.SecureString",
                "\"\"",
                "''",
                "\"null\"",
            ],
        );
    }

    #[test]
    fn masked_secrets() {
        refused(
            TokenError::Masked,
            [
                "***",
                "*****************",
                "[REDACTED]",
                "[MASKED]",
                "<redacted>",
                "••••••••",
                "...",
                "…",
                "bitwat_********",
                "********d04b",
                "bitwat_[token]",
                "\"***\"",
                "Bearer ***",
                "BITRISE_TOKEN=***",
            ],
        );
    }

    #[test]
    fn paths() {
        refused(
            TokenError::Path,
            [
                "/run/secrets/bitrise_token",
                "/run/secrets/token",
                "/home/Ann1/Token",
                "/srv/bitrise/token",
                "~/token",
                "~/.config/bitrise/auth.yaml",
                "./token",
                "../token",
                "token.txt",
                "secrets/bitrise.token",
                "file:///run/secrets/token",
                "file:token",
                r"C:\Users\Ann\token.txt",
                "c:/secrets/token",
                r"\\server\share\token",
                r".\token",
                "$HOME/token",
                r"%USERPROFILE%\token",
                "\"/run/secrets/bitrise_token\"",
            ],
        );
    }

    #[test]
    fn addresses() {
        refused(
            TokenError::Address,
            [
                "https://app.bitrise.io/app/93f256e365d929d3",
                "https://app.bitrise.io/app/93f256e365d929d3#/builds",
                "https://api.bitrise.io/v0.1",
                "http://localhost:8080",
                "app.bitrise.io/app/93f256e365d929d3",
                "api.bitrise.io",
                "ssh://git@host/x",
                "postgres://host/x",
                "'https://app.bitrise.io'",
            ],
        );
    }

    #[test]
    fn tokens_in_an_encoding() {
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
            assert_eq!(
                find(&text),
                Some(TokenError::Encoded(Encoding::Base64, 1)),
                "{text}"
            );
            assert!(decoded(&text).unwrap().contains("bitwat_CANARY"));
        }
        let twice = TokenError::Encoded(Encoding::Base64, 2);
        assert_eq!(find(&once(&once(CANARY))), Some(twice));
        assert_eq!(find(&once(&format!("{}\n", once(CANARY)))), Some(twice));
        let percent = percent_encode(CANARY.as_bytes(), EVERY_CHARACTER);
        let hex = percent.to_string().to_lowercase().replace('%', "");
        for hex in [hex.to_uppercase(), hex] {
            assert_eq!(find(&hex), Some(TokenError::Encoded(Encoding::Hex, 1)));
            assert_eq!(decoded(&hex).as_deref(), Some(CANARY));
        }
        for text in ["bitwat%5FCANARY", "%62itwat_CANARY", "bitpat%5fCANARY%0A"] {
            assert_eq!(find(text), Some(TokenError::Encoded(Encoding::Percent, 1)));
        }
        let fix = twice.fix();
        assert!(fix.starts_with("Decode it twice"), "{fix}");
    }

    #[test]
    fn tokens_of_other_services() {
        let services = SERVICES.iter();
        let prefixes = services
            .flat_map(|(name, prefixes)| prefixes.split(' ').map(move |prefix| (*name, prefix)));
        for (name, prefix) in prefixes {
            let length = LENGTHS.iter().find(|(known, _)| *known == prefix);
            let length = length.map_or(60, |(_, length)| *length);
            let random = "CANARY0x3f9A81c27E55d04b".repeat(3);
            let text = format!("{prefix}{}", &random[..length - prefix.len()]);
            let expected = TokenError::OtherService { name, prefix };
            for text in [
                text.clone(),
                format!("\"{text}\""),
                format!("Bearer {text}\n"),
            ] {
                assert_eq!(find(&text), Some(expected), "{text}");
            }
        }
        let terraform = find("CANARY12345678.atlasv1.CANARY3f9a81c27e55d04b");
        let words = terraform.unwrap().to_string();
        assert_eq!(
            words,
            "it is a Terraform Cloud token (.atlasv1.…), not one of Bitrise's"
        );
        let words = find("npm_CANARY3f9a81c27e55d04b").unwrap().to_string();
        assert_eq!(words, "it is an npm token (npm_…), not one of Bitrise's");
    }

    #[test]
    fn json_web_tokens() {
        refused(
            TokenError::Jwt,
            [
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.CANARY-_",
                "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4In0.CANARY",
                "eyJhbGciOiJub25lIn0.e30.",
                "eyJhbGciOiJSU0EtT0FFUCJ9.CANARY.CANARY.CANARY.CANARY",
                "Bearer eyJhbGciOiJIUzI1NiJ9.e30.CANARY",
                "\"eyJhbGciOiJIUzI1NiJ9.e30.CANARY\"",
                "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.CANARY",
                "token eyJhbGciOiJIUzI1NiJ9.e30.CANARY",
            ],
        );
    }

    #[test]
    fn keys_and_certificates() {
        refused(
            TokenError::KeyFile,
            [
                "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY",
                "-----BEGIN CERTIFICATE-----\nCANARY",
                "-----BEGIN PRIVATE KEY----- CANARY",
                "-----BEGIN PGP MESSAGE-----\nCANARY",
                "ssh-rsa AAAACANARY ann@host",
                "ssh-ed25519 AAAACANARY",
                "AGE-SECRET-KEY-1CANARY",
                "\"-----BEGIN EC PRIVATE KEY-----\\nCANARY\"",
            ],
        );
    }

    #[test]
    fn commands() {
        refused(
            TokenError::Command,
            [
                "curl -H 'Authorization: bitwat_CANARY' https://api.bitrise.io/v0.1/apps",
                "$ curl -sS -H \"Authorization: $BITRISE_TOKEN\" https://api.bitrise.io/v0.1/me",
                "curl \\\n  -H \"Authorization: bitwat_CANARY\" \\\n  https://x.example",
                "wget --header='Authorization: bitwat_CANARY' https://x.example",
                "http GET https://x.example Authorization:bitwat_CANARY",
                "echo bitwat_CANARY",
                "printf %s bitwat_CANARY",
                "cat token.txt",
                "op read op://Private/Bitrise/token",
                "curl -H \"Authorization: ${BITRISE_TOKEN}\" https://x.example",
                "Invoke-RestMethod -Headers @{Authorization='bitwat_CANARY'}",
            ],
        );
    }

    /// Asserts that a text is taken for settings, with the token where it is.
    fn holds(text: &str, line: Option<usize>, key: Option<&str>) {
        let expected = TokenError::Settings {
            line,
            key: key.and_then(Key::new),
        };
        assert_eq!(find(text), Some(expected), "{text:?}");
        assert_eq!(key.is_some(), expected.to_string().contains("value of"));
    }

    #[test]
    fn settings_that_hold_a_token() {
        for (text, line, key) in [
            ("BITRISE_TOKEN=bitwat_CANARY", None, Some("BITRISE_TOKEN")),
            (
                "BITRISE_TOKEN=\"bitwat_CANARY\"",
                None,
                Some("BITRISE_TOKEN"),
            ),
            (
                "export BITRISE_TOKEN=bitwat_CANARY",
                None,
                Some("BITRISE_TOKEN"),
            ),
            (
                "export BITRISE_TOKEN='bitwat_CANARY'",
                None,
                Some("BITRISE_TOKEN"),
            ),
            (
                "setx BITRISE_TOKEN bitwat_CANARY",
                None,
                Some("BITRISE_TOKEN"),
            ),
            (
                "set -gx BITRISE_TOKEN bitwat_CANARY",
                None,
                Some("BITRISE_TOKEN"),
            ),
            (
                "$env:BITRISE_TOKEN = \"bitwat_CANARY\"",
                None,
                Some("BITRISE_TOKEN"),
            ),
            ("token: bitwat_CANARY", None, Some("token")),
            ("token:bitwat_CANARY", None, Some("token")),
            (
                "- BITRISE_TOKEN: bitwat_CANARY",
                None,
                Some("BITRISE_TOKEN"),
            ),
            ("{\"api_token\":\"bitwat_CANARY\"}", None, Some("api_token")),
            (
                "{ \"api_token\" : \"bitwat_CANARY\" }",
                None,
                Some("api_token"),
            ),
            ("\"api_token\": \"bitwat_CANARY\",", None, Some("api_token")),
            ("{'token' => 'bitwat_CANARY'}", None, Some("token")),
            ("[\"bitwat_CANARY\"]", None, None),
            ("<bitwat_CANARY>", None, None),
            ("my token is bitwat_CANARY", None, None),
            ("https://bitwat_CANARY@api.bitrise.io", None, None),
        ] {
            holds(text, line, key);
        }
        let long = format!("{}=bitwat_CANARY", "K".repeat(MAX_KEY + 1));
        assert_eq!(
            find(&long),
            Some(TokenError::Settings {
                line: None,
                key: None
            })
        );
    }

    #[test]
    fn files_that_hold_a_token() {
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
            (
                "envs:\n- A: b\n- BITRISE_TOKEN: bitwat_CANARY\n  opts:\n    is_expand: false\n",
                Some(3),
                Some("BITRISE_TOKEN"),
            ),
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
                "machine api.bitrise.io\n  login x\n  password bitwat_CANARY",
                Some(3),
                Some("password"),
            ),
            (
                "machine api.bitrise.io password bitwat_CANARY",
                None,
                Some("password"),
            ),
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
    fn ids_of_apps() {
        refused(
            TokenError::AppId,
            [
                "93f256e365d929d3",
                "0123456789abcdef",
                "aaaaaaaaaaaaaaaa",
                "13aa9897-3891-4fe7-8cf5-5b2f75638b0e",
                "13AA9897-3891-4FE7-8CF5-5B2F75638B0E",
                "00000000-0000-0000-0000-000000000000",
                "\"93f256e365d929d3\"",
                " 93f256e365d929d3\n",
                "Bearer 13aa9897-3891-4fe7-8cf5-5b2f75638b0e",
            ],
        );
    }

    #[test]
    fn parts_of_tokens() {
        refused(
            TokenError::Cut,
            [
                "bitwat_",
                "bitpat_",
                "bitwat_CANARY...",
                "bitwat_CANARY…",
                "bitwat_CAN...ARY",
                "bitwat_CAN…ARY",
                "3f9aCANARY...",
                "...3f9aCANARY",
                "\"bitwat_CANARY...\"",
            ],
        );
    }

    #[test]
    fn two_tokens() {
        let hex = "3f9a81c27e55d04b3f9a81c27e55d04c3f9a81c2";
        let unprefixed = format!("{hex}{hex}");
        let in_lines = format!("{hex}\n{hex}");
        refused(
            TokenError::Doubled,
            [
                "bitwat_CANARYbitwat_CANARY",
                "bitwat_CANARYbitpat_OTHER",
                "bitwat_CANARY\nbitwat_CANARY",
                "bitwat_CANARY bitwat_OTHER",
                "bitwat_CANARY,bitwat_OTHER",
                "\"bitwat_CANARYbitwat_CANARY\"",
                &unprefixed,
                &in_lines,
            ],
        );
    }

    #[test]
    fn line_breaks_of_two_characters() {
        refused(
            TokenError::LiteralEscape,
            [
                r"bitwat_CANARY\n",
                r"bitwat_CANARY\r\n",
                r"bitwat_CANARY\r",
                r"bitwat_CANARY\t",
                "bitwat_CANARY%0A",
                "bitwat_CANARY%0D%0a",
                r"3f9aCANARY\n",
                "\"bitwat_CANARY\\n\"",
            ],
        );
    }

    #[test]
    fn prefixes_with_a_mistake() {
        refused(
            TokenError::MisspeltPrefix,
            [
                "BITWAT_CANARY",
                "Bitwat_CANARY",
                "BitPat_CANARY",
                "itwat_CANARY",
                "btwat_CANARY",
                "bitwt_CANARY",
                "bitwat-CANARY",
                "bitwat CANARY",
                "bitpat.CANARY",
                "bitwatCANARY",
                "bitvat_CANARY",
                "'itpat_CANARY'",
            ],
        );
    }

    #[test]
    fn white_space_and_odd_characters_inside() {
        refused(
            TokenError::SeveralLines,
            [
                "bitwat_CAN\nARY",
                "bitwat_CANARY\r\nx",
                "bitwat_CANARY\rx",
                "\"bitwat_CANARY\nx\"",
                "3f9a\nCANARY",
                "bitwat_CANARY\n\n# for DX",
                "one\ntwo\nthree",
                "<html>\n<body>",
            ],
        );
        refused(
            TokenError::WhiteSpace,
            [
                "bitwat_CAN ARY",
                "bitwat_CAN\tARY",
                "bitwat_CAN\u{a0}ARY",
                "bitwat_CAN\u{3000}ARY",
                "bitwat_ CANARY",
                "bitwat_CANARY # for DX",
                "3f9a CANARY",
                "\"bitwat_CAN ARY\"",
            ],
        );
        for c in [
            '\0', '\u{1b}', '\u{7f}', '\u{8}', '\u{1}', '\u{9f}', '\u{6}', '\u{1f}',
        ] {
            let text = format!("bitwat_CAN{c}ARY");
            assert_eq!(
                find(&text),
                Some(TokenError::ControlCharacter(c)),
                "{text:?}"
            );
        }
        for c in [
            'é', '\u{200b}', '\u{feff}', '–', '\u{202e}', 'а', '🚀', '\u{ad}',
        ] {
            for text in [format!("bitwat_CAN{c}ARY"), format!("bitwat_CANARY{c}")] {
                assert_eq!(find(&text), Some(TokenError::NotAscii(c)), "{text:?}");
            }
        }
        let unseen = Some(TokenError::NotAscii('\u{feff}'));
        assert_eq!(find("\u{feff}bitwat_CANARY"), unseen);
        let words = TokenError::NotAscii('\u{200b}').to_string();
        assert_eq!(
            words,
            "it has a character inside that is not ASCII (U+200B)"
        );
    }

    #[test]
    fn an_empty_text_is_no_token_either() {
        for text in ["", " ", "\n", "\t \r\n"] {
            assert_eq!(find(text), Some(TokenError::Empty));
        }
    }

    #[test]
    fn what_may_be_a_token_is_sent() {
        for text in [
            "bitwat_x",
            CANARY,
            "3f9a",
            "old-Token",
            "http-equiv",
            "x$y{z}'w",
            "$",
            "{x",
            "31536000",
            "workspace",
            "3f9a81c27e55d04b3f9a81c27e55d04c3f9a81c2",
            "93f256e365d929d31",
            "93f256e365d929d",
            "/abcDEF123/xyz+abcDEF123xyz0==",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn an_article_is_spoken() {
        assert_eq!(article("GitHub"), "a");
        assert_eq!(article("AWS"), "an");
        assert_eq!(article("npm"), "an");
    }

    #[test]
    fn no_advice_destroys_what_may_be_fine() {
        for error in [
            find("'bitwat_CANARY'"),
            find("bitwat_CANARY..."),
            find("BITRISE_TOKEN=bitwat_CANARY"),
            find("bitwat_CANARY\\n"),
            find("$BITRISE_TOKEN"),
            find("***"),
        ] {
            let fix = error.unwrap().fix().to_lowercase();
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn no_row_fits_what_may_be_a_token(text in plausible()) {
            for (number, row) in ROWS.iter().enumerate() {
                let found = row(&Text { whole: &text, core: &text });
                prop_assert_eq!(found, None, "row {} fits {}", number, &text);
            }
            prop_assert_eq!(find(&text), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_the_text_is_in_the_words(
            before in "[A-Za-z_]{0,8}[ =:\"'{\n]{0,4}",
            secret in "[A-Za-z0-9_-]{20,60}",
            behind in "[ \"'}\n]{0,3}",
        ) {
            if let Some(error) = find(&format!("{before}bitwat_{secret}{behind}")) {
                let words = format!("{error} {}", error.fix());
                prop_assert!(!Redactor::new([secret.as_str()]).finds(&words), "{words}");
                prop_assert!(words.chars().all(|c| !c.is_control()));
            }
        }

        #[test]
        fn any_text_is_looked_at(text in any::<String>()) {
            if let Some(error) = find(&text) {
                prop_assert!(!error.to_string().is_empty() && error.fix().ends_with('.'));
            }
        }
    }
}
