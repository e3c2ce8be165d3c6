//! The JSON object around Azure evidence: three versions, each with exactly its fields (AZ-01).
//!
//! Version 0 has no `version` and spells bytes as arrays of numbers; 1 and 2 spell them in hex and in base64
//! of the URL alphabet with padding. All three are Confidential Containers'. One other attester wraps version
//! 1 into `{"platform":…,"evidence":…}` and leaves the padding out; each carriage has its one spelling.

use super::{AzureError, MAX_HCL};
use crate::dcap::MAX_QUOTE;
use crate::encoding::{self, EncodingError};
use crate::json;
use crate::x509::MAX_CERTIFICATE;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most bytes of a TPMS_ATTEST and of its signature (rule book B.0: 1 KiB each).
const MAX_TPM: usize = 1 << 10;
/// Most register values that are read; 24 are accepted.
const MAX_PCRS: usize = 24;
/// Most bytes of one register value that are decoded; 32 are accepted.
const MAX_PCR: usize = 64;

/// Version of the evidence object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Version {
    /// No `version` field.
    #[serde(rename = "0")]
    V0,
    /// 1.
    #[serde(rename = "1")]
    V1,
    /// 2: the challenge is in the runtime data's user data as well.
    #[serde(rename = "2")]
    V2,
}

/// Who wrapped the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// Confidential Containers: the bare object, base64 with padding.
    Bare,
    /// With `platform` beside it, base64 without padding.
    WithPlatform,
}

