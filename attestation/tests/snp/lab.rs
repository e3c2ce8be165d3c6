//! SEV-SNP evidence of the lab: every version, product and key is accepted, and every defect is refused by
//! the rule that it breaks.

use crate::evidence::document;
use hanzo_attestation::{
    Cache, Claims, Collateral, Context, Debug, Product, Refused, Revocation, Roots, Verified, precheck,
    verify,
};
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_evidence::snp::Vek;
use hanzo_attestation_evidence::{
    Binding, Broken, Document, Evidence, Kem, Recipient, Severity, Tee, UnixTime,
};
use hanzo_attestation_lab::{Lab, ListDefect, SnpDefect, SnpOrder, SnpProduct, Vek as LabVek};
use serde_json::{Value, json};
use std::time::Duration;

fn recipient() -> Recipient {
    Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap()
}

fn binding(nonce: &str) -> Binding {
    Binding::new(nonce, &recipient(), None, &[]).unwrap()
}

fn bound_order(nonce: &str) -> SnpOrder {
    SnpOrder { report_data: *binding(nonce).cpu_report_data(), ..SnpOrder::default() }
}

fn now() -> UnixTime {
    Lab::fixture().validity().not_before.after(Duration::from_secs(86_400))
}

fn parse(items: Vec<Value>) -> Result<Evidence, String> {
    let document = Document::from_json(Lab::document(items).to_string().as_bytes())
        .map_err(|error| error.rule().id.to_owned())?;
    document.parse().map_err(|error| error.rule().id.to_owned())
}

fn judge_at(items: Vec<Value>, collateral: &Collateral, now: UnixTime) -> Result<Verified, String> {
    let roots = Roots::vendor().with_extra(Lab::fixture().extra_roots());
    let context =
        Context { roots: &roots, collateral, revocation: &Revocation::Required, now, cache: Cache::off() };
    verify(parse(items)?, &context).map_err(|refused| refused.finding.rule.id.to_owned())
}

fn judge(order: &SnpOrder) -> Result<Verified, String> {
    let lab = Lab::fixture();
    judge_at(vec![lab.snp(order).unwrap()], &lab.collateral(), now())
}

fn rule_of<T>(result: Result<T, Refused>) -> String {
    result.err().map_or_else(|| "accepted".to_owned(), |refused| refused.finding.rule.to_string())
}

#[test]
fn every_version_product_and_key_is_accepted() {
    for product in SnpProduct::ALL {
        for version in 2..=5 {
            for vek in [LabVek::Vcek, LabVek::Vlek] {
                if product == SnpProduct::Turin && version == 2 {
                    continue;
                }
                let order = SnpOrder { product, version, vek, ..bound_order("n") };
                let verified =
                    judge(&order).unwrap_or_else(|rule| panic!("{product:?} {version} {vek:?}: {rule}"));
                let [item] = verified.items() else { panic!("one item") };
                let Claims::SevSnp(claims) = item.claims() else { panic!("SEV-SNP claims") };
                assert_eq!(claims.report_version, version);
                assert_eq!(
                    claims.product,
                    Product::from(hanzo_attestation_evidence::snp::Product::from(product))
                );
                assert_eq!(claims.key.vek == Vek::Vlek, claims.csp_id.is_some());
                assert_eq!(claims.chip_id.is_some(), vek == LabVek::Vcek);
                assert_eq!(item.tee(), Tee::SevSnp);
                assert_eq!(item.facts().debug, Some(Debug::Disabled));
                assert!(item.facts().lab && verified.lab());
                assert!(item.findings().is_empty());
                assert!(verified.not_after() > now());
            }
        }
    }
}

