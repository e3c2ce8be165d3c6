//! A candidate for the policies: tried on what was recorded, held against it, or watched beside the rules in
//! force.

use super::World;
use super::secrecy::logged;
use super::world::START;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::SnpOrder;
use hanzo_policy::replay::{Counts, Report};
use serde_json::{Value, json};

/// Two grants and a refusal, a second apart.
async fn recorded() -> World {
    let world = World::furnished().await;
    for order in [usual(), SnpOrder { guest_svn: 5, ..usual() }, other_image()] {
        world.authorize(world.proof(order).await, &["acme/disk"]).await;
        world.advance(1);
    }
    world
}

fn usual() -> SnpOrder {
    SnpOrder::default()
}

fn other_image() -> SnpOrder {
    SnpOrder { measurement: [9; 48], guest_svn: 9, ..usual() }
}

fn permit(condition: &str) -> String {
    format!(
        "permit (principal, action == Action::\"release\", resource == Key::\"acme/disk\")\n\
         when {{ {condition} }};"
    )
}

const NEW_SVN: &str = "principal has snp && principal.snp.guest_svn >= 5";

fn candidate(condition: &str) -> Value {
    json!({"policies": [{"name": "acme-disk", "text": permit(condition)}]})
}

async fn replay(world: &World, request: Value) -> Report {
    let reply = world.admin("POST", "/kbs/v1/policies-replay", request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.body.get("next"), None);
    serde_json::from_value(reply.body["report"].clone()).unwrap()
}

#[tokio::test]
async fn every_flip_is_told_in_both_directions() {
    let world = recorded().await;
    let report = replay(&world, json!({"candidate": candidate(NEW_SVN)})).await;
    let both = Counts { to_granted: 1, to_refused: 1 };
    assert_eq!((report.decisions, report.from_record, report.from_in_force), (3, both, both));
    assert_eq!(
        (report.by_tenant["acme"], report.by_key["acme/disk"], report.by_tier[&2]),
        (both, both, both)
    );
    let told = |index: usize| {
        let flip = &report.flips[index];
        (flip.recorded.as_str(), flip.in_force.as_str(), flip.candidate.as_str())
    };
    assert_eq!(told(0), ("Granted", "granted", "PolicyDenied"));
    assert_eq!(told(1), ("MeasurementUnknown", "PolicyDenied", "granted"));
    // What is in force changes nothing, and neither do reference values that are the same.
    let same = "principal.measurement in ReferenceSet::\"images\"";
    assert!(replay(&world, json!({"candidate": candidate(same)})).await.no_flips());
    let mut with_sets = candidate(same);
    with_sets["references"] = json!([{"name": "images", "values": []}]);
    let report = replay(&world, json!({"candidate": with_sets})).await;
    assert_eq!(report.from_in_force, Counts { to_granted: 0, to_refused: 2 });
}

#[tokio::test]
async fn a_replay_can_be_of_some_time() {
    let world = recorded().await;
    let time = |seconds| UnixTime::from_seconds(START + seconds).unwrap().to_string();
    for (since, until, decisions) in
        [(None, None, 3), (Some(1), None, 2), (None, Some(2), 2), (Some(1), Some(2), 1), (Some(9), None, 0)]
    {
        let mut request = json!({"candidate": candidate(NEW_SVN)});
        for (name, seconds) in [("since", since), ("until", until)] {
            if let Some(seconds) = seconds {
                request[name] = json!(time(seconds));
            }
        }
        assert_eq!(replay(&world, request).await.decisions, decisions, "{since:?} {until:?}");
    }
}

#[tokio::test]
async fn what_was_decided_by_older_rules_differs_from_the_record_and_not_from_the_rules_in_force() {
    let world = recorded().await;
    world.policy("acme-disk", &permit(NEW_SVN)).await;
    let report = replay(&world, json!({"candidate": candidate(NEW_SVN)})).await;
    assert!(report.no_flips());
    assert_eq!(report.from_record, Counts { to_granted: 1, to_refused: 1 });
}

#[tokio::test]
async fn a_candidate_that_does_not_compile_is_refused_with_its_line() {
    let world = World::furnished().await;
    let wrong = json!({"candidate": candidate("principal.measurment in ReferenceSet::\"images\"")});
    let reply = world.admin("POST", "/kbs/v1/policies-replay", wrong).await;
    reply.assert_problem(400, "MalformedRequest");
    assert!(reply.body["detail"].as_str().unwrap().starts_with("acme-disk:2:"), "{reply:?}");
    let shadow = json!({"policies": [{"name": "x", "text": "permit"}]});
    world.admin("PUT", "/kbs/v1/policies-shadow", shadow).await.assert_problem(400, "MalformedRequest");
    assert_eq!(world.newest().await["code"], "PolicyMalformed");
}

#[tokio::test]
async fn a_put_can_be_held_against_the_record() {
    let world = recorded().await;
    let put = |text: String| {
        let body = json!({"text": text, "expected_version": 1, "if_no_flips": true});
        world.admin("PUT", "/kbs/v1/policies/acme-disk", body)
    };
    let refused = put(permit(NEW_SVN)).await;
    refused.assert_problem(409, "Conflict");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("1 decisions would become grants and 1 refusals: decision "), "{detail}");
    assert!(detail.contains("acme/disk: granted becomes PolicyDenied"), "{detail}");
    assert_eq!(world.newest().await["code"], "PolicyFlips");
    assert_eq!(world.admin("GET", "/kbs/v1/policies/acme-disk", Value::Null).await.body["version"], 1);
    let harmless =
        put(permit("principal.measurement in ReferenceSet::\"images\" && principal.tier >= 2")).await;
    assert_eq!((harmless.status.as_u16(), &harmless.body["version"]), (200, &json!(2)), "{harmless:?}");
}

