//! One device, one holder; and what is asked of machines and their devices.

use super::*;
use crate::backend::{Backend as _, HoldRows as _};
use crate::{
    ChangeError, DeviceSessions, Devices, GpuInventory, LogDamage, MAX_PAIR_DEVICES, Machine, RecordError,
    RulesError,
};
use hanzo_attestation_evidence::{DeviceId, MachineId, Tee};
use hanzo_kbs_protocol::SessionState;

fn gpu(n: u8) -> DeviceId {
    DeviceId { root: Hex([9; 32]), pdi: Hex([n; 8]) }
}

fn machine(n: u8) -> MachineId {
    MachineId { tee: Tee::SevSnp, root: Some(Hex([1; 32])), id: Hex([n; 64]).into() }
}

fn pair() -> RecipientKeyPair {
    RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap()
}

impl Bench {
    /// An order by evidence of this machine (0: it hides) and these devices, at second `now`.
    fn shown(&self, pair: &RecipientKeyPair, of: u8, gpus: &[u8], nonce: u8, now: i64) -> Order {
        let mut order = self.order_for(pair, "acme/model", nonce, now);
        order.party.machine = (of > 0).then(|| machine(of));
        order.party.devices = gpus.iter().copied().map(gpu).collect();
        order
    }

    async fn state(&self, id: &str, now: i64) -> SessionState {
        self.vault.session(id).await.unwrap().unwrap().status(at(now)).state
    }
}

fn in_session(error: ReleaseError) -> String {
    let ReleaseError::DeviceInAnotherSession { session, .. } = error else { panic!("{error}") };
    session
}

/// NV-90: whoever else shows the device is refused, until the session has ended.
#[tokio::test]
async fn a_device_lives_in_one_session() {
    let bench = Bench::with_key().await;
    let (ours, other) = (pair(), pair());
    let held = bench.release(bench.shown(&ours, 1, &[1, 2], 1, 10)).await.unwrap();
    let refused = bench.release(bench.shown(&other, 2, &[2], 2, 20)).await.unwrap_err();
    let expected = ReleaseError::DeviceInAnotherSession {
        device: gpu(2),
        session: held.session_id.clone(),
        until: at(610),
        holder: Box::new(Machine(Some(machine(1)))),
        found: Box::new(Machine(Some(machine(2)))),
    };
    assert_eq!((refused.code(), &refused), ("DeviceInAnotherSession", &expected));
    assert!(refused.to_string().contains(&gpu(2).to_string()), "{refused}");
    // Nothing was stored, and other devices are free.
    assert!(!bench.vault.nonce_used(&Hex([2; 32])).await.unwrap());
    bench.release(bench.shown(&other, 2, &[3], 2, 20)).await.unwrap();
    let elsewhere = DeviceId { root: Hex([8; 32]), ..gpu(1) };
    let mut same_words = bench.shown(&other, 2, &[], 3, 20);
    same_words.party.devices = vec![elsewhere];
    bench.release(same_words).await.unwrap();
    // A machine beside it that shows no device has nothing to do with it.
    bench.release(bench.shown(&other, 2, &[], 4, 20)).await.unwrap();
    assert_eq!(bench.state(&held.session_id, 20).await, SessionState::Live);
    // At its deadline, and not before.
    let early = bench.release(bench.shown(&other, 2, &[1], 5, 609)).await.unwrap_err();
    assert_eq!(in_session(early), held.session_id);
    bench.release(bench.shown(&other, 2, &[1], 5, 610)).await.unwrap();
    bench.vault.check_log().await.unwrap();
}

