//! Where a TPM answers.

use crate::seen::Seen;
use rustix::fs::{Access, access};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Patience with a TPM emulator on the loopback interface: it answers at once or not at all.
const CONNECT: Duration = Duration::from_secs(2);

/// The way to a TPM, in the words that the TPM2 software stack uses for it. Of its ways, two are offered: one
/// that runs a command (`cmd:`) or loads a library by its path has no place in a configuration of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tcti {
    /// `device:/dev/tpmrm0`: the kernel's device with its resource manager.
    Device(PathBuf),
    /// `swtpm:host=127.0.0.1,port=2321`: an emulator (swtpm) on the loopback interface; its control channel
    /// has the port after.
    Swtpm(SocketAddr),
}

/// Text that names no way to a TPM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TctiError {
    /// Neither of the two forms.
    #[error("must be `device:/dev/tpmrm0` or `swtpm:host=127.0.0.1,port=NUMBER`")]
    Form,
    /// A device without the kernel's resource manager: what one program leaves in it, the next one stumbles
    /// over.
    #[error("a device must be one with the kernel's resource manager, e.g. /dev/tpmrm0")]
    NoResourceManager,
    /// An emulator elsewhere: what it says would be anybody's word.
    #[error("an emulator must be on a literal loopback address, and have a port from 1 to 65534")]
    NotHere,
}

impl Tcti {
    /// The kernel's first TPM.
    #[must_use]
    pub fn kernel() -> Self {
        Self::Device(PathBuf::from("/dev/tpmrm0"))
    }

    /// Whether the kernel's resource manager stands between its users.
    #[must_use]
    pub const fn is_managed(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// Whether something is there that this process may use.
    #[must_use]
    pub fn seen(&self) -> Seen<()> {
        match self {
            Self::Device(path) => {
                let usable = access(path, Access::READ_OK | Access::WRITE_OK);
                Seen::from_io(path, usable.map_err(io::Error::from))
            }
            Self::Swtpm(address) => match TcpStream::connect_timeout(address, CONNECT) {
                Ok(_) => Seen::Present(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Seen::Absent,
                Err(error) => Seen::unreadable(Path::new(&self.to_string()), &error),
            },
        }
    }
}

impl FromStr for Tcti {
    type Err = TctiError;

    fn from_str(text: &str) -> Result<Self, TctiError> {
        if let Some(path) = text.strip_prefix("device:") {
            return device(path);
        }
        swtpm(text.strip_prefix("swtpm:").ok_or(TctiError::Form)?)
    }
}

fn device(path: &str) -> Result<Tcti, TctiError> {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    let path = Path::new(path);
    if !plain || !path.is_absolute() {
        return Err(TctiError::Form);
    }
    let managed =
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("tpmrm"));
    if managed { Ok(Tcti::Device(path.to_owned())) } else { Err(TctiError::NoResourceManager) }
}

fn swtpm(text: &str) -> Result<Tcti, TctiError> {
    let (host, port) = text.split_once(',').ok_or(TctiError::Form)?;
    let host = host.strip_prefix("host=").ok_or(TctiError::Form)?;
    let port: u16 = port.strip_prefix("port=").and_then(|port| port.parse().ok()).ok_or(TctiError::Form)?;
    let address = host.parse().map(|host| SocketAddr::new(host, port)).map_err(|_| TctiError::NotHere)?;
    let here = address.ip().is_loopback() && (1..u16::MAX).contains(&port);
    if here { Ok(Tcti::Swtpm(address)) } else { Err(TctiError::NotHere) }
}

impl fmt::Display for Tcti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "device:{}", path.display()),
            Self::Swtpm(address) => write!(f, "swtpm:host={},port={}", address.ip(), address.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in ["device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321", "swtpm:host=::1,port=9"] {
            assert_eq!(text.parse::<Tcti>().unwrap().to_string(), text);
        }
        assert_eq!(Tcti::kernel(), "device:/dev/tpmrm0".parse().unwrap());
    }

    #[test]
    fn ways_that_run_or_load_something_are_refused() {
        for text in ["", "cmd:sh -c x", "device", "tabrmd", "/lib/libtss2-tcti-x.so", "device:tpmrm0"] {
            assert_eq!(text.parse::<Tcti>(), Err(TctiError::Form), "{text}");
        }
        for text in ["device:/dev/tpmrm0 x", "device:/dev/tpmrm0,x", "swtpm:port=1", "swtpm:host=::1,port=x"]
        {
            assert_eq!(text.parse::<Tcti>(), Err(TctiError::Form), "{text}");
        }
    }

    #[test]
    fn a_raw_device_and_an_emulator_elsewhere_are_refused() {
        assert_eq!("device:/dev/tpm0".parse::<Tcti>(), Err(TctiError::NoResourceManager));
        for host in ["10.0.0.1", "localhost", "example.com"] {
            assert_eq!(format!("swtpm:host={host},port=1").parse::<Tcti>(), Err(TctiError::NotHere));
        }
        for port in [0, 65535] {
            let text = format!("swtpm:host=127.0.0.1,port={port}");
            assert_eq!(text.parse::<Tcti>(), Err(TctiError::NotHere));
        }
    }

    #[test]
    fn a_tpm_that_is_not_there_is_absent() {
        assert_eq!(Tcti::Device("/dev/no/tpmrm0".into()).seen(), Seen::Absent);
    }
}
