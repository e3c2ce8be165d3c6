//! Admin and auditor command line.
//!
//! One file a noun. A verb reads its arguments, asks the broker through `hanzo-kbs-client` or works offline,
//! and hands its result to one writer, which prints JSON or plain tables. Results go to standard output,
//! everything else to standard error; the exit code is 0 for yes, 1 for a clear no, 2 for wrong usage or
//! unreadable input, 3 when no broker was reached.

mod args;
mod audit;
mod change;
mod collateral;
mod completion;
mod connect;
mod environment;
mod evidence;
mod exit;
mod grant;
mod input;
mod inventory;
mod key;
mod login;
mod output;
mod policy;
mod reference;
mod run;
mod secret;
mod statement;
mod status;
mod stored;

pub use args::Cli;
pub use environment::Environment;
pub use run::run;
