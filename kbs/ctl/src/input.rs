//! Reading what a verb is given: a file, or standard input as `-`; bounded; never from an argument's value.

use crate::exit::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Largest file read, in bytes. The broker reads requests of up to 1 MiB, so a larger policy, reference set
/// or secret could not be sent.
pub(crate) const MAX_FILE: usize = 1 << 20;

/// Reads a file, or standard input for `-`, of at most `limit` bytes. Wiped when dropped: it may be a secret.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path.as_os_str() == "-" {
        return bounded(io::stdin().lock(), path, limit);
    }
    bounded(open(path)?, path, limit)
}

/// Reads a text file; as [`read`], and it must be UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read(path, MAX_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Failure::Input {
        path: path.display().to_string(),
        reason: format!("not UTF-8 after byte {}", error.valid_up_to()),
    })?;
    Ok(text.to_owned())
}

/// Reads a file with a credential in it; refused when every user of the machine has access to it.
///
/// Access for the file's group is left alone: orchestrators mount credentials that way.
pub(crate) fn read_credential(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path.as_os_str() == "-" {
        return read(path, MAX_FILE);
    }
    let file = open(path)?;
    let unreadable = |source| Failure::Unreadable { path: path.display().to_string(), source };
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(Failure::TokenFileOpen { path: path.display().to_string(), mode });
    }
    bounded(file, path, MAX_FILE)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|source| Failure::Unreadable { path: path.display().to_string(), source })
}

fn bounded(source: impl Read, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    source
        .take(one_more)
        .read_to_end(&mut bytes)
        .map_err(|source| Failure::Unreadable { path: path.display().to_string(), source })?;
    if bytes.len() > limit {
        return Err(Failure::FileTooLarge { path: path.display().to_string(), limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_bounded_to_the_byte() {
        let path = Path::new("x");
        assert_eq!(bounded(&b"1234"[..], path, 4).unwrap().as_slice(), b"1234");
        assert!(matches!(bounded(&b"12345"[..], path, 4), Err(Failure::FileTooLarge { limit: 4, .. })));
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        for path in ["/nonexistent/token", "/"] {
            let refused = read(Path::new(path), 10).unwrap_err();
            assert!(matches!(refused, Failure::Unreadable { .. }), "{refused}");
        }
    }

    #[test]
    fn text_must_be_utf8() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"ok\xff").unwrap();
        let refused = read_text(file.path()).unwrap_err().to_string();
        assert!(refused.contains("not UTF-8 after byte 2"), "{refused}");
    }

    #[test]
    fn a_credential_for_everybody_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"token").unwrap();
        for (mode, accepted) in [(0o600, true), (0o440, true), (0o644, false), (0o602, false), (0o601, false)]
        {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_credential(file.path()).is_ok(), accepted, "{mode:o}");
        }
    }
}
