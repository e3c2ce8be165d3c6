//! A bundle on disk: a folder, or the single file.

use crate::FileError;
use crate::bundle::tar::{self, MAX_BUNDLE, MAX_FILES, TarError, archive_limit};
use crate::bundle::{Container, MANIFEST, MAX_MANIFEST, SIGNATURE};
use crate::file;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// A bundle that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleFileError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The single file is no archive in the one spelling.
    #[error("`{}`: {source}", path.display())]
    Tar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TarError,
    },
    /// It cannot be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something in its place, and nothing is overwritten.
    #[error("`{}` exists", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
}

/// Reads a bundle's files, from a folder or from the single file. Nothing in them is looked at.
///
/// # Errors
/// [`BundleFileError`].
pub fn read_bundle(path: &Path) -> Result<Container, BundleFileError> {
    if path.is_dir() {
        return Ok(read_folder(path)?);
    }
    let bytes = file::read(path, archive_limit())?;
    tar::read(&bytes).map_err(|source| BundleFileError::Tar { path: path.to_owned(), source })
}

/// Writes a bundle: as the single file where the name ends in `.tar`, else as a folder.
///
/// # Errors
/// [`BundleFileError`]; nothing is overwritten.
pub fn write_bundle(path: &Path, files: &Container) -> Result<(), BundleFileError> {
    if path.symlink_metadata().is_ok() {
        return Err(BundleFileError::Exists { path: path.to_owned() });
    }
    if path.extension().is_some_and(|extension| extension == "tar") {
        return write_new(path, &tar::write(files));
    }
    let blobs = path.join("blobs");
    let unwritable = |source| BundleFileError::Unwritable { path: blobs.clone(), source };
    fs::create_dir_all(&blobs).map_err(unwritable)?;
    files.files.iter().try_for_each(|(name, bytes)| write_new(&path.join(name), bytes))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BundleFileError> {
    let unwritable = |source| BundleFileError::Unwritable { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(unwritable)?;
    io::Write::write_all(&mut file, bytes).and_then(|()| file.sync_all()).map_err(unwritable)
}

/// Reads the files of a folder, and those of the folder `blobs` in it; bounded, and without following links.
pub(crate) fn read_folder(path: &Path) -> Result<Container, FileError> {
    let mut reader = Reader { files: Container::default(), budget: archive_limit() };
    for entry in list(path)? {
        let name = name_of(&entry)?;
        if name == "blobs" && entry.path().symlink_metadata().is_ok_and(|found| found.is_dir()) {
            for blob in list(&entry.path())? {
                let name = format!("blobs/{}", name_of(&blob)?);
                reader.take(name, &blob.path(), MAX_BUNDLE)?;
            }
        } else {
            // Whatever is not listed will be refused: it need not be read in full to be named.
            let limit = if name == MANIFEST || name == SIGNATURE { MAX_MANIFEST } else { MAX_BUNDLE };
            reader.take(name, &entry.path(), limit)?;
        }
    }
    Ok(reader.files)
}

struct Reader {
    files: Container,
    /// Bytes that may still be read.
    budget: usize,
}

impl Reader {
    fn take(&mut self, name: String, path: &Path, limit: usize) -> Result<(), FileError> {
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        if !is_file {
            return Err(FileError::NotAFile { path: path.to_owned() });
        }
        let bytes = file::read(path, limit.min(self.budget))?;
        self.budget = self.budget.saturating_sub(bytes.len());
        self.files.files.insert(name, bytes);
        Ok(())
    }
}

/// The entries of a folder; one more than there can be ends the listing.
fn list(path: &Path) -> Result<Vec<DirEntry>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let entries = entries.take(MAX_FILES + 1).collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
    if entries.len() > MAX_FILES {
        return Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_FILES });
    }
    Ok(entries)
}

fn name_of(entry: &DirEntry) -> Result<String, FileError> {
    entry.file_name().into_string().map_err(|_| FileError::NotAFile { path: entry.path() })
}
