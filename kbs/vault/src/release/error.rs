//! Why a release was not made.

use crate::error::{RecordError, RulesError, StoreError};
use crate::holds::Machine;
use crate::inventory::Devices;
use crate::rng::RngError;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, UnixTime};
use hanzo_kbs_protocol::SealError;
use hanzo_policy::Denial;

/// One variant for each broken rule. In every case nothing was stored, and nothing left the vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The write itself: the database, a damaged record, a clock that went back.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The challenge was used before.
    #[error("the challenge was used before")]
    ChallengeReused,
    /// The challenge has ended.
    #[error("the challenge ended at {expires_at}, it is {now}")]
    ChallengeExpired {
        /// Its last moment.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// No permit.
    #[error("there is no permit")]
    NothingToRelease,
    /// More permits than one release may have.
    #[error("{count} keys in one release; at most {limit} are released")]
    TooManyKeys {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Two permits for one key.
    #[error("two permits for `{key}`")]
    KeyTwice {
        /// The key.
        key: String,
    },
    /// A permit with other evidence, another recipient or another tier than the first.
    #[error("the permit for `{key}` is not from the same decision as the first one")]
    PermitsDiffer {
        /// The key.
        key: String,
    },
    /// A permit has ended.
    #[error("the permit for `{key}` ended at {expires_at}, it is {now}")]
    PermitExpired {
        /// The key.
        key: String,
        /// Its end.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// A policy or reference set was changed after the permits were given.
    #[error(
        "the permits were given under the rules of decision {decided}, and decision {current} changed them"
    )]
    RulesChanged {
        /// The epoch of the permits.
        decided: u64,
        /// The epoch now.
        current: u64,
    },
    /// Decided anew by the number of live grants in the transaction, the answer is no.
    #[error("`{key}`, with {live_grants} live grants: {denial}")]
    Denied {
        /// The key.
        key: String,
        /// How many other recipients have a live grant of it.
        live_grants: u32,
        /// Why not.
        denial: Box<Denial>,
    },
    /// What was decided anew is about another key or other evidence.
    #[error("the permit given anew for `{key}` is of another decision")]
    DecidedOtherwise {
        /// The key.
        key: String,
    },
    /// There is no such key.
    #[error("there is no key `{key}`")]
    KeyUnknown {
        /// The key.
        key: String,
    },
    /// The key demands another tier than when the permit was given.
    #[error("`{key}` demands tier {stored}, the permit was given for {permitted}")]
    MinimumChanged {
        /// The key.
        key: String,
        /// The minimum in the permit.
        permitted: u8,
        /// The minimum in the store.
        stored: u8,
    },
    /// The evidence proves less than the key demands.
    #[error("`{key}` demands tier {minimum}, the evidence proves {tier}")]
    TierTooLow {
        /// The key.
        key: String,
        /// The tier proved.
        tier: u8,
        /// The tier demanded.
        minimum: u8,
    },
    /// The current version was withdrawn.
    #[error("version {version} of `{key}` is not enabled")]
    VersionNotEnabled {
        /// The key.
        key: String,
        /// Its current version.
        version: u64,
    },
    /// The stored material does not open in its place: the row, or one beside it, was changed.
    #[error("the stored material of `{key}` does not open: its row was changed")]
    KeyDamaged {
        /// The key.
        key: String,
    },
    /// There is no such session.
    #[error("there is no session `{id}`")]
    SessionUnknown {
        /// The session.
        id: String,
    },
    /// The session's deadline has passed.
    #[error("session `{id}` ended at {expires_at}, it is {now}")]
    SessionExpired {
        /// The session.
        id: String,
        /// Its deadline.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// The session was ended.
    #[error("session `{id}` was revoked")]
    SessionRevoked {
        /// The session.
        id: String,
    },
    /// A session serves one recipient.
    #[error("session `{id}` serves recipient {expected}, not {found}")]
    RecipientChanged {
        /// The session.
        id: String,
        /// Its recipient.
        expected: Hex<32>,
        /// The recipient in the evidence.
        found: Hex<32>,
    },
    /// NV-90: a device is in a live session of another machine, or of one that cannot be told from another.
    #[error(
        "NV-90: the device {device} is in session `{session}` of {holder} until {until}; this evidence is of {found}"
    )]
    DeviceInAnotherSession {
        /// The device.
        device: DeviceId,
        /// The session that holds it.
        session: String,
        /// That session's deadline.
        until: UnixTime,
        /// Whose session it is.
        holder: Box<Machine>,
        /// Whose evidence shows the device now.
        found: Box<Machine>,
    },
    /// NV-91: the inventory pairs machines, and the platform hides which one this is.
    #[error("NV-91: the inventory is about machines, and this evidence is of {}", Machine(None))]
    MachineUnidentified,
    /// NV-92: no operator has paired the machine with anything.
    #[error("NV-92: {} is not in the inventory; it shows {found}", Machine(Some(**machine)))]
    MachineNotInInventory {
        /// The machine.
        machine: Box<MachineId>,
        /// What it shows.
        found: Devices,
    },
    /// NV-93: the machine is paired with other devices, or with more.
    #[error(
        "NV-93: {} is paired with {}, and shows {found}",
        Machine(Some(**machine)),
        known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or with ")
    )]
    PairingDiffers {
        /// The machine.
        machine: Box<MachineId>,
        /// What it is paired with: one set of devices for each of its guests.
        known: Vec<Devices>,
        /// What it shows.
        found: Devices,
    },
    /// NV-94: at first use, and the device is another machine's.
    #[error("NV-94: the device {device} is paired with the machine {known}, and {found} shows it")]
    DevicePairedElsewhere {
        /// The device.
        device: DeviceId,
        /// The machine that it is paired with.
        known: Box<MachineId>,
        /// The machine that shows it.
        found: Box<MachineId>,
    },
    /// The inventory is not the one that was put.
    #[error(transparent)]
    Inventory(#[from] RulesError),
    /// A renewal rests on fresh evidence, and so on a challenge.
    #[error("a session is renewed with a fresh challenge only")]
    RenewalNeedsChallenge,
    /// The key could not be sealed to the recipient.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl ReleaseError {
    /// Stable code, for the record and for matching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Record(error) => error.code(),
            Self::ChallengeReused => "ChallengeReused",
            Self::ChallengeExpired { .. } => "ChallengeExpired",
            Self::NothingToRelease => "NothingToRelease",
            Self::TooManyKeys { .. } => "TooManyKeys",
            Self::KeyTwice { .. } => "KeyTwice",
            Self::PermitsDiffer { .. } => "PermitsDiffer",
            Self::PermitExpired { .. } => "PermitExpired",
            Self::RulesChanged { .. } => "RulesChanged",
            Self::Denied { denial, .. } => denial.code,
            Self::DecidedOtherwise { .. } => "DecidedOtherwise",
            Self::KeyUnknown { .. } => "KeyUnknown",
            Self::MinimumChanged { .. } => "MinimumChanged",
            Self::TierTooLow { .. } => "TierTooLow",
            Self::VersionNotEnabled { .. } => "VersionNotEnabled",
            Self::KeyDamaged { .. } => "KeyDamaged",
            Self::SessionUnknown { .. } => "SessionUnknown",
            Self::SessionExpired { .. } => "SessionExpired",
            Self::SessionRevoked { .. } => "SessionRevoked",
            Self::RecipientChanged { .. } => "RecipientChanged",
            Self::DeviceInAnotherSession { .. } => "DeviceInAnotherSession",
            Self::MachineUnidentified => "MachineUnidentified",
            Self::MachineNotInInventory { .. } => "MachineNotInInventory",
            Self::PairingDiffers { .. } => "PairingDiffers",
            Self::DevicePairedElsewhere { .. } => "DevicePairedElsewhere",
            Self::Inventory(_) => "InventoryDamaged",
            Self::RenewalNeedsChallenge => "RenewalNeedsChallenge",
            Self::Seal(_) => "RecipientInvalid",
        }
    }
}

/// An envelope that does not open is about its key; everything else is about the write.
pub(super) fn opening(key: &str, error: RecordError) -> ReleaseError {
    match error {
        RecordError::Envelope(_) | RecordError::Place(_) => ReleaseError::KeyDamaged { key: key.to_owned() },
        other => other.into(),
    }
}

impl From<StoreError> for ReleaseError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl From<RngError> for ReleaseError {
    fn from(error: RngError) -> Self {
        Self::Record(error.into())
    }
}
