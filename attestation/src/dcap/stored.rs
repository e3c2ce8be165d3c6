//! Intel's documents as collateral keeps them: read and digested once, when they are put there. What cannot
//! be read is refused when it is used.

use super::chain::{Certified, SignedLink};
use super::error::{DcapError, Link};
use super::profile::{end_entity, p256};
use crate::collateral::IntelDocument;
use crate::roots::sha256;
use hanzo_attestation_evidence::dcap::{PckChain, QeIdentity, TcbInfo, read_certificates};
use hanzo_attestation_evidence::x509::{Certificate, X509Error};

const TCB_SIGNER: &str = "Intel SGX TCB Signing";

/// A signed document and its signer.
#[derive(Debug)]
pub(crate) struct Stored<C> {
    /// SHA-256 of the signed object.
    pub(super) sha256: [u8; 32],
    /// SHA-256 of the object, its signature and its issuer chain.
    pub(super) key: [u8; 32],
    pub(super) content: Result<C, DcapError>,
    pub(super) signer: Result<Signer, DcapError>,
    pub(super) document: IntelDocument,
}

/// The certificate that signed a document, of the right profile (DCAP-32). Its own signature is not verified
/// yet.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) certified: Certified,
    /// The root's key, as the issuer chain asserts it.
    pub(super) root_key: [u8; 65],
    pub(super) signed: SignedLink,
}

/// A PCK chain for quotes that only name it.
#[derive(Debug)]
pub(crate) struct StoredPck {
    /// The certificates, or why they cannot be read.
    pub(super) chain: Result<PckChain, DcapError>,
}

impl Stored<TcbInfo> {
    /// Reads a TCB info.
    pub(crate) fn tcb_info(document: IntelDocument) -> Self {
        let content = TcbInfo::parse(&document.body).map_err(DcapError::TcbInfo);
        Self::new(document, content)
    }
}

impl Stored<QeIdentity> {
    /// Reads a QE identity.
    pub(crate) fn qe_identity(document: IntelDocument) -> Self {
        let content = QeIdentity::parse(&document.body).map_err(DcapError::QeIdentity);
        Self::new(document, content)
    }
}

impl<C> Stored<C> {
    /// As it came.
    pub(crate) const fn document(&self) -> &IntelDocument {
        &self.document
    }

    fn new(document: IntelDocument, content: Result<C, DcapError>) -> Self {
        let signer = Signer::read(&document.issuer_chain);
        let sha = sha256(&document.body);
        let chain = sha256(&document.issuer_chain);
        let key = sha256(&[sha.as_slice(), &document.signature, &chain].concat());
        Self { sha256: sha, key, content, signer, document }
    }
}

impl Signer {
    /// DCAP-32: `Intel SGX TCB Signing`, directly under a root.
    fn read(pem: &[u8]) -> Result<Self, DcapError> {
        let chain = read_certificates(pem);
        let [leaf, root] =
            chain.map_err(|_| DcapError::SignerProfile("its chain is not two certificates"))?;
        let (leaf, root) = (Certificate::parse(&leaf)?, Certificate::parse(&root)?);
        leaf.refuse_unknown_critical(&[])?;
        if leaf.serial_is_zero() {
            return Err(X509Error::SerialNumber.into());
        }
        let key = end_entity(&leaf, TCB_SIGNER).map_err(DcapError::SignerProfile)?;
        if leaf.issuer().der() != root.subject().der() || !root.is_self_issued() {
            return Err(DcapError::SignerProfile("it is not issued by a root"));
        }
        let root_key = p256(&root).ok_or(DcapError::SignerProfile("its root's key is not on P-256"))?;
        Ok(Self {
            certified: Certified::new(&leaf, key),
            root_key: *root_key,
            signed: SignedLink::new(Link::Leaf, &leaf, root_key),
        })
    }
}

impl StoredPck {
    /// Reads a PCK chain: leaf, CA, root, PEM.
    pub(crate) fn new(pem: &[u8]) -> Self {
        let chain = read_certificates(pem).map(|[leaf, ca, root]| PckChain { leaf, ca, root });
        Self { chain: chain.map_err(DcapError::StoredPck) }
    }
}
