use super::*;
use crate::{KeptKind, Retention, StoreError};
use std::time::Duration;

const WEEK: Retention = Retention { lifetime: Duration::from_secs(604_800), most: 100 };

async fn keep(bench: &Bench, body: &[u8], now: i64, retention: Retention) -> Hex<32> {
    bench.vault.keep(KeptKind::Facts, body.to_vec(), at(now), retention).await.unwrap()
}

#[tokio::test]
async fn a_document_is_kept_under_the_digest_of_its_bytes() {
    let bench = Bench::new().await;
    let digest = keep(&bench, b"facts", 10, WEEK).await;
    assert_eq!(digest.as_ref(), self::digest(&SHA256, b"facts").as_ref());
    let row = bench.vault.kept(&digest).await.unwrap().unwrap();
    assert_eq!(
        (row.kind, row.body.as_slice(), row.keep_until),
        (KeptKind::Facts, &b"facts"[..], at(604_810))
    );
    assert_eq!(bench.vault.kept(&Hex([9; 32])).await, Ok(None));
}

#[tokio::test]
async fn a_document_lives_on_while_decisions_name_it() {
    let bench = Bench::new().await;
    let digest = keep(&bench, b"facts", 0, WEEK).await;
    // In the first half of its life nothing is written; in the second it starts anew.
    for (now, until) in [(302_400, 604_800), (302_401, 907_201)] {
        assert_eq!(keep(&bench, b"facts", now, WEEK).await, digest);
        assert_eq!(bench.vault.kept(&digest).await.unwrap().unwrap().keep_until, at(until));
    }
    keep(&bench, b"others", 907_202, WEEK).await;
    assert_eq!(bench.vault.kept(&digest).await, Ok(None), "forgotten after its end");
}

#[tokio::test]
async fn only_so_many_are_kept() {
    let bench = Bench::new().await;
    let few = Retention { most: 2, ..WEEK };
    let mut digests = Vec::new();
    for n in 0..4_u8 {
        digests.push(keep(&bench, &[n], i64::from(n), few).await);
    }
    let found = bench.vault.all_kept(&digests).await.unwrap();
    let mut bodies: Vec<_> = found.into_iter().map(|row| row.body).collect();
    bodies.sort();
    assert_eq!(bodies, [vec![2], vec![3]], "the oldest are forgotten first");
}

#[tokio::test]
async fn a_changed_document_is_noticed() {
    let bench = Bench::new().await;
    let digest = keep(&bench, b"facts", 10, WEEK).await;
    assert_eq!(bench.edit("UPDATE kept SET body = X'00'").await, 1);
    let refused = bench.vault.kept(&digest).await.unwrap_err();
    assert!(matches!(refused, StoreError::Malformed { table: "kept", .. }), "{refused:?}");
}

#[tokio::test]
async fn a_document_is_bounded() {
    let bench = Bench::new().await;
    let large = vec![0; crate::MAX_KEPT + 1];
    let refused = bench.vault.keep(KeptKind::Proof, large, at(1), WEEK).await.unwrap_err();
    assert!(matches!(refused, StoreError::Malformed { table: "kept", .. }), "{refused:?}");
}

#[tokio::test]
async fn the_rules_of_an_epoch_are_those_of_then() {
    let bench = Bench::new().await;
    let put = |now| admin(now, Action::PolicyPut);
    let before = bench.vault.rules_epoch().await.unwrap();
    bench.vault.put_policy("p", "one", None, put(10)).await.unwrap();
    let first = bench.vault.rules_epoch().await.unwrap();
    bench.vault.put_policy("p", "two", Some(1), put(11)).await.unwrap();
    bench.vault.put_policy("q", "other", None, put(12)).await.unwrap();
    let now = bench.vault.rules_epoch().await.unwrap();
    let texts = |epoch| {
        let vault = &bench.vault;
        async move {
            let rules = vault.rules_at(epoch).await.unwrap();
            rules.policies.into_iter().map(|policy| policy.text).collect::<Vec<_>>()
        }
    };
    assert!(texts(before).await.is_empty());
    assert_eq!(texts(first).await, ["one"]);
    assert_eq!(texts(now).await, ["two", "other"]);
    let current = bench.vault.rules().await.unwrap();
    assert_eq!(bench.vault.rules_at(now).await.unwrap(), current);
}
