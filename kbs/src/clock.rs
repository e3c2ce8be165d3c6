//! The one place that reads the clock. Everything else takes `now` as an argument.

use hanzo_attestation_evidence::UnixTime;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time.
    ///
    /// # Errors
    /// [`ClockError`] if the clock shows no year between 1970 and 9999.
    fn now(&self) -> Result<UnixTime, ClockError>;
}

/// The clock shows no time that a certificate could be judged at (COL-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system clock shows no year between 1970 and 9999")]
pub struct ClockError;

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the edge: the only reading of the clock in the broker")]
    fn now(&self) -> Result<UnixTime, ClockError> {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(|_| ClockError)?;
        let seconds = i64::try_from(since.as_secs()).map_err(|_| ClockError)?;
        UnixTime::from_seconds(seconds).map_err(|_| ClockError)
    }
}
