//! What every backend has to do alike, as one function to be run against each: `check` takes a maker of empty
//! backends, and names the first demand that is not met.

use crate::backend::{
    AttestationRows, Backend, ChangeRows, DecisionRows, HoldRows, KeptRows, KeyRows, MetaRows, NonceRows,
    RuleRows, SessionRows, ShadowRows, Transaction,
};
use crate::envelope::Record;
use crate::error::StoreError;
use crate::rows::{
    AttestationRow, BrokenGlass, ChangeRow, GrantRow, HoldRow, HoldsRow, KeptKind, KeptRow, KeyRow,
    LedgerRow, MetaRow, RuleKind, RuleRow, SessionRow, ShadowRow, VersionRow, VoteRow, VoteWord,
};
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, Tee, UnixTime};
use hanzo_kbs_log::{Action, ChainError, Decision, Door, Head, NewDecision};
use hanzo_kbs_protocol::{ChangeKind, KeyKind, VersionState};
use std::future::Future;

/// A demand that a backend does not meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It answered, and wrongly.
    #[error("a backend has to: {0}")]
    Demand(&'static str),
    /// It failed where it should not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A decision of the suite itself could not be chained.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

type Checked = Result<(), Failure>;

/// Runs the whole suite. `make` yields a fresh, empty backend at each call.
///
/// # Errors
/// [`Failure`].
pub async fn check<B, F, M>(make: M) -> Checked
where
    B: Backend,
    F: Future<Output = B>,
    M: Fn() -> F,
{
    a_store_is_initialised_once(&make().await).await?;
    a_dropped_transaction_leaves_nothing(&make().await).await?;
    decisions_are_appended_in_order(&make().await).await?;
    a_challenge_is_used_once(&make().await).await?;
    keys_and_versions_read_back(&make().await).await?;
    sessions_and_grants_read_back(&make().await).await?;
    devices_are_held_and_freed(&make().await).await?;
    rules_keep_their_history(&make().await).await?;
    changes_are_kept(&make().await).await?;
    attestations_end(&make().await).await?;
    documents_are_kept_and_forgotten(&make().await).await?;
    past_decisions_are_found(&make().await).await?;
    one_shadow_is_kept(&make().await).await?;
    make().await.integrity().await?;
    Ok(())
}

async fn a_store_is_initialised_once(backend: &impl Backend) -> Checked {
    let mut tx = backend.begin().await?;
    demand("have no row about itself at first", tx.meta().await?.is_none())?;
    tx.insert_meta(&meta()?).await?;
    tx.commit().await?;
    let mut tx = backend.begin().await?;
    let again = tx.insert_meta(&meta()?).await;
    demand("refuse to be initialised twice", again == Err(StoreError::AlreadyInitialised))?;
    drop(tx);
    let mut tx = backend.begin().await?;
    let ledger = LedgerRow { rules_epoch: 7, ..meta()?.ledger };
    tx.set_ledger(&ledger).await?;
    tx.insert_broker_key("broker/x", &record(1)).await?;
    tx.commit().await?;
    let mut tx = backend.read().await?;
    let read = tx.meta().await?;
    demand("read back its row", read == Some(MetaRow { ledger, ..meta()? }))?;
    demand("read back a broker key", tx.broker_key("broker/x").await? == Some(record(1)))?;
    demand("have no other broker key", tx.broker_key("broker/y").await?.is_none())
}

async fn a_dropped_transaction_leaves_nothing(backend: &impl Backend) -> Checked {
    let mut tx = backend.begin().await?;
    tx.use_nonce(&Hex([1; 32]), at(10)?).await?;
    tx.append_decision(&Head::EMPTY.append(entry(1)?)?).await?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("undo a dropped challenge", !tx.nonce_used(&Hex([1; 32])).await?)?;
    demand("undo a dropped decision", tx.newest_decision().await? == 0)
}

async fn decisions_are_appended_in_order(backend: &impl Backend) -> Checked {
    let rows = append(backend, 5).await?;
    let mut tx = backend.read().await?;
    demand("number decisions from one", tx.newest_decision().await? == 5)?;
    demand("read back decisions in order", tx.decisions(0, 10).await? == rows)?;
    demand(
        "read a page of decisions",
        tx.decisions(1, 2).await?.as_slice() == rows.get(1..3).unwrap_or(&[]),
    )?;
    drop(tx);
    for seq in [5, 7, 1] {
        let mut tx = backend.begin().await?;
        let row = Decision { seq, hash: Hex([9; 32]), entry: entry(9)? };
        demand("refuse a decision out of order", tx.append_decision(&row).await.is_err())?;
    }
    Ok(())
}

async fn a_challenge_is_used_once(backend: &impl Backend) -> Checked {
    let digest = Hex([3; 32]);
    let mut tx = backend.begin().await?;
    demand("accept a fresh challenge", tx.use_nonce(&digest, at(100)?).await?)?;
    demand("refuse it in the same transaction", !tx.use_nonce(&digest, at(100)?).await?)?;
    tx.commit().await?;
    let mut tx = backend.begin().await?;
    demand("refuse it in another transaction", !tx.use_nonce(&digest, at(900)?).await?)?;
    tx.prune_nonces(at(100)?, 10).await?;
    demand("keep a challenge until it has ended", tx.nonce_used(&digest).await?)?;
    for n in 10..20 {
        tx.use_nonce(&Hex([n; 32]), at(50)?).await?;
    }
    tx.prune_nonces(at(51)?, 4).await?;
    let mut left = 0;
    for n in 10..20 {
        left += u8::from(tx.nonce_used(&Hex([n; 32])).await?);
    }
    demand("forget as many challenges as asked for", left == 6)?;
    tx.prune_nonces(at(101)?, 100).await?;
    demand("forget an ended challenge", !tx.nonce_used(&digest).await?)
}

async fn keys_and_versions_read_back(backend: &impl Backend) -> Checked {
    let mut tx = backend.begin().await?;
    tx.insert_tenant("acme", &record(1), at(1)?).await?;
    demand("refuse a tenant twice", tx.insert_tenant("acme", &record(2), at(1)?).await.is_err())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a key without a tenant", tx.insert_key(&key("acme/a")?).await.is_err())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    tx.insert_tenant("acme", &record(1), at(1)?).await?;
    for id in ["acme/b", "acme/a"] {
        tx.insert_key(&key(id)?).await?;
        tx.insert_version(&version(id, 1)?).await?;
    }
    tx.insert_version(&version("acme/a", 2)?).await?;
    tx.set_current_version("acme/a", 2).await?;
    demand("refuse to point an absent key", tx.set_current_version("acme/c", 2).await.is_err())?;
    tx.count_release("acme/a", 2).await?;
    demand("refuse to count an absent version", tx.count_release("acme/a", 3).await.is_err())?;
    tx.commit().await?;
    let mut tx = backend.read().await?;
    demand("read back a tenant", tx.tenant_key("acme").await? == Some(record(1)))?;
    let moved = KeyRow { current_version: 2, ..key("acme/a")? };
    demand("read back a key", tx.key("acme/a").await?.as_ref() == Some(&moved))?;
    demand("list keys by id", tx.keys().await? == [moved, key("acme/b")?])?;
    let counted = VersionRow { releases: 1, ..version("acme/a", 2)? };
    demand(
        "list versions in order",
        tx.versions("acme/a").await? == [version("acme/a", 1)?, counted.clone()],
    )?;
    demand("read back a version", tx.version("acme/a", 2).await? == Some(counted))?;
    demand("have no other version", tx.version("acme/b", 2).await?.is_none())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a key twice", tx.insert_key(&key("acme/a")?).await.is_err())
}

async fn sessions_and_grants_read_back(backend: &impl Backend) -> Checked {
    append(backend, 2).await?;
    let mut tx = backend.begin().await?;
    tx.insert_tenant("acme", &record(1), at(1)?).await?;
    tx.insert_key(&key("acme/a")?).await?;
    tx.insert_version(&version("acme/a", 1)?).await?;
    tx.insert_session(&session(1)?).await?;
    tx.put_grant(&grant(1, 1)?).await?;
    tx.put_grant(&GrantRow { decision: 2, expires_at: at(900)?, granted_at: at(500)?, ..grant(1, 1)? })
        .await?;
    let renewed = SessionRow {
        evidence_digest: Hex([8; 32]),
        tier: 1,
        lab: false,
        renewed_at: at(500)?,
        expires_at: at(900)?,
        machine: None,
        devices: vec![device(5)],
        ..session(1)?
    };
    tx.renew_session(&renewed).await?;
    tx.commit().await?;
    let mut tx = backend.begin().await?;
    demand("read back a session", tx.session(&session(1)?.id).await?.as_ref() == Some(&renewed))?;
    let renewed_grant = GrantRow { decision: 2, expires_at: at(900)?, releases: 2, ..grant(1, 1)? };
    let held = tx.grants_of(&renewed.id).await?;
    demand("count a grant's releases and keep its beginning", held.as_slice() == [renewed_grant.clone()])?;
    let listed = [(renewed_grant, renewed.clone())];
    demand("list grants with their session", tx.grants(None, 10).await? == listed)?;
    demand("list the grants on a device", tx.grants(Some(device(5).pdi), 10).await? == listed)?;
    demand("leave out other devices", tx.grants(Some(device(1).pdi), 10).await?.is_empty())?;
    demand("take no root for a device", tx.grants(Some(Hex([9; 8])), 10).await?.is_empty())?;
    live_grants_are_counted(&mut tx, &renewed).await?;
    tx.revoke_session(&renewed.id, at(600)?).await?;
    demand("count no revoked grant", tx.live_grants("acme/a", at(600)?, &Hex([0; 32]), &[]).await? == 0)?;
    tx.revoke_session(&renewed.id, at(700)?).await?;
    tx.supersede_session(&renewed.id, at(700)?).await?;
    let revoked = tx.session(&renewed.id).await?.map(|session| (session.revoked_at, session.superseded));
    demand("keep the first end of a session", revoked == Some((Some(at(600)?), false)))?;
    tx.insert_session(&session(2)?).await?;
    tx.supersede_session(&session(2)?.id, at(700)?).await?;
    let ended = tx.session(&session(2)?.id).await?.map(|session| (session.revoked_at, session.superseded));
    demand("say that a session was superseded", ended == Some((Some(at(700)?), true)))?;
    demand("refuse a session twice", tx.insert_session(&session(1)?).await.is_err())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    let lone = GrantRow { session_id: "f".repeat(32), ..grant(1, 1)? };
    demand("refuse a grant without a session", tx.put_grant(&lone).await.is_err())
}

/// One grant of `acme/a`, until second 900.
async fn live_grants_are_counted(tx: &mut impl Transaction, session: &SessionRow) -> Checked {
    let nobody = Hex([0; 32]);
    demand("count a live grant", tx.live_grants("acme/a", at(899)?, &nobody, &[]).await? == 1)?;
    demand("count none at its end", tx.live_grants("acme/a", at(900)?, &nobody, &[]).await? == 0)?;
    demand("count none of another key", tx.live_grants("acme/b", at(1)?, &nobody, &[]).await? == 0)?;
    let own = tx.live_grants("acme/a", at(1)?, &session.recipient_digest, &[]).await?;
    demand("count none of whoever asks", own == 0)?;
    let ended = tx.live_grants("acme/a", at(1)?, &nobody, &["x", &session.id]).await?;
    demand("count none of these sessions", ended == 0)
}

async fn devices_are_held_and_freed(backend: &impl Backend) -> Checked {
    let mut tx = backend.begin().await?;
    for n in [1, 2] {
        tx.insert_session(&session(n)?).await?;
    }
    let rows = [hold(1, 1, 600)?, hold(2, 1, 600)?, hold(1, 2, 300)?];
    for row in &rows {
        tx.insert_hold(row).await?;
    }
    tx.commit().await?;
    let [one, two, other] = &rows;
    let mut tx = backend.read().await?;
    demand("name who holds a device", tx.holds_of(&device(1)).await? == [one.clone(), other.clone()])?;
    demand("name what a session holds", tx.holds_in(&one.session_id).await? == [one.clone(), two.clone()])?;
    demand("know no other device", tx.holds_of(&device(3)).await?.is_empty())?;
    let elsewhere = DeviceId { root: Hex([8; 32]), ..device(1) };
    demand("tell roots apart", tx.holds_of(&elsewhere).await?.is_empty())?;
    demand("count holds", tx.count_holds().await? == 3 && tx.holds().await?.len() == 3)?;
    demand("keep a hold until it has ended", tx.ended_holds(at(300)?, 10).await?.is_empty())?;
    demand(
        "find ended holds",
        tx.ended_holds(at(301)?, 10).await?.as_slice() == std::slice::from_ref(other),
    )?;
    demand("find as many as asked for", tx.ended_holds(at(900)?, 2).await?.len() == 2)?;
    drop(tx);
    let mut tx = backend.begin().await?;
    tx.remove_hold(&device(1), &one.session_id).await?;
    demand("free one hold alone", tx.count_holds().await? == 2)?;
    let again = tx.remove_hold(&device(1), &one.session_id).await;
    demand("refuse to free what is free", again.is_err())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a hold twice", tx.insert_hold(one).await.is_err())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a hold without a session", tx.insert_hold(&hold(1, 7, 600)?).await.is_err())
}

