//! Text for people: on a terminal, in a log and in a ticket.

use super::{mark, verdict_status};
use crate::check::{Check, Status};
use crate::exchange::{Exchange, METHOD};
use crate::guide::{self, apps, story};
use crate::report::{AppResult, AppState, Report};
use crate::verdict::{Reason, Verdict};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;
use textwrap::{Options, WordSplitter};

/// Says how text is to look.
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

/// Says how much is to be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// The verdict's line alone.
    Quiet,
    /// What a person needs; the evidence where something failed.
    Normal,
    /// The evidence in any case.
    Verbose,
}

/// The most apps that are named in a table; there may be thousands.
const MOST_ROWS: usize = 20;

const GREEN: Ansi = AnsiColor::Green.on_default().bold();
const RED: Ansi = AnsiColor::Red.on_default().bold();
const YELLOW: Ansi = AnsiColor::Yellow.on_default().bold();
const BOLD: Ansi = Ansi::new().bold();
const DIM: Ansi = Ansi::new().dimmed();

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut page = Page {
        style,
        text: String::new(),
    };
    if style.detail != Detail::Quiet {
        page.header(report);
        page.checks(report);
    }
    page.verdict(report);
    if style.detail != Detail::Quiet {
        page.rest(report);
    }
    page.finish()
}

pub(super) fn explain_reason(reason: Reason, style: Style) -> String {
    let mut page = Page {
        style,
        text: String::new(),
    };
    let (entry, verdict) = (guide::page(reason), reason.verdict());
    page.line(&page.painted(BOLD, reason.as_str()));
    page.paragraph("", entry.meaning);
    page.line("");
    page.fact(
        "Verdict",
        &format!("{} (exit code {})", verdict.as_str(), verdict.exit_code()),
    );
    let mut shown = dx_shows(verdict);
    if matches!(
        reason,
        Reason::AppNotAccessible | Reason::PipelineDetailsDenied
    ) {
        shown = format!(
            "nothing perhaps, since it looks at one app's pipelines when the connection is added; \
             or {shown}"
        );
    }
    page.fact("DX shows", &shown);
    let again = if reason.is_retryable() {
        "may help by itself"
    } else {
        "does not help by itself"
    };
    page.fact("Again", &format!("running it again {again}"));
    page.list("Likely causes", entry.causes.iter().copied());
    page.steps(entry.steps);
    page.list(
        "For support: what to ask next",
        entry.support.iter().copied(),
    );
    page.list("Links", entry.links.iter().copied());
    page.finish()
}

pub(super) fn explain_verdict(verdict: Verdict, style: Style) -> String {
    let mut page = Page {
        style,
        text: String::new(),
    };
    page.line(&page.painted(BOLD, verdict.as_str()));
    page.paragraph("", guide::meaning(verdict));
    page.line("");
    page.fact("Exit code", &verdict.exit_code().to_string());
    page.fact("DX shows", &dx_shows(verdict));
    let reasons = Reason::ALL
        .iter()
        .filter(|reason| reason.verdict() == verdict);
    let reasons: Vec<String> = reasons
        .map(|reason| format!("{}: {}", reason.as_str(), guide::page(*reason).meaning))
        .collect();
    if !reasons.is_empty() {
        page.list("Reasons", reasons.iter().map(String::as_str));
        page.list("Likely causes", guide::causes(verdict).into_iter());
    }
    page.steps(&guide::steps(verdict));
    page.list("Links", [guide::DX_PAGE].into_iter());
    page.finish()
}

pub(super) fn explain_index(style: Style) -> String {
    let mut page = Page {
        style,
        text: String::new(),
    };
    for verdict in Verdict::ALL {
        let name = page.painted(BOLD, verdict.as_str());
        page.line(&format!("{name} (exit code {})", verdict.exit_code()));
        page.paragraph("  ", guide::meaning(*verdict));
        for reason in Reason::ALL
            .iter()
            .filter(|reason| reason.verdict() == *verdict)
        {
            let name = format!("    {:<24}", reason.as_str());
            page.wrapped(&name, 28, guide::page(*reason).meaning);
        }
        page.line("");
    }
    page.paragraph(
        "",
        "bitrise-dx explain CODE shows the page of one of these.",
    );
    page.finish()
}

