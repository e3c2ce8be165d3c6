//! `completion SHELL`.

use crate::args::Cli;
use crate::exit::{Answer, Failure};
use crate::output;
use clap::CommandFactory as _;
use clap_complete::Shell;

pub(crate) fn run(shell: Shell) -> Result<Answer, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hanzo-node", &mut script);
    output::raw(&script)?;
    Ok(Answer::Yes)
}
