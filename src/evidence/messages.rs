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
    /// When it was written, as far as its header or a response in it tells, as minutes since some
    /// day.
    date: Option<i64>,
    /// Whether a response told it, and not a header, in a zone that is not known.
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
        // The depth of a header, and its date, until a line stands behind it.
        let mut header = None;
        let (mut header_end, mut no_block_before) = (0, 0);
        for (index, line) in plain.lines.iter().enumerate() {
            let depth = line.depth;
            if index >= header_end
                && let Some((lines, date)) = header_at(plain, index, &mut no_block_before)
            {
                header_end = index + lines;
                header = Some((depth, date));
            }
            let is_known = header.is_none() && open.get(depth).is_some_and(Option::is_some);
            if index < header_end || line.start == line.end && !is_known {
                of_line.push(None);
                continue;
            }
            open.resize(depth + 1, None);
            let own = header.take().filter(|(above, _)| depth >= *above);
            if own.is_some() || open[depth].is_none() {
                open[depth] = Some(all.len());
                all.push(Message {
                    depth,
                    // The first header of a text is that of its only message, or its newest.
                    has_header: own.is_some() && !all.is_empty(),
                    date: own.and_then(|(_, date)| date),
                    is_utc: false,
                });
            }
            of_line.push(open[depth]);
        }
        Self { all, of_line }
    }

    /// Notes when a response of a message was sent. The last one counts, unless a header told.
    pub(super) fn answered_at(&mut self, message: usize, date: &str) {
        let message = &mut self.all[message];
        if message.date.is_none() || message.is_utc {
            message.is_utc = true;
            message.date = message.date.max(minutes(date));
        }
    }

    /// Tells whether one message is newer than another.
    fn is_newer(&self, one: usize, other: usize) -> bool {
        /// How far clocks of mail programs may be off UTC.
        const ZONES: i64 = 14 * 60;
        let (first, second) = (&self.all[one], &self.all[other]);
        if let (Some(a), Some(b)) = (first.date, second.date) {
            let room = i64::from(first.is_utc != second.is_utc) * ZONES;
            if (a - b).abs() > room {
                return a > b;
            }
        }
        if first.has_header != second.has_header || first.depth != second.depth {
            return (first.has_header, first.depth) < (second.has_header, second.depth);
        }
        // Below one another in one mail, the older ones follow; without a header, it is a chat.
        (one < other) == first.has_header
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
    let above = line(index.saturating_sub(1)).filter(|(_, its)| *its == depth);
    let mut rules = ["---", "___", "==="].iter();
    let is_rule = rules.any(|rule| text.starts_with(rule));
    let wrote = text.trim_end_matches(['>', ' ', '*']);
    if is_rule && words::says("original", &lower(text)) {
        return Some((1, None));
    } else if wrote.ends_with([':', '：']) && words::says("wrote", &lower(wrote)) {
        // “On …, NAME wrote:”, perhaps over two lines.
        let date = minutes(text).or_else(|| minutes(above?.0));
        let is_header = date.is_some() || text.contains(['@', ',']);
        return is_header.then_some((1, date));
    }
    header_block(line, index, no_block_before)
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
    let date = pattern!(r"(\d{1,4})\s?[-/年.]\s?(\d\d?)\s?[-/月.]\s?(\d{1,4})");
    let year = pattern!(r"(?:^|\D)(20\d\d)(?:\D|$)");
    let day = pattern!(r"(?:^|[^\d:])([12]\d|3[01]|0?[1-9])(?:[^\d:]|$)");
    let text = &*lower(&text[..floor(text, 200)]);
    let numbers = |pattern: &Regex| {
        let found = pattern.captures(text)?;
        let groups = found.iter().skip(1).flatten();
        let numbers = groups.filter_map(|group| group.as_str().parse().ok());
        Some(numbers.collect::<Vec<i64>>())
    };
    let (year, month, day) = match numbers(date).as_deref() {
        Some([year @ (1000..), month, day]) => (*year, *month, *day),
        // Americans write the month first: only one of both can be told, if it is above twelve.
        Some([month, day, year @ (1000..)]) if *day > 12 || text.contains('/') && *month <= 12 => {
            (*year, *month, *day)
        }
        Some([day, month, year @ (1000..)]) => (*year, *month, *day),
        _ => {
            let of_year = year.captures(text)?.get(1)?;
            let month = |word: &str| {
                let is_it = |names: &&str| names.split(' ').any(|name| word.starts_with(name));
                let found = section("month").iter().position(is_it);
                let found = found.filter(|_| word.chars().count() > 2);
                found.and_then(|month| i64::try_from(month + 1).ok())
            };
            // The name of a day may begin like that of a month, as in “mardi 17 novembre 2026”.
            let is_border = |c: char| !c.is_alphabetic();
            let mut before = text[..of_year.start()].rsplit(is_border);
            let mut behind = text[of_year.end()..].split(is_border);
            let month = before.find_map(month).or_else(|| behind.find_map(month))?;
            (numbers(year)?[0], month, numbers(day)?[0])
        }
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

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn dates_are_ordered_in_any_language() {
        for (older, newer) in [
            (
                "lundi 16 novembre 2026 17:48",
                "mardi 17 novembre 2026 16:05",
            ),
            ("martes, 3 de marzo de 2026 9:01", "3 Apr 2026 at 8:00 AM"),
            ("Nov 3, 2026, 11:59 AM, Mario wrote", "11/3/2026 12:01 PM"),
            ("3.11.2026 10:00", "2026年11月3日 10:01"),
        ] {
            assert!(minutes(older).is_some(), "{older}");
            assert!(minutes(older) < minutes(newer), "{older}, {newer}");
        }
    }
}
