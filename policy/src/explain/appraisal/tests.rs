use super::*;
use crate::appraisal::snp::{PerProduct, TcbFloor};
use crate::appraisal::{ChipId, dcap};
use crate::explain::change::By;
use crate::sample;
use hanzo_attestation::dcap::Rating;
use hanzo_attestation::{Debug, TcbStatus, snp};

fn explained(items: &[Item], appraisal: &Appraisal) -> (Vec<String>, Vec<(By, String)>) {
    let found = explain_items(items, appraisal);
    let steps = found.steps.into_iter().map(|step| step.text).collect();
    let told = |p: Proposal| {
        let texts: Vec<String> = p.changes.iter().map(|change| change.text.clone()).collect();
        (p.changes[0].by, texts.join(" and "))
    };
    (steps, found.proposals.into_iter().map(told).collect())
}

fn guest(change: fn(&mut snp::Claims)) -> Vec<Item> {
    let mut claims = sample::snp();
    change(&mut claims);
    let debug = if claims.policy.debug { Debug::Enabled } else { Debug::Disabled };
    let (claims, mut facts) = sample::snp_item(claims);
    facts.debug = Some(debug);
    vec![(claims, facts)]
}

#[test]
fn acceptable_evidence_needs_no_change() {
    let (steps, proposals) = explained(&guest(|_| ()), &Appraisal::strict());
    assert_eq!((steps, proposals), (vec!["what was verified is acceptable".to_owned()], Vec::new()));
}

/// SNP-43: nothing that an administrator sets accepts a guest that can be debugged.
#[test]
fn a_debug_guest_is_the_nodes_to_change_alone() {
    let (steps, proposals) = explained(&guest(|guest| guest.policy.debug = true), &Appraisal::strict());
    assert!(steps[0].starts_with("SNP-43 SnpDebugAllowed: "), "{steps:?}");
    assert_eq!(proposals, [(By::Node, "launch the guest with debugging off".to_owned())]);
}

#[test]
fn one_finding_has_a_change_of_the_node_and_one_of_the_administrator() {
    let mut floors = Appraisal::strict();
    let floor = TcbFloor { bootloader: 200, tee: 0, snp: 0, microcode: 0 };
    floors.snp.reported_tcb_floor = Some(PerProduct { milan: Some(floor), genoa: Some(floor), turin: None });
    let mut denied = Appraisal::strict();
    denied.snp.denied_chips = vec![ChipId::try_from("ab".repeat(64)).unwrap()];
    for (items, appraisal, id, node, administrator) in [
        (guest(|_| ()), floors, "SNP-65", "REPORTED_TCB", "snp.reported_tcb_floor"),
        (guest(|_| ()), denied, "SNP-37", "another chip", "snp.denied_chips"),
        (guest(|g| g.vmpl = 1), Appraisal::strict(), "SNP-60", "VMPL", "snp.vmpls"),
        (guest(|g| g.policy.cxl_allow = true), Appraisal::strict(), "SNP-50", "CXL", "snp.allow_cxl"),
        (
            guest(|g| g.policy.migrate_ma = true),
            Appraisal::strict(),
            "SNP-44",
            "migrated",
            "snp.allow_migration",
        ),
    ] {
        let (steps, proposals) = explained(&items, &appraisal);
        assert!(steps[0].starts_with(id), "{id}: {steps:?}");
        assert_eq!(proposals.len(), 2, "{id}: {proposals:?}");
        assert!(proposals[0].0 == By::Node && proposals[0].1.contains(node), "{proposals:?}");
        assert!(
            proposals[1].0 == By::Administrator && proposals[1].1.contains(administrator),
            "{proposals:?}"
        );
    }
}

#[test]
fn two_findings_need_two_changes() {
    let items = guest(|guest| {
        guest.policy.debug = true;
        guest.vmpl = 2;
    });
    let (steps, proposals) = explained(&items, &Appraisal::strict());
    assert_eq!(steps.len(), 2);
    let both = "launch the guest with debugging off and ask for the report at an accepted VMPL";
    assert_eq!(proposals, [(By::Node, both.to_owned())], "no threshold admits a debug guest");
}

/// DCAP-58: what Intel rates low is brought up to date, or accepted by name.
#[test]
fn an_old_platform_under_a_td() {
    let (claims, mut facts) = sample::td_item(sample::td());
    let Claims::Tdx(mut td) = claims else { unreachable!("a TD") };
    td.dcap.rating = Some(Rating {
        platform_status: TcbStatus::OutOfDate,
        module_status: Some(TcbStatus::UpToDate),
        qe_status: TcbStatus::UpToDate,
        status: TcbStatus::OutOfDate,
        platform_tcb_date: Some(sample::at("2024-11-13T00:00:00Z")),
        module_tcb_date: Some(sample::at("2024-12-13T00:00:00Z")),
        qe_tcb_date: sample::at("2025-01-13T00:00:00Z"),
        superseded: None,
        superseded_days: None,
        advisories: Vec::new(),
        tcb_info_eval: 18,
        qe_identity_eval: 17,
        pck_crl_this_update: None,
        root_crl_this_update: None,
    });
    facts.tcb_status = TcbStatus::OutOfDate;
    let items = [(Claims::Tdx(td), facts)];
    let mut appraisal = Appraisal::strict();
    appraisal.tdx.dcap.statuses = vec![dcap::Status::UpToDate];
    let (steps, proposals) = explained(&items, &appraisal);
    assert!(steps[0].starts_with("DCAP-58"), "{steps:?}");
    let texts: Vec<_> = proposals.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts[0].contains("up to date"), "{texts:?}");
    assert!(texts[1].contains("dcap.statuses"), "{texts:?}");
}

/// COL-10: a platform that nobody rated is neither the node's nor a threshold's to change.
#[test]
fn what_no_change_settles_is_said_so() {
    let items = vec![sample::unrated(sample::td_item(sample::td()))];
    let found = explain_items(&items, &Appraisal::strict());
    assert!(found.steps.iter().any(|step| step.text.starts_with("COL-10")), "{:?}", found.steps);
    assert_eq!(found.proposals, []);
    assert!(found.tried > 50);
}
