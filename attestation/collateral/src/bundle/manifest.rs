//! `manifest.json`: read strictly, then held to its own rules.

use super::container::blob_path;
use super::kind::Kind;
use hanzo_attestation::RULESET;
use hanzo_attestation_evidence::json::{self, JsonError};
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The one format there is.
pub const FORMAT: u32 = 1;
/// Largest manifest in bytes: the most entries with the longest keys have about 600 bytes each.
pub const MAX_MANIFEST: usize = 1 << 20;
/// Most entries: every product and every FMSPC there is (about 100 of each kind), and some hundred chips.
pub const MAX_ENTRIES: usize = 1024;
/// Longest key and identifier in bytes: a chip's key is the longest, with 64 bytes of HWID and 8 of TCB in
/// hex.
const MAX_KEY: usize = 200;
/// Most names on one deny list.
const MAX_DENIED: usize = 4096;
/// Longest serial number in hex digits: 20 octets (RFC 5280, 4.1.2.2).
const MAX_SERIAL: usize = 40;

/// What a bundle says of itself and of each document in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The bundle's name, for people.
    pub bundle_id: String,
    /// Strictly greater than that of any bundle that was imported before (COL-13).
    pub sequence: u64,
    /// When it was made.
    pub created: UnixTime,
    /// From when it counts.
    pub not_before: UnixTime,
    /// The last instant at which it counts.
    pub not_after: UnixTime,
    /// The earliest rule set that enforces everything in it.
    pub min_verifier_ruleset: u32,
    /// Its documents.
    pub entries: Vec<Entry>,
    /// Lowest `tcbEvaluationDataNumber` (DCAP-59, DCAP-60); 0 asks for nothing.
    pub edn_floors: EdnFloors,
    /// What is refused whatever its vendor says.
    pub deny: Deny,
    /// Instants that this bundle vouches for.
    pub reference_times: ReferenceTimes,
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `blobs/` and its SHA-256.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// About what it speaks; see [`Kind`]. One document of a kind for each key.
    pub key: String,
    /// SHA-256 of the document.
    pub sha256: Hex<32>,
    /// Its length in bytes.
    pub size: u64,
    /// When it was issued. For a vendor's document the vendor's own date counts.
    pub issued: UnixTime,
    /// When it expires, likewise.
    pub expires: UnixTime,
}

/// Lowest evaluation numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdnFloors {
    /// Of SGX.
    pub sgx: u32,
    /// Of TDX.
    pub tdx: u32,
}

impl EdnFloors {
    /// A floor as appraisal takes it: 0 is none, and the higher of two counts.
    #[must_use]
    pub fn raise(floor: Option<u32>, by: u32) -> Option<u32> {
        floor.max(Some(by).filter(|by| *by > 0))
    }
}

/// Deny lists, lower-case hex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// SHA-256 of certificates of AMD endorsement keys (SNP-37).
    pub veks: Vec<Hex<32>>,
    /// Serial numbers of PCK certificates (DCAP-31).
    pub pck_serials: Vec<String>,
    /// TPM endorsement keys (TPM-29): SHA-256 of SubjectPublicKeyInfo, whatever certificate they have.
    pub eks: Vec<Hex<32>>,
}

/// Instants that a bundle vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceTimes {
    /// The newest date of issue, seconds since 1970: no clock may be before it (COL-07).
    pub newest_issue: u64,
}

/// A manifest that breaks its own rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// COL-01: larger than its budget.
    #[error("the manifest has {actual} bytes; at most {MAX_MANIFEST} are read")]
    TooLarge {
        /// The size found.
        actual: usize,
    },
    /// COL-03: not the strict JSON object that the format is.
    #[error("the manifest: {0}")]
    Json(#[from] JsonError),
    /// COL-26: a format that this build does not know.
    #[error("format {found}; this build reads {FORMAT}")]
    Format {
        /// The format found.
        found: u32,
    },
    /// COL-26: rules that this build does not enforce.
    #[error("the bundle needs rule set {needed}; this build enforces {RULESET}")]
    RulesetTooNew {
        /// The rule set asked for.
        needed: u32,
    },
    /// COL-01: more entries or names than there can be.
    #[error("{actual} {what}; at most {limit} are read")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The budget.
        limit: usize,
        /// The number found.
        actual: usize,
    },
    /// COL-03: a field that says what it cannot.
    #[error("{field}: {problem}")]
    Field {
        /// Which.
        field: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// COL-13: two documents of one kind for one key.
    #[error("two entries of kind {kind} for `{key}`")]
    DuplicateKey {
        /// Their kind.
        kind: Kind,
        /// Their key.
        key: String,
    },
}