async fn rules_keep_their_history(backend: &impl Backend) -> Checked {
    append_rule(backend, 3).await?;
    let mut tx = backend.begin().await?;
    for (name, version, decision) in [("b", 1, 1), ("a", 1, 2), ("a", 2, 3)] {
        tx.insert_rule(&rule(name, version, decision)?).await?;
    }
    tx.commit().await?;
    let mut tx = backend.read().await?;
    let newest = [rule("a", 2, 3)?, rule("b", 1, 1)?];
    demand("list the newest rules by name", tx.current_rules(RuleKind::Policy).await? == newest)?;
    demand("keep kinds apart", tx.current_rules(RuleKind::Reference).await?.is_empty())?;
    let old = tx.rule(RuleKind::Policy, "a", Some(1)).await?;
    demand("keep old versions", old == Some(rule("a", 1, 2)?))?;
    let newest = tx.rule(RuleKind::Policy, "a", None).await?;
    demand("find the newest version", newest == Some(rule("a", 2, 3)?))?;
    demand("have no other version", tx.rule(RuleKind::Policy, "a", Some(3)).await?.is_none())?;
    let named = tx.newest_rule_decisions().await?;
    demand("name the newest decision about a rule", named == [(RuleKind::Policy, "p".to_owned(), 3)])?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a version twice", tx.insert_rule(&rule("a", 2, 3)?).await.is_err())
}

