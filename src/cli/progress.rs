//! What a person sees while a run is under way: on standard error, never on standard output.

use super::output;
use crate::api::Pause;
use crate::guide::story;
use crate::render::{Detail, Style};
use crate::verify::Event;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::OnceCell;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// Shows a spinner where somebody looks, and lines for further attempts where they are wanted.
pub(super) struct Progress {
    style: Style,
    /// Begun with the first request: before it, a prompt may have the terminal.
    spinner: OnceCell<Option<ProgressBar>>,
}

impl Progress {
    pub(super) const fn new(style: Style) -> Self {
        Self {
            style,
            spinner: OnceCell::new(),
        }
    }

    fn spinner(&self) -> Option<&ProgressBar> {
        let begin = || {
            let wanted = self.style.detail != Detail::Quiet && io::stderr().is_terminal();
            wanted.then(|| spinner(self.style.unicode))
        };
        self.spinner.get_or_init(begin).as_ref()
    }

    /// Shows what is being asked.
    pub(super) fn event(&self, event: Event<'_>) {
        let Event::Asking(check, app) = event else {
            return;
        };
        if let Some(spinner) = self.spinner() {
            let app = app.map_or_else(String::new, |app| format!(": {}", story::name(app)));
            spinner.set_message(format!("{}{app}", story::check_title(check)));
        }
    }

    /// Tells of a pause before another attempt.
    pub(super) fn pause(&self, pause: &Pause) {
        let after = match &pause.after {
            Ok(status) => format!("answered with {status}"),
            Err(error) => format!("failed: {error}"),
        };
        let wait = format!(
            "{}.{} s",
            pause.pause.as_secs(),
            pause.pause.subsec_millis() / 100
        );
        let line = format!(
            "attempt {} of {} {after}; next in {wait}",
            pause.made, pause.most
        );
        if let Some(spinner) = self.spinner() {
            spinner.set_message(line.clone());
        }
        if self.style.detail == Detail::Verbose {
            let print = || output::complain(&format!("{line}\n"));
            self.spinner()
                .map_or_else(print, |spinner| spinner.suspend(print));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Some(spinner)) = self.spinner.get() {
            spinner.finish_and_clear();
        }
    }
}

fn spinner(unicode: bool) -> ProgressBar {
    let ticks = if unicode {
        "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
    } else {
        "-\\|/ "
    };
    let spinner = ProgressBar::new_spinner();
    spinner.set_style(ProgressStyle::default_spinner().tick_chars(ticks));
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
