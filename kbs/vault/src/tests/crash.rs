//! The broker is killed in the middle of a load of releases. This test binary runs itself as the victim.

use super::*;
use hanzo_attestation_evidence::DeviceId;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const FOLDER: &str = "HANZO_KBS_VAULT_CRASH_FOLDER";
const ROUND: &str = "HANZO_KBS_VAULT_CRASH_ROUND";
const ROUNDS: u8 = 8;

fn digest_of(round: u8, count: u64) -> Hex<32> {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &[&[round][..], &count.to_be_bytes()].concat()).as_ref());
    Hex(hash)
}

fn order(bench: &Bench, round: u8, count: u64) -> Order {
    let mut order = bench.order("acme/model", round, 10);
    order.keys.push(entitled("acme/secret", 1, 500));
    // A device of its own for each round: what is held of it must be whole, too.
    order.party.devices = vec![DeviceId { root: Hex([9; 32]), pdi: Hex([round; 8]) }];
    order.nonce = Some(UsedNonce { digest: digest_of(round, count), expires_at: at(60) });
    order
}

async fn reopened(folder: TempDir) -> Bench {
    let store = open(folder.path(), 3).await;
    let vault = store.unseal(&KeyFileSeal::read(folder.path().join("key")).unwrap()).await.unwrap();
    Bench { folder, vault, pair: RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap() }
}

/// Releases until it is killed, and says after each one that it was made. Ends at once unless it is the
/// victim.
#[tokio::test]
async fn victim() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the victim is this test binary: its parent speaks to it so"
    )]
    let (folder, round) = (std::env::var(FOLDER), std::env::var(ROUND));
    let (Ok(folder), Ok(round)) = (folder, round) else { return };
    let folder = PathBuf::from(folder);
    let round: u8 = round.parse().unwrap();
    let store = open(&folder, 1000 + u64::from(round)).await;
    let vault = store.unseal(&KeyFileSeal::read(folder.join("key")).unwrap()).await.unwrap();
    // Only its order maker is used; the folder is the parent's.
    let bench = Bench {
        folder: tempfile::tempdir().unwrap(),
        vault,
        pair: RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap(),
    };
    for count in 0.. {
        bench.release(order(&bench, round, count)).await.unwrap();
        println!("released {count}");
    }
}

#[tokio::test]
async fn a_killed_vault_loses_nothing_and_accepts_nothing_twice() {
    let bench = Bench::with_key().await;
    bench.put("acme/secret", b"kept").await;
    let model = bench.opened(&bench.release(bench.order("acme/model", 200, 10)).await.unwrap(), 0);
    let Bench { folder, vault, .. } = bench;
    vault.backend().close().await;
    drop(vault);

    let mut released = Vec::new();
    for round in 1..=ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::victim", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Another number of releases in each round, so that the kill falls on different moments.
        let wanted = usize::from(round) * 3;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = 0;
        while said < wanted {
            let line = lines.next().expect("the victim ended by itself").unwrap();
            said += usize::from(line.contains("released "));
        }
        child.kill().unwrap();
        let rest = lines.map_while(Result::ok).filter(|line| line.contains("released ")).count();
        assert!(!child.wait().unwrap().success());
        released.push((round, u64::try_from(said + rest).unwrap()));
    }

    let bench = reopened(folder).await;
    bench.vault.store().integrity().await.unwrap();
    assert_eq!(bench.vault.damage(), None);
    let head = bench.vault.check_log().await.unwrap();
    let mut lasting = 0;
    for (round, count) in released {
        for n in 0..count {
            let again = bench.release(order(&bench, round, n)).await;
            assert_eq!(again, Err(ReleaseError::ChallengeReused), "round {round}, release {n}");
        }
        lasting += count;
        // The release on which the kill fell is there as a whole or not at all.
        let last = bench.vault.nonce_used(&digest_of(round, count)).await.unwrap();
        lasting += u64::from(last);
    }
    // Initialise, key, secret, one release before; then two rows for each release, in whole.
    assert_eq!(head.seq, 4 + 2 * lasting);
    let info = bench.vault.key(&KeyId::parse("acme/secret").unwrap()).await.unwrap().unwrap();
    assert_eq!(info.versions[0].releases, lasting);
    let after = bench.release(order(&bench, 250, 0)).await.unwrap();
    assert_eq!(bench.opened(&after, 0), model);
    assert_eq!(bench.opened(&after, 1).as_slice(), b"kept");
}
