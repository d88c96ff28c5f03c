//! From bytes to plain lines: one decoding and one undressing, so that whatever reads the text
//! afterwards sees what stood on the screen, however it got here.
//!
//! Invariant: linear in the text. No meaning is given to anything but dress.

use super::words::{self, floor, is_header, lower, section};
use super::{MAX_TEXT, regex};
use crate::text::{decode_entities, is_unseen};
use crate::token::has_prefix;
use percent_encoding::percent_decode_str;
use regex_lite::{Captures, Regex};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A text without its dress.
#[derive(Default)]
pub(super) struct Plain {
    /// All lines, joined by line breaks.
    pub(super) text: String,
    /// The lines, in order.
    pub(super) lines: Vec<Line>,
}

/// A line of a [`Plain`] text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Where it starts in the text.
    pub(super) start: usize,
    /// Where it ends, before its line break.
    pub(super) end: usize,
    /// How deep it is quoted.
    pub(super) depth: usize,
    /// What a client's log says that it is.
    pub(super) role: Role,
}

/// What a mark at the start of a line says of it, as `curl -v` and others set them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Nothing.
    Text,
    /// `>`: it was sent.
    Sent,
    /// `<`: it was received.
    Received,
    /// `*`: a note of the client.
    Note,
    /// The fence of a block of code, or another border.
    Border,
}

/// The maximum depth of quotes that is told apart.
const MAX_DEPTH: usize = 16;

/// Decodes the bytes of a text: UTF-8, or UTF-16 with its mark or without. What is neither is
/// replaced, since a terminal's log may hold any bytes.
pub fn decode(bytes: Vec<u8>) -> String {
    // Of Latin letters every second byte is 0; a text of UTF-8 has none.
    let every_second = |first| bytes.iter().skip(first).step_by(2);
    let zeros = |first| every_second(first).filter(|byte| **byte == 0).count();
    let (even, odd, many) = (zeros(0), zeros(1), bytes.len() / 4);
    let unit = if bytes.starts_with(&[0xff, 0xfe]) || odd > many.max(even * 4) {
        u16::from_le_bytes
    } else if bytes.starts_with(&[0xfe, 0xff]) || even > many.max(odd * 4) {
        u16::from_be_bytes
    } else {
        let text = String::from_utf8(bytes);
        return text.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    String::from_utf16_lossy(&units.collect::<Vec<_>>())
}

/// Takes the dress off a text, whatever it was carried in.
pub(super) fn undress(text: &str) -> Plain {
    let exported = exported(text);
    let text = quoted_printable(exported.as_deref().unwrap_or(text));
    let text = mojibake(&text).replace("\r\n", "\n");
    // One kind of space and one kind of line break, without what can't be seen. A carriage return
    // alone is a break, since progress meters go back by it.
    let seen = text.chars().filter_map(|c| match c {
        '\n' | '\t' | '\u{1b}' | '\u{7}' => Some(c),
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        c if c.is_whitespace() => Some(' '),
        c => (!c.is_control() && !is_unseen(c)).then_some(c),
    });
    let text = html(rewritten(seen.collect(), "escape"));
    // What Jira, Slack, GitHub and Markdown put around texts and addresses, and into them.
    lines(&rewritten(text, "markup"))
}

/// Returns a text in which the rewrites of a section were made: signs of what is looked for, what it
/// looks like, and what stood there.
fn rewritten(mut text: String, name: &str) -> String {
    static REWRITES: LazyLock<Vec<(&str, String, Regex, String)>> = LazyLock::new(|| {
        let rows = ["escape", "html", "markup"].into_iter();
        let rows = rows.flat_map(|name| section(name).iter().map(move |row| (name, row)));
        let rewrites = rows.filter_map(|(name, row)| {
            let (signs, rest) = row.split_once("  ")?;
            let (pattern, by) = rest.split_once("  ").unwrap_or((rest, ""));
            let by = by.replace("\\n", "\n").replace("\\t", "\t");
            Some((name, signs.replace("\\e", "\u{1b}"), regex(pattern), by))
        });
        rewrites.collect()
    });
    for (_, signs, pattern, by) in REWRITES.iter().filter(|rewrite| rewrite.0 == name) {
        if signs.split(' ').any(|sign| text.contains(sign)) {
            text = pattern.replace_all(&text, by.as_str()).into_owned();
        }
    }
    text
}

/// Returns the texts of an export as JSON, or of one in each line: a chat's messages, a ticket's
/// comments, the entries of a log, what a terminal's recording shows.
fn exported(text: &str) -> Option<String> {
    // A longer one is read for a report of this program alone.
    let text = Some(text).filter(|text| text.len() <= MAX_TEXT)?;
    let mut texts = String::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        take_texts(&value.ok()?, &mut texts)?;
    }
    // A message of one line without a sign is what a body says.
    let mut signs = section("export").iter().chain(&["\n\n", "\r\n"]);
    let is_text = !text.contains("\"message\"") || signs.any(|sign| texts.contains(sign));
    Some(texts).filter(|texts| is_text && !texts.is_empty())
}

