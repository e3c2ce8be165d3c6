//! Policies: checked as a whole before one is put, so that the stored ones always compile together.

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::replay::{Tried, Window, replay};
use crate::request_id::RequestId;
use crate::rules;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{PolicyInfo, PutPolicy};
use hanzo_policy::replay::{Answer, Counts};
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
    let policies = check_policy(&change, &name, &request.text).await?;
    if request.if_no_flips
        && let Some(reason) = flips(&broker, &change, policies).await?
    {
        return Err(change.refuse(Code::Conflict, "PolicyFlips", reason).await);
    }
    let put =
        change.open.vault.put_policy(&name, &request.text, request.expected_version, change.draft.clone());
    match put.await {
        Ok(policy) => Ok(Json(policy.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// Rows at the end of the record that a put with `if_no_flips` is held against: what is made again within one
/// request.
const HELD_AGAINST: u64 = 100_000;
/// Most flips that a refusal names.
const NAMED: usize = 8;

/// What a candidate would decide otherwise than the rules in force, in one text; `None` if nothing.
async fn flips(broker: &Broker, change: &Change, policies: Policies) -> Result<Option<String>, Problem> {
    let head = change.open.vault.head().await.map_err(|e| failed(&e))?;
    let after = head.seq.saturating_sub(HELD_AGAINST);
    let window = Window { after, since: None, until: None, most: HELD_AGAINST };
    let tried = Arc::new(Tried { policies, references: None });
    let report = replay(broker.judge(), &change.open, tried, window).await?.report;
    if report.no_flips() {
        return Ok(None);
    }
    let differs = report.flips.iter().filter(|flip| {
        (flip.in_force == Answer::Granted.name()) != (flip.candidate == Answer::Granted.name())
    });
    let named = differs.take(NAMED).map(|flip| {
        format!("decision {} about {}: {} becomes {}", flip.decision, flip.key, flip.in_force, flip.candidate)
    });
    let Counts { to_granted, to_refused } = report.from_in_force;
    let named: Vec<String> = named.collect();
    Ok(Some(format!(
        "{to_granted} decisions would become grants and {to_refused} refusals: {}",
        named.join("; ")
    )))
}

/// Compiles a text together with the other policies, or refuses it.
pub(super) async fn check_policy(change: &Change, name: &str, text: &str) -> Result<Policies, Problem> {
    let stored = change.open.vault.policies().await.map_err(|e| failed(&e))?;
    let others = stored.into_iter().filter(|policy| policy.name != name);
    let mut sources: Vec<PolicySource> = others.map(rules::source).collect();
    sources.push(PolicySource { name: name.to_owned(), version: 0, text: text.to_owned() });
    let problems = match Policies::compile(&sources) {
        Ok(policies) => return Ok(policies),
        Err(problems) => problems,
    };
    let lines =
        problems.iter().take(16).map(|p| format!("{}:{}:{}: {}", p.policy, p.line, p.column, p.message));
    let reason = lines.collect::<Vec<_>>().join("; ");
    Err(change.refuse(Code::MalformedRequest, "PolicyMalformed", reason).await)
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
