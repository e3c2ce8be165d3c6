//! The two arrows: [`verify`] and [`Verified::bind`].

use crate::cache::Cache;
use crate::claims::{Claims, Facts};
use crate::collateral::{Collateral, Revocation};
use crate::crypto::Budget;
use crate::roots::Roots;
use crate::{azure, dcap, identity, nvidia, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Binding, Broken, Evidence, Finding, Hex, Item, Recipient, Tee, UnixTime};

/// Everything that verification rests on besides the evidence. Nothing in it is optional: what is absent is
/// refused or waived by name.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Trust roots: the vendors', and any that configuration adds.
    pub roots: &'a Roots,
    /// Vendor data at hand.
    pub collateral: &'a Collateral,
    /// What to do where a revocation list is absent.
    pub revocation: &'a Revocation,
    /// The instant at which every date is judged.
    pub now: UnixTime,
    /// What earlier verifications found, by content. [`Cache::off`] forgets everything.
    pub cache: &'a Cache,
}

/// Evidence that was refused: the first rule that it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", finding.rule, finding.message)]
pub struct Refused {
    /// The item, when the refusal concerns one.
    pub item: Option<Tee>,
    /// The broken rule.
    pub finding: Finding,
}

impl Refused {
    /// The refusal of one item.
    pub fn new(item: Tee, error: &impl Broken) -> Self {
        Self { item: Some(item), finding: Finding::refuse(error) }
    }
}

/// Evidence that is genuine at one instant: every signature, chain and format holds. It is not yet known
/// to be fresh, nor whose key it speaks for: only [`Verified::bind`] tells.
///
/// There is no way to make one but [`verify`], and none to have it twice:
///
/// ```compile_fail,E0451
/// # fn f(items: Vec<hanzo_attestation::VerifiedItem>) {
/// let forged = hanzo_attestation::Verified { items, ..unimplemented!() };
/// # }
/// ```
/// ```compile_fail,E0599
/// # fn f(verified: hanzo_attestation::Verified) {
/// let twice = verified.clone();
/// # }
/// ```
/// ```compile_fail,E0277
/// # fn f(bytes: &[u8]) {
/// let stored: hanzo_attestation::Verified = serde_json::from_slice(bytes).unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Verified {
    items: Vec<VerifiedItem>,
    identities: Vec<identity::Pending>,
    evidence_digest: Hex<32>,
    verified_at: UnixTime,
    not_after: UnixTime,
    lab: bool,
    budget: Budget,
}

/// One genuine item. Private fields: only verification makes one.
///
/// ```compile_fail,E0451
/// # fn f(claims: hanzo_attestation::Claims, facts: hanzo_attestation::Facts) {
/// let forged = hanzo_attestation::VerifiedItem { claims, facts, findings: Vec::new() };
/// # }
/// ```
/// ```compile_fail,E0624
/// # fn f(claims: hanzo_attestation::Claims, facts: hanzo_attestation::Facts) {
/// let forged = hanzo_attestation::VerifiedItem::new(claims, facts, Vec::new());
/// # }
/// ```
#[derive(Debug)]
pub struct VerifiedItem {
    claims: Claims,
    pub(crate) facts: Facts,
    findings: Vec<Finding>,
}

/// Evidence that is genuine, fresh, and speaks for one recipient key: the challenge and the key are in the
/// data that the hardware signed.
///
/// There is no way to make one but [`Verified::bind`], and none to have it twice:
///
/// ```compile_fail,E0451
/// # fn f(items: Vec<hanzo_attestation::VerifiedItem>) {
/// let forged = hanzo_attestation::Attested { items, ..unimplemented!() };
/// # }
/// ```
/// ```compile_fail,E0599
/// # fn f(attested: hanzo_attestation::Attested) {
/// let twice = attested.clone();
/// # }
/// ```
/// ```compile_fail,E0277
/// # fn f(bytes: &[u8]) {
/// let stored: hanzo_attestation::Attested = serde_json::from_slice(bytes).unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Attested {
    items: Vec<VerifiedItem>,
    evidence_digest: Hex<32>,
    verified_at: UnixTime,
    not_after: UnixTime,
    lab: bool,
    recipient: Recipient,
    nonce: String,
}

