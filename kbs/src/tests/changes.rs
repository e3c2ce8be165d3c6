//! Changes that need several people, through the administrator's door.

use super::world::{Options, Reply, World};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hanzo_attestation_evidence::{Hex, encoding};
use hanzo_attestation_lab::SnpOrder;
use hanzo_kbs_protocol::changes::{Word, body_digest, canonical};
use hanzo_kbs_protocol::{ChangeKind, PersonKey, ProposeChange};
use hanzo_kbs_vault::{NamePattern, Quorum, Scope};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const TEXT: &str = "forbid (principal, action, resource);";

fn pair(person: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(digest(&SHA256, person.as_bytes()).as_ref()).unwrap()
}

fn sign(person: &str, word: Word<'_>, id: &str) -> Value {
    let id = Hex(encoding::hex_array(id).unwrap());
    json!(encoding_of(pair(person).sign(&word.message(&id)).as_ref()))
}

fn encoding_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn quorum() -> Quorum {
    let person = |name: &str| {
        let key = pair(name).public_key().as_ref().try_into().unwrap();
        (name.to_owned(), PersonKey::Ed25519(key))
    };
    let scope = Scope {
        name: "production".to_owned(),
        changes: ChangeKind::ALL.to_vec(),
        names: vec![NamePattern::parse("prod-*").unwrap()],
        minimum_tier: None,
        approvals: 2,
        wait: Duration::from_secs(60),
        break_glass: Some(1),
    };
    Quorum::new(["alice", "bob", "carol"].map(person).to_vec(), vec![scope]).unwrap()
}

fn options() -> Options {
    Options { quorum: quorum(), ..Options::default() }
}

fn proposal(kind: ChangeKind, name: &str, body: &str) -> (String, Value) {
    let unsigned = ProposeChange {
        kind,
        name: name.to_owned(),
        body: body.to_owned(),
        expected_version: None,
        author: "alice".to_owned(),
        nonce: Hex([1; 16]),
        signature: Hex([0; 64]),
    };
    let id = unsigned.statement().id().unwrap().to_string();
    let mut value = serde_json::to_value(unsigned).unwrap();
    value["signature"] = sign("alice", Word::Propose, &id);
    (id, value)
}

async fn propose(world: &World) -> String {
    let (id, body) = proposal(ChangeKind::Policy, "prod-release", TEXT);
    let proposed = world.admin("POST", "/kbs/v1/changes", body).await;
    assert_eq!((proposed.status.as_u16(), &proposed.body["id"]), (201, &json!(id)), "{proposed:?}");
    id
}

async fn say(world: &World, id: &str, call: &str, body: Value) -> Reply {
    world.admin("POST", &format!("/kbs/v1/changes/{id}/{call}"), body).await
}

async fn approve(world: &World, id: &str, person: &str) -> Reply {
    let body = json!({"approver": person, "signature": sign(person, Word::Approve, id)});
    say(world, id, "approvals", body).await
}

async fn break_glass(world: &World, id: &str, person: &str) -> Reply {
    let signature = sign(person, Word::BreakGlass("fire"), id);
    say(world, id, "break-glass", json!({"approver": person, "reason": "fire", "signature": signature})).await
}

