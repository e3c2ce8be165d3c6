//! The names of rules: an id of the rule book and the stable code of its refusal.

use std::fmt;

/// One rule of the rule book, e.g. `SNP-01` with the code `SnpReportLength`.
///
/// The id says where to read about it; the code is what programs match on. Neither changes once
/// published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    /// Id in the rule book, e.g. `SNP-01`.
    pub id: &'static str,
    /// Stable code, e.g. `SnpReportLength`.
    pub code: &'static str,
}

impl Rule {
    /// Names a rule. The pair must be one of the rule book's.
    #[must_use]
    pub const fn new(id: &'static str, code: &'static str) -> Self {
        Self { id, code }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.code)
    }
}

/// An error that is one broken rule. Its `Display` is the explanation, with the values that matter.
pub trait Broken: std::error::Error {
    /// The rule that was broken.
    fn rule(&self) -> Rule;
}
