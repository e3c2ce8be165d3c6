//! The whole quote: header, body, signature data, and nothing after it.

use super::enclave::{EnclaveReport, QeReport};
use super::error::QuoteError;
use super::header::{Header, TeeType};
use super::pem;
use super::reader::{Reader, length};
use crate::tdx;
use serde::Serialize;

/// Largest quote in bytes, padding included (rule book B.0).
pub const MAX_QUOTE: usize = 32 << 10;
/// Most zeros after the signature data (DCAP-09; the longest real padding has 3065).
pub const MAX_TRAILING_ZEROS: usize = 8 << 10;
/// Most bytes of QE authentication data (DCAP-14; all real ones have 32).
pub const MAX_QE_AUTH_DATA: u16 = 1024;
/// Largest certificate in bytes (rule book B.0).
pub const MAX_CERTIFICATE: usize = 8 << 10;

/// The signature length field.
const LENGTH_FIELD: usize = 4;
const QE_REPORT_DATA: u16 = 6;

/// A well-formed quote. `B` is the kind of its body: [`Body`] as parsed, [`tdx::Body`] once it is known to
/// speak for a TDX guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quote<B = Body> {
    /// The header.
    pub header: Header,
    /// What is attested.
    pub body: B,
    /// ECDSA P-256 signature `r || s` over [`Quote::signed`], big-endian.
    #[serde(skip)]
    pub signature: [u8; 64],
    /// The attestation key, point `x || y`, big-endian.
    #[serde(skip)]
    pub attestation_key: [u8; 64],
    /// The quoting enclave's report; its report data binds the attestation key.
    pub qe_report: QeReport,
    /// ECDSA P-256 signature `r || s` over the QE report, by the PCK key.
    #[serde(skip)]
    pub qe_report_signature: [u8; 64],
    /// Data that the quoting enclave hashed with the attestation key.
    #[serde(skip)]
    pub qe_auth_data: Vec<u8>,
    /// Which PCK certificate signed for the quoting enclave.
    #[serde(skip)]
    pub certification: Certification,
    /// Everything up to the end of the signature data.
    #[serde(skip)]
    raw: Vec<u8>,
    /// How many bytes of `raw` are signed.
    #[serde(skip)]
    signed: usize,
}

/// The body of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// An SGX enclave.
    Enclave(Box<EnclaveReport>),
    /// A TDX guest.
    Td(Box<tdx::Body>),
}

/// Certification data: how the quote names the PCK certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certification {
    /// Types 1, 2 and 3: only the identifiers of a platform, clear or encrypted. The certificate itself would
    /// have to be known already.
    PlatformIdentifiers {
        /// 1 clear, 2 encrypted with RSA-2048, 3 encrypted with RSA-3072.
        kind: u16,
        /// The identifiers as received.
        data: Vec<u8>,
    },
    /// Type 5: the certificates themselves.
    Chain(PckChain),
}

/// The three certificates of a PCK chain (DER), in the order in which the quote has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PckChain {
    /// The PCK certificate.
    pub leaf: Vec<u8>,
    /// The Platform or Processor CA.
    pub ca: Vec<u8>,
    /// The root, as the quote asserts it.
    pub root: Vec<u8>,
}

impl Quote {
    /// Parses a quote of version 3, 4 or 5, padding with zeros allowed after it (rule book A.2, DCAP-01 to
    /// -12, -14, -15; TDX-26).
    ///
    /// # Errors
    /// [`QuoteError`]: the first rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, QuoteError> {
        check_length(bytes, EnclaveReport::LENGTH)?;
        let mut reader = Reader::new(bytes);
        let short = |body: usize| too_short(bytes, body);
        let header = Header::read(&mut reader).ok_or_else(|| short(EnclaveReport::LENGTH))??;
        let body = Layout::read(&header, &mut reader).ok_or_else(|| short(EnclaveReport::LENGTH))??;
        check_length(bytes, body.length())?;
        let body = body.parse(&mut reader).ok_or_else(|| short(body.length()))?;
        let signed = bytes.len().saturating_sub(reader.remaining());

