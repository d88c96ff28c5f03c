//! The messages of a thread: which line is of which, and which is newer.
//!
//! Invariant: linear in the lines.

use super::plain::Plain;
use super::words::{self, floor, lower, section};
use regex_lite::Regex;

/// One message of a thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    depth: usize,
    /// Whether a mail program's header stands above it.
    has_header: bool,
    /// When it was written, as far as its header or a response in it tells.
    date: Option<Date>,
}

/// A moment, as minutes since some day; of a mail's header, in a zone that is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Date {
    minutes: i64,
    is_utc: bool,
}

/// The messages of a text.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// All messages, in the order of the text.
    pub(super) all: Vec<Message>,
    /// For each line the index of its message; nothing for a line of a header.
    pub(super) of_line: Vec<Option<usize>>,
}

impl Messages {
    /// Finds the messages of a text.
    pub(super) fn of(plain: &Plain) -> Self {
        let mut all: Vec<Message> = Vec::new();
        let mut of_line = Vec::with_capacity(plain.lines.len());
        // For each depth the message that its lines are of.
        let mut open: Vec<Option<usize>> = Vec::new();
        let (mut header_end, mut no_block_before) = (0, 0);
        for (index, line) in plain.lines.iter().enumerate() {
            let depth = line.depth;
            open.resize(open.len().max(depth + 1), None);
            let header = (index >= header_end)
                .then(|| header_at(plain, index, &mut no_block_before))
                .flatten();
            if let Some((lines, date)) = header {
                header_end = index + lines;
                let mut behind = plain.lines[header_end..].iter().take(4);
                let behind = behind.find(|line| line.start < line.end);
                let inner = behind.map_or(depth, |line| line.depth.max(depth));
                open.truncate(depth + usize::from(inner > depth));
                open.resize(inner, None);
                open.push(Some(all.len()));
                // The first header of a text is that of its only message, or its newest.
                all.push(Message {
                    depth: inner,
                    has_header: !all.is_empty(),
                    date: date.map(|minutes| Date {
                        minutes,
                        is_utc: false,
                    }),
                });
            } else if index >= header_end {
                open.truncate(depth + 1);
            }
            let is_of_one = open.get(depth).is_some_and(Option::is_some);
            if index < header_end || line.start == line.end && !is_of_one {
                of_line.push(None);
                continue;
            }
            of_line.push(Some(*open[depth].get_or_insert_with(|| {
                all.push(Message {
                    depth,
                    ..Message::default()
                });
                all.len() - 1
            })));
        }
        Self { all, of_line }
    }

    /// Notes when a response of a message was sent. The last one counts, unless a header told.
    pub(super) fn answered_at(&mut self, message: usize, date: &str) {
        let known = self.all[message].date;
        if known.is_none_or(|known| known.is_utc)
            && let Some(minutes) = minutes(date)
        {
            let later = known.map_or(minutes, |known| known.minutes.max(minutes));
            self.all[message].date = Some(Date {
                minutes: later,
                is_utc: true,
            });
        }
    }

    /// Tells whether one message is newer than another.
    fn is_newer(&self, one: usize, other: usize) -> bool {
        /// How far clocks of mail programs may be off UTC.
        const ZONES: i64 = 14 * 60;
        let (first, second) = (&self.all[one], &self.all[other]);
        if let (Some(a), Some(b)) = (first.date, second.date) {
            let room = if a.is_utc == b.is_utc { 0 } else { ZONES };
            if (a.minutes - b.minutes).abs() > room {
                return a.minutes > b.minutes;
            }
        }
        if first.has_header != second.has_header {
            return second.has_header;
        }
        if first.depth != second.depth {
            return first.depth < second.depth;
        }
        // Below one another in one mail, the older ones follow; without a header, it is a chat.
        if first.has_header {
            one < other
        } else {
            one > other
        }
    }

    /// Returns the messages from the newest to the oldest.
    pub(super) fn newest_first(&self) -> Vec<usize> {
        /// Few messages are compared with each other; a text of thousands is no thread.
        const MOST: usize = 200;
        let mut order: Vec<usize> = Vec::with_capacity(self.all.len());
        for index in 0..self.all.len().min(MOST) {
            let place = order.iter().position(|other| self.is_newer(index, *other));
            order.insert(place.unwrap_or(order.len()), index);
        }
        order.extend(MOST.min(self.all.len())..self.all.len());
        order
    }
}

