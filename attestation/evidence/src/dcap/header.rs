//! The quote header, 48 bytes (rule book A.2.1).

use super::error::QuoteError;
use super::reader::Reader;
use crate::bytes::Hex;
use serde::Serialize;

/// Identifier of Intel's quoting enclaves, 939a7233-f79c-4ca9-940a-0db3957f0607.
pub const INTEL_QE_VENDOR_ID: Hex<16> =
    Hex([0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07]);

/// The only attestation key type with a specified layout here: ECDSA over P-256 with SHA-256.
const ECDSA_P256: u16 = 2;

/// Which TEE a quote speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TeeType {
    /// An SGX enclave, 0.
    Sgx,
    /// A TDX guest, 0x81.
    Tdx,
}

impl TeeType {
    /// The number in the header.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Sgx => 0,
            Self::Tdx => 0x81,
        }
    }
}

/// The header, whose reserved bytes, vendor and key type have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// 3, 4 or 5.
    pub version: u16,
    /// SGX or TDX.
    pub tee_type: TeeType,
    /// ISVSVN of the quoting enclave as the header repeats it; version 3 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qe_svn: Option<u16>,
    /// SVN of the provisioning certification enclave; version 3 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pce_svn: Option<u16>,
    /// Vendor of the quoting enclave: [`INTEL_QE_VENDOR_ID`].
    pub qe_vendor_id: Hex<16>,
    /// Data of the quoting enclave; with Intel's, the first 16 bytes are the QE id.
    pub user_data: Hex<20>,
}

impl Header {
    /// Bytes of a header.
    pub const LENGTH: usize = 48;

    /// Reads a header. `None` when the bytes end before it does.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Self, QuoteError>> {
        let version = reader.u16()?;
        let key_type = reader.u16()?;
        let tee_type = reader.u32()?;
        let middle: [u8; 4] = reader.array()?;
        let qe_vendor_id = Hex(reader.array()?);
        let user_data = Hex(reader.array()?);
        Some(Self::check(version, key_type, tee_type, middle, qe_vendor_id, user_data))
    }

    fn check(
        version: u16,
        key_type: u16,
        tee_type: u32,
        middle: [u8; 4],
        qe_vendor_id: Hex<16>,
        user_data: Hex<20>,
    ) -> Result<Self, QuoteError> {
        if !matches!(version, 3..=5) {
            return Err(QuoteError::Version(version));
        }
        if key_type != ECDSA_P256 {
            return Err(QuoteError::AttestationKeyType(key_type));
        }
        let tee_type = match (version, tee_type) {
            (3..=5, 0) => TeeType::Sgx,
            (4 | 5, 0x81) => TeeType::Tdx,
            (version, tee_type) => return Err(QuoteError::TeeType { version, tee_type }),
        };
        let (qe_svn, pce_svn) = if version == 3 {
            let [a, b, c, d] = middle;
            (Some(u16::from_le_bytes([a, b])), Some(u16::from_le_bytes([c, d])))
        } else if middle == [0; 4] {
            (None, None)
        } else {
            return Err(QuoteError::HeaderReserved(Hex(middle)));
        };
        if qe_vendor_id != INTEL_QE_VENDOR_ID {
            return Err(QuoteError::QeVendor(qe_vendor_id));
        }
        Ok(Self { version, tee_type, qe_svn, pce_svn, qe_vendor_id, user_data })
    }
}
