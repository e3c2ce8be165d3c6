//! `[limits]`: times and counts, each bounded.

use super::reader::{Mistakes, Section};
use std::time::Duration;

/// Times and counts that bound what callers can hold and cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a challenge can be answered.
    pub challenge: Duration,
    /// How long a token can be used.
    pub token: Duration,
    /// How long a session lives without fresh evidence.
    pub session: Duration,
    /// How long an activated attestation key of a TPM counts without another activation.
    pub activation: Duration,
    /// How many verifications run at once. More than this many answer 503 at once.
    pub verifications: usize,
    /// How many requests are answered at once on one listener.
    pub requests: usize,
    /// How many days the facts of decisions are kept, so that they can be explained and made again.
    pub explain_days: u64,
    /// How many refused proofs are kept, so that a refusal before any policy can be explained; 0 keeps none.
    pub refused_proofs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            challenge: Duration::from_secs(300),
            token: Duration::from_secs(300),
            session: Duration::from_secs(3600),
            activation: Duration::from_secs(86_400),
            verifications: 16,
            requests: 256,
            explain_days: 90,
            refused_proofs: 1000,
        }
    }
}

pub(super) fn read(top: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Limits {
    let defaults = Limits::default();
    let mut section = top.section("limits", mistakes);
    let mut seconds = |name, default: Duration, bounds| {
        Duration::from_secs(section.number(name, default.as_secs(), bounds, mistakes))
    };
    // The upper bounds keep "limited time" true: an hour for what proves freshness, a day for a session, a
    // month for an activation. Its lower bound lets a node come back from a short absence.
    let challenge = seconds("challenge_seconds", defaults.challenge, 10..=3600);
    let token = seconds("token_seconds", defaults.token, 10..=3600);
    let session = seconds("session_seconds", defaults.session, 10..=86_400);
    let activation = seconds("activation_seconds", defaults.activation, 3600..=2_592_000);
    let mut count = |name, default: usize, bounds| {
        let default_u64 = u64::try_from(default).unwrap_or(u64::MAX);
        usize::try_from(section.number(name, default_u64, bounds, mistakes)).unwrap_or(default)
    };
    let verifications = count("verifications", defaults.verifications, 1..=1024);
    let requests = count("requests", defaults.requests, 1..=65_536);
    // Ten years is what the longest audits ask for. Ten thousand proofs of the largest size fill a disk of
    // 20 GB; usual ones are a hundredth of that.
    let explain_days = section.number("explain_days", defaults.explain_days, 1..=3650, mistakes);
    let refused_proofs = section.number("refused_proofs", defaults.refused_proofs, 0..=10_000, mistakes);
    section.finish(mistakes);
    Limits { challenge, token, session, activation, verifications, requests, explain_days, refused_proofs }
}
