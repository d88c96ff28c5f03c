//! From bytes to plain lines: one decoding and one undressing, so that whatever reads the text
//! afterwards sees what stood on the screen, however it got here.
//!
//! Invariant: linear in the text. No meaning is given to anything but dress.

use super::regex;
use super::words::{floor, is_header, section};
use crate::responder::decode_entities;
use crate::text::is_unseen;
use crate::token::has_prefix;
use percent_encoding::percent_decode_str;
use regex_lite::Regex;
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
    let zeros = |first: usize| {
        let every_second = bytes.iter().skip(first).step_by(2);
        every_second.filter(|byte| **byte == 0).count()
    };
    let (even, odd, many) = (zeros(0), zeros(1), bytes.len() / 4);
    let unit = match bytes[..] {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ if odd > many && odd > even * 4 => u16::from_le_bytes,
        _ if even > many && even > odd * 4 => u16::from_be_bytes,
        _ => {
            let text = String::from_utf8(bytes);
            return text.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        }
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    String::from_utf16_lossy(&units.collect::<Vec<_>>())
}

/// Takes the dress off a text.
pub(super) fn undress(text: &str) -> Plain {
    let mut plain = Plain::default();
    each_line(&content(text), |text, glue, depth, role| {
        if let (Some(glue), Some(last)) = (glue, plain.lines.last_mut()) {
            plain.text.truncate(last.end);
            plain.text.push_str(glue);
            plain.text.push_str(text);
            last.end = plain.text.len();
        } else {
            let start = plain.text.len();
            plain.text.push_str(text);
            let (end, depth) = (plain.text.len(), depth.min(MAX_DEPTH));
            #[rustfmt::skip]
            plain.lines.push(Line { start, end, depth, role });
        }
        plain.text.push('\n');
    });
    plain
}

/// Takes the dress off a text of which no line is asked for, however many it has.
pub(super) fn undressed(text: &str) -> String {
    let mut plain = String::new();
    each_line(&content(text), |text, glue, _, _| {
        if glue.is_none() {
            plain.push('\n');
        }
        plain.push_str(text);
    });
    plain
}

/// Returns what a text says, whatever it was carried in.
fn content(text: &str) -> String {
    let text = quoted_printable(text);
    without_markup(html(on_screen(&mojibake(&text))))
}

/// Undoes what Jira, Slack, GitHub and Markdown put around texts and addresses, and into them.
fn without_markup(mut text: String) -> String {
    static MARKUP: LazyLock<Vec<(&str, Regex, String)>> = LazyLock::new(|| {
        let rows = section("markup").iter().filter_map(|row| {
            let (signs, rest) = row.split_once("  ")?;
            let (pattern, by) = rest.split_once("  ")?;
            Some((signs, regex(pattern), by.replace("\\n", "\n")))
        });
        rows.collect()
    });
    for (signs, pattern, by) in MARKUP.iter() {
        if signs.split(' ').any(|sign| text.contains(sign)) {
            text = pattern.replace_all(&text, by.as_str()).into_owned();
        }
    }
    text
}

/// Undoes UTF-8 that was read as Windows-1252.
fn mojibake(text: &str) -> Cow<'_, str> {
    /// What the bytes from 0x80 on stand for.
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    let byte = |c: char| match c {
        '\u{80}'..='\u{ff}' => u8::try_from(c).ok(),
        c => (0x80..)
            .zip(HIGH.chars())
            .find_map(|(byte, high)| (high == c).then_some(byte)),
    };
    if !text.contains(['â', 'Ã', 'Â']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for run in text.split_inclusive(|c: char| c.is_ascii()) {
        let odd = run.trim_end_matches(|c: char| c.is_ascii());
        let bytes: Option<Vec<u8>> = odd.chars().map(byte).collect();
        let undone = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        out.push_str(undone.as_deref().unwrap_or(odd));
        out.push_str(&run[odd.len()..]);
    }
    out.into()
}

/// Returns a text with one kind of space and one kind of line break, and without what can't be
/// seen. A carriage return alone is a break, since progress meters go back by it.
fn on_screen(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\n' | '\t' | '\u{1b}' | '\u{7}' => out.push(c),
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() || is_unseen(c) => {}
            c => out.push(c),
        }
    }
    if ["\u{1b}", "[0m", "[m"]
        .iter()
        .any(|sign| out.contains(sign))
    {
        // Parameters and a letter, or an address or a title up to a bell; and what stays of them
        // where the escape itself was lost.
        let sequence = pattern!(
            r"\x1b(?:\[[ -?]*[@-~]?|\][^\x07\x1b\n]*\x07?|\\)?|\x07|\[(?:\d{1,2};){0,4}\d{0,2}m"
        );
        out = sequence.replace_all(&out, "").into_owned();
    }
    out
}

