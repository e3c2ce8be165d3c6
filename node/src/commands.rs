//! One file a verb.

pub(crate) mod agent;
pub(crate) mod attest;
pub(crate) mod completion;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod secret;

use crate::output;
use hanzo_node_agent::Refusal;
use hanzo_node_attester::{EvidenceSource as _, Source};
use std::path::Path;

/// Where this machine's filesystem begins.
const ROOT: &str = "/";

/// Says clearly that nothing can be proved, where that is so.
fn remark_on(source: &Source) {
    match source {
        Source::Nothing => {
            let seen = hanzo_node_attester::detect(Path::new(ROOT));
            let missing = seen.tiers.iter().find(|gap| gap.tier == 2).map(|gap| gap.missing.join("; "));
            output::remark(&format!(
                "this machine has no evidence source: the evidence is empty, and the tier is 0 (missing: {})",
                missing.unwrap_or_default()
            ));
        }
        Source::LabSocket(_) => {
            output::remark(&format!("evidence from {}: it proves nothing in production", source.name()));
        }
        Source::ConfigfsTsm(_) | Source::SevGuest(_) => {}
    }
}

/// The broker's no, in one line.
fn denied(Refusal { code, decision }: &Refusal) -> String {
    match decision {
        Some(seq) => format!("DENIED {code} (decision {seq})"),
        None => format!("DENIED {code}"),
    }
}
