//! From bytes to plain lines: one decoding and one undressing, so that whatever reads the text
//! afterwards sees what stood on the screen, however it got here.
//!
//! Invariant: linear in the text. No meaning is given to anything but dress.

use super::words;
use regex_lite::Regex;
use std::sync::LazyLock;

/// A text without its dress.
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

fn regex(pattern: &str) -> Regex {
    super::regex(pattern)
}

/// Decodes the bytes of a text: UTF-8, or UTF-16 with its mark or without. What is neither is
/// replaced, since a terminal's log may hold any bytes.
pub fn decode(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let decoded = char::decode_utf16(units);
        decoded
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    // Of Latin letters every second byte is 0; a text of UTF-8 has none.
    let zeros = |first: usize| {
        bytes
            .iter()
            .skip(first)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if odd * 4 > bytes.len() && odd > even * 4 {
        return utf16(bytes, u16::from_le_bytes);
    }
    if even * 4 > bytes.len() && even > odd * 4 {
        return utf16(bytes, u16::from_be_bytes);
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// Takes the dress off a text.
pub(super) fn undress(text: &str) -> Plain {
    let text = without_escapes(text);
    let text = quoted_printable(text);
    let text = html(text);
    let text = markup(text);
    lines(&text)
}

/// Returns a text without terminal sequences and invisible characters, with one kind of space and
/// one kind of line break. A carriage return alone is one, since progress meters go back by it.
fn without_escapes(text: &str) -> String {
    // Where the escape itself was lost, its parameters stay.
    static REMNANT: LazyLock<Regex> = LazyLock::new(|| regex(r"\[(?:\d{1,2};){0,4}\d{0,2}m"));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => out.push('\n'),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                out.push(' ');
            }
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe0e}'
            | '\u{fe0f}'
            | '\u{feff}'
            | '\0'..='\u{8}'
            | '\u{e}'..='\u{1a}'
            | '\u{1c}'..='\u{1f}' => {}
            c => out.push(c),
        }
    }
    if out.contains("[0m") || out.contains("[m") {
        return REMNANT.replace_all(&out, "").into_owned();
    }
    out
}

fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            // Parameters, then a letter.
            while rest
                .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
                .is_some()
            {}
            rest.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            // An address or a title, up to a bell or another escape; it does not span lines.
            while rest
                .next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n'))
                .is_some()
            {}
            rest.next_if(|c| *c == '\u{7}');
        }
        Some('\\') => {
            rest.next();
        }
        Some(_) | None => {}
    }
}

/// Undoes quoted-printable (RFC 2045, section 6.7), if the text is that.
fn quoted_printable(text: String) -> String {
    let has_breaks = text.contains("=\n");
    let is_named = text.contains("quoted-printable") && (has_breaks || text.contains("=3D"));
    let escapes = text.matches("=3D").take(2).count();
    if !(is_named || has_breaks && escapes > 0 || escapes > 1) {
        return text;
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match (bytes[at], hex) {
            (b'=', Some(hex)) if is_hex => {
                out.extend(u8::from_str_radix(hex, 16));
                at += 3;
            }
            (b'=', _) if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Undoes an export as HTML, and entities that stand without one.
fn html(text: String) -> String {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?i)<(?:p|div|pre|br|span|code|td|tr|li|blockquote|b|strong|font|html|body)(?:\s[^<>]{0,300})?/?>",
        )
    });
    let has_entities = [
        "&quot;", "&#39;", "&#34;", "&#x27;", "&apos;", "&lt;", "&gt;", "&amp;",
    ]
    .iter()
    .any(|entity| text.contains(entity));
    let shows_commands = ["curl", "HTTP/", "{\"", "Invoke-", "requests."]
        .iter()
        .any(|sign| text.contains(sign));
    let starts = TAG
        .find(&text)
        .is_some_and(|tag| text[..tag.start()].trim().is_empty());
    let is_export = TAG.is_match(&text) && (has_entities || starts && shows_commands);
    let text = if is_export { without_tags(&text) } else { text };
    if !has_entities {
        return text;
    }
    let text = crate::responder::decode_entities(&text);
    if text.contains("&quot;") || text.contains("&#39;") {
        return crate::responder::decode_entities(&text);
    }
    text
}

