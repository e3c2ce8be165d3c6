//! The vTPM's quote: TPMS_ATTEST, a bare RSASSA signature, and 24 register values (AZ-21 to AZ-23).

use super::AzureError;
use crate::tpm;
use crate::tpm::{Attest, Hash, PCRS, Signature};

/// A quote of all 24 registers of the SHA-256 bank.
pub type Quote = tpm::Quote;

/// Reads the three parts of a quote.
pub(super) fn parse(message: &[u8], signature: &[u8], pcrs: &[Vec<u8>]) -> Result<Quote, AzureError> {
    let attest = Attest::parse(message)?;
    let signature: [u8; 256] =
        signature.try_into().map_err(|_| AzureError::TpmSignatureLength(signature.len()))?;
    check_selection(&attest, pcrs)?;
    let values = (0..PCRS).zip(pcrs).map(|(index, value)| (Hash::Sha256, index, value.clone())).collect();
    Ok(tpm::Quote::new(attest, Signature::bare_rsassa_sha256(signature), Some(values))?)
}

/// AZ-23. The evidence has values without indices: only when all are quoted does each have a place.
fn check_selection(attest: &Attest, pcrs: &[Vec<u8>]) -> Result<(), AzureError> {
    let all = (0..PCRS).map(|index| (Hash::Sha256, index));
    if !attest.selection.registers().eq(all) {
        return Err(AzureError::PcrSelection(
            "the quote does not select all of the SHA-256 bank and nothing else",
        ));
    }
    if pcrs.len() != usize::from(PCRS) || pcrs.iter().any(|value| value.len() != Hash::Sha256.length()) {
        return Err(AzureError::PcrSelection("not 24 values of 32 bytes"));
    }
    Ok(())
}
