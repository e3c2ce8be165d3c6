//! Evidence from a lab on a unix socket: for machines without the hardware, and only where the
//! configuration names it. What a lab signs is never accepted by a broker in production.
//!
//! One line of JSON each way, then `{"evidence":[…]}` or `{"error":TEXT}`:
//! `{"report_data":B64(64 bytes),"qualifying_data":B64(32 bytes)}` asks the CPU or the TPM,
//! `{"device_nonce":B64(32 bytes)}` the GPUs and switches.

use crate::nvidia::DeviceItems;
use crate::{CollectError, EvidenceSource};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::document::MAX_DOCUMENT;
use hanzo_attestation_evidence::{Binding, encoding};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// A lab signs within milliseconds; ten seconds are for a machine under load.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket of one lab.
#[derive(Clone, Debug)]
pub struct LabSocket {
    path: PathBuf,
}

impl LabSocket {
    /// The socket at `path`; it is opened for each collection.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The lab's devices over a nonce: none, if it has none.
    pub(crate) async fn devices(&self, nonce: &[u8; 32]) -> Result<DeviceItems, CollectError> {
        let answer = self.ask(&json!({"device_nonce": encoding::base64_encode(nonce)})).await?;
        devices(answer)
    }

    async fn ask(&self, question: &Value) -> Result<Vec<Value>, CollectError> {
        tokio::time::timeout(PATIENCE, self.converse(question))
            .await
            .map_err(|_| CollectError::LabTimeout { seconds: PATIENCE.as_secs() })?
    }

    async fn converse(&self, question: &Value) -> Result<Vec<Value>, CollectError> {
        let unavailable = |error: io::Error| CollectError::Unavailable {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        };
        let mut stream = UnixStream::connect(&self.path).await.map_err(unavailable)?;
        stream.write_all(format!("{question}\n").as_bytes()).await.map_err(unavailable)?;
        answer(&line(&mut stream).await?)
    }
}

impl EvidenceSource for LabSocket {
    fn name(&self) -> &'static str {
        "lab-socket"
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let question = json!({
            "report_data": encoding::base64_encode(binding.cpu_report_data()),
            "qualifying_data": encoding::base64_encode(binding.tpm_qualifying_data()),
        });
        Ok(json!({"evidence": self.ask(&question).await?}))
    }
}

