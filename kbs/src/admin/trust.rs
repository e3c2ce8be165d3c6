//! What the broker trusts, as it was adopted or approved last.

use super::Administrator;
use super::change::failed;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use hanzo_kbs_protocol::TrustInfo;
use std::sync::Arc;

/// `GET trust`.
pub(crate) async fn get_trust(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<TrustInfo>, Problem> {
    let open = broker.open().await?;
    let approved = open.vault.trust().await.map_err(|e| failed(&e))?.ok_or(Code::NotFound)?;
    let in_force = broker.trust() == Some(approved.document.as_str());
    let document = serde_json::from_str(&approved.document).map_err(|e| failed(&e))?;
    let (version, digest, decision) = (approved.version, approved.digest, approved.decision);
    let created_at = approved.created_at;
    Ok(Json(TrustInfo { version, digest, decision, created_at, in_force, document }))
}
