//! The one chain of an endorsement key: leaf, ASK or ASVK, ARK.
//!
//! Certificates in evidence are candidates (COL-14). The leaf is found by its name and must fit the report;
//! the intermediate is the leaf's issuer, from the evidence or from this build; the root is a pinned one.
//! There is one place for each, so that nothing is searched. What fits no place is ignored, except in the
//! root's place: evidence that brings a root brings the pinned one, or is refused.

use super::error::SnpError;
use super::profile::{check_intermediate, check_issuer_name, check_vek, is_root, vek_name};
use super::vek::{VekExtensions, is_amd};
use crate::roots::{AmdRoot, Roots, builtin_intermediate, sha256};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::snp::{Body, Product, Vek};
use hanzo_attestation_evidence::x509::{Certificate, X509Error, check_budget};

/// An endorsement key's certificate that fits the report.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub(super) certificate: Certificate<'a>,
    pub(super) extensions: VekExtensions<'a>,
    pub(super) product: Product,
}

/// A chain in order, of which no signature is verified yet.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) leaf: Leaf<'a>,
    pub(super) intermediate: Certificate<'a>,
    /// Pinned roots of the product that may have signed the intermediate: one, unless the evidence brings
    /// no root and configuration adds others.
    pub(super) anchors: Vec<Anchor<'a>>,
}

/// A pinned root.
#[derive(Debug)]
pub(super) struct Anchor<'a> {
    pub(super) ark: Certificate<'a>,
    /// SHA-256 of the certificate.
    pub(super) sha256: &'a [u8; 32],
    pub(super) lab: bool,
}

impl<'a> Chain<'a> {
    /// Puts the evidence's certificates in order. No public-key operation is done.
    pub(super) fn read(
        certs: &'a [Vec<u8>],
        body: &Body,
        roots: &'a Roots,
        now: UnixTime,
    ) -> Result<Self, SnpError> {
        check_budget(certs)?;
        let certs = certs.iter().map(|der| parse(der)).collect::<Result<Vec<Certificate<'a>>, _>>()?;
        let leaf = find_leaf(&certs, body)?;
        let intermediate = find_intermediate(&certs, &leaf, body.signing_key)?;
        check_intermediate(&intermediate)?;
        let anchors = find_anchors(&certs, &leaf, &intermediate, roots)?;
        check_validity("endorsement key's certificate", &leaf.certificate, now)?;
        check_validity("intermediate certificate", &intermediate, now)?;
        Ok(Self { leaf, intermediate, anchors })
    }
}

/// Reads one certificate. An AMD extension that occurs twice is AMD's rule (SNP-26).
fn parse(der: &[u8]) -> Result<Certificate<'_>, SnpError> {
    Certificate::parse(der).map_err(|error| match error {
        X509Error::DuplicateExtension(oid) if is_amd(&oid) => {
            SnpError::VekExtension { extension: oid.to_string(), problem: "occurs twice" }
        }
        error => error.into(),
    })
}

/// SNP-25. The rule names both ends to the second, so that no clock skew is granted here.
pub(super) fn check_validity(
    certificate: &'static str,
    found: &Certificate<'_>,
    now: UnixTime,
) -> Result<(), SnpError> {
    if found.is_valid_at(now) {
        return Ok(());
    }
    let (not_before, not_after) = (found.not_before(), found.not_after());
    Err(SnpError::NotInValidity { certificate, now, not_before, not_after })
}

