//! Changes that need several people: who can do what, alone and together, and what shows afterwards.

mod scopes;
mod trust;

use super::*;
use crate::rows::BrokenGlass;
use crate::{ChangeError, NamePattern, Quorum, QuorumError, QuorumMistake, Scope, Target};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hanzo_kbs_protocol::changes::Word;
use hanzo_kbs_protocol::{
    ApproveChange, BreakGlass, ChangeInfo, ChangeKind, ChangeState, PersonKey, ProposeChange, WithdrawChange,
};
use std::time::Duration;

const TEXT: &str = "permit (principal, action, resource);";
/// Seconds that a change of the scope waits.
const WAIT: i64 = 3600;
const DAY: i64 = 86_400;

fn pair(person: &str) -> Ed25519KeyPair {
    let seed = digest(&SHA256, person.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap()
}

fn key(person: &str) -> PersonKey {
    PersonKey::Ed25519(pair(person).public_key().as_ref().try_into().unwrap())
}

fn sign(person: &str, word: Word<'_>, id: &Hex<32>) -> Hex<64> {
    Hex(pair(person).sign(&word.message(id)).as_ref().try_into().unwrap())
}

fn production() -> Scope {
    Scope {
        name: "production".to_owned(),
        changes: vec![ChangeKind::Policy],
        names: vec![NamePattern::parse("prod-*").unwrap()],
        minimum_tier: None,
        approvals: 2,
        wait: Duration::from_secs(WAIT.unsigned_abs()),
        break_glass: Some(1),
    }
}

fn people(names: &[&str]) -> Vec<(String, PersonKey)> {
    names.iter().map(|name| ((*name).to_owned(), key(name))).collect()
}

fn quorum(names: &[&str], scope: Scope) -> Quorum {
    Quorum::new(people(names), vec![scope]).unwrap()
}

const EVERYBODY: [&str; 4] = ["alice", "bob", "carol", "dave"];

impl Bench {
    async fn governed() -> Self {
        let bench = Self::new().await;
        bench.under(quorum(&EVERYBODY, production())).await
    }

    /// The same store under another configuration, as after a restart.
    async fn under(self, quorum: Quorum) -> Self {
        let Self { folder, pair, vault } = self;
        drop(vault);
        let store = open(folder.path(), 3).await.with_quorum(quorum);
        let vault = store.unseal(&KeyFileSeal::read(folder.path().join("key")).unwrap()).await.unwrap();
        Self { folder, vault, pair }
    }

    async fn proposed(&self, now: i64) -> ChangeInfo {
        self.vault.propose(&proposal(1, TEXT), admin(now, Action::ChangePropose)).await.unwrap()
    }

    async fn approved(&self, now: i64) -> ChangeInfo {
        let change = self.proposed(now).await;
        self.approve("bob", &change.id, now).await.unwrap();
        self.approve("carol", &change.id, now).await.unwrap()
    }

    async fn approve(&self, person: &str, id: &Hex<32>, now: i64) -> Result<ChangeInfo, ChangeError> {
        let approval = says(person, Word::Approve, id);
        self.vault.approve(id, &approval, admin(now, Action::ChangeApprove)).await
    }

    async fn apply(&self, id: &Hex<32>, now: i64) -> Result<ChangeInfo, ChangeError> {
        self.vault.apply_change(id, admin(now, Action::ChangeApply)).await
    }

    async fn break_glass(&self, person: &str, id: &Hex<32>, now: i64) -> Result<ChangeInfo, ChangeError> {
        let reason = "the chips are revoked";
        let signature = sign(person, Word::BreakGlass(reason), id);
        let request = BreakGlass { approver: person.to_owned(), reason: reason.to_owned(), signature };
        self.vault.break_glass(id, &request, admin(now, Action::ChangeBreakGlass)).await
    }

    async fn acknowledge(&self, person: &str, id: &Hex<32>, now: i64) -> Result<ChangeInfo, ChangeError> {
        let approval = says(person, Word::Acknowledge, id);
        self.vault.acknowledge(id, &approval, admin(now, Action::ChangeAcknowledge)).await
    }

    async fn newest(&self) -> hanzo_kbs_log::Decision {
        let head = self.vault.head().await.unwrap();
        self.vault.decision(head.seq).await.unwrap().unwrap()
    }
}

fn says(person: &str, word: Word<'_>, id: &Hex<32>) -> ApproveChange {
    ApproveChange { approver: person.to_owned(), signature: sign(person, word, id) }
}

/// A change of `prod-release` by alice; `nonce` tells two of one text apart.
fn proposal(nonce: u8, text: &str) -> ProposeChange {
    let unsigned = ProposeChange {
        kind: ChangeKind::Policy,
        name: "prod-release".to_owned(),
        body: text.to_owned(),
        expected_version: None,
        author: "alice".to_owned(),
        nonce: Hex([nonce; 16]),
        signature: Hex([0; 64]),
    };
    signed(unsigned)
}

fn signed(unsigned: ProposeChange) -> ProposeChange {
    let id = unsigned.statement().id().unwrap();
    ProposeChange { signature: sign(&unsigned.author, Word::Propose, &id), ..unsigned }
}

fn refused<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> QuorumError {
    match result.unwrap_err() {
        ChangeError::Quorum(error) => error,
        other => panic!("{other}"),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> &'static str {
    refused(result).code()
}

#[tokio::test]
async fn approved_and_due_it_becomes_the_rule_and_the_record_says_by_whom() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    assert_eq!((change.state, change.needed, change.approvals.len()), (ChangeState::Open, 2, 2));
    assert_eq!((change.proposed_at, change.due_at), (at(10), at(10 + WAIT)));
    let applied = bench.apply(&change.id, 10 + WAIT).await.unwrap();
    assert_eq!(applied.state, ChangeState::Applied);
    let policy = bench.vault.policy("prod-release", None).await.unwrap().unwrap();
    assert_eq!((policy.version, policy.text.as_str()), (1, TEXT));
    let row = bench.newest().await.entry;
    let record = row.change.unwrap();
    assert_eq!((row.action, row.policy_digest), (Action::PolicyPut, Some(policy.digest)));
    assert_eq!((record.id, record.author.as_str(), record.break_glass), (change.id, "alice", None));
    assert_eq!(record.approvers, ["bob", "carol"]);
    assert!(row.break_glass.is_empty());
    bench.vault.rules().await.unwrap();
    bench.vault.check_log().await.unwrap();
}

#[tokio::test]
async fn one_administrator_does_not_change_it_alone() {
    let bench = Bench::governed().await;
    let put = |name: &'static str| bench.vault.put_policy(name, TEXT, None, admin(5, Action::PolicyPut));
    assert!(matches!(
        refused(put("prod-release").await),
        QuorumError::QuorumRequired { kind: ChangeKind::Policy, scopes, .. } if scopes == "production"
    ));
    // Outside the scope, and of another kind, nothing is asked.
    put("staging").await.unwrap();
    let decision = admin(5, Action::ReferencePut);
    bench.vault.put_reference("prod-release", &[], None, decision).await.unwrap();
    // And the other way round: what is in no scope has nobody to ask.
    let stray = signed(ProposeChange { name: "staging".to_owned(), ..proposal(1, TEXT) });
    assert_eq!(code(bench.vault.propose(&stray, admin(6, Action::ChangePropose)).await), "NotInScope");
}

#[tokio::test]
async fn too_few_or_too_early_is_refused() {
    let bench = Bench::governed().await;
    let change = bench.proposed(10).await;
    let late = 10 + 2 * WAIT;
    assert_eq!(
        refused(bench.apply(&change.id, late).await),
        QuorumError::ChangeNotApproved { approvals: 0, needed: 2 }
    );
    bench.approve("bob", &change.id, 20).await.unwrap();
    assert_eq!(code(bench.apply(&change.id, late).await), "ChangeNotApproved");
    bench.approve("carol", &change.id, 30).await.unwrap();
    let early = 10 + WAIT - 1;
    let not_due = QuorumError::ChangeNotDue { due: at(10 + WAIT), now: at(early) };
    assert_eq!(refused(bench.apply(&change.id, early).await), not_due);
    assert_eq!(bench.vault.policy("prod-release", None).await.unwrap(), None);
    bench.apply(&change.id, 10 + WAIT).await.unwrap();
}

#[tokio::test]
async fn the_author_approves_nothing_of_their_own() {
    let bench = Bench::governed().await;
    let change = bench.proposed(10).await;
    assert_eq!(code(bench.approve("alice", &change.id, 11).await), "ApproverIsAuthor");
    assert_eq!(code(bench.break_glass("alice", &change.id, 11).await), "ApproverIsAuthor");
    bench.approve("bob", &change.id, 12).await.unwrap();
    assert_eq!(code(bench.approve("bob", &change.id, 13).await), "ApproverTwice");
    assert_eq!(code(bench.approve("mallory", &change.id, 14).await), "ApproverUnknown");
    // One person's key does not speak for another, nor one word for another.
    for signature in [
        sign("bob", Word::Approve, &change.id),
        sign("carol", Word::Acknowledge, &change.id),
        sign("carol", Word::Approve, &Hex([7; 32])),
    ] {
        let forged = ApproveChange { approver: "carol".to_owned(), signature };
        let refused = bench.vault.approve(&change.id, &forged, admin(15, Action::ChangeApprove)).await;
        assert_eq!(code(refused), "ApprovalSignature");
    }
    let shown = bench.vault.change(&change.id, at(16)).await.unwrap();
    assert_eq!(shown.approvals.len(), 1);
}

#[tokio::test]
async fn an_approval_is_for_one_change_and_its_exact_text() {
    let bench = Bench::governed().await;
    let first = bench.proposed(10).await;
    let approval = says("bob", Word::Approve, &first.id);
    bench.vault.approve(&first.id, &approval, admin(11, Action::ChangeApprove)).await.unwrap();
    // Another text, and the same text again, are other changes.
    for (nonce, text) in [(1, "permit (principal, action, resource) when { true };"), (2, TEXT)] {
        let other = proposal(nonce, text);
        let other = bench.vault.propose(&other, admin(12, Action::ChangePropose)).await.unwrap();
        assert_ne!(other.id, first.id);
        let replayed = bench.vault.approve(&other.id, &approval, admin(13, Action::ChangeApprove)).await;
        assert_eq!(code(replayed), "ApprovalSignature");
    }
    // The text cannot be exchanged under the author's signature, nor the same change proposed again.
    let exchanged = ProposeChange { body: "permit all".to_owned(), ..proposal(3, TEXT) };
    let refused = bench.vault.propose(&exchanged, admin(14, Action::ChangePropose)).await;
    assert_eq!(code(refused), "ProposalSignature");
    let again = bench.vault.propose(&proposal(1, TEXT), admin(14, Action::ChangePropose)).await;
    assert_eq!(code(again), "ChangeExists");
    let stranger = ProposeChange { author: "mallory".to_owned(), ..proposal(4, TEXT) };
    let refused = bench.vault.propose(&signed(stranger), admin(14, Action::ChangePropose)).await;
    assert_eq!(code(refused), "AuthorUnknown");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_shorten_the_wait() {
    let bench = Bench::governed().await;
    bench.vault.record(node(1000, Action::Attest)).await.unwrap();
    // Proposed by a clock that is 200 seconds behind what the record knows.
    let change = bench.approved(800).await;
    assert_eq!(change.proposed_at, at(1000));
    assert_eq!(code(bench.apply(&change.id, 1000 + WAIT - 1).await), "ChangeNotDue");
    // Further back than the tolerance nothing is decided at all.
    let refused = bench.apply(&change.id, 100).await;
    assert!(matches!(refused, Err(ChangeError::Record(crate::RecordError::ClockWentBack { .. }))));
    bench.apply(&change.id, 1000 + WAIT).await.unwrap();
}

#[tokio::test]
async fn what_is_closed_stays_closed() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    let forged = WithdrawChange { signature: sign("bob", Word::Withdraw, &change.id) };
    let refused_word = bench.vault.withdraw(&change.id, &forged, admin(20, Action::ChangeWithdraw)).await;
    assert_eq!(code(refused_word), "ProposalSignature");
    let word = WithdrawChange { signature: sign("alice", Word::Withdraw, &change.id) };
    let done = bench.vault.withdraw(&change.id, &word, admin(20, Action::ChangeWithdraw)).await.unwrap();
    assert_eq!(done.state, ChangeState::Withdrawn);
    assert_eq!(
        refused(bench.apply(&change.id, 20 + WAIT).await),
        QuorumError::ChangeClosed { state: "withdrawn" }
    );
    assert_eq!(code(bench.approve("dave", &change.id, 21).await), "ChangeClosed");
    let again = bench.vault.propose(&proposal(1, TEXT), admin(22, Action::ChangePropose)).await;
    assert_eq!(code(again), "ChangeExists");
    assert_eq!(code(bench.apply(&Hex([3; 32]), 23).await), "ChangeUnknown");
}

#[tokio::test]
async fn of_two_that_apply_at_once_one_wins() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    let now = 10 + WAIT;
    let (one, two) = tokio::join!(bench.apply(&change.id, now), bench.apply(&change.id, now));
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap().state, ChangeState::Applied);
    assert_eq!(refused(lost), QuorumError::ChangeClosed { state: "applied" });
    assert_eq!(bench.vault.policy("prod-release", None).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_change_is_for_the_version_that_it_names() {
    let bench = Bench::governed().await;
    let (first, second) = (bench.approved(10).await, proposal(2, "forbid (principal, action, resource);"));
    let second = bench.vault.propose(&second, admin(11, Action::ChangePropose)).await.unwrap();
    bench.approve("bob", &second.id, 12).await.unwrap();
    bench.approve("dave", &second.id, 12).await.unwrap();
    bench.apply(&first.id, 11 + WAIT).await.unwrap();
    let lost = bench.apply(&second.id, 12 + WAIT).await;
    assert!(matches!(lost, Err(ChangeError::VersionConflict { expected: None, current: Some(1), .. })));
    let stale = bench.vault.propose(&proposal(3, TEXT), admin(13 + WAIT, Action::ChangePropose)).await;
    assert!(matches!(stale, Err(ChangeError::VersionConflict { .. })));
}

#[tokio::test]
async fn an_old_change_is_proposed_anew() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    let end = 10 + 30 * DAY;
    assert_eq!(bench.vault.change(&change.id, at(end - 1)).await.unwrap().state, ChangeState::Open);
    assert_eq!(bench.vault.change(&change.id, at(end)).await.unwrap().state, ChangeState::Expired);
    assert_eq!(code(bench.apply(&change.id, end).await), "ChangeExpired");
    assert_eq!(code(bench.break_glass("bob", &change.id, end).await), "ChangeExpired");
    bench.apply(&change.id, end - 1).await.unwrap();
}

