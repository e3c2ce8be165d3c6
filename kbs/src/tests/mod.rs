//! The whole door in process: requests in, answers out, with an injected clock, seeded randomness, and
//! evidence from the lab.

mod admin;
mod bad_input;
mod challenge;
mod changes;
mod collateral;
mod devices;
mod explain;
mod gpu;
mod grant;
mod incidents;
mod live;
mod refusals;
mod replay;
mod sealed;
mod secrecy;
mod session;
mod tee_io;
mod token;
mod tpm;
mod waivers;
mod world;

use world::{Reply, World};
