//! After the last clone of a vault is gone, no copy of its root key is left in this process.

use super::*;
use crate::SystemRng;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

const MASK: u8 = 0xa5;

/// Searches the writable memory of this process for bytes that are given masked, so that the search itself
/// holds no copy of what it looks for.
fn copies_in_memory(masked: &[u8]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut columns = line.split_whitespace();
        let (range, mode) = (columns.next().unwrap(), columns.next().unwrap());
        if !mode.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut buffer = vec![0; usize::try_from(end - start).unwrap()];
        if memory.read_exact_at(&mut buffer, start).is_err() {
            continue;
        }
        for byte in &mut buffer {
            *byte ^= MASK;
        }
        found += buffer.windows(masked.len()).filter(|window| *window == masked).count();
    }
    // The pattern itself is in memory in its masked form, which the mask unmasks nowhere.
    found
}

#[tokio::test]
async fn a_dropped_vault_leaves_no_root_key() {
    let folder = tempfile::tempdir().unwrap();
    // A random source of its own: the other tests' stores run in this process too.
    let store = Store::open(folder.path().join("store.db"), Arc::new(SystemRng)).await.unwrap();
    let seal = KeyFileSeal::create(folder.path().join("key"), &SystemRng).unwrap();
    store.initialise(&seal, at(0)).await.unwrap();
    let vault = store.unseal(&seal).await.unwrap();
    let scope = scope("acme/model", Tier::Confidential);
    vault.create_key(&scope, Algorithm::Aes256, admin(1, Action::KeyCreate)).await.unwrap();
    let pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let bench = Bench { folder, vault, pair };
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();

    let masked: Vec<u8> = bench.vault.root().expose().iter().map(|byte| byte ^ MASK).collect();
    assert!(copies_in_memory(&masked) >= 1, "the search finds the key of an open vault");
    let clone = bench.vault.clone();
    drop(bench);
    assert!(copies_in_memory(&masked) >= 1, "a clone keeps the vault open");
    drop(clone);
    assert_eq!(copies_in_memory(&masked), 0);
}
