//! How long the service waits for what it depends on.
//!
//! A store or an issuer may accept a connection and never answer, or stop in the middle of a body. All
//! limits follow from one, so that they keep their order: a connection is given up before an attempt, an
//! attempt before the whole call, a call long before the function's own time and an import's lease.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::Tries;

/// The limits of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    call: Duration,
    patience: Duration,
}

impl Limits {
    /// The longest that one call to storage may take, in milliseconds, and the default. An answer is due after
    /// 8 s whatever hangs: 5 s for the call that hangs, the rest for the calls before it and for
    /// [`Limits::cleanup`] after it.
    pub const MAX_CALL_MILLIS: u64 = 5000;

    /// Returns the limits of a process whose calls to storage take `call` at most, all attempts and pauses included.
    #[must_use]
    pub fn new(call: Duration) -> Self {
        Self {
            call,
            // Less than a call: a request whose writes are throttled ends no later than one whose call hangs.
            patience: call * 4 / 5,
        }
    }

    /// Returns the same limits for an import, which has no caller who waits: it goes on trying four times as long as
    /// one call takes. A segment (10 s), its last write and its checkpoint (20 s each) still end within
    /// the lease of a minute.
    #[must_use]
    pub fn patient(self) -> Self {
        Self {
            patience: self.call * 4,
            ..self
        }
    }

    /// Returns the limit of one read of a body that comes piece by piece. The SDK's limits end when a body begins.
    #[must_use]
    pub fn read(self) -> Duration {
        self.attempt()
    }

    /// Returns the limit of what is left to be done after a call has hung, and can be left undone.
    #[must_use]
    pub fn cleanup(self) -> Duration {
        self.call / 5
    }

    /// Returns the limit of all documents of an issuer together: two small ones, so half a second is a slow answer.
    #[must_use]
    pub fn issuer(self) -> Duration {
        self.call * 3 / 5
    }

    /// Returns tries at `doing` something that other writers or a busy store may prevent.
    #[must_use]
    pub fn tries(self, doing: &'static str) -> Tries {
        Tries::new(doing, self.patience)
    }

    /// Returns the time limits of an SDK client.
    #[must_use]
    pub fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.call / 5)
            .read_timeout(self.attempt())
            .operation_attempt_timeout(self.attempt())
            .operation_timeout(self.call)
            .build()
    }

    /// Returns the time limits of the call that makes one object of many parts.
    /// [S3 may take minutes](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
    #[must_use]
    pub fn joining(self) -> TimeoutConfig {
        let longest = self.call * 24;
        self.timeouts()
            .to_builder()
            .read_timeout(longest)
            .operation_attempt_timeout(longest)
            .operation_timeout(longest)
            .build()
    }

    /// Returns the attempts of an SDK client: two whole ones and the pauses fit into the call. The SDK's own pauses
    /// of up to 20 s do not.
    #[must_use]
    pub fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(self.call / 50)
            .with_max_backoff(self.call / 5)
    }

    /// Returns the limit of one attempt. Storage answers within milliseconds, and takes a part of 5 MiB in well under a second.
    fn attempt(self) -> Duration {
        self.call * 2 / 5
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(Duration::from_millis(Self::MAX_CALL_MILLIS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_and_the_cleanup_end_well_before_eight_seconds() {
        let limits = Limits::default();
        let timeouts = limits.timeouts();

        let call = timeouts.operation_timeout().unwrap();
        let attempt = timeouts.operation_attempt_timeout().unwrap();
        assert!(call + limits.cleanup() + Duration::from_secs(1) < Duration::from_secs(8));
        assert!(attempt * 2 < call && timeouts.connect_timeout().unwrap() < attempt);
        assert!(limits.issuer() + call <= Duration::from_secs(8));
    }

    #[test]
    fn the_longest_segment_of_an_import_ends_within_its_lease() {
        let patient = Limits::default().patient();

        assert!(Duration::from_secs(10) + patient.patience * 2 < Duration::from_mins(1));
    }
}
