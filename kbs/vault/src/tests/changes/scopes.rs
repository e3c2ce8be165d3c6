//! Keys and the inventory, changed by several people.

use super::*;
use hanzo_attestation_evidence::{DeviceId, MachineId, Tee};
use hanzo_kbs_protocol::KeyKind;
use hanzo_kbs_protocol::changes::{KeyDemands, PairBody, canonical};
use sqlx::Executor;

const KEY: &str = "acme/disk";

/// Over keys of acme below tier 3, and over the inventory, at once.
fn keys_and_machines() -> Scope {
    Scope {
        name: "acme".to_owned(),
        changes: vec![ChangeKind::Key, ChangeKind::Inventory],
        names: vec![NamePattern::parse("acme/*").unwrap(), NamePattern::parse("rack-*").unwrap()],
        minimum_tier: Some(3),
        approvals: 1,
        wait: Duration::ZERO,
        break_glass: None,
    }
}

async fn bench() -> Bench {
    Bench::new().await.under(quorum(&EVERYBODY, keys_and_machines())).await
}

fn demands(kind: KeyKind, minimum_tier: u8, require_cpu_tee: bool) -> String {
    canonical(&KeyDemands { kind, minimum_tier, require_cpu_tee }).unwrap()
}

fn about(
    kind: ChangeKind,
    name: &str,
    body: &str,
    expected_version: Option<u64>,
    nonce: u8,
) -> ProposeChange {
    let (name, body) = (name.to_owned(), body.to_owned());
    signed(ProposeChange { kind, name, body, expected_version, ..proposal(nonce, TEXT) })
}

impl Bench {
    /// Proposed by alice and approved by bob.
    async fn agreed(&self, proposal: &ProposeChange, now: i64) -> ChangeInfo {
        let change = self.vault.propose(proposal, admin(now, Action::ChangePropose)).await.unwrap();
        self.approve("bob", &change.id, now).await.unwrap()
    }

    async fn proposed_as(&self, proposal: &ProposeChange) -> Result<ChangeInfo, ChangeError> {
        self.vault.propose(proposal, admin(9, Action::ChangePropose)).await
    }

    async fn create_key(&self, id: &str, minimum: Tier) -> Result<(), ChangeError> {
        let decision = admin(5, Action::KeyCreate);
        self.vault.create_key(&scope(id, minimum), Algorithm::Aes256, decision).await.map(drop)
    }

    async fn secret(&self, minimum: Tier, require_cpu_tee: bool, value: u8) -> Result<u64, ChangeError> {
        let scope = KeyScope { require_cpu_tee, ..scope(KEY, minimum) };
        let value = Zeroizing::new(vec![value; 8]);
        let put = self.vault.put_secret(&scope, value, admin(30, Action::SecretPut)).await?;
        Ok(put.current_version)
    }
}

/// Below the tier of its scope a key needs people, at or above it and elsewhere it does not; applied, it is there
/// with the demands that they signed.
#[tokio::test]
async fn a_key_of_a_low_tier_needs_people() {
    let bench = bench().await;
    assert!(matches!(
        refused(bench.create_key(KEY, Tier::Confidential).await),
        QuorumError::QuorumRequired { kind: ChangeKind::Key, name, scopes } if name == KEY && scopes == "acme"
    ));
    bench.create_key("acme/strong", Tier::GpuCc).await.unwrap();
    bench.create_key("other/disk", Tier::Open).await.unwrap();
    let change = about(ChangeKind::Key, KEY, &demands(KeyKind::Key, 2, true), None, 1);
    let change = bench.agreed(&change, 10).await;
    assert!(bench.vault.key(&scope(KEY, Tier::Open).key).await.unwrap().is_none(), "agreed to, not applied");
    bench.apply(&change.id, 11).await.unwrap();
    let key = bench.vault.key(&scope(KEY, Tier::Open).key).await.unwrap().unwrap();
    assert_eq!((key.kind, key.minimum_tier, key.require_cpu_tee), (KeyKind::Key, 2, true));
    assert_eq!(key.versions.len(), 1);
    let row = bench.newest().await.entry;
    assert_eq!(
        (row.action, row.key_id.as_deref(), row.minimum_tier),
        (Action::KeyCreate, Some(KEY), Some(2))
    );
    let record = row.change.unwrap();
    assert_eq!((record.id, record.approvers), (change.id, vec!["bob".to_owned()]));
    bench.vault.check_log().await.unwrap();
    // It cannot be made twice, by whomever.
    let again = about(ChangeKind::Key, KEY, &demands(KeyKind::Key, 0, false), None, 2);
    assert!(matches!(bench.proposed_as(&again).await, Err(ChangeError::KeyExists { id }) if id == KEY));
    assert_eq!(code(bench.apply(&change.id, 12).await), "ChangeClosed");
}

