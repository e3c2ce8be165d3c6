//! `completion`: a script that teaches a shell the verbs and flags.

use crate::args;
use crate::exit::{Failure, Outcome};
use crate::output;
use clap::Args;
use clap_complete::Shell;

#[derive(Args, Debug)]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

impl CompletionArgs {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut args::command(), "kbsctl", &mut script);
        output::write_out(&script)?;
        Ok(Outcome::Yes)
    }
}
