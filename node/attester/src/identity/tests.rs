use super::*;
use crate::Source;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ED25519,
    EcdsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use hanzo_attestation_evidence::{Kem, Recipient};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn binding(nonce: &str) -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    Binding::new(nonce, &recipient, None, &[]).unwrap()
}

/// A file of a mode in a folder of its own.
fn file(content: &[u8], mode: u32) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

fn read(content: &[u8]) -> Result<IdentityKey, KeyFileError> {
    let (_dir, path) = file(content, 0o600);
    IdentityKey::read(&path)
}

fn refused(content: &[u8]) -> KeyFileError {
    read(content).err().unwrap()
}

fn p256_der() -> Vec<u8> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    document.unwrap().as_ref().to_vec()
}

/// The PEM text of a fresh Ed25519 key.
fn ed25519_pem() -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    IdentityKey::create(&path).unwrap_or_else(|error| panic!("{error}"));
    fs::read_to_string(&path).unwrap()
}

fn verifies(public: &PublicPart, message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match public.algorithm {
        Algorithm::Ed25519 => &ED25519,
        Algorithm::P256 => &ECDSA_P256_SHA256_FIXED,
    };
    UnparsedPublicKey::new(algorithm, &public.public_key).verify(message, signature).is_ok()
}

#[tokio::test]
async fn the_empty_document_gets_an_item_that_verifies_for_this_binding_alone() {
    let keys = [read(ed25519_pem().as_bytes()), read(&p256_der())];
    for key in keys.map(Result::ok) {
        let identity = Identity::new(KeyId::parse("ci-runner").unwrap(), key.unwrap());
        let public = identity.public();
        let source = Identified::new(Source::Nothing, Some(identity));
        assert_eq!(source.name(), "none");
        let document = source.collect(&binding("a")).await.unwrap();
        let items = document["evidence"].as_array().unwrap();
        assert_eq!((items.len(), document.as_object().unwrap().len()), (1, 1));
        let item = items[0].as_object().unwrap();
        assert!(item.len() == 3 && item.contains_key("signature"), "{item:?}");
        assert_eq!((&item["type"], &item["key_id"]), (&"registered-key".into(), &"ci-runner".into()));
        let signature = encoding::base64_decode(item["signature"].as_str().unwrap()).unwrap();
        assert_eq!(signature.len(), 64);
        assert!(verifies(&public, binding("a").identity_message(), &signature));

        assert!(!verifies(&public, binding("b").identity_message(), &signature), "another challenge");
        assert!(!verifies(&public, binding("a").cpu_report_data(), &signature), "another domain");
        let other = read(&p256_der()).ok().unwrap().public();
        assert!(!verifies(&other, binding("a").identity_message(), &signature), "another key");
    }
}

/// A source that gives one value.
struct Gives(Value);

impl EvidenceSource for Gives {
    fn name(&self) -> &'static str {
        "gives"
    }

    async fn collect(&self, _: &Binding) -> Result<Value, CollectError> {
        Ok(self.0.clone())
    }
}

/// A source that gives nothing.
struct Fails;

impl EvidenceSource for Fails {
    fn name(&self) -> &'static str {
        "fails"
    }

    async fn collect(&self, _: &Binding) -> Result<Value, CollectError> {
        Err(CollectError::Interrupted)
    }
}

fn identity() -> Option<Identity> {
    Some(Identity::new(KeyId::parse("n").unwrap(), read(&p256_der()).ok().unwrap()))
}

#[tokio::test]
async fn the_item_comes_after_those_of_the_hardware_and_only_with_an_identity() {
    let hardware = json!({"evidence": [{"type": "tdx"}]});
    let both = Identified::new(Gives(hardware.clone()), identity()).collect(&binding("a")).await.unwrap();
    let kinds: Vec<&str> =
        both["evidence"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tdx", "registered-key"]);
    let alone = Identified::new(Gives(hardware.clone()), None).collect(&binding("a")).await.unwrap();
    assert_eq!(alone, hardware);
}

#[tokio::test]
async fn an_identity_does_not_stand_in_for_evidence_that_failed() {
    let outcome = Identified::new(Fails, identity()).collect(&binding("a")).await;
    assert_eq!(outcome, Err(CollectError::Interrupted));
    for other in [json!([]), json!({}), json!({"evidence": {}}), Value::Null] {
        let outcome = Identified::new(Gives(other), identity()).collect(&binding("a")).await;
        assert_eq!(outcome, Err(CollectError::NoDocument { source_name: "gives" }));
    }
}

#[test]
fn a_fresh_key_is_its_owners_alone_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    let made = IdentityKey::create(&path).ok().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("-----BEGIN PRIVATE KEY-----\n") && text.ends_with("-----END PRIVATE KEY-----\n")
    );
    assert!(text.lines().all(|line| line.len() <= 64));
    let public = made.public();
    assert_eq!((public.algorithm.name(), public.public_key.len()), ("ed25519", 32));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(IdentityKey::read(&path).ok().unwrap().public(), public);
    let other = IdentityKey::create(&dir.path().join("other.key")).ok().unwrap().public();
    assert_ne!(other.public_key, public.public_key);
    let form = serde_json::to_value(&public).unwrap();
    assert_eq!(form, json!({"algorithm": "ed25519", "public_key": public.base64()}));
}

