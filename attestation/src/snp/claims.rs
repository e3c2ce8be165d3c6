//! Claims of a verified SEV-SNP report (SEV-SNP Firmware ABI, ATTESTATION_REPORT).

use crate::claims::Product;
use hanzo_attestation_evidence::snp::Body;
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;

pub use hanzo_attestation_evidence::snp::{Cpuid, FirmwareVersion, GuestPolicy, PlatformInfo, Tcb, Vek};

/// What a verified report says. Field names follow the ABI specification.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// VERSION: 2 to 5.
    pub report_version: u32,
    /// The product, from CPUID (version 3 and later) and from the signing key's certificate.
    pub product: Product,
    /// CPUID of the processor, version 3 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpuid: Option<Cpuid>,
    /// VMPL at which the report was asked for, 0 to 3.
    pub vmpl: u32,
    /// Guest SVN, from the launch.
    pub guest_svn: u32,
    /// The guest policy.
    pub policy: GuestPolicy,
    /// What the platform has switched on.
    pub platform_info: PlatformInfo,
    /// The key that signed the report.
    pub key: SigningKey,
    /// Launch digest.
    pub measurement: Hex<48>,
    /// Data that the host fixed at launch.
    pub host_data: Hex<32>,
    /// Data that the guest chose: the binding.
    pub report_data: Hex<64>,
    /// Family id, from the ID block.
    pub family_id: Hex<16>,
    /// Image id, from the ID block.
    pub image_id: Hex<16>,
    /// Digest of the key that signed the ID block.
    pub id_key_digest: Hex<48>,
    /// Digest of the key that signed the ID key.
    pub author_key_digest: Hex<48>,
    /// Report id of this guest.
    pub report_id: Hex<32>,
    /// Report id of the migration agent; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id_ma: Option<Hex<32>>,
    /// Chip id, hex: 64 bytes, 8 on Turin; absent with a VLEK or when masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip_id: Option<String>,
    /// Chip id in a VCEK's certificate, hex: there also when the report masks it. Absent with a VLEK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_id: Option<String>,
    /// Provider id in a VLEK certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csp_id: Option<String>,
    /// TCB now running.
    pub tcb_current: Tcb,
    /// TCB that the signing key was derived for.
    pub tcb_reported: Tcb,
    /// TCB below which the platform cannot go back.
    pub tcb_committed: Tcb,
    /// TCB when the guest was launched.
    pub tcb_launch: Tcb,
    /// Firmware now running.
    pub fw_current: FirmwareVersion,
    /// Firmware below which the platform cannot go back.
    pub fw_committed: FirmwareVersion,
    /// Whether the running firmware is not committed yet, so that the host can roll it back.
    pub provisional: bool,
    /// Mitigations at launch, version 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mit_launch: Option<u64>,
    /// Mitigations now, version 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mit_current: Option<u64>,
    /// SHA-256 of the VCEK or VLEK certificate.
    pub vek_cert_sha256: Hex<32>,
    /// End of validity of that certificate.
    pub vek_not_after: UnixTime,
}

/// Which key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SigningKey {
    /// Chip key or loaded key.
    pub vek: Vek,
    /// Whether the author key signed the ID key.
    pub author_key_en: bool,
}

/// What the key's certificate adds to the report.
pub(super) struct KeyFacts {
    pub(super) product: hanzo_attestation_evidence::snp::Product,
    pub(super) hardware_id: Option<String>,
    pub(super) csp_id: Option<String>,
    pub(super) cert_sha256: Hex<32>,
    pub(super) not_after: UnixTime,
}

impl Claims {
    pub(super) fn new(body: &Body, key: KeyFacts) -> Self {
        let provisional =
            body.current_tcb != body.committed_tcb || body.current_version != body.committed_version;
        Self {
            report_version: body.version,
            product: key.product.into(),
            cpuid: body.cpuid,
            vmpl: body.vmpl,
            guest_svn: body.guest_svn,
            policy: body.policy,
            platform_info: body.platform_info,
            key: SigningKey { vek: body.signing_key, author_key_en: body.author_key_en },
            measurement: body.measurement,
            host_data: body.host_data,
            report_data: body.report_data,
            family_id: body.family_id,
            image_id: body.image_id,
            id_key_digest: body.id_key_digest,
            author_key_digest: body.author_key_digest,
            report_id: body.report_id,
            report_id_ma: body.report_id_ma,
            chip_id: chip_id(body, key.product),
            hardware_id: key.hardware_id,
            csp_id: key.csp_id,
            tcb_current: body.current_tcb,
            tcb_reported: body.reported_tcb,
            tcb_committed: body.committed_tcb,
            tcb_launch: body.launch_tcb,
            fw_current: body.current_version,
            fw_committed: body.committed_version,
            provisional,
            mit_launch: body.launch_mit_vector,
            mit_current: body.current_mit_vector,
            vek_cert_sha256: key.cert_sha256,
            vek_not_after: key.not_after,
        }
    }
}

/// CHIP_ID as the product has it, if the report states it. With a VLEK the key names no chip, so that
/// nothing but the report would speak for it.
fn chip_id(body: &Body, product: hanzo_attestation_evidence::snp::Product) -> Option<String> {
    if body.signing_key == Vek::Vlek || body.chip_id.is_zero() {
        return None;
    }
    let length = super::vek::chip_id_length(product);
    body.chip_id.0.get(..length).map(hex::encode)
}
