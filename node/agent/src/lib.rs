//! Holds a session with the broker for the workloads of this machine.
//!
//! [`Machine`] decides: a state machine without IO that takes what happened and the time, and says what
//! to do next. [`Agent`] does it: asks the broker, collects evidence, sleeps. [`local`] gives the keys to
//! workloads on a unix socket while the session lives, and at no other time.
//!
//! The keys exist in memory alone, are wiped when the session ends, and end at the deadline that the broker
//! set: only fresh evidence moves it.

pub mod clock;
pub mod driver;
pub mod exchange;
pub mod local;
pub mod machine;
pub mod status;

pub use clock::Clock;
pub use driver::{Agent, AgentPlan, Keyring};
pub use exchange::{Door, ExchangeError, attest_once, authorize_once};
pub use machine::{Action, Event, Machine, NoKey, Purpose, Refusal};
pub use status::Status;
