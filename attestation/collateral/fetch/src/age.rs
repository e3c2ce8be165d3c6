//! How far through its life a document is (rule book, section D: "refresh when 2/3 of the validity has
//! passed; alarm at 5/6").

use hanzo_attestation_evidence::UnixTime;

/// How far through its life a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Less than two thirds have passed.
    Fresh,
    /// Two thirds have passed: it should be fetched again.
    Due,
    /// Five sixths have passed: somebody should look why it was not.
    Late,
    /// It is over.
    Expired,
}

impl Age {
    /// The age of a document at this instant.
    #[must_use]
    pub fn of(issued: UnixTime, expires: UnixTime, now: UnixTime) -> Self {
        let life = i128::from(expires.seconds()) - i128::from(issued.seconds());
        let passed = i128::from(now.seconds()) - i128::from(issued.seconds());
        if now > expires {
            Self::Expired
        } else if passed * 6 >= life * 5 {
            Self::Late
        } else if passed * 3 >= life * 2 {
            Self::Due
        } else {
            Self::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    #[test]
    fn the_thirds_and_sixths_are_exact() {
        let age = |now| Age::of(at(1_000), at(1_600), at(now));
        assert_eq!([age(0), age(1_000), age(1_399)], [Age::Fresh; 3]);
        assert_eq!([age(1_400), age(1_499)], [Age::Due; 2]);
        assert_eq!([age(1_500), age(1_600)], [Age::Late; 2]);
        assert_eq!(age(1_601), Age::Expired);
    }

    #[test]
    fn a_life_of_no_length_is_late_at_once() {
        assert_eq!(Age::of(at(5), at(5), at(5)), Age::Late);
        assert_eq!(Age::of(at(0), UnixTime::MAX, at(1)), Age::Fresh);
    }
}