async fn changes_are_kept(backend: &impl Backend) -> Checked {
    append(backend, 4).await?;
    let mut tx = backend.begin().await?;
    for n in [1, 2] {
        tx.insert_change(&change(n)?).await?;
    }
    let rows = [vote(2, "bob", VoteWord::BreakGlass, 3)?, vote(2, "carol", VoteWord::Approve, 4)?];
    for row in &rows {
        tx.insert_vote(row).await?;
    }
    tx.commit().await?;
    let mut tx = backend.read().await?;
    demand("read back a change", tx.change(&change(1)?.id).await? == Some(change(1)?))?;
    demand("know no other change", tx.change(&Hex([9; 32])).await?.is_none())?;
    demand("list changes, newest first", tx.changes(10).await? == [change(2)?, change(1)?])?;
    demand("list as many as asked for", tx.changes(1).await?.len() == 1)?;
    let about = tx.changes_about(ChangeKind::Reference, "rule-2").await?;
    demand("list the changes about a name", about == [change(2)?])?;
    let none = tx.changes_about(ChangeKind::Policy, "rule-2").await?;
    demand("keep the changes of another kind apart", none.is_empty())?;
    demand("read back what was said, in order", tx.votes(&change(2)?.id).await? == rows)?;
    demand("keep changes apart", tx.votes(&change(1)?.id).await?.is_empty())?;
    let none = tx.newest_decision_about(Action::ChangeApply, "x").await?;
    demand("know no decision about another subject", none.is_none())?;
    drop(tx);
    let mut tx = backend.begin().await?;
    demand("refuse a change twice", tx.insert_change(&change(1)?).await.is_err())?;
    drop(tx);
    append_rule(backend, 2).await?;
    let mut tx = backend.read().await?;
    let newest = tx.newest_decision_about(Action::PolicyPut, "p").await?;
    demand("name the newest decision about a subject", newest == Some(6))
}

