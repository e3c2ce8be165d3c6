//! Changes that need several people: proposed, approved, applied; or applied at once, loudly.
//!
//! Every new version of a rule, and every new key, is written by one function, which asks for a [`Cleared`]: either
//! it is in no scope of the [`Quorum`](crate::Quorum), or a change was checked here, in the same transaction. What a
//! change says and what people said about it never changes once stored; whether it is still open follows from
//! the record, so that nobody can open it again by editing a row. Signatures are verified when they arrive and
//! again when they are counted: who is no longer in the configuration does not count.

mod authentic;
mod enact;
mod error;
mod read;

pub use error::QuorumError;

use crate::backend::{Backend, ChangeRows, Transaction};
use crate::error::ChangeError;
use crate::ledger::{Ledger, expect_outcome};
use crate::quorum::{Demand, MAX_AGE, Quorum, Target};
use crate::rows::{ChangeRow, RuleKind, VoteRow, VoteWord};
use crate::rules::MAX_RULE;
use crate::vault::Vault;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{Action, NewDecision, Outcome};
use hanzo_kbs_protocol::changes::{MAX_REASON, Word};
use hanzo_kbs_protocol::{
    ApproveChange, BreakGlass, ChangeInfo, ChangeKind, ChangeState, ProposeChange, WithdrawChange,
};

/// Proof that this may be changed now: nobody else's agreement is asked for, or it was given.
#[derive(Debug)]
pub(crate) struct Cleared(());

impl Cleared {
    /// A change by one administrator.
    pub(crate) fn direct(quorum: &Quorum, target: Target<'_>) -> Result<Self, QuorumError> {
        match quorum.demand(target) {
            None => Ok(Self(())),
            Some(demand) => {
                let scopes = demand.scopes.join("`, `");
                Err(QuorumError::QuorumRequired { kind: target.kind, name: target.name.to_owned(), scopes })
            }
        }
    }

    /// The document of a configuration, where the approved one leaves it to whoever writes the configuration.
    pub(crate) const fn ungoverned() -> Self {
        Self(())
    }

    /// A machine's devices, written down when it showed them first: the configuration asks for it, no person.
    pub(crate) const fn first_use() -> Self {
        Self(())
    }
}

/// A change that can still become the rule, with what it demands.
struct Pending {
    change: ChangeRow,
    votes: Vec<VoteRow>,
    demand: Demand,
}

/// What somebody says about a change.
struct Vote<'a> {
    person: &'a str,
    word: Word<'a>,
    signature: Hex<64>,
}

