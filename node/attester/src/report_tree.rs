//! Access to the kernel's report entries, narrow enough to be played by a test.
//!
//! Linux `Documentation/ABI/testing/configfs-tsm-report`: a directory made below
//! `/sys/kernel/config/tsm/report` is one report request; its files are the attributes below.

use crate::CollectError;
use crate::files;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The attributes that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Provider,
    Generation,
    Inblob,
    Outblob,
    Auxblob,
    Privlevel,
    PrivlevelFloor,
}

impl Attribute {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Generation => "generation",
            Self::Inblob => "inblob",
            Self::Outblob => "outblob",
            Self::Auxblob => "auxblob",
            Self::Privlevel => "privlevel",
            Self::PrivlevelFloor => "privlevel_floor",
        }
    }
}

/// One report request.
pub(crate) trait ReportEntry {
    /// All bytes of an attribute; more than `limit` is `FileTooLarge`.
    fn read(&mut self, attribute: Attribute, limit: usize) -> io::Result<Vec<u8>>;

    /// Writes an attribute whole.
    fn write(&mut self, attribute: Attribute, bytes: &[u8]) -> io::Result<()>;
}

/// A directory in the kernel's tree, removed on drop.
pub(crate) struct KernelEntry {
    path: PathBuf,
}

impl KernelEntry {
    /// Makes a new entry with a name that nobody else has.
    pub(crate) fn create(tree: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Names can be taken by entries of a process that was killed and had our number.
        const ATTEMPTS: usize = 16;
        let process = std::process::id();
        let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..ATTEMPTS {
            let count = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = tree.join(format!("hanzo-{process}-{count}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(error),
            }
        }
        Err(taken)
    }
}

impl ReportEntry for KernelEntry {
    fn read(&mut self, attribute: Attribute, limit: usize) -> io::Result<Vec<u8>> {
        files::read_whole(&self.path.join(attribute.name()), limit)
    }

    fn write(&mut self, attribute: Attribute, bytes: &[u8]) -> io::Result<()> {
        // No O_CREAT: an attribute that the kernel does not have must not become a file. The kernel takes
        // a binary attribute over when it is closed, which is why the generation is read afterwards.
        OpenOptions::new().write(true).open(self.path.join(attribute.name()))?.write_all(bytes)
    }
}

impl Drop for KernelEntry {
    fn drop(&mut self) {
        // Nothing is lost if it stays: the name is not used again, and the kernel frees it at shutdown.
        let _ = fs::remove_dir(&self.path);
    }
}

pub(crate) fn unavailable(path: &Path, error: &io::Error) -> CollectError {
    CollectError::Unavailable { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_made_once_and_removed_on_drop() {
        let tree = tempfile::tempdir().unwrap();
        let first = KernelEntry::create(tree.path()).unwrap();
        let second = KernelEntry::create(tree.path()).unwrap();
        assert_ne!(first.path, second.path);
        drop((first, second));
        assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_attribute_that_is_not_there_is_not_created() {
        let tree = tempfile::tempdir().unwrap();
        let mut entry = KernelEntry::create(tree.path()).unwrap();
        assert_eq!(entry.write(Attribute::Inblob, &[0; 64]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(entry.read(Attribute::Outblob, 10).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn no_entry_is_made_where_there_is_no_tree() {
        let tree = tempfile::tempdir().unwrap();
        assert!(KernelEntry::create(&tree.path().join("none")).is_err());
    }
}