/// Takes the texts of an export; `None` if it records exchanges, or is a report of this program.
fn take_texts(value: &Value, texts: &mut String) -> Option<()> {
    let members = |names: &str| section(names).iter().filter_map(|name| value.get(name));
    let is_address = |own: &str| own.contains("bitrise") || own.contains("/apps");
    let is_record = members("address key").any(|own| own.as_str().is_some_and(is_address));
    match value {
        _ if is_record => return None,
        Value::Object(all) => match members("text key").find_map(Value::as_str) {
            Some(text) => texts.extend([text, "\n"]),
            None => all.values().try_for_each(|own| take_texts(own, texts))?,
        },
        Value::Array(items) => match &items[..] {
            // An event of a terminal: when, whose output, and what.
            [Value::Number(_), Value::String(kind), Value::String(text)] if kind == "o" => {
                *texts += text;
            }
            items => items.iter().try_for_each(|own| take_texts(own, texts))?,
        },
        _ => {}
    }
    Some(())
}

/// Undoes UTF-8 that was read as Windows-1252.
fn mojibake(text: &str) -> Cow<'_, str> {
    /// What the bytes from 0x80 on stand for.
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    let byte = |c: char| {
        let high = (0x80..).zip(HIGH.chars()).find(|(_, high)| *high == c);
        u8::try_from(high.map_or(u32::from(c), |(byte, _)| byte)).ok()
    };
    let undone = |run: &Captures| {
        let bytes: Option<Vec<u8>> = run[0].chars().map(byte).collect();
        let undone = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        undone.unwrap_or_else(|| run[0].to_owned())
    };
    // What the first bytes of characters look like.
    if !text.contains(|c| matches!(c, 'Â'..='ô')) {
        return text.into();
    }
    pattern!(r"[^\x00-\x7f]+").replace_all(text, undone)
}

/// Undoes quoted-printable (RFC 2045, section 6.7), if the text is that.
fn quoted_printable(text: &str) -> Cow<'_, str> {
    if !text.contains('=') {
        return text.into();
    }
    let escape = pattern!("=([0-9A-Fa-f]{2})");
    let line_break = pattern!("=\r?\n");
    let breaks = line_break.find_iter(text).count();
    // An equals sign, or a character of several bytes.
    let telling = pattern!("=3D|=[89A-F][0-9A-F]=[89AB][0-9A-F]").find_iter(text);
    let telling = telling.take(2).count();
    let signs = telling + usize::from(text.contains("quoted-printable"));
    // No equals sign but those of the form, and long lines that are broken.
    let is_whole = || escape.find_iter(text).count() + breaks == text.matches('=').count();
    let is_wide = || pattern!("(?m)^[^\n]{60}[^\n]*=\r?$").is_match(text);
    if signs < 2 && !(is_whole() && (telling > 0 || is_wide())) {
        return text.into();
    }
    let text = line_break.replace_all(text, "").replace('%', "%25");
    let text = escape.replace_all(&text, "%$1");
    let text = percent_decode_str(&text).decode_utf8_lossy();
    text.into_owned().into()
}

/// Undoes an export as HTML, and entities that stand without one.
fn html(mut text: String) -> String {
    let says = |name: &str| section(name).iter().any(|sign| text.contains(sign));
    let tag = pattern!(&section("page of text").concat());
    let (has_entities, is_export) = (says("entity"), says("export"));
    if !(has_entities || is_export && tag.is_match(text.trim_start())) {
        return text;
    }
    let has_lines = ["<br", "<div", "<p>"].iter().any(|tag| text.contains(tag));
    if has_lines && !text.contains("<pre") {
        text = text.replace('\n', " ");
    }
    // What was exported twice has entities twice.
    decode_entities(&decode_entities(&rewritten(text, "html")))
}

