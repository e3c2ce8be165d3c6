//! The one place where this program reads the clock.

use anyhow::Context as _;
use hanzo_attestation_evidence::UnixTime;
use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "the edge: from here on the time is an argument")]
pub(super) fn now() -> anyhow::Result<UnixTime> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    UnixTime::from_seconds(i64::try_from(since_epoch.as_secs())?).context("the clock is wrong")
}