/// Returns a text of HTML without its tags: blocks are lines, and quotes have their marks.
fn without_tags(text: &str) -> String {
    const LONGEST: usize = 2048;
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let (mut depth, mut preformatted) = (0_usize, 0_usize);
    // Where the block began that is open.
    let mut block = None;
    let is_laid_out = text.contains("<br") || text.contains("<div") || text.contains("<p");
    while let Some(c) = rest.chars().next() {
        let mut window = rest.len().min(LONGEST);
        while !rest.is_char_boundary(window) {
            window -= 1;
        }
        let tag = (c == '<').then(|| rest[..window].find('>')).flatten();
        let name = tag.map(|end| {
            let inner = rest[1..end].trim_end_matches('/');
            let name = inner.split([' ', '\n', '\t']).next();
            name.unwrap_or_default().to_ascii_lowercase()
        });
        let (Some(end), Some(name)) = (tag, name) else {
            match c {
                '\n' if preformatted == 0 && is_laid_out => {
                    if !out.ends_with('\n') {
                        out.push(' ');
                    }
                }
                '\n' => break_line(&mut out, depth),
                c => out.push(c),
            }
            rest = &rest[c.len_utf8()..];
            continue;
        };
        rest = &rest[end + 1..];
        match name.as_str() {
            "blockquote" => {
                depth = (depth + 1).min(MAX_DEPTH);
                break_line(&mut out, depth);
            }
            "/blockquote" => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
            }
            "pre" => {
                preformatted += 1;
                break_line(&mut out, depth);
            }
            "/pre" => {
                preformatted = preformatted.saturating_sub(1);
                break_line(&mut out, depth);
            }
            "style" | "script" => {
                let close = format!("</{name}>");
                // To its own end, or else as text: it is looked for once.
                match rest.find(&close) {
                    Some(at) => rest = &rest[at + close.len()..],
                    None => return out + rest,
                }
            }
            "br" => {
                block = None;
                break_line(&mut out, depth);
            }
            "div" | "p" | "li" | "tr" => {
                end_line(&mut out, depth);
                block = Some(out.len());
            }
            // An empty block is an empty line.
            "/div" | "/p" | "/li" | "/tr" => match block.take() {
                Some(start) if start == out.len() => break_line(&mut out, depth),
                _ => end_line(&mut out, depth),
            },
            "h1" | "/h1" | "h2" | "/h2" | "h3" | "/h3" | "hr" | "table" | "/table" | "ul"
            | "/ul" => {
                break_line(&mut out, depth);
            }
            "td" | "/td" | "th" | "/th" => out.push(' '),
            name if words::is_tag(name) => {}
            _ => {
                out.push('<');
                rest = &text[text.len() - rest.len() - end..];
            }
        }
    }
    out
}

/// Ends a line, unless nothing stands in it.
fn end_line(out: &mut String, depth: usize) {
    let line = out.rfind('\n').map_or(0, |at| at + 1);
    if !out[line..].trim_matches([' ', '>']).is_empty() {
        break_line(out, depth);
    }
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("> ");
    }
}

