//! The checks, in the order of the rule book.

use super::Thresholds;
use crate::appraisal::checks::Checks;
use hanzo_attestation::TcbStatus;
use hanzo_attestation::dcap::{Claims, Rating};
use hanzo_attestation_evidence::{Hex, Rule, Severity};

const TDX_05: Rule = Rule::new("TDX-05", "TdModuleTcbUnrecognized");
const TDX_06: Rule = Rule::new("TDX-06", "TdModuleTcbNotAllowed");
const TDX_07: Rule = Rule::new("TDX-07", "TdRelaunchAdvised");
const DCAP_31: Rule = Rule::new("DCAP-31", "PckRevoked");
const DCAP_56: Rule = Rule::new("DCAP-56", "PlatformTcbUnrecognized");
const DCAP_57: Rule = Rule::new("DCAP-57", "TcbRevoked");
const DCAP_58: Rule = Rule::new("DCAP-58", "TcbStatusNotAllowed");
const DCAP_59: Rule = Rule::new("DCAP-59", "TcbEvaluationTooOld");
const DCAP_60: Rule = Rule::new("DCAP-60", "QeIdentityEvaluationTooOld");
const DCAP_62: Rule = Rule::new("DCAP-62", "AdvisoryNotAccepted");
const DCAP_63: Rule = Rule::new("DCAP-63", "TcbDateTooOld");
const DCAP_64: Rule = Rule::new("DCAP-64", "SgxTypeNotAllowed");
const DCAP_65: Rule = Rule::new("DCAP-65", "DynamicPlatformNotAllowed");
const DCAP_66: Rule = Rule::new("DCAP-66", "CachedKeysNotAllowed");
const DCAP_67: Rule = Rule::new("DCAP-67", "PlatformSmtNotAllowed");
const DCAP_68: Rule = Rule::new("DCAP-68", "PlatformNotAllowed");
const DCAP_69: Rule = Rule::new("DCAP-69", "FmspcNotAllowed");

/// What a quote's platform says of itself, and what Intel says of it. A platform that nobody rated is not
/// this check's concern: its status is unknown, and that alone refuses (COL-10).
pub(in crate::appraisal) fn check(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    if let Some(rating) = &claims.rating {
        rated(rating, limits, checks);
    }
    platform(claims, limits, checks);
}

fn rated(rating: &Rating, limits: &Thresholds, checks: &mut Checks) {
    let module_unknown = rating.module_status == Some(TcbStatus::NotRecognized);
    let mut refuse = |broken, rule, message: &str| checks.refuse(broken, rule, || message.to_owned());
    let unknown = rating.status == TcbStatus::NotRecognized;
    refuse(unknown && !module_unknown, DCAP_56, "the platform is below every level that Intel published");
    refuse(module_unknown, TDX_05, "the TDX module is below every level that Intel published");
    refuse(rating.status == TcbStatus::Revoked, DCAP_57, "Intel withdrew the platform's security version");
    status(rating, limits, checks);
    for (floor, number, rule, document) in [
        (limits.tcb_evaluation_floor, rating.tcb_info_eval, DCAP_59, "TCB info"),
        (limits.qe_evaluation_floor, rating.qe_identity_eval, DCAP_60, "QE identity"),
    ] {
        checks.refuse(floor.is_some_and(|floor| number < floor), rule, || {
            format!("the {document}'s evaluation data number {number} is below {}", floor.unwrap_or_default())
        });
    }
    let current = rating.status == TcbStatus::UpToDate;
    let unaccepted = rating.advisories.iter().find(|id| !limits.advisories.admits(id));
    checks.refuse(!current && unaccepted.is_some(), DCAP_62, || {
        format!("the advisory {} is not accepted", unaccepted.map_or("", String::as_str))
    });
    let dates = [rating.platform_tcb_date, rating.module_tcb_date, Some(rating.qe_tcb_date)];
    let oldest = dates.into_iter().flatten().min();
    let early = oldest.filter(|date| limits.tcb_date_floor.is_some_and(|floor| *date < floor));
    checks.refuse(early.is_some(), DCAP_63, || match early {
        Some(date) => format!("a level is of {date}, before the floor"),
        None => String::new(),
    });
}

