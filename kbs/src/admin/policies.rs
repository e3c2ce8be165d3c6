//! Policies: checked as a whole before one is put, so that the stored ones always compile together.

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
use hanzo_kbs_protocol::{PolicyInfo, PutPolicy};
use hanzo_policy::{Policies, PolicySource};
use serde::Deserialize;
use std::sync::Arc;

/// `PUT policies/{name}`.
pub(crate) async fn put_policy(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<PutPolicy>,
) -> Result<Json<PolicyInfo>, Problem> {
    let mut change = Change::start(&broker, Action::PolicyPut, &id).await?;
    change.draft.subject = Some(name.clone());
    let stored = change.open.vault.policies().await.map_err(|e| failed(&e))?;
    let others = stored.into_iter().filter(|policy| policy.name != name);
    let mut sources: Vec<PolicySource> = others.map(rules::source).collect();
    sources.push(PolicySource { name: name.clone(), version: 0, text: request.text.clone() });
    if let Err(problems) = Policies::compile(&sources) {
        let lines =
            problems.iter().take(16).map(|p| format!("{}:{}:{}: {}", p.policy, p.line, p.column, p.message));
        let reason = lines.collect::<Vec<_>>().join("; ");
        return Err(change.refuse(Code::MalformedRequest, "PolicyMalformed", reason).await);
    }
    let put =
        change.open.vault.put_policy(&name, &request.text, request.expected_version, change.draft.clone());
    match put.await {
        Ok(policy) => Ok(Json(policy.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// `GET policies`: names and versions, without texts.
pub(crate) async fn list_policies(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<PolicyInfo>>, Problem> {
    let open = broker.open().await?;
    let policies = open.vault.policies().await.map_err(|e| failed(&e))?;
    Ok(Json(policies.into_iter().map(|policy| PolicyInfo { text: None, ..policy.into() }).collect()))
}

/// Query of `GET policies/{name}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    version: Option<u64>,
}

/// `GET policies/{name}?version=`: with its text; the newest unless a version is named.
pub(crate) async fn get_policy(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Query(Version { version }): Query<Version>,
) -> Result<Json<PolicyInfo>, Problem> {
    let open = broker.open().await?;
    let policy = open.vault.policy(&name, version).await.map_err(|e| failed(&e))?;
    policy.map(|policy| Json(policy.into())).ok_or_else(|| Code::NotFound.into())
}
