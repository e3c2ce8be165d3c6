//! The logs that explain PCRs: the firmware's, and the kernel's of what it ran (IMA).

use super::error::TpmError;
use crate::files::read_whole;
use hanzo_attestation_evidence::document::MAX_EVENT_LOG;
use std::io;
use std::path::{Path, PathBuf};

/// Where the kernel shows the firmware's event log of its first TPM.
const KERNEL_LOG: &str = "sys/kernel/security/tpm0/binary_bios_measurements";

/// Whether a log goes with the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogChoice {
    /// The kernel's, if it is there and the TPM is the kernel's.
    Auto,
    /// None. PCRs that no log explains are worth only what reference values say of them.
    Off,
    /// This file, which must be there.
    File(PathBuf),
}

impl LogChoice {
    /// The bytes, if there are any to send.
    pub(super) fn read(&self, root: &Path, kernels_tpm: bool) -> Result<Option<Vec<u8>>, TpmError> {
        let (path, must) = match self {
            Self::Off => return Ok(None),
            Self::Auto if !kernels_tpm => return Ok(None),
            Self::Auto => (root.join(KERNEL_LOG), false),
            Self::File(path) => (path.clone(), true),
        };
        match read_whole(&path, MAX_EVENT_LOG) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must => Ok(None),
            Err(error) => Err(TpmError::File { path: path.display().to_string(), reason: error.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with_log(log: &[u8]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(KERNEL_LOG);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, log).unwrap();
        root
    }

    #[test]
    fn the_kernels_log_goes_with_the_kernels_tpm_alone() {
        let root = root_with_log(b"log");
        assert_eq!(LogChoice::Auto.read(root.path(), true).unwrap().as_deref(), Some(&b"log"[..]));
        assert_eq!(LogChoice::Auto.read(root.path(), false).unwrap(), None);
        assert_eq!(LogChoice::Off.read(root.path(), true).unwrap(), None);
        assert_eq!(LogChoice::Auto.read(&root.path().join("none"), true).unwrap(), None);
    }

    #[test]
    fn a_log_that_is_named_must_be_there_and_within_its_bound() {
        let root = root_with_log(&vec![0; MAX_EVENT_LOG + 1]);
        let missing = LogChoice::File(root.path().join("none")).read(root.path(), true);
        assert!(matches!(missing, Err(TpmError::File { .. })));
        assert!(matches!(LogChoice::Auto.read(root.path(), true), Err(TpmError::File { .. })));
    }
}
