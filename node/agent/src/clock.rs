//! Time, as this crate takes it.

use hanzo_attestation_evidence::UnixTime;
use std::sync::Arc;

/// Where `now` comes from. A good clock never goes back while the process runs; [`Machine`](crate::Machine)
/// does not rely on it.
pub trait Clock: Send + Sync {
    /// The present second.
    fn now(&self) -> UnixTime;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        (**self).now()
    }
}
