//! One gate for all requests of a client: after a 429 all of them wait, and fewer go at once.
//! Decisions as values, nothing waits here.

use std::time::Duration;
use tokio::time::Instant;

/// How many responses, as multiples of the limit, must come before one more request may go at once.
const PATIENCE: usize = 4;

/// The gate for all requests: who may send now.
///
/// A server that limits the rate does so for the token or the address, not for one request. So
/// each 429 closes the gate for all, and as long as responses come between two closings, nobody's
/// own number of retries is used up.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// How many requests are in flight: those that were let go and have not ended.
    pub(super) in_flight: usize,
    /// The most that were in flight at once.
    busiest: usize,
    /// How many may be in flight at once; `None` for as many as are asked for.
    limit: Option<usize>,
    /// How many responses came since the limit last changed.
    responses: usize,
    /// How often the gate was closed.
    closings: u32,
    /// How often it was closed since the last response.
    pub(super) fruitless: u32,
    /// When it opens again, where it was closed.
    opens: Option<Instant>,
    /// Whether there is no use in waiting any longer.
    pub(super) has_given_up: bool,
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    /// It may, and is in flight from now on; with the number of closings so far.
    Go(u32),
    /// Not before this time.
    At(Instant),
    /// Not before another one has ended.
    Full,
}

/// What follows from a 429.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Closing {
    /// The gate is closed for so long, and it was this 429 that closed it.
    Closed(Duration),
    /// The request was sent before the gate was closed by another one's 429.
    Known,
    /// There is no use in waiting, for any request.
    GiveUp,
}

impl Throttle {
    /// Lets a request go, or says what it has to wait for.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        if let Some(opens) = self.opens.filter(|opens| now < *opens) {
            return Admission::At(opens);
        }
        if self.limit.is_some_and(|limit| self.in_flight >= limit) {
            return Admission::Full;
        }
        self.in_flight += 1;
        self.busiest = self.busiest.max(self.in_flight);
        Admission::Go(self.closings)
    }

    /// Notes a response that is no request to come back later.
    pub(super) fn answered(&mut self) {
        self.fruitless = 0;
        let Some(limit) = self.limit else { return };
        self.responses += 1;
        if self.responses >= limit * PATIENCE {
            self.responses = 0;
            self.limit = Some(limit + 1).filter(|limit| *limit < self.busiest);
        }
    }

    /// Notes a 429. `sent_after` is the number of closings when the request was let go, `asked`
    /// the server's wish, and `pause` decides on the pause after so many closings without an
    /// response between them.
    pub(super) fn limited(
        &mut self,
        sent_after: u32,
        asked: Option<Duration>,
        now: Instant,
        pause: impl FnOnce(u32) -> Option<Duration>,
    ) -> Closing {
        if self.has_given_up {
            return Closing::GiveUp;
        }
        if sent_after != self.closings {
            let wish = asked.and_then(|asked| now.checked_add(asked));
            // A wait that would not fit is not started; the next 429 of its own tells.
            let fits = |wish: &Instant| pause(self.fruitless).is_some_and(|p| *wish <= now + p);
            self.opens = self.opens.max(wish.filter(fits));
            return Closing::Known;
        }
        self.fruitless += 1;
        let Some(pause) = pause(self.fruitless) else {
            self.has_given_up = true;
            return Closing::GiveUp;
        };
        self.closings += 1;
        self.responses = 0;
        self.limit = Some((self.in_flight / 2).max(1));
        self.opens = Some(now + pause);
        Closing::Closed(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Lets as many requests go as the gate allows, and returns the closings that each has seen.
    fn fill(throttle: &mut Throttle, wanted: usize, now: Instant) -> Vec<u32> {
        let mut gone = Vec::new();
        while gone.len() < wanted {
            let Admission::Go(closings) = throttle.admit(now) else {
                break;
            };
            gone.push(closings);
        }
        gone
    }

    fn closed(throttle: &mut Throttle, sent_after: u32, now: Instant) -> Closing {
        throttle.limited(sent_after, None, now, |_| Some(SECOND))
    }

    #[test]
    fn a_burst_of_429_closes_the_gate_once_and_for_all() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let sent = fill(&mut throttle, 8, now);
        assert_eq!(sent.len(), 8);
        assert_eq!(closed(&mut throttle, 0, now), Closing::Closed(SECOND));
        for _ in 1..8 {
            assert_eq!(closed(&mut throttle, 0, now), Closing::Known);
        }
        assert_eq!(throttle.admit(now), Admission::At(now + SECOND));
        throttle.in_flight -= 8;
        assert_eq!(fill(&mut throttle, 8, now + SECOND), [1; 4]);
        assert_eq!(throttle.admit(now + SECOND), Admission::Full);
        throttle.in_flight -= 1;
        assert_eq!(throttle.admit(now + SECOND), Admission::Go(1));
    }

    #[test]
    fn fewer_go_at_once_and_the_limit_recovers_slowly() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        fill(&mut throttle, 8, now);
        closed(&mut throttle, 0, now);
        assert_eq!(throttle.limit, Some(4));
        let mut responses = 0;
        while throttle.limit.is_some() {
            throttle.answered();
            responses += 1;
        }
        assert_eq!(responses, (4 + 5 + 6 + 7) * PATIENCE);
        let mut single = Throttle::default();
        fill(&mut single, 1, now);
        closed(&mut single, 0, now);
        assert_eq!(single.limit, Some(1));
    }

    #[test]
    fn patience_ends_only_where_no_answer_comes() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let two = |made| (made <= 2).then_some(SECOND);
        for closing in 0..10 {
            assert_eq!(
                throttle.limited(closing, None, now, two),
                Closing::Closed(SECOND)
            );
            throttle.answered();
        }
        for closing in 10..12 {
            assert_eq!(
                throttle.limited(closing, None, now, two),
                Closing::Closed(SECOND)
            );
        }
        assert_eq!(throttle.limited(12, None, now, two), Closing::GiveUp);
        assert_eq!(throttle.limited(0, None, now, two), Closing::GiveUp);
        assert!(throttle.has_given_up);
    }

    #[test]
    fn the_longest_wish_of_a_burst_counts() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let asked = |seconds| Some(Duration::from_secs(seconds));
        let fitting = |wish: u64| move |_| (wish < 60).then_some(Duration::from_secs(wish));
        throttle.limited(0, asked(2), now, fitting(2));
        throttle.limited(0, asked(5), now, fitting(5));
        throttle.limited(0, asked(3), now, fitting(3));
        throttle.limited(0, asked(600), now, fitting(600));
        assert_eq!(throttle.admit(now), Admission::At(now + 5 * SECOND));
    }
}
