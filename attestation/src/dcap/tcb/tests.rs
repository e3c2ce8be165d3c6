//! Convergence, level by level, and the update of a module under a running TD.

use super::*;
use TcbStatus::{
    ConfigurationAndSwHardeningNeeded as ConfigurationAndHardening, ConfigurationNeeded as Configuration,
    NotRecognized, OutOfDate, OutOfDateConfigurationNeeded as OutOfDateConfiguration, Revoked,
    SwHardeningNeeded as Hardening, UpToDate,
};
use hanzo_attestation_evidence::dcap::{ModuleIdentity, Quote, TeeType};

const ALL: [TcbStatus; 8] = [
    UpToDate,
    Hardening,
    Configuration,
    ConfigurationAndHardening,
    OutOfDate,
    OutOfDateConfiguration,
    Revoked,
    NotRecognized,
];

/// TDX-06, DCAP-57: the table of rule book A.2.7, step 5.
#[test]
fn a_component_never_improves_a_platform() {
    for platform in ALL {
        assert_eq!(converge(platform, UpToDate), platform);
        assert_eq!(converge(platform, Revoked), Revoked);
        assert_eq!(converge(Revoked, platform), Revoked);
    }
    for (platform, converged) in [
        (UpToDate, OutOfDate),
        (Hardening, OutOfDate),
        (Configuration, OutOfDateConfiguration),
        (ConfigurationAndHardening, OutOfDateConfiguration),
        (OutOfDate, OutOfDate),
        (OutOfDateConfiguration, OutOfDateConfiguration),
        (NotRecognized, NotRecognized),
    ] {
        assert_eq!(converge(platform, OutOfDate), converged, "{platform:?}");
    }
    assert_eq!(converge(UpToDate, Hardening), Hardening);
    assert_eq!(converge(Hardening, Configuration), ConfigurationAndHardening);
}

