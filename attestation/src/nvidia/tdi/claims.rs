//! What verified interfaces claim.

use crate::claims::Claims as AnyClaims;
use crate::event_log::{EventFacts, RuntimeEvent};
use crate::nvidia::Standing;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::nvidia::{Architecture, Bytes};
use hanzo_attestation_evidence::tdi::{InterfaceReport, SpdmVersion, TsmDigests, is_ours};
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;
use std::collections::BTreeMap;

/// The verified claims of one item, in the document's order.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// One entry for each interface.
    pub devices: Vec<DeviceClaims>,
}

/// The verified claims of one interface.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceClaims {
    /// The family of the device's chip.
    pub architecture: Architecture,
    /// The chip, as its certificate names it.
    pub chip: String,
    /// Common name of the device's own authority.
    pub hwmodel: String,
    /// Per-Device Identifier, from the serial number of the device's own authority.
    pub pdi: Hex<8>,
    /// SHA-256 of the leaf certificate.
    pub leaf_sha256: Hex<32>,
    /// Version of SPDM.
    pub spdm_version: SpdmVersion,
    /// The verifier's challenge that the device answered.
    pub nonce: Hex<32>,
    /// What the device reports of the interface: it counts once the TSM's digest of it is in the CPU's event
    /// log, for no signature of the device covers it.
    pub interface: InterfaceReport,
    /// Values by measurement index, the same at the lock and now.
    pub measurements: BTreeMap<u8, Bytes>,
    /// What a TSM tells of these objects.
    pub tsm: TsmDigests,
    /// Of the objects but the certificates, as the binding has it.
    pub report_sha384: Hex<48>,
    /// Of the certificates, as the binding has it.
    pub certs_sha384: Hex<48>,
    /// Earliest end of validity in the chain.
    pub chain_not_after: UnixTime,
    /// What is known of the revocation of each certificate, from the device's own upwards.
    pub revocation: Vec<Standing>,
}

impl DeviceClaims {
    /// What a binding has of this interface.
    #[must_use]
    pub const fn digests(&self) -> DeviceDigests {
        DeviceDigests { report: self.report_sha384.0, certs: self.certs_sha384.0 }
    }
}

/// The event log that a CPU's item proves, and the events in it with which the guest accepted interfaces. `None`
/// for an item without a log of the CPU's own: a TPM beside a guest says nothing of that guest.
#[must_use]
pub fn accepted(claims: &AnyClaims) -> Option<(&EventFacts, Vec<&RuntimeEvent>)> {
    let log = match claims {
        AnyClaims::Tdx(claims) => claims.log.as_ref(),
        AnyClaims::AzSnpVtpm(claims) => claims.vtpm.tpm.log.as_ref(),
        AnyClaims::AzTdxVtpm(claims) => claims.vtpm.tpm.log.as_ref(),
        AnyClaims::SevSnp(_)
        | AnyClaims::Sgx(_)
        | AnyClaims::Tpm(_)
        | AnyClaims::Nvidia(_)
        | AnyClaims::Tdi(_)
        | AnyClaims::RegisteredKey(_) => None,
    }?;
    Some((log, log.runtime_events.iter().filter(|event| is_ours(&event.name)).collect()))
}
