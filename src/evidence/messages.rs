//! The messages of a thread: which line is of which, and which is newer.
//!
//! Invariant: linear in the lines.

use super::plain::Plain;
use super::words::{self, ALL, Strength, Words, floor, lower, section};

/// One message of a thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// Whether a mail program's header stands above it, and how deep it is quoted.
    place: (bool, usize),
    /// When it was written, as far as its header or a response in it tells, as minutes since some
    /// day; and whether a response told it, and not a header, in a zone that is not known.
    date: Option<(i64, bool)>,
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
        let mut header_end = 0;
        for (index, line) in plain.lines.iter().enumerate() {
            let depth = line.depth;
            if index >= header_end
                && let Some((lines, date)) = header_at(plain, index)
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
            // What stands above a ticket's first entry, and shows nothing but words, is its title.
            if own.is_some()
                && let [only] = all.as_mut_slice()
                && only.date.is_none()
                && is_title(plain, index)
            {
                only.date = Some((i64::MIN / 4, false));
            }
            if own.is_some() || open[depth].is_none() {
                open[depth] = Some(all.len());
                all.push(Message {
                    // The first header of a text is that of its only message, or its newest.
                    place: (own.is_some() && !all.is_empty(), depth),
                    date: own.and_then(|(_, date)| Some((date?, false))),
                });
            }
            of_line.push(open[depth]);
        }
        Self { all, of_line }
    }

    /// Notes when a response of a message was sent. The last one counts, unless a header told.
    pub(super) fn answered_at(&mut self, message: usize, date: &str) {
        let own = &mut self.all[message].date;
        if own.is_none_or(|(_, is_utc)| is_utc) {
            *own = (*own).max(minutes(date).map(|date| (date, true)));
        }
    }

    /// Returns the messages from the newest to the oldest.
    pub(super) fn newest_first(&self) -> Vec<usize> {
        /// Few messages are compared with each other; a text of thousands is no thread.
        const MOST: usize = 200;
        /// How far clocks of mail programs may be off UTC.
        const ZONES: i64 = 14 * 60;
        let is_newer = |one: usize, other: usize| {
            let (first, second) = (&self.all[one], &self.all[other]);
            let dates = first.date.zip(second.date).unwrap_or_default();
            let ((one_date, one_utc), (other_date, other_utc)) = dates;
            let by = one_date - other_date;
            if by.abs() > i64::from(one_utc != other_utc) * ZONES {
                by > 0
            } else if first.place != second.place {
                first.place < second.place
            } else {
                // Below one another in one mail, the older ones follow; without a header, it is a chat.
                (one < other) == first.place.0
            }
        };
        let mut order: Vec<usize> = Vec::with_capacity(self.all.len());
        for index in 0..self.all.len().min(MOST) {
            let place = order.iter().position(|other| is_newer(index, *other));
            order.insert(place.unwrap_or(order.len()), index);
        }
        order.extend(MOST.min(self.all.len())..self.all.len());
        order
    }
}

/// Tells whether the lines above an entry of a ticket, of which the first line is given, are few and
/// hold nothing of a request.
fn is_title(plain: &Plain, index: usize) -> bool {
    let above = plain.lines[..index].iter();
    let above: Vec<_> = above
        .map(|line| &plain.text[line.start..line.end])
        .collect();
    let is_empty = |line: &&&str| line.trim().is_empty();
    let entry = above.iter().rfind(|line| !is_empty(line));
    above.len() < 16
        && entry.is_some_and(|line| words::says("entry", &lower(line)))
        && !above
            .iter()
            .any(|line| line.contains(['{', '$', '<']) || line.contains("://"))
}

