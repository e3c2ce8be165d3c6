//! Every lab SEV-SNP report is accepted as ordered, and every defect is refused by its own code.

use crate::judge::{REPORT_DATA, authentic, judge, judge_under};
use hanzo_attestation::Claims;
use hanzo_attestation_lab::{Lab, ListDefect, SnpDefect, SnpOrder, SnpProduct, Vek};

fn order() -> SnpOrder {
    SnpOrder { report_data: REPORT_DATA, ..SnpOrder::default() }
}

/// The code of the refusal, or `accepted`.
fn verdict(order: &SnpOrder) -> &'static str {
    let lab = Lab::fixture();
    judge(lab.snp(order).unwrap(), &lab.collateral()).err().unwrap_or("accepted")
}

#[test]
fn every_product_version_and_key_is_accepted() {
    let lab = Lab::fixture();
    for product in SnpProduct::ALL {
        // Version 2 names no product, and a Turin report cannot be told without one (SNP-16).
        let versions = if product == SnpProduct::Turin { 3..=5 } else { 2..=5 };
        for version in versions {
            for vek in [Vek::Vcek, Vek::Vlek] {
                let order = SnpOrder { product, version, vek, ..order() };
                let verified = judge(lab.snp(&order).unwrap(), &lab.collateral())
                    .unwrap_or_else(|code| panic!("{product:?} {version} {vek:?}: {code}"));
                assert!(verified.lab());
                let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
                assert_eq!(claims.report_version, version);
                assert_eq!(claims.measurement.0, order.measurement);
                assert_eq!(claims.chip_id.is_some(), vek == Vek::Vcek);
                assert_eq!(claims.csp_id.is_some(), vek == Vek::Vlek);
                assert_eq!(claims.mit_current.is_some(), version == 5);
                assert_eq!(claims.tcb_reported.microcode, product.tcb().microcode);
            }
        }
    }
}

#[test]
fn every_defect_is_refused_by_its_own_code() {
    let wrong: Vec<String> = SnpDefect::ALL
        .iter()
        .map(|defect| (defect, verdict(&order().with_defect(*defect))))
        .filter(|(defect, verdict)| *verdict != defect.expects())
        .map(|(defect, verdict)| format!("{}: {} expected, {verdict} found", defect.name(), defect.expects()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn defects_are_found_on_every_product_and_kind_of_key() {
    let mut wrong = Vec::new();
    for product in [SnpProduct::Genoa, SnpProduct::Turin] {
        for vek in [Vek::Vcek, Vek::Vlek] {
            for defect in SnpDefect::ALL {
                let order = SnpOrder { product, vek, version: 5, ..order() }.with_defect(*defect);
                let verdict = verdict(&order);
                if verdict != defect.expects() {
                    wrong.push(format!("{product:?} {vek:?} {}: {verdict}", defect.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_defect_of_a_revocation_list_is_refused_by_its_own_code() {
    let lab = Lab::fixture();
    for defect in ListDefect::ALL {
        for vek in [Vek::Vcek, Vek::Vlek] {
            let item = lab.snp(&SnpOrder { vek, ..order() }).unwrap();
            let verdict = judge(item, &lab.collateral_with(*defect).unwrap()).err();
            assert_eq!(verdict, Some(defect.expects()), "{}", defect.name());
        }
    }
}

/// SNP-34: the root's certificate, which everything else is under, must allow what the root did.
#[test]
fn lists_of_a_root_that_may_not_sign_lists_are_refused() {
    let lab = Lab::fixture().without_list_signing().unwrap();
    for product in SnpProduct::ALL {
        for vek in [Vek::Vcek, Vek::Vlek] {
            let item = lab.snp(&SnpOrder { product, vek, ..order() }).unwrap();
            let verdict = judge_under(&lab, item, &lab.collateral()).err();
            assert_eq!(verdict, Some("SnpCrlSignature"), "{product:?} {vek:?}");
        }
    }
}

#[test]
fn an_agent_of_migration_is_stated_with_the_policy_that_allows_it() {
    let lab = Lab::fixture();
    let order = SnpOrder { migration_agent: Some([0x44; 32]), ..order() };
    assert_eq!(verdict(&order), "SnpMigrationAllowed");
    let verified = authentic(lab.snp(&order).unwrap(), &lab.collateral()).unwrap();
    let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
    assert!(claims.policy.migrate_ma);
    assert_eq!(claims.report_id_ma.map(|id| id.0), Some([0x44; 32]));
}

#[test]
fn an_author_key_is_stated_with_its_id_key() {
    let lab = Lab::fixture();
    let order = SnpOrder { id_key_digest: [1; 48], author_key_digest: [2; 48], ..order() };
    let verified = authentic(lab.snp(&order).unwrap(), &lab.collateral()).unwrap();
    let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
    assert!(claims.key.author_key_en);
    assert_eq!((claims.id_key_digest.0, claims.author_key_digest.0), ([1; 48], [2; 48]));
}

#[test]
fn the_knobs_have_their_own_codes() {
    assert_eq!(verdict(&SnpOrder { debug: true, ..order() }), "SnpDebugAllowed");
    assert_eq!(verdict(&SnpOrder { wrong_nonce: true, ..order() }), "SnpReportDataMismatch");
    assert_eq!(verdict(&SnpOrder { vmpl: 1, ..order() }), "SnpVmplNotAllowed");
    assert_eq!(verdict(&SnpOrder { host_data: [1; 32], ..order() }), "SnpHostDataMismatch");
    assert_eq!(verdict(&SnpOrder { id_key_digest: [1; 48], ..order() }), "SnpIdKeyNotTrusted");
    assert_eq!(
        verdict(&SnpOrder { platform_info: Some(0x25 | 1 << 40), ..order() }),
        "SnpPlatformInfoUnknown"
    );
    assert_eq!(verdict(&SnpOrder { policy: 0x3_001f | 1 << 21, ..order() }), "SnpCxlAllowed");
}

#[test]
fn a_tcb_below_is_genuine_and_lower() {
    let lab = Lab::fixture();
    for product in SnpProduct::ALL {
        let order = SnpOrder { product, tcb_below: true, ..order() };
        let verified = judge(lab.snp(&order).unwrap(), &lab.collateral()).unwrap();
        let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
        assert_eq!(claims.tcb_reported.snp, product.tcb().snp - 1);
        assert_eq!(claims.tcb_reported.microcode, product.tcb().microcode - 1);
    }
}

#[test]
fn provisional_firmware_is_genuine_and_says_so() {
    let lab = Lab::fixture();
    let verified =
        judge(lab.snp(&SnpOrder { provisional: true, ..order() }).unwrap(), &lab.collateral()).unwrap();
    let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
    assert!(claims.provisional);
}

#[test]
fn one_guest_keeps_its_report_id_and_another_has_another() {
    let lab = Lab::fixture();
    let id = |order: &SnpOrder| {
        let verified = judge(lab.snp(order).unwrap(), &lab.collateral()).unwrap();
        let Claims::SevSnp(claims) = verified.items()[0].claims() else { panic!("other claims") };
        claims.report_id
    };
    assert_eq!(id(&order()), id(&order()));
    assert_ne!(id(&order()), id(&SnpOrder { chip: 2, ..order() }));
    assert_ne!(id(&order()), id(&SnpOrder { measurement: [1; 48], ..order() }));
}
