//! The directory in which a node keeps what belongs to its attestation key, for its owner's eyes alone.
//!
//! Nothing in it is secret to the TPM's owner: the key's private half never leaves the TPM. It is closed
//! because whoever could exchange a file could make the node quote with another key.

use super::error::TpmError;
use crate::files::read_whole;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Name of the file that processes lock.
const LOCK: &str = "lock";
/// Beginning of the names of scratch directories.
const SCRATCH: &str = "run-";
/// How often a lock is tried again.
const LOOK: Duration = Duration::from_millis(20);
/// Patience with another process: one quote on a slow TPM, its key included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The directory, held against other processes while this lives.
pub(super) struct State {
    directory: PathBuf,
    scratch: TempDir,
    _lock: File,
}

impl State {
    /// Opens the directory, making it with mode 0700 if it is not there, and waits for other processes.
    pub(super) async fn open(directory: &Path) -> Result<Self, TpmError> {
        make(directory)?;
        let lock = lock(&directory.join(LOCK)).await?;
        remove_leftovers(directory)?;
        let private = Permissions::from_mode(0o700);
        let scratch = tempfile::Builder::new().prefix(SCRATCH).permissions(private).tempdir_in(directory);
        let scratch = scratch.map_err(at(directory))?;
        Ok(Self { directory: directory.to_owned(), scratch, _lock: lock })
    }

    /// A directory of its own for files that end with this process's work.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Path of a kept file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A kept file, if it is there.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, TpmError> {
        let path = self.path(name);
        match read_whole(&path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Keeps a file, whole or not at all, with mode 0600.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), TpmError> {
        let (fresh, path) = (self.scratch.path().join(format!("keep-{name}")), self.path(name));
        write_new(&fresh, bytes)?;
        fs::rename(&fresh, &path).map_err(at(&path))
    }
}

/// Writes a new file of mode 0600.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), TpmError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(at(path))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), TpmError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn make(directory: &Path) -> Result<(), TpmError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at(directory))?;
    let metadata = fs::metadata(directory).map_err(at(directory))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TpmError::StateOpen { path: directory.display().to_string(), mode });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(at(directory)(io::Error::other("belongs to another user")));
    }
    Ok(())
}

async fn lock(path: &Path) -> Result<File, TpmError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(at(path))?;
    let taken = async {
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::WOULDBLOCK) => tokio::time::sleep(LOOK).await,
                Err(error) => return Err(at(path)(error.into())),
            }
        }
    };
    let busy = |_| TpmError::Busy { path: path.display().to_string(), seconds: PATIENCE.as_secs() };
    tokio::time::timeout(PATIENCE, taken).await.map_err(busy)??;
    Ok(file)
}

/// Scratch directories of processes that were killed: whoever holds the lock knows that nobody uses them.
fn remove_leftovers(directory: &Path) -> Result<(), TpmError> {
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry.map_err(at(directory))?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> TpmError {
    move |error| TpmError::State { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> TempDir {
        tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    #[tokio::test]
    async fn what_is_kept_is_the_owners_alone_and_nothing_else_stays() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/tpm");
        {
            let state = State::open(&directory).await.unwrap();
            assert_eq!(state.read("ak", 10).unwrap(), None);
            state.keep("ak", b"one").unwrap();
            state.keep("ak", b"two").unwrap();
            write_new(&state.scratch().join("x"), b"scratch").unwrap();
            assert_eq!(state.read("ak", 10).unwrap().as_deref(), Some(&b"two"[..]));
            assert!(state.read("ak", 2).is_err(), "a file beyond its limit");
        }
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(fs::metadata(directory.join("ak")).unwrap().mode() & 0o7777, 0o600);
        let mut left: Vec<_> = fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["ak", LOCK]);
    }

    #[tokio::test]
    async fn leftovers_of_a_killed_process_are_removed() {
        let directory = closed();
        let left = directory.path().join("run-abc");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("secret"), "x").unwrap();
        drop(State::open(directory.path()).await.unwrap());
        assert!(!left.exists());
    }

    #[tokio::test]
    async fn a_directory_that_others_can_enter_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o755, 0o710, 0o701, 0o1777] {
            fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
            let refused = State::open(directory.path()).await.err();
            assert!(matches!(refused, Some(TpmError::StateOpen { mode: m, .. }) if m == mode), "{mode:o}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_process_waits_and_then_says_who_is_busy() {
        let directory = closed();
        let held = State::open(directory.path()).await.unwrap();
        let refused = State::open(directory.path()).await.err();
        assert!(matches!(refused, Some(TpmError::Busy { seconds: 120, .. })));
        drop(held);
        assert!(State::open(directory.path()).await.is_ok());
    }
}
