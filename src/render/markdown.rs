//! The report in Markdown: for a ticket, GitHub's step summary or an annotation on Bitrise.
//!
//! Text that is not ours stands in code spans alone: there no renderer looks for links, images,
//! HTML, mentions or references. Everything else is escaped, so that what slips through is text.

use super::{apps, mark, verdict_status};
use crate::diagnosis::check_title;
use crate::diagnosis::{Diagnosis, RequestLine, Workspace};
use crate::exchange::METHOD;
use crate::report::AppResult;
use crate::text::{Span, Text};
use std::fmt::Write as _;

/// The most apps that are named: a ticket is read by people, and GitHub limits a summary.
const MAX_APPS: usize = 100;

/// The most workspaces that are named.
const MAX_WORKSPACES: usize = 50;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut page = Page(String::new());
    page.about(diagnosis);
    page.first_block(diagnosis);
    page.checks(diagnosis);
    page.list(&super::why_title(diagnosis), &diagnosis.causes);
    page.refused(diagnosis);
    page.sees(diagnosis);
    page.evidence(diagnosis);
    page.list("Not checked", &diagnosis.not_checked);
    page.steps("If DX still refuses", &diagnosis.if_dx_refuses);
    page.list("What to ask next", &diagnosis.questions);
    page.reproduce(diagnosis);
    page.more(diagnosis);
    page.0
}

/// The document while it grows.
struct Page(String);

impl Page {
    /// Writes what all of this is about: the program, its target, and when.
    fn about(&mut self, diagnosis: &Diagnosis) {
        let target = &diagnosis.target;
        let mut parts = vec![escape(&super::tool(&diagnosis.tool))];
        let named = [
            (
                "",
                Some(target.command.as_str()).filter(|text| !text.is_empty()),
            ),
            ("", target.base_url.as_deref()),
            ("through proxy ", target.proxy.as_deref()),
        ];
        let named = named.into_iter();
        parts.extend(named.filter_map(|(name, text)| Some(format!("{name}{}", code(text?)))));
        parts.push(super::utc(diagnosis.checked_at));
        parts.extend(diagnosis.duration.map(crate::diagnosis::span));
        self.line(&parts.join(" · "));
    }

    fn first_block(&mut self, diagnosis: &Diagnosis) {
        let mark = mark(verdict_status(diagnosis.verdict));
        self.line(&format!("\n## {mark} {}", inline(&diagnosis.result)));
        for remark in &diagnosis.remarks {
            self.paragraph(&format!("**{}**", inline(remark)));
        }
        self.line("");
        let facts = [
            ("DX", diagnosis.dx.as_ref()),
            ("Token", Some(&diagnosis.token.text)),
            ("Who", diagnosis.who_text.as_ref()),
        ];
        for (name, text) in facts {
            if let Some(text) = text {
                self.line(&format!("- **{name}:** {}", inline(text)));
            }
        }
        for (_, warning) in &diagnosis.warnings {
            self.line(&format!("- **Warning:** {}", inline(warning)));
        }
        self.steps("Do this", &diagnosis.actions);
    }

    fn checks(&mut self, diagnosis: &Diagnosis) {
        if super::is_unchecked(diagnosis) {
            return;
        }
        self.heading("Checks");
        self.line("| | Check | Result |");
        self.line("|---|---|---|");
        for check in &diagnosis.checks {
            let title = escape(check_title(check.id));
            self.row(&[mark(check.status).to_owned(), title, inline(&check.text)]);
        }
    }

    /// Writes which of several apps could not be read, by workspace.
    fn refused(&mut self, diagnosis: &Diagnosis) {
        let not_read = apps::not_read(&diagnosis.apps, MAX_APPS);
        if not_read.groups.is_empty() {
            return;
        }
        let (all, checked) = (not_read.all, diagnosis.coverage.checked);
        self.heading(&format!("{}: {all} of {checked} checked", not_read.heading));
        self.line("| Workspace | App | Slug | Why |");
        self.line("|---|---|---|---|");
        for group in &not_read.groups {
            let workspace = group.workspace.map(|name| code(&name.to_string()));
            for result in &group.apps {
                self.app(workspace.clone().unwrap_or_default(), result);
            }
        }
        if not_read.left_out > 0 {
            self.paragraph(&format!("And {} more.", not_read.left_out));
        }
    }

