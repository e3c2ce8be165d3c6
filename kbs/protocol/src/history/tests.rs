use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// RFC 4648, 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    let text = hanzo_attestation_evidence::encoding::base64_encode(bytes);
    text.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn keys(&self) -> KeySet {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1",
            "x": base64url(x), "y": base64url(y)});
        serde_json::from_value(json!({"keys": [key]})).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(signature.as_ref()))
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": TYPE, "kid": "k1"})
}

fn version(version: u64) -> RuleVersion {
    RuleVersion {
        version,
        digest: Hex([u8::try_from(version).unwrap(); 32]),
        created_at: UnixTime::from_seconds(1_790_000_000).unwrap(),
        decision: 10 + version,
        hash: Hex([7; 32]),
        actor: "admin-token".to_owned(),
    }
}

fn statement(versions: std::ops::RangeInclusive<u64>, seq: u64) -> HistoryStatement {
    HistoryStatement {
        iss: "https://kbs.example".to_owned(),
        iat: UnixTime::from_seconds(1_790_000_100).unwrap(),
        kind: RuleName::Policy,
        name: "main".to_owned(),
        versions: versions.map(version).collect(),
        head: Checkpoint { seq, hash: Hex([9; 32]) },
    }
}

fn claims(statement: &HistoryStatement) -> Value {
    serde_json::to_value(statement).unwrap()
}

#[test]
fn a_statement_is_read_by_its_key() {
    let (signer, stated) = (Signer::new(), statement(1..=3, 20));
    let text = signer.sign(&header(), &claims(&stated));
    assert_eq!(HistoryStatement::read(&format!("{text}\n"), &signer.keys()), Ok(stated));
}

#[test]
fn what_is_no_statement_is_refused_by_name() {
    let (signer, stated) = (Signer::new(), claims(&statement(1..=3, 20)));
    let keys = signer.keys();
    let refused = |text: &str| HistoryStatement::read(text, &keys).unwrap_err();
    let with = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        signer.sign(&header, &stated)
    };
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("ES384")),
        ("typ", json!("JWT")),
        ("jku", json!("https://elsewhere.example")),
        ("crit", json!(["exp"])),
    ] {
        assert_eq!(refused(&with(name, value)), StatementError::Header);
    }
    assert_eq!(refused(&with("kid", json!("k2"))), StatementError::KeyUnknown("k2".to_owned()));
    let good = signer.sign(&header(), &stated);
    assert_eq!(HistoryStatement::read(&good, &Signer::new().keys()), Err(StatementError::Signature));
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{signed}.{}", base64url(&[1; 64]))), StatementError::Signature);
    assert_eq!(refused(&format!("{signed}.AAAA")), StatementError::Signature);
    for text in ["", "a", "a.b", "....", "e30.e30.e3=", &good.replace('.', ",")] {
        assert!(matches!(refused(text), StatementError::Malformed | StatementError::Header), "{text}");
    }
    assert_eq!(refused(&"a".repeat(MAX_STATEMENT + 1)), StatementError::TooLarge(MAX_STATEMENT + 1));
    // The payload of another statement under this one's signature.
    let other = signer.sign(&header(), &claims(&statement(1..=2, 20)));
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let mixed = [&parts(&good)[0], &parts(&other)[1], &parts(&good)[2]].map(String::as_str).join(".");
    assert_eq!(refused(&mixed), StatementError::Signature);
    let key = |change: fn(&mut Value)| {
        let mut keys = serde_json::to_value(signer.keys()).unwrap();
        change(&mut keys["keys"][0]);
        HistoryStatement::read(&good, &serde_json::from_value(keys).unwrap())
    };
    for change in [
        |key: &mut Value| key["kty"] = json!("RSA"),
        |key: &mut Value| key["crv"] = json!("P-384"),
        |key: &mut Value| key["x"] = json!("AAAA"),
        |key: &mut Value| key["y"] = json!("/w"),
    ] {
        assert_eq!(key(change), Err(StatementError::Key("k1".to_owned())));
    }
}

/// The key signs other things as well; what it signed must still be a history.
#[test]
fn signed_claims_that_are_no_history_are_refused() {
    let signer = Signer::new();
    let refused = |claims: &Value| {
        let read = HistoryStatement::read(&signer.sign(&header(), claims), &signer.keys());
        assert!(matches!(read, Err(StatementError::Claims(_))), "{claims}: {read:?}");
    };
    let changed = |change: fn(&mut HistoryStatement)| {
        let mut stated = statement(1..=3, 20);
        change(&mut stated);
        claims(&stated)
    };
    refused(&json!({"iss": "https://kbs.example", "aud": "x", "exp": 1}));
    refused(&changed(|stated| stated.versions.clear()));
    refused(&changed(|stated| drop(stated.versions.remove(1))));
    refused(&changed(|stated| stated.versions.reverse()));
    refused(&changed(|stated| stated.versions[0].version = 0));
    refused(&changed(|stated| stated.versions[1].decision = 11));
    refused(&changed(|stated| stated.head.seq = 12));
    let mut more = claims(&statement(1..=3, 20));
    more["more"] = json!(1);
    refused(&more);
}

#[test]
fn a_history_continues_only_what_it_was() {
    let earlier = statement(1..=3, 20);
    for later in [statement(1..=3, 20), statement(1..=3, 25), statement(1..=5, 30), statement(4..=6, 30)] {
        assert_eq!(later.continues(&earlier), Ok(()));
    }
    let other = HistoryStatement { name: "other".to_owned(), ..statement(1..=3, 20) };
    assert_eq!(other.continues(&earlier), Err(Diverged::OtherRule));
    let other = HistoryStatement { kind: RuleName::Reference, ..statement(1..=3, 20) };
    assert_eq!(other.continues(&earlier), Err(Diverged::OtherRule));
    assert_eq!(statement(1..=2, 30).continues(&earlier), Err(Diverged::RolledBack { had: 3, has: 2 }));
    assert_eq!(statement(5..=6, 30).continues(&earlier), Err(Diverged::Gap { after: 3, before: 5 }));
    let changes: [fn(&mut RuleVersion); 4] = [
        |row| row.digest = Hex([0; 32]),
        |row| row.actor = "somebody else".to_owned(),
        |row| row.hash = Hex([0; 32]),
        |row| row.decision -= 1,
    ];
    for change in changes {
        let mut later = statement(1..=5, 30);
        change(&mut later.versions[1]);
        assert_eq!(later.continues(&earlier), Err(Diverged::Rewritten { version: 2 }));
    }
    assert_eq!(statement(1..=3, 19).continues(&earlier), Err(Diverged::Record { had: 20, has: 19 }));
    let other = Checkpoint { seq: 20, hash: Hex([1; 32]) };
    let later = HistoryStatement { head: other, ..statement(1..=3, 20) };
    assert_eq!(later.continues(&earlier), Err(Diverged::Record { had: 20, has: 20 }));
}
