//! Matching of levels and convergence of their statuses (rule book A.2.7; Intel TDX and SGX DCAP quote
//! verification library, "TCB status").

use super::error::DcapError;
use super::pck::PckExtension;
use super::verify::Subject;
use crate::claims::TcbStatus;
use hanzo_attestation_evidence::dcap::{
    EnclaveReport, LevelStatus, PlatformLevel, QeIdentity, SvnLevel, TcbInfo, VersionedModule,
};
use hanzo_attestation_evidence::{Hex, UnixTime, tdx};

/// What the levels say of a platform, part by part and together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rated {
    pub(super) platform_status: TcbStatus,
    pub(super) module_status: Option<TcbStatus>,
    pub(super) qe_status: TcbStatus,
    pub(super) status: TcbStatus,
    pub(super) platform_date: Option<UnixTime>,
    pub(super) module_date: Option<UnixTime>,
    pub(super) qe_date: UnixTime,
    /// Since when a newer level has been there for a part that is out of date.
    pub(super) superseded: Option<UnixTime>,
    /// Sorted, each once.
    pub(super) advisories: Vec<String>,
}

impl Rated {
    /// Date of the oldest of the levels; `None` when the platform has none.
    pub(super) fn date(&self) -> Option<UnixTime> {
        let levels = [Some(self.qe_date), self.module_date].into_iter().flatten();
        self.platform_date.map(|platform| levels.fold(platform, UnixTime::min))
    }
}

/// DCAP-44 to -47, DCAP-49: the quoting enclave is the one of the identity, at a level that Intel knows.
fn qe_level<'a>(identity: &'a QeIdentity, report: &EnclaveReport) -> Result<Place<'a, SvnLevel>, DcapError> {
    if report.mr_signer != identity.mr_signer {
        return Err(DcapError::QeMrSigner { report: report.mr_signer, identity: identity.mr_signer });
    }
    if report.isv_prod_id != identity.isv_prod_id {
        return Err(DcapError::QeIsvProdId { report: report.isv_prod_id, identity: identity.isv_prod_id });
    }
    if !identity.admits_misc_select(report) {
        return Err(DcapError::QeMiscSelect(report.misc_select));
    }
    if !identity.admits_attributes(report) {
        return Err(DcapError::QeAttributes(report.attributes_flags, report.attributes_xfrm));
    }
    let found = place(&identity.levels, |level| level.isv_svn <= report.isv_svn);
    found.ok_or(DcapError::QeTcbUnrecognized(report.isv_svn))
}

/// Rates a platform (rule book A.2.7, steps 2 to 8).
pub(super) fn rate(
    info: &TcbInfo,
    identity: &QeIdentity,
    pck: &PckExtension,
    qe_report: &EnclaveReport,
    subject: Subject<'_>,
) -> Result<Rated, DcapError> {
    let svn = match subject {
        Subject::Enclave => None,
        Subject::Td(body) => {
            check_module(info, body)?;
            Some(&body.tee_tcb_svn)
        }
    };
    let module = svn.map_or(Ok(None), |svn| module_level(info, svn))?;
    let qe = qe_level(identity, qe_report)?;
    let platform = platform_level(info, pck, svn);
    let [platform_status, qe_status] = [status_of(platform.as_ref()), status(qe.level.status)];
    let module_status = module.as_ref().map(|module| status_of(module.as_ref()));
    let launch = [module_status, Some(qe_status)].into_iter().flatten().fold(platform_status, converge);
    let status = match subject {
        Subject::Td(tdx::Body { tee_tcb_svn_2: Some(now), .. }) => {
            let running = module_level(info, now)?.map(|module| status_of(module.as_ref()));
            let platform = status_of(platform_level(info, pck, Some(now)).as_ref());
            let parts = [running, Some(qe_status)].into_iter().flatten();
            relaunch(launch, parts.fold(platform, converge))
        }
        _ => launch,
    };
    let module = module.flatten();
    let parts = [platform.as_ref().map(Place::part), module.as_ref().map(Place::part), Some(qe.part())];
    let parts = parts.into_iter().flatten();
    let mut advisories: Vec<String> =
        parts.clone().flat_map(|part| part.advisories.iter().cloned()).collect();
    advisories.sort_unstable();
    advisories.dedup();
    Ok(Rated {
        platform_status,
        module_status,
        qe_status,
        status,
        platform_date: platform.as_ref().map(|found| found.level.date),
        module_date: module.as_ref().map(|found| found.level.date),
        qe_date: qe.level.date,
        superseded: parts.filter_map(|part| part.superseded).min(),
        advisories,
    })
}

