//! Demands that exclude each other, so that the policy never applies.

use super::{Remark, conjuncts, order, paths};
use crate::key_id::KeyId;
use crate::schema::shape::{Domain, Type};
use cedar_policy_core::ast::{
    BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Policy, PrincipalOrResourceConstraint, Var,
};
use std::collections::{BTreeMap, BTreeSet};

/// Looks for the first pair of demands of a policy that exclude each other.
pub(super) fn check(policy: &Policy, condition: &Expr, remarks: &mut Vec<Remark>) {
    if let Err((expr, message)) = Demands::of(policy, condition) {
        remarks.push(Remark::error(expr, format!("the policy can never apply: {message}")));
    }
}

/// What must hold at once for a policy to apply.
#[derive(Default)]
pub(super) struct Demands {
    /// Least and greatest value of integers.
    numbers: BTreeMap<String, (i64, i64)>,
    /// What is left of the values of texts.
    words: BTreeMap<String, BTreeSet<String>>,
    /// Truth values, and whether an attribute is there (`has principal.snp`).
    flags: BTreeMap<String, bool>,
    key: Option<String>,
    tenant: Option<String>,
}

type Contradiction<'a> = (&'a Expr, String);

impl Demands {
    /// The demands of scope and condition.
    ///
    /// # Errors
    /// The first demand that excludes an earlier one, and why.
    pub(super) fn of<'a>(policy: &Policy, condition: &'a Expr) -> Result<Self, Contradiction<'a>> {
        let mut this = Self::default();
        if let Some(uid) = scope(policy) {
            // A scope has one entity: it excludes nothing alone.
            let _ = this.entity(&uid);
        }
        let mut parts = Vec::new();
        conjuncts(condition, true, &mut parts);
        for (expr, holds) in parts {
            this.demand(expr, holds).map_err(|message| (expr, message))?;
        }
        Ok(this)
    }

    /// The greatest value that an integer can have.
    pub(super) fn greatest(&self, text: &str) -> Option<i64> {
        self.numbers.get(text).map(|(_, to)| *to)
    }

    fn demand(&mut self, expr: &Expr, holds: bool) -> Result<(), String> {
        if let Some(order) = order(expr, holds) {
            let (from, to) = order.relation.interval(order.number);
            return self.number(&order.place.text, from, to);
        }
        match expr.expr_kind() {
            ExprKind::HasAttr { expr, attr } => self.there(expr, &[attr.as_str()], holds),
            ExprKind::ExtHasAttr { expr, attrs } => {
                let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
                self.there(expr, &attrs, holds)
            }
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => {
                self.equal(arg1, arg2, holds)?;
                self.equal(arg2, arg1, holds)
            }
            ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } => self.among(arg1, arg2, holds),
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } if holds && is_resource(arg1) => {
                paths::entity(arg2).map_or(Ok(()), |uid| self.entity(uid))
            }
            ExprKind::GetAttr { .. } => match paths::place(expr) {
                Some(place) if place.known.kind == Type::Bool => self.flag(place.text, holds),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn number(&mut self, text: &str, from: i64, to: i64) -> Result<(), String> {
        let (least, greatest) = self.numbers.get(text).copied().unwrap_or((i64::MIN, i64::MAX));
        let (from, to) = (from.max(least), to.min(greatest));
        if from > to {
            return Err(format!("no value of `{text}` meets all that is demanded of it"));
        }
        self.numbers.insert(text.to_owned(), (from, to));
        Ok(())
    }

    fn flag(&mut self, text: String, holds: bool) -> Result<(), String> {
        match self.flags.get(&text) {
            Some(other) if *other != holds => Err(format!("`{text}` is demanded to hold, and not to hold")),
            _ => {
                self.flags.insert(text, holds);
                Ok(())
            }
        }
    }

    fn there(&mut self, expr: &Expr, attrs: &[&str], holds: bool) -> Result<(), String> {
        let Some((variable, names)) = paths::chain(expr) else { return Ok(()) };
        let variable = variable.to_string();
        let all: Vec<&str> =
            std::iter::once(variable.as_str()).chain(names).chain(attrs.iter().copied()).collect();
        let Some((last, before)) = all.split_last() else { return Ok(()) };
        self.flag(format!("{} has {last}", before.join(".")), holds)
    }

    fn equal(&mut self, read: &Expr, other: &Expr, holds: bool) -> Result<(), String> {
        if let Some(uid) = paths::entity(other) {
            let names = paths::chain(read);
            let is_tenant = matches!(&names, Some((Var::Resource, names)) if *names == ["tenant"]);
            if !is_resource(read) && !is_tenant {
                return Ok(());
            }
            return if holds { self.entity(uid) } else { self.not_entity(uid) };
        }
        let Some(place) = paths::place(read) else { return Ok(()) };
        if let (Some(number), true) = (paths::number(other), holds) {
            return self.number(&place.text, number, number);
        }
        if let Some(truth) = paths::truth(other) {
            return self.flag(place.text, truth == holds);
        }
        match paths::text(other) {
            Some(text) => self.word(&place, &BTreeSet::from([text.to_owned()]), holds),
            None => Ok(()),
        }
    }

    /// `["a", "b"].contains(principal.x)`.
    fn among(&mut self, set: &Expr, read: &Expr, holds: bool) -> Result<(), String> {
        let (Some(elements), Some(place)) = (paths::elements(set), paths::place(read)) else {
            return Ok(());
        };
        let texts: Option<BTreeSet<String>> =
            elements.iter().map(|element| paths::text(element).map(str::to_owned)).collect();
        texts.map_or(Ok(()), |texts| self.word(&place, &texts, holds))
    }

    fn word(
        &mut self,
        place: &paths::Place<'_>,
        texts: &BTreeSet<String>,
        holds: bool,
    ) -> Result<(), String> {
        let left = self.words.get(&place.text).cloned().or_else(|| match &place.known.domain {
            Domain::Words(words) => Some(words.iter().cloned().collect()),
            _ => None,
        });
        let left: BTreeSet<String> = match (left, holds) {
            (Some(left), true) => left.intersection(texts).cloned().collect(),
            (Some(left), false) => left.difference(texts).cloned().collect(),
            (None, true) => texts.clone(),
            (None, false) => return Ok(()),
        };
        if left.is_empty() {
            return Err(format!("no value of `{}` meets all that is demanded of it", place.text));
        }
        self.words.insert(place.text.clone(), left);
        Ok(())
    }

    /// The key or the tenant that is asked for.
    fn entity(&mut self, uid: &EntityUID) -> Result<(), String> {
        let id = eid(uid);
        match type_name(uid).as_str() {
            "Key" => {
                if let Some(other) = self.key.as_ref().filter(|other| *other != id) {
                    return Err(format!("a key cannot be `{other}` and `{id}`"));
                }
                self.key = Some(id.to_owned());
                match KeyId::parse(id) {
                    Ok(key) => self.tenant(key.tenant()),
                    Err(_) => Ok(()),
                }
            }
            "Tenant" => self.tenant(id),
            _ => Ok(()),
        }
    }

    fn tenant(&mut self, id: &str) -> Result<(), String> {
        if let Some(other) = self.tenant.as_ref().filter(|other| *other != id) {
            return Err(format!("no key is of the tenant `{other}` and of the tenant `{id}`"));
        }
        self.tenant = Some(id.to_owned());
        Ok(())
    }

    fn not_entity(&self, uid: &EntityUID) -> Result<(), String> {
        let id = eid(uid);
        let excluded = match type_name(uid).as_str() {
            "Key" => self.key.as_deref(),
            "Tenant" => self.tenant.as_deref(),
            _ => None,
        };
        if excluded == Some(id) { Err(format!("{uid} is demanded, and excluded")) } else { Ok(()) }
    }
}

/// The entity of a policy's scope.
pub(super) fn scope(policy: &Policy) -> Option<EntityUID> {
    match policy.resource_constraint().as_inner() {
        PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::In(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::IsIn(_, EntityReference::EUID(uid)) => Some(uid.as_ref().clone()),
        _ => None,
    }
}

pub(super) fn eid(uid: &EntityUID) -> &str {
    uid.eid().as_ref()
}

pub(super) fn type_name(uid: &EntityUID) -> String {
    uid.entity_type().to_string()
}

fn is_resource(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Resource))
}
