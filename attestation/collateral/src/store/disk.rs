//! The steps on the disk, in an order that leaves the old store or the new one whatever step is the last.

use super::error::StoreError;
use super::state::{MAX_STATE, State};
use crate::bundle::Container;
use crate::file;
use hanzo_attestation_evidence::Hex;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const STATE: &str = "store.json";
const NEW_STATE: &str = "store.json.new";
const GENERATIONS: &str = "generations";
const NEW_GENERATION: &str = "new";
const LOCK: &str = "lock";

/// Where a generation lies.
pub(super) fn generation(store: &Path, digest: &Hex<32>) -> PathBuf {
    store.join(GENERATIONS).join(digest.to_string())
}

/// Reads `store.json`; a store that has none is empty.
pub(super) fn read_state(store: &Path) -> Result<State, StoreError> {
    let path = store.join(STATE);
    if matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Ok(State::empty());
    }
    let bytes = file::read(&path, MAX_STATE)?;
    State::parse(&bytes).map_err(|source| StoreError::State { path, source })
}

/// A store that is locked for a change. Nothing is cleaned up after an error: the next change does it, as
/// after a crash.
pub(super) struct Disk<'a> {
    store: &'a Path,
    /// Asked before each step.
    before: &'a mut dyn FnMut(&'static str) -> io::Result<()>,
    /// Held until this is dropped.
    _lock: File,
}

impl<'a> Disk<'a> {
    pub(super) fn lock(
        store: &'a Path,
        before: &'a mut dyn FnMut(&'static str) -> io::Result<()>,
    ) -> Result<Self, StoreError> {
        let generations = store.join(GENERATIONS);
        step(before, "creating", &generations, || fs::create_dir_all(&generations))?;
        let path = store.join(LOCK);
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = step(before, "opening", &path, open)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { store, before, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::Busy { path }),
            Err(fs::TryLockError::Error(source)) => Err(StoreError::Disk { step: "locking", path, source }),
        }
    }

    pub(super) fn state(&self) -> Result<State, StoreError> {
        read_state(self.store)
    }

    /// Writes the new generation, and makes it the one that counts.
    pub(super) fn switch(&mut self, old: &State, new: &State, files: &Container) -> Result<(), StoreError> {
        self.prune(old)?;
        if let Some(digest) = new.generation.filter(|digest| old.generation.as_ref() != Some(digest)) {
            self.write_generation(&digest, files)?;
        }
        let text = serde_json::to_vec_pretty(new).map_err(|error| StoreError::Written(error.to_string()))?;
        let (from, to) = (self.store.join(NEW_STATE), self.store.join(STATE));
        self.write(&from, &text)?;
        self.step("renaming", &from, || fs::rename(&from, &to))?;
        self.sync_dir(self.store)?;
        self.prune(new)
    }

    fn write_generation(&mut self, digest: &Hex<32>, files: &Container) -> Result<(), StoreError> {
        let folder = self.store.join(GENERATIONS);
        let (from, to) = (folder.join(NEW_GENERATION), generation(self.store, digest));
        let blobs = from.join("blobs");
        self.step("creating", &blobs, || fs::create_dir_all(&blobs))?;
        for (name, bytes) in &files.files {
            self.write(&from.join(name), bytes)?;
        }
        self.sync_dir(&blobs)?;
        self.sync_dir(&from)?;
        self.step("renaming", &from, || fs::rename(&from, &to))?;
        self.sync_dir(&folder)
    }

    /// Removes what neither counts nor is kept for audit: what an import left that did not end, and old
    /// generations.
    fn prune(&mut self, state: &State) -> Result<(), StoreError> {
        let folder = self.store.join(GENERATIONS);
        let kept: Vec<String> =
            [state.generation, state.previous].iter().flatten().map(ToString::to_string).collect();
        let found =
            self.step("listing", &folder, || fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>())?;
        for entry in found {
            let (name, path) = (entry.file_name(), entry.path());
            if !kept.iter().any(|kept| name == kept.as_str()) {
                self.step("removing", &path, || fs::remove_dir_all(&path))?;
            }
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = self.step("creating", path, || File::create(path))?;
        self.step("writing", path, || file.write_all(bytes))?;
        self.step("syncing", path, || file.sync_all())
    }

    fn sync_dir(&mut self, path: &Path) -> Result<(), StoreError> {
        self.step("syncing", path, || File::open(path)?.sync_all())
    }

    fn step<T>(
        &mut self,
        name: &'static str,
        path: &Path,
        act: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, StoreError> {
        step(self.before, name, path, act)
    }
}

fn step<T>(
    before: &mut dyn FnMut(&'static str) -> io::Result<()>,
    name: &'static str,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> Result<T, StoreError> {
    let failed = |source| StoreError::Disk { step: name, path: path.to_owned(), source };
    before(name).map_err(failed)?;
    act().map_err(failed)
}
