//! The report in Markdown: for a ticket, GitHub's step summary or an annotation on Bitrise.
//!
//! Text that is not ours stands in code spans alone: there no renderer looks for links, images,
//! HTML, mentions or references. Everything else is escaped, so that what slips through is text.

use super::{mark, verdict_status};
use crate::check::Check;
use crate::exchange::{Exchange, METHOD};
use crate::guide::{self, apps, story};
use crate::report::{AppResult, Report};
use crate::text::Untrusted;
use std::fmt::Write as _;

/// Stand around foreign text until it is set. [`Untrusted`] never shows these two characters
/// themselves, so a text can't forge them.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// Marks foreign text for [`inline`].
fn foreign(text: &Untrusted) -> String {
    format!("{OPEN}{text}{CLOSE}")
}

/// The most apps that are named: a ticket is read by people, and GitHub limits a summary.
const MOST_APPS: usize = 100;

pub(super) fn render(report: &Report) -> String {
    let mut page = Page(String::new());
    page.verdict(report);
    page.next_steps(report);
    page.checks(report);
    page.evidence(report);
    page.coverage(report);
    page.timing(report);
    page.list("Not proven", &story::not_proven(report));
    page.list("For support: what to ask next", story::support(report));
    page.links(report);
    page.0
}

/// Collects the document.
struct Page(String);

impl Page {
    fn verdict(&mut self, report: &Report) {
        let verdict = report.verdict();
        let message = story::message_with(report, foreign);
        let (title, sentence) = message.split_once(": ").unwrap_or((&message, ""));
        self.line(&format!(
            "## {} {}",
            mark(verdict_status(verdict)),
            inline(title)
        ));
        if let Some(sandbox) = &report.target.sandbox {
            self.paragraph(&format!(
                "**All of this came from the sandbox (scenario `{}`), not from Bitrise.**",
                sandbox.scenario
            ));
        }
        self.paragraph(&inline(&story::sentence(sentence)));
        if let Some(dx) = guide::prediction(report) {
            let (before, words) = (inline(dx.before), inline(dx.words));
            self.paragraph(&format!("{before} `{}`: “{words}”", dx.code));
        }
        for warning in report.warnings() {
            self.paragraph(&format!("**Warning:** {}", inline(story::warning(warning))));
        }
    }

    fn next_steps(&mut self, report: &Report) {
        self.heading("For the customer: what to do next");
        for (number, step) in (1..).zip(story::next_steps(report)) {
            self.line(&format!("{number}. {}", inline(step)));
        }
        if let Some(reason) = report.reason() {
            self.paragraph("Likely causes:");
            self.line("");
            self.items(guide::page(reason).causes);
        }
    }

    fn checks(&mut self, report: &Report) {
        self.heading("Checks");
        self.line("| | Check | Result |");
        self.line("|---|---|---|");
        for check in &report.checks {
            self.row(&[
                mark(check.result.status()).to_owned(),
                inline(story::check_title(check.id)),
                inline(&story::check_message_with(check, foreign)),
            ]);
        }
    }

    fn evidence(&mut self, report: &Report) {
        let mut requests = story::requests(report).peekable();
        if requests.peek().is_some() {
            self.heading("Evidence");
        }
        for (check, exchange) in requests {
            self.request(check, exchange);
            if let Some(way) = guide::way(&report.target, exchange) {
                self.line(&format!("  - way: {}", inline(&way)));
            }
        }
        let commands = story::reproduce(report);
        if commands.is_empty() {
            return;
        }
        self.heading("Reproduce (with the token in BITRISE_TOKEN)");
        let commands = commands.join("\n");
        let fence = "`".repeat(longest_run(&commands).max(2) + 1);
        self.line(&format!("{fence}sh\n{commands}\n{fence}"));
    }

    fn request(&mut self, check: &Check, exchange: &Exchange) {
        let address = code(&format!("{METHOD} {}", exchange.url));
        let outcome = inline(&story::outcome_with(exchange, foreign));
        self.line(&format!("- {address}  \n  {outcome}"));
        if let Some(message) = story::server_words(exchange) {
            self.line(&format!(
                "  - the server says: {}",
                code(&message.to_string())
            ));
        }
        if let Some(app) = check.app.as_ref().filter(|app| app.title.is_some()) {
            self.line(&format!(
                "  - app: {}, slug {}",
                inline(&story::name_with(app, foreign)),
                code(&app.slug.to_string())
            ));
        }
    }

