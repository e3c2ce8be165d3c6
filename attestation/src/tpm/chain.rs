//! Certificates of TPM keys, under configured authorities (TPM-28, TPM-30).
//!
//! The leaf comes first; the others are candidates for the places above it, and each place takes the first
//! that has the name of the issuer: nothing is searched. A chain ends at the first configured authority it
//! meets.

use crate::crypto::{Budget, FormError, SignatureError, ecdsa_der, rsassa};
use crate::roots::TpmCa;
use crate::x509::{ECDSA_WITH_SHA256, ECDSA_WITH_SHA384, ECDSA_WITH_SHA512};
use hanzo_attestation_evidence::tpm::SigningHash;
use hanzo_attestation_evidence::x509::{
    Certificate, MAX_CERTIFICATES, ObjectIdentifier, X509Error, check_budget,
};
use hanzo_attestation_evidence::{Broken, Rule, UnixTime};

/// subjectAltName; critical where the subject is empty (RFC 5280, 4.2.1.6).
pub(super) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// AlgorithmIdentifiers of signatures (RFC 4055, 5; RFC 5758, 3.2), DER.
const RSA_ALGORITHMS: [(&[u8], SigningHash); 3] = [
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", SigningHash::Sha256),
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", SigningHash::Sha384),
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", SigningHash::Sha512),
];
const ECDSA_ALGORITHMS: [(&[u8], SigningHash); 3] = [
    (ECDSA_WITH_SHA256, SigningHash::Sha256),
    (ECDSA_WITH_SHA384, SigningHash::Sha384),
    (ECDSA_WITH_SHA512, SigningHash::Sha512),
];

/// What is wrong with a certificate of a TPM key, or with one above it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// COL-06, COL-21, COL-22: not a certificate in the one accepted form.
    #[error(transparent)]
    Malformed(#[from] X509Error),
    /// Not the kind of certificate that its place needs.
    #[error("{0}")]
    Profile(&'static str),
    /// No configured authority is above it.
    #[error("it ends in no configured authority")]
    UnknownIssuer,
    /// Not valid now.
    #[error("the {certificate} is valid from {not_before} to {not_after}, not at {now}")]
    NotInValidity {
        /// Which certificate.
        certificate: &'static str,
        /// The instant of the verification.
        now: UnixTime,
        /// Start of its validity.
        not_before: UnixTime,
        /// End of its validity.
        not_after: UnixTime,
    },
    /// Its issuer did not sign it.
    #[error("its signature does not verify")]
    Signature,
    /// COL-05, COL-19 to 21: the signature was not even compared.
    #[error(transparent)]
    NotCompared(#[from] FormError),
}

impl CertificateError {
    /// The rule of the one who asked, unless a common rule names it.
    pub(super) fn rule_or(&self, rule: Rule) -> Rule {
        match self {
            Self::Malformed(error) => error.rule(),
            Self::NotCompared(error) => error.rule(),
            Self::Profile(_) | Self::UnknownIssuer | Self::NotInValidity { .. } | Self::Signature => rule,
        }
    }
}

/// A chain in order, of which no signature is verified yet.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) leaf: Certificate<'a>,
    above: Vec<Certificate<'a>>,
    anchor: Certificate<'a>,
    pub(super) ca: &'a TpmCa,
}

impl<'a> Chain<'a> {
    /// Puts certificates in order below a configured authority; the first is the leaf.
    pub(super) fn read(certs: &'a [Vec<u8>], cas: &'a [TpmCa]) -> Result<Self, CertificateError> {
        check_budget(certs)?;
        let certs: Vec<Certificate<'a>> =
            certs.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let (leaf, others) = certs.split_first().ok_or(CertificateError::UnknownIssuer)?;
        let mut above: Vec<Certificate<'a>> = Vec::new();
        // Each turn takes one of the certificates that are left, so that the loop ends.
        for _ in 0..=MAX_CERTIFICATES {
            let last = above.last().unwrap_or(leaf);
            if let Some((anchor, ca)) = find_anchor(last, cas) {
                return Ok(Self { leaf: leaf.clone(), above, anchor, ca });
            }
            let unused = |found: &&Certificate<'a>| !above.iter().any(|taken| taken.der() == found.der());
            let next = others.iter().filter(unused).find(|found| may_have_issued(found, last));
            above.push(next.ok_or(CertificateError::UnknownIssuer)?.clone());
        }
        Err(CertificateError::UnknownIssuer)
    }

    /// The authority, in words.
    pub(super) fn issuer(&self) -> String {
        let subject = self.anchor.subject();
        subject.common_name().map_or_else(|| hex::encode(crate::roots::sha256(subject.der())), str::to_owned)
    }

    /// Earliest end of validity in the chain.
    pub(super) fn not_after(&self) -> UnixTime {
        let above = self.above.iter().chain([&self.anchor]).map(Certificate::not_after);
        above.fold(self.leaf.not_after(), UnixTime::min)
    }

    /// What every certificate must be, whatever the leaf is for: dates, places, extensions.
    pub(super) fn check(&self, now: UnixTime) -> Result<(), CertificateError> {
        let above = self.above.iter().chain([&self.anchor]);
        for (below, authority) in above.enumerate() {
            check_authority(authority, below)?;
            check_validity("authority's certificate", authority, now)?;
        }
        check_validity("key's certificate", &self.leaf, now)?;
        for certificate in self.above.iter().chain([&self.leaf]) {
            certificate.refuse_unknown_critical(&[SUBJECT_ALT_NAME, EXTENDED_KEY_USAGE])?;
            if certificate.serial_is_zero() {
                return Err(CertificateError::Profile("its serial number is zero"));
            }
        }
        if self.leaf.is_ca() || self.leaf.key_usage().is_some_and(|usage| usage.key_cert_sign()) {
            return Err(CertificateError::Profile("it is an authority's"));
        }
        Ok(())
    }

    /// Verifies every signature, the leaf's first. The authority's own is not asked for: it is trusted as it
    /// is.
    pub(super) fn verify(&self, budget: &mut Budget) -> Result<(), CertificateError> {
        let above = self.above.iter().chain([&self.anchor]);
        let subjects = std::iter::once(&self.leaf).chain(&self.above);
        subjects.zip(above).try_for_each(|(subject, issuer)| signed_by(budget, subject, issuer))
    }
}

/// The purposes that a certificate states; `None` when it states none.
pub(super) fn extended_key_usage(
    certificate: &Certificate<'_>,
) -> Result<Option<Vec<ObjectIdentifier>>, CertificateError> {
    use der::{Decode, Reader, SliceReader};
    let Some(extension) = certificate.extension(EXTENDED_KEY_USAGE) else { return Ok(None) };
    let read = || {
        let mut reader = SliceReader::new(der::AnyRef::from_der(extension.value)?.value())?;
        let mut purposes = Vec::new();
        while !reader.is_finished() {
            purposes.push(reader.decode::<ObjectIdentifier>()?);
        }
        Ok::<_, der::Error>(purposes)
    };
    read().map(Some).map_err(|_| X509Error::Malformed("extended key usage").into())
}

/// The configured authority above a certificate.
fn find_anchor<'a>(below: &Certificate<'a>, cas: &'a [TpmCa]) -> Option<(Certificate<'a>, &'a TpmCa)> {
    cas.iter().find_map(|ca| {
        let authority = Certificate::parse(ca.der()).ok()?;
        may_have_issued(&authority, below).then_some((authority, ca))
    })
}

