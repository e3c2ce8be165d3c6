//! The checks, in the order of the rule book.

use super::{Attribute, Thresholds};
use crate::appraisal::checks::Checks;
use crate::appraisal::{Allowed, dcap, event_log, tee_io};
use hanzo_attestation::event_log::Register;
use hanzo_attestation::tdx;
use hanzo_attestation_evidence::{Hex, Rule};

const TDX_09: Rule = Rule::new("TDX-09", "TdDebug");
const TDX_10: Rule = Rule::new("TDX-10", "TdProfiling");
const TDX_12: Rule = Rule::new("TDX-12", "TdSeptVeEnabled");
const TDX_13: Rule = Rule::new("TDX-13", "TdMigratable");
const TDX_14: Rule = Rule::new("TDX-14", "TdServiceTdExtension");
const TDX_15: Rule = Rule::new("TDX-15", "TdServiceTdBound");
const TDX_17: Rule = Rule::new("TDX-17", "TdXfamNotAllowed");
const TDX_18: Rule = Rule::new("TDX-18", "TdAttributesNotAllowed");
const TDX_19: Rule = Rule::new("TDX-19", "TdModuleMeasurementNotAllowed");
const TDX_20: Rule = Rule::new("TDX-20", "TdTcbSvnBelowFloor");
const TDX_22: Rule = Rule::new("TDX-22", "TdRtmrUnknown");
const TDX_23: Rule = Rule::new("TDX-23", "TdMrConfigIdMismatch");
const TDX_24: Rule = Rule::new("TDX-24", "TdOwnerIdentity");
const TDX_25: Rule = Rule::new("TDX-25", "TdQuoteVersionTooOld");

pub(in crate::appraisal) fn check(claims: &tdx::Claims, limits: &Thresholds, checks: &mut Checks) {
    attributes(claims, limits, checks);
    identities(claims, limits, checks);
    module(claims, limits, checks);
    dcap::check(&claims.dcap, &limits.dcap, checks);
    event_log::check(claims.log.as_ref(), &limits.log, checks);
}

fn attributes(claims: &tdx::Claims, limits: &Thresholds, checks: &mut Checks) {
    let td = &claims.td_attributes;
    let mut refuse = |broken, rule, message: &str| checks.refuse(broken, rule, || message.to_owned());
    refuse(td.debug, TDX_09, "the TD is in debug mode: the host can read its memory");
    refuse(td.profiling, TDX_10, "the TD can be profiled");
    refuse(
        !td.sept_ve_disable && !limits.allow_sept_ve,
        TDX_12,
        "the host can inject #VE on the TD's private pages",
    );
    refuse(td.migratable && !limits.allow_migration, TDX_13, "the TD can be migrated");
    refuse(td.servtd_ext && !limits.allow_service_td_extension, TDX_14, "the service TD extension is on");
    let allowed = limits.xfam_bits.unwrap_or(u64::MAX);
    let excess = claims.xfam & !allowed;
    checks.refuse(excess != 0, TDX_17, || format!("XFAM has bits that are not accepted: {excess:#x}"));
    for (name, set, attribute) in [
        ("ICSSD", td.icssd, Attribute::Icssd),
        ("LASS", td.lass, Attribute::Lass),
        ("PKS", td.pks, Attribute::Pks),
        ("KL", td.kl, Attribute::Kl),
        ("TPA", td.tpa, Attribute::Tpa),
        ("PERFMON", td.perfmon, Attribute::Perfmon),
    ] {
        checks.refuse(set && !limits.attributes.admits(&attribute), TDX_18, || {
            format!("the TD attribute {name} is not accepted")
        });
    }
}

fn identities(claims: &tdx::Claims, limits: &Thresholds, checks: &mut Checks) {
    let unlisted = |allowed: &Allowed<Hex<48>>, value: &Hex<48>| !value.is_zero() && !allowed.admits(value);
    let service = claims.mr_service_td;
    checks.refuse(service.is_some_and(|service| unlisted(&limits.service_tds, &service)), TDX_15, || {
        format!("the service TD {} is bound, and has no reference value", service.unwrap_or(Hex([0; 48])))
    });
    checks.refuse(limits.require_service_td_facts && service.is_none(), TDX_25, || {
        "the quote cannot state whether a service TD is bound".to_owned()
    });
    let [.., rtmr3] = &claims.rtmr;
    checks.refuse(unlisted(&limits.rtmr3, rtmr3) && !is_explained(claims, limits), TDX_22, || {
        format!("RTMR3 {rtmr3} has no reference value, and no event log that policy asks about explains it")
    });
    for (name, rule, allowed, value) in [
        ("MRCONFIGID", TDX_23, &limits.config_ids, &claims.mr_config_id),
        ("MROWNER", TDX_24, &limits.owners, &claims.mr_owner),
        ("MROWNERCONFIG", TDX_24, &limits.owner_configs, &claims.mr_owner_config),
    ] {
        checks.refuse(unlisted(allowed, value), rule, || format!("{name} {value} has no reference value"));
    }
}

/// Whether every event of RTMR3 is known and something says what they must be (TDX-22): the log has them all,
/// or its item is refused, and policy's event rules judge them, or each speaks of TEE device interfaces, which
/// TDI-24 to TDI-27 judge in every document.
fn is_explained(claims: &tdx::Claims, limits: &Thresholds) -> bool {
    let rtmr3 = Register::Rtmr(3);
    let Some(log) = claims.log.as_ref().filter(|log| !log.unexplained.contains(&rtmr3)) else { return false };
    let own = || log.runtime_events.iter().filter(|event| event.register == rtmr3);
    !limits.log.runtime_events.is_empty() || (own().next().is_some() && own().all(tee_io::is_judged))
}

fn module(claims: &tdx::Claims, limits: &Thresholds, checks: &mut Checks) {
    let seam = claims.mr_seam;
    checks.refuse(limits.modules.as_ref().is_some_and(|list| !list.contains(&seam)), TDX_19, || {
        format!("the TDX module {seam} is not in the list")
    });
    if let Some(floor) = limits.tee_tcb_svn_floor {
        for (name, svn) in
            [("TEE_TCB_SVN", Some(claims.tee_tcb_svn)), ("TEE_TCB_SVN_2", claims.tee_tcb_svn_2)]
        {
            let below = svn.is_some_and(|svn| svn.0.iter().zip(floor.0).any(|(svn, floor)| *svn < floor));
            checks.refuse(below, TDX_20, || format!("{name} is below {floor}"));
        }
    }
}