/// NV-90: the record and the lists name the devices.
#[tokio::test]
async fn the_record_names_what_a_release_rests_on() {
    let bench = Bench::with_key().await;
    let held = bench.release(bench.shown(&pair(), 1, &[1, 2], 1, 10)).await.unwrap();
    bench.release(bench.shown(&pair(), 2, &[3], 2, 10)).await.unwrap();
    bench.release(bench.order("acme/model", 3, 10)).await.unwrap();
    let row = bench.vault.decision(held.receipts[0].seq).await.unwrap().unwrap().entry;
    assert_eq!((row.machine, row.devices), (Some(machine(1)), vec![gpu(1), gpu(2)]));
    let on = |pdi| bench.vault.grants(Some(Hex([pdi; 8])));
    let found = on(2).await.unwrap();
    assert_eq!((found.len(), &found[0].session_id), (1, &held.session_id));
    assert_eq!((found[0].machine, &found[0].devices), (Some(machine(1)), &vec![gpu(1), gpu(2)]));
    assert_eq!((on(3).await.unwrap().len(), on(9).await.unwrap().len()), (1, 0), "a root is no PDI");
    assert_eq!(bench.vault.grants(None).await.unwrap().len(), 3);
    let session = bench.vault.session(&held.session_id).await.unwrap().unwrap();
    assert_eq!(session.status(at(20)).devices, [gpu(1), gpu(2)]);
}

/// NV-90: a machine that attests anew takes its devices over from itself, and the older session ends.
#[tokio::test]
async fn the_same_machine_supersedes_its_older_session() {
    let bench = Bench::with_key().await;
    let before = bench.release(bench.shown(&pair(), 1, &[1, 2], 1, 10)).await.unwrap();
    let neighbour = bench.release(bench.shown(&pair(), 1, &[3], 2, 10)).await.unwrap();
    let restarted = pair();
    let after = bench.release(bench.shown(&restarted, 1, &[1], 3, 20)).await.unwrap();
    assert_eq!(bench.state(&before.session_id, 20).await, SessionState::Superseded);
    assert_eq!(bench.state(&neighbour.session_id, 20).await, SessionState::Live, "another guest's GPU");
    let row = bench.vault.decision(after.receipts[0].seq - 1).await.unwrap().unwrap().entry;
    assert_eq!((row.action, row.code.as_str()), (Action::Revoke, "SessionSuperseded"));
    assert_eq!(row.session_id.as_deref(), Some(before.session_id.as_str()));
    assert_eq!((row.machine, row.devices), (Some(machine(1)), vec![gpu(1), gpu(2)]));
    let grants = bench.vault.grants(Some(gpu(2).pdi)).await.unwrap();
    assert!(grants[0].superseded && grants[0].revoked);
    // It cannot be renewed, and what else it held is free.
    let mut renewal = bench.shown(&pair(), 1, &[2], 4, 30);
    renewal.session = SessionPlan::Renew(before.session_id.clone());
    assert_eq!(bench.release(renewal).await, Err(ReleaseError::SessionRevoked { id: before.session_id }));
    bench.release(bench.shown(&pair(), 2, &[2], 4, 30)).await.unwrap();
    bench.vault.check_log().await.unwrap();
}

/// NV-90: a token stands for evidence that may be older than what came since.
#[tokio::test]
async fn older_evidence_supersedes_nothing() {
    let bench = Bench::with_key().await;
    let (before, restarted) = (pair(), pair());
    let by_token = |pair: &RecipientKeyPair, attested: i64, nonce, now| {
        let mut order = bench.shown(pair, 1, &[1], nonce, now);
        (order.nonce, order.attested_at) = (None, at(attested));
        order
    };
    let first = bench.release(by_token(&before, 5, 1, 10)).await.unwrap();
    let second = bench.release(by_token(&restarted, 15, 2, 20)).await.unwrap();
    assert_eq!(bench.state(&first.session_id, 20).await, SessionState::Superseded);
    let refused = bench.release(by_token(&before, 5, 3, 30)).await.unwrap_err();
    assert_eq!(in_session(refused), second.session_id);
    assert_eq!(bench.state(&second.session_id, 30).await, SessionState::Live);
    // With fresh evidence it may.
    bench.release(bench.shown(&before, 1, &[1], 4, 40)).await.unwrap();
    assert_eq!(bench.state(&second.session_id, 40).await, SessionState::Superseded);
}