#[tokio::test]
async fn who_has_left_does_not_count() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    // Carol is gone: her approval is still there, and counts no more.
    let bench = bench.under(quorum(&["alice", "bob", "dave"], production())).await;
    let now = 10 + WAIT;
    let counted = QuorumError::ChangeNotApproved { approvals: 1, needed: 2 };
    assert_eq!(refused(bench.apply(&change.id, now).await), counted);
    let shown = bench.vault.change(&change.id, at(now)).await.unwrap();
    let counts: Vec<_> = shown.approvals.iter().map(|vote| (vote.person.as_str(), vote.counts)).collect();
    assert_eq!(counts, [("bob", true), ("carol", false)]);
    // Neither does somebody else under her name.
    let mut others = people(&["alice", "bob", "dave"]);
    others.push(("carol".to_owned(), key("another carol")));
    let bench = bench.under(Quorum::new(others, vec![production()]).unwrap()).await;
    assert_eq!(refused(bench.apply(&change.id, now).await), counted);
    // Nor an author who has left.
    let bench = bench.under(quorum(&["bob", "carol", "dave"], production())).await;
    assert_eq!(code(bench.apply(&change.id, now).await), "AuthorUnknown");
    let bench = bench.under(quorum(&EVERYBODY, production())).await;
    bench.apply(&change.id, now).await.unwrap();
}

