//! Changes that need several people. The administrator's credential carries them; what counts are the
//! signatures inside.

use super::Administrator;
use super::change::{Change, failed};
use super::policies::check_policy;
use super::references::check_reference;
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use hanzo_attestation_evidence::{Hex, encoding, json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::changes::reference_body;
use hanzo_kbs_protocol::{
    ApproveChange, BreakGlass, ChangeInfo, ChangeKind, ChangeState, ProposeChange, ReferenceValue,
    WithdrawChange,
};
use hanzo_kbs_vault::ChangeError;
use std::sync::Arc;

/// Longest name in a row of the record about a proposal: that of the longest id of a key.
const MAX_NAMED: usize = 255;

type Answer = Result<Json<ChangeInfo>, Problem>;

/// `POST changes`: a change, proposed and signed by its author.
pub(crate) async fn propose_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<ProposeChange>,
) -> Result<(StatusCode, Json<ChangeInfo>), Problem> {
    let mut change = Change::start(&broker, Action::ChangePropose, &id).await?;
    change.draft.subject = Some(request.name.chars().take(MAX_NAMED).collect());
    check_text(&change, request.kind, &request.name, &request.body).await?;
    let proposed = change.open.vault.propose(&request, change.draft.clone()).await;
    Ok((StatusCode::CREATED, answer(&change, proposed).await?))
}

/// `GET changes`: the newest ones, without their texts.
pub(crate) async fn list_changes(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<ChangeInfo>>, Problem> {
    let (open, now) = (broker.open().await?, broker.now()?);
    open.vault.changes(now).await.map(Json).map_err(|error| failed(&error))
}

/// `GET changes/{id}`: with its text.
pub(crate) async fn get_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
) -> Answer {
    let (open, now) = (broker.open().await?, broker.now()?);
    open.vault.change(&change_id(&change)?, now).await.map(Json).map_err(|error| not_found(&error))
}

/// `POST changes/{id}/approvals`: one person's approval.
pub(crate) async fn approve_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<ApproveChange>,
) -> Answer {
    let (id, change) = (change_id(&change)?, about(&broker, Action::ChangeApprove, &id, &change).await?);
    let approved = change.open.vault.approve(&id, &request, change.draft.clone()).await;
    answer(&change, approved).await
}

/// `POST changes/{id}/withdraw`: the author takes it back.
pub(crate) async fn withdraw_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<WithdrawChange>,
) -> Answer {
    let (id, change) = (change_id(&change)?, about(&broker, Action::ChangeWithdraw, &id, &change).await?);
    let withdrawn = change.open.vault.withdraw(&id, &request, change.draft.clone()).await;
    answer(&change, withdrawn).await
}

/// `POST changes/{id}/apply`: it becomes the rule, if enough have approved and its time has come.
pub(crate) async fn apply_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
    Extension(id): Extension<RequestId>,
) -> Answer {
    let (id, change) = (change_id(&change)?, about(&broker, Action::ChangeApply, &id, &change).await?);
    check_stored(&change, &id).await?;
    let applied = change.open.vault.apply_change(&id, change.draft.clone()).await;
    let answered = answer(&change, applied).await?;
    if answered.statement.kind == ChangeKind::Trust {
        tracing::warn!(change = %id, "another configuration is approved: it counts when the broker starts with it");
    }
    Ok(answered)
}

/// `POST changes/{id}/break-glass`: one person asks for it to be applied at once.
pub(crate) async fn break_glass(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<BreakGlass>,
) -> Answer {
    let (id, change) = (change_id(&change)?, about(&broker, Action::ChangeBreakGlass, &id, &change).await?);
    check_stored(&change, &id).await?;
    let asked = change.open.vault.break_glass(&id, &request, change.draft.clone()).await;
    let answered = answer(&change, asked).await?;
    if answered.state == ChangeState::Applied {
        tracing::error!(change = %id, approver = request.approver, "a change was applied without its quorum");
    }
    Ok(answered)
}

/// `POST changes/{id}/acknowledge`: one person has looked at what was applied at once.
pub(crate) async fn acknowledge_change(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(change): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<ApproveChange>,
) -> Answer {
    let (id, change) = (change_id(&change)?, about(&broker, Action::ChangeAcknowledge, &id, &change).await?);
    let acknowledged = change.open.vault.acknowledge(&id, &request, change.draft.clone()).await;
    answer(&change, acknowledged).await
}

async fn about(broker: &Broker, action: Action, id: &RequestId, change: &str) -> Result<Change, Problem> {
    let mut started = Change::start(broker, action, id).await?;
    started.draft.subject = Some(change.to_owned());
    Ok(started)
}

fn change_id(text: &str) -> Result<Hex<32>, Problem> {
    encoding::hex_array(text).map(Hex).map_err(|_| Code::NotFound.into())
}

async fn answer(change: &Change, done: Result<ChangeInfo, ChangeError>) -> Answer {
    match done {
        Ok(info) => Ok(Json(info)),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

fn not_found(error: &ChangeError) -> Problem {
    match error {
        ChangeError::Quorum(hanzo_kbs_vault::QuorumError::ChangeUnknown { .. }) => Code::NotFound.into(),
        error => failed(error),
    }
}

/// The other rules may be others by now: what is applied must compile with those of today.
async fn check_stored(change: &Change, id: &Hex<32>) -> Result<(), Problem> {
    match change.open.vault.change(id, change.draft.at).await {
        Ok(ChangeInfo { state: ChangeState::Open, statement, body: Some(body), .. }) => {
            check_text(change, statement.kind, &statement.name, &body).await
        }
        // What else is wrong with it the vault says, in its transaction.
        Ok(_) | Err(ChangeError::Quorum(_)) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

async fn check_text(change: &Change, kind: ChangeKind, name: &str, body: &str) -> Result<(), Problem> {
    match kind {
        ChangeKind::Policy => check_policy(change, name, body).await.map(drop),
        ChangeKind::Reference => check_values(change, name, body).await,
        // What these say the vault reads itself.
        ChangeKind::Key | ChangeKind::Inventory | ChangeKind::Trust => Ok(()),
    }
}

/// A reference set has one spelling, so that its digest is that of the set.
async fn check_values(change: &Change, name: &str, body: &str) -> Result<(), Problem> {
    let read: Result<Vec<ReferenceValue>, _> = json::from_slice(body.as_bytes());
    let reason = match &read {
        Ok(values) if reference_body(values).as_deref() == Ok(body) => None,
        Ok(_) => Some("the values are not in their RFC 8785 form".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    match (reason, read) {
        (None, Ok(values)) => check_reference(change, name, values).await,
        (reason, _) => {
            let reason = reason.unwrap_or_default();
            Err(change.refuse(Code::MalformedRequest, "ReferenceMalformed", reason).await)
        }
    }
}
