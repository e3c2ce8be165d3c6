//! Each rule alone: one claim or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::sample;
use hanzo_attestation::{Product, snp};
use hanzo_attestation_evidence::Severity;

type Change = fn(&mut snp::Claims);
type Limit = fn(&mut Thresholds);
type Floors = fn(&mut Thresholds) -> &mut Option<TcbFloors>;

/// Rules that refuse, as `id code`.
fn refusals(claims: &snp::Claims, thresholds: &Thresholds) -> Vec<String> {
    let (claims, facts) = sample::snp_item(claims.clone());
    let appraisal = Appraisal { snp: thresholds.clone(), ..Appraisal::strict() };
    let findings = appraise_claims(&claims, &facts, &appraisal);
    let refused = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
    refused.map(|finding| finding.rule.to_string()).collect()
}

fn with(change: Change) -> snp::Claims {
    let mut claims = sample::snp();
    change(&mut claims);
    claims
}

fn limits(change: Limit) -> Thresholds {
    let mut thresholds = Thresholds::strict();
    change(&mut thresholds);
    thresholds
}

fn none(_: &mut snp::Claims) {}

fn genoa(floor: TcbFloor) -> Option<TcbFloors> {
    Some(PerProduct { genoa: Some(floor), ..PerProduct::default() })
}

const REACHED: TcbFloor = TcbFloor { bootloader: 10, tee: 1, snp: 23, microcode: 84 };

#[test]
fn clean_guests_are_acceptable_in_both_profiles() {
    for claims in [sample::snp(), sample::vlek()] {
        assert_eq!(refusals(&claims, &Thresholds::strict()), Vec::<String>::new());
        assert_eq!(refusals(&claims, &Thresholds::corpus()), Vec::<String>::new());
    }
}

#[test]
fn strict_refuses_by_default() {
    let cases: [(&str, Change); 11] = [
        ("SNP-29 SnpChipIdMasked", |c| c.chip_id = None),
        ("SNP-41 SnpHostDataMismatch", |c| c.host_data = Hex([1; 32])),
        ("SNP-43 SnpDebugAllowed", |c| c.policy.debug = true),
        ("SNP-44 SnpMigrationAllowed", |c| c.policy.migrate_ma = true),
        ("SNP-50 SnpCxlAllowed", |c| c.policy.cxl_allow = true),
        ("SNP-59 SnpPlatformInfoUnknown", |c| c.platform_info.raw |= 1 << 40),
        ("SNP-59 SnpPlatformInfoUnknown", |c| c.platform_info.raw |= 1 << 6),
        ("SNP-60 SnpVmplNotAllowed", |c| c.vmpl = 1),
        ("SNP-63 SnpIdKeyNotTrusted", |c| c.id_key_digest = Hex([9; 48])),
        ("SNP-63 SnpIdKeyNotTrusted", |c| c.author_key_digest = Hex([9; 48])),
        ("SNP-03 SnpReportVersionTooOld", |c| c.report_version = 1),
    ];
    for (rule, change) in cases {
        assert_eq!(refusals(&with(change), &Thresholds::strict()), [rule]);
    }
    let test_csp = snp::Claims { csp_id: Some("CN=cc-test.amazonaws.com".into()), ..sample::vlek() };
    assert_eq!(refusals(&test_csp, &Thresholds::strict()), ["SNP-73 SnpCspNotAllowed"]);
}

#[test]
fn corpus_lets_pass_what_it_says_and_no_more() {
    let passes: [Change; 5] = [
        |c| c.vmpl = 3,
        |c| c.host_data = Hex([1; 32]),
        |c| c.id_key_digest = Hex([9; 48]),
        |c| c.provisional = true,
        |c| c.csp_id = Some("cc-test.amazonaws.com".into()),
    ];
    for change in passes {
        assert_eq!(refusals(&with(change), &Thresholds::corpus()), Vec::<String>::new());
    }
    let refused: [(&str, Change); 5] = [
        ("SNP-43 SnpDebugAllowed", |c| c.policy.debug = true),
        ("SNP-44 SnpMigrationAllowed", |c| c.policy.migrate_ma = true),
        ("SNP-50 SnpCxlAllowed", |c| c.policy.cxl_allow = true),
        ("SNP-29 SnpChipIdMasked", |c| c.chip_id = None),
        ("SNP-60 SnpVmplNotAllowed", |c| c.vmpl = 4),
    ];
    for (rule, change) in refused {
        assert_eq!(refusals(&with(change), &Thresholds::corpus()), [rule]);
    }
}