/// Step 3: the first level of which every component is reached, those of TDX by one of a TD's two TCB SVNs.
fn platform_level<'a>(
    info: &'a TcbInfo,
    pck: &PckExtension,
    tee_tcb_svn: Option<&Hex<16>>,
) -> Option<Place<'a, PlatformLevel>> {
    place(&info.levels, |level| reaches(level, pck, tee_tcb_svn))
}

/// With a module version, the first two TDX components are the module's own, which has levels of its own.
fn reaches(level: &PlatformLevel, pck: &PckExtension, tee_tcb_svn: Option<&Hex<16>>) -> bool {
    let sgx = level.sgx.iter().zip(&pck.cpusvn.0).all(|(wanted, svn)| wanted <= svn);
    let tdx = match (tee_tcb_svn, &level.tdx) {
        (None, _) => true,
        (Some(Hex(svn)), Some(wanted)) => {
            wanted.iter().zip(svn).skip(first_component(svn)).all(|(wanted, svn)| wanted <= svn)
        }
        (Some(_), None) => false,
    };
    sgx && level.pce_svn <= pck.pcesvn && tdx
}

const fn first_component(tee_tcb_svn: &[u8; 16]) -> usize {
    let [_, version, ..] = tee_tcb_svn;
    if *version > 0 { 2 } else { 0 }
}

/// Step 4: the module's own level (TDX-03, TDX-05). The outer `None` is a module that is rated with the
/// platform; the inner one is a module below every level.
fn module_level<'a>(
    info: &'a TcbInfo,
    tee_tcb_svn: &Hex<16>,
) -> Result<Option<Option<Place<'a, SvnLevel>>>, DcapError> {
    let [svn, version, ..] = tee_tcb_svn.0;
    if version == 0 {
        return Ok(None);
    }
    let module = module_of(info, version)?;
    Ok(Some(place(&module.levels, |level| level.isv_svn <= u16::from(svn))))
}

fn module_of(info: &TcbInfo, version: u8) -> Result<&VersionedModule, DcapError> {
    let module = info.module_identities.iter().find(|module| module.version == version);
    module.ok_or(DcapError::ModuleIdentityMissing(version))
}

/// Step 4: who signed the module, and what it is allowed (TDX-02, TDX-04).
fn check_module(info: &TcbInfo, body: &tdx::Body) -> Result<(), DcapError> {
    let identity = match body.tee_tcb_svn.0 {
        [_, 0, ..] => info.module.as_ref().ok_or(DcapError::ModuleIdentityMissing(0))?,
        [_, version, ..] => &module_of(info, version)?.identity,
    };
    if body.mr_signer_seam != identity.mr_signer {
        return Err(DcapError::ModuleSigner(body.mr_signer_seam));
    }
    if !identity.admits(body.seam_attributes) {
        return Err(DcapError::ModuleAttributes(body.seam_attributes));
    }
    Ok(())
}

/// Step 6, bodies of TD 1.5 alone (TDX-07): the module can be updated under a running TD, so that it has one
/// status by what it was launched on and one by what runs now. Both must be known and not withdrawn. When the
/// first is out of date and the second is not, the TD should be launched again; when both are, that would not
/// help (Intel's quote verification library, `checkForRelaunch`).
fn relaunch(launch: TcbStatus, now: TcbStatus) -> TcbStatus {
    if matches!(now, TcbStatus::NotRecognized | TcbStatus::Revoked) {
        return converge(launch, now);
    }
    let (before, after) = (Needs::of(launch), Needs::of(now));
    let is_rated = !matches!(launch, TcbStatus::NotRecognized | TcbStatus::Revoked);
    match (is_rated && before.update && !after.update, before.configuration || after.configuration) {
        (true, true) => TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
        (true, false) => TcbStatus::TdRelaunchAdvised,
        (false, _) => launch,
    }
}

/// Step 5: together never better than either. Withdrawn outweighs unknown, and both outweigh everything else.
fn converge(platform: TcbStatus, component: TcbStatus) -> TcbStatus {
    use TcbStatus::{NotRecognized, Revoked};
    match (platform, component) {
        (Revoked, _) | (_, Revoked) => Revoked,
        (NotRecognized, _) | (_, NotRecognized) => NotRecognized,
        _ => Needs::of(platform).and(Needs::of(component)).status(),
    }
}

