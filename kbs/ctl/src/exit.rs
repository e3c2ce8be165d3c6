//! How a verb ends: an outcome or a failure, each with its exit code.

use hanzo_kbs_client::{ClientError, SetupError};
use hanzo_kbs_protocol::StatementError;
use hanzo_policy_symbolic::SolverError;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The answer of a verb that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, found, valid: exit code 0.
    Yes,
    /// A clear no, already explained on standard output: exit code 1.
    No,
}

impl From<bool> for Outcome {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Yes => Self::SUCCESS,
            Outcome::No => Self::from(1),
        }
    }
}

/// A verb that could not run to its end. Printed on standard error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No flag, no variable, no stored login names a broker.
    #[error("no broker named: give --addr, set KBS_ADDR, or run `kbsctl login`")]
    NoAddress,
    /// No flag, no variable, no stored login for this broker has a token.
    #[error("no token for {addr}: give --token-file, set KBS_TOKEN_FILE or KBS_TOKEN, or run `kbsctl login`")]
    NoToken {
        /// The broker.
        addr: String,
    },
    /// Two sources of a token, and no way to say which one is meant.
    #[error("KBS_TOKEN and a token file are both given: unset one")]
    TwoTokens,
    /// Others can read the file with the token.
    #[error("`{path}` can be read or written by every user of this machine (mode {mode:04o}): chmod 0600 it")]
    TokenFileOpen {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// There is nowhere to store a login.
    #[error("neither XDG_CONFIG_HOME nor HOME is set: there is nowhere to store a login")]
    NoConfigDirectory,
    /// The stored login is not what `login` writes.
    #[error("the stored login `{path}` cannot be used ({reason}): run `kbsctl login` again")]
    StoredLogin {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or standard input cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// The file, or `-`.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is larger than what it is for can be.
    #[error("`{path}` is larger than {limit} bytes")]
    FileTooLarge {
        /// The file, or `-`.
        path: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// A file that is not what the verb reads.
    #[error("`{path}`: {reason}")]
    Input {
        /// The file, or `-`.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be written.
    #[error("`{path}` cannot be written: {source}")]
    Unwritable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The machine does not know what time it is.
    #[error("the clock of this machine is set before 1970 or after 9999")]
    NoClock,
    /// The client cannot be set up with what was given.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The broker refused, or there was no broker.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The broker has nothing of the name that was asked for.
    #[error("NotFound (404): {0}")]
    Absent(String),
    /// The result cannot be written out.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The solver that was named cannot be asked.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// What the broker signed is no history.
    #[error("the broker's signed history cannot be used: {0}")]
    Statement(StatementError),
    /// No vendor's service answered.
    #[error("{0}")]
    Vendor(String),
    /// The asynchronous runtime does not start.
    #[error("the runtime does not start: {0}")]
    Runtime(io::Error),
}

impl Failure {
    /// A file that is not what the verb reads.
    pub(crate) fn file(path: &Path, reason: impl Display) -> Self {
        Self::Input { path: path.display().to_string(), reason: reason.to_string() }
    }

    /// A file that cannot be written.
    pub(crate) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable { path: path.display().to_string(), source }
    }

    /// 1 when a broker said no, 3 when none was reached, 2 for everything that is wrong on this side.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Client(ClientError::Problem(_)) | Self::Absent(_) => 1,
            Self::Client(ClientError::Name | ClientError::Request(_)) => 2,
            Self::Client(_) | Self::Vendor(_) | Self::Statement(_) => 3,
            _ => 2,
        }
    }
}

/// Exit codes of verbs that talk to a broker, for `--help`.
pub(crate) const REMOTE: &str = "\
Exit codes:
  0  yes: done, found
  1  a clear no: refused, not found, not allowed
  2  wrong usage or unreadable input
  3  the broker could not be reached, or what answered is no broker that is trusted

Environment:
  KBS_ADDR        address of the broker, https://HOST:PORT
  KBS_CACERT      file with the certificate authority of the broker, PEM
  KBS_TOKEN_FILE  file with the administrator's token
  KBS_TOKEN       the token itself";

/// Exit codes of verbs that need no broker, for `--help`.
pub(crate) const OFFLINE: &str = "\
Exit codes:
  0  yes: valid, passed
  1  a clear no: invalid, failed
  2  wrong usage or unreadable input

Works offline: no broker, no environment.";

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_kbs_client::BrokerProblem;

    #[test]
    fn a_no_differs_from_no_answer() {
        let problem = BrokerProblem {
            status: 403,
            code: "KeyNotGranted".to_owned(),
            detail: "no".to_owned(),
            decision: Some(7),
            request_id: "r".to_owned(),
            retry_after: None,
        };
        assert_eq!(Failure::from(ClientError::Problem(Box::new(problem))).code(), 1);
        assert_eq!(Failure::from(ClientError::Unreachable { reason: "refused".to_owned() }).code(), 3);
        assert_eq!(Failure::from(ClientError::Tls { reason: "unknown issuer".to_owned() }).code(), 3);
        assert_eq!(Failure::from(ClientError::Redirected { status: 302 }).code(), 3);
        assert_eq!(Failure::from(ClientError::Name).code(), 2);
        assert_eq!(Failure::from(SetupError::PlainHttp).code(), 2);
        assert_eq!(Failure::NoAddress.code(), 2);
    }
}