/// Rule, threshold, a claim that breaks it, a claim that keeps it.
#[test]
fn thresholds_refuse_below_and_accept_at_the_limit() {
    let cases: [(&str, Limit, Change, Change); 23] = [
        ("SNP-03 SnpReportVersionTooOld", |l| l.minimum_report_version = 5, |c| c.report_version = 4, none),
        (
            "SNP-46 SnpMigrationAgentUnknown",
            |l| l.allow_migration = true,
            |c| {
                c.policy.migrate_ma = true;
                c.report_id_ma = Some(Hex([1; 32]));
            },
            |c| c.policy.migrate_ma = true,
        ),
        (
            "SNP-47 SnpSmtNotAllowed",
            |l| l.require_smt_off = true,
            |c| c.platform_info.smt_en = false,
            |c| {
                c.policy.smt = false;
                c.platform_info.smt_en = false;
            },
        ),
        (
            "SNP-47 SnpSmtNotAllowed",
            |l| l.require_smt_off = true,
            |c| c.policy.smt = false,
            |c| {
                c.policy.smt = false;
                c.platform_info.smt_en = false;
            },
        ),
        (
            "SNP-49 SnpSocketPolicy",
            |l| l.require_single_socket = true,
            none,
            |c| c.policy.single_socket = true,
        ),
        ("SNP-51 SnpMemoryXtsRequired", |l| l.require_xts = true, none, |c| c.policy.mem_aes_256_xts = true),
        ("SNP-52 SnpRaplNotDisabled", |l| l.require_rapl_disabled = true, none, |c| c.policy.rapl_dis = true),
        (
            "SNP-52 SnpRaplNotDisabled",
            |l| l.require_rapl_disabled = true,
            none,
            |c| c.platform_info.rapl_dis = true,
        ),
        (
            "SNP-53 SnpCiphertextHidingRequired",
            |l| l.require_ciphertext_hiding = true,
            |c| c.platform_info.ciphertext_hiding_dram_en = true,
            |c| {
                c.policy.ciphertext_hiding = true;
                c.platform_info.ciphertext_hiding_dram_en = true;
            },
        ),
        (
            "SNP-54 SnpPageSwapAllowed",
            |l| l.require_page_swap_disabled = true,
            none,
            |c| c.policy.page_swap_disable = true,
        ),
        (
            "SNP-55 SnpAbiBelowFloor",
            |l| l.abi_floor = Some(AbiFloor { major: 1, minor: 55 }),
            |c| {
                c.policy.abi_major = 1;
                c.policy.abi_minor = 54;
            },
            |c| {
                c.policy.abi_major = 1;
                c.policy.abi_minor = 55;
            },
        ),
        (
            "SNP-56 SnpAliasCheckIncomplete",
            |l| l.require_alias_check = true,
            none,
            |c| c.platform_info.alias_check_complete = true,
        ),
        (
            "SNP-57 SnpMemoryProtectionRequired",
            |l| l.require_tsme = true,
            none,
            |c| c.platform_info.tsme_en = true,
        ),
        (
            "SNP-57 SnpMemoryProtectionRequired",
            |l| l.require_ecc = true,
            |c| c.platform_info.ecc_en = false,
            none,
        ),
        (
            "SNP-58 SnpDeviceIsolationPolicy",
            |l| l.trusted_io = Switch::On,
            none,
            |c| c.platform_info.tio_en = true,
        ),
        (
            "SNP-58 SnpDeviceIsolationPolicy",
            |l| l.trusted_io = Switch::Off,
            |c| c.platform_info.tio_en = true,
            none,
        ),
        (
            "SNP-58 SnpDeviceIsolationPolicy",
            |l| l.require_iommu_write_safe = true,
            |c| c.platform_info.iommu_write_safe = Some(false),
            |c| c.platform_info.iommu_write_safe = Some(true),
        ),
        ("SNP-61 SnpGuestSvnBelowFloor", |l| l.guest_svn_floor = 4, none, |c| c.guest_svn = 4),
        ("SNP-62 SnpImageIdentity", |l| l.image_id = Some(Hex([1; 16])), none, |c| c.image_id = Hex([1; 16])),
        (
            "SNP-62 SnpImageIdentity",
            |l| l.family_id = Some(Hex([1; 16])),
            none,
            |c| c.family_id = Hex([1; 16]),
        ),
        (
            "SNP-63 SnpIdKeyNotTrusted",
            |l| {
                l.require_id_key = true;
                l.id_keys = Allowed::Any;
            },
            none,
            |c| c.id_key_digest = Hex([9; 48]),
        ),
        (
            "SNP-69 SnpProvisionalFirmware",
            |l| l.require_committed_firmware = true,
            |c| c.provisional = true,
            none,
        ),
        (
            "SNP-59 SnpPlatformInfoUnknown",
            |l| l.allowed_platform_info_bits = vec![Bit::try_from(40).unwrap()],
            |c| c.platform_info.raw |= 1 << 41,
            |c| c.platform_info.raw |= 1 << 40,
        ),
    ];
    for (rule, limit, breaks, keeps) in cases {
        assert_eq!(refusals(&with(breaks), &limits(limit)), [rule]);
        assert_eq!(refusals(&with(keeps), &limits(limit)), Vec::<String>::new(), "{rule}");
    }
}