    fn coverage(&mut self, report: &Report) {
        let shares = apps::shares(report);
        if shares.is_empty() {
            return;
        }
        self.heading("Apps");
        self.line("| Apps | Number |");
        self.line("|---|---:|");
        for share in shares {
            self.row(&[share.name.to_owned(), share.number.to_string()]);
        }
        let (groups, left_out) = apps::not_read(report, MOST_APPS);
        for group in groups {
            let name = group.workspace.map(foreign);
            let name = name.unwrap_or_else(|| "an unknown workspace".to_owned());
            self.paragraph(&format!("{} in {}:\n", apps::NOT_READ, inline(&name)));
            self.line("| App | Slug | State | Why |");
            self.line("|---|---|---|---|");
            for result in group.apps {
                self.app(result);
            }
        }
        if left_out > 0 {
            self.paragraph(&format!("And {left_out} more apps that could not be read."));
        }
    }

    fn app(&mut self, result: &AppResult) {
        let title = result.app.title.as_ref().map(foreign);
        self.row(&[
            inline(&title.unwrap_or_default()),
            inline(&foreign(result.app.slug.as_untrusted())),
            apps::state(result.state).to_owned(),
            code(&apps::why(result)),
        ]);
    }

    fn timing(&mut self, report: &Report) {
        self.heading("Timing");
        let mut requests = story::requests(report).peekable();
        if requests.peek().is_some() {
            self.line("| Request | Attempts | Time |");
            self.line("|---|---:|---:|");
        }
        for (check, exchange) in requests {
            self.row(&[
                story::check_title(check.id).to_owned(),
                exchange.attempts.to_string(),
                story::span(exchange.elapsed),
            ]);
        }
        self.paragraph(&story::sentence(&story::begun(report)));
    }

    fn links(&mut self, report: &Report) {
        self.heading("Read more");
        for link in story::links(report) {
            self.line(&format!("- <{link}>"));
        }
        if let Some(reason) = report.reason() {
            self.line(&format!("- `bitrise-dx explain {}`", reason.as_str()));
        }
    }

    fn list<S: AsRef<str>>(&mut self, heading: &str, items: &[S]) {
        self.heading(heading);
        self.items(items);
    }

    fn items<S: AsRef<str>>(&mut self, items: &[S]) {
        for item in items {
            self.line(&format!("- {}", inline(item.as_ref())));
        }
    }

    /// Writes a row of a table. A bar inside of a cell is escaped; behind a backslash, where that
    /// would take the backslash's escape away, it is shown by its number.
    fn row(&mut self, cells: &[String]) {
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| cell.replace("\\|", "\\u{7c}").replace('|', "\\|"))
            .collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn heading(&mut self, text: &str) {
        self.line(&format!("\n### {}\n", inline(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&format!("\n{text}"));
    }

    fn line(&mut self, text: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{text}");
    }
}

/// Sets a sentence: marked texts and addresses as code, the rest escaped.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split(OPEN).enumerate() {
        let own = match (index, part.split_once(CLOSE)) {
            (0, _) | (_, None) => part,
            (_, Some((foreign, own))) => {
                out += &code(foreign);
                own
            }
        };
        for word in own.split_inclusive(' ') {
            out += &set_word(word);
        }
    }
    out
}

/// Sets a word of our own: as code where a renderer could make a link or a mention of it.
fn set_word(word: &str) -> String {
    if !(word.contains('@') || word.contains("://")) {
        return escape(word);
    }
    let start = word.len() - word.trim_start_matches('(').len();
    let end = word.trim_end_matches([' ', '.', ',', ';', ':', ')']).len();
    match (word.get(..start), word.get(start..end), word.get(end..)) {
        (Some(before), Some(address), Some(after)) => {
            format!("{before}{}{after}", code(address))
        }
        _ => escape(word),
    }
}

/// Escapes what has a meaning inside of a line. An underscore inside of a word has none.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric());
        if matches!(
            c,
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '#'
        ) || (c == '_' && !inside)
        {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Sets a text as a code span; its fence is longer than any run of backticks inside.
fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let is_edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(is_edge) || text.ends_with(is_edge) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}
