//! Report data of a CPU against the expected value (COL-17).

use aws_lc_rs::constant_time::verify_slices_are_equal;

/// How 64 bytes of report data compare with what is expected, in constant time. An expected value of another
/// length is another value: nothing is padded, and nothing lies beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportData {
    /// All 64 bytes are equal.
    Equal,
    /// The first 32 are, the others are not: a second binding, or data that nobody expects.
    LowerHalf,
    /// Another value.
    Different,
}

impl ReportData {
    pub(crate) fn compare(actual: &[u8; 64], expected: &[u8]) -> Self {
        let Ok(expected) = <&[u8; 64]>::try_from(expected) else { return Self::Different };
        let halves = (actual.split_at(32), expected.split_at(32));
        let ((lower, upper), (expected_lower, expected_upper)) = halves;
        let equal = |a: &[u8], b: &[u8]| verify_slices_are_equal(a, b).is_ok();
        match (equal(lower, expected_lower), equal(upper, expected_upper)) {
            (true, true) => Self::Equal,
            (true, false) => Self::LowerHalf,
            (false, _) => Self::Different,
        }
    }
}
