//! The single-file form: a POSIX ustar archive with one spelling (IEEE Std 1003.1, `pax`, ustar interchange
//! format).
//!
//! Any tar program lists and unpacks it. What is read back is only what [`write()`] writes: two archives of
//! the same files are the same bytes, so that an archive can be named by its digest.

use super::container::{Container, MANIFEST, SIGNATURE};
use super::manifest::{MAX_ENTRIES, MAX_MANIFEST};
use super::signature::MAX_SIGNATURES_FILE;
use hanzo_attestation_evidence::{Broken, Rule};
use std::collections::BTreeMap;

/// Largest bundle in bytes: 64 MiB of documents. All of Intel's TCB infos together have under 8 MiB, a chip's
/// certificate has 1.4 KiB.
pub const MAX_BUNDLE: usize = 64 << 20;
/// Most files: each entry has one, and there are a manifest and its signatures.
pub const MAX_FILES: usize = MAX_ENTRIES + 2;

const BLOCK: usize = 512;
/// Longest name: `blobs/` and 64 digits.
const MAX_NAME: usize = 70;

/// Bytes that are no archive in the one spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    /// COL-01: larger than any bundle.
    #[error("the archive has {actual} bytes; at most {limit} are read", limit = archive_limit())]
    TooLarge {
        /// The size found.
        actual: usize,
    },
    /// COL-01: more files than any bundle has.
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    /// COL-03: a header that is not as this format writes it.
    #[error("block {block}: {problem}")]
    Malformed {
        /// The 512-byte block, from 0.
        block: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// COL-13: one name twice, or not in order.
    #[error("`{name}` is out of order or there twice")]
    Order {
        /// The name.
        name: String,
    },
}

impl Broken for TarError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } | Self::TooManyFiles => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Malformed { .. } => Rule::new("COL-03", "EnvelopeMalformed"),
            Self::Order { .. } => Rule::new("COL-13", "BundleEntryDigestMismatch"),
        }
    }
}

/// Largest archive in bytes: the documents, manifest and signatures, and for each file a header and padding.
#[must_use]
pub const fn archive_limit() -> usize {
    MAX_BUNDLE + MAX_MANIFEST + MAX_SIGNATURES_FILE + (MAX_FILES + 1) * 2 * BLOCK
}

/// Writes the archive. Files whose names do not fit are left out by nobody: they cannot come from a manifest,
/// and [`read`] would refuse them.
#[must_use]
pub fn write(container: &Container) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut files: Vec<(&String, &Vec<u8>)> = container.files.iter().collect();
    files.sort_by_key(|(name, _)| rank(name));
    for (name, bytes) in files {
        archive.extend_from_slice(&header(name.as_bytes(), bytes.len()));
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

/// Reads an archive.
///
/// # Errors
/// [`TarError`] for anything but what [`write()`] makes.
pub fn read(archive: &[u8]) -> Result<Container, TarError> {
    if archive.len() > archive_limit() {
        return Err(TarError::TooLarge { actual: archive.len() });
    }
    let mut rest = Rest { archive, block: 0 };
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut last: Option<String> = None;
    loop {
        let found = rest.take(1)?;
        if found.iter().all(|byte| *byte == 0) {
            break;
        }
        let (name, size) = parse_header(found).map_err(|problem| rest.malformed(problem))?;
        if files.len() >= MAX_FILES {
            return Err(TarError::TooManyFiles);
        }
        if last.as_deref().is_some_and(|last| rank(last) >= rank(&name)) {
            return Err(TarError::Order { name });
        }
        let padded = rest.take(size.div_ceil(BLOCK))?;
        let (bytes, padding) = padded.split_at_checked(size).ok_or_else(|| rest.malformed("cut off"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(rest.malformed("padding that is not zero"));
        }
        files.insert(name.clone(), bytes.to_vec());
        last = Some(name);
    }
    let end = rest.take(1)?;
    if end.iter().any(|byte| *byte != 0) || !rest.archive.is_empty() {
        return Err(rest.malformed("more after the end of the archive"));
    }
    Ok(Container { files })
}

/// The manifest first and its signatures second, so that they can be judged before the rest is there.
fn rank(name: &str) -> (u8, &str) {
    match name {
        MANIFEST => (0, name),
        SIGNATURE => (1, name),
        _ => (2, name),
    }
}

struct Rest<'a> {
    archive: &'a [u8],
    /// Blocks taken so far.
    block: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, blocks: usize) -> Result<&'a [u8], TarError> {
        let bytes = blocks.saturating_mul(BLOCK);
        let (taken, rest) = self.archive.split_at_checked(bytes).ok_or_else(|| self.malformed("cut off"))?;
        self.archive = rest;
        self.block = self.block.saturating_add(blocks);
        Ok(taken)
    }

    const fn malformed(&self, problem: &'static str) -> TarError {
        TarError::Malformed { block: self.block.saturating_sub(1), problem }
    }
}

/// Name and size; then the header must be the one that this name and this size have.
fn parse_header(found: &[u8]) -> Result<(String, usize), &'static str> {
    let name = found.get(..MAX_NAME).ok_or("cut off")?;
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| "a name that is not text")?;
    let digits = found.get(124..135).and_then(|digits| std::str::from_utf8(digits).ok());
    let size =
        digits.and_then(|digits| usize::from_str_radix(digits, 8).ok()).ok_or("a size that is no number")?;
    if name.is_empty() || header(name.as_bytes(), size) != found {
        return Err("a header in another spelling");
    }
    Ok((name.to_owned(), size))
}

/// The header of a regular file of mode 0644, owner 0, time 0.
fn header(name: &[u8], size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |offset: usize, bytes: &[u8]| {
        if let Some(field) = header.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len())) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, name.get(..name.len().min(MAX_NAME)).unwrap_or_default());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    // Six digits, a zero byte and the space that stood there: 512 times 255 has six.
    if let Some(field) = header.get_mut(148..155) {
        field.copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    header
}