#[test]
fn create_overwrites_nothing() {
    let (dir, path) = file(b"old", 0o600);
    let exists = |path: &Path| {
        let refused = IdentityKey::create(path).err().unwrap();
        assert_eq!(refused, KeyFileError::Exists { path: path.to_owned() });
    };
    exists(&path);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let link = dir.path().join("link");
    symlink(dir.path().join("nowhere"), &link).unwrap();
    exists(&link);
    exists(dir.path());
    let nowhere = IdentityKey::create(&dir.path().join("no/key")).err().unwrap();
    assert!(matches!(nowhere, KeyFileError::Io { .. }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn pem_and_der_of_both_algorithms_are_read() {
    let der = p256_der();
    let from_der = read(&der).ok().unwrap().public();
    assert_eq!((from_der.algorithm.name(), from_der.public_key.len()), ("p256", 65));
    let text = pem::private_key(&der);
    assert_eq!(read(text.as_bytes()).ok().unwrap().public(), from_der);
    assert_eq!(read(text.replace('\n', "\r\n").as_bytes()).ok().unwrap().public(), from_der);
    let ed25519 = ed25519_pem();
    let from_pem = read(ed25519.as_bytes()).ok().unwrap().public();
    let der = pem::read(ed25519.as_bytes()).unwrap();
    assert_eq!(read(&der).ok().unwrap().public(), from_pem);
}

#[test]
fn a_key_that_others_may_touch_is_refused() {
    for mode in [0o644, 0o640, 0o620, 0o601, 0o700, 0o4600, 0o1600] {
        let (_dir, path) = file(ed25519_pem().as_bytes(), mode);
        let refused = IdentityKey::read(&path).err().unwrap();
        assert_eq!(refused, KeyFileError::Mode { path, mode });
    }
}

#[test]
fn what_is_no_readable_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(IdentityKey::read(&dir.path().join("no")).err().unwrap(), KeyFileError::Io { .. }));
    assert!(matches!(IdentityKey::read(dir.path()).err().unwrap(), KeyFileError::NotAFile { .. }));
    assert!(matches!(
        IdentityKey::read(Path::new("/dev/null")).err().unwrap(),
        KeyFileError::NotAFile { .. }
    ));
    assert!(matches!(refused(&[b'x'; 8193]), KeyFileError::TooLarge { limit: 8192, .. }));
    assert!(matches!(refused(&[b'x'; 8192]), KeyFileError::Pem { .. }));
}

#[test]
fn other_pem_is_refused_by_name() {
    let good = ed25519_pem();
    let reason = |text: &str| match refused(text.as_bytes()) {
        KeyFileError::Pem { reason, .. } => reason,
        other => panic!("{other}"),
    };
    for label in ["ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PUBLIC KEY"] {
        let PemError::Label(named) = reason(&good.replace("PRIVATE KEY", label)) else { panic!("{label}") };
        assert_eq!(named, format!("`{label}`"));
    }
    let canary = reason(&good.replace("PRIVATE KEY", "canary"));
    assert_eq!(canary, PemError::Label("a block of another kind"));
    assert_eq!(reason(""), PemError::Begin);
    assert_eq!(reason(&format!("x{good}")), PemError::Begin);
    assert_eq!(reason(&format!("{good}x")), PemError::End);
    assert_eq!(reason(&good.replace("END", "FIN")), PemError::End);
    assert_eq!(reason(&good.replace("MC4C", "MC*C")), PemError::Base64);
    assert_eq!(reason(&good.replace("MC4C", "MC 4C")), PemError::Base64);
    assert_eq!(reason(&format!("{good}{good}")), PemError::Base64);
    assert_eq!(reason("\u{e9}"), PemError::NotText);
    let bytes = refused(&[0xff, 0xfe]);
    assert!(matches!(bytes, KeyFileError::Pem { reason: PemError::NotText, .. }));
}

#[test]
fn other_keys_and_damaged_ones_are_refused() {
    let p384 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let good = p256_der();
    let longer = [&good[..], &[0]].concat();
    let shorter = &good[..good.len() - 1];
    let pem_longer = pem::private_key(&longer);
    let mut no_sequence = good.clone();
    no_sequence[0] = 0x31;
    let text = pem::private_key(&no_sequence);
    for content in
        [p384.as_ref(), &longer, shorter, pem_longer.as_bytes(), text.as_bytes(), b"0", b"0\x80\0\0"]
    {
        assert!(matches!(refused(content), KeyFileError::NotAKey { .. }));
    }
}

#[test]
fn no_error_shows_a_byte_of_the_file() {
    let good = ed25519_pem();
    let secret = good.lines().nth(1).unwrap();
    for text in [good.replace("PRIVATE KEY", secret), good.replace("END", ""), format!("{secret}\n")] {
        let refused = refused(text.as_bytes());
        assert!(!format!("{refused} {refused:?}").contains(secret));
    }
}
