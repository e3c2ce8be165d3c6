//! Versions of drivers and firmware, compared number by number.

use serde::Deserialize;
use std::cmp::Ordering;

/// Numbers between dots: decimal of a driver (`570.124.06`), two hex digits each of firmware
/// (`96.00.9F.00.01`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Version {
    text: String,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: numbers between dots, e.g. 570.124.06 or 96.00.9F.00.01")]
pub struct VersionError(String);

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        // Hex covers both: which it is, the component says.
        if numbers(&text, 16).is_some() { Ok(Self { text }) } else { Err(VersionError(text)) }
    }
}

impl Version {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a driver of this version is at or above the floor. One that is no version is not.
    pub(super) fn admits_driver(&self, found: &str) -> bool {
        self.admits(found, 10)
    }

    /// The same of VBIOS or switch BIOS.
    pub(super) fn admits_firmware(&self, found: &str) -> bool {
        self.admits(found, 16)
    }

    fn admits(&self, found: &str, radix: u32) -> bool {
        match (numbers(found, radix), numbers(&self.text, radix)) {
            // A version that another one continues is the lower: 570 is below 570.1.
            (Some(found), Some(floor)) => found.cmp(&floor) != Ordering::Less,
            _ => false,
        }
    }
}

/// At most eight numbers of 32 bits: drivers have two or three, firmware five.
fn numbers(text: &str, radix: u32) -> Option<Vec<u32>> {
    if text.split('.').count() > 8 {
        return None;
    }
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('.')
        .map(|part| if digits(part) { u32::from_str_radix(part, radix).ok() } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::try_from(text.to_owned()).unwrap()
    }

    /// NV-72, NV-73: by number, not by letter.
    #[test]
    fn versions_are_compared_by_number() {
        let driver = version("570.124.06");
        for above in ["570.124.06", "570.124.6", "570.124.10", "570.133", "580.1", "1000.0"] {
            assert!(driver.admits_driver(above), "{above}");
        }
        for below in
            ["570.124.05", "570.124", "570.99.99", "99.999", "", "570.124.06-rc1", "x", "570..9", "+580"]
        {
            assert!(!driver.admits_driver(below), "{below}");
        }
        let firmware = version("96.00.9F.00.01");
        assert!(firmware.admits_firmware("96.00.A5.00.01") && firmware.admits_firmware("96.00.9f.00.01"));
        assert!(!firmware.admits_firmware("96.00.74.00.1A") && !firmware.admits_firmware("96.00.9F.00.00"));
    }

    #[test]
    fn what_is_no_version_is_no_floor() {
        for text in ["", ".", "570.", "latest", "1.2.3.4.5.6.7.8.9", "570.-1", "570 .1", "fffffffff"] {
            assert!(Version::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
