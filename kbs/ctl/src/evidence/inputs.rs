//! What a verification rests on besides the document: roots, lists, the instant, the profile.

use super::args::{Profile, VerifyArgs};
use crate::exit::Failure;
use crate::input;
use hanzo_attestation::collateral::MAX_INTEL_JSON;
use hanzo_attestation::{Collateral, Revocation, RimHold, Roots};
use hanzo_attestation_collateral::bundle::{Deny, EdnFloors};
use hanzo_attestation_collateral::{Store, read_lab, read_tpm_cas, read_trusted_ak};
use hanzo_attestation_evidence::nvidia::MAX_OCSP;
use hanzo_attestation_evidence::nvidia::rim::MAX_RIM;
use hanzo_attestation_evidence::x509::MAX_CRL;
use hanzo_attestation_evidence::{Broken as _, UnixTime};
use hanzo_policy::Appraisal;
use hanzo_policy::appraisal::dcap::PckSerial;
use std::time::Duration;

/// Everything that [`super::judge`] needs, read and bounded.
pub(super) struct Inputs {
    pub(super) roots: Roots,
    pub(super) collateral: Collateral,
    pub(super) revocation: Revocation,
    pub(super) now: UnixTime,
    pub(super) report_data: Option<Vec<u8>>,
    pub(super) nonce: Option<[u8; 32]>,
    pub(super) profile: Profile,
    pub(super) appraisal: Appraisal,
}

impl Inputs {
    /// Reads every file that the arguments name.
    pub(super) fn read(args: &VerifyArgs, now: UnixTime) -> Result<Self, Failure> {
        let (mut roots, mut collateral) = (Roots::vendor(), Collateral::default());
        let mut appraisal = match args.profile {
            Profile::Strict => Appraisal::strict(),
            Profile::Corpus => Appraisal::corpus(),
        };
        if let Some(directory) = &args.lab {
            let (extra, lab) = read_lab(directory).map_err(|e| Failure::file(directory, e))?;
            roots = roots.with_extra(extra);
            collateral = lab;
        }
        if let Some(directory) = &args.collateral {
            let stored = Store::at(directory).read(None).map_err(|e| Failure::file(directory, e))?;
            stored
                .check_bundle(now, Duration::ZERO)
                .map_err(|error| Failure::file(directory, format!("{}: {error}", error.rule())))?;
            collateral = stored.add_to(collateral);
            let Deny { veks, pck_serials, eks } = &stored.deny;
            appraisal.snp.denied_certificates.extend(veks);
            appraisal.tpm.denied_eks.extend(eks);
            let serials =
                pck_serials.iter().map(|text| PckSerial::parse(text)).collect::<Result<Vec<_>, _>>();
            let serials = serials.map_err(|error| Failure::file(directory, error))?;
            for limits in [&mut appraisal.sgx.dcap, &mut appraisal.tdx.dcap] {
                limits.denied_pck_serials.extend(serials.iter().cloned());
            }
            let EdnFloors { sgx, tdx } = stored.edn_floors;
            for (limits, floor) in [(&mut appraisal.sgx.dcap, sgx), (&mut appraisal.tdx.dcap, tdx)] {
                limits.tcb_evaluation_floor = EdnFloors::raise(limits.tcb_evaluation_floor, floor);
                limits.qe_evaluation_floor = EdnFloors::raise(limits.qe_evaluation_floor, floor);
            }
        }
        for path in &args.amd_crl {
            collateral = collateral.with_amd_crl(input::read(path, MAX_CRL)?.to_vec());
        }
        for path in &args.intel_collateral {
            let bytes = input::read(path, MAX_INTEL_JSON)?;
            collateral = collateral.with_intel_json(&bytes).map_err(|error| Failure::file(path, error))?;
        }
        for path in &args.rim {
            collateral = collateral.with_nvidia_rim(&input::read(path, MAX_RIM)?);
        }
        for path in &args.ocsp {
            collateral = collateral.with_nvidia_ocsp(input::read(path, MAX_OCSP)?.to_vec());
        }
        for path in &args.nvidia_crl {
            collateral = collateral.with_nvidia_crl(&input::read(path, MAX_CRL)?);
        }
        if args.accept_rim_hold {
            collateral = collateral.with_nvidia_rim_hold(RimHold::Accept);
        }
        for path in &args.trust_ak {
            let key = read_trusted_ak(path).map_err(|error| Failure::file(path, error))?;
            roots = roots.with_trusted_ak(key);
        }
        for path in &args.ak_ca {
            for ca in read_tpm_cas(path).map_err(|error| Failure::file(path, error))? {
                // TPM-30: Google's authorities state no key usage of attestation keys.
                let ca = if args.profile == Profile::Corpus { ca.with_loose_key_usage() } else { ca };
                roots = roots.with_tpm_ca(ca);
            }
        }
        let revocation = match &args.waive_revocation {
            None => Revocation::Required,
            Some(reason) => Revocation::Waived { reason: reason.clone() },
        };
        let report_data = args.report_data.as_ref().map(|expected| expected.0.clone());
        let nonce = args.nonce.map(|expected| expected.0);
        Ok(Self { roots, collateral, revocation, now, report_data, profile: args.profile, appraisal, nonce })
    }
}