/// Attack 22: one administrator's credential changes nothing below the quorum.
#[tokio::test]
async fn one_credential_changes_nothing_below_the_quorum() {
    let world = World::with(options()).await;
    let put = world.admin("PUT", "/kbs/v1/policies/prod-release", json!({"text": TEXT})).await;
    world.assert_refused(&put, 409, "QuorumRequired", "QuorumRequired").await;
    let detail = put.body["detail"].as_str().unwrap();
    assert!(detail.contains("production") && detail.contains("kbsctl change propose"), "{detail}");
    let put = world.admin("PUT", "/kbs/v1/references/prod-images", json!({"values": []})).await;
    world.assert_refused(&put, 409, "QuorumRequired", "QuorumRequired").await;
    world.policy("staging", TEXT).await;

    let id = propose(&world).await;
    world
        .assert_refused(&approve(&world, &id, "alice").await, 409, "ChangeRefused", "ApproverIsAuthor")
        .await;
    let asked = break_glass(&world, &id, "alice").await;
    world.assert_refused(&asked, 409, "ChangeRefused", "ApproverIsAuthor").await;
    world
        .assert_refused(&approve(&world, &id, "mallory").await, 409, "ChangeRefused", "ApproverUnknown")
        .await;
    let forged = json!({"approver": "bob", "signature": sign("mallory", Word::Approve, &id)});
    let forged = say(&world, &id, "approvals", forged).await;
    world.assert_refused(&forged, 409, "ChangeRefused", "ApprovalSignature").await;
    let applied = say(&world, &id, "apply", json!({})).await;
    world.assert_refused(&applied, 409, "ChangeRefused", "ChangeNotApproved").await;
    assert_eq!(approve(&world, &id, "bob").await.status, 200);
    world.assert_refused(&approve(&world, &id, "bob").await, 409, "ChangeRefused", "ApproverTwice").await;
    assert_eq!(approve(&world, &id, "carol").await.status, 200);
    let early = say(&world, &id, "apply", json!({})).await;
    world.assert_refused(&early, 409, "ChangeRefused", "ChangeNotDue").await;
    world.advance(60);
    let applied = say(&world, &id, "apply", json!({})).await;
    assert_eq!((applied.status.as_u16(), &applied.body["state"]), (200, &json!("applied")), "{applied:?}");
    let row = world.newest().await;
    assert_eq!((&row["action"], &row["subject"]), (&json!("policy.put"), &json!("prod-release")));
    let record = json!({"id": id, "author": "alice", "approvers": ["bob", "carol"]});
    assert_eq!(row["change"], record);
    let again = say(&world, &id, "apply", json!({})).await;
    world.assert_refused(&again, 409, "ChangeRefused", "ChangeClosed").await;
    let policy = world.admin("GET", "/kbs/v1/policies/prod-release", Value::Null).await;
    assert_eq!(policy.body["text"], TEXT);
}

/// Attack 22: an approval of one change says nothing about another.
#[tokio::test]
async fn an_approval_is_not_replayed_on_another_change() {
    let world = World::with(options()).await;
    let first = propose(&world).await;
    let approval = json!({"approver": "bob", "signature": sign("bob", Word::Approve, &first)});
    let (second, body) = proposal(ChangeKind::Policy, "prod-other", TEXT);
    assert_eq!(world.admin("POST", "/kbs/v1/changes", body).await.status, 201);
    let replayed = say(&world, &second, "approvals", approval.clone()).await;
    world.assert_refused(&replayed, 409, "ChangeRefused", "ApprovalSignature").await;
    assert_eq!(say(&world, &first, "approvals", approval).await.status, 200);
    // The text behind the author's signature cannot be exchanged either.
    let (_, mut body) = proposal(ChangeKind::Policy, "prod-third", TEXT);
    body["body"] = json!("permit (principal, action, resource);");
    let exchanged = world.admin("POST", "/kbs/v1/changes", body).await;
    world.assert_refused(&exchanged, 409, "ChangeRefused", "ProposalSignature").await;
}

#[tokio::test]
async fn a_text_is_checked_when_it_is_proposed_and_when_it_is_applied() {
    let world = World::with(options()).await;
    let (_, body) = proposal(ChangeKind::Policy, "prod-release", "permit (nobody);");
    let refused = world.admin("POST", "/kbs/v1/changes", body).await;
    world.assert_refused(&refused, 400, "MalformedRequest", "PolicyMalformed").await;
    for values in ["{}", "[ ]", r#"[{"tee":"sgx","register":"x","digest":"00"}]"#] {
        let (_, body) = proposal(ChangeKind::Reference, "prod-images", values);
        let refused = world.admin("POST", "/kbs/v1/changes", body).await;
        world.assert_refused(&refused, 400, "MalformedRequest", "ReferenceMalformed").await;
    }
    let (id, body) = proposal(ChangeKind::Reference, "prod-images", "[]");
    assert_eq!(world.admin("POST", "/kbs/v1/changes", body).await.status, 201);
    assert_eq!(break_glass(&world, &id, "bob").await.body["state"], "applied");
    let set = world.admin("GET", "/kbs/v1/references/prod-images", Value::Null).await;
    assert_eq!((&set.body["version"], &set.body["values"]), (&json!(1), &json!([])));
}

#[tokio::test]
async fn what_is_unknown_is_not_found() {
    let world = World::with(options()).await;
    for id in ["00".repeat(32).as_str(), "xyz", "00"] {
        world
            .admin("GET", &format!("/kbs/v1/changes/{id}"), Value::Null)
            .await
            .assert_problem(404, "NotFound");
        say(&world, id, "apply", json!({})).await.assert_problem(404, "NotFound");
    }
    let id = propose(&world).await;
    let shown = world.admin("GET", &format!("/kbs/v1/changes/{id}"), Value::Null).await.body;
    assert_eq!((&shown["body"], &shown["state"]), (&json!(TEXT), &json!("open")));
    assert_eq!(shown["statement"]["body_digest"], json!(body_digest(TEXT)));
    let list = world.admin("GET", "/kbs/v1/changes", Value::Null).await.body;
    assert_eq!((&list[0]["id"], list[0].get("body")), (&json!(id), None));
    let withdrawal = json!({"signature": sign("alice", Word::Withdraw, &id)});
    assert_eq!(say(&world, &id, "withdraw", withdrawal).await.body["state"], "withdrawn");
    let refused = approve(&world, &id, "bob").await;
    world.assert_refused(&refused, 409, "ChangeRefused", "ChangeClosed").await;
}

