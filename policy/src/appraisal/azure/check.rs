//! The checks, in the order of the rule book.

use super::{Paravisor, Thresholds};
use crate::appraisal::checks::Checks;
use crate::appraisal::{Allowed, Appraisal, snp, tdx};
use hanzo_attestation::azure::{SnpClaims, TdxClaims, Vtpm};
use hanzo_attestation::tpm;
use hanzo_attestation_evidence::tpm::{Hash, SigningHash};
use hanzo_attestation_evidence::{Digest, Finding, Rule, Severity};

const AZ_16: Rule = Rule::new("AZ-16", "AzHardwareReportRefused");
const AZ_18: Rule = Rule::new("AZ-18", "AzParavisorUnknown");
const AZ_26: Rule = Rule::new("AZ-26", "AzSecureBootOff");
const AZ_27: Rule = Rule::new("AZ-27", "AzConsoleEnabled");
const AZ_28: Rule = Rule::new("AZ-28", "AzTpmStateNotPersistent");
const AZ_29: Rule = Rule::new("AZ-29", "AzVmNotAllowed");
const AZ_30: Rule = Rule::new("AZ-30", "AzInitDataMismatch");
const AZ_31: Rule = Rule::new("AZ-31", "AzSeptVeOptOut");
const TPM_15: Rule = Rule::new("TPM-15", "TpmNonceTooShort");

/// The register of initialisation data (AZ-30).
const INIT_DATA_PCR: u8 = 8;

pub(in crate::appraisal) fn check_snp(claims: &SnpClaims, appraisal: &Appraisal, checks: &mut Checks) {
    let report = &claims.snp;
    let known = |paravisor: &Paravisor| match paravisor {
        Paravisor::Measurement(entry) => {
            entry.measurement == report.measurement && report.guest_svn >= entry.guest_svn_floor
        }
        Paravisor::IdKey(entry) => {
            entry.id_key_digest == report.id_key_digest && report.guest_svn >= entry.guest_svn_floor
        }
        Paravisor::Td(_) => false,
    };
    let listed = Listed::of(&appraisal.azure.paravisors, known);
    // The key of the ID block is the paravisor's: AZ-18 asks for it.
    let inner = snp::Thresholds { id_keys: Allowed::Any, ..appraisal.snp.clone() };
    hardware(checks, |checks| snp::check(report, &inner, checks));
    paravisor(listed, report.measurement.to_string(), checks);
    machine(&claims.vtpm, &appraisal.azure, checks);
}

pub(in crate::appraisal) fn check_tdx(claims: &TdxClaims, appraisal: &Appraisal, checks: &mut Checks) {
    let td = &claims.tdx;
    let known = |paravisor: &Paravisor| match paravisor {
        Paravisor::Td(entry) => {
            entry.mr_td == td.mr_td && entry.mr_seam.is_none_or(|module| module == td.mr_seam)
        }
        Paravisor::Measurement(_) | Paravisor::IdKey(_) => false,
    };
    let listed = Listed::of(&appraisal.azure.paravisors, known);
    let inner = tdx::Thresholds { allow_sept_ve: true, ..appraisal.tdx.clone() };
    hardware(checks, |checks| tdx::check(td, &inner, checks));
    paravisor(listed, td.mr_td.to_string(), checks);
    machine(&claims.vtpm, &appraisal.azure, checks);
    let tolerated = listed == Listed::Yes || appraisal.tdx.allow_sept_ve;
    checks.refuse(!td.td_attributes.sept_ve_disable && !tolerated, AZ_31, || {
        "the host can inject #VE, and the paravisor is not known to take it".to_owned()
    });
}

/// AZ-18's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Yes,
    No,
    NotAsked,
}

impl Listed {
    fn of(paravisors: &Allowed<Paravisor>, known: impl Fn(&Paravisor) -> bool) -> Self {
        match paravisors {
            Allowed::Any => Self::NotAsked,
            Allowed::Listed(list) if list.iter().any(known) => Self::Yes,
            Allowed::Listed(_) => Self::No,
        }
    }
}

/// AZ-16: what the hardware's own thresholds refuse, under this rule's name, with theirs in the message.
fn hardware(checks: &mut Checks, check: impl FnOnce(&mut Checks)) {
    let mut inner = Checks::default();
    check(&mut inner);
    for finding in inner.finish() {
        let Finding { rule, severity, message, .. } = finding.clone();
        match severity {
            Severity::Refuse => checks.refuse(true, AZ_16, || format!("{rule}: {message}")),
            Severity::Warn | Severity::Info => checks.add(finding),
        }
    }
}

fn paravisor(listed: Listed, measured: String, checks: &mut Checks) {
    checks.refuse(listed == Listed::No, AZ_18, || format!("the paravisor {measured} is not in the list"));
}

fn machine(vtpm: &Vtpm, limits: &Thresholds, checks: &mut Checks) {
    let nonce = vtpm.tpm.extra_data.0.len();
    checks.refuse(nonce < limits.minimum_nonce, TPM_15, || format!("a challenge of {nonce} bytes"));
    let config = &vtpm.vm_config;
    for (demanded, stated, wanted, rule, name) in [
        (limits.require_secure_boot, config.secure_boot, true, AZ_26, "secure boot"),
        (limits.require_console_disabled, config.console_enabled, false, AZ_27, "the absence of a console"),
        // Without a vTPM nothing of this evidence could be.
        (true, config.tpm_enabled, true, AZ_28, "a vTPM"),
        (limits.require_persistent_tpm, config.tpm_persisted, true, AZ_28, "a vTPM that keeps its state"),
    ] {
        checks.refuse(demanded && stated != Some(wanted), rule, || {
            format!("the paravisor does not state {name}")
        });
    }
    let listed = limits
        .vms
        .as_ref()
        .is_none_or(|list| config.vm_unique_id.as_ref().is_some_and(|id| list.contains(id)));
    checks.refuse(!listed, AZ_29, || "the machine is not in the list".to_owned());
    let held =
        limits.init_data.as_ref().is_none_or(|list| list.iter().any(|digest| holds(&vtpm.tpm, digest)));
    checks.refuse(!held, AZ_30, || "register 8 does not hold listed initialisation data alone".to_owned());
}

/// Whether register 8 was extended with this digest once, and with nothing else.
fn holds(quote: &tpm::Claims, digest: &Digest) -> bool {
    let register = quote.pcrs.as_ref().and_then(|pcrs| pcrs.get(Hash::Sha256, INIT_DATA_PCR));
    let expected = SigningHash::Sha256.digest([[0; 32].as_slice(), digest.as_bytes()]);
    register.is_some_and(|register| register.as_bytes() == expected.as_ref())
}
