//! TDREPORT, 1024 bytes, as the paravisor keeps it (Intel TDX Module ABI, TDREPORT_STRUCT). Its MAC is for
//! its own processor: every fact comes from the quote, and this must say the same (AZ-20).

use super::AzureError;
use crate::bytes::Hex;
use crate::dcap::Reader;
use crate::tdx;

/// Bytes of the structure; what follows it in the paravisor's report is zero.
const LENGTH: usize = 1024;
/// REPORTTYPE.TYPE of a TD.
const TDX: u8 = 0x81;

/// The fields that a quote repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdReport {
    /// REPORTDATA.
    pub report_data: Hex<64>,
    /// ATTRIBUTES.
    pub attributes: u64,
    /// XFAM.
    pub xfam: u64,
    /// MRTD.
    pub mr_td: Hex<48>,
    /// MRCONFIGID.
    pub mr_config_id: Hex<48>,
    /// MROWNER.
    pub mr_owner: Hex<48>,
    /// MROWNERCONFIG.
    pub mr_owner_config: Hex<48>,
    /// RTMR0 to RTMR3.
    pub rtmr: [Hex<48>; 4],
}

impl TdReport {
    pub(super) fn parse(hardware: &[u8; 1184]) -> Result<Self, AzureError> {
        let (report, tail) = hardware.split_at(LENGTH);
        let [kind, ..] = *hardware;
        if kind != TDX {
            return Err(AzureError::TdReportType(kind));
        }
        if let Some(offset) = tail.iter().position(|byte| *byte != 0) {
            return Err(AzureError::HclPadding { offset });
        }
        // Cannot fail: the layout ends at byte 912.
        Self::read(report).ok_or(AzureError::HclLength { actual: report.len() })
    }

    fn read(report: &[u8]) -> Option<Self> {
        let mut head = Reader::new(report.get(128..)?);
        let mut info = Reader::new(report.get(512..)?);
        Some(Self {
            report_data: Hex(head.array()?),
            attributes: info.u64()?,
            xfam: info.u64()?,
            mr_td: Hex(info.array()?),
            mr_config_id: Hex(info.array()?),
            mr_owner: Hex(info.array()?),
            mr_owner_config: Hex(info.array()?),
            rtmr: [Hex(info.array()?), Hex(info.array()?), Hex(info.array()?), Hex(info.array()?)],
        })
    }

    /// The first field in which this differs from a quote's body, report data aside.
    #[must_use]
    pub fn differs_in(&self, quote: &tdx::Body) -> Option<&'static str> {
        let fields = [
            ("ATTRIBUTES", self.attributes == quote.td_attributes.raw),
            ("XFAM", self.xfam == quote.xfam),
            ("MRTD", self.mr_td == quote.mr_td),
            ("MRCONFIGID", self.mr_config_id == quote.mr_config_id),
            ("MROWNER", self.mr_owner == quote.mr_owner),
            ("MROWNERCONFIG", self.mr_owner_config == quote.mr_owner_config),
            ("RTMR", self.rtmr == quote.rtmr),
        ];
        fields.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}
