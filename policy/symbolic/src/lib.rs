//! Invariants of policies, by an SMT solver in a process of its own.
//!
//! Cedar's own symbolic compiler (`cedar-policy-symcc`, modelled and proved in Lean) turns a permit,
//! everything that forbids, and the condition of an invariant into a formula over all nodes and keys that the
//! schema allows. The solver, [cvc5](https://cvc5.github.io), says whether it can be satisfied. `unsat` is a
//! proof: no release while the condition holds. `sat` comes with a case, and the case is put to the engine
//! that decides before it counts.
//!
//! Anything else is no proof, and has a name: [`Unproved`]. What the solver does not tell is decided by
//! trying every combination, where that can be ([`hanzo_policy::prove`]), and is undecided where it cannot.
//!
//! # What is trusted
//! The compiler, and the solver's `unsat`. The solver's `sat` is not, and neither is its output: it is
//! bounded in time, memory and size, started anew for each question, and killed at the end of it.
//!
//! # What is assumed
//! - Nodes, keys and measurements have the schema's types. Whatever a broker decides about is made from typed
//!   claims by the table that makes the schema.
//! - The hierarchy is the schema's: measurements in reference sets, keys in tenants, nothing in itself.
//! - What [`hanzo_policy::prove::Claim::condition`] states: the tier is no lower than the key's minimum, a
//!   key is in its own tenant and in no other, and attributes that are read have values of their domain.

mod process;
mod prove;

pub use prove::prove;

use std::ffi::OsString;
use std::time::Duration;

/// The solver that is looked for where none is named.
pub const DEFAULT_SOLVER: &str = "cvc5";
/// How long a solver may think about one question. Those about the examples take less than a tenth of a
/// second.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Address space of a solver in bytes: twenty times what it takes for the examples.
pub const MAX_MEMORY: u64 = 2 << 30;
/// Most bytes of one solver's answers: a model states some hundred attributes for a handful of entities.
pub const MAX_ANSWER: usize = 8 << 20;

/// Which solver, and how long it may take.
#[derive(Clone, Debug)]
pub struct Solver {
    /// The program; a name without a slash is looked for where the system looks for programs.
    pub program: OsString,
    /// How long it may think about one question.
    pub timeout: Duration,
}

/// A solver that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum SolverError {
    /// There is no such program.
    #[error("SolverMissing: there is no program `{0}`")]
    Missing(String),
    /// The system does not start it.
    #[error("SolverStart: `{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no thread to ask it from.
    #[error("SolverThread: {source}")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not say what it is, as SMT-LIB 2.6 (clause 4.2.8, `get-info`) demands.
    #[error("SolverForeign: `{program}` is no SMT-LIB solver: {reason}")]
    Foreign {
        /// The program.
        program: String,
        /// What came, or did not.
        reason: String,
    },
}

/// Why the solver did not tell. None of it is a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// It took too long, and was killed.
    #[error("SolverTimeout: no answer within {0} s")]
    Timeout(u64),
    /// It answered that it does not know.
    #[error("SolverUnknown: the solver does not know")]
    Unknown,
    /// It ended before it answered: it crashed, or ran out of memory.
    #[error("SolverStopped: the solver ended before it answered: {0}")]
    Stopped(String),
    /// It answered with an error.
    #[error("SolverRefused: {0}")]
    Refused(String),
    /// What it answered is no answer, or is too long.
    #[error("SolverAnswer: {0}")]
    Answer(String),
    /// The policies, or the condition, cannot be written as a formula.
    #[error("Unsupported: {0}")]
    Unsupported(String),
    /// The case that it states cannot be read.
    #[error("SolverModel: {0}")]
    Model(String),
    /// A policy fails in the case that it states, which a broker counts as a no.
    #[error("PolicyFault: in the solver's case, {0}")]
    Fault(String),
    /// The engine that decides does not find what the solver states.
    #[error("SolverDisagreement: in the solver's case, {0}")]
    Disagreement(String),
}