#[tokio::test]
async fn a_tighter_scope_counts_for_what_is_open() {
    let bench = Bench::governed().await;
    let change = bench.approved(10).await;
    let tighter = Scope { approvals: 3, wait: Duration::from_secs(7200), ..production() };
    let second = Scope { name: "second".to_owned(), ..tighter };
    let both = Quorum::new(people(&EVERYBODY), vec![production(), second]).unwrap();
    let bench = bench.under(both).await;
    assert_eq!(code(bench.apply(&change.id, 10 + WAIT).await), "ChangeNotApproved");
    bench.approve("dave", &change.id, 11 + WAIT).await.unwrap();
    assert_eq!(code(bench.apply(&change.id, 11 + WAIT).await), "ChangeNotDue");
    bench.apply(&change.id, 10 + 7200).await.unwrap();
}

#[tokio::test]
async fn broken_glass_is_in_every_row_and_receipt_until_it_is_acknowledged() {
    let bench = Bench::with_key().await;
    let bench = bench.under(quorum(&EVERYBODY, production())).await;
    let before = bench.order("acme/model", 1, 5);
    assert!(bench.release(before).await.unwrap().receipts[0].break_glass.is_empty());
    let change = bench.proposed(10).await;
    let broken = bench.break_glass("bob", &change.id, 11).await.unwrap();
    assert_eq!((broken.state, broken.glass_broken), (ChangeState::Applied, true));
    let row = bench.newest().await.entry;
    let record = row.change.unwrap();
    assert_eq!(record.break_glass.as_deref(), Some("the chips are revoked"));
    assert_eq!((record.approvers, row.break_glass), (vec!["bob".to_owned()], vec![change.id]));
    assert_eq!(bench.vault.broken_glass().await.unwrap(), [change.id]);

    let epoch = bench.vault.rules_epoch().await.unwrap();
    let order = |nonce, now| Order { rules_epoch: epoch, ..bench.order("acme/model", nonce, now) };
    let released = bench.release(order(2, 20)).await.unwrap();
    assert_eq!(released.receipts[0].break_glass, [change.id]);
    let seq = released.receipts[0].seq;
    assert_eq!(bench.vault.decision(seq).await.unwrap().unwrap().entry.break_glass, [change.id]);

    // As many must have looked at it as should have approved it; the author is none of them.
    assert_eq!(code(bench.acknowledge("alice", &change.id, 21).await), "ApproverIsAuthor");
    assert!(bench.acknowledge("bob", &change.id, 22).await.unwrap().glass_broken);
    assert_eq!(code(bench.acknowledge("bob", &change.id, 23).await), "ApproverTwice");
    assert!(!bench.acknowledge("carol", &change.id, 24).await.unwrap().glass_broken);
    assert_eq!(bench.newest().await.entry.break_glass, [change.id]);
    assert!(bench.release(order(3, 25)).await.unwrap().receipts[0].break_glass.is_empty());
    assert_eq!(code(bench.acknowledge("dave", &change.id, 26).await), "NotBroken");
    bench.vault.check_log().await.unwrap();
}

