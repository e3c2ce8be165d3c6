//! Rows as a backend stores them. None holds a secret in the clear.

use crate::envelope::Record;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, UnixTime};
use hanzo_kbs_log::{Head, Outcome};
use hanzo_kbs_protocol::{ChangeKind, KeyKind, VersionState};

/// The one row about the store itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaRow {
    /// 16 random bytes.
    pub store_id: [u8; 16],
    /// Which kind of seal wraps the root key.
    pub seal_kind: String,
    /// The wrapped root key, in the seal's own format.
    pub sealed_root: Vec<u8>,
    /// When the store was made.
    pub created_at: UnixTime,
    /// What changes with every decision.
    pub ledger: LedgerRow,
}

/// What changes with every decision, authenticated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// The record's head.
    pub head: Head,
    /// The newest time of any decision.
    pub clock_high: UnixTime,
    /// Number of the newest decision that changed a policy, a reference set or the inventory.
    pub rules_epoch: u64,
    /// What stands for the whole table of held devices.
    pub holds: HoldsRow,
    /// Changes of rules that were applied without their quorum and that nobody has acknowledged.
    pub broken: BrokenGlass,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// What stands for the whole table of held devices, so that a row that is missing or was put back is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldsRow {
    /// How many rows there are.
    pub count: u64,
    /// A keyed sum over them, masked; zero when there is none.
    pub digest: Hex<32>,
}

impl HoldsRow {
    /// Of a table without rows.
    pub const EMPTY: Self = Self { count: 0, digest: Hex([0; 32]) };
}

/// Changes that were applied at once and are not acknowledged: at most four, oldest first. More emergencies
/// than that at a time are no emergencies, and every row and receipt names all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokenGlass([Option<Hex<32>>; 4]);

impl BrokenGlass {
    /// From ids, one after the other; `None` for what [`BrokenGlass::to_bytes`] does not write.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ids, []) = bytes.as_chunks::<32>() else { return None };
        let mut broken = Self::default();
        ids.iter().all(|id| broken.add(Hex(*id))).then_some(broken)
    }

    /// The ids, one after the other.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flatten().flat_map(|id| id.0).collect()
    }

    /// The ids, oldest first.
    #[must_use]
    pub fn ids(self) -> Vec<Hex<32>> {
        self.0.into_iter().flatten().collect()
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn contains(&self, id: &Hex<32>) -> bool {
        self.0.contains(&Some(*id))
    }

    /// Adds one; `false` when there is no room.
    #[must_use]
    pub fn add(&mut self, id: Hex<32>) -> bool {
        let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) else { return false };
        *free = Some(id);
        true
    }

    /// Takes one away; the others keep their order.
    pub fn remove(&mut self, id: &Hex<32>) {
        let mut left = self.ids().into_iter().filter(|other| other != id);
        self.0 = std::array::from_fn(|_| left.next());
    }
}

/// A key without its material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// `tenant/name`.
    pub id: String,
    /// The first segment.
    pub tenant: String,
    /// Generated or imported.
    pub kind: KeyKind,
    /// `aes-256` or `opaque`.
    pub algorithm: String,
    /// 0 to 4.
    pub minimum_tier: u8,
    /// Whether tier 2 must come from a CPU TEE.
    pub require_cpu_tee: bool,
    /// The version that is released.
    pub current_version: u64,
    /// When it was made.
    pub created_at: UnixTime,
}

/// A key version with its sealed material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    /// The key.
    pub key_id: String,
    /// 1 and up.
    pub version: u64,
    /// The material.
    pub record: Record,
    /// Whether it can be released.
    pub state: VersionState,
    /// When it was made.
    pub created_at: UnixTime,
    /// How many times it was released.
    pub releases: u64,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// 32 lower-case hex digits.
    pub id: String,
    /// The one recipient that it serves.
    pub recipient_digest: Hex<32>,
    /// Its newest evidence.
    pub evidence_digest: Hex<32>,
    /// The tier that this evidence proved.
    pub tier: u8,
    /// Whether it rests on a lab root.
    pub lab: bool,
    /// When it was opened.
    pub opened_at: UnixTime,
    /// When it was last renewed, or opened.
    pub renewed_at: UnixTime,
    /// Its deadline.
    pub expires_at: UnixTime,
    /// When it was ended.
    pub revoked_at: Option<UnixTime>,
    /// Whether that was because its machine opened another one for the same devices.
    pub superseded: bool,
    /// The machine that its newest evidence is of; `None` where the platform hides it.
    pub machine: Option<MachineId>,
    /// The devices that its newest evidence is of.
    pub devices: Vec<DeviceId>,
}