/// Undoes quoted-printable (RFC 2045, section 6.7), if the text is that.
fn quoted_printable(text: &str) -> Cow<'_, str> {
    let escape = pattern!("=([0-9A-Fa-f]{2})");
    let line_break = pattern!("=\r?\n");
    let breaks = line_break.find_iter(text).count();
    // An equals sign, or a character of several bytes.
    let telling = pattern!("=3D|=[89A-F][0-9A-F]=[89AB][0-9A-F]").find_iter(text);
    let is_whole = || escape.find_iter(text).count() + breaks == text.matches('=').count();
    let is_clear = match telling.take(2).count() {
        // Long lines that are broken, and no equals sign but those of the form.
        0 if breaks > 0 => {
            let is_wide = || pattern!("(?m)^[^\n]{60}[^\n]*=\r?$").is_match(text);
            text.contains("quoted-printable") || is_whole() && is_wide()
        }
        0 => false,
        1 => breaks > 0 || is_whole(),
        _ => true,
    };
    if !is_clear {
        return text.into();
    }
    let text = line_break.replace_all(text, "").replace('%', "%25");
    let text = escape.replace_all(&text, "%$1");
    let text = percent_decode_str(&text).decode_utf8_lossy();
    text.into_owned().into()
}

/// The tags of exports, with what stands in them.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    let names = [section("tag"), section("tag block")].concat().join("|");
    regex(&format!(r"(?i)</?(?:{names})(?:[\s/][^<>]*)?>"))
});

/// Undoes an export as HTML, and entities that stand without one.
fn html(text: String) -> String {
    let says = |name: &str| section(name).iter().any(|sign| text.contains(sign));
    let has_entities = says("entity");
    let is_export = TAG
        .find(&text)
        .is_some_and(|tag| has_entities || text[..tag.start()].trim().is_empty() && says("export"));
    let text = if is_export { without_tags(&text) } else { text };
    if has_entities {
        // What was exported twice has them twice.
        return decode_entities(&decode_entities(&text));
    }
    text
}

/// Returns a text of HTML without its tags: blocks are lines, and quotes have their marks.
fn without_tags(text: &str) -> String {
    let is_laid_out = ["<br", "<div", "<p"].iter().any(|tag| text.contains(tag));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    // Whether something stands in the line, and where the last block began.
    let (mut is_open, mut block) = (false, None);
    // How many quotes and preformatted blocks are open.
    let (mut quotes, mut preformatted) = (0, 0);
    for tag in TAG.find_iter(text) {
        let Some(between) = text.get(at..tag.start()) else {
            continue;
        };
        let line_break = format!("\n{}", "> ".repeat(quotes));
        let is_folded = is_laid_out && preformatted == 0;
        out += &between.replace('\n', if is_folded { " " } else { &line_break });
        is_open |= !between.trim().is_empty();
        at = tag.end();
        let closes = tag.as_str().starts_with("</");
        let name = tag
            .as_str()
            .trim_start_matches(['<', '/'])
            .to_ascii_lowercase();
        let name = name.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>'));
        let name = name.into_iter().next().unwrap_or_default();
        let changed = |count: usize| {
            if closes {
                count.saturating_sub(1)
            } else {
                MAX_DEPTH.min(count + 1)
            }
        };
        match name {
            // To its own end, or else as text: it is looked for once.
            "script" | "style" if !closes => match text[at..].find(&format!("</{name}")) {
                Some(end) => at += end,
                None => break,
            },
            "blockquote" => quotes = changed(quotes),
            "pre" => preformatted = changed(preformatted),
            "td" | "th" => out.push(' '),
            _ => {}
        }
        let is_block = section("tag block").contains(&name);
        // An empty block is an empty line.
        let is_empty = closes && block == Some(out.len());
        if matches!(name, "br" | "blockquote") || is_block && (is_open || is_empty) {
            out.push('\n');
            out += &"> ".repeat(quotes);
            is_open = false;
        }
        if is_block {
            block = (!closes).then_some(out.len());
        }
    }
    out + &text[at..]
}

/// Returns what most lines of a text have in front of what they say.
fn gutter(text: &str) -> Option<Regex> {
    let lines = || text.split('\n').map(unquoted);
    let count = lines().filter(|line| !line.is_empty()).count();
    let mut known = section("gutter").iter();
    known.find_map(|row| {
        let gutter = regex(&format!(r"^\s*{row}"));
        let has = lines().filter(|line| gutter.is_match(line)).count();
        (has * 3 > count * 2).then_some(gutter)
    })
}

fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', ' '])
}

/// Returns the number in front of a line, and what stands behind it.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let found =
        pattern!(r"^\s{0,8}(\d{1,6})(?:[:|│]?(?: |$)|\t|\s{1,4}[|│](?: |$))").captures(line)?;
    Some((found[1].parse().ok()?, &line[found[0].len()..]))
}

