//! An SGX REPORT body, 384 bytes: the body of an SGX quote, and the report of the quoting enclave in every
//! quote (rule book A.2.2).

use super::reader::Reader;
use crate::bytes::Hex;
use serde::Serialize;
use std::ops::Range;

/// The quoting enclave's report has the layout of any enclave's.
pub type QeReport = EnclaveReport;

/// Ranges that the architecture reserves.
const RESERVED: [Range<usize>; 4] = [21..32, 96..128, 160..192, 262..304];

/// What the processor reports of an enclave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnclaveReport {
    /// CPUSVN.
    pub cpu_svn: Hex<16>,
    /// MISCSELECT.
    pub misc_select: u32,
    /// CET attributes.
    pub cet_attributes: u8,
    /// ISVEXTPRODID.
    pub isv_ext_prod_id: Hex<16>,
    /// ATTRIBUTES.FLAGS: bit 0 INIT, bit 1 DEBUG, bit 2 MODE64BIT, bit 4 PROVISIONKEY, bit 5 EINITTOKEN.
    pub attributes_flags: u64,
    /// ATTRIBUTES.XFRM.
    pub attributes_xfrm: u64,
    /// MRENCLAVE.
    pub mr_enclave: Hex<32>,
    /// MRSIGNER.
    pub mr_signer: Hex<32>,
    /// CONFIGID.
    pub config_id: Hex<64>,
    /// ISVPRODID.
    pub isv_prod_id: u16,
    /// ISVSVN.
    pub isv_svn: u16,
    /// CONFIGSVN.
    pub config_svn: u16,
    /// ISVFAMILYID.
    pub isv_family_id: Hex<16>,
    /// REPORTDATA.
    pub report_data: Hex<64>,
    /// The report exactly as received.
    #[serde(skip)]
    raw: [u8; Self::LENGTH],
}

impl EnclaveReport {
    /// Bytes of a report.
    pub const LENGTH: usize = 384;

    /// The 384 bytes exactly as received: what the PCK key signs for a quoting enclave.
    #[must_use]
    pub const fn raw(&self) -> &[u8; Self::LENGTH] {
        &self.raw
    }

    /// Whether the enclave can be debugged.
    #[must_use]
    pub const fn debug(&self) -> bool {
        self.attributes_flags & 2 != 0
    }

    /// Offset of the first reserved byte that is not zero.
    #[must_use]
    pub fn reserved_set(&self) -> Option<usize> {
        RESERVED.into_iter().flatten().find(|offset| self.raw.get(*offset).is_some_and(|byte| *byte != 0))
    }

    /// Reads a report. `None` when the bytes end before it does.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let raw: [u8; Self::LENGTH] = reader.array()?;
        let mut r = Reader::new(&raw);
        let cpu_svn = Hex(r.array()?);
        let misc_select = r.u32()?;
        let cet_attributes = r.u8()?;
        r.take(11)?;
        let isv_ext_prod_id = Hex(r.array()?);
        let attributes_flags = r.u64()?;
        let attributes_xfrm = r.u64()?;
        let mr_enclave = Hex(r.array()?);
        r.take(32)?;
        let mr_signer = Hex(r.array()?);
        r.take(32)?;
        let config_id = Hex(r.array()?);
        let isv_prod_id = r.u16()?;
        let isv_svn = r.u16()?;
        let config_svn = r.u16()?;
        r.take(42)?;
        let isv_family_id = Hex(r.array()?);
        let report_data = Hex(r.array()?);
        Some(Self {
            cpu_svn,
            misc_select,
            cet_attributes,
            isv_ext_prod_id,
            attributes_flags,
            attributes_xfrm,
            mr_enclave,
            mr_signer,
            config_id,
            isv_prod_id,
            isv_svn,
            config_svn,
            isv_family_id,
            report_data,
            raw,
        })
    }
}
