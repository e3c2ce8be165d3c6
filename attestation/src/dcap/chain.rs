//! The PCK chain: PCK certificate, Platform or Processor CA, Intel SGX Root CA (DCAP-16 to -23).
//!
//! There is one order and no path search. The root is the one whose public key is pinned: a certificate in a
//! quote is a candidate, never an anchor.

use super::claims::PckCa;
use super::error::{DcapError, Link};
use super::pck::{PckExtension, PckExtensionError, SGX_EXTENSION};
use crate::roots::Roots;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::dcap::PckChain;
use hanzo_attestation_evidence::x509::{Certificate, Name, PublicKey, X509Error};

const ORGANIZATION: &str = "Intel Corporation";
const LEAF: &str = "Intel SGX PCK Certificate";
const PLATFORM_CA: &str = "Intel SGX PCK Platform CA";
const PROCESSOR_CA: &str = "Intel SGX PCK Processor CA";

/// AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758, 3.2).
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// A chain whose names, profiles, dates and root are right. Its signatures are not verified yet.
pub(super) struct Chain<'a> {
    links: [Certified<'a>; 3],
    /// What the PCK certificate says of its platform.
    pub(super) extension: PckExtension,
    /// Which CA issued it.
    pub(super) issuer: PckCa,
    /// Whether the root is a configured one instead of Intel's.
    pub(super) lab: bool,
}

/// A certificate with its P-256 key.
struct Certified<'a> {
    link: Link,
    certificate: Certificate<'a>,
    key: &'a [u8; 65],
}

/// A signature of the chain to verify: who signed, what, and the signature (DER).
pub(super) struct SignedLink<'a> {
    pub(super) link: Link,
    pub(super) issuer_key: &'a [u8; 65],
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Chain<'a> {
    /// Reads the certificates and checks everything that needs no public-key operation.
    pub(super) fn read(chain: &'a PckChain, roots: &Roots, now: UnixTime) -> Result<Self, DcapError> {
        let leaf = Certificate::parse(&chain.leaf)?;
        let ca = Certificate::parse(&chain.ca)?;
        let root = Certificate::parse(&chain.root)?;
        leaf.refuse_unknown_critical(&[SGX_EXTENSION])?;
        ca.refuse_unknown_critical(&[])?;
        root.refuse_unknown_critical(&[])?;
        // Zero is for AMD's endorsement keys alone (COL-22).
        if [&leaf, &ca, &root].into_iter().any(Certificate::serial_is_zero) {
            return Err(X509Error::SerialNumber.into());
        }
        Self::check(leaf, ca, root, roots, now)
    }

    fn check(
        leaf: Certificate<'a>,
        ca: Certificate<'a>,
        root: Certificate<'a>,
        roots: &Roots,
        now: UnixTime,
    ) -> Result<Self, DcapError> {
        order(&leaf, &ca, Link::Leaf)?;
        order(&ca, &root, Link::Ca)?;
        order(&root, &root, Link::Root)?;
        let root_key = p256(&root).ok_or(DcapError::RootNotPinned)?;
        let pinned = roots.intel().iter().find(|pinned| pinned.public_key() == root_key);
        let lab = pinned.ok_or(DcapError::RootNotPinned)?.is_lab();
        let leaf_key = check_leaf(&leaf)?;
        let (issuer, ca_key) = check_ca(&ca)?;
        if root.signature_algorithm() != ECDSA_WITH_SHA256 {
            return Err(DcapError::Algorithm(Link::Root));
        }
        for (link, certificate) in [(Link::Leaf, &leaf), (Link::Ca, &ca), (Link::Root, &root)] {
            valid(link, certificate, now)?;
        }
        let found = leaf.extension(SGX_EXTENSION).ok_or(PckExtensionError::Absent)?;
        let extension = PckExtension::parse(found.value)?;
        check_ca_type(issuer, &extension)?;
        Ok(Self {
            links: [
                Certified { link: Link::Leaf, certificate: leaf, key: leaf_key },
                Certified { link: Link::Ca, certificate: ca, key: ca_key },
                Certified { link: Link::Root, certificate: root, key: root_key },
            ],
            extension,
            issuer,
            lab,
        })
    }

    /// The key that signs for quoting enclaves.
    pub(super) const fn pck_key(&self) -> &'a [u8; 65] {
        let [leaf, _, _] = &self.links;
        leaf.key
    }

    /// End of validity of the PCK certificate.
    pub(super) const fn pck_not_after(&self) -> UnixTime {
        let [leaf, _, _] = &self.links;
        leaf.certificate.not_after()
    }

    /// Earliest end of validity in the chain.
    pub(super) fn not_after(&self) -> UnixTime {
        let [leaf, ca, root] = &self.links;
        leaf.certificate.not_after().min(ca.certificate.not_after()).min(root.certificate.not_after())
    }

    /// The signatures that hold the chain together, leaf first; the root signs itself.
    pub(super) fn signatures(&self) -> [SignedLink<'a>; 3] {
        let [leaf, ca, root] = &self.links;
        let signed = |subject: &Certified<'a>, issuer: &Certified<'a>| SignedLink {
            link: subject.link,
            issuer_key: issuer.key,
            message: subject.certificate.tbs(),
            signature: subject.certificate.signature(),
        };
        [signed(leaf, ca), signed(ca, root), signed(root, root)]
    }
}

