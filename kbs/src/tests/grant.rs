//! Keys that are granted, and what comes with them.

use super::World;
use super::world::with;
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{PckAuthority, SnpOrder, SnpProduct, TdxBody, TdxOrder};
use hanzo_kbs_protocol::{AuthorizeResponse, Expected, ExpectedAad};
use serde_json::{Value, json};

fn open(world: &World, reply: &Value, index: usize) -> Vec<u8> {
    let response: AuthorizeResponse = serde_json::from_value(reply.clone()).unwrap();
    let key = &response.keys[index];
    let expected = ExpectedAad {
        key_id: key.key_id.clone(),
        session_id: response.session_id.clone(),
        version: Expected::Exactly(key.version),
        tier: Expected::Exactly(response.tier),
    };
    world.pair.open(&key.sealed, &expected).unwrap().to_vec()
}

#[tokio::test]
async fn an_attested_node_gets_its_key_and_only_it_can_open_it() {
    let world = World::furnished().await;
    for product in SnpProduct::ALL {
        let granted = world
            .authorize(world.proof(SnpOrder { product, ..SnpOrder::default() }).await, &["acme/disk"])
            .await;
        assert_eq!(granted.status, 200, "{granted:?}");
        assert_eq!(granted.body["tier"], 2);
        assert_eq!(granted.headers["cache-control"], "no-store");
        assert_eq!(open(&world, &granted.body, 0).len(), 32);
        let row = world.newest().await;
        assert_eq!(row["outcome"], "granted");
        assert_eq!(row["key_id"], "acme/disk");
        assert_eq!(row["lab"], true);
        assert_eq!(row["hash"], granted.body["receipts"][0]["hash"]);
        assert_eq!(row["claims"][0]["type"], "sev-snp");
        assert_eq!(granted.body["checkpoint"]["seq"], row["seq"]);
    }
}

#[tokio::test]
async fn an_attested_td_gets_its_key_at_the_tier_of_a_guest() {
    let world = World::furnished().await;
    let values = json!([{"tee": "tdx", "register": "mr_td", "digest": hex::encode(TdxOrder::usual_mr_td())}]);
    let body = json!({"values": values, "expected_version": 1});
    let put = world.admin("PUT", "/kbs/v1/references/images", body).await;
    assert_eq!(put.status, 200, "{put:?}");
    for (version, body) in [(4, TdxBody::Td10), (5, TdxBody::Td10), (5, TdxBody::Td15)] {
        for pck_authority in [PckAuthority::Platform, PckAuthority::Processor] {
            let order = TdxOrder { version, body, pck_authority, ..TdxOrder::default() };
            let order = order.with_log(&LabLog::usual_td());
            let granted = world.authorize(world.td_proof(order).await, &["acme/disk"]).await;
            assert_eq!(granted.status, 200, "{granted:?}");
            assert_eq!(granted.body["tier"], 2);
            assert_eq!(open(&world, &granted.body, 0).len(), 32);
            let row = world.newest().await;
            assert_eq!((&row["outcome"], &row["lab"]), (&json!("granted"), &json!(true)));
            assert_eq!(row["claims"][0]["type"], "tdx");
        }
    }
}

#[tokio::test]
async fn several_keys_come_in_the_order_asked_for_with_one_row_each() {
    let world = World::furnished().await;
    world.key("acme/models/llama", 0).await;
    let granted =
        world.authorize(world.proof(SnpOrder::default()).await, &["acme/models/llama", "acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let ids: Vec<_> = granted.body["keys"].as_array().unwrap().iter().map(|k| k["key_id"].clone()).collect();
    assert_eq!(ids, ["acme/models/llama", "acme/disk"]);
    assert_eq!(granted.body["receipts"].as_array().unwrap().len(), 2);
    assert_ne!(open(&world, &granted.body, 0), open(&world, &granted.body, 1));
}

#[tokio::test]
async fn all_keys_or_none() {
    let world = World::furnished().await;
    world.key("acme/high", 3).await;
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk", "acme/high"]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "TierTooLow").await;
    let grants = world.admin("GET", "/kbs/v1/grants", Value::Null).await;
    assert_eq!(grants.body, json!([]));
}

#[tokio::test]
async fn runtime_data_is_bound_and_may_be_used() {
    let world = World::furnished().await;
    let nonce = world.nonce().await;
    let data = json!({"tls": "abc"});
    let binding =
        hanzo_attestation_evidence::Binding::new(&nonce, world.pair.recipient(), Some(&data), &[]).unwrap();
    let order = SnpOrder { report_data: *binding.cpu_report_data(), ..SnpOrder::default() };
    let item = world.lab.snp(&order).unwrap();
    let proof = json!({"nonce": nonce, "recipient": world.pair.recipient(), "evidence": [item], "runtime_data": data});
    let changed = with(proof.clone(), "runtime_data", json!({"tls": "abd"}));
    assert_eq!(world.authorize(proof, &["acme/disk"]).await.status, 200);
    // the same evidence with other runtime data: the challenge is used as well, and that is what is said
    world.authorize(changed, &["acme/disk"]).await.assert_problem(401, "ChallengeRefused");
}

#[tokio::test]
async fn a_registered_key_is_tier_one_and_gets_what_asks_for_no_more() {
    let world = World::new().await;
    let created = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/ci", "minimum_tier": 1})).await;
    assert_eq!(created.status, 201);
    let text = "permit (principal, action == Action::\"release\", resource == Key::\"acme/ci\")\n\
                when { principal has identity && principal.identity == \"ci-runner\" };";
    world.policy("ci", text).await;
    let granted = world.authorize(world.identity_proof().await, &["acme/ci"]).await;
    assert_eq!((granted.status.as_u16(), &granted.body["tier"]), (200, &json!(1)), "{granted:?}");
}

#[tokio::test]
async fn an_imported_secret_arrives_as_it_was_put() {
    let world = World::new().await;
    world.references().await;
    let secret = json!({"id": "acme/api-token", "minimum_tier": 2, "value": "aHVudGVyMg=="});
    let put = world.admin("PUT", "/kbs/v1/secrets/acme/api-token", secret).await;
    assert_eq!(put.status, 200, "{put:?}");
    let text = "permit (principal, action == Action::\"release\", resource == Key::\"acme/api-token\");";
    world.policy("api", text).await;
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/api-token"]).await;
    assert_eq!(open(&world, &granted.body, 0), b"hunter2");
}
