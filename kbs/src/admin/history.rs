//! Signed history of policies and reference sets.

use super::Administrator;
use super::change::failed;
use super::references::Before;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::{Path, Query, State};
use hanzo_kbs_protocol::{Checkpoint, HistoryStatement, RuleName, SignedHistory};
use hanzo_kbs_vault::rows::RuleKind;
use std::sync::Arc;

/// `GET policies/{name}/statement?before=`: a page of its versions, signed.
pub(crate) async fn policy_statement(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<SignedHistory>, Problem> {
    state(&broker, RuleName::Policy, name, before).await
}

/// `GET references/{name}/statement?before=`: the same of a reference set.
pub(crate) async fn reference_statement(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<SignedHistory>, Problem> {
    state(&broker, RuleName::Reference, name, before).await
}

async fn state(
    broker: &Broker,
    kind: RuleName,
    name: String,
    before: Option<u64>,
) -> Result<Json<SignedHistory>, Problem> {
    let open = broker.open().await?;
    let stored = match kind {
        RuleName::Policy => RuleKind::Policy,
        RuleName::Reference => RuleKind::Reference,
    };
    let mut versions = open.vault.rule_history(stored, &name, before).await.map_err(|e| failed(&e))?;
    if versions.is_empty() {
        return Err(Code::NotFound.into());
    }
    versions.reverse();
    // Read after the versions: the record never ends before a row that one of them names.
    let head = open.vault.head().await.map_err(|e| failed(&e))?;
    let statement = HistoryStatement {
        iss: broker.issuer().to_owned(),
        iat: broker.now()?,
        kind,
        name,
        versions,
        head: Checkpoint { seq: head.seq, hash: head.hash },
    };
    let statement = open.tokens.state(&statement).map_err(|e| failed(&e))?;
    let keys = serde_json::from_value(open.tokens.jwks()).map_err(|e| failed(&e))?;
    Ok(Json(SignedHistory { statement, keys }))
}
