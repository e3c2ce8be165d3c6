//! Policy tests: claims in, the expected decision out, without any evidence.
//!
//! A case states what a node would prove; nothing verifies it, so a case yields a report and can never yield
//! a [`Permit`](crate::Permit). A file has one case, or a list of cases:
//!
//! ```
//! # use hanzo_attestation_evidence::Hex;
//! # use hanzo_policy::*;
//! let file = br#"[
//!   {
//!     "name": "a known image gets the disk key",
//!     "node": {
//!       "tee": "sev-snp",
//!       "measurement": "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
//!       "product": "genoa",
//!       "snp": { "guest_svn": 3, "policy": { "single_socket": true } }
//!     },
//!     "key": { "id": "acme/disk", "minimum_tier": 2 },
//!     "expect": "granted"
//!   },
//!   {
//!     "name": "an unknown image does not",
//!     "node": {
//!       "tee": "sev-snp",
//!       "measurement": "222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222",
//!       "snp": { "guest_svn": 3 }
//!     },
//!     "key": { "id": "acme/disk", "minimum_tier": 2 },
//!     "expect": "MeasurementUnknown"
//!   },
//!   {
//!     "name": "an identity alone is not a machine",
//!     "node": { "tee": "registered-key", "identity": "ci-runner" },
//!     "key": { "id": "acme/disk", "minimum_tier": 2 },
//!     "expect": "TierTooLow"
//!   }
//! ]"#;
//! let policies = Policies::compile(&[PolicySource {
//!     name: "images".into(),
//!     version: 1,
//!     text: r#"
//!         permit (principal, action == Action::"release", resource in Tenant::"acme")
//!         when {
//!             principal.measurement in ReferenceSet::"images" &&
//!             principal has snp && principal.snp.guest_svn >= 3
//!         };
//!     "#.into(),
//! }]).unwrap();
//! let images = ReferenceSet {
//!     name: "images".into(),
//!     values: vec![ReferenceValue {
//!         tee: "sev-snp".into(),
//!         register: "measurement".into(),
//!         digest: Hex([0x11; 48]).into(),
//!         entry: None,
//!         note: None,
//!         validity: Validity::ALWAYS,
//!     }],
//! };
//! let references = References::new(vec![images]).unwrap();
//! let now = hanzo_attestation_evidence::UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
//! for case in TestCase::read(file).unwrap() {
//!     let report = case.run(&policies, &references, now);
//!     assert!(report.passed, "{}: {}", report.name, report.actual);
//! }
//! ```
//!
//! | field of `node` | meaning | when absent |
//! |---|---|---|
//! | `tee` | `sev-snp`, `tdx`, `registered-key` or `none` | an error |
//! | `tier` | 0 to 4 | what that kind proves: 2, 2, 1, 0 |
//! | `measurement` | the launch digest: MEASUREMENT or MRTD | the node has none |
//! | `registers` | TDX registers by name, e.g. `{"rtmr0": …}`; beside `gpus` and `switches` their `…_rim` | zero |
//! | `lab` | whether a lab vouches | `false` |
//! | `product`, `tcb_status`, `host_data`, `chip`, `identity` | as in the schema | absent |
//! | `snp`, `tdx` | claims of the platform, by the names of the schema | see below |
//!
//! With `tee` `sev-snp` the node always has `snp` claims, with `tdx` always `tdx`. A claim that the case does
//! not state is `false`, 0 or empty; one that the schema marks optional is absent. An unknown claim is an
//! error. `now` beside `name` sets the time; without it, the time of the run counts. `live_grants` is how many
//! grants of the key are live, 0 without it. `expect` is `granted`, a code of [`DenialCode`], or `denied` for any of
//! them. `references` beside `name` has values that count in
//! this case beside those of the run, by set: `{"images": ["sev-snp/measurement/<96 hex digits>"]}`.
//!
//! In place of `node` a case can have `evidence`: a file with a document, and what it is judged by
//! ([`CaseEvidence`]). This crate reads no file: whoever runs such a case verifies the document, and hands what
//! was found to [`TestCase::run_judged`]. `expect` can then be the code of a rule as well, e.g.
//! `SnpDebugAllowed`: evidence that breaks it never reaches the policies.

mod evidence;
mod node;

pub use evidence::{CaseEvidence, CaseProfile, Judged};