impl<B: Backend> Vault<B> {
    /// Stores a proposed change. The text is not looked into: compile it first.
    ///
    /// # Errors
    /// [`ChangeError`]; of the proposal itself, [`QuorumError::NotInScope`], [`QuorumError::AuthorUnknown`],
    /// [`QuorumError::ProposalSignature`], [`QuorumError::ChangeExists`], [`ChangeError::VersionConflict`].
    pub async fn propose(
        &self,
        proposal: &ProposeChange,
        decision: NewDecision,
    ) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let size = proposal.body.len();
        if size > MAX_RULE {
            return Err(ChangeError::RuleSize { size, limit: MAX_RULE });
        }
        let (kind, name) = (proposal.kind, proposal.name.clone());
        let target = enact::target(kind, &name, &proposal.body)?;
        if self.quorum().demand(target).is_none() {
            return Err(QuorumError::NotInScope { kind, name }.into());
        }
        let id = proposal.statement().id().map_err(|_| QuorumError::NotCanonical)?;
        self.check_author(&id, &proposal.author, Word::Propose, &proposal.signature)?;
        let now = decision.at;
        let (mut tx, mut ledger) = self.write(now).await?;
        if tx.change(&id).await?.is_some() {
            return Err(QuorumError::ChangeExists { id }.into());
        }
        let current = self.replaced(&mut tx, kind, &name).await?;
        let expected = proposal.expected_version;
        if current != expected {
            return Err(ChangeError::VersionConflict { name, expected, current });
        }
        let digest = Some(proposal.statement().body_digest);
        let (policy_digest, reference_digest) = match kind {
            ChangeKind::Policy => (digest, None),
            ChangeKind::Reference => (None, digest),
            _ => (None, None),
        };
        let author = &proposal.author;
        let decision =
            NewDecision { policy_digest, reference_digest, ..about(decision, &id, author, "proposed") };
        let decision = ledger.append(&mut tx, decision).await?.seq;
        let change = ChangeRow {
            id,
            kind,
            name,
            body: proposal.body.clone(),
            expected_version: expected,
            author: author.clone(),
            nonce: proposal.nonce,
            signature: proposal.signature,
            // The newest time that the record knows: a clock that was set back does not begin the wait early.
            proposed_at: ledger.newest_time(),
            decision,
            mac: [0; 32],
        };
        let change = ChangeRow { mac: self.change_mac(&change), ..change };
        tx.insert_change(&change).await?;
        self.conclude(tx, ledger, &id).await
    }

    /// Stores one person's approval.
    ///
    /// # Errors
    /// [`ChangeError`]; of the approval itself, [`QuorumError::ChangeUnknown`],
    /// [`QuorumError::ChangeClosed`], [`QuorumError::ChangeExpired`], [`QuorumError::ApproverUnknown`],
    /// [`QuorumError::ApproverIsAuthor`], [`QuorumError::ApproverTwice`], [`QuorumError::ApprovalSignature`].
    pub async fn approve(
        &self,
        id: &Hex<32>,
        approval: &ApproveChange,
        decision: NewDecision,
    ) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let mut pending = self.pending(&mut tx, &ledger, id).await?;
        let vote = Vote { person: &approval.approver, word: Word::Approve, signature: approval.signature };
        self.cast(&mut tx, &mut ledger, &mut pending, vote, decision).await?;
        self.conclude(tx, ledger, id).await
    }

    /// Takes a change back, on its author's word.
    ///
    /// # Errors
    /// [`ChangeError`]; [`QuorumError::ProposalSignature`] if the author did not sign it.
    pub async fn withdraw(
        &self,
        id: &Hex<32>,
        withdrawal: &WithdrawChange,
        decision: NewDecision,
    ) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let change = self.open_one(&mut tx, &ledger, id).await?;
        self.check_author(id, &change.author, Word::Withdraw, &withdrawal.signature)?;
        let decision = about(decision, id, &change.author, "withdrawn by its author");
        ledger.append(&mut tx, decision).await?;
        self.conclude(tx, ledger, id).await
    }

    /// Makes a change the rule: approved, due, and still of the version that it replaces.
    ///
    /// # Errors
    /// [`ChangeError`]; of the change itself, [`QuorumError::ChangeNotApproved`],
    /// [`QuorumError::ChangeNotDue`], [`QuorumError::ChangeExpired`], [`QuorumError::ChangeClosed`],
    /// [`QuorumError::AuthorUnknown`], [`ChangeError::VersionConflict`].
    pub async fn apply_change(&self, id: &Hex<32>, decision: NewDecision) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let now = decision.at;
        let (mut tx, mut ledger) = self.write(now).await?;
        let pending = self.pending(&mut tx, &ledger, id).await?;
        let approvers = self.counting(&pending.change, &pending.votes, VoteWord::Approve);
        let (approvals, needed) = (approvers.len(), pending.demand.approvals);
        if approvals < needed {
            return Err(QuorumError::ChangeNotApproved { approvals, needed }.into());
        }
        let due = pending.change.proposed_at.after(pending.demand.wait);
        if now < due {
            return Err(QuorumError::ChangeNotDue { due, now }.into());
        }
        self.enact(&mut tx, &mut ledger, pending.change, approvers, None, decision).await?;
        self.conclude(tx, ledger, id).await
    }

    /// Stores that one person asks for a change to be applied at once; applies it when enough have. Every row
    /// of the record and every receipt names it from then on, until it is acknowledged.
    ///
    /// # Errors
    /// As [`Vault::approve`], and [`QuorumError::BreakGlassClosed`], [`QuorumError::BreakGlassReason`],
    /// [`QuorumError::BreakGlassFull`], [`ChangeError::VersionConflict`].
    pub async fn break_glass(
        &self,
        id: &Hex<32>,
        request: &BreakGlass,
        decision: NewDecision,
    ) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let size = request.reason.len();
        if request.reason.trim().is_empty() || size > MAX_REASON {
            return Err(QuorumError::BreakGlassReason { size }.into());
        }
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let mut pending = self.pending(&mut tx, &ledger, id).await?;
        let scopes = pending.demand.scopes.join("`, `");
        let needed = pending.demand.break_glass.ok_or(QuorumError::BreakGlassClosed { scopes })?;
        let word = Word::BreakGlass(&request.reason);
        let vote = Vote { person: &request.approver, word, signature: request.signature };
        let draft = decision.clone();
        self.cast(&mut tx, &mut ledger, &mut pending, vote, decision).await?;
        let askers = self.counting(&pending.change, &pending.votes, VoteWord::BreakGlass);
        if askers.len() >= needed {
            if !ledger.break_glass(*id) {
                return Err(QuorumError::BreakGlassFull.into());
            }
            let reason = Some(request.reason.clone());
            self.enact(&mut tx, &mut ledger, pending.change, askers, reason, draft).await?;
        }
        self.conclude(tx, ledger, id).await
    }

    /// Stores that one person has looked at a change that was applied at once. When as many have as should
    /// have approved it, rows and receipts stop naming it.
    ///
    /// # Errors
    /// As [`Vault::approve`], and [`QuorumError::NotBroken`].
    pub async fn acknowledge(
        &self,
        id: &Hex<32>,
        approval: &ApproveChange,
        decision: NewDecision,
    ) -> Result<ChangeInfo, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let change = self.stored(&mut tx, id).await?;
        if !ledger.broken_glass().contains(id) {
            return Err(QuorumError::NotBroken { id: *id }.into());
        }
        let votes = self.votes_on(&mut tx, &change).await?;
        let demand = self.demand_on(&change).ok_or_else(|| out_of_scope(&change))?;
        let needed = demand.approvals;
        let mut pending = Pending { change, votes, demand };
        let vote =
            Vote { person: &approval.approver, word: Word::Acknowledge, signature: approval.signature };
        self.cast(&mut tx, &mut ledger, &mut pending, vote, decision).await?;
        if self.counting(&pending.change, &pending.votes, VoteWord::Acknowledge).len() >= needed {
            ledger.acknowledge(id);
        }
        self.conclude(tx, ledger, id).await
    }

    /// Writes everything, and shows the change as it is then.
    async fn conclude(
        &self,
        mut tx: B::Tx,
        ledger: Ledger<'_>,
        id: &Hex<32>,
    ) -> Result<ChangeInfo, ChangeError> {
        let (now, broken) = (ledger.newest_time(), ledger.broken_glass());
        ledger.close(&mut tx).await?;
        let change = self.stored(&mut tx, id).await?;
        let info = self.info(&mut tx, change, now, broken).await?;
        tx.commit().await?;
        Ok(info)
    }

    /// A change that is neither applied nor withdrawn nor too old.
    async fn open_one(
        &self,
        tx: &mut B::Tx,
        ledger: &Ledger<'_>,
        id: &Hex<32>,
    ) -> Result<ChangeRow, ChangeError> {
        let change = self.stored(tx, id).await?;
        let now = ledger.newest_time();
        match state(tx, &change, now).await? {
            ChangeState::Open => Ok(change),
            ChangeState::Expired => {
                Err(QuorumError::ChangeExpired { expires_at: change.proposed_at.after(MAX_AGE), now }.into())
            }
            state => Err(QuorumError::ChangeClosed { state: state.name() }.into()),
        }
    }

    /// An open change whose author is still known, with what people said and what is demanded now.
    async fn pending(
        &self,
        tx: &mut B::Tx,
        ledger: &Ledger<'_>,
        id: &Hex<32>,
    ) -> Result<Pending, ChangeError> {
        let change = self.open_one(tx, ledger, id).await?;
        self.check_author(id, &change.author, Word::Propose, &change.signature)?;
        let demand = self.demand_on(&change).ok_or_else(|| out_of_scope(&change))?;
        let votes = self.votes_on(tx, &change).await?;
        Ok(Pending { change, votes, demand })
    }

    /// Checks what somebody says, and stores it with its row of the record.
    async fn cast(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        pending: &mut Pending,
        vote: Vote<'_>,
        decision: NewDecision,
    ) -> Result<(), ChangeError> {
        let Vote { person, word, signature } = vote;
        let (stored_word, reason, said) = match word {
            Word::BreakGlass(reason) => {
                (VoteWord::BreakGlass, Some(reason.to_owned()), "asks to break the glass")
            }
            Word::Acknowledge => (VoteWord::Acknowledge, None, "acknowledges it"),
            _ => (VoteWord::Approve, None, "approves it"),
        };
        let change = &pending.change;
        let short: String = person.chars().take(63).collect();
        let key = self.quorum().key_of(person).ok_or(QuorumError::ApproverUnknown { person: short })?;
        if person == change.author {
            return Err(QuorumError::ApproverIsAuthor { person: person.to_owned() }.into());
        }
        if self.counting(change, &pending.votes, stored_word).iter().any(|known| known == person) {
            return Err(QuorumError::ApproverTwice { person: person.to_owned() }.into());
        }
        let verified = key.verify(&word.message(&change.id), &signature);
        verified.map_err(|_| QuorumError::ApprovalSignature { person: person.to_owned() })?;
        let at = decision.at;
        let said = match &reason {
            Some(reason) => format!("{person} {said}: {reason}"),
            None => format!("{person} {said}"),
        };
        let decision = NewDecision {
            actor: format!("person:{person}"),
            ..about(decision, &change.id, &change.author, said)
        };
        let decision = ledger.append(tx, decision).await?.seq;
        let person = person.to_owned();
        let unsigned = VoteRow {
            change: change.id,
            word: stored_word,
            person,
            reason,
            signature,
            at,
            decision,
            mac: [0; 32],
        };
        let row = VoteRow { mac: self.vote_mac(&unsigned), ..unsigned };
        tx.insert_vote(&row).await?;
        pending.votes.push(row);
        Ok(())
    }

    fn check_author(
        &self,
        id: &Hex<32>,
        author: &str,
        word: Word<'_>,
        signature: &Hex<64>,
    ) -> Result<(), QuorumError> {
        let person: String = author.chars().take(63).collect();
        let Some(key) = self.quorum().key_of(author) else {
            return Err(QuorumError::AuthorUnknown { person });
        };
        key.verify(&word.message(id), signature).map_err(|_| QuorumError::ProposalSignature { person })
    }

    /// The people whose word counts now, each once: known, with this key, and not the author.
    fn counting(&self, change: &ChangeRow, votes: &[VoteRow], word: VoteWord) -> Vec<String> {
        let counted = votes.iter().filter(|vote| vote.word == word && self.counts(change, vote));
        let people: std::collections::BTreeSet<&str> = counted.map(|vote| vote.person.as_str()).collect();
        people.into_iter().map(str::to_owned).collect()
    }

    fn counts(&self, change: &ChangeRow, vote: &VoteRow) -> bool {
        let word = match vote.word {
            VoteWord::Approve => Word::Approve,
            VoteWord::BreakGlass => Word::BreakGlass(vote.reason.as_deref().unwrap_or_default()),
            VoteWord::Acknowledge => Word::Acknowledge,
        };
        let key = self.quorum().key_of(&vote.person).filter(|_| vote.person != change.author);
        key.is_some_and(|key| key.verify(&word.message(&change.id), &vote.signature).is_ok())
    }

    fn demand_on(&self, change: &ChangeRow) -> Option<Demand> {
        self.quorum().demand(enact::target(change.kind, &change.name, &change.body).ok()?)
    }
}