/// DCAP-16: names are compared byte for byte.
fn order(subject: &Certificate<'_>, issuer: &Certificate<'_>, link: Link) -> Result<(), DcapError> {
    if subject.issuer().der() == issuer.subject().der() { Ok(()) } else { Err(DcapError::ChainOrder(link)) }
}

/// DCAP-18: keeps certificates of authorities and of TCB signers out of the leaf's place.
fn check_leaf<'a>(leaf: &Certificate<'a>) -> Result<&'a [u8; 65], DcapError> {
    let profile = |holds: bool, what| if holds { Ok(()) } else { Err(DcapError::LeafProfile(what)) };
    profile(leaf.subject().common_name() == Some(LEAF), "its common name differs")?;
    profile(organization(leaf.subject()) == Some(ORGANIZATION), "its organisation differs")?;
    profile(leaf.signature_algorithm() == ECDSA_WITH_SHA256, "it is not signed with ecdsa-with-SHA256")?;
    profile(leaf.basic_constraints().is_some_and(|constraints| !constraints.ca), "it is not CA:FALSE")?;
    profile(
        leaf.key_usage().is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign()),
        "its key usage is not that of a signer",
    )?;
    p256(leaf).ok_or(DcapError::LeafProfile("its key is not on P-256"))
}

/// DCAP-19.
fn check_ca<'a>(ca: &Certificate<'a>) -> Result<(PckCa, &'a [u8; 65]), DcapError> {
    let profile = |holds: bool, what| if holds { Ok(()) } else { Err(DcapError::CaProfile(what)) };
    let kind = match ca.subject().common_name() {
        Some(PLATFORM_CA) => PckCa::Platform,
        Some(PROCESSOR_CA) => PckCa::Processor,
        _ => return Err(DcapError::CaProfile("its common name differs")),
    };
    profile(organization(ca.subject()) == Some(ORGANIZATION), "its organisation differs")?;
    profile(ca.signature_algorithm() == ECDSA_WITH_SHA256, "it is not signed with ecdsa-with-SHA256")?;
    let constraints = ca.basic_constraints();
    profile(constraints.is_some_and(|found| found.ca), "it is not CA:TRUE")?;
    profile(constraints.is_some_and(|found| found.path_len == Some(0)), "its path length is not 0")?;
    profile(
        ca.key_usage().is_some_and(|usage| usage.key_cert_sign() && usage.crl_sign()),
        "its key usage is not that of a CA",
    )?;
    Ok((kind, p256(ca).ok_or(DcapError::CaProfile("its key is not on P-256"))?))
}

/// DCAP-23: the two CAs issue for two kinds of platforms.
fn check_ca_type(issuer: PckCa, extension: &PckExtension) -> Result<(), DcapError> {
    let mismatch = |reason| Err(DcapError::CaType { ca: issuer.name(), reason });
    let registered = (extension.platform_instance_id.is_some(), extension.configuration.is_some());
    match (issuer, registered, extension.sgx_type) {
        (PckCa::Platform, (true, true), 1 | 2) | (PckCa::Processor, (false, false), 0) => Ok(()),
        (PckCa::Platform, (false, _), _) => mismatch("the platform instance id is missing"),
        (PckCa::Platform, (true, false), _) => mismatch("the configuration is missing"),
        (PckCa::Processor, (true, _), _) => mismatch("a platform instance id is there"),
        (PckCa::Processor, (false, true), _) => mismatch("a configuration is there"),
        (PckCa::Platform, _, _) => mismatch("the SGX type is neither 1 nor 2"),
        (PckCa::Processor, _, _) => mismatch("the SGX type is not 0"),
    }
}

/// DCAP-21, both ends included.
fn valid(link: Link, certificate: &Certificate<'_>, now: UnixTime) -> Result<(), DcapError> {
    if certificate.is_valid_at(now) {
        return Ok(());
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    Err(DcapError::NotInValidity { link, now, not_before, not_after })
}

fn p256<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8; 65]> {
    match certificate.public_key() {
        PublicKey::P256(point) => Some(point),
        _ => None,
    }
}

/// The organisation, if there is exactly one.
fn organization<'a>(name: &Name<'a>) -> Option<&'a str> {
    let mut found = name.attributes().iter().filter(|(kind, _)| *kind == Name::ORGANIZATION);
    match (found.next(), found.next()) {
        (Some((_, text)), None) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
