//! Messages of the admin calls. None of them ever carries key material out.

use crate::messages::Checkpoint;
use crate::secret::SecretBytes;
use crate::tier;
use hanzo_attestation_evidence::{DeviceId, Digest, Hex, MachineId, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Algorithms of keys that the broker generates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// 32 random bytes.
    #[default]
    #[serde(rename = "aes-256")]
    Aes256,
}

impl Algorithm {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "aes-256",
        }
    }
}

/// Body of `POST keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// `tenant/name`.
    pub id: String,
    /// The tier below which nothing yields the key.
    #[serde(deserialize_with = "tier::number")]
    pub minimum_tier: u8,
    /// What is generated.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Whether tier 2 must come from a CPU TEE.
    #[serde(default)]
    pub require_cpu_tee: bool,
}

/// Where the material came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Generated inside.
    Key,
    /// Imported.
    Secret,
}

impl KeyKind {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Secret => "secret",
        }
    }
}

/// The life of a key version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// Can be released.
    Enabled,
    /// Kept, and not released.
    Disabled,
    /// Its material is gone.
    Destroyed,
}

/// One version of a key, without its material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyVersionInfo {
    /// 1 and up.
    pub version: u64,
    /// When it was made.
    pub created_at: UnixTime,
    /// Whether it can be released.
    pub state: VersionState,
    /// How many times it was released.
    pub releases: u64,
}

/// A key, without its material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyInfo {
    /// `tenant/name`.
    pub id: String,
    /// The first segment of the id.
    pub tenant: String,
    /// Generated or imported.
    pub kind: KeyKind,
    /// `aes-256`, or `opaque` for a secret.
    pub algorithm: String,
    /// The tier below which nothing yields the key.
    #[serde(deserialize_with = "tier::number")]
    pub minimum_tier: u8,
    /// Whether tier 2 must come from a CPU TEE.
    pub require_cpu_tee: bool,
    /// The version that is released.
    pub current_version: u64,
    /// When the key was made.
    pub created_at: UnixTime,
    /// All versions, oldest first.
    pub versions: Vec<KeyVersionInfo>,
}

/// Body of `PUT secrets/{id}`. A secret that exists gets a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    /// `tenant/name`; the same as in the path.
    pub id: String,
    /// The tier below which nothing yields the secret; fixed by the first version.
    #[serde(deserialize_with = "tier::number")]
    pub minimum_tier: u8,
    /// Whether tier 2 must come from a CPU TEE; fixed by the first version.
    #[serde(default)]
    pub require_cpu_tee: bool,
    /// The secret, base64.
    pub value: SecretBytes,
}

/// Body of `PUT policies/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPolicy {
    /// Cedar text.
    pub text: String,
    /// The version that this one replaces; absent when the policy is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Whether it is refused when it would decide a recorded decision otherwise than the rules in force.
    #[serde(default, skip_serializing_if = "is_false")]
    pub if_no_flips: bool,
    /// Only decisions from then on are made again for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixTime>,
    /// How many rows at the end of the record are looked at for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What a policy was held against before it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldAgainst {
    /// The first row of the record that was looked at.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Rows before the first one, which nobody looked at.
    pub older: u64,
    /// Only decisions from then on were made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixTime>,
    /// Decisions that were made again.
    pub decisions: u64,
    /// Decisions of which nothing is kept any more.
    pub not_kept: u64,
    /// Decisions that could not be made again.
    pub unknown: u64,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

/// A policy version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyInfo {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of the text.
    pub digest: Hex<32>,
    /// Number of the decision in the record that put this version.
    pub decision: u64,
    /// The text; left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When this version was put.
    pub created_at: UnixTime,
    /// In the answer to a put with `if_no_flips`: what it was held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_against: Option<HeldAgainst>,
}

/// One reference value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceValue {
    /// The kind of evidence, e.g. `sev-snp`.
    pub tee: String,
    /// `measurement`, `mr_td`, `rtmr0` …
    pub register: String,
    /// The digest, lower-case hex, of the register's size.
    pub digest: Digest,
    /// The entry that the value belongs to: values of one entry count together or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where it came from, e.g. the identifier of a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whose signature over it was verified before it was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<ReferenceSigner>,
    /// The first instant at which it counts; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixTime>,
    /// The first instant at which it counts no more; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
}

impl ReferenceValue {
    /// A value of one register, without anything else said about it.
    #[must_use]
    pub fn new(tee: &str, register: &str, digest: Digest) -> Self {
        Self {
            tee: tee.to_owned(),
            register: register.to_owned(),
            digest,
            entry: None,
            note: None,
            source: None,
            signer: None,
            not_before: None,
            expires_at: None,
        }
    }
}