        let declared = reader.u32().ok_or_else(|| short(EnclaveReport::LENGTH))?;
        let data = reader
            .take(length(declared))
            .ok_or(QuoteError::SignatureLength { declared, reason: "the quote ends before" })?;
        let whole = bytes.len().saturating_sub(reader.remaining());
        let raw = bytes.get(..whole).unwrap_or(bytes).to_vec();
        let tail = reader.rest();

        let ended = QuoteError::SignatureLength { declared, reason: "its parts do not fit" };
        let mut reader = Reader::new(data);
        let signature = reader.array().ok_or_else(|| ended.clone())?;
        let attestation_key = reader.array().ok_or_else(|| ended.clone())?;
        let mut lengths = Lengths { signature: declared, outer: None };
        if header.version >= 4 {
            let kind = reader.u16().ok_or_else(|| ended.clone())?;
            if kind != QE_REPORT_DATA {
                return Err(QuoteError::OuterCertificationType(kind));
            }
            let outer = reader.u32().ok_or_else(|| ended.clone())?;
            lengths.outer = Some((outer, reader.remaining()));
        }
        let qe_report = EnclaveReport::read(&mut reader).ok_or_else(|| ended.clone())?;
        let qe_report_signature = reader.array().ok_or_else(|| ended.clone())?;
        let auth_length = reader.u16().ok_or_else(|| ended.clone())?;
        if auth_length > MAX_QE_AUTH_DATA {
            return Err(QuoteError::QeAuthDataTooLong { actual: auth_length, maximum: MAX_QE_AUTH_DATA });
        }
        let qe_auth_data = reader.take(auth_length.into()).ok_or_else(|| ended.clone())?.to_vec();
        let kind = reader.u16().ok_or_else(|| ended.clone())?;
        let inner = reader.u32().ok_or(ended)?;
        lengths.check(inner, reader.remaining())?;
        check_tail(tail)?;
        let certification = match kind {
            1..=3 => Certification::PlatformIdentifiers { kind, data: reader.rest().to_vec() },
            5 => Certification::Chain(pem::read_chain(reader.rest())?),
            kind => return Err(QuoteError::CertificationType(kind)),
        };
        Ok(Self {
            header,
            body,
            signature,
            attestation_key,
            qe_report,
            qe_report_signature,
            qe_auth_data,
            certification,
            raw,
            signed,
        })
    }

    /// The quote of a TDX guest, typed as such.
    ///
    /// # Errors
    /// [`QuoteError::KindMismatch`] for an SGX enclave's (COL-04).
    pub fn into_td(self) -> Result<Quote<tdx::Body>, QuoteError> {
        self.retyped(|body| match body {
            Body::Td(body) => Ok(*body),
            Body::Enclave(_) => Err(QuoteError::KindMismatch { declared: "tdx", found: "an SGX enclave" }),
        })
    }

    /// The quote of an SGX enclave, typed as such.
    ///
    /// # Errors
    /// [`QuoteError::KindMismatch`] for a TDX guest's (COL-04).
    pub fn into_enclave(self) -> Result<Quote<EnclaveReport>, QuoteError> {
        self.retyped(|body| match body {
            Body::Enclave(body) => Ok(*body),
            Body::Td(_) => Err(QuoteError::KindMismatch { declared: "sgx", found: "a TDX guest" }),
        })
    }

    fn retyped<B>(self, body: impl FnOnce(Body) -> Result<B, QuoteError>) -> Result<Quote<B>, QuoteError> {
        Ok(Quote {
            header: self.header,
            body: body(self.body)?,
            signature: self.signature,
            attestation_key: self.attestation_key,
            qe_report: self.qe_report,
            qe_report_signature: self.qe_report_signature,
            qe_auth_data: self.qe_auth_data,
            certification: self.certification,
            raw: self.raw,
            signed: self.signed,
        })
    }
}

impl<B> Quote<B> {
    /// The bytes that the attestation key signs, exactly as received: header, version 5's descriptor, body.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.raw.get(..self.signed).unwrap_or(&self.raw)
    }

    /// The quote exactly as received, without the padding after it (DCAP-09).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.raw
    }
}

/// The body layouts that this build reads.
#[derive(Clone, Copy)]
enum Layout {
    Enclave,
    Td(tdx::BodyKind),
}