/// Up to the first newline, or the end of the stream.
async fn line(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, CollectError> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let read = stream
            .read(&mut chunk)
            .await
            .map_err(|error| CollectError::LabAnswer { reason: error.to_string() })?;
        let fresh = chunk.get(..read).unwrap_or_default();
        let end = fresh.iter().position(|byte| *byte == b'\n');
        bytes.extend_from_slice(fresh.get(..end.unwrap_or(read)).unwrap_or_default());
        if bytes.len() > MAX_DOCUMENT {
            return Err(CollectError::TooLarge {
                attribute: "the lab's answer".to_owned(),
                limit: MAX_DOCUMENT,
            });
        }
        if end.is_some() || read == 0 {
            return Ok(bytes);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    evidence: Option<Vec<Value>>,
    error: Option<String>,
}

fn answer(line: &[u8]) -> Result<Vec<Value>, CollectError> {
    let answer: Answer = serde_json::from_slice(line)
        .map_err(|error| CollectError::LabAnswer { reason: error.to_string() })?;
    match (answer.evidence, answer.error) {
        (Some(items), None) => Ok(items),
        (None, Some(message)) => Err(CollectError::LabRefused { message }),
        _ => Err(CollectError::LabAnswer { reason: "it must have either `evidence` or `error`".to_owned() }),
    }
}

/// What an item has of one device.
#[derive(Deserialize)]
struct Device {
    report: String,
    certs: String,
}

/// The digests of every device of these items, as whoever verifies them computes them.
fn devices(items: Vec<Value>) -> Result<DeviceItems, CollectError> {
    let malformed = |reason: String| CollectError::LabAnswer { reason };
    let mut digests = Vec::new();
    for item in &items {
        let listed = item.get("devices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if listed.is_empty() {
            return Err(malformed("an item that was asked for has no devices".to_owned()));
        }
        for device in listed {
            let device = Device::deserialize(device).map_err(|error| malformed(error.to_string()))?;
            let report =
                encoding::base64_decode(&device.report).map_err(|error| malformed(error.to_string()))?;
            digests.push(DeviceDigests::of(&report, &device.certs));
        }
    }
    Ok(DeviceItems { items, digests })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::{Kem, Recipient};
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    use tokio::net::UnixListener;

    fn binding() -> Binding {
        let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
        Binding::new("nonce", &recipient, None, &[]).unwrap()
    }

    async fn lab_that_says(reply: &str) -> (Result<Value, CollectError>, String) {
        asked(reply, async |lab| lab.collect(&binding()).await).await
    }

    async fn lab_with_devices(reply: &str) -> (Result<DeviceItems, CollectError>, String) {
        asked(reply, async |lab| lab.devices(&[5; 32]).await).await
    }

    /// One question to a lab with this reply, and the question.
    async fn asked<T>(reply: &str, ask: impl AsyncFnOnce(LabSocket) -> T) -> (T, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let reply = reply.to_owned();
        let lab = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = String::new();
            BufReader::new(&mut stream).read_line(&mut question).await.unwrap();
            // A client that has read enough hangs up: that is its right.
            let _ = stream.write_all(reply.as_bytes()).await;
            question
        });
        let outcome = ask(LabSocket::new(path)).await;
        (outcome, lab.await.unwrap())
    }

    #[tokio::test]
    async fn a_lab_is_asked_for_the_bindings_report_data() {
        let (outcome, question) = lab_that_says("{\"evidence\":[{\"type\":\"tdx\"}]}\n").await;
        assert_eq!(outcome.unwrap(), json!({"evidence": [{"type": "tdx"}]}));
        let question: Value = serde_json::from_str(&question).unwrap();
        let cpu = encoding::base64_encode(binding().cpu_report_data());
        let tpm = encoding::base64_encode(binding().tpm_qualifying_data());
        assert_eq!(question, json!({"report_data": cpu, "qualifying_data": tpm}));
    }

    #[tokio::test]
    async fn devices_are_taken_as_they_come_with_their_digests_in_order() {
        let device = |report: &[u8]| json!({"report": encoding::base64_encode(report), "certs": "PEM"});
        let items = json!([
            {"type": "nvidia-gpu", "devices": [device(b"a"), device(b"b")], "ocsp": ["AA=="]},
            {"type": "nvidia-switch", "devices": [device(b"c")]},
        ]);
        let (outcome, question) = lab_with_devices(&json!({"evidence": items}).to_string()).await;
        let devices = outcome.unwrap();
        assert_eq!(json!(devices.items), items);
        assert_eq!(devices.digests, [b"a", b"b", b"c"].map(|report| DeviceDigests::of(report, "PEM")));
        let nonce = encoding::base64_encode(&[5; 32]);
        assert_eq!(question.trim_end(), json!({"device_nonce": nonce}).to_string());
    }

    #[tokio::test]
    async fn a_lab_without_devices_has_none_and_a_malformed_one_is_refused() {
        let (none, _) = lab_with_devices(r#"{"evidence":[]}"#).await;
        assert_eq!(none.unwrap(), DeviceItems::default());
        for item in [
            json!({"type": "sev-snp"}),
            json!({"type": "nvidia-gpu", "devices": []}),
            json!({"type": "nvidia-gpu", "devices": [{"report": "AA=="}]}),
            json!({"type": "nvidia-gpu", "devices": [{"report": "%", "certs": ""}]}),
        ] {
            let (outcome, _) = lab_with_devices(&json!({"evidence": [item]}).to_string()).await;
            assert!(matches!(outcome, Err(CollectError::LabAnswer { .. })), "{item}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_lab_that_refuses_is_quoted() {
        let (outcome, _) = lab_that_says("{\"error\":\"no\"}\n").await;
        assert_eq!(outcome, Err(CollectError::LabRefused { message: "no".to_owned() }));
    }

    #[tokio::test]
    async fn malformed_answers_are_refused() {
        for reply in
            ["", "\n", "{}\n", "[]\n", "{\"evidence\":[],\"error\":\"x\"}\n", "{\"evidence\":[],\"x\":1}\n"]
        {
            let (outcome, _) = lab_that_says(reply).await;
            assert!(matches!(outcome, Err(CollectError::LabAnswer { .. })), "{reply}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let (outcome, _) = lab_that_says(&"x".repeat(MAX_DOCUMENT + 1)).await;
        assert!(matches!(outcome, Err(CollectError::TooLarge { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lab_that_says_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab.sock");
        let _silent = UnixListener::bind(&path).unwrap();
        let outcome = LabSocket::new(path).collect(&binding()).await;
        assert_eq!(outcome, Err(CollectError::LabTimeout { seconds: 10 }));
    }

    #[tokio::test]
    async fn no_lab_is_said_clearly() {
        let source = LabSocket::new(PathBuf::from("/nonexistent/lab.sock"));
        assert!(matches!(source.collect(&binding()).await, Err(CollectError::Unavailable { .. })));
    }
}
