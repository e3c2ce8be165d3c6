//! How many grants of a key may be live, and how long grants may rest on reference values.

use super::{Reply, World};
use hanzo_attestation_evidence::{Kem, UnixTime};
use hanzo_attestation_lab::SnpOrder;
use hanzo_kbs_protocol::RecipientKeyPair;
use hanzo_policy::explain::{Change, Explanation};
use serde_json::{Value, json};

/// A world in which `acme/disk` is for two recipients at a time.
async fn for_two() -> World {
    let world = World::furnished().await;
    world
        .policy(
            "two",
            "forbid (principal, action == Action::\"release\", resource == Key::\"acme/disk\") \
             when { context.live_grants >= 2 };",
        )
        .await;
    world
}

/// A proof of a machine that has another recipient key.
async fn proof(world: &mut World) -> Value {
    world.pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    world.proof(SnpOrder::default()).await
}

async fn another(world: &mut World) -> Reply {
    let proof = proof(world).await;
    world.authorize(proof, &["acme/disk"]).await
}

async fn explained(world: &World) -> (Value, Explanation) {
    let path = format!("/kbs/v1/audit/{}/explanation", world.newest().await["seq"]);
    let answer = world.admin("GET", &path, Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let explanation = serde_json::from_value(answer.body["explanation"].clone()).unwrap();
    (answer.body, explanation)
}

#[tokio::test]
async fn a_key_is_out_no_more_often_than_its_policy_says() {
    let mut world = for_two().await;
    let mut sessions = Vec::new();
    for live in 0..2 {
        let granted = another(&mut world).await;
        assert_eq!(granted.status, 200, "{granted:?}");
        assert_eq!(world.newest().await["live_grants"], live);
        sessions.push(granted.body["session_id"].clone());
    }
    // The last one asks again, and renews: its own grant is not in its way.
    let again = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(again.status, 200, "{again:?}");
    let renewal =
        super::world::with(world.proof(SnpOrder::default()).await, "session_id", sessions[1].clone());
    assert_eq!(world.post("/kbs/v1/renew", &renewal).await.status, 200);
    assert_eq!(world.newest().await["live_grants"], 1);

    let refused = another(&mut world).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "TooManyGrants").await;
    let row = world.newest().await;
    assert_eq!(row["live_grants"], 2);
    assert!(row["reason"].as_str().unwrap().contains("has 2 live grants of at most 2"), "{row}");
    assert!(!refused.text.contains("grants of at most"), "the node is not told: {refused:?}");

    // The explanation is made again from the number of then.
    world.advance(60);
    let (body, explanation) = explained(&world).await;
    assert_eq!((body["basis"].as_str(), explanation.code.as_str()), (Some("facts"), "TooManyGrants"));
    assert_eq!(explanation.message, "the key acme/disk has 2 live grants of at most 2");
    assert_eq!(explanation.proposals[0].changes[0].change, Change::LiveGrants { live: 2, most: 1 });

    // The proposed change, made for real, turns the decision.
    let revoked = world.post("/kbs/v1/revoke", &json!({"session_id": sessions[0]})).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(another(&mut world).await.status, 200);
    assert_eq!(another(&mut world).await.code(), "KeyNotGranted");
    world.advance(3600);
    assert_eq!(another(&mut world).await.status, 200, "the others have ended");
}

/// The other change that is proposed: another bound.
#[tokio::test]
async fn a_wider_bound_turns_the_decision() {
    let mut world = for_two().await;
    for _ in 0..2 {
        assert_eq!(another(&mut world).await.status, 200);
    }
    another(&mut world).await.assert_problem(403, "KeyNotGranted");
    let (_, explanation) = explained(&world).await;
    let limit = Change::GrantLimit { policy: "two".to_owned(), from: 2, to: 3 };
    let proposed = explanation.proposals.iter().any(|proposal| proposal.changes[0].change == limit);
    assert!(proposed, "{:#?}", explanation.proposals);
    world
        .policy(
            "two",
            "forbid (principal, action == Action::\"release\", resource == Key::\"acme/disk\") \
             when { context.live_grants >= 3 };",
        )
        .await;
    assert_eq!(another(&mut world).await.status, 200);
}

