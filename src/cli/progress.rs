//! What a person sees during a run: on standard error, never on standard output.

use super::output::{self, Lines};
use crate::api::Pause;
use crate::diagnosis::{app_in_workspace, check_title};
use crate::render::{Detail, Style};
use crate::report::{AppResult, AppState};
use crate::verify::Event;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::{Cell, OnceCell};
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// A spinner or a bar if somebody watches, and a line for each retry if they are wanted.
pub(super) struct Progress {
    style: Style,
    /// Whether several apps are checked, which have a bar.
    several: bool,
    watched: bool,
    /// Started with the first request: before it, a prompt may have the terminal.
    bar: OnceCell<Option<ProgressBar>>,
    /// How many apps are listed so far.
    listed: Cell<usize>,
    /// How many of the checked ones can't be read.
    not_readable: Cell<usize>,
    /// Started with the first line, if there is no bar.
    lines: OnceCell<Lines>,
}

impl Progress {
    /// Makes what shows the progress of a run over several apps, or of one over a single app.
    /// Nothing moves unless somebody watches.
    pub(super) fn new(style: Style, several: bool, watched: bool) -> Self {
        Self {
            style,
            several,
            watched,
            bar: OnceCell::new(),
            listed: Cell::default(),
            not_readable: Cell::default(),
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

    /// Shows what is being asked, or how far a run over several apps is.
    pub(super) fn event(&self, event: Event<'_>) {
        let Some(bar) = self.bar() else {
            return;
        };
        match event {
            Event::Asking(check, app) if self.listed.get() == 0 => {
                let app = app.map(|app| format!(": {}", app_in_workspace(app)));
                bar.set_message(format!("{}{}", check_title(check), app.unwrap_or_default()));
            }
            Event::Listed(listed, _) if self.several => {
                if self.listed.replace(listed) == 0 {
                    bar.set_style(counting(self.style.unicode));
                    self.count(bar);
                }
                bar.set_length(listed as u64);
            }
            Event::Checked(result) if self.several => {
                let is_readable = matches!(
                    result,
                    AppResult {
                        state: AppState::Readable,
                        ..
                    }
                );
                if !is_readable {
                    self.not_readable.update(|count| count + 1);
                }
                bar.inc(1);
                self.count(bar);
            }
            _ => {}
        }
    }

    fn count(&self, bar: &ProgressBar) {
        bar.set_message(format!("{} not readable", self.not_readable.get()));
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

/// Returns how a bar looks, such as `━━━─── 312 of 1200 apps checked, 2 not readable`.
fn counting(unicode: bool) -> ProgressStyle {
    let style = "{spinner} {bar:24} {pos} of {len} apps checked, {msg}";
    let style = ProgressStyle::with_template(style);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    with_ticks(style, unicode).progress_chars(if unicode { "━╸─" } else { "=>-" })
}
