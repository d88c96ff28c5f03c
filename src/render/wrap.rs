//! Breaks sentences and commands into lines.
//!
//! Invariant: a command and an address are never broken inside of a word, so that they can be
//! copied; foreign text never reaches beyond the width, so that no terminal breaks it and begins a
//! line with it.

use crate::text::{Span, Text};
use std::mem;
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
    /// Its characters with their widths, and whether the line may be broken before each.
    chars: Vec<(char, usize, bool)>,
    /// Whether it is a line of its own, however long it is.
    is_line: bool,
}

/// Breaks a sentence into lines, without the spaces before them. `set` makes of each span's words
/// what is shown of them.
pub(super) fn lines(text: &Text, columns: Columns, set: impl Fn(&str) -> String) -> Vec<String> {
    let (mut lines, mut line, mut column) = (Vec::new(), String::new(), columns.first);
    let mut is_closed = false;
    let room = columns.width.saturating_sub(columns.rest).max(1);
    for word in words(text, room, set) {
        let width: usize = word.chars.iter().map(|(_, width, _)| width).sum();
        let spaces = if line.is_empty() { 0 } else { word.spaces };
        let is_over = column + spaces + width > columns.width;
        if !line.is_empty() && (is_over || word.is_line || is_closed) {
            lines.push(mem::take(&mut line));
            column = columns.rest;
        } else {
            line += &" ".repeat(spaces);
            column += spaces;
        }
        for (c, width, may_break) in word.chars {
            if may_break && column + width > columns.width && column > columns.rest {
                lines.push(mem::take(&mut line));
                column = columns.rest;
            }
            line.push(c);
            column += width;
        }
        is_closed = word.is_line;
    }
    lines.push(line);
    lines
}

/// Takes a sentence apart. A command that fits into `room` columns is one word.
fn words(text: &Text, room: usize, set: impl Fn(&str) -> String) -> Vec<Word> {
    let mut words = vec![Word::default()];
    for span in &text.0 {
        let is_line = matches!(span, Span::Block(_));
        let (shown, may_break) = match span {
            Span::Own(words) | Span::Command(words) => (set(words), false),
            Span::Foreign(text) => (set(&text.to_string()), true),
            Span::Block(command) => (format!("  {}", set(command)), false),
        };
        let is_whole =
            is_line || (matches!(span, Span::Command(_)) && display_width(&shown) <= room);
        if is_line {
            words.push(Word {
                is_line,
                ..Word::default()
            });
        }
        for c in shown.chars() {
            let width = display_width(c.encode_utf8(&mut [0; 4]));
            match words.last_mut() {
                Some(word) if c != ' ' || is_whole => word.chars.push((c, width, may_break)),
                Some(word) if word.chars.is_empty() => word.spaces += 1,
                _ => words.push(Word {
                    spaces: 1,
                    ..Word::default()
                }),
            }
        }
        if is_line {
            words.push(Word::default());
        }
    }
    words.retain(|word| !word.chars.is_empty());
    words
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
            .then(Text::command("bitrise-dx verify --all-apps"))
            .then(", see https://docs.getdx.com/connectors/bitrise/.");
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
    fn a_block_is_a_line_of_its_own_and_never_broken() {
        let text = Text::from("Run this: ").then(Text(vec![Span::Block(
            "curl -sS -i 'https://h/p'".to_owned(),
        )]));
        let expected = ["Run this:", "  curl -sS -i 'https://h/p'", "And send it."];
        assert_eq!(wrapped(&text.then(" And send it."), 20), expected);
    }

    #[test]
    fn a_foreign_word_does_not_reach_beyond_the_width() {
        let text = Text::from("App “")
            .then(&Untrusted::new("x".repeat(50)))
            .then("” is.");
        let lines = wrapped(&text, 24);
        assert_eq!(lines.first().unwrap(), "App");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 20),
            "{lines:?}"
        );
    }

    repeatable! {
        #[test]
        fn nothing_is_lost(
            own in "[a-z ]{0,60}", foreign in any::<String>(), width in 20_usize..60,
        ) {
            let text = Text::from(own).then(&Untrusted::new(foreign)).then(Text::command("a b"));
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            let lines = wrapped(&text, width);
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&text.to_string()));
        }
    }
}
