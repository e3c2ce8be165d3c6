//! Work is done in order: nothing that a stranger sends wrongly costs a public-key operation.

use super::stated::Stated;
use super::{SnpError, verify};
use crate::cache::Cache;
use crate::collateral::{Collateral, Revocation};
use crate::crypto::Budget;
use crate::roots::{ExtraAmdRoot, ExtraRoots, Roots};
use crate::verify::{Context, VerifiedItem};
use hanzo_attestation_evidence::snp::Evidence;
use hanzo_attestation_evidence::x509::Certificate;
use hanzo_attestation_evidence::{Broken, Document, Item, UnixTime};
use hanzo_attestation_lab::{Lab, ListDefect, SnpDefect, SnpOrder, SnpProduct, Vek};
use serde_json::{Value, json};
use std::time::Duration;

const REPORT: &[u8] = include_bytes!("../../tests/snp/milan-v2/report.bin");
const VCEK: &[u8] = include_bytes!("../../tests/snp/milan-v2/vcek.der");

fn roots() -> Roots {
    let lab = Lab::fixture();
    let ark = |product: SnpProduct| ExtraAmdRoot {
        product: product.into(),
        ark_der: lab.amd_root(product).to_vec(),
    };
    Roots::vendor().with_extra(ExtraRoots { amd: SnpProduct::ALL.map(ark).to_vec(), ..ExtraRoots::default() })
}

fn lists(lists: Vec<Vec<u8>>) -> Collateral {
    lists.into_iter().fold(Collateral::default(), Collateral::with_amd_crl)
}

fn lab_now() -> UnixTime {
    Lab::fixture().validity().not_before.after(Duration::from_secs(86_400))
}

fn parse(item: Value) -> Option<Evidence> {
    let document = Document::from_json(json!({"evidence": [item]}).to_string().as_bytes()).ok()?;
    match document.parse().ok()?.items() {
        [Item::SevSnp(item)] => Some(item.clone()),
        _ => None,
    }
}

/// The refused rule, or the item, and how many public-key operations it took.
fn judge(
    evidence: &Evidence,
    collateral: &Collateral,
    revocation: &Revocation,
    now: UnixTime,
) -> (Result<VerifiedItem, &'static str>, u32) {
    let roots = roots();
    let mut budget = Budget::new();
    let context = Context { roots: &roots, collateral, revocation, now, cache: Cache::off() };
    let result = verify(evidence, &context, &mut budget).map_err(|refused| refused.finding.rule.id);
    (result, budget.used())
}

#[test]
fn a_chain_costs_three_operations_and_one_for_each_list() {
    let evidence = Evidence {
        report: hanzo_attestation_evidence::snp::Report::parse(REPORT).unwrap(),
        certs: vec![VCEK.to_vec()],
    };
    let waived = Revocation::Waived { reason: "none published".to_owned() };
    let now = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    let (result, operations) = judge(&evidence, &Collateral::default(), &waived, now);
    assert!(result.is_ok());
    assert_eq!(operations, 3, "report, endorsement key, intermediate");

    let lab = Lab::fixture();
    let evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    let (result, operations) = judge(&evidence, &lists(lab.amd_lists()), &Revocation::Required, lab_now());
    assert!(result.is_ok());
    assert_eq!(operations, 5, "and the two lists of the product");
}

#[test]
fn a_defect_costs_no_operation_unless_it_is_in_a_signature() {
    let lab = Lab::fixture();
    for defect in SnpDefect::ALL {
        let item = lab.snp(&SnpOrder::default().with_defect(*defect)).unwrap();
        let Some(evidence) = parse(item) else { continue };
        let (result, operations) =
            judge(&evidence, &lists(lab.amd_lists()), &Revocation::Required, lab_now());
        let expected = match result {
            Ok(_) => 5,
            Err("SNP-38") => 1,
            Err("SNP-24") => 2,
            Err("SNP-23") => 3,
            Err(_) => 0,
        };
        assert_eq!(operations, expected, "{}", defect.name());
    }
}

#[test]
fn dates_and_entries_of_lists_are_looked_up_before_signatures() {
    let lab = Lab::fixture();
    let evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    for defect in ListDefect::ALL {
        let collateral = lists(lab.amd_lists_with(*defect).unwrap());
        let (result, operations) = judge(&evidence, &collateral, &Revocation::Required, lab_now());
        assert_eq!(result.err(), Some(defect.rule()));
        let unsigned = defect.rule() == "SNP-34" && defect.name() != "in-intermediate-name";
        let expected = if unsigned { 4 } else { 0 };
        assert_eq!(operations, expected, "{}", defect.name());
    }
}

