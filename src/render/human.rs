//! Text for people: on a terminal, in a log and in a ticket.

use super::sections::{Block, Row, Section, bullets, sections};
use super::wrap::{self, Columns};
use super::{Scope, mark, status};
use crate::check::Status;
use crate::diagnosis::{self, Diagnosis, WarningLine};
use crate::report::Warning;
use crate::text::{Text, escape_unprintable};
use crate::verdict::{Reason, Verdict};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;
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

/// The most apps that are named in a table; there may be thousands.
const MAX_APPS: usize = 20;

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
    whole(diagnosis, style, MAX_APPS)
}

/// Returns all that a report says in plain text, without breaking a line.
pub(super) fn plain(diagnosis: &Diagnosis, max_apps: usize) -> String {
    let style = Style {
        color: false,
        unicode: true,
        width: usize::MAX / 2,
        detail: Detail::Verbose,
    };
    whole(diagnosis, style, max_apps)
}

fn whole(diagnosis: &Diagnosis, style: Style, max_apps: usize) -> String {
    let mut page = Page::new(style);
    let scope = Scope {
        is_full: style.detail == Detail::Verbose,
        max_apps,
        max_workspaces: MAX_WORKSPACES,
    };
    match style.detail {
        Detail::Quiet => page.quiet(diagnosis),
        Detail::Normal | Detail::Verbose => page.report(diagnosis, scope),
    }
    page.text
}

/// Renders the page of a reason for people.
pub fn explain_reason(reason: Reason, style: Style) -> String {
    let mut page = Page::new(style);
    let verdict = reason.verdict();
    page.line(&page.painted(BOLD, reason.as_str()));
    page.block("", 0, &diagnosis::happened(reason).into());
    page.line("");
    let code = format!("{} (exit code {})", verdict.as_str(), verdict.exit_code());
    page.fact("Verdict", &code);
    page.fact("DX shows", &dx_shows(verdict));
    let retry = if reason.is_retryable() {
        "may help, with nothing changed"
    } else {
        "will not help"
    };
    page.fact("Retry", retry);
    for (heading, lines) in &diagnosis::page(reason) {
        page.list(heading, lines);
    }
    page.text
}

/// Renders the page of a verdict for people.
pub fn explain_verdict(verdict: Verdict, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&page.painted(BOLD, verdict.as_str()));
    page.block("", 0, &diagnosis::meaning(verdict).into());
    page.line("");
    page.fact("Exit code", &verdict.exit_code().to_string());
    page.fact("DX shows", &dx_shows(verdict));
    page.heading("Reasons");
    page.reasons(verdict);
    page.list("More", &[diagnosis::dx_page().into()]);
    page.text
}

/// Renders the page of an HTTP status for people.
pub fn explain_status(status: u16, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&page.painted(BOLD, &format!("HTTP status {status}")));
    for line in diagnosis::status(status) {
        page.heading(line.step);
        page.block("  ", 2, &line.meaning.into());
        if let Some(reason) = line.reason {
            let explain =
                Text::default().command(format!("bitrise-dx explain {}", reason.as_str()));
            page.block("  ", 2, &explain);
        }
    }
    page.text
}

/// Renders the list of all verdicts and reasons for people.
pub fn explain_index(style: Style) -> String {
    let mut page = Page::new(style);
    for verdict in Verdict::ALL {
        let name = page.painted(BOLD, verdict.as_str());
        page.line(&format!("{name} (exit code {})", verdict.exit_code()));
        page.block("  ", 2, &diagnosis::meaning(*verdict).into());
        page.reasons(*verdict);
        page.line("");
    }
    let how = Text::default()
        .command("bitrise-dx explain CODE")
        .own(" shows the page of one of these, or of an HTTP status such as 404.");
    page.block("", 0, &how);
    page.text
}

/// Returns what DX shows if a run ends with this verdict.
fn dx_shows(verdict: Verdict) -> String {
    match (verdict.dx_error(), diagnosis::dx_words(verdict)) {
        (Some(code), Some(words)) => format!("{code}: “{words}”"),
        _ if verdict == Verdict::Verified => "no error".to_owned(),
        _ => "this can't be told from such a run".to_owned(),
    }
}

/// The text while it grows.
struct Page {
    style: Style,
    text: String,
}

