//! The circumstances of a decision: what policies read of `context`.

use cedar_policy::{Context, ContextCreationError, RestrictedExpression};
use hanzo_attestation_evidence::UnixTime;

/// When it is decided, and how much of the key is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The instant.
    pub now: UnixTime,
    /// How many other recipients have a live grant of the key. `None`: nobody counted, as in what brokers
    /// recorded before they did. A policy that reads it fails then, which is a no.
    pub live_grants: Option<u32>,
}

impl Circumstances {
    /// The same with another number of live grants.
    pub(crate) const fn with_live_grants(self, live_grants: u32) -> Self {
        Self { live_grants: Some(live_grants), ..self }
    }

    /// As the policy engine takes them.
    pub(crate) fn context(self) -> Result<Context, Box<ContextCreationError>> {
        let long = |name: &str, value: i64| (name.to_owned(), RestrictedExpression::new_long(value));
        let live_grants = self.live_grants.map(|count| long("live_grants", i64::from(count)));
        let pairs = std::iter::once(long("now", self.now.seconds())).chain(live_grants);
        Context::from_pairs(pairs).map_err(Box::new)
    }
}
