use super::*;
use crate::Asker;
use crate::release::Reads;
use hanzo_attestation_evidence::{DeviceId, MachineId, Tee};
use hanzo_policy::Denial;

/// An order that was decided by `counted` live grants.
fn order(bench: &Bench, pair: &RecipientKeyPair, nonce: u8, now: i64, counted: u32) -> Order {
    let mut order = bench.order_for(pair, "acme/model", nonce, now);
    order.keys[0].decided_by = Some(counted);
    order
}

fn pair() -> RecipientKeyPair {
    RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap()
}

/// A policy of at most `most` live grants, asked about this order.
fn at_most(
    most: u32,
    order: &Order,
) -> impl Fn(&str, u32) -> Result<(Party, Entitled), Denial> + Send + Sync + use<> {
    let (party, entitled) = (order.party.clone(), order.keys[0].clone());
    move |key, live| {
        assert_eq!(key, entitled.key_id);
        if live >= most {
            let (code, message) = ("TooManyGrants", format!("{live} live grants of at most {most}"));
            return Err(Denial { code, message, reasons: Vec::new() });
        }
        Ok((party.clone(), Entitled { decided_by: Some(live), ..entitled.clone() }))
    }
}

async fn granted(bench: &Bench, pair: &RecipientKeyPair, nonce: u8, now: i64) -> Released {
    execute(&bench.vault, bench.order_for(pair, "acme/model", nonce, now)).await.unwrap()
}

/// As the broker counts before it decides.
async fn counted(bench: &Bench, pair: &RecipientKeyPair, key: &str, now: i64) -> u32 {
    let asker = Asker {
        recipient_digest: pair.recipient().digest(),
        machine: None,
        devices: &[],
        attested_at: at(now),
        rules: DeviceRules::default(),
    };
    bench.vault.live_grants(key, &asker, at(now)).await.unwrap()
}

async fn live_in_row(bench: &Bench, released: &Released) -> Option<u32> {
    bench.vault.decision(released.receipts[0].seq).await.unwrap().unwrap().entry.live_grants
}

#[tokio::test]
async fn live_grants_are_those_of_others_that_have_not_ended() {
    let bench = Bench::with_key().await;
    bench.create("acme/other", Tier::Confidential).await;
    let (one, two, asks) = (pair(), pair(), pair());
    let first = granted(&bench, &one, 1, 10).await;
    assert_eq!(live_in_row(&bench, &first).await, Some(0));
    assert_eq!(counted(&bench, &asks, "acme/model", 10).await, 1);
    // A recipient's second grant is not another's, and its own are none to it.
    granted(&bench, &one, 2, 11).await;
    assert_eq!(counted(&bench, &asks, "acme/model", 11).await, 1);
    assert_eq!(counted(&bench, &one, "acme/model", 11).await, 0);
    let second = granted(&bench, &two, 3, 100).await;
    assert_eq!(live_in_row(&bench, &second).await, Some(1));
    assert_eq!(counted(&bench, &asks, "acme/model", 100).await, 2);
    assert_eq!(counted(&bench, &asks, "acme/other", 100).await, 0);
    // The first two end at 610 and 611: a deadline is the first moment at which a grant does not live.
    for (now, live) in [(609, 2), (610, 2), (611, 1), (699, 1), (700, 0)] {
        assert_eq!(counted(&bench, &asks, "acme/model", now).await, live, "at {now}");
    }
    bench.vault.revoke_session(&second.session_id, node(200, Action::Revoke)).await.unwrap();
    assert_eq!(counted(&bench, &asks, "acme/model", 200).await, 1);
}

/// The end that counts is the grant's: a session may end before one of its keys does.
#[tokio::test]
async fn a_grant_lives_to_its_own_end() {
    let bench = Bench::with_key().await;
    bench.create("acme/short", Tier::Open).await;
    let (one, asks) = (pair(), pair());
    let mut order = bench.order_for(&one, "acme/model", 1, 10);
    order.keys.push(entitled("acme/short", 0, 100));
    bench.release(order).await.unwrap();
    assert_eq!(counted(&bench, &asks, "acme/short", 100).await, 0);
    assert_eq!(counted(&bench, &asks, "acme/model", 100).await, 1);
}

#[tokio::test]
async fn what_was_decided_by_another_number_is_decided_again() {
    let bench = Bench::with_key().await;
    let pairs = [pair(), pair(), pair()];
    for (pair, nonce) in pairs.iter().zip(1..) {
        let order = order(&bench, pair, nonce, 10, 0);
        let again = at_most(2, &order);
        let answer = bench.vault.execute(order, &again).await;
        if nonce < 3 {
            assert_eq!(live_in_row(&bench, &answer.unwrap()).await, Some(u32::from(nonce) - 1));
            continue;
        }
        let ReleaseError::Denied { key, live_grants, denial } = answer.unwrap_err() else { panic!() };
        assert_eq!((key.as_str(), live_grants, denial.code), ("acme/model", 2, "TooManyGrants"));
        assert_eq!(bench.vault.grants(None).await.unwrap().len(), 2);
        assert!(!bench.vault.nonce_used(&Hex([3; 32])).await.unwrap(), "nothing was stored");
    }
    // When one has ended, there is room for the third.
    let order = order(&bench, &pairs[2], 4, 610, 2);
    let again = at_most(2, &order);
    bench.vault.execute(order, &again).await.unwrap();
    bench.vault.check_log().await.unwrap();
}

