//! Evidence of an Azure confidential virtual machine: the paravisor's report from the vTPM, a quote of that
//! vTPM, and what speaks for the hardware (rule book A.5).
//!
//! The chain of trust: hardware report, runtime data that the paravisor put into its report data, attestation
//! key in the runtime data, TPM quote by that key, nonce and registers in the quote. Nothing is verified
//! here.

mod error;
mod hcl;
mod quote;
mod runtime;
mod shape;
mod td_report;

pub use error::AzureError;
pub use hcl::{HashKind, Hcl, HclKind, MAX_HCL};
pub use quote::Quote;
pub use runtime::{MAX_RUNTIME_DATA, RuntimeData, VmConfig};
pub(crate) use shape::cut_td_quote;
pub use shape::{Carriage, Version};
pub use td_report::TdReport;

use crate::{snp, tdx};
use serde_json::Value;
use shape::Carried;

/// An `az-snp-vtpm` item, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnpEvidence {
    /// The paravisor's report and the quote of its vTPM.
    pub vtpm: Vtpm,
    /// The report of the processor inside the paravisor's, and the certificate that came with it.
    pub snp: snp::Evidence,
}

/// An `az-tdx-vtpm` item, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdxEvidence {
    /// The paravisor's report and the quote of its vTPM.
    pub vtpm: Vtpm,
    /// TDREPORT inside the paravisor's report: authentic for nobody but its own processor.
    pub td_report: TdReport,
    /// The quote of the same TD.
    pub tdx: tdx::Evidence,
}

/// What both kinds share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vtpm {
    /// Version of the evidence.
    pub version: Version,
    /// The paravisor's report.
    pub hcl: Hcl,
    /// What its runtime data says.
    pub runtime: RuntimeData,
    /// The quote of the vTPM.
    pub quote: Quote,
}

impl SnpEvidence {
    /// Parses the object that an attester on Azure emits.
    ///
    /// # Errors
    /// [`AzureError`]: AZ-01 to AZ-13, and the rules of the formats inside.
    pub fn parse(evidence: &Value) -> Result<Self, AzureError> {
        let (carried, vcek) = Carried::snp(evidence)?;
        let vtpm = Vtpm::parse(&carried, HclKind::Snp)?;
        let report = snp::Report::parse(vtpm.hcl.hardware_report())?;
        Ok(Self { vtpm, snp: snp::Evidence { report, certs: vec![vcek] } })
    }
}

impl TdxEvidence {
    /// Parses the object that an attester on Azure emits.
    ///
    /// # Errors
    /// [`AzureError`]: AZ-01 to AZ-13, and the rules of the formats inside.
    pub fn parse(evidence: &Value) -> Result<Self, AzureError> {
        let (carried, td_quote) = Carried::tdx(evidence)?;
        let vtpm = Vtpm::parse(&carried, HclKind::Tdx)?;
        let td_report = TdReport::parse(vtpm.hcl.hardware_report())?;
        Ok(Self { vtpm, td_report, tdx: tdx::Evidence::parse(&td_quote, None)? })
    }
}

impl Vtpm {
    fn parse(carried: &Carried, kind: HclKind) -> Result<Self, AzureError> {
        let hcl = Hcl::parse(&carried.hcl_report, kind)?;
        let quote = quote::parse(&carried.message, &carried.signature, &carried.pcrs)?;
        let runtime = RuntimeData::parse(hcl.runtime_data())?;
        // Version 2 puts the challenge there as well: without the field it is not version 2.
        if carried.version == Version::V2 && runtime.user_data.is_none() {
            return Err(AzureError::Version("version 2 without user data in the runtime data"));
        }
        Ok(Self { version: carried.version, hcl, runtime, quote })
    }
}

#[cfg(test)]
mod tests;
