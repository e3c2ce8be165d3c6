//! The binary measurement list of Linux's integrity measurement architecture, as
//! `/sys/kernel/security/ima/binary_runtime_measurements` writes it, little-endian (Linux,
//! `security/integrity/ima/ima_fs.c` and `ima_template.c`).
//!
//! Each entry: register u32, template digest (SHA-1), length and name of the template, and the template's
//! data. The data has a length before it, except in the oldest template, `ima`.

use super::tcg::within;
use super::{EventLogError, PcrBank};
use crate::bytes::Digest;
use crate::dcap::{Reader, length};

/// Largest list in bytes (LOG-01).
pub const MAX_LIST: usize = 8 << 20;
/// Most entries (LOG-01).
pub const MAX_ENTRIES: usize = 65536;
/// Most bytes of one entry's data (LOG-01).
pub const MAX_ENTRY_DATA: usize = 64 << 10;
/// Most bytes of a name in the template `ima` (`IMA_EVENT_NAME_LEN_MAX`, Linux `ima.h`).
const MAX_OLD_NAME: usize = 255;
/// Most bytes of a template's name: `ima-modsig` has 10.
const MAX_TEMPLATE_NAME: usize = 16;

/// The templates that are read (LOG-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// `ima`: a SHA-1 or MD5 digest in 20 bytes, and a name.
    Ima,
    /// `ima-ng`: digest and name.
    Ng,
    /// `ima-sig`: and the file's signature.
    Sig,
    /// `ima-buf`: and the buffer that was measured.
    Buf,
    /// `ima-modsig`: and an appended signature with the digest that it covers.
    Modsig,
}

impl Template {
    fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"ima" => Some(Self::Ima),
            b"ima-ng" => Some(Self::Ng),
            b"ima-sig" => Some(Self::Sig),
            b"ima-buf" => Some(Self::Buf),
            b"ima-modsig" => Some(Self::Modsig),
            _ => None,
        }
    }
}

/// One entry of the list, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The register that it says it extended.
    pub register: u32,
    /// The template's digest in SHA-1; zero for a violation.
    pub template_digest: [u8; 20],
    /// The template.
    pub template: Template,
    /// Bytes over which the template's digest is made; see [`Entry::hashed`] for `ima`.
    data: &'a [u8],
    /// Hash algorithm of the file's digest, in the kernel's name, e.g. `sha256`.
    pub algorithm: &'a str,
    /// Digest of the file or buffer; zero for a violation.
    pub digest: Digest,
    /// Path of the file, or name of the buffer, as the kernel wrote it: bytes, which need not be text.
    pub path: &'a [u8],
    /// Signature of the file (`ima-sig`, `ima-modsig`); empty when it has none.
    pub signature: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Whether the kernel found that a file could have changed while it was measured: it writes zeros, and
    /// extends ones.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.template_digest == [0; 20]
    }

    /// The bytes whose hash is the template's digest. In `ima` the name is hashed with zeros up to 256 bytes.
    pub fn hashed(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        const ZEROS: [u8; MAX_OLD_NAME + 1] = [0; MAX_OLD_NAME + 1];
        let (first, second, zeros) = match (self.template, self.data.split_at_checked(20)) {
            // The name's length stands between digest and name.
            (Template::Ima, Some((digest, rest))) => {
                let name = rest.get(4..).unwrap_or_default();
                let zeros = ZEROS.get(name.len()..).unwrap_or_default();
                (digest, name, zeros)
            }
            _ => (self.data, [].as_slice(), [].as_slice()),
        };
        [first, second, zeros].into_iter()
    }
}

/// Parses a list.
///
/// # Errors
/// [`EventLogError`]: LOG-01, LOG-05, LOG-21.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry<'_>>, EventLogError> {
    within("bytes of an IMA list", MAX_LIST, bytes.len())?;
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while reader.remaining() > 0 {
        let entry = entries.len();
        within("entries of an IMA list", MAX_ENTRIES, entry + 1)?;
        entries.push(read(&mut reader, entry)?);
    }
    Ok(entries)
}

