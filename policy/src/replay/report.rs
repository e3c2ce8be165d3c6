//! What a candidate would change, counted and listed.

use super::Answer;
use crate::key_id::KeyId;
use hanzo_attestation_evidence::UnixTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most flips that are listed; all are counted. A person reads the first pages, a program asks for less.
pub const MAX_LISTED: usize = 1000;
/// Most names in one table of counts: a report stays in the low megabytes whatever was recorded.
const MAX_NAMES: usize = 1000;

/// How often a candidate decides otherwise, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// From a no to a yes.
    pub to_granted: u64,
    /// From a yes to a no.
    pub to_refused: u64,
}

/// One decision that a candidate would make otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// The number of the decision.
    pub decision: u64,
    /// When it was made.
    pub at: UnixTime,
    /// The key.
    pub key: String,
    /// The tier that the node had proved.
    pub tier: u8,
    /// The code of the record.
    pub recorded: String,
    /// What the rules in force say today: `granted`, or a code.
    pub in_force: String,
    /// What the candidate says.
    pub candidate: String,
}

/// What a candidate makes of past decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Decisions that were made again.
    pub decisions: u64,
    /// Decisions of which nothing is kept any more, or whose key is gone.
    pub not_kept: u64,
    /// Decisions whose facts lack a claim that a policy reads, or cannot be read.
    pub unknown: u64,
    /// Where the candidate differs from the record.
    pub from_record: Counts,
    /// Where the candidate differs from the rules in force: what it would change.
    pub from_in_force: Counts,
    /// Of these, by tenant.
    pub by_tenant: BTreeMap<String, Counts>,
    /// By key.
    pub by_key: BTreeMap<String, Counts>,
    /// By tier that the node had proved.
    pub by_tier: BTreeMap<u8, Counts>,
    /// The decisions that differ from the record or from the rules in force, oldest first; at most
    /// [`MAX_LISTED`].
    pub flips: Vec<Flip>,
    /// How many of them are not listed.
    pub not_listed: u64,
}

/// One decision, as recorded and as made again.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// The number of the decision.
    pub decision: u64,
    /// When it was made.
    pub at: UnixTime,
    /// The key.
    pub key: &'a KeyId,
    /// The tier that the node had proved.
    pub tier: u8,
    /// Whether the record says that the policies said yes.
    pub granted: bool,
    /// The code of the record.
    pub code: &'a str,
    /// What the rules in force say.
    pub in_force: Answer,
    /// What the candidate says.
    pub candidate: Answer,
}

impl Flip {
    fn of(verdict: &Verdict<'_>) -> Self {
        let Verdict { decision, at, key, tier, code, in_force, candidate, .. } = *verdict;
        Self {
            decision,
            at,
            key: key.to_string(),
            tier,
            recorded: code.to_owned(),
            in_force: in_force.name().to_owned(),
            candidate: candidate.name().to_owned(),
        }
    }
}

impl Report {
    /// Whether nothing that is in force would be decided otherwise, and everything could be asked.
    #[must_use]
    pub fn no_flips(&self) -> bool {
        self.from_in_force == Counts::default()
    }

    /// Takes a decision in, and lists it if the candidate differs.
    pub fn take(&mut self, verdict: &Verdict<'_>) {
        if !self.count(verdict) {
            return;
        }
        if self.flips.len() >= MAX_LISTED {
            self.not_listed = self.not_listed.saturating_add(1);
            return;
        }
        self.flips.push(Flip::of(verdict));
    }

    /// As [`Report::take`], for a report that goes on: of the decisions that differ it lists the newest, at most
    /// `most`, oldest first.
    pub fn take_newest(&mut self, verdict: &Verdict<'_>, most: usize) {
        if !self.count(verdict) {
            return;
        }
        self.flips.push(Flip::of(verdict));
        let surplus = self.flips.len().saturating_sub(most);
        self.flips.drain(..surplus);
        self.not_listed = self.not_listed.saturating_add(u64::try_from(surplus).unwrap_or(u64::MAX));
    }

    /// Counts a decision; whether the candidate differs from the record or from the rules in force.
    pub fn count(&mut self, verdict: &Verdict<'_>) -> bool {
        let Verdict { key, tier, granted, in_force, candidate, .. } = *verdict;
        if in_force == Answer::Unknown || candidate == Answer::Unknown {
            self.unknown = self.unknown.saturating_add(1);
            return false;
        }
        self.decisions = self.decisions.saturating_add(1);
        let (before, after) = (in_force == Answer::Granted, candidate == Answer::Granted);
        if granted != after {
            self.from_record.count(after);
        }
        if before != after {
            self.from_in_force.count(after);
            count_in(&mut self.by_tenant, key.tenant().to_owned(), after);
            count_in(&mut self.by_key, key.to_string(), after);
            count_in(&mut self.by_tier, tier, after);
        }
        granted != after || before != after
    }

    /// One decision of which nothing is kept any more.
    pub const fn not_kept(&mut self) {
        self.not_kept = self.not_kept.saturating_add(1);
    }

    /// One decision whose facts cannot be read.
    pub const fn unreadable(&mut self) {
        self.unknown = self.unknown.saturating_add(1);
    }

    /// Adds a later part of the same replay.
    pub fn merge(&mut self, later: Self) {
        let Self { decisions, not_kept, unknown, .. } = later;
        for (sum, more) in
            [(&mut self.decisions, decisions), (&mut self.not_kept, not_kept), (&mut self.unknown, unknown)]
        {
            *sum = sum.saturating_add(more);
        }
        self.from_record.add(later.from_record);
        self.from_in_force.add(later.from_in_force);
        merge(&mut self.by_tenant, later.by_tenant);
        merge(&mut self.by_key, later.by_key);
        merge(&mut self.by_tier, later.by_tier);
        let mut flips = later.flips.into_iter();
        let room = MAX_LISTED.saturating_sub(self.flips.len());
        self.flips.extend(flips.by_ref().take(room));
        let left = u64::try_from(flips.count()).unwrap_or(u64::MAX);
        self.not_listed = self.not_listed.saturating_add(later.not_listed).saturating_add(left);
    }
}

impl Counts {
    const fn count(&mut self, granted: bool) {
        let counter = if granted { &mut self.to_granted } else { &mut self.to_refused };
        *counter = counter.saturating_add(1);
    }

    const fn add(&mut self, more: Self) {
        self.to_granted = self.to_granted.saturating_add(more.to_granted);
        self.to_refused = self.to_refused.saturating_add(more.to_refused);
    }
}

fn count_in<K: Ord>(table: &mut BTreeMap<K, Counts>, name: K, granted: bool) {
    if table.len() < MAX_NAMES || table.contains_key(&name) {
        table.entry(name).or_default().count(granted);
    }
}

fn merge<K: Ord>(table: &mut BTreeMap<K, Counts>, later: BTreeMap<K, Counts>) {
    for (name, counts) in later {
        if table.len() < MAX_NAMES || table.contains_key(&name) {
            table.entry(name).or_default().add(counts);
        }
    }
}
