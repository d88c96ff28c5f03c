//! Whether and when to try again: decisions as values, nothing waits here.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

/// The longest `Retry-After` that is believed; longer ones are cut to this.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How often and at what distance attempts are repeated.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How many attempts may follow the first.
    pub retries: u32,
    /// The pause before the first repetition, doubled for each further one.
    pub base: Duration,
    /// The longest pause of our own choice; the server's `Retry-After` may be longer.
    pub cap: Duration,
}

impl RetryPolicy {
    /// Returns the policy for a number of repetitions: half a second first, eight at most.
    pub const fn new(retries: u32) -> Self {
        Self {
            retries,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
        }
    }

    /// Returns how long to wait before the next attempt after a transient failure, or `None`
    /// where there is to be none.
    ///
    /// `made` is the number of attempts so far, `asked` the server's `Retry-After`, `left` what
    /// remains of `--max-time`. `jitter`, from 0 to 1, spreads our own pauses over their upper
    /// half, so that many clients don't come back at once. The longer of both pauses counts: a
    /// server that asks for none is not to be asked again and again without one. A pause that
    /// doesn't fit into the remaining time is not started: the outcome is known now.
    pub fn pause(
        &self,
        made: u32,
        asked: Option<Duration>,
        left: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        if made > self.retries {
            return None;
        }
        let doubled = 2_u32.saturating_pow(made.saturating_sub(1));
        let own = self
            .base
            .saturating_mul(doubled)
            .min(self.cap)
            .mul_f64(0.5 + jitter / 2.0);
        let pause = asked.unwrap_or_default().max(own);
        (pause < left).then_some(pause)
    }
}

/// Returns a number from 0 to 1 that is another one each time.
pub(super) fn jitter() -> f64 {
    // The standard library seeds each of these at random.
    let random = RandomState::new().hash_one(0_u8);
    let [upper, ..] = random.to_be_bytes().map(f64::from);
    upper / f64::from(u8::MAX)
}

/// Reads the longest wait that the headers of a response ask for: a number of seconds, or an HTTP date
/// (RFC 9110, section 10.2.3). A date in the past asks for no wait.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let waits = headers
        .get_all(RETRY_AFTER)
        .into_iter()
        .filter_map(|value| {
            let value = value.to_str().ok()?.trim();
            let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
                value.parse().map_or(LONGEST_WAIT, Duration::from_secs)
            } else {
                let date = httpdate::parse_http_date(value).ok()?;
                date.duration_since(now).unwrap_or_default()
            };
            Some(wait.min(LONGEST_WAIT))
        });
    waits.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    const AMPLE: Duration = Duration::from_secs(300);

    /// Returns what one header asks for; nothing if it can't be one.
    fn one(value: &str, now: SystemTime) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).ok()?)]);
        retry_after(&headers, now)
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_then_end() {
        let policy = RetryPolicy::new(7);
        let pauses: Vec<_> = (1..=8)
            .map(|made| {
                policy
                    .pause(made, None, AMPLE, 1.0)
                    .map(|pause| pause.as_millis())
            })
            .collect();
        let expected = [500, 1000, 2000, 4000, 8000, 8000, 8000].map(Some);
        assert_eq!(pauses[..7], expected);
        assert_eq!(pauses[7], None);
        assert_eq!(
            policy.pause(1, None, AMPLE, 0.0),
            Some(Duration::from_millis(250))
        );
        assert_eq!(RetryPolicy::new(0).pause(1, None, AMPLE, 0.0), None);
        let many = RetryPolicy::new(u32::MAX).pause(u32::MAX, None, AMPLE, 1.0);
        assert_eq!(many, Some(Duration::from_secs(8)));
    }

    #[test]
    fn the_server_is_obeyed_where_the_time_allows_it() {
        let pause = |asked, left| {
            RetryPolicy::new(1).pause(
                1,
                Some(Duration::from_secs(asked)),
                Duration::from_secs(left),
                0.5,
            )
        };
        assert_eq!(pause(0, 1), Some(Duration::from_millis(375)));
        assert_eq!(pause(20, 21), Some(Duration::from_secs(20)));
        assert_eq!(pause(20, 20), None);
        assert_eq!(pause(86_400, 300), None);
        let instant = RetryPolicy {
            base: Duration::ZERO,
            ..RetryPolicy::new(1)
        };
        let none = instant.pause(1, Some(Duration::ZERO), Duration::from_secs(1), 1.0);
        assert_eq!(none, Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let wait = |value| one(value, now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(wait("Sunday, 06-Nov-94 08:50:07 GMT"), Some(30));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(
            wait("99999999999999999999999999"),
            Some(LONGEST_WAIT.as_secs())
        );
        for odd in ["", "-5", "1.5", "soon", "٣"] {
            assert_eq!(wait(odd), None, "{odd}");
        }
    }

    #[test]
    fn of_several_waits_the_longest_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), None);
        for value in ["7", "nonsense", "30", "1"] {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        assert_eq!(
            retry_after(&headers, SystemTime::UNIX_EPOCH),
            Some(Duration::from_secs(30))
        );
    }

    repeatable! {
        #[test]
        fn any_header_asks_for_a_bounded_wait_or_for_none(value in ".*", at in 0_u64..1 << 39) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            if let Some(wait) = one(&value, now) {
                prop_assert!(wait <= LONGEST_WAIT);
            }
        }

        #[test]
        fn seconds_and_dates_mean_the_same(wait in 0_u64..1 << 20, at in 0_u64..1 << 35) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            let wait = Duration::from_secs(wait);
            let date = httpdate::fmt_http_date(now + wait);
            prop_assert_eq!(one(&date, now), Some(wait));
            let seconds = wait.as_secs().to_string();
            prop_assert_eq!(one(&seconds, now), Some(wait));
        }

        #[test]
        fn no_pause_is_longer_than_what_is_left(
            (made, retries) in (1_u32.., 0_u32..),
            asked in proptest::option::of(any::<Duration>()),
            left in any::<Duration>(),
            jitter in 0.0..=1.0,
        ) {
            if let Some(pause) = RetryPolicy::new(retries).pause(made, asked, left, jitter) {
                prop_assert!(pause < left && pause >= asked.unwrap_or_default());
                prop_assert!(made <= retries);
            }
        }
    }
}