async fn one_shadow_is_kept(backend: &impl Backend) -> Checked {
    append(backend, 2).await?;
    let mut tx = backend.begin().await?;
    demand("have no shadow before one was put", tx.shadow().await?.is_none())?;
    let shadow = |n: u8| -> Result<ShadowRow, StoreError> {
        let (candidate, report) = (format!("candidate-{n}"), String::new());
        let (decision, seen) = (u64::from(n), u64::from(n));
        Ok(ShadowRow { candidate, decision, since: at(n.into())?, seen, report, mac: [n; 32] })
    };
    tx.put_shadow(&shadow(1)?).await?;
    demand("read back a shadow", tx.shadow().await? == Some(shadow(1)?))?;
    tx.put_shadow(&shadow(2)?).await?;
    demand("keep the newest shadow alone", tx.shadow().await? == Some(shadow(2)?))?;
    tx.clear_shadow().await?;
    demand("forget a shadow", tx.shadow().await?.is_none())
}

async fn attestations_end(backend: &impl Backend) -> Checked {
    append(backend, 1).await?;
    let mut tx = backend.begin().await?;
    for n in 1..=3 {
        tx.insert_attestation(&attestation(n)?).await?;
    }
    demand("count attestations", tx.count_attestations().await? == 3)?;
    demand("read back an attestation", tx.attestation("token-2").await? == Some(attestation(2)?))?;
    tx.prune_attestations(at(102)?, 10).await?;
    demand("forget ended attestations only", tx.count_attestations().await? == 2)?;
    demand("forget the right one", tx.attestation("token-1").await?.is_none())
}

