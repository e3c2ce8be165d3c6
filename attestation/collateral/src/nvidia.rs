//! Reference integrity manifests of NVIDIA devices, as NVIDIA's service sends them: XML.

use crate::FileError;
use crate::file;
use hanzo_attestation_evidence::nvidia::rim::{MAX_RIM, Rim, RimError};
use std::path::{Path, PathBuf};

/// A file that is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum NvidiaRimError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not of the form of manifests.
    #[error("`{}` is not a reference integrity manifest: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RimError,
    },
}

/// Reads one manifest. Its form is checked here, so that a wrong file is found when it is configured; its
/// signature, its chain and its dates are checked whenever it is used.
///
/// # Errors
/// [`NvidiaRimError`] naming the file.
pub fn read_nvidia_rim(path: &Path) -> Result<Vec<u8>, NvidiaRimError> {
    let bytes = file::read(path, MAX_RIM)?;
    match Rim::parse(&bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(NvidiaRimError::Malformed { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_manifest_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "<a/>").unwrap();
        let refused = read_nvidia_rim(file.path()).unwrap_err();
        assert!(matches!(refused, NvidiaRimError::Malformed { source: RimError::SignaturePlace(_), .. }));
        assert!(refused.to_string().contains(&file.path().display().to_string()), "{refused}");
        std::fs::write(file.path(), " ".repeat(MAX_RIM + 1)).unwrap();
        assert!(matches!(
            read_nvidia_rim(file.path()),
            Err(NvidiaRimError::File(FileError::TooLarge { .. }))
        ));
        assert!(matches!(read_nvidia_rim(Path::new("/nonexistent")), Err(NvidiaRimError::File(_))));
    }
}
