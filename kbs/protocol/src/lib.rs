//! Messages of the native door and the sealed envelope.
//!
//! What the broker, its clients and the node say to each other, and how a key travels: sealed by HPKE to
//! the key that evidence binds. This crate speaks in strings and numbers; what they mean for trust is
//! decided elsewhere.
//!
//! Pure: no IO and no clock. One exception is named: an HPKE encapsulation and a fresh recipient key draw
//! their randomness inside the cryptographic libraries, because neither of them accepts it as an argument.

#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod aad;
pub mod admin;
pub mod challenge;
pub mod changes;
pub mod handshake;
pub mod history;
pub mod messages;
pub mod problem;
pub mod recipient;
pub mod sealed;
pub mod secret;
mod suite;
pub mod tier;
pub mod tpm;

pub use aad::{Aad, AadError, Expected, ExpectedAad};
pub use admin::{
    Algorithm, AuditPage, Basis, Candidate, CandidatePolicy, CandidateReference, CreateKey,
    ExplainedDecision, GrantInfo, HeldAgainst, KeyInfo, KeyKind, KeyVersionInfo, PairInfo, PolicyInfo,
    PutPair, PutPolicy, PutReference, PutSecret, ReferenceInfo, ReferenceSigner, ReferenceValue,
    ReplayAnswer, ReplayRequest, RuleVersion, ShadowInfo, TrustInfo, VersionState,
};
pub use challenge::{Challenge, ChallengeRequest};
pub use changes::{
    ApproveChange, BreakGlass, ChangeInfo, ChangeKind, ChangeState, PersonKey, ProposeChange, VoteInfo,
    WithdrawChange,
};
pub use handshake::{ExpectAnswer, ExpectChallenge, HandshakeError, OpenedKey, Session};
pub use history::{Diverged, HistoryStatement, KeySet, RuleName, SignedHistory, StatementError};
pub use messages::{
    AttestRequest, AttestResponse, AuthorizeProof, AuthorizeRequest, AuthorizeResponse, Checkpoint,
    GrantStatus, GrantedKey, NextTier, Receipt, RenewRequest, RevokeRequest, SessionState, SessionStatus,
    TierPolicy,
};
pub use problem::Problem;
pub use recipient::RecipientKeyPair;
pub use sealed::{OpenError, SealError, Sealed, seal};
pub use secret::SecretBytes;
pub use tpm::{ActivateRequest, ActivateResponse, CredentialRequest, CredentialResponse};