#[test]
fn every_defect_is_refused_by_its_rule() {
    let mut wrong = Vec::new();
    for defect in SnpDefect::ALL {
        let order = bound_order("n").with_defect(*defect);
        // What only policy refuses, or only the binding, is genuine here.
        let expected = match defect.rule() {
            "SNP-29" | "SNP-43" | "SNP-44" | "SNP-50" | "SNP-59" | "SNP-60" | "SNP-63" | "SNP-69"
            | "SNP-73" => "bound",
            rule => rule,
        };
        let found = match judge(&order) {
            Err(rule) => rule,
            Ok(verified) => verified
                .bind(&binding("n"))
                .map_or_else(|refused| refused.finding.rule.id.to_owned(), |_| "bound".to_owned()),
        };
        if found != expected {
            wrong.push(format!("{}: {found} where {expected} is expected", defect.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_defect_of_a_list_is_refused_by_its_rule() {
    let lab = Lab::fixture();
    for defect in ListDefect::ALL {
        for vek in [LabVek::Vcek, LabVek::Vlek] {
            let item = lab.snp(&SnpOrder { vek, ..bound_order("n") }).unwrap();
            let collateral = lab.collateral_with(*defect).unwrap();
            let found = judge_at(vec![item], &collateral, now()).err();
            assert_eq!(found.as_deref(), Some(defect.rule()), "{}", defect.name());
        }
    }
}

#[test]
fn a_waiver_says_why_and_never_hides_a_list() {
    let lab = Lab::fixture();
    let roots = Roots::vendor().with_extra(lab.extra_roots());
    let revocation = Revocation::Waived { reason: "offline laboratory".to_owned() };
    let judge = |collateral: &Collateral| {
        let evidence = parse(vec![lab.snp(&bound_order("n")).unwrap()]).unwrap();
        verify(
            evidence,
            &Context { roots: &roots, collateral, revocation: &revocation, now: now(), cache: Cache::off() },
        )
    };
    let verified = judge(&Collateral::default()).unwrap();
    let [finding] = verified.items()[0].findings() else { panic!("one finding") };
    assert_eq!((finding.rule.id, finding.rule.code), ("SNP-33", "SnpCrlMissing"));
    assert_eq!(finding.severity, Severity::Warn);
    assert!(finding.message.contains("offline laboratory"), "{}", finding.message);
    for defect in [ListDefect::SignedByIntermediate, ListDefect::OutOfDate, ListDefect::IntermediateRevoked] {
        let refused = judge(&lab.collateral_with(defect).unwrap()).unwrap_err();
        assert_eq!(refused.finding.rule.id, defect.rule());
    }
    assert!(judge(&lab.collateral()).unwrap().items()[0].findings().is_empty());
}

#[test]
fn a_list_of_another_root_with_the_same_name_does_not_speak() {
    // The lab's lists are in AMD's names: real evidence must not be judged by them.
    let lab = Lab::fixture();
    let roots = Roots::vendor().with_extra(lab.extra_roots());
    let genuine = Document::from_json(&real_milan()).unwrap().parse().unwrap();
    let collateral = lab.collateral();
    let context = Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &Revocation::Required,
        now: real_now(),
        cache: Cache::off(),
    };
    assert_eq!(rule_of(verify(genuine.clone(), &context)), "SNP-33 SnpCrlMissing");
    let waived = Revocation::Waived { reason: "none published".to_owned() };
    let verified = verify(genuine, &Context { revocation: &waived, ..context }).unwrap();
    assert!(!verified.items()[0].facts().lab, "the chain is AMD's");
    assert!(verified.lab(), "and a lab root was in force");
}

#[test]
fn lab_evidence_is_nothing_to_the_vendor_roots() {
    let lab = Lab::fixture();
    let (roots, collateral) = (Roots::vendor(), lab.collateral());
    let context = Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &Revocation::Required,
        now: now(),
        cache: Cache::off(),
    };
    for product in SnpProduct::ALL {
        let evidence = parse(vec![lab.snp(&SnpOrder { product, ..SnpOrder::default() }).unwrap()]).unwrap();
        assert_eq!(rule_of(verify(evidence, &context)), "SNP-21 SnpRootNotPinned");
    }
}

#[test]
fn without_its_root_the_lab_needs_its_intermediate() {
    let lab = Lab::fixture();
    let item = lab.snp(&bound_order("n")).unwrap();
    let certs = item["certs"].as_array().unwrap().clone();
    let with = |certs: &[Value]| {
        let mut item = item.clone();
        item["certs"] = json!(certs);
        judge_at(vec![item], &lab.collateral(), now()).err().unwrap_or_else(|| "accepted".to_owned())
    };
    let position = |name: &str| {
        certs
            .iter()
            .position(|der| {
                let der = hanzo_attestation_evidence::encoding::base64_decode(der.as_str().unwrap()).unwrap();
                let certificate = hanzo_attestation_evidence::x509::Certificate::parse(&der).unwrap();
                certificate.subject().common_name() == Some(name)
            })
            .unwrap()
    };
    let (vek, ask, ark) = (position("SEV-VCEK"), position("SEV-Milan"), position("ARK-Milan"));
    assert_eq!(with(&[certs[vek].clone(), certs[ask].clone()]), "accepted");
    assert_eq!(with(&[certs[ark].clone(), certs[ask].clone(), certs[vek].clone()]), "accepted");
    assert_eq!(with(&[certs[vek].clone(), certs[ark].clone()]), "SNP-21", "AMD's ASK is not below it");
    assert_eq!(with(&[certs[vek].clone()]), "SNP-33", "AMD's chain, for which the lab has no list");
    assert_eq!(with(&[certs[ask].clone(), certs[ark].clone()]), "SNP-20", "no endorsement key");
    assert_eq!(with(&[]), "COL-10");
    let six = vec![certs[vek].clone(); 6];
    assert_eq!(with(&six), "COL-06");
}

#[test]
fn dates_hold_to_the_second() {
    let lab = Lab::fixture();
    let order = SnpOrder { issued_at: Some(now()), ..bound_order("n") };
    let item = lab.snp(&order).unwrap();
    let at = |now| {
        judge_at(vec![item.clone()], &lab.collateral(), now).err().unwrap_or_else(|| "accepted".to_owned())
    };
    let (start, end) = (now(), lab.validity().not_after);
    assert_eq!(at(start.before(Duration::from_secs(1))), "SNP-25");
    assert_eq!(at(start), "accepted");
    assert_eq!(at(end), "accepted");
    assert_eq!(at(end.after(Duration::from_secs(1))), "SNP-25");
}

#[test]
fn binding_is_over_all_bytes_and_one_recipient() {
    let verified = |order: &SnpOrder| judge(order).unwrap();
    let attested = verified(&bound_order("first")).bind(&binding("first")).unwrap();
    assert_eq!(attested.nonce(), "first");
    assert_eq!(attested.recipient(), &recipient());
    assert_eq!(attested.items().len(), 1);

    assert_eq!(
        rule_of(verified(&bound_order("first")).bind(&binding("second"))),
        "SNP-39 SnpReportDataMismatch"
    );
    let other = Recipient::new(Kem::X25519HkdfSha256, vec![8; 32]).unwrap();
    let other = Binding::new("first", &other, None, &[]).unwrap();
    assert_eq!(rule_of(verified(&bound_order("first")).bind(&other)), "SNP-39 SnpReportDataMismatch");
    let mut tail = bound_order("first");
    tail.report_data[63] ^= 1;
    assert_eq!(rule_of(verified(&tail).bind(&binding("first"))), "SNP-40 SnpReportDataUpperHalf");
    let mut head = bound_order("first");
    head.report_data[0] ^= 1;
    assert_eq!(rule_of(verified(&head).bind(&binding("first"))), "SNP-39 SnpReportDataMismatch");
}

#[test]
fn the_precheck_agrees_with_the_binding() {
    let evidence = parse(vec![Lab::fixture().snp(&bound_order("first")).unwrap()]).unwrap();
    assert!(precheck(&evidence, &binding("first")).is_ok());
    assert_eq!(rule_of(precheck(&evidence, &binding("second"))), "SNP-39 SnpReportDataMismatch");
    assert!(precheck(&parse(vec![]).unwrap(), &binding("second")).is_ok());
}

#[test]
fn evidence_without_items_proves_nothing() {
    let verified = judge_at(vec![], &Collateral::default(), now()).unwrap();
    assert!(verified.items().is_empty());
    assert_eq!(verified.not_after(), UnixTime::MAX);
    assert!(verified.bind(&binding("n")).unwrap().items().is_empty());
}

#[test]
fn the_digest_is_that_of_the_canonical_document() {
    let item = Lab::fixture().snp(&bound_order("n")).unwrap();
    let document = Lab::document(vec![item]);
    let pretty = serde_json::to_vec_pretty(&document).unwrap();
    let compact = document.to_string();
    let digest = |bytes: &[u8]| Document::from_json(bytes).unwrap().parse().unwrap().digest();
    assert_eq!(digest(&pretty), digest(compact.as_bytes()), "white space does not count");
    let other = Lab::document(vec![Lab::fixture().snp(&bound_order("m")).unwrap()]);
    assert_ne!(digest(compact.as_bytes()), digest(other.to_string().as_bytes()));
}

/// A published report of a Milan machine, from AMD's roots.
fn real_milan() -> Vec<u8> {
    document(include_bytes!("milan-v2/report.bin"), &[include_bytes!("milan-v2/vcek.der").to_vec()])
        .to_string()
        .into_bytes()
}

fn real_now() -> UnixTime {
    UnixTime::parse("2026-11-01T00:00:00Z").unwrap()
}

/// A report of the lab without the certificate of its key, and that certificate.
fn without_key(order: &SnpOrder) -> (Value, Vec<u8>) {
    let mut item = Lab::fixture().snp(order).unwrap();
    let key = item["certs"].as_array_mut().unwrap().remove(0);
    (item, base64_decode(key.as_str().unwrap()).unwrap())
}

/// SNP-20, SNP-28, SNP-31: a stored certificate stands in for one that the evidence does not bring, for its
/// own chip at its own TCB alone; and it is judged as the evidence's would be.
#[test]
fn a_stored_key_certificate_serves_a_report_that_brings_none() {
    for product in SnpProduct::ALL {
        let order = SnpOrder { product, version: 3, ..bound_order("n") };
        let (item, key) = without_key(&order);
        let none = Lab::fixture().collateral();
        assert_eq!(
            judge_at(vec![item.clone()], &none, now()).err(),
            Some("SNP-20".to_owned()),
            "{product:?}"
        );
        let (_, other_chip) = without_key(&SnpOrder { chip: order.chip + 1, ..order.clone() });
        let others =
            none.clone().with_amd_vek(other_chip).with_amd_vek(vec![0x30, 0]).with_amd_vek(Vec::new());
        assert_eq!(
            judge_at(vec![item.clone()], &others, now()).err(),
            Some("SNP-20".to_owned()),
            "{product:?}"
        );
        let verified = judge_at(vec![item], &others.clone().with_amd_vek(key.clone()), now()).unwrap();
        let uses = &verified.items()[0].facts().collateral;
        assert_eq!(uses.iter().filter(|used| used.kind == "amd-vek").count(), 1, "{product:?}");
        // A certificate that the evidence brings is the one that counts.
        let whole = Lab::fixture().snp(&order).unwrap();
        let verified = judge_at(vec![whole], &others.with_amd_vek(key), now()).unwrap();
        assert!(verified.items()[0].facts().collateral.iter().all(|used| used.kind != "amd-vek"));
    }
}

/// SNP-24, SNP-25: what is wrong with a stored certificate is as wrong as in evidence.
#[test]
fn a_stored_key_certificate_is_judged_when_it_is_used() {
    let order = SnpOrder { version: 3, ..bound_order("n") };
    let (item, key) = without_key(&order);
    let judge_with = |key: Vec<u8>, at: UnixTime| {
        let collateral = Lab::fixture().collateral().with_amd_vek(key);
        judge_at(vec![item.clone()], &collateral, at).err()
    };
    let mut unsigned = key.clone();
    *unsigned.last_mut().unwrap() ^= 1;
    assert_eq!(judge_with(unsigned, now()), Some("SNP-24".to_owned()));
    let late = Lab::fixture().validity().not_after.after(Duration::from_secs(1));
    assert_eq!(judge_with(key.clone(), late), Some("SNP-25".to_owned()));
    // Another chip's key, whose certificate says that it is this chip's: nobody signed that.
    let (_, other) = without_key(&SnpOrder { chip: order.chip + 1, ..order.clone() });
    let (own_id, other_id) = (order.chip_id(), SnpOrder { chip: order.chip + 1, ..order.clone() }.chip_id());
    let at = other.windows(64).position(|window| window == other_id).unwrap();
    let mut relabelled = other;
    relabelled[at..at + 64].copy_from_slice(&own_id);
    assert_eq!(judge_with(relabelled, now()), Some("SNP-24".to_owned()));
}
