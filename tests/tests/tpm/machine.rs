//! A machine with a TPM, and what its attester gives.

use hanzo_attestation_evidence::event_log::{EventKind, Log, PcrBank};
use hanzo_attestation_evidence::{Binding, Kem, Recipient};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_node_attester::Tpm;
use hanzo_node_attester::tpm::{LogChoice, Settings};
use hanzo_tests::swtpm::Swtpm;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A TPM and the node's directory for it.
pub(crate) struct Machine {
    pub(crate) swtpm: Swtpm,
    folder: TempDir,
}

impl Machine {
    pub(crate) fn start() -> Self {
        Self { swtpm: Swtpm::start().unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    /// The directory that belongs to the attestation key.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("tpm")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            tcti: self.swtpm.tcti().parse().unwrap(),
            state: self.state(),
            key: None,
            event_log: LogChoice::Auto,
            ak_certs: Vec::new(),
        }
    }

    pub(crate) fn tpm(&self) -> Tpm {
        Tpm::new(self.settings(), Path::new("/"))
    }
}

impl Machine {
    /// Lets firmware measure a usual boot into the TPM, and gives the log of it.
    pub(crate) fn boot(&self) -> LabLog {
        let log = LabLog::usual_tpm(&[PcrBank::Sha256, PcrBank::Sha384]);
        let bytes = log.bytes();
        let events = Log::tcg2(&bytes).unwrap();
        for event in events.events().iter().filter(|event| event.kind != EventKind::NO_ACTION) {
            let digest = |bank| hex::encode(event.digest(bank).unwrap());
            let register = u8::try_from(event.index).unwrap();
            self.swtpm.extend(register, &digest(PcrBank::Sha256), &digest(PcrBank::Sha384)).unwrap();
        }
        log
    }
}

/// The binding of one challenge.
pub(crate) fn binding(nonce: &str) -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    Binding::new(nonce, &recipient, None, &[]).unwrap()
}
