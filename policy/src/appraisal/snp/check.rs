//! The checks, in the order of the rule book.

use super::floors::{self, Standing, TcbFloors};
use super::{Switch, Thresholds};
use crate::appraisal::checks::Checks;
use crate::appraisal::{Allowed, bits, lists};
use hanzo_attestation::{Product, snp};
use hanzo_attestation_evidence::{Hex, Rule, Severity};

const COL_18: Rule = Rule::new("COL-18", "NoReferenceValue");
const SNP_03: Rule = Rule::new("SNP-03", "SnpReportVersionTooOld");
const SNP_29: Rule = Rule::new("SNP-29", "SnpChipIdMasked");
const SNP_37: Rule = Rule::new("SNP-37", "SnpVekDenied");
const SNP_41: Rule = Rule::new("SNP-41", "SnpHostDataMismatch");
const SNP_43: Rule = Rule::new("SNP-43", "SnpDebugAllowed");
const SNP_44: Rule = Rule::new("SNP-44", "SnpMigrationAllowed");
const SNP_46: Rule = Rule::new("SNP-46", "SnpMigrationAgentUnknown");
const SNP_47: Rule = Rule::new("SNP-47", "SnpSmtNotAllowed");
const SNP_49: Rule = Rule::new("SNP-49", "SnpSocketPolicy");
const SNP_50: Rule = Rule::new("SNP-50", "SnpCxlAllowed");
const SNP_51: Rule = Rule::new("SNP-51", "SnpMemoryXtsRequired");
const SNP_52: Rule = Rule::new("SNP-52", "SnpRaplNotDisabled");
const SNP_53: Rule = Rule::new("SNP-53", "SnpCiphertextHidingRequired");
const SNP_54: Rule = Rule::new("SNP-54", "SnpPageSwapAllowed");
const SNP_55: Rule = Rule::new("SNP-55", "SnpAbiBelowFloor");
const SNP_56: Rule = Rule::new("SNP-56", "SnpAliasCheckIncomplete");
const SNP_57: Rule = Rule::new("SNP-57", "SnpMemoryProtectionRequired");
const SNP_58: Rule = Rule::new("SNP-58", "SnpDeviceIsolationPolicy");
const SNP_59: Rule = Rule::new("SNP-59", "SnpPlatformInfoUnknown");
const SNP_60: Rule = Rule::new("SNP-60", "SnpVmplNotAllowed");
const SNP_61: Rule = Rule::new("SNP-61", "SnpGuestSvnBelowFloor");
const SNP_62: Rule = Rule::new("SNP-62", "SnpImageIdentity");
const SNP_63: Rule = Rule::new("SNP-63", "SnpIdKeyNotTrusted");
const SNP_65: Rule = Rule::new("SNP-65", "SnpReportedTcbBelowFloor");
const SNP_66: Rule = Rule::new("SNP-66", "SnpCommittedTcbBelowFloor");
const SNP_67: Rule = Rule::new("SNP-67", "SnpLaunchTcbBelowFloor");
const SNP_69: Rule = Rule::new("SNP-69", "SnpProvisionalFirmware");
const SNP_70: Rule = Rule::new("SNP-70", "SnpFirmwareVersionBelowFloor");
const SNP_71: Rule = Rule::new("SNP-71", "SnpMitigationMissing");
const SNP_72: Rule = Rule::new("SNP-72", "SnpChipNotAllowed");
const SNP_73: Rule = Rule::new("SNP-73", "SnpCspNotAllowed");
const SNP_74: Rule = Rule::new("SNP-74", "SnpVekKindNotAllowed");

/// PLATFORM_INFO bits with a documented meaning on every product: 0 to 5, and 7 (rule book A.1.3).
const KNOWN_PLATFORM_INFO: u64 = 0xBF;
/// IOMMU_WRITE_SAFE, on Turin only.
const TURIN_PLATFORM_INFO: u64 = 1 << 6;
/// How the vendor's test identities under the production root are named: `cc-test.amazonaws.com`.
const TEST_CSP_PREFIX: &str = "cc-test.";

pub(in crate::appraisal) fn check(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    report(claims, limits, checks);
    signer(claims, limits, checks);
    guest_policy(claims, limits, checks);
    platform(claims, limits, checks);
    launch(claims, limits, checks);
    versions(claims, limits, checks);
}

fn report(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let (version, minimum) = (claims.report_version, limits.minimum_report_version);
    checks.refuse(version < minimum, SNP_03, || format!("report version {version} is below {minimum}"));
    let vmpl = claims.vmpl;
    checks.refuse(!limits.vmpls.contains(&vmpl), SNP_60, || {
        format!("the report was asked for at VMPL {vmpl}; accepted are {:?}", limits.vmpls)
    });
}

