//! Breaks sentences and commands into lines.
//!
//! Invariant: a command and an address are never broken inside of a word, so that they can be
//! copied; foreign text never reaches beyond the width, so that no terminal breaks it and begins a
//! line with it.

use crate::text::{Span, Text};
use textwrap::core::display_width;

/// The columns that a sentence may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// How many of the first line are taken already.
    pub(super) first: usize,
    /// How many of each later line are left free.
    pub(super) rest: usize,
    /// How many a line has.
    pub(super) width: usize,
}

/// A piece of a line that stays whole if it can.
#[derive(Default)]
struct Word {
    /// How many spaces stand before it, unless it begins a line.
    spaces: usize,
    /// Its characters, and whether the line may be broken before each.
    chars: Vec<(char, bool)>,
}

impl Word {
    fn width(&self) -> usize {
        self.chars.iter().map(|(c, _)| char_width(*c)).sum()
    }
}

fn char_width(c: char) -> usize {
    display_width(c.encode_utf8(&mut [0; 4]))
}

/// Breaks a sentence into lines, without the spaces before them. `set` makes of each span's words
/// what is shown of them.
pub(super) fn lines(text: &Text, columns: Columns, set: impl Fn(&str) -> String) -> Vec<String> {
    let room = columns.width.saturating_sub(columns.rest).max(1);
    let (mut lines, mut line, mut column) = (Vec::new(), String::new(), columns.first);
    for word in words(text, room, set) {
        let width = word.width();
        let is_at_start = line.is_empty();
        if !is_at_start && column + word.spaces + width > columns.width {
            lines.push(std::mem::take(&mut line));
            column = columns.rest;
        } else if !is_at_start {
            line.extend(std::iter::repeat_n(' ', word.spaces));
            column += word.spaces;
        }
        for (c, may_break) in word.chars {
            let width = char_width(c);
            if may_break && column + width > columns.width && column > columns.rest {
                lines.push(std::mem::take(&mut line));
                column = columns.rest;
            }
            line.push(c);
            column += width;
        }
    }
    lines.push(line);
    lines
}

/// Takes a sentence apart. A command that fits into `room` columns is one word.
fn words(text: &Text, room: usize, set: impl Fn(&str) -> String) -> Vec<Word> {
    let mut words = vec![Word::default()];
    for span in text.spans() {
        let (shown, may_break, is_whole) = match span {
            Span::Own(words) => (set(words), false, false),
            Span::Foreign(text) => (set(&text.to_string()), true, false),
            Span::Command(command) => {
                let shown = set(command);
                let is_whole = display_width(&shown) <= room;
                (shown, false, is_whole)
            }
        };
        for c in shown.chars() {
            let is_new = words.last().is_none_or(|word| word.chars.is_empty());
            if c != ' ' || is_whole {
                if let Some(word) = words.last_mut() {
                    word.chars.push((c, may_break));
                }
            } else if is_new {
                if let Some(word) = words.last_mut() {
                    word.spaces += 1;
                }
            } else {
                words.push(Word {
                    spaces: 1,
                    ..Word::default()
                });
            }
        }
    }
    words.retain(|word| !word.chars.is_empty());
    words
}

/// Breaks a shell command between its arguments, so that it can be run as it stands: each line but
/// the last ends in a backslash. An option keeps its value. A command for PowerShell, which
/// writes this otherwise, is left whole.
pub(super) fn command(command: &str, width: usize) -> Vec<String> {
    if display_width(command) <= width || command.contains("$env:") {
        return vec![command.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in parts(command) {
        // Two columns are for the space and the backslash.
        if !line.is_empty() && display_width(&line) + 1 + display_width(&part) + 2 > width {
            lines.push(std::mem::take(&mut line) + " \\");
        }
        if !line.is_empty() {
            line.push(' ');
        } else if !lines.is_empty() {
            line.push_str("  ");
        }
        line += &part;
    }
    lines.push(line);
    lines
}

/// Returns a command's arguments, quotes and all, each option together with its value.
fn parts(command: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let (mut quote, mut is_escaped) = (None, false);
    for c in command.chars() {
        let is_end = c == ' ' && quote.is_none() && !is_escaped;
        if is_end {
            arguments.push(String::new());
        } else if let Some(argument) = arguments.last_mut() {
            argument.push(c);
        }
        let was_escaped = std::mem::take(&mut is_escaped);
        match (c, quote) {
            _ if was_escaped => {}
            ('\\', None | Some('"')) => is_escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    let mut parts: Vec<String> = Vec::new();
    let mut takes_value = false;
    for argument in arguments
        .into_iter()
        .filter(|argument| !argument.is_empty())
    {
        let is_option = argument.starts_with('-');
        // `-sS` and `-i` are followed by another option, or by the address in quotes.
        let is_flag = matches!(argument.as_str(), "-sS" | "-i");
        match parts.last_mut() {
            Some(part) if takes_value && !is_option => {
                part.push(' ');
                *part += &argument;
            }
            Some(_) | None => parts.push(argument),
        }
        takes_value = is_option && !is_flag;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Untrusted;
    use proptest::prelude::*;

    fn wrapped(text: &Text, width: usize) -> Vec<String> {
        let columns = Columns {
            first: 2,
            rest: 4,
            width,
        };
        lines(text, columns, str::to_owned)
    }

    #[test]
    fn a_command_stays_on_one_line_and_an_address_in_one_piece() {
        let text = Text::from("To see whether others are refused too: ")
            .command("bitrise-dx verify --all-apps")
            .own(", see https://docs.getdx.com/connectors/bitrise/.");
        assert_eq!(
            wrapped(&text, 44),
            [
                "To see whether others are refused too:",
                "bitrise-dx verify --all-apps, see",
                "https://docs.getdx.com/connectors/bitrise/.",
            ]
        );
    }

    #[test]
    fn a_foreign_word_does_not_reach_beyond_the_width() {
        let text = Text::from("App “")
            .foreign(&Untrusted::new("x".repeat(50)))
            .own("” is.");
        let lines = wrapped(&text, 24);
        assert_eq!(lines.first().unwrap(), "App");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 20),
            "{lines:?}"
        );
    }

    #[test]
    fn a_command_is_broken_between_its_arguments() {
        let whole = "curl -sS -i -H \"Authorization: $BITRISE_TOKEN\" -H 'Accept: a/b' 'https://h/it'\\''s a/p?l=1'";
        assert_eq!(
            command(whole, 50),
            [
                "curl -sS -i -H \"Authorization: $BITRISE_TOKEN\" \\",
                "  -H 'Accept: a/b' 'https://h/it'\\''s a/p?l=1'",
            ]
        );
        assert_eq!(command(whole, 200), [whole]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            own in "[a-z ]{0,60}", foreign in any::<String>(), width in 20_usize..60,
        ) {
            let text = Text::from(own).foreign(&Untrusted::new(foreign)).command("a b");
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            let lines = wrapped(&text, width);
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&text.to_string()));
        }
    }
}