#[tokio::test]
async fn glass_breaks_only_where_a_scope_says_so_and_with_enough_hands() {
    let closed = Scope { break_glass: None, ..production() };
    let bench = Bench::new().await.under(quorum(&EVERYBODY, closed)).await;
    let change = bench.proposed(10).await;
    assert_eq!(code(bench.break_glass("bob", &change.id, 11).await), "BreakGlassClosed");
    for reason in ["", "  ", &"x".repeat(1025)] {
        let signature = sign("bob", Word::BreakGlass(reason), &change.id);
        let request = BreakGlass { approver: "bob".to_owned(), reason: reason.to_owned(), signature };
        let refused =
            bench.vault.break_glass(&change.id, &request, admin(12, Action::ChangeBreakGlass)).await;
        assert_eq!(code(refused), "BreakGlassReason");
    }
    let two = Scope { break_glass: Some(2), ..production() };
    let bench = bench.under(quorum(&EVERYBODY, two)).await;
    // Neither an ordinary approval nor another reason's signature breaks the glass.
    bench.approve("dave", &change.id, 12).await.unwrap();
    let signature = sign("bob", Word::BreakGlass("another"), &change.id);
    let request = BreakGlass { approver: "bob".to_owned(), reason: "fire".to_owned(), signature };
    let refused = bench.vault.break_glass(&change.id, &request, admin(13, Action::ChangeBreakGlass)).await;
    assert_eq!(code(refused), "ApprovalSignature");
    assert_eq!(bench.break_glass("bob", &change.id, 13).await.unwrap().state, ChangeState::Open);
    assert_eq!(code(bench.break_glass("bob", &change.id, 14).await), "ApproverTwice");
    assert_eq!(code(bench.acknowledge("carol", &change.id, 14).await), "NotBroken");
    assert_eq!(bench.break_glass("carol", &change.id, 15).await.unwrap().state, ChangeState::Applied);
}

