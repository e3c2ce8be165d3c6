//! Tiers on the wire: the numbers 0 to 4.

use serde::{Deserialize, Deserializer, de};

/// The highest tier number.
pub const MAX_TIER: u8 = 4;

/// Reads a tier number and refuses anything above [`MAX_TIER`].
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let tier = u8::deserialize(deserializer)?;
    if tier > MAX_TIER {
        return Err(de::Error::custom(format_args!("tier {tier} is above {MAX_TIER}")));
    }
    Ok(tier)
}
