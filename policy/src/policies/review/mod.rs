//! What the schema's types do not catch: values that no claim has, demands that exclude each other, policies
//! that add nothing.
//!
//! The first two are errors of the policy that has them ([`one`]); the third needs all of them together, and
//! is a warning ([`together`]).

mod never;
pub(crate) mod paths;
mod together;
mod values;

pub(super) use together::together;

use crate::policies::PolicySource;
use crate::problem::PolicyProblem;
use cedar_policy::PolicySet;
use cedar_policy_core::ast::{self, BinaryOp, Expr, ExprKind, UnaryOp};

/// One thing to say about a policy, at a byte of its text.
pub(super) struct Remark {
    offset: usize,
    message: String,
    /// Whether the policy cannot mean what it says.
    error: bool,
}

impl Remark {
    fn error(expr: &Expr, message: String) -> Self {
        Self { offset: offset(expr), message, error: true }
    }

    fn warning(expr: &Expr, message: String) -> Self {
        Self { offset: offset(expr), message, error: false }
    }
}

/// Reviews each policy of a text alone: errors, then warnings.
pub(super) fn one(source: &PolicySource, set: &PolicySet) -> (Vec<PolicyProblem>, Vec<PolicyProblem>) {
    let core: &ast::PolicySet = set.as_ref();
    let mut remarks = Vec::new();
    for policy in core.policies() {
        if let Some(condition) = policy.non_scope_constraints() {
            let before = remarks.len();
            values::check(condition, &mut remarks);
            // A value with a slip excludes what is demanded beside it: one problem is told, not two.
            if !remarks.iter().skip(before).any(|remark| remark.error) {
                never::check(policy, condition, &mut remarks);
            }
        }
    }
    remarks.sort_by_key(|remark| remark.offset);
    let (errors, warnings): (Vec<_>, Vec<_>) = remarks.into_iter().partition(|remark| remark.error);
    let told = |remarks: Vec<Remark>| {
        let problem =
            |remark: Remark| PolicyProblem::at(&source.name, &source.text, remark.offset, remark.message);
        remarks.into_iter().map(problem).collect()
    };
    (told(errors), told(warnings))
}

/// Where an expression begins in its text.
fn offset(expr: &Expr) -> usize {
    expr.source_loc().map_or(0, |loc| loc.span.offset())
}

/// The parts that hold together: `a && !(b || c)` is `a`, not `b`, not `c`. Nesting is bounded by the text's
/// weight (see `depth`).
pub(super) fn conjuncts<'a>(expr: &'a Expr, holds: bool, found: &mut Vec<(&'a Expr, bool)>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } if holds => {
            conjuncts(left, holds, found);
            conjuncts(right, holds, found);
        }
        ExprKind::Or { left, right } if !holds => {
            conjuncts(left, holds, found);
            conjuncts(right, holds, found);
        }
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => conjuncts(arg, !holds, found),
        _ => found.push((expr, holds)),
    }
}

/// The expressions directly inside another.
fn children(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::If { test_expr, then_expr, else_expr } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::UnaryApp { arg, .. } => vec![arg],
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().collect(),
        ExprKind::Set(elements) => elements.iter().collect(),
        ExprKind::Record(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// A comparison of an attribute with a number, as it reads from left to right.
struct Order<'a> {
    place: paths::Place<'a>,
    relation: Relation,
    number: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    LessEq,
    Greater,
    GreaterEq,
}

impl Relation {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEq => "<=",
            Self::Greater => ">",
            Self::GreaterEq => ">=",
        }
    }

    const fn negated(self) -> Self {
        match self {
            Self::Less => Self::GreaterEq,
            Self::LessEq => Self::Greater,
            Self::Greater => Self::LessEq,
            Self::GreaterEq => Self::Less,
        }
    }

    /// The integers `from..=to` of which it holds; the parser writes `>` and `>=` as negations.
    const fn interval(self, number: i64) -> (i64, i64) {
        match self {
            Self::Less => (i64::MIN, number.saturating_sub(1)),
            Self::LessEq => (i64::MIN, number),
            Self::Greater => (number.saturating_add(1), i64::MAX),
            Self::GreaterEq => (number, i64::MAX),
        }
    }
}

/// Reads a comparison by order; `holds` is whether it is asked for or its opposite.
fn order(expr: &Expr, holds: bool) -> Option<Order<'_>> {
    let ExprKind::BinaryApp { op, arg1, arg2 } = expr.expr_kind() else { return None };
    let (left, right) = match op {
        BinaryOp::Less => (Relation::Less, Relation::Greater),
        BinaryOp::LessEq => (Relation::LessEq, Relation::GreaterEq),
        _ => return None,
    };
    let (place, relation, number) = match (paths::place(arg1), paths::number(arg2)) {
        (Some(place), Some(number)) => (place, left, number),
        _ => (paths::place(arg2)?, right, paths::number(arg1)?),
    };
    Some(Order { place, relation: if holds { relation } else { relation.negated() }, number })
}

#[cfg(test)]
mod tests;