#[tokio::test]
async fn a_fifth_emergency_waits_for_somebody_to_look() {
    let bench = Bench::governed().await;
    let mut expected_version = None;
    for n in 1..=5 {
        let next = signed(ProposeChange { expected_version, ..proposal(n, TEXT) });
        let next = bench.vault.propose(&next, admin(10, Action::ChangePropose)).await.unwrap();
        let broken = bench.break_glass("bob", &next.id, 11).await;
        if n == 5 {
            assert_eq!(code(broken), "BreakGlassFull");
        } else {
            assert_eq!(broken.unwrap().state, ChangeState::Applied);
        }
        expected_version = Some(n.into());
    }
    assert_eq!(bench.vault.broken_glass().await.unwrap().len(), 4);
    assert_eq!(bench.vault.policy("prod-release", None).await.unwrap().unwrap().version, 4);
}

const DISARM: &str = "PRAGMA foreign_keys = off; DROP TRIGGER changes_are_not_updated; \
     DROP TRIGGER change_votes_are_not_updated; DROP TRIGGER change_votes_are_not_deleted;";

#[tokio::test]
async fn an_edited_change_is_not_authentic() {
    for sql in [
        "UPDATE changes SET body = 'permit all'",
        "UPDATE changes SET name = 'prod-other'",
        "UPDATE changes SET proposed_at = 1",
        "UPDATE changes SET author = 'dave'",
        "UPDATE changes SET mac = zeroblob(32)",
        "UPDATE change_votes SET person = 'dave' WHERE person = 'bob'",
        "UPDATE change_votes SET word = 'break-glass'",
        "UPDATE change_votes SET at = 1",
    ] {
        let bench = Bench::governed().await;
        let change = bench.approved(10).await;
        edit(&bench.path(), &format!("{DISARM} {sql}")).await;
        assert_eq!(
            refused(bench.apply(&change.id, 10 + WAIT).await),
            QuorumError::Forged { id: change.id },
            "{sql}"
        );
    }
    // A mark of broken glass that is wiped off takes the head's authenticity with it.
    let bench = Bench::governed().await;
    let change = bench.proposed(10).await;
    bench.break_glass("bob", &change.id, 11).await.unwrap();
    edit(&bench.path(), "UPDATE meta SET break_glass = x''").await;
    let refused = bench.vault.record(node(12, Action::Attest)).await;
    assert!(matches!(refused, Err(crate::RecordError::LogDamaged(_))), "{refused:?}");
}

