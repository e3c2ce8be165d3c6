//! PCRs and the quote over them, so that the one explains the other.

use super::error::TpmError;
use super::key::CONTEXT;
use super::properties::{Bank, PCRS, whole_banks};
use super::tools::Tools;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// How often PCRs are read and quoted again when something extended one in between. Each time takes some
/// hundredths of a second; whatever extends PCRs all the time is told by its name.
const ATTEMPTS: u32 = 3;
/// Largest TPMS_ATTEST in bytes (rule book B.0: 1 KiB).
const MAX_ATTEST: usize = 1024;
/// Largest TPMT_SIGNATURE in bytes (rule book B.0: 1 KiB).
const MAX_SIGNATURE: usize = 1024;

/// A quote, and the values that it is over.
pub(super) struct Quote {
    /// TPMS_ATTEST as signed.
    pub(super) attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub(super) signature: Vec<u8>,
    /// `{"sha256":{"0":HEX,…},…}`.
    pub(super) pcrs: Value,
}

/// Reads all PCRs of the strong banks and quotes them; `between` is run after each reading, for logs that must
/// not be older than the values.
pub(super) async fn take<T>(
    tools: &Tools,
    qualifying: &[u8; 32],
    mut between: impl FnMut() -> Result<T, TpmError>,
) -> Result<(Quote, T), TpmError> {
    let banks = whole_banks(tools).await?;
    for _ in 0..ATTEMPTS {
        let values = read(tools, &banks).await?;
        let logs = between()?;
        let (attest, signature) = sign(tools, &banks, qualifying).await?;
        let (extra_data, pcr_digest) = signed_fields(&attest)?;
        if extra_data != qualifying {
            return Err(TpmError::QualifyingDataMismatch);
        }
        if pcr_digest == digest(&SHA256, &values).as_ref() {
            return Ok((Quote { attest, signature, pcrs: named(&banks, &values) }, logs));
        }
    }
    Err(TpmError::PcrsChanged { attempts: ATTEMPTS })
}

/// Every value, bank after bank, in the order in which a quote digests them.
async fn read(tools: &Tools, banks: &[Bank]) -> Result<Vec<u8>, TpmError> {
    const TOOL: &str = "tpm2_pcrread";
    tools.remove("pcrs")?;
    tools.run(TOOL, &[&selection(banks), "--output", "pcrs", "--quiet"]).await?;
    let length: usize = banks.iter().map(|bank| bank.length().saturating_mul(PCRS)).sum();
    let values = tools.read(TOOL, "pcrs", length)?;
    if values.len() != length {
        let problem = format!("{} bytes of PCRs, not {length}", values.len());
        return Err(TpmError::ToolAnswer { tool: TOOL, problem });
    }
    Ok(values)
}

async fn sign(tools: &Tools, banks: &[Bank], qualifying: &[u8; 32]) -> Result<(Vec<u8>, Vec<u8>), TpmError> {
    const TOOL: &str = "tpm2_quote";
    let qualification: String = qualifying.iter().map(|byte| format!("{byte:02x}")).collect();
    tools.remove("attest")?;
    tools.remove("signature")?;
    let arguments = [
        "--key-context",
        CONTEXT,
        "--pcr-list",
        &selection(banks),
        "--qualification",
        &qualification,
        "--hash-algorithm=sha256",
        "--message",
        "attest",
        "--signature",
        "signature",
        "--quiet",
    ];
    tools.run(TOOL, &arguments).await?;
    Ok((tools.read(TOOL, "attest", MAX_ATTEST)?, tools.read(TOOL, "signature", MAX_SIGNATURE)?))
}

/// `sha256:0,1,…,23+sha384:…`.
fn selection(banks: &[Bank]) -> String {
    let pcrs: Vec<String> = (0..PCRS).map(|pcr| pcr.to_string()).collect();
    let banks: Vec<String> = banks.iter().map(|bank| format!("{}:{}", bank.name(), pcrs.join(","))).collect();
    banks.join("+")
}

fn named(banks: &[Bank], values: &[u8]) -> Value {
    let mut rest = values;
    let mut named = Map::new();
    for bank in banks {
        let (own, others) = rest.split_at_checked(bank.length().saturating_mul(PCRS)).unwrap_or((rest, &[]));
        let value = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let pcrs = own.chunks(bank.length()).map(value).map(Value::String);
        let pcrs: Map<String, Value> = (0..PCRS).map(|pcr| pcr.to_string()).zip(pcrs).collect();
        named.insert(bank.name().to_owned(), Value::Object(pcrs));
        rest = others;
    }
    Value::Object(named)
}

/// extraData and pcrDigest of a TPMS_ATTEST that is a quote (TPM 2.0 Part 2, 10.12.8): what this side checks
/// before it sends. Everything else is the verifier's.
fn signed_fields(attest: &[u8]) -> Result<(&[u8], &[u8]), TpmError> {
    let malformed = |problem: &str| TpmError::Quote { problem: problem.to_owned() };
    let short = || malformed("it ends early");
    let rest = attest.strip_prefix(&[0xff, 0x54, 0x43, 0x47, 0x80, 0x18]);
    let rest = rest.ok_or_else(|| malformed("it is no TPM's quote"))?;
    let (_signer, rest) = sized(rest).ok_or_else(short)?;
    let (extra_data, rest) = sized(rest).ok_or_else(short)?;
    // clockInfo, 17 bytes, and firmwareVersion, 8.
    let (count, mut rest) = rest.get(25..).and_then(<[u8]>::split_first_chunk::<4>).ok_or_else(short)?;
    for _ in 0..u32::from_be_bytes(*count) {
        // The hash's number, the size of the map, which is 3, and the map.
        rest = rest.get(6..).ok_or_else(short)?;
    }
    match sized(rest) {
        Some((pcr_digest, [])) => Ok((extra_data, pcr_digest)),
        Some(_) => Err(malformed("something follows it")),
        None => Err(short()),
    }
}

/// A TPM2B, and what follows it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attest() -> Vec<u8> {
        let mut bytes = vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 2, 7, 7, 0, 3, 1, 2, 3];
        bytes.extend([0; 25]);
        bytes.extend([0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff, 0xff, 0, 2, 8, 9]);
        bytes
    }

    #[test]
    fn the_two_fields_are_found_and_every_cut_is_told() {
        let whole = attest();
        assert_eq!(signed_fields(&whole), Ok((&[1, 2, 3][..], &[8, 9][..])));
        for end in 0..whole.len() {
            assert!(matches!(signed_fields(&whole[..end]), Err(TpmError::Quote { .. })), "{end}");
        }
        assert!(signed_fields(&[&whole[..], &[0]].concat()).is_err());
        let mut certify = whole;
        certify[5] = 0x17;
        assert!(signed_fields(&certify).is_err());
    }

    #[test]
    fn values_are_named_bank_after_bank() {
        let values: Vec<u8> = [vec![1; 24 * 32], vec![2; 24 * 48]].concat();
        let named = named(&Bank::ALL, &values);
        assert_eq!(named["sha256"]["23"], "01".repeat(32));
        assert_eq!(named["sha384"]["0"], "02".repeat(48));
        assert_eq!(named["sha256"].as_object().unwrap().len(), 24);
    }

    #[test]
    fn the_selection_is_the_tools_own() {
        let one = selection(&[Bank::Sha256]);
        assert!(one.starts_with("sha256:0,1,2") && one.ends_with(",23"));
        assert_eq!(selection(&Bank::ALL).matches('+').count(), 1);
    }
}
