//! The single file: one spelling, refused in any other.

use crate::desk::*;
use hanzo_attestation_collateral::bundle::tar::{self, TarError};
use hanzo_attestation_collateral::bundle::{Container, MANIFEST, SIGNATURE};
use hanzo_attestation_collateral::{BundleFileError, FileError, read_bundle, write_bundle};
use hanzo_attestation_evidence::Broken as _;
use std::os::unix::fs::symlink;

fn small() -> Container {
    let mut files = Container::default();
    files.files.insert("blobs/aa".to_owned(), vec![7; 600]);
    files.files.insert("blobs/bb".to_owned(), Vec::new());
    files.files.insert(MANIFEST.to_owned(), b"{}".to_vec());
    files.files.insert(SIGNATURE.to_owned(), vec![b'x'; 512]);
    files
}

#[test]
fn an_archive_is_read_as_it_was_written() {
    let archive = tar::write(&small());
    assert_eq!(tar::read(&archive).unwrap(), small());
    assert_eq!(tar::write(&small()), archive, "the same files, the same bytes");
    assert!(archive.starts_with(MANIFEST.as_bytes()), "the manifest comes first");
    assert_eq!(tar::read(&tar::write(&Container::default())).unwrap(), Container::default());
}

#[test]
fn other_programs_unpack_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar");
    let files = bundle(1, lists());
    write_bundle(&file, &files).unwrap();
    let unpacked = folder.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let status =
        std::process::Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&unpacked).status().unwrap();
    assert!(status.success());
    assert_eq!(read_bundle(&unpacked).unwrap(), files);
}

/// COL-23 and COL-13: no flipped byte of a header or of padding is overlooked, and no truncation.
#[test]
fn every_flipped_byte_outside_the_files_is_refused() {
    let archive = tar::write(&small());
    for offset in 0..archive.len() {
        let mut changed = archive.clone();
        changed[offset] ^= 1;
        match tar::read(&changed) {
            Err(_) => {}
            // Inside a file, it is another file's content: the manifest's business.
            Ok(read) => assert_ne!(read, small(), "byte {offset}"),
        }
    }
    for length in 0..archive.len() {
        assert!(tar::read(&archive[..length]).is_err(), "{length}");
    }
    let longer = [archive.as_slice(), &[0; 512]].concat();
    assert!(matches!(tar::read(&longer), Err(TarError::Malformed { .. })));
}

/// COL-13: names come once, and in order.
#[test]
fn names_out_of_order_or_twice_are_refused() {
    let one = tar::write(&Container { files: [("blobs/bb".to_owned(), vec![1])].into() });
    let two = tar::write(&Container { files: [("blobs/aa".to_owned(), vec![2])].into() });
    for second in [&one, &two] {
        let joined = [&one[..1024], second.as_slice()].concat();
        let error = tar::read(&joined).unwrap_err();
        assert!(matches!(error, TarError::Order { .. }), "{error}");
        assert_eq!(error.rule().to_string(), "COL-13 BundleEntryDigestMismatch");
    }
}

/// COL-01: the number of files is bounded.
#[test]
fn too_many_files_are_refused() {
    let files = (0..1027).map(|n| (format!("blobs/{n:04}"), Vec::new())).collect();
    assert_eq!(tar::read(&tar::write(&Container { files })), Err(TarError::TooManyFiles));
}

#[test]
fn links_and_folders_in_a_bundle_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    write_bundle(&path, &bundle(1, lists())).unwrap();
    symlink("manifest.json", path.join("link")).unwrap();
    let refused = |error: BundleFileError| matches!(error, BundleFileError::File(FileError::NotAFile { .. }));
    assert!(refused(read_bundle(&path).unwrap_err()));
    std::fs::remove_file(path.join("link")).unwrap();
    std::fs::create_dir(path.join("more")).unwrap();
    assert!(refused(read_bundle(&path).unwrap_err()));
    std::fs::remove_dir(path.join("more")).unwrap();
    assert!(read_bundle(&path).is_ok());
    assert!(read_bundle(&folder.path().join("absent")).is_err());
}
