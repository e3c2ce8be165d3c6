//! `POST policies-replay`, and the candidate beside the rules in force: `PUT`, `GET`, `DELETE
//! policies-shadow`.

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::replay::{Tried, Window, replay};
use crate::request_id::RequestId;
use crate::shadow::count;
use axum::extract::State;
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{Candidate, ReplayAnswer, ReplayRequest, ShadowInfo};
use std::sync::Arc;

/// Most decisions that one call makes again: the caller asks for the next part then.
const PART: u64 = 20_000;

/// Makes recorded decisions again by other rules. Nothing changes.
pub(crate) async fn replay_policies(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Message(request): Message<ReplayRequest>,
) -> Result<Json<ReplayAnswer>, Problem> {
    let open = broker.open().await?;
    let ReplayRequest { candidate, since, until, after } = request;
    let tried = compiled(candidate)?;
    let window = Window { after, last: u64::MAX, since, until, most: PART };
    let part = replay(broker.judge(), &open, Arc::new(tried), window).await?;
    let report = serde_json::to_value(part.report).map_err(|e| failed(&e))?;
    Ok(Json(ReplayAnswer { report, next: part.next }))
}

fn compiled(candidate: Candidate) -> Result<Tried, Problem> {
    Tried::compile(candidate).map_err(|reason| Problem::new(Code::MalformedRequest).detail(reason))
}

/// Sets a candidate beside the rules in force.
pub(crate) async fn put_shadow(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(candidate): Message<Candidate>,
) -> Result<Json<ShadowInfo>, Problem> {
    let change = Change::start(&broker, Action::PolicyShadow, &id).await?;
    let text = serde_json::to_string(&candidate).map_err(|e| failed(&e))?;
    let tried = match Tried::compile(candidate) {
        Ok(tried) => tried,
        Err(reason) => return Err(change.refuse(Code::MalformedRequest, "PolicyMalformed", reason).await),
    };
    let mut decision = change.draft.clone();
    decision.policy_digest = Some(tried.policies.digest());
    decision.reference_digest = tried.references.as_ref().map(hanzo_policy::References::digest);
    change.open.vault.put_shadow(text, decision).await.map_err(|e| failed(&e))?;
    shown(&broker).await
}

/// What the candidate would have decided otherwise so far; a part of it where much was decided since the last look.
pub(crate) async fn get_shadow(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<ShadowInfo>, Problem> {
    shown(&broker).await
}

/// Takes the candidate away.
pub(crate) async fn delete_shadow(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
) -> Result<Json<ShadowInfo>, Problem> {
    let change = Change::start(&broker, Action::PolicyShadow, &id).await?;
    change.open.vault.clear_shadow(change.draft.clone()).await.map_err(|e| failed(&e))?;
    shown(&broker).await
}

async fn shown(broker: &Broker) -> Result<Json<ShadowInfo>, Problem> {
    let open = broker.open().await?;
    let Some(counted) = count(broker.judge(), &open).await? else { return Ok(Json(ShadowInfo::default())) };
    let report = serde_json::to_value(counted.report).map_err(|e| failed(&e))?;
    Ok(Json(ShadowInfo {
        active: true,
        policies: counted.names,
        since: Some(counted.since),
        seen: Some(counted.seen),
        more: counted.more,
        report: Some(report),
    }))
}
