//! The file that a key lies in: for its owner's eyes alone.

use super::pem::PemError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest key file in bytes: a P-256 key has some 250 in PEM; the rest is for other keys to be named as
/// such.
const MAX_FILE: usize = 8192;
/// Everything in the mode that is neither reading nor writing by the owner.
const FORBIDDEN_MODE: u32 = 0o7177;
/// Permission bits, without the kind of file.
const PERMISSIONS: u32 = 0o7777;

/// Why there is no identity key. None of these carries a byte of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file already; it is never overwritten, because a broker may know its key.
    #[error("identity key {} already exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("identity key {}: {reason}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A directory, a device, a pipe.
    #[error("identity key {} is not a regular file", path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// Others can read or write it.
    #[error("identity key {} has mode {mode:04o}; 0600 or 0400 is demanded", path.display())]
    Mode {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// More bytes than any key has.
    #[error("identity key {} has more than {limit} bytes", path.display())]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// The bound in bytes.
        limit: usize,
    },
    /// Neither DER nor a PEM block of PKCS#8.
    #[error("identity key {} {reason}", path.display())]
    Pem {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: PemError,
    },
    /// Not PKCS#8, or a key of another algorithm.
    #[error("identity key {} holds no PKCS#8 private key of Ed25519 or P-256", path.display())]
    NotAKey {
        /// Where.
        path: PathBuf,
    },
    /// The system gave no random bytes for a new key.
    #[error("no random bytes for an identity key")]
    Random,
}

/// Reads a key file. The checks are made on the open file, so that it cannot be exchanged in between.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let io = |error: io::Error| KeyFileError::Io { path: path.to_owned(), reason: error.to_string() };
    // Looked at before opening as well: opening a pipe would wait for its other end.
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.mode() & PERMISSIONS;
    if mode & FORBIDDEN_MODE != 0 || mode & 0o400 == 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    // Room for everything that is read, so that the buffer is never moved and left behind.
    let mut content = Zeroizing::new(Vec::with_capacity(2 * MAX_FILE));
    let one_more = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    file.take(one_more).read_to_end(&mut content).map_err(io)?;
    if content.len() > MAX_FILE {
        return Err(KeyFileError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    Ok(content)
}

/// Writes a new file of mode 0600; what is there already stays.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<(), KeyFileError> {
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Io { path: path.to_owned(), reason: error.to_string() },
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    let written = fill(file, content, path);
    if written.is_err() {
        // Half a key is none: it must not stand in the way of the next attempt.
        let _ = fs::remove_file(path);
    }
    written.map_err(io)
}

fn fill(mut file: File, content: &[u8], path: &Path) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new("."))).and_then(|folder| folder.sync_all())
}