/// NV-90: without certainty which machine it is nobody is superseded.
#[tokio::test]
async fn a_hidden_machine_supersedes_nothing_and_is_not_superseded() {
    for (held_by, shown_by) in [(0, 0), (0, 1), (1, 0)] {
        let bench = Bench::with_key().await;
        let held = bench.release(bench.shown(&pair(), held_by, &[1], 1, 10)).await.unwrap();
        let refused = bench.release(bench.shown(&pair(), shown_by, &[1], 2, 20)).await.unwrap_err();
        assert_eq!(in_session(refused), held.session_id, "{held_by} {shown_by}");
        // An operator's word ends it.
        bench.vault.revoke_session(&held.session_id, node(30, Action::Revoke)).await.unwrap();
        bench.release(bench.shown(&pair(), shown_by, &[1], 2, 30)).await.unwrap();
        bench.vault.check_log().await.unwrap();
    }
}

/// NV-90: what is sealed to one recipient in two sessions, one holder opens; two machines are two all the
/// same.
#[tokio::test]
async fn one_recipient_may_have_several_sessions_on_one_machine() {
    let bench = Bench::with_key().await;
    for of in [0, 1] {
        let ours = pair();
        let first = bench.release(bench.shown(&ours, of, &[of + 1], of * 3 + 1, 10)).await.unwrap();
        let second = bench.release(bench.shown(&ours, of, &[of + 1], of * 3 + 2, 10)).await.unwrap();
        assert_ne!(first.session_id, second.session_id);
        assert_eq!(bench.state(&first.session_id, 20).await, SessionState::Live);
    }
    let shared = pair();
    let held = bench.release(bench.shown(&shared, 1, &[5], 20, 10)).await.unwrap();
    let refused = bench.release(bench.shown(&shared, 2, &[5], 21, 10)).await.unwrap_err();
    assert_eq!(in_session(refused), held.session_id, "one key on two machines");
}

/// NV-90: a renewal rests on what it shows.
#[tokio::test]
async fn a_renewal_holds_what_it_shows_and_frees_the_rest() {
    let bench = Bench::with_key().await;
    let ours = pair();
    let id = bench.release(bench.shown(&ours, 1, &[1, 2], 1, 10)).await.unwrap().session_id;
    bench.release(bench.shown(&pair(), 2, &[3], 2, 10)).await.unwrap();
    let renewal = |of, gpus: &[u8], nonce, now| {
        let mut order = bench.shown(&ours, of, gpus, nonce, now);
        order.session = SessionPlan::Renew(id.clone());
        order
    };
    let another = bench.release(renewal(1, &[1, 3], 3, 20)).await.unwrap_err();
    assert_eq!(another.code(), "DeviceInAnotherSession");
    let moved = bench.release(renewal(2, &[1], 3, 20)).await.unwrap_err();
    assert_eq!(in_session(moved), id, "the session is of another machine");
    bench.release(renewal(1, &[2, 4], 3, 20)).await.unwrap();
    bench.release(bench.shown(&pair(), 2, &[1], 4, 20)).await.unwrap();
    let taken = bench.release(bench.shown(&pair(), 2, &[4], 5, 615)).await.unwrap_err();
    assert_eq!(in_session(taken), id, "a renewal holds for longer");
    assert_eq!(bench.vault.session(&id).await.unwrap().unwrap().session.devices, [gpu(2), gpu(4)]);
    bench.vault.check_log().await.unwrap();
}

/// NV-90: the explicit setting under which nobody looks.
#[tokio::test]
async fn any_number_of_sessions_is_an_explicit_setting() {
    let bench = Bench::with_key().await;
    bench.release(bench.shown(&pair(), 1, &[1], 1, 10)).await.unwrap();
    let mut loose = bench.shown(&pair(), 2, &[1], 2, 10);
    loose.devices.sessions = DeviceSessions::Any;
    bench.release(loose).await.unwrap();
    // It was written down all the same.
    let refused = bench.release(bench.shown(&pair(), 3, &[1], 3, 10)).await.unwrap_err();
    assert_eq!(refused.code(), "DeviceInAnotherSession");
}