/// Names agree byte for byte, and key identifiers where both are stated: they tell namesakes apart.
fn may_have_issued(issuer: &Certificate<'_>, subject: &Certificate<'_>) -> bool {
    let same_key = match (subject.authority_key_id(), issuer.subject_key_id()) {
        (Some(stated), Some(own)) => stated == own,
        _ => true,
    };
    same_key && issuer.subject().der() == subject.issuer().der()
}

/// An authority's certificate, with so many authorities below it.
fn check_authority(authority: &Certificate<'_>, below: usize) -> Result<(), CertificateError> {
    let constraints = authority.basic_constraints();
    if !constraints.is_some_and(|constraints| constraints.ca) {
        return Err(CertificateError::Profile("a certificate above it is no authority's"));
    }
    let path_len = constraints.and_then(|constraints| constraints.path_len);
    if path_len.is_some_and(|limit| below > usize::from(limit)) {
        return Err(CertificateError::Profile("more authorities are between than one above allows"));
    }
    if !authority.key_usage().is_none_or(|usage| usage.key_cert_sign()) {
        return Err(CertificateError::Profile("an authority above it may not sign certificates"));
    }
    Ok(())
}

fn check_validity(
    certificate: &'static str,
    found: &Certificate<'_>,
    now: UnixTime,
) -> Result<(), CertificateError> {
    if found.is_valid_at(now) {
        return Ok(());
    }
    let (not_before, not_after) = (found.not_before(), found.not_after());
    Err(CertificateError::NotInValidity { certificate, now, not_before, not_after })
}

fn signed_by(
    budget: &mut Budget,
    subject: &Certificate<'_>,
    issuer: &Certificate<'_>,
) -> Result<(), CertificateError> {
    let algorithm = subject.signature_algorithm();
    let (message, signature) = (subject.tbs(), subject.signature());
    let verified = match (named(&RSA_ALGORITHMS, algorithm), named(&ECDSA_ALGORITHMS, algorithm)) {
        (Some(hash), _) => rsassa(budget, hash, issuer.public_key(), message, signature),
        (None, Some(hash)) => ecdsa_der(budget, hash, issuer.public_key(), message, signature),
        (None, None) => Err(FormError::AlgorithmNotAllowed.into()),
    };
    verified.map_err(|error| match error {
        SignatureError::Mismatch => CertificateError::Signature,
        SignatureError::Form(error) => error.into(),
    })
}

fn named(list: &[(&[u8], SigningHash)], algorithm: &[u8]) -> Option<SigningHash> {
    list.iter().find(|(known, _)| *known == algorithm).map(|(_, hash)| *hash)
}
