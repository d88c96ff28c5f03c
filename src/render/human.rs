//! Text for people: on a terminal, in a log and in a ticket.

use super::wrap::{self, Columns};
use super::{apps, mark, verdict_status};
use crate::check::Status;
use crate::diagnosis::check_title;
use crate::diagnosis::{self, Diagnosis, RequestLine, Workspace};
use crate::exchange::METHOD;
use crate::report::AppResult;
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
    page.first_block(diagnosis);
    page.checks(diagnosis);
    page.list(&super::why_title(diagnosis), &diagnosis.causes);
    page.refused(diagnosis);
    page.sees(diagnosis);
    let has_details = diagnosis.exit_code != 0 || style.detail == Detail::Verbose;
    if has_details {
        page.evidence(diagnosis);
    }
    page.list("Not checked", &diagnosis.not_checked);
    page.steps("If DX still refuses", &diagnosis.if_dx_refuses);
    if style.detail == Detail::Verbose {
        page.list("What to ask next", &diagnosis.questions);
    }
    if has_details {
        page.reproduce(diagnosis);
    }
    page.footer(diagnosis);
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

    /// Writes the result, the token, who has to act, and what to do.
    fn first_block(&mut self, diagnosis: &Diagnosis) {
        let (mark, ansi) = painted_mark(verdict_status(diagnosis.verdict));
        let prefix = format!("{} ", self.painted(ansi, &self.set(mark)));
        self.block(&prefix, 2, 4, &diagnosis.result);
        for remark in &diagnosis.remarks {
            self.block("  ", 2, 4, remark);
        }
        self.line("");
        if let Some(dx) = &diagnosis.dx {
            self.labelled("DX", dx);
        }
        self.labelled("Token", &diagnosis.token.text);
        if let Some(who) = &diagnosis.who_text {
            self.labelled("Who", who);
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
        if !diagnosis.warnings.is_empty() {
            self.line("");
        }
        for (_, warning) in &diagnosis.warnings {
            let prefix = format!("{} ", self.painted(YELLOW, "!"));
            self.block(&prefix, 2, 4, warning);
        }
    }

    fn checks(&mut self, diagnosis: &Diagnosis) {
        if super::is_unchecked(diagnosis) {
            return;
        }
        self.heading("Checks");
        for check in &diagnosis.checks {
            let (mark, ansi) = painted_mark(check.status);
            let mark = self.painted(ansi, &self.set(mark));
            let prefix = format!("  {mark} {:<14}  ", check_title(check.id));
            self.block(&prefix, 20, 20, &check.text);
        }
    }

    /// Writes which of several apps could not be read, by workspace.
    fn refused(&mut self, diagnosis: &Diagnosis) {
        let not_read = apps::not_read(&diagnosis.apps, MAX_APPS);
        if not_read.groups.is_empty() || diagnosis.apps.len() < 2 {
            return;
        }
        let (all, checked) = (not_read.all, diagnosis.coverage.checked);
        self.heading(&format!("{}: {all} of {checked} checked", not_read.heading));
        let rows = not_read.groups.iter().flat_map(|group| &group.apps);
        let cells: Vec<[String; 2]> = rows.map(|row| self.refused_cells(row)).collect();
        let widths = widths(&cells);
        let mut cells = cells.iter();
        for group in &not_read.groups {
            let name = group.workspace.map_or_else(
                || Text::from("Workspace not named"),
                |name| Text::default().foreign(name),
            );
            self.block("  ", 2, 4, &name);
            for (app, cells) in group.apps.iter().zip(&mut cells) {
                let title = app.app.title.as_ref();
                let title =
                    title.map_or_else(Text::default, |title| Text::default().foreign(title));
                self.row(4, cells, &widths, &title);
            }
        }
        if not_read.left_out > 0 {
            let more = format!("and {} more: -o json has them all", not_read.left_out);
            self.block("  ", 2, 4, &more.into());
        }
    }

    fn refused_cells(&self, row: &AppResult) -> [String; 2] {
        [self.set(&row.app.slug.to_string()), apps::why(row)]
    }

    /// Writes the workspaces, with the first titles of each.
    fn sees(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.workspaces.is_empty() {
            return;
        }
        self.heading(&super::sees_title(diagnosis));
        let shown = diagnosis.workspaces.iter().take(MAX_WORKSPACES);
        let cells: Vec<[String; 2]> = shown
            .clone()
            .map(|workspace| {
                let name = workspace.name.as_ref().map(ToString::to_string);
                let name = name.unwrap_or_else(|| "(not named)".to_owned());
                [self.set(&name), workspace.apps.to_string()]
            })
            .collect();
        let widths = widths(&cells);
        for (workspace, cells) in shown.zip(&cells) {
            self.row(2, cells, &widths, &titles(workspace));
        }
        let left_out = diagnosis.workspaces.len().saturating_sub(MAX_WORKSPACES);
        if left_out > 0 {
            self.line(&format!("  and {left_out} more workspaces"));
        }
    }

    /// Writes a row of a table: cells of one width each, and a text in what room is left. A row
    /// with a cell that is too wide for that is a text as a whole.
    fn row(&mut self, indent: usize, cells: &[String], widths: &[usize], last: &Text) {
        let is_wide = |(cell, width): (&String, &usize)| display_width(cell) > *width;
        if cells.iter().zip(widths).any(is_wide) {
            let cells = Text::default().foreign(&crate::text::Untrusted::new(cells.join("  ")));
            let text = cells.own("  ").then(last.clone());
            self.block(&" ".repeat(indent), indent, indent + 2, &text);
            return;
        }
        let mut prefix = " ".repeat(indent);
        for (cell, width) in cells.iter().zip(widths) {
            let gap = width - display_width(cell) + 2;
            prefix += cell;
            prefix.extend(std::iter::repeat_n(' ', gap));
        }
        let columns = display_width(&prefix);
        self.block(&prefix, columns, columns, last);
    }

    fn evidence(&mut self, diagnosis: &Diagnosis) {
        for (number, request) in diagnosis.requests().enumerate() {
            if number == 0 {
                self.heading(super::evidence_title(diagnosis.evidence));
            }
            self.request(request);
        }
    }

    fn request(&mut self, request: &RequestLine) {
        let address = Text::from(METHOD).own(" ").command(request.url.as_str());
        self.block("  ", 2, 4, &address);
        self.block("      ", 6, 8, &request.outcome);
        if let Some(failure_point) = &request.failure_point {
            self.block("      ", 6, 8, failure_point);
        }
    }

    fn reproduce(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.reproduce.is_empty() {
            return;
        }
        self.heading("Reproduce (token in BITRISE_TOKEN)");
        for command in &diagnosis.reproduce {
            self.line(&format!("  {}", self.set(command)));
        }
    }

    fn footer(&mut self, diagnosis: &Diagnosis) {
        self.line("");
        // No line is broken inside of a part, such as the time.
        let mut about = Text::default();
        for (number, part) in super::about(diagnosis).into_iter().enumerate() {
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

    fn steps(&mut self, heading: &str, steps: &[Text]) {
        if steps.is_empty() {
            return;
        }
        self.heading(heading);
        for (number, step) in (1..).zip(steps) {
            self.block(&format!("  {number}. "), 5, 5, step);
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

/// Returns how wide the columns of a table are; a cell that is wider than most is no reason to make
/// them wider.
fn widths(rows: &[[String; 2]]) -> [usize; 2] {
    let column = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let widths = cells.map(|cell| display_width(cell));
        widths.filter(|width| *width <= MAX_CELL).max().unwrap_or(0)
    };
    [column(0), column(1)]
}

/// Returns the first titles of a workspace's apps, and what is remarkable about the apps.
fn titles(workspace: &Workspace) -> Text {
    let mut text = Text::default();
    for (number, title) in workspace.titles.iter().enumerate() {
        text = text.own(if number == 0 { "" } else { ", " }).foreign(title);
    }
    let named = u64::try_from(workspace.titles.len()).unwrap_or(u64::MAX);
    let more = workspace.apps.saturating_sub(named);
    if more > 0 && named > 0 {
        text = text.own(format!(" and {more} more"));
    }
    let notes = super::workspace_notes(workspace);
    if notes.is_empty() {
        text
    } else {
        text.own(format!(" ({})", notes.join(", ")))
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
