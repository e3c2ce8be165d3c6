//! Each rule alone: one claim or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::appraised::proved;
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation::azure::{SnpClaims, TdxClaims, Version, VmConfig, Vtpm};
use hanzo_attestation::{Claims, Facts, TcbStatus, tpm};
use hanzo_attestation_evidence::tpm::{Attest, Hash, PCRS, Quote, Signature};
use hanzo_attestation_evidence::{Severity, Tee};

/// A quote of all registers of the SHA-256 bank; register 8 holds `init_data` if there is any.
fn quote(init_data: Option<Digest>) -> tpm::Claims {
    let message = [
        b"\xff\x54\x43\x47\x80\x18\0\0\0\x20".as_slice(),
        &[0x5A; 32],
        &[0; 16],
        b"\x01",
        &[0; 8],
        b"\0\0\0\x01\0\x0b\x03\xff\xff\xff\0\0",
    ]
    .concat();
    let attest = Attest::parse(&message).unwrap();
    let register = |index: u8| match (index, init_data) {
        (8, Some(digest)) => {
            let extended = tpm::SigningHash::Sha256.digest([[0; 32].as_slice(), digest.as_bytes()]);
            extended.as_ref().to_vec()
        }
        _ => vec![index; 32],
    };
    let values = (0..PCRS).map(|index| (Hash::Sha256, index, register(index))).collect();
    let quote = Quote::new(attest, Signature::bare_rsassa_sha256([0; 256]), Some(values)).unwrap();
    tpm::Claims {
        attest_clock_ms: 0,
        reset_count: 1,
        restart_count: 0,
        clock_safe: true,
        firmware_version: Hex([0; 8]),
        sig_alg: tpm::Scheme::Rsassa,
        sig_hash: tpm::SigningHash::Sha256,
        ak_name: None,
        ak_public: tpm::Bytes(Vec::new()),
        ak_sha256: Hex([0xA; 32]),
        ak_trust: tpm::AkTrust::HardwareBound,
        qualified_signer: tpm::Bytes(Vec::new()),
        ak_hierarchy: None,
        tpm_kind: Some(tpm::TpmKind::VirtualInTee),
        manufacturer: None,
        pcrs: quote.pcrs,
        selection: quote.attest.selection,
        extra_data: tpm::Bytes(quote.attest.extra_data),
        instance: None,
        init_data: None,
        log: None,
    }
}

fn vtpm() -> Vtpm {
    Vtpm {
        evidence_version: Version::V1,
        hcl_version: 2,
        tpm: quote(None),
        vm_config: VmConfig {
            console_enabled: Some(false),
            secure_boot: Some(true),
            tpm_enabled: Some(true),
            tpm_persisted: Some(true),
            filtered_vpci_devices_allowed: None,
            root_cert_thumbprint: None,
            vm_unique_id: Some("A".to_owned()),
        },
        user_data: None,
    }
}

fn snp() -> SnpClaims {
    SnpClaims { vtpm: vtpm(), snp: sample::snp() }
}

/// Azure's TDs take #VE.
fn tdx() -> TdxClaims {
    let mut tdx = sample::td();
    tdx.td_attributes.sept_ve_disable = false;
    TdxClaims { vtpm: vtpm(), tdx }
}

fn snp_item(claims: SnpClaims) -> (Claims, Facts) {
    let (_, facts) = sample::snp_item(claims.snp.clone());
    (Claims::AzSnpVtpm(Box::new(claims)), Facts { tee: Tee::AzSnpVtpm, ..facts })
}

fn tdx_item(claims: TdxClaims) -> (Claims, Facts) {
    let (_, facts) = sample::td_item(claims.tdx.clone());
    (Claims::AzTdxVtpm(Box::new(claims)), Facts { tee: Tee::AzTdxVtpm, ..facts })
}

fn paravisors() -> Allowed<Paravisor> {
    let of_snp = SnpMeasurement { measurement: Hex([0x11; 48]), guest_svn_floor: 3 };
    let of_tdx = Td { mr_td: Hex([0x22; 48]), mr_seam: None };
    Allowed::Listed(vec![Paravisor::Measurement(of_snp), Paravisor::Td(of_tdx)])
}

/// Strict, with the samples' paravisors listed, and then changed.
fn limits(change: fn(&mut Appraisal)) -> Appraisal {
    let mut appraisal = Appraisal::strict();
    appraisal.azure.paravisors = paravisors();
    change(&mut appraisal);
    appraisal
}

fn refusals((claims, facts): (Claims, Facts), appraisal: &Appraisal) -> Vec<String> {
    let findings = appraise_claims(&claims, &facts, appraisal);
    let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
    refusals.map(|finding| finding.rule.to_string()).collect()
}

const NOTHING: [&str; 0] = [];

fn no_limit(_: &mut Appraisal) {}