/// NV-90: of two machines that show one device at the same moment one is granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_machines_at_once_exactly_one_wins() {
    let bench = Bench::with_key().await;
    let other = bench.unseal_again().await;
    for round in 1..=10_u8 {
        let mut tasks = Vec::new();
        for of in 1..=4_u8 {
            let vault = if of % 2 == 0 { bench.vault.clone() } else { other.clone() };
            let order = bench.shown(&pair(), of, &[round], round * 10 + of, 10);
            tasks.push(tokio::spawn(async move { execute(&vault, order).await }));
        }
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error.code(), "DeviceInAnotherSession"),
            }
        }
        assert_eq!(won, 1);
    }
    bench.vault.check_log().await.unwrap();
}

#[tokio::test]
async fn ended_holds_are_forgotten() {
    let bench = Bench::with_key().await;
    for n in 1..=10 {
        bench.release(bench.shown(&pair(), n, &[n], n, 10)).await.unwrap();
    }
    // Past the deadline of 610 and the 300 seconds that a clock may be behind.
    bench.release(bench.shown(&pair(), 11, &[11], 11, 2000)).await.unwrap();
    bench.release(bench.shown(&pair(), 12, &[12], 12, 2000)).await.unwrap();
    assert_eq!(bench.vault.backend().read().await.unwrap().count_holds().await.unwrap(), 2);
    bench.vault.check_log().await.unwrap();
    assert_eq!(bench.unseal_again().await.damage(), None);
}

/// NV-90: the table of held devices is the vault's own.
#[tokio::test]
async fn an_edited_table_of_devices_releases_nothing() {
    for (sql, seen_by_release) in [
        ("UPDATE holds SET until = 1", true),
        ("UPDATE holds SET since = 1", true),
        ("UPDATE holds SET machine = 'sev-snp:' || hex(zeroblob(64))", false),
        ("UPDATE holds SET recipient_digest = zeroblob(32)", true),
        ("UPDATE holds SET mac = zeroblob(32)", true),
        ("UPDATE holds SET pdi = x'0909090909090909'", false),
        ("DELETE FROM holds", true),
        ("UPDATE meta SET holds_count = 0, holds_digest = zeroblob(32)", true),
        ("UPDATE meta SET holds_digest = zeroblob(32)", true),
    ] {
        let bench = Bench::with_key().await;
        bench.release(bench.shown(&pair(), 1, &[1], 1, 10)).await.unwrap();
        bench.edit(sql).await;
        if seen_by_release {
            let refused = bench.release(bench.shown(&pair(), 2, &[1], 2, 20)).await;
            assert!(
                matches!(refused, Err(ReleaseError::Record(RecordError::LogDamaged(_)))),
                "{sql}: {refused:?}"
            );
        }
        let again = bench.unseal_again().await;
        assert!(again.damage().is_some(), "{sql}");
        let refused = execute(&again, bench.shown(&pair(), 2, &[7], 3, 20)).await;
        assert!(matches!(refused, Err(ReleaseError::Record(RecordError::LogDamaged(_)))), "{sql}");
    }
}

/// NV-90: neither an older row nor another one makes up for a row that is gone.
#[tokio::test]
async fn an_older_row_put_back_is_noticed() {
    let bench = Bench::with_key().await;
    let ours = pair();
    let id = bench.release(bench.shown(&ours, 1, &[1], 1, 10)).await.unwrap().session_id;
    edit(&bench.path(), "CREATE TABLE holds_before AS SELECT * FROM holds").await;
    let mut renewal = bench.shown(&ours, 1, &[1], 2, 500);
    renewal.session = SessionPlan::Renew(id);
    bench.release(renewal).await.unwrap();
    assert_eq!(bench.unseal_again().await.damage(), None);
    edit(&bench.path(), "DELETE FROM holds; INSERT INTO holds SELECT * FROM holds_before").await;
    assert_eq!(bench.unseal_again().await.damage(), Some(&LogDamage::HoldsForged));
    assert_eq!(
        bench.vault.check_log().await,
        Err(RecordError::LogDamaged(LogDamage::HoldsForged)),
        "the row is authentic, and not the newest"
    );
}

