//! `GET audit/{seq}/explanation`: why a decision came out as it did. For the operator alone.

use super::Administrator;
use super::change::failed;
use crate::broker::{Broker, Unsealed};
use crate::kept::read_proof;
use crate::problem::{Code, Problem};
use crate::{explain, rules};
use axum::Json;
use axum::extract::{Path, State};
use hanzo_kbs_log::{Decision, Outcome};
use hanzo_kbs_protocol::{Basis, ExplainedDecision};
use hanzo_kbs_vault::{KeptKind, KeptRow};
use hanzo_policy::explain::{Mark, Situation, Step, explain as explained};
use hanzo_policy::{Circumstances, Explanation, KeyId, KeyScope, NodeFacts, Policies, Tier};
use std::sync::Arc;

/// Makes the decision again. What is no longer kept is explained by its row.
pub(crate) async fn explanation(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(seq): Path<u64>,
) -> Result<Json<ExplainedDecision>, Problem> {
    let open = broker.open().await?;
    let row = open.vault.decision(seq).await.map_err(|e| failed(&e))?.ok_or(Code::NotFound)?;
    let kept = match row.entry.facts_digest {
        Some(digest) => open.vault.kept(&digest).await.map_err(|e| failed(&e))?,
        None => None,
    };
    let gone = row.entry.facts_digest.is_some() && kept.is_none();
    let mut waivers = explain::waivers(&row);
    let (basis, explanation, note) = match kept {
        Some(KeptRow { kind: KeptKind::Facts, body, .. }) => from_facts(&broker, &open, &row, body).await?,
        Some(KeptRow { kind: KeptKind::Proof, body, .. }) => {
            let (made, of_proof) = from_proof(&broker, &open, &row, body).await?;
            waivers.extend(of_proof);
            made
        }
        None if gone => {
            (Basis::Record, from_row(&row), Some("what it rested on is no longer kept".to_owned()))
        }
        None => (Basis::Record, from_row(&row), None),
    };
    let entry = row.entry;
    Ok(Json(ExplainedDecision {
        decision: row.seq,
        at: entry.at,
        action: entry.action.name().to_owned(),
        granted: entry.outcome == Outcome::Granted,
        code: entry.code,
        reason: entry.reason,
        key_id: entry.key_id,
        basis,
        notes: note.into_iter().collect(),
        waivers,
        explanation: serde_json::to_value(explanation).map_err(|e| failed(&e))?,
    }))
}

type Made = (Basis, Explanation, Option<String>);

fn from_row(row: &Decision) -> Explanation {
    let granted = row.entry.outcome == Outcome::Granted;
    let recorded = explain::recorded(row);
    let steps = recorded.steps.into_iter().map(|step| Step { mark: Mark::from(granted), ..step }).collect();
    Explanation { granted, steps, ..recorded }
}

async fn from_facts(
    broker: &Broker,
    open: &Unsealed,
    row: &Decision,
    body: Vec<u8>,
) -> Result<Made, Problem> {
    let by_row = |note: &str| Ok((Basis::Record, from_row(row), Some(note.to_owned())));
    let entry = &row.entry;
    let (Some(key), Some(epoch), Some(minimum)) = (&entry.key_id, entry.rules_epoch, entry.minimum_tier)
    else {
        return by_row("there was no such key, so no policy was asked about it");
    };
    let key = KeyId::parse(key).map_err(|e| failed(&e))?;
    let Some(scope) = open.vault.key_scope(&key).await.map_err(|e| failed(&e))? else {
        return by_row("there is no such key any more");
    };
    let minimum = Tier::from_number(minimum).map_err(|e| failed(&e))?;
    let scope = KeyScope { minimum, ..scope };
    let stored = open.vault.rules_at(epoch).await.map_err(|e| failed(&e))?;
    let at = Circumstances { now: entry.at, live_grants: entry.live_grants };
    let digests = (entry.policy_digest, entry.reference_digest);
    let made = broker.judge().run(move |_| {
        let sources: Vec<_> = stored.policies.into_iter().map(rules::source).collect();
        let policies = Policies::compile(&sources)
            .map_err(|_| "the policies of then no longer compile with this broker".to_owned())?;
        let references = rules::index(stored.references).map_err(|error| error.to_string())?;
        if digests != (Some(policies.digest()), Some(references.digest())) {
            return Err("the policies and references of then are not those that the row names".to_owned());
        }
        let facts = NodeFacts::read(&body).map_err(|error| error.to_string())?;
        let situation =
            Situation { facts: &facts, scope: &scope, policies: &policies, references: &references, at };
        explained(&situation).map_err(|error| error.to_string())
    });
    let made = match made.await? {
        Ok(made) => made,
        Err(note) => return by_row(&note),
    };
    if made.granted == (entry.outcome == Outcome::Granted) {
        return Ok((Basis::Facts, made, None));
    }
    // The policies had said yes, and something after them no: what the row names.
    let after = explain::recorded(row);
    let steps = made.steps.into_iter().chain(after.steps).collect();
    let note = "the policies permitted it; what came after them did not".to_owned();
    Ok((Basis::Facts, Explanation { steps, proposals: Vec::new(), ..after }, Some(note)))
}

async fn from_proof(
    broker: &Broker,
    open: &Unsealed,
    row: &Decision,
    body: Vec<u8>,
) -> Result<(Made, Vec<String>), Problem> {
    let proof = read_proof(&body).map_err(|e| failed(&e))?;
    let (activation, row) = (open.activation.clone(), row.clone());
    let made = broker.judge().run(move |grounds| {
        let roots = grounds.roots.clone().with_activation_key(activation);
        let waivers = explain::proof_waivers(grounds, &roots, &proof, row.entry.at);
        (explain::refused_proof(grounds, &roots, &proof, &row), waivers)
    });
    let ((explanation, note), waivers) = made.await?;
    Ok(((Basis::Proof, explanation, note), waivers))
}