#[test]
fn machines_of_known_paravisors_are_acceptable_and_prove_a_tee() {
    for item in [snp_item(snp()), tdx_item(tdx())] {
        let proved = proved(std::iter::once((&item.0, &item.1)), &Default::default());
        assert!(proved.cpu_tee && proved.tier == Tier::Confidential);
        assert_eq!(refusals(item, &limits(no_limit)), NOTHING);
    }
    let mut unlisted = snp();
    unlisted.snp.measurement = Hex([0; 48]);
    assert_eq!(refusals(snp_item(unlisted), &Appraisal::corpus()), NOTHING);
}

/// Debugging, or a security version that nobody rated, proves nothing.
#[test]
fn what_a_td_proves_alone_it_proves_behind_a_paravisor() {
    let (claims, facts) = tdx_item(tdx());
    let unrated = Facts { tcb_status: TcbStatus::Unknown, ..facts };
    assert!(!proved(std::iter::once((&claims, &unrated)), &Default::default()).cpu_tee);
    assert_eq!(refusals((claims, unrated), &limits(no_limit)), ["COL-10 CollateralMissing"]);
    let mut debug = tdx();
    debug.tdx.td_attributes.debug = true;
    let item = tdx_item(debug);
    assert!(!proved(std::iter::once((&item.0, &item.1)), &Default::default()).cpu_tee);
}

/// AZ-16: the hardware's own thresholds hold, in every profile, and their rule is in the message.
#[test]
fn az_16_the_hardwares_thresholds_hold() {
    let mut debug = snp();
    debug.snp.policy.debug = true;
    let mut td = tdx();
    td.tdx.td_attributes.debug = true;
    for item in [snp_item(debug), tdx_item(td)] {
        for appraisal in [limits(no_limit), Appraisal::corpus()] {
            let findings = appraise_claims(&item.0, &item.1, &appraisal);
            assert_eq!(findings[0].rule.to_string(), "AZ-16 AzHardwareReportRefused");
            assert!(findings[0].message.contains("Debug"), "{}", findings[0].message);
        }
    }
    let mut migratable = tdx();
    migratable.tdx.td_attributes.migratable = true;
    assert_eq!(refusals(tdx_item(migratable), &limits(no_limit)), ["AZ-16 AzHardwareReportRefused"]);
}

/// AZ-18: a paravisor is known by its measurement, or by the key of its ID block, with a floor.
#[test]
fn az_18_unknown_paravisors_are_refused() {
    let unknown = ["AZ-18 AzParavisorUnknown"];
    assert_eq!(refusals(snp_item(snp()), &Appraisal::strict()), unknown);
    for change in [(|c| c.snp.measurement = Hex([1; 48])) as fn(&mut SnpClaims), |c| c.snp.guest_svn = 2] {
        let mut claims = snp();
        change(&mut claims);
        assert_eq!(refusals(snp_item(claims), &limits(no_limit)), unknown);
    }
    let by_key = limits(|a| {
        let entry = SnpIdKey { id_key_digest: Hex([9; 48]), guest_svn_floor: 3 };
        a.azure.paravisors = Allowed::Listed(vec![Paravisor::IdKey(entry)]);
    });
    assert_eq!(refusals(snp_item(snp()), &by_key), unknown);
    let mut signed = snp();
    signed.snp.id_key_digest = Hex([9; 48]);
    assert_eq!(refusals(snp_item(signed.clone()), &by_key), NOTHING);
    signed.snp.guest_svn = 2;
    assert_eq!(refusals(snp_item(signed), &by_key), unknown);
    let with_module = limits(|a| {
        let entry = Td { mr_td: Hex([0x22; 48]), mr_seam: Some(Hex([0; 48])) };
        a.azure.paravisors = Allowed::Listed(vec![Paravisor::Td(entry)]);
        a.tdx.allow_sept_ve = true;
    });
    assert_eq!(refusals(tdx_item(tdx()), &with_module), unknown);
}

/// AZ-31: #VE is for a paravisor that is known to take it, and for nobody else.
#[test]
fn az_31_only_a_known_paravisor_takes_ve() {
    let any = limits(|a| a.azure.paravisors = Allowed::Any);
    assert_eq!(refusals(tdx_item(tdx()), &any), ["AZ-31 AzSeptVeOptOut"]);
    let mut disabled = tdx();
    disabled.tdx.td_attributes.sept_ve_disable = true;
    assert_eq!(refusals(tdx_item(disabled), &any), NOTHING);
    let mut unknown = tdx();
    unknown.tdx.mr_td = Hex([0; 48]);
    assert_eq!(
        refusals(tdx_item(unknown), &limits(no_limit)),
        ["AZ-18 AzParavisorUnknown", "AZ-31 AzSeptVeOptOut"]
    );
    assert_eq!(refusals(sample::td_item(tdx().tdx), &any), ["TDX-12 TdSeptVeEnabled"]);
}