/// Undoes what Jira, Slack and Markdown put around texts and addresses, and into them.
fn markup(text: String) -> String {
    static LINK: LazyLock<Regex> =
        LazyLock::new(|| regex(r"<(https?://[^<>|\s]{1,2000})(?:\|[^<>\n]{0,2000})?>"));
    static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\[(https?://[^\]\s|]{1,2000})(?:\]\(https?://[^)\s]{1,2000}\)|\|https?://[^\]\s]{1,2000}\])",
        )
    });
    static MACRO: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\{(?:code|noformat|quote|panel|color)(?::[^{}\n]{0,80})?\}"));
    let mut text = text;
    if text.contains("<http") {
        text = LINK.replace_all(&text, "$1").into_owned();
    }
    if text.contains("[http") {
        text = MARKDOWN.replace_all(&text, "$1").into_owned();
    }
    if ["{code", "{noformat", "{quote", "{panel", "{color"]
        .iter()
        .any(|start| text.contains(start))
    {
        text = MACRO.replace_all(&text, "\n```\n").into_owned();
    }
    if !["\\{", "\\[", "\\_", "\\-"]
        .iter()
        .any(|escape| text.contains(escape))
    {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_escape = c == '\\'
            && rest
                .peek()
                .is_some_and(|c| "{}[]()_*-!|~^+?#@&".contains(*c));
        if !is_escape {
            out.push(c);
        }
    }
    out
}

/// Splits a text into lines, and takes log prefixes, quotes and the marks of clients off them.
fn lines(text: &str) -> Plain {
    let container = container_prefixes(text);
    let mut plain = Plain {
        text: String::with_capacity(text.len()),
        lines: Vec::new(),
    };
    let mut before = Before::default();
    for whole in text.split('\n') {
        let line = without_prefix(whole, container);
        let (mut depth, mut line) = quotes(line, &before);
        if depth > 0 {
            line = without_prefix(line, container);
        }
        let (role, line) = role(line, &mut depth, &mut before);
        let line = line.trim_end();
        let start = plain.text.len();
        plain.text.push_str(line);
        let end = plain.text.len();
        plain.text.push('\n');
        plain.lines.push(Line {
            start,
            end,
            depth: depth.min(MAX_DEPTH),
            role,
        });
        if !line.is_empty() {
            before.depth = depth;
            before.goes_on = line.ends_with(['\\', '`', '^']);
            before.is_powershell =
                line.starts_with("PS ") || before.is_powershell && before.goes_on;
        }
    }
    plain
}

/// What was seen before a line.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Before {
    depth: usize,
    /// Whether the line before goes on in this one.
    goes_on: bool,
    is_powershell: bool,
    /// Whether the headers of a request that `curl -v` sent are being shown.
    is_sent: bool,
    /// Whether the headers of a response that `curl -v` received are being shown.
    is_received: bool,
}

/// Tells whether most lines begin with a container's name, as `docker compose logs` prints them.
fn container_prefixes(text: &str) -> bool {
    static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?:> ?)*[\w./-]{1,60}\s*\|(?:\s|$)"));
    let lines = || text.split('\n').filter(|line| !line.trim().is_empty());
    let named = lines().filter(|line| NAME.is_match(start_of(line))).count();
    named > 2 && named * 3 > lines().count() * 2
}

/// The start of a line, as much of it as a prefix may have.
fn start_of(line: &str) -> &str {
    const LONGEST: usize = 120;
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// Returns a line without what a log writes in front of it: times, levels, names.
fn without_prefix(line: &str, has_containers: bool) -> &str {
    static PREFIXES: LazyLock<[Regex; 5]> = LazyLock::new(|| {
        [
            // A date with a clock time, an offset behind it.
            regex(
                r"^\s{0,8}[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?[\])]?(?: -|:)?(?: |$)",
            ),
            // A clock time, perhaps a writer's name before it in brackets.
            regex(
                r"^\s{0,8}\[(?:[^\[\]{}\x22]{1,60},? )?\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?[AaPp][Mm])?\](?: |$)",
            ),
            regex(r"^\s{0,8}\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: |$)"),
            // As syslog and journald write them.
            regex(
                r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,60} [\w./-]{1,60}(?:\[\d{1,8}\])?:(?: |$)",
            ),
            regex(r"^\[?(?:INFO|DEBUG|WARN|WARNING|TRACE|NOTICE)\]?:?\s{1,8}"),
        ]
    });
    /// What a workflow command or a trace marks is the line itself.
    const MARKS: [&str; 6] = [
        "##[group]Run ",
        "##[group]",
        "##[section]",
        "##[command]",
        "##[error]",
        "[command]",
    ];
    static CONTAINER: LazyLock<Regex> = LazyLock::new(|| regex(r"^[\w./-]{1,60}\s*\|(?: |$)"));
    let mut line = line;
    if has_containers && let Some(found) = CONTAINER.find(start_of(line)) {
        line = &line[found.end()..];
    }
    for _ in 0..3 {
        let first = line.trim_start().chars().next();
        if !first.is_some_and(|c| c.is_ascii_digit() || "[(ADINTWFJMSO#".contains(c)) {
            break;
        }
        let start = start_of(line);
        let found = PREFIXES.iter().find_map(|prefix| prefix.find(start));
        let mark = MARKS
            .iter()
            .find_map(|mark| start.strip_prefix(mark).map(|_| mark.len()));
        match (found, mark) {
            (Some(found), _) => line = &line[found.end()..],
            (None, Some(length)) => line = &line[length..],
            (None, None) => break,
        }
    }
    line
}