#[test]
fn snp_34_a_list_that_the_root_did_not_sign() {
    let lab = Lab::fixture();
    let evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    let mut altered = lab.amd_lists();
    for list in &mut altered {
        *list.last_mut().unwrap() ^= 1;
    }
    let (result, operations) = judge(&evidence, &lists(altered), &Revocation::Required, lab_now());
    assert_eq!((result.err(), operations), (Some("SNP-34"), 4));
    let waived = Revocation::Waived { reason: "a waiver is for what is absent".to_owned() };
    let mut one_altered = lab.amd_lists();
    *one_altered.get_mut(1).unwrap().last_mut().unwrap() ^= 1;
    let (result, _) = judge(&evidence, &lists(one_altered), &waived, lab_now());
    assert_eq!(result.err(), Some("SNP-34"), "one good list does not excuse a bad one");
}

#[test]
fn lists_that_are_no_lists_are_refused() {
    let lab = Lab::fixture();
    let evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    let judged = |der: Vec<u8>| judge(&evidence, &lists(vec![der]), &Revocation::Required, lab_now()).0.err();
    assert_eq!(judged(Vec::new()), Some("COL-22"));
    assert_eq!(judged(VCEK.to_vec()), Some("COL-22"));
    let mut trailing = lab.amd_lists().swap_remove(0);
    trailing.push(0);
    assert_eq!(judged(trailing), Some("COL-22"));
    assert_eq!(judged(vec![0x30; (1 << 20) + 1]), Some("COL-06"));
    let four = vec![lab.amd_lists().swap_remove(0); 4];
    let (result, operations) = judge(&evidence, &lists(four), &Revocation::Required, lab_now());
    assert_eq!((result.err(), operations), (Some("COL-06"), 0), "at most three lists are used");
}

#[test]
fn a_masked_chip_is_known_by_its_absence() {
    let lab = Lab::fixture();
    let item = lab.snp(&SnpOrder::default().with_defect(SnpDefect::ChipIdMasked)).unwrap();
    let evidence = parse(item).unwrap();
    let (result, _) = judge(&evidence, &lists(lab.amd_lists()), &Revocation::Required, lab_now());
    let item = result.unwrap();
    assert_eq!(item.facts().chip, None, "policy tells it from a VLEK by the kind of key");
    let crate::Claims::SevSnp(claims) = item.claims() else { panic!("SEV-SNP") };
    let chip = hex::encode(SnpOrder::default().chip_id());
    assert_eq!((&claims.chip_id, &claims.hardware_id), (&None, &Some(chip)), "the certificate names it");
}

#[test]
fn every_error_names_its_rule() {
    for (error, rule) in [
        (SnpError::CertificateMissing("ASVK certificate"), "COL-10 CollateralMissing"),
        (SnpError::ReportSignature, "SNP-38 SnpReportSignature"),
        (SnpError::ChipIdMismatch, "SNP-28 SnpChipIdMismatch"),
    ] {
        assert_eq!(error.rule().to_string(), rule);
    }
}

/// Replaces the one place where `from` stands.
fn edit(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        der.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    let [at] = places[..] else { panic!("{from:02x?} stands at {places:?}") };
    [&der[..at], to, &der[at + from.len()..]].concat()
}

/// Evidence in whose certificate of that name one place is changed. No signature is made again: the rule
/// must speak before any is looked at.
fn edited(product: SnpProduct, name: &str, from: &[u8], to: &[u8]) -> (Option<&'static str>, u32) {
    let lab = Lab::fixture();
    let order = SnpOrder { product, version: 5, ..SnpOrder::default() };
    let mut evidence = parse(lab.snp(&order).unwrap()).unwrap();
    for der in &mut evidence.certs {
        if Certificate::parse(der).unwrap().subject().common_name() == Some(name) {
            *der = edit(der, from, to);
        }
    }
    let (result, operations) = judge(&evidence, &lists(lab.amd_lists()), &Revocation::Required, lab_now());
    (result.err(), operations)
}

