//! Exit codes, and what a failed command says.

use hanzo_kbs_client::{ClientError, SetupError};
use hanzo_node_agent::ExchangeError;
use hanzo_node_agent::local::{LocalError, SocketError};
use hanzo_node_attester::KeyFileError;
use hanzo_node_attester::tpm::TpmError;
use std::process::ExitCode;

/// Told in the help of every verb.
pub const EXIT_CODES: &str = "Exit codes:\n  \
    0  yes: it was done\n  \
    1  a clear no: refused, not found, or a check that failed\n  \
    2  wrong usage, unreadable input, or a machine that gives no evidence where it should\n  \
    3  the broker, or the agent, could not be reached";

/// How a command that ran to its end answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit code 0.
    Yes,
    /// Exit code 1. The reason has been printed.
    No,
    /// Exit code 3. The reason has been printed.
    Unreachable,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
            Answer::Unreachable => Self::from(3),
        }
    }
}

/// Why a command could not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A clear no: exit code 1.
    pub fn no(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Wrong usage, unreadable input, a machine that does not do what it should: exit code 2.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Nobody answered: exit code 3.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// For people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.code
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::unusable(error.to_string())
    }
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        Self::unusable(error.to_string())
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        let message = error.to_string();
        match error {
            KeyFileError::Exists { .. } => Self::no(message),
            _ => Self::unusable(message),
        }
    }
}

impl From<TpmError> for Failure {
    fn from(error: TpmError) -> Self {
        Self::unusable(error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        ExchangeError::from(error).into()
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        let message = error.to_string();
        if error.refusal().is_some() {
            Self::no(message)
        } else if error.is_unreachable() {
            Self::unreachable(message)
        } else {
            Self::unusable(message)
        }
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        let message = error.to_string();
        match error {
            LocalError::NotRunning { .. } | LocalError::Timeout => Self::unreachable(message),
            LocalError::Refused { .. } => Self::no(message),
            LocalError::Untrusted { .. } | LocalError::KeyId(_) | LocalError::Answer { .. } => {
                Self::unusable(message)
            }
        }
    }
}

/// Prints a failure to stderr and gives its exit code.
pub(crate) fn say(failure: &Failure) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "hanzo-node: {}", failure.message);
    ExitCode::from(failure.code)
}
