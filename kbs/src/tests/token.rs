//! Tokens: EARs for relying parties, and names of stored evidence for `authorize`.

use super::World;
use super::world::Options;
use crate::token::TokenKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanzo_attestation_lab::SnpOrder;
use serde_json::{Value, json};

async fn attested(world: &World) -> (String, Value) {
    let reply = world.post("/kbs/v1/attest", &world.proof(SnpOrder::default()).await).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.body["token"].as_str().unwrap().to_owned();
    (token, reply.body)
}

pub(super) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn spliced(header: &Value, token: &str, signature: &[u8]) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_token_is_an_ear_that_names_tier_recipient_and_lab() {
    let world = World::furnished().await;
    let (token, body) = attested(&world).await;
    assert_eq!(body["tier"], 2);
    let claims = part(&token, 1);
    assert_eq!(claims["iss"], "https://kbs.example");
    assert_eq!(claims["aud"], "https://kbs.example");
    assert_eq!(claims["lab"], true);
    assert_eq!(claims["tier"], 2);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!(claims["cnf"]["recipient_sha256"], json!(world.pair.recipient().digest()));
    assert_eq!(claims["eat_profile"], "tag:ietf.org,2026:rats/ear#04");
    assert_eq!(claims["ear_status"], "affirming");
    assert_eq!(claims["submods"]["cpu0"]["ear_status"], "affirming");
    assert_eq!(claims["submods"]["cpu0"]["ear_attester_claims"]["tee"], "sev-snp");
    assert!(claims["ear_verifier_id"]["build"].as_str().unwrap().starts_with("hanzo-kbs "));
    let annotated = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"];
    assert_eq!(annotated["policy_debug_allowed"], false, "under Trustee's names, in its types");
    assert_eq!(annotated["chip_id"].as_str().unwrap().len(), 128);
    let trace = &claims["submods"]["cpu0"]["ear_verifier_claims"]["trace"];
    assert_eq!(
        (&trace["ruleset"], &trace["collateral"][0]["kind"]),
        (&json!(1), &json!("amd-crl")),
        "COL-24"
    );
    assert_eq!(trace["root"].as_str().unwrap().len(), 64);
    let vector = &claims["submods"]["cpu0"]["ear_trustworthiness_vector"];
    assert_eq!((&vector["instance-identity"], &vector["hardware"]), (&json!(2), &json!(2)), "{claims}");
    assert_eq!(claims["evidence_sha256"], world.newest().await["evidence_digest"]);
}

#[tokio::test]
async fn the_published_key_checks_it_and_is_named_by_its_thumbprint() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    let jwks = world.get("/.well-known/jwks.json").await;
    assert_eq!(jwks.headers["cache-control"], "public, max-age=300");
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks.body).unwrap();
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    let jwk = set.find(&kid).unwrap();
    assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), kid);
    let key = jsonwebtoken::DecodingKey::from_jwk(jwk).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false; // the world's clock stands still
    validation.set_audience(&["https://kbs.example"]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["ear_status"], "affirming");
}

#[tokio::test]
async fn a_token_opens_what_its_evidence_opens() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    let keys = json!({"keys": ["acme/disk"]});
    for _ in 0..2 {
        let granted = world.bearer(&token, "/kbs/v1/authorize", &keys).await;
        assert_eq!(granted.status, 200, "{granted:?}");
    }
    world.key("acme/high", 3).await;
    let refused = world.bearer(&token, "/kbs/v1/authorize", &json!({"keys": ["acme/high"]})).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "TierTooLow").await;
}

#[tokio::test]
async fn a_token_survives_a_restart_and_ends_in_time() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    let world = world.restarted(Options { seed: 5, ..Options::default() }).await;
    let keys = json!({"keys": ["acme/disk"]});
    world.advance(299);
    assert_eq!(world.bearer(&token, "/kbs/v1/authorize", &keys).await.status, 200);
    world.advance(1);
    let refused = world.bearer(&token, "/kbs/v1/authorize", &keys).await;
    world.assert_refused(&refused, 401, "Unauthenticated", "TokenExpired").await;
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_revoked_root_is_seen_by_an_old_token() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    // the same store, in a broker that no longer knows the lab
    let world = world.restarted(Options { lab: false, ..Options::default() }).await;
    let refused = world.bearer(&token, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "SnpRootNotPinned").await;
}

