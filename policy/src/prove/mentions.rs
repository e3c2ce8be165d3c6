//! What policies name at all, in whatever form: attributes, tenants, keys; and what is known of those before
//! any evidence.

use crate::key_id::KeyId;
use crate::policies::review::paths::{self, Known};
use crate::schema::entity;
use crate::schema::shape::{Domain, Type};
use cedar_policy_core::ast::{Expr, ExprKind, Literal, Policy, Var};
use std::collections::BTreeSet;

/// Attributes by their path, e.g. `principal.snp.guest_svn`, with entities.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    pub(super) paths: BTreeSet<String>,
    tenants: BTreeSet<String>,
    keys: BTreeSet<String>,
}

impl Mentions {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut this = Self::default();
        for expr in policy.condition().subexpressions() {
            this.take(expr);
        }
        this
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.paths.extend(other.paths.iter().cloned());
        self.tenants.extend(other.tenants.iter().cloned());
        self.keys.extend(other.keys.iter().cloned());
    }

    pub(super) fn names_key(&self, id: &str) -> bool {
        self.keys.contains(id)
    }

    fn take(&mut self, expr: &Expr) {
        match expr.expr_kind() {
            ExprKind::GetAttr { .. } => self.path(expr, &[]),
            ExprKind::HasAttr { expr: read, attr } => self.path(read, &[attr.as_str()]),
            ExprKind::ExtHasAttr { expr: read, attrs } => {
                let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
                self.path(read, &attrs);
            }
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                let id: &str = uid.eid().as_ref();
                match uid.entity_type().to_string().as_str() {
                    "Tenant" => self.tenants.insert(id.to_owned()),
                    "Key" => self.keys.insert(id.to_owned()),
                    _ => false,
                };
            }
            _ => {}
        }
    }

    /// The attribute with those on the way to it.
    fn path(&mut self, read: &Expr, more: &[&str]) {
        let Some((variable, mut names)) = paths::chain(read) else { return };
        names.extend(more);
        for end in 1..=names.len() {
            let part = names.get(..end).unwrap_or_default();
            if paths::known(variable, part).is_some() {
                self.paths.insert(format!("{variable}.{}", part.join(".")));
            }
        }
    }

    /// What is true of every node and every key, as conditions in Cedar: the tier is no lower than the key's
    /// minimum, a key is in its tenant alone, and the attributes that are mentioned have values of their
    /// domain.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut all = vec![
            "principal.tier >= resource.minimum_tier".to_owned(),
            "resource in resource.tenant".to_owned(),
        ];
        let mut tenants = self.tenants.clone();
        for key in self.keys.iter().filter_map(|key| KeyId::parse(key).ok()) {
            let tenant = entity::tenant(key.tenant());
            all.push(format!("resource != {} || resource.tenant == {tenant}", entity::key(&key)));
            tenants.insert(key.tenant().to_owned());
        }
        for tenant in tenants.iter().map(|tenant| entity::tenant(tenant)) {
            all.push(format!("(resource in {tenant}) == (resource.tenant == {tenant})"));
        }
        all.extend(self.paths.iter().filter_map(|path| of_domain(path)));
        all
    }
}

/// What is known of an attribute, by its path.
pub(super) fn known(path: &str) -> Option<&'static Known> {
    let (variable, names) = split(path)?;
    paths::known(variable, &names)
}

fn split(path: &str) -> Option<(Var, Vec<&str>)> {
    let mut parts = path.split('.');
    let variable = match parts.next()? {
        "principal" => Var::Principal,
        "resource" => Var::Resource,
        "context" => Var::Context,
        _ => return None,
    };
    Some((variable, parts.collect()))
}

/// That an attribute, where it is there, has a value of its domain; none where every value of its type is.
fn of_domain(path: &str) -> Option<String> {
    let Known { kind, domain, .. } = known(path)?;
    let mut condition = match (kind, domain) {
        (Type::Long, Domain::Range(lowest, highest)) => {
            format!("{path} >= {lowest} && {path} <= {highest}")
        }
        (Type::String, Domain::Words(words)) => {
            let words: Vec<String> =
                words.iter().map(|word| format!("\"{}\"", word.escape_debug())).collect();
            format!("[{}].contains({path})", words.join(", "))
        }
        _ => return None,
    };
    let (variable, names) = split(path)?;
    for end in (1..=names.len()).rev() {
        let (way, last) = (names.get(..end.saturating_sub(1))?, names.get(end.saturating_sub(1))?);
        if paths::known(variable, names.get(..end)?).is_some_and(|known| !known.required) {
            let holder: Vec<String> =
                std::iter::once(variable.to_string()).chain(way.iter().map(|s| (*s).to_owned())).collect();
            condition = format!("if {} has {last} then ({condition}) else true", holder.join("."));
        }
    }
    Some(condition)
}
