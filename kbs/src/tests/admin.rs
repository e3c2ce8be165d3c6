//! The administrator's door.

use super::World;
use axum::body::Body;
use axum::http::Request;
use hanzo_attestation_lab::SnpOrder;
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_is_done_without_the_token() {
    let world = World::furnished().await;
    let calls = [
        ("POST", "/kbs/v1/keys"),
        ("GET", "/kbs/v1/keys"),
        ("GET", "/kbs/v1/keys/acme/disk"),
        ("PUT", "/kbs/v1/secrets/acme/s"),
        ("GET", "/kbs/v1/secrets"),
        ("GET", "/kbs/v1/policies"),
        ("PUT", "/kbs/v1/policies/p"),
        ("GET", "/kbs/v1/policies/p"),
        ("GET", "/kbs/v1/references"),
        ("PUT", "/kbs/v1/references/r"),
        ("GET", "/kbs/v1/references/r"),
        ("GET", "/kbs/v1/references/r/versions"),
        ("GET", "/kbs/v1/trust"),
        ("GET", "/kbs/v1/policies/p/statement"),
        ("GET", "/kbs/v1/references/r/statement"),
        ("POST", "/kbs/v1/changes"),
        ("GET", "/kbs/v1/changes"),
        ("GET", "/kbs/v1/changes/00"),
        ("POST", "/kbs/v1/changes/00/approvals"),
        ("POST", "/kbs/v1/changes/00/withdraw"),
        ("POST", "/kbs/v1/changes/00/apply"),
        ("POST", "/kbs/v1/changes/00/break-glass"),
        ("POST", "/kbs/v1/changes/00/acknowledge"),
        ("GET", "/kbs/v1/audit"),
        ("GET", "/kbs/v1/audit/1/explanation"),
        ("POST", "/kbs/v1/policies-replay"),
        ("GET", "/kbs/v1/policies-shadow"),
        ("PUT", "/kbs/v1/policies-shadow"),
        ("DELETE", "/kbs/v1/policies-shadow"),
        ("GET", "/kbs/v1/grants"),
        ("GET", "/kbs/v1/receipts/1"),
        ("POST", "/kbs/v1/seal"),
        ("POST", "/kbs/v1/unseal"),
    ];
    for (method, path) in calls {
        for authorization in [None, Some("Bearer x"), Some("Basic eDp5"), Some("Bearer"), Some("")] {
            let mut request =
                Request::builder().method(method).uri(path).header("content-type", "application/json");
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let reply = world.send(request.body(Body::from("{}")).unwrap()).await;
            reply.assert_problem(401, "Unauthenticated");
        }
    }
    let row = world.newest().await;
    assert_eq!((&row["action"], &row["code"]), (&json!("admin.authenticate"), &json!("CredentialRefused")));
}

#[tokio::test]
async fn a_nodes_token_is_no_administrators() {
    let world = World::furnished().await;
    let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    let token = attested.body["token"].as_str().unwrap();
    world.bearer(token, "/kbs/v1/seal", &json!({})).await.assert_problem(401, "Unauthenticated");
}