/// Returns how many lines a mail program's header has that begins at a line, and its date.
fn header_at(
    plain: &Plain,
    index: usize,
    no_block_before: &mut usize,
) -> Option<(usize, Option<i64>)> {
    const LONGEST: usize = 200;
    let line = |at: usize| {
        let line = plain.lines.get(at)?;
        let text = &plain.text[line.start..line.end];
        (text.len() < LONGEST).then_some((text.trim(), line.depth))
    };
    let (text, depth) = line(index)?;
    let is_wrote = |text: &str| {
        let text = text.trim_end_matches(['>', ' ', '*']);
        text.ends_with([':', '：']) && words::says("wrote", &lower(text))
    };
    // “On …, NAME wrote:”, perhaps over two lines.
    if is_wrote(text) && text.contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | ',')) {
        return Some((1, minutes(text)));
    }
    let first = text.split(' ').next().unwrap_or_default();
    if words::is("wrote on", first)
        && text.contains(|c: char| c.is_ascii_digit())
        && line(index + 1).is_some_and(|(text, next)| next == depth && is_wrote(text))
    {
        return Some((2, minutes(text)));
    }
    let is_rule = ["---", "___", "==="]
        .iter()
        .any(|sign| text.starts_with(sign));
    let is_original = is_rule && words::says("original", &lower(text));
    let above = usize::from(is_original);
    let block = header_block(line, index + above, no_block_before);
    let block = block.map(|(lines, date)| (lines + above, date));
    block.or(is_original.then_some((1, None)))
}

/// Reads a block such as “From: … / Sent: … / To: … / Subject: …”, in any language.
fn header_block<'a>(
    line: impl Fn(usize) -> Option<(&'a str, usize)>,
    from: usize,
    no_block_before: &mut usize,
) -> Option<(usize, Option<i64>)> {
    /// The maximum number of lines of a header.
    const MOST: usize = 12;
    if from < *no_block_before {
        return None;
    }
    // What a line says, and which it is of those that tell a header.
    let field = |at: usize| {
        let (text, depth) = line(at)?;
        let (name, value) = text.split_once([':', '：'])?;
        let name = name.trim_matches([' ', '*', '-']);
        let which = (name.len() < 40).then(|| words::which("mail", &lower(name)));
        Some((which?, value, depth))
    };
    let (Some(_), _, depth) = field(from)? else {
        return None;
    };
    let (mut lines, mut date, mut seen) = (0, None, [false; 3]);
    while lines < MOST
        && let Some((which, value, _)) = field(from + lines).filter(|field| field.2 == depth)
    {
        for (seen, name) in seen.iter_mut().zip(["from", "sent", "subject"]) {
            *seen |= which == Some(name);
        }
        if which == Some("sent") {
            date = minutes(value);
        }
        lines += 1;
    }
    *no_block_before = from + lines;
    // Two of the three: a “From:” alone is no mail.
    let is_one = seen.iter().filter(|seen| **seen).count() > 1;
    is_one.then_some((lines, date))
}

/// Reads a date with a clock time, in whichever order and language, as minutes.
fn minutes(text: &str) -> Option<i64> {
    let clock = pattern!(r"(?:^|[^\d:])(\d\d?)[:h](\d\d)(?:[:.]\d\d)?(?:\s?([ap])\.?m)?");
    let year_first = pattern!(r"(\d{4})\s?[-/年.]\s?(\d\d?)\s?[-/月.]\s?(\d\d?)");
    let year_last = pattern!(r"(\d\d?)[./-](\d\d?)[./-](\d{4})");
    let year = pattern!(r"(?:^|\D)(20\d\d)(?:\D|$)");
    let day = pattern!(r"(?:^|[^\d:])([12]\d|3[01]|0?[1-9])(?:[^\d:]|$)");
    let text = &*lower(&text[..floor(text, 200)]);
    let numbers = |pattern: &Regex| {
        let found = pattern.captures(text)?;
        let groups = found.iter().skip(1).flatten();
        Some(
            groups
                .filter_map(|group| group.as_str().parse().ok())
                .collect::<Vec<i64>>(),
        )
    };
    let (year, month, day) = if let Some([year, month, day]) = numbers(year_first).as_deref() {
        (*year, *month, *day)
    } else if let Some([first, second, year]) = numbers(year_last).as_deref() {
        // Americans write the month first: only one of both can be told, if it is above twelve.
        let is_month_first = *second > 12 || text.contains('/') && *first <= 12;
        let (month, day) = if is_month_first {
            (first, second)
        } else {
            (second, first)
        };
        (*year, *month, *day)
    } else {
        let is_of = |word: &str, names: &str| names.split(' ').any(|name| word.starts_with(name));
        let mut words = text.split(|c: char| !c.is_alphabetic());
        let month = words.find_map(|word| {
            let mut months = (1..).zip(section("month"));
            let found = months.find(|(_, names)| word.chars().count() > 2 && is_of(word, names));
            found.map(|(month, _)| month)
        })?;
        (numbers(year)?[0], month, numbers(day)?[0])
    };
    let minute = clock.captures(text).map_or(0, |found| {
        let number = |group: usize| found[group].parse().unwrap_or(0);
        let half = match found.get(3).map(|half| half.as_str()) {
            Some("p") => 12,
            Some(_) => 0,
            None => number(1) / 12 * 12,
        };
        (number(1) % 12 + half) * 60 + number(2)
    });
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    // Months of 31 days keep the order, and nothing else is asked.
    is_date.then_some(((year * 12 + month) * 31 + day) * 24 * 60 + minute)
}
