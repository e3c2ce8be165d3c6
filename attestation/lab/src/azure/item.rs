//! Items: the hardware report over the runtime data, the TPM's quote, and the object in which they travel.

use super::runtime::runtime_data;
use super::{AzDefect, AzGuest, AzOrder, hcl};
use crate::lab::Vendors;
use crate::tpm::shown;
use crate::{LabError, SnpOrder, TdxOrder, TpmDefect, TpmHash, TpmKey, TpmOrder};
use hanzo_attestation_evidence::encoding::base64_encode;
use serde_json::{Map, Value, json};

pub(crate) fn item(vendors: &Vendors, order: &AzOrder) -> Result<Value, LabError> {
    let mut runtime_data = runtime_data(order, &vendors.tpm.keys);
    let report_data = report_data(order, &runtime_data);
    if order.defect == Some(AzDefect::RuntimeDataAltered) {
        alter_user_data(&mut runtime_data);
    }
    let mut evidence = Map::new();
    if order.defect == Some(AzDefect::EvidenceVersion) {
        evidence.insert("version".to_owned(), json!(3));
    } else if order.version > 0 {
        evidence.insert("version".to_owned(), json!(order.version));
    }
    evidence.insert("tpm_quote".to_owned(), quote(vendors, order)?);
    let kind = match &order.guest {
        AzGuest::Snp(guest) => {
            let vmpl = if order.defect == Some(AzDefect::Vmpl2) { 2 } else { guest.vmpl };
            let guest = SnpOrder { report_data, vmpl, ..guest.clone() };
            let (report, certificates) = vendors.of(guest.product).evidence(&guest)?;
            let hcl = hcl::report(order, &report, &runtime_data);
            evidence.insert("hcl_report".to_owned(), json!(padded_base64_url(&hcl)));
            let vcek = certificates.first().map(|leaf| padded_base64_url(leaf));
            evidence.insert("vcek".to_owned(), json!(vcek));
            "az-snp-vtpm"
        }
        AzGuest::Tdx(guest) => {
            let guest = TdxOrder { report_data, ..guest.clone() };
            let mut report = guest.td_report();
            match order.defect {
                Some(AzDefect::TdReportMrTd) => flip(&mut report, 528),
                Some(AzDefect::TdReportRtmr) => flip(&mut report, 864),
                _ => {}
            }
            let hcl = hcl::report(order, &report, &runtime_data);
            let quoted = match order.defect {
                Some(AzDefect::TdQuoteOfOther) => TdxOrder { report_data: other(report_data), ..guest },
                _ => guest,
            };
            let td_quote = vendors.intel.tdx_quote(&quoted)?;
            evidence.insert("hcl_report".to_owned(), json!(padded_base64_url(&hcl)));
            evidence.insert("td_quote".to_owned(), json!(padded_base64_url(&td_quote)));
            "az-tdx-vtpm"
        }
    };
    Ok(json!({"type": kind, "evidence": evidence}))
}

/// The hash of the runtime data, then zeros.
fn report_data(order: &AzOrder, runtime_data: &[u8]) -> [u8; 64] {
    let mut report_data = [0; 64];
    let hash = if order.hash == TpmHash::Sha1 { TpmHash::Sha256 } else { order.hash };
    report_data.iter_mut().zip(hash.digest(runtime_data)).for_each(|(to, from)| *to = from);
    if order.defect == Some(AzDefect::ReportDataUpperHalf) {
        report_data[63] ^= 1;
    }
    report_data
}

/// Message, signature without its TPMT header, and 24 registers.
fn quote(vendors: &Vendors, order: &AzOrder) -> Result<Value, LabError> {
    let mut tpm = TpmOrder { key: TpmKey::RsassaSha256, ..order.tpm.clone() };
    tpm.defect = match order.defect {
        Some(AzDefect::Nonce) => Some(TpmDefect::QualifyingData),
        Some(AzDefect::NoncePadded) => Some(TpmDefect::QualifyingDataPadded),
        Some(AzDefect::NoncePrefix) => Some(TpmDefect::QualifyingDataShort),
        Some(AzDefect::PcrAltered) => Some(TpmDefect::PcrAltered),
        Some(AzDefect::QuoteAltered) => Some(TpmDefect::AlteredAfterSigning),
        _ => tpm.defect,
    };
    let values: Vec<String> =
        shown(&tpm).iter().flat_map(|bank| bank.values.values()).map(|value| hex(value)).collect();
    if order.defect == Some(AzDefect::Selection) {
        tpm.banks.iter_mut().for_each(|bank| bank.values.retain(|register, _| *register == 0));
    }
    let (message, signature) = match order.defect {
        Some(AzDefect::QuoteOfOther) => vendors.tpm.quote_of_other(&tpm)?,
        _ => vendors.tpm.quote(&tpm)?,
    };
    // Scheme, hash function and length come before.
    let bare = signature.get(6..).unwrap_or_default();
    Ok(json!({"message": hex(&message), "signature": hex(bare), "pcrs": values}))
}

/// Another machine's, which runs the same image.
fn other(mut report_data: [u8; 64]) -> [u8; 64] {
    report_data[0] ^= 0xff;
    report_data
}

/// The last digit of the user data, which stands before the closing quote and brace.
fn alter_user_data(runtime_data: &mut [u8]) {
    let place = runtime_data.len().saturating_sub(3);
    if let Some(digit) = runtime_data.get_mut(place) {
        *digit ^= 1;
    }
}

fn flip(bytes: &mut [u8], offset: usize) {
    if let Some(byte) = bytes.get_mut(offset) {
        *byte ^= 1;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 for URLs with padding (RFC 4648, 5), as the attester of Confidential Containers writes it.
fn padded_base64_url(bytes: &[u8]) -> String {
    base64_encode(bytes).replace('+', "-").replace('/', "_")
}
