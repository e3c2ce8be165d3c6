//! From evidence to an opened key, through every type on the way: the evidence of a registered key, verified,
//! bound, appraised, authorized, and released against the permit. Public interfaces only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hanzo_attestation::identity::{PublicKey, RegisteredKey};
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Binding, Document, Hex, Kem, UnixTime, encoding};
use hanzo_kbs_log::{Action, Door, NewDecision};
use hanzo_kbs_protocol::{Algorithm, AuthorizeResponse, RecipientKeyPair, handshake};
use hanzo_kbs_vault::{
    DeviceRules, KeyFileSeal, Release, ReleaseError, Released, SessionPlan, Store, SystemRng, UsedNonce,
    Vault,
};
use hanzo_policy::{
    Appraisal, Circumstances, Denial, KeyId, KeyScope, Permit, Policies, PolicySource, References, Tier,
    appraise, authorize,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const POLICY: &str = "permit(principal, action, resource);";

struct Bench {
    _folder: tempfile::TempDir,
    vault: Vault,
    identity: Ed25519KeyPair,
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_790_000_000 + seconds).unwrap()
}

fn decision(now: i64, action: Action) -> NewDecision {
    NewDecision::granted(at(now), Door::Native, action, "registered-key:worker", "req-1")
}

fn scope(name: &str, minimum: Tier) -> KeyScope {
    KeyScope { key: KeyId::parse(name).unwrap(), minimum, require_cpu_tee: false }
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.db"), Arc::new(SystemRng)).await.unwrap();
    let seal = KeyFileSeal::create(folder.path().join("key"), &SystemRng).unwrap();
    store.initialise(&seal, at(0)).await.unwrap();
    let vault = store.unseal(&seal).await.unwrap();
    for (name, minimum) in [("acme/config", Tier::Encrypted), ("acme/disk", Tier::Open)] {
        let decision = decision(1, Action::KeyCreate);
        vault.create_key(&scope(name, minimum), Algorithm::Aes256, decision).await.unwrap();
    }
    vault.put_policy("release", POLICY, None, decision(2, Action::PolicyPut)).await.unwrap();
    let identity = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    Bench { _folder: folder, vault, identity }
}

/// No policy here asks how many grants are live: a refusal that no test expects.
fn unasked(key: &str, _: u32) -> Result<Permit, Denial> {
    Err(Denial { code: "Unasked", message: key.to_owned(), reasons: Vec::new() })
}

impl Bench {
    /// What a broker does with a request for these keys.
    async fn permits(&self, pair: &RecipientKeyPair, nonce: &str, keys: &[&str], now: i64) -> Vec<Permit> {
        let binding = Binding::new(nonce, pair.recipient(), None, &[]).unwrap();
        let signature = encoding::base64_encode(self.identity.sign(binding.identity_message()).as_ref());
        let item = json!({"type": "registered-key", "key_id": "worker", "signature": signature});
        let document = serde_json::to_vec(&json!({"evidence": [item]})).unwrap();
        let evidence = Document::from_json(&document).unwrap().parse().unwrap();
        let public_key = PublicKey::Ed25519(self.identity.public_key().as_ref().try_into().unwrap());
        let registered = RegisteredKey { key_id: "worker".to_owned(), public_key };
        let roots = Roots::vendor().with_registered_key(registered);
        let (collateral, revocation) = (Collateral::default(), Revocation::Required);
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now: at(now),
            cache: Cache::off(),
        };
        let attested = verify(evidence, &context).unwrap().bind(&binding).unwrap();
        let appraised = appraise(attested, &Appraisal::strict()).unwrap();
        assert_eq!(appraised.tier(), Tier::Encrypted);

        let stored = self.vault.rules().await.unwrap();
        let sources: Vec<PolicySource> = stored
            .policies
            .into_iter()
            .map(|policy| PolicySource { name: policy.name, version: policy.version, text: policy.text })
            .collect();
        let policies = Policies::compile(&sources).unwrap();
        let references = References::new(Vec::new()).unwrap();
        let mut permits = Vec::new();
        for key in keys {
            let scope = self.vault.key_scope(&KeyId::parse(key).unwrap()).await.unwrap().unwrap();
            let lifetime = Duration::from_secs(600);
            let circumstances = Circumstances { now: at(now), live_grants: Some(0) };
            permits.push(
                authorize(&appraised, &scope, &policies, &references, circumstances, lifetime).unwrap(),
            );
        }
        permits
    }

    async fn release(
        &self,
        permits: Vec<Permit>,
        session: SessionPlan,
        nonce: u8,
        now: i64,
    ) -> Result<Released, ReleaseError> {
        let action = match &session {
            SessionPlan::Open => Action::Authorize,
            SessionPlan::Renew(_) => Action::Renew,
        };
        let rules_epoch = self.vault.rules_epoch().await.unwrap();
        let nonce = Some(UsedNonce { digest: Hex([nonce; 32]), expires_at: at(now + 60) });
        let (devices, decision) = (DeviceRules::default(), decision(now, action));
        let attested_at = at(now);
        let release = Release { permits, session, nonce, attested_at, rules_epoch, devices, decision };
        self.vault.release(release, &unasked).await
    }
}

