//! One GET_MEASUREMENTS exchange of SPDM 1.2 or 1.3, with a signature (DSP0274 1.2 and 1.3, 10.11).

use super::error::TdiError;
use super::vca::{SpdmVersion, Vca};
use crate::bytes::Hex;
use crate::dcap::reader::{Reader, length};
use crate::nvidia::{Block, read_blocks};
use aws_lc_rs::digest::{Context, SHA384};

/// Largest exchange in bytes that is read: twice NVML's buffer for a report, because responders that send raw
/// measurements send more.
pub const MAX_EXCHANGE: usize = 16 << 10;

const GET_MEASUREMENTS: u8 = 0xE0;
const MEASUREMENTS: u8 = 0x60;
/// Param1 of the request: a signature is asked for.
const SIGNATURE_REQUESTED: u8 = 0x01;
/// Param2 of the request: all measurements.
const ALL: u8 = 0xFF;
/// The highest certificate slot.
const MAX_SLOT: u8 = 7;
/// Bits of Param2 of the response: measurements changed while they were read.
const CONTENT_CHANGED: u8 = 0x10;
/// OpaqueDataLength is at most this (DSP0274 1.2, 10.11.2).
const MAX_OPAQUE: u16 = 1024;
/// What a responder signs begins with four times this, with the version in it (DSP0274 1.2, clause 15).
const PREFIX: [&[u8; 16]; 2] = [b"dmtf-spdm-v1.2.*", b"dmtf-spdm-v1.3.*"];
/// Then this context, with zeros before it up to 36 bytes.
const CONTEXT: &[u8; 30] = b"responder-measurements signing";

/// A well-formed exchange. Nothing about its signature is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurements {
    bytes: Vec<u8>,
    /// Bytes of the request.
    request: usize,
    signature: [u8; 96],
    version: SpdmVersion,
    /// The requester's nonce.
    pub nonce: Hex<32>,
    /// In the record's order; no index occurs twice.
    pub blocks: Vec<Block>,
}

impl Measurements {
    /// Reads an exchange of this version to its last byte.
    ///
    /// # Errors
    /// [`TdiError::Measurements`] and [`TdiError::Blocks`] (TDI-05).
    pub fn parse(bytes: &[u8], version: SpdmVersion) -> Result<Self, TdiError> {
        if bytes.len() > MAX_EXCHANGE {
            return Err(TdiError::Measurements("more bytes than any exchange has"));
        }
        let mut reader = Reader::new(bytes);
        let asked = request(&mut reader, version)?;
        let request = bytes.len().saturating_sub(reader.remaining());
        let (count, record) = response(&mut reader, version, asked.slot)?;
        let blocks = read_blocks(count, record).map_err(TdiError::Blocks)?;
        let ends = TdiError::Measurements("it ends before its signature");
        let _responder_nonce: [u8; 32] = reader.array().ok_or(ends.clone())?;
        let opaque = reader.u16().ok_or(ends.clone())?;
        if opaque > MAX_OPAQUE {
            return Err(TdiError::Measurements("opaque data has more than 1024 bytes"));
        }
        reader.take(usize::from(opaque)).ok_or(ends.clone())?;
        let context = context(&mut reader, version).ok_or(ends.clone())?;
        if context != asked.context {
            return Err(TdiError::Measurements("the response has another context than the request"));
        }
        let signature = reader.array().ok_or(ends)?;
        if reader.remaining() > 0 {
            return Err(TdiError::Measurements("something follows the signature"));
        }
        Ok(Self { bytes: bytes.to_vec(), request, signature, version, nonce: asked.nonce, blocks })
    }

    /// What the signature covers: 100 bytes that name version and purpose, and SHA-384 of L1, which is the
    /// transcript of the negotiation, the request, and the response without its signature.
    #[must_use]
    pub fn signed(&self, vca: &Vca) -> Vec<u8> {
        let unsigned = self.bytes.len().saturating_sub(self.signature.len());
        let mut transcript = Context::new(&SHA384);
        transcript.update(vca.bytes());
        transcript.update(self.bytes.get(..unsigned).unwrap_or_default());
        let [v1_2, v1_3] = PREFIX;
        let prefix = if self.version == SpdmVersion::V1_2 { v1_2 } else { v1_3 };
        [&prefix.repeat(4), &[0; 6][..], CONTEXT, transcript.finish().as_ref()].concat()
    }

    /// r ‖ s, big-endian.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 96] {
        &self.signature
    }

    /// The response with its signature: the object of which a TSM states a digest.
    #[must_use]
    pub fn response(&self) -> &[u8] {
        self.bytes.get(self.request..).unwrap_or_default()
    }
}

/// What of a request its response must fit.
struct Asked {
    nonce: Hex<32>,
    slot: u8,
    context: Option<[u8; 8]>,
}

fn request(reader: &mut Reader<'_>, version: SpdmVersion) -> Result<Asked, TdiError> {
    let ends = TdiError::Measurements("it ends within the request");
    let [found, code, attributes, operation] = reader.array().ok_or(ends.clone())?;
    let nonce = reader.array().map(Hex).ok_or(ends.clone())?;
    let slot = reader.u8().ok_or(ends.clone())?;
    let context = context(reader, version).ok_or(ends)?;
    let refuse = |problem| Err(TdiError::Measurements(problem));
    if found != version.byte() || code != GET_MEASUREMENTS {
        return refuse("the request is not GET_MEASUREMENTS of the version that was agreed on");
    }
    if attributes & SIGNATURE_REQUESTED == 0 {
        return refuse("no signature was asked for");
    }
    if operation != ALL {
        return refuse("not all measurements were asked for");
    }
    if slot > MAX_SLOT {
        refuse("there is no such certificate slot")
    } else {
        Ok(Asked { nonce, slot, context })
    }
}

/// Eight bytes from SPDM 1.3 on; `None` when they are cut off.
#[expect(clippy::option_option, reason = "absent in one version, cut off in the other")]
fn context(reader: &mut Reader<'_>, version: SpdmVersion) -> Option<Option<[u8; 8]>> {
    match version {
        SpdmVersion::V1_2 => Some(None),
        SpdmVersion::V1_3 => reader.array().map(Some),
    }
}

/// The number of blocks, and the record that holds them.
fn response<'a>(
    reader: &mut Reader<'a>,
    version: SpdmVersion,
    asked: u8,
) -> Result<(u8, &'a [u8]), TdiError> {
    let ends = TdiError::Measurements("it ends within the response");
    let [found, code, _, param2] = reader.array().ok_or(ends.clone())?;
    let refuse = |problem| Err(TdiError::Measurements(problem));
    if found != version.byte() || code != MEASUREMENTS {
        return refuse("the response is not MEASUREMENTS of the version that was agreed on");
    }
    if param2 & 0x0F != asked {
        return refuse("it is signed for another certificate slot than was asked");
    }
    if param2 & 0x30 == CONTENT_CHANGED {
        return refuse("measurements changed while they were read");
    }
    let [count, low, middle, high] = reader.array().ok_or(ends.clone())?;
    let size = length(u32::from_le_bytes([low, middle, high, 0]));
    Ok((count, reader.take(size).ok_or(ends)?))
}
