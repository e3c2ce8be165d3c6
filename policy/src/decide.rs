//! The decision: the demands that nothing overrides, then the policies.
//!
//! Deny by default. `forbid` beats `permit`. A policy that fails while it is evaluated denies: skipping a
//! `forbid` because it failed would turn a no into a yes.

mod dates;
mod grants;

pub(crate) use dates::end_of_references;

use crate::circumstances::Circumstances;
use crate::decision::{Decided, Denial, DenialCode};
use crate::node::Node;
use crate::permit::KeyScope;
use crate::policies::{Group, Part, Policies};
use crate::references::{References, Register, Undated};
use crate::schema::entity;
use cedar_policy::{
    Authorizer, Decision, Entities, Entity, EntityUid, PolicyId, Request, RestrictedExpression,
};
use hanzo_attestation_evidence::{Rule, UnixTime};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Most reference sets that an explanation tries: each is one more evaluation, and refusals must stay cheap.
const MAX_TRIED_SETS: usize = 32;
/// Rules of the launch measurement, which only a policy asks of the reference values: the register, and what
/// its absence from them is called.
const LAUNCH_RULES: [(&str, Rule); 2] = [
    ("measurement", Rule::new("SNP-42", "SnpMeasurementUnknown")),
    ("mr_td", Rule::new("TDX-21", "TdMrTdUnknown")),
];
/// Values of an entry count together or not at all.
const REFERENCE_ENTRY_MIXED: Rule = Rule::new("COL-25", "ReferenceEntryMixed");
/// Most policies that an explanation names.
const MAX_NAMED_POLICIES: usize = 16;
/// Most reference values that an explanation names: the registers of a TPM in one set.
const MAX_NAMED_VALUES: usize = 24;

/// Decides. Yields grounds, never a permit.
pub(crate) fn decide(
    node: &Node,
    scope: &KeyScope,
    policies: &Policies,
    references: &References,
    at: Circumstances,
) -> Result<Decided, Denial> {
    scope.admits(node.tier, node.cpu_tee)?;
    let groups: Vec<&Group> = policies.about(&scope.key).collect();
    if groups.iter().all(|group| group.permits.is_empty()) {
        let message = format!("no policy permits anything for the key {}", scope.key);
        return Err(Denial::new(DenialCode::NoPolicy, message));
    }
    let live_grants = at.live_grants.filter(|_| groups.iter().any(|group| group.timed));
    let question = Question::new(node, scope, groups, references, at)?;
    let answer = question.ask(&[], |_| true)?;
    if answer.yes() {
        return Ok(Decided {
            permitted_by: answer.permits.into_iter().collect(),
            policy_digest: policies.digest(),
            reference_digest: references.digest(),
            live_grants,
        });
    }
    Err(question.explain(answer))
}

fn request(scope: &KeyScope, at: Circumstances) -> Result<Request, Denial> {
    let context = at.context().map_err(engine)?;
    Request::new(entity::node(), entity::release(), entity::key(&scope.key), context, None).map_err(engine)
}

/// The policy engine refused something that this crate made: a no.
fn engine(error: impl std::fmt::Display) -> Denial {
    Denial::new(DenialCode::PolicyError, format!("the policy engine cannot be asked: {error}"))
}

/// One question to the policies.
pub(crate) struct Question<'a> {
    node: &'a Node,
    scope: &'a KeyScope,
    groups: Vec<&'a Group>,
    references: &'a References,
    request: Request,
    /// The instant at which reference values have to count; none to leave their dates out.
    dated: Option<UnixTime>,
    at: Circumstances,
}

#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) permits: BTreeSet<String>,
    pub(crate) forbids: BTreeSet<String>,
    pub(crate) errors: Vec<String>,
}

impl Answer {
    pub(crate) fn yes(&self) -> bool {
        self.forbids.is_empty() && self.errors.is_empty() && !self.permits.is_empty()
    }
}

impl<'a> Question<'a> {
    /// A question about these policies alone. The demands of the key come before, and are not asked here.
    pub(crate) fn new(
        node: &'a Node,
        scope: &'a KeyScope,
        groups: Vec<&'a Group>,
        references: &'a References,
        at: Circumstances,
    ) -> Result<Self, Denial> {
        let (request, dated) = (request(scope, at)?, Some(at.now));
        Ok(Self { node, scope, groups, references, request, dated, at })
    }

    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// Asks, as if those of the node's measurements were also in the given sets.
    fn ask(&self, also_in: &[&str], those: impl Fn(&Register) -> bool) -> Result<Answer, Denial> {
        self.ask_with(|register| if those(register) { also_in } else { &[] })
    }

