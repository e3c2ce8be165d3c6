//! Reports and certificates as items of an evidence document.

use super::GpuError;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Tee, encoding};
use serde_json::{Value, json};

/// Where the requester nonce stands in a report: it begins with the SPDM 1.1 request GET_MEASUREMENTS, whose
/// nonce follows four bytes (DSP0274 1.1, table 41).
const NONCE: std::ops::Range<usize> = 4..36;

/// The report and certificates of one GPU or switch, as it gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    report: Vec<u8>,
    certs: String,
}

impl Device {
    /// Takes what a library gave for the device of this name. Certificates come in a buffer that may end in NUL bytes.
    ///
    /// # Errors
    /// [`GpuError::Nonce`], [`GpuError::CertificateText`].
    pub(super) fn new(
        name: &str,
        report: Vec<u8>,
        certs: Vec<u8>,
        nonce: &[u8; 32],
    ) -> Result<Self, GpuError> {
        if report.get(NONCE) != Some(nonce.as_slice()) {
            return Err(GpuError::Nonce { device: name.to_owned() });
        }
        let text =
            String::from_utf8(certs).map_err(|_| GpuError::CertificateText { device: name.to_owned() })?;
        let certs = text.trim_end_matches('\0').to_owned();
        if !certs.starts_with("-----BEGIN CERTIFICATE-----") {
            return Err(GpuError::CertificateText { device: name.to_owned() });
        }
        Ok(Self { report, certs })
    }

    /// What the CPU's report data say of this device.
    pub(super) fn digests(&self) -> DeviceDigests {
        DeviceDigests::of(&self.report, &self.certs)
    }
}

/// Devices as items, and what the CPU says of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DeviceItems {
    /// Items of an evidence document.
    pub(crate) items: Vec<Value>,
    /// What the CPU's report data say of every device, in order.
    pub(crate) digests: Vec<DeviceDigests>,
}

/// An item of one kind with all its devices.
pub(super) fn item(kind: Tee, devices: &[Device]) -> Value {
    let devices: Vec<Value> = devices
        .iter()
        .map(|device| json!({"report": encoding::base64_encode(&device.report), "certs": device.certs}))
        .collect();
    json!({"type": kind.name(), "devices": devices})
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    fn report(nonce: [u8; 32]) -> Vec<u8> {
        [&[0x11, 0xe0, 0x01, 0xff], nonce.as_slice(), &[0; 60]].concat()
    }

    #[test]
    fn a_device_keeps_its_bytes_and_loses_the_buffers_padding() {
        let padded = [PEM.as_bytes(), &[0; 7]].concat();
        let device = Device::new("GPU 0", report([7; 32]), padded, &[7; 32]).unwrap();
        assert_eq!(device.digests(), DeviceDigests::of(&report([7; 32]), PEM));
        let item = item(Tee::NvidiaGpu, &[device.clone(), device]);
        assert_eq!((&item["type"], &item["devices"][1]["certs"]), (&json!("nvidia-gpu"), &json!(PEM)));
        assert_eq!(item["devices"][0]["report"], json!(encoding::base64_encode(&report([7; 32]))));
    }

    #[test]
    fn a_report_over_another_nonce_is_refused() {
        let pem = || PEM.as_bytes().to_vec();
        let nonce = |index| GpuError::Nonce { device: format!("GPU {index}") };
        assert_eq!(Device::new("GPU 3", report([8; 32]), pem(), &[7; 32]), Err(nonce(3)));
        assert_eq!(Device::new("GPU 3", vec![7; 35], pem(), &[7; 32]), Err(nonce(3)));
        assert_eq!(Device::new("GPU 3", Vec::new(), pem(), &[7; 32]), Err(nonce(3)));
    }

    #[test]
    fn certificates_that_are_no_text_are_refused() {
        for certs in [vec![0xff, 0xfe], Vec::new(), vec![0; 16], b"DER".to_vec()] {
            let refused = Device::new("GPU 2", report([7; 32]), certs, &[7; 32]);
            assert_eq!(refused, Err(GpuError::CertificateText { device: "GPU 2".to_owned() }));
        }
    }
}
