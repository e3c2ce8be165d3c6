//! Challenges without a table: a nonce proves by its MAC that this broker, or a replica of it, made it.
//!
//! `standard base64 of [version 1][expiry, u64 big-endian][16 random bytes][HMAC-SHA256 over those]`. The
//! MAC key comes from the vault's root key, so that every replica checks every challenge and a restart
//! changes nothing; no memory grows with the number of challenges. That a nonce is used once is the vault's
//! business: it consumes it in the transaction of the decision.

use aws_lc_rs::{digest, hmac};
use hanzo_attestation_evidence::{Hex, UnixTime, encoding};
use hanzo_kbs_vault::{Rng, RngError};
use std::time::Duration;

const VERSION: u8 = 1;
const RANDOM: usize = 16; // COL-15: at least 16 bytes of verifier randomness
const BODY: usize = 1 + 8 + RANDOM;
const LENGTH: usize = BODY + 32;

/// Makes and checks challenges.
pub struct Challenges {
    key: hmac::Key,
    lifetime: Duration,
}

/// A challenge that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Not canonical base64 of a known layout.
    #[error("the nonce is not of the form that this broker writes")]
    Malformed,
    /// The MAC does not hold: not made by this broker.
    #[error("the nonce was not issued by this broker")]
    NotIssued,
    /// Its time is over.
    #[error("the nonce expired at {expired_at}")]
    Expired {
        /// The end of its validity.
        expired_at: UnixTime,
    },
    /// It ends later than any challenge issued now could: the clock was set back.
    #[error("the nonce is valid until {expires_at}, which is later than a nonce issued now")]
    FromTheFuture {
        /// The end of its validity.
        expires_at: UnixTime,
    },
}

impl ChallengeError {
    /// The stable code in the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "ChallengeMalformed",
            Self::NotIssued => "ChallengeNotIssued",
            Self::Expired { .. } => "ChallengeExpired",
            Self::FromTheFuture { .. } => "ChallengeFromTheFuture",
        }
    }
}

/// A challenge of this broker whose time is not over. Whether it was used is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshChallenge {
    nonce: String,
    expires_at: UnixTime,
}

impl FreshChallenge {
    /// The nonce exactly as it was written.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The last second at which it is accepted.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// SHA-256 of the nonce as written: how a used one is remembered.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        nonce_digest(&self.nonce)
    }
}

/// SHA-256 of a nonce as written.
pub(crate) fn nonce_digest(nonce: &str) -> Hex<32> {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, nonce.as_bytes()).as_ref());
    Hex(bytes)
}

impl Challenges {
    /// Challenges under a MAC key that every replica derives alike.
    #[must_use]
    pub fn new(key: &[u8; 32], lifetime: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), lifetime }
    }

    /// Makes a challenge that ends one lifetime from now.
    ///
    /// # Errors
    /// [`RngError`] if there is no randomness.
    pub fn issue(&self, now: UnixTime, rng: &dyn Rng) -> Result<FreshChallenge, RngError> {
        let expires_at = now.after(self.lifetime);
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&expires_at.seconds().unsigned_abs().to_be_bytes());
        rng.fill(&mut bytes[9..BODY])?;
        let tag = hmac::sign(&self.key, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(tag.as_ref());
        Ok(FreshChallenge { nonce: encoding::base64_encode(&bytes), expires_at })
    }

    /// Checks form, MAC (in constant time) and time, in this order.
    ///
    /// # Errors
    /// [`ChallengeError`], the first that applies.
    pub fn check(&self, nonce: &str, now: UnixTime) -> Result<FreshChallenge, ChallengeError> {
        let bytes = encoding::base64_decode(nonce).map_err(|_| ChallengeError::Malformed)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| ChallengeError::Malformed)?;
        if bytes[0] != VERSION {
            return Err(ChallengeError::Malformed);
        }
        hmac::verify(&self.key, &bytes[..BODY], &bytes[BODY..]).map_err(|_| ChallengeError::NotIssued)?;
        let mut expiry = [0; 8];
        expiry.copy_from_slice(&bytes[1..9]);
        let expires_at = i64::try_from(u64::from_be_bytes(expiry))
            .ok()
            .and_then(|seconds| UnixTime::from_seconds(seconds).ok())
            .ok_or(ChallengeError::Malformed)?;
        if now > expires_at {
            return Err(ChallengeError::Expired { expired_at: expires_at });
        }
        if expires_at > now.after(self.lifetime) {
            return Err(ChallengeError::FromTheFuture { expires_at });
        }
        Ok(FreshChallenge { nonce: nonce.to_owned(), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter;
    impl Rng for Counter {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RngError> {
            bytes.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
            Ok(())
        }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn challenges(key: u8) -> Challenges {
        Challenges::new(&[key; 32], Duration::from_secs(300))
    }

    #[test]
    fn it_holds_until_its_last_second_and_not_after() {
        let issued = challenges(1).issue(at(1000), &Counter).unwrap();
        assert_eq!(issued.expires_at(), at(1300));
        for now in [1000, 1299, 1300] {
            assert_eq!(challenges(1).check(issued.nonce(), at(now)), Ok(issued.clone()));
        }
        let expired = Err(ChallengeError::Expired { expired_at: at(1300) });
        assert_eq!(challenges(1).check(issued.nonce(), at(1301)), expired);
    }

    #[test]
    fn a_clock_set_back_is_noticed() {
        let issued = challenges(1).issue(at(1000), &Counter).unwrap();
        assert_eq!(
            challenges(1).check(issued.nonce(), at(999)),
            Err(ChallengeError::FromTheFuture { expires_at: at(1300) })
        );
    }

    #[test]
    fn another_brokers_nonce_and_every_flipped_bit_are_refused() {
        let issued = challenges(1).issue(at(1000), &Counter).unwrap();
        assert_eq!(challenges(2).check(issued.nonce(), at(1000)), Err(ChallengeError::NotIssued));
        let bytes = encoding::base64_decode(issued.nonce()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let refused = challenges(1).check(&encoding::base64_encode(&forged), at(1000)).unwrap_err();
            assert!(matches!(refused, ChallengeError::NotIssued | ChallengeError::Malformed), "bit {bit}");
        }
    }

    #[test]
    fn other_spellings_and_lengths_are_malformed() {
        let nonce = challenges(1).issue(at(1000), &Counter).unwrap().nonce().to_owned();
        let longer = encoding::base64_encode(&[1; LENGTH + 1]);
        for text in ["", "AAAA", "not base64", &format!("{nonce}\n"), &nonce[..nonce.len() - 4], &longer] {
            assert_eq!(challenges(1).check(text, at(1000)), Err(ChallengeError::Malformed), "{text:?}");
        }
    }
}
