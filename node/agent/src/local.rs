//! The workloads' way to the keys: HTTP on a unix socket that only its owner can open.
//!
//! `GET /v1/secret/{key id}` gives the raw bytes, `GET /v1/status` a [`Status`](crate::Status). Refusals are
//! problems (RFC 9457) with the codes `NoSession` (503), `KeyNotHeld` (404), `NotFound` and
//! `MethodNotAllowed`.

mod client;
mod server;
mod socket;

pub use client::{LocalClient, LocalError};
pub use server::serve;
pub use socket::{OwnedSocket, SocketError};

/// Largest secret in bytes that travels here: what one broker request can carry.
pub(crate) const MAX_SECRET: usize = 1 << 20;
