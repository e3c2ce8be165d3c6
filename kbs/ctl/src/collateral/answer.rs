//! What a change of a store answers, as JSON and for people.

use crate::output::{Sheet, Show};
use hanzo_attestation_collateral::Change;
use hanzo_attestation_evidence::{Hex, Rule};
use serde::Serialize;
use std::fmt::Display;

/// A change that was made.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    accepted: bool,
    bundle_id: String,
    sequence: u64,
    documents: usize,
    /// SHA-256 of the manifest that counts now.
    generation: Hex<32>,
    /// Keys that signed it.
    signers: Vec<Hex<32>>,
}

impl From<Change> for Changed {
    fn from(change: Change) -> Self {
        let Change { generation, bundle_id, sequence, documents, signers } = change;
        Self { accepted: true, bundle_id, sequence, documents, generation, signers }
    }
}

impl Show for Changed {
    fn sheet(&self) -> Sheet {
        let signers: Vec<String> = self.signers.iter().map(ToString::to_string).collect();
        Sheet::new().facts([
            ("bundle", self.bundle_id.clone()),
            ("sequence", self.sequence.to_string()),
            ("documents", self.documents.to_string()),
            ("generation", self.generation.to_string()),
            ("signed by", if signers.is_empty() { "nobody".to_owned() } else { signers.join(", ") }),
        ])
    }
}

/// A change that was refused.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    accepted: bool,
    rule: &'static str,
    code: &'static str,
    reason: String,
}

impl Refused {
    pub(super) fn new(rule: Rule, reason: &impl Display) -> Self {
        Self { accepted: false, rule: rule.id, code: rule.code, reason: reason.to_string() }
    }
}

impl Show for Refused {
    fn sheet(&self) -> Sheet {
        Sheet::new()
            .line("REFUSED: nothing was changed")
            .facts([("rule", format!("{} {}", self.rule, self.code)), ("reason", self.reason.clone())])
    }
}