impl Broken for ManifestError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Json(error) => error.rule(),
            Self::Field { .. } => Rule::new("COL-03", "EnvelopeMalformed"),
            Self::Format { .. } | Self::RulesetTooNew { .. } => Rule::new("COL-26", "PolicyMalformed"),
            Self::DuplicateKey { .. } => Rule::new("COL-13", "BundleEntryDigestMismatch"),
        }
    }
}

impl Manifest {
    /// Reads a manifest. Its dates and its sequence are judged by whoever knows the time and the last one.
    ///
    /// # Errors
    /// [`ManifestError`] with the first broken rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge { actual: bytes.len() });
        }
        let manifest: Self = json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Every rule that needs nothing but the manifest.
    ///
    /// # Errors
    /// [`ManifestError`] with the first broken rule.
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.format != FORMAT {
            return Err(ManifestError::Format { found: self.format });
        }
        if self.min_verifier_ruleset > RULESET {
            return Err(ManifestError::RulesetTooNew { needed: self.min_verifier_ruleset });
        }
        bounded("entries", self.entries.len(), MAX_ENTRIES)?;
        let field = |holds: bool, field: &str, problem| {
            if holds { Ok(()) } else { Err(ManifestError::Field { field: field.to_owned(), problem }) }
        };
        field(is_name(&self.bundle_id), "bundle_id", NAME)?;
        field(self.sequence > 0, "sequence", "starts at 1")?;
        field(self.not_before <= self.not_after, "not_after", "is before not_before")?;
        self.check_deny()?;
        self.check_entries()?;
        let newest = self.entries.iter().map(|entry| entry.issued.seconds()).max().unwrap_or(0);
        let vouched = i64::try_from(self.reference_times.newest_issue).unwrap_or(i64::MAX);
        field(vouched >= newest, "reference_times.newest_issue", "is before the issue of an entry")?;
        field(
            UnixTime::from_seconds(vouched).is_ok_and(|vouched| vouched <= self.not_after),
            "reference_times.newest_issue",
            "is after the bundle's own end",
        )
    }

    fn check_entries(&self) -> Result<(), ManifestError> {
        let mut keys = BTreeSet::new();
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            entry.check(index)?;
            if !keys.insert((entry.kind, entry.key.as_str())) {
                return Err(ManifestError::DuplicateKey { kind: entry.kind, key: entry.key.clone() });
            }
            // One chain may stand under two keys: the same bytes, so the same size.
            if sizes.insert(&entry.path, entry.size).is_some_and(|size| size != entry.size) {
                return Err(field_of(index, "size", "differs from another entry's of the same path"));
            }
        }
        Ok(())
    }

    fn check_deny(&self) -> Result<(), ManifestError> {
        let Deny { veks, pck_serials, eks } = &self.deny;
        bounded("deny.veks", veks.len(), MAX_DENIED)?;
        bounded("deny.pck_serials", pck_serials.len(), MAX_DENIED)?;
        bounded("deny.eks", eks.len(), MAX_DENIED)?;
        let is_serial = |text: &String| {
            let length = text.len();
            (2..=MAX_SERIAL).contains(&length) && length.is_multiple_of(2) && text.bytes().all(is_lower_hex)
        };
        if !pck_serials.iter().all(is_serial) {
            let problem = "a serial number that is not lower-case hex of 1 to 20 bytes";
            return Err(ManifestError::Field { field: "deny.pck_serials".to_owned(), problem });
        }
        Ok(())
    }
}

impl Entry {
    fn check(&self, index: usize) -> Result<(), ManifestError> {
        if !is_name(&self.key) {
            return Err(field_of(index, "key", NAME));
        }
        if self.path != blob_path(&self.sha256) {
            return Err(field_of(index, "path", "is not blobs/ and the entry's sha256"));
        }
        let limit = u64::try_from(self.kind.limit()).unwrap_or(u64::MAX);
        if self.size == 0 || self.size > limit {
            return Err(field_of(index, "size", "is no size that a document of this kind has"));
        }
        if self.issued > self.expires {
            return Err(field_of(index, "expires", "is before issued"));
        }
        Ok(())
    }
}

const NAME: &str = "must be 1 to 200 letters, digits and . _ / : -";

fn is_name(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:-".contains(&byte);
    (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(is_of_it)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn bounded(what: &'static str, actual: usize, limit: usize) -> Result<(), ManifestError> {
    if actual > limit { Err(ManifestError::TooMany { what, limit, actual }) } else { Ok(()) }
}

fn field_of(index: usize, name: &str, problem: &'static str) -> ManifestError {
    ManifestError::Field { field: format!("entries[{index}].{name}"), problem }
}
