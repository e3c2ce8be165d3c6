//! What a policy reads, and with what it compares it.

use crate::policies::review::paths::{self, Place};
use crate::schema::shape::{Domain, Type};
use cedar_policy_core::ast::{
    BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Literal, Pattern, Policy,
    PrincipalOrResourceConstraint, UnaryOp, Var,
};
use std::collections::{BTreeMap, BTreeSet};

/// Attributes by their path, each with what it is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    /// By path, e.g. `principal.snp.guest_svn`.
    pub(super) places: BTreeMap<String, Compared>,
    /// Attributes that can be absent and are read or asked for.
    pub(super) optional: BTreeSet<String>,
    /// Keys and tenants that are named.
    pub(super) keys: BTreeSet<String>,
    pub(super) tenants: BTreeSet<String>,
}

/// What one attribute is compared with.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    pub(super) kind: Type,
    pub(super) domain: Domain,
    pub(super) numbers: BTreeSet<i64>,
    pub(super) texts: BTreeSet<String>,
    pub(super) patterns: Vec<Pattern>,
    /// Reference sets in which it may be.
    pub(super) sets: BTreeSet<String>,
    /// Measurements that it may be.
    pub(super) entities: BTreeSet<String>,
}

impl Reads {
    /// Reads scope and condition of a policy.
    ///
    /// # Errors
    /// What is not a comparison of an attribute with constants.
    pub(super) fn of(policy: &Policy) -> Result<Self, String> {
        let mut this = Self::default();
        if let PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::In(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::IsIn(_, EntityReference::EUID(uid)) =
            policy.resource_constraint().as_inner()
        {
            this.key_or_tenant(uid)?;
        }
        if let Some(condition) = policy.non_scope_constraints() {
            this.condition(condition)?;
        }
        Ok(this)
    }

    /// Adds what another policy reads.
    pub(super) fn merge(&mut self, other: &Self) {
        for (path, compared) in &other.places {
            let own = self.places.entry(path.clone()).or_insert_with(|| compared.clone());
            own.numbers.extend(&compared.numbers);
            own.texts.extend(compared.texts.iter().cloned());
            for pattern in &compared.patterns {
                if !own.patterns.contains(pattern) {
                    own.patterns.push(pattern.clone());
                }
            }
            own.sets.extend(compared.sets.iter().cloned());
            own.entities.extend(compared.entities.iter().cloned());
        }
        self.optional.extend(other.optional.iter().cloned());
        self.keys.extend(other.keys.iter().cloned());
        self.tenants.extend(other.tenants.iter().cloned());
    }

    /// A condition; its nesting is bounded by the text's weight.
    fn condition(&mut self, expr: &Expr) -> Result<(), String> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(_)) => Ok(()),
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.condition(left)?;
                self.condition(right)
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                [test_expr, then_expr, else_expr].into_iter().try_for_each(|part| self.condition(part))
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.condition(arg),
            ExprKind::HasAttr { expr: read, attr } => self.asked(expr, read, &[attr.as_str()]),
            ExprKind::ExtHasAttr { expr: read, attrs } => {
                let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
                self.asked(expr, read, &attrs)
            }
            ExprKind::GetAttr { .. } => self.place(expr).map(drop).ok_or_else(|| not_covered(expr)),
            ExprKind::Like { expr: read, pattern } => {
                let compared = self.place(read).ok_or_else(|| not_covered(expr))?;
                if !compared.patterns.contains(pattern) {
                    compared.patterns.push(pattern.clone());
                }
                Ok(())
            }
            ExprKind::Is { expr: read, .. } if variable(read).is_some() => Ok(()),
            ExprKind::BinaryApp { op, arg1, arg2 } => self.comparison(expr, *op, arg1, arg2),
            _ => Err(not_covered(expr)),
        }
    }

    fn comparison(&mut self, whole: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Result<(), String> {
        let covered = match op {
            BinaryOp::Less | BinaryOp::LessEq => self.with(left, right) || self.with(right, left),
            BinaryOp::Eq => {
                self.resource(left, right)?
                    || self.resource(right, left)?
                    || self.with(left, right)
                    || self.with(right, left)
            }
            BinaryOp::In => self.resource(left, right)? || self.with(left, right),
            BinaryOp::Contains => self.with(left, right) || self.with(right, left),
            BinaryOp::ContainsAll | BinaryOp::ContainsAny => self.with(left, right) || self.with(right, left),
            _ => false,
        };
        if covered { Ok(()) } else { Err(not_covered(whole)) }
    }

    /// `resource`, or its tenant, with an entity or a list of them.
    fn resource(&mut self, read: &Expr, other: &Expr) -> Result<bool, String> {
        let tenant = matches!(paths::chain(read), Some((Var::Resource, names)) if names == ["tenant"]);
        if variable(read) != Some(Var::Resource) && !tenant {
            return Ok(false);
        }
        let listed = paths::elements(other).unwrap_or(std::slice::from_ref(other));
        for element in listed {
            let Some(uid) = paths::entity(element) else { return Ok(false) };
            self.key_or_tenant(uid)?;
        }
        Ok(true)
    }

    /// An attribute with a literal, or with a list of them.
    fn with(&mut self, read: &Expr, other: &Expr) -> bool {
        let listed = paths::elements(other).unwrap_or(std::slice::from_ref(other));
        if paths::place(read).is_none() || !listed.iter().all(is_literal) {
            return false;
        }
        let Some(compared) = self.place(read) else { return false };
        for element in listed {
            if let Some(number) = paths::number(element) {
                compared.numbers.insert(number);
            } else if let Some(text) = paths::text(element) {
                compared.texts.insert(text.to_owned());
            } else if let Some(uid) = paths::entity(element) {
                let id: &str = uid.eid().as_ref();
                match uid.entity_type().to_string().as_str() {
                    "ReferenceSet" => compared.sets.insert(id.to_owned()),
                    _ => compared.entities.insert(id.to_owned()),
                };
            }
        }
        true
    }

    /// The attribute that is read, noted with those on the way that can be absent.
    fn place(&mut self, expr: &Expr) -> Option<&mut Compared> {
        let Place { text, known } = paths::place(expr)?;
        let (variable, names) = paths::chain(expr)?;
        self.on_the_way(variable, &names);
        Some(self.places.entry(text).or_insert_with(|| Compared {
            kind: known.kind.clone(),
            domain: known.domain.clone(),
            numbers: BTreeSet::new(),
            texts: BTreeSet::new(),
            patterns: Vec::new(),
            sets: BTreeSet::new(),
            entities: BTreeSet::new(),
        }))
    }

    fn asked(&mut self, whole: &Expr, read: &Expr, attrs: &[&str]) -> Result<(), String> {
        let (variable, mut names) = paths::chain(read).ok_or_else(|| not_covered(whole))?;
        names.extend(attrs);
        if paths::known(variable, &names).is_none() {
            return Err(not_covered(whole));
        }
        self.on_the_way(variable, &names);
        Ok(())
    }

    fn on_the_way(&mut self, variable: Var, names: &[&str]) {
        for end in 1..=names.len() {
            let part = names.get(..end).unwrap_or_default();
            if paths::known(variable, part).is_some_and(|known| !known.required) {
                self.optional.insert(format!("{variable}.{}", part.join(".")));
            }
        }
    }

    fn key_or_tenant(&mut self, uid: &EntityUID) -> Result<(), String> {
        let id: &str = uid.eid().as_ref();
        match uid.entity_type().to_string().as_str() {
            "Key" => self.keys.insert(id.to_owned()),
            "Tenant" => self.tenants.insert(id.to_owned()),
            _ => return Err(format!("{uid} is no key and no tenant")),
        };
        Ok(())
    }
}

fn variable(expr: &Expr) -> Option<Var> {
    match expr.expr_kind() {
        ExprKind::Var(variable) => Some(*variable),
        _ => None,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Lit(_))
}

fn not_covered(expr: &Expr) -> String {
    let shown: String = expr.to_string().chars().take(120).collect();
    format!("`{shown}` is no comparison of an attribute with constants")
}
