//! Why an attestation key is trusted (TPM-11). Whatever the evidence presents for it must hold; the first
//! source that does, in this order, is the one that is named: certificate, activation record, allow list.

use super::chain::{CertificateError, Chain, SUBJECT_ALT_NAME, extended_key_usage};
use super::claims::{AkTrust, TpmKind};
use super::error::TpmError;
use super::instance::{GCE_INSTANCE, GceInstance, manufacturer};
use super::{activation, activation::ActivationError};
use crate::crypto::Budget;
use crate::roots::{AkId, Parent, Roots, TrustedAk, sha256};
use hanzo_attestation_evidence::tpm::{AttestationKey, Evidence};
use hanzo_attestation_evidence::x509::ObjectIdentifier;
use hanzo_attestation_evidence::{Finding, Hex, Rule, Severity, UnixTime};

/// tcg-kp-AIKCertificate (TCG EK Credential Profile, 3.2.16).
const AK_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// tcg-kp-EKCertificate.
pub(super) const EK_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.1");

/// The source of a key's trust, of which no signature is verified yet.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) trust: AkTrust,
    pub(super) kind: Option<TpmKind>,
    pub(super) manufacturer: Option<String>,
    pub(super) instance: Option<GceInstance>,
    pub(super) not_after: UnixTime,
    pub(super) lab: bool,
    /// What the key must hang below, where its owner says so.
    pub(super) parent: Option<&'a Parent>,
    pub(super) finding: Option<Finding>,
    chain: Option<Chain<'a>>,
}

impl Source<'_> {
    fn of(trust: AkTrust) -> Self {
        Self {
            trust,
            kind: None,
            manufacturer: None,
            instance: None,
            not_after: UnixTime::MAX,
            lab: false,
            parent: None,
            finding: None,
            chain: None,
        }
    }

    /// SHA-256 of the authority's certificate, if there is a chain.
    pub(super) fn root(&self) -> Option<Hex<32>> {
        self.chain.as_ref().map(|chain| Hex(sha256(chain.ca.der())))
    }

    /// Verifies the signatures of the chain, if there is one.
    pub(super) fn verify(&self, budget: &mut Budget) -> Result<(), TpmError> {
        self.chain.as_ref().map_or(Ok(()), |chain| chain.verify(budget)).map_err(TpmError::AkCertificate)
    }
}

/// Finds the source. No public-key operation is done.
pub(super) fn find<'a>(
    evidence: &'a Evidence,
    roots: &'a Roots,
    now: UnixTime,
) -> Result<Source<'a>, TpmError> {
    let mut unknown = None;
    let certified = if evidence.certs.is_empty() { None } else { certificate(evidence, roots, now)? };
    if !evidence.certs.is_empty() && certified.is_none() {
        unknown = Some("its certificates end in no configured authority");
    }
    let activated = match &evidence.activation {
        Some(_) if roots.activation_keys().is_empty() => {
            unknown = unknown.or(Some("no key verifies its activation record"));
            None
        }
        Some(record) => Some(activation_record(record, &evidence.key, roots, now)?),
        None => None,
    };
    let found = certified.or(activated).or_else(|| listed(&evidence.key, roots));
    Ok(found.unwrap_or_else(|| Source {
        finding: unknown.map(|why| {
            Finding::new(
                Rule::new("TPM-11", "TpmAkUntrusted"),
                Severity::Warn,
                format!("the attestation key: {why}"),
            )
        }),
        ..Source::of(AkTrust::Untrusted)
    }))
}

/// TPM-30 and TPM-31; `None` when no configured authority is above the certificates.
fn certificate<'a>(
    evidence: &'a Evidence,
    roots: &'a Roots,
    now: UnixTime,
) -> Result<Option<Source<'a>>, TpmError> {
    let leaf = evidence.certs.first().map(|der| hanzo_attestation_evidence::x509::Certificate::parse(der));
    let leaf = leaf.transpose().map_err(|error| TpmError::AkCertificate(error.into()))?;
    if leaf.is_none_or(|leaf| leaf.spki() != evidence.key.spki()) {
        return Err(TpmError::AkCertificateKey);
    }
    let chain = match Chain::read(&evidence.certs, roots.tpm().cas()) {
        Ok(chain) => chain,
        Err(CertificateError::UnknownIssuer) => return Ok(None),
        Err(error) => return Err(TpmError::AkCertificate(error)),
    };
    chain.check(now).and_then(|()| check_usage(&chain)).map_err(TpmError::AkCertificate)?;
    let instance = chain.leaf.extension(GCE_INSTANCE).map(|extension| {
        let malformed = CertificateError::Profile("its instance extension is malformed");
        GceInstance::parse(extension.value).ok_or(TpmError::AkCertificate(malformed))
    });
    let instance = instance.transpose()?;
    // An instance of a cloud has a TPM that the host emulates.
    let kind = chain.ca.kind().or(instance.as_ref().map(|_| TpmKind::VirtualHost));
    let trust = AkTrust::AkCertificate { issuer: chain.issuer(), sha256: Hex(sha256(chain.leaf.der())) };
    let manufacturer =
        chain.leaf.extension(SUBJECT_ALT_NAME).and_then(|extension| manufacturer(extension.value));
    let (not_after, lab) = (chain.not_after(), chain.ca.is_lab());
    Ok(Some(Source { kind, manufacturer, instance, not_after, lab, chain: Some(chain), ..Source::of(trust) }))
}

/// TPM-30: a certificate for signing, and for an attestation key unless its authority is excepted.
fn check_usage(chain: &Chain<'_>) -> Result<(), CertificateError> {
    if !chain.leaf.key_usage().is_some_and(|usage| usage.digital_signature()) {
        return Err(CertificateError::Profile("its key usage is not digitalSignature"));
    }
    let accepted = match extended_key_usage(&chain.leaf)? {
        None => chain.ca.has_loose_key_usage(),
        Some(usages) => {
            usages.contains(&AK_USAGE) || (chain.ca.has_loose_key_usage() && usages.contains(&EK_USAGE))
        }
    };
    if accepted {
        Ok(())
    } else {
        Err(CertificateError::Profile("its extended key usage is not that of an attestation key"))
    }
}

/// TPM-33.
fn activation_record<'a>(
    record: &[u8],
    key: &AttestationKey,
    roots: &Roots,
    now: UnixTime,
) -> Result<Source<'a>, TpmError> {
    let name = key.name().ok_or(ActivationError::NameUnknown)?;
    let record = activation::open(roots.activation_keys(), record, &name, now)?;
    let trust = AkTrust::Activation { ek_sha256: record.ek_sha256 };
    Ok(Source { not_after: record.expires, lab: record.lab, ..Source::of(trust) })
}

fn listed<'a>(key: &AttestationKey, roots: &'a Roots) -> Option<Source<'a>> {
    let spki = Hex(sha256(key.spki()));
    let name = key.name();
    let is_this = |listed: &&TrustedAk| match listed.id() {
        AkId::Spki(listed) => *listed == spki,
        AkId::Name(listed) => Some(listed) == name.as_ref(),
    };
    let listed = roots.tpm().keys().iter().find(is_this)?;
    let (kind, lab, parent) = (listed.kind(), listed.is_lab(), listed.parent());
    Some(Source { kind, lab, parent, ..Source::of(AkTrust::AllowList) })
}
