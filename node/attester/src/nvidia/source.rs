//! A source whose documents carry the GPUs' reports as well.

use super::evidence::{self, Device, DeviceItems};
use super::nscq::{self, Nscq};
use super::{GpuError, Gpus, nvml};
use crate::{CollectError, EvidenceSource, LabSocket, detect};
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
    lab: Option<LabSocket>,
}

impl<S> WithGpus<S> {
    /// Adds the GPUs of the machine whose filesystem begins at `root` to a source.
    #[must_use]
    pub fn new(source: S, wanted: Wanted, root: &Path) -> Self {
        Self { source, wanted, root: root.to_owned(), lab: None }
    }

    /// The same with a lab's GPUs and switches in the place of this machine's, where the lab has any.
    #[must_use]
    pub fn with_lab(mut self, lab: LabSocket) -> Self {
        self.lab = Some(lab);
        self
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
        let DeviceItems { items: more, digests } = self.items(binding).await?;
        if digests.is_empty() {
            return self.source.collect(binding).await;
        }
        let mut document = self.source.collect(&binding.with_devices(&digests)?).await?;
        let items = document
            .get_mut("evidence")
            .and_then(Value::as_array_mut)
            .ok_or(CollectError::NoDocument { source_name: self.source.name() })?;
        items.extend(more);
        Ok(document)
    }
}

impl<S> WithGpus<S> {
    /// The lab's devices, where there is a lab that has any; else this machine's.
    async fn items(&self, binding: &Binding) -> Result<DeviceItems, CollectError> {
        if let Some(lab) = self.lab.as_ref().filter(|_| self.wanted != Wanted::Off) {
            let devices = lab.devices(binding.device_nonce()).await?;
            if !devices.digests.is_empty() {
                return Ok(devices);
            }
        }
        Ok(self.devices(binding).await?.items())
    }

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

impl Reports {
    /// One item of the GPUs and one of their switches, as far as there are any.
    fn items(&self) -> DeviceItems {
        let kinds = [(Tee::NvidiaGpu, &self.gpus), (Tee::NvidiaSwitch, &self.switches)];
        let there = kinds.into_iter().filter(|(_, devices)| !devices.is_empty());
        DeviceItems {
            items: there.map(|(kind, devices)| evidence::item(kind, devices)).collect(),
            digests: self.gpus.iter().chain(&self.switches).map(Device::digests).collect(),
        }
    }
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
    use hanzo_attestation_evidence::binding::DeviceDigests;
    use hanzo_attestation_evidence::{Kem, Recipient};
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

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

    /// A lab that answers each question in turn with one of these lines.
    fn lab(answers: &'static [&'static str]) -> (LabSocket, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::io::BufReader::new(&mut stream).read_line(&mut String::new()).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (LabSocket::new(path), dir)
    }

    const GPU: &str =
        r#"{"evidence":[{"type":"nvidia-gpu","devices":[{"report":"AA==","certs":"PEM"}],"ocsp":["AA=="]}]}"#;

    /// Says what it was asked to sign.
    struct Echo;

    impl EvidenceSource for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }

        async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
            Ok(json!({"evidence": [{"type": "echo", "signed": binding.cpu_report_data().to_vec()}]}))
        }
    }

    /// Whatever is beneath signs over the lab's devices, whose items come as they are.
    #[tokio::test]
    async fn a_labs_devices_are_bound_and_follow() {
        let (root, (lab, _dir)) = (empty_machine(), lab(&[GPU]));
        let source = WithGpus::new(Echo, Wanted::IfConfidential, root.path()).with_lab(lab);
        let document = source.collect(&binding()).await.unwrap();
        let bound = binding().with_devices(&[DeviceDigests::of(&[0], "PEM")]).unwrap();
        assert_eq!(document["evidence"][0]["signed"], json!(bound.cpu_report_data().to_vec()));
        let gpu: Value = serde_json::from_str(GPU).unwrap();
        assert_eq!(document["evidence"][1], gpu["evidence"][0]);
    }

    #[tokio::test]
    async fn a_lab_without_devices_leaves_the_machines_own() {
        for wanted in [Wanted::IfConfidential, Wanted::Required] {
            let (root, (lab, _dir)) = (empty_machine(), lab(&[r#"{"evidence":[]}"#]));
            let source = WithGpus::new(Source::Nothing, wanted, root.path()).with_lab(lab);
            let outcome = source.collect(&binding()).await;
            assert_eq!(outcome.is_ok(), wanted == Wanted::IfConfidential, "{outcome:?}");
        }
        let root = empty_machine();
        let nowhere = LabSocket::new("/nonexistent/lab.sock".into());
        let source = WithGpus::new(Source::Nothing, Wanted::Off, root.path()).with_lab(nowhere);
        assert_eq!(source.collect(&binding()).await, Ok(json!({"evidence": []})), "off asks nobody");
    }

    /// On a machine with GPUs it is their own state that decides, so that the test looks first.
    #[tokio::test]
    async fn what_is_required_and_not_there_is_an_error() {
        let root = empty_machine();
        let source = WithGpus::new(Source::Nothing, Wanted::Required, root.path());
        assert!(matches!(source.collect(&binding()).await, Err(CollectError::Gpu(_))));
    }
}
