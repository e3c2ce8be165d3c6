//! The defects of collateral that are one changed field or one changed byte of a document.

use super::text::object;
use super::{IntelDefect, IntelOrder, ModuleIdentity, QeIdentity, Standing, SvnLevel, TcbInfo, TcbLevel};
use crate::Validity;

/// More levels than a verifier takes.
const LEVELS: usize = 65;
/// More advisories than a verifier takes.
const ADVISORIES: usize = 1025;

pub(super) fn fields(order: &mut IntelOrder, defect: IntelDefect) {
    match defect {
        IntelDefect::RootListNotYetCurrent => order.root_list = later(order.root_list),
        IntelDefect::RootListOutOfDate => order.root_list = over(order.root_list),
        IntelDefect::PckListNotYetCurrent => order.pck_lists = later(order.pck_lists),
        IntelDefect::PckListOutOfDate => order.pck_lists = over(order.pck_lists),
        IntelDefect::TcbInfoMissing => (order.tdx_tcb_info, order.sgx_tcb_info) = (None, None),
        IntelDefect::QeIdentityMissing => (order.td_qe_identity, order.qe_identity) = (None, None),
        _ => {}
    }
    order.tdx_tcb_info.iter_mut().chain(&mut order.sgx_tcb_info).for_each(|info| tcb_info(info, defect));
    order.td_qe_identity.iter_mut().chain(&mut order.qe_identity).for_each(|id| qe_identity(id, defect));
}

fn tcb_info(info: &mut TcbInfo, defect: IntelDefect) {
    match defect {
        IntelDefect::TcbInfoType => info.tcb_type = 1,
        IntelDefect::TcbInfoVersion => info.version = 4,
        IntelDefect::TcbInfoNotYetCurrent => info.issue_date = info.next_update,
        IntelDefect::TcbInfoOutOfDate => info.next_update = info.issue_date,
        IntelDefect::TcbInfoFmspc => info.fmspc[0] ^= 0xff,
        IntelDefect::TcbInfoPceId => info.pce_id = [0, 1],
        IntelDefect::TcbInfoTooManyLevels => many_levels(info),
        IntelDefect::TcbInfoLevelsConflict => info.levels.extend(info.levels.first().map(outdated)),
        // Above what any platform of the lab has.
        IntelDefect::PlatformTcbUnrecognized => info.levels.iter_mut().for_each(|level| level.pce_svn += 100),
        IntelDefect::ModuleIdentityMissing => {
            info.module_identities.iter_mut().for_each(|all| all.retain(|found| found.id != USUAL_MODULE));
        }
        _ => {}
    }
    if let Some(newest) = info.levels.first_mut() {
        level(newest, defect);
    }
    let modules = info.module_identities.iter_mut().flatten();
    modules.filter(|found| found.id == USUAL_MODULE).for_each(|found| module(found, defect));
}

/// The identity of the module that the lab's platforms run.
const USUAL_MODULE: &str = "TDX_01";

fn level(newest: &mut TcbLevel, defect: IntelDefect) {
    let standing = &mut newest.standing;
    match defect {
        IntelDefect::TcbInfoFifteenComponents => newest.components.truncate(15),
        IntelDefect::TcbInfoUnknownStatus => standing.status = "uptodate".to_owned(),
        IntelDefect::TcbInfoDate => standing.date = "2024-13-01T00:00:00Z".to_owned(),
        IntelDefect::TcbInfoTooManyAdvisories => {
            standing.advisories = (0..ADVISORIES).map(|number| format!("INTEL-SA-{number:05}")).collect();
        }
        IntelDefect::PlatformRevoked => standing.status = "Revoked".to_owned(),
        IntelDefect::PlatformOutOfDate => standing.status = "OutOfDate".to_owned(),
        IntelDefect::PlatformConfigurationNeeded => standing.status = "ConfigurationNeeded".to_owned(),
        _ => {}
    }
}

fn module(identity: &mut ModuleIdentity, defect: IntelDefect) {
    match defect {
        IntelDefect::ModuleSigner => identity.module.mr_signer = [0x11; 48],
        IntelDefect::ModuleAttributes => identity.module.attributes[0] = 1,
        IntelDefect::ModuleTcbUnrecognized => identity.levels.iter_mut().for_each(|level| level.svn += 100),
        IntelDefect::ModuleRevoked => first(&mut identity.levels, "Revoked"),
        IntelDefect::ModuleOutOfDate => superseded(&mut identity.levels),
        _ => {}
    }
}

fn qe_identity(identity: &mut QeIdentity, defect: IntelDefect) {
    match defect {
        IntelDefect::QeIdentityVersion => identity.version = 3,
        IntelDefect::QeIdentityNotYetCurrent => identity.issue_date = identity.next_update,
        IntelDefect::QeIdentityOutOfDate => identity.next_update = identity.issue_date,
        IntelDefect::QeMrSigner => identity.mr_signer[0] ^= 0xff,
        IntelDefect::QeIsvProdId => identity.isv_prod_id += 1,
        IntelDefect::QeMiscSelect => identity.misc_select[0] = 1,
        IntelDefect::QeAttributes => identity.attributes[0] |= 0x80,
        IntelDefect::QeTcbUnrecognized => identity.levels.iter_mut().for_each(|level| level.svn += 100),
        IntelDefect::QeRevoked => first(&mut identity.levels, "Revoked"),
        IntelDefect::QeOutOfDate => first(&mut identity.levels, "OutOfDate"),
        _ => {}
    }
}

/// The text of a TCB info as it is signed.
pub(super) fn tcb_info_text(info: &TcbInfo, defect: Option<IntelDefect>) -> String {
    if defect != Some(IntelDefect::TcbInfoLevelsTwice) {
        return info.text();
    }
    let fields = info.fields();
    let levels = fields.last().cloned();
    object(fields.into_iter().chain(levels))
}

fn first(levels: &mut [SvnLevel], status: &str) {
    if let Some(newest) = levels.first_mut() {
        newest.standing.status = status.to_owned();
    }
}

/// A level above the newest, which is out of date from then on.
fn superseded(levels: &mut Vec<SvnLevel>) {
    let Some(newest) = levels.first().cloned() else { return };
    first(levels, "OutOfDate");
    levels.insert(0, SvnLevel::new(newest.svn + 1, newest.standing));
}

/// The same level with another status.
fn outdated(level: &TcbLevel) -> TcbLevel {
    let standing = Standing { status: "OutOfDate".to_owned(), ..level.standing.clone() };
    TcbLevel { standing, ..level.clone() }
}

/// Levels below all others, each different.
fn many_levels(info: &mut TcbInfo) {
    let Some(lowest) = info.levels.last().cloned() else { return };
    for pce_svn in (0..).take(LEVELS - info.levels.len()) {
        info.levels.push(TcbLevel { pce_svn, ..lowest.clone() });
    }
}

const fn later(validity: Validity) -> Validity {
    Validity { not_before: validity.not_after, not_after: validity.not_after }
}

const fn over(validity: Validity) -> Validity {
    Validity { not_before: validity.not_before, not_after: validity.not_before }
}