    /// Asks, as if each of the node's measurements were also in the sets that `more` names for it.
    pub(crate) fn ask_with<'s>(&self, more: impl Fn(&Register) -> &'s [&'s str]) -> Result<Answer, Denial> {
        let parts = self.parts(&more);
        let entities = self.entities(parts.iter().copied(), more)?;
        let entities = Entities::from_entities(entities, None).map_err(engine)?;
        let (authorizer, mut answer) = (Authorizer::new(), Answer::default());
        for part in parts {
            let response = authorizer.is_authorized(&self.request, &part.policies, &entities);
            let reasons = response.diagnostics().reason().map(name);
            match response.decision() {
                Decision::Allow => answer.permits.extend(reasons),
                Decision::Deny => answer.forbids.extend(reasons),
            }
            answer.errors.extend(response.diagnostics().errors().map(ToString::to_string));
        }
        Ok(answer)
    }

    /// The policies that can apply. Where a claim or a circumstance is not stated, all: a policy that reads it
    /// fails.
    pub(crate) fn parts<'s>(&self, more: impl Fn(&Register) -> &'s [&'s str]) -> Vec<&'a Part> {
        let launched = self.node.launch.as_ref().map(|launch| self.sets_of(launch, more)).unwrap_or_default();
        let mut parts = Vec::new();
        for group in &self.groups {
            match &group.index {
                Some(index) if self.node.complete && (self.at.live_grants.is_some() || !group.timed) => {
                    parts.extend(index.parts(self.node, &launched))
                }
                _ => parts.push(&group.whole),
            }
        }
        parts
    }

    /// The sets that a register is in, those of `more` among them if the node has it.
    fn sets_of<'t, 's: 't>(
        &'t self,
        register: &Register,
        more: impl Fn(&Register) -> &'s [&'s str],
    ) -> BTreeSet<&'t str> {
        let mut sets: BTreeSet<&'t str> =
            self.references.sets_of(register, &self.node.registers, self.dated).collect();
        if self.node.registers.contains(register) {
            sets.extend(more(register));
        }
        sets
    }

    /// What all the policies can be asked about.
    pub(crate) fn world<'s>(&self, more: impl Fn(&Register) -> &'s [&'s str]) -> Result<Entities, Denial> {
        let whole = self.groups.iter().map(|group| &group.whole);
        Entities::from_entities(self.entities(whole, more)?, None).map_err(engine)
    }

    /// What these policies are asked about. Of the reference values, only those that they can reach: the
    /// registers of this node, and the measurements that they name.
    fn entities<'s, 'p>(
        &self,
        parts: impl Iterator<Item = &'p Part>,
        more: impl Fn(&Register) -> &'s [&'s str],
    ) -> Result<Vec<Entity>, Denial> {
        let named = parts.flat_map(|part| &part.measurements);
        let reachable: BTreeSet<&Register> = self.node.registers.iter().chain(named).collect();
        let mut entities = vec![self.node.entity.clone(), key_entity(self.scope)?];
        for register in reachable {
            let sets = self.sets_of(register, &more).into_iter().map(entity::reference_set).collect();
            entities.push(measurement_entity(register, sets)?);
        }
        entities.push(no_measurement_entity()?);
        Ok(entities)
    }
}

