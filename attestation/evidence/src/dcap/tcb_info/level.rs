//! Levels: a security version, and what Intel says of it.

use super::read::{Advisories, date};
use super::{MAX_LEVELS, TcbInfoError};
use crate::time::UnixTime;
use serde::Deserialize;
use std::cmp::Reverse;

/// What Intel says of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum LevelStatus {
    /// No known weakness.
    UpToDate,
    /// A weakness that software must mitigate.
    #[serde(rename = "SWHardeningNeeded")]
    SwHardeningNeeded,
    /// A weakness that the platform's configuration decides.
    ConfigurationNeeded,
    /// Both.
    #[serde(rename = "ConfigurationAndSWHardeningNeeded")]
    ConfigurationAndSwHardeningNeeded,
    /// Below the current security version.
    OutOfDate,
    /// Below it, and the configuration matters as well.
    OutOfDateConfigurationNeeded,
    /// Withdrawn.
    Revoked,
}

/// A level of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformLevel {
    /// Security versions of the 16 SGX components.
    pub sgx: [u8; 16],
    /// PCESVN.
    pub pce_svn: u16,
    /// Security versions of the 16 TDX components; TDX alone.
    pub tdx: Option<[u8; 16]>,
    /// What Intel says of it.
    pub status: LevelStatus,
    /// Date of the level.
    pub date: UnixTime,
    /// Advisories of the level.
    pub advisories: Vec<String>,
}

/// A level of an enclave or of a TDX module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnLevel {
    /// ISVSVN.
    pub isv_svn: u16,
    /// What Intel says of it.
    pub status: LevelStatus,
    /// Date of the level.
    pub date: UnixTime,
    /// Advisories of the level.
    pub advisories: Vec<String>,
}

/// A level of an enclave or a module as it stands in a document.
#[derive(Deserialize)]
pub(in crate::dcap) struct RawSvnLevel {
    tcb: RawSvn,
    #[serde(rename = "tcbDate")]
    date: String,
    #[serde(rename = "tcbStatus")]
    status: LevelStatus,
    #[serde(rename = "advisoryIDs", default)]
    advisories: Vec<String>,
}

#[derive(Deserialize)]
struct RawSvn {
    isvsvn: u16,
}

/// Reads the levels of `what`, and sorts them, highest first.
pub(in crate::dcap) fn svn_levels(
    what: &'static str,
    raw: Vec<RawSvnLevel>,
    budget: &mut Advisories,
) -> Result<Vec<SvnLevel>, TcbInfoError> {
    check_count(what, raw.len())?;
    let mut levels = Vec::with_capacity(raw.len());
    for level in raw {
        levels.push(SvnLevel {
            isv_svn: level.tcb.isvsvn,
            status: level.status,
            date: date("tcbDate", &level.date)?,
            advisories: budget.take(level.advisories)?,
        });
    }
    // The older date first, so that the answer does not depend on the order in the document.
    levels.sort_by_key(|level| (Reverse(level.isv_svn), level.date));
    let differ = |a: &SvnLevel, b: &SvnLevel| a.isv_svn == b.isv_svn && a.status != b.status;
    check_unambiguous(what, &levels, differ)?;
    Ok(levels)
}

/// Sorts levels of a platform, highest first (rule book A.2.7, step 2).
pub(super) fn sort_platform(levels: &mut [PlatformLevel]) -> Result<(), TcbInfoError> {
    let key = |level: &PlatformLevel| (level.sgx, level.pce_svn, level.tdx);
    levels.sort_by_key(|level| (Reverse(key(level)), level.date));
    check_unambiguous("the platform", levels, |a, b| key(a) == key(b) && a.status != b.status)
}

/// Levels with the same security versions are neighbours.
fn check_unambiguous<L>(
    what: &'static str,
    sorted: &[L],
    differ: impl Fn(&L, &L) -> bool,
) -> Result<(), TcbInfoError> {
    let found = sorted.windows(2).any(|pair| matches!(pair, [a, b] if differ(a, b)));
    if found { Err(TcbInfoError::LevelsAmbiguous(what)) } else { Ok(()) }
}

/// At least one level, and no more than the budget.
pub(super) fn check_count(what: &'static str, count: usize) -> Result<(), TcbInfoError> {
    if (1..=MAX_LEVELS).contains(&count) {
        return Ok(());
    }
    Err(TcbInfoError::Malformed(format!("{count} levels of {what}; 1 to {MAX_LEVELS} are read")))
}
