//! The worker: what this machine is, the keys that it may have, and nothing that decides about either.
//!
//! Composition only. [`run`] reads a command line and carries it out with the crates below: the attester,
//! the agent, and the broker's client.

pub mod args;
pub mod clock;
mod commands;
pub mod config;
mod enrolment;
pub mod exit;
mod output;
mod private_file;

pub use args::Cli;
pub use exit::{Answer, Failure};

use args::Verb;
use clap::Parser as _;
use std::process::ExitCode;

/// Carries out the process's own command line.
#[must_use]
pub fn run_command_line() -> ExitCode {
    run(Cli::parse())
}

/// Carries out one command line; results go to stdout, everything else to stderr.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    start_log(cli.verb.is_long_running());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::say(&Failure::unusable(format!("no runtime: {error}"))),
    };
    match runtime.block_on(carry_out(cli)) {
        Ok(answer) => answer.into(),
        Err(failure) => exit::say(&failure),
    }
}

async fn carry_out(cli: Cli) -> Result<Answer, Failure> {
    let format = output::Format::choose(cli.format);
    match cli.verb {
        Verb::Detect(args) => commands::detect::run(&args, format).await,
        Verb::Attest(args) => commands::attest::run(args, format).await,
        Verb::Agent(args) => commands::agent::run(args).await,
        Verb::Secret { verb: args::SecretVerb::Get(args) } => commands::secret::run(args, format).await,
        Verb::Identity { verb } => commands::identity::run(&verb, format),
        Verb::Tpm { verb } => commands::tpm::run(verb, format).await,
        Verb::Doctor(args) => commands::doctor::run(args, format).await,
        Verb::Completion { shell } => commands::completion::run(shell),
    }
}

/// Messages go to stderr; the agent tells what it does, a single command only what went wrong.
fn start_log(long_running: bool) {
    let level = if long_running { tracing::Level::INFO } else { tracing::Level::ERROR };
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second subscriber (in a test) is not an error worth ending for.
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_max_level(level)
        .try_init();
}
