//! A machine with a TPM, and what its attester gives.

use hanzo_attestation_evidence::{Binding, Kem, Recipient};
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

/// The binding of one challenge.
pub(crate) fn binding(nonce: &str) -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    Binding::new(nonce, &recipient, None, &[]).unwrap()
}