impl Question<'_> {
    /// Names the cause of a no. Causes are found by asking again with one thing changed.
    fn explain(&self, answer: Answer) -> Denial {
        let key = &self.scope.key;
        if let Some((live, most)) = self.crowded() {
            let message = format!("the key {key} has {live} live grants of at most {most}");
            return Denial::new(DenialCode::TooManyGrants, message).because(self.decided_by(&answer));
        }
        if !answer.forbids.is_empty() {
            let names = quoted(&answer.forbids);
            let message = format!("the key {key} is forbidden by {names}");
            return Denial::new(DenialCode::PolicyForbids, message)
                .because(self.decided_by(&answer))
                .because(self.expired())
                .because(self.unknown());
        }
        if !answer.errors.is_empty() {
            let message = format!("a policy about the key {key} failed, which counts as a no");
            return Denial::new(DenialCode::PolicyError, message).because(answer.errors);
        }
        let expired = self.expired();
        if !expired.is_empty() {
            let message =
                "the node's measurement has reference values, and their dates do not hold".to_owned();
            return Denial::new(DenialCode::ReferenceExpired, message).because(expired);
        }
        let unknown = self.unknown();
        if !unknown.is_empty() {
            let message = "the node's measurement is in no reference set that would permit".to_owned();
            return Denial::new(DenialCode::MeasurementUnknown, message).because(unknown);
        }
        let message = format!("no policy permits the key {key} to this node");
        Denial::new(DenialCode::PolicyDenied, message).because(self.decided_by(&answer))
    }

    /// The policies that forbid, or else those that could permit and do not.
    fn decided_by(&self, answer: &Answer) -> Vec<String> {
        if !answer.forbids.is_empty() {
            return answer.forbids.iter().map(|name| format!("policy `{name}` forbids")).collect();
        }
        let permits = self.groups.iter().flat_map(|group| &group.permits).take(MAX_NAMED_POLICIES);
        permits.map(|name| format!("policy `{name}` does not apply")).collect()
    }

    /// The node's reference values outside their dates, if those alone are in the way of a yes.
    fn expired(&self) -> Vec<String> {
        let undated: Vec<Undated<'_>> =
            self.references.undated(&self.node.registers, self.at.now).take(MAX_NAMED_VALUES).collect();
        if undated.is_empty() {
            return Vec::new();
        }
        let (groups, request) = (self.groups.clone(), self.request.clone());
        if !(Question { dated: None, groups, request, ..*self }).flips(&[]) {
            return Vec::new();
        }
        undated.iter().map(|value| value.reason(self.at.now)).collect()
    }

    /// The reference sets in which the node's measurements would have to be for a yes: one reason for each
    /// set that alone is enough, or else one for the smallest combination found.
    fn unknown(&self) -> Vec<String> {
        let named: BTreeSet<&str> =
            self.groups.iter().flat_map(|group| &group.reference_sets).map(String::as_str).collect();
        if self.node.registers.is_empty() || named.is_empty() {
            return Vec::new();
        }
        let mut combination: Vec<&str> = named.into_iter().take(MAX_TRIED_SETS).collect();
        let alone: Vec<&str> = combination.iter().copied().filter(|set| self.flips(&[set])).collect();
        if !alone.is_empty() {
            let unknown = alone.iter().map(|set| {
                let rule = self.launch_rule(set).map(|rule| format!("{rule}: ")).unwrap_or_default();
                format!("{rule}the measurement is not in the reference set `{set}`")
            });
            let mixed = self.references.partly_held(&self.node.registers);
            let mixed = mixed.filter(|(set, _)| alone.contains(set)).take(MAX_TRIED_SETS).map(|(set, entry)| {
                format!("{REFERENCE_ENTRY_MIXED}: the node has a part of the entry `{entry}` of `{set}`, and not the rest")
            });
            return unknown.chain(mixed).collect();
        }
        if !self.flips(&combination) {
            return Vec::new();
        }
        for set in combination.clone() {
            let without: Vec<&str> = combination.iter().copied().filter(|other| *other != set).collect();
            if self.flips(&without) {
                combination = without;
            }
        }
        let sets = combination.iter().map(|set| (*set).to_owned()).collect();
        vec![format!("measurements are not in all of the reference sets {}", quoted(&sets))]
    }

    /// The rule of the launch measurement, where that alone is not in the set.
    fn launch_rule(&self, set: &str) -> Option<Rule> {
        let register =
            |(name, _): &&(&str, Rule)| self.node.registers.iter().any(|found| found.name == *name);
        let (name, rule) = LAUNCH_RULES.iter().find(register)?;
        let yes = self.ask(&[set], |register| register.name == *name).is_ok_and(|answer| answer.yes());
        yes.then_some(*rule)
    }

    fn flips(&self, also_in: &[&str]) -> bool {
        self.ask(also_in, |_| true).is_ok_and(|answer| answer.yes())
    }
}

impl Undated<'_> {
    pub(crate) fn reason(&self, now: UnixTime) -> String {
        let Self { set, register: Register { tee, name, digest }, validity } = self;
        let dates = match (validity.not_before, validity.expires_at) {
            (Some(from), _) if now < from => format!("counts from {from}"),
            (_, Some(end)) => format!("expired at {end}"),
            _ => "does not count".to_owned(),
        };
        format!("the reference value {tee}/{name}/{digest} of the set `{set}` {dates}", tee = tee.name())
    }
}

fn key_entity(scope: &KeyScope) -> Result<Entity, Denial> {
    let tenant = entity::tenant(scope.key.tenant());
    let attributes = HashMap::from([
        ("minimum_tier".to_owned(), RestrictedExpression::new_long(i64::from(scope.minimum.number()))),
        ("require_cpu_tee".to_owned(), RestrictedExpression::new_bool(scope.require_cpu_tee)),
        ("tenant".to_owned(), RestrictedExpression::new_entity_uid(tenant.clone())),
    ]);
    Entity::new(entity::key(&scope.key), attributes, HashSet::from([tenant])).map_err(engine)
}

fn measurement_entity(register: &Register, sets: HashSet<EntityUid>) -> Result<Entity, Denial> {
    let attributes = measurement_attributes(register.tee.name(), register.name, &register.digest.to_string());
    Entity::new(entity::measurement(register), attributes, sets).map_err(engine)
}

/// The measurement of a node that has none: attributes that equal nothing, and no set.
fn no_measurement_entity() -> Result<Entity, Denial> {
    let none = entity::NO_MEASUREMENT;
    Entity::new(entity::no_measurement(), measurement_attributes(none, none, none), HashSet::new())
        .map_err(engine)
}

fn measurement_attributes(tee: &str, name: &str, digest: &str) -> HashMap<String, RestrictedExpression> {
    let attribute =
        |name: &str, value: &str| (name.to_owned(), RestrictedExpression::new_string(value.to_owned()));
    HashMap::from([attribute("tee", tee), attribute("register", name), attribute("digest", digest)])
}

pub(crate) fn name(id: &PolicyId) -> String {
    AsRef::<str>::as_ref(id).to_owned()
}

fn quoted(names: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = names.iter().take(MAX_NAMED_POLICIES).map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests;