#[tokio::test]
async fn broken_glass_shows_in_health_and_in_what_nodes_get() {
    let world = World::furnished_with(options()).await;
    let health = || async { world.get("/healthz").await.body["break_glass"].clone() };
    assert_eq!(health().await, json!([]));
    let (id, body) = proposal(ChangeKind::Policy, "prod-other", "permit (principal, action, resource);");
    assert_eq!(world.admin("POST", "/kbs/v1/changes", body).await.status, 201);
    assert_eq!(break_glass(&world, &id, "carol").await.body["glass_broken"], true);
    assert_eq!(health().await, json!([id]));
    assert_eq!(world.get("/readyz").await.body["break_glass"], json!([id]));
    let answer = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(answer.body["receipts"][0]["break_glass"], json!([id]), "{answer:?}");
    assert_eq!(world.newest().await["break_glass"], json!([id]));
    // It survives a restart: it is in the store, not in the process.
    let world = world.restarted(options()).await;
    assert_eq!(world.newest().await["break_glass"], json!([id]));
    for (person, left) in [("bob", json!([id])), ("carol", json!([]))] {
        let body = json!({"approver": person, "signature": sign(person, Word::Acknowledge, &id)});
        assert_eq!(say(&world, &id, "acknowledge", body).await.status, 200);
        assert_eq!(world.get("/healthz").await.body["break_glass"], left);
    }
    let answer = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(answer.body["receipts"][0].get("break_glass"), None, "{answer:?}");
}

/// A document about trust that several people change, with this root in it.
fn document(root: &str) -> String {
    let people = ["alice", "bob"].map(|name| json!({"name": name, "key_sha256": body_digest(name)}));
    let scope = json!({"name": "t", "changes": ["trust"], "names": [], "approvals": 1, "wait_seconds": 0});
    let quorum = json!({"people": people, "scopes": [scope]});
    canonical(&json!({"format": "hanzo-kbs/v1/trust", "quorum": quorum, "extra_roots": [root]})).unwrap()
}

/// Once another configuration is approved, a broker that runs by the old one is not opened again: neither by a
/// restart nor by the administrator, who is told why.
#[tokio::test]
async fn a_vault_is_not_opened_by_a_configuration_that_is_no_longer_approved() {
    let world = World::with(Options { trust: Some(document("old")), ..options() }).await;
    let trust = || world.admin("GET", "/kbs/v1/trust", Value::Null);
    let adopted = trust().await.body;
    assert_eq!((&adopted["version"], &adopted["in_force"]), (&json!(1), &json!(true)));
    assert_eq!(adopted["document"]["extra_roots"], json!(["old"]));
    let (_, mut body) = proposal(ChangeKind::Trust, "trust", &document("new"));
    let stale = world.admin("POST", "/kbs/v1/changes", body.clone()).await;
    world.assert_refused(&stale, 409, "Conflict", "VersionConflict").await;
    body["expected_version"] = json!(1);
    let unsigned: ProposeChange = serde_json::from_value(body.clone()).unwrap();
    let id = unsigned.statement().id().unwrap().to_string();
    body["signature"] = sign("alice", Word::Propose, &id);
    assert_eq!(world.admin("POST", "/kbs/v1/changes", body).await.status, 201);
    assert_eq!(break_glass(&world, &id, "bob").await.body["state"], "applied");
    let approved = trust().await.body;
    assert_eq!((&approved["version"], &approved["in_force"]), (&json!(2), &json!(false)));

    assert_eq!(world.admin("POST", "/kbs/v1/seal", json!({})).await.status, 200);
    let refused = world.admin("POST", "/kbs/v1/unseal", json!({})).await;
    refused.assert_problem(503, "Sealed");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("(version 2)") && detail.contains("- extra_roots[0] = \"new\""), "{detail}");
    world.get("/readyz").await.assert_problem(503, "Sealed");
    // The new configuration opens it, and the record has the try.
    let world = world.restarted(Options { trust: Some(document("new")), ..options() }).await;
    let page = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await.text;
    assert!(page.contains("TrustNotApproved"), "{page}");
    assert_eq!(world.admin("GET", "/kbs/v1/trust", Value::Null).await.body["in_force"], true);
}