async fn documents_are_kept_and_forgotten(backend: &impl Backend) -> Checked {
    let kept = |n: u8, until: i64| {
        let (digest, body) = (Hex([n; 32]), vec![n; 3]);
        Ok::<_, StoreError>(KeptRow { digest, kind: KeptKind::Facts, body, keep_until: at(until)? })
    };
    let mut tx = backend.begin().await?;
    for n in 1..=4 {
        tx.put_kept(&kept(n, 100 + i64::from(n))?).await?;
    }
    tx.put_kept(&KeptRow { kind: KeptKind::Proof, ..kept(9, 101)? }).await?;
    tx.put_kept(&kept(1, 90)?).await?;
    demand("keep a document no shorter", tx.kept_until(&Hex([1; 32])).await? == Some(at(101)?))?;
    tx.put_kept(&kept(1, 200)?).await?;
    demand("keep a document for longer", tx.kept_until(&Hex([1; 32])).await? == Some(at(200)?))?;
    let found = tx.kept(&[Hex([2; 32]), Hex([7; 32])]).await?;
    demand("read back the documents that there are", found == [kept(2, 102)?])?;
    demand("read back none where none is asked for", tx.kept(&[]).await?.is_empty())?;
    tx.prune_kept(KeptKind::Facts, at(103)?, 10, 5).await?;
    demand("forget what has ended", tx.kept_until(&Hex([2; 32])).await?.is_none())?;
    demand("keep what has not", tx.kept_until(&Hex([3; 32])).await?.is_some())?;
    demand("forget no other kind", tx.kept_until(&Hex([9; 32])).await?.is_some())?;
    tx.prune_kept(KeptKind::Facts, at(103)?, 1, 5).await?;
    demand("forget what is too many", tx.kept_until(&Hex([4; 32])).await?.is_none())?;
    demand("keep the newest", tx.kept_until(&Hex([1; 32])).await?.is_some())
}

