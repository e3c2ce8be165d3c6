//! The first seal: a file of 32 random bytes that only its owner can read.

use crate::envelope::{self, Record};
use crate::rng::Rng;
use crate::root::RootKey;
use crate::seal::{Seal, SealContext, SealError};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Length of a key file in bytes.
const KEY_FILE_LENGTH: u64 = 32;
/// Everything in the mode that somebody else than the owner could use, and execution.
const FORBIDDEN_MODE: u32 = 0o177;
/// Permission bits, without the kind of file.
const PERMISSIONS: u32 = 0o7777;
/// Length of a salt in bytes.
const SALT: usize = 32;

/// Wraps the root key under a key from a file.
pub struct KeyFileSeal {
    key: Box<Zeroizing<[u8; 32]>>,
}

/// Why a key file is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// There is one already; it is never overwritten, because a store may rest on it.
    #[error("key file {} already exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("key file {}: {reason}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A directory, a device, a pipe.
    #[error("key file {} is not a regular file", path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// Others can read or write it.
    #[error("key file {} has mode {mode:04o}; 0600 or 0400 is demanded", path.display())]
    Mode {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It does not hold 32 bytes.
    #[error("key file {} has {actual} bytes; {KEY_FILE_LENGTH} are demanded", path.display())]
    Length {
        /// Where.
        path: PathBuf,
        /// Its length in bytes.
        actual: u64,
    },
}

impl KeyFileSeal {
    /// Reads a key file. The checks are made on the open file, so that it cannot be exchanged in between.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let io = |error: io::Error| KeyFileError::Io { path: path.to_owned(), reason: error.to_string() };
        // Looked at before opening as well: opening a pipe would wait for its other end.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(KeyFileError::NotAFile { path: path.to_owned() });
        }
        let mut file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(KeyFileError::NotAFile { path: path.to_owned() });
        }
        let mode = metadata.mode() & PERMISSIONS;
        if mode & (FORBIDDEN_MODE | !0o777 & PERMISSIONS) != 0 || mode & 0o400 == 0 {
            return Err(KeyFileError::Mode { path: path.to_owned(), mode });
        }
        let actual = metadata.len();
        if actual != KEY_FILE_LENGTH {
            return Err(KeyFileError::Length { path: path.to_owned(), actual });
        }
        let mut key = Box::new(Zeroizing::new([0; 32]));
        file.read_exact(key.as_mut_slice()).map_err(io)?;
        Ok(Self { key })
    }

    /// Makes a new key file with mode 0600 and reads it back.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when there is a file of this name, [`KeyFileError::Io`].
    pub fn create(path: impl AsRef<Path>, rng: &dyn Rng) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
            _ => KeyFileError::Io { path: path.to_owned(), reason: error.to_string() },
        };
        let mut key = Box::new(Zeroizing::new([0; 32]));
        rng.fill(key.as_mut_slice())
            .map_err(|error| KeyFileError::Io { path: path.to_owned(), reason: error.to_string() })?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(key.as_slice()).map_err(io)?;
        file.sync_all().map_err(io)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        Self::read(path)
    }

    fn aad(&self, context: &SealContext) -> Vec<u8> {
        [b"hanzo-kbs/v1/seal\0", self.kind().as_bytes(), b"\0", &context.store_id].concat()
    }
}

impl Seal for KeyFileSeal {
    fn kind(&self) -> &'static str {
        "key-file"
    }

    fn wrap_root(&self, root: &RootKey, context: &SealContext, rng: &dyn Rng) -> Result<Vec<u8>, SealError> {
        let record =
            envelope::seal(&self.key, &self.aad(context), root.expose(), rng).map_err(|_| SealError::Wrap)?;
        Ok([record.salt.as_slice(), &record.ciphertext].concat())
    }

    fn unwrap_root(&self, wrapped: &[u8], context: &SealContext) -> Result<RootKey, SealError> {
        let (salt, ciphertext) = wrapped.split_first_chunk::<SALT>().ok_or(SealError::DoesNotUnwrap)?;
        let record = Record { salt: *salt, ciphertext: ciphertext.to_vec() };
        envelope::open_key(&self.key, &self.aad(context), &record)
            .map(RootKey::from_bytes)
            .map_err(|_| SealError::DoesNotUnwrap)
    }
}

impl fmt::Debug for KeyFileSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFileSeal(…)")
    }
}

#[cfg(test)]
mod tests;
