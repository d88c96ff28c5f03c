//! Text for people: on a terminal, in a log and in a ticket.

use super::sections::{Block, Row, Section, Table, section, sections};
use super::wrap::{self, Columns};
use super::{Scope, status};
use crate::check::Status;
use crate::diagnosis::{self, Diagnosis, Warning, WarningLine};
use crate::text::{Text, escape_unprintable};
use crate::verdict::{Reason, Verdict};
use anstyle::{AnsiColor, Style as Ansi};
use std::iter;
use textwrap::core::display_width;

/// How text is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether colours may be used; nothing is said by colour alone.
    pub color: bool,
    /// Whether characters outside of ASCII may be used.
    pub unicode: bool,
    /// The width of a line, in columns.
    pub width: usize,
    /// How much is to be said.
    pub detail: Detail,
    /// The most apps that are named in a table; there may be thousands.
    pub max_apps: usize,
}

/// How much is to be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// The result's line alone.
    Quiet,
    /// What a person needs; the evidence if the exit code is not 0.
    Normal,
    /// The evidence in any case.
    Verbose,
}

/// The most workspaces that are named.
const MAX_WORKSPACES: usize = 10;

/// The widest cell of a table that a column is made wide enough for.
const MAX_CELL: usize = 40;

/// Where the text of the first block begins: two spaces, “Do this” and two more.
const LABELLED: usize = 11;

const GREEN: Ansi = AnsiColor::Green.on_default().bold();
const RED: Ansi = AnsiColor::Red.on_default().bold();
const YELLOW: Ansi = AnsiColor::Yellow.on_default().bold();
const BOLD: Ansi = Ansi::new().bold();
const DIM: Ansi = Ansi::new().dimmed();

/// Renders a diagnosis for people.
pub fn render(diagnosis: &Diagnosis, style: Style) -> String {
    let mut page = Page::new(style);
    let mark = page.mark(status(diagnosis));
    if style.detail == Detail::Quiet {
        let origin = super::origin(diagnosis);
        let origin = origin.map_or_else(String::new, |origin| format!("[{origin}] "));
        let result = page.set(&diagnosis.result.to_string());
        page.line(&format!("{mark}{origin}{result}"));
        return page.text;
    }
    let scope = Scope {
        is_full: style.detail == Detail::Verbose,
        max_apps: style.max_apps,
        max_workspaces: MAX_WORKSPACES,
    };
    // The result, the token, who has to act, and what to do.
    page.block(&mark, 4, &diagnosis.result);
    for remark in &diagnosis.remarks {
        page.block("  ", 4, remark);
    }
    // A secret that others can read comes before everything else.
    let is_secret = |line: &&WarningLine| line.code == Warning::TokenInText;
    let (secrets, others): (Vec<_>, Vec<_>) = diagnosis.warnings.iter().partition(is_secret);
    let sign = format!("{} ", page.painted(YELLOW, "!"));
    for line in secrets {
        page.block(&sign, 4, &line.message);
    }
    page.line("");
    let label = |page: &Page, name| {
        let room = LABELLED - 2;
        format!("  {}", page.painted(BOLD, &format!("{name:<room$}")))
    };
    for (name, text) in super::facts(diagnosis) {
        page.block(&label(&page, name), LABELLED, text);
    }
    let do_this = label(&page, "Do this");
    match diagnosis.actions.as_slice() {
        [action] => page.block(&do_this, LABELLED, action),
        actions => page.steps(&do_this, actions),
    }
    if !others.is_empty() {
        page.line("");
    }
    for line in others {
        page.block(&sign, 4, &line.message);
    }
    for section in sections(diagnosis, scope) {
        page.section(&section);
    }
    page.line("");
    let about = super::about(diagnosis, scope.is_full);
    let about: Vec<String> = about.iter().map(ToString::to_string).collect();
    let reason = diagnosis.reason.map(Reason::as_str);
    let explain = reason.map(|reason| format!("bitrise-dx explain {reason}"));
    let links = diagnosis.links.iter().map(ToString::to_string);
    let more = explain.into_iter().chain(links);
    // What another host says is not worth looking up.
    let more = more.filter(|_| !super::is_elsewhere(diagnosis)).collect();
    // Nobody needs these at first. None is broken inside, such as a time.
    page.ink = DIM;
    for (start, parts) in [("", about), ("More: ", more)] {
        let parts = parts.into_iter().map(Text::command);
        if let Some(text) = parts.reduce(|text, part| text.then(" · ").then(part)) {
            page.block("", 2, &Text::from(start).then(text));
        }
    }
    page.text
}

