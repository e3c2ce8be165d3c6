//! Which policies of a group can apply to a node, found by what their conditions demand.
//!
//! A condition is demands that hold together, asked from left to right. A demand that an attribute of the node
//! has a value, or that its launch measurement is in a set, can be looked up: where it does not hold, the
//! policy does not apply, and is not asked. Each policy is filed under the one of its demands that fewest
//! others share; the engine still evaluates all of its condition.
//!
//! Only demands that stand behind nothing that can fail count: a policy that fails while it is evaluated
//! denies, and must not be passed over.

use super::review::{conjuncts, paths};
use super::{Group, Literals};
use crate::node::Node;
use crate::problem::PolicyProblem;
use crate::references::Register;
use crate::schema::entity;
use crate::schema::shape::Type;
use cedar_policy::{Policy, PolicySet};
use cedar_policy_core::ast::{
    self, BinaryOp, Expr, ExprKind, Literal, PartialValue, UnaryOp, Value, ValueKind, Var,
};
use std::collections::{BTreeSet, HashMap};

/// Groups of fewer policies are asked whole: looking up costs as much as a few evaluations.
const SMALL: usize = 8;
/// Most values of one demand: a policy is filed under each of them.
const MAX_VALUES: usize = 64;

/// Policies that are asked together, with what they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) policies: PolicySet,
    /// Measurements that they name.
    pub(crate) measurements: BTreeSet<Register>,
}

impl Part {
    /// Adds a policy with what it names.
    pub(super) fn add(&mut self, policy: Policy, literals: &Literals) -> Result<(), String> {
        self.policies.add(policy).map_err(|error| error.to_string())?;
        self.measurements.extend(&literals.measurements);
        Ok(())
    }
}

/// The policies of a group, filed by a demand of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// Those that demand nothing which can be looked up.
    rest: Part,
    /// Those that demand a launch measurement of the set.
    launched: HashMap<String, Part>,
    /// Those that demand a value, by the path below `principal` and then by the value.
    valued: HashMap<Path, HashMap<Literal, Part>>,
}

/// Names of attributes, from `principal` on.
type Path = Vec<String>;

/// What can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Demand {
    Launched(String),
    Valued(Path, Literal),
}

impl Index {
    /// Files the policies of a group. `None` where asking all of them costs no more.
    ///
    /// # Errors
    /// What the engine says of a policy that it does not take.
    pub(super) fn of(group: &Group) -> Result<Option<Self>, PolicyProblem> {
        if group.whole.policies.num_of_policies() < SMALL {
            return Ok(None);
        }
        let demands: Vec<(Policy, Vec<Vec<Demand>>)> =
            group.whole.policies.policies().map(|policy| (policy.clone(), demands(policy))).collect();
        let mut shared: HashMap<&Demand, usize> = HashMap::new();
        for demand in demands.iter().flat_map(|(_, demands)| demands).flatten() {
            *shared.entry(demand).or_default() += 1;
        }
        let crowd = |values: &&Vec<Demand>| values.iter().filter_map(|d| shared.get(d)).max().copied();
        let mut this = Self::default();
        for (policy, demands) in &demands {
            let chosen = demands.iter().min_by_key(crowd).map_or(&[][..], Vec::as_slice);
            this.file(policy, chosen)
                .map_err(|message| PolicyProblem::at(AsRef::<str>::as_ref(policy.id()), "", 0, message))?;
        }
        Ok(Some(this))
    }

    fn file(&mut self, policy: &Policy, under: &[Demand]) -> Result<(), String> {
        let literals = Literals::known(policy);
        if under.is_empty() {
            return self.rest.add(policy.clone(), &literals);
        }
        // A value that is listed twice is one value.
        let mut seen: Vec<&Demand> = Vec::new();
        for demand in under {
            if seen.contains(&demand) {
                continue;
            }
            seen.push(demand);
            let part = match demand {
                Demand::Launched(set) => self.launched.entry(set.clone()).or_default(),
                Demand::Valued(path, value) => {
                    self.valued.entry(path.clone()).or_default().entry(value.clone()).or_default()
                }
            };
            part.add(policy.clone(), &literals)?;
        }
        Ok(())
    }

    /// The policies that can apply to a node whose launch measurement is in these sets.
    pub(crate) fn parts<'a>(&'a self, node: &Node, sets: &BTreeSet<&str>) -> Vec<&'a Part> {
        let launched = sets.iter().filter_map(|set| self.launched.get(*set));
        let valued = self.valued.iter().filter_map(|(path, by_value)| by_value.get(value(node, path)?));
        std::iter::once(&self.rest).chain(launched).chain(valued).collect()
    }
}