async fn past_decisions_are_found(backend: &impl Backend) -> Checked {
    append_rule(backend, 2).await?;
    let mut tx = backend.begin().await?;
    let mut head = tx.decisions(1, 1).await?.first().map_or(Head::EMPTY, Head::from);
    for n in 3..=5 {
        let facts_digest = (n != 4).then_some(Hex([7; 32]));
        let key_id = Some("acme/a".to_owned());
        let row = head.append(NewDecision { facts_digest, key_id, minimum_tier: Some(2), ..entry(n)? })?;
        tx.append_decision(&row).await?;
        head = Head::from(&row);
    }
    tx.insert_rule(&rule("p", 1, 1)?).await?;
    tx.insert_rule(&rule("p", 2, 2)?).await?;
    let found = tx.past_decisions(0, 10).await?;
    let numbers: Vec<u64> = found.iter().map(|past| past.seq).collect();
    demand("find the decisions that policies made", numbers == [3, 5])?;
    let known = found.first().is_some_and(|past| {
        (past.key_id.as_str(), past.minimum_tier, past.facts_digest) == ("acme/a", 2, Hex([7; 32]))
    });
    demand("say what a decision was about", known)?;
    demand("page past decisions", tx.past_decisions(3, 1).await?.len() == 1)?;
    let then = tx.rules_until(RuleKind::Policy, 1).await?;
    demand("tell the rules of an epoch", then == [rule("p", 1, 1)?])?;
    demand("know no rules before the first", tx.rules_until(RuleKind::Policy, 0).await?.is_empty())
}

fn demand(what: &'static str, met: bool) -> Checked {
    if met { Ok(()) } else { Err(Failure::Demand(what)) }
}

async fn append(backend: &impl Backend, count: i64) -> Result<Vec<Decision>, Failure> {
    let mut tx = backend.begin().await?;
    let (mut head, mut rows) = (Head::EMPTY, Vec::new());
    for n in 1..=count {
        let row = head.append(entry(n)?)?;
        tx.append_decision(&row).await?;
        head = Head::from(&row);
        rows.push(row);
    }
    tx.commit().await?;
    Ok(rows)
}

async fn append_rule(backend: &impl Backend, count: i64) -> Checked {
    let mut tx = backend.begin().await?;
    let newest = tx.newest_decision().await?;
    let mut head = Head { seq: newest, ..Head::EMPTY };
    for n in 1..=count {
        let subject = Some("p".to_owned());
        let row = head.append(NewDecision { action: Action::PolicyPut, subject, ..entry(n)? })?;
        tx.append_decision(&row).await?;
        head = Head::from(&row);
    }
    Ok(tx.commit().await?)
}

fn at(seconds: i64) -> Result<UnixTime, StoreError> {
    UnixTime::from_seconds(seconds).map_err(|error| StoreError::Query(error.to_string()))
}

fn entry(n: i64) -> Result<NewDecision, StoreError> {
    Ok(NewDecision::granted(at(n)?, Door::Native, Action::Authorize, format!("actor-{n}"), format!("r-{n}")))
}

fn record(n: u8) -> Record {
    Record { salt: [n; 32], ciphertext: vec![n; 48] }
}

fn meta() -> Result<MetaRow, StoreError> {
    Ok(MetaRow {
        store_id: [1; 16],
        seal_kind: "key-file".to_owned(),
        sealed_root: vec![2; 80],
        created_at: at(1)?,
        ledger: LedgerRow {
            head: Head::EMPTY,
            clock_high: at(1)?,
            rules_epoch: 0,
            holds: HoldsRow { count: 3, digest: Hex([6; 32]) },
            broken: BrokenGlass::from_bytes(&[5; 64]).unwrap_or_default(),
            mac: [3; 32],
        },
    })
}

