//! PCRs and the quote over them, so that the one explains the other.

use super::error::TpmError;
use super::key::CONTEXT;
use super::properties::{Bank, PCRS, whole_banks};
use super::tools::Tools;
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation_evidence::tpm::{Attest, MAX_ATTEST, MAX_SIGNATURE};
use serde_json::{Map, Value};

/// How often PCRs are read and quoted again when something extended one in between. Each time takes some
/// hundredths of a second; whatever extends PCRs all the time is told by its name.
const ATTEMPTS: u32 = 3;
/// A quote, and the values that it is over.
pub(super) struct Quote {
    /// TPMS_ATTEST as signed.
    pub(super) attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub(super) signature: Vec<u8>,
    /// `{"sha256":{"0":HEX,…},…}`.
    pub(super) pcrs: Value,
}

/// Reads all PCRs of the strong banks and quotes them; `between` is run after each reading, for logs that
/// must not be older than the values.
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
        // What this side checks before it sends; everything else is the verifier's.
        let quoted =
            Attest::parse(&attest).map_err(|error| TpmError::Quote { problem: error.to_string() })?;
        if quoted.extra_data != qualifying {
            return Err(TpmError::QualifyingDataMismatch);
        }
        if quoted.pcr_digest == digest(&SHA256, &values).as_ref() {
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

#[cfg(test)]
mod tests {
    use super::*;

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
