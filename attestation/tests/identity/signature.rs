//! Registered keys: who signs the binding is known by name.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanzo_attestation::identity::{PublicKey, RegisteredKey};
use hanzo_attestation::{Attested, Cache, Claims, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Binding, Broken, Document, Kem, Recipient, Tee, UnixTime};
use serde_json::{Value, json};

fn binding(nonce: &str) -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    Binding::new(nonce, &recipient, None, &[]).unwrap()
}

struct Keys {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    roots: Roots,
}

impl Keys {
    fn new() -> Self {
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let alice = PublicKey::Ed25519(ed25519.public_key().as_ref().try_into().unwrap());
        let bob = PublicKey::P256(p256.public_key().as_ref().try_into().unwrap());
        let roots = Roots::vendor()
            .with_registered_key(RegisteredKey { key_id: "alice".to_owned(), public_key: alice })
            .with_registered_key(RegisteredKey { key_id: "bob".to_owned(), public_key: bob });
        Self { ed25519, p256, roots }
    }

    fn by_alice(&self, binding: &Binding) -> Value {
        item("alice", self.ed25519.sign(binding.identity_message()).as_ref())
    }

    fn by_bob(&self, binding: &Binding) -> Value {
        let signature = self.p256.sign(&SystemRandom::new(), binding.identity_message()).unwrap();
        item("bob", signature.as_ref())
    }

    fn judge(&self, items: Vec<Value>, binding: &Binding) -> Result<Attested, String> {
        let document = Document::from_json(json!({"evidence": items}).to_string().as_bytes())
            .map_err(|error| error.rule().to_string())?;
        let collateral = Collateral::default();
        let now = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
        let context = Context {
            roots: &self.roots,
            collateral: &collateral,
            revocation: &Revocation::Required,
            now,
            cache: Cache::off(),
        };
        verify(document.parse().unwrap(), &context)
            .and_then(|verified| {
                assert!(verified.items().is_empty(), "an identity is nobody before the binding");
                verified.bind(binding)
            })
            .map_err(|refused| refused.finding.rule.to_string())
    }
}

fn item(key_id: &str, signature: &[u8]) -> Value {
    json!({"type": "registered-key", "key_id": key_id, "signature": STANDARD.encode(signature)})
}

#[test]
fn both_algorithms_are_accepted_over_the_binding() {
    let keys = Keys::new();
    let attested =
        keys.judge(vec![keys.by_alice(&binding("n")), keys.by_bob(&binding("n"))], &binding("n")).unwrap();
    let names: Vec<&str> = attested
        .items()
        .iter()
        .map(|item| match item.claims() {
            Claims::RegisteredKey(claims) => claims.key_id.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert!(attested.items().iter().all(|item| item.tee() == Tee::RegisteredKey && !item.facts().lab));
}

#[test]
fn id_01_unknown_keys_are_refused_by_name() {
    let keys = Keys::new();
    for name in ["mallory", "Alice", "alice2", "alic"] {
        let mut item = keys.by_alice(&binding("n"));
        item["key_id"] = json!(name);
        assert_eq!(keys.judge(vec![item], &binding("n")).unwrap_err(), "ID-01 RegisteredKeyUnknown");
    }
}

#[test]
fn id_02_other_bindings_keys_and_bytes_are_refused() {
    let keys = Keys::new();
    let refused = |item| keys.judge(vec![item], &binding("n")).unwrap_err();
    assert_eq!(refused(keys.by_alice(&binding("m"))), "ID-02 RegisteredKeySignature");
    assert_eq!(refused(keys.by_bob(&binding("m"))), "ID-02 RegisteredKeySignature");
    let mut swapped = keys.by_bob(&binding("n"));
    swapped["key_id"] = json!("alice");
    assert_eq!(refused(swapped), "ID-02 RegisteredKeySignature");
    assert_eq!(refused(item("alice", &[0; 64])), "ID-02 RegisteredKeySignature");
    assert_eq!(refused(item("bob", &[0; 64])), "COL-20 SignatureNotCanonical");
    let cpu = keys.ed25519.sign(binding("n").cpu_report_data());
    assert_eq!(refused(item("alice", cpu.as_ref())), "ID-02 RegisteredKeySignature", "another domain");
}

#[test]
fn malformed_items_are_refused() {
    let keys = Keys::new();
    let refused = |item| keys.judge(vec![item], &binding("n")).unwrap_err();
    assert_eq!(refused(item("alice", &[0; 63])), "COL-03 EnvelopeMalformed");
    assert_eq!(refused(item("alice", &[0; 80])), "COL-01 EvidenceTooLarge");
    assert_eq!(refused(item("", &[0; 64])), "COL-03 EnvelopeMalformed");
    assert_eq!(refused(item("alice\n", &[0; 64])), "COL-03 EnvelopeMalformed");
    assert_eq!(refused(item(&"a".repeat(129), &[0; 64])), "COL-03 EnvelopeMalformed");
    let twice = keys.by_alice(&binding("n"));
    assert_eq!(
        keys.judge(vec![twice.clone(), twice], &binding("n")).unwrap_err(),
        "COL-03 EnvelopeMalformed"
    );
}
