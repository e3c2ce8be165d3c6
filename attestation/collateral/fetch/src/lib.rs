//! Vendor data from the vendors' services: AMD's key distribution service, Intel's provisioning certification
//! service and mirrors of both.
//!
//! A verifier never links this crate: what it rests on is put into a store by somebody else. What comes back
//! is judged as an import judges it, before anybody sees it: a mirror, or whoever sits between, can withhold
//! and delay.
//!
//! One request for one document at a time; hosts from a list; no redirects; TLS; bounded in size and time; a
//! vendor that fails is left alone for a while; what is at hand serves while it is in force, and past that
//! only within a bound.

mod age;
mod breaker;
mod error;
mod fetcher;
mod hosts;
mod http;
mod wanted;

pub use age::Age;
pub use breaker::{Breaker, Phase};
pub use error::FetchError;
pub use fetcher::{Clock, Fetched, Fetcher, Origin, Settings};
pub use hosts::{HostError, Hosts};
pub use http::{Limits, TlsTrust};
pub use wanted::{PckCa, Update, Vendor, Wanted};
