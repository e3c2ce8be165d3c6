//! Revocation lists as collateral keeps them: read and digested once, when they are put there.

use crate::roots::sha256;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::x509::{Crl, X509Error};

/// A stored list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// As it came.
    pub(crate) der: Vec<u8>,
    /// SHA-256 of its DER.
    pub(crate) sha256: [u8; 32],
    /// What it says; or what is wrong with it, for whoever uses it.
    pub(crate) content: Result<Content, X509Error>,
}

/// What a list says. No signature is verified yet.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) issuer: Vec<u8>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    /// Serial numbers, sorted.
    revoked: Vec<Vec<u8>>,
    /// The signed part, as received.
    pub(crate) tbs: Vec<u8>,
    pub(crate) signature_algorithm: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl List {
    /// Reads a list. One that cannot be read is refused when it is used.
    pub(crate) fn new(der: &[u8]) -> Self {
        Self {
            der: der.to_vec(),
            sha256: sha256(der),
            content: Crl::parse(der).map(|list| Content::new(&list)),
        }
    }
}

impl Content {
    fn new(list: &Crl<'_>) -> Self {
        let mut revoked: Vec<Vec<u8>> = list.revoked().iter().map(|serial| serial.to_vec()).collect();
        revoked.sort_unstable();
        Self {
            issuer: list.issuer().der().to_vec(),
            authority_key_id: list.authority_key_id().map(<[u8]>::to_vec),
            this_update: list.this_update(),
            next_update: list.next_update(),
            revoked,
            tbs: list.tbs().to_vec(),
            signature_algorithm: list.signature_algorithm().to_vec(),
            signature: list.signature().to_vec(),
        }
    }

    /// Whether the instant lies between thisUpdate and nextUpdate, both included.
    pub(crate) fn is_current_at(&self, now: UnixTime) -> bool {
        self.this_update <= now && now <= self.next_update
    }

    /// Whether this serial number is on the list.
    pub(crate) fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.binary_search_by(|revoked| revoked.as_slice().cmp(serial)).is_ok()
    }
}