/// Where a change stands, by the record: what a row of it says nobody can take back.
async fn state(
    tx: &mut impl Transaction,
    change: &ChangeRow,
    now: UnixTime,
) -> Result<ChangeState, ChangeError> {
    let subject = change.id.to_string();
    if tx.newest_decision_about(Action::ChangeApply, &subject).await?.is_some() {
        return Ok(ChangeState::Applied);
    }
    if tx.newest_decision_about(Action::ChangeWithdraw, &subject).await?.is_some() {
        return Ok(ChangeState::Withdrawn);
    }
    let expired = now >= change.proposed_at.after(MAX_AGE);
    Ok(if expired { ChangeState::Expired } else { ChangeState::Open })
}

/// A row of the record about a change, as its author's unless somebody else is named.
fn about(decision: NewDecision, id: &Hex<32>, author: &str, said: impl Into<String>) -> NewDecision {
    let actor = match decision.action {
        Action::ChangePropose | Action::ChangeWithdraw => format!("person:{author}"),
        _ => decision.actor.clone(),
    };
    NewDecision { subject: Some(id.to_string()), actor, reason: said.into(), ..decision }
}

fn out_of_scope(change: &ChangeRow) -> ChangeError {
    QuorumError::NotInScope { kind: change.kind, name: change.name.clone() }.into()
}

/// A rule as scopes name it.
pub(crate) const fn change_kind(kind: RuleKind) -> ChangeKind {
    match kind {
        RuleKind::Policy => ChangeKind::Policy,
        RuleKind::Reference => ChangeKind::Reference,
        RuleKind::Inventory => ChangeKind::Inventory,
        RuleKind::Trust => ChangeKind::Trust,
    }
}
