//! Why a decision came out as it did, and the smallest change that would turn it.
//!
//! Nothing here guesses. A decision is made again from its [`NodeFacts`]; each condition of each policy is
//! asked by itself; and a change is proposed only after the decision was made again with it and came out
//! the other way. Where no change is found, that is the answer.
//!
//! ```
//! # use hanzo_policy::*;
//! # use hanzo_policy::explain::{By, Change, Situation, explain};
//! let case = TestCase::read(br#"{
//!     "name": "a new image", "expect": "granted",
//!     "node": {
//!         "tee": "sev-snp",
//!         "measurement": "222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222"
//!     },
//!     "key": { "id": "acme/disk", "minimum_tier": 2 }
//! }"#).unwrap().remove(0);
//! let policies = Policies::compile(&[PolicySource {
//!     name: "images".into(),
//!     version: 1,
//!     text: r#"permit (principal, action == Action::"release", resource in Tenant::"acme")
//!              when { principal.measurement in ReferenceSet::"images" };"#.into(),
//! }]).unwrap();
//! let (facts, scope) = (case.facts().unwrap(), case.scope());
//! let explanation = explain(&Situation {
//!     facts: &facts,
//!     scope: &scope,
//!     policies: &policies,
//!     references: &References::new(vec![]).unwrap(),
//!     at: case.circumstances(hanzo_attestation_evidence::UnixTime::parse("2026-11-01T00:00:00Z").unwrap()),
//! }).unwrap();
//! assert_eq!(explanation.code, "MeasurementUnknown");
//! let smallest = &explanation.proposals[0].changes;
//! assert!(matches!(&smallest[0].change, Change::Reference { set, .. } if set == "images"));
//! assert_eq!(smallest[0].by, By::Administrator);
//! ```

mod appraisal;
mod candidates;
mod change;
mod condition;
mod expression;
mod facts;
mod grants;
mod search;
mod tree;
mod world;

pub use appraisal::{Appraised as ExplainedAppraisal, explain_appraisal};
pub use change::{By, Change, Proposal, ProposedChange};
pub use facts::{FactsError, MAX_FACTS, NodeFacts};
pub use tree::{Mark, Step};

use crate::circumstances::Circumstances;
use crate::decide::decide;
use crate::decision::Denial;
use crate::permit::KeyScope;
use crate::policies::Policies;
use crate::references::References;
use serde::{Deserialize, Serialize};
use world::World;

/// Everything that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The node.
    pub facts: &'a NodeFacts,
    /// The key and its demands.
    pub scope: &'a KeyScope,
    /// The policies.
    pub policies: &'a Policies,
    /// The reference values.
    pub references: &'a References,
    /// When, and how much of the key is out.
    pub at: Circumstances,
}

/// A decision, made again and taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// Yes or no.
    pub granted: bool,
    /// `Granted`, or the code of the broken rule.
    pub code: String,
    /// The cause, in one sentence.
    pub message: String,
    /// The causes, one each, or the policies that permitted.
    pub reasons: Vec<String>,
    /// The rules that were asked, each with its answer.
    pub steps: Vec<Step>,
    /// What would turn the decision, smallest first; each was tried. Empty: nothing that was tried does.
    pub proposals: Vec<Proposal>,
    /// How many changes were tried.
    pub tried: usize,
}

/// Makes the decision again, and says why.
///
/// # Errors
/// [`FactsError`] if the node cannot be described to the policy engine.
pub fn explain(situation: &Situation<'_>) -> Result<Explanation, FactsError> {
    let Situation { facts, scope, policies, references, at } = *situation;
    let node = facts.node();
    let decided = decide(&node, scope, policies, references, at);
    let steps = tree::steps(situation, &node);
    let found = search::search(World::of(situation), decided.is_ok());
    let (granted, code, message, reasons) = match decided {
        Ok(decided) => {
            let names = decided.permitted_by.iter().map(|name| format!("policy `{name}` permits"));
            let message = format!("the key {} is granted at tier {}", scope.key, facts.tier());
            (true, "Granted".to_owned(), message, names.collect())
        }
        Err(Denial { code, message, reasons }) => (false, code.to_owned(), message, reasons),
    };
    Ok(Explanation { granted, code, message, reasons, steps, proposals: found.proposals, tried: found.tried })
}

#[cfg(test)]
mod tests;