/// What a status asks for: the union of two statuses' needs is their convergence.
#[derive(Clone, Copy)]
struct Needs {
    update: bool,
    configuration: bool,
    hardening: bool,
}

impl Needs {
    const fn of(status: TcbStatus) -> Self {
        let (update, configuration, hardening) = match status {
            TcbStatus::UpToDate => (false, false, false),
            TcbStatus::SwHardeningNeeded => (false, false, true),
            TcbStatus::ConfigurationNeeded => (false, true, false),
            TcbStatus::ConfigurationAndSwHardeningNeeded => (false, true, true),
            TcbStatus::OutOfDate | TcbStatus::TdRelaunchAdvised => (true, false, false),
            // No level says any of the rest: whatever is not known asks for everything.
            _ => (true, true, false),
        };
        Self { update, configuration, hardening }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            update: self.update || other.update,
            configuration: self.configuration || other.configuration,
            hardening: self.hardening || other.hardening,
        }
    }

    const fn status(self) -> TcbStatus {
        match (self.update, self.configuration, self.hardening) {
            (true, true, _) => TcbStatus::OutOfDateConfigurationNeeded,
            (true, false, _) => TcbStatus::OutOfDate,
            (false, true, true) => TcbStatus::ConfigurationAndSwHardeningNeeded,
            (false, true, false) => TcbStatus::ConfigurationNeeded,
            (false, false, true) => TcbStatus::SwHardeningNeeded,
            (false, false, false) => TcbStatus::UpToDate,
        }
    }
}

fn status_of<L: Level>(place: Option<&Place<'_, L>>) -> TcbStatus {
    place.map_or(TcbStatus::NotRecognized, |found| status(found.level.facts().0))
}

const fn status(level: LevelStatus) -> TcbStatus {
    match level {
        LevelStatus::UpToDate => TcbStatus::UpToDate,
        LevelStatus::SwHardeningNeeded => TcbStatus::SwHardeningNeeded,
        LevelStatus::ConfigurationNeeded => TcbStatus::ConfigurationNeeded,
        LevelStatus::ConfigurationAndSwHardeningNeeded => TcbStatus::ConfigurationAndSwHardeningNeeded,
        LevelStatus::OutOfDate => TcbStatus::OutOfDate,
        LevelStatus::OutOfDateConfigurationNeeded => TcbStatus::OutOfDateConfigurationNeeded,
        LevelStatus::Revoked => TcbStatus::Revoked,
    }
}

/// A level in its list, which is sorted, highest first.
struct Place<'a, L> {
    level: &'a L,
    /// The levels above it.
    above: &'a [L],
}

/// What all kinds of levels have.
#[derive(Clone, Copy)]
struct Part<'a> {
    advisories: &'a [String],
    superseded: Option<UnixTime>,
}

trait Level {
    fn facts(&self) -> (LevelStatus, UnixTime, &[String]);
}

impl Level for PlatformLevel {
    fn facts(&self) -> (LevelStatus, UnixTime, &[String]) {
        (self.status, self.date, &self.advisories)
    }
}

impl Level for SvnLevel {
    fn facts(&self) -> (LevelStatus, UnixTime, &[String]) {
        (self.status, self.date, &self.advisories)
    }
}

/// The first level, from the highest, that is reached.
fn place<L>(levels: &[L], reached: impl Fn(&L) -> bool) -> Option<Place<'_, L>> {
    let index = levels.iter().position(reached)?;
    let (above, from) = levels.split_at_checked(index)?;
    Some(Place { level: from.first()?, above })
}

impl<'a, L: Level> Place<'a, L> {
    /// A part that is out of date is so since the earliest newer date above it (DCAP-63).
    fn part(&self) -> Part<'a> {
        let (status, date, advisories) = self.level.facts();
        let late = matches!(status, LevelStatus::OutOfDate | LevelStatus::OutOfDateConfigurationNeeded);
        let newer = self.above.iter().map(|level| level.facts().1).filter(|newer| *newer > date);
        Part { advisories, superseded: if late { newer.min() } else { None } }
    }
}

#[cfg(test)]
mod tests;
