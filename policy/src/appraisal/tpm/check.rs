//! The checks, in the order of the rule book.

use super::{Instance, Pcr, Thresholds};
use crate::appraisal::checks::Checks;
use crate::appraisal::{Allowed, event_log};
use aws_lc_rs::digest;
use hanzo_attestation::tpm::{AkTrust, Claims, GceInstance};
use hanzo_attestation_evidence::tpm::Hash;
use hanzo_attestation_evidence::{Digest, Rule};

const TPM_11: Rule = Rule::new("TPM-11", "TpmAkUntrusted");
const TPM_15: Rule = Rule::new("TPM-15", "TpmNonceTooShort");
const TPM_18: Rule = Rule::new("TPM-18", "TpmSelectionIncomplete");
const TPM_22: Rule = Rule::new("TPM-22", "TpmPcrBankNotAllowed");
const TPM_24: Rule = Rule::new("TPM-24", "TpmClockUnsafe");
const TPM_25: Rule = Rule::new("TPM-25", "TpmRebooted");
const TPM_26: Rule = Rule::new("TPM-26", "TpmClockRollback");
const TPM_27: Rule = Rule::new("TPM-27", "TpmFirmwareVersionNotAllowed");
const TPM_29: Rule = Rule::new("TPM-29", "TpmEkRevoked");
const TPM_32: Rule = Rule::new("TPM-32", "TpmInstanceNotAllowed");
const TPM_34: Rule = Rule::new("TPM-34", "TpmResettablePcr");
const TPM_35: Rule = Rule::new("TPM-35", "TpmPcrUnextended");
const TPM_37: Rule = Rule::new("TPM-37", "TpmTrustTier");

pub(in crate::appraisal) fn check(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    // No threshold switches this off: a key from the evidence alone proves nothing.
    checks.refuse(claims.ak_trust == AkTrust::Untrusted, TPM_11, || {
        format!("no source of trust names the attestation key {}", claims.ak_sha256)
    });
    nonce(claims, limits, checks);
    registers(claims, limits, checks);
    clock(claims, limits, checks);
    machine(claims, limits, checks);
    event_log::check(claims.log.as_ref(), &limits.log, checks);
}

fn nonce(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let length = claims.extra_data.0.len();
    checks.refuse(length < limits.minimum_nonce, TPM_15, || {
        format!(
            "the quote is over {length} bytes of extra data; at least {} are asked for",
            limits.minimum_nonce
        )
    });
}

fn registers(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let bank = claims.bank();
    checks.refuse(
        bank.is_none_or(|bank| !limits.banks.iter().any(|allowed| Hash::from(*allowed) == bank)),
        TPM_22,
        || match bank {
            Some(bank) => format!("facts would rest on the bank {}, which is not accepted", bank.name()),
            None => "only a SHA-1 bank is quoted".to_owned(),
        },
    );
    let value =
        |Pcr(index): Pcr| claims.pcrs.as_ref().zip(bank).and_then(|(pcrs, bank)| pcrs.get(bank, index));
    for pcr in &limits.required_pcrs {
        let Pcr(index) = *pcr;
        let found = value(*pcr);
        checks.refuse(found.is_none(), TPM_18, || format!("register {index} is not quoted, or has no value"));
        checks.refuse((17..=22).contains(&index) && !limits.dynamic_launch, TPM_34, || {
            format!("register {index} belongs to a dynamic launch, which is not accepted")
        });
        let bare = found.zip(bank).is_some_and(|(value, bank)| is_unextended(index, value, bank));
        checks.refuse(bare && !limits.allow_unextended, TPM_35, || {
            format!("nothing was measured into register {index}")
        });
    }
}

/// TPM-35: as after a reset (zeros, or ones from 17 to 22), or the end of measurements and nothing before it.
pub(super) fn is_unextended(index: u8, value: &Digest, bank: Hash) -> bool {
    let bytes = value.as_bytes();
    let reset = if (17..=22).contains(&index) { 0xFF } else { 0 };
    bytes.iter().all(|byte| *byte == reset) || (index == 0 && bytes == bare_separator(bank).as_slice())
}

/// A register that was extended with EV_SEPARATOR alone (TCG PC Client Platform Firmware Profile, 3.3.4.13).
pub(super) fn bare_separator(bank: Hash) -> Vec<u8> {
    let algorithm = match bank {
        Hash::Sha1 => return Vec::new(),
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    let separator = digest::digest(algorithm, &[0; 4]);
    let mut extended = digest::Context::new(algorithm);
    extended.update(&vec![0; bank.length()]);
    extended.update(separator.as_ref());
    extended.finish().as_ref().to_vec()
}

fn clock(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let uses_clock = limits.require_safe_clock || limits.minimum_clock_ms.is_some();
    checks.refuse(uses_clock && !claims.clock_safe, TPM_24, || "the clock may have gone back".to_owned());
    let boot = (claims.reset_count, claims.restart_count);
    checks.refuse(
        limits.boot.is_some_and(|pinned| (pinned.reset_count, pinned.restart_count) != boot),
        TPM_25,
        || format!("reset and restart counts are {} and {}: the machine was started anew", boot.0, boot.1),
    );
    let clock = claims.attest_clock_ms;
    checks.refuse(limits.minimum_clock_ms.is_some_and(|least| clock < least), TPM_26, || {
        format!("the clock states {clock} ms, and more was seen before")
    });
}

fn machine(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let firmware = claims.firmware_version;
    checks.refuse(limits.firmware.as_ref().is_some_and(|list| !list.contains(&firmware)), TPM_27, || {
        format!("TPM firmware {firmware} is not in the list")
    });
    let denied = match &claims.ak_trust {
        AkTrust::Activation { ek_sha256 } => limits.denied_eks.contains(ek_sha256),
        _ => false,
    };
    checks.refuse(denied, TPM_29, || "the endorsement key is on the deny list".to_owned());
    let allowed = limits.instances.as_ref().is_none_or(|list| {
        claims.instance.as_ref().is_some_and(|found| list.iter().any(|entry| entry.matches(found)))
    });
    checks.refuse(!allowed, TPM_32, || match &claims.instance {
        Some(found) => format!("the instance {} of {} is not in the list", found.name, found.project_id),
        None => "no certificate says which virtual machine this is".to_owned(),
    });
    let kind_allowed = match (&limits.kinds, claims.tpm_kind) {
        (Allowed::Any, _) => true,
        (kinds, Some(kind)) => kinds.admits(&kind),
        (Allowed::Listed(_), None) => false,
    };
    checks.refuse(!kind_allowed, TPM_37, || "this kind of TPM is not accepted".to_owned());
}

impl Instance {
    fn matches(&self, found: &GceInstance) -> bool {
        let equal =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        equal(&self.project_id, &found.project_id)
            && equal(&self.zone, &found.zone)
            && equal(&self.instance_id, &found.instance_id.to_string())
    }
}