fn signer(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let chip = claims.chip_id.as_deref();
    let csp = claims.csp_id.as_deref();
    let vlek = claims.key.vek == snp::Vek::Vlek;
    checks.refuse(!vlek && chip.is_none() && !limits.allow_masked_chip, SNP_29, || {
        "the platform hides which chip signed".to_owned()
    });
    // Lists ask the signed certificate, which names the chip when the report masks it too.
    let chip = claims.hardware_id.as_deref();
    let denied_chip = chip.is_some_and(|chip| lists::names(&limits.denied_chips, chip));
    let denied_csp = csp.is_some_and(|csp| limits.denied_csps.iter().any(|denied| denied == csp));
    let denied_key = limits.denied_certificates.contains(&claims.vek_cert_sha256);
    checks.refuse(denied_chip || denied_csp || denied_key, SNP_37, || {
        format!("the signing key {} is on the deny list", claims.vek_cert_sha256)
    });
    let chip_listed = |list: &Vec<_>| !vlek && chip.is_some_and(|chip| lists::names(list, chip));
    checks.refuse(limits.chips.as_ref().is_some_and(|list| !chip_listed(list)), SNP_72, || {
        format!("the chip {} is not in the list", chip.unwrap_or("of a loaded key"))
    });
    let csp_refused = csp.is_some_and(|csp| match &limits.csps {
        Some(list) => !list.iter().any(|listed| listed == csp),
        None => !limits.allow_test_csps && is_test_csp(csp),
    });
    checks.refuse(csp_refused, SNP_73, || format!("the provider `{}` is not accepted", csp.unwrap_or("")));
    let kind_allowed = if vlek { limits.allow_vlek } else { limits.allow_vcek };
    checks.refuse(!kind_allowed, SNP_74, || {
        format!("keys of the kind {} are not accepted", if vlek { "VLEK" } else { "VCEK" })
    });
}

/// The provider id is a host name, in certificates with `CN=` before it.
fn is_test_csp(csp: &str) -> bool {
    csp.strip_prefix("CN=").unwrap_or(csp).to_ascii_lowercase().starts_with(TEST_CSP_PREFIX)
}

fn guest_policy(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let (policy, platform) = (&claims.policy, &claims.platform_info);
    let mut refuse = |broken, rule, message: &str| checks.refuse(broken, rule, || message.to_owned());
    refuse(policy.debug, SNP_43, "the guest may be debugged: the host can read its memory");
    refuse(
        policy.migrate_ma && !limits.allow_migration,
        SNP_44,
        "the guest may be associated with a migration agent, which can export it",
    );
    refuse(
        claims.report_id_ma.is_some(),
        SNP_46,
        "the guest is associated with a migration agent, of which there is no evidence",
    );
    refuse(limits.require_smt_off && (policy.smt || platform.smt_en), SNP_47, "SMT is not off");
    refuse(
        limits.require_single_socket && !policy.single_socket,
        SNP_49,
        "the guest is not bound to one socket",
    );
    refuse(policy.cxl_allow && !limits.allow_cxl, SNP_50, "the guest allows memory on CXL devices");
    refuse(
        limits.require_xts && !policy.mem_aes_256_xts,
        SNP_51,
        "the guest does not demand AES-256-XTS memory encryption",
    );
    refuse(
        limits.require_rapl_disabled && !(policy.rapl_dis || platform.rapl_dis),
        SNP_52,
        "power readings (RAPL) are not off",
    );
    refuse(
        limits.require_ciphertext_hiding && !(policy.ciphertext_hiding && platform.ciphertext_hiding_dram_en),
        SNP_53,
        "ciphertext of guest memory is not hidden from the host",
    );
    refuse(
        limits.require_page_swap_disabled && !policy.page_swap_disable,
        SNP_54,
        "the host may swap guest pages",
    );
    let abi = (policy.abi_major, policy.abi_minor);
    if let Some(floor) = limits.abi_floor {
        checks.refuse(abi < (floor.major, floor.minor), SNP_55, || {
            format!("the guest demands ABI {}.{}, below {}.{}", abi.0, abi.1, floor.major, floor.minor)
        });
    }
}

