//! Claims of a verified enclave quote (Intel SDM volume 3D, REPORT; rule book C.3).

use hanzo_attestation_evidence::Hex;
pub use hanzo_attestation_evidence::sgx::Attributes;
use serde::Serialize;

/// What a verified enclave quote says.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// CPUSVN at the time of the report.
    pub cpu_svn: Hex<16>,
    /// MISCSELECT: bit 0, EXINFO, reports fault addresses.
    pub misc_select: u32,
    /// CET attributes; zero without the CET attribute.
    pub cet_attributes: u8,
    /// ATTRIBUTES.FLAGS.
    pub attributes: Attributes,
    /// ATTRIBUTES.XFRM: extended features that the enclave may use.
    pub xfrm: u64,
    /// MRENCLAVE: measurement of the enclave.
    pub mr_enclave: Hex<32>,
    /// MRSIGNER: SHA-256 of the modulus of the key that signed it.
    pub mr_signer: Hex<32>,
    /// ISVPRODID: which of the signer's products.
    pub isv_prod_id: u16,
    /// ISVSVN: the product's security version.
    pub isv_svn: u16,
    /// CONFIGID, by the loader; zero without KSS.
    pub config_id: Hex<64>,
    /// CONFIGSVN; zero without KSS.
    pub config_svn: u16,
    /// ISVEXTPRODID; zero without KSS.
    pub isv_ext_prod_id: Hex<16>,
    /// ISVFAMILYID; zero without KSS.
    pub isv_family_id: Hex<16>,
    /// Data that the enclave chose: the binding.
    pub report_data: Hex<64>,
    /// SHA-256 of the SubjectPublicKeyInfo of the RA-TLS certificate that carried the quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ra_tls_key: Option<Hex<32>>,
    /// What the DCAP layers below say.
    pub dcap: crate::dcap::Claims,
}