/// A device held by a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// The device.
    pub device: DeviceId,
    /// The session.
    pub session_id: String,
    /// The recipient that the session serves.
    pub recipient_digest: Hex<32>,
    /// The machine that the session is of; `None` where the platform hides it.
    pub machine: Option<MachineId>,
    /// When the evidence was accepted that the session rests on.
    pub since: UnixTime,
    /// The session's deadline.
    pub until: UnixTime,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// A key version held by a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The session.
    pub session_id: String,
    /// The key.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// The tier that was proved.
    pub tier: u8,
    /// First release in this session.
    pub granted_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Releases in this session.
    pub releases: u64,
    /// The newest decision about it.
    pub decision: u64,
}

/// Which kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// Cedar text.
    Policy,
    /// A set of reference values, as JSON.
    Reference,
    /// A machine and its devices, as JSON.
    Inventory,
    /// What the broker trusts, as JSON.
    Trust,
}

impl RuleKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Reference, Self::Inventory, Self::Trust];

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Reference => "reference",
            Self::Inventory => "inventory",
            Self::Trust => "trust",
        }
    }
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// Policy, reference set or pair.
    pub kind: RuleKind,
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// Text or JSON.
    pub body: String,
    /// When it was put.
    pub created_at: UnixTime,
    /// The decision that put it.
    pub decision: u64,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// A change, as it was proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// SHA-256 of what the author signed.
    pub id: Hex<32>,
    /// What it is.
    pub kind: ChangeKind,
    /// The rule, or the key.
    pub name: String,
    /// Its new text or JSON.
    pub body: String,
    /// The version that it replaces; `None` is none.
    pub expected_version: Option<u64>,
    /// Who proposed it.
    pub author: String,
    /// The author's random bytes.
    pub nonce: Hex<16>,
    /// The author's signature.
    pub signature: Hex<64>,
    /// When, by the newest time that the record knew.
    pub proposed_at: UnixTime,
    /// The decision that stored it.
    pub decision: u64,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// What people can say about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoteWord {
    /// It shall be applied when its time has come.
    Approve,
    /// It shall be applied at once.
    BreakGlass,
    /// It was applied at once, and somebody has looked at it.
    Acknowledge,
}

impl VoteWord {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::BreakGlass, Self::Acknowledge];

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::BreakGlass => "break-glass",
            Self::Acknowledge => "acknowledge",
        }
    }
}

/// What one person said about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteRow {
    /// The change.
    pub change: Hex<32>,
    /// What they said.
    pub word: VoteWord,
    /// Who.
    pub person: String,
    /// Why, where the glass was broken.
    pub reason: Option<String>,
    /// Their signature.
    pub signature: Hex<64>,
    /// When.
    pub at: UnixTime,
    /// The decision that stored it.
    pub decision: u64,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// A candidate for the rules that is asked beside those in force, and what it was found to decide otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowRow {
    /// The candidate, as JSON.
    pub candidate: String,
    /// The decision that set it.
    pub decision: u64,
    /// When.
    pub since: UnixTime,
    /// The newest decision that it was asked about.
    pub seen: u64,
    /// What was counted up to there, as JSON.
    pub report: String,
    /// HMAC-SHA256 over all of it.
    pub mac: [u8; 32],
}

/// What a bearer token rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationRow {
    /// The token's id.
    pub token_id: String,
    /// The evidence document as sent.
    pub document: Vec<u8>,
    /// The challenge.
    pub nonce: String,
    /// The recipient, as JSON.
    pub recipient: String,
    /// The runtime data, as JSON.
    pub runtime_data: Option<String>,
    /// When it was accepted.
    pub attested_at: UnixTime,
    /// When the token ends.
    pub expires_at: UnixTime,
    /// The decision.
    pub decision: u64,
}

/// Which kind of document is kept about past decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeptKind {
    /// What policies knew of a node.
    Facts,
    /// Evidence that was refused, with the challenge and the recipient that it was presented with.
    Proof,
}

impl KeptKind {
    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Proof => "proof",
        }
    }
}

/// A document that past decisions rested on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// SHA-256 of the body.
    pub digest: Hex<32>,
    /// What it is.
    pub kind: KeptKind,
    /// Its bytes.
    pub body: Vec<u8>,
    /// When it may be forgotten.
    pub keep_until: UnixTime,
}

/// A decision that policies made, as far as making it again needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastDecision {
    /// Its number.
    pub seq: u64,
    /// When it was decided.
    pub at: UnixTime,
    /// Yes or no.
    pub outcome: Outcome,
    /// The code.
    pub code: String,
    /// The key.
    pub key_id: String,
    /// The tier that the key demanded.
    pub minimum_tier: u8,
    /// The document with the facts.
    pub facts_digest: Hex<32>,
    /// How many other recipients had a live grant of the key; `None` where it was not counted yet.
    pub live_grants: Option<u32>,
}
