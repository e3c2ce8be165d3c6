//! A source whose documents carry the GPUs' reports as well.

use super::evidence::{self, Device};
use super::nscq::{self, Nscq};
use super::{GpuError, Gpus, nvml};
use crate::{CollectError, EvidenceSource, detect};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Binding, Tee};
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Whether evidence of the GPUs is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Never.
    Off,
    /// Where NVML says that the GPUs are confidential; then it must succeed. Other GPUs add nothing, and the
    /// tier is lower.
    #[default]
    #[serde(rename = "auto")]
    IfConfidential,
    /// Always: a machine without confidential GPUs gives no evidence at all.
    Required,
}

/// A source, and the NVIDIA GPUs of this machine, with their switches behind protected PCIe. They report
/// first: what the CPU signs names their reports and certificates, in the order of the document.
#[derive(Debug)]
pub struct WithGpus<S> {
    source: S,
    wanted: Wanted,
    root: PathBuf,
}

impl<S> WithGpus<S> {
    /// Adds the GPUs of the machine whose filesystem begins at `root` to a source.
    #[must_use]
    pub fn new(source: S, wanted: Wanted, root: &Path) -> Self {
        Self { source, wanted, root: root.to_owned() }
    }

    /// The source underneath.
    #[must_use]
    pub const fn source(&self) -> &S {
        &self.source
    }
}

impl<S: EvidenceSource> EvidenceSource for WithGpus<S> {
    fn name(&self) -> &'static str {
        self.source.name()
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let Reports { gpus, switches } = self.devices(binding).await?;
        if gpus.is_empty() {
            return self.source.collect(binding).await;
        }
        let digests: Vec<DeviceDigests> = gpus.iter().chain(&switches).map(Device::digests).collect();
        let mut document = self.source.collect(&binding.with_devices(&digests)?).await?;
        let items = document
            .get_mut("evidence")
            .and_then(Value::as_array_mut)
            .ok_or(CollectError::NoDocument { source_name: self.source.name() })?;
        items.push(evidence::item(Tee::NvidiaGpu, &gpus));
        if !switches.is_empty() {
            items.push(evidence::item(Tee::NvidiaSwitch, &switches));
        }
        Ok(document)
    }
}

impl<S> WithGpus<S> {
    async fn devices(&self, binding: &Binding) -> Result<Reports, CollectError> {
        if self.wanted == Wanted::Off {
            return Ok(Reports::default());
        }
        let on_bus = detect::nvidia_gpus(&self.root)?;
        if on_bus == 0 && self.wanted == Wanted::IfConfidential {
            return Ok(Reports::default());
        }
        let (wanted, nonce) = (self.wanted, *binding.device_nonce());
        // NVML waits for the GPU, and its wrapper cuts buffers by sizes that the driver gives: a wrong one
        // ends this thread, and is an error here.
        tokio::task::spawn_blocking(move || reports(wanted, on_bus, &nonce))
            .await
            .map_err(|_| CollectError::Interrupted)?
            .map_err(CollectError::from)
    }
}

/// The reports of one machine's devices.
#[derive(Default)]
struct Reports {
    gpus: Vec<Device>,
    switches: Vec<Device>,
}

fn reports(wanted: Wanted, on_bus: usize, nonce: &[u8; 32]) -> Result<Reports, GpuError> {
    let library = match nvml::Library::load() {
        Ok(library) => library,
        Err(_) if wanted == Wanted::IfConfidential => return Ok(Reports::default()),
        Err(error) => return Err(error),
    };
    let seen = library.observe()?;
    if !asked(&seen, wanted) {
        return Ok(Reports::default());
    }
    seen.check(on_bus)?;
    let gpus =
        seen.devices.iter().map(|device| library.evidence(device.index, nonce)).collect::<Result<_, _>>()?;
    let switches =
        if seen.has_switches() { switch_reports(OsStr::new(nscq::LIBRARY), nonce)? } else { Vec::new() };
    Ok(Reports { gpus, switches })
}

/// The reports of every switch, over the same nonce.
fn switch_reports(library: &OsStr, nonce: &[u8; 32]) -> Result<Vec<Device>, GpuError> {
    let nscq = Nscq::open(library)?;
    let labels = nscq.switches()?;
    if labels.is_empty() {
        return Err(GpuError::NoSwitch);
    }
    labels.iter().map(|label| nscq.evidence(label, nonce)).collect()
}

/// GPUs that are not confidential are not asked unless evidence of them is required.
fn asked(seen: &Gpus, wanted: Wanted) -> bool {
    wanted == Wanted::Required || seen.is_confidential()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use hanzo_attestation_evidence::{Kem, Recipient};
    use serde_json::json;

    fn binding() -> Binding {
        let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
        Binding::new("nonce", &recipient, None, &[]).unwrap()
    }

    fn empty_machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("sys/bus/pci/devices")).unwrap();
        root
    }

    #[tokio::test]
    async fn a_machine_without_gpus_adds_nothing() {
        let root = empty_machine();
        for wanted in [Wanted::Off, Wanted::IfConfidential] {
            let source = WithGpus::new(Source::Nothing, wanted, root.path());
            assert_eq!(source.collect(&binding()).await, Ok(json!({"evidence": []})));
        }
    }

    #[tokio::test]
    async fn a_bus_that_cannot_be_read_is_no_machine_without_gpus() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("sys/bus/pci/devices/0000:01:00.0/class")).unwrap();
        let source = WithGpus::new(Source::Nothing, Wanted::IfConfidential, root.path());
        assert!(matches!(source.collect(&binding()).await, Err(CollectError::Unavailable { .. })));
    }

    /// On a machine with GPUs it is their own state that decides, so that the test looks first.
    #[tokio::test]
    async fn what_is_required_and_not_there_is_an_error() {
        let root = empty_machine();
        let source = WithGpus::new(Source::Nothing, Wanted::Required, root.path());
        assert!(matches!(source.collect(&binding()).await, Err(CollectError::Gpu(_))));
    }
}