use crate::appraised::proved;
use crate::circumstances::Circumstances;
use crate::decide::decide;
use crate::decision::DenialCode;
use crate::explain::NodeFacts;
use crate::key_id::KeyId;
use crate::node::Node;
use crate::permit::KeyScope;
use crate::policies::Policies;
use crate::references::{References, Register, is_name};
use crate::tier::Tier;
use hanzo_attestation_evidence::{UnixTime, json};
use node::CaseNode;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Largest file of cases in bytes: some thousand cases.
pub const MAX_CASE_FILE: usize = 4 << 20;

/// One policy test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    name: String,
    node: Option<CaseNode>,
    evidence: Option<CaseEvidence>,
    key: CaseKey,
    expect: Expectation,
    now: Option<UnixTime>,
    #[serde(default)]
    live_grants: u32,
    #[serde(default)]
    references: CaseReferences,
}

/// Reference values of one case, by set.
#[derive(Clone, Debug, Default)]
struct CaseReferences(BTreeMap<String, BTreeSet<Register>>);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseKey {
    id: KeyId,
    minimum_tier: Tier,
    #[serde(default)]
    require_cpu_tee: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expectation {
    Granted,
    Denied(DenialCode),
    /// Any denial.
    AnyDenial,
    /// The code of a rule of evidence.
    Refused(String),
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// Whether the decision is the expected one.
    pub passed: bool,
    /// `granted` or a code.
    pub expected: String,
    /// `granted`, a code, or `error` if the node of the case cannot be.
    pub actual: String,
    /// The policies that permitted, or why not.
    pub reasons: Vec<String>,
}

/// A file that has no cases in it.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// More than [`MAX_CASE_FILE`] bytes.
    #[error("{0} bytes of cases are more than {MAX_CASE_FILE}")]
    TooLarge(usize),
    /// Not strict JSON.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// JSON that is no case.
    #[error("case {number}: {message}")]
    Case {
        /// Which case, from 1.
        number: usize,
        /// What is wrong.
        message: String,
    },
}

