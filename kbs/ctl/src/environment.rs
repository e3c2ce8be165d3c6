//! The edge: the clock, the environment and the terminal, read once and then passed on.

use hanzo_attestation_evidence::UnixTime;
use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// What the program finds around itself.
pub struct Environment {
    /// The time at start; `None` if the clock is set before 1970 or after 9999.
    pub now: Option<UnixTime>,
    /// `KBS_TOKEN`. It is no flag: an argument is visible to every process of the machine.
    pub token: Option<Zeroizing<String>>,
    /// The user's configuration directory: `XDG_CONFIG_HOME`, else `HOME/.config`.
    pub config_directory: Option<PathBuf>,
    /// Whether standard output is a terminal.
    pub terminal: bool,
}

impl Environment {
    /// Reads all of it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this program reads clock and environment"
    )]
    pub fn read() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let seconds = since_epoch.and_then(|duration| i64::try_from(duration.as_secs()).ok());
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            now: seconds.and_then(|seconds| UnixTime::from_seconds(seconds).ok()),
            // Not UTF-8 is no token; it must be refused as one and not pass for an unset variable.
            token: env::var_os("KBS_TOKEN")
                .filter(|token| !token.is_empty())
                .map(|token| Zeroizing::new(token.to_string_lossy().into_owned())),
            config_directory: absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config"))),
            terminal: io::stdout().is_terminal(),
        }
    }
}
