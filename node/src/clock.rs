//! The edge where time enters.

use hanzo_attestation_evidence::UnixTime;
use hanzo_node_agent::Clock;
use std::time::{Instant, SystemTime};

/// The system's clock, which never goes back while the process runs: a wall clock that is set back is
/// overtaken by the time that has passed since the start.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started_at: UnixTime,
    started: Instant,
}

impl SystemClock {
    /// Starts counting.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the edge where time enters the program")]
    pub fn start() -> Self {
        Self { started_at: wall_clock(), started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        // The wall clock counts too while a machine is suspended: the later of the two is right.
        self.started_at.after(self.started.elapsed()).max(wall_clock())
    }
}

/// A clock outside the years 1970 to 9999 is wrong: it reads as the end of all deadlines, never as their
/// beginning.
#[expect(clippy::disallowed_methods, reason = "the edge where time enters the program")]
fn wall_clock() -> UnixTime {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| UnixTime::from_seconds(seconds).ok())
        .unwrap_or(UnixTime::MAX)
}