/// Returns a line without its number and without what stands in front of it.
fn without_front<'a>(line: &'a str, number: Option<u32>, gutter: Option<&Regex>) -> &'a str {
    const LONGEST: usize = 120;
    let front = pattern!(&format!(r"^\s{{0,8}}(?:{})", section("front").join("|")));
    let mut line = line;
    if let Some((own, behind)) = numbered(line)
        && Some(own) == number
    {
        line = behind;
    }
    if let Some(found) = gutter.and_then(|gutter| gutter.captures(line)) {
        let behind = &line[found[0].len()..];
        line = found.get(1).map_or(behind, |inner| inner.as_str());
    }
    for _ in 0..3 {
        let Some(found) = front.find(&line[..floor(line, LONGEST)]) else {
            break;
        };
        line = &line[found.end()..];
    }
    line
}

/// Splits a text into lines, takes off what stands in front of them, and hands over each: what it
/// says, what stood between it and the one before if that goes on in it, its depth and its role.
fn each_line(text: &str, mut put: impl FnMut(&str, Option<&str>, usize, Role)) {
    /// Within how many lines three numbers of lines stand, as there may be a line between two.
    const NUMBERS: usize = 4;
    let gutter = gutter(text);
    let mut before = Before::default();
    let mut next_number = None;
    let mut lines = text.split('\n');
    while let Some(whole) = lines.next() {
        let ahead = || lines.clone().take(NUMBERS).map(unquoted).map(numbered);
        let number = numbered(unquoted(whole)).map(|(number, _)| number);
        let number = number.filter(|number| {
            let mut numbers = ahead().flatten().map(|(number, _)| number);
            let mut follows = |by| numbers.next() == Some(number + by);
            next_number == Some(*number) || follows(1) && follows(2)
        });
        // What it numbers may stand in the next line.
        let is_lone = unquoted(whole)
            .trim_end()
            .bytes()
            .all(|b| b.is_ascii_digit());
        if number.is_some() && is_lone && ahead().next().flatten().is_none() {
            next_number = number.map(|number| number + 1);
            continue;
        }
        next_number = number.map_or(next_number, |number| Some(number + 1));
        let without_front = |line| without_front(line, number, gutter.as_ref());
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
        if let Some(behind) = ["```", "~~~"]
            .iter()
            .find_map(|fence| trimmed.strip_prefix(fence))
        {
            put("", None, depth, Role::Border);
            // The name of a language, or the text itself.
            if !behind.trim().contains([' ', '{', '<']) {
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
            before.is_powershell =
                line.starts_with("PS ") || before.is_powershell && before.goes_on;
        }
    }
}

/// What was seen before a line.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Before {
    depth: usize,
    /// Whether the line before says that it goes on in this one.
    goes_on: bool,
    is_powershell: bool,
    /// Whether the headers of a request that `curl -v` sent are being shown.
    is_sent: bool,
    /// Whether the headers of a response that `curl -v` received are being shown.
    is_received: bool,
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
        let (mut depth, mut rest) = (0, line);
        while depth < 64
            && let Some(behind) = rest.trim_start_matches(' ').strip_prefix('>')
        {
            // Python's prompt, R's, and PowerShell's for a line that goes on.
            let is_python = behind.starts_with(">> ") && !behind.starts_with(">> >");
            let is_r = behind.contains(" <- ") && !behind.trim_start().starts_with('>');
            let is_going_on = self.is_powershell && self.goes_on && behind.starts_with('>');
            if is_python && behind.contains(['(', '=', '.']) || is_r || is_going_on {
                let depth = if depth == 0 { self.depth } else { depth };
                return (depth, behind.trim_start_matches('>').trim_start());
            }
            depth += 1;
            rest = behind;
        }
        if depth > 0 {
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
        // A shell's own mark for a line that goes on.
        let is_going_on = depth == self.depth + 1 && self.goes_on;
        (if is_going_on { self.depth } else { depth }, rest)
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
            let is_flowed = self.is_flowed && self.width + word > MAIL && !is_fresh;
            is_flowed.then_some(" ")
        };
        let last = text.trim_end_matches(is_token_part).len();
        let goes_on = glue == Some("") && behind.is_empty();
        self.is_token = goes_on || has_prefix(&text[last..]);
        // A long word alone can't be broken.
        let is_full = width <= MAIL + 10 || !text.contains(' ');
        let is_flowed = whole.ends_with(' ') && !whole.ends_with("  ");
        self.is_flowed = is_flowed && is_full && !text.is_empty();
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
            let may_be = inner.is_empty() || behind.starts_with(' ') && is_header(inner);
            if inner.starts_with("HTTP/") || self.is_received && may_be {
                self.is_received = !inner.is_empty();
                return (Role::Received, depth, inner);
            }
        }
        let notes = ["* ", "{ [", "} ["];
        if notes.iter().any(|mark| trimmed.starts_with(mark)) {
            return (Role::Note, depth, trimmed);
        }
        self.is_received &= trimmed.is_empty();
        (Role::Text, depth, line)
    }
}

const fn is_token_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}