#[test]
fn lists_of_chips_providers_and_keys() {
    let chip = |byte: &str| vec![ChipId::try_from(byte.repeat(64)).unwrap()];
    let check = |claims: &snp::Claims, change: &dyn Fn(&mut Thresholds)| {
        let mut thresholds = Thresholds::strict();
        change(&mut thresholds);
        refusals(claims, &thresholds)
    };
    let (vcek, vlek) = (sample::snp(), sample::vlek());
    let ok = Vec::<String>::new();
    assert_eq!(check(&vcek, &|l| l.denied_chips = chip("ab")), ["SNP-37 SnpVekDenied"]);
    assert_eq!(check(&vcek, &|l| l.denied_chips = chip("ac")), ok);
    assert_eq!(check(&vcek, &|l| l.denied_certificates = vec![Hex([0xCE; 32])]), ["SNP-37 SnpVekDenied"]);
    assert_eq!(
        check(&vlek, &|l| l.denied_csps = vec!["CN=cc-us-east-2.amazonaws.com".into()]),
        ["SNP-37 SnpVekDenied"]
    );
    assert_eq!(check(&vcek, &|l| l.chips = Some(chip("ab"))), ok);
    assert_eq!(check(&vcek, &|l| l.chips = Some(chip("ac"))), ["SNP-72 SnpChipNotAllowed"]);
    assert_eq!(check(&vcek, &|l| l.chips = Some(vec![])), ["SNP-72 SnpChipNotAllowed"]);
    // A loaded key is in no list of chips.
    assert_eq!(check(&vlek, &|l| l.chips = Some(chip("ab"))), ["SNP-72 SnpChipNotAllowed"]);
    assert_eq!(check(&vlek, &|l| l.csps = Some(vec!["CN=cc-us-east-2.amazonaws.com".into()])), ok);
    assert_eq!(check(&vlek, &|l| l.csps = Some(vec![])), ["SNP-73 SnpCspNotAllowed"]);
    assert_eq!(check(&vlek, &|l| l.allow_vlek = false), ["SNP-74 SnpVekKindNotAllowed"]);
    assert_eq!(check(&vcek, &|l| l.allow_vcek = false), ["SNP-74 SnpVekKindNotAllowed"]);
    let masked = with(|c| c.chip_id = None);
    assert_eq!(check(&masked, &|l| l.allow_masked_chip = true), ok);
    let masked_and = |list: fn(&mut Thresholds, Vec<ChipId>), byte| {
        check(&masked, &|l| {
            l.allow_masked_chip = true;
            list(l, chip(byte));
        })
    };
    assert_eq!(masked_and(|l, list| l.denied_chips = list, "ab"), ["SNP-37 SnpVekDenied"]);
    assert_eq!(masked_and(|l, list| l.denied_chips = list, "ac"), ok);
    assert_eq!(masked_and(|l, list| l.chips = Some(list), "ab"), ok);
    assert_eq!(masked_and(|l, list| l.chips = Some(list), "ac"), ["SNP-72 SnpChipNotAllowed"]);
    assert_eq!(
        check(&with(|c| c.id_key_digest = Hex([9; 48])), &|l| l.id_keys =
            Allowed::Listed(vec![Hex([9; 48])])),
        ok
    );
    assert_eq!(
        check(&with(|c| c.host_data = Hex([1; 32])), &|l| l.host_data = Allowed::Listed(vec![Hex([2; 32])])),
        ["SNP-41 SnpHostDataMismatch"]
    );
}

#[test]
fn tcb_floors_hold_in_every_component_and_product() {
    let check = |claims: &snp::Claims, floors: Option<TcbFloors>, field: Floors| {
        let mut thresholds = Thresholds::strict();
        *field(&mut thresholds) = floors;
        refusals(claims, &thresholds)
    };
    let fields: [(&str, Floors); 3] = [
        ("SNP-65 SnpReportedTcbBelowFloor", |l| &mut l.reported_tcb_floor),
        ("SNP-66 SnpCommittedTcbBelowFloor", |l| &mut l.committed_tcb_floor),
        ("SNP-67 SnpLaunchTcbBelowFloor", |l| &mut l.launch_tcb_floor),
    ];
    for (rule, field) in fields {
        assert_eq!(check(&sample::snp(), genoa(REACHED), field), Vec::<String>::new());
        for above in [
            TcbFloor { bootloader: 11, ..REACHED },
            TcbFloor { tee: 2, ..REACHED },
            TcbFloor { snp: 24, ..REACHED },
            TcbFloor { microcode: 85, ..REACHED },
        ] {
            assert_eq!(check(&sample::snp(), genoa(above), field), [rule]);
        }
        // Floors for other products are no floor for this one.
        let milan = with(|c| c.product = Product::Milan);
        assert_eq!(check(&milan, genoa(REACHED), field), ["COL-18 NoReferenceValue"]);
    }
    let turin = TurinTcbFloor { fmc: 1, bootloader: 1, tee: 1, snp: 3, microcode: 7 };
    let floors = Some(PerProduct { turin: Some(turin), ..PerProduct::default() });
    let tcb = |fmc| snp::Tcb { fmc, bootloader: 1, tee: 1, snp: 3, microcode: 7 };
    for (fmc, expected) in [
        (Some(1), vec![]),
        (Some(0), vec!["SNP-65 SnpReportedTcbBelowFloor"]),
        (None, vec!["SNP-65 SnpReportedTcbBelowFloor"]),
    ] {
        let claims = snp::Claims { product: Product::Turin, tcb_reported: tcb(fmc), ..sample::snp() };
        assert_eq!(check(&claims, floors.clone(), |l| &mut l.reported_tcb_floor), expected);
    }
}

