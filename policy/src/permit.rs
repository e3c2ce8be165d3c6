//! The permit: the one thing against which a key may be let out.

use crate::decision::{Decided, Denial, DenialCode};
use crate::hardware::Hardware;
use crate::key_id::KeyId;
use crate::tier::Tier;
use hanzo_attestation_evidence::{Hex, Recipient, UnixTime};
use std::time::Duration;

/// What a key demands of every node, whatever the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyScope {
    /// Which key.
    pub key: KeyId,
    /// The tier below which it is never released.
    pub minimum: Tier,
    /// Whether it demands a CPU TEE, where the tier alone would also admit another hardware root.
    pub require_cpu_tee: bool,
}

/// What ends a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The lifetime asked for.
    Lifetime,
    /// What the evidence rests on.
    Evidence,
    /// The date of a reference value that the decision needs; in words.
    References(String),
}

/// Permission to release one key to one recipient, for a limited time.
///
/// INVARIANT: the tier of the evidence is at least the key's minimum. Only [`authorize`](crate::authorize)
/// makes a permit, and its constructor checks the invariant again.
///
/// It is a capability: it cannot be written down and read back, copied, or made by hand.
///
/// ```compile_fail,E0451
/// fn built(key: hanzo_policy::KeyId) -> hanzo_policy::Permit {
///     hanzo_policy::Permit { key, ..todo!() }
/// }
/// ```
/// ```compile_fail,E0599
/// fn copied(permit: &hanzo_policy::Permit) -> hanzo_policy::Permit {
///     permit.clone()
/// }
/// ```
/// ```compile_fail,E0277
/// fn read(text: &str) -> hanzo_policy::Permit {
///     serde_json::from_str(text).unwrap()
/// }
/// ```
/// ```compile_fail,E0277
/// fn defaulted() -> hanzo_policy::Permit {
///     Default::default()
/// }
/// ```
/// ```compile_fail,E0624
/// let issue = hanzo_policy::Permit::issue;
/// ```
#[derive(Debug)]
pub struct Permit {
    key: KeyId,
    tier: Tier,
    minimum: Tier,
    recipient: Recipient,
    expires_at: UnixTime,
    limit: Limit,
    live_grants: Option<u32>,
    evidence_digest: Hex<32>,
    policy_digest: Hex<32>,
    reference_digest: Hex<32>,
    policies: Vec<String>,
    hardware: Hardware,
    lab: bool,
}

/// What a permit takes over from the evidence that earned it.
pub(crate) struct Earned {
    pub(crate) tier: Tier,
    pub(crate) cpu_tee: bool,
    pub(crate) recipient: Recipient,
    pub(crate) evidence_digest: Hex<32>,
    pub(crate) not_after: UnixTime,
    /// Until when reference values bear the decision, and what ends then; `None`: for as long as it is asked.
    pub(crate) references: Option<(UnixTime, String)>,
    pub(crate) hardware: Hardware,
    pub(crate) lab: bool,
}

impl Permit {
    /// The only constructor. It repeats the checks that nothing overrides, so that no change to what runs
    /// before it can let a key out below its tier.
    pub(crate) fn issue(
        earned: Earned,
        scope: &KeyScope,
        decided: Decided,
        now: UnixTime,
        lifetime: Duration,
    ) -> Result<Self, Denial> {
        scope.admits(earned.tier, earned.cpu_tee)?;
        let (expires_at, limit) = earned.ends(now.after(lifetime));
        if expires_at <= now {
            return Err(match limit {
                Limit::References(why) => Denial::new(DenialCode::ReferenceExpired, why),
                Limit::Lifetime | Limit::Evidence => Denial::new(
                    DenialCode::EvidenceExpired,
                    format!("the evidence is valid until {}, and it is {now}", earned.not_after),
                ),
            });
        }
        Ok(Self {
            key: scope.key.clone(),
            tier: earned.tier,
            minimum: scope.minimum,
            recipient: earned.recipient,
            expires_at,
            limit,
            live_grants: decided.live_grants,
            evidence_digest: earned.evidence_digest,
            policy_digest: decided.policy_digest,
            reference_digest: decided.reference_digest,
            policies: decided.permitted_by,
            hardware: earned.hardware,
            lab: earned.lab,
        })
    }

    /// Which key.
    #[must_use]
    pub const fn key(&self) -> &KeyId {
        &self.key
    }

    /// The tier that the evidence proved.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// The key's minimum tier when the permit was issued. Whoever releases the key compares it with the
    /// minimum that is stored then.
    #[must_use]
    pub const fn minimum(&self) -> Tier {
        self.minimum
    }

    /// The public key to which the released key must be sealed: the one inside the evidence.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// When it ends: the earliest of the lifetime asked for, the end of what the evidence rests on, and the
    /// first date of a reference value that would turn the decision.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// What ends it.
    #[must_use]
    pub const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// How many grants of the key were live when it was decided; `None` if no policy about the key asks. Whoever
    /// releases the key counts them again, and has it decided anew when the number is another.
    #[must_use]
    pub const fn live_grants(&self) -> Option<u32> {
        self.live_grants
    }

    /// SHA-256 of the evidence.
    #[must_use]
    pub const fn evidence_digest(&self) -> Hex<32> {
        self.evidence_digest
    }

    /// Digest of the policies that decided.
    #[must_use]
    pub const fn policy_digest(&self) -> Hex<32> {
        self.policy_digest
    }

    /// Digest of the reference values that decided.
    #[must_use]
    pub const fn reference_digest(&self) -> Hex<32> {
        self.reference_digest
    }

    /// The policies that permitted, in order of name.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The machine and the devices that the evidence is of. Whoever releases the key sees to it that no device
    /// serves another machine at the same time.
    #[must_use]
    pub const fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    /// Whether the evidence ends in a lab root.
    #[must_use]
    pub const fn lab(&self) -> bool {
        self.lab
    }
}

impl Earned {
    /// The end of a permit that is asked for until `wanted`, and what makes it so.
    fn ends(&self, wanted: UnixTime) -> (UnixTime, Limit) {
        let evidence = (self.not_after, Limit::Evidence);
        let references = self.references.clone().map(|(end, why)| (end, Limit::References(why)));
        let limits = std::iter::once(evidence).chain(references);
        limits.fold((wanted, Limit::Lifetime), |first, next| if next.0 < first.0 { next } else { first })
    }
}

impl KeyScope {
    /// The two demands that no policy can lift.
    pub(crate) fn admits(&self, tier: Tier, cpu_tee: bool) -> Result<(), Denial> {
        if tier < self.minimum {
            return Err(Denial::new(
                DenialCode::TierTooLow,
                format!(
                    "the evidence proves tier {} ({tier}), the key demands {} ({})",
                    tier.number(),
                    self.minimum.number(),
                    self.minimum
                ),
            ));
        }
        if self.require_cpu_tee && !cpu_tee {
            return Err(Denial::new(
                DenialCode::CpuTeeRequired,
                "the key demands a CPU TEE, and the evidence has none".to_owned(),
            ));
        }
        Ok(())
    }
}
