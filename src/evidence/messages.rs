//! The messages of a thread: which line is of which, and which is newer.
//!
//! Invariant: linear in the lines.

use super::plain::Plain;
use super::words::{self, lower, section};
use regex_lite::Regex;
use std::sync::LazyLock;

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
        let mut messages = Self::default();
        // For each depth the message that its lines are of.
        let mut open: Vec<Option<usize>> = Vec::new();
        let mut skip_until = 0;
        for (index, line) in plain.lines.iter().enumerate() {
            if index < skip_until {
                messages.of_line.push(None);
                continue;
            }
            let header = header_at(plain, index);
            if open.len() <= line.depth {
                open.resize(line.depth + 1, None);
            }
            if let Some((lines, date)) = header {
                skip_until = index + lines;
                let behind = plain.lines[skip_until.min(plain.lines.len())..].iter();
                let next = behind.take(4).find(|line| line.start < line.end);
                let depth = next.map_or(line.depth, |next| next.depth.max(line.depth));
                open.truncate(line.depth + usize::from(depth > line.depth));
                open.resize(depth + 1, None);
                // The first header of a text is that of its only message, or its newest.
                let has_header = !messages.all.is_empty();
                open[depth] = Some(messages.add(Message {
                    depth,
                    has_header,
                    date,
                }));
                messages.of_line.push(None);
                continue;
            }
            open.truncate(line.depth + 1);
            let is_blank = line.start == line.end;
            if open[line.depth].is_none() && is_blank {
                messages.of_line.push(None);
                continue;
            }
            let message = open[line.depth].unwrap_or_else(|| {
                messages.add(Message {
                    depth: line.depth,
                    ..Message::default()
                })
            });
            open[line.depth] = Some(message);
            messages.of_line.push(Some(message));
        }
        messages
    }

    fn add(&mut self, message: Message) -> usize {
        self.all.push(message);
        self.all.len() - 1
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
fn header_at(plain: &Plain, index: usize) -> Option<(usize, Option<Date>)> {
    /// The maximum number of lines of a header.
    const MOST: usize = 12;
    let line = |at: usize| {
        let line = plain.lines.get(at)?;
        let text = &plain.text[line.start..line.end];
        (text.len() < 400).then_some((text.trim(), line.depth))
    };
    let (text, depth) = line(index)?;
    if text.is_empty() || text.starts_with(['{', '"', '$', '<']) && !text.starts_with('<') {
        return None;
    }
    let lowered = lower(text);
    // “On …, NAME wrote:”, perhaps over two lines.
    let has_date = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let is_wrote = |text: &str| {
        let text = text.trim_end_matches(['>', ' ', '*']);
        section("wrote").iter().any(|wording| {
            text.ends_with(wording)
                || text.ends_with(':') && text.contains(wording.trim_end_matches([':', ' ']))
        })
    };
    if text.len() < 300
        && is_wrote(&lowered)
        && (has_date(text) || text.contains('@') || text.contains(','))
    {
        return Some((1, minutes(text).map(mailed)));
    }
    if text.len() < 200
        && has_date(text)
        && let Some((next, next_depth)) = line(index + 1)
        && next_depth == depth
        && is_wrote(&lower(next))
        && next.len() < 160
        && (lowered.starts_with("on ")
            || lowered.starts_with("le ")
            || lowered.starts_with("am ")
            || lowered.starts_with("el ")
            || lowered.starts_with("il ")
            || lowered.starts_with("op ")
            || lowered.starts_with("em "))
    {
        return Some((2, minutes(text).map(mailed)));
    }
    let is_rule =
        |text: &str| text.starts_with("---") || text.starts_with("___") || text.starts_with("===");
    if is_rule(text) && text.len() < 120 && words::says("original", &lowered) {
        let below = header_block(&line, index + 1, depth, MOST);
        return Some(below.map_or((1, None), |(lines, date)| (lines + 1, date)));
    }
    header_block(&line, index, depth, MOST)
}

/// Reads a block such as “From: … / Sent: … / To: … / Subject: …”, in any language.
fn header_block<'a>(
    line: &impl Fn(usize) -> Option<(&'a str, usize)>,
    from: usize,
    depth: usize,
    most: usize,
) -> Option<(usize, Option<Date>)> {
    let name = |text: &str| {
        let text = text.trim_start_matches(['*', '-', ' ']);
        let end = text
            .char_indices()
            .take(40)
            .find(|(_, c)| matches!(c, ':' | '：'))?
            .0;
        Some(lower(text[..end].trim_matches([' ', '*'])).into_owned())
    };
    let is_of = |section_name: &str, text: &str| {
        name(text).is_some_and(|name| section(section_name).contains(&name.as_str()))
    };
    let (first, _) = line(from)?;
    let is_first = is_of("from", first)
        || is_of("sent", first)
        || is_of("subject", first)
        || ["received", "return-path", "delivered-to", "message-id"]
            .contains(&name(first)?.as_str());
    if !is_first {
        return None;
    }
    let (mut lines, mut date, mut kinds) = (0, None, 0_u8);
    while lines < most
        && let Some((text, its_depth)) = line(from + lines)
        && its_depth == depth
        && !text.is_empty()
        && name(text).is_some()
    {
        for (bit, section_name) in ["from", "sent", "subject"].iter().enumerate() {
            if is_of(section_name, text) {
                kinds |= 1 << bit;
            }
        }
        if is_of("sent", text) {
            date = text
                .split_once([':', '：'])
                .and_then(|(_, date)| minutes(date))
                .map(mailed);
        }
        lines += 1;
    }
    // Two of the three: a “From:” alone is no mail.
    (kinds.count_ones() > 1).then_some((lines, date))
}

const fn mailed(minutes: i64) -> Date {
    Date {
        minutes,
        is_utc: false,
    }
}

/// Reads a date with a clock time, in whichever order and language, as minutes.
fn minutes(text: &str) -> Option<i64> {
    static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
        super::regex(r"(?:^|[^\d:])(\d{1,2})[:h.](\d\d)(?:[:.]\d\d)?(?:\s?([AaPp])\.?[Mm])?")
    });
    static ISO: LazyLock<Regex> =
        LazyLock::new(|| super::regex(r"(\d{4})\s?[-/年.]\s?(\d{1,2})\s?[-/月.]\s?(\d{1,2})"));
    static DAY_FIRST: LazyLock<Regex> =
        LazyLock::new(|| super::regex(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})"));
    static YEAR: LazyLock<Regex> = LazyLock::new(|| super::regex(r"(?:^|\D)(20\d\d)(?:\D|$)"));
    static DAY: LazyLock<Regex> =
        LazyLock::new(|| super::regex(r"(?:^|[^\d:])(\d{1,2})(?:[^\d:]|$)"));
    let text: String = text.chars().take(200).collect();
    let number = |text: &str| text.parse::<i64>().ok();
    let (year, month, day) = if let Some(found) = ISO.captures(&text) {
        (number(&found[1])?, number(&found[2])?, number(&found[3])?)
    } else if let Some(found) = DAY_FIRST.captures(&text) {
        let (first, second) = (number(&found[1])?, number(&found[2])?);
        // Americans write the month first: only one of both can be told, if it is above twelve.
        let is_month_first = second > 12 || text.contains('/') && first <= 12;
        let (month, day) = if is_month_first {
            (first, second)
        } else {
            (second, first)
        };
        (number(&found[3])?, month, day)
    } else {
        let lowered = lower(&text);
        let year = number(&YEAR.captures(&text)?[1])?;
        let starts = |word: &str, name: &str| word.starts_with(name);
        let of_word = |word: &str| {
            let months = section("month")
                .iter()
                .position(|names| names.split(' ').any(|name| starts(word, name)));
            months.and_then(|month| i64::try_from(month + 1).ok())
        };
        let is_letter = |c: char| c.is_alphabetic();
        let mut words = lowered
            .split(|c| !is_letter(c))
            .filter(|word| word.chars().count() > 2);
        let month = words.find_map(of_word)?;
        let day = DAY
            .captures_iter(&text)
            .filter_map(|found| number(&found[1]))
            .find(|day| (1..=31).contains(day))?;
        (year, month, day)
    };
    let clock = CLOCK.captures(&text);
    let minute = clock.and_then(|found| {
        let (hour, minute) = (number(&found[1])?, number(&found[2])?);
        let is_afternoon = found
            .get(3)
            .map(|half| half.as_str().eq_ignore_ascii_case("p"));
        let hour = match is_afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    });
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    // Months of 31 days keep the order, and nothing else is asked.
    is_date.then(|| ((year * 12 + month) * 31 + day) * 24 * 60 + minute.unwrap_or(0))
}