/// Attack: the platform runs new firmware, but has committed only to an old one, and can go back.
#[test]
fn committed_below_the_floor_is_refused_although_current_is_above() {
    let mut claims = sample::snp();
    claims.tcb_committed.snp = 20;
    claims.provisional = true;
    let floors = |field: Floors| {
        let mut thresholds = Thresholds::strict();
        *field(&mut thresholds) = genoa(REACHED);
        thresholds
    };
    assert_eq!(refusals(&claims, &floors(|l| &mut l.reported_tcb_floor)), Vec::<String>::new());
    assert_eq!(
        refusals(&claims, &floors(|l| &mut l.committed_tcb_floor)),
        ["SNP-66 SnpCommittedTcbBelowFloor"]
    );
}

#[test]
fn firmware_versions_compare_as_a_whole() {
    let floor = |major, minor, build| {
        let firmware = FirmwareFloor { major, minor, build };
        Thresholds {
            firmware_floor: Some(PerProduct { genoa: Some(firmware), ..PerProduct::default() }),
            ..Thresholds::strict()
        }
    };
    assert_eq!(refusals(&sample::snp(), &floor(1, 55, 49)), Vec::<String>::new());
    assert_eq!(refusals(&sample::snp(), &floor(0, 99, 99)), Vec::<String>::new());
    for (major, minor, build) in [(1, 55, 50), (1, 56, 0), (2, 0, 0)] {
        assert_eq!(
            refusals(&sample::snp(), &floor(major, minor, build)),
            ["SNP-70 SnpFirmwareVersionBelowFloor"]
        );
    }
    let turin = with(|c| c.product = Product::Turin);
    assert_eq!(refusals(&turin, &floor(1, 0, 0)), ["COL-18 NoReferenceValue"]);
}

#[test]
fn mitigations_are_demanded_at_launch_and_now() {
    let bits = |bits: &[u8]| Thresholds {
        required_mitigations: bits.iter().map(|bit| Bit::try_from(*bit).unwrap()).collect(),
        ..Thresholds::strict()
    };
    assert_eq!(refusals(&sample::snp(), &bits(&[0, 1, 3])), Vec::<String>::new());
    let missing = ["SNP-71 SnpMitigationMissing"];
    assert_eq!(refusals(&sample::snp(), &bits(&[0, 6])), missing);
    assert_eq!(refusals(&with(|c| c.mit_launch = Some(1)), &bits(&[1])), missing);
    assert_eq!(refusals(&with(|c| c.mit_current = Some(1)), &bits(&[1])), missing);
    // A report that cannot state them does not have them.
    assert_eq!(
        refusals(
            &with(|c| {
                c.mit_launch = None;
                c.mit_current = None;
            }),
            &bits(&[0])
        ),
        missing
    );
}

#[test]
fn provisional_firmware_is_a_warning_unless_demanded() {
    let (claims, facts) = sample::snp_item(with(|c| c.provisional = true));
    let findings = appraise_claims(&claims, &facts, &Appraisal::strict());
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.rule.id, finding.rule.code), ("SNP-69", "SnpProvisionalFirmware"));
    assert_eq!(finding.severity, Severity::Warn);
}

#[test]
fn turin_knows_one_bit_more() {
    let turin = with(|c| {
        c.product = Product::Turin;
        c.platform_info.raw = 0x67;
    });
    assert_eq!(refusals(&turin, &Thresholds::strict()), Vec::<String>::new());
}

#[test]
fn refusals_come_first() {
    let (claims, facts) = sample::snp_item(with(|c| {
        c.provisional = true;
        c.policy.debug = true;
        c.vmpl = 2;
    }));
    let findings = appraise_claims(&claims, &facts, &Appraisal::strict());
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["SNP-60", "SNP-43", "SNP-69"]);
}