/// AZ-26 to AZ-30, TPM-15: what the paravisor states, and what the vTPM quotes.
#[test]
fn thresholds_that_an_operator_sets() {
    type Change = fn(&mut Vtpm);
    type Limit = fn(&mut Appraisal);
    let none: Limit = |_| ();
    let cases: [(&str, Limit, Change); 15] = [
        (
            "AZ-26 AzSecureBootOff",
            |a| a.azure.require_secure_boot = true,
            |v| v.vm_config.secure_boot = Some(false),
        ),
        ("AZ-26 AzSecureBootOff", |a| a.azure.require_secure_boot = true, |v| v.vm_config.secure_boot = None),
        (
            "AZ-27 AzConsoleEnabled",
            |a| a.azure.require_console_disabled = true,
            |v| {
                v.vm_config.console_enabled = Some(true);
            },
        ),
        (
            "AZ-27 AzConsoleEnabled",
            |a| a.azure.require_console_disabled = true,
            |v| {
                v.vm_config.console_enabled = None;
            },
        ),
        ("AZ-28 AzTpmStateNotPersistent", none, |v| v.vm_config.tpm_enabled = Some(false)),
        ("AZ-28 AzTpmStateNotPersistent", none, |v| v.vm_config.tpm_enabled = None),
        (
            "AZ-28 AzTpmStateNotPersistent",
            |a| a.azure.require_persistent_tpm = true,
            |v| {
                v.vm_config.tpm_persisted = Some(false);
            },
        ),
        (
            "AZ-28 AzTpmStateNotPersistent",
            |a| a.azure.require_persistent_tpm = true,
            |v| {
                v.vm_config.tpm_persisted = None;
            },
        ),
        (
            "AZ-29 AzVmNotAllowed",
            |a| a.azure.vms = Some(vec!["A".to_owned()]),
            |v| {
                v.vm_config.vm_unique_id = Some("B".to_owned());
            },
        ),
        (
            "AZ-29 AzVmNotAllowed",
            |a| a.azure.vms = Some(vec!["A".to_owned()]),
            |v| v.vm_config.vm_unique_id = None,
        ),
        ("TPM-15 TpmNonceTooShort", none, |v| v.tpm.extra_data.0.clear()),
        ("TPM-15 TpmNonceTooShort", none, |v| v.tpm.extra_data.0.truncate(15)),
        (
            "AZ-30 AzInitDataMismatch",
            |a| a.azure.init_data = Some(vec![Digest::from(Hex([3; 32]))]),
            |v| {
                v.tpm = quote(None);
            },
        ),
        (
            "AZ-30 AzInitDataMismatch",
            |a| a.azure.init_data = Some(vec![Digest::from(Hex([3; 32]))]),
            |v| {
                v.tpm = quote(Some(Digest::from(Hex([4; 32]))));
            },
        ),
        (
            "AZ-30 AzInitDataMismatch",
            |a| a.azure.init_data = Some(Vec::new()),
            |v| {
                v.tpm = quote(Some(Digest::from(Hex([3; 32]))));
            },
        ),
    ];
    for (rule, limit, breaks) in cases {
        let mut claims = snp();
        claims.vtpm.tpm = quote(Some(Digest::from(Hex([3; 32]))));
        if rule != "AZ-30 AzInitDataMismatch" {
            assert_eq!(refusals(snp_item(claims.clone()), &limits(limit)), NOTHING, "{rule}");
        }
        breaks(&mut claims.vtpm);
        assert_eq!(refusals(snp_item(claims), &limits(limit)), [rule]);
    }
    let mut holds = snp();
    holds.vtpm.tpm = quote(Some(Digest::from(Hex([3; 32]))));
    let listed = limits(|a| a.azure.init_data = Some(vec![Digest::from(Hex([3; 32]))]));
    assert_eq!(refusals(snp_item(holds), &listed), NOTHING);
}

/// COL-26: an entry says what it is, whole.
#[test]
fn paravisors_are_read_by_their_fields() {
    let read = |text: &str| toml::from_str::<Thresholds>(text).map(|limits| limits.paravisors);
    let digest = "11".repeat(48);
    let entry = format!("paravisors = [{{ measurement = \"{digest}\", guest_svn_floor = 3 }}]");
    assert!(matches!(read(&entry).unwrap(), Allowed::Listed(list) if list.len() == 1));
    assert_eq!(read("paravisors = \"any\"").unwrap(), Allowed::Any);
    for slip in [
        format!("paravisors = [{{ measurement = \"{digest}\" }}]"),
        format!("paravisors = [{{ measurement = \"{digest}\", guest_svn_flor = 3 }}]"),
        format!("paravisors = [{{ mr_td = \"{digest}\", guest_svn_floor = 3 }}]"),
        "paravisors = [{}]".to_owned(),
        "paravisors = \"all\"".to_owned(),
        "minimum_nonce = -1".to_owned(),
        "require_secure_bot = true".to_owned(),
    ] {
        assert!(read(&slip).is_err(), "{slip}");
    }
}
