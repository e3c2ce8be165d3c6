//! RFC 9457 problem details.

use serde::{Deserialize, Serialize};

/// A refusal as the caller sees it: a stable code, and where the operator finds the whole reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A URI reference for the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short title, the same for every problem with this code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code, e.g. `EvidenceRefused`.
    pub code: String,
    /// One sentence, without any reason that would help an attacker.
    pub detail: String,
    /// Row of the record with the full reason, where the decision was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<u64>,
    /// The request, as in the `x-request-id` header.
    pub request_id: String,
}
