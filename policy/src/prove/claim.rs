//! One permit and what must be shown of it, for a solver.

use super::choices::Choice;
use super::mentions::Mentions;
use super::{Invariant, Method, PermitProof, Told, Verdict, exhaustive, found};
use cedar_policy::{Authorizer, Decision, Entities, PolicyId, PolicySet, Request};
use std::collections::BTreeMap;

/// What nodes of cases are like, beyond what is assumed of all: tried for a case that can be stated as a
/// file.
const LIKELY: [&str; 9] = [
    "(principal has snp) == [\"sev-snp\", \"az-snp-vtpm\"].contains(principal.tee)",
    "(principal has tdx) == [\"tdx\", \"az-tdx-vtpm\"].contains(principal.tee)",
    "(principal has sgx) == (principal.tee == \"sgx\")",
    "(principal has tpm) == [\"tpm\", \"az-snp-vtpm\", \"az-tdx-vtpm\"].contains(principal.tee)",
    "(principal has azure) == [\"az-snp-vtpm\", \"az-tdx-vtpm\"].contains(principal.tee)",
    "!(principal has tcb_date)",
    "!principal.tee_io",
    "principal.tier >= 0 && principal.tier <= 4",
    "!resource.require_cpu_tee || [\"sev-snp\", \"tdx\", \"sgx\"].contains(principal.tee)",
];

/// That one permit, with all that forbids beside it, releases nothing while the condition holds.
#[derive(Debug)]
pub struct Claim<'a> {
    invariant: &'a Invariant,
    permit: &'a Told,
    mentions: Mentions,
}

/// What the engine says of a case that a solver found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is one.
    Fails(Verdict),
    /// A policy cannot be evaluated in it, which a broker counts as a no: the error.
    Fault(String),
    /// It is none: what the engine says.
    Disagreement(String),
}

impl<'a> Claim<'a> {
    pub(super) fn new(invariant: &'a Invariant, permit: &'a Told) -> Self {
        Self { invariant, permit, mentions: mentions(invariant, [permit]) }
    }

    /// The permit, by its policy and line.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.permit.name
    }

    /// The permit and everything that forbids.
    ///
    /// # Errors
    /// Why they do not stand beside each other.
    pub fn releasing(&self) -> Result<PolicySet, String> {
        releasing(self.invariant, [self.permit])
    }

    /// What permits where the condition holds, of nodes and keys that there can be. It must have no request
    /// in common with [`Claim::releasing`].
    ///
    /// # Errors
    /// Why it is no set of policies.
    pub fn condition(&self) -> Result<PolicySet, String> {
        condition(self.invariant, &self.mentions, &[])
    }

    /// The same of fewer nodes: such as a case can state. A proof about those is none about all.
    ///
    /// # Errors
    /// Why it is no set of policies.
    pub fn likely_condition(&self) -> Result<PolicySet, String> {
        condition(self.invariant, &self.mentions, &LIKELY)
    }

    /// Decides by trying every combination; `combinations` is counted on.
    pub fn exhaustive(&self, combinations: &mut u64) -> PermitProof {
        let verdict = exhaustive::decide(self.invariant, self.permit, combinations);
        let undecided = matches!(verdict, Verdict::Undecided { .. });
        let method = if undecided { Method::Undecided } else { Method::Exhaustive };
        PermitProof { policy: self.permit.name.clone(), method, verdict, unproved: None }
    }

    /// Puts a case that a solver found to the engine that decides.
    #[must_use]
    pub fn judge(&self, request: &Request, entities: &Entities) -> Judged {
        let (releasing, condition) = match (self.releasing(), self.condition()) {
            (Ok(releasing), Ok(condition)) => (releasing, condition),
            (Err(error), _) | (_, Err(error)) => return Judged::Fault(error),
        };
        for (set, what) in [(releasing, "the policies refuse it"), (condition, "the condition does not hold")]
        {
            let response = Authorizer::new().is_authorized(request, &set, entities);
            if let Some(error) = response.diagnostics().errors().next() {
                return Judged::Fault(error.to_string());
            }
            if response.decision() != Decision::Allow {
                let by: Vec<String> = response.diagnostics().reason().map(PolicyId::to_string).collect();
                return Judged::Disagreement(format!("{what} {}", by.join(", ")));
            }
        }
        match self.values(request, entities) {
            Ok(values) => Judged::Fails(self.invariant.fails(self.permit, &values)),
            Err(why) => Judged::Disagreement(why),
        }
    }

    fn values(&self, request: &Request, entities: &Entities) -> Result<BTreeMap<String, Choice>, String> {
        found::values(&self.mentions, request, entities)
    }
}

/// Several permits at once: where they release nothing together while the condition holds, none of them does.
#[derive(Debug)]
pub struct Together<'a> {
    invariant: &'a Invariant,
    permits: &'a [Told],
}

impl<'a> Together<'a> {
    pub(super) const fn new(invariant: &'a Invariant, permits: &'a [Told]) -> Self {
        Self { invariant, permits }
    }

    /// The claims about each of them.
    pub fn claims(&self) -> impl Iterator<Item = Claim<'a>> + use<'a> {
        let invariant = self.invariant;
        self.permits.iter().map(|permit| Claim::new(invariant, permit))
    }

    /// As [`Claim::releasing`].
    ///
    /// # Errors
    /// Why they do not stand beside each other.
    pub fn releasing(&self) -> Result<PolicySet, String> {
        releasing(self.invariant, self.permits)
    }

    /// As [`Claim::condition`].
    ///
    /// # Errors
    /// Why it is no set of policies.
    pub fn condition(&self) -> Result<PolicySet, String> {
        condition(self.invariant, &mentions(self.invariant, self.permits), &[])
    }
}

fn mentions<'a>(invariant: &'a Invariant, permits: impl IntoIterator<Item = &'a Told>) -> Mentions {
    let mut mentions = Mentions::default();
    for told in permits.into_iter().chain(&invariant.forbids).chain([&invariant.guard]) {
        mentions.merge(&told.mentions);
    }
    mentions
}

fn releasing<'a>(
    invariant: &'a Invariant,
    permits: impl IntoIterator<Item = &'a Told>,
) -> Result<PolicySet, String> {
    let mut set = PolicySet::new();
    for told in permits.into_iter().chain(&invariant.forbids) {
        set.add(told.policy.clone()).map_err(|error| error.to_string())?;
    }
    Ok(set)
}

/// A permit where the condition holds, and a forbid for each thing that is known and does not.
fn condition(invariant: &Invariant, mentions: &Mentions, more: &[&str]) -> Result<PolicySet, String> {
    let condition = &invariant.condition;
    let mut text = format!("permit (principal, action, resource) when {{\n{condition}\n}};\n");
    let known = mentions.assumptions();
    for assumed in known.iter().map(String::as_str).chain(more.iter().copied()) {
        text.push_str(&format!("forbid (principal, action, resource) unless {{ {assumed} }};\n"));
    }
    text.parse().map_err(|errors: cedar_policy::ParseErrors| errors.to_string())
}
