//! The chain of a manifest: signer (L4), authority (L3), authority of a device family, root.
//!
//! There is one order and no path search. The root counts by its fingerprint: the certificate in the file is
//! a candidate, never an anchor.

use super::error::RimProofError;
use crate::crypto::{Budget, P384Key, ecdsa_p384_der};
use crate::roots::{NvidiaRimRoot, Roots, sha256};
use crate::x509::{ECDSA_WITH_SHA384, Validity, names_key_of};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey, X509Error};

const SIGNER: &str = "signer's certificate";
/// The certificates in their order, in words.
const PLACES: [&str; 4] = [
    SIGNER,
    "certificate of the level 3 authority",
    "certificate of the family's authority",
    "root certificate",
];

/// How NVIDIA's authorities over manifests begin.
const PREFIX: &str = "NVIDIA Reference Value ";

/// A chain whose order, profile and family are right. Root, dates and signatures are judged at every use.
#[derive(Debug)]
pub(super) struct Chain {
    /// From the signer to the root.
    pub(super) links: [Link; 4],
    root_sha256: [u8; 32],
}

/// What of a certificate is needed after it was read.
#[derive(Debug)]
pub(super) struct Link {
    /// Common name.
    pub(super) name: String,
    /// The subject, DER.
    pub(super) subject: Vec<u8>,
    /// As certificates write it.
    pub(super) serial: Vec<u8>,
    /// Identifier of its key, and whether that may sign revocation lists.
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) crl_sign: bool,
    pub(super) validity: Validity,
    /// P-384, uncompressed point.
    pub(super) key: [u8; 97],
    /// The signed part, and its signature (DER).
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Chain {
    /// NVR-21, NVR-23, NVR-24, NVR-26: what needs neither a clock nor a key.
    pub(super) fn read(certificates: &[Vec<u8>], product: &str) -> Result<Self, RimProofError> {
        let [signer, level3, family, root] = certificates else {
            return Err(RimProofError::ChainLength(certificates.len()));
        };
        let root_sha256 = sha256(root);
        let certificates = [
            Certificate::parse(signer)?,
            Certificate::parse(level3)?,
            Certificate::parse(family)?,
            Certificate::parse(root)?,
        ];
        check_order(&certificates)?;
        let [signer, level3, family, root] = certificates;
        let links = [
            end_entity(&signer)?,
            authority(&level3, PLACES[1], 0)?,
            authority(&family, PLACES[2], 1)?,
            authority(&root, PLACES[3], 2)?,
        ];
        check_family(&links, product)?;
        Ok(Self { links, root_sha256 })
    }

    /// The signer.
    pub(super) const fn signer(&self) -> &Link {
        let [signer, ..] = &self.links;
        signer
    }

    /// NVR-22: the configured root that this chain ends in.
    pub(super) fn pinned<'r>(&self, roots: &'r Roots) -> Result<&'r NvidiaRimRoot, RimProofError> {
        let mut pinned = roots.nvidia_rim().iter();
        pinned.find(|root| *root.certificate_sha256() == self.root_sha256).ok_or(RimProofError::RootNotPinned)
    }

    /// NVR-25, both ends included.
    pub(super) fn check_dates(&self, now: UnixTime) -> Result<(), RimProofError> {
        self.links.iter().zip(PLACES).try_for_each(|(link, certificate)| {
            let Validity { not_before, not_after } = link.validity;
            if link.validity.contains(now) {
                return Ok(());
            }
            Err(RimProofError::NotInValidity { certificate, now, not_before, not_after })
        })
    }

    /// Earliest end of validity in the chain.
    pub(super) fn not_after(&self) -> UnixTime {
        self.links.iter().map(|link| link.validity.not_after).fold(UnixTime::MAX, UnixTime::min)
    }

    /// NVR-27: every signature, the signer's first. The root's own is not asked for: it is known byte for
    /// byte.
    pub(super) fn verify(&self, budget: &mut Budget) -> Result<(), RimProofError> {
        let issuers = self.links.iter().skip(1);
        self.links.iter().zip(issuers).zip(PLACES).try_for_each(|((subject, issuer), place)| {
            ecdsa_p384_der(budget, &issuer.key, &subject.signed, &subject.signature)
                .map_err(|error| RimProofError::signature(place, error, RimProofError::ChainSignature(place)))
        })
    }

    /// NVR-28: over the canonical SignedInfo, by the key of the chain's signer and no other.
    pub(super) fn verify_manifest(
        &self,
        budget: &mut Budget,
        signed_info: &[u8],
        signature: &[u8; 96],
    ) -> Result<(), RimProofError> {
        let of = "the manifest";
        let key = P384Key::parse(&self.signer().key)
            .map_err(|error| RimProofError::NotCompared { of: SIGNER, error })?;
        key.verify(budget, signed_info, signature)
            .map_err(|error| RimProofError::signature(of, error, RimProofError::Signature))
    }
}

