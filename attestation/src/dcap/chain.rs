//! The PCK chain: PCK certificate, Platform or Processor CA, Intel SGX Root CA (DCAP-16 to -23).
//!
//! There is one order and no path search. The root is the one whose public key is pinned: a certificate in a
//! quote is a candidate, never an anchor (COL-14).

use super::claims::PckCa;
use super::error::{DcapError, Link};
use super::pck::{PckExtension, PckExtensionError, SGX_EXTENSION};
use super::profile::{organization, p256};
use crate::roots::{IntelRoot, Roots, sha256};
use crate::x509::ECDSA_WITH_SHA256;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::dcap::PckChain;
use hanzo_attestation_evidence::x509::{Certificate, X509Error};

const LEAF: &str = "Intel SGX PCK Certificate";
const PLATFORM_CA: &str = "Intel SGX PCK Platform CA";
const PROCESSOR_CA: &str = "Intel SGX PCK Processor CA";

/// A chain whose names and profiles are right. Dates and the root are judged at every use.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(super) leaf: Certified,
    pub(super) ca: Certified,
    pub(super) root: Certified,
    /// What the PCK certificate says of its platform.
    pub(super) extension: PckExtension,
    /// Which CA issued it.
    pub(super) issuer: PckCa,
}

/// What of a certificate is needed after it was read.
#[derive(Debug)]
pub(super) struct Certified {
    /// P-256, uncompressed point.
    pub(super) key: [u8; 65],
    /// As certificates and lists write it.
    pub(super) serial: Vec<u8>,
    /// The subject's name, DER.
    pub(super) subject: Vec<u8>,
    /// Identifier of the key, if stated.
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

/// A signature of a chain to verify: who signed, what, and the signature (DER).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignedLink {
    pub(super) link: Link,
    pub(super) issuer_key: [u8; 65],
    pub(super) message: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What everything that [`Chain::read`] finds depends on.
pub(super) fn key_of(chain: &PckChain) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(chain.leaf.len() + chain.ca.len() + chain.root.len() + 24);
    for der in [&chain.leaf, &chain.ca, &chain.root] {
        bytes.extend(der.len().to_be_bytes());
        bytes.extend_from_slice(der);
    }
    sha256(&bytes)
}

impl Chain {
    /// Reads the certificates and checks everything that needs neither a key nor a clock. The signatures that
    /// hold the chain together are left to verify, leaf first.
    pub(super) fn read(chain: &PckChain, roots: &Roots) -> Result<(Self, Vec<SignedLink>), DcapError> {
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
        Self::check(&leaf, &ca, &root, roots)
    }

    fn check(
        leaf: &Certificate<'_>,
        ca: &Certificate<'_>,
        root: &Certificate<'_>,
        roots: &Roots,
    ) -> Result<(Self, Vec<SignedLink>), DcapError> {
        order(leaf, ca, Link::Leaf)?;
        order(ca, root, Link::Ca)?;
        order(root, root, Link::Root)?;
        let root_key = p256(root).ok_or(DcapError::RootNotPinned)?;
        let pinned = pinned(root_key, roots)?;
        let leaf_key = check_leaf(leaf)?;
        let (issuer, ca_key) = check_ca(ca)?;
        if root.signature_algorithm() != ECDSA_WITH_SHA256 {
            return Err(DcapError::Algorithm(Link::Root));
        }
        let found = leaf.extension(SGX_EXTENSION).ok_or(PckExtensionError::Absent)?;
        let extension = PckExtension::parse(found.value)?;
        check_ca_type(issuer, &extension)?;
        let mut signatures =
            vec![SignedLink::new(Link::Leaf, leaf, ca_key), SignedLink::new(Link::Ca, ca, root_key)];
        // The root that is known byte for byte needs no signature. Others with its key sign themselves.
        if *pinned.certificate_sha256() != sha256(root.der()) {
            signatures.push(SignedLink::new(Link::Root, root, root_key));
        }
        let chain = Self {
            leaf: Certified::new(leaf, leaf_key),
            ca: Certified::new(ca, ca_key),
            root: Certified::new(root, root_key),
            extension,
            issuer,
        };
        Ok((chain, signatures))
    }

    /// DCAP-17: the root, which is one that is configured now.
    pub(super) fn root<'a>(&self, roots: &'a Roots) -> Result<&'a IntelRoot, DcapError> {
        pinned(&self.root.key, roots)
    }

    /// DCAP-21, both ends included.
    pub(super) fn check_dates(&self, now: UnixTime) -> Result<(), DcapError> {
        for (link, certified) in [(Link::Leaf, &self.leaf), (Link::Ca, &self.ca), (Link::Root, &self.root)] {
            let (not_before, not_after) = (certified.not_before, certified.not_after);
            if now < not_before || not_after < now {
                return Err(DcapError::NotInValidity { link, now, not_before, not_after });
            }
        }
        Ok(())
    }

    /// Earliest end of validity in the chain.
    pub(super) fn not_after(&self) -> UnixTime {
        self.leaf.not_after.min(self.ca.not_after).min(self.root.not_after)
    }
}

impl Certified {
    pub(super) fn new(certificate: &Certificate<'_>, key: &[u8; 65]) -> Self {
        Self {
            key: *key,
            serial: certificate.serial().to_vec(),
            subject: certificate.subject().der().to_vec(),
            key_id: certificate.subject_key_id().map(<[u8]>::to_vec),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        }
    }
}

impl SignedLink {
    pub(super) fn new(link: Link, subject: &Certificate<'_>, issuer_key: &[u8; 65]) -> Self {
        let (message, signature) = (subject.tbs().to_vec(), subject.signature().to_vec());
        Self { link, issuer_key: *issuer_key, message, signature }
    }
}

/// DCAP-17: the configured root with this key.
fn pinned<'r>(key: &[u8; 65], roots: &'r Roots) -> Result<&'r IntelRoot, DcapError> {
    roots.intel().iter().find(|pinned| pinned.public_key() == key).ok_or(DcapError::RootNotPinned)
}

/// DCAP-16: names are compared byte for byte.
fn order(subject: &Certificate<'_>, issuer: &Certificate<'_>, link: Link) -> Result<(), DcapError> {
    if subject.issuer().der() == issuer.subject().der() { Ok(()) } else { Err(DcapError::ChainOrder(link)) }
}

/// DCAP-18: keeps certificates of authorities and of TCB signers out of the leaf's place.
fn check_leaf<'a>(leaf: &Certificate<'a>) -> Result<&'a [u8; 65], DcapError> {
    super::profile::end_entity(leaf, LEAF).map_err(DcapError::LeafProfile)
}

/// DCAP-19.
fn check_ca<'a>(ca: &Certificate<'a>) -> Result<(PckCa, &'a [u8; 65]), DcapError> {
    let profile = |holds: bool, what| if holds { Ok(()) } else { Err(DcapError::CaProfile(what)) };
    let kind = match ca.subject().common_name() {
        Some(PLATFORM_CA) => PckCa::Platform,
        Some(PROCESSOR_CA) => PckCa::Processor,
        _ => return Err(DcapError::CaProfile("its common name differs")),
    };
    profile(organization(ca.subject()), "its organisation differs")?;
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

#[cfg(test)]
mod tests;
