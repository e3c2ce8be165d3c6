//! Three answers to "is it there": yes, no, and "I was not able to look".

use serde::Serialize;
use std::io;
use std::path::Path;

/// What a look at one kernel interface showed. Unreadable is not absent: a tool that runs without
/// the right to look must say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "value", rename_all = "lowercase")]
pub enum Seen<T> {
    /// It is there.
    Present(T),
    /// It is not there.
    Absent,
    /// Something is there, or may be, and it could not be read.
    Unreadable {
        /// What was looked at.
        path: String,
        /// Why it could not be read, in the operating system's words.
        reason: String,
    },
}

impl<T> Seen<T> {
    /// From the result of a read: "not found" (or a path through something that is no directory) is
    /// absence, every other error is unreadable.
    pub fn from_io(path: &Path, result: io::Result<T>) -> Self {
        match result {
            Ok(value) => Self::Present(value),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Self::Absent
            }
            Err(error) => Self::unreadable(path, &error),
        }
    }

    /// Unreadable, with the reason of an error.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { path: path.display().to_string(), reason: error.to_string() }
    }

    /// The value, if it is there.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreadable { .. } => None,
        }
    }

    /// Whether it is there.
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// The same answer about another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Present(value) => Seen::Present(f(value)),
            Self::Absent => Seen::Absent,
            Self::Unreadable { path, reason } => Seen::Unreadable { path, reason },
        }
    }

    /// In words: why `what` is not there, or `None` if it is.
    pub fn missing(&self, what: &str) -> Option<String> {
        match self {
            Self::Present(_) => None,
            Self::Absent => Some(format!("no {what}")),
            Self::Unreadable { path, reason } => Some(format!("{what}: {path} could not be read ({reason})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_is_absent_and_all_else_is_unreadable() {
        let path = Path::new("/x");
        let seen = |kind| Seen::<()>::from_io(path, Err(io::Error::from(kind)));
        assert_eq!(seen(io::ErrorKind::NotFound), Seen::Absent);
        assert_eq!(seen(io::ErrorKind::NotADirectory), Seen::Absent);
        assert!(matches!(seen(io::ErrorKind::PermissionDenied), Seen::Unreadable { .. }));
        assert!(matches!(seen(io::ErrorKind::Other), Seen::Unreadable { .. }));
        assert_eq!(Seen::from_io(path, Ok(1)).present(), Some(&1));
    }

    #[test]
    fn an_unreadable_thing_says_so_in_words() {
        let seen = Seen::<()>::unreadable(Path::new("/dev/x"), &io::Error::other("no right"));
        assert_eq!(seen.missing("device").as_deref(), Some("device: /dev/x could not be read (no right)"));
        assert_eq!(Seen::<()>::Absent.missing("device").as_deref(), Some("no device"));
        assert_eq!(Seen::Present(()).missing("device"), None);
    }
}
