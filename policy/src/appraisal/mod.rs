//! Appraisal: which genuine evidence is acceptable.
//!
//! Class P of the rule book, as typed thresholds. [`Appraisal::strict`] is the default and refuses what the
//! rule book refuses by default; floors, requirements and lists beyond that start off, because they name an
//! operator's own machines. [`Appraisal::corpus`] is the looser notion under which published evidence is
//! judged. What nothing switches off: a guest that can be debugged, a platform whose security version nobody
//! has rated, and a TPM's key that nothing but the evidence names.
//!
//! Every threshold can be set in a configuration file. An unknown name is an error, so that a misspelt floor
//! never reads as no floor (COL-26).

pub mod azure;
mod bits;
mod checks;
pub mod dcap;
pub mod event_log;
mod lists;
pub mod nvidia;
pub mod sgx;
pub mod snp;
pub mod tdx;
pub mod tee_io;
pub mod tpm;

pub use bits::Bit;
pub use lists::{Allowed, ChipId, ChipIdError};

use checks::Checks;
use hanzo_attestation::{Claims, Facts, TcbStatus, VerifiedItem};
use hanzo_attestation_evidence::nvidia::Class;
use hanzo_attestation_evidence::{Finding, Rule, Tee};
use serde::Deserialize;

const COLLATERAL_MISSING: Rule = Rule::new("COL-10", "CollateralMissing");

/// Thresholds for every kind of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Appraisal {
    /// AMD SEV-SNP.
    pub snp: snp::Thresholds,
    /// Intel TDX.
    pub tdx: tdx::Thresholds,
    /// Intel SGX.
    pub sgx: sgx::Thresholds,
    /// TPM 2.0.
    pub tpm: tpm::Thresholds,
    /// NVIDIA GPUs and NVSwitches.
    pub nvidia: nvidia::Thresholds,
    /// TEE-I/O of GPUs: what tier 4 needs beside evidence.
    pub tee_io: tee_io::Thresholds,
    /// Virtual machines on Azure; what is inside them is held to `snp` and `tdx`.
    pub azure: azure::Thresholds,
}

impl Appraisal {
    /// The rule book's defaults.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            snp: snp::Thresholds::strict(),
            tdx: tdx::Thresholds::strict(),
            sgx: sgx::Thresholds::strict(),
            tpm: tpm::Thresholds::strict(),
            nvidia: nvidia::Thresholds::strict(),
            tee_io: tee_io::Thresholds::default(),
            azure: azure::Thresholds::strict(),
        }
    }

    /// The rule book's looser profile, under which published evidence counts as acceptable: any VMPL, test
    /// provider ids, no reference values, and no rule on TD attributes beyond debug and profiling.
    #[must_use]
    pub fn corpus() -> Self {
        Self {
            snp: snp::Thresholds::corpus(),
            tdx: tdx::Thresholds::corpus(),
            sgx: sgx::Thresholds::corpus(),
            tpm: tpm::Thresholds::corpus(),
            nvidia: nvidia::Thresholds::corpus(),
            tee_io: tee_io::Thresholds::default(),
            azure: azure::Thresholds::corpus(),
        }
    }
}

/// What appraisal has to say of one verified item, refusals first.
#[must_use]
pub fn appraise_item(item: &VerifiedItem, appraisal: &Appraisal) -> Vec<Finding> {
    appraise_claims(item.claims(), item.facts(), appraisal)
}

pub(crate) fn appraise_claims(claims: &Claims, facts: &Facts, appraisal: &Appraisal) -> Vec<Finding> {
    let mut checks = Checks::default();
    match claims {
        Claims::SevSnp(claims) => snp::check(claims, &appraisal.snp, &mut checks),
        Claims::Tdx(claims) => tdx::check(claims, &appraisal.tdx, &mut checks),
        Claims::Sgx(claims) => sgx::check(claims, &appraisal.sgx, &mut checks),
        Claims::Tpm(claims) => tpm::check(claims, &appraisal.tpm, &mut checks),
        Claims::AzSnpVtpm(claims) => azure::check_snp(claims, appraisal, &mut checks),
        Claims::AzTdxVtpm(claims) => azure::check_tdx(claims, appraisal, &mut checks),
        Claims::Nvidia(claims) => nvidia::check(claims, &appraisal.nvidia, &mut checks),
        // Who registered the key was settled when its signature was verified, and an interface is judged beside
        // its GPU.
        Claims::Tdi(_) | Claims::RegisteredKey(_) => return Vec::new(),
    }
    // Last: what the evidence itself says needs no collateral.
    checks.refuse(facts.tcb_status == TcbStatus::Unknown, COLLATERAL_MISSING, || {
        "the security version of the platform is unknown without the vendor's collateral".to_owned()
    });
    checks.finish()
}

/// What appraisal has to say of the devices of one node together, by the kind of item that it concerns:
/// whether they are distinct, share one challenge, and name each other (NV-70, NV-75, NV-76, NV-78, NV-80,
/// NV-81), and whether their interfaces are those that the guest accepted (TDI-20 to TDI-30).
///
/// Nothing for a node without devices, unless a number of GPUs is expected, or its event log speaks of
/// interfaces.
#[must_use]
pub fn appraise_devices<'a>(
    claims: impl Iterator<Item = &'a Claims>,
    appraisal: &Appraisal,
) -> Vec<(Tee, Finding)> {
    let (mut gpus, mut switches) = (None, None);
    let claims: Vec<&Claims> = claims.collect();
    for claims in &claims {
        match claims {
            Claims::Nvidia(claims) if claims.class == Class::Gpu => gpus = Some(claims.as_ref()),
            Claims::Nvidia(claims) => switches = Some(claims.as_ref()),
            _ => {}
        }
    }
    let mut checks = Checks::default();
    nvidia::check_together(gpus, switches, &appraisal.nvidia, &mut checks);
    let concerned = if gpus.is_none() && switches.is_some() { Tee::NvidiaSwitch } else { Tee::NvidiaGpu };
    let mut found: Vec<(Tee, Finding)> =
        checks.finish().into_iter().map(|finding| (concerned, finding)).collect();
    found.extend(tee_io::findings(tee_io::Parts::of(claims.into_iter()), &appraisal.tee_io));
    found
}

#[cfg(test)]
mod tests;
