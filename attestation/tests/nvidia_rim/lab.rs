//! A lab's manifests: good ones of each product, and every defect by its one rule.

use super::{code, lab_roots, now, time, vendor, verify, verify_with, waived};
use hanzo_attestation::nvidia::rim::verify_rim;
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots};
use hanzo_attestation_evidence::Broken as _;
use hanzo_attestation_evidence::nvidia::rim::{Component, Edition};
use hanzo_attestation_lab::{RimDefect, RimMinimum, RimOrder, RimProduct, Validity};
use std::collections::BTreeMap;

#[test]
fn a_manifest_of_each_product_is_trusted_and_says_what_was_ordered() {
    let orders = [
        (RimProduct::Gh100, "590.12", Component::Driver, Some("NV_GPU_DRIVER_GH100_590.12")),
        (RimProduct::Gb100, "595.91.07", Component::Driver, Some("NV_GPU_CC_DRIVER_GB100_595.91.07")),
        (RimProduct::Gh100, "96.00.5E.00.01", Component::Vbios, None),
        (RimProduct::Ls10, "96.10.55.00.01", Component::SwitchBios, None),
    ];
    for (product, version, component, id) in orders {
        let minimum = RimMinimum {
            kind: 37,
            name: "FSP <ucode> & \"more\"".to_owned(),
            min_svn: 3,
            include_in_result: true,
        };
        let order = RimOrder {
            product,
            version: version.to_owned(),
            golden: BTreeMap::from([(0, vec![[1; 48]]), (12, vec![[2; 48], [3; 48]])]),
            minimums: vec![minimum],
            ..RimOrder::default()
        };
        let trusted = verify(&vendor().manifest(&order).unwrap()).unwrap();
        assert!(trusted.is_lab());
        let claims = trusted.claims();
        assert_eq!((claims.component, claims.id.as_deref()), (component, id));
        assert_eq!(claims.edition == Edition::Switch, product == RimProduct::Ls10);
        assert_eq!((claims.version.as_str(), claims.oemid.as_deref()), (version, Some("5703")));
        assert_eq!(
            claims.golden.keys().copied().collect::<Vec<_>>(),
            [0, 12],
            "inactive ones have no effect"
        );
        assert_eq!(claims.golden[&12].alternatives, [[2; 48].into(), [3; 48].into()]);
        assert_eq!((claims.minimums[&37].min_svn, claims.minimums[&37].include_in_result), (3, true));
        assert_eq!(
            claims.minimums[&37].name, "FSP <ucode> & \"more\"",
            "escapes are one and the same to both"
        );
        assert_eq!(claims.authorities.len(), 3);
        assert_eq!(claims.not_after, time("2027-01-01T00:00:00Z"));
        assert!(trusted.findings().any(|finding| finding.message.contains("a test")));
    }
}

/// NVR-03 to NVR-28: each defect breaks its one rule, and everything else about it holds.
#[test]
fn each_defect_is_refused_by_its_rule() {
    for defect in RimDefect::ALL.iter().copied() {
        let xml = vendor().manifest(&RimOrder::default().with_defect(defect)).unwrap();
        let rule = verify(&xml).unwrap_err().rule();
        assert_eq!((rule.id, rule.code), (defect.rule(), defect.expects()), "{}", defect.name());
    }
}

/// NVR-22: a lab's manifest is nothing without its root.
#[test]
fn a_lab_is_nothing_without_its_root() {
    let xml = vendor().manifest(&RimOrder::default()).unwrap();
    let refused = verify_with(&xml, &Roots::vendor(), now(), &waived());
    assert_eq!(code(&refused), "RimRootNotPinned");
}

/// NVR-25: both ends of every certificate are judged, to the second.
#[test]
fn dates_have_two_ends() {
    let signer =
        Validity { not_before: time("2026-05-01T00:00:00Z"), not_after: time("2026-07-01T00:00:00Z") };
    let order = RimOrder { signer_validity: Some(signer), ..RimOrder::default() };
    let xml = vendor().manifest(&order).unwrap();
    let at = |text| code(&verify_with(&xml, &lab_roots(), time(text), &waived()));
    assert_eq!([at("2026-05-01T00:00:00Z"), at("2026-07-01T00:00:00Z")], ["ok", "ok"]);
    for outside in
        ["2026-04-30T23:59:59Z", "2026-07-01T00:00:01Z", "2025-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
    {
        assert_eq!(at(outside), "RimCertificateNotInValidity", "{outside}");
    }
}

/// NVR-26: signed below the authority of another device, whichever two they are.
#[test]
fn an_authority_speaks_for_its_family_alone() {
    for product in [RimProduct::Gh100, RimProduct::Gb100, RimProduct::Ls10] {
        let order = RimOrder { product, ..RimOrder::default() }.with_defect(RimDefect::OtherFamily);
        let refused = verify(&vendor().manifest(&order).unwrap());
        assert_eq!(code(&refused), "RimFamilyMismatch");
        assert!(refused.unwrap_err().to_string().contains("does not speak for"));
    }
}

/// NVR-29: revocation is refused by name while nobody has waived it; no signature is verified before.
#[test]
fn revocation_is_checked_or_waived_with_a_reason() {
    let xml = vendor().manifest(&RimOrder::default()).unwrap();
    let refused = verify_with(&xml, &lab_roots(), now(), &Revocation::Required);
    assert_eq!(code(&refused), "RimRevocationUnchecked");
    let other = vendor().manifest(&RimOrder::default().with_defect(RimDefect::OtherKey)).unwrap();
    let refused = verify_with(&other, &lab_roots(), now(), &Revocation::Required);
    assert_eq!(code(&refused), "RimRevocationUnchecked");
    assert_eq!(code(&verify(&other)), "RimSignature");
}

/// What was verified once is known by the file; root, dates and waiver are judged every time.
#[test]
fn a_cache_knows_signatures_and_nothing_else() {
    let (cache, collateral, roots) = (Cache::new(8), Collateral::default(), lab_roots());
    let judge = |xml: &[u8], roots: &Roots, now, revocation: &Revocation| {
        code(&verify_rim(xml, &Context { roots, collateral: &collateral, revocation, now, cache: &cache }))
    };
    let xml = vendor().manifest(&RimOrder::default()).unwrap();
    let other = vendor().manifest(&RimOrder::default().with_defect(RimDefect::OtherKey)).unwrap();
    for _ in 0..2 {
        assert_eq!(judge(&xml, &roots, now(), &waived()), "ok");
        assert_eq!(
            judge(&other, &roots, now(), &waived()),
            "RimSignature",
            "a refusal is not remembered as a pass"
        );
    }
    assert_eq!(judge(&xml, &Roots::vendor(), now(), &waived()), "RimRootNotPinned");
    assert_eq!(judge(&xml, &roots, time("2030-01-01T00:00:00Z"), &waived()), "RimCertificateNotInValidity");
    assert_eq!(judge(&xml, &roots, now(), &Revocation::Required), "RimRevocationUnchecked");
}
