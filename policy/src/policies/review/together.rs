//! Policies beside each other: those that say the same, those that add nothing, those that are always
//! forbidden; and permits that ask nothing of what runs.

use super::never::{Demands, eid, scope, type_name};
use super::{children, conjuncts, paths};
use crate::key_id::KeyId;
use crate::policies::{PolicySource, depth};
use crate::problem::PolicyProblem;
use cedar_policy::PolicySet;
use cedar_policy_core::ast::{self, Effect, Expr, Var};
use std::collections::{BTreeMap, BTreeSet};

/// Most policies that are compared pair by pair: a million comparisons take about a second. With more, only
/// policies that say the same are found.
const MAX_PAIRED: usize = 1_000;
/// Attributes that any machine of a tier has: who asks only these asks nothing of what runs.
const OF_EVERY_MACHINE: [&str; 8] =
    ["tier", "tee_io", "tee", "lab", "product", "tcb_status", "tcb_date", "advisories"];
/// The least minimum tier at which a key is for machines, not for identities.
const MACHINES: i64 = 2;

/// Reviews policies together. Sources that do not compile are left out: they have problems of their own.
pub(in crate::policies) fn together(sources: &[PolicySource]) -> Vec<PolicyProblem> {
    let parsed: Vec<(&PolicySource, PolicySet)> = sources
        .iter()
        .filter(|source| depth::too_deep(&source.text).is_none())
        .filter_map(|source| Some((source, source.text.parse().ok()?)))
        .collect();
    let mut found: Vec<Told<'_>> = Vec::new();
    for (source, set) in &parsed {
        let core: &ast::PolicySet = set.as_ref();
        found.extend(core.policies().map(|policy| Told::new(source, policy)));
    }
    found.sort_by_key(|told| (told.source.name.clone(), told.offset));
    let mut problems: Vec<PolicyProblem> = found.iter().filter_map(Told::asks_nothing).collect();
    let repeated = repeated(&found, &mut problems);
    let paired: Vec<&Told<'_>> =
        found.iter().enumerate().filter(|(at, _)| !repeated.contains(at)).map(|(_, told)| told).collect();
    if paired.len() <= MAX_PAIRED {
        covered(&paired, &mut problems);
    }
    problems.sort();
    problems
}

/// A policy, as far as others can say the same.
struct Told<'a> {
    source: &'a PolicySource,
    offset: usize,
    effect: Effect,
    scope: Scope,
    parts: BTreeSet<String>,
    /// First attributes of the principal that it asks about.
    asks: BTreeSet<String>,
    for_identities: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Scope {
    Any,
    Tenant(String),
    Key(String),
}

impl<'a> Told<'a> {
    fn new(source: &'a PolicySource, policy: &ast::Policy) -> Self {
        let mut this = Self {
            source,
            offset: policy.loc().map_or(0, |loc| loc.span.offset()),
            effect: policy.effect(),
            scope: Scope::of(policy),
            parts: BTreeSet::new(),
            asks: BTreeSet::new(),
            for_identities: false,
        };
        let Some(condition) = policy.non_scope_constraints() else { return this };
        let mut parts = Vec::new();
        conjuncts(condition, true, &mut parts);
        // `when { true }` is what no condition is.
        parts.retain(|(expr, holds)| paths::truth(expr) != Some(*holds));
        this.parts = parts
            .iter()
            .map(|(expr, holds)| if *holds { expr.to_string() } else { format!("!{expr}") })
            .collect();
        asked(condition, &mut this.asks);
        let minimum =
            Demands::of(policy, condition).ok().and_then(|found| found.greatest("resource.minimum_tier"));
        this.for_identities = minimum.is_some_and(|greatest| greatest < MACHINES);
        this
    }

    fn problem(&self, message: String) -> PolicyProblem {
        PolicyProblem::at(&self.source.name, &self.source.text, self.offset, message)
    }

    /// A permit that every machine meets, whatever it runs.
    fn asks_nothing(&self) -> Option<PolicyProblem> {
        let nothing = self.asks.iter().all(|name| OF_EVERY_MACHINE.contains(&name.as_str()));
        let permit = self.effect == Effect::Permit;
        (permit && nothing && !self.for_identities).then(|| {
            self.problem(
                "permits every machine of the key's tier, whatever it runs: ask for a measurement, a chip or \
                 an identity"
                    .to_owned(),
            )
        })
    }

    /// Whether it applies whenever the other does.
    fn covers(&self, other: &Self) -> bool {
        self.scope.contains(&other.scope) && self.parts.is_subset(&other.parts)
    }

    fn place(&self) -> String {
        let PolicyProblem { policy, line, .. } = self.problem(String::new());
        format!("`{policy}` line {line}")
    }
}

impl Scope {
    fn of(policy: &ast::Policy) -> Self {
        match scope(policy) {
            Some(uid) if type_name(&uid) == "Key" => Self::Key(eid(&uid).to_owned()),
            Some(uid) if type_name(&uid) == "Tenant" => Self::Tenant(eid(&uid).to_owned()),
            _ => Self::Any,
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Tenant(tenant), Self::Key(key)) => {
                KeyId::parse(key).is_ok_and(|key| key.tenant() == tenant)
            }
            _ => self == other,
        }
    }
}

/// The first attributes of the principal that an expression reads or asks for.
fn asked(expr: &Expr, found: &mut BTreeSet<String>) {
    if let Some((Var::Principal, names)) = paths::chain(expr) {
        found.extend(names.first().map(|name| (*name).to_owned()));
        return;
    }
    children(expr).into_iter().for_each(|inner| asked(inner, found));
}

/// Policies that say what an earlier one says; answers where they are.
fn repeated(found: &[Told<'_>], problems: &mut Vec<PolicyProblem>) -> BTreeSet<usize> {
    let mut first: BTreeMap<(bool, &Scope, &BTreeSet<String>), &Told<'_>> = BTreeMap::new();
    let mut repeated = BTreeSet::new();
    for (at, told) in found.iter().enumerate() {
        let same = (told.effect == Effect::Permit, &told.scope, &told.parts);
        match first.get(&same) {
            Some(earlier) => {
                problems.push(told.problem(format!("says the same as {}", earlier.place())));
                repeated.insert(at);
            }
            None => {
                first.insert(same, told);
            }
        }
    }
    repeated
}

/// Policies that add nothing beside another, or that another always forbids.
fn covered(found: &[&Told<'_>], problems: &mut Vec<PolicyProblem>) {
    for (at, told) in found.iter().enumerate() {
        let others = found.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
        let mut covering = others.filter(|other| other.covers(told));
        let Some(other) =
            covering.clone().find(|other| other.effect == Effect::Forbid).or_else(|| covering.next())
        else {
            continue;
        };
        let message = match (told.effect, other.effect) {
            (Effect::Permit, Effect::Forbid) => format!("never grants: {} forbids all of it", other.place()),
            (Effect::Forbid, Effect::Permit) => continue,
            _ => format!("adds nothing: {} applies whenever it does", other.place()),
        };
        problems.push(told.problem(message));
    }
}
