//! Keys and secrets: made, imported and listed. Their material never leaves by this door.

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{CreateKey, KeyInfo, KeyKind, PutSecret};
use hanzo_policy::{KeyId, KeyScope, Tier};
use std::sync::Arc;

/// `POST keys`: the broker makes a key.
pub(crate) async fn create_key(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<CreateKey>,
) -> Result<(StatusCode, Json<KeyInfo>), Problem> {
    let key = key_id(&request.id)?;
    let mut change = Change::start(&broker, Action::KeyCreate, &id).await?;
    change.draft.tenant = Some(key.tenant().to_owned());
    change.draft.key_id = Some(key.as_str().to_owned());
    change.draft.minimum_tier = Some(request.minimum_tier);
    let scope = scope(key, request.minimum_tier, request.require_cpu_tee)?;
    match change.open.vault.create_key(&scope, request.algorithm, change.draft.clone()).await {
        Ok(info) => Ok((StatusCode::CREATED, Json(info))),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// `GET keys`: generated keys and imported secrets, by id.
pub(crate) async fn list_keys(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<KeyInfo>>, Problem> {
    let open = broker.open().await?;
    open.vault.list_keys().await.map(Json).map_err(|e| failed(&e))
}

/// `GET secrets`: imported secrets alone.
pub(crate) async fn list_secrets(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<KeyInfo>>, Problem> {
    let open = broker.open().await?;
    let keys = open.vault.list_keys().await.map_err(|e| failed(&e))?;
    Ok(Json(keys.into_iter().filter(|key| key.kind == KeyKind::Secret).collect()))
}

/// `GET keys/{tenant}/{name}`.
pub(crate) async fn get_key(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Json<KeyInfo>, Problem> {
    let key = KeyId::parse(&format!("{tenant}/{name}")).map_err(|_| Code::NotFound)?;
    let open = broker.open().await?;
    let info = open.vault.key(&key).await.map_err(|e| failed(&e))?;
    info.map(Json).ok_or_else(|| Code::NotFound.into())
}

/// `PUT secrets/{tenant}/{name}`: a value from outside, or its next version.
pub(crate) async fn put_secret(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path((tenant, name)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<PutSecret>,
) -> Result<Json<KeyInfo>, Problem> {
    let key = key_id(&request.id)?;
    if request.id != format!("{tenant}/{name}") {
        return Err(Problem::new(Code::MalformedRequest).detail("`id` is not the id in the path"));
    }
    let mut change = Change::start(&broker, Action::SecretPut, &id).await?;
    change.draft.tenant = Some(key.tenant().to_owned());
    change.draft.key_id = Some(key.as_str().to_owned());
    change.draft.minimum_tier = Some(request.minimum_tier);
    let scope = scope(key, request.minimum_tier, request.require_cpu_tee)?;
    match change.open.vault.put_secret(&scope, request.value.into_zeroizing(), change.draft.clone()).await {
        Ok(info) => Ok(Json(info)),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

fn scope(key: KeyId, minimum_tier: u8, require_cpu_tee: bool) -> Result<KeyScope, Problem> {
    let minimum = Tier::from_number(minimum_tier).map_err(|_| Code::MalformedRequest)?;
    Ok(KeyScope { key, minimum, require_cpu_tee })
}

/// An administrator's key id; the error quotes at most one character of it.
fn key_id(text: &str) -> Result<KeyId, Problem> {
    KeyId::parse(text).map_err(|error| Problem::new(Code::MalformedRequest).detail(format!("`id`: {error}")))
}
