//! Privacy tiers: what a node has proved, and what a key demands.
//!
//! | tier | name | aliases | what must be proved |
//! |---|---|---|---|
//! | 0 | `open` | `none` | nothing |
//! | 1 | `encrypted` | `software`, `at-rest` | an authenticated identity |
//! | 2 | `confidential` | `secure`, `cpu-tee` | one hardware root |
//! | 3 | `gpu-cc` | `verified`, `H100` | a CPU TEE and every GPU in confidential-computing mode |
//! | 4 | `tee-io` | `blackwell` | a CPU TEE and GPUs with TEE-I/O proven through the CPU's measured chain |
//!
//! Text is accepted in exactly these spellings, and as the digits `0` to `4`: case matters, white space is
//! not cut. Answers carry the number.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A privacy tier. The order is the order of trust: a greater tier satisfies every demand for a lesser one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// 0: nothing is proved.
    Open,
    /// 1: an authenticated identity; keys are protected in software.
    Encrypted,
    /// 2: one hardware root, e.g. a CPU TEE.
    Confidential,
    /// 3: a CPU TEE and every GPU of the guest in confidential-computing mode.
    GpuCc,
    /// 4: a CPU TEE and GPUs with TEE-I/O, proven.
    TeeIo,
}

/// A text or number that names no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    /// No name, alias or digit of a tier.
    #[error("`{0}` names no tier; the names are open, encrypted, confidential, gpu-cc, tee-io")]
    Name(String),
    /// A number above 4.
    #[error("{0} is no tier; tiers are 0 to 4")]
    Number(u64),
}

impl Tier {
    /// All tiers, lowest first.
    pub const ALL: [Self; 5] = [Self::Open, Self::Encrypted, Self::Confidential, Self::GpuCc, Self::TeeIo];

    /// The number, 0 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Encrypted => 1,
            Self::Confidential => 2,
            Self::GpuCc => 3,
            Self::TeeIo => 4,
        }
    }

    /// The tier of a number.
    ///
    /// # Errors
    /// [`TierError::Number`] above 4.
    pub fn from_number(number: u8) -> Result<Self, TierError> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.number() == number)
            .ok_or_else(|| TierError::Number(u64::from(number)))
    }

    /// The name, e.g. `confidential`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Encrypted => "encrypted",
            Self::Confidential => "confidential",
            Self::GpuCc => "gpu-cc",
            Self::TeeIo => "tee-io",
        }
    }

    /// Other names that are accepted.
    #[must_use]
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["none"],
            Self::Encrypted => &["software", "at-rest"],
            Self::Confidential => &["secure", "cpu-tee"],
            Self::GpuCc => &["verified", "H100"],
            Self::TeeIo => &["blackwell"],
        }
    }

    /// What a node must prove to be at this tier, in one sentence.
    #[must_use]
    pub const fn requires(self) -> &'static str {
        match self {
            Self::Open => "nothing",
            Self::Encrypted => "an authenticated identity: a registered key that signed the challenge",
            Self::Confidential => "one hardware root: an SEV-SNP or TDX guest whose evidence is acceptable",
            Self::GpuCc => {
                "a CPU TEE and every GPU of the guest in confidential-computing mode, bound together in one decision"
            }
            Self::TeeIo => {
                "a CPU TEE and Blackwell-class GPUs with TEE-I/O proven through the CPU's measured chain"
            }
        }
    }
}

impl FromStr for Tier {
    type Err = TierError;

    fn from_str(text: &str) -> Result<Self, TierError> {
        let digit = |tier: &Self| text.len() == 1 && text.bytes().all(|byte| byte == b'0' + tier.number());
        Self::ALL
            .into_iter()
            .find(|tier| tier.name() == text || tier.aliases().contains(&text) || digit(tier))
            .ok_or_else(|| TierError::Name(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Tier {
    /// Reads the number; text is not a tier on the wire.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Self::from_number(number).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_documented_spelling_is_accepted() {
        let table = [
            (Tier::Open, &["open", "none", "0"][..]),
            (Tier::Encrypted, &["encrypted", "software", "at-rest", "1"]),
            (Tier::Confidential, &["confidential", "secure", "cpu-tee", "2"]),
            (Tier::GpuCc, &["gpu-cc", "verified", "H100", "3"]),
            (Tier::TeeIo, &["tee-io", "blackwell", "4"]),
        ];
        for (tier, spellings) in table {
            for spelling in spellings {
                assert_eq!(spelling.parse(), Ok(tier), "{spelling}");
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", " open", "Open", "h100", "5", "-1", "02", "2 ", "gpu_cc", "Blackwell", "２"] {
            assert_eq!(text.parse::<Tier>(), Err(TierError::Name(text.to_owned())), "{text}");
        }
        assert_eq!(Tier::from_number(5), Err(TierError::Number(5)));
    }

    #[test]
    fn json_is_the_number_and_nothing_else() {
        for tier in Tier::ALL {
            let json = serde_json::to_value(tier).unwrap();
            assert_eq!(json, serde_json::json!(tier.number()));
            assert_eq!(serde_json::from_value::<Tier>(json).unwrap(), tier);
        }
        for refused in
            [serde_json::json!(5), serde_json::json!("2"), serde_json::json!(-1), serde_json::json!(2.0)]
        {
            assert!(serde_json::from_value::<Tier>(refused).is_err());
        }
    }

    proptest! {
        #[test]
        fn the_order_is_the_order_of_numbers(a in 0_u8..5, b in 0_u8..5) {
            let (x, y) = (Tier::from_number(a).unwrap(), Tier::from_number(b).unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.name().parse::<Tier>(), Ok(x));
        }

        #[test]
        fn any_text_is_a_documented_spelling_or_refused(text in ".{0,12}") {
            if let Ok(tier) = text.parse::<Tier>() {
                let number = tier.number().to_string();
                prop_assert!(text == tier.name() || tier.aliases().contains(&text.as_str()) || text == number);
            }
        }
    }
}
