//! The paravisor's report (host compatibility layer), little-endian, as the vTPM keeps it: a header, the
//! hardware's report, and runtime data whose hash is in that report (rule book A.5; OpenHCL,
//! `attestation-protocol`).

use super::AzureError;
use crate::dcap::{Reader, length};
use aws_lc_rs::digest;

/// Largest report in bytes (rule book B.0: "HCL 8 KiB"; 2,600 on the wire).
pub const MAX_HCL: usize = 8 << 10;

/// Header, hardware report, and the header of the runtime data.
const MIN_HCL: usize = HEADER + HARDWARE + DATA_HEADER;
const HEADER: usize = 32;
const HARDWARE: usize = 1184;
const DATA_HEADER: usize = 20;

/// A well-formed report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hcl {
    /// Version of the header, 1 or 2.
    pub version: u32,
    /// Which processor's report is inside.
    pub kind: HclKind,
    /// How the runtime data is hashed.
    pub hash: HashKind,
    hardware: Box<[u8; HARDWARE]>,
    runtime: Vec<u8>,
}

/// Whose report is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HclKind {
    /// AMD SEV-SNP: 2.
    Snp,
    /// Intel TDX: 4.
    Tdx,
}

impl HclKind {
    /// The number in the header.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Snp => 2,
            Self::Tdx => 4,
        }
    }
}

/// The hash function over the runtime data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// SHA-256: 1.
    Sha256,
    /// SHA-384: 2.
    Sha384,
    /// SHA-512: 3.
    Sha512,
}

impl HashKind {
    const fn of(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha384),
            3 => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

impl Hcl {
    /// Reads a report of the declared kind to its last byte: AZ-02 to AZ-11.
    ///
    /// # Errors
    /// [`AzureError`]: the first rule that the bytes break.
    pub fn parse(bytes: &[u8], kind: HclKind) -> Result<Self, AzureError> {
        let short = AzureError::HclLength { actual: bytes.len() };
        if !(MIN_HCL..=MAX_HCL).contains(&bytes.len()) {
            return Err(short);
        }
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader).ok_or(short.clone())?;
        let hardware = Box::new(reader.array().ok_or(short.clone())?);
        let data = DataHeader::read(&mut reader).ok_or(short)?;
        header.check(data.variable_size)?;
        let hash = data.check(kind)?;
        let runtime = reader
            .take(length(data.variable_size))
            .ok_or(AzureError::HclDataSize("the runtime data ends after the report"))?
            .to_vec();
        // JSON has no zero: a size that counts one covers padding, and would be another hash of the same
        // text.
        if runtime.last() == Some(&0) {
            return Err(AzureError::HclDataSize("its size counts the padding"));
        }
        if let Some(offset) = reader.rest().iter().position(|byte| *byte != 0) {
            return Err(AzureError::HclPadding { offset });
        }
        Ok(Self { version: header.version, kind, hash, hardware, runtime })
    }

    /// The processor's report: an SEV-SNP report, or a TDREPORT and zeros.
    #[must_use]
    pub const fn hardware_report(&self) -> &[u8; HARDWARE] {
        &self.hardware
    }

    /// The runtime data, exactly as received: the bytes that are hashed.
    #[must_use]
    pub fn runtime_data(&self) -> &[u8] {
        &self.runtime
    }

    /// The hash of the runtime data: 32, 48 or 64 bytes.
    #[must_use]
    pub fn runtime_digest(&self) -> digest::Digest {
        self.hash.digest(&self.runtime)
    }
}

struct Header {
    magic: [u8; 4],
    version: u32,
    report_size: u32,
    request_type: u32,
    status: u32,
    reserved: [u8; 12],
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            magic: reader.array()?,
            version: reader.u32()?,
            report_size: reader.u32()?,
            request_type: reader.u32()?,
            status: reader.u32()?,
            reserved: reader.array()?,
        })
    }

    /// AZ-03 to AZ-07.
    fn check(&self, variable_size: u32) -> Result<(), AzureError> {
        if self.magic != *b"HCLA" {
            return Err(AzureError::HclMagic(self.magic));
        }
        if !matches!(self.version, 1 | 2) {
            return Err(AzureError::HclVersion(self.version));
        }
        if length(variable_size).checked_add(MIN_HCL) != Some(length(self.report_size)) {
            return Err(AzureError::HclReportSize(self.report_size));
        }
        if self.request_type != 2 {
            return Err(AzureError::HclRequestType(self.request_type));
        }
        if self.status != 0 || self.reserved != [0; 12] {
            return Err(AzureError::HclStatus(self.status));
        }
        Ok(())
    }
}

struct DataHeader {
    size: u32,
    version: u32,
    report_type: u32,
    hash_type: u32,
    variable_size: u32,
}

impl DataHeader {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            size: reader.u32()?,
            version: reader.u32()?,
            report_type: reader.u32()?,
            hash_type: reader.u32()?,
            variable_size: reader.u32()?,
        })
    }

    /// AZ-08 to AZ-10.
    fn check(&self, kind: HclKind) -> Result<HashKind, AzureError> {
        if self.report_type != kind.code() {
            return Err(AzureError::HclReportType { declared: kind, found: self.report_type });
        }
        let hash = HashKind::of(self.hash_type).ok_or(AzureError::HclHashType(self.hash_type))?;
        if self.version != 1 {
            return Err(AzureError::HclDataSize("its header has another version than 1"));
        }
        if length(self.variable_size).checked_add(DATA_HEADER) != Some(length(self.size)) {
            return Err(AzureError::HclDataSize("its two sizes do not agree"));
        }
        Ok(hash)
    }
}
