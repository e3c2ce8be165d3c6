//! A circuit breaker: a vendor that fails is left alone for a while, then asked once.

use hanzo_attestation_evidence::UnixTime;
use std::time::Duration;

/// Failures in a row that open the circuit: one may be an accident, three are an outage.
const THRESHOLD: u32 = 3;
/// How long it stays open at first.
const FIRST: Duration = Duration::from_secs(60);
/// The longest that it stays open, after failure upon failure: documents live 30 days, so that a quarter of
/// an hour costs nothing.
const LONGEST: Duration = Duration::from_secs(900);

/// Whether a vendor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is.
    Closed,
    /// It is not, before this instant.
    Open {
        /// From when on it is asked once.
        until: UnixTime,
    },
    /// One request is under way that decides.
    HalfOpen,
}

/// The circuit of one vendor.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    phase: Phase,
    failures: u32,
    pause: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { phase: Phase::Closed, failures: 0, pause: FIRST }
    }
}

impl Breaker {
    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a request may be made now; half-open, only the first one that asks.
    pub fn admits(&mut self, now: UnixTime) -> bool {
        match self.phase {
            Phase::Closed => true,
            Phase::Open { until } if now >= until => {
                self.phase = Phase::HalfOpen;
                true
            }
            Phase::Open { .. } | Phase::HalfOpen => false,
        }
    }

    /// A request was answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A request failed.
    pub fn failed(&mut self, now: UnixTime) {
        self.failures = self.failures.saturating_add(1);
        match self.phase {
            Phase::Closed if self.failures < THRESHOLD => {}
            Phase::HalfOpen => {
                self.pause = self.pause.saturating_mul(2).min(LONGEST);
                self.phase = Phase::Open { until: now.after(self.pause) };
            }
            Phase::Closed | Phase::Open { .. } => self.phase = Phase::Open { until: now.after(self.pause) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    #[test]
    fn three_failures_open_it_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            assert!(breaker.admits(at(0)));
            breaker.failed(at(0));
        }
        breaker.succeeded();
        for _ in 0..3 {
            assert!(breaker.admits(at(0)));
            breaker.failed(at(0));
        }
        assert_eq!(breaker.phase(), Phase::Open { until: at(60) });
        assert!(!breaker.admits(at(59)));
        assert!(breaker.admits(at(60)), "one probe");
        assert!(!breaker.admits(at(60)), "and no second one beside it");
        breaker.succeeded();
        assert_eq!(breaker.phase(), Phase::Closed);
        assert!(breaker.admits(at(60)) && breaker.admits(at(60)));
    }

    #[test]
    fn failed_probes_wait_longer_up_to_a_bound() {
        let mut breaker = Breaker::default();
        (0..3).for_each(|_| breaker.failed(at(0)));
        let mut now = at(60);
        for pause in [120, 240, 480, 900, 900] {
            assert!(breaker.admits(now));
            breaker.failed(now);
            let until = now.after(Duration::from_secs(pause));
            assert_eq!(breaker.phase(), Phase::Open { until });
            now = until;
        }
    }
}
