//! The evidence of a case: which document, and what it is judged by. Only named here; others read and verify.

use hanzo_attestation::{Claims, Facts};
use hanzo_attestation_evidence::UnixTime;
use serde::Deserialize;

/// A document, and what it is judged by; the fields are the flags of `kbsctl evidence verify`. Files are named
/// as seen from the folder of the case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEvidence {
    /// The evidence document.
    pub file: String,
    /// The instant at which it is judged, and at which the policies decide unless the case has a `now`.
    pub at: Option<UnixTime>,
    /// What makes authentic evidence unacceptable.
    #[serde(default)]
    pub profile: CaseProfile,
    /// Folder with the roots and the collateral of a lab.
    pub lab: Option<String>,
    /// Folder with stored collateral.
    pub collateral: Option<String>,
    /// The expected report data, hex.
    pub report_data: Option<String>,
    /// The expected nonce of devices, hex.
    pub nonce: Option<String>,
    /// Why a missing revocation list is not waited for.
    pub waive_revocation: Option<String>,
    /// AMD revocation lists.
    #[serde(default)]
    pub amd_crl: Vec<String>,
    /// Intel collateral.
    #[serde(default)]
    pub intel_collateral: Vec<String>,
    /// Manifests of NVIDIA devices.
    #[serde(default)]
    pub rim: Vec<String>,
    /// OCSP responses.
    #[serde(default)]
    pub ocsp: Vec<String>,
    /// Revocation lists of NVIDIA's authorities.
    #[serde(default)]
    pub nvidia_crl: Vec<String>,
    /// Whether manifests count whose signer is on hold.
    #[serde(default)]
    pub accept_rim_hold: bool,
    /// Attestation keys of TPMs.
    #[serde(default)]
    pub trust_ak: Vec<String>,
    /// Authorities over attestation keys.
    #[serde(default)]
    pub ak_ca: Vec<String>,
}

/// The two profiles of the appraisal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseProfile {
    /// What a broker demands by default.
    #[default]
    Strict,
    /// What makes published evidence valid.
    Corpus,
}

/// What a verifier found about the evidence of a case. It is no proof of anything: a case yields a report and
/// never a permit.
#[derive(Debug)]
pub enum Judged<'a> {
    /// Genuine and acceptable: claims and facts of each item.
    Acceptable(Vec<(&'a Claims, &'a Facts)>),
    /// Refused before any policy.
    Refused {
        /// The code of the rule that it breaks.
        code: String,
        /// The rule, and the values that explain it.
        message: String,
    },
}
