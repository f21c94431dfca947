//! Trying again what other writers or a busy store prevented.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// The longest first pause: about as long as one write takes, in which a faster writer is done.
const FIRST: Duration = Duration::from_millis(20);
/// The longest pause of all. Longer ones would leave only a few tries to a caller who waits seconds.
const LONGEST: Duration = Duration::from_millis(250);

/// Tries of one thing: as many as fit into a time, with a pause after each that failed.
///
/// Callers bound their tries by time and not by number, because what counts is how long somebody waits.
#[derive(Debug)]
pub struct Tries {
    doing: &'static str,
    until: Instant,
    longest: Duration,
}

impl Tries {
    /// Returns tries at `doing` something, the last of which begins within `patience`.
    pub(crate) fn new(doing: &'static str, patience: Duration) -> Self {
        Self {
            doing,
            until: Instant::now() + patience,
            longest: FIRST,
        }
    }

    /// Waits before the next try. Each pause is random, so that callers that met do not meet again, and up to
    /// twice as long as the one before.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is no time for another try.
    pub async fn again(&mut self) -> Result<(), Error> {
        let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        let pause = Duration::from_millis(getrandom::u64().unwrap_or_default() % (longest + 1));
        self.longest = (self.longest * 2).min(LONGEST);
        if Instant::now() + pause > self.until {
            return Err(Error::Unavailable {
                doing: self.doing,
                source: "storage was busy or other writers were faster at every try".into(),
            });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_end_when_their_time_is_over_and_pause_in_between() {
        let patience = Duration::from_millis(300);
        let started = Instant::now();
        let mut tries = Tries::new("try", patience);
        let mut number = 0;

        let error = loop {
            match tries.again().await {
                Ok(()) => number += 1,
                Err(error) => break error,
            }
        };

        assert!(matches!(error, Error::Unavailable { doing: "try", .. }));
        // Without pauses there would be thousands.
        assert!((2..100).contains(&number), "{number} tries");
        assert!(started.elapsed() < patience + Duration::from_secs(1));
    }
}
