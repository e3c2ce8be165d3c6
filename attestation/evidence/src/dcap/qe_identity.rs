//! QE identity, version 2: which enclaves are Intel's quoting enclaves, and what Intel says of their versions
//! (Intel PCS API, "Enclave Identity"; rule book A.2.6).

use super::tcb_info::{Advisories, MAX_DOCUMENT, RawSvnLevel, SvnLevel, TcbInfoError, date, hex, svn_levels};
use super::{EnclaveReport, TeeType};
use crate::bytes::Hex;
use crate::json;
use crate::rule::{Broken, Rule};
use crate::time::UnixTime;
use serde::Deserialize;

/// A QE identity, well formed. Nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QeIdentity {
    /// For which quotes its enclave signs.
    pub tee: TeeType,
    /// When it was issued.
    pub issue_date: UnixTime,
    /// When the next one is due: the last instant at which this one counts.
    pub next_update: UnixTime,
    /// Number of the TCB recovery event that it knows.
    pub evaluation_data_number: u32,
    /// MISCSELECT under the mask, as it lies in a report.
    pub misc_select: Hex<4>,
    /// Which bits of MISCSELECT count.
    pub misc_select_mask: Hex<4>,
    /// ATTRIBUTES under the mask, as they lie in a report.
    pub attributes: Hex<16>,
    /// Which bits of ATTRIBUTES count.
    pub attributes_mask: Hex<16>,
    /// MRSIGNER.
    pub mr_signer: Hex<32>,
    /// ISVPRODID.
    pub isv_prod_id: u16,
    /// Levels, highest first (DCAP-40).
    pub levels: Vec<SvnLevel>,
}

/// A QE identity that is not well formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QeIdentityError {
    /// COL-01: larger than its budget.
    #[error("a QE identity of {actual} bytes; at most {MAX_DOCUMENT} are read")]
    TooLarge {
        /// Bytes found.
        actual: usize,
    },
    /// DCAP-42: another enclave's, of another version, or not of the form of this one.
    #[error("not a QE identity of version 2: {0}")]
    Kind(String),
    /// DCAP-40: two levels with the same security version have different statuses.
    #[error("two levels with the same ISVSVN have different statuses")]
    LevelsAmbiguous,
}

impl Broken for QeIdentityError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Kind(_) => Rule::new("DCAP-42", "QeIdentityKind"),
            Self::LevelsAmbiguous => Rule::new("DCAP-40", "TcbLevelsAmbiguous"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: String,
    version: u32,
    issue_date: String,
    next_update: String,
    tcb_evaluation_data_number: u32,
    miscselect: String,
    miscselect_mask: String,
    attributes: String,
    attributes_mask: String,
    mrsigner: String,
    isvprodid: u16,
    tcb_levels: Vec<RawSvnLevel>,
}

impl QeIdentity {
    /// Reads the signed object, exactly as received (DCAP-42).
    ///
    /// # Errors
    /// [`QeIdentityError`]: the first rule that it breaks.
    pub fn parse(body: &[u8]) -> Result<Self, QeIdentityError> {
        let actual = body.len();
        if actual > MAX_DOCUMENT {
            return Err(QeIdentityError::TooLarge { actual });
        }
        let raw: Raw = json::from_slice(body).map_err(|error| QeIdentityError::Kind(error.to_string()))?;
        let tee = match (raw.version, raw.id.as_str()) {
            (2, "QE") => TeeType::Sgx,
            (2, "TD_QE") => TeeType::Tdx,
            (2, _) => return Err(QeIdentityError::Kind("its id is neither QE nor TD_QE".to_owned())),
            _ => return Err(QeIdentityError::Kind("its version is not 2".to_owned())),
        };
        raw.read(tee).map_err(|error| match error {
            TcbInfoError::LevelsAmbiguous(_) => QeIdentityError::LevelsAmbiguous,
            TcbInfoError::Malformed(problem) => QeIdentityError::Kind(problem),
            other => QeIdentityError::Kind(other.to_string()),
        })
    }

    /// Whether MISCSELECT is as this identity asks (DCAP-46).
    #[must_use]
    pub fn admits_misc_select(&self, report: &EnclaveReport) -> bool {
        masked(&report.misc_select.to_le_bytes(), &self.misc_select_mask.0, &self.misc_select.0)
    }

    /// Whether ATTRIBUTES, all 16 bytes, are as this identity asks (DCAP-47).
    #[must_use]
    pub fn admits_attributes(&self, report: &EnclaveReport) -> bool {
        let (flags, xfrm) = (report.attributes_flags.to_le_bytes(), report.attributes_xfrm.to_le_bytes());
        let (flags_mask, xfrm_mask) = self.attributes_mask.0.split_at(8);
        let (wanted_flags, wanted_xfrm) = self.attributes.0.split_at(8);
        masked(&flags, flags_mask, wanted_flags) && masked(&xfrm, xfrm_mask, wanted_xfrm)
    }
}

/// Whether the bits under the mask are the wanted ones. A wanted bit outside the mask is never met.
fn masked(found: &[u8], mask: &[u8], wanted: &[u8]) -> bool {
    found.iter().zip(mask).zip(wanted).all(|((found, mask), wanted)| found & mask == *wanted)
}

impl Raw {
    fn read(self, tee: TeeType) -> Result<QeIdentity, TcbInfoError> {
        Ok(QeIdentity {
            tee,
            issue_date: date("issueDate", &self.issue_date)?,
            next_update: date("nextUpdate", &self.next_update)?,
            evaluation_data_number: self.tcb_evaluation_data_number,
            misc_select: hex("miscselect", &self.miscselect)?,
            misc_select_mask: hex("miscselectMask", &self.miscselect_mask)?,
            attributes: hex("attributes", &self.attributes)?,
            attributes_mask: hex("attributesMask", &self.attributes_mask)?,
            mr_signer: hex("mrsigner", &self.mrsigner)?,
            isv_prod_id: self.isvprodid,
            levels: svn_levels("the QE", self.tcb_levels, &mut Advisories::default())?,
        })
    }
}

#[cfg(test)]
mod tests;
