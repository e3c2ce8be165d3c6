//! A decision's world, changed a little, and asked again.

use super::change::Change;
use super::facts::{Fact, NodeFacts};
use super::{Situation, candidates, grants};
use crate::circumstances::Circumstances;
use crate::decide::Question;
use crate::key_id::KeyId;
use crate::permit::KeyScope;
use crate::policies::{Group, Part, Policies};
use crate::references::{References, Register};
use crate::tier::Tier;
use cedar_policy::{Policy, PolicyId, PolicySet};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that decides, with the changes that were made to it.
#[derive(Clone)]
pub(super) struct World<'a> {
    pub(super) facts: NodeFacts,
    pub(super) scope: KeyScope,
    pub(super) policies: &'a Policies,
    references: &'a References,
    pub(super) at: Circumstances,
    /// Sets in which a register counts besides those that hold it.
    also_in: BTreeMap<Register, Vec<&'a str>>,
    without: BTreeSet<String>,
    /// Policies with another bound on live grants: name, the bound that stands there, and the one in its place.
    limits: Vec<(String, i64, i64)>,
    added: Option<String>,
}

impl<'a> World<'a> {
    pub(super) fn of(situation: &Situation<'a>) -> Self {
        Self {
            facts: situation.facts.clone(),
            scope: situation.scope.clone(),
            policies: situation.policies,
            references: situation.references,
            at: situation.at,
            also_in: BTreeMap::new(),
            without: BTreeSet::new(),
            limits: Vec::new(),
            added: None,
        }
    }

    /// The world with one change more. `None` if it cannot be made.
    pub(super) fn with(&self, change: &Change) -> Option<Self> {
        let mut next = self.clone();
        match change {
            Change::Reference { set, measurement } => {
                let register = Register::from_entity_id(measurement)?;
                let set = self.policies.reference_sets().get(set)?;
                next.also_in.entry(register).or_default().push(set);
            }
            Change::Tier { tier } => {
                next.facts = self.facts.with(&["tier".to_owned()], Some(Fact::Long(tier.number().into())))?;
                if *tier >= Tier::GpuCc {
                    next.facts = next.facts.with_cpu_tee();
                }
            }
            Change::CpuTee => next.facts = self.facts.with_cpu_tee(),
            Change::Claim { claim, value } => {
                let path = path(claim);
                let value = candidates::fact(&path, value)?;
                next.facts = self.facts.with(&path, Some(value))?;
            }
            Change::ClaimOther { claim, value } => {
                let path = path(claim);
                let other = candidates::other(&path, &candidates::fact(&path, value)?)?;
                next.facts = self.facts.with(&path, Some(other))?;
            }
            Change::ClaimAbsent { claim } => next.facts = self.facts.with(&path(claim), None)?,
            Change::Now { at } => next.at.now = *at,
            Change::LiveGrants { most, .. } => next.at = self.at.with_live_grants(*most),
            Change::GrantLimit { policy, from, to } => next.limits.push((policy.clone(), *from, *to)),
            Change::Key { key } => next.scope.key = KeyId::parse(key).ok()?,
            Change::WithoutForbid { policy } => drop(next.without.insert(policy.clone())),
            Change::Permit { cedar } => next.added = Some(cedar.clone()),
            Change::Threshold { .. }
            | Change::Platform { .. }
            | Change::Renewed { .. }
            | Change::Revocation
            | Change::ManifestHold => return None,
        }
        Some(next)
    }

    /// The decision in this world; `false` also where it cannot be made.
    pub(super) fn yes(&self) -> bool {
        if self.scope.admits(self.facts.tier(), self.facts.cpu_tee).is_err() {
            return false;
        }
        let node = self.facts.node();
        let changed: Vec<Group>;
        let as_they_are = self.without.is_empty() && self.limits.is_empty() && self.added.is_none();
        let groups: Vec<&Group> = if as_they_are {
            self.policies.about(&self.scope.key).collect()
        } else {
            changed = self.changed_groups();
            changed.iter().collect()
        };
        let question = Question::new(&node, &self.scope, groups, self.references, self.at);
        let also_in = |register: &Register| self.also_in.get(register).map_or(&[][..], Vec::as_slice);
        question.and_then(|question| question.ask_with(also_in)).is_ok_and(|answer| answer.yes())
    }

    fn changed_groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.policies.about(&self.scope.key).cloned().collect();
        for group in &mut groups {
            // It would still find what is taken away.
            group.index = None;
            for name in &self.without {
                // Refused where the policy is in another group.
                drop(group.whole.policies.remove_static(PolicyId::new(name)));
            }
        }
        for (name, from, to) in &self.limits {
            groups.iter_mut().for_each(|group| relimit(group, name, *from, *to));
        }
        if let Some(policies) = self.added.as_ref().and_then(|text| text.parse::<PolicySet>().ok()) {
            groups.push(Group { whole: Part { policies, ..Part::default() }, ..Group::default() });
        }
        groups
    }
}

/// Puts another bound on live grants into the policy of this name, if it is of the group.
fn relimit(group: &mut Group, name: &str, from: i64, to: i64) {
    let id = PolicyId::new(name);
    let Some(policy) = group.whole.policies.policy(&id) else { return };
    let Ok(mut body) = policy.to_json() else { return };
    grants::relimit(&mut body, from, to);
    let Ok(changed) = Policy::from_json(Some(id.clone()), body) else { return };
    if group.whole.policies.remove_static(id).is_ok() {
        drop(group.whole.policies.add(changed));
    }
}

fn path(claim: &str) -> Vec<String> {
    claim.split('.').map(str::to_owned).collect()
}
