//! The report: request ‖ response of SPDM 1.1 GET_MEASUREMENTS, read field by field (DSP0274, 10.11).

use super::error::FormatError;
use super::opaque::Opaque;
use crate::bytes::Hex;
use crate::dcap::reader::{Reader, length};
use serde::{Serialize, Serializer};

/// Largest report in bytes: NVML's `attestationReport[0x2000]`.
pub const MAX_REPORT: usize = 0x2000;
/// Bytes of the request.
pub const REQUEST_LENGTH: usize = 37;
/// Most zeros after the signature. NVML's size may count more than the message has; one byte was seen.
pub const MAX_TRAILING: usize = 16;

/// SPDMVersion 1.1, the first byte of both messages.
const SPDM_1_1: u8 = 0x11;
/// GET_MEASUREMENTS.
const GET_MEASUREMENTS: u8 = 0xe0;
/// MEASUREMENTS.
const MEASUREMENTS: u8 = 0x60;
/// Param1 of the request: a signature is asked for.
const SIGNATURE_REQUESTED: u8 = 0x01;
/// Param2 of the request: all measurements.
const ALL: u8 = 0xff;
/// MeasurementSpecification: DMTF.
const DMTF: u8 = 0x01;
/// Bytes of a DMTF measurement before its value.
const VALUE_HEADER: usize = 3;

/// A well-formed report. Nothing about its signature is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    #[serde(skip)]
    bytes: Vec<u8>,
    #[serde(skip)]
    signed: usize,
    #[serde(skip)]
    signature: [u8; 96],
    /// The verifier's challenge: the requester's nonce.
    pub nonce: Hex<32>,
    /// The device's own.
    pub responder_nonce: Hex<32>,
    /// In the record's order; no index occurs twice.
    pub blocks: Vec<Block>,
    /// Versions, mode, neighbours.
    pub opaque: Opaque,
    /// Zeros after the signature, which are nobody's statement.
    pub trailing: usize,
}

/// One measurement block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// From 1. Manifests count from 0, so that theirs is one less.
    pub index: u8,
    /// What was measured.
    pub value_type: ValueType,
    /// Digest or bytes, as `value_type` says.
    #[serde(serialize_with = "as_hex")]
    pub value: Vec<u8>,
}

/// DMTFSpecMeasurementValueType: bit 7 says raw bytes, the rest what they are of (DSP0274, table 54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ValueType(pub u8);

impl ValueType {
    /// A security version number, raw.
    pub const SVN: Self = Self(0x87);

    /// Whether the value is the bytes themselves; else it is their digest.
    #[must_use]
    pub const fn is_raw(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl Report {
    /// Reads a report to its last byte.
    ///
    /// # Errors
    /// The [`FormatError`] of the first rule it breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_REPORT {
            return Err(FormatError::Length { actual: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let nonce = request(&mut reader)?;
        let (count, record) = response(&mut reader)?;
        let blocks = blocks(count, record)?;
        let responder_nonce = reader.array().ok_or(FormatError::Truncated("the responder's nonce"))?;
        let opaque = reader.u16().ok_or(FormatError::Truncated("the length of opaque data"))?;
        let opaque = reader.take(usize::from(opaque)).ok_or(FormatError::Truncated("opaque data"))?;
        let opaque = Opaque::parse(opaque)?;
        let signed = bytes.len().saturating_sub(reader.remaining());
        let signature = reader.array().ok_or(FormatError::Truncated("the signature"))?;
        let trailing = reader.rest();
        if trailing.len() > MAX_TRAILING || trailing.iter().any(|byte| *byte != 0) {
            return Err(FormatError::Trailing(trailing.len()));
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            signed,
            signature,
            nonce: Hex(nonce),
            responder_nonce: Hex(responder_nonce),
            blocks,
            opaque,
            trailing: trailing.len(),
        })
    }

    /// What the signature covers: request ‖ response without signature, plain (SPDM 1.1 has no prefix).
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.bytes.get(..self.signed).unwrap_or_default()
    }

    /// r ‖ s, big-endian.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 96] {
        &self.signature
    }