/// A candidate without reference values of its own is asked with those that were in force when it was decided,
/// also about what was decided while nobody looked.
#[tokio::test]
async fn a_shadow_is_asked_with_the_reference_values_of_then() {
    let world = recorded().await;
    let images = "principal.measurement in ReferenceSet::\"images\"";
    world.admin("PUT", "/kbs/v1/policies-shadow", candidate(images)).await;
    let everything = permit("principal.tier >= 2");
    world.policy("acme-disk", &everything).await;
    for _ in 0..2 {
        world.authorize(world.proof(usual()).await, &["acme/disk"]).await;
    }
    // The image is no longer among them, and is granted by the rules in force.
    let emptied = json!({"values": [], "expected_version": 1});
    assert_eq!(world.admin("PUT", "/kbs/v1/references/images", emptied).await.status, 200);
    let granted = world.authorize(world.proof(usual()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let shown = world.admin("GET", "/kbs/v1/policies-shadow", Value::Null).await.body;
    let report: Report = serde_json::from_value(shown["report"].clone()).unwrap();
    assert_eq!((report.decisions, report.from_in_force), (3, Counts { to_granted: 0, to_refused: 1 }));
    assert_eq!(report.flips[0].decision, granted.body["receipts"][0]["seq"].as_u64().unwrap());
    assert_eq!(shown.get("more"), None);
}

/// What a put was held against is in its answer, in its refusal, and in the record.
#[tokio::test]
async fn a_put_says_which_rows_it_was_held_against() {
    let world = recorded().await;
    let head = world.newest().await["seq"].as_u64().unwrap();
    let put = |more: Value| {
        let mut body = json!({"text": permit(NEW_SVN), "expected_version": 1, "if_no_flips": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.admin("PUT", "/kbs/v1/policies/acme-disk", body)
    };
    for wrong in [json!({"limit": 0}), json!({"limit": 400_001}), json!({"limit": 5, "if_no_flips": false})] {
        put(wrong).await.assert_problem(400, "MalformedRequest");
    }
    let refused = put(json!({})).await;
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("held against rows 1 to {head} of the record")), "{detail}");
    assert!(
        detail.contains("3 decisions made again") && detail.contains("0 older rows were not"),
        "{detail}"
    );
    // The refusal is a row as well, and beyond it nothing is looked at.
    let head = world.newest().await["seq"].as_u64().unwrap();
    let held = put(json!({"limit": 1})).await;
    let expected = json!({
        "first": head, "last": head, "older": head - 1, "decisions": 0, "not_kept": 0, "unknown": 0,
    });
    assert_eq!((held.status.as_u16(), &held.body["held_against"]), (200, &expected), "{held:?}");
    let reason = world.newest().await["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains(&format!("{} older rows were not looked at", head - 1)), "{reason}");
    assert_eq!(
        world.admin("GET", "/kbs/v1/policies/acme-disk", Value::Null).await.body.get("held_against"),
        None
    );
}

#[tokio::test]
async fn a_shadow_is_asked_and_never_heeded() {
    let world = recorded().await;
    let shadow = |method| world.admin(method, "/kbs/v1/policies-shadow", Value::Null);
    assert_eq!(shadow("GET").await.body, json!({"active": false, "policies": []}));
    let put = world.admin("PUT", "/kbs/v1/policies-shadow", candidate(NEW_SVN)).await;
    assert_eq!((put.status.as_u16(), &put.body["policies"]), (200, &json!(["acme-disk"])), "{put:?}");
    assert_eq!(world.newest().await["action"], "policy.shadow");
    let (granted, log) = logged(world.authorize(world.proof(usual()).await, &["acme/disk"])).await;
    assert_eq!(granted.status, 200, "the rules in force decide: {granted:?}");
    let line = log.lines().find(|line| line.contains("the shadow differs")).unwrap();
    assert!(line.contains("WARN") && line.contains("acme/disk") && line.contains("PolicyDenied"), "{line}");
    let (refused, log) = logged(world.authorize(world.proof(other_image()).await, &["acme/disk"])).await;
    refused.assert_problem(403, "KeyNotGranted");
    assert!(log.contains("the shadow differs"));
    let agreed = world.authorize(world.proof(SnpOrder { guest_svn: 5, ..usual() }).await, &["acme/disk"]);
    let (agreed, log) = logged(agreed).await;
    assert!(agreed.status == 200 && !log.contains("the shadow differs"), "{log}");
    let report: Report = serde_json::from_value(shadow("GET").await.body["report"].clone()).unwrap();
    assert_eq!((report.decisions, report.from_in_force), (3, Counts { to_granted: 1, to_refused: 1 }));
    assert_eq!(shadow("DELETE").await.body["active"], false);
    let (_, log) = logged(world.authorize(world.proof(usual()).await, &["acme/disk"])).await;
    assert!(!log.contains("the shadow differs"));
}