/// NVR-23: names byte for byte, and key identifiers, which NVIDIA states in all of them.
fn check_order(certificates: &[Certificate<'_>; 4]) -> Result<(), RimProofError> {
    let [.., root] = certificates;
    let issuers = certificates.iter().skip(1).chain([root]);
    certificates.iter().zip(issuers).zip(PLACES).try_for_each(|((subject, issuer), place)| {
        if names_key_of(subject, issuer) && subject.issuer().der() == issuer.subject().der() {
            Ok(())
        } else {
            Err(RimProofError::ChainOrder(place))
        }
    })
}

/// NVR-24, of every place.
fn link(certificate: &Certificate<'_>, place: &'static str) -> Result<Link, RimProofError> {
    let profile = |problem| RimProofError::Profile { certificate: place, problem };
    certificate.refuse_unknown_critical(&[])?;
    if certificate.serial_is_zero() {
        return Err(X509Error::SerialNumber.into());
    }
    if certificate.signature_algorithm() != ECDSA_WITH_SHA384 {
        return Err(profile("it is not signed with ecdsa-with-SHA384"));
    }
    let PublicKey::P384(key) = certificate.public_key() else {
        return Err(profile("its key is not on P-384"));
    };
    let name = certificate.subject().common_name().ok_or_else(|| profile("it has not one common name"))?;
    Ok(Link {
        name: name.to_owned(),
        subject: certificate.subject().der().to_vec(),
        serial: certificate.serial().to_vec(),
        key_id: certificate.subject_key_id().map(<[u8]>::to_vec),
        crl_sign: certificate.key_usage().is_some_and(|usage| usage.crl_sign()),
        validity: Validity::of(certificate),
        key: *key,
        signed: certificate.tbs().to_vec(),
        signature: certificate.signature().to_vec(),
    })
}

/// NVR-24: the signer is no authority.
fn end_entity(certificate: &Certificate<'_>) -> Result<Link, RimProofError> {
    let profile = |problem| Err(RimProofError::Profile { certificate: SIGNER, problem });
    if certificate.is_ca() {
        return profile("it is an authority's");
    }
    if !certificate.key_usage().is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign()) {
        return profile("its key usage is not that of a signer");
    }
    link(certificate, SIGNER)
}

/// NVR-24: an authority with so many authorities below it.
fn authority(certificate: &Certificate<'_>, place: &'static str, below: u8) -> Result<Link, RimProofError> {
    let profile = |problem| Err(RimProofError::Profile { certificate: place, problem });
    if !certificate.is_ca() {
        return profile("it is not CA:TRUE");
    }
    let path_len = certificate.basic_constraints().and_then(|constraints| constraints.path_len);
    if path_len.is_some_and(|limit| below > limit) {
        return profile("more authorities are below it than it allows");
    }
    if !certificate.key_usage().is_some_and(|usage| usage.key_cert_sign()) {
        return profile("its key usage does not allow signing certificates");
    }
    link(certificate, place)
}

/// NVR-26: the family's authority speaks for the product, and the authorities below it for the same family.
///
/// NVIDIA's names: `NVIDIA Reference Value GH100 CA`, `… GB1XX CA 001` and `… L3 GB100-CC 001`, `… L4 LS10`.
/// An X stands for a digit. A signer whose name says nothing of a family is the authority's business.
fn check_family(links: &[Link; 4], product: &str) -> Result<(), RimProofError> {
    let [signer, level3, family, _] = links;
    let mismatch = |link: &Link| {
        Err(RimProofError::Family { authority: link.name.clone(), product: product.to_owned() })
    };
    let Some(covered) = family_of(&family.name, "CA").filter(|covered| covers(covered, product)) else {
        return mismatch(family);
    };
    if !family_of(&level3.name, "L3").is_some_and(|stated| covers(covered, stated)) {
        return mismatch(level3);
    }
    match family_of(&signer.name, "L4") {
        Some(stated) if !covers(covered, stated) => mismatch(signer),
        _ => Ok(()),
    }
}

/// The family in an authority's name: the word after its level, or before `CA`; without what follows a
/// hyphen.
fn family_of<'n>(name: &'n str, role: &str) -> Option<&'n str> {
    let mut words = name.strip_prefix(PREFIX)?.split(' ');
    let family = match (words.next()?, words.next()?) {
        (level, family) if level == role => family,
        (family, level) if level == role => family,
        _ => return None,
    };
    family.split('-').next()
}

/// Whether a family, in which each X stands for one digit, has this member.
fn covers(family: &str, member: &str) -> bool {
    let same = |(family, member): (u8, u8)| family == member || family == b'X' && member.is_ascii_digit();
    family.len() == member.len() && family.bytes().zip(member.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_authorities_say_their_family() {
        assert_eq!(family_of("NVIDIA Reference Value GH100 CA", "CA"), Some("GH100"));
        assert_eq!(family_of("NVIDIA Reference Value GB1XX CA 001", "CA"), Some("GB1XX"));
        assert_eq!(family_of("NVIDIA Reference Value L3 GB100-CC 001", "L3"), Some("GB100"));
        assert_eq!(family_of("NVIDIA Reference Value L4 LS10", "L4"), Some("LS10"));
        for name in
            ["HCC RIM L4 Signer", "NVIDIA Reference Value", "GH100 CA", "NVIDIA Reference Value L3 GH100 001"]
        {
            assert_eq!(family_of(name, "CA"), None, "{name}");
        }
    }

    /// NVR-26: a family is no prefix, and an X is one digit.
    #[test]
    fn a_family_covers_its_members_alone() {
        assert!(covers("GH100", "GH100") && covers("GB1XX", "GB100") && covers("GB1XX", "GB102"));
        for (family, member) in [
            ("GB1XX", "GB202"),
            ("GB1XX", "GB1000"),
            ("GB1XX", "GB1XY"),
            ("GH100", "GH10"),
            ("GH100", "GH200"),
            ("", "GH100"),
        ] {
            assert!(!covers(family, member), "{family} {member}");
        }
    }
}
