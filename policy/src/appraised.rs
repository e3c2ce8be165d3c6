//! The arrow from genuine evidence to acceptable evidence: appraisal, and the tier that it proves.

use crate::appraisal::{Appraisal, appraise_devices, appraise_item, tee_io};
use crate::explain::{FactsError, NodeFacts};
use crate::hardware::Hardware;
use crate::next_tier::{NextTier, next_tier};
use crate::node::Node;
use crate::tier::Tier;
use crate::waived::waivers;
use hanzo_attestation::nvidia;
use hanzo_attestation::tpm::AkTrust;
use hanzo_attestation::{Attested, Claims, Debug as Debuggable, Facts, Refused, TcbStatus, VerifiedItem};
use hanzo_attestation_evidence::nvidia::{Architecture, Class};
use hanzo_attestation_evidence::{Finding, Hex, Recipient, Rule, Severity, UnixTime};

/// The policy engine could not be told what was verified: a fault is a denial.
const VERIFIER_FAULT: Rule = Rule::new("COL-23", "VerifierFault");

/// Evidence that is genuine, fresh, bound to one recipient, and acceptable: what
/// [`authorize`](crate::authorize) asks for.
///
/// Only [`appraise`] makes one. It is a capability, and cannot be copied, built or read back:
///
/// ```compile_fail,E0599
/// fn copied(appraised: &hanzo_policy::Appraised) -> hanzo_policy::Appraised {
///     appraised.clone()
/// }
/// ```
/// ```compile_fail,E0277
/// fn read(text: &str) -> hanzo_policy::Appraised {
///     serde_json::from_str(text).unwrap()
/// }
/// ```
/// ```compile_fail,E0451
/// fn built(attested: hanzo_attestation::Attested) -> hanzo_policy::Appraised {
///     hanzo_policy::Appraised { attested, ..todo!() }
/// }
/// ```
#[derive(Debug)]
pub struct Appraised {
    attested: Attested,
    findings: Vec<Finding>,
    waivers: Vec<Finding>,
    node: Node,
    next_tier: Option<NextTier>,
}

/// Appraises attested evidence. The first finding that refuses is the answer.
///
/// # Errors
/// [`Refused`] with the rule that the evidence breaks under this appraisal policy.
pub fn appraise(attested: Attested, appraisal: &Appraisal) -> Result<Appraised, Refused> {
    let mut findings = Vec::new();
    for item in attested.items() {
        findings.extend_from_slice(item.findings());
        for finding in appraise_item(item, appraisal) {
            if finding.severity == Severity::Refuse {
                return Err(Refused { item: Some(item.tee()), finding });
            }
            findings.push(finding);
        }
    }
    let claims = attested.items().iter().map(VerifiedItem::claims);
    for (tee, finding) in appraise_devices(claims, appraisal) {
        if finding.severity == Severity::Refuse {
            return Err(Refused { item: Some(tee), finding });
        }
        findings.push(finding);
    }
    let items = || attested.items().iter().map(|item| (item.claims(), item.facts()));
    let node = Node::of(proved(items(), &appraisal.tee_io), attested.lab(), items()).map_err(|error| {
        Refused { item: None, finding: Finding::new(VERIFIER_FAULT, Severity::Refuse, error.to_string()) }
    })?;
    let next_tier = next_tier(items(), appraisal);
    let waivers = waivers(items(), &findings, appraisal);
    Ok(Appraised { attested, findings, waivers, node, next_tier })
}

/// The tier that verified items prove together: 0 for none, 1 for a registered key, 2 for a CPU TEE or a TPM
/// whose attestation key is trusted, 3 for a CPU TEE and GPUs that all measure what their manifests say, 4 if
/// besides a guest that `appraisal` names accepted the interface of each of them (TEE-I/O).
///
/// Total, and monotone: one more item never lowers it, and a document has at most one item of GPUs. A guest
/// that can be debugged, or whose security version is unknown, proves nothing; whether the rest is acceptable
/// is for [`appraise`] to say.
#[must_use]
pub fn tier_of(items: &[VerifiedItem], appraisal: &Appraisal) -> Tier {
    tier_of_claims(items.iter().map(|item| (item.claims(), item.facts())), appraisal)
}

/// The same, for tools that keep claims and facts.
#[must_use]
pub fn tier_of_claims<'a>(
    items: impl Iterator<Item = (&'a Claims, &'a Facts)>,
    appraisal: &Appraisal,
) -> Tier {
    proved(items, &appraisal.tee_io).tier
}

/// What verified items prove together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(crate) tier: Tier,
    /// Whether one of them is a CPU TEE that proves anything.
    pub(crate) cpu_tee: bool,
}