/// Renders the page of a code for people: a verdict, a reason that leads to one or an HTTP status; for
/// anything else, the list of all verdicts and reasons.
pub fn explain(code: &str, style: Style) -> String {
    let mut page = Page::new(style);
    let reason = Reason::named(code);
    let verdict = Verdict::named(code).or(reason.map(Reason::verdict));
    match (verdict, code.parse()) {
        (Some(verdict), _) => page.meaning(verdict, reason),
        (None, Ok(status)) => {
            page.line(&page.painted(BOLD, &format!("HTTP status {status}")));
            for line in diagnosis::status(status) {
                page.heading(line.step);
                page.block("  ", 2, &line.meaning.into());
                if let Some(reason) = line.reason {
                    let explain = format!("bitrise-dx explain {}", reason.as_str());
                    page.block("  ", 2, &Text::command(explain));
                }
            }
        }
        (None, Err(_)) => {
            for verdict in Verdict::ALL {
                let name = page.painted(BOLD, verdict.as_str());
                page.line(&format!("{name} (exit code {})", verdict.exit_code()));
                let meaning = diagnosis::words("verdict", verdict.as_str());
                page.block("  ", 2, &meaning.into());
                page.reasons(*verdict);
                page.line("");
            }
            let how = Text::command("bitrise-dx explain CODE")
                .then(" shows the page of one of these, or of an HTTP status such as 404.");
            page.block("", 0, &how);
        }
    }
    page.text
}

/// The text while it grows.
struct Page {
    style: Style,
    text: String,
    /// How what is written next looks.
    ink: Ansi,
}

impl Page {
    const fn new(style: Style) -> Self {
        Self {
            style,
            text: String::new(),
            ink: Ansi::new(),
        }
    }

    /// Writes what a verdict means, or a reason that leads to it.
    fn meaning(&mut self, verdict: Verdict, reason: Option<Reason>) {
        let (name, exit_code) = (verdict.as_str(), verdict.exit_code());
        let shown = match verdict.dx_error() {
            Some(code) => format!("{code}: “{}”", diagnosis::words("dx", code)),
            _ if verdict == Verdict::Verified => "no error".to_owned(),
            _ => "this can't be told from such a run".to_owned(),
        };
        let mut facts = vec![("DX shows", shown)];
        let (code, meaning) = if let Some(reason) = reason {
            facts.insert(0, ("Verdict", format!("{name} (exit code {exit_code})")));
            let retry = if reason.is_retryable() {
                "may help, with nothing changed"
            } else {
                "will not help"
            };
            facts.push(("Retry", retry.to_owned()));
            (reason.as_str(), diagnosis::happened(reason))
        } else {
            facts.insert(0, ("Exit code", exit_code.to_string()));
            (name, diagnosis::words("verdict", name).to_owned())
        };
        self.line(&self.painted(BOLD, code));
        self.block("", 0, &meaning.into());
        self.line("");
        for (name, value) in facts {
            self.block(&format!("{name:<10} "), 11, &value.into());
        }
        let Some(reason) = reason else {
            self.heading("Reasons");
            self.reasons(verdict);
            self.heading("More");
            return self.block("  - ", 4, &diagnosis::words("link", "dx").into());
        };
        for (heading, lines) in diagnosis::page(reason) {
            if let Some(list) = section("", heading, Block::Bullets(lines)) {
                self.section(&list);
            }
        }
    }

    fn section(&mut self, section: &Section) {
        self.heading(&section.title);
        match &section.block {
            Block::Bullets(items) => items.iter().for_each(|item| self.block("  - ", 4, item)),
            Block::Steps(steps) => self.steps("  ", steps),
            Block::Rows(table) => self.rows(table),
            Block::Commands(commands) => {
                for command in commands {
                    self.line(&format!("  {}", self.set(command)));
                }
            }
        }
    }

    /// Writes steps with their numbers, the first one behind `prefix`.
    fn steps(&mut self, prefix: &str, steps: &[Text]) {
        let spaces = " ".repeat(display_width(prefix));
        for (number, step) in (1..).zip(steps) {
            let prefix = if number == 1 { prefix } else { &spaces };
            self.block(&format!("{prefix}{number}. "), spaces.len() + 3, step);
        }
    }