/// The value at a path below the node, if it is a single one.
fn value<'a>(node: &'a Node, path: &[String]) -> Option<&'a Literal> {
    let (first, rest) = path.split_first()?;
    let core: &ast::Entity = node.entity.as_ref();
    let PartialValue::Value(start) = core.get(first)? else { return None };
    let found = rest.iter().try_fold(start, |value, name| match &value.value {
        ValueKind::Record(fields) => fields.get(name.as_str()),
        _ => None,
    })?;
    match found {
        Value { value: ValueKind::Lit(literal), .. } => Some(literal),
        _ => None,
    }
}

/// What a policy demands before anything that can fail; of each demand, the values one of which must be there.
fn demands(policy: &Policy) -> Vec<Vec<Demand>> {
    let core: &ast::Policy = policy.as_ref();
    let mut parts = Vec::new();
    if let Some(condition) = core.non_scope_constraints() {
        conjuncts(condition, true, &mut parts);
    }
    let safe = parts.into_iter().take_while(|(part, _)| cannot_fail(part));
    safe.filter_map(|(part, holds)| demand(part, holds)).collect()
}

fn demand(part: &Expr, holds: bool) -> Option<Vec<Demand>> {
    match part.expr_kind() {
        ExprKind::GetAttr { .. } => Some(vec![Demand::Valued(path(part)?, Literal::Bool(holds))]),
        ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } if holds => {
            let (path, literal) = match (path(arg1), path(arg2)) {
                (Some(path), _) => (path, literal(arg2)?),
                (_, Some(path)) => (path, literal(arg1)?),
                _ => return None,
            };
            Some(vec![Demand::Valued(path, literal)])
        }
        ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } if holds && path(arg1)? == ["measurement"] => {
            let set = paths::entity(arg2)?.clone();
            Some(vec![Demand::Launched(entity::as_reference_set(&set.into())?.to_owned())])
        }
        ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } if holds => {
            let (path, elements) = (path(arg2)?, paths::elements(arg1)?);
            if elements.is_empty() || elements.len() > MAX_VALUES {
                return None;
            }
            let valued = |element| Some(Demand::Valued(path.clone(), literal(element)?));
            elements.iter().map(valued).collect()
        }
        _ => None,
    }
}

/// The path of an attribute of the node that is reached through records alone.
fn path(expr: &Expr) -> Option<Path> {
    match paths::chain(expr)? {
        (Var::Principal, names) if through_records(Var::Principal, &names) => {
            Some(names.into_iter().map(str::to_owned).collect())
        }
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<Literal> {
    match expr.expr_kind() {
        ExprKind::Lit(literal) => Some(literal.clone()),
        _ => None,
    }
}

/// Whether reading an attribute asks no other entity: one that is not there would be a failure.
fn through_records(variable: Var, names: &[&str]) -> bool {
    let Some((_, before)) = names.split_last() else { return false };
    (1..=before.len()).all(|length| {
        let known = before.get(..length).and_then(|names| paths::known(variable, names));
        known.is_some_and(|known| matches!(known.kind, Type::Record(..)))
    })
}

/// Whether evaluating it cannot fail, given that it passed the schema: no arithmetic, which can overflow, no
/// function, and no attribute of another entity.
fn cannot_fail(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) => true,
        ExprKind::GetAttr { .. } => {
            paths::chain(expr).is_some_and(|(variable, names)| through_records(variable, &names))
        }
        ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. } => cannot_fail(expr),
        ExprKind::Like { expr, .. } | ExprKind::Is { expr, .. } => cannot_fail(expr),
        ExprKind::UnaryApp { op: UnaryOp::Not | UnaryOp::IsEmpty, arg } => cannot_fail(arg),
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            cannot_fail(left) && cannot_fail(right)
        }
        ExprKind::If { test_expr, then_expr, else_expr } => {
            [test_expr, then_expr, else_expr].into_iter().all(|part| cannot_fail(part))
        }
        ExprKind::BinaryApp {
            op:
                BinaryOp::Eq
                | BinaryOp::Less
                | BinaryOp::LessEq
                | BinaryOp::In
                | BinaryOp::Contains
                | BinaryOp::ContainsAll
                | BinaryOp::ContainsAny,
            arg1,
            arg2,
        } => cannot_fail(arg1) && cannot_fail(arg2),
        ExprKind::Set(elements) => elements.iter().all(cannot_fail),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
