//! The stored login: a broker's address, whom to trust for it, and the token; readable by its owner alone.

use crate::exit::Failure;
use crate::input;
use hanzo_kbs_client::AdminToken;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Whom a login trusts for the broker's TLS identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoredTrust {
    /// The authorities in this file.
    Authority(PathBuf),
    /// The machine's own store.
    SystemStore,
    /// Nobody: the broker is on a plain loopback address.
    Nobody,
}

/// What `login` keeps.
pub(crate) struct StoredLogin {
    /// The broker.
    pub(crate) addr: String,
    /// Whom to trust for it.
    pub(crate) trust: StoredTrust,
    /// The token. It is sent to this broker and to no other.
    pub(crate) token: AdminToken,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    addr: String,
    trust: StoredTrust,
    token: Zeroizing<String>,
}

/// Where a login is kept, below the user's configuration directory.
pub(crate) fn file(config_directory: &Path) -> PathBuf {
    config_directory.join("hanzo-kbs").join("login.json")
}

impl StoredLogin {
    /// Reads the stored login; `None` if there is none.
    pub(crate) fn load(config_directory: &Path) -> Result<Option<Self>, Failure> {
        let path = file(config_directory);
        let bytes = match input::read_credential(&path) {
            Ok(bytes) => bytes,
            Err(Failure::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let broken = |reason: String| Failure::StoredLogin { path: path.display().to_string(), reason };
        let raw: Raw = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        let token = AdminToken::parse(&raw.token).map_err(|error| broken(error.to_string()))?;
        Ok(Some(Self { addr: raw.addr, trust: raw.trust, token }))
    }

    /// Writes the login, mode 0600, whole or not at all. Answers where.
    pub(crate) fn save(&self, config_directory: &Path) -> Result<PathBuf, Failure> {
        let path = file(config_directory);
        let unwritable = |source| Failure::unwritable(&path, source);
        let raw = Raw {
            addr: self.addr.clone(),
            trust: self.trust.clone(),
            token: Zeroizing::new(self.token.expose_to_store().to_owned()),
        };
        let text =
            serde_json::to_vec(&raw).map(Zeroizing::new).map_err(|e| unwritable(io::Error::from(e)))?;
        write_private(&path, &text).map_err(unwritable)?;
        Ok(path)
    }
}

/// Writes a file that only its owner can read: beside the old one, then in its place.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    replace(path, bytes, 0o600)
}

/// Writes a file beside the old one, then puts it in its place.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> StoredLogin {
        StoredLogin {
            addr: "https://kbs.example".to_owned(),
            trust: StoredTrust::Authority(PathBuf::from("/etc/kbs/ca.pem")),
            token: AdminToken::parse("t0ken").unwrap(),
        }
    }

    #[test]
    fn what_is_saved_is_read_back_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(StoredLogin::load(folder.path()).unwrap().is_none());
        for _ in 0..2 {
            let path = login().save(folder.path()).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        }
        let read = StoredLogin::load(folder.path()).unwrap().unwrap();
        assert_eq!((read.addr, read.trust), (login().addr, login().trust));
        assert_eq!(read.token.expose_to_store(), "t0ken");
    }

    #[test]
    fn a_login_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = login().save(folder.path()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(StoredLogin::load(folder.path()), Err(Failure::TokenFileOpen { mode: 0o644, .. })));
    }

    #[test]
    fn a_login_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = login().save(folder.path()).unwrap();
        for text in ["", "{}", r#"{"addr":"https://h","trust":"system-store","token":"a b"}"#, "{\"addr\":1}"]
        {
            fs::write(&path, text).unwrap();
            assert!(matches!(StoredLogin::load(folder.path()), Err(Failure::StoredLogin { .. })), "{text}");
        }
    }
}
