//! TDX quotes of a lab under its collateral: what is in order is rated, and each defect meets the rule that
//! it breaks.

use super::{code, judge_with};
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{
    Cache, Claims, Collateral, IntelGrace, RULESET, Revocation, Roots, TcbStatus, Trace, Verified, verify,
};
use hanzo_attestation_evidence::{Document, Severity, UnixTime};
use hanzo_attestation_lab::{
    IntelCollateral, IntelDefect, IntelOrder, Lab, PckAuthority, TdxBody, TdxOrder, Validity,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

fn now() -> UnixTime {
    Lab::fixture().validity().not_before.after(DAY)
}

fn quote(order: &TdxOrder) -> Value {
    Lab::document(vec![Lab::fixture().tdx(order).unwrap()])
}

fn all(documents: &IntelCollateral) -> Collateral {
    let mut all = Collateral::default();
    for document in documents.tcb_infos() {
        all = all.with_intel_tcb_info(document.clone());
    }
    for document in documents.qe_identities() {
        all = all.with_intel_qe_identity(document.clone());
    }
    documents.lists().fold(all, |all, list| all.with_intel_crl(list.clone()))
}

fn signed(order: &IntelOrder) -> Collateral {
    all(&Lab::fixture().sign_intel(order).unwrap())
}

fn usual() -> IntelOrder {
    Lab::fixture().intel_order()
}

fn judge(collateral: &Collateral, now: UnixTime) -> Result<Verified, String> {
    judge_with(&quote(&TdxOrder::default()), &roots(), collateral, now).map_err(code)
}

fn status(verified: &Verified) -> TcbStatus {
    verified.items()[0].facts().tcb_status
}

#[test]
fn a_platform_is_rated_under_both_authorities_and_layouts() {
    let collateral = signed(&usual());
    for (version, body) in [(4, TdxBody::Td10), (5, TdxBody::Td10), (5, TdxBody::Td15)] {
        for pck_authority in [PckAuthority::Platform, PckAuthority::Processor] {
            let order = TdxOrder { version, body, pck_authority, ..TdxOrder::default() };
            let verified = judge_with(&quote(&order), &roots(), &collateral, now()).unwrap();
            let [item] = verified.items() else { panic!("one item") };
            assert_eq!(item.facts().tcb_status, TcbStatus::UpToDate);
            let Claims::Tdx(claims) = item.claims() else { panic!("TDX claims") };
            let rating = claims.dcap.rating.as_ref().unwrap();
            assert_eq!(rating.module_status, Some(TcbStatus::UpToDate));
            assert!(rating.pck_crl_this_update.is_some() && rating.root_crl_this_update.is_some());
            // COL-24: what it rests on, and until when.
            let kinds: Vec<&str> = item.facts().collateral.iter().map(|used| used.kind).collect();
            let expected = ["intel-tcb-info", "intel-qe-identity", "intel-root-crl", "intel-pck-crl"];
            assert_eq!(kinds, expected);
            let earliest = item.facts().collateral.iter().map(|used| used.expires).min().unwrap();
            assert!(verified.not_after() <= earliest);
        }
    }
}

/// Statuses are for appraisal: the quote stays authentic.
const RATED: [(&str, TcbStatus); 9] = [
    ("platform-tcb-unrecognized", TcbStatus::NotRecognized),
    ("module-tcb-unrecognized", TcbStatus::NotRecognized),
    ("platform-revoked", TcbStatus::Revoked),
    ("qe-revoked", TcbStatus::Revoked),
    ("module-revoked", TcbStatus::Revoked),
    ("platform-out-of-date", TcbStatus::OutOfDate),
    ("platform-configuration-needed", TcbStatus::ConfigurationNeeded),
    ("qe-out-of-date", TcbStatus::OutOfDate),
    ("module-out-of-date", TcbStatus::OutOfDate),
];

/// COL-08, COL-10, DCAP-24 to DCAP-47, DCAP-49, DCAP-56, DCAP-57, TDX-02 to TDX-05.
#[test]
fn every_defect_meets_its_rule() {
    for defect in IntelDefect::ALL {
        let found = judge(&signed(&usual().with_defect(*defect)), now()).map(|verified| status(&verified));
        let expected = match RATED.iter().find(|(name, _)| *name == defect.name()) {
            Some((_, status)) => Ok(*status),
            // A document from the future has a rule of its own.
            None if defect.name().contains("not-yet") => Err("CollateralNotYetValid".to_owned()),
            None => Err(defect.expects().to_owned()),
        };
        assert_eq!(found, expected, "{}", defect.name());
    }
}

/// COL-14, DCAP-17: collateral under another root does not count, and the evidence's own root is none.
#[test]
fn collateral_of_another_root_does_not_count() {
    let other = Lab::generate(Lab::fixture().validity()).unwrap();
    let collateral = all(other.intel_collateral());
    assert_eq!(judge(&collateral, now()).map(|_| ()), Err("PckRootNotPinned".to_owned()));
    // Beside the right one it is passed over.
    let both = all(Lab::fixture().intel_collateral());
    let both =
        other.intel_collateral().tcb_infos().fold(both, |all, info| all.with_intel_tcb_info(info.clone()));
    assert_eq!(status(&judge(&both, now()).unwrap()), TcbStatus::UpToDate);
}

fn period(from: UnixTime, to: UnixTime) -> IntelOrder {
    let mut order = usual().with_tcb_infos(|info| (info.issue_date, info.next_update) = (from, to));
    order = order.with_qe_identities(|qe| (qe.issue_date, qe.next_update) = (from, to));
    let lists = Validity { not_before: from, not_after: to };
    (order.root_list, order.pck_lists) = (lists, lists);
    order
}

/// COL-08: five minutes of a clock ahead, and no more.
#[test]
fn a_clock_may_be_ahead_by_five_minutes() {
    let collateral = signed(&period(now(), now().after(DAY)));
    let at = |seconds| judge(&collateral, now().before(Duration::from_secs(seconds))).map(|_| ());
    assert_eq!((at(0), at(300)), (Ok(()), Ok(())));
    assert_eq!(at(301), Err("CollateralNotYetValid".to_owned()));
}

/// COL-09, DCAP-26, DCAP-30, DCAP-36, DCAP-43: grace is per kind, capped, and always said.
#[test]
fn grace_is_configured_capped_and_said() {
    let end = now().after(DAY);
    let collateral = signed(&period(now(), end));
    assert!(judge(&collateral, end).is_ok());
    let week = IntelGrace::MAX;
    let late = end.after(week);
    assert_eq!(
        judge(&collateral, end.after(Duration::from_secs(1))).map(|_| ()),
        Err("TcbInfoNotCurrent".to_owned())
    );
    let zero = Duration::ZERO;
    for (grace, expected) in [
        (IntelGrace { tcb_info: week, ..IntelGrace::default() }, Err("QeIdentityNotCurrent".to_owned())),
        (IntelGrace { tcb_info: week, qe_identity: week, crls: zero }, Err("RootCrlNotCurrent".to_owned())),
        (IntelGrace { tcb_info: week * 9, qe_identity: week, crls: week }, Ok(())),
    ] {
        let granted = collateral.clone().with_intel_grace(grace);
        assert_eq!(judge(&granted, late).map(|_| ()), expected);
    }
    let grace = IntelGrace { tcb_info: week * 9, qe_identity: week * 9, crls: week * 9 };
    let granted = collateral.with_intel_grace(grace);
    assert_eq!(
        judge(&granted, late.after(Duration::from_secs(1))).map(|_| ()),
        Err("TcbInfoNotCurrent".to_owned())
    );
    let verified = judge(&granted, late).unwrap();
    let item = &verified.items()[0];
    assert!(item.facts().collateral.iter().all(|used| used.grace_used));
    let said = item.findings().iter().filter(|finding| finding.rule.id == "COL-09").count();
    assert_eq!((said, verified.not_after()), (4, late));
}

/// DCAP-30: each list has its own date.
#[test]
fn each_list_has_its_own_date() {
    let mut order = usual();
    order.pck_lists = Validity { not_before: now(), not_after: now().after(DAY) };
    let at =
        |seconds| judge(&signed(&order), now().after(DAY).after(Duration::from_secs(seconds))).map(|_| ());
    assert_eq!((at(0), at(1)), (Ok(()), Err("PckCrlNotCurrent".to_owned())));
}

/// DCAP-36, DCAP-40, DCAP-43: of several documents the newest in force counts, in whatever order they are
/// stored.
#[test]
fn the_newest_document_in_force_counts() {
    let evaluated = |number: u32, from: UnixTime| {
        let order = period(from, from.after(10 * DAY)).with_tcb_infos(|info| info.evaluation_number = number);
        Lab::fixture().sign_intel(&order).unwrap()
    };
    let start = now().before(DAY);
    let (old, new, future) =
        (evaluated(1, start), evaluated(2, start.after(DAY)), evaluated(3, start.after(5 * DAY)));
    for documents in [[&old, &new, &future], [&future, &new, &old], [&new, &future, &old]] {
        let stored = documents.iter().fold(Collateral::default(), |stored, documents| {
            let with_infos =
                documents.tcb_infos().fold(stored, |all, info| all.with_intel_tcb_info(info.clone()));
            let with_qe =
                documents.qe_identities().fold(with_infos, |all, qe| all.with_intel_qe_identity(qe.clone()));
            documents.lists().fold(with_qe, |all, list| all.with_intel_crl(list.clone()))
        });
        let number = |now| {
            let verified = judge(&stored, now).unwrap();
            let Claims::Tdx(claims) = verified.items()[0].claims().clone() else { panic!("TDX claims") };
            claims.dcap.rating.unwrap().tcb_info_eval
        };
        assert_eq!(
            [number(start.after(DAY / 2)), number(start.after(2 * DAY)), number(start.after(6 * DAY))],
            [1, 2, 3]
        );
        // Once none is in force, it is the newest that is out of date.
        let refused = judge(&stored, start.after(16 * DAY)).map(|_| ());
        assert_eq!(refused, Err("TcbInfoNotCurrent".to_owned()));
    }
}

/// DCAP-61: two recovery events are said, and refuse nothing.
#[test]
fn evaluation_numbers_that_differ_are_said() {
    let split = |info: u32, identity: u32| {
        let order = usual().with_tcb_infos(|found| found.evaluation_number = info);
        let order = order.with_qe_identities(|found| found.evaluation_number = identity);
        let verified = judge(&signed(&order), now()).unwrap();
        assert_eq!(status(&verified), TcbStatus::UpToDate);
        let findings = verified.items()[0].findings().iter();
        let said = findings.filter(|finding| finding.rule.code == "EvaluationNumberSplit");
        said.map(|finding| (finding.rule.id, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(split(20, 20), []);
    assert_eq!(split(20, 19), [("DCAP-61", Severity::Info)]);
    assert_eq!(split(19, 20), [("DCAP-61", Severity::Info)]);
}

/// COL-24: the rules, the instant, the root and every document, of which each has its digest.
#[test]
fn a_trace_says_what_a_verdict_rests_on() {
    let collateral = signed(&usual());
    let verified = judge(&collateral, now()).unwrap();
    let trace = Trace::of(verified.items()[0].facts(), verified.verified_at());
    assert_eq!((trace.ruleset, trace.verified_at), (RULESET, now()));
    let root = digest(&SHA256, Lab::fixture().intel_root());
    assert_eq!(trace.root.unwrap().0, root.as_ref());
    let digests: BTreeSet<[u8; 32]> = trace.collateral.iter().map(|used| used.sha256.0).collect();
    assert_eq!((trace.collateral.len(), digests.len()), (4, 4));
    let json = serde_json::to_value(&trace).unwrap();
    let names: Vec<&String> = json["collateral"][0].as_object().unwrap().keys().collect();
    assert_eq!(json["collateral"][0]["kind"], "intel-tcb-info");
    assert_eq!(names.len(), 5, "{names:?}");
    // Without collateral nothing is invented.
    let bare = judge(&Collateral::default(), now()).unwrap();
    assert_eq!(Trace::of(bare.items()[0].facts(), now()).collateral, []);
}

/// COL-10: without any of Intel's documents a quote stays authentic, and nobody knows its status; with some
/// of them, all are needed.
#[test]
fn some_collateral_needs_all_of_it() {
    assert_eq!(status(&judge(&Collateral::default(), now()).unwrap()), TcbStatus::Unknown);
    let lab = Lab::fixture();
    let documents = lab.intel_collateral();
    let list = documents.lists().next().unwrap().clone();
    let lists = Collateral::default().with_intel_crl(list);
    assert_eq!(judge(&lists, now()).map(|_| ()), Err("CollateralMissing".to_owned()));
    let sgx = Collateral::default().with_intel_tcb_info(documents.sgx_tcb_info.clone().unwrap());
    assert_eq!(judge(&sgx, now()).map(|_| ()), Err("TcbInfoIdentity".to_owned()));
    let infos = Collateral::default().with_intel_tcb_info(documents.tdx_tcb_info.clone().unwrap());
    assert_eq!(judge(&infos, now()).map(|_| ()), Err("CollateralMissing".to_owned()));
    let swapped = infos.clone().with_intel_qe_identity(documents.qe_identity.clone().unwrap());
    assert_eq!(judge(&swapped, now()).map(|_| ()), Err("QeIdentityKind".to_owned()));
    let without_lists = infos.with_intel_qe_identity(documents.td_qe_identity.clone().unwrap());
    assert_eq!(judge(&without_lists, now()).map(|_| ()), Err("RootCrlMissing".to_owned()));
}

/// DCAP-24, DCAP-28: a waiver is for lists that are missing, is said, and lets no bad list pass.
#[test]
fn missing_lists_can_be_waived_and_bad_ones_cannot() {
    let judge = |collateral: &Collateral| {
        let document = quote(&TdxOrder::default()).to_string();
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let revocation = Revocation::Waived { reason: "no network".to_owned() };
        let (roots, cache, now) = (&roots(), Cache::off(), now());
        verify(evidence, &Context { roots, collateral, revocation: &revocation, now, cache }).map_err(code)
    };
    let lab = Lab::fixture();
    let documents = lab.intel_collateral();
    let bare = Collateral::default()
        .with_intel_tcb_info(documents.tdx_tcb_info.clone().unwrap())
        .with_intel_qe_identity(documents.td_qe_identity.clone().unwrap());
    let verified = judge(&bare).unwrap();
    let said: Vec<_> = verified.items()[0]
        .findings()
        .iter()
        .filter(|finding| finding.severity == Severity::Warn && finding.message.contains("no network"))
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!((said, status(&verified)), (vec!["DCAP-24", "DCAP-28"], TcbStatus::UpToDate));
    for defect in [IntelDefect::PckRevoked, IntelDefect::AuthorityRevoked, IntelDefect::PckListOutOfDate] {
        let found = judge(&signed(&usual().with_defect(defect))).map(|_| ());
        assert_eq!(found, Err(defect.expects().to_owned()));
    }
}

/// What is known already changes no answer, is judged by the date all the same, and costs two signatures.
#[test]
fn a_warm_cache_judges_dates_and_lists_at_every_use() {
    let cache = Cache::new(64);
    let roots = roots();
    // Signed once: the lab's signatures differ each time.
    let document = quote(&TdxOrder::default()).to_string();
    let at = |collateral: &Collateral, roots: &Roots, now| {
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let revocation = &Revocation::Required;
        verify(evidence, &Context { roots, collateral, revocation, now, cache: &cache })
            .map(|verified| verified.public_key_operations())
            .map_err(code)
    };
    let good = signed(&usual());
    // Quote, QE report; PCK certificate, its CA; two lists; the signer; two documents.
    assert_eq!(at(&good, &roots, now()), Ok(9));
    assert_eq!(at(&good, &roots, now()), Ok(2));
    let later = Lab::fixture().validity().not_after.after(DAY);
    assert_eq!(at(&good, &roots, later), Err("PckCertificateNotInValidity".to_owned()));
    assert_eq!(at(&good, &Roots::vendor(), now()), Err("PckRootNotPinned".to_owned()));
    for defect in
        IntelDefect::ALL.iter().filter(|defect| !RATED.iter().any(|(name, _)| *name == defect.name()))
    {
        let collateral = signed(&usual().with_defect(*defect));
        let cold = judge(&collateral, now()).map(|_| ());
        assert_eq!(at(&collateral, &roots, now()).map(|_| ()), cold, "{}", defect.name());
        assert!(cold.is_err());
    }
}
