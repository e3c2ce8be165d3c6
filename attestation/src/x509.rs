//! What chains of several vendors share: identifiers of signature algorithms, validity, how a certificate names its
//! issuer's key; and signatures of AMD's authorities over certificates and lists.

use crate::crypto::{Budget, FormError, Rsa4096Key, SignatureError};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::x509::Certificate;
use std::sync::LazyLock;

/// AlgorithmIdentifier of ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758, 3.2), DER.
pub(crate) const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
/// AlgorithmIdentifier of ecdsa-with-SHA384, 1.2.840.10045.4.3.3 (RFC 5758, 3.2), DER.
pub(crate) const ECDSA_WITH_SHA384: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
/// AlgorithmIdentifier of ecdsa-with-SHA512, 1.2.840.10045.4.3.4 (RFC 5758, 3.2), DER.
pub(crate) const ECDSA_WITH_SHA512: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04";

/// OBJECT IDENTIFIER id-RSASSA-PSS, 1.2.840.113549.1.1.10.
const RSASSA_PSS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
/// OBJECT IDENTIFIER id-mgf1, 1.2.840.113549.1.1.8.
const MGF1: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
/// AlgorithmIdentifier of SHA-384 with NULL parameters, as AMD writes it, and without any. Readers must take
/// both (RFC 4055, 2.1).
const SHA384: [&[u8]; 2] = [
    b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00",
    b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02",
];
/// The salt's length, 48.
const SALT: &[u8] = b"\xa2\x03\x02\x01\x30";
/// The trailer field: left out, as in some endorsement keys, or written out although it has its default
/// value, as in AMD's authorities and other endorsement keys.
const TRAILER: [&[u8]; 2] = [b"", b"\xa3\x03\x02\x01\x01"];

/// Whether an AlgorithmIdentifier says RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes
/// (RFC 4055, 3.1), each of them explicitly.
pub(crate) fn is_pss_sha384(algorithm: &[u8]) -> bool {
    SPELLINGS.iter().any(|spelling| spelling == algorithm)
}

/// Every spelling, made once: the comparison is on the way of each certificate.
static SPELLINGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let hashes = SHA384.iter().flat_map(|hash| SHA384.iter().map(move |mask_hash| (hash, mask_hash)));
    let parts = hashes.flat_map(|hashes| TRAILER.iter().map(move |trailer| (hashes, trailer)));
    parts.filter_map(|((hash, mask_hash), trailer)| pss_sha384(hash, mask_hash, trailer)).collect()
});

/// One spelling; every part is short, so that one octet holds each length.
fn pss_sha384(hash: &[u8], mask_hash: &[u8], trailer: &[u8]) -> Option<Vec<u8>> {
    let mask = element(0x30, &[MGF1, mask_hash])?;
    let parameters = element(0x30, &[&element(0xa0, &[hash])?, &element(0xa1, &[&mask])?, SALT, trailer])?;
    element(0x30, &[RSASSA_PSS, &parameters])
}

fn element(tag: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80)?;
    Some([&[tag, length], content.as_slice()].concat())
}

/// Verifies the signature of one of AMD's authorities over the signed part of a certificate or a list.
pub(crate) fn signed_by(
    budget: &mut Budget,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
    key: &Rsa4096Key,
) -> Result<(), SignatureError> {
    if !is_pss_sha384(algorithm) {
        return Err(FormError::AlgorithmNotAllowed.into());
    }
    key.verify_pss_sha384(budget, message, signature)
}

/// Whether a certificate names its issuer's key by the identifier that the issuer states. Both must be there: it is for
/// vendors who write them into every certificate.
pub(crate) fn names_key_of(subject: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
    subject.authority_key_id().is_some_and(|stated| issuer.subject_key_id() == Some(stated))
}

/// First and last instant of a certificate's validity, both included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Validity {
    pub(crate) const fn of(certificate: &Certificate<'_>) -> Self {
        Self { not_before: certificate.not_before(), not_after: certificate.not_after() }
    }

    pub(crate) fn contains(&self, now: UnixTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::builtin_intermediate;
    use hanzo_attestation_evidence::snp::{Product, Vek};

    #[test]
    fn every_spelling_of_the_one_algorithm_is_known() {
        let mut spellings = Vec::new();
        for hash in SHA384 {
            for mask_hash in SHA384 {
                for trailer in TRAILER {
                    spellings.push(pss_sha384(hash, mask_hash, trailer).unwrap());
                }
            }
        }
        assert_eq!(spellings.len(), 8);
        assert!(spellings.iter().all(|spelling| is_pss_sha384(spelling)));
        let amd = &builtin_intermediate(Product::Milan, Vek::Vcek).unwrap().certificate;
        assert!(spellings.iter().any(|spelling| spelling == amd.signature_algorithm()));
    }

    #[test]
    fn no_change_of_a_spelling_is_that_algorithm() {
        let spelling = pss_sha384(SHA384[0], SHA384[0], TRAILER[1]).unwrap();
        for offset in 0..spelling.len() {
            for bit in 0..8 {
                let mut changed = spelling.clone();
                changed[offset] ^= 1 << bit;
                assert!(!is_pss_sha384(&changed), "byte {offset}, bit {bit}");
            }
            assert!(!is_pss_sha384(&spelling[..offset]));
        }
        assert!(!is_pss_sha384(&[spelling.as_slice(), &[0]].concat()));
        assert!(
            !is_pss_sha384(b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"),
            "PKCS #1 v1.5"
        );
    }
}