#[tokio::test]
async fn evidence_becomes_a_key() {
    let bench = bench().await;
    let pair = RecipientKeyPair::generate(Kem::XWing).unwrap();
    let keys = ["acme/config", "acme/disk"];
    let permits = bench.permits(&pair, "bm9uY2U=", &keys, 10).await;
    let released = bench.release(permits, SessionPlan::Open, 1, 10).await.unwrap();
    let session = released.session_id.clone();
    let answer = AuthorizeResponse::from(released);
    let asked: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let opened = handshake::open_answer(&pair, &answer, &asked, at(10)).unwrap();
    assert_eq!((opened.tier, opened.keys.len()), (1, 2));
    assert_ne!(opened.keys[0].material, opened.keys[1].material);

    // The same session, renewed with fresh evidence, gives the same material.
    let permits = bench.permits(&pair, "bm9uY2Uy", &keys, 300).await;
    let renewed = bench.release(permits, SessionPlan::Renew(session.clone()), 2, 300).await.unwrap();
    let answer = AuthorizeResponse::from(renewed);
    let again = handshake::open_answer(&pair, &answer, &asked, at(300)).unwrap();
    assert_eq!((again.session_id, again.expires_at), (session, at(900)));
    assert_eq!(again.keys[1].material, opened.keys[1].material);
    assert!(again.checkpoint.seq > opened.checkpoint.seq);

    let head = bench.vault.check_log().await.unwrap();
    let row = bench.vault.decision(head.seq).await.unwrap().unwrap().entry;
    assert_eq!(row.reason, "permitted by release");
    assert_eq!((row.tier, row.minimum_tier, row.lab), (Some(1), Some(0), false));
}

#[tokio::test]
async fn permits_of_two_decisions_are_not_mixed() {
    let bench = bench().await;
    let ours = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let other = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let mut permits = bench.permits(&ours, "bm9uY2U=", &["acme/config"], 10).await;
    permits.extend(bench.permits(&other, "bm9uY2U=", &["acme/disk"], 10).await);
    let refused = bench.release(permits, SessionPlan::Open, 1, 10).await;
    assert_eq!(refused, Err(ReleaseError::PermitsDiffer { key: "acme/disk".to_owned() }));
    assert_eq!(bench.vault.grants(None).await.unwrap(), []);
}

#[tokio::test]
async fn another_recipient_does_not_renew() {
    let bench = bench().await;
    let ours = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let other = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let permits = bench.permits(&ours, "bm9uY2U=", &["acme/disk"], 10).await;
    let session = bench.release(permits, SessionPlan::Open, 1, 10).await.unwrap().session_id;
    let permits = bench.permits(&other, "bm9uY2Uy", &["acme/disk"], 20).await;
    let refused = bench.release(permits, SessionPlan::Renew(session), 2, 20).await;
    assert!(matches!(refused, Err(ReleaseError::RecipientChanged { .. })));
}

#[tokio::test]
async fn a_permit_outlived_by_time_or_rules_is_refused() {
    let bench = bench().await;
    let pair = RecipientKeyPair::generate(Kem::P256HkdfSha256).unwrap();
    let permits = bench.permits(&pair, "bm9uY2U=", &["acme/disk"], 10).await;
    let refused = bench.release(permits, SessionPlan::Open, 1, 610).await;
    assert!(matches!(refused, Err(ReleaseError::PermitExpired { .. })));

    let permits = bench.permits(&pair, "bm9uY2U=", &["acme/disk"], 620).await;
    let decided = bench.vault.rules_epoch().await.unwrap();
    let change = decision(621, Action::PolicyPut);
    bench.vault.put_policy("release", "// nobody", Some(1), change).await.unwrap();
    let release = Release {
        permits,
        session: SessionPlan::Open,
        nonce: None,
        attested_at: at(620),
        rules_epoch: decided,
        devices: DeviceRules::default(),
        decision: decision(622, Action::Authorize),
    };
    let refused = bench.vault.release(release, &unasked).await;
    assert!(matches!(refused, Err(ReleaseError::RulesChanged { .. })));
}