#[tokio::test]
async fn forged_tokens_are_refused_by_name() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    let header = part(&token, 0);
    let set = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let signature = URL_SAFE_NO_PAD.decode(token.split('.').nth(2).unwrap()).unwrap();
    let mut flipped = signature.clone();
    flipped[0] ^= 1;
    let jwks = world.get("/.well-known/jwks.json").await.text;
    let hs256 = {
        let header = set("alg", json!("HS256"));
        let claims = part(&token, 1);
        let key = jsonwebtoken::EncodingKey::from_secret(jwks.as_bytes());
        jsonwebtoken::encode(&serde_json::from_value(header).unwrap(), &claims, &key).unwrap()
    };
    let forgeries = [
        (spliced(&set("alg", json!("none")), &token, &[]), "TokenAlgorithm"),
        (spliced(&set("alg", json!("ES384")), &token, &signature), "TokenAlgorithm"),
        (hs256, "TokenAlgorithm"),
        (spliced(&set("kid", json!("x")), &token, &signature), "TokenKeyId"),
        (spliced(&json!({"alg": "ES256"}), &token, &signature), "TokenKeyId"),
        (spliced(&set("jku", json!("https://evil.example/jwks")), &token, &signature), "TokenHeader"),
        (spliced(&set("x5u", json!("https://evil.example/c")), &token, &signature), "TokenHeader"),
        (spliced(&set("crit", json!(["b64"])), &token, &signature), "TokenHeader"),
        (spliced(&header, &token, &flipped), "TokenSignature"),
        (spliced(&header, &token, &signature[..63]), "TokenSignature"),
        ("a.b".to_owned(), "TokenMalformed"),
        ("....".to_owned(), "TokenMalformed"),
        ("x".repeat(20_000), "TokenMalformed"),
    ];
    for (forged, code) in forgeries {
        let refused = world.bearer(&forged, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
        world.assert_refused(&refused, 401, "Unauthenticated", code).await;
    }
}

#[tokio::test]
async fn another_brokers_token_is_refused() {
    let world = World::furnished().await;
    let other = World::with(Options { seed: 3, ..Options::default() }).await;
    let (token, _) = attested(&other).await;
    let refused = world.bearer(&token, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
    world.assert_refused(&refused, 401, "Unauthenticated", "TokenKeyId").await;
}

#[tokio::test]
async fn the_same_key_under_another_name_is_another_broker() {
    let world = World::furnished().await;
    let (token, _) = attested(&world).await;
    let world = world.restarted(Options { issuer: "https://other.example", ..Options::default() }).await;
    let refused = world.bearer(&token, "/kbs/v1/authorize", &json!({"keys": ["acme/disk"]})).await;
    world.assert_refused(&refused, 401, "Unauthenticated", "TokenIssuer").await;
}

#[tokio::test]
async fn no_token_and_no_evidence_is_unauthenticated() {
    let world = World::furnished().await;
    let keys = json!({"keys": ["acme/disk"]});
    world.post("/kbs/v1/authorize", &keys).await.assert_problem(401, "Unauthenticated");
}

#[tokio::test]
async fn discovery_names_the_issuer() {
    let world = World::new().await;
    let found = world.get("/.well-known/openid-configuration").await;
    assert_eq!(found.body["issuer"], "https://kbs.example");
    assert_eq!(found.body["jwks_uri"], "https://kbs.example/.well-known/jwks.json");
}

#[test]
fn a_signing_key_must_be_p256() {
    for der in [&b""[..], &[0x30, 0x00], &[0; 138]] {
        assert!(TokenKey::from_pkcs8(der).is_err());
    }
    let rng = aws_lc_rs::rand::SystemRandom::new();
    let other = aws_lc_rs::signature::EcdsaKeyPair::generate_pkcs8(
        &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        &rng,
    );
    assert!(TokenKey::from_pkcs8(other.unwrap().as_ref()).is_err());
}
