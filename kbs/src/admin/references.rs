//! Reference values: checked as a whole before a set is put.

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::rules;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{PutReference, ReferenceInfo, ReferenceSigner, ReferenceValue, RuleVersion};
use hanzo_kbs_vault::rows::RuleKind;
use hanzo_policy::References;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most reasons that a row of the record names: imports that one set still has values of.
const MAX_REASONS: usize = 8;

/// `PUT references/{name}`.
pub(crate) async fn put_reference(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<PutReference>,
) -> Result<Json<ReferenceInfo>, Problem> {
    let mut change = Change::start(&broker, Action::ReferencePut, &id).await?;
    change.draft.subject = Some(name.clone());
    check_reference(&change, &name, request.values.clone()).await?;
    if let Some(reason) = unsigned(&request.values) {
        change.draft.reason = reason;
    }
    let put = change.open.vault.put_reference(
        &name,
        &request.values,
        request.expected_version,
        change.draft.clone(),
    );
    match put.await {
        Ok(set) => Ok(Json(set.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// Why values that nobody signed were accepted, for the record: the reasons that the administrator gave.
fn unsigned(values: &[ReferenceValue]) -> Option<String> {
    let reasons = values.iter().filter_map(|value| match &value.signer {
        Some(ReferenceSigner::Unsigned { unsigned }) => Some(unsigned.as_str()),
        _ => None,
    });
    let reasons: BTreeSet<&str> = reasons.collect();
    let named: Vec<&str> = reasons.iter().copied().take(MAX_REASONS).collect();
    (!named.is_empty()).then(|| format!("unsigned reference values: {}", named.join("; ")))
}

/// Refuses a set that cannot stand together with the others.
pub(super) async fn check_reference(
    change: &Change,
    name: &str,
    values: Vec<ReferenceValue>,
) -> Result<(), Problem> {
    let stored = change.open.vault.references().await.map_err(|e| failed(&e))?;
    let others = stored.into_iter().filter(|set| set.name != name);
    let mut sets: Vec<_> = others.map(|set| rules::reference_set(set.name, set.values)).collect();
    sets.push(rules::reference_set(name.to_owned(), values));
    let Err(error) = References::new(sets) else { return Ok(()) };
    Err(change.refuse(Code::MalformedRequest, "ReferenceMalformed", error.to_string()).await)
}

/// `GET references`.
pub(crate) async fn list_references(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<ReferenceInfo>>, Problem> {
    let open = broker.open().await?;
    let sets = open.vault.references().await.map_err(|e| failed(&e))?;
    Ok(Json(sets.into_iter().map(ReferenceInfo::from).collect()))
}

/// Query of `GET references/{name}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    version: Option<u64>,
}

/// `GET references/{name}?version=`: the newest version unless one is named.
pub(crate) async fn get_reference(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Query(Version { version }): Query<Version>,
) -> Result<Json<ReferenceInfo>, Problem> {
    let open = broker.open().await?;
    let set = open.vault.reference(&name, version).await.map_err(|e| failed(&e))?;
    set.map(|set| Json(set.into())).ok_or_else(|| Code::NotFound.into())
}

/// Query of `GET references/{name}/versions`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Before {
    pub(super) before: Option<u64>,
}

/// `GET references/{name}/versions?before=`: newest first, a page of them.
pub(crate) async fn reference_versions(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<Vec<RuleVersion>>, Problem> {
    let open = broker.open().await?;
    let versions = open.vault.rule_history(RuleKind::Reference, &name, before).await;
    let versions = versions.map_err(|e| failed(&e))?;
    if versions.is_empty() && before.is_none() { Err(Code::NotFound.into()) } else { Ok(Json(versions)) }
}