#[tokio::test]
async fn changes_cannot_be_edited_with_plain_sql() {
    let bench = Bench::governed().await;
    bench.approved(10).await;
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(bench.path()).connect().await.unwrap();
    for table in ["changes", "change_votes"] {
        for sql in [format!("UPDATE {table} SET decision = 1"), format!("DELETE FROM {table}")] {
            let error = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_err();
            assert!(error.to_string().contains("kept as they are"), "{error}");
        }
    }
}

#[test]
fn people_and_scopes_are_checked_as_a_whole() {
    let mistake = |names: &[&str], scope: Scope| Quorum::new(people(names), vec![scope]).unwrap_err();
    assert!(Quorum::new(people(&EVERYBODY), vec![production()]).is_ok());
    let count =
        |asked, others, what| QuorumMistake::Count { scope: "production".to_owned(), what, asked, others };
    assert_eq!(mistake(&["alice", "bob"], production()), count(2, 1, "approvals"));
    assert_eq!(mistake(&[], production()), count(2, 0, "approvals"));
    assert_eq!(mistake(&EVERYBODY, Scope { approvals: 0, ..production() }), count(0, 3, "approvals"));
    let glass = Scope { break_glass: Some(4), ..production() };
    assert_eq!(mistake(&EVERYBODY, glass), count(4, 3, "break_glass_approvals"));
    for empty in [Scope { changes: Vec::new(), ..production() }, Scope { names: Vec::new(), ..production() }]
    {
        assert_eq!(mistake(&EVERYBODY, empty), QuorumMistake::ScopeEmpty("production".to_owned()));
    }
    let long = Scope { wait: Duration::from_secs(15 * 86_400 + 1), ..production() };
    assert_eq!(mistake(&EVERYBODY, long), QuorumMistake::Wait("production".to_owned()));
    let twice = Quorum::new(people(&EVERYBODY), vec![production(), production()]).unwrap_err();
    assert_eq!(twice, QuorumMistake::ScopeTwice("production".to_owned()));
    let mut same = people(&EVERYBODY);
    same.push(("eve".to_owned(), key("bob")));
    let same = Quorum::new(same, Vec::new()).unwrap_err();
    assert_eq!(same, QuorumMistake::KeyTwice("bob".to_owned(), "eve".to_owned()));
    let named = vec![("alice".to_owned(), key("a")), ("alice".to_owned(), key("b"))];
    assert_eq!(Quorum::new(named, Vec::new()), Err(QuorumMistake::PersonTwice("alice".to_owned())));
    for pattern in ["", "a*b", "A*", "a**", "*a"] {
        assert!(NamePattern::parse(pattern).is_err(), "{pattern}");
    }
    let all = Scope { names: vec![NamePattern::parse("*").unwrap()], ..production() };
    assert!(quorum(&EVERYBODY, all).demand(Target::rule(ChangeKind::Policy, "anything")).is_some());
}

#[test]
fn marks_of_broken_glass_keep_their_order() {
    let mut broken = BrokenGlass::default();
    assert!((1..=4).all(|n| broken.add(Hex([n; 32]))));
    assert!(!broken.add(Hex([5; 32])));
    broken.remove(&Hex([2; 32]));
    assert_eq!(broken.ids(), [Hex([1; 32]), Hex([3; 32]), Hex([4; 32])]);
    assert_eq!(BrokenGlass::from_bytes(&broken.to_bytes()), Some(broken));
    for wrong in [&[1; 31][..], &[1; 33], &[1; 160]] {
        assert_eq!(BrokenGlass::from_bytes(wrong), None);
    }
}
