//! VCA: the messages with which requester and responder agree on version, capabilities and algorithms. From
//! SPDM 1.2 on every measurement signature covers them (DSP0274 1.2, 10.11.2: L1/L2 begin with A).

use super::error::TdiError;
use crate::dcap::reader::Reader;
use serde::{Serialize, Serializer};

/// Largest transcript in bytes that is read: six messages, of which the longest has at most 128 bytes
/// (DSP0274 1.2, 10.4), and VERSION two bytes for each version.
pub const MAX_VCA: usize = 1 << 10;

/// SPDM 1.0: GET_VERSION and VERSION are always of it.
const SPDM_1_0: u8 = 0x10;
const GET_VERSION: u8 = 0x84;
const VERSION: u8 = 0x04;
const GET_CAPABILITIES: u8 = 0xE1;
const CAPABILITIES: u8 = 0x61;
const NEGOTIATE_ALGORITHMS: u8 = 0xE3;
const ALGORITHMS: u8 = 0x63;
/// Bytes of GET_CAPABILITIES and CAPABILITIES from SPDM 1.2 on (DSP0274 1.2, tables 11 and 12).
const CAPABILITIES_LENGTH: usize = 20;
/// Param1 of SPDM 1.3's CAPABILITIES: a block of algorithms follows.
const ALGORITHMS_FOLLOW: u8 = 0x01;
/// Bytes of ALGORITHMS before its lists (DSP0274 1.2, table 21).
const ALGORITHMS_LENGTH: u16 = 36;
/// MeasurementSpecificationSel: DMTF's.
const DMTF: u8 = 0x01;
/// BaseAsymSel: TPM_ALG_ECDSA_ECC_NIST_P384.
const ECDSA_P384: u32 = 0x80;
/// BaseHashSel: TPM_ALG_SHA_384.
const SHA_384: u32 = 0x02;

/// The versions whose signatures are verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpdmVersion {
    /// 1.2.
    V1_2,
    /// 1.3: requests have a context, which responses repeat.
    V1_3,
}

impl SpdmVersion {
    /// The first byte of every message.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::V1_2 => 0x12,
            Self::V1_3 => 0x13,
        }
    }

    /// The version in words, as the signing prefix has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::V1_2, Self::V1_3].into_iter().find(|version| version.byte() == byte)
    }
}

impl Serialize for SpdmVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A transcript that ends with ECDSA on P-384 and SHA-384.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vca {
    bytes: Vec<u8>,
    /// The version that was agreed on.
    pub version: SpdmVersion,
}

impl Vca {
    /// Reads a transcript to its last byte.
    ///
    /// # Errors
    /// [`TdiError::Vca`] (TDI-03), [`TdiError::Algorithms`] (TDI-04).
    pub fn parse(bytes: &[u8]) -> Result<Self, TdiError> {
        if bytes.len() > MAX_VCA {
            return Err(TdiError::Vca("more bytes than six messages have"));
        }
        let mut reader = Reader::new(bytes);
        header(&mut reader, SPDM_1_0, GET_VERSION, "GET_VERSION is not there")?;
        header(&mut reader, SPDM_1_0, VERSION, "VERSION is not there")?;
        let offered = versions(&mut reader)?;
        let (version, [_, _]) = capabilities(&mut reader, GET_CAPABILITIES)?;
        let (answered, [param1, _]) = capabilities(&mut reader, CAPABILITIES)?;
        if answered != version || !offered.iter().any(|entry| entry >> 8 == u16::from(version.byte())) {
            return Err(TdiError::Vca("the version is not one that was agreed on"));
        }
        if param1 & ALGORITHMS_FOLLOW != 0 {
            return Err(TdiError::Vca("CAPABILITIES with a block of algorithms is not read"));
        }
        header(&mut reader, version.byte(), NEGOTIATE_ALGORITHMS, "NEGOTIATE_ALGORITHMS is not there")?;
        rest_of(&mut reader)?;
        header(&mut reader, version.byte(), ALGORITHMS, "ALGORITHMS is not there")?;
        algorithms(rest_of(&mut reader)?)?;
        if reader.remaining() > 0 {
            return Err(TdiError::Vca("something follows ALGORITHMS"));
        }
        Ok(Self { bytes: bytes.to_vec(), version })
    }

    /// The transcript, as every signature covers it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The first four bytes of a message: version, code and two parameters.
fn header(
    reader: &mut Reader<'_>,
    version: u8,
    code: u8,
    problem: &'static str,
) -> Result<[u8; 2], TdiError> {
    match reader.array() {
        Some([v, c, param1, param2]) if v == version && c == code => Ok([param1, param2]),
        _ => Err(TdiError::Vca(problem)),
    }
}

/// VersionNumberEntry of each version that the responder offers: major and minor in its upper byte.
fn versions(reader: &mut Reader<'_>) -> Result<Vec<u16>, TdiError> {
    let problem = TdiError::Vca("VERSION ends within its list");
    let [_, count] = reader.array().ok_or(problem.clone())?;
    let entries = (0..count).map(|_| reader.u16());
    entries.collect::<Option<Vec<u16>>>().ok_or(problem)
}

/// The version of one of the two messages of 20 bytes, and its parameters.
fn capabilities(reader: &mut Reader<'_>, code: u8) -> Result<(SpdmVersion, [u8; 2]), TdiError> {
    let problem = TdiError::Vca("capabilities are not exchanged");
    let message: [u8; CAPABILITIES_LENGTH] = reader.array().ok_or(problem.clone())?;
    let [version, found, param1, param2, ..] = message;
    let version = SpdmVersion::of(version).ok_or(TdiError::Vca("its version is neither 1.2 nor 1.3"))?;
    if found == code { Ok((version, [param1, param2])) } else { Err(problem) }
}

/// The rest of a message that states its own length after its header.
fn rest_of<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], TdiError> {
    let problem = TdiError::Vca("a message about algorithms has another length than it says");
    let length = reader.u16().ok_or(problem.clone())?;
    // Header and length field are behind.
    let rest = length.checked_sub(6).ok_or(problem.clone())?;
    reader.take(usize::from(rest)).ok_or(problem)
}

/// TDI-04: what of the responder's choice counts for measurements.
fn algorithms(rest: &[u8]) -> Result<(), TdiError> {
    if rest.len() < usize::from(ALGORITHMS_LENGTH.saturating_sub(6)) {
        return Err(TdiError::Vca("ALGORITHMS ends within its fields"));
    }
    let mut reader = Reader::new(rest);
    let fields = (|| {
        let [specification, _] = reader.array()?;
        let _measurement_hash = reader.u32()?;
        Some((specification, reader.u32()?, reader.u32()?))
    })();
    match fields {
        Some((DMTF, ECDSA_P384, SHA_384)) => Ok(()),
        Some((DMTF, ECDSA_P384, _)) => Err(TdiError::Algorithms("the hash is not SHA-384")),
        Some((DMTF, ..)) => Err(TdiError::Algorithms("the signature is not ECDSA on P-384")),
        _ => Err(TdiError::Algorithms("the measurements are not of DMTF's form")),
    }
}
