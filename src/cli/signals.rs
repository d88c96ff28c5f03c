//! Signals: the first one ends the run with a report; a second one, or one that comes while the
//! report is being written, ends the process.
//!
//! On systems without POSIX signals, Ctrl-C has the effect that the system gives it.

use crate::verdict::Signal;
use std::io;
use tokio::sync::watch;

/// Tells of the first signal that arrives while the value lives.
pub(super) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Takes over SIGINT and SIGTERM.
    ///
    /// # Errors
    /// Returns the system's error if it has no pipe or thread left.
    #[cfg_attr(
        not(unix),
        expect(
            clippy::unnecessary_wraps,
            reason = "where there are signals, watching can fail"
        )
    )]
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGINT, SIGTERM};
            use signal_hook::iterator::Signals;
            use signal_hook::low_level::emulate_default_handler;
            let mut signals = Signals::new([SIGINT, SIGTERM])?;
            let watch = move || {
                for number in signals.forever() {
                    if sender.is_closed() || sender.borrow().is_some() {
                        // If even that fails, the report is still to come.
                        let _ = emulate_default_handler(number);
                    }
                    let signal = if number == SIGINT {
                        Signal::Interrupt
                    } else {
                        Signal::Terminate
                    };
                    let _ = sender.send(Some(signal));
                }
            };
            // On a thread of its own, so that a second signal is heard whatever the program does.
            std::thread::Builder::new().spawn(watch)?;
        }
        #[cfg(not(unix))]
        drop(sender);
        Ok(Self(receiver))
    }

    /// Waits for a signal; it may have arrived before.
    pub(super) async fn first(&self) -> Signal {
        let mut receiver = self.0.clone();
        let signal = receiver.wait_for(Option::is_some).await;
        match signal.ok().and_then(|signal| *signal) {
            Some(signal) => signal,
            // Nobody watches for signals any more, so none will come.
            None => std::future::pending().await,
        }
    }
}
