//! Certificates of endorsement keys that travel apart from the evidence: for reports that bring none.

use super::profile::vek_name;
use super::stated::Stated;
use super::vek::VekExtensions;
use crate::claims::CollateralUse;
use crate::roots::sha256;
use hanzo_attestation_evidence::snp::{Tcb, Vek};
use hanzo_attestation_evidence::x509::Certificate;
use hanzo_attestation_evidence::{Hex, UnixTime};
use std::sync::Arc;

/// A VCEK's certificate, of which nothing is verified: when it is used it is judged as one from the evidence
/// is.
#[derive(Debug)]
pub(crate) struct StoredVek {
    der: Vec<u8>,
    sha256: [u8; 32],
    hardware_id: Vec<u8>,
    tcb: Tcb,
    issued: UnixTime,
    expires: UnixTime,
}

impl StoredVek {
    /// Reads for which chip and TCB it speaks; `None` for what speaks for none.
    pub(crate) fn new(der: Vec<u8>) -> Option<Self> {
        let certificate = Certificate::parse(&der).ok()?;
        let extensions = VekExtensions::read(&certificate).ok()?;
        Some(Self {
            sha256: sha256(&der),
            hardware_id: extensions.hardware_id()?.to_vec(),
            tcb: extensions.tcb(),
            issued: certificate.not_before(),
            expires: certificate.not_after(),
            der,
        })
    }

    /// Whether it is the key of this chip at this TCB (SNP-28, SNP-31). A report that masks its chip names
    /// none.
    fn is_of(&self, stated: &Stated<'_>) -> bool {
        // Turin's ids are the first 8 of the report's 64 bytes.
        let chip = stated.chip_id.and_then(|id| id.get(..self.hardware_id.len()));
        chip == Some(&self.hardware_id) && self.tcb == stated.tcb
    }

    /// What the verdict rests on (COL-24).
    pub(super) fn used(&self) -> CollateralUse {
        CollateralUse {
            kind: "amd-vek",
            sha256: Hex(self.sha256),
            issued: self.issued,
            expires: self.expires,
            grace_used: false,
        }
    }

    /// The certificates of the evidence, and this one.
    pub(super) fn beside(&self, certs: &[Vec<u8>]) -> Vec<Vec<u8>> {
        certs.iter().chain([&self.der]).cloned().collect()
    }
}

/// The stored certificate for a report whose evidence has none of an endorsement key.
pub(super) fn find<'a>(
    stored: &'a [Arc<StoredVek>],
    certs: &[Vec<u8>],
    stated: &Stated<'_>,
) -> Option<&'a StoredVek> {
    let found = stored.iter().find(|vek| vek.is_of(stated))?;
    // What does not parse is refused with the chain.
    let brings_one = certs.iter().filter_map(|der| Certificate::parse(der).ok()).any(|certificate| {
        let name = certificate.subject().common_name();
        [Vek::Vcek, Vek::Vlek].into_iter().any(|vek| name == Some(vek_name(vek)))
    });
    (!brings_one).then_some(found)
}
