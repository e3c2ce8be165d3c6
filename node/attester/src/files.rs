//! Reading files whose size nobody promised.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The whole file, if it has at most `limit` bytes.
///
/// The size that the kernel reports is not trusted: attributes of sysfs and configfs claim a page, or zero.
pub(crate) fn read_whole(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let (bytes, whole) = read_start(path, limit)?;
    if whole { Ok(bytes) } else { Err(too_large(limit)) }
}

/// The first `limit` bytes, and whether they are the whole file.
pub(crate) fn read_start(path: &Path, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(one_more).read_to_end(&mut bytes)?;
    let whole = bytes.len() <= limit;
    bytes.truncate(limit);
    Ok((bytes, whole))
}

/// A short text attribute, without the newline that the kernel ends it with.
pub(crate) fn read_line(path: &Path) -> io::Result<String> {
    // Attributes of sysfs and configfs have at most one page.
    let bytes = read_whole(path, 4096)?;
    let text =
        String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

pub(crate) fn too_large(limit: usize) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_at_the_limit_is_read_and_one_byte_more_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read_whole(&path, 10).unwrap(), [7; 10]);
        assert_eq!(read_whole(&path, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_start(&path, 4).unwrap(), (vec![7; 4], false));
    }

    #[test]
    fn a_line_that_is_no_text_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(read_line(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::write(&path, "Y\n").unwrap();
        assert_eq!(read_line(&path).unwrap(), "Y");
    }
}