#[test]
fn rules_of_certificates_speak_before_signatures() {
    const AMD: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01, 0x03];
    let milan = |name, from: &[u8], to: &[u8]| edited(SnpProduct::Milan, name, from, to);
    let spl5 = |value| [AMD, &[5, 0x04, 0x03, 0x02, 0x01, value]].concat();
    for (case, found, rule) in [
        ("a product name with another stem", milan("SEV-VCEK", b"Milan-", b"Milax-"), Some("SNP-32")),
        ("an SPL that must be zero", milan("SEV-VCEK", &spl5(0), &spl5(1)), Some("SNP-26")),
        ("keyCertSign is missing", milan("SEV-Milan", &[3, 2, 2, 4], &[3, 2, 1, 2]), Some("SNP-22")),
        (
            "exponent 65539",
            milan("SEV-Milan", &[2, 3, 1, 0, 1, 0xa3], &[2, 3, 1, 0, 3, 0xa3]),
            Some("SNP-22"),
        ),
        (
            "CA:FALSE",
            milan("SEV-Milan", &[0x30, 6, 1, 1, 0xff, 2, 1, 0], &[0x30, 6, 1, 1, 0, 2, 1, 0]),
            Some("COL-22"),
        ),
        ("path length 1", milan("SEV-Milan", &[1, 1, 0xff, 2, 1, 0], &[1, 1, 0xff, 2, 1, 1]), Some("SNP-22")),
        (
            "an unknown critical extension",
            milan("SEV-Milan", &[0x55, 0x1d, 0x0f], &[0x55, 0x1d, 0x63]),
            Some("COL-22"),
        ),
    ] {
        assert_eq!(found, (rule, 0), "{case}");
    }
    let turin = edited(SnpProduct::Turin, "SEV-VCEK", &[AMD, &[9]].concat(), &[AMD, &[10]].concat());
    assert_eq!(turin, (Some("SNP-26"), 0), "an extension that AMD does not have");
}

#[test]
fn snp_31_every_component_of_the_tcb_is_the_keys() {
    const SPL: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01, 0x03];
    let encoded = |arc: u8, value: u8| match value {
        0..=0x7f => [SPL, &[arc, 0x04, 0x03, 0x02, 0x01, value]].concat(),
        _ => [SPL, &[arc, 0x04, 0x04, 0x02, 0x02, 0, value]].concat(),
    };
    for product in SnpProduct::ALL {
        let tcb = product.tcb();
        let fmc = (product == SnpProduct::Turin).then_some((9, tcb.fmc));
        let components = [(1, tcb.bootloader), (2, tcb.tee), (3, tcb.snp), (8, tcb.microcode)];
        for (arc, value) in components.into_iter().chain(fmc) {
            let found = edited(product, "SEV-VCEK", &encoded(arc, value), &encoded(arc, value ^ 1));
            assert_eq!(found, (Some("SNP-31"), 0), "{product:?}, extension 3.{arc}");
        }
    }
}

#[test]
fn snp_25_the_root_has_its_dates_too() {
    let lab = Lab::fixture();
    let mut evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    evidence.certs.retain(|der| !Certificate::parse(der).unwrap().is_self_issued());
    let judge_under = |ark_der: Vec<u8>| {
        let root = ExtraAmdRoot { product: SnpProduct::Milan.into(), ark_der };
        let roots = Roots::vendor().with_extra(ExtraRoots { amd: vec![root], ..ExtraRoots::default() });
        let (collateral, revocation) = (lists(lab.amd_lists()), Revocation::Required);
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now: lab_now(),
            cache: Cache::off(),
        };
        verify(&evidence, &context, &mut Budget::new()).err().map(|refused| refused.finding.rule.id)
    };
    let ark = lab.amd_root(SnpProduct::Milan).to_vec();
    assert_eq!(judge_under(ark.clone()), None);
    // The end of validity, as a time of either kind, now in the century's second year.
    let end = Certificate::parse(&ark).unwrap().not_after().to_string().replace(['-', ':', 'T'], "");
    let end = end.strip_prefix("20").unwrap().as_bytes();
    assert_eq!(judge_under(edit(&ark, end, &[b"02", &end[2..]].concat())), Some("SNP-25"));
}

#[test]
fn a_vlek_alone_is_refused_for_want_of_its_asvk() {
    let lab = Lab::fixture();
    let waived = Revocation::Waived { reason: "no list of the vendor is at hand".to_owned() };
    for product in SnpProduct::ALL {
        let order = SnpOrder { product, version: 5, vek: Vek::Vlek, ..SnpOrder::default() };
        let mut evidence = parse(lab.snp(&order).unwrap()).unwrap();
        evidence
            .certs
            .retain(|der| Certificate::parse(der).unwrap().subject().common_name() == Some("SEV-VLEK"));
        let (result, operations) = judge(&evidence, &Collateral::default(), &waived, lab_now());
        assert_eq!((result.err(), operations), (Some("COL-10"), 0), "{product:?}");
    }
}

