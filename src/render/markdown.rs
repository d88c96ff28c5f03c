//! The report in Markdown: for a ticket, GitHub's step summary or an annotation on Bitrise.
//!
//! Text that is not ours stands in code spans alone: there no renderer looks for links, images,
//! HTML, mentions or references. Everything else is escaped, so that what slips through is text.

use super::sections::{Block, Table, section, sections};
use super::{Scope, status};
use crate::diagnosis::Diagnosis;
use crate::text::{Span, Text};
use crate::verdict::Reason;
use std::mem;

/// How much is shown: a ticket is read by people, and GitHub limits a summary.
const SCOPE: Scope = Scope {
    is_full: true,
    max_apps: 100,
    max_workspaces: 50,
};

/// Renders a diagnosis in Markdown, for a ticket or a step summary.
pub fn render(diagnosis: &Diagnosis) -> String {
    let about = super::about(diagnosis, true);
    let mut about: Vec<String> = about.iter().map(inline).collect();
    about.splice(2..2, diagnosis.target.base_url.as_deref().map(code));
    let sign = status(diagnosis).sign();
    let mut lines = vec![
        about.join(" · "),
        format!("\n## {sign} {}", inline(&diagnosis.result)),
    ];
    let remarks = diagnosis.remarks.iter();
    lines.extend(remarks.map(|remark| format!("\n**{}**", inline(remark))));
    lines.push(String::new());
    let warnings = diagnosis.warnings.iter();
    let warnings = warnings.map(|warning| ("Warning", &warning.message));
    let facts = super::facts(diagnosis).into_iter().chain(warnings);
    lines.extend(facts.map(|(name, text)| format!("- **{name}:** {}", inline(text))));
    let actions = Block::Steps(diagnosis.actions.clone());
    let actions = section("do-this", "Do this", actions).into_iter();
    for section in actions.chain(sections(diagnosis, SCOPE)) {
        lines.push(format!("\n### {}\n", escape(&section.title)));
        match &section.block {
            Block::Bullets(items) => {
                lines.extend(items.iter().map(|item| format!("- {}", inline(item))));
            }
            Block::Steps(steps) => {
                let steps = (1..).zip(steps);
                lines.extend(steps.map(|(number, step)| format!("{number}. {}", inline(step))));
            }
            Block::Rows(table) => lines.extend(rows(table)),
            Block::Commands(commands) => {
                let commands = commands.join("\n");
                let fence = fence(&commands, 3);
                lines.push(format!("{fence}sh\n{commands}\n{fence}"));
            }
        }
    }
    if !diagnosis.links.is_empty() || diagnosis.reason.is_some() {
        lines.push("\n### More\n".to_owned());
        lines.extend(diagnosis.links.iter().map(|link| format!("- <{link}>")));
        let reason = diagnosis.reason.map(Reason::as_str);
        lines.extend(reason.map(|reason| format!("- `bitrise-dx explain {reason}`")));
    }
    lines.join("\n") + "\n"
}

fn rows(table: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    let is_marked = table.rows.iter().any(|row| row.mark.is_some());
    if !table.head.is_empty() {
        let marks = if is_marked { "| " } else { "" };
        let columns = table.head.len() + usize::from(is_marked);
        lines.push(format!("{marks}| {} |", table.head.join(" | ")));
        lines.push(format!("|{}", "---|".repeat(columns)));
    }
    for row in &table.rows {
        let cells = row.cells.iter().map(inline);
        let notes: Vec<String> = row.notes.iter().map(inline).collect();
        if table.head.is_empty() {
            let parts: Vec<String> = cells.chain(notes).collect();
            lines.push(format!("- {}", parts.join("  \n  ")));
        } else {
            let mark = row.mark.map(|status| status.sign().to_owned());
            let mut cells: Vec<String> = mark.into_iter().chain(cells).collect();
            if let Some(last) = cells.last_mut() {
                *last = [vec![mem::take(last)], notes].concat().join("; ");
            }
            // A bar inside of a cell is escaped; behind a backslash, where that would take the
            // backslash's escape away, it is shown by its number.
            let cells = cells.iter();
            let cells = cells.map(|cell| cell.replace("\\|", "\\u{7c}").replace('|', "\\|"));
            let cells: Vec<String> = cells.collect();
            lines.push(format!("| {} |", cells.join(" | ")));
        }
    }
    let below = table.below.iter();
    lines.extend(below.map(|line| format!("\n{}", escape(line))));
    lines
}

/// Sets a sentence: foreign texts, commands and addresses as code, the rest escaped.
fn inline(text: &Text) -> String {
    let mut out = String::new();
    for span in &text.0 {
        match span {
            // A word of which a renderer could make a link or a mention is code.
            Span::Own(words) => {
                for word in words.split_inclusive(' ') {
                    let is_link = word.contains('@') || word.contains("://");
                    let rest = word.trim_start_matches('(');
                    let address = rest.trim_end_matches([' ', '.', ',', ';', ':', ')']);
                    if let Some((before, after)) = word.split_once(address).filter(|_| is_link) {
                        out.extend([before, &code(address), after]);
                    } else {
                        out += &escape(word);
                    }
                }
            }
            Span::Foreign(text) => out += &code(&text.to_string()),
            Span::Command(command) => out += &code(command),
            // Indented as far as the text of a step, so that it belongs to it.
            Span::Block(command) => {
                let fence = fence(command, 3);
                let block = format!("\n\n   {fence}\n   {command}\n   {fence}\n");
                out += &block;
            }
        }
    }
    out
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

/// Sets a text as a code span.
fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = fence(text, 1);
    let is_edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(is_edge) || text.ends_with(is_edge) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns a fence of at least so many backticks that is longer than any run of them inside.
fn fence(text: &str, least: usize) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    "`".repeat(runs.max().map_or(least, |run| least.max(run + 1)))
}