fn asks(mut order: Order, inventory: GpuInventory, epoch: u64) -> Order {
    order.devices.inventory = inventory;
    order.rules_epoch = epoch;
    order
}

impl Bench {
    async fn asked(
        &self,
        of: u8,
        gpus: &[u8],
        nonce: u8,
        inventory: GpuInventory,
    ) -> Result<Released, ReleaseError> {
        let epoch = self.vault.rules_epoch().await.unwrap();
        let released = self.release(asks(self.shown(&pair(), of, gpus, nonce, 10), inventory, epoch)).await?;
        // So that the next one is about the inventory alone.
        self.vault.revoke_session(&released.session_id, node(11, Action::Revoke)).await.unwrap();
        Ok(released)
    }

    async fn pair(
        &self,
        name: &str,
        of: u8,
        gpus: &[u8],
        expected: Option<u64>,
    ) -> Result<crate::Pair, ChangeError> {
        let devices: Vec<_> = gpus.iter().copied().map(gpu).collect();
        let decision = admin(5, Action::InventoryPut);
        self.vault.put_pair(name, machine(of), &devices, None, expected, decision).await
    }
}

/// NV-91, NV-92, NV-93: a machine shows all that one of its pairs names, and nothing else.
#[tokio::test]
async fn pinned_machines_show_what_an_operator_paired_them_with() {
    let bench = Bench::with_key().await;
    let pinned = GpuInventory::Pinned;
    let found = Devices(vec![gpu(1)]);
    let unknown = ReleaseError::MachineNotInInventory { machine: Box::new(machine(1)), found };
    assert_eq!(bench.asked(1, &[1], 1, pinned).await, Err(unknown));
    bench.pair("rack-1", 1, &[2, 1], None).await.unwrap();
    bench.asked(1, &[1, 2], 1, pinned).await.unwrap();
    let differs = |found: &[u8], known: &[&[u8]]| {
        let devices = |of: &[u8]| Devices(of.iter().copied().map(gpu).collect());
        let (known, found) = (known.iter().map(|of| devices(of)).collect(), devices(found));
        Err(ReleaseError::PairingDiffers { machine: Box::new(machine(1)), known, found })
    };
    for shown in [&[1][..], &[1, 2, 3], &[3], &[1, 3]] {
        assert_eq!(bench.asked(1, shown, 2, pinned).await, differs(shown, &[&[1, 2]]));
    }
    assert_eq!(bench.asked(0, &[1, 2], 2, pinned).await, Err(ReleaseError::MachineUnidentified));
    assert_eq!(bench.asked(2, &[1, 2], 2, pinned).await.unwrap_err().code(), "MachineNotInInventory");
    // Without devices there is nothing to ask.
    bench.asked(0, &[], 2, pinned).await.unwrap();
    // A guest with a GPU of its own.
    bench.pair("rack-1-guest", 1, &[3], None).await.unwrap();
    bench.asked(1, &[3], 3, pinned).await.unwrap();
    assert_eq!(bench.asked(1, &[1], 4, pinned).await, differs(&[1], &[&[1, 2], &[3]]));
    bench.vault.remove_pair("rack-1", 1, admin(6, Action::InventoryRemove)).await.unwrap();
    assert_eq!(bench.asked(1, &[1, 2], 4, pinned).await, differs(&[1, 2], &[&[3]]));
}

