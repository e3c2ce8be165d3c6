//! What a chain says, apart from its certificates: owned, so that it can be kept.

use super::vek::VekExtensions;
use crate::crypto::P384Key;
use crate::x509::Validity;
use hanzo_attestation_evidence::snp::Product;

/// What is left to judge of a chain, and what the claims take from it, once it is in order.
#[derive(Debug)]
pub(crate) struct Links {
    pub(super) product: Product,
    pub(super) extensions: VekExtensions,
    /// SHA-256 of the endorsement key's certificate.
    pub(super) leaf_sha256: [u8; 32],
    pub(super) leaf: Validity,
    pub(super) intermediate: Validity,
    /// Its name, DER.
    pub(super) intermediate_subject: Vec<u8>,
    pub(super) intermediate_serial: Vec<u8>,
}

/// A chain whose signatures hold, up to one root. Dates, lists and the report's own signature are judged at
/// every use.
#[derive(Debug)]
pub(crate) struct Known {
    pub(super) links: Links,
    pub(super) key: P384Key,
    /// SHA-256 of the root that signed the intermediate.
    pub(super) root: [u8; 32],
}
