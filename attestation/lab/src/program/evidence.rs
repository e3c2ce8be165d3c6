//! `hanzo-lab evidence`.

use super::order::Order;
use anyhow::{Context as _, bail};
use hanzo_attestation_evidence::encoding::{base64_decode, hex_decode};
use hanzo_attestation_evidence::{Binding, Kem, Recipient};
use hanzo_attestation_lab::Lab;
use serde_json::Value;

/// The value of `--report-data`, under a name so that clap does not take it for a list.
type ReportData = Vec<u8>;

/// What the evidence is bound to: bytes, or a broker's challenge.
#[derive(clap::Args)]
pub(super) struct Bound {
    /// Report data, 64 bytes in lower-case hex, or a TPM's qualifying data, 1 to 64 bytes. Devices answer the
    /// first 32 bytes of it as their nonce, and the CPU's report then says nothing of them.
    #[arg(long, value_name = "HEX", value_parser = hex_decode, conflicts_with = "challenge")]
    report_data: Option<ReportData>,
    /// A broker's challenge: nonce and report data are derived from it as a node does, and the CPU's report
    /// names every device.
    #[arg(long, value_name = "TEXT", requires = "recipient", required_unless_present = "report_data")]
    challenge: Option<String>,
    /// The public key that asks, as KEM:BASE64 (X25519-HKDF-SHA256, P256-HKDF-SHA256 or X-Wing).
    #[arg(long, value_name = "KEM:BASE64", value_parser = recipient, requires = "challenge")]
    recipient: Option<Recipient>,
}

fn recipient(text: &str) -> anyhow::Result<Recipient> {
    let (kem, key) = text.split_once(':').context("a recipient is KEM:BASE64")?;
    let kem = [Kem::X25519HkdfSha256, Kem::P256HkdfSha256, Kem::XWing]
        .into_iter()
        .find(|known| known.name() == kem)
        .with_context(|| format!("no KEM is called `{kem}`"))?;
    Ok(Recipient::new(kem, base64_decode(key)?)?)
}

impl Bound {
    /// The document.
    pub(super) fn document(&self, lab: &Lab, order: &Order) -> anyhow::Result<Value> {
        match (&self.report_data, &self.challenge, &self.recipient) {
            (Some(data), ..) => literal(lab, order, data),
            (None, Some(challenge), Some(recipient)) => {
                bound(lab, order, &Binding::new(challenge, recipient, None, &[])?)
            }
            _ => bail!("`--report-data`, or `--challenge` and `--recipient`"),
        }
    }
}

/// Every item over the same bytes.
fn literal(lab: &Lab, order: &Order, data: &[u8]) -> anyhow::Result<Value> {
    let mut items = order.own(lab, data, data)?;
    if order.has_devices() {
        let nonce = data.first_chunk().context("devices answer a nonce of 32 bytes")?;
        items.extend(order.devices(lab, *nonce)?.items);
    }
    Ok(Lab::document(items))
}

/// The devices first, then the CPU over what they said.
fn bound(lab: &Lab, order: &Order, binding: &Binding) -> anyhow::Result<Value> {
    let devices = order.devices(lab, *binding.device_nonce())?;
    let binding = binding.with_devices(&devices.digests)?;
    let mut items = order.own(lab, binding.cpu_report_data(), binding.tpm_qualifying_data())?;
    items.extend(devices.items);
    Ok(Lab::document(items))
}
