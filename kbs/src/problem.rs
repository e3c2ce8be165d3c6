//! What a caller is told when something does not happen: RFC 9457 problems with stable codes.
//!
//! A problem says which *kind* of thing went wrong. Why evidence or a policy refused is in the decision
//! that the operator reads; the caller gets its number. No detail quotes the request.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hanzo_kbs_protocol as protocol;
use std::borrow::Cow;

/// The stable codes. Programs match on them; they never change once published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is not what this call reads.
    MalformedRequest,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// The body is larger than the door takes.
    RequestTooLarge,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The evidence document or what is inside it cannot be read.
    EvidenceMalformed,
    /// The evidence was read, and refused.
    EvidenceRefused,
    /// The challenge is not ours, is over, or was used.
    ChallengeRefused,
    /// The key does not exist, or may not be had: the same answer.
    KeyNotGranted,
    /// No such session.
    SessionUnknown,
    /// No credential, or not a valid one.
    Unauthenticated,
    /// Nothing has this name.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The thing exists already, or is not at the version that the caller expects.
    Conflict,
    /// The rule is changed by several people together.
    QuorumRequired,
    /// A change that several people decide about is not to be had like this.
    ChangeRefused,
    /// The vault is sealed.
    Sealed,
    /// The broker cannot do this now, and has done nothing.
    Unavailable,
    /// A fault of the broker.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::MalformedRequest,
        Self::UnsupportedMediaType,
        Self::RequestTooLarge,
        Self::RequestTimeout,
        Self::EvidenceMalformed,
        Self::EvidenceRefused,
        Self::ChallengeRefused,
        Self::KeyNotGranted,
        Self::SessionUnknown,
        Self::Unauthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::QuorumRequired,
        Self::ChangeRefused,
        Self::Sealed,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code as written in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedRequest => "MalformedRequest",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::RequestTooLarge => "RequestTooLarge",
            Self::RequestTimeout => "RequestTimeout",
            Self::EvidenceMalformed => "EvidenceMalformed",
            Self::EvidenceRefused => "EvidenceRefused",
            Self::ChallengeRefused => "ChallengeRefused",
            Self::KeyNotGranted => "KeyNotGranted",
            Self::SessionUnknown => "SessionUnknown",
            Self::Unauthenticated => "Unauthenticated",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Conflict => "Conflict",
            Self::QuorumRequired => "QuorumRequired",
            Self::ChangeRefused => "ChangeRefused",
            Self::Sealed => "Sealed",
            Self::Unavailable => "Unavailable",
            Self::Internal => "Internal",
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest | Self::EvidenceMalformed => StatusCode::BAD_REQUEST,
            Self::ChallengeRefused | Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::EvidenceRefused | Self::KeyNotGranted => StatusCode::FORBIDDEN,
            Self::SessionUnknown | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::QuorumRequired | Self::ChangeRefused => StatusCode::CONFLICT,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Sealed | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The short, fixed sentence for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "the request is not what this call reads",
            Self::UnsupportedMediaType => "the body must be application/json",
            Self::RequestTooLarge => "the body is larger than 1 MiB",
            Self::RequestTimeout => "the request did not arrive in time",
            Self::EvidenceMalformed => "the evidence cannot be read",
            Self::EvidenceRefused => "the evidence was refused",
            Self::ChallengeRefused => "the challenge is unknown, over or used",
            Self::KeyNotGranted => "the key is not granted",
            Self::SessionUnknown => "there is no such session",
            Self::Unauthenticated => "a valid credential is needed",
            Self::NotFound => "nothing has this name",
            Self::MethodNotAllowed => "the method is not one of this path's",
            Self::Conflict => "it exists already, or has another version",
            Self::QuorumRequired => "this rule is changed by several people",
            Self::ChangeRefused => "the people who decide have not agreed to this",
            Self::Sealed => "the vault is sealed",
            Self::Unavailable => "the broker cannot do this now",
            Self::Internal => "a fault of the broker",
        }
    }

    /// The code that fits a bare status, for answers that the router made.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::RequestTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            status if status.is_client_error() => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }
}

/// One problem, without its request id: that is added when it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    decision: Option<u64>,
}

impl Problem {
    /// A problem whose detail is its title.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: Cow::Borrowed(code.title()), decision: None }
    }

    /// Says more, in words that contain nothing of the request's values.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Names the recorded decision that holds the full reason.
    #[must_use]
    pub const fn decision(mut self, seq: u64) -> Self {
        self.decision = Some(seq);
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The answer, with the id of the request that it answers.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let status = self.code.status();
        let body = protocol::Problem {
            kind: format!("urn:hanzo-kbs:problem:{}", self.code.name()),
            title: self.code.title().to_owned(),
            status: status.as_u16(),
            code: self.code.name().to_owned(),
            detail: self.detail.clone().into_owned(),
            decision: self.decision,
            request_id: request_id.to_owned(),
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.code, Code::RequestTooLarge | Code::RequestTimeout) {
            // The rest of the body is not read, so that nothing more can follow it on this connection; said
            // aloud, because a client that sent its next request into it would see it break.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match self.code {
            // A full house empties within a verification, some milliseconds: one second is the least that
            // fits.
            Code::Unavailable => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
            // A person or a key service unseals.
            Code::Sealed => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10")),
            _ => None,
        };
        response
    }

    /// The problem that an answer of the router stands for, if the answer is an error.
    pub(crate) fn of_response(response: &Response) -> Option<Self> {
        if let Some(problem) = response.extensions().get::<Self>() {
            return Some(problem.clone());
        }
        let status = response.status();
        (status.is_client_error() || status.is_server_error()).then(|| Self::new(Code::of_status(status)))
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// Leaves the problem beside an empty answer: the outermost layer knows the request id and writes the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_errors() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|c| c.status().is_client_error() || c.status().is_server_error()));
    }

    #[test]
    fn busy_answers_say_when_to_come_back() {
        for code in Code::ALL {
            let response = Problem::new(code).render("r");
            let busy = response.status().as_u16() == 503;
            assert_eq!(response.headers().contains_key("retry-after"), busy, "{}", code.name());
        }
    }

    #[test]
    fn an_answer_without_a_problem_gets_one_from_its_status() {
        let bare = StatusCode::METHOD_NOT_ALLOWED.into_response();
        assert_eq!(Problem::of_response(&bare).unwrap().code(), Code::MethodNotAllowed);
        assert_eq!(Problem::of_response(&StatusCode::OK.into_response()), None);
        let teapot = StatusCode::IM_A_TEAPOT.into_response();
        assert_eq!(Problem::of_response(&teapot).unwrap().code(), Code::MalformedRequest);
    }
}
