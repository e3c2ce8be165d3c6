//! Runs one verb and turns its end into an exit code.

use crate::args::{Cli, Verb};
use crate::environment::Environment;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Output};
use std::future::Future;
use std::process::ExitCode;

/// What every verb is given.
pub(crate) struct Context {
    /// Clock, environment, terminal.
    pub(crate) environment: Environment,
    /// Where the result goes.
    pub(crate) output: Output,
}

impl Context {
    /// Runs calls to the broker to their end.
    pub(crate) fn wait<T>(&self, calls: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?
            .block_on(calls)
    }
}

/// Runs the verb. A failure is explained on standard error.
#[must_use]
pub fn run(cli: Cli, environment: Environment) -> ExitCode {
    let output = Output::new(cli.printing.format, environment.terminal);
    let context = Context { environment, output };
    match dispatch(cli.verb, &context) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            output::note(&format!("kbsctl: {failure}"));
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(verb: Verb, context: &Context) -> Result<Outcome, Failure> {
    match verb {
        Verb::Status(args) => args.run(context),
        Verb::Login(args) => args.run(context),
        Verb::Policy(args) => args.run(context),
        Verb::Reference(args) => args.run(context),
        Verb::Change(args) => args.run(context),
        Verb::Key(args) => args.run(context),
        Verb::Secret(args) => args.run(context),
        Verb::Grant(args) => args.run(context),
        Verb::Inventory(args) => args.run(context),
        Verb::Audit(args) => args.run(context),
        Verb::Evidence(args) => args.run(context),
        Verb::Collateral(args) => args.run(context),
        Verb::Completion(args) => args.run(),
    }
}
