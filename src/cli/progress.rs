//! What a person sees during a run: on standard error, never on standard output.

use super::output::{self, Lines};
use crate::api::Pause;
use crate::diagnosis::{app_in_workspace, check_title};
use crate::render::{Detail, Style};
use crate::report::AppState;
use crate::verify::Event;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// A spinner or a bar if somebody watches, and a line for each retry if they are wanted.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// The lines, if they are wanted.
    lines: Option<Lines>,
    /// Whether several apps are checked, which are counted.
    several: bool,
    unicode: bool,
    /// How many of the checked ones can't be read.
    not_readable: Cell<usize>,
}

impl Progress {
    /// Starts to show the progress of a run over several apps, or of one over a single app. Nothing
    /// moves unless somebody watches. By now no prompt may have the terminal.
    pub(super) fn new(style: Style, several: bool, watched: bool) -> Self {
        let moves = watched && style.detail != Detail::Quiet && io::stderr().is_terminal();
        let start = || {
            let bar = ProgressBar::new_spinner();
            bar.set_style(look("{spinner} {msg}", style.unicode));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        };
        Self {
            bar: moves.then(start),
            lines: (style.detail == Detail::Verbose).then(Lines::start),
            several,
            unicode: style.unicode,
            not_readable: Cell::default(),
        }
    }

    /// Shows what is being asked, or how far a run over several apps is.
    pub(super) fn event(&self, event: Event<'_>) {
        let Some(bar) = &self.bar else {
            return;
        };
        match event {
            Event::Asking(check, app) if bar.length().is_none() => {
                let app = app.map(|app| format!(": {}", app_in_workspace(app)));
                bar.set_message(format!("{}{}", check_title(check), app.unwrap_or_default()));
            }
            Event::Listed(listed, _) if self.several => {
                let is_first = bar.length().is_none();
                bar.set_length(listed as u64);
                if is_first {
                    let counting = "{spinner} {bar:24} {pos} of {len} apps checked, {msg}";
                    bar.set_style(look(counting, self.unicode));
                    self.count(bar);
                }
            }
            Event::Checked(result) if self.several => {
                let is_readable = result.state == AppState::Readable;
                self.not_readable
                    .update(|count| count + usize::from(!is_readable));
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
        let (made, most, next) = (pause.made, pause.most, pause.made + 1);
        if let Some(bar) = &self.bar {
            bar.set_message(format!("attempt {next} of {most}: the last one {after}"));
        }
        if let Some(lines) = &self.lines {
            let (seconds, tenths) = (pause.pause.as_secs(), pause.pause.subsec_millis() / 100);
            let line = format!("attempt {made} of {most} {after}; retry in {seconds}.{tenths} s\n");
            match &self.bar {
                Some(bar) => bar.suspend(|| output::complain(&line)),
                None => lines.say(line),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns how a spinner or a bar looks, such as `━━━─── 312 of 1200 apps checked, 2 not readable`.
fn look(template: &str, unicode: bool) -> ProgressStyle {
    let (ticks, bar) = if unicode {
        ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ", "━╸─")
    } else {
        ("-\\|/ ", "=>-")
    };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    style.tick_chars(ticks).progress_chars(bar)
}