/// Returns what most lines of a text have in front of what they say.
fn gutter(text: &str) -> Option<Regex> {
    /// How many lines are looked at.
    const MOST: usize = 1000;
    let lines = || text.split('\n').take(MOST);
    let lines = || lines().map(|line| line.trim_start_matches(['>', ' ']));
    let count = lines().filter(|line| !line.is_empty()).count();
    let mut known = section("gutter").iter();
    known.find_map(|row| {
        let gutter = regex(&format!(r"^\s*(?:{row})"));
        let mut last = 0_u32;
        let fronts = lines().filter_map(|line| gutter.find(line));
        let has = fronts.filter(|front| {
            // Numbers of lines follow each other.
            let number = front.as_str().trim_matches([' ', '\t', ':', '|', '│']);
            let number = number.parse().ok();
            number.is_none_or(|number| number == std::mem::replace(&mut last, number) + 1)
        });
        (has.count() * 3 > count * 2).then_some(gutter)
    })
}

/// Returns a line without what stands in front of what it says.
fn without_front<'a>(line: &'a str, gutter: Option<&Regex>) -> &'a str {
    /// The most bytes of what is known.
    const MOST: usize = 120;
    let front = pattern!(&format!(r"^\s{{0,8}}(?:{})", section("front").join("|")));
    let mut line = line;
    if let Some(found) = gutter.and_then(|gutter| gutter.captures(line)) {
        let behind = &line[found[0].len()..];
        line = found.get(1).map_or(behind, |inner| inner.as_str());
    }
    for _ in 0..3 {
        // The date of an entry of a ticket tells when it was written.
        line = match front.find(&line[..floor(line, MOST)]) {
            Some(found) if !words::says("entry", &lower(line)) => &line[found.end()..],
            _ => break,
        };
    }
    line
}

/// Splits a text into lines, and takes off what stands in front of them.
fn lines(text: &str) -> Plain {
    let mut plain = Plain::default();
    // Takes a line, or the rest of the last one with what stood between them.
    let mut put = |text: &str, glue: Option<&str>, depth: usize, role| {
        if let Some(glue) = glue {
            plain.text.pop();
            plain.text += glue;
        }
        let start = plain.text.len();
        plain.text += text;
        let (end, depth) = (plain.text.len(), depth.min(MAX_DEPTH));
        match plain.lines.last_mut() {
            Some(last) if glue.is_some() => last.end = end,
            _ => plain.lines.push(Line {
                start,
                end,
                depth,
                role,
            }),
        }
        plain.text.push('\n');
    };
    // Numbers of lines may stand on lines of their own.
    let is_number = |line: &str| !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit());
    let has_numbers = text.split('\n').take(9).any(is_number);
    let joined = has_numbers.then(|| pattern!(r"(?m)^(\d{1,6})\n").replace_all(text, "$1 "));
    let joined = joined.filter(|joined| gutter(joined).is_some());
    let text = joined.as_deref().unwrap_or(text);
    let gutter = gutter(text);
    let mut before = Before::default();
    for whole in text.split('\n') {
        let without_front = |line| without_front(line, gutter.as_ref());
        let (mut depth, mut line) = before.quotes(without_front(whole));
        if depth > 0 {
            line = without_front(line);
        }
        let glue = before.glue(whole, line);
        if glue.is_some() {
            put(line.trim(), glue, depth, Role::Text);
            continue;
        }
        let trimmed = line.trim_start();
        let mut fences = ["```", "~~~"].iter();
        if let Some(behind) = fences.find_map(|fence| trimmed.strip_prefix(fence)) {
            put("", None, depth, Role::Border);
            // The name of a language, or the text itself.
            if !behind.trim().contains([' ', '{', '<', '/']) {
                continue;
            }
            let (deeper, behind) = before.quotes(behind);
            (depth, line) = (depth + deeper, behind);
        }
        let (role, depth, line) = before.role(depth, line);
        let line = line.trim_end().trim_end_matches("```");
        put(line, None, depth, role);
        if !line.is_empty() {
            before.depth = depth;
            before.goes_on = line.ends_with(['\\', '`', '^']);
        }
    }
    plain
}

