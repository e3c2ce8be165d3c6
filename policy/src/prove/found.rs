//! A case as a solver found it, by attributes.

use super::choices::Choice;
use super::mentions::{self, Mentions};
use crate::key_id::KeyId;
use crate::schema::entity;
use cedar_policy::{Entities, EntityUid, EvalResult, Request};
use std::collections::BTreeMap;

/// The attributes that are mentioned, with the values of the case. A solver gives names of its own to what no
/// policy names: of a key, that becomes one that a key can have.
///
/// # Errors
/// What is missing in the case.
pub(super) fn values(
    mentions: &Mentions,
    request: &Request,
    entities: &Entities,
) -> Result<BTreeMap<String, Choice>, String> {
    let missing = |what: &str| format!("the case has no {what}");
    let node = request.principal().ok_or_else(|| missing("node"))?;
    let key = request.resource().ok_or_else(|| missing("key"))?;
    let mut values = BTreeMap::new();
    for path in &mentions.paths {
        let mut names = path.split('.');
        let first = match names.next() {
            Some("principal") => Some(EvalResult::EntityUid(node.clone())),
            Some("resource") => Some(EvalResult::EntityUid(key.clone())),
            Some("context") => names.next().and_then(|name| request.context()?.get(name)),
            _ => None,
        };
        let value = names.fold(first, |value, name| step(&value?, name, entities));
        let optional = mentions::known(path).is_some_and(|known| !known.required);
        match value.and_then(|value| choice(&value, entities)) {
            Some(choice) => values.insert(path.clone(), choice),
            None if optional => values.insert(path.clone(), Choice::There(false)),
            None => None,
        };
    }
    values.insert("resource".to_owned(), Choice::Key(key_id(mentions, key, entities)));
    Ok(values)
}

fn step(value: &EvalResult, name: &str, entities: &Entities) -> Option<EvalResult> {
    match value {
        EvalResult::Record(record) => record.get(name).cloned(),
        EvalResult::EntityUid(uid) => entities.get(uid)?.attr(name)?.ok(),
        _ => None,
    }
}

fn choice(value: &EvalResult, entities: &Entities) -> Option<Choice> {
    match value {
        EvalResult::Bool(truth) => Some(Choice::Bool(*truth)),
        EvalResult::Long(number) => Some(Choice::Long(*number)),
        EvalResult::String(text) => Some(Choice::Text(text.clone())),
        EvalResult::Record(_) => Some(Choice::There(true)),
        EvalResult::Set(set) => {
            let text = |element: &EvalResult| match element {
                EvalResult::String(text) => Some(text.clone()),
                EvalResult::EntityUid(uid) => Some(uid.id().unescaped().to_owned()),
                _ => None,
            };
            set.iter().map(text).collect::<Option<Vec<_>>>().map(Choice::Texts)
        }
        EvalResult::EntityUid(uid) => {
            let id = entity::as_measurement(uid)?.to_owned();
            let above = entities.ancestors(uid).into_iter().flatten();
            let sets = above.filter_map(entity::as_reference_set).map(str::to_owned).collect();
            Some(Choice::Measurement { id, sets })
        }
        EvalResult::ExtensionValue(_) => None,
    }
}

/// The key as it is named, or another of its tenant.
fn key_id(mentions: &Mentions, key: &EntityUid, entities: &Entities) -> String {
    let id = entity::as_key(key).unwrap_or_default();
    if mentions.names_key(id) {
        return id.to_owned();
    }
    let tenant = entities.get(key).and_then(|key| match key.attr("tenant") {
        Some(Ok(EvalResult::EntityUid(tenant))) => entity::as_tenant(&tenant).map(str::to_owned),
        _ => None,
    });
    let other = tenant.map(|tenant| format!("{tenant}/another-key"));
    let real = other.filter(|id| KeyId::parse(id).is_ok() && !mentions.names_key(id));
    real.unwrap_or_else(|| "another-tenant/another-key".to_owned())
}