impl Page {
    const fn new(style: Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    fn quiet(&mut self, diagnosis: &Diagnosis) {
        let mark = self.mark(status(diagnosis));
        let origin = super::origin(diagnosis);
        let origin = origin.map_or_else(String::new, |origin| format!("[{origin}] "));
        let result = self.set(&diagnosis.result.to_string());
        self.line(&format!("{mark}{origin}{result}"));
    }

    fn report(&mut self, diagnosis: &Diagnosis, scope: Scope) {
        self.first_block(diagnosis);
        for section in sections(diagnosis, scope) {
            self.section(&section);
        }
        self.line("");
        self.dim("", super::about(diagnosis, scope.is_full));
        let reason = diagnosis.reason.map(Reason::as_str);
        let explain = reason.map(|reason| format!("bitrise-dx explain {reason}"));
        let links = diagnosis.links.iter().map(ToString::to_string);
        let more: Vec<String> = explain.into_iter().chain(links).collect();
        // What another host says is not worth looking up.
        if !(more.is_empty() || super::is_elsewhere(diagnosis)) {
            self.dim("More: ", more);
        }
    }

    /// Writes the result, the token, who has to act, and what to do.
    fn first_block(&mut self, diagnosis: &Diagnosis) {
        let mark = self.mark(status(diagnosis));
        self.block(&mark, 4, &diagnosis.result);
        for remark in &diagnosis.remarks {
            self.block("  ", 4, remark);
        }
        // A secret that others can read comes before everything else.
        let is_secret = |line: &&WarningLine| line.code == Warning::TokenInText;
        let (secrets, others): (Vec<_>, Vec<_>) = diagnosis.warnings.iter().partition(is_secret);
        self.warnings(&secrets);
        self.line("");
        for (name, text) in super::facts(diagnosis) {
            self.block(&self.label(name), LABELLED, text);
        }
        match diagnosis.actions.as_slice() {
            [action] => self.block(&self.label("Do this"), LABELLED, action),
            actions => self.steps(&self.label("Do this"), actions),
        }
        if !others.is_empty() {
            self.line("");
        }
        self.warnings(&others);
    }

    fn warnings(&mut self, lines: &[&WarningLine]) {
        for line in lines {
            let sign = format!("{} ", self.painted(YELLOW, "!"));
            self.block(&sign, 4, &line.message);
        }
    }

    fn section(&mut self, section: &Section) {
        self.heading(&section.title);
        match &section.block {
            Block::Bullets(items) => items.iter().for_each(|item| self.block("  - ", 4, item)),
            Block::Steps(steps) => self.steps("  ", steps),
            Block::Rows(table) => {
                match table.head.len() {
                    0 => self.entries(&table.rows),
                    columns => self.table(&table.rows, columns - 1),
                }
                for line in &table.below {
                    self.block("  ", 4, &line.as_str().into());
                }
            }
            Block::Commands(commands) => {
                for command in commands {
                    self.line(&format!("  {}", self.set(command)));
                }
            }
        }
    }

    /// Writes steps with their numbers, the first one behind `prefix`.
    fn steps(&mut self, prefix: &str, steps: &[Text]) {
        let indent = display_width(prefix);
        let spaces = " ".repeat(indent);
        let prefixes = iter::once(prefix).chain(iter::repeat(&*spaces));
        for ((number, step), prefix) in (1..).zip(steps).zip(prefixes) {
            self.block(&format!("{prefix}{number}. "), indent + 3, step);
        }
    }

    /// Writes rows, with each column before the last as wide as its widest cell. A row with a cell
    /// that is too wide for its column is a text as a whole.
    fn table(&mut self, rows: &[Row], columns: usize) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column));
            let widths = cells.map(|cell| self.width(cell));
            widths.filter(|width| *width <= MAX_CELL).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let mark = row.mark.map(|status| self.mark(status));
            let mut prefix = format!("  {}", mark.unwrap_or_default());
            let (mut text, mut hang) = (Text::default(), 0);
            let fits = |(cell, width): (&Text, &usize)| self.width(cell) <= *width;
            if row.cells.iter().zip(&widths).all(fits) {
                for (cell, width) in row.cells.iter().zip(&widths) {
                    prefix += &self.set(&cell.to_string());
                    prefix.extend(iter::repeat_n(' ', width - self.width(cell) + 2));
                }
            } else {
                hang = 2;
                for cell in row.cells.iter().take(columns) {
                    text = text.then(cell.clone()).own("  ");
                }
            }
            let indent = display_width(&prefix) + hang;
            let last = row.cells.last().cloned().unwrap_or_default();
            self.block(&prefix, indent, &text.then(last));
            for note in &row.notes {
                self.block(&" ".repeat(indent), indent + 2, note);
            }
        }
    }

    /// Writes a list whose entries have notes: beside them, if all of them have room there, and
    /// below them otherwise.
    fn entries(&mut self, rows: &[Row]) {
        let entries: Vec<(&Text, usize)> = { rows.iter().filter_map(|row| row.cells.first()) }
            .map(|entry| (entry, self.width(entry)))
            .collect();
        let widest = entries.iter().map(|(_, width)| *width).max().unwrap_or(0);
        let notes =
            |row: &Row| -> usize { row.notes.iter().map(|note| self.width(note) + 2).sum() };
        let is_beside = rows
            .iter()
            .all(|row| 2 + widest + notes(row) <= self.style.width);
        for ((entry, width), row) in entries.into_iter().zip(rows) {
            let (beside, below) = row
                .notes
                .split_at(if is_beside { row.notes.len() } else { 0 });
            let mut text = entry.clone();
            let mut gap = widest - width;
            for note in beside {
                text = text.own(" ".repeat(gap + 2)).then(note.clone());
                gap = 0;
            }
            self.block("  ", 4, &text);
            for note in below {
                self.block("      ", 8, note);
            }
        }
    }

    fn list(&mut self, heading: &str, items: &[Text]) {
        if let Some(section) = bullets("", heading, items) {
            self.section(&section);
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

    fn fact(&mut self, name: &str, value: &str) {
        self.block(&format!("{name:<10} "), 11, &value.into());
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        let text = self.painted(BOLD, &self.set(text));
        self.line(&text);
    }

    fn label(&self, name: &str) -> String {
        let room = LABELLED - 2;
        format!("  {}", self.painted(BOLD, &format!("{name:<room$}")))
    }

    /// Returns a status's sign with its colour.
    fn mark(&self, status: Status) -> String {
        let ansi = match status {
            Status::Pass => GREEN,
            Status::Fail => RED,
            Status::Unknown => YELLOW,
            Status::Skip => DIM,
        };
        format!("{} ", self.painted(ansi, &self.set(mark(status))))
    }

    /// Writes parts in lines that nobody needs at first; none is broken inside, such as a time.
    fn dim(&mut self, start: &str, parts: Vec<String>) {
        let mut text = Text::from(start);
        for (number, part) in parts.into_iter().enumerate() {
            text = text.own(if number == 0 { "" } else { " · " }).command(part);
        }
        self.lines("", 2, &text, DIM);
    }

    fn block(&mut self, prefix: &str, rest: usize, text: &Text) {
        self.lines(prefix, rest, text, Ansi::new());
    }

    /// Writes a text in lines of the style's width: the first one behind `prefix`, the further ones
    /// behind `rest` spaces.
    fn lines(&mut self, prefix: &str, rest: usize, text: &Text, ansi: Ansi) {
        let columns = Columns {
            first: display_width(prefix),
            rest,
            width: self.style.width,
        };
        let spaces = " ".repeat(rest);
        let lines = wrap::lines(text, columns, |words| self.set(words));
        let prefixes = iter::once(prefix).chain(iter::repeat(&*spaces));
        for (line, prefix) in lines.iter().zip(prefixes) {
            let line = format!("{prefix}{}", self.painted(ansi, line));
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, text: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{text}");
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

    /// Returns what is shown of a text: in ASCII if the style wants that, and in one line.
    fn set(&self, text: &str) -> String {
        let text = if text.chars().any(char::is_control) {
            escape_unprintable(text)
        } else {
            text.to_owned()
        };
        if self.style.unicode {
            text
        } else {
            ascii(&text)
        }
    }
}

/// Returns the text in ASCII: our own signs by their plain counterparts, other characters as
/// `\u{…}`.
fn ascii(text: &str) -> String {
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
