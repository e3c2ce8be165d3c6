//! TPMS_ATTEST (part 2, 10.12.12), of which only the quote is evidence.

use super::error::FormatError;
use super::reader::Reader;
use super::selection::Selection;

/// Largest TPMS_ATTEST in bytes (rule book B.0: 1 KiB).
pub const MAX_ATTEST: usize = 1 << 10;
/// TPM_GENERATED_VALUE (part 2, 6.2): a restricted key never signs outside data that starts so.
const MAGIC: u32 = 0xFF54_4347;
/// TPM_ST_ATTEST_QUOTE (part 2, 6.9).
const QUOTE: u16 = 0x8018;

/// A quote's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attest {
    bytes: Vec<u8>,
    /// Qualified Name of the signing key (part 1, 26.2): which hierarchy it hangs in.
    pub qualified_signer: Vec<u8>,
    /// The verifier's own data: the binding.
    pub extra_data: Vec<u8>,
    /// Clock and counters.
    pub clock: Clock,
    /// The vendor's firmware version; obfuscated unless the key is in the endorsement hierarchy.
    pub firmware_version: u64,
    /// Which registers were quoted.
    pub selection: Selection,
    /// Digest of their values, by the signature's hash function.
    pub pcr_digest: Vec<u8>,
}

/// TPMS_CLOCK_INFO (part 2, 10.11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds for which the TPM has been powered.
    pub milliseconds: u64,
    /// TPM resets; obfuscated unless the key is in the endorsement hierarchy, so that only equality means
    /// anything.
    pub reset_count: u32,
    /// Restarts and resumes since; obfuscated likewise.
    pub restart_count: u32,
    /// Whether no larger clock value can have been reported before.
    pub safe: bool,
}

impl Attest {
    /// Reads a quote's TPMS_ATTEST to the last byte.
    ///
    /// # Errors
    /// [`FormatError`]: TPM-01, -02, -03, -16, -17.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let malformed = FormatError::Attest;
        if bytes.len() > MAX_ATTEST {
            return Err(malformed("more than 1 KiB"));
        }
        let mut reader = Reader::new(bytes);
        let magic = reader.u32().ok_or(malformed("it ends before its magic"))?;
        if magic != MAGIC {
            return Err(FormatError::Magic(magic));
        }
        let kind = reader.u16().ok_or(malformed("it ends before its type"))?;
        if kind != QUOTE {
            return Err(FormatError::NotAQuote(kind));
        }
        let qualified_signer = reader.sized().ok_or(malformed("it ends in its signer"))?.to_vec();
        let extra_data = reader.sized().ok_or(malformed("it ends in its extra data"))?.to_vec();
        let clock = clock(&mut reader)?;
        let firmware_version = reader.u64().ok_or(malformed("it ends in its firmware version"))?;
        let selection = Selection::read(&mut reader)?;
        let pcr_digest = reader.sized().ok_or(malformed("it ends in its digest"))?.to_vec();
        if !reader.is_finished() {
            return Err(malformed("bytes follow its digest"));
        }
        let bytes = bytes.to_vec();
        Ok(Self { bytes, qualified_signer, extra_data, clock, firmware_version, selection, pcr_digest })
    }

    /// All bytes as received: what the signature covers.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn clock(reader: &mut Reader<'_>) -> Result<Clock, FormatError> {
    let ends = FormatError::Attest("it ends in its clock");
    let (milliseconds, reset_count) = (reader.u64().ok_or(ends.clone())?, reader.u32().ok_or(ends.clone())?);
    let restart_count = reader.u32().ok_or(ends.clone())?;
    // TPMI_YES_NO (part 2, 9.2) has these two values.
    let safe = match reader.u8().ok_or(ends)? {
        0 => false,
        1 => true,
        _ => return Err(FormatError::Attest("its clock is neither safe nor unsafe")),
    };
    Ok(Clock { milliseconds, reset_count, restart_count, safe })
}