/// Attack: many ask at once, each decided when no grant was live. Never are more granted than may be, and never
/// fewer, in one process or in two on one file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_releases_at_once_exactly_as_many_win_as_may() {
    const ASK: u8 = 16;
    let bench = Bench::with_key().await;
    let other = bench.unseal_again().await;
    for (round, most) in [1_u32, 5, 15].into_iter().enumerate() {
        let now = 10 + i64::try_from(round).unwrap() * 1000;
        let mut tasks = Vec::new();
        for n in 0..ASK {
            let nonce = 1 + ASK * u8::try_from(round).unwrap() + n;
            let vault = if n % 2 == 0 { bench.vault.clone() } else { other.clone() };
            let order = order(&bench, &pair(), nonce, now, 0);
            let again = at_most(most, &order);
            tasks.push(tokio::spawn(async move { vault.execute(order, &again).await }));
        }
        let (mut numbers, mut denied) = (Vec::new(), 0);
        for task in tasks {
            match task.await.unwrap() {
                Ok(released) => numbers.push(live_in_row(&bench, &released).await.unwrap()),
                Err(ReleaseError::Denied { live_grants, denial, .. }) => {
                    assert_eq!((live_grants, denial.code), (most, "TooManyGrants"));
                    denied += 1;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..most).collect::<Vec<_>>(), "each saw those before it");
        assert_eq!(denied, u32::from(ASK) - most);
        assert_eq!(counted(&bench, &pair(), "acme/model", now).await, most);
    }
    bench.vault.check_log().await.unwrap();
}

/// A renewal is not refused by the grant that it renews, and is by those of others.
#[tokio::test]
async fn a_renewal_does_not_count_itself() {
    let bench = Bench::with_key().await;
    let (one, two) = (pair(), pair());
    let first = granted(&bench, &one, 1, 10).await;
    let renewal = |nonce, now| {
        let mut order = order(&bench, &one, nonce, now, 0);
        order.session = SessionPlan::Renew(first.session_id.clone());
        order
    };
    let order = renewal(2, 20);
    let again = at_most(1, &order);
    bench.vault.execute(order, &again).await.unwrap();
    granted(&bench, &two, 3, 30).await;
    let order = renewal(4, 40);
    let again = at_most(1, &order);
    let refused = bench.vault.execute(order, &again).await;
    assert!(matches!(refused, Err(ReleaseError::Denied { live_grants: 1, .. })), "{refused:?}");
}

/// A session that the release itself ends is not counted, neither before nor in the transaction.
#[tokio::test]
async fn a_session_that_the_release_ends_does_not_count() {
    let bench = Bench::with_key().await;
    let (before, after) = (pair(), pair());
    let device = DeviceId { root: Hex([9; 32]), pdi: Hex([1; 8]) };
    let machine = MachineId { tee: Tee::SevSnp, root: Some(Hex([1; 32])), id: Hex([3; 64]).into() };
    let shown = |pair: &RecipientKeyPair, nonce, now| {
        let mut order = order(&bench, pair, nonce, now, 0);
        order.party.machine = Some(machine);
        order.party.devices = vec![device];
        order
    };
    execute(&bench.vault, shown(&before, 1, 10)).await.unwrap();
    let order = shown(&after, 2, 20);
    let asker = Asker {
        recipient_digest: after.recipient().digest(),
        machine: Some(machine),
        devices: &[device],
        attested_at: at(20),
        rules: DeviceRules::default(),
    };
    assert_eq!(bench.vault.live_grants("acme/model", &asker, at(20)).await.unwrap(), 0);
    let elsewhere = Asker { machine: None, ..asker };
    assert_eq!(bench.vault.live_grants("acme/model", &elsewhere, at(20)).await.unwrap(), 1);
    // The number is the one that it was decided by: nothing is asked again.
    let released = execute(&bench.vault, order).await.unwrap();
    assert_eq!(live_in_row(&bench, &released).await, Some(0));
    assert_eq!(counted(&bench, &pair(), "acme/model", 21).await, 1);
}

/// Attack: what is decided again must be the same question.
#[tokio::test]
async fn a_permit_of_another_decision_is_not_taken_in_its_place() {
    let bench = Bench::with_key().await;
    bench.create("acme/other", Tier::Confidential).await;
    granted(&bench, &pair(), 1, 10).await;
    let order = order(&bench, &pair(), 2, 20, 0);
    type Change = Box<dyn Fn(&mut Party, &mut Entitled) + Send + Sync>;
    let answers: [Change; 4] = [
        Box::new(|party, _| party.tier = 4),
        Box::new(|party, _| party.recipient_digest = Hex([9; 32])),
        Box::new(|_, entitled| entitled.key_id = "acme/other".to_owned()),
        Box::new(|_, entitled| entitled.decided_by = Some(0)),
    ];
    for change in answers {
        let same = at_most(9, &order);
        let again = move |key: &str, live| {
            let (mut party, mut entitled) = same(key, live)?;
            change(&mut party, &mut entitled);
            Ok((party, entitled))
        };
        let again: &Reads<'_> = &again;
        let copy = Order {
            party: order.party.clone(),
            keys: order.keys.clone(),
            session: order.session.clone(),
            decision: order.decision.clone(),
            ..order
        };
        let refused = bench.vault.execute(copy, again).await;
        assert_eq!(refused, Err(ReleaseError::DecidedOtherwise { key: "acme/model".to_owned() }));
    }
    // What ends earlier by the new decision ends the session earlier.
    let same = at_most(9, &order);
    let again = move |key: &str, live| {
        let (party, entitled) = same(key, live)?;
        Ok((party, Entitled { expires_at: at(77), ..entitled }))
    };
    assert_eq!(bench.vault.execute(order, &again).await.unwrap().expires_at, at(77));
}
