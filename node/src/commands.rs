//! One file a verb.

pub(crate) mod agent;
pub(crate) mod attest;
pub(crate) mod completion;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod identity;
pub(crate) mod secret;
pub(crate) mod tpm;

use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use hanzo_node_agent::Refusal;
use hanzo_node_attester::{EvidenceSource as _, Identified, Source, WithTpm};
use serde_json::{Value, json};
use std::path::Path;

/// Where this machine's filesystem begins.
const ROOT: &str = "/";

/// Says clearly what cannot be proved, where that is so.
fn remark_on(source: &Identified<WithTpm<Source>>) {
    let (beneath, tpm) = (source.source().source(), source.source().tpm());
    let absent = tpm.and_then(|tpm| Some((tpm, tpm.seen().missing("TPM")?)));
    if let Some((tpm, why)) = &absent {
        let tcti = &tpm.settings().tcti;
        output::remark(&format!("the TPM that is configured is not there ({tcti}: {why}): no quote of it"));
    }
    match beneath {
        Source::Nothing if tpm.is_some() && absent.is_none() => output::remark(
            "this machine has no CPU TEE: its TPM's quote is all that it can prove, tier 2 for keys that demand none",
        ),
        Source::Nothing => {
            let missing = hanzo_node_attester::detect(Path::new(ROOT)).missing(2);
            let proved = match source.identity() {
                None => "the evidence is empty, and the tier is 0".to_owned(),
                Some(identity) => {
                    format!("the identity `{}` is all that it can prove, tier 1", identity.key_id())
                }
            };
            output::remark(&format!("this machine has no evidence source: {proved} (missing: {missing})"));
        }
        Source::LabSocket(_) => {
            output::remark(&format!("evidence from {}: it proves nothing in production", source.name()));
        }
        Source::ConfigfsTsm(_) | Source::SevGuest(_) => {}
    }
}

/// The broker's no as the answer of a verb, with a remark that explains it.
fn answer_denied(refusal: &Refusal, explanation: &str, format: Format) -> Result<Answer, Failure> {
    match format {
        Format::Table => output::result(&denied(refusal))?,
        Format::Json => output::json(&denied_value(refusal))?,
    }
    output::remark(explanation);
    Ok(Answer::No)
}

/// The broker's no, for programs.
fn denied_value(Refusal { code, decision }: &Refusal) -> Value {
    json!({"outcome": "denied", "code": code, "decision": decision})
}

/// The broker's no, in one line.
fn denied(Refusal { code, decision }: &Refusal) -> String {
    match decision {
        Some(seq) => format!("DENIED {code} (decision {seq})"),
        None => format!("DENIED {code}"),
    }
}