pub(crate) fn proved<'a>(
    items: impl Iterator<Item = (&'a Claims, &'a Facts)>,
    tee_io: &tee_io::Thresholds,
) -> Proved {
    let items: Vec<(&Claims, &Facts)> = items.collect();
    let mut gpus = false;
    let sum = items.iter().fold(Proved { tier: Tier::Open, cpu_tee: false }, |sum, (claims, facts)| {
        gpus |= matches!(claims, Claims::Nvidia(claims) if are_vouched_for(claims));
        let cpu_tee = match claims {
            // A TPM is a hardware root of its own, and no TEE: a policy that asks for one is not met
            // (TPM-37). Devices stand beside a CPU, and speak for no guest.
            Claims::Tpm(_) | Claims::Nvidia(_) | Claims::Tdi(_) | Claims::RegisteredKey(_) => false,
            Claims::SevSnp(_)
            | Claims::Tdx(_)
            | Claims::Sgx(_)
            | Claims::AzSnpVtpm(_)
            | Claims::AzTdxVtpm(_) => facts.debug == Some(Debuggable::Disabled) && is_rated(facts.tcb_status),
        };
        let tier = match claims {
            Claims::RegisteredKey(_) => Tier::Encrypted,
            Claims::Tpm(claims) if claims.ak_trust != AkTrust::Untrusted => Tier::Confidential,
            _ if cpu_tee => Tier::Confidential,
            _ => Tier::Open,
        };
        Proved { tier: sum.tier.max(tier), cpu_tee: sum.cpu_tee || cpu_tee }
    });
    // Only a CPU's evidence covers the GPUs of its guest, and only a measured guest speaks to them.
    if !gpus || !sum.cpu_tee {
        return sum;
    }
    let parts = tee_io::Parts::of(items.iter().map(|(claims, _)| *claims));
    let tier = if tee_io::is_proven(parts, tee_io) { Tier::TeeIo } else { Tier::GpuCc };
    Proved { tier, ..sum }
}

/// Whether these are GPUs, and every one measures what its manifests say.
fn are_vouched_for(claims: &nvidia::Claims) -> bool {
    let vouched = |device: &nvidia::DeviceClaims| {
        device.rim.outcome == nvidia::rim::Outcome::Success && device.architecture != Architecture::Ls10
    };
    claims.class == Class::Gpu && !claims.devices.is_empty() && claims.devices.iter().all(vouched)
}

/// Whether the vendor knows the security version and did not withdraw it. Which of the rest is good enough is
/// for the thresholds to say.
pub(crate) const fn is_rated(status: TcbStatus) -> bool {
    !matches!(status, TcbStatus::Unknown | TcbStatus::NotRecognized | TcbStatus::Revoked)
}

impl Appraised {
    /// The tier that the evidence proves.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.node.tier
    }

    /// What kept the node from the next tier; `None` at the highest.
    #[must_use]
    pub const fn next_tier(&self) -> Option<&NextTier> {
        self.next_tier.as_ref()
    }

    /// What verification and appraisal have to say; nothing in it refuses.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the strict profile would have refused, and configuration let pass: revocation that was not checked,
    /// documents out of date within a grace, manifests on hold, looser thresholds.
    #[must_use]
    pub fn waivers(&self) -> &[Finding] {
        &self.waivers
    }

    /// The verified items.
    #[must_use]
    pub fn items(&self) -> &[VerifiedItem] {
        self.attested.items()
    }

    /// The machine and the devices that the evidence is of.
    #[must_use]
    pub fn hardware(&self) -> Hardware {
        Hardware::of(self.attested.items().iter().map(|item| (item.claims(), item.facts())))
    }

    /// SHA-256 of the evidence.
    #[must_use]
    pub fn evidence_digest(&self) -> Hex<32> {
        self.attested.evidence_digest()
    }

    /// The public key that the evidence binds.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        self.attested.recipient()
    }

    /// The challenge that the evidence binds.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.attested.nonce()
    }

    /// Whether a chain ends in a lab root.
    #[must_use]
    pub fn lab(&self) -> bool {
        self.attested.lab()
    }

    /// The instant at which the evidence was judged.
    #[must_use]
    pub fn appraised_at(&self) -> UnixTime {
        self.attested.verified_at()
    }

    /// The end of what the verdict rests on.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.attested.not_after()
    }

    /// What policies can ask of it, to be kept and decided about again.
    ///
    /// # Errors
    /// [`FactsError`]; it cannot happen with attributes from claims.
    pub fn facts(&self) -> Result<NodeFacts, FactsError> {
        NodeFacts::of(&self.node)
    }

    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }
}