/// What people agree to about a secret are its demands: the value comes from the administrator, with exactly these.
#[tokio::test]
async fn a_secret_is_imported_with_the_demands_that_people_agreed_to() {
    let bench = bench().await;
    assert_eq!(code(bench.secret(Tier::Confidential, false, 1).await), "QuorumRequired");
    let change = about(ChangeKind::Key, KEY, &demands(KeyKind::Secret, 2, true), None, 1);
    let change = bench.agreed(&change, 10).await;
    assert_eq!(code(bench.secret(Tier::Confidential, true, 1).await), "QuorumRequired", "not applied yet");
    bench.apply(&change.id, 11).await.unwrap();
    assert!(bench.vault.key(&scope(KEY, Tier::Open).key).await.unwrap().is_none());
    for (minimum, cpu) in [(Tier::Confidential, false), (Tier::Open, true), (Tier::Encrypted, true)] {
        let wrong = refused(bench.secret(minimum, cpu, 1).await);
        assert_eq!(wrong.code(), "DemandsDiffer");
        assert!(wrong.to_string().contains("\"minimum_tier\":2"), "{wrong}");
    }
    // A generated key is not what they agreed to either.
    assert_eq!(code(bench.create_key(KEY, Tier::Confidential).await), "QuorumRequired");
    assert_eq!(bench.secret(Tier::Confidential, true, 1).await.unwrap(), 1);
    // Its demands are fixed from now on, so that the next value needs nobody.
    assert_eq!(bench.secret(Tier::Confidential, true, 2).await.unwrap(), 2);
    assert!(matches!(bench.secret(Tier::Open, true, 3).await, Err(ChangeError::ScopeFixed { .. })));
    bench.vault.check_log().await.unwrap();
}

fn machine(n: u8) -> MachineId {
    MachineId { tee: Tee::SevSnp, root: Some(Hex([1; 32])), id: Hex([n; 64]).into() }
}

fn device(n: u8) -> DeviceId {
    DeviceId { root: Hex([9; 32]), pdi: Hex([n; 8]) }
}

fn pair_of(machine: MachineId, devices: &[DeviceId]) -> String {
    canonical(&PairBody { machine, devices: devices.to_vec(), note: None }).unwrap()
}

#[tokio::test]
async fn the_inventory_of_a_scope_needs_people() {
    let bench = bench().await;
    let put = |name: &'static str, n: u8, expected| {
        let decision = admin(5, Action::InventoryPut);
        bench.vault.put_pair(
            name,
            machine(n),
            std::slice::from_ref(&DEVICES[usize::from(n)]),
            None,
            expected,
            decision,
        )
    };
    put("elsewhere", 7, None).await.unwrap();
    assert!(matches!(
        refused(put("rack-1", 1, None).await),
        QuorumError::QuorumRequired { kind: ChangeKind::Inventory, .. }
    ));
    let change = about(ChangeKind::Inventory, "rack-1", &pair_of(machine(1), &DEVICES[1..3]), None, 1);
    let change = bench.agreed(&change, 10).await;
    bench.apply(&change.id, 11).await.unwrap();
    let pair = bench.vault.pair("rack-1").await.unwrap().unwrap();
    assert_eq!((pair.version, pair.machine, pair.devices), (1, machine(1), DEVICES[1..3].to_vec()));
    let row = bench.newest().await.entry;
    assert_eq!((row.action, row.machine), (Action::InventoryPut, Some(machine(1))));
    assert_eq!(row.change.unwrap().id, change.id);
    bench.vault.rules().await.unwrap();
    // Neither the next version nor its end is one administrator's.
    assert_eq!(code(put("rack-1", 1, Some(1)).await), "QuorumRequired");
    let remove = bench.vault.remove_pair("rack-1", 1, admin(12, Action::InventoryRemove)).await;
    assert_eq!(code(remove), "QuorumRequired");
    let end = about(ChangeKind::Inventory, "rack-1", &pair_of(machine(1), &[]), Some(1), 2);
    let end = bench.agreed(&end, 13).await;
    bench.apply(&end.id, 14).await.unwrap();
    assert!(bench.vault.inventory().await.unwrap().iter().all(|pair| pair.name != "rack-1"));
    assert_eq!(bench.newest().await.entry.action, Action::InventoryRemove);
    bench.vault.check_log().await.unwrap();
}

