//! Every refusal by its name: an opaque code for the caller, the whole reason for the operator.

use super::World;
use super::secrecy::logged;
use super::world::{Options, START, with};
use crate::config::Limits;
use crate::judge::SecondReader;
use hanzo_attestation_evidence::Kem;
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{SnpDefect, SnpOrder, TdxDefect, TdxOrder};
use hanzo_attestation_opinion::{Disagreement, NoOpinion, Opinion, Peer, second_opinion};
use hanzo_kbs_protocol::RecipientKeyPair;
use hanzo_policy::Appraisal;
use serde_json::json;

#[tokio::test]
async fn a_debug_guest_is_refused() {
    let world = World::furnished().await;
    let refused = world
        .authorize(world.proof(SnpOrder { debug: true, ..SnpOrder::default() }).await, &["acme/disk"])
        .await;
    refused.assert_problem(403, "EvidenceRefused");
    let row = world.newest().await;
    assert_eq!(row["outcome"], "refused");
    assert!(row["code"].as_str().unwrap().contains("Debug"), "{row}");
    // nothing of the reason reaches the caller
    assert!(!refused.text.to_lowercase().contains("debug"), "{refused:?}");
}

#[tokio::test]
async fn an_unknown_measurement_is_refused() {
    let world = World::furnished().await;
    let order = SnpOrder { measurement: [9; 48], ..SnpOrder::default() };
    let refused = world.authorize(world.proof(order).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "MeasurementUnknown").await;
}