/// Attack: many ask at once, so that each is decided before any of them is granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_as_many_are_granted_as_may_be() {
    let mut world = for_two().await;
    let mut proofs = Vec::new();
    for _ in 0..8 {
        proofs.push(proof(&mut world).await);
    }
    let world = std::sync::Arc::new(world);
    let tasks = proofs.into_iter().map(|proof| {
        let world = world.clone();
        tokio::spawn(async move { world.authorize(proof, &["acme/disk"]).await })
    });
    let (mut granted, mut refused) = (0, 0);
    for task in tasks.collect::<Vec<_>>() {
        let reply = task.await.unwrap();
        if reply.status == 200 {
            granted += 1;
        } else {
            reply.assert_problem(403, "KeyNotGranted");
            refused += 1;
        }
    }
    assert_eq!((granted, refused), (2, 6));
    let page = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await;
    let mut rows = page.body["entries"].as_array().unwrap().iter();
    let counted = |code: &str| {
        let of = rows.clone().filter(|row| row["code"] == code && row["action"] == "authorize");
        let mut numbers: Vec<_> = of.map(|row| row["live_grants"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(counted("Granted"), [0, 1]);
    assert_eq!(counted("TooManyGrants"), [2; 6]);
    assert!(rows.any(|row| row["code"] == "TooManyGrants"));
}

/// A replay by a candidate counts what was counted then.
#[tokio::test]
async fn a_candidate_is_tried_with_the_numbers_of_then() {
    let mut world = World::furnished().await;
    for _ in 0..3 {
        assert_eq!(another(&mut world).await.status, 200);
    }
    let permit = world.admin("GET", "/kbs/v1/policies/acme-disk", Value::Null).await.body["text"].clone();
    let bound = "forbid (principal, action, resource) when { context.live_grants >= 1 };";
    let policies = json!([{"name": "acme-disk", "text": permit}, {"name": "bound", "text": bound}]);
    let replay =
        world.admin("POST", "/kbs/v1/policies-replay", json!({"candidate": {"policies": policies}})).await;
    assert_eq!(replay.status, 200, "{replay:?}");
    assert_eq!(replay.body["report"]["from_record"]["to_refused"], 2, "{replay:?}");
}

async fn dated(world: &World, seconds: i64) -> UnixTime {
    let end = UnixTime::from_seconds(super::world::START + seconds).unwrap();
    let digest = hex::encode(SnpOrder::usual_measurement());
    let value = json!({"tee": "sev-snp", "register": "measurement", "digest": digest, "expires_at": end});
    let current = world.admin("GET", "/kbs/v1/references/images", Value::Null).await;
    let body = json!({"values": [value], "expected_version": current.body["version"]});
    let put = world.admin("PUT", "/kbs/v1/references/images", body).await;
    assert_eq!(put.status, 200, "{put:?}");
    end
}

/// Expired values do not count: nothing that was granted by one outlives it.
#[tokio::test]
async fn a_grant_ends_with_the_reference_value_that_it_rests_on() {
    let world = World::furnished().await;
    let end = dated(&world, 600).await;
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!(granted.body["expires_at"], json!(end));
    assert_eq!(granted.body["keys"][0]["expires_at"], json!(end));
    let reason = world.newest().await["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.starts_with(&format!("permitted by acme-disk, until {end}: the reference value")),
        "{reason}"
    );
    assert!(reason.ends_with(&format!("of the set `images` expired at {end}")), "{reason}");

    // One second before, it can be renewed until then; from then on it cannot.
    world.advance(599);
    let id = granted.body["session_id"].clone();
    let renewal = super::world::with(world.proof(SnpOrder::default()).await, "session_id", id.clone());
    let renewed = world.post("/kbs/v1/renew", &renewal).await;
    assert_eq!((renewed.status.as_u16(), &renewed.body["expires_at"]), (200, &json!(end)));
    world.advance(1);
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "ReferenceExpired").await;
    let renewal = super::world::with(world.proof(SnpOrder::default()).await, "session_id", id);
    world.post("/kbs/v1/renew", &renewal).await.assert_problem(404, "SessionUnknown");
}

/// A value that ends after the session does shortens nothing, and is not spoken of.
#[tokio::test]
async fn a_later_end_shortens_nothing() {
    let world = World::furnished().await;
    dated(&world, 3600).await;
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    let end = UnixTime::from_seconds(super::world::START + 3600).unwrap();
    assert_eq!((granted.status.as_u16(), &granted.body["expires_at"]), (200, &json!(end)));
    assert_eq!(world.newest().await["reason"], "permitted by acme-disk");
}