static DEVICES: std::sync::LazyLock<Vec<DeviceId>> =
    std::sync::LazyLock::new(|| (0..9).map(device).collect());

#[tokio::test]
async fn an_agreed_pair_must_still_fit_when_it_is_applied() {
    let bench = bench().await;
    let taken = about(ChangeKind::Inventory, "rack-1", &pair_of(machine(1), &DEVICES[1..2]), None, 1);
    let taken = bench.agreed(&taken, 10).await;
    let decision = admin(11, Action::InventoryPut);
    bench.vault.put_pair("elsewhere", machine(2), &DEVICES[1..2], None, None, decision).await.unwrap();
    assert!(matches!(bench.apply(&taken.id, 12).await, Err(ChangeError::DevicePaired { .. })));
    assert!(bench.vault.pair("rack-1").await.unwrap().is_none());
    // It replaces what is there when it is proposed, and what is there when it is applied.
    let late = about(ChangeKind::Inventory, "rack-2", &pair_of(machine(1), &DEVICES[2..3]), Some(4), 2);
    assert!(matches!(
        bench.proposed_as(&late).await,
        Err(ChangeError::VersionConflict { current: None, .. })
    ));
    // Nobody's pair is taken back by naming another machine.
    let put = about(ChangeKind::Inventory, "rack-2", &pair_of(machine(1), &DEVICES[2..3]), None, 3);
    let put = bench.agreed(&put, 13).await;
    bench.apply(&put.id, 14).await.unwrap();
    let other = about(ChangeKind::Inventory, "rack-2", &pair_of(machine(3), &[]), Some(1), 4);
    let other = bench.agreed(&other, 15).await;
    assert!(matches!(bench.apply(&other.id, 16).await, Err(ChangeError::PairMalformed { .. })));
}

/// A text that says less, more or other than its kind asks for is refused before anybody signs it.
#[tokio::test]
async fn a_text_in_another_spelling_is_refused() {
    let bench = bench().await;
    let malformed = |kind, name: &str, body: &str| {
        let proposal = about(kind, name, body, None, 1);
        let bench = &bench;
        async move {
            match bench.proposed_as(&proposal).await {
                Err(ChangeError::BodyMalformed { kind, .. }) => kind,
                Err(ChangeError::PairMalformed { .. }) => "pair",
                Err(ChangeError::Name { .. }) => "name",
                other => panic!("{other:?}"),
            }
        }
    };
    let good = demands(KeyKind::Key, 2, true);
    for body in [
        "",
        "{}",
        "null",
        &good.replace(":2", ":5"),
        &good.replace(":true", ": true"),
        &good.replace("}", ",\"value\":\"AA==\"}"),
        &good.replace("\"key\"", "\"opaque\""),
    ] {
        assert_eq!(malformed(ChangeKind::Key, KEY, body).await, "key", "{body}");
    }
    assert_eq!(malformed(ChangeKind::Key, "disk", &good).await, "key");
    let pair = |devices: &[DeviceId]| pair_of(machine(1), devices);
    for devices in [&[DEVICES[2], DEVICES[1]][..], &[DEVICES[1], DEVICES[1]], &[DEVICES[1]; 65]] {
        assert_eq!(malformed(ChangeKind::Inventory, "rack-1", &pair(devices)).await, "pair");
    }
    assert_eq!(malformed(ChangeKind::Inventory, "rack-1", "[]").await, "inventory");
    assert_eq!(malformed(ChangeKind::Inventory, "Rack", &pair(&[DEVICES[1]])).await, "name");
    let strong = about(ChangeKind::Key, KEY, &demands(KeyKind::Key, 3, true), None, 2);
    assert_eq!(code(bench.proposed_as(&strong).await), "NotInScope", "nobody is asked about it");
}