fn key(id: &str) -> Result<KeyRow, StoreError> {
    Ok(KeyRow {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        kind: KeyKind::Secret,
        algorithm: "opaque".to_owned(),
        minimum_tier: 4,
        require_cpu_tee: true,
        current_version: 1,
        created_at: at(5)?,
    })
}

fn version(id: &str, version: u64) -> Result<VersionRow, StoreError> {
    let (record, state) = (record(9), VersionState::Enabled);
    Ok(VersionRow { key_id: id.to_owned(), version, record, state, created_at: at(6)?, releases: 0 })
}

fn session(n: u8) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: format!("{n:032x}"),
        recipient_digest: Hex([n; 32]),
        evidence_digest: Hex([7; 32]),
        tier: 2,
        lab: true,
        opened_at: at(10)?,
        renewed_at: at(10)?,
        expires_at: at(600)?,
        revoked_at: None,
        superseded: false,
        machine: Some(machine(n)),
        devices: vec![device(n), device(n + 1)],
    })
}

fn device(n: u8) -> DeviceId {
    DeviceId { root: Hex([9; 32]), pdi: Hex([n; 8]) }
}

fn machine(n: u8) -> MachineId {
    MachineId { tee: Tee::SevSnp, root: Some(Hex([1; 32])), id: Hex([n; 64]).into() }
}

fn hold(n: u8, session: u8, until: i64) -> Result<HoldRow, StoreError> {
    Ok(HoldRow {
        device: device(n),
        session_id: format!("{session:032x}"),
        recipient_digest: Hex([session; 32]),
        machine: (n > 1).then_some(machine(n)),
        since: at(until - 100)?,
        until: at(until)?,
        mac: [n; 32],
    })
}

fn grant(session: u8, version: u64) -> Result<GrantRow, StoreError> {
    Ok(GrantRow {
        session_id: format!("{session:032x}"),
        key_id: "acme/a".to_owned(),
        version,
        tier: 2,
        granted_at: at(10)?,
        expires_at: at(600)?,
        releases: 1,
        decision: 1,
    })
}

fn rule(name: &str, version: u64, decision: u64) -> Result<RuleRow, StoreError> {
    Ok(RuleRow {
        kind: RuleKind::Policy,
        name: name.to_owned(),
        version,
        body: format!("// {name} {version}"),
        created_at: at(7)?,
        decision,
        mac: [4; 32],
    })
}

fn change(n: u8) -> Result<ChangeRow, StoreError> {
    Ok(ChangeRow {
        id: Hex([n; 32]),
        kind: if n > 1 { ChangeKind::Reference } else { ChangeKind::Policy },
        name: format!("rule-{n}"),
        body: "[]".to_owned(),
        expected_version: (n > 1).then_some(7),
        author: "alice".to_owned(),
        nonce: Hex([n; 16]),
        signature: Hex([n; 64]),
        proposed_at: at(40)?,
        decision: n.into(),
        mac: [n; 32],
    })
}

fn vote(n: u8, person: &str, word: VoteWord, decision: u64) -> Result<VoteRow, StoreError> {
    Ok(VoteRow {
        change: Hex([n; 32]),
        word,
        person: person.to_owned(),
        reason: (word == VoteWord::BreakGlass).then(|| "fire".to_owned()),
        signature: Hex([8; 64]),
        at: at(50)?,
        decision,
        mac: [n; 32],
    })
}

fn attestation(n: i64) -> Result<AttestationRow, StoreError> {
    Ok(AttestationRow {
        token_id: format!("token-{n}"),
        document: vec![1, 2, 3],
        nonce: "AA==".to_owned(),
        recipient: "{}".to_owned(),
        runtime_data: None,
        attested_at: at(1)?,
        expires_at: at(100 + n)?,
        decision: 1,
    })
}