/// The byte strings of the object that both kinds have.
pub(super) struct Carried {
    pub(super) version: Version,
    pub(super) hcl_report: Vec<u8>,
    pub(super) message: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) pcrs: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    platform: String,
    evidence: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snp0 {
    quote: Quote<Vec<u8>>,
    report: Vec<u8>,
    vcek: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snp1 {
    #[serde(rename = "version")]
    _version: u32,
    tpm_quote: Quote<String>,
    hcl_report: String,
    vcek: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tdx0 {
    tpm_quote: Quote<Vec<u8>>,
    hcl_report: Vec<u8>,
    td_quote: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tdx1 {
    #[serde(rename = "version")]
    _version: u32,
    tpm_quote: Quote<String>,
    hcl_report: String,
    td_quote: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quote<T> {
    signature: T,
    message: T,
    pcrs: Vec<T>,
}

impl Carried {
    /// The parts of an SNP object, and the endorsement key's certificate (DER).
    pub(super) fn snp(evidence: &Value) -> Result<(Self, Vec<u8>), AzureError> {
        let (evidence, carriage) = unwrapped(evidence, "az-snp")?;
        let version = version(&evidence)?;
        if version == Version::V0 {
            let Snp0 { quote, report, vcek } = fields(evidence)?;
            return Ok((Self::of_arrays(quote, report)?, certificate(&vcek)?));
        }
        let Snp1 { tpm_quote, hcl_report, vcek, .. } = fields(evidence)?;
        let vcek = carriage.bytes("vcek", &vcek, MAX_CERTIFICATE)?;
        Ok((Self::of_text(version, carriage, &tpm_quote, &hcl_report)?, vcek))
    }

    /// The parts of a TDX object, and the quote of the TD.
    pub(super) fn tdx(evidence: &Value) -> Result<(Self, Vec<u8>), AzureError> {
        let (evidence, carriage) = unwrapped(evidence, "az-tdx")?;
        let version = version(&evidence)?;
        if version == Version::V0 {
            let Tdx0 { tpm_quote, hcl_report, td_quote } = fields(evidence)?;
            within("td_quote", td_quote.len(), MAX_QUOTE)?;
            return Ok((Self::of_arrays(tpm_quote, hcl_report)?, td_quote));
        }
        let Tdx1 { tpm_quote, hcl_report, td_quote, .. } = fields(evidence)?;
        let td_quote = carriage.bytes("td_quote", &td_quote, MAX_QUOTE)?;
        Ok((Self::of_text(version, carriage, &tpm_quote, &hcl_report)?, td_quote))
    }

    fn of_arrays(quote: Quote<Vec<u8>>, hcl_report: Vec<u8>) -> Result<Self, AzureError> {
        within("report", hcl_report.len(), MAX_HCL)?;
        within("message", quote.message.len(), MAX_TPM)?;
        within("signature", quote.signature.len(), MAX_TPM)?;
        within("pcrs", quote.pcrs.len(), MAX_PCRS)?;
        let Quote { signature, message, pcrs } = quote;
        Ok(Self { version: Version::V0, hcl_report, message, signature, pcrs })
    }

    fn of_text(
        version: Version,
        carriage: Carriage,
        quote: &Quote<String>,
        hcl_report: &str,
    ) -> Result<Self, AzureError> {
        within("pcrs", quote.pcrs.len(), MAX_PCRS)?;
        Ok(Self {
            version,
            hcl_report: carriage.bytes("hcl_report", hcl_report, MAX_HCL)?,
            message: hex("message", &quote.message, MAX_TPM)?,
            signature: hex("signature", &quote.signature, MAX_TPM)?,
            pcrs: quote.pcrs.iter().map(|value| hex("pcrs", value, MAX_PCR)).collect::<Result<_, _>>()?,
        })
    }
}

impl Carriage {
    const fn alphabet(self) -> &'static GeneralPurpose {
        match self {
            Self::Bare => &URL_SAFE,
            Self::WithPlatform => &URL_SAFE_NO_PAD,
        }
    }

    /// Decodes one field. Four characters hold at most three bytes.
    fn bytes(self, field: &'static str, text: &str, limit: usize) -> Result<Vec<u8>, AzureError> {
        within(field, text.len() / 4 * 3, limit.saturating_add(2))?;
        let refused = |_| AzureError::Encoding { field, error: EncodingError::Base64 };
        self.alphabet().decode(text).map_err(refused)
    }
}

/// Writes a TD quote into an object in the object's own spelling: without the padding that followed it
/// (DCAP-09).
pub(crate) fn cut_td_quote(evidence: &mut Value, quote: &[u8]) {
    let (object, carriage) = if evidence.get("platform").is_some() {
        (evidence.get_mut("evidence"), Carriage::WithPlatform)
    } else {
        (Some(evidence), Carriage::Bare)
    };
    if let Some(field) = object.and_then(|object| object.get_mut("td_quote")) {
        *field = match field {
            Value::Array(_) => Value::from(quote),
            _ => Value::String(carriage.alphabet().encode(quote)),
        };
    }
}

fn unwrapped(evidence: &Value, platform: &'static str) -> Result<(Value, Carriage), AzureError> {
    if evidence.get("platform").is_none() {
        return Ok((evidence.clone(), Carriage::Bare));
    }
    let wrapped: Wrapped = fields(evidence.clone())?;
    if wrapped.platform != platform {
        return Err(AzureError::Platform(platform));
    }
    // Version 0 has no base64 that could lack its padding.
    if version(&wrapped.evidence)? != Version::V1 {
        return Err(AzureError::Version("a platform beside another version than 1"));
    }
    Ok((wrapped.evidence, Carriage::WithPlatform))
}

fn version(evidence: &Value) -> Result<Version, AzureError> {
    match evidence.get("version").map(Value::as_u64) {
        None => Ok(Version::V0),
        Some(Some(1)) => Ok(Version::V1),
        Some(Some(2)) => Ok(Version::V2),
        Some(_) => Err(AzureError::Version("a version other than 1 and 2")),
    }
}

fn fields<T: DeserializeOwned>(evidence: Value) -> Result<T, AzureError> {
    json::from_value(evidence).map_err(|error| AzureError::Shape(error.problem().to_owned()))
}

fn hex(field: &'static str, text: &str, limit: usize) -> Result<Vec<u8>, AzureError> {
    within(field, text.len() / 2, limit)?;
    encoding::hex_decode(text).map_err(|error| AzureError::Encoding { field, error })
}

fn within(field: &'static str, actual: usize, limit: usize) -> Result<(), AzureError> {
    if actual <= limit { Ok(()) } else { Err(AzureError::TooLarge { field, limit }) }
}

/// The one PEM block of version 0. Attesters end it with or without a newline; its lines have 64 characters.
fn certificate(pem: &str) -> Result<Vec<u8>, AzureError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
    const END: &str = "\n-----END CERTIFICATE-----";
    /// Characters of a full line (RFC 7468, 2).
    const LINE: usize = 64;
    let refused = |error| AzureError::Encoding { field: "vcek", error };
    // Base64, a newline after each line, and the two lines around it.
    within("vcek", pem.len() / 65 * 48, MAX_CERTIFICATE)?;
    let text = pem.strip_suffix('\n').unwrap_or(pem);
    let body = text.strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let lines: Vec<&str> = body.ok_or(refused(EncodingError::Base64))?.split('\n').collect();
    let full = lines.iter().rev().skip(1).all(|line| line.len() == LINE);
    let last = lines.last().is_some_and(|line| (1..=LINE).contains(&line.len()));
    if !full || !last {
        return Err(refused(EncodingError::Base64));
    }
    STANDARD.decode(lines.concat()).map_err(|_| refused(EncodingError::Base64))
}