#[test]
fn a_tier_without_keys_is_a_mistake() {
    let scope = Scope { changes: vec![ChangeKind::Policy], ..keys_and_machines() };
    let mistake = Quorum::new(people(&EVERYBODY), vec![scope]).unwrap_err();
    assert_eq!(mistake, QuorumMistake::ScopeTier("acme".to_owned()));
    // There is one document about trust: names tell nothing apart.
    let trust = Scope {
        changes: vec![ChangeKind::Trust],
        names: Vec::new(),
        minimum_tier: None,
        ..keys_and_machines()
    };
    let trust = quorum(&EVERYBODY, trust);
    assert!(trust.demand(Target::rule(ChangeKind::Trust, "trust")).is_some());
    let nameless = Scope { names: Vec::new(), ..keys_and_machines() };
    let nameless = Quorum::new(people(&EVERYBODY), vec![nameless]).unwrap_err();
    assert_eq!(nameless, QuorumMistake::ScopeEmpty("acme".to_owned()));
}

/// A store of before: its changes, what was said about them and its rules are there after the schema was brought up
/// to date, and everything still refers to something.
#[tokio::test]
async fn an_older_store_keeps_its_changes() {
    let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for migration in [
        include_str!("../../../migrations/sqlite/0001_first.sql"),
        include_str!("../../../migrations/sqlite/0002_devices.sql"),
        include_str!("../../../migrations/sqlite/0003_changes.sql"),
        include_str!("../../../migrations/sqlite/0010_explain.sql"),
    ] {
        db.execute(migration).await.unwrap();
    }
    db.execute("PRAGMA foreign_keys = ON").await.unwrap();
    db.execute(
        "INSERT INTO decisions (seq, hash, row) VALUES (1, zeroblob(32), '{\"action\":\"x\",\"outcome\":\"granted\"}');
         INSERT INTO rules VALUES ('policy', 'p', 1, 'permit', 5, 1, zeroblob(32));
         INSERT INTO changes VALUES (zeroblob(32), 'policy', 'p', 'forbid', 1, 'alice', zeroblob(16), zeroblob(64), 6, 1,
             zeroblob(32));
         INSERT INTO change_votes VALUES (zeroblob(32), 'approve', 'bob', NULL, zeroblob(64), 7, 1, zeroblob(32));",
    )
    .await
    .unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute(include_str!("../../../migrations/sqlite/0011_quorum.sql")).await.unwrap();
    tx.commit().await.unwrap();
    let count = |table: &'static str| format!("SELECT count(*) FROM {table}");
    for table in ["rules", "changes", "change_votes"] {
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(count(table))).fetch_one(&mut db).await.unwrap();
        assert_eq!(found, 1, "{table}");
    }
    assert!(sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut db).await.unwrap().is_empty());
    for change in ["DELETE FROM changes", "UPDATE change_votes SET person = 'eve'", "DELETE FROM rules"] {
        assert!(db.execute(change).await.is_err(), "{change}");
    }
    db.execute(
        "INSERT INTO changes VALUES (x'0101010101010101010101010101010101010101010101010101010101010101', 'trust',
             'trust', '{}', NULL, 'alice', zeroblob(16), zeroblob(64), 6, 1, zeroblob(32));
         INSERT INTO change_votes VALUES (x'0101010101010101010101010101010101010101010101010101010101010101', 'approve',
             'bob', NULL, zeroblob(64), 7, 1, zeroblob(32));",
    )
    .await
    .unwrap();
}
