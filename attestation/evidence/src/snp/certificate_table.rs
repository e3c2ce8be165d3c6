//! The certificate table that the host puts beside an SEV-SNP report.
//!
//! GHCB specification 2.0x, "SNP Extended Guest Request": entries of (GUID 16 bytes, offset u32, length
//! u32, little endian), ended by an entry whose GUID is zero; offsets count from the start of the table.
//! The hypervisor writes it, so every number in it is hostile (rule SNP-76). A GUID's bytes stand in
//! the order of its text.

use crate::rule::{Broken, Rule};
use crate::x509::MAX_CERTIFICATE;

/// Largest table in bytes: four pages, the most that the Linux guest driver passes on
/// (`SEV_FW_BLOB_MAX_SIZE`), times four for kernels that come.
pub const MAX_TABLE: usize = 64 * 1024;
/// Most entries: the five GUIDs that have a name, and room for a vendor's own.
pub const MAX_ENTRIES: usize = 16;

const ENTRY: usize = 24;
const GUID: usize = 16;

/// What one entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Key of one chip and TCB: 63da758d-e664-4564-adc5-f4b93be8accd.
    Vcek,
    /// Key of one cloud provider and TCB: a8074bc2-a25a-483e-aae6-39c045a0b8a1.
    Vlek,
    /// Intermediate: 4ab7b379-bbac-4fe4-a02f-05aef327c782 (ASK, or ASVK beside a VLEK).
    Ask,
    /// Root: c0b406a4-a803-4952-9743-3fb6014cd0ae. The broker pins its own; this one only fills the chain.
    Ark,
}

const KNOWN: [([u8; GUID], Kind); 4] = [
    (0x63da_758d_e664_4564_adc5_f4b9_3be8_accd_u128.to_be_bytes(), Kind::Vcek),
    (0xa807_4bc2_a25a_483e_aae6_39c0_45a0_b8a1_u128.to_be_bytes(), Kind::Vlek),
    (0x4ab7_b379_bbac_4fe4_a02f_05ae_f327_c782_u128.to_be_bytes(), Kind::Ask),
    (0xc0b4_06a4_a803_4952_9743_3fb6_014c_d0ae_u128.to_be_bytes(), Kind::Ark),
];

/// A broken table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertTableError {
    /// More bytes than any table may have.
    #[error("the certificate table has {actual} bytes, at most {MAX_TABLE} are read")]
    TableTooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// The entries do not end with the zero GUID inside the buffer and within [`MAX_ENTRIES`].
    #[error("the certificate table has no end within {MAX_ENTRIES} entries and {size} bytes")]
    Unterminated {
        /// The size of the buffer.
        size: usize,
    },
    /// The same GUID twice.
    #[error("entry {index} of the certificate table repeats the GUID of an earlier one")]
    DuplicateGuid {
        /// Index of the second one.
        index: usize,
    },
    /// Offset and length reach beyond the buffer, or wrap around.
    #[error(
        "entry {index} of the certificate table claims {length} bytes at offset {offset}, outside its {size} bytes"
    )]
    OutOfBounds {
        /// Index of the entry.
        index: usize,
        /// Its offset.
        offset: u32,
        /// Its length.
        length: u32,
        /// The size of the buffer.
        size: usize,
    },
    /// The data begin inside the list of entries.
    #[error("entry {index} of the certificate table points into the table itself, at offset {offset}")]
    OverlapsTable {
        /// Index of the entry.
        index: usize,
        /// Its offset.
        offset: u32,
    },
    /// Two entries share bytes.
    #[error("entries {first} and {second} of the certificate table overlap")]
    Overlap {
        /// Index of one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// A certificate with no bytes, or more than a certificate may have.
    #[error("entry {index} of the certificate table has {length} bytes, 1 to {MAX_CERTIFICATE} are allowed")]
    CertificateLength {
        /// Index of the entry.
        index: usize,
        /// Its length.
        length: u32,
    },
}

impl Broken for CertTableError {
    fn rule(&self) -> Rule {
        Rule::new("SNP-76", "SnpCertTableMalformed")
    }
}

/// The certificates (DER as the host gave it) whose GUID is known, in the order of the table.
///
/// No bytes, and a table that ends at once, are the host's way to say that it has none.
///
/// # Errors
/// [`CertTableError`], one variant for each broken part of rule SNP-76.
pub fn parse(table: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, CertTableError> {
    if table.is_empty() {
        return Ok(Vec::new());
    }
    if table.len() > MAX_TABLE {
        return Err(CertTableError::TableTooLarge { actual: table.len() });
    }
    let entries = entries(table)?;
    // The list ends after the zero GUID; the tail of that last entry may be cut off by the host.
    let list_end = (entries.len() * ENTRY + GUID).min(table.len());
    let mut taken: Vec<(usize, usize)> = Vec::with_capacity(entries.len());
    let mut certificates = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|earlier| earlier.guid == entry.guid) {
            return Err(CertTableError::DuplicateGuid { index });
        }
        let (start, end) = entry.range(index, table.len())?;
        if start < list_end {
            return Err(CertTableError::OverlapsTable { index, offset: entry.offset });
        }
        if let Some(first) = taken.iter().position(|(s, e)| start < *e && *s < end) {
            return Err(CertTableError::Overlap { first, second: index });
        }
        taken.push((start, end));
        let Some((_, kind)) = KNOWN.iter().find(|(guid, _)| *guid == entry.guid) else { continue };
        let bytes = table.get(start..end).unwrap_or_default();
        if bytes.is_empty() || bytes.len() > MAX_CERTIFICATE {
            return Err(CertTableError::CertificateLength { index, length: entry.length });
        }
        certificates.push((*kind, bytes.to_vec()));
    }
    Ok(certificates)
}

struct Entry {
    guid: [u8; GUID],
    offset: u32,
    length: u32,
}

impl Entry {
    fn range(&self, index: usize, size: usize) -> Result<(usize, usize), CertTableError> {
        let outside =
            || CertTableError::OutOfBounds { index, offset: self.offset, length: self.length, size };
        let start = usize::try_from(self.offset).map_err(|_| outside())?;
        let length = usize::try_from(self.length).map_err(|_| outside())?;
        let end = start.checked_add(length).filter(|end| *end <= size).ok_or_else(outside)?;
        // The format's own arithmetic is on 32 bits: what wraps there is refused here too.
        self.offset.checked_add(self.length).ok_or_else(outside)?;
        Ok((start, end))
    }
}

fn entries(table: &[u8]) -> Result<Vec<Entry>, CertTableError> {
    let unterminated = || CertTableError::Unterminated { size: table.len() };
    let mut entries = Vec::new();
    let mut rest = table;
    loop {
        let (guid, _) = rest.split_first_chunk::<GUID>().ok_or_else(unterminated)?;
        if guid.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        let (entry, after) = rest.split_first_chunk::<ENTRY>().ok_or_else(unterminated)?;
        let [.., o0, o1, o2, o3, l0, l1, l2, l3] = *entry;
        if entries.len() == MAX_ENTRIES {
            return Err(unterminated());
        }
        entries.push(Entry {
            guid: *guid,
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
        });
        rest = after;
    }
}

#[cfg(test)]
mod tests;