/// Returns how many lines a mail program's header has that begins at a line, and its date.
fn header_at(plain: &Plain, index: usize) -> Option<(usize, Option<i64>)> {
    /// The maximum number of bytes of a line, and of lines, of a header.
    const MOST: (usize, usize) = (200, 12);
    let depth = plain.lines[index].depth;
    let line = |at: usize| {
        let line = plain.lines.get(at).filter(|line| line.depth == depth)?;
        let text = &plain.text[line.start..line.end];
        (text.len() < MOST.0).then_some(text.trim())
    };
    let text = line(index)?;
    let wrote = text.trim_end_matches(['>', ' ', '*']);
    let mut rules = ["---", "___", "==="].iter();
    if rules.any(|rule| text.starts_with(rule)) && words::says("original", &lower(text)) {
        return Some((1, None));
    } else if wrote.ends_with([':', '：']) && words::says("wrote", &lower(wrote)) {
        // “On …, NAME wrote:”, perhaps over two lines.
        let date = minutes(text).or_else(|| minutes(line(index.checked_sub(1)?)?));
        let is_header = date.is_some() || text.contains(['@', ',']);
        return is_header.then_some((1, date));
    } else if words::says("entry", &lower(text)) && !text.starts_with(['#', '/', '$']) {
        // Names and a date, and no sentence.
        let words = Words::of(text);
        let first = words.kinds("entry", ALL).next().map(|(hit, _)| hit);
        let is_sentence = |first: words::Hit| {
            let digit = text.rfind(|c: char| c.is_ascii_digit()).unwrap_or_default();
            let rest = text[digit.max(first.end)..].split_whitespace();
            let rest = rest.filter(|word| word.starts_with(char::is_alphabetic));
            rest.count() > 4 || words.strength(&(0..text.len())) != Strength::Client
        };
        if text.ends_with('.') || first.is_some_and(is_sentence) {
            return None;
        }
        return minutes(text).map(|date| (1, Some(date)));
    }
    // “From: … / Sent: … / To: … / Subject: …”, in any language: what a line says, and which it is of
    // those that tell a header.
    let field = |at: usize| {
        let (name, value) = line(at)?.split_once([':', '：'])?;
        let name = name.trim_matches([' ', '*', '-']);
        let which = words::which("mail", &lower(name)).unwrap_or_default();
        (name.len() < 40).then_some((which, value))
    };
    field(index).filter(|(which, _)| !which.is_empty())?;
    let fields: Vec<_> = (index..).take(MOST.1).map_while(field).collect();
    let last = |kind: &str| fields.iter().rfind(|(which, _)| *which == kind);
    let sent = last("sent");
    // Two of the three: a “From:” alone is no mail.
    let seen = [last("from"), sent, last("subject")];
    (seen.iter().flatten().count() > 1)
        .then(|| (fields.len(), sent.and_then(|(_, value)| minutes(value))))
}

/// Reads a date with a clock time, in whichever order and language, as minutes.
fn minutes(text: &str) -> Option<i64> {
    let clock = pattern!(r"(?:^|[^\d:])(\d\d?)[:h](\d\d)(?:[:.]\d\d)?(?:\s?([ap])\.?m)?");
    let date = pattern!(r"(\d{1,4})\s?[-/年.]\s?(\d\d?)\s?[-/月.]\s?(\d{1,4})");
    let text = lower(&text[..floor(text, 200)]);
    // As in “26/Nov/26”.
    let text = pattern!(r"\b(\d\d?[/-][^\W\d_]{3,9}[/-])(\d\d)\b").replace(&text, "${1}20$2");
    let text = &*text;
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    let (year, month, day) = if let Some(found) = date.captures(text) {
        match found.extract().1.map(number) {
            [year @ (1000..), month, day] => (year, month, day),
            // Americans write the month first: only one of both can be told, if it is above twelve.
            [month, day, year] if day > 12 || text.contains('/') && month <= 12 => {
                (year, month, day)
            }
            [day, month, year] => (year, month, day),
        }
    } else {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != ':');
        let words: Vec<&str> = words.collect();
        let year = words
            .iter()
            .position(|word| (2000..2100).contains(&number(word)))?;
        // The name of a day may begin like that of a month, as in “mardi 17 novembre 2026”.
        let mut near = words[..year].iter().rev().chain(&words[year..]);
        let month = near.find_map(|word| {
            let is_it = |names: &&str| names.split(' ').any(|name| word.starts_with(name));
            let found = section("month").iter().position(is_it);
            found.filter(|_| word.chars().count() > 2)
        });
        let mut days = words
            .iter()
            .map(|word| number(word.trim_end_matches(char::is_alphabetic)));
        let day = days.find(|day| (1..=31).contains(day))?;
        (number(words[year]), i64::try_from(month? + 1).ok()?, day)
    };
    let minute = clock.captures(text).map_or(0, |found| {
        let hour = match found.get(3).map(|half| half.as_str()) {
            None => number(&found[1]),
            half => number(&found[1]) % 12 + if half == Some("p") { 12 } else { 0 },
        };
        hour * 60 + number(&found[2])
    });
    let is_date = year > 999 && (1..=12).contains(&month) && (1..=31).contains(&day);
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
            ("Ann 26/Oct/26 2:02 PM", "Ann 5/Nov/26 2:02 PM"),
            ("3.11.2026 10:00", "2026年11月3日 10:01"),
        ] {
            assert!(minutes(older).is_some(), "{older}");
            assert!(minutes(older) < minutes(newer), "{older}, {newer}");
        }
    }
}
