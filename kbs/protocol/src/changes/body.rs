//! The texts of changes that are JSON: each has one spelling, its RFC 8785 form, so that a digest of it is a
//! digest of what it says.

use super::{ChangeKind, NotCanonical};
use crate::admin::KeyKind;
use crate::tier;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Name of the one document of [`ChangeKind::Trust`].
pub const TRUST: &str = "trust";

/// A text that is not the one spelling of what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON of this form.
    #[error("{0}")]
    Malformed(String),
    /// Another spelling.
    #[error("it is not in its RFC 8785 form")]
    NotCanonical,
}

/// What a key is made to demand. A generated key is made when the change is applied; the value of a secret comes
/// later, by `secret put`, with exactly these demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDemands {
    /// Generated or imported.
    pub kind: KeyKind,
    /// The tier below which nothing yields it.
    #[serde(deserialize_with = "tier::number")]
    pub minimum_tier: u8,
    /// Whether tier 2 must come from a CPU TEE.
    pub require_cpu_tee: bool,
}

/// A machine, and all the devices that it has, or that one of its guests has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairBody {
    /// The machine.
    pub machine: MachineId,
    /// Its devices, in order; none takes the pair back.
    pub devices: Vec<DeviceId>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a broker reads of a document about trust: who decides together. The rest is compared as it stands, so that
/// a document may say what this program does not know yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TrustDocument {
    /// `hanzo-kbs/v1/trust`.
    pub format: String,
    /// Who decides together.
    pub quorum: TrustQuorum,
}

impl TrustDocument {
    /// The one known format.
    pub const FORMAT: &str = "hanzo-kbs/v1/trust";

    /// Whether the document itself is changed by several people.
    #[must_use]
    pub fn governs_itself(&self) -> bool {
        self.quorum.scopes.iter().any(|scope| scope.changes.contains(&ChangeKind::Trust))
    }
}

/// People and scopes, as a document about trust names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustQuorum {
    /// The people.
    pub people: Vec<TrustPerson>,
    /// The scopes.
    pub scopes: Vec<TrustScope>,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustPerson {
    /// Their name.
    pub name: String,
    /// SHA-256 of their public key, SubjectPublicKeyInfo in DER.
    pub key_sha256: Hex<32>,
}

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustScope {
    /// Its name.
    pub name: String,
    /// Which kinds of changes.
    pub changes: Vec<ChangeKind>,
    /// Which names.
    pub names: Vec<String>,
    /// From which tier on keys are in no need of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_tier: Option<u8>,
    /// How many must approve.
    pub approvals: usize,
    /// How long a change waits.
    pub wait_seconds: u64,
    /// How many can have it applied at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass_approvals: Option<usize>,
}

/// The RFC 8785 form.
///
/// # Errors
/// [`NotCanonical`].
pub fn canonical(value: &impl Serialize) -> Result<String, NotCanonical> {
    serde_json_canonicalizer::to_string(value).map_err(|_| NotCanonical)
}

/// Reads a text in its one spelling.
///
/// # Errors
/// [`BodyError`].
pub fn read_body<T: DeserializeOwned + Serialize>(body: &str) -> Result<T, BodyError> {
    let read: T =
        json::from_slice(body.as_bytes()).map_err(|error| BodyError::Malformed(error.to_string()))?;
    match canonical(&read) {
        Ok(form) if form == body => Ok(read),
        _ => Err(BodyError::NotCanonical),
    }
}

/// What is different between two JSON values, one line for each place: what goes, then what comes.
#[must_use]
pub fn differences(old: &Value, new: &Value) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    places("", old, &mut before);
    places("", new, &mut after);
    let differs =
        |other: &BTreeMap<String, String>, path: &String, value: &String| other.get(path) != Some(value);
    let gone = before.iter().filter(|(path, value)| differs(&after, path, value));
    let come = after.iter().filter(|(path, value)| differs(&before, path, value));
    let gone = gone.map(|(path, value)| format!("- {path} = {value}"));
    gone.chain(come.map(|(path, value)| format!("+ {path} = {value}"))).collect()
}

/// Each value inside, with the way to it. What is empty is a value, so that its coming and going shows.
fn places(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| places(&below(name), value, found));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .zip(0_usize..)
                .for_each(|(item, index)| places(&format!("{path}[{index}]"), item, found));
        }
        // A whole that is empty is what something is compared with that is new.
        Value::Object(_) if path.is_empty() => {}
        value => {
            found.insert(path.to_owned(), value.to_string());
        }
    }
}