fn platform(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let info = &claims.platform_info;
    let mut refuse = |broken, rule, message: &str| checks.refuse(broken, rule, || message.to_owned());
    refuse(
        limits.require_alias_check && !info.alias_check_complete,
        SNP_56,
        "the DRAM alias check has not run",
    );
    refuse(limits.require_tsme && !info.tsme_en, SNP_57, "transparent SME is not on");
    refuse(limits.require_ecc && !info.ecc_en, SNP_57, "ECC memory is not in use");
    refuse(limits.trusted_io == Switch::On && !info.tio_en, SNP_58, "trusted IO is not on");
    refuse(limits.trusted_io == Switch::Off && info.tio_en, SNP_58, "trusted IO is on");
    refuse(
        limits.require_iommu_write_safe && info.iommu_write_safe != Some(true),
        SNP_58,
        "IOMMU writes are not stated to be safe",
    );
    let turin = if claims.product == Product::Turin { TURIN_PLATFORM_INFO } else { 0 };
    let unknown = info.raw & !(KNOWN_PLATFORM_INFO | turin | bits::mask(&limits.allowed_platform_info_bits));
    checks.refuse(unknown != 0, SNP_59, || {
        format!("PLATFORM_INFO has bits without a documented meaning: {unknown:#x}")
    });
}

fn launch(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let refused = |allowed: &Allowed<Hex<32>>, value: &Hex<32>| !value.is_zero() && !allowed.admits(value);
    checks.refuse(refused(&limits.host_data, &claims.host_data), SNP_41, || {
        format!("HOST_DATA {} has no reference value", claims.host_data)
    });
    let (svn, floor) = (claims.guest_svn, limits.guest_svn_floor);
    checks.refuse(svn < floor, SNP_61, || format!("guest SVN {svn} is below {floor}"));
    for (name, wanted, actual) in
        [("family", limits.family_id, claims.family_id), ("image", limits.image_id, claims.image_id)]
    {
        checks.refuse(wanted.is_some_and(|wanted| wanted != actual), SNP_62, || {
            format!("the {name} id {actual} is not the one expected")
        });
    }
    let id_key = claims.id_key_digest;
    checks.refuse(limits.require_id_key && id_key.is_zero(), SNP_63, || {
        "the launch was not signed: there is no ID key".to_owned()
    });
    for (name, allowed, digest) in
        [("ID", &limits.id_keys, id_key), ("author", &limits.author_keys, claims.author_key_digest)]
    {
        checks.refuse(!digest.is_zero() && !allowed.admits(&digest), SNP_63, || {
            format!("the {name} key {digest} has no reference value")
        });
    }
}

fn versions(claims: &snp::Claims, limits: &Thresholds, checks: &mut Checks) {
    let product = claims.product;
    tcb_floor(
        checks,
        SNP_65,
        "REPORTED_TCB",
        limits.reported_tcb_floor.as_ref(),
        product,
        &claims.tcb_reported,
    );
    tcb_floor(
        checks,
        SNP_66,
        "COMMITTED_TCB",
        limits.committed_tcb_floor.as_ref(),
        product,
        &claims.tcb_committed,
    );
    tcb_floor(checks, SNP_67, "LAUNCH_TCB", limits.launch_tcb_floor.as_ref(), product, &claims.tcb_launch);
    let weight = if limits.require_committed_firmware { Severity::Refuse } else { Severity::Warn };
    checks.note(claims.provisional, SNP_69, weight, || {
        "the running firmware is not committed: the host can roll it back".to_owned()
    });
    if let Some(floors) = &limits.firmware_floor {
        let fw = claims.fw_committed;
        match floors::firmware(floors, product) {
            None => no_floor(checks, "the firmware version", product),
            Some(floor) => {
                let below = (fw.major, fw.minor, fw.build) < (floor.major, floor.minor, floor.build);
                checks.refuse(below, SNP_70, || {
                    format!("committed firmware {}.{}.{} is below {floor}", fw.major, fw.minor, fw.build)
                });
            }
        }
    }
    let required = bits::mask(&limits.required_mitigations);
    let has = |vector: Option<u64>| vector.is_some_and(|vector| vector & required == required);
    let missing = required != 0 && !(has(claims.mit_launch) && has(claims.mit_current));
    checks.refuse(missing, SNP_71, || {
        format!("mitigations {required:#x} are demanded at launch and now; not all are reported")
    });
}

fn tcb_floor(
    checks: &mut Checks,
    rule: Rule,
    name: &str,
    floors: Option<&TcbFloors>,
    product: Product,
    actual: &snp::Tcb,
) {
    match floors.map(|floors| floors::tcb(floors, product, actual)) {
        None | Some(Standing::Reached) => {}
        Some(Standing::NoFloor) => no_floor(checks, name, product),
        Some(Standing::Below { component, actual, floor }) => {
            checks.refuse(true, rule, || format!("{name} has {component} {actual}, below {floor}"));
        }
    }
}

fn no_floor(checks: &mut Checks, name: &str, product: Product) {
    checks.refuse(true, COL_18, || format!("floors of {name} are set, and none for {product:?}"));
}
