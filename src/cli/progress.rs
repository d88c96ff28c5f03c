//! What a person sees during a run: on standard error, never on standard output.

use super::output::{Line, Lines};
use crate::api::Pause;
use crate::diagnosis::{app_in_workspace, words};
use crate::render::{Detail, Style};
use crate::report::AppState;
use crate::verify::Event;
use std::cell::Cell;
use std::io::{self, IsTerminal as _};

/// How many characters a bar has.
const BAR: usize = 24;

/// A spinner or a bar if somebody watches, and a line for each retry if they are wanted.
pub(super) struct Progress {
    /// Both, or none if neither is wanted.
    lines: Option<Lines>,
    /// Whether somebody watches.
    moves: bool,
    /// Whether several apps are checked, which are counted.
    several: bool,
    style: Style,
    listed: Cell<usize>,
    checked: Cell<usize>,
    /// How many of the checked ones can't be read.
    not_readable: Cell<usize>,
}

impl Progress {
    /// Starts to show the progress of a run over several apps, or of one over a single app. Nothing
    /// moves unless somebody watches. By now no prompt may have the terminal.
    pub(super) fn new(style: Style, several: bool, watched: bool) -> Self {
        let moves = watched && style.detail != Detail::Quiet && io::stderr().is_terminal();
        let ticks = if style.unicode {
            "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        } else {
            "-\\|/"
        };
        Self {
            lines: (moves || style.detail == Detail::Verbose).then(|| Lines::start(ticks)),
            moves,
            several,
            style,
            listed: Cell::default(),
            checked: Cell::default(),
            not_readable: Cell::default(),
        }
    }

    /// Shows what is being asked, or how far a run over several apps is.
    pub(super) fn event(&self, event: Event<'_>) {
        match event {
            Event::Asking(check, app) if self.listed.get() == 0 => {
                let app = app.map(|app| format!(": {}", app_in_workspace(app)));
                let title = words("check", check.as_str());
                return self.show(format!("{title}{}", app.unwrap_or_default()));
            }
            Event::Listed(listed) if self.several => self.listed.set(listed),
            Event::Checked(result) if self.several => {
                let is_readable = result.state == AppState::Readable;
                self.checked.update(|count| count + 1);
                self.not_readable
                    .update(|count| count + usize::from(!is_readable));
            }
            _ => return,
        }
        // Such as “━━━─── 312 of 1200 apps checked, 2 not readable”.
        let (checked, listed) = (self.checked.get(), self.listed.get());
        let done = (BAR * checked / listed.max(1)).min(BAR);
        let (full, empty) = if self.style.unicode {
            ("━", "─")
        } else {
            ("=", "-")
        };
        let bar = full.repeat(done) + &empty.repeat(BAR - done);
        let odd = self.not_readable.get();
        self.show(format!(
            "{bar} {checked} of {listed} apps checked, {odd} not readable"
        ));
    }

    fn show(&self, text: String) {
        if let Some(lines) = &self.lines
            && self.moves
        {
            // The thread ends only after the sender.
            let _ = lines.sender.send(Line::Moves(text));
        }
    }

    /// Tells of a pause before a retry.
    pub(super) fn pause(&self, pause: &Pause) {
        let after = match &pause.after {
            Ok(Some(status)) => format!("answered with {status}"),
            Ok(None) => "answered".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        let (made, most, next) = (pause.made, pause.most, pause.made + 1);
        self.show(format!("attempt {next} of {most}: the last one {after}"));
        if let Some(lines) = &self.lines
            && self.style.detail == Detail::Verbose
        {
            let (seconds, tenths) = (pause.pause.as_secs(), pause.pause.subsec_millis() / 100);
            let line = format!("attempt {made} of {most} {after}; retry in {seconds}.{tenths} s\n");
            let _ = lines.sender.send(Line::Stays(line));
        }
    }
}