/// Who vouched for a reference value when it was imported. The administrator's program verified it; the
/// broker keeps what it was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum ReferenceSigner {
    /// A key that was pinned for the import.
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo.
        key_id: Hex<32>,
        /// What the import called it.
        name: String,
    },
    /// A vendor, whose chain was verified to a pinned root.
    Vendor {
        /// Its certificate: common name and serial number.
        vendor: String,
    },
    /// Nobody.
    Unsigned {
        /// Why the administrator accepted that.
        unsigned: String,
    },
}

/// Body of `PUT references/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutReference {
    /// The whole set.
    pub values: Vec<ReferenceValue>,
    /// The version that this one replaces; absent when the set is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// A version of a reference set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceInfo {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// The set.
    pub values: Vec<ReferenceValue>,
    /// When this version was put.
    pub created_at: UnixTime,
}

/// One version of a policy or reference set, without what it says: answer to `GET references/{name}/versions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleVersion {
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of the text, or of the RFC 8785 form of the values: two versions that say the same have one.
    pub digest: Hex<32>,
    /// When it was put.
    pub created_at: UnixTime,
    /// The row of the record about it.
    pub decision: u64,
    /// That row's place in the record's hash chain.
    pub hash: Hex<32>,
    /// Who put it.
    pub actor: String,
}

/// One grant, as `GET grants` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantInfo {
    /// The session that holds it.
    pub session_id: String,
    /// The key.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// The tier that was proved.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// First release in this session.
    pub granted_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// How many times it was released in this session.
    pub releases: u64,
    /// The newest row of the record about it.
    pub decision: u64,
    /// Whether the session was ended.
    pub revoked: bool,
    /// Whether that was because its machine opened another session for the same devices.
    #[serde(default)]
    pub superseded: bool,
    /// The machine that the session is of; absent where the platform hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineId>,
    /// The devices that the session rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
}

/// Body of `PUT inventory/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPair {
    /// The machine.
    pub machine: MachineId,
    /// All the devices that it has, or that one of its guests has.
    pub devices: Vec<DeviceId>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The version that this one replaces; absent when the pair is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// A version of a pair: a machine and its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairInfo {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// The machine.
    pub machine: MachineId,
    /// Its devices; none in a pair that was taken back.
    pub devices: Vec<DeviceId>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When this version was put.
    pub created_at: UnixTime,
}

/// Answer to `GET audit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPage {
    /// Rows in order, each as the record has it.
    pub entries: Vec<Value>,
    /// The newest row at the time of the answer.
    pub head: Checkpoint,
}

/// What an explanation was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The facts that policies decided by: the decision was made again exactly.
    Facts,
    /// The proof that was refused: it was verified again.
    Proof,
    /// The row alone.
    Record,
}

impl Basis {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Proof => "proof",
            Self::Record => "record",
        }
    }
}

/// Answer to `GET audit/{seq}/explanation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainedDecision {
    /// The number of the decision.
    pub decision: u64,
    /// When it was made.
    pub at: UnixTime,
    /// What was asked for.
    pub action: String,
    /// Yes or no, as recorded.
    pub granted: bool,
    /// The code, as recorded.
    pub code: String,
    /// The reason, as recorded.
    pub reason: String,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// What the explanation was made from.
    pub basis: Basis,
    /// Where the explanation and the record differ, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The checks that configuration waives and that the decision, or the evidence, rests on: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<String>,
    /// The explanation, as the policy crate writes it.
    pub explanation: Value,
}

/// A policy that is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidatePolicy {
    /// Its name.
    pub name: String,
    /// Cedar text.
    pub text: String,
}

/// A reference set that is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateReference {
    /// Its name.
    pub name: String,
    /// The set.
    pub values: Vec<ReferenceValue>,
}

/// Rules that are tried in place of all that are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// All policies.
    pub policies: Vec<CandidatePolicy>,
    /// All reference sets; absent: those in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<Vec<CandidateReference>>,
}

/// Body of `POST policies-replay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// What is tried.
    pub candidate: Candidate,
    /// Only decisions from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixTime>,
    /// Only decisions before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixTime>,
    /// Only decisions after this number.
    #[serde(default)]
    pub after: u64,
}

/// Answer to `POST policies-replay`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayAnswer {
    /// The report, as the policy crate writes it.
    pub report: Value,
    /// Where to go on: there are more decisions after this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Answer to the calls of `policies-shadow`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowInfo {
    /// Whether a candidate stands beside the rules in force.
    pub active: bool,
    /// Names of its policies.
    pub policies: Vec<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixTime>,
    /// The decision up to which the report counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// Whether there are decisions after that one to count: the next call goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// What it would have decided otherwise since then, as the policy crate writes it; of the decisions that differ
    /// it lists the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

/// The document about what the broker trusts, as it was adopted or approved last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustInfo {
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of its RFC 8785 form.
    pub digest: Hex<32>,
    /// Number of the decision in the record that put this version.
    pub decision: u64,
    /// When this version was put.
    pub created_at: UnixTime,
    /// Whether the broker runs by it; a version that was just approved counts from the next start.
    pub in_force: bool,
    /// The document.
    pub document: Value,
}