#[tokio::test]
async fn a_broker_that_goes_with_its_configuration_has_no_document() {
    let world = World::with(options()).await;
    world.admin("GET", "/kbs/v1/trust", Value::Null).await.assert_problem(404, "NotFound");
}

/// The administrator's calls that write, and whether they can change what a scope covers.
const WRITES: &[(&str, &str, bool)] = &[
    ("post", "/kbs/v1/keys", true),
    ("put", "/kbs/v1/secrets/{tenant}/{*name}", true),
    ("put", "/kbs/v1/policies/{name}", true),
    ("put", "/kbs/v1/references/{name}", true),
    // A candidate that is asked beside the rules, and releases nothing.
    ("post", "/kbs/v1/policies-replay", false),
    ("put", "/kbs/v1/policies-shadow", false),
    ("delete", "/kbs/v1/policies-shadow", false),
    ("put", "/kbs/v1/inventory/{name}", true),
    ("delete", "/kbs/v1/inventory/{name}", true),
    ("post", "/kbs/v1/changes", false),
    ("post", "/kbs/v1/changes/{id}/approvals", false),
    ("post", "/kbs/v1/changes/{id}/withdraw", false),
    ("post", "/kbs/v1/changes/{id}/apply", true),
    ("post", "/kbs/v1/changes/{id}/break-glass", true),
    ("post", "/kbs/v1/changes/{id}/acknowledge", false),
    ("post", "/kbs/v1/seal", false),
    ("post", "/kbs/v1/unseal", false),
];

/// A machine and a device of it.
fn pair_of_hardware() -> Value {
    let root = "02".repeat(32);
    json!({
        "machine": {"tee": "sev-snp", "root": root, "id": "01".repeat(64)},
        "devices": [{"root": root, "pdi": "41".repeat(8)}],
    })
}

/// Every writing route of the administrator's door stands in the table above: who adds one has to say whether
/// it changes rules. Those that do end in the vault's one function, which asks for the quorum.
#[tokio::test]
async fn no_route_changes_a_rule_without_its_quorum() {
    let source = include_str!("../router.rs");
    let door = source.split("fn admin_door()").nth(1).unwrap().split("\n}\n").next().unwrap();
    let mut found = BTreeSet::new();
    for route in door.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        for method in ["put", "post", "delete", "patch", "any"] {
            if route.contains(&format!("{method}(admin::")) {
                found.insert((method, path));
            }
        }
    }
    let known: BTreeSet<_> = WRITES.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(found, known);

    let world = World::with(options()).await;
    let id = propose(&world).await;
    let before = world.admin("GET", "/kbs/v1/policies", Value::Null).await.body;
    for (method, path, _) in WRITES.iter().filter(|(_, _, changes)| *changes) {
        let path = path.replace("{name}", "prod-release").replace("{id}", &id);
        let mut path = path.replace("{tenant}/{*name}", "prod-eu/disk");
        if *method == "delete" {
            path.push_str("?expected_version=1");
        }
        let (body, code) = match path.rsplit('/').next().unwrap() {
            "apply" => (json!({}), "ChangeNotApproved"),
            "break-glass" => {
                let signature = sign("alice", Word::BreakGlass("fire"), &id);
                (json!({"approver": "alice", "reason": "fire", "signature": signature}), "ApproverIsAuthor")
            }
            _ if path.contains("references") => (json!({"values": []}), "QuorumRequired"),
            _ if path.ends_with("keys") => {
                (json!({"id": "prod-eu/disk", "minimum_tier": 4}), "QuorumRequired")
            }
            _ if path.contains("secrets") => {
                (json!({"id": "prod-eu/disk", "minimum_tier": 4, "value": "AA=="}), "QuorumRequired")
            }
            _ if *method == "delete" => (Value::Null, "QuorumRequired"),
            _ if path.contains("inventory") => (pair_of_hardware(), "QuorumRequired"),
            _ => (json!({"text": TEXT}), "QuorumRequired"),
        };
        let reply = world.admin(&method.to_uppercase(), &path, body).await;
        assert_eq!(reply.status, 409, "{method} {path}: {reply:?}");
        assert_eq!(world.newest().await["code"], code, "{method} {path}");
    }
    assert_eq!(world.admin("GET", "/kbs/v1/policies", Value::Null).await.body, before);
}
