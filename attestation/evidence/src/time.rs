//! Points in time: whole seconds since 1970-01-01T00:00:00Z.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since the Unix epoch, UTC. Time is always an argument: nothing here reads a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(i64);

/// The text is no RFC 3339 time with whole seconds in the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time between the years 1970 and 9999")]
pub struct TimeError;

impl UnixTime {
    const YEAR_10000: i64 = 253_402_300_800;

    /// The last second of the year 9999.
    pub const MAX: Self = Self(Self::YEAR_10000 - 1);

    /// A time from seconds since the epoch; values outside 1970..=9999 are refused.
    ///
    /// # Errors
    /// [`TimeError`] outside that range.
    pub fn from_seconds(seconds: i64) -> Result<Self, TimeError> {
        (0..Self::YEAR_10000).contains(&seconds).then_some(Self(seconds)).ok_or(TimeError)
    }

    /// Reads RFC 3339, e.g. `2026-11-01T00:00:00Z`; an offset is converted, a fraction is cut.
    ///
    /// # Errors
    /// [`TimeError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError)?;
        Self::from_seconds(time.unix_timestamp())
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This time and a duration later, at most the end of year 9999.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(seconds).min(Self::YEAR_10000 - 1))
    }

    /// This time and a duration earlier, at least the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(seconds).max(0))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&time.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_and_written() {
        let time = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
        assert_eq!((time.seconds(), time.to_string().as_str()), (1_793_491_200, "2026-11-01T00:00:00Z"));
        assert_eq!(UnixTime::parse("2026-11-01T01:30:00.9+01:30").unwrap(), time, "a fraction is cut");
        assert_eq!(serde_json::from_str::<UnixTime>(&serde_json::to_string(&time).unwrap()).unwrap(), time);
    }

    #[test]
    fn other_texts_and_years_are_refused() {
        for text in [
            "",
            "2026-11-01",
            "2026-11-01 00:00:00",
            "1969-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
            "1793491200",
        ] {
            assert_eq!(UnixTime::parse(text), Err(TimeError), "{text}");
        }
        assert_eq!(UnixTime::from_seconds(-1), Err(TimeError));
        assert_eq!(UnixTime::from_seconds(i64::MAX), Err(TimeError));
    }

    #[test]
    fn sums_stay_in_range() {
        let long = Duration::from_secs(u64::MAX);
        let time = UnixTime::from_seconds(5).unwrap();
        assert_eq!(time.after(long), UnixTime::MAX);
        assert_eq!(time.before(long).seconds(), 0);
        assert_eq!(time.after(Duration::from_secs(2)).before(Duration::from_secs(2)), time);
        assert_eq!(UnixTime::MAX.to_string(), "9999-12-31T23:59:59Z");
    }
}
