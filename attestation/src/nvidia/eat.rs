//! A device's claims under the names of NVIDIA's own tokens (versions 3.0 and 4.0), for policies written for
//! those; and the input of such a policy.
//!
//! What the vendor's verifiers leave out, and a device signs all the same, is under one name of our own.

use super::claims::Source;
use super::rim::{Outcome, RimUse};
use super::{Claims, DeviceClaims};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::nvidia::Class;
use serde_json::{Map, Value, json};

/// IANA private enterprise number of the vendor.
const OEM_ID: &str = "5703";
/// The name for what no claim of the vendor's says.
const OURS: &str = "x-hanzo-device";

/// Which names and shapes: those of NVIDIA's SDK 1.x and remote service, or those of SDK 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EatVersion {
    /// 3.0.
    V3,
    /// 4.0: 3.0, with security versions and what differs of them.
    V4,
}

impl EatVersion {
    /// As claims say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }
}

/// The input of a policy in NVIDIA's form (Rego, `package policy`, `data.policy.nv_match`): an array with the
/// claims of each device. Nothing here evaluates such a policy.
///
/// An empty array is no input: a policy that asks something of every device says yes to none.
#[must_use]
pub fn policy_input<'a>(items: impl Iterator<Item = &'a Claims>, version: EatVersion) -> Option<Value> {
    let devices = items.flat_map(|item| item.devices.iter().map(|device| (device, item.class)));
    let claims: Vec<Value> =
        devices.map(|(device, class)| Value::Object(eat_claims(device, class, version))).collect();
    (!claims.is_empty()).then_some(Value::Array(claims))
}

/// The claims of one device.
#[must_use]
pub fn eat_claims(device: &DeviceClaims, class: Class, version: EatVersion) -> Map<String, Value> {
    let (kind, firmware) = match class {
        Class::Gpu => ("gpu", "vbios"),
        Class::Switch => ("switch", "bios"),
    };
    let success = device.rim.outcome == Outcome::Success;
    let own = |name: &str| format!("x-nvidia-{kind}-{name}");
    let mut claims = object(json!({
        "eat_nonce": device.nonce,
        "measres": if success { "success" } else { "fail" },
        "secboot": success.then_some(true),
        "dbgstat": success.then_some("disabled"),
        "hwmodel": device.hwmodel,
        "ueid": decimal(&device.leaf_serial),
        "oemid": OEM_ID,
        "x-nvidia-device-type": if class == Class::Gpu { "gpu" } else { "nvswitch" },
        "x-nvidia-mismatch-measurement-records": device.rim.mismatches,
        OURS: ours(device),
    }));
    claims.insert(own("arch-check"), json!(true));
    claims.insert(own(&format!("{firmware}-version")), json!(device.fields.vbios_version));
    for passed in ["parsed", "nonce-match", "signature-verified", "cert-chain-fwid-match"] {
        claims.insert(own(&format!("attestation-report-{passed}")), json!(true));
    }
    claims.insert(own("attestation-report-cert-chain"), chain(device));
    manifest(&mut claims, &own(&format!("{firmware}-rim")), device.rim.firmware.as_ref());
    let version_name = match class {
        Class::Gpu => {
            claims.insert(own("driver-version"), json!(device.fields.driver_version));
            manifest(&mut claims, &own("driver-rim"), device.rim.driver.as_ref());
            claims.insert(own("vbios-index-no-conflict"), json!(device.rim.conflicts.is_empty()));
            own("claims-version")
        }
        Class::Switch => {
            claims.insert(own("pdi"), json!(device.pdi.to_string().to_uppercase()));
            "x-nvidia-version".to_owned()
        }
    };
    claims.insert(version_name, json!(version.name()));
    if version == EatVersion::V4 {
        claims.insert("x-nvidia-attester-claims".to_owned(), json!(device.rim.security_versions));
        let records = json!(device.rim.counter_mismatches);
        claims.insert("x-nvidia-mismatch-opaque-data-records".to_owned(), records);
    }
    let (name, neighbours) = match class {
        Class::Gpu => ("switch-pdis", &device.fields.switch_pdis),
        Class::Switch => ("gpu-pdis", &device.fields.gpu_pdis),
    };
    let mut neighbours: Vec<String> =
        neighbours.iter().filter(|pdi| !pdi.is_zero()).map(|pdi| pdi.to_string().to_uppercase()).collect();
    neighbours.sort_unstable();
    neighbours.dedup();
    if !neighbours.is_empty() {
        claims.insert(own(name), json!(neighbours));
    }
    claims
}

/// The device's chain.
fn chain(device: &DeviceClaims) -> Value {
    let checked = device.revocation.iter().all(|standing| standing.source == Source::Ocsp);
    certificates(device.chain_not_after, checked, false)
}

/// A chain in the vendor's shape. One that is not valid never comes this far; one on hold does where that is
/// configured, and says so. That a response repeats the nonce of whoever asked is never claimed: whoever asked
/// was another.
fn certificates(expires: UnixTime, checked: bool, on_hold: bool) -> Value {
    let status = match (checked, on_hold) {
        (_, true) => "revoked",
        (true, false) => "good",
        (false, false) => "unknown",
    };
    json!({
        "x-nvidia-cert-expiration-date": expires.to_string(),
        "x-nvidia-cert-status": if on_hold { "revoked" } else { "valid" },
        "x-nvidia-cert-ocsp-status": status,
        "x-nvidia-cert-revocation-reason": on_hold.then_some("certificateHold"),
        "x-nvidia-cert-ocsp-nonce-matches": false,
        "x-nvidia-cert-ocsp-response-valid": checked,
    })
}

/// One manifest: absent, or verified and of the device's version.
fn manifest(claims: &mut Map<String, Value>, name: &str, found: Option<&RimUse>) {
    for passed in
        ["fetched", "schema-validated", "signature-verified", "version-match", "measurements-available"]
    {
        claims.insert(format!("{name}-{passed}"), json!(found.is_some()));
    }
    if let Some(found) = found {
        let chain = certificates(found.signer.not_after, found.revocation_checked, found.on_hold);
        claims.insert(format!("{name}-cert-chain"), chain);
    }
}

/// Everything else that is signed, but for the values of the measurements, which the manifests speak of.
fn ours(device: &DeviceClaims) -> Value {
    let mut claims = object(serde_json::to_value(device).unwrap_or_default());
    claims.remove("measurements");
    claims.remove("measurement_counts");
    Value::Object(claims)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A serial number in decimal, as the vendor writes it: of at most 20 bytes.
fn decimal(hex: &str) -> String {
    let mut digits = vec![0_u8];
    for nibble in hex.chars().filter_map(|digit| digit.to_digit(16)) {
        let mut carry = nibble;
        for digit in &mut digits {
            let value = u32::from(*digit).saturating_mul(16).saturating_add(carry);
            *digit = u8::try_from(value % 10).unwrap_or_default();
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or_default());
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0'.saturating_add(*digit))).collect()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn serial_numbers_are_decimal() {
        for (hex, text) in [
            ("", "0"),
            ("00", "0"),
            ("0a", "10"),
            ("ff", "255"),
            ("ffffffffffffffff", "18446744073709551615"),
            ("0100000000000000000000000000000000000000", "5708990770823839524233143877797980545530986496"),
        ] {
            assert_eq!(decimal(hex), text, "{hex}");
        }
    }
}
