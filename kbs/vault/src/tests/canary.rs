//! A known secret never shows: not in the database's bytes, not in anything printed.

use super::*;
use crate::{RecordError, RootKey};
use hanzo_kbs_protocol::SecretBytes;

const CANARY: &[u8] = b"canary-7f3a91c2-must-never-be-seen";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_file_holds_a_secret_in_the_clear() {
    let bench = Bench::with_key().await;
    bench.put("acme/canary", CANARY).await;
    let signing = bench.vault.token_signing_key().await.unwrap();
    let mut order = bench.order("acme/canary", 1, 10);
    order.keys[0].minimum_tier = 1;
    order.keys.push(entitled("acme/model", 2, 500));
    let released = bench.release(order).await.unwrap();
    assert_eq!(bench.opened(&released, 0).as_slice(), CANARY);
    let generated = bench.opened(&released, 1);
    let mac = bench.vault.secret_for(crate::Purpose::ChallengeMac).unwrap();
    let base64 = hanzo_attestation_evidence::encoding::base64_encode(CANARY);
    let hex = hex::encode(CANARY);
    let secrets: [&[u8]; 7] = [
        CANARY,
        base64.as_bytes(),
        hex.as_bytes(),
        &generated,
        &signing,
        mac.as_slice(),
        bench.vault.root().expose(),
    ];
    let mut files = 0;
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == "key") {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            assert!(!contains(&bytes, secret), "{}", path.display());
        }
    }
    // The database, its log and the log's index.
    assert_eq!(files, 3);
    // What was looked for is there in its sealed form.
    let wal = std::fs::read(bench.folder.path().join("store.db-wal")).unwrap();
    assert!(contains(&wal, b"acme/canary"));
}

#[tokio::test]
async fn nothing_printed_holds_a_secret() {
    let bench = Bench::new().await;
    bench.put("acme/canary", CANARY).await;
    let seal = KeyFileSeal::read(bench.folder.path().join("key")).unwrap();
    let mut order = bench.order("acme/canary", 1, 10);
    order.keys[0].minimum_tier = 1;
    let released = bench.release(order).await.unwrap();
    let key = bench.vault.key(&KeyId::parse("acme/canary").unwrap()).await.unwrap();
    let audit = bench.vault.audit(0, 100).await.unwrap();
    let printed = [
        format!("{:?}", bench.vault),
        format!("{:?}", bench.vault.store()),
        format!("{seal:?}"),
        format!("{:?}", RootKey::from_bytes(Box::new(Zeroizing::new(*b"canary-7f3a91c2-must-never-be-se")))),
        format!("{:?}", SecretBytes::new(CANARY.to_vec())),
        format!("{released:?}"),
        format!("{key:?}"),
        format!("{audit:?}"),
        serde_json::to_string(&audit.entries).unwrap(),
        format!("{:?} {}", RecordError::Rng(RngError), RecordError::Rng(RngError)),
    ];
    let numbers = format!("{:?}", CANARY).trim_matches(['[', ']']).to_owned();
    for text in printed {
        assert!(!text.contains("canary-7f3a91c2"), "{text}");
        assert!(!text.contains(&numbers), "{text}");
        assert!(!text.contains(&hex::encode(CANARY)), "{text}");
    }
}