/// DCAP-58, DCAP-63, TDX-06, TDX-07: the converged status, and the module's own.
fn status(rating: &Rating, limits: &Thresholds, checks: &mut Checks) {
    let admits = |status: TcbStatus| limits.statuses.iter().any(|allowed| allowed.rated() == status);
    let found = rating.status;
    match found {
        // Named above.
        TcbStatus::NotRecognized | TcbStatus::Revoked => return,
        TcbStatus::TdRelaunchAdvised | TcbStatus::TdRelaunchAdvisedConfigurationNeeded => {
            checks.refuse(!admits(found), TDX_07, || {
                format!("{}: the TD was launched on an older TDX module", found.name())
            });
            return;
        }
        TcbStatus::OutOfDate if limits.out_of_date_grace_days.is_some() => {
            out_of_date(rating, limits, checks);
            return;
        }
        _ => {}
    }
    // A module that is alone at fault has a rule of its own.
    let module = rating.module_status.filter(|module| !admits(*module));
    let module_alone = module.is_some() && admits(rating.platform_status) && admits(rating.qe_status);
    checks.refuse(!admits(found) && !module_alone, DCAP_58, || {
        format!("the status {} is not accepted", found.name())
    });
    checks.refuse(module.is_some(), TDX_06, || {
        format!("the TDX module's status {} is not accepted", module.map_or("", TcbStatus::name))
    });
}

/// DCAP-63: a patch window, counted from the level that replaced the platform's.
fn out_of_date(rating: &Rating, limits: &Thresholds, checks: &mut Checks) {
    let days = rating.superseded_days;
    let within = days.is_some_and(|days| limits.out_of_date_grace_days.is_some_and(|grace| days <= grace));
    checks.refuse(!within, DCAP_63, || match days {
        Some(days) => format!("out of date for {days} days"),
        None => "out of date, and nobody knows since when".to_owned(),
    });
    checks.note(within, DCAP_63, Severity::Warn, || {
        format!("out of date for {} days, within the configured grace", days.unwrap_or_default())
    });
}

fn platform(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let denied = limits.denied_pck_serials.iter().any(|serial| serial.is(&claims.pck_serial));
    checks
        .refuse(denied, DCAP_31, || format!("the PCK certificate {} is on the deny list", claims.pck_serial));
    let kind = claims.sgx_type;
    checks.refuse(!limits.sgx_types.contains(&kind), DCAP_64, || format!("SGX type {kind} is not accepted"));
    for (demanded, stated, rule, name) in [
        (limits.require_static_platform, claims.dynamic_platform, DCAP_65, "packages can be added later"),
        (limits.require_uncached_keys, claims.cached_keys, DCAP_66, "its keys are cached by the vendor"),
        (limits.require_smt_off, claims.smt_enabled, DCAP_67, "SMT is on"),
    ] {
        checks.refuse(demanded && stated != Some(false), rule, || match stated {
            Some(_) => format!("of the platform: {name}"),
            None => format!("the platform does not say whether {name}"),
        });
    }
    let listed = |list: &Option<Vec<Hex<16>>>, id: Option<Hex<16>>| {
        list.as_ref().is_none_or(|list| id.is_some_and(|id| list.contains(&id)))
    };
    let known = listed(&limits.ppids, Some(claims.ppid))
        && listed(&limits.platform_instances, claims.platform_instance_id);
    checks.refuse(!known, DCAP_68, || "the platform is not in the list".to_owned());
    let fmspc = claims.fmspc;
    checks.refuse(limits.fmspcs.as_ref().is_some_and(|list| !list.contains(&fmspc)), DCAP_69, || {
        format!("the FMSPC {fmspc} is not in the list")
    });
}
