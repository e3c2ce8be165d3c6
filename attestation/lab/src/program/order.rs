//! What the knobs order, made for one request.

use super::devices::Machine;
use anyhow::{anyhow, ensure};
use hanzo_attestation_lab::event_log::{EventKind, LabLog};
use hanzo_attestation_lab::{AzOrder, Devices, Lab, SgxOrder, SnpOrder, TdxOrder, TpmOrder};
use serde_json::Value;

/// What to make for every request: what a CPU or a TPM signs, and the devices beside it.
pub(super) struct Order {
    own: Option<Own>,
    devices: Option<Machine>,
}

/// The machine's own evidence.
pub(super) enum Own {
    Snp(Box<SnpOrder>),
    Tdx(Box<TdxOrder>),
    Sgx(Box<SgxOrder>),
    Tpm(Box<TpmOrder>),
    Azure(Box<AzOrder>),
}

impl Order {
    pub(super) const fn new(own: Option<Own>, devices: Option<Machine>) -> Self {
        Self { own, devices }
    }

    /// Locks the interfaces of the devices, if there are any, and has the guest record that it accepts them.
    pub(super) fn locked(mut self, lab: &Lab) -> anyhow::Result<Self> {
        let events = self.devices.as_mut().map(|machine| machine.lock(lab)).transpose()?.unwrap_or_default();
        if let Some(Own::Tdx(order)) = &mut self.own
            && !events.is_empty()
        {
            let mut log = LabLog::usual_td();
            // RTMR3 is the guest's own.
            for event in &events {
                log.event(3, EventKind::EVENT_TAG, event);
            }
            **order = TdxOrder::clone(order).with_log(&log);
        }
        Ok(self)
    }

    /// What a CPU signs over report data of 64 bytes, and a TPM over qualifying data of 1 to 64: no item of
    /// devices alone.
    pub(super) fn own(&self, lab: &Lab, cpu: &[u8], tpm: &[u8]) -> anyhow::Result<Vec<Value>> {
        self.own.iter().map(|own| own.item(lab, cpu, tpm)).collect()
    }

    /// The devices over a nonce: none where no knob says so.
    pub(super) fn devices(&self, lab: &Lab, nonce: [u8; 32]) -> anyhow::Result<Devices> {
        self.devices.as_ref().map_or_else(|| Ok(Devices::default()), |machine| machine.devices(lab, nonce))
    }

    /// Whether there are any devices.
    pub(super) const fn has_devices(&self) -> bool {
        self.devices.is_some()
    }
}

impl Own {
    fn item(&self, lab: &Lab, cpu: &[u8], tpm: &[u8]) -> anyhow::Result<Value> {
        let report_data = || {
            let length = cpu.len();
            <[u8; 64]>::try_from(cpu).map_err(|_| anyhow!("report data has 64 bytes, not {length}"))
        };
        let qualifying_data = || {
            let length = tpm.len();
            // A TPM2B_DATA of qualifying data holds one digest (TPM 2.0 Library, part 2, 10.4.3).
            ensure!((1..=64).contains(&length), "qualifying data has 1 to 64 bytes, not {length}");
            Ok(tpm.to_vec())
        };
        Ok(match self {
            Self::Snp(order) => {
                lab.snp(&SnpOrder { report_data: report_data()?, ..SnpOrder::clone(order) })?
            }
            Self::Tdx(order) => {
                lab.tdx(&TdxOrder { report_data: report_data()?, ..TdxOrder::clone(order) })?
            }
            Self::Sgx(order) => {
                lab.sgx(&SgxOrder { report_data: report_data()?, ..SgxOrder::clone(order) })?
            }
            Self::Tpm(order) => {
                lab.tpm(&TpmOrder { qualifying_data: qualifying_data()?, ..TpmOrder::clone(order) })?
            }
            Self::Azure(order) => {
                let tpm = TpmOrder { qualifying_data: qualifying_data()?, ..order.tpm.clone() };
                lab.azure(&AzOrder { tpm, ..AzOrder::clone(order) })?
            }
        })
    }
}