/// What was seen before a line.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Before {
    depth: usize,
    /// Whether the line before says that it goes on in this one.
    goes_on: bool,
    /// Whether the headers of a request that `curl -v` sent are being shown.
    is_sent: bool,
    /// How many characters the line before has, with all that stands in front.
    width: usize,
    /// Whether it ends with one space, as `format=flowed` has it (RFC 3676).
    is_flowed: bool,
    /// Whether it ends inside of a token, or with one.
    is_token: bool,
}

impl Before {
    /// Takes the marks of quoted mail off a line, and returns how many there were.
    fn quotes<'a>(&self, line: &'a str) -> (usize, &'a str) {
        let marks = line.len() - line.trim_start_matches(['>', ' ']).len();
        let (marks, text) = line.split_at(marks);
        let depth = marks.matches('>').count();
        // Python's prompt, R's, and what shells put in front of a line that goes on.
        let prompt = if marks.ends_with(">>> ") && text.contains(['(', '=', '.']) {
            3
        } else if marks.ends_with("> ") && text.contains(" <- ") {
            1
        } else if self.goes_on {
            depth.saturating_sub(self.depth)
        } else {
            0
        };
        match (depth, prompt) {
            (0, _) => (0, line),
            (_, 0) => {
                let behind = &line[marks.trim_end_matches(' ').len()..];
                (depth, behind.strip_prefix(' ').unwrap_or(behind))
            }
            _ => (depth - prompt, text),
        }
    }

    /// Returns what stood between a line and the one before, if that one was broken at some width: a
    /// space, or nothing inside of a token.
    fn glue(&mut self, whole: &str, line: &str) -> Option<&'static str> {
        /// Where mail programs break lines at a space, and the least at which terminals break them.
        const MAIL: usize = 70;
        const TERMINAL: usize = 60;
        let (width, text) = (whole.chars().count(), line.trim());
        let word = text.find(' ').unwrap_or(text.len());
        let (run, behind) = text.split_at(text.find(|c| !is_token_part(c)).unwrap_or(text.len()));
        let is_odd = run.len() > 3 && run.contains(|c: char| c.is_ascii_digit());
        let is_rest = is_odd && !behind.starts_with([':', '=', '/', '.']);
        let is_wrapped = self.width >= TERMINAL && width <= self.width;
        let is_fresh = text.starts_with(['{', '[', '<']) || text.starts_with("HTTP/");
        let glue = if self.is_token && is_wrapped && (is_rest || behind.starts_with(['"', '\''])) {
            Some("")
        } else {
            (self.is_flowed && self.width + word > MAIL && !is_fresh).then_some(" ")
        };
        let last = text.trim_end_matches(is_token_part).len();
        self.is_token = glue == Some("") && behind.is_empty() || has_prefix(&text[last..]);
        self.is_flowed = !text.is_empty() && whole.ends_with(' ') && !whole.ends_with("  ");
        self.width = width;
        glue
    }

    /// Returns what a mark of a client's log says of a line, its depth and what stands behind it.
    fn role<'a>(&mut self, depth: usize, line: &'a str) -> (Role, usize, &'a str) {
        let trimmed = line.trim_start();
        // The headers that were sent look like a quote that is one deeper.
        let request = pattern!(r"^[A-Z]{3,7} \S+ HTTP/[\d.]{1,3}");
        if depth > self.depth && (self.is_sent || request.is_match(trimmed)) {
            self.is_sent = !trimmed.is_empty();
            return (Role::Sent, depth - 1, line);
        }
        self.is_sent = false;
        if let Some(behind) = trimmed.strip_prefix('<') {
            let inner = behind.trim_start();
            let is_spaced = inner.is_empty() || behind.starts_with(' ') && is_header(inner);
            if is_spaced || inner.starts_with("HTTP/") {
                return (Role::Received, depth, inner);
            }
        }
        let mut notes = ["* ", "{ [", "} ["].iter();
        if notes.any(|mark| trimmed.starts_with(mark)) {
            return (Role::Note, depth, trimmed);
        }
        (Role::Text, depth, line)
    }
}

/// Tells whether a character may be one of a token.
pub(super) const fn is_token_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}