#[tokio::test]
async fn keys_are_made_once_and_shown_without_material() {
    let world = World::furnished().await;
    let again = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/disk", "minimum_tier": 0})).await;
    world.assert_refused(&again, 409, "Conflict", "KeyExists").await;
    let key = world.admin("GET", "/kbs/v1/keys/acme/disk", Value::Null).await;
    assert_eq!(
        (&key.body["kind"], &key.body["minimum_tier"], &key.body["current_version"]),
        (&json!("key"), &json!(2), &json!(1))
    );
    world.admin("GET", "/kbs/v1/keys/acme/none", Value::Null).await.assert_problem(404, "NotFound");
    assert_eq!(world.admin("GET", "/kbs/v1/keys", Value::Null).await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_has_one_spelling() {
    let world = World::furnished().await;
    for path in [
        "/kbs/v1/keys/acme/%64isk",
        "/kbs/v1/keys/acme//disk",
        "/kbs/v1/keys/acme/disk/",
        "/kbs/v1/keys/acme/./disk",
        "/kbs/v1/keys/acme/x/../disk",
        "/kbs/v1/keys/acme/Disk",
        "/kbs/v1/keys/acme%2Fdisk",
    ] {
        world.admin("GET", path, Value::Null).await.assert_problem(404, "NotFound");
    }
    for id in [
        "acme",
        "acme/",
        "/disk",
        "acme/../disk",
        "acme/di sk",
        "Acme/disk",
        "acme/a/b/c/d",
        "acme/\u{0}",
        "acme/dіsk",
    ] {
        let made = world.admin("POST", "/kbs/v1/keys", json!({"id": id, "minimum_tier": 0})).await;
        made.assert_problem(400, "MalformedRequest");
        let asked = world
            .authorize(json!({"nonce": "x", "recipient": world.pair.recipient(), "evidence": []}), &[id])
            .await;
        asked.assert_problem(400, "MalformedRequest");
    }
}

#[tokio::test]
async fn a_secrets_demands_are_fixed_and_its_versions_grow() {
    let world = World::new().await;
    let secret = |id: &str, tier: u8| json!({"id": id, "minimum_tier": tier, "value": "AAAA"});
    let put = |body: Value| world.admin("PUT", "/kbs/v1/secrets/acme/s", body);
    assert_eq!(put(secret("acme/s", 2)).await.body["current_version"], 1);
    assert_eq!(put(secret("acme/s", 2)).await.body["current_version"], 2);
    let lowered = put(secret("acme/s", 0)).await;
    world.assert_refused(&lowered, 409, "Conflict", "ScopeFixed").await;
    put(secret("acme/t", 2)).await.assert_problem(400, "MalformedRequest");
    put(json!({"id": "acme/s", "minimum_tier": 2, "value": ""}))
        .await
        .assert_problem(400, "MalformedRequest");
    put(json!({"id": "acme/s", "minimum_tier": 5, "value": "AAAA"}))
        .await
        .assert_problem(400, "MalformedRequest");
    assert_eq!(world.admin("GET", "/kbs/v1/secrets", Value::Null).await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_generated_key_is_never_overwritten_by_a_secret() {
    let world = World::furnished().await;
    let body = json!({"id": "acme/disk", "minimum_tier": 2, "value": "AAAA"});
    let put = world.admin("PUT", "/kbs/v1/secrets/acme/disk", body).await;
    world.assert_refused(&put, 409, "Conflict", "NotASecret").await;
}

#[tokio::test]
async fn a_policy_that_does_not_compile_is_refused_with_its_place() {
    let world = World::furnished().await;
    for text in ["permit (", "permit (principal, action, resource) when { principal.nonsense };", "nonsense"]
    {
        let put = world.admin("PUT", "/kbs/v1/policies/bad", json!({"text": text})).await;
        world.assert_refused(&put, 400, "MalformedRequest", "PolicyMalformed").await;
        assert!(put.body["detail"].as_str().unwrap().starts_with("bad:1:"), "{put:?}");
    }
    world.admin("GET", "/kbs/v1/policies/bad", Value::Null).await.assert_problem(404, "NotFound");
}

#[tokio::test]
async fn a_change_names_the_version_that_it_replaces() {
    let world = World::furnished().await;
    let text = "forbid (principal, action == Action::\"release\", resource) when { principal.lab };";
    let put = |body: Value| world.admin("PUT", "/kbs/v1/policies/p", body);
    assert_eq!(put(json!({"text": text})).await.body["version"], 1);
    let stale = put(json!({"text": text})).await;
    world.assert_refused(&stale, 409, "Conflict", "VersionConflict").await;
    let ahead = put(json!({"text": text, "expected_version": 2})).await;
    world.assert_refused(&ahead, 409, "Conflict", "VersionConflict").await;
    assert_eq!(put(json!({"text": text, "expected_version": 1})).await.body["version"], 2);
    let old = world.admin("GET", "/kbs/v1/policies/p?version=1", Value::Null).await;
    assert_eq!((&old.body["version"], &old.body["text"]), (&json!(1), &json!(text)));
    // Each version names the decision that put it, and that decision names the version.
    for (version, policy) in
        [(1, &old.body), (2, &world.admin("GET", "/kbs/v1/policies/p", Value::Null).await.body)]
    {
        let decision =
            world.admin("GET", &format!("/kbs/v1/receipts/{}", policy["decision"]), Value::Null).await;
        assert_eq!(
            (&decision.body["subject"], &decision.body["subject_version"]),
            (&json!("p"), &json!(version))
        );
        assert_eq!(decision.body["policy_digest"], policy["digest"]);
    }
    let list = world.admin("GET", "/kbs/v1/policies", Value::Null).await;
    assert!(list.body.as_array().unwrap().iter().all(|policy| policy.get("text").is_none()));
}

/// The administrator can permit everything to everyone: a key's minimum tier is no policy's to lift.
#[tokio::test]
async fn no_administrator_gives_a_key_below_its_minimum_tier() {
    let world = World::furnished().await;
    world.policy("all", "permit (principal, action, resource);").await;
    for minimum in 0..=4_u8 {
        let id = format!("acme/tier-{minimum}");
        let body = json!({"id": id, "minimum_tier": minimum});
        assert_eq!(world.admin("POST", "/kbs/v1/keys", body).await.status, 201);
    }
    for (tier, is_guest) in [(1, false), (2, true)] {
        for minimum in 0..=4_u8 {
            let proof =
                if is_guest { world.proof(SnpOrder::default()).await } else { world.identity_proof().await };
            let id = format!("acme/tier-{minimum}");
            let reply = world.authorize(proof, &[&id]).await;
            if minimum <= tier {
                assert_eq!(reply.status, 200, "tier {tier}, minimum {minimum}: {reply:?}");
                assert_eq!(reply.body["tier"], tier);
            } else {
                world.assert_refused(&reply, 403, "KeyNotGranted", "TierTooLow").await;
            }
        }
    }
    // Nor does another creation lower it.
    let lower = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/tier-4", "minimum_tier": 0})).await;
    assert_eq!(lower.status, 409, "{lower:?}");
    let key = world.admin("GET", "/kbs/v1/keys/acme/tier-4", Value::Null).await;
    assert_eq!(key.body["minimum_tier"], 4);
}

#[tokio::test]
async fn an_attested_node_is_told_what_kept_it_from_the_next_tier() {
    let world = World::furnished().await;
    let attested = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    assert_eq!((attested.status.as_u16(), &attested.body["tier"]), (200, &json!(2)), "{attested:?}");
    assert_eq!(attested.body["next_tier"], json!({"tier": 3, "missing": ["the evidence has no GPU"]}));
    let attested = world.post("/kbs/v1/attest", &world.identity_proof().await).await;
    assert_eq!(attested.body["next_tier"]["tier"], 2, "{attested:?}");
    assert!(attested.body["next_tier"]["missing"][0].as_str().unwrap().contains("no hardware root"));
}

#[tokio::test]
async fn reference_values_are_checked() {
    let world = World::new().await;
    let put = |tee: &str, register: &str| {
        let values = json!([{"tee": tee, "register": register, "digest": "01".repeat(48)}]);
        world.admin("PUT", "/kbs/v1/references/r", json!({"values": values}))
    };
    for (tee, register) in [("sgx", "mr_enclave"), ("sev-snp", "mr_td")] {
        let refused = put(tee, register).await;
        world.assert_refused(&refused, 400, "MalformedRequest", "ReferenceMalformed").await;
    }
    assert_eq!(put("tdx", "mr_td").await.body["version"], 1);
    assert_eq!(
        world.admin("GET", "/kbs/v1/references/r", Value::Null).await.body["values"][0]["register"],
        "mr_td"
    );
    assert_eq!(world.admin("GET", "/kbs/v1/references", Value::Null).await.body.as_array().unwrap().len(), 1);
    world.admin("GET", "/kbs/v1/references/none", Value::Null).await.assert_problem(404, "NotFound");
}

#[tokio::test]
async fn versions_of_reference_sets_stay_readable() {
    let world = World::new().await;
    let put = |byte: &str, expected: Value| {
        let values = json!([{"tee": "tdx", "register": "mr_td", "digest": byte.repeat(48),
            "signer": {"unsigned": "a test"}}]);
        world.admin("PUT", "/kbs/v1/references/r", json!({"values": values, "expected_version": expected}))
    };
    for (byte, expected) in [("01", Value::Null), ("02", json!(1)), ("01", json!(2))] {
        assert_eq!(put(byte, expected).await.status, 200);
    }
    let get = |path: &'static str| world.admin("GET", path, Value::Null);
    let versions = get("/kbs/v1/references/r/versions").await.body;
    let found: Vec<_> = versions.as_array().unwrap().iter().map(|row| row["version"].clone()).collect();
    assert_eq!(found, [json!(3), json!(2), json!(1)]);
    assert!(versions[0]["digest"] == versions[2]["digest"] && versions[0]["digest"] != versions[1]["digest"]);
    assert_eq!(versions[0]["actor"], "admin-token");
    let row = versions[1]["decision"].as_u64().unwrap();
    let page =
        world.admin("GET", &format!("/kbs/v1/audit?after={}&limit=1", row - 1), Value::Null).await.body;
    assert_eq!(page["entries"][0]["subject_version"], 2);
    assert_eq!(page["entries"][0]["reason"], "unsigned reference values: a test", "{page}");
    assert_eq!(get("/kbs/v1/references/r/versions?before=2").await.body.as_array().unwrap().len(), 1);
    let old = get("/kbs/v1/references/r?version=2").await.body;
    assert_eq!((&old["version"], &old["values"][0]["digest"]), (&json!(2), &json!("02".repeat(48))));
    get("/kbs/v1/references/r?version=4").await.assert_problem(404, "NotFound");
    get("/kbs/v1/references/none/versions").await.assert_problem(404, "NotFound");
    assert_eq!(get("/kbs/v1/references/r/versions?before=x").await.status, 400);
}

#[tokio::test]
async fn names_of_rules_have_one_form() {
    let world = World::new().await;
    for name in ["UPPER", "-a", "a:b"] {
        let put = world.admin("PUT", &format!("/kbs/v1/references/{name}"), json!({"values": []})).await;
        assert_eq!(put.status, 400, "{put:?}");
    }
}

#[tokio::test]
async fn the_record_is_read_in_pages_and_follows_its_chain() {
    let world = World::furnished().await;
    let page = world.admin("GET", "/kbs/v1/audit?after=0&limit=1000", Value::Null).await.body;
    let rows: Vec<hanzo_kbs_log::Decision> = serde_json::from_value(page["entries"].clone()).unwrap();
    let head = hanzo_kbs_log::verify_chain(hanzo_kbs_log::Head::EMPTY, &rows).unwrap();
    assert_eq!(page["head"], json!({"seq": head.seq, "hash": head.hash}));
    let second = world.admin("GET", "/kbs/v1/audit?after=1&limit=1", Value::Null).await.body;
    assert_eq!(second["entries"].as_array().unwrap().len(), 1);
    assert_eq!(second["entries"][0], page["entries"][1]);
    let receipt = world.admin("GET", "/kbs/v1/receipts/2", Value::Null).await;
    assert_eq!(receipt.body, page["entries"][1]);
    world.admin("GET", "/kbs/v1/receipts/0", Value::Null).await.assert_problem(404, "NotFound");
    world.admin("GET", "/kbs/v1/receipts/99999", Value::Null).await.assert_problem(404, "NotFound");
    for query in ["limit=0", "limit=1001", "limit=x", "after=-1", "nonsense=1"] {
        let page = world.admin("GET", &format!("/kbs/v1/audit?{query}"), Value::Null).await;
        page.assert_problem(400, "MalformedRequest");
    }
}