    /// Writes rows, with each column before the last as wide as its widest cell. A row with a cell
    /// that is too wide for its column is a text as a whole. A list has its notes beside its
    /// entries, if all of them have room there, and below them otherwise.
    fn rows(&mut self, table: &Table) {
        let is_list = table.head.is_empty();
        let widest = |column: usize, most: usize| {
            let cells = table.rows.iter().filter_map(|row| row.cells.get(column));
            let widths = cells.map(|cell| self.width(cell));
            widths.filter(|width| *width <= most).max().unwrap_or(0)
        };
        let entry = 2 + widest(0, usize::MAX);
        let has_room = |row: &Row| {
            let notes = row.notes.iter().map(|note| self.width(note) + 2);
            entry + notes.sum::<usize>() <= self.style.width
        };
        let is_beside = is_list && table.rows.iter().all(has_room);
        let widths: Vec<usize> = if is_beside {
            vec![entry - 2]
        } else {
            let columns = 0..table.head.len().saturating_sub(1);
            columns.map(|column| widest(column, MAX_CELL)).collect()
        };
        for row in &table.rows {
            let mark = row.mark.map(|status| self.mark(status));
            let mut prefix = format!("  {}", mark.unwrap_or_default());
            let (beside, below) = row
                .notes
                .split_at(if is_beside { row.notes.len() } else { 0 });
            let mut cells = row.cells.iter().chain(beside);
            let fits = |(cell, width): (&Text, &usize)| self.width(cell) <= *width;
            let mut hang = 2;
            if !widths.is_empty() && row.cells.iter().zip(&widths).all(fits) {
                hang = 0;
                for (width, cell) in widths.iter().zip(cells.by_ref()) {
                    prefix += &self.set(&cell.to_string());
                    prefix += &" ".repeat(width - self.width(cell) + 2);
                }
            }
            let mut indent = display_width(&prefix) + hang;
            let text = cells
                .cloned()
                .reduce(|text, cell| text.then("  ").then(cell));
            self.block(&prefix, indent, &text.unwrap_or_default());
            indent += if is_list { 2 } else { 0 };
            for note in below {
                self.block(&" ".repeat(indent), indent + 2, note);
            }
        }
        for line in &table.below {
            self.block("  ", 4, &line.as_str().into());
        }
    }

    /// Writes the reasons that lead to a verdict.
    fn reasons(&mut self, verdict: Verdict) {
        let reasons = Reason::ALL.iter();
        for reason in reasons.filter(|reason| reason.verdict() == verdict) {
            let name = format!("    {:<24}", reason.as_str());
            self.block(&name, 28, &diagnosis::happened(*reason).into());
        }
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(&self.painted(BOLD, &self.set(text)));
    }

    /// Returns a status's sign with its colour.
    fn mark(&self, status: Status) -> String {
        let ansi = match status {
            Status::Pass => GREEN,
            Status::Fail => RED,
            Status::Unknown => YELLOW,
            Status::Skip => DIM,
        };
        format!("{} ", self.painted(ansi, &self.set(status.sign())))
    }

    /// Writes a text in lines of the style's width: the first one behind `prefix`, the further ones
    /// behind `rest` spaces.
    fn block(&mut self, prefix: &str, rest: usize, text: &Text) {
        let columns = Columns {
            first: display_width(prefix),
            rest,
            width: self.style.width,
        };
        let spaces = " ".repeat(rest);
        let lines = wrap::lines(text, columns, |words| self.set(words));
        let prefixes = iter::once(prefix).chain(iter::repeat(&*spaces));
        for (line, prefix) in lines.iter().zip(prefixes) {
            let line = format!("{prefix}{}", self.painted(self.ink, line));
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, text: &str) {
        self.text += text;
        self.text.push('\n');
    }

    fn painted(&self, ansi: Ansi, text: &str) -> String {
        if self.style.color {
            format!("{ansi}{text}{ansi:#}")
        } else {
            text.to_owned()
        }
    }

    fn width(&self, text: &Text) -> usize {
        display_width(&self.set(&text.to_string()))
    }

    /// Returns what is shown of a text, in one line: if the style wants ASCII, our own signs by their
    /// plain counterparts, and other characters as `\u{…}`.
    fn set(&self, text: &str) -> String {
        let text = if text.chars().any(char::is_control) {
            escape_unprintable(text)
        } else {
            text.to_owned()
        };
        if self.style.unicode {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '✓' => out.push('+'),
                '✗' => out.push('x'),
                '–' => out.push('-'),
                '·' => out.push('|'),
                '→' => out.push_str("->"),
                '“' | '”' => out.push('"'),
                '…' => out.push_str("..."),
                c if c.is_ascii() => out.push(c),
                c => out.extend(c.escape_unicode()),
            }
        }
        out
    }
}