/// Says what DX shows where a run ends with this verdict.
fn dx_shows(verdict: Verdict) -> String {
    match (verdict.dx_error(), guide::dx_words(verdict)) {
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

/// Holds the text while it grows.
struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn header(&mut self, report: &Report) {
        let mut parts = vec![format!("bitrise-dx {}", env!("CARGO_PKG_VERSION"))];
        match &report.target.sandbox {
            Some(sandbox) => parts.push(format!("SANDBOX “{}”, not Bitrise", sandbox.scenario)),
            None => parts.extend(report.target.base_url.clone()),
        }
        parts.extend(
            report
                .target
                .proxy
                .as_ref()
                .map(|proxy| format!("through proxy {proxy}")),
        );
        parts.extend(
            report
                .token
                .source
                .map(|source| format!("token from {}", source.as_str())),
        );
        let line = self.painted(DIM, &parts.join(" · "));
        self.line(&line);
        self.line("");
    }

    fn checks(&mut self, report: &Report) {
        for check in &report.checks {
            let (mark, ansi) = painted_mark(check.result.status());
            let title = format!("{:<15}", story::check_title(check.id));
            let prefix = format!("{} {title} ", self.painted(ansi, mark));
            self.wrapped(&prefix, 18, &story::check_message(check));
        }
        self.line("");
    }

    fn verdict(&mut self, report: &Report) {
        let verdict = report.verdict();
        let (mark, ansi) = painted_mark(verdict_status(verdict));
        let message = story::message(report);
        let (title, sentence) = message.split_once(':').unwrap_or(("", &message));
        let sandbox = if report.target.sandbox.is_some() {
            "[sandbox] "
        } else {
            ""
        };
        let prefix = format!(
            "{} {sandbox}{}:",
            self.painted(ansi, mark),
            self.painted(ansi, title)
        );
        if self.style.detail == Detail::Quiet {
            self.line(&format!("{prefix}{sentence}"));
        } else {
            self.wrapped(&prefix, 2, sentence);
        }
    }

    /// Writes what follows the verdict.
    fn rest(&mut self, report: &Report) {
        let verdict = report.verdict();
        if let Some(prediction) = guide::prediction(report) {
            self.paragraph("  ", &prediction.to_string());
        }
        for warning in report.warnings() {
            let prefix = format!("{} ", self.painted(YELLOW, "!"));
            self.line("");
            self.wrapped(&prefix, 2, story::warning(warning));
        }
        self.unreadable(report);
        if let Some(reason) = report.reason() {
            let entry = guide::page(reason);
            self.list("Likely causes", entry.causes.iter().copied());
            self.steps(story::remediation(report));
        }
        if verdict != Verdict::Verified || self.style.detail == Detail::Verbose {
            self.evidence(report);
            self.reproduce(report);
        }
        let not_proven = story::not_proven(report);
        self.list("Not proven", not_proven.iter().map(String::as_str));
        self.links(report);
    }

    /// Writes which of several apps could not be read, by workspace.
    fn unreadable(&mut self, report: &Report) {
        let (groups, left_out) = apps::not_read(report, MOST_ROWS);
        if groups.is_empty() || report.apps.len() < 2 {
            return;
        }
        let rows = || groups.iter().flat_map(|group| &group.apps);
        let (count, checked) = (rows().count() + left_out, report.coverage().checked);
        let heading = format!("{}: {count} of {checked} checked apps", apps::NOT_READ);
        self.heading(&heading);
        let width = |text: String| textwrap::core::display_width(&text);
        let slugs = rows().map(|row| width(row.app.slug.to_string()));
        let states = rows().map(|row| width(app_state(row)));
        let widths = (slugs.max().unwrap_or(0), states.max().unwrap_or(0));
        for group in &groups {
            let name = group.workspace.map(ToString::to_string);
            self.paragraph("  ", name.as_deref().unwrap_or("No workspace named"));
            for row in &group.apps {
                self.unreadable_app(row, widths);
            }
        }
        if left_out > 0 {
            self.paragraph("  ", &format!("and {left_out} more: -o json has them all"));
        }
    }

    fn unreadable_app(&mut self, row: &AppResult, (slugs, states): (usize, usize)) {
        let (slug, state) = (row.app.slug.to_string(), app_state(row));
        let title = row.app.title.as_ref().map(ToString::to_string);
        let title = title.unwrap_or_default();
        let line = format!("    {slug:<slugs$}  {state:<states$}  {title}");
        self.line(line.trim_end());
    }

    fn links(&mut self, report: &Report) {
        self.line("");
        for link in story::links(report) {
            self.fact("Read", link);
        }
        if let Some(reason) = report.reason() {
            self.fact(
                "Explain",
                &format!("bitrise-dx explain {}", reason.as_str()),
            );
        }
    }

    fn evidence(&mut self, report: &Report) {
        let mut requests = story::requests(report).peekable();
        if requests.peek().is_none() {
            return;
        }
        self.heading("Evidence");
        for (check, exchange) in requests {
            self.exchange(check, exchange);
            if let Some(way) = guide::way(&report.target, exchange) {
                self.paragraph("    ", &format!("way: {way}"));
            }
        }
        let when = humantime::format_rfc3339_seconds(report.checked_at);
        self.line(&format!(
            "  begun {when}, took {}",
            story::span(report.duration)
        ));
    }

    fn exchange(&mut self, check: &Check, exchange: &Exchange) {
        self.line(&format!("  {METHOD} {}", exchange.url));
        self.line(&format!("    {}", story::outcome(exchange)));
        if let Some(message) = story::server_words(exchange) {
            self.line(&format!("    the server says: “{message}”"));
        }
        if let Some(app) = check.app.as_ref().filter(|app| app.title.is_some()) {
            self.line(&format!("    app: {}", story::name(app)));
        }
    }

    fn reproduce(&mut self, report: &Report) {
        let lines = story::reproduce(report);
        if lines.is_empty() {
            return;
        }
        self.heading("Reproduce (with the token in BITRISE_TOKEN)");
        for line in lines {
            self.line(&format!("  {line}"));
        }
    }

    fn steps(&mut self, steps: &[&str]) {
        self.heading("What to do");
        for (number, step) in (1..).zip(steps) {
            self.wrapped(&format!("  {number}. "), 5, step);
        }
    }

    fn list<'a>(&mut self, heading: &str, items: impl Iterator<Item = &'a str>) {
        self.heading(heading);
        for item in items {
            self.wrapped("  - ", 4, item);
        }
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        let text = self.painted(BOLD, text);
        self.line(&text);
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:<10} "), 11, value);
    }

    fn paragraph(&mut self, indent: &str, text: &str) {
        self.wrapped(indent, indent.len(), text);
    }

    /// Writes a text in lines of the style's width: the first one behind `prefix`, the further
    /// ones behind `indent` columns.
    fn wrapped(&mut self, prefix: &str, indent: usize, text: &str) {
        let later = " ".repeat(indent);
        let first = format!("{prefix}{text}");
        let options = Options::new(self.style.width)
            .subsequent_indent(&later)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(&first, options) {
            self.line(&line);
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

    fn finish(self) -> String {
        if self.style.unicode {
            self.text
        } else {
            ascii(&self.text)
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

/// Says in a few words why an app could not be read.
fn app_state(result: &AppResult) -> String {
    match (result.reason, result.http_status) {
        (Some(Reason::PipelineDetailsDenied), Some(status)) => format!("{status} for a run"),
        (Some(Reason::AppNotAccessible), _) => "not in the list".to_owned(),
        (_, Some(status)) if result.state == AppState::Denied => status.to_string(),
        (Some(reason), _) => reason.as_str().to_owned(),
        (None, _) => result.state.as_str().to_owned(),
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
