//! Ctrl-C. It ends the command with its exit code, at once unless somebody listens.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::output;

/// Whether somebody listens.
static LISTENED_TO: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C end the command from now on.
///
/// # Errors
///
/// If the system does not let the command listen.
pub(crate) fn end_the_command() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT]).map_err(|error| deaf(&error))?;
    thread::spawn(move || {
        for _ in &mut signals {
            if !LISTENED_TO.load(Ordering::SeqCst) {
                output::remark(&format!("\n{}", Failure::Interrupted));
                process::exit(Failure::INTERRUPTED.into());
            }
        }
    });
    Ok(())
}

/// Presses of Ctrl-C, which do not end the command while this lives.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signal: Signal,
    heard: u32,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// If the system does not let the command listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let signal = signal(SignalKind::interrupt()).map_err(|error| deaf(&error))?;
        LISTENED_TO.store(true, Ordering::SeqCst);
        Ok(Self { signal, heard: 0 })
    }

    /// Waits for the next press.
    pub(crate) async fn next(&mut self) {
        self.signal.recv().await;
        self.heard += 1;
    }

    /// Returns how often it was pressed.
    pub(crate) fn heard(&self) -> u32 {
        self.heard
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        LISTENED_TO.store(false, Ordering::SeqCst);
    }
}

fn deaf(error: &io::Error) -> Failure {
    Failure::Usage(format!("Ctrl-C cannot be listened to ({error})"))
}
