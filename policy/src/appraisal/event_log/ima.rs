//! Thresholds for the kernel's list of measured files.

use crate::appraisal::checks::Checks;
use hanzo_attestation::event_log::{BootAggregate, ImaFacts, ImaFile};
use hanzo_attestation_evidence::{Digest, Rule};
use serde::Deserialize;
use std::collections::BTreeSet;

const LOG_23: Rule = Rule::new("LOG-23", "ImaViolation");
const LOG_24: Rule = Rule::new("LOG-24", "ImaReplayMismatch");
const LOG_25: Rule = Rule::new("LOG-25", "ImaFileNotAllowed");
const LOG_26: Rule = Rule::new("LOG-26", "ImaBootAggregate");

/// What a list that is given must show, and whether one must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImaThresholds {
    /// LOG-24: refuse evidence without a list.
    pub require_list: bool,
    /// LOG-23: paths that may be violations: files that are written while they are read, e.g. logs. No
    /// register covers the path of a violation, so that any entry here excuses any file whose violation is
    /// said to be that one's.
    pub violations: Vec<String>,
    /// LOG-25: the only files that may be measured; asks for a list.
    pub files: Option<Vec<AllowedFile>>,
    /// LOG-26: accept a list that is not tied to the quoted boot.
    pub allow_other_boot: bool,
}

/// A file that may be measured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedFile {
    /// Path, or name of a buffer, as the kernel writes it.
    pub path: String,
    /// Digest of the file, in the list's algorithm.
    pub digest: Digest,
}

impl ImaThresholds {
    /// The rule book's defaults: a list that is given has no violations and is of the quoted boot.
    #[must_use]
    pub fn strict() -> Self {
        Self::default()
    }
}

/// Judges a list, or that there is none.
pub(super) fn check(list: Option<&ImaFacts>, limits: &ImaThresholds, checks: &mut Checks) {
    let Some(list) = list else {
        let asked = limits.require_list || limits.files.is_some();
        checks.refuse(asked, LOG_24, || "no IMA list was given, and policy asks what it says".to_owned());
        return;
    };
    let violation = list.files.iter().find(|file| file.violation && !limits.violations.contains(&file.path));
    checks.refuse(violation.is_some(), LOG_23, || {
        format!("`{}` could have changed while it was measured", name(violation))
    });
    if let Some(files) = &limits.files {
        let allowed: BTreeSet<(&str, &Digest)> =
            files.iter().map(|file| (file.path.as_str(), &file.digest)).collect();
        let unknown = list
            .files
            .iter()
            .find(|file| !file.violation && !allowed.contains(&(file.path.as_str(), &file.digest)));
        checks.refuse(unknown.is_some(), LOG_25, || {
            format!("`{}` is not among the files that may be measured", name(unknown))
        });
    }
    let other_boot = list.boot_aggregate != BootAggregate::Matches;
    checks.refuse(other_boot && !limits.allow_other_boot, LOG_26, || {
        format!("the list's first entry does not tie it to the quoted boot: {:?}", list.boot_aggregate)
    });
}

/// A path for a message: escaped and cut.
fn name(file: Option<&ImaFile>) -> String {
    file.into_iter().flat_map(|file| file.path.chars().take(200)).flat_map(char::escape_debug).collect()
}
