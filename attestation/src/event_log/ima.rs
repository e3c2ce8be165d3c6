//! The list of files that the kernel measured, against PCR 10 (LOG-22 to LOG-26).

use super::replay::{Value, algorithm, is_hash};
use super::{Quoted, ReplayError};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_attestation_evidence::event_log::ima::{self as list, Entry};
use serde::Serialize;

/// The register of the kernel's list (Linux, `CONFIG_IMA_MEASURE_PCR_IDX`).
const IMA_PCR: u8 = 10;
/// Name of the entry that ties a list to a boot.
const BOOT_AGGREGATE: &[u8] = b"boot_aggregate";

/// What a list says whose first part replays to the quoted PCR 10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImaFacts {
    /// The bank in which it replays.
    pub bank: PcrBank,
    /// Entries that the quote covers.
    pub entries: usize,
    /// How many of them are violations: files that could have changed while they were measured.
    pub violations: usize,
    /// Entries after them, which the kernel added after the quote: ignored (LOG-24).
    pub tail: usize,
    /// Whether the list is of this boot (LOG-26).
    pub boot_aggregate: BootAggregate,
    /// What the covered entries name, `boot_aggregate` aside. Not printed: a list has thousands.
    #[serde(skip)]
    pub files: Vec<ImaFile>,
}

/// Whether the first entry is the hash of the quoted boot registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootAggregate {
    /// It is.
    Matches,
    /// It is not: the list of another boot, or of another machine.
    Differs,
    /// The first entry is no `boot_aggregate`.
    Missing,
    /// The registers that it is the hash of are not quoted in its bank.
    NotQuoted,
}

/// One covered entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImaFile {
    /// Path of the file, or name of a buffer; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Hash algorithm, in the kernel's name.
    pub algorithm: String,
    /// Digest of the file; zero for a violation.
    pub digest: Digest,
    /// Whether this is a violation.
    pub violation: bool,
    /// The file's signature as the kernel's extended attribute has it; empty when there is none.
    pub signature: Vec<u8>,
}

/// Replays a list to the quoted PCR 10 of one bank.
///
/// # Errors
/// [`ReplayError`]: a malformed list (LOG-01, -05, -21), an entry whose digest is not its data's (LOG-22), or
/// no first part that leads to the quoted value (LOG-24).
pub fn ima(bytes: &[u8], bank: PcrBank, quoted: &Quoted) -> Result<ImaFacts, ReplayError> {
    let entries = list::parse(bytes)?;
    let mismatch = ReplayError::ImaReplay { bank };
    let target = quoted.get(&(bank, IMA_PCR)).ok_or(mismatch.clone())?;
    let covered = covered(&entries, bank, target)?.ok_or(mismatch)?;
    let (covered, tail) = entries.split_at_checked(covered).unwrap_or((&entries, &[]));
    let names_aggregate = covered.first().is_some_and(|entry| entry.path == BOOT_AGGREGATE);
    Ok(ImaFacts {
        bank,
        entries: covered.len(),
        violations: covered.iter().filter(|entry| entry.is_violation()).count(),
        tail: tail.len(),
        boot_aggregate: covered.first().map_or(BootAggregate::Missing, |entry| aggregate(entry, quoted)),
        files: covered.iter().skip(usize::from(names_aggregate)).map(file).collect(),
    })
}

/// How many entries lead to the quoted value. Every entry's own digest is checked on the way, the kernel's
/// tail included: an entry that lies is no list of a kernel.
fn covered(entries: &[Entry<'_>], bank: PcrBank, target: &Digest) -> Result<Option<usize>, ReplayError> {
    let unknown = ReplayError::ImaReplay { bank };
    let hash = algorithm(bank).ok_or(unknown.clone())?;
    let mut value = Value::zero(bank).ok_or(unknown.clone())?;
    let mut found = (value.as_bytes() == target.as_bytes()).then_some(0);
    for (number, entry) in entries.iter().enumerate() {
        if entry.register != u32::from(IMA_PCR) {
            return Err(unknown);
        }
        if entry.is_violation() {
            value.extend(&vec![0xFF; bank.size()]);
        } else {
            if !is_hash(PcrBank::Sha1, entry.hashed(), &entry.template_digest) {
                return Err(ReplayError::ImaTemplateHash { entry: number });
            }
            let mut context = digest::Context::new(hash);
            entry.hashed().for_each(|part| context.update(part));
            value.extend(context.finish().as_ref());
        }
        if found.is_none() && value.as_bytes() == target.as_bytes() {
            found = Some(number + 1);
        }
    }
    Ok(found)
}

/// LOG-26: hash over PCR 0 to 7, or with newer kernels 0 to 9, in the bank of the entry's own algorithm
/// (Linux, `ima_calc_boot_aggregate_tfm`).
fn aggregate(entry: &Entry<'_>, quoted: &Quoted) -> BootAggregate {
    if entry.path != BOOT_AGGREGATE || entry.is_violation() {
        return BootAggregate::Missing;
    }
    let Some(bank) = PcrBank::from_name(entry.algorithm) else { return BootAggregate::NotQuoted };
    let over = |last: u8| -> Option<bool> {
        let registers: Option<Vec<&[u8]>> =
            (0..=last).map(|number| quoted.get(&(bank, number)).map(Digest::as_bytes)).collect();
        Some(is_hash(bank, registers?, entry.digest.as_bytes()))
    };
    match (over(7), over(9)) {
        (Some(true), _) | (_, Some(true)) => BootAggregate::Matches,
        (Some(false), Some(false)) => BootAggregate::Differs,
        // A newer kernel's could still match.
        _ => BootAggregate::NotQuoted,
    }
}

fn file(entry: &Entry<'_>) -> ImaFile {
    ImaFile {
        path: String::from_utf8_lossy(entry.path).into_owned(),
        algorithm: entry.algorithm.to_owned(),
        digest: entry.digest,
        violation: entry.is_violation(),
        signature: entry.signature.to_vec(),
    }
}