#[test]
fn snp_30_a_provider_has_a_name_of_some_length() {
    let lab = Lab::fixture();
    for (length, expected) in [(0, Some("SNP-30")), (1, None), (127, None)] {
        let order = SnpOrder { vek: Vek::Vlek, csp_id: "c".repeat(length), ..SnpOrder::default() };
        let evidence = parse(lab.snp(&order).unwrap()).unwrap();
        let (result, _) = judge(&evidence, &lists(lab.amd_lists()), &Revocation::Required, lab_now());
        assert_eq!(result.err(), expected, "{length} characters");
    }
}

/// Judges with a cache: the refused rule, and how many public-key operations it took.
fn judge_with(cache: &Cache, evidence: &Evidence, now: UnixTime) -> (Option<&'static str>, u32) {
    let (roots, collateral) = (roots(), lists(Lab::fixture().amd_lists()));
    let revocation = Revocation::Required;
    let context = Context { roots: &roots, collateral: &collateral, revocation: &revocation, now, cache };
    let mut budget = Budget::new();
    let result = verify(evidence, &context, &mut budget);
    (result.err().map(|refused| refused.finding.rule.id), budget.used())
}

fn question(evidence: &Evidence) -> [u8; 32] {
    Stated::by(evidence.report.body()).question(&evidence.certs, roots().amd_digest())
}

#[test]
fn a_known_chain_costs_one_operation_and_its_dates_are_judged_again() {
    let lab = Lab::fixture();
    let evidence = parse(lab.snp(&SnpOrder::default()).unwrap()).unwrap();
    let cache = Cache::new(16);
    assert_eq!(judge_with(&cache, &evidence, lab_now()), (None, 5));
    assert_eq!(judge_with(&cache, &evidence, lab_now()), (None, 1), "the report's own signature");
    let late = lab.validity().not_after.after(Duration::from_secs(1));
    assert_eq!(judge_with(&cache, &evidence, late), (Some("SNP-25"), 0), "SNP-25 at every use");
    let early = lab.validity().not_before.before(Duration::from_secs(1));
    assert_eq!(judge_with(&cache, &evidence, early), (Some("SNP-25"), 0), "SNP-25 at every use");
    let altered = parse(lab.snp(&SnpOrder::default().with_defect(SnpDefect::AlteredAfterSigning)).unwrap());
    assert_eq!(judge_with(&cache, &altered.unwrap(), lab_now()), (Some("SNP-38"), 1));
    let mut reordered = evidence.clone();
    reordered.certs.reverse();
    assert_eq!(judge_with(&cache, &reordered, lab_now()).0, None, "another question, the same answer");
}

#[test]
fn what_is_refused_is_not_known() {
    let lab = Lab::fixture();
    for defect in SnpDefect::ALL {
        let item = lab.snp(&SnpOrder::default().with_defect(*defect)).unwrap();
        let Some(evidence) = parse(item) else { continue };
        let cache = Cache::new(16);
        let (refused, _) = judge_with(&cache, &evidence, lab_now());
        let known = cache.amd_chains.get(&question(&evidence)).is_some();
        assert_eq!(known, refused.is_none(), "{}", defect.name());
    }
}

/// A cache in which every chain is filed under another's question: each use ends in a refusal.
#[test]
fn a_poisoned_cache_can_only_refuse() {
    let lab = Lab::fixture();
    let mut all = Vec::new();
    for product in SnpProduct::ALL {
        for (vek, chip) in [(Vek::Vcek, 1), (Vek::Vcek, 2), (Vek::Vlek, 1)] {
            let order = SnpOrder { product, version: 5, vek, chip, ..SnpOrder::default() };
            all.push(parse(lab.snp(&order).unwrap()).unwrap());
        }
    }
    let honest = Cache::new(64);
    for evidence in &all {
        assert_eq!(judge_with(&honest, evidence, lab_now()).0, None);
    }
    for (position, asked) in all.iter().enumerate() {
        for (other, filed) in all.iter().enumerate().filter(|(other, _)| *other != position) {
            let known = honest.amd_chains.get(&question(filed)).unwrap();
            let poisoned = Cache::new(64);
            poisoned.amd_chains.insert(question(asked), known);
            let (refused, _) = judge_with(&poisoned, asked, lab_now());
            assert!(refused.is_some(), "{other} filed as {position}");
        }
    }
}
