//! `kbsctl`: reads the command line and the environment, runs one verb.

use hanzo_kbsctl::{Cli, Environment};
use std::process::ExitCode;

fn main() -> ExitCode {
    hanzo_kbsctl::run(Cli::from_command_line(), Environment::read())
}
