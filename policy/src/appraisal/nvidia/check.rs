//! The checks, in the order of `docs/nvidia-rules.md`.

use super::Thresholds;
use crate::appraisal::checks::Checks;
use hanzo_attestation::nvidia::{Claims, FwidMatch};
use hanzo_attestation_evidence::Rule;

const RIM_MISSING: Rule = Rule::new("NV-40", "RimMissing");
const FWID_ABSENT: Rule = Rule::new("NV-71", "FwidAbsent");

pub(in crate::appraisal) fn check(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    for (index, device) in claims.devices.iter().enumerate() {
        checks.refuse(true, RIM_MISSING, || {
            format!("device {index}: no manifest at hand says what its firmware should measure")
        });
        checks.refuse(limits.require_fwid && device.fwid == FwidMatch::Absent, FWID_ABSENT, || {
            format!("device {index}: the report does not state the firmware id of its certificate")
        });
    }
}
