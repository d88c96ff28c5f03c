//! The report in Markdown: for a ticket, GitHub's step summary or an annotation on Bitrise.
//!
//! Text that is not ours stands in code spans alone: there no renderer looks for links, images,
//! HTML, mentions or references. Everything else is escaped, so that what slips through is text.

use super::sections::{Block, Section, Table, sections};
use super::{Scope, mark, status};
use crate::diagnosis::Diagnosis;
use crate::text::{Span, Text};
use std::fmt::Write as _;

/// The most apps that are named: a ticket is read by people, and GitHub limits a summary.
const MAX_APPS: usize = 100;

/// The most workspaces that are named.
const MAX_WORKSPACES: usize = 50;

/// Renders a diagnosis in Markdown, for a ticket or a step summary.
pub fn render(diagnosis: &Diagnosis) -> String {
    let mut page = Page(String::new());
    page.about(diagnosis);
    page.first_block(diagnosis);
    let scope = Scope {
        is_full: true,
        max_apps: MAX_APPS,
        max_workspaces: MAX_WORKSPACES,
    };
    for section in sections(diagnosis, scope) {
        page.section(&section);
    }
    if !diagnosis.links.is_empty() || diagnosis.reason.is_some() {
        page.heading("More");
        for link in &diagnosis.links {
            page.line(&format!("- <{link}>"));
        }
        if let Some(reason) = diagnosis.reason {
            page.line(&format!("- `bitrise-dx explain {}`", reason.as_str()));
        }
    }
    page.0
}

/// The document while it grows.
struct Page(String);

impl Page {
    /// Writes what all of this is about: the program, its target, and when.
    fn about(&mut self, diagnosis: &Diagnosis) {
        let target = &diagnosis.target;
        let mut parts = vec![escape(&super::tool(&diagnosis.tool))];
        parts.push(code(&target.command));
        parts.extend(target.base_url.as_deref().map(code));
        let proxy = target.proxy.as_deref();
        parts.extend(proxy.map(|proxy| format!("through proxy {}", code(proxy))));
        parts.push(super::utc(&diagnosis.checked_at));
        parts.extend(diagnosis.duration_ms.map(crate::diagnosis::span));
        self.line(&parts.join(" · "));
    }

    fn first_block(&mut self, diagnosis: &Diagnosis) {
        let mark = mark(status(diagnosis));
        self.line(&format!("\n## {mark} {}", inline(&diagnosis.result)));
        for remark in &diagnosis.remarks {
            self.line(&format!("\n**{}**", inline(remark)));
        }
        self.line("");
        for (name, text) in super::facts(diagnosis) {
            self.line(&format!("- **{name}:** {}", inline(text)));
        }
        for warning in &diagnosis.warnings {
            self.line(&format!("- **Warning:** {}", inline(&warning.message)));
        }
        if !diagnosis.actions.is_empty() {
            self.heading("Do this");
            self.steps(&diagnosis.actions);
        }
    }

    fn section(&mut self, section: &Section) {
        self.heading(&section.title);
        match &section.block {
            Block::Bullets(items) => {
                for item in items {
                    self.line(&format!("- {}", inline(item)));
                }
            }
            Block::Steps(steps) => self.steps(steps),
            Block::Rows(table) => self.rows(table),
            Block::Commands(commands) => {
                let commands = commands.join("\n");
                let fence = fence(&commands);
                self.line(&format!("{fence}sh\n{commands}\n{fence}"));
            }
        }
    }

    fn steps(&mut self, steps: &[Text]) {
        for (number, step) in (1..).zip(steps) {
            self.line(&format!("{number}. {}", inline(step)));
        }
    }

    fn rows(&mut self, table: &Table) {
        let is_marked = table.rows.iter().any(|row| row.mark.is_some());
        if !table.head.is_empty() {
            let marks = if is_marked { "| " } else { "" };
            self.line(&format!("{marks}| {} |", table.head.join(" | ")));
            let columns = table.head.len() + usize::from(is_marked);
            self.line(&format!("|{}", "---|".repeat(columns)));
        }
        for row in &table.rows {
            let mut cells: Vec<String> = row.cells.iter().map(inline).collect();
            let notes = row.notes.iter().map(inline);
            if table.head.is_empty() {
                let lines: Vec<String> = cells.into_iter().chain(notes).collect();
                self.line(&format!("- {}", lines.join("  \n  ")));
            } else {
                for note in notes {
                    if let Some(last) = cells.last_mut() {
                        last.push_str("; ");
                        last.push_str(&note);
                    }
                }
                if let Some(status) = row.mark {
                    cells.insert(0, mark(status).to_owned());
                }
                // A bar inside of a cell is escaped; behind a backslash, where that would take the
                // backslash's escape away, it is shown by its number.
                let cells = cells.iter();
                let cells = cells.map(|cell| cell.replace("\\|", "\\u{7c}").replace('|', "\\|"));
                let cells: Vec<String> = cells.collect();
                self.line(&format!("| {} |", cells.join(" | ")));
            }
        }
        for line in &table.below {
            self.line(&format!("\n{}", escape(line)));
        }
    }

    fn heading(&mut self, text: &str) {
        self.line(&format!("\n### {}\n", escape(text)));
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
