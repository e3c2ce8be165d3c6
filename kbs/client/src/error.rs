//! What can go wrong before a call, and in one.

use std::time::Duration;

/// A client that cannot be set up as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The address is no URL.
    #[error("the broker's address is no URL: {0}")]
    AddressInvalid(String),
    /// The scheme is neither `https` nor `http`.
    #[error("the broker's address starts with `{0}://`, not https://")]
    Scheme(String),
    /// Plain HTTP to another machine, or to a name.
    #[error("plain http:// is accepted for a literal loopback address only, e.g. http://127.0.0.1:8080")]
    PlainHttp,
    /// User, password, path, query or fragment in the address.
    #[error("the broker's address has more than scheme, host and port")]
    AddressExtras,
    /// TLS was asked for, and nothing says whom to trust.
    #[error("an https:// broker needs a certificate authority to trust")]
    AuthorityMissing,
    /// The certificate authority file is not PEM, or has no certificate.
    #[error("the certificate authority is not PEM with at least one certificate: {0}")]
    AuthorityInvalid(String),
    /// The machine's own certificate store was asked for and cannot be used.
    #[error("the system's certificate store cannot be used: {0}")]
    SystemStore(String),
    /// The token cannot be sent in a header.
    #[error("the token is not 1 to {limit} visible ASCII characters", limit = crate::token::MAX_TOKEN)]
    TokenInvalid,
    /// The HTTP or TLS library refused its configuration.
    #[error("the HTTP client cannot be built: {0}")]
    Library(String),
}

/// A call that gave no answer of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The broker answered with a problem (RFC 9457).
    #[error("{0}")]
    Problem(Box<BrokerProblem>),
    /// No connection, or it broke.
    #[error("the broker cannot be reached: {reason}")]
    Unreachable {
        /// What the network said.
        reason: String,
    },
    /// No complete answer in time.
    #[error("the broker did not answer within {} s", .limit.as_secs())]
    Timeout {
        /// The time limit of one call.
        limit: Duration,
    },
    /// The TLS handshake failed: this is not a broker that the given authority vouches for.
    #[error("the broker's TLS identity was not accepted: {reason}")]
    Tls {
        /// What the TLS library said.
        reason: String,
    },
    /// The answer was a redirect, which is never followed.
    #[error("the answer was a redirect ({status}), which is never followed")]
    Redirected {
        /// The HTTP status, 300 to 399.
        status: u16,
    },
    /// The answer is larger than this client reads.
    #[error("the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The answer is not `application/json`.
    #[error("the answer is `{found}`, not application/json")]
    ContentType {
        /// The content type found; empty if there was none.
        found: String,
    },
    /// An error status without a problem document: most likely not a broker.
    #[error("the answer has status {status} and no problem document")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The answer is JSON of another shape.
    #[error("the answer is malformed: {reason}")]
    Malformed {
        /// What does not fit.
        reason: String,
    },
    /// A name that cannot be a path segment: empty, `.` or `..`.
    #[error("a name in the request is empty, `.` or `..`")]
    Name,
    /// The request has no JSON form.
    #[error("the request has no JSON form: {0}")]
    Request(String),
}

impl ClientError {
    /// The stable code of the broker's problem, if there was one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

/// The parts of a problem document that a caller acts on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {detail}{}", .decision.map(|d| format!(" [decision {d}]")).unwrap_or_default())]
pub struct BrokerProblem {
    /// HTTP status of the answer.
    pub status: u16,
    /// Stable code, e.g. `KeyNotGranted`.
    pub code: String,
    /// For people.
    pub detail: String,
    /// Where the operator finds the full reason: the number of the decision in the record.
    pub decision: Option<u64>,
    /// The broker's name for this request.
    pub request_id: String,
    /// `Retry-After`, when the broker says to come back.
    pub retry_after: Option<Duration>,
}
