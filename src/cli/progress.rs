//! What a person sees during a run: on standard error, never on standard output.

use super::output::{self, Lines};
use crate::api::Pause;
use crate::app::App;
use crate::check::CheckId;
use crate::diagnosis::{app_in_workspace, check_title};
use crate::render::{Detail, Style};
use crate::report::{AppResult, AppState};
use crate::verify::Event;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::cell::{OnceCell, RefCell};
use std::fmt::Write;
use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time between two lines if there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How long an app may take before it is named.
const SLOW: Duration = Duration::from_secs(2);

/// A spinner or a bar if somebody watches, and lines if they are wanted.
pub(super) struct Progress {
    style: Style,
    watched: bool,
    /// Started with the first request: before it, a prompt may have the terminal.
    bar: OnceCell<Option<ProgressBar>>,
    /// The counts of a run over several apps.
    count: Option<RefCell<Count>>,
    waiting: Waiting,
    /// Started with the first line, if there is no bar.
    lines: OnceCell<Lines>,
}

/// How far a run over several apps is.
struct Count {
    started: Instant,
    told: Instant,
    listed: usize,
    list_is_complete: bool,
    done: usize,
    not_readable: usize,
}

impl Count {
    /// Returns the counts as one line, such as `312 of 1200 apps checked, 2 not readable, 85/s`.
    fn words(&self, now: Instant) -> String {
        let open = if self.list_is_complete { "" } else { "+" };
        let (done, listed, not_readable) = (self.done, self.listed, self.not_readable);
        let millis = now.duration_since(self.started).as_millis().max(1);
        let rate = u128::try_from(done).unwrap_or(u128::MAX) * 1000 / millis;
        format!("{done} of {listed}{open} apps checked, {not_readable} not readable, {rate}/s")
    }
}

/// The apps that are being asked for, the one that has waited longest in front. The thread
/// that draws the bar reads it.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<(App, Instant)>>>);

impl Waiting {
    fn with<T>(&self, use_it: impl FnOnce(&mut Vec<(App, Instant)>) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns what is slow, if anything is.
    fn slow(&self, now: Instant) -> String {
        self.with(|apps| match apps.first() {
            Some((app, since)) if now.duration_since(*since) >= SLOW => {
                let seconds = now.duration_since(*since).as_secs();
                format!("waiting {seconds} s for {}", app_in_workspace(app))
            }
            Some(_) | None => String::new(),
        })
    }
}

impl Progress {
    /// Makes what shows the progress of a run over several apps, or of one over a single app.
    /// Nothing moves unless somebody watches.
    pub(super) fn new(style: Style, several: bool, watched: bool) -> Self {
        let now = Instant::now();
        let count = Count {
            started: now,
            told: now,
            listed: 0,
            list_is_complete: false,
            done: 0,
            not_readable: 0,
        };
        Self {
            style,
            watched,
            bar: OnceCell::new(),
            count: several.then(|| RefCell::new(count)),
            waiting: Waiting::default(),
            lines: OnceCell::new(),
        }
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(Lines::start)
    }

    fn bar(&self) -> Option<&ProgressBar> {
        let start = || {
            let wanted = self.style.detail != Detail::Quiet && self.watched;
            let wanted = wanted && io::stderr().is_terminal();
            wanted.then(|| spinner(self.style.unicode))
        };
        self.bar.get_or_init(start).as_ref()
    }

    /// Shows what is being asked.
    pub(super) fn event(&self, event: Event<'_>) {
        match (event, &self.count) {
            (Event::Asking(CheckId::PipelinesList, Some(app)), Some(_)) => {
                if self.bar().is_some() {
                    let started = (app.clone(), Instant::now());
                    self.waiting.with(|apps| apps.push(started));
                }
            }
            (Event::Asking(CheckId::PipelinesShow, _), Some(_))
            | (Event::Listed(..) | Event::Checked(_), None) => {}
            (Event::Asking(check, app), count) => {
                let has_started = count
                    .as_ref()
                    .is_some_and(|count| count.borrow().listed > 0);
                if let Some(bar) = self.bar().filter(|_| !has_started) {
                    let app =
                        app.map_or_else(String::new, |app| format!(": {}", app_in_workspace(app)));
                    bar.set_message(format!("{}{app}", check_title(check)));
                }
            }
            (Event::Listed(listed, complete), Some(count)) => {
                self.listed(&mut count.borrow_mut(), listed, complete);
            }
            (Event::Checked(result), Some(count)) => {
                self.checked(&mut count.borrow_mut(), result);
            }
        }
    }

