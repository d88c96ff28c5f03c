//! Text for people: on a terminal, in a log and in a ticket.

use super::sections::{Block, Row, Section, Table, sections};
use super::wrap::{self, Columns};
use super::{Scope, mark, verdict_status};
use crate::check::Status;
use crate::diagnosis::{self, Diagnosis, WarningLine};
use crate::report::Warning;
use crate::text::{Text, escape_unprintable};
use crate::verdict::{Reason, Verdict};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;
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

pub(super) fn render(diagnosis: &Diagnosis, style: Style) -> String {
    let mut page = Page::new(style);
    if style.detail == Detail::Quiet {
        page.quiet(diagnosis);
        return page.text;
    }
    let scope = Scope {
        is_full: style.detail == Detail::Verbose,
        max_apps: MAX_APPS,
        max_workspaces: MAX_WORKSPACES,
    };
    page.report(diagnosis, scope);
    page.text
}

/// Returns all that a report says in plain text, without breaking a line.
pub(super) fn plain(diagnosis: &Diagnosis, max_apps: usize) -> String {
    let mut page = Page::new(Style {
        color: false,
        unicode: true,
        width: usize::MAX / 2,
        detail: Detail::Verbose,
    });
    let scope = Scope {
        is_full: true,
        max_apps,
        max_workspaces: MAX_WORKSPACES,
    };
    page.report(diagnosis, scope);
    page.text
}

pub(super) fn explain_reason(reason: Reason, style: Style) -> String {
    let mut page = Page::new(style);
    let (entry, verdict) = (diagnosis::page(reason), reason.verdict());
    page.line(&page.painted(BOLD, reason.as_str()));
    page.block("", 0, 0, &entry.meaning.into());
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
    let causes = entry.causes.into_iter();
    let causes: Vec<Text> = causes
        .map(|(cause, when)| with_note(cause, &when))
        .collect();
    page.list("Causes", &causes);
    let actions = entry.actions.into_iter();
    let actions: Vec<Text> = actions
        .map(|(action, who, when)| match when.as_str() {
            "" => with_note(action, who.as_str()),
            when => with_note(action, &format!("{}, if {when}", who.as_str())),
        })
        .collect();
    page.list("What to do, and who", &actions);
    page.list("What to ask next", &texts(entry.questions));
    page.list("More", &texts(entry.links));
    page.text
}

pub(super) fn explain_verdict(verdict: Verdict, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&page.painted(BOLD, verdict.as_str()));
    page.block("", 0, 0, &diagnosis::meaning(verdict).into());
    page.line("");
    page.fact("Exit code", &verdict.exit_code().to_string());
    page.fact("DX shows", &dx_shows(verdict));
    page.heading("Reasons");
    page.reasons(verdict);
    page.list("More", &texts(&[diagnosis::DX_PAGE]));
    page.text
}

pub(super) fn explain_status(status: u16, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&page.painted(BOLD, &format!("HTTP status {status}")));
    for line in diagnosis::status(status) {
        page.heading(line.step);
        page.block("  ", 2, 2, &line.meaning.into());
        if let Some(reason) = line.reason {
            let explain =
                Text::default().command(format!("bitrise-dx explain {}", reason.as_str()));
            page.block("  ", 2, 2, &explain);
        }
    }
    page.text
}

pub(super) fn explain_index(style: Style) -> String {
    let mut page = Page::new(style);
    for verdict in Verdict::ALL {
        let name = page.painted(BOLD, verdict.as_str());
        page.line(&format!("{name} (exit code {})", verdict.exit_code()));
        page.block("  ", 2, 2, &diagnosis::meaning(*verdict).into());
        page.reasons(*verdict);
        page.line("");
    }
    let how = Text::default()
        .command("bitrise-dx explain CODE")
        .own(" shows the page of one of these, or of an HTTP status such as 404.");
    page.block("", 0, 0, &how);
    page.text
}

fn texts(lines: &[impl AsRef<str>]) -> Vec<Text> {
    lines.iter().map(|line| Text::from(line.as_ref())).collect()
}

/// Returns a sentence with the condition under which it holds.
fn with_note(text: Text, note: &str) -> Text {
    if note.is_empty() {
        text
    } else {
        text.own(format!(" [{note}]"))
    }
}

