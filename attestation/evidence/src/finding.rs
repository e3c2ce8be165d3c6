//! What a check has to say: a broken rule, a warning, or a fact worth knowing.

use crate::rule::{Broken, Rule};
use serde::{Serialize, Serializer};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Weakens the evidence; policy can act on it.
    Warn,
    /// The evidence is refused.
    Refuse,
}

/// One statement about an item of evidence, named by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule it speaks of; printed as its id and its code.
    #[serde(flatten, serialize_with = "rule_as_two_fields")]
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// For people: one sentence, with the values that explain it and no secret.
    pub message: String,
    /// Whether the rule is broken, or was not asked, and configuration lets it pass: a waiver.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
}

impl Finding {
    /// A refusal from a broken rule.
    pub fn refuse(error: &impl Broken) -> Self {
        Self { rule: error.rule(), severity: Severity::Refuse, message: error.to_string(), waived: false }
    }

    /// A finding of the given weight.
    pub fn new(rule: Rule, severity: Severity, message: impl Into<String>) -> Self {
        Self { rule, severity, message: message.into(), waived: false }
    }

    /// The same as a waiver: by default the rule would refuse, and configuration lets it pass.
    #[must_use]
    pub fn waived(self) -> Self {
        Self { waived: true, ..self }
    }
}

fn rule_as_two_fields<S: Serializer>(rule: &Rule, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields {
        rule: &'static str,
        code: &'static str,
    }
    Fields { rule: rule.id, code: rule.code }.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_prints_its_rule_as_two_fields() {
        let finding = Finding::new(Rule::new("SNP-33", "SnpCrlMissing"), Severity::Warn, "why");
        let expected = r#"{"rule":"SNP-33","code":"SnpCrlMissing","severity":"warn","message":"why"}"#;
        assert_eq!(serde_json::to_string(&finding).unwrap(), expected);
        let waived = expected.replace('}', r#","waived":true}"#);
        assert_eq!(serde_json::to_string(&finding.waived()).unwrap(), waived);
        assert!(Severity::Info < Severity::Warn && Severity::Warn < Severity::Refuse);
    }

    #[test]
    fn a_refusal_carries_the_errors_rule_and_text() {
        let finding = Finding::refuse(&crate::encoding::EncodingError::Hex);
        assert_eq!((finding.rule.id, finding.severity), ("COL-02", Severity::Refuse));
        assert_eq!(finding.message, "not lower-case hex");
    }
}