    /// The message, without what follows the signature.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.bytes.get(..self.bytes.len().saturating_sub(self.trailing)).unwrap_or_default()
    }

    /// The block of an index.
    #[must_use]
    pub fn block(&self, index: u8) -> Option<&Block> {
        self.blocks.iter().find(|block| block.index == index)
    }
}

/// Always the same 37 bytes but for the nonce: what else was asked has another meaning.
fn request(reader: &mut Reader<'_>) -> Result<[u8; 32], FormatError> {
    let truncated = FormatError::Truncated("the request");
    let [version, code, signature, operation] = reader.array().ok_or(truncated.clone())?;
    let nonce = reader.array().ok_or(truncated.clone())?;
    let slot = reader.u8().ok_or(truncated)?;
    let problem = match (version, code, signature, operation, slot) {
        (SPDM_1_1, GET_MEASUREMENTS, SIGNATURE_REQUESTED, ALL, 0) => return Ok(nonce),
        (SPDM_1_1, GET_MEASUREMENTS, SIGNATURE_REQUESTED, ALL, _) => "another certificate slot than 0",
        (SPDM_1_1, GET_MEASUREMENTS, SIGNATURE_REQUESTED, ..) => "not all measurements were asked for",
        (SPDM_1_1, GET_MEASUREMENTS, ..) => "no signature was asked for",
        (SPDM_1_1, ..) => "not GET_MEASUREMENTS",
        _ => "not of SPDM 1.1",
    };
    Err(FormatError::Request(problem))
}

/// The number of blocks, and the record that holds them. Reserved bits are the device's own affair: they are
/// signed.
fn response<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), FormatError> {
    let truncated = FormatError::Truncated("the response");
    let [version, code, _, slot] = reader.array().ok_or(truncated.clone())?;
    if version != SPDM_1_1 {
        return Err(FormatError::Response("not of SPDM 1.1"));
    }
    if code != MEASUREMENTS {
        return Err(FormatError::Response("not MEASUREMENTS"));
    }
    if slot & 0x0f != 0 {
        return Err(FormatError::Response("signed for another certificate slot than 0"));
    }
    let [count, low, middle, high] = reader.array().ok_or(truncated)?;
    let size = length(u32::from_le_bytes([low, middle, high, 0]));
    let record = reader.take(size).ok_or(FormatError::Truncated("the measurement record"))?;
    Ok((count, record))
}

/// The blocks of a measurement record, which every version of SPDM has in this form.
pub(crate) fn blocks(count: u8, record: &[u8]) -> Result<Vec<Block>, FormatError> {
    let mut reader = Reader::new(record);
    let mut blocks: Vec<Block> = Vec::with_capacity(usize::from(count));
    let mut seen = [false; 256];
    for position in 0..usize::from(count) {
        let block = block(&mut reader).map_err(|problem| FormatError::Block { position, problem })?;
        let seen = seen.get_mut(usize::from(block.index));
        if seen.is_none_or(|seen| std::mem::replace(seen, true)) {
            return Err(FormatError::DuplicateIndex(block.index));
        }
        blocks.push(block);
    }
    if reader.remaining() > 0 {
        let problem = "the record goes on after the last block";
        return Err(FormatError::Block { position: usize::from(count), problem });
    }
    Ok(blocks)
}

fn block(reader: &mut Reader<'_>) -> Result<Block, &'static str> {
    const ENDS: &str = "the record ends within it";
    let [index, specification] = reader.array().ok_or(ENDS)?;
    let size = usize::from(reader.u16().ok_or(ENDS)?);
    let mut measurement = Reader::new(reader.take(size).ok_or(ENDS)?);
    if index == 0 {
        return Err("its index is 0");
    }
    if specification != DMTF {
        return Err("its specification is not DMTF's");
    }
    let header: Option<[u8; VALUE_HEADER]> = measurement.array();
    let [kind, low, high] = header.ok_or("it has no value")?;
    let value = measurement.rest();
    if value.len() != usize::from(u16::from_le_bytes([low, high])) {
        return Err("its two sizes disagree");
    }
    Ok(Block { index, value_type: ValueType(kind), value: value.to_vec() })
}

pub(super) fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}