    fn listed(&self, count: &mut Count, listed: usize, complete: bool) {
        let now = Instant::now();
        if count.listed == 0 {
            count.started = now;
            count.told = now;
            if let Some(bar) = self.bar() {
                bar.set_style(counting(self.style.unicode, self.waiting.clone()));
            }
        }
        count.listed = listed;
        count.list_is_complete = complete;
        if let Some(bar) = self.bar() {
            bar.set_length(listed as u64);
            bar.set_message(count.words(now));
        }
    }

    fn checked(&self, count: &mut Count, result: &AppResult) {
        let now = Instant::now();
        count.done += 1;
        match result.state {
            AppState::Readable => {}
            AppState::Denied | AppState::Unknown | AppState::NotReached => {
                count.not_readable += 1;
            }
        }
        if let Some(bar) = self.bar() {
            self.waiting
                .with(|apps| apps.retain(|(app, _)| app.slug != result.app.slug));
            bar.set_position(count.done as u64);
            bar.set_message(count.words(now));
        } else if self.style.detail == Detail::Verbose
            && now.duration_since(count.told) >= BETWEEN_LINES
        {
            count.told = now;
            self.lines().say(&count.words(now));
        }
    }

    /// Tells of a pause before a retry.
    pub(super) fn pause(&self, pause: &Pause) {
        let after = match &pause.after {
            Ok(Some(status)) => format!("answered with {status}"),
            Ok(None) => "answered".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        let wait = format!(
            "{}.{} s",
            pause.pause.as_secs(),
            pause.pause.subsec_millis() / 100
        );
        let line = format!(
            "attempt {} of {} {after}; retry in {wait}",
            pause.made, pause.most
        );
        let is_verbose = self.style.detail == Detail::Verbose;
        if let Some(bar) = self.bar() {
            let (next, most) = (pause.made + 1, pause.most);
            bar.set_message(format!("attempt {next} of {most}: the last one {after}"));
            if is_verbose {
                bar.suspend(|| output::complain(&format!("{line}\n")));
            }
        } else if is_verbose {
            self.lines().say(&line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Some(bar)) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn spinner(unicode: bool) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_style(with_ticks(ProgressStyle::default_spinner(), unicode));
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn with_ticks(style: ProgressStyle, unicode: bool) -> ProgressStyle {
    style.tick_chars(if unicode {
        "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
    } else {
        "-\\|/ "
    })
}

/// Returns how a bar looks: how much is done, in numbers too, and what is slow.
fn counting(unicode: bool, waiting: Waiting) -> ProgressStyle {
    let slow = move |_: &ProgressState, out: &mut dyn Write| {
        // A line that can't be written is not worth ending a run for.
        let _ = out.write_str(&waiting.slow(Instant::now()));
    };
    let style = ProgressStyle::with_template("{spinner} {bar:24} {msg}  {slow}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    with_ticks(style, unicode)
        .progress_chars(if unicode { "━╸─" } else { "=>-" })
        .with_key("slow", slow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Slug;

    #[test]
    fn the_counts_say_how_far_and_how_fast() {
        let started = Instant::now();
        let mut count = Count {
            started,
            told: started,
            listed: 1200,
            list_is_complete: false,
            done: 300,
            not_readable: 2,
        };
        let words = |count: &Count| count.words(started + Duration::from_secs(4));
        assert_eq!(
            words(&count),
            "300 of 1200+ apps checked, 2 not readable, 75/s"
        );
        count.list_is_complete = true;
        assert!(words(&count).starts_with("300 of 1200 apps"));
        assert!(count.words(started).ends_with("300000/s"));
    }

    #[test]
    fn the_app_that_waits_longest_is_named_where_it_is_slow() {
        let (waiting, now) = (Waiting::default(), Instant::now());
        assert_eq!(waiting.slow(now), "");
        for slug in ["first", "second"] {
            let app = App::unlisted(Slug::parse(slug).unwrap());
            waiting.with(|apps| apps.push((app, now)));
        }
        assert_eq!(waiting.slow(now + Duration::from_millis(1999)), "");
        assert_eq!(waiting.slow(now + SLOW), "waiting 2 s for app first");
    }
}