fn read<'a>(reader: &mut Reader<'a>, entry: usize) -> Result<Entry<'a>, EventLogError> {
    let truncated = EventLogError::Truncated { record: entry };
    let wrong = |problem| EventLogError::ImaTemplate { entry, problem };
    let register = reader.u32().ok_or(truncated.clone())?;
    let template_digest = reader.array().ok_or(truncated.clone())?;
    let name_length = length(reader.u32().ok_or(truncated.clone())?);
    if name_length > MAX_TEMPLATE_NAME {
        return Err(wrong("its template is not known"));
    }
    let name = reader.take(name_length).ok_or(truncated.clone())?;
    let template = Template::from_name(name).ok_or(wrong("its template is not known"))?;
    let data = match template {
        Template::Ima => old_data(reader, entry)?,
        _ => {
            let size = length(reader.u32().ok_or(truncated.clone())?);
            within("bytes of one IMA entry's data", MAX_ENTRY_DATA, size)?;
            reader.take(size).ok_or(truncated)?
        }
    };
    let fields = match template {
        Template::Ima => old_fields(data),
        _ => new_fields(template, data),
    };
    let Fields { algorithm, digest, path, signature } = fields.ok_or(wrong("its fields do not fit"))?;
    Ok(Entry { register, template_digest, template, data, algorithm, digest, path, signature })
}

struct Fields<'a> {
    algorithm: &'a str,
    digest: Digest,
    path: &'a [u8],
    signature: &'a [u8],
}

/// The data of template `ima`: 20 bytes of digest, and a name with its length.
fn old_data<'a>(reader: &mut Reader<'a>, entry: usize) -> Result<&'a [u8], EventLogError> {
    let truncated = EventLogError::Truncated { record: entry };
    let mut ahead = *reader;
    ahead.take(20).ok_or(truncated.clone())?;
    let size = length(ahead.u32().ok_or(truncated.clone())?);
    within("bytes of a name in an IMA entry", MAX_OLD_NAME, size)?;
    reader.take(24 + size).ok_or(truncated)
}

fn old_fields(data: &[u8]) -> Option<Fields<'_>> {
    let (digest, rest) = data.split_at_checked(20)?;
    let path = rest.get(4..)?;
    // The template does not say whether it is SHA-1 or MD5 with zeros; nobody asks for MD5.
    Some(Fields { algorithm: "sha1", digest: Digest::try_from(digest).ok()?, path, signature: &[] })
}

/// The fields `d-ng | n-ng`, then what the template adds, each with its length before it.
fn new_fields(template: Template, data: &[u8]) -> Option<Fields<'_>> {
    let mut reader = Reader::new(data);
    let (algorithm, digest) = named_digest(field(&mut reader)?)?;
    let path = field(&mut reader)?.strip_suffix(&[0])?;
    let signature = match template {
        Template::Ima | Template::Ng => &[],
        Template::Sig => field(&mut reader)?,
        Template::Buf => {
            field(&mut reader)?;
            &[]
        }
        Template::Modsig => {
            let signature = field(&mut reader)?;
            // The digest that the appended signature covers, and that signature; both may be empty.
            field(&mut reader)?;
            field(&mut reader)?;
            signature
        }
    };
    (reader.remaining() == 0).then_some(Fields { algorithm, digest, path, signature })
}

fn field<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let size = length(reader.u32()?);
    reader.take(size)
}

/// `d-ng`: the name of an algorithm, `:`, a zero byte, and the digest, whose size is the algorithm's.
fn named_digest(field: &[u8]) -> Option<(&str, Digest)> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    let (name, rest) = field.split_at_checked(colon)?;
    let digest = rest.strip_prefix(b":\0")?;
    let name = std::str::from_utf8(name).ok()?;
    let size = match name {
        "md5" => 16,
        // The three that the kernel knows besides the banks (`hash_info.c`).
        "sha224" => 28,
        "rmd160" => 20,
        "sm3" | "sm3-256" => 32,
        _ => PcrBank::from_name(name)?.size(),
    };
    (digest.len() == size).then_some((name, Digest::try_from(digest).ok()?))
}