#[tokio::test]
async fn a_key_of_a_higher_tier_is_refused_whatever_the_policy_says() {
    let world = World::furnished().await;
    let created = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/model", "minimum_tier": 3})).await;
    assert_eq!(created.status, 201);
    world
        .policy("all", "permit (principal, action == Action::\"release\", resource == Key::\"acme/model\");")
        .await;
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/model"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "TierTooLow").await;
    let row = world.newest().await;
    assert_eq!((&row["tier"], &row["minimum_tier"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn a_key_without_any_policy_is_refused() {
    let world = World::furnished().await;
    let created = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/lonely", "minimum_tier": 0})).await;
    assert_eq!(created.status, 201);
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/lonely"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "NoPolicy").await;
}

#[tokio::test]
async fn a_forbid_wins() {
    let world = World::furnished().await;
    world
        .policy(
            "no-lab",
            "forbid (principal, action == Action::\"release\", resource) when { principal.lab };",
        )
        .await;
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "PolicyForbids").await;
}

#[tokio::test]
async fn a_cpu_tee_is_demanded_where_a_key_says_so() {
    let world = World::new().await;
    let key = json!({"id": "acme/ci", "minimum_tier": 1, "require_cpu_tee": true});
    assert_eq!(world.admin("POST", "/kbs/v1/keys", key).await.status, 201);
    world
        .policy("ci", "permit (principal, action == Action::\"release\", resource == Key::\"acme/ci\");")
        .await;
    let refused = world.authorize(world.identity_proof().await, &["acme/ci"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "CpuTeeRequired").await;
}

#[tokio::test]
async fn absent_and_ungranted_keys_answer_alike() {
    let world = World::furnished().await;
    assert_eq!(
        world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/lonely", "minimum_tier": 0})).await.status,
        201
    );
    let mut answers = Vec::new();
    for key in ["acme/lonely", "acme/nothing", "acme/disk"] {
        let order = SnpOrder { measurement: [9; 48], ..SnpOrder::default() };
        let refused = world.authorize(world.proof(order).await, &[key]).await;
        let mut body = refused.body.clone();
        let members = body.as_object_mut().unwrap();
        assert!(members.remove("decision").is_some_and(|seq| seq.is_u64()));
        assert!(members.remove("request_id").is_some());
        let headers: Vec<_> = refused.headers.keys().map(|name| name.as_str().to_owned()).collect();
        answers.push((refused.status, body, headers));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
}

/// COL-10.
#[tokio::test]
async fn tdx_without_collateral_is_refused_by_name() {
    let world = World::furnished_with(Options { intel: false, ..Options::default() }).await;
    let refused = world.authorize(world.td_proof(TdxOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "CollateralMissing").await;
}

#[tokio::test]
async fn a_td_below_its_thresholds_is_refused_by_name() {
    let world = World::furnished().await;
    for (order, code) in [
        (TdxOrder { tcb_below: true, ..TdxOrder::default() }, "TcbStatusNotAllowed"),
        (TdxOrder { debug: true, ..TdxOrder::default() }, "TdDebug"),
        (TdxOrder::default().with_defect(TdxDefect::QeSigner), "QeMrSigner"),
    ] {
        let refused = world.authorize(world.td_proof(order).await, &["acme/disk"]).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", code).await;
    }
}

#[tokio::test]
async fn no_evidence_is_tier_zero_and_opens_nothing_above() {
    let world = World::furnished().await;
    let proof = json!({"nonce": world.nonce().await, "recipient": world.pair.recipient(), "evidence": []});
    let refused = world.authorize(proof, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "TierTooLow").await;
}

#[tokio::test]
async fn another_recipient_than_the_evidence_binds_is_refused() {
    let world = World::furnished().await;
    let thief = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let stolen = with(world.proof(SnpOrder::default()).await, "recipient", json!(thief.recipient()));
    let refused = world.authorize(stolen, &["acme/disk"]).await;
    refused.assert_problem(403, "EvidenceRefused");
    assert_eq!(world.newest().await["code"], "SnpReportDataMismatch");
}

#[tokio::test]
async fn runtime_data_beside_evidence_that_binds_none_is_refused() {
    let world = World::furnished().await;
    let proof = with(world.proof(SnpOrder::default()).await, "runtime_data", json!({"a": 1}));
    world.authorize(proof, &["acme/disk"]).await.assert_problem(403, "EvidenceRefused");
    assert_eq!(world.newest().await["code"], "SnpReportDataMismatch");
}

#[tokio::test]
async fn defects_are_refused_by_the_rule_that_they_break() {
    let world = World::furnished().await;
    let defects = [SnpDefect::OwnRoot, SnpDefect::VekSignature, SnpDefect::IntermediateSignature];
    for defect in defects {
        let refused =
            world.authorize(world.proof(SnpOrder::default().with_defect(defect)).await, &["acme/disk"]).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", defect.expects()).await;
    }
    for defect in [
        SnpDefect::ReportTruncated,
        SnpDefect::NotSigned,
        SnpDefect::VersionUnknown,
        SnpDefect::PolicyReserved,
    ] {
        let refused =
            world.authorize(world.proof(SnpOrder::default().with_defect(defect)).await, &["acme/disk"]).await;
        world.assert_refused(&refused, 400, "EvidenceMalformed", defect.expects()).await;
    }
}

#[tokio::test]
async fn production_knows_no_lab() {
    let world = World::with(Options { lab: false, ..Options::default() }).await;
    world.references().await;
    world.key("acme/disk", 2).await;
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    refused.assert_problem(403, "EvidenceRefused");
    assert_eq!(world.newest().await["code"], "SnpRootNotPinned");
    assert_eq!(world.get("/healthz").await.body["lab"], false);
}

#[tokio::test]
async fn a_policy_that_changed_after_attest_decides() {
    let world = World::furnished().await;
    let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    let token = attested.body["token"].as_str().unwrap();
    let keys = json!({"keys": ["acme/disk"]});
    assert_eq!(world.bearer(token, "/kbs/v1/authorize", &keys).await.status, 200);
    world.policy("stop", "forbid (principal, action == Action::\"release\", resource);").await;
    let refused = world.bearer(token, "/kbs/v1/authorize", &keys).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "PolicyForbids").await;
}

#[tokio::test]
async fn references_that_changed_after_attest_decide() {
    let world = World::furnished().await;
    let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    let token = attested.body["token"].as_str().unwrap();
    let put = json!({"values": [], "expected_version": 1});
    assert_eq!(world.admin("PUT", "/kbs/v1/references/images", put).await.status, 200);
    let refused = world.bearer(token, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "MeasurementUnknown").await;
}

#[tokio::test]
async fn a_reference_value_that_expired_denies_by_name() {
    let world = World::furnished().await;
    let digest = hex::encode(SnpOrder::usual_measurement());
    let put = |version: u64, dates: [&str; 2]| {
        let [not_before, expires_at] = dates;
        let value = json!({"tee": "sev-snp", "register": "measurement", "digest": digest,
            "source": "release 7", "signer": {"unsigned": "a test"},
            "not_before": not_before, "expires_at": expires_at});
        let body = json!({"values": [value], "expected_version": version});
        world.admin("PUT", "/kbs/v1/references/images", body)
    };
    let keys = json!({"keys": ["acme/disk"]});
    for (version, dates, granted) in [
        (1, ["2000-01-01T00:00:00Z", "9000-01-01T00:00:00Z"], true),
        (2, ["2000-01-01T00:00:00Z", "2001-01-01T00:00:00Z"], false),
        (3, ["8000-01-01T00:00:00Z", "9000-01-01T00:00:00Z"], false),
    ] {
        let stored = put(version, dates).await;
        assert_eq!(stored.status, 200, "{stored:?}");
        let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
        let token = attested.body["token"].as_str().unwrap();
        let answer = world.bearer(token, "/kbs/v1/authorize", &keys).await;
        if granted {
            assert_eq!(answer.status, 200, "{answer:?}");
        } else {
            world.assert_refused(&answer, 403, "KeyNotGranted", "ReferenceExpired").await;
        }
    }
    // Dates that no instant fits are refused when they are put.
    let never = put(4, ["2001-01-01T00:00:00Z", "2000-01-01T00:00:00Z"]).await;
    world.assert_refused(&never, 400, "MalformedRequest", "ReferenceMalformed").await;
}

#[tokio::test]
async fn evidence_that_expired_after_attest_is_refused_again() {
    let limits = Limits { token: std::time::Duration::from_secs(3600), ..Limits::default() };
    let world = World::with(Options { limits, ..Options::default() }).await;
    world.references().await;
    world.key("acme/disk", 2).await;
    // the lab's lists and certificates end with 2049: half an hour before that, a token
    let end = 2_524_607_999 - 1800;
    world.advance(end - START);
    let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    assert_eq!(attested.status, 200, "{attested:?}");
    let expires_at = attested.body["expires_at"].as_str().unwrap();
    assert!(expires_at <= "2049-12-31T23:59:59Z", "a token outlives its evidence: {expires_at}");
    world.advance(1801);
    let token = attested.body["token"].as_str().unwrap();
    let refused = world.bearer(token, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
    refused.assert_problem(401, "Unauthenticated");
}

#[tokio::test]
async fn a_full_house_answers_unavailable_and_keeps_the_challenge() {
    let world = World::furnished().await;
    let proof = world.proof(SnpOrder::default()).await;
    let slots = world.broker.judge().take_all_slots();
    let busy = world.authorize(proof.clone(), &["acme/disk"]).await;
    busy.assert_problem(503, "Unavailable");
    assert_eq!(busy.headers["retry-after"], "1");
    assert_eq!(busy.body.get("decision"), None);
    drop(slots);
    assert_eq!(world.authorize(proof, &["acme/disk"]).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_answered() {
    let world = World::furnished().await;
    let (grant, refusal) = (
        world.proof(SnpOrder::default()).await,
        world.proof(SnpOrder { measurement: [9; 48], ..SnpOrder::default() }).await,
    );
    // Six minutes back: more than the record accepts, so that nothing can be written.
    world.advance(-400);
    for proof in [grant.clone(), refusal] {
        let reply = world.authorize(proof, &["acme/disk"]).await;
        reply.assert_problem(503, "Unavailable");
        assert_eq!(reply.body.get("decision"), None, "{reply:?}");
        assert_eq!(reply.body.get("keys"), None);
    }
    world.advance(400);
    assert_eq!(world.authorize(grant, &["acme/disk"]).await.status, 200);
}

#[tokio::test]
async fn a_second_reader_that_agrees_changes_nothing() {
    let options = Options { second_reader: Some(second_opinion), ..Options::default() };
    let world = World::furnished_with(options).await;
    let text = "permit (principal, action, resource) when { principal.tier >= 2 };";
    world.policy("all", text).await;
    let td = TdxOrder::default().with_log(&LabLog::usual_td());
    for proof in [world.proof(SnpOrder::default()).await, world.td_proof(td).await] {
        let granted = world.authorize(proof, &["acme/disk"]).await;
        assert_eq!(granted.status, 200, "{granted:?}");
    }
    // No second reader knows a registered key.
    let known = world.post("/kbs/v1/attest", &world.identity_proof().await).await;
    assert_eq!((known.status.as_u16(), &known.body["tier"]), (200, &json!(1)), "{known:?}");
}

/// OPN-01, with no reader made for the purpose: a version 4 quote of a TD with the service TD extension. The
/// owner accepts the extension, and we accept the quote; `dcap-qvl` does not, since Intel emits a version 5
/// quote for such a TD.
#[tokio::test]
async fn two_readers_at_odds_release_nothing_and_raise_an_alert() {
    let mut appraisal = Appraisal::strict();
    appraisal.tdx.allow_service_td_extension = true;
    let order = || {
        let td_attributes = TdxOrder::SEPT_VE_DISABLE | 1 << 17;
        TdxOrder { td_attributes, ..TdxOrder::default() }.with_log(&LabLog::usual_td())
    };
    let text = "permit (principal, action, resource) when { principal.tier >= 2 };";
    for (second_reader, released) in [(None, true), (Some(second_opinion as SecondReader), false)] {
        let options = Options { appraisal: appraisal.clone(), second_reader, ..Options::default() };
        let world = World::furnished_with(options).await;
        world.policy("all", text).await;
        for _ in 0..2 {
            let asked = world.authorize(world.td_proof(order()).await, &["acme/disk"]);
            let (answer, log) = logged(asked).await;
            assert_eq!(answer.status == 200, released, "{answer:?}");
            assert_eq!(answer.text.contains("ciphertext"), released, "{answer:?}");
            let alert = log.lines().find(|line| line.contains("ERROR"));
            if released {
                assert_eq!(alert, None);
                continue;
            }
            world.assert_refused(&answer, 403, "EvidenceRefused", "SecondOpinionDisagrees").await;
            let row = world.newest().await;
            let reason = row["reason"].as_str().unwrap();
            assert!(reason.starts_with("OPN-01: ") && reason.contains("SERVTD_EXT"), "{row}");
            let alert = alert.unwrap();
            for part in [
                "two readers of the same evidence are at odds",
                "SecondOpinionDisagrees",
                row["evidence_digest"].as_str().unwrap(),
                row["request_id"].as_str().unwrap(),
                "SERVTD_EXT",
            ] {
                assert!(alert.contains(part), "{part} is not in {alert}");
            }
            // The caller learns that the evidence is refused, and not what about it.
            assert!(!answer.text.contains("opinion") && !answer.text.contains("SERVTD"), "{answer:?}");
        }
    }
}

/// OPN-01: a field that is read otherwise denies as a verdict does, also where it is SEV-SNP's.
#[tokio::test]
async fn a_field_that_is_read_otherwise_denies() {
    let reader: SecondReader = |_, _, _, _| {
        let (ours, theirs) = ("00".to_owned(), "01".to_owned());
        Opinion::Disagrees(Disagreement { peer: Peer::Sev, about: "host_data", ours, theirs })
    };
    let world = World::furnished_with(Options { second_reader: Some(reader), ..Options::default() }).await;
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "SecondOpinionDisagrees").await;
}

/// OPN-02: a reader that cannot judge what it knows is no agreement.
#[tokio::test]
async fn a_second_reader_without_its_collateral_denies() {
    let reader: SecondReader = |_, _, _, _| Opinion::NoOpinion(NoOpinion::CollateralMissing("PCK CRL"));
    let world = World::furnished_with(Options { second_reader: Some(reader), ..Options::default() }).await;
    let asked = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]);
    let (refused, log) = logged(asked).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "SecondOpinionMissing").await;
    assert!(!log.contains("ERROR"), "nobody is at odds: {log}");
}
