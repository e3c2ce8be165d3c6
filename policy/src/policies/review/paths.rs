//! Which attribute an expression reads, and which values that has.

use crate::node::Attributes;
use crate::schema::shape::{Attribute, Domain, Record as _, Type};
use crate::schema::{self, context, key, measurement, records};
use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal, Var};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An attribute that an expression reads.
pub(crate) struct Place<'a> {
    /// As policies write it, e.g. `principal.snp.guest_svn`.
    pub(crate) text: String,
    pub(crate) known: &'a Known,
}

/// What is known of an attribute.
pub(crate) struct Known {
    pub(crate) kind: Type,
    pub(crate) domain: Domain,
    /// Whether it is `none` where a node has no measurement.
    pub(crate) or_none: bool,
    /// Whether evidence always states it.
    pub(crate) required: bool,
}

type Table = BTreeMap<(&'static str, &'static str), Known>;

/// Every attribute of the schema, by record and name.
static KNOWN: LazyLock<Table> = LazyLock::new(|| {
    let node = Attributes::attributes();
    let records = records(&node);
    let first = [("Node", node), ("Key", key()), ("context", context()), ("Measurement", measurement())];
    let mut table = Table::new();
    for (record, attributes) in first.into_iter().chain(records) {
        for attribute in attributes {
            let domain = schema::domain(record, &attribute);
            let or_none = record == "Measurement";
            let Attribute { name, kind, required, .. } = attribute;
            table.insert((record, name), Known { kind, domain, or_none, required });
        }
    }
    table
});

/// The attribute that an expression reads, if it does nothing else.
pub(crate) fn place(expr: &Expr) -> Option<Place<'static>> {
    let (variable, names) = chain(expr)?;
    let text = std::iter::once(variable.to_string()).chain(names.iter().map(|name| (*name).to_owned()));
    Some(Place { text: text.collect::<Vec<_>>().join("."), known: known(variable, &names)? })
}

/// What is known of an attribute of `principal`, `resource` or `context`.
pub(crate) fn known(variable: Var, names: &[&str]) -> Option<&'static Known> {
    let mut record = match variable {
        Var::Principal => "Node",
        Var::Resource => "Key",
        Var::Context => "context",
        Var::Action => return None,
    };
    let mut last = None;
    for name in names {
        let (_, known) = KNOWN.iter().find(|((of, named), _)| *of == record && named == name)?;
        record = match known.kind {
            Type::Record(name, _) => name,
            Type::Measurement => "Measurement",
            _ => "",
        };
        last = Some(known);
    }
    last
}

/// The variable, and the attributes read from it in order.
pub(crate) fn chain(expr: &Expr) -> Option<(Var, Vec<&str>)> {
    let (mut names, mut inner) = (Vec::new(), expr);
    loop {
        match inner.expr_kind() {
            ExprKind::GetAttr { expr, attr } => {
                names.push(attr.as_str());
                inner = expr;
            }
            ExprKind::Var(variable) => {
                names.reverse();
                return Some((*variable, names));
            }
            _ => return None,
        }
    }
}

/// A literal integer.
pub(crate) fn number(expr: &Expr) -> Option<i64> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Long(number)) => Some(*number),
        _ => None,
    }
}

/// A literal text.
pub(crate) fn text(expr: &Expr) -> Option<&str> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

/// A literal truth value.
pub(crate) fn truth(expr: &Expr) -> Option<bool> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Bool(truth)) => Some(*truth),
        _ => None,
    }
}

/// A literal entity.
pub(crate) fn entity(expr: &Expr) -> Option<&EntityUID> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(uid),
        _ => None,
    }
}

/// The elements of a literal set.
pub(crate) fn elements(expr: &Expr) -> Option<&[Expr]> {
    match expr.expr_kind() {
        ExprKind::Set(elements) => Some(elements),
        _ => None,
    }
}
