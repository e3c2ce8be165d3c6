//! The one place that reads the clock. Everything else takes `now` as an argument.

use hanzo_attestation_evidence::{Broken, Rule, UnixTime};

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

/// The day on which this source was released, 2026-11-01T00:00:00Z, in seconds since 1970.
const RELEASED: i64 = 1_793_491_200;

/// No clock is before this: the day of the source's release, or the date of the build where that is stated
/// (`SOURCE_DATE_EPOCH`, as reproducible builds state it) and later.
#[must_use]
pub fn released() -> UnixTime {
    let stated = option_env!("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok()).unwrap_or(RELEASED);
    UnixTime::from_seconds(RELEASED.max(stated)).unwrap_or(UnixTime::MAX)
}

/// COL-07: the clock is before the program's own release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock says {now}, and this program was released at {released}")]
pub struct ClockBeforeRelease {
    /// What the clock says.
    pub now: UnixTime,
    /// The date of release.
    pub released: UnixTime,
}

impl Broken for ClockBeforeRelease {
    fn rule(&self) -> Rule {
        Rule::new("COL-07", "ClockUntrusted")
    }
}

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