impl Layout {
    /// From the header, and in version 5 from the descriptor that follows it.
    fn read(header: &Header, reader: &mut Reader<'_>) -> Option<Result<Self, QuoteError>> {
        if header.version < 5 {
            return Some(Ok(match header.tee_type {
                TeeType::Sgx => Self::Enclave,
                TeeType::Tdx => Self::Td(tdx::BodyKind::Td10),
            }));
        }
        let body_type = reader.u16()?;
        let size = reader.u32()?;
        let (tee, layout) = match (body_type, size) {
            (1, 384) => (TeeType::Sgx, Ok(Self::Enclave)),
            (2, 584) => (TeeType::Tdx, Ok(Self::Td(tdx::BodyKind::Td10))),
            (3, 648) => (TeeType::Tdx, Ok(Self::Td(tdx::BodyKind::Td15))),
            (4, 885) => (TeeType::Tdx, Err(QuoteError::ExtendedBody)),
            (body_type, size) => return Some(Err(QuoteError::BodyDescriptor { body_type, size })),
        };
        if tee != header.tee_type {
            return Some(Err(QuoteError::TeeTypeOfBody { tee_type: header.tee_type.code(), body_type }));
        }
        Some(layout)
    }

    const fn length(self) -> usize {
        match self {
            Self::Enclave => EnclaveReport::LENGTH,
            Self::Td(kind) => kind.length(),
        }
    }

    fn parse(self, reader: &mut Reader<'_>) -> Option<Body> {
        Some(match self {
            Self::Enclave => Body::Enclave(Box::new(EnclaveReport::read(reader)?)),
            Self::Td(kind) => Body::Td(Box::new(tdx::Body::read(kind, reader)?)),
        })
    }
}

/// The nested length fields of the signature data: each says how far the next one's container reaches.
struct Lengths {
    signature: u32,
    /// Versions 4 and 5: the outer certification data's length, and the bytes that are there for it.
    outer: Option<(u32, usize)>,
}

impl Lengths {
    /// Checks that every part fills its container with no gap (DCAP-08, DCAP-10, DCAP-11). `rest` is what is
    /// there for the inner certification data. When two lengths disagree, the one that agrees with no other
    /// is named.
    fn check(&self, inner: u32, rest: usize) -> Result<(), QuoteError> {
        let inner_misfit = QuoteError::CertificationDataLength { declared: inner, actual: rest };
        let Some((outer, container)) = self.outer else {
            return if length(inner) == rest { Ok(()) } else { Err(inner_misfit) };
        };
        let before_inner = container.saturating_sub(rest);
        let fits_signature = length(outer) == container;
        let fits_inner = before_inner.checked_add(length(inner)) == Some(length(outer));
        match (fits_signature, fits_inner) {
            (true, true) => Ok(()),
            (true, false) => Err(inner_misfit),
            (false, false) => {
                Err(QuoteError::OuterCertificationLength { declared: outer, actual: container })
            }
            (false, true) => Err(QuoteError::SignatureLength {
                declared: self.signature,
                reason: "its parts have another length",
            }),
        }
    }
}

fn check_length(bytes: &[u8], body: usize) -> Result<(), QuoteError> {
    let minimum = Header::LENGTH.saturating_add(body).saturating_add(LENGTH_FIELD);
    if bytes.len() < minimum || bytes.len() > MAX_QUOTE {
        return Err(too_short(bytes, body));
    }
    Ok(())
}

const fn too_short(bytes: &[u8], body: usize) -> QuoteError {
    let minimum = Header::LENGTH.saturating_add(body).saturating_add(LENGTH_FIELD);
    QuoteError::Length { actual: bytes.len(), minimum, maximum: MAX_QUOTE }
}

/// After the signature data: nothing, or zeros within the budget (DCAP-09).
fn check_tail(tail: &[u8]) -> Result<(), QuoteError> {
    if let Some(offset) = tail.iter().position(|byte| *byte != 0) {
        return Err(QuoteError::TrailingBytes { offset });
    }
    if tail.len() > MAX_TRAILING_ZEROS {
        return Err(QuoteError::TrailingZeros { count: tail.len(), maximum: MAX_TRAILING_ZEROS });
    }
    Ok(())
}