    fn app(&mut self, workspace: String, result: &AppResult) {
        let title = result.app.title.as_ref();
        self.row(&[
            workspace,
            title
                .map(|title| code(&title.to_string()))
                .unwrap_or_default(),
            code(&result.app.slug.to_string()),
            escape(&apps::why(result)),
        ]);
    }

    fn sees(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.workspaces.is_empty() {
            return;
        }
        self.heading(&super::sees_title(diagnosis));
        self.line("| Workspace | Apps | First apps | |");
        self.line("|---|---:|---|---|");
        for workspace in diagnosis.workspaces.iter().take(MAX_WORKSPACES) {
            self.workspace(workspace);
        }
        let left_out = diagnosis.workspaces.len().saturating_sub(MAX_WORKSPACES);
        if left_out > 0 {
            self.paragraph(&format!("And {left_out} more workspaces."));
        }
        let shares = apps::shares(&diagnosis.coverage).into_iter();
        let shares: Vec<String> = shares
            .filter(|share| share.number > 0)
            .map(|share| format!("{} {}", share.number, share.name.to_lowercase()))
            .collect();
        if !shares.is_empty() {
            self.paragraph(&format!("Apps: {}", shares.join(", ")));
        }
    }

    fn workspace(&mut self, workspace: &Workspace) {
        let name = workspace.name.as_ref();
        let name = name.map_or_else(|| "(not named)".to_owned(), |name| code(&name.to_string()));
        let titles: Vec<String> = workspace
            .titles
            .iter()
            .map(|title| code(&title.to_string()))
            .collect();
        let notes = super::workspace_notes(workspace).join(", ");
        self.row(&[name, workspace.apps.to_string(), titles.join(", "), notes]);
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
        let address = code(&format!("{METHOD} {}", request.url));
        self.line(&format!("- {address}  \n  {}", inline(&request.outcome)));
        if let Some(place) = &request.failure_point {
            self.line(&format!("  - {}", inline(place)));
        }
    }

    fn reproduce(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.reproduce.is_empty() {
            return;
        }
        self.heading("Reproduce (token in BITRISE_TOKEN)");
        let commands = diagnosis.reproduce.join("\n");
        let fence = fence(&commands);
        self.line(&format!("{fence}sh\n{commands}\n{fence}"));
    }

    fn more(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.links.is_empty() && diagnosis.reason.is_none() {
            return;
        }
        self.heading("More");
        for link in &diagnosis.links {
            self.line(&format!("- <{link}>"));
        }
        if let Some(reason) = diagnosis.reason {
            self.line(&format!("- `bitrise-dx explain {}`", reason.as_str()));
        }
    }

    fn list(&mut self, heading: &str, items: &[Text]) {
        if items.is_empty() {
            return;
        }
        self.heading(heading);
        for item in items {
            self.line(&format!("- {}", inline(item)));
        }
    }

    fn steps(&mut self, heading: &str, steps: &[Text]) {
        if steps.is_empty() {
            return;
        }
        self.heading(heading);
        for (number, step) in (1..).zip(steps) {
            self.line(&format!("{number}. {}", inline(step)));
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
        self.line(&format!("\n### {}\n", escape(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&format!("\n{text}"));
    }

    fn line(&mut self, text: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{text}");
    }
}

/// Sets a sentence: foreign texts, commands and addresses as code, the rest escaped.
fn inline(text: &Text) -> String {
    let mut out = String::new();
    for span in text.spans() {
        match span {
            Span::Own(words) => out.extend(words.split_inclusive(' ').map(set_word)),
            Span::Foreign(text) => out += &code(&text.to_string()),
            Span::Command(command) => out += &code(command),
            // Indented as far as the text of a step, so that it belongs to it.
            Span::Block(command) => {
                let fence = fence(command);
                let _ = write!(out, "\n\n   {fence}\n   {command}\n   {fence}\n");
            }
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
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '#' | '$'
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

/// Returns a fence that is longer than any run of backticks inside of a block.
fn fence(text: &str) -> String {
    "`".repeat(longest_run(text).max(2) + 1)
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}