/// Returns what DX shows if a run ends with this verdict.
fn dx_shows(verdict: Verdict) -> String {
    match (verdict.dx_error(), diagnosis::dx_words(verdict)) {
        (Some(code), Some(words)) => format!("{code}: “{words}”"),
        _ => match verdict {
            Verdict::Verified => "no error".to_owned(),
            Verdict::InvalidCredentials
            | Verdict::InvalidPermissions
            | Verdict::NoResources
            | Verdict::Inconclusive
            | Verdict::NotRun => "this can't be told from such a run".to_owned(),
        },
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
        let (mark, ansi) = painted_mark(verdict_status(diagnosis.verdict));
        let mark = self.painted(ansi, &self.set(mark));
        let origin = super::origin(diagnosis);
        let origin = origin.map_or_else(String::new, |origin| format!("[{origin}] "));
        let result = self.set(&diagnosis.result.to_string());
        self.line(&format!("{mark} {origin}{result}"));
    }

    fn report(&mut self, diagnosis: &Diagnosis, scope: Scope) {
        self.first_block(diagnosis);
        for section in sections(diagnosis, scope) {
            self.section(&section);
        }
        self.footer(diagnosis, scope);
    }

    /// Writes the result, the token, who has to act, and what to do.
    fn first_block(&mut self, diagnosis: &Diagnosis) {
        let (mark, ansi) = painted_mark(verdict_status(diagnosis.verdict));
        let prefix = format!("{} ", self.painted(ansi, &self.set(mark)));
        self.block(&prefix, 2, 4, &diagnosis.result);
        for remark in &diagnosis.remarks {
            self.block("  ", 2, 4, remark);
        }
        // A secret that others can read comes before everything else.
        let is_secret = |line: &&WarningLine| line.code == Warning::TokenInText;
        diagnosis
            .warnings
            .iter()
            .filter(is_secret)
            .for_each(|line| self.warning(line));
        self.line("");
        for (name, text) in super::facts(diagnosis) {
            self.labelled(name, text);
        }
        match diagnosis.actions.as_slice() {
            [] => {}
            [action] => self.labelled("Do this", action),
            actions => {
                let label = self.label("Do this");
                for (number, action) in (1..).zip(actions) {
                    let before = if number == 1 {
                        label.clone()
                    } else {
                        " ".repeat(LABELLED)
                    };
                    let indent = LABELLED + 3;
                    self.block(&format!("{before}{number}. "), indent, indent, action);
                }
            }
        }
        let mut others = { diagnosis.warnings.iter() }
            .filter(|line| !is_secret(line))
            .peekable();
        if others.peek().is_some() {
            self.line("");
        }
        others.for_each(|line| self.warning(line));
    }

    fn warning(&mut self, line: &WarningLine) {
        let prefix = format!("{} ", self.painted(YELLOW, "!"));
        self.block(&prefix, 2, 4, &line.message);
    }

    fn section(&mut self, section: &Section) {
        self.heading(&section.title);
        match &section.block {
            Block::Bullets(items) => items.iter().for_each(|item| self.block("  - ", 4, 4, item)),
            Block::Steps(steps) => {
                for (number, step) in (1..).zip(steps) {
                    self.block(&format!("  {number}. "), 5, 5, step);
                }
            }
            Block::Rows(table) => self.rows(table),
            Block::Commands(commands) => {
                for command in commands {
                    self.line(&format!("  {}", self.set(command)));
                }
            }
        }
    }

    /// Writes rows, with each column but the last as wide as its widest cell.
    fn rows(&mut self, table: &Table) {
        if table.head.is_empty() {
            self.entries(table);
        }
        let width = |column: usize| {
            let cells = table.rows.iter().filter_map(|row| row.cells.get(column));
            let widths = cells.map(|cell| self.width(cell));
            widths.filter(|width| *width <= MAX_CELL).max().unwrap_or(0)
        };
        let columns = table.head.len().saturating_sub(1);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in table.rows.iter().filter(|_| !table.head.is_empty()) {
            let indent = self.row(row, &widths);
            for note in &row.notes {
                self.block(&" ".repeat(indent), indent, indent + 2, note);
            }
        }
        for line in &table.below {
            self.block("  ", 2, 4, &line.as_str().into());
        }
    }

    /// Writes a list whose entries have notes: beside them, if all of them have room there, and
    /// below them otherwise.
    fn entries(&mut self, table: &Table) {
        let entries: Vec<(&Text, usize)> = { table.rows.iter() }
            .filter_map(|row| Some((row.cells.first()?, self.width(row.cells.first()?))))
            .collect();
        let widest = entries.iter().map(|(_, width)| *width).max().unwrap_or(0);
        let notes =
            |row: &Row| -> usize { row.notes.iter().map(|note| self.width(note) + 2).sum() };
        let is_beside =
            { table.rows.iter() }.all(|row| 2 + widest + notes(row) <= self.style.width);
        for ((entry, width), row) in entries.into_iter().zip(&table.rows) {
            let mut text = entry.clone();
            if is_beside {
                for (number, note) in row.notes.iter().enumerate() {
                    let gap = if number == 0 { widest - width } else { 0 };
                    text = text.own(" ".repeat(gap + 2)).then(note.clone());
                }
            }
            self.block("  ", 2, 4, &text);
            for note in row.notes.iter().filter(|_| !is_beside) {
                self.block("      ", 6, 8, note);
            }
        }
    }

    /// Writes a row, and returns where its last cell begins. A row with a cell that is too wide for
    /// its column is a text as a whole.
    fn row(&mut self, row: &Row, widths: &[usize]) -> usize {
        let (mut prefix, mut columns) = ("  ".to_owned(), 2);
        if let Some(status) = row.mark {
            let (mark, ansi) = painted_mark(status);
            prefix += &self.painted(ansi, &self.set(mark));
            prefix.push(' ');
            columns += 2;
        }
        let Some((last, cells)) = row.cells.split_last() else {
            return columns;
        };
        let set: Vec<String> = { cells.iter() }
            .map(|cell| self.set(&cell.to_string()))
            .collect();
        let mut fits = set.iter().zip(widths);
        if !fits.all(|(cell, width)| display_width(cell) <= *width) {
            let mut text = Text::default();
            for cell in cells {
                text = text.then(cell.clone()).own("  ");
            }
            self.block(&prefix, columns, columns + 2, &text.then(last.clone()));
            return columns + 2;
        }
        for (cell, width) in set.iter().zip(widths) {
            prefix += cell;
            prefix.extend(std::iter::repeat_n(' ', width - display_width(cell) + 2));
            columns += width + 2;
        }
        self.block(&prefix, columns, columns, last);
        columns
    }

    fn footer(&mut self, diagnosis: &Diagnosis, scope: Scope) {
        self.line("");
        // No line is broken inside of a part, such as the time.
        let mut about = Text::default();
        for (number, part) in super::about(diagnosis, scope.is_full)
            .into_iter()
            .enumerate()
        {
            about = about
                .own(if number == 0 { "" } else { " · " })
                .command(part);
        }
        self.dim_block(&about);
        let mut more = Text::from("More: ");
        if let Some(reason) = diagnosis.reason {
            more = more
                .command(format!("bitrise-dx explain {}", reason.as_str()))
                .own(if diagnosis.links.is_empty() {
                    ""
                } else {
                    " · "
                });
        }
        for (number, link) in (1..).zip(&diagnosis.links) {
            let is_last = number == diagnosis.links.len();
            more = more
                .command(link.as_ref())
                .own(if is_last { "" } else { " · " });
        }
        if more.spans().len() > 1 {
            self.dim_block(&more);
        }
    }

    fn dim_block(&mut self, text: &Text) {
        let columns = Columns {
            first: 0,
            rest: 2,
            width: self.style.width,
        };
        for (number, line) in wrap::lines(text, columns, |words| self.set(words))
            .iter()
            .enumerate()
        {
            let indent = if number == 0 { "" } else { "  " };
            let line = self.painted(DIM, line);
            self.line(&format!("{indent}{line}"));
        }
    }

    fn list(&mut self, heading: &str, items: &[Text]) {
        if items.is_empty() {
            return;
        }
        self.heading(heading);
        for item in items {
            self.block("  - ", 4, 4, item);
        }
    }

    /// Writes the reasons that lead to a verdict.
    fn reasons(&mut self, verdict: Verdict) {
        let reasons = Reason::ALL.iter();
        for reason in reasons.filter(|reason| reason.verdict() == verdict) {
            let name = format!("    {:<24}", reason.as_str());
            self.block(&name, 28, 28, &diagnosis::page(*reason).meaning.into());
        }
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.block(&format!("{name:<10} "), 11, 11, &value.into());
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        let text = self.painted(BOLD, &self.set(text));
        self.line(&text);
    }

    fn labelled(&mut self, name: &str, text: &Text) {
        let prefix = self.label(name);
        self.block(&prefix, LABELLED, LABELLED, text);
    }

    fn label(&self, name: &str) -> String {
        let room = LABELLED - 2;
        format!("  {}", self.painted(BOLD, &format!("{name:<room$}")))
    }

    /// Writes a text in lines of the style's width: the first one behind `prefix`, which takes
    /// `first` columns, the further ones behind `rest` spaces.
    fn block(&mut self, prefix: &str, first: usize, rest: usize, text: &Text) {
        let columns = Columns {
            first,
            rest,
            width: self.style.width,
        };
        let lines = wrap::lines(text, columns, |words| self.set(words));
        for (number, line) in lines.iter().enumerate() {
            let line = if number == 0 {
                format!("{prefix}{line}")
            } else {
                format!("{}{line}", " ".repeat(rest))
            };
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

/// Returns a status's sign with its colour.
const fn painted_mark(status: Status) -> (&'static str, Ansi) {
    let ansi = match status {
        Status::Pass => GREEN,
        Status::Fail => RED,
        Status::Unknown => YELLOW,
        Status::Skip => DIM,
    };
    (mark(status), ansi)
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