/// Verifies evidence: chains to the roots, revocation, signatures, and what the vendors' data must agree
/// on. Cheap checks come first; public-key operations are bounded by [`Budget::for_devices`].
///
/// # Errors
/// [`Refused`] with the first broken rule.
pub fn verify(evidence: Evidence, context: &Context<'_>) -> Result<Verified, Refused> {
    tpm::check_consistency(evidence.items())?;
    let mut verified = Verified {
        items: Vec::with_capacity(evidence.items().len()),
        identities: Vec::new(),
        evidence_digest: evidence.digest(),
        verified_at: context.now,
        not_after: UnixTime::MAX,
        lab: context.roots.is_lab(),
        budget: Budget::for_devices(evidence.device_digests().len()),
    };
    for item in evidence.items() {
        let item = match item {
            Item::SevSnp(item) => snp::verify(item, context, &mut verified.budget)?,
            Item::Tdx(item) => tdx::verify(item, context, &mut verified.budget)?,
            Item::Sgx(item) => sgx::verify(item, context, &mut verified.budget)?,
            Item::Tpm(item) => tpm::verify(item, context, &mut verified.budget)?,
            Item::AzSnpVtpm(item) => azure::verify_snp(item, context, &mut verified.budget)?,
            Item::AzTdxVtpm(item) => azure::verify_tdx(item, context, &mut verified.budget)?,
            Item::Nvidia(item) => nvidia::verify(item, context, &mut verified.budget)?,
            Item::Tdi(item) => nvidia::tdi::verify(item, context, &mut verified.budget)?,
            Item::RegisteredKey(item) => {
                verified.identities.push(identity::find_key(item, context.roots)?);
                continue;
            }
        };
        verified.not_after = verified.not_after.min(item.facts.not_after);
        verified.lab |= item.facts.lab;
        verified.items.push(item);
    }
    Ok(verified)
}

/// Compares the report data, or a TPM's qualifying data, of parsed evidence with a binding, before any
/// signature. A pass proves nothing; a failure saves the work of verifying evidence that [`Verified::bind`]
/// would refuse.
///
/// # Errors
/// [`Refused`] with the platform's rule.
pub fn precheck(evidence: &Evidence, binding: &Binding) -> Result<(), Refused> {
    nvidia::check_covered(evidence.items().iter().map(Item::kind), &evidence.device_digests(), binding)?;
    check_stated_data(evidence, binding.cpu_report_data(), binding.tpm_qualifying_data())?;
    evidence.items().iter().try_for_each(|item| match item {
        Item::Nvidia(item) => nvidia::check_nonces(
            item.class,
            item.devices.iter().map(|device| &device.report.nonce),
            binding.device_nonce(),
        ),
        Item::Tdi(item) => nvidia::tdi::check_nonces(
            item.devices.iter().map(|device| &device.measured.nonce),
            binding.device_nonce(),
        ),
        _ => Ok(()),
    })
}

/// As [`precheck`], with the expected value itself: for tools that have no binding.
/// [`Verified::check_report_data`] asks the same of what was verified.
///
/// # Errors
/// [`Refused`] with the platform's rule.
pub fn precheck_report_data(evidence: &Evidence, expected: &[u8]) -> Result<(), Refused> {
    check_stated_data(evidence, expected, expected)
}

fn check_stated_data(evidence: &Evidence, cpu: &[u8], tpm: &[u8]) -> Result<(), Refused> {
    let azure = |tee, extra_data: &[u8]| azure::check_qualifying_data(tee, extra_data, tpm);
    evidence.items().iter().try_for_each(|item| match item {
        Item::SevSnp(item) => snp::check_report_data(&item.report.body().report_data.0, cpu),
        Item::Tdx(item) => dcap::check_report_data(Tee::Tdx, item.report_data(), cpu),
        Item::Sgx(item) => dcap::check_report_data(Tee::Sgx, item.report_data(), cpu),
        Item::Tpm(item) => tpm::check_qualifying_data(&item.quote.attest.extra_data, tpm),
        Item::AzSnpVtpm(az) => azure(item.kind(), &az.vtpm.quote.attest.extra_data),
        Item::AzTdxVtpm(az) => azure(item.kind(), &az.vtpm.quote.attest.extra_data),
        Item::Nvidia(_) | Item::Tdi(_) | Item::RegisteredKey(_) => Ok(()),
    })
}

impl Verified {
    /// Genuine items, in the document's order. Registered keys are not among them: what they sign is the
    /// binding.
    #[must_use]
    pub fn items(&self) -> &[VerifiedItem] {
        &self.items
    }

    /// SHA-256 of the evidence document in its RFC 8785 form.
    #[must_use]
    pub const fn evidence_digest(&self) -> Hex<32> {
        self.evidence_digest
    }

    /// The instant at which every date was judged.
    #[must_use]
    pub const fn verified_at(&self) -> UnixTime {
        self.verified_at
    }

    /// Earliest end of validity of what the verdict rests on; the end of time when it rests on nothing.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether any trust root in force was not a vendor's.
    #[must_use]
    pub const fn lab(&self) -> bool {
        self.lab
    }

    /// Public-key operations that this took (COL-05): fewer when much was known before.
    #[must_use]
    pub const fn public_key_operations(&self) -> u32 {
        self.budget.used()
    }

    /// Compares the report data of every CPU item, and the qualifying data of every TPM item, with an
    /// expected value, in constant time and over its whole length: for tools that have no binding. It gives
    /// no capability.
    ///
    /// # Errors
    /// [`Refused`] with the platform's rule (SNP-39, DCAP-70, TPM-14). A CPU's report data has 64 bytes, so
    /// that an expected value of another length is another value.
    pub fn check_report_data(&self, expected: &[u8]) -> Result<(), Refused> {
        self.check_bound_data(expected, expected)
    }