/// NV-91, NV-93, NV-94: what came first stays, until an operator says otherwise.
#[tokio::test]
async fn first_use_writes_a_pair_that_only_an_operator_changes() {
    let bench = Bench::with_key().await;
    let tofu = GpuInventory::Tofu;
    let released = bench.asked(1, &[1, 2], 1, tofu).await.unwrap();
    let pairs = bench.vault.inventory().await.unwrap();
    assert_eq!((pairs.len(), pairs[0].machine, pairs[0].devices.len()), (1, machine(1), 2));
    let row = bench.vault.decision(released.receipts[0].seq - 1).await.unwrap().unwrap().entry;
    assert_eq!((row.action, row.reason.as_str()), (Action::InventoryPut, "first use"));
    assert_eq!((row.subject, row.devices), (Some(pairs[0].name.clone()), vec![gpu(1), gpu(2)]));
    bench.asked(1, &[1, 2], 2, tofu).await.unwrap();
    assert_eq!(bench.asked(1, &[1], 3, tofu).await.unwrap_err().code(), "PairingDiffers");
    assert_eq!(bench.asked(0, &[5], 3, tofu).await.unwrap_err().code(), "MachineUnidentified");
    let (device, known, found) = (gpu(2), Box::new(machine(1)), Box::new(machine(2)));
    let elsewhere = Err(ReleaseError::DevicePairedElsewhere { device, known, found });
    assert_eq!(bench.asked(2, &[2, 3], 3, tofu).await, elsewhere);
    assert_eq!(bench.vault.inventory().await.unwrap(), pairs, "a refusal writes nothing");
    // An operator moves it.
    bench.vault.remove_pair(&pairs[0].name, 1, admin(12, Action::InventoryRemove)).await.unwrap();
    bench.asked(2, &[2, 3], 3, tofu).await.unwrap();
    bench.asked(1, &[1], 4, tofu).await.unwrap();
    let again = bench.vault.pair(&pairs[0].name).await.unwrap().unwrap();
    assert_eq!((again.version, again.devices), (3, vec![gpu(1)]));
    bench.vault.check_log().await.unwrap();
}

