//! What the process gives up before it reads any key.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// The kernel refused to take a right away from this process.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// `setrlimit(RLIMIT_CORE)` failed.
    #[error("cannot turn core dumps off: {0}")]
    CoreDumps(#[source] std::io::Error),
    /// `prctl(PR_SET_DUMPABLE)` failed.
    #[error("cannot forbid other processes to read this one's memory: {0}")]
    Dumpable(#[source] std::io::Error),
}

/// Turns core dumps off and forbids debuggers of the same user to attach: key material must not reach a
/// disk or another process by way of a crash.
///
/// # Errors
/// [`HardenError`], after which no key may be read.
pub fn harden_process() -> Result<(), HardenError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|e| HardenError::CoreDumps(e.into()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|e| HardenError::Dumpable(e.into()))
}