/// Takes the marks of quoted mail off a line, and returns how many there were.
fn quotes<'a>(line: &'a str, before: &Before) -> (usize, &'a str) {
    let (mut depth, mut rest) = (0, line);
    while depth < 64
        && let Some(behind) = rest.trim_start_matches(' ').strip_prefix('>')
    {
        // Python's prompt, and PowerShell's for a line that goes on.
        let is_python = behind.starts_with(">> ") && !behind.starts_with(">> >");
        let is_going_on = before.is_powershell && before.goes_on && behind.starts_with('>');
        if is_python && (behind.contains('(') || behind.contains(['=', '.'])) || is_going_on {
            let depth = if depth == 0 { before.depth } else { depth };
            return (depth, behind.trim_start_matches('>').trim_start());
        }
        depth += 1;
        rest = behind;
    }
    // A shell's own mark for a line that goes on.
    if depth == before.depth + 1 && before.goes_on {
        depth = before.depth;
    }
    (
        depth,
        if depth > 0 {
            rest.strip_prefix(' ').unwrap_or(rest)
        } else {
            rest
        },
    )
}

/// Returns what a mark of a client's log says of a line.
fn role<'a>(line: &'a str, depth: &mut usize, before: &mut Before) -> (Role, &'a str) {
    static REQUEST: LazyLock<Regex> =
        LazyLock::new(|| regex(r"^[A-Z]{3,7} \S{1,2000} HTTP/[\d.]{1,3}"));
    let trimmed = line.trim_start();
    if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
        return (Role::Border, "");
    }
    // The headers that were sent look like a quote that is one deeper.
    let is_deeper = *depth > before.depth;
    if is_deeper && !before.is_sent && REQUEST.is_match(trimmed) {
        before.is_sent = true;
        *depth -= 1;
        return (Role::Sent, line);
    }
    if before.is_sent {
        if is_deeper {
            before.is_sent = !trimmed.is_empty();
            *depth -= 1;
            return (Role::Sent, line);
        }
        before.is_sent = false;
    }
    if let Some(behind) = trimmed.strip_prefix('<') {
        let is_header = || words::is_header(behind.trim_start());
        if behind.trim_start().starts_with("HTTP/") {
            before.is_received = true;
            return (Role::Received, behind.trim_start());
        }
        if before.is_received
            && (behind.trim().is_empty() || behind.starts_with(' ') && is_header())
        {
            before.is_received = !behind.trim().is_empty();
            return (Role::Received, behind.trim_start());
        }
    }
    let is_note =
        trimmed.starts_with("* ") || trimmed.starts_with("{ [") || trimmed.starts_with("} [");
    if is_note {
        return (Role::Note, trimmed);
    }
    before.is_received &= trimmed.is_empty();
    (Role::Text, line)
}
