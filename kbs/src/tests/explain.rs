//! Every decision can be asked why, and what is kept for that is in the record.

use super::World;
use super::world::{Options, with};
use crate::config::Limits;
use hanzo_attestation_lab::{SnpDefect, SnpOrder};
use serde_json::json;

#[tokio::test]
async fn what_policies_decided_by_is_kept_and_named_by_the_row() {
    let world = World::furnished().await;
    let vault = world.broker.open().await.unwrap().vault.clone();
    let ci = json!({"id": "acme/ci", "minimum_tier": 1});
    assert_eq!(world.admin("POST", "/kbs/v1/keys", ci).await.status, 201);
    world
        .policy("ci", "permit (principal, action == Action::\"release\", resource == Key::\"acme/ci\");")
        .await;
    let mut digests = Vec::new();
    for _ in 0..2 {
        world.authorize(world.identity_proof().await, &["acme/ci"]).await;
        digests.push(world.newest().await["facts_digest"].clone());
    }
    assert_eq!(digests[0], digests[1], "one node, one document");
    for order in [SnpOrder::default(), SnpOrder { measurement: [9; 48], ..SnpOrder::default() }] {
        world.authorize(world.proof(order).await, &["acme/disk"]).await;
        let row = vault.decision(world.newest().await["seq"].as_u64().unwrap()).await.unwrap().unwrap();
        let kept = vault.kept(&row.entry.facts_digest.unwrap()).await.unwrap().unwrap();
        let facts = hanzo_policy::NodeFacts::read(&kept.body).unwrap();
        assert_eq!(Some(facts.tier().number()), row.entry.tier);
        assert_eq!(row.entry.rules_epoch, Some(vault.rules_epoch().await.unwrap()));
    }
    let past = vault.past(0, 100).await.unwrap();
    let codes: Vec<_> = past.iter().map(|past| (past.code.as_str(), past.minimum_tier)).collect();
    assert_eq!(codes, [("Granted", 1), ("Granted", 1), ("Granted", 2), ("MeasurementUnknown", 2)]);
    vault.check_log().await.unwrap();
}

#[tokio::test]
async fn a_refused_proof_is_kept_unless_none_are() {
    for (refused_proofs, kept) in [(10, true), (0, false)] {
        let limits = Limits { refused_proofs, ..Limits::default() };
        let world = World::furnished_with(Options { limits, ..Options::default() }).await;
        let proof = with(
            world.proof(SnpOrder { debug: true, ..SnpOrder::default() }).await,
            "runtime_data",
            json!(null),
        );
        let refused = world.authorize(proof, &["acme/disk"]).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", "SnpDebugAllowed").await;
        assert_eq!(world.newest().await.get("facts_digest").is_some(), kept);
        // What cannot even be read is explained by its finding.
        let broken = SnpOrder::default().with_defect(SnpDefect::ReportTruncated);
        let refused = world.authorize(world.proof(broken).await, &["acme/disk"]).await;
        refused.assert_problem(400, "EvidenceMalformed");
        assert_eq!(world.newest().await.get("facts_digest"), None);
    }
}
