//! Reading of the RFC 3339 timestamps that page through `pipeline-list`.
//!
//! Invariant: reads no clock.

/// Returns the microseconds between 1970-01-01T00:00:00Z and a timestamp, or nothing if it is not RFC 3339.
///
/// Digits after the sixth decimal are dropped: Bitrise writes microseconds or whole seconds.
pub(super) fn micros(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(rest.get(..8)?, ':', [2, 2, 2])?;
    let (fraction, zone) = fraction(rest.get(8..)?)?;
    let offset = offset_minutes(zone)?;
    if !is_date(year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    Some((minutes * 60 + second) * 1_000_000 + fraction)
}

/// Splits a text into unsigned numbers of the given widths.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut values = [0; N];
    let mut parts = text.split(separator);
    for (value, width) in values.iter_mut().zip(widths) {
        let part = parts.next()?;
        // The standard parser would also take a sign, RFC 3339 doesn't.
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

/// Splits what follows the seconds into microseconds and the zone.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(tail) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (decimals, zone) = tail.split_at(digits);
    if decimals.is_empty() {
        return None;
    }
    let micros = decimals.bytes().chain(std::iter::repeat(b'0')).take(6);
    let value = micros.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((value, zone))
}

/// Returns the minutes by which a zone is ahead of UTC.
fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, clock) = match zone.strip_prefix('+') {
        Some(clock) => (1, clock),
        None => (-1, zone.strip_prefix('-')?),
    };
    let [hours, minutes] = numbers(clock, ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// Says whether the Gregorian calendar has this day.
fn is_date(year: i64, month: i64, day: i64) -> bool {
    let length = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=length).contains(&day)
}

/// Returns the days between 1970-01-01 and a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year is counted from March, so that the leap day is its last one; 153 days are five months.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn timestamps_count_from_the_epoch() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01T00:00:00+01:30", 951_863_400),
            ("1969-12-31T23:59:59Z", -1),
            ("2026-03-28T14:27:47Z", 1_774_708_067),
        ] {
            assert_eq!(micros(text), Some(seconds * 1_000_000), "{text}");
        }
        assert_eq!(micros("1970-01-01T00:00:00.25Z"), Some(250_000));
        assert_eq!(micros("1970-01-01T00:00:00.000001999Z"), Some(1));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "T",
            "2026-03-28",
            "2026-03-28T14:27:47",
            "2026-03-28T14:27:47.Z",
            "2026-03-28 14:27:47Z",
            "2026-03-28T14:27:47 00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-03-28T24:00:00Z",
            "2026-03-28T14:27:4é",
            "5a0db0c5e17a0000",
        ] {
            assert_eq!(micros(text), None, "{text:?}");
        }
    }
}
