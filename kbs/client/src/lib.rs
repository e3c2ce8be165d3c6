//! HTTP client of the broker: the native door for nodes, the administrator's calls for `kbsctl`.
//!
//! One way to connect: to a stated [`Address`], whose TLS identity a stated [`Trust`] vouches for. Redirects,
//! proxies and retries do not happen; an answer is bounded in time and size, must be JSON of the expected
//! shape, and everything else is a named [`ClientError`].

mod address;
mod admin;
mod error;
mod health;
mod native;
mod token;
mod transport;
mod trust;

pub use address::Address;
pub use admin::Admin;
pub use error::{BrokerProblem, ClientError, SetupError};
pub use health::{Health, Readiness};
pub use token::AdminToken;
pub use transport::{Client, Limits};
pub use trust::Trust;
