//! The one chain of an endorsement key: leaf, ASK or ASVK, ARK.
//!
//! Certificates in evidence are candidates (COL-14). The leaf is found by its name and must fit the report;
//! the intermediate is the leaf's issuer, from the evidence or from this build; the root is a pinned one.
//! There is one place for each, so that nothing is searched. What fits no place is ignored, except in the
//! root's place: evidence that brings a root brings the pinned one, or is refused.

use super::error::SnpError;
use super::known::Links;
use super::profile::{check_intermediate, check_issuer_name, check_vek, vek_name};
use super::stated::Stated;
use super::vek::{VekExtensions, is_amd};
use crate::crypto::{Budget, FormError, Rsa4096Key, SignatureError};
use crate::roots::{self, AmdRoot, Authority, Roots, builtin_certificate, builtin_intermediate, sha256};
use crate::x509::{Validity, signed_by};
use hanzo_attestation_evidence::snp::{Product, Vek};
use hanzo_attestation_evidence::x509::{Certificate, X509Error, check_budget};
use std::borrow::Cow;

/// An endorsement key's certificate that fits the report.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub(super) certificate: Cow<'a, Certificate<'a>>,
    extensions: VekExtensions,
    product: Product,
}

/// The endorsement key's issuer.
#[derive(Debug)]
struct Intermediate<'a> {
    certificate: Cow<'a, Certificate<'a>>,
    /// Its key, if this build carries it.
    key: Option<&'static Rsa4096Key>,
}

/// A chain in order, of which no signature and no date is verified yet.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) leaf: Leaf<'a>,
    intermediate: Intermediate<'a>,
    /// Pinned roots of the product that may have signed the intermediate: one, unless the evidence brings
    /// no root and configuration adds others.
    pub(super) anchors: Vec<Anchor<'a>>,
}

/// A pinned root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor<'a> {
    pub(super) authority: &'a Authority,
    /// SHA-256 of the certificate.
    pub(super) sha256: &'a [u8; 32],
    pub(super) lab: bool,
}

impl<'a> Anchor<'a> {
    pub(super) fn of(root: &'a AmdRoot) -> Option<Self> {
        Some(Self { authority: root.authority()?, sha256: root.sha256(), lab: root.is_lab() })
    }
}

impl<'a> Chain<'a> {
    /// Puts the evidence's certificates in order. No public-key operation is done. The sizes and the number
    /// of the certificates have been judged.
    pub(super) fn read(
        certs: &'a [Vec<u8>],
        stated: &Stated<'_>,
        roots: &'a Roots,
    ) -> Result<Self, SnpError> {
        let certs = certs.iter().map(|der| parse(der)).collect::<Result<Vec<_>, _>>()?;
        let leaf = find_leaf(&certs, stated)?;
        let intermediate = find_intermediate(&certs, &leaf, stated.vek)?;
        check_intermediate(&intermediate.certificate)?;
        let anchors = find_anchors(&certs, &leaf, &intermediate.certificate, roots)?;
        Ok(Self { leaf, intermediate, anchors })
    }

    /// What the rest of the verification needs to know.
    pub(super) fn links(&self) -> Links {
        let (leaf, intermediate) = (&self.leaf.certificate, &self.intermediate.certificate);
        Links {
            product: self.leaf.product,
            extensions: self.leaf.extensions.clone(),
            leaf_sha256: sha256(leaf.der()),
            leaf: Validity::of(leaf),
            intermediate: Validity::of(intermediate),
            intermediate_subject: intermediate.subject().der().to_vec(),
            intermediate_serial: intermediate.serial().to_vec(),
        }
    }

    /// SNP-24: the intermediate signed the endorsement key.
    pub(super) fn verify_leaf(&self, budget: &mut Budget) -> Result<(), SnpError> {
        let leaf = &self.leaf.certificate;
        let (algorithm, signature) = (leaf.signature_algorithm(), leaf.signature());
        self.intermediate
            .key()
            .map_err(SignatureError::Form)
            .and_then(|key| signed_by(budget, algorithm, leaf.tbs(), signature, &key))
            .map_err(|error| {
                SnpError::signature("endorsement key's certificate", error, SnpError::VekSignature)
            })
    }

    /// SNP-23: whether a root signed the intermediate.
    pub(super) fn is_signed_by(&self, anchor: &Anchor<'_>, budget: &mut Budget) -> Result<bool, SnpError> {
        let intermediate = &self.intermediate.certificate;
        let (algorithm, signature) = (intermediate.signature_algorithm(), intermediate.signature());
        match anchor.authority.signed(budget, algorithm, intermediate.tbs(), signature) {
            Ok(()) => Ok(true),
            Err(SignatureError::Mismatch) => Ok(false),
            Err(SignatureError::Form(error)) => {
                Err(SnpError::Signature { of: "intermediate certificate", error })
            }
        }
    }
}

