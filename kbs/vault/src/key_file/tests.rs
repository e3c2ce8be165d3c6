use super::*;
use crate::rng::SystemRng;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[test]
fn a_file_of_32_bytes_that_only_its_owner_reads_is_accepted() {
    for mode in [0o600, 0o400] {
        let (_folder, path) = file(&[7; 32], mode);
        assert_eq!(**KeyFileSeal::read(&path).unwrap().key, [7; 32]);
    }
}

#[test]
fn any_other_mode_is_named() {
    for mode in [0o644, 0o640, 0o604, 0o660, 0o700, 0o500, 0o601, 0o610, 0o4600, 0o2600, 0o1600] {
        let (_folder, path) = file(&[7; 32], mode);
        assert_eq!(KeyFileSeal::read(&path).unwrap_err(), KeyFileError::Mode { path, mode });
    }
}

#[test]
fn any_other_length_is_named() {
    for actual in [0, 1, 31, 33, 64] {
        let (_folder, path) = file(&vec![7; actual], 0o600);
        let actual = actual.try_into().unwrap();
        assert_eq!(KeyFileSeal::read(&path).unwrap_err(), KeyFileError::Length { path, actual });
    }
}

#[test]
fn what_is_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    assert_eq!(KeyFileSeal::read(&path).unwrap_err(), KeyFileError::NotAFile { path });
    let path = folder.path().join("absent");
    assert!(matches!(KeyFileSeal::read(&path).unwrap_err(), KeyFileError::Io { .. }));
    let device = PathBuf::from("/dev/zero");
    assert_eq!(KeyFileSeal::read(&device).unwrap_err(), KeyFileError::NotAFile { path: device });
}

#[test]
fn creation_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = KeyFileSeal::create(&path, &SystemRng).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), made.key.as_slice());
    let refused = KeyFileSeal::create(&path, &SystemRng).unwrap_err();
    assert_eq!(refused, KeyFileError::Exists { path: path.clone() });
    assert_eq!(fs::read(&path).unwrap(), made.key.as_slice());
    let nowhere = folder.path().join("no/such/folder/key");
    assert!(matches!(KeyFileSeal::create(nowhere, &SystemRng).unwrap_err(), KeyFileError::Io { .. }));
}