    fn check_bound_data(&self, cpu: &[u8], tpm: &[u8]) -> Result<(), Refused> {
        self.items.iter().try_for_each(|item| match &item.claims {
            Claims::SevSnp(claims) => snp::check_report_data(&claims.report_data.0, cpu),
            Claims::Tdx(claims) => dcap::check_report_data(Tee::Tdx, &claims.report_data.0, cpu),
            Claims::Sgx(claims) => dcap::check_report_data(Tee::Sgx, &claims.report_data.0, cpu),
            Claims::Tpm(claims) => tpm::check_qualifying_data(&claims.extra_data.0, tpm),
            Claims::AzSnpVtpm(claims) => {
                azure::check_qualifying_data(item.tee(), &claims.vtpm.tpm.extra_data.0, tpm)
            }
            Claims::AzTdxVtpm(claims) => {
                azure::check_qualifying_data(item.tee(), &claims.vtpm.tpm.extra_data.0, tpm)
            }
            Claims::Nvidia(_) | Claims::Tdi(_) | Claims::RegisteredKey(_) => Ok(()),
        })
    }

    /// Compares the SPDM requester nonce of every device with an expected value, in constant time: for tools
    /// that have no binding. It gives no capability.
    ///
    /// # Errors
    /// [`Refused`] with NV-30 or TDI-10.
    pub fn check_device_nonce(&self, expected: &[u8]) -> Result<(), Refused> {
        self.items.iter().try_for_each(|item| match &item.claims {
            Claims::Nvidia(claims) => {
                nvidia::check_nonces(claims.class, claims.devices.iter().map(|d| &d.nonce), expected)
            }
            Claims::Tdi(claims) => {
                nvidia::tdi::check_nonces(claims.devices.iter().map(|d| &d.nonce), expected)
            }
            _ => Ok(()),
        })
    }

    /// What a binding must have of the devices, in order.
    fn device_digests(&self) -> Vec<DeviceDigests> {
        let mut digests = Vec::new();
        for item in &self.items {
            match &item.claims {
                Claims::Nvidia(claims) => {
                    digests.extend(claims.devices.iter().map(nvidia::DeviceClaims::digests));
                }
                Claims::Tdi(claims) => {
                    digests.extend(claims.devices.iter().map(nvidia::tdi::DeviceClaims::digests));
                }
                _ => {}
            }
        }
        digests
    }

    /// Binds the evidence to one challenge and one recipient: the report data of a CPU item and the
    /// qualifying data of a TPM's must be the binding's, devices must have answered its nonce and be those
    /// that it covers, and a registered key must have signed it. Evidence without items binds to nothing, and
    /// proves nothing: tier 0.
    ///
    /// # Errors
    /// [`Refused`] with the first broken rule.
    pub fn bind(mut self, binding: &Binding) -> Result<Attested, Refused> {
        nvidia::check_covered(self.items.iter().map(VerifiedItem::tee), &self.device_digests(), binding)?;
        self.check_bound_data(binding.cpu_report_data(), binding.tpm_qualifying_data())?;
        self.check_device_nonce(binding.device_nonce())?;
        for identity in self.identities {
            self.items.push(identity.bind(binding, self.lab, &mut self.budget)?);
        }
        Ok(Attested {
            items: self.items,
            evidence_digest: self.evidence_digest,
            verified_at: self.verified_at,
            not_after: self.not_after,
            lab: self.lab,
            recipient: binding.recipient().clone(),
            nonce: binding.nonce().to_owned(),
        })
    }
}

impl VerifiedItem {
    pub(crate) const fn new(claims: Claims, facts: Facts, findings: Vec<Finding>) -> Self {
        Self { claims, facts, findings }
    }

    pub(crate) fn into_parts(self) -> (Claims, Facts, Vec<Finding>) {
        (self.claims, self.facts, self.findings)
    }

    /// The kind of evidence.
    #[must_use]
    pub const fn tee(&self) -> Tee {
        self.facts.tee
    }

    /// The platform's own claims.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Facts under one name for all platforms.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Warnings and notes; nothing here refuses.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Attested {
    /// All items: CPUs in the document's order, then registered keys.
    #[must_use]
    pub fn items(&self) -> &[VerifiedItem] {
        &self.items
    }

    /// SHA-256 of the evidence document in its RFC 8785 form.
    #[must_use]
    pub const fn evidence_digest(&self) -> Hex<32> {
        self.evidence_digest
    }

    /// The instant at which every date was judged.
    #[must_use]
    pub const fn verified_at(&self) -> UnixTime {
        self.verified_at
    }

    /// Earliest end of validity of what the verdict rests on; the end of time when it rests on nothing.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether any trust root in force was not a vendor's.
    #[must_use]
    pub const fn lab(&self) -> bool {
        self.lab
    }

    /// The key to which this evidence is bound.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The challenge to which this evidence is bound.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}