impl Intermediate<'_> {
    fn key(&self) -> Result<Cow<'static, Rsa4096Key>, FormError> {
        match self.key {
            Some(key) => Ok(Cow::Borrowed(key)),
            None => Rsa4096Key::parse(self.certificate.public_key()).map(Cow::Owned),
        }
    }
}

/// The sizes and the number of certificates (COL-06).
pub(super) fn check_sizes(certs: &[Vec<u8>]) -> Result<(), SnpError> {
    Ok(check_budget(certs)?)
}

/// Reads one certificate. An AMD extension that occurs twice is AMD's rule (SNP-26).
fn parse(der: &[u8]) -> Result<Cow<'_, Certificate<'_>>, SnpError> {
    if let Some(known) = builtin_certificate(der) {
        return Ok(Cow::Borrowed(known));
    }
    Certificate::parse(der).map(Cow::Owned).map_err(|error| match error {
        X509Error::DuplicateExtension(oid) if is_amd(&oid) => {
            SnpError::VekExtension { extension: oid.to_string(), problem: "occurs twice" }
        }
        error => error.into(),
    })
}

/// The first certificate with the name of the report's kind of key that fits the report.
fn find_leaf<'a>(certs: &[Cow<'a, Certificate<'a>>], stated: &Stated<'_>) -> Result<Leaf<'a>, SnpError> {
    let named = |vek| certs.iter().filter(move |found| found.subject().common_name() == Some(vek_name(vek)));
    let mut first_error = None;
    for certificate in named(stated.vek) {
        match Leaf::read(certificate, stated) {
            Ok(leaf) => return Ok(leaf),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let other = match stated.vek {
        Vek::Vcek => Vek::Vlek,
        Vek::Vlek => Vek::Vcek,
    };
    Err(first_error.unwrap_or_else(|| {
        if certs.is_empty() {
            SnpError::CertificateMissing("endorsement key's certificate")
        } else if named(other).next().is_some() {
            SnpError::SigningKeyMismatch { expected: stated.vek }
        } else {
            SnpError::VekName("no certificate has an endorsement key's name")
        }
    }))
}

impl<'a> Leaf<'a> {
    fn read(certificate: &Cow<'a, Certificate<'a>>, stated: &Stated<'_>) -> Result<Self, SnpError> {
        check_vek(certificate, stated.vek)?;
        let check_issuer = |product| check_issuer_name(certificate.issuer(), product, stated.vek);
        // From version 3 on the report names its product, and the chain must be that product's.
        stated.product.map_or(Ok(()), check_issuer)?;
        let extensions = VekExtensions::read(certificate)?;
        let product = extensions.product(stated)?;
        check_issuer(product)?;
        extensions.matches(stated, product)?;
        Ok(Self { certificate: certificate.clone(), extensions, product })
    }
}

/// The leaf's issuer by name: this build's own if the evidence has it too or has none, else the evidence's.
fn find_intermediate<'a>(
    certs: &[Cow<'a, Certificate<'a>>],
    leaf: &Leaf<'a>,
    vek: Vek,
) -> Result<Intermediate<'a>, SnpError> {
    let mut candidates =
        certs.iter().filter(|found| found.subject().der() == leaf.certificate.issuer().der()).peekable();
    let in_evidence = candidates.peek().map(|first| (*first).clone());
    if let Some(roots::Intermediate { certificate, key, .. }) = builtin_intermediate(leaf.product, vek)
        && (in_evidence.is_none() || candidates.any(|found| found.der() == certificate.der()))
    {
        // A name in another encoding than AMD's is nobody's issuer.
        if certificate.subject().der() != leaf.certificate.issuer().der() {
            return Err(SnpError::VekName("the issuer is not the intermediate's subject byte for byte"));
        }
        return Ok(Intermediate { certificate: Cow::Borrowed(certificate), key: Some(key) });
    }
    let certificate = in_evidence.ok_or(SnpError::CertificateMissing(match vek {
        Vek::Vcek => "ASK certificate",
        Vek::Vlek => "ASVK certificate",
    }))?;
    Ok(Intermediate { certificate, key: None })
}

/// SNP-21 and SNP-15: the pinned roots that the chain may end in.
fn find_anchors<'a>(
    certs: &[Cow<'a, Certificate<'a>>],
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
        .filter_map(Anchor::of)
        .filter(|anchor| {
            anchor.authority.subject == intermediate.issuer().der()
                && anchor.authority.may_be(intermediate.authority_key_id())
        })
        .collect();
    if anchors.is_empty() { Err(SnpError::RootNotPinned(product)) } else { Ok(anchors) }
}