/// The first certificate with the name of the report's kind of key that fits the report.
fn find_leaf<'a>(certs: &[Certificate<'a>], body: &Body) -> Result<Leaf<'a>, SnpError> {
    let named = |vek| certs.iter().filter(move |found| found.subject().common_name() == Some(vek_name(vek)));
    let mut first_error = None;
    for certificate in named(body.signing_key) {
        match Leaf::read(certificate, body) {
            Ok(leaf) => return Ok(leaf),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let other = match body.signing_key {
        Vek::Vcek => Vek::Vlek,
        Vek::Vlek => Vek::Vcek,
    };
    Err(first_error.unwrap_or_else(|| {
        if certs.is_empty() {
            SnpError::CertificateMissing("endorsement key's certificate")
        } else if named(other).next().is_some() {
            SnpError::SigningKeyMismatch { expected: body.signing_key }
        } else {
            SnpError::VekName("no certificate has an endorsement key's name")
        }
    }))
}

impl<'a> Leaf<'a> {
    fn read(certificate: &Certificate<'a>, body: &Body) -> Result<Self, SnpError> {
        check_vek(certificate, body.signing_key)?;
        let check_issuer = |product| check_issuer_name(certificate.issuer(), product, body.signing_key);
        // From version 3 on the report names its product, and the chain must be that product's.
        body.product.map_or(Ok(()), check_issuer)?;
        let extensions = VekExtensions::read(certificate)?;
        let product = extensions.product(body)?;
        check_issuer(product)?;
        extensions.matches(body, product)?;
        Ok(Self { certificate: certificate.clone(), extensions, product })
    }
}

/// The leaf's issuer by name: this build's own if the evidence has it too or has none, else the evidence's.
fn find_intermediate<'a>(
    certs: &[Certificate<'a>],
    leaf: &Leaf<'a>,
    vek: Vek,
) -> Result<Certificate<'a>, SnpError> {
    let mut candidates =
        certs.iter().filter(|found| found.subject().der() == leaf.certificate.issuer().der()).peekable();
    let builtin = builtin_intermediate(leaf.product, vek);
    let in_evidence = candidates.peek().map(|first| (*first).clone());
    if let Some(builtin) = builtin
        && (in_evidence.is_none() || candidates.any(|found| found.der() == builtin))
    {
        let builtin = Certificate::parse(builtin)?;
        // A name in another encoding than AMD's is nobody's issuer.
        if builtin.subject().der() != leaf.certificate.issuer().der() {
            return Err(SnpError::VekName("the issuer is not the intermediate's subject byte for byte"));
        }
        return Ok(builtin);
    }
    in_evidence.ok_or(SnpError::CertificateMissing(match vek {
        Vek::Vcek => "ASK certificate",
        Vek::Vlek => "ASVK certificate",
    }))
}

/// SNP-21 and SNP-15: the pinned roots that the chain may end in.
fn find_anchors<'a>(
    certs: &[Certificate<'a>],
    leaf: &Leaf<'a>,
    intermediate: &Certificate<'a>,
    roots: &'a Roots,
) -> Result<Vec<Anchor<'a>>, SnpError> {
    let product = leaf.product;
    // What stands in the root's place: what claims to be a root, what has the name of the intermediate's
    // issuer, and what is left over when the intermediate's name occurs again.
    let mut intermediates = 0_usize;
    let brought: Vec<[u8; 32]> = certs
        .iter()
        .filter(|found| {
            let is_intermediate = found.subject().der() == intermediate.subject().der();
            intermediates += usize::from(is_intermediate);
            found.is_self_issued()
                || found.subject().der() == intermediate.issuer().der()
                || (is_intermediate && intermediates > 1)
        })
        .map(|found| sha256(found.der()))
        .collect();
    let is_brought = |root: &&AmdRoot| brought.contains(root.sha256());
    if !brought.is_empty() && !roots.amd().iter().filter(is_brought).any(|root| root.product() == product) {
        return Err(match roots.amd().iter().find(is_brought) {
            Some(_) => SnpError::ProductMismatch { report: product, certificate: "chain's root" },
            None => SnpError::RootNotPinned(product),
        });
    }
    let anchors: Vec<Anchor<'a>> = roots
        .amd()
        .iter()
        .filter(|root| root.product() == product && (brought.is_empty() || is_brought(root)))
        .filter_map(|root| {
            let ark = Certificate::parse(root.ark()).ok()?;
            let fits = ark.subject().der() == intermediate.issuer().der()
                && same_key(intermediate, &ark)
                && is_root(&ark);
            fits.then_some(Anchor { ark, sha256: root.sha256(), lab: root.is_lab() })
        })
        .collect();
    if anchors.is_empty() { Err(SnpError::RootNotPinned(product)) } else { Ok(anchors) }
}

/// Whether the key identifiers agree, where both are stated. They are hints: a lab root has the name of
/// AMD's, and only its key tells the two apart.
fn same_key(intermediate: &Certificate<'_>, ark: &Certificate<'_>) -> bool {
    match (intermediate.authority_key_id(), ark.subject_key_id()) {
        (Some(issuer), Some(root)) => issuer == root,
        _ => true,
    }
}
