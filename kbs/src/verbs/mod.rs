//! The verbs of `hanzo-kbs` besides `serve`: each returns what it has to say, and the program prints it.

mod doctor;
mod init;
mod remote;

pub use doctor::{Check, doctor};
pub use init::{InitError, Initialised, init};
pub use remote::{RemoteError, Seal, sealing};

pub(crate) use remote::reachable;
