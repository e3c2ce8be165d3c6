//! Runtime data: the JSON that the paravisor writes, byte for byte as it is hashed.

use super::{AzDefect, AzOrder};
use crate::tpm::TpmKeys;
use hanzo_attestation_evidence::encoding::base64_encode;

pub(super) fn runtime_data(order: &AzOrder, keys: &TpmKeys) -> Vec<u8> {
    let keys = self::keys(order, keys);
    let vm = vm_configuration(order);
    let user_data = user_data(order);
    let again = match order.defect {
        Some(AzDefect::KeysTwice) => format!("\"keys\":{keys},"),
        _ => String::new(),
    };
    let mut text =
        format!("{{{again}\"keys\":{keys},\"vm-configuration\":{vm},\"user-data\":\"{user_data}\"}}");
    if order.defect == Some(AzDefect::RuntimeDataTruncated) {
        text.pop();
    }
    text.into_bytes()
}

fn keys(order: &AzOrder, keys: &TpmKeys) -> String {
    let exponent = match order.defect {
        Some(AzDefect::AkExponent) => "Aw",
        _ => "AQAB",
    };
    let operation = match order.defect {
        Some(AzDefect::AkEncrypts) => "encrypt",
        _ => "sign",
    };
    let attestation = key("HCLAkPub", operation, exponent, keys.rsa.modulus());
    let endorsement = key("HCLEkPub", "encrypt", "AQAB", keys.ek.modulus());
    let all = match order.defect {
        Some(AzDefect::AkTwice) => vec![attestation.clone(), attestation, endorsement],
        Some(AzDefect::AkMissing) => vec![endorsement],
        _ => vec![attestation, endorsement],
    };
    format!("[{}]", all.join(","))
}

fn key(id: &str, operation: &str, exponent: &str, modulus: &[u8]) -> String {
    let modulus = base64_url(modulus);
    format!(
        "{{\"kid\":\"{id}\",\"key_ops\":[\"{operation}\"],\"kty\":\"RSA\",\"e\":\"{exponent}\",\"n\":\"{modulus}\"}}"
    )
}

fn vm_configuration(order: &AzOrder) -> String {
    let vm = &order.vm;
    let tpm_enabled = match order.defect {
        Some(AzDefect::TpmDisabled) => Some(false),
        _ => vm.tpm_enabled,
    };
    let flags = [
        ("console-enabled", vm.console_enabled),
        ("secure-boot", vm.secure_boot),
        ("tpm-enabled", tpm_enabled),
        ("tpm-persisted", vm.tpm_persisted),
    ];
    let flags =
        flags.into_iter().filter_map(|(name, value)| value.map(|value| format!("\"{name}\":{value}")));
    let id = vm.unique_id.iter().map(|id| format!("\"vmUniqueId\":\"{id}\""));
    format!("{{{}}}", flags.chain(id).collect::<Vec<_>>().join(","))
}

fn user_data(order: &AzOrder) -> String {
    let mut text: String = order.user_data.iter().map(|byte| format!("{byte:02X}")).collect();
    match order.defect {
        Some(AzDefect::UserDataShort) => text.truncate(126),
        Some(AzDefect::UserDataLong) => text.push_str("00"),
        Some(AzDefect::UserDataNotHex) => {
            text.pop();
            text.push('G');
        }
        _ => {}
    }
    text
}

/// Base64 for URLs, without padding (RFC 4648, 5).
fn base64_url(bytes: &[u8]) -> String {
    base64_encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}
