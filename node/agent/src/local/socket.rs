//! A unix socket that nobody else can open, replace or have put there before us.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Mode of the socket: read and write for its owner.
const OWNER_ONLY: u32 = 0o600;

/// Why there is no safe socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path has no directory in it.
    #[error("the socket path {0} has no directory")]
    NoDirectory(PathBuf),
    /// The directory belongs to another user, who could put another socket in its place.
    #[error("{path} belongs to user {owner}, neither to this user nor to root")]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Others may write to the directory.
    #[error("{path} can be written by others (mode {mode:o}); use a directory of mode 700")]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something that is no socket has the path.
    #[error("{0} is there and is no socket")]
    NotASocket(PathBuf),
    /// Another agent answers on it.
    #[error("another agent answers on {0}")]
    InUse(PathBuf),
    /// The operating system said no.
    #[error("{path}: {error}")]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A listening socket of mode 0600 in a directory that only its owner (or root) can change. The file is
/// removed on drop.
pub struct OwnedSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the socket's file on drop.
pub(super) struct SocketFile(PathBuf);

impl OwnedSocket {
    /// Binds `path`. A directory that is not there is made with mode 0700, a socket that nobody listens on is
    /// replaced.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn bind(path: &Path) -> Result<Self, SocketError> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .ok_or_else(|| SocketError::NoDirectory(path.to_owned()))?;
        make_directory(directory)?;
        check_directory(directory)?;
        clear(path).await?;
        let listener = bind_closed(directory, path)?;
        let file = SocketFile(path.to_owned());
        Ok(Self { listener, file })
    }

    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays is replaced by the next agent.
        let _ = fs::remove_file(&self.0);
    }
}

/// Refuses a directory in which somebody else could exchange the socket.
pub(super) fn check_directory(path: &Path) -> Result<(), SocketError> {
    let metadata = fs::metadata(path).map_err(io_at(path))?;
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(SocketError::ForeignDirectory { path: path.to_owned(), owner });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(SocketError::OpenDirectory { path: path.to_owned(), mode });
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), SocketError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io_at(path)(error)),
        _ => Ok(()),
    }
}

/// Removes a socket that nobody listens on.
async fn clear(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_at(path)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(io_at(path))
        }
        Err(error) => Err(io_at(path)(error)),
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

/// Binds inside a new directory that is closed to all others, closes the socket too, and only then moves it
/// to its place: there is no moment at which somebody else could open it.
fn bind_closed(directory: &Path, path: &Path) -> Result<UnixListener, SocketError> {
    let name = path.file_name().ok_or_else(|| SocketError::NoDirectory(path.to_owned()))?;
    // Socket addresses have at most 107 bytes: the inner names are short.
    let closed = directory.join(format!(".{}", std::process::id()));
    let inner = closed.join("s");
    // Left by a process that was killed here and had our number.
    let _ = fs::remove_file(&inner);
    let _ = fs::remove_dir(&closed);
    DirBuilder::new().mode(0o700).create(&closed).map_err(io_at(&closed))?;
    let moved = UnixListener::bind(&inner).and_then(|listener| {
        fs::set_permissions(&inner, Permissions::from_mode(OWNER_ONLY))?;
        fs::rename(&inner, directory.join(name))?;
        Ok(listener)
    });
    if moved.is_err() {
        let _ = fs::remove_file(&inner);
    }
    let _ = fs::remove_dir(&closed);
    moved.map_err(io_at(path))
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> SocketError {
    move |error| SocketError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[tokio::test]
    async fn a_socket_is_the_owners_alone_and_leaves_with_it() {
        let dir = closed();
        let path = dir.path().join("run").join("agent.sock");
        let socket = OwnedSocket::bind(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing but the socket");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_directory_open_to_others_is_refused() {
        let dir = closed();
        for mode in [0o777, 0o1777, 0o770, 0o702] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let refused = OwnedSocket::bind(&dir.path().join("s")).await;
            assert!(matches!(refused, Err(SocketError::OpenDirectory { .. })), "{mode:o}");
        }
    }

    #[tokio::test]
    async fn a_directory_of_another_user_is_refused() {
        let dir = closed();
        // Only root can give a directory away.
        if std::os::unix::fs::chown(dir.path(), Some(65534), None).is_ok() {
            let refused = OwnedSocket::bind(&dir.path().join("s")).await;
            assert!(matches!(refused, Err(SocketError::ForeignDirectory { owner: 65534, .. })));
        }
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let dir = closed();
        let path = dir.path().join("s");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(OwnedSocket::bind(&path).await, Err(SocketError::NotASocket(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert!(matches!(OwnedSocket::bind(Path::new("s")).await, Err(SocketError::NoDirectory(_))));
        let deep = dir.path().join("a/b/s");
        assert!(matches!(OwnedSocket::bind(&deep).await, Err(SocketError::Io { .. })));
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let dir = closed();
        let path = dir.path().join("s");
        let live = OwnedSocket::bind(&path).await.unwrap();
        assert!(matches!(OwnedSocket::bind(&path).await, Err(SocketError::InUse(_))));
        drop(live);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(OwnedSocket::bind(&path).await.is_ok());
    }
}
