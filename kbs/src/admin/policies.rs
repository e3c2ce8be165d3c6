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
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{HeldAgainst, PolicyInfo, PutPolicy};
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
    let limit = limit(&request)?;
    let policies = check_policy(&change, &name, &request.text).await?;
    let mut held_against = None;
    if request.if_no_flips {
        let (held, flips) = flips(&broker, &change, policies, limit, request.since).await?;
        change.draft.reason = held_in_words(&held);
        if let Some(flips) = flips {
            let reason = format!("{flips} ({})", held_in_words(&held));
            return Err(change.refuse(Code::Conflict, "PolicyFlips", reason).await);
        }
        held_against = Some(held);
    }
    let put =
        change.open.vault.put_policy(&name, &request.text, request.expected_version, change.draft.clone());
    match put.await {
        Ok(policy) => Ok(Json(PolicyInfo { held_against, ..policy.into() })),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// Rows at the end of the record that a put with `if_no_flips` is held against unless another number is asked for.
const HELD_AGAINST: u64 = 100_000;
/// Most of them: a request has 15 seconds, and reading 100,000 rows of 3.4 KB took SQLite 1.6 of them.
const MOST_HELD_AGAINST: u64 = 400_000;

/// How many rows to look at.
fn limit(request: &PutPolicy) -> Result<u64, Problem> {
    let wrong = |reason: String| Err(Problem::new(Code::MalformedRequest).detail(reason));
    if !request.if_no_flips && (request.limit.is_some() || request.since.is_some()) {
        return wrong("`since` and `limit` say what `if_no_flips` looks at".to_owned());
    }
    match request.limit.unwrap_or(HELD_AGAINST) {
        limit @ 1..=MOST_HELD_AGAINST => Ok(limit),
        _ => wrong(format!("`limit` is 1 to {MOST_HELD_AGAINST}")),
    }
}

/// What was looked at, and what was not.
fn held_in_words(held: &HeldAgainst) -> String {
    let HeldAgainst { first, last, older, since, decisions, not_kept, unknown } = held;
    let since = since.map(|since| format!(", of decisions since {since}")).unwrap_or_default();
    format!(
        "held against rows {first} to {last} of the record{since}: {decisions} decisions made again, {not_kept} no \
         longer kept, {unknown} unknown; {older} older rows were not looked at"
    )
}
/// Most flips that a refusal names.
const NAMED: usize = 8;

/// What a candidate would decide otherwise than the rules in force, in one text, `None` if nothing; and what was
/// looked at.
async fn flips(
    broker: &Broker,
    change: &Change,
    policies: Policies,
    limit: u64,
    since: Option<UnixTime>,
) -> Result<(HeldAgainst, Option<String>), Problem> {
    let last = change.open.vault.head().await.map_err(|e| failed(&e))?.seq;
    let older = last.saturating_sub(limit);
    let window = Window { after: older, last, since, until: None, most: limit };
    let tried = Arc::new(Tried { policies, references: None });
    let report = replay(broker.judge(), &change.open, tried, window).await?.report;
    let (first, decisions) = (older.saturating_add(1), report.decisions);
    let (not_kept, unknown) = (report.not_kept, report.unknown);
    let held = HeldAgainst { first, last, older, since, decisions, not_kept, unknown };
    if report.no_flips() {
        return Ok((held, None));
    }
    let differs = report.flips.iter().filter(|flip| {
        (flip.in_force == Answer::Granted.name()) != (flip.candidate == Answer::Granted.name())
    });
    let named = differs.take(NAMED).map(|flip| {
        format!("decision {} about {}: {} becomes {}", flip.decision, flip.key, flip.in_force, flip.candidate)
    });
    let Counts { to_granted, to_refused } = report.from_in_force;
    let named: Vec<String> = named.collect();
    let flips =
        format!("{to_granted} decisions would become grants and {to_refused} refusals: {}", named.join("; "));
    Ok((held, Some(flips)))
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
