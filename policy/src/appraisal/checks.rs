//! Collects findings.

use hanzo_attestation_evidence::{Finding, Rule, Severity};

#[derive(Default)]
pub(super) struct Checks(Vec<Finding>);

impl Checks {
    /// Refuses by this rule if it is broken.
    pub(super) fn refuse(&mut self, broken: bool, rule: Rule, message: impl FnOnce() -> String) {
        self.note(broken, rule, Severity::Refuse, message);
    }

    /// Adds what was found elsewhere.
    pub(super) fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds a finding of the given weight.
    pub(super) fn note(
        &mut self,
        applies: bool,
        rule: Rule,
        severity: Severity,
        message: impl FnOnce() -> String,
    ) {
        if applies {
            self.0.push(Finding::new(rule, severity, message()));
        }
    }

    /// Refusals first; otherwise in the order of the rules.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }
}