impl TestCase {
    /// Reads one case or a list of cases.
    ///
    /// # Errors
    /// [`CaseError`] for anything else.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, CaseError> {
        if bytes.len() > MAX_CASE_FILE {
            return Err(CaseError::TooLarge(bytes.len()));
        }
        let cases = match json::parse(bytes)? {
            Value::Array(cases) => cases,
            case => vec![case],
        };
        let read = |(case, number)| {
            let case: Self = json::from_value(case)
                .map_err(|error| CaseError::Case { number, message: error.problem().to_owned() })?;
            case.check().map_err(|message| CaseError::Case { number, message })?;
            Ok(case)
        };
        cases.into_iter().zip(1..).map(read).collect()
    }

    /// Exactly one subject, and an expectation that it can meet.
    fn check(&self) -> Result<(), String> {
        match (&self.node, &self.evidence, &self.expect) {
            (Some(_), None, Expectation::Refused(code)) => {
                Err(format!("`{code}` is neither `granted` nor the code of a denial"))
            }
            (Some(node), None, _) => node.check(),
            (None, Some(_), _) => Ok(()),
            _ => Err("a case has either `node` or `evidence`".to_owned()),
        }
    }

    /// The name of the case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the policies would know of the node.
    ///
    /// # Errors
    /// A sentence, if there can be no such node, or the case has evidence in its place.
    pub fn facts(&self) -> Result<NodeFacts, String> {
        NodeFacts::of(&self.stated()?).map_err(|error| error.to_string())
    }

    /// The key that it asks for, with its demands.
    #[must_use]
    pub fn scope(&self) -> KeyScope {
        KeyScope {
            key: self.key.id.clone(),
            minimum: self.key.minimum_tier,
            require_cpu_tee: self.key.require_cpu_tee,
        }
    }

    /// When it is decided, and how many grants are live: as it states, or `now` and none.
    #[must_use]
    pub fn circumstances(&self, now: UnixTime) -> Circumstances {
        let at = self.evidence.as_ref().and_then(|evidence| evidence.at);
        Circumstances { now: self.now.or(at).unwrap_or(now), live_grants: Some(self.live_grants) }
    }

    fn stated(&self) -> Result<Node, String> {
        match &self.node {
            Some(node) => node.build(),
            None => Err("the evidence of the case was not verified".to_owned()),
        }
    }

    /// Reference values of the run, with those that the case states beside them.
    #[must_use]
    pub fn references<'a>(&self, given: &'a References) -> Cow<'a, References> {
        if self.references.0.is_empty() {
            return Cow::Borrowed(given);
        }
        Cow::Owned(given.with(&self.references.0))
    }

    /// The evidence of the case, if it has evidence and no stated node.
    #[must_use]
    pub const fn evidence(&self) -> Option<&CaseEvidence> {
        self.evidence.as_ref()
    }

    /// Decides as the broker would decide for such a node, and compares. A case with evidence is an `error`
    /// here: it must be judged first ([`TestCase::run_judged`]).
    #[must_use]
    pub fn run(&self, policies: &Policies, references: &References, now: UnixTime) -> CaseReport {
        match self.stated() {
            Err(message) => self.report("error".to_owned(), vec![message]),
            Ok(node) => self.decide(&node, policies, references, now),
        }
    }

    /// Decides about evidence that was judged, and compares.
    #[must_use]
    pub fn run_judged(
        &self,
        judged: &Judged<'_>,
        policies: &Policies,
        references: &References,
        now: UnixTime,
    ) -> CaseReport {
        let items = match judged {
            Judged::Refused { code, message } => {
                return self.report(code.clone(), vec![message.clone()]);
            }
            Judged::Acceptable(items) => items,
        };
        let lab = items.iter().any(|(_, facts)| facts.lab);
        // A case names no guest whose word about interfaces counts: tier 4 is stated, with `node`.
        let proved = proved(items.iter().copied(), &Default::default());
        match Node::of(proved, lab, items.iter().copied()) {
            Err(error) => self.report("error".to_owned(), vec![error.to_string()]),
            Ok(node) => self.decide(&node, policies, references, now),
        }
    }

    fn decide(&self, node: &Node, policies: &Policies, references: &References, now: UnixTime) -> CaseReport {
        let scope = self.scope();
        let references = self.references(references);
        match decide(node, &scope, policies, &references, self.circumstances(now)) {
            Ok(decided) => self.report(Expectation::Granted.text().to_owned(), decided.permitted_by),
            Err(denial) => {
                let reasons = std::iter::once(denial.message).chain(denial.reasons).collect();
                self.report(denial.code.to_owned(), reasons)
            }
        }
    }

    fn report(&self, actual: String, reasons: Vec<String>) -> CaseReport {
        let expected = self.expect.text().to_owned();
        let passed = match self.expect {
            Expectation::AnyDenial => DenialCode::ALL.into_iter().any(|code| code.as_str() == actual),
            _ => actual == expected,
        };
        CaseReport { name: self.name.clone(), passed, expected, actual, reasons }
    }
}

impl Expectation {
    fn text(&self) -> &str {
        match self {
            Self::Granted => "granted",
            Self::AnyDenial => "denied",
            Self::Denied(code) => code.as_str(),
            Self::Refused(code) => code,
        }
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == Self::Granted.text() {
            return Ok(Self::Granted);
        }
        if text == Self::AnyDenial.text() {
            return Ok(Self::AnyDenial);
        }
        let code = DenialCode::ALL.into_iter().find(|code| code.as_str() == text);
        if let Some(code) = code {
            return Ok(Self::Denied(code));
        }
        // Codes of rules are words in CamelCase; which there are, the verifier knows.
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self::Refused(text));
        }
        Err(de::Error::custom(format_args!("`{text}` is neither `granted` nor a code")))
    }
}

impl<'de> Deserialize<'de> for CaseReferences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stated = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
        let mut sets = BTreeMap::new();
        for (name, values) in stated {
            if !is_name(&name) {
                return Err(de::Error::custom(format_args!("`{}` is no name of a set", name.escape_debug())));
            }
            let read = |value: &String| {
                let register = Register::from_entity_id(value).ok_or_else(|| {
                    format!("`{value}` is no measurement; one is `sev-snp/measurement/` and 96 hex digits")
                })?;
                let zero = register.digest.as_bytes().iter().all(|byte| *byte == 0);
                if zero { Err(format!("`{value}`: zeros are no reference value")) } else { Ok(register) }
            };
            let registers = values.iter().map(read).collect::<Result<BTreeSet<_>, _>>();
            sets.insert(name, registers.map_err(de::Error::custom)?);
        }
        Ok(Self(sets))
    }
}

#[cfg(test)]
mod tests;