fn date(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

const NEW: &str = "2024-11-13T00:00:00Z";
const OLD: &str = "2023-08-09T00:00:00Z";

fn level(svn: u16, status: LevelStatus, since: &str) -> SvnLevel {
    SvnLevel { isv_svn: svn, status, date: date(since), advisories: vec![format!("INTEL-SA-{svn:05}")] }
}

fn platform_level(first: u8, third: u8, status: LevelStatus, since: &str) -> PlatformLevel {
    let (mut sgx, mut tdx) = ([0; 16], [0; 16]);
    (sgx[0], tdx[0], tdx[2]) = (first, 9, third);
    PlatformLevel { sgx, pce_svn: 5, tdx: Some(tdx), status, date: date(since), advisories: Vec::new() }
}

const MODULE: ModuleIdentity =
    ModuleIdentity { mr_signer: Hex([0; 48]), attributes: Hex([0; 8]), attributes_mask: Hex([0xff; 8]) };

fn info(newest: LevelStatus) -> TcbInfo {
    TcbInfo {
        tee: TeeType::Tdx,
        issue_date: date(NEW),
        next_update: date(NEW),
        fmspc: Hex([0; 6]),
        pce_id: Hex([0; 2]),
        evaluation_data_number: 17,
        module: Some(MODULE),
        module_identities: vec![VersionedModule {
            version: 1,
            identity: MODULE,
            levels: vec![level(5, LevelStatus::UpToDate, NEW), level(3, LevelStatus::OutOfDate, OLD)],
        }],
        levels: vec![platform_level(7, 4, newest, NEW), platform_level(6, 3, LevelStatus::OutOfDate, OLD)],
    }
}

fn identity() -> QeIdentity {
    QeIdentity {
        tee: TeeType::Tdx,
        issue_date: date(NEW),
        next_update: date(NEW),
        evaluation_data_number: 17,
        misc_select: Hex([0; 4]),
        misc_select_mask: Hex([0xff; 4]),
        attributes: Hex([0; 16]),
        attributes_mask: Hex([0; 16]),
        mr_signer: Hex([0; 32]),
        isv_prod_id: 0,
        levels: vec![level(0, LevelStatus::UpToDate, NEW)],
    }
}

fn pck(first: u8, pcesvn: u16) -> PckExtension {
    let mut cpusvn = [0; 16];
    cpusvn[0] = first;
    PckExtension {
        ppid: Hex([0; 16]),
        cpusvn: Hex(cpusvn),
        pcesvn,
        pceid: Hex([0; 2]),
        fmspc: Hex([0; 6]),
        sgx_type: 0,
        platform_instance_id: None,
        configuration: None,
    }
}

fn svn(module: u8, version: u8, third: u8) -> Hex<16> {
    let mut svn = [0; 16];
    (svn[0], svn[1], svn[2]) = (module, version, third);
    Hex(svn)
}

/// A TD body with these security versions, by way of a quote.
fn body(launch: Hex<16>, now: Option<Hex<16>>) -> tdx::Body {
    let mut bytes = vec![5, 0, 2, 0, 0x81, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(hanzo_attestation_evidence::dcap::INTEL_QE_VENDOR_ID.0);
    bytes.extend([0; 20]);
    bytes.extend([3, 0]);
    bytes.extend(648_u32.to_le_bytes());
    bytes.extend(launch.0);
    bytes.extend([0; 584 - 16]);
    bytes.extend(now.unwrap_or(launch).0);
    bytes.extend([0; 48]);
    let mut inner = vec![0; 384 + 64 + 2];
    inner.extend([3, 0, 1, 0, 0, 0, 9]);
    let mut data = vec![0; 128];
    data.extend([6, 0]);
    data.extend(u32::try_from(inner.len()).unwrap().to_le_bytes());
    data.extend(inner);
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    let mut body = Quote::parse(&bytes).unwrap().into_td().unwrap().body;
    if now.is_none() {
        body.tee_tcb_svn_2 = None;
    }
    body
}

/// The report of an enclave that is all zeros.
fn report() -> EnclaveReport {
    let bytes = {
        let mut bytes = vec![3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(hanzo_attestation_evidence::dcap::INTEL_QE_VENDOR_ID.0);
        bytes.extend([0; 20 + 384]);
        let mut data = vec![0; 128 + 384 + 64 + 2];
        data.extend([3, 0, 1, 0, 0, 0, 9]);
        bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend(data);
        bytes
    };
    Quote::parse(&bytes).unwrap().qe_report
}

fn td(info: &TcbInfo, pck: &PckExtension, body: &tdx::Body) -> Result<Rated, DcapError> {
    rate(info, &identity(), pck, &report(), Subject::Td(body))
}

fn status_of(newest: LevelStatus, launch: Hex<16>, now: Option<Hex<16>>) -> TcbStatus {
    td(&info(newest), &pck(7, 5), &body(launch, now)).unwrap().status
}

/// DCAP-56: the first level of which everything is reached; below all, there is none.
#[test]
fn the_platform_has_the_first_level_that_it_reaches() {
    let info = info(LevelStatus::UpToDate);
    let rated = |first, pcesvn, third| {
        let rated = td(&info, &pck(first, pcesvn), &body(svn(5, 1, third), None)).unwrap();
        (rated.platform_status, rated.platform_date, rated.date())
    };
    assert_eq!(rated(7, 5, 4), (UpToDate, Some(date(NEW)), Some(date(NEW))));
    assert_eq!(rated(255, 65535, 255).0, UpToDate);
    for (first, third) in [(6, 4), (7, 3), (6, 3)] {
        assert_eq!(rated(first, 5, third), (OutOfDate, Some(date(OLD)), Some(date(OLD))));
    }
    for (first, pcesvn, third) in [(5, 5, 4), (7, 4, 4), (7, 5, 2)] {
        assert_eq!(rated(first, pcesvn, third), (NotRecognized, None, None));
    }
}

/// Without a module version the first two TDX components count as well, and the module has no level of its
/// own.
#[test]
fn a_module_without_a_version_is_rated_with_the_platform() {
    let info = info(LevelStatus::UpToDate);
    let rated = |module| td(&info, &pck(7, 5), &body(svn(module, 0, 4), None)).unwrap();
    assert_eq!((rated(9).status, rated(9).module_status), (UpToDate, None));
    assert_eq!(rated(8).status, NotRecognized);
}

/// TDX-03, TDX-05, TDX-06: the module's own version, signer, attributes and level.
#[test]
fn the_module_is_rated_by_itself() {
    let info = info(LevelStatus::UpToDate);
    let rated = td(&info, &pck(7, 5), &body(svn(3, 1, 4), None)).unwrap();
    assert_eq!(
        (rated.platform_status, rated.module_status, rated.status),
        (UpToDate, Some(OutOfDate), OutOfDate)
    );
    assert_eq!(rated.advisories, ["INTEL-SA-00000", "INTEL-SA-00003"]);
    assert_eq!((rated.date(), rated.superseded), (Some(date(OLD)), Some(date(NEW))));
    let below = td(&info, &pck(7, 5), &body(svn(2, 1, 4), None)).unwrap();
    assert_eq!((below.module_status, below.status), (Some(NotRecognized), NotRecognized));
    let unknown = td(&info, &pck(7, 5), &body(svn(5, 2, 4), None));
    assert_eq!(unknown, Err(DcapError::ModuleIdentityMissing(2)));
    // An out-of-date platform stays so under a module that is up to date.
    let platform = td(&info, &pck(6, 5), &body(svn(5, 1, 4), None)).unwrap();
    assert_eq!((platform.module_status, platform.status), (Some(UpToDate), OutOfDate));
}

/// TDX-02, TDX-04: for the module of a version, and for the one without.
#[test]
fn the_module_is_the_one_of_the_tcb_info() {
    for version in [0, 1] {
        let mut signer = body(svn(9, version, 4), None);
        signer.mr_signer_seam.0[47] = 1;
        let found = td(&info(LevelStatus::UpToDate), &pck(7, 5), &signer);
        assert_eq!(found, Err(DcapError::ModuleSigner(signer.mr_signer_seam)));
        let mut attributes = body(svn(9, version, 4), None);
        attributes.seam_attributes = 1 << 63;
        let found = td(&info(LevelStatus::UpToDate), &pck(7, 5), &attributes);
        assert_eq!(found, Err(DcapError::ModuleAttributes(1 << 63)));
    }
}

/// TDX-07: launched on what is out of date, with something running now that is not.
#[test]
fn a_td_that_was_launched_on_an_older_module_should_be_launched_again() {
    let (old, new) = (svn(3, 1, 4), svn(5, 1, 4));
    let relaunch = TcbStatus::TdRelaunchAdvised;
    let relaunch_configuration = TcbStatus::TdRelaunchAdvisedConfigurationNeeded;
    assert_eq!(status_of(LevelStatus::UpToDate, old, Some(new)), relaunch);
    assert_eq!(status_of(LevelStatus::SwHardeningNeeded, old, Some(new)), relaunch);
    assert_eq!(status_of(LevelStatus::ConfigurationNeeded, old, Some(new)), relaunch_configuration);
    assert_eq!(
        status_of(LevelStatus::ConfigurationAndSwHardeningNeeded, old, Some(new)),
        relaunch_configuration
    );
    assert_eq!(status_of(LevelStatus::OutOfDate, old, Some(new)), OutOfDate);
    assert_eq!(status_of(LevelStatus::Revoked, old, Some(new)), Revoked);
    // Nothing newer runs, or nothing that is up to date, or the platform's own components are behind.
    for now in [None, Some(old), Some(svn(4, 1, 4)), Some(svn(5, 1, 3))] {
        assert_eq!(status_of(LevelStatus::UpToDate, old, now), OutOfDate, "{now:?}");
    }
    assert_eq!(status_of(LevelStatus::UpToDate, new, Some(new)), UpToDate);
    // A platform that is behind by its TDX components alone, and no longer is.
    assert_eq!(status_of(LevelStatus::UpToDate, svn(5, 1, 3), Some(new)), relaunch);
}

/// TDX-07: nothing is gained by a launch on a module that is out of date itself, be it the newest; and a
/// module that is up to date need not be the newest.
#[test]
fn a_relaunch_is_advised_where_it_helps() {
    let advised = |levels: Vec<SvnLevel>, launch, now| {
        let mut info = info(LevelStatus::UpToDate);
        info.module_identities[0].levels = levels;
        let body = body(svn(launch, 1, 4), Some(svn(now, 1, 4)));
        td(&info, &pck(7, 5), &body).unwrap().status
    };
    let newest_is_late = || vec![level(5, LevelStatus::OutOfDate, NEW)];
    assert_eq!(advised(newest_is_late(), 5, 5), OutOfDate);
    assert_eq!(advised(newest_is_late(), 5, 6), OutOfDate);
    let levels = || {
        let [newest, newer] = [7, 6].map(|svn| level(svn, LevelStatus::UpToDate, NEW));
        vec![newest, newer, level(5, LevelStatus::OutOfDate, OLD)]
    };
    assert_eq!(advised(levels(), 5, 6), TcbStatus::TdRelaunchAdvised);
    assert_eq!(advised(levels(), 6, 7), UpToDate);
}

/// What runs now counts as well: a module that nobody knows, or that Intel withdrew, is never passed over.
#[test]
fn the_running_module_must_be_known() {
    let launch = svn(5, 1, 4);
    let now = |version| Some(svn(5, version, 4));
    let missing = td(&info(LevelStatus::UpToDate), &pck(7, 5), &body(launch, now(2)));
    assert_eq!(missing, Err(DcapError::ModuleIdentityMissing(2)));
    for (status, converged) in [(LevelStatus::Revoked, Revoked), (LevelStatus::UpToDate, UpToDate)] {
        let mut info = info(LevelStatus::UpToDate);
        let mut next = info.module_identities[0].clone();
        next.version = 2;
        next.levels = vec![level(4, status, NEW)];
        info.module_identities.push(next);
        assert_eq!(td(&info, &pck(7, 5), &body(launch, now(2))).unwrap().status, converged);
        let below = Some(svn(3, 2, 4));
        assert_eq!(td(&info, &pck(7, 5), &body(launch, below)).unwrap().status, NotRecognized);
    }
}

/// DCAP-44 to DCAP-47, DCAP-49, DCAP-57: the quoting enclave is the identity's, at a level that is known.
#[test]
fn the_quoting_enclave_is_the_identitys() {
    let info = info(LevelStatus::UpToDate);
    let rated = |change: fn(&mut QeIdentity)| {
        let mut identity = identity();
        change(&mut identity);
        rate(&info, &identity, &pck(7, 5), &report(), Subject::Enclave).map(|rated| rated.status)
    };
    assert_eq!(rated(|_| ()), Ok(UpToDate));
    assert!(matches!(rated(|qe| qe.mr_signer.0[31] = 1), Err(DcapError::QeMrSigner { .. })));
    assert!(matches!(rated(|qe| qe.isv_prod_id = 1), Err(DcapError::QeIsvProdId { report: 0, identity: 1 })));
    assert_eq!(rated(|qe| qe.misc_select.0[3] = 1), Err(DcapError::QeMiscSelect(0)));
    assert_eq!(rated(|qe| qe.attributes.0[15] = 1), Err(DcapError::QeAttributes(0, 0)));
    assert_eq!(rated(|qe| qe.levels[0].isv_svn = 1), Err(DcapError::QeTcbUnrecognized(0)));
    assert_eq!(rated(|qe| qe.levels[0].status = LevelStatus::OutOfDate), Ok(OutOfDate));
    assert_eq!(rated(|qe| qe.levels[0].status = LevelStatus::Revoked), Ok(Revoked));
}