/// NV-94: of two machines that show one device for the first time one is paired with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_first_uses_exactly_one_wins() {
    let bench = Bench::with_key().await;
    let mut tasks = Vec::new();
    for of in 1..=4_u8 {
        let order = asks(bench.shown(&pair(), of, &[1], of, 10), GpuInventory::Tofu, 0);
        let vault = bench.vault.clone();
        tasks.push(tokio::spawn(async move { execute(&vault, order).await }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            // To be decided anew, under the pair that is there now.
            Err(error) => assert_eq!(error.code(), "RulesChanged"),
        }
    }
    assert_eq!((won, bench.vault.inventory().await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_pair_is_checked_before_it_is_kept() {
    let bench = Bench::new().await;
    let malformed = |result: Result<_, ChangeError>| matches!(result, Err(ChangeError::PairMalformed { .. }));
    assert!(malformed(bench.pair("a", 1, &[], None).await));
    assert!(malformed(bench.pair("a", 1, &[1, 1], None).await));
    let many: Vec<u8> = (0..=u8::try_from(MAX_PAIR_DEVICES).unwrap()).collect();
    assert!(malformed(bench.pair("a", 1, &many, None).await));
    assert!(malformed(bench.pair("first-use-0123", 1, &[1], None).await));
    assert!(matches!(bench.pair("A", 1, &[1], None).await, Err(ChangeError::Name { .. })));
    let note = Some("x".repeat(201));
    let decision = admin(5, Action::InventoryPut);
    assert!(malformed(bench.vault.put_pair("a", machine(1), &[gpu(1)], note, None, decision).await));
    assert_eq!(bench.pair("a", 1, &many[1..], None).await.unwrap().version, 1);
    let taken = bench.pair("b", 2, &[1], None).await;
    assert_eq!(taken, Err(ChangeError::DevicePaired { device: gpu(1), machine: Box::new(machine(1)) }));
    bench.pair("b", 1, &[1], None).await.unwrap();
    let conflict = |expected, current| {
        let name = "a".to_owned();
        Err(ChangeError::VersionConflict { name, expected, current })
    };
    assert_eq!(bench.pair("a", 1, &[1], None).await, conflict(None, Some(1)));
    assert_eq!(bench.pair("a", 1, &[1], Some(2)).await, conflict(Some(2), Some(1)));
    let remove = |version| bench.vault.remove_pair("a", version, admin(6, Action::InventoryRemove));
    assert_eq!(remove(2).await, conflict(Some(2), Some(1)));
    assert_eq!(remove(1).await.unwrap().devices, []);
    assert_eq!(remove(2).await, conflict(Some(2), None));
    assert_eq!(bench.pair("a", 1, &[3], None).await.unwrap().version, 3, "the name is free again");
    let names: Vec<_> = bench.vault.inventory().await.unwrap().into_iter().map(|pair| pair.name).collect();
    assert_eq!(names, ["a", "b"]);
}

/// NV-92: a pair that is not what was put counts as no inventory at all.
#[tokio::test]
async fn an_edited_inventory_releases_nothing() {
    const DISARM: &str =
        "PRAGMA foreign_keys = off; DROP TRIGGER rules_are_not_updated; DROP TRIGGER rules_are_not_deleted;";
    for (sql, forged) in [
        ("UPDATE rules SET body = replace(body, '02020202', '03030303')", true),
        ("UPDATE rules SET mac = zeroblob(32)", true),
        ("DELETE FROM rules WHERE version = 2", false),
        ("DELETE FROM rules", false),
    ] {
        let bench = Bench::with_key().await;
        bench.pair("rack-1", 1, &[1], None).await.unwrap();
        bench.pair("rack-1", 1, &[2], Some(1)).await.unwrap();
        edit(&bench.path(), &format!("{DISARM} {sql}")).await;
        let refused = bench.asked(1, &[2], 1, GpuInventory::Pinned).await.unwrap_err();
        let ReleaseError::Inventory(error) = &refused else { panic!("{sql}: {refused}") };
        assert_eq!(matches!(error, RulesError::Forged { .. }), forged, "{sql}: {error}");
        assert_eq!(refused.code(), "InventoryDamaged");
        assert!(bench.vault.inventory().await.is_err(), "{sql}");
        assert!(bench.vault.rules().await.is_err(), "{sql}");
    }
}

/// A store that was made before there were devices is brought up to date, and what it holds still counts.
#[tokio::test]
async fn an_older_store_keeps_its_rules_and_its_ledger() {
    use sqlx::Row as _;
    let bench = Bench::with_key().await;
    bench.vault.put_policy("p", "permit", None, admin(5, Action::PolicyPut)).await.unwrap();
    bench.vault.backend().close().await;
    // What the second migration adds, taken away again.
    edit(
        &bench.path(),
        "DROP TABLE holds; ALTER TABLE sessions DROP COLUMN devices; ALTER TABLE sessions DROP COLUMN machine;
         ALTER TABLE sessions DROP COLUMN superseded; ALTER TABLE meta DROP COLUMN holds_count;
         ALTER TABLE meta DROP COLUMN holds_digest; DELETE FROM _sqlx_migrations WHERE version = 2",
    )
    .await;
    let again = bench.unseal_again().await;
    assert_eq!(again.damage(), None);
    assert_eq!(again.policies().await.unwrap().len(), 1);
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(bench.path()).connect().await.unwrap();
    let refused = sqlx::raw_sql("DELETE FROM rules").execute(&mut connection).await;
    assert!(refused.unwrap_err().to_string().contains("kept as they are"));
    let row = sqlx::query("SELECT count(*) FROM rules").fetch_one(&mut connection).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
    let mut order = bench.shown(&pair(), 1, &[1], 1, 10);
    order.rules_epoch = again.rules_epoch().await.unwrap();
    execute(&again, order).await.unwrap();
}
