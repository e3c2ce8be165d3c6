//! Challenges to activate a TPM's attestation key, without a table.
//!
//! `standard base64 of [version 1, or 0x81 below a lab][expiry, u64][16 random bytes][SHA-256 of the EK][last
//! second that the EK's certificates allow, u64][length of the Name][Name of the AK][HMAC-SHA256 over
//! those]`, integers big-endian. The secret that the TPM must open is another HMAC over the same bytes:
//! whoever sees the challenge learns nothing of it, and every replica can check the answer. That a challenge
//! is answered once is the vault's business, as with all challenges.

use crate::challenge::nonce_digest;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::tpm::Name;
use hanzo_attestation_evidence::{Hex, UnixTime, encoding};
use hanzo_kbs_vault::{Rng, RngError, UsedNonce};
use std::time::Duration;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const VERSION_LAB: u8 = 0x81;
/// Version, expiry, randomness, EK, last second, length of the Name.
const FIXED: usize = 1 + 8 + 16 + 32 + 8 + 1;
const TAG: usize = 32;
/// Longest Name in bytes: an algorithm's number and SHA-512.
const MAX_NAME: usize = 66;
/// Longest challenge in characters.
const MAX_TEXT: usize = (FIXED + MAX_NAME + TAG).div_ceil(3) * 4;
const TAG_DOMAIN: &[u8] = b"hanzo-kbs/v1/tpm-challenge\0";
const SECRET_DOMAIN: &[u8] = b"hanzo-kbs/v1/tpm-secret\0";

/// Two keys that are said to be in one TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// SHA-256 of the endorsement key's SubjectPublicKeyInfo.
    pub(crate) ek_sha256: Hex<32>,
    /// The last second that the endorsement key's certificates allow.
    pub(crate) not_after: UnixTime,
    /// Name of the attestation key.
    pub(crate) ak_name: Name,
    /// Whether a lab certified the endorsement key.
    pub(crate) lab: bool,
}

/// Makes and checks challenges.
pub(crate) struct TpmChallenges {
    key: hmac::Key,
    lifetime: Duration,
}

/// A challenge, and what its answer must be.
pub(crate) struct Issued {
    pub(crate) challenge_id: String,
    pub(crate) secret: Zeroizing<[u8; 32]>,
    pub(crate) expires_at: UnixTime,
}

/// A challenge of this broker whose time is not over. Whether it was used, or rightly answered, is not known
/// yet.
#[derive(Debug)]
pub(crate) struct FreshTpmChallenge {
    body: Vec<u8>,
    pub(crate) pair: Pair,
    pub(crate) used: UsedNonce,
}

/// A challenge that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TpmChallengeError {
    #[error("the challenge is not of the form that this broker writes")]
    Malformed,
    #[error("the challenge was not issued by this broker")]
    NotIssued,
    #[error("the challenge expired at {expired_at}")]
    Expired { expired_at: UnixTime },
    #[error("the challenge is valid until {expires_at}, which is later than one issued now")]
    FromTheFuture { expires_at: UnixTime },
}

impl TpmChallengeError {
    /// The stable code in the record.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "ChallengeMalformed",
            Self::NotIssued => "ChallengeNotIssued",
            Self::Expired { .. } => "ChallengeExpired",
            Self::FromTheFuture { .. } => "ChallengeFromTheFuture",
        }
    }
}

impl TpmChallenges {
    /// Challenges under a key that every replica derives alike.
    pub(crate) fn new(key: &[u8; 32], lifetime: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), lifetime }
    }

    /// Makes a challenge for two keys that ends one lifetime from now.
    pub(crate) fn issue(&self, pair: &Pair, now: UnixTime, rng: &dyn Rng) -> Result<Issued, RngError> {
        let expires_at = now.after(self.lifetime);
        let mut random = [0; 16];
        rng.fill(&mut random)?;
        let name = pair.ak_name.as_bytes();
        // A Name has 66 bytes at most.
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let version = if pair.lab { VERSION_LAB } else { VERSION };
        let body = [
            &[version][..],
            &expires_at.seconds().to_be_bytes(),
            &random,
            &pair.ek_sha256.0,
            &pair.not_after.seconds().to_be_bytes(),
            &[length],
            name,
        ]
        .concat();
        let tag = self.mac(TAG_DOMAIN, &body);
        let challenge_id = encoding::base64_encode(&[&body[..], tag.as_ref()].concat());
        Ok(Issued { challenge_id, secret: self.secret(&body), expires_at })
    }

    /// Checks form, tag (in constant time) and time, in this order.
    pub(crate) fn check(
        &self,
        challenge_id: &str,
        now: UnixTime,
    ) -> Result<FreshTpmChallenge, TpmChallengeError> {
        if challenge_id.len() > MAX_TEXT {
            return Err(TpmChallengeError::Malformed);
        }
        let bytes = encoding::base64_decode(challenge_id).map_err(|_| TpmChallengeError::Malformed)?;
        let split = bytes.len().checked_sub(TAG).and_then(|end| bytes.split_at_checked(end));
        let whole = split.filter(|(body, _)| body.len() > FIXED);
        let (body, tag) = whole.ok_or(TpmChallengeError::Malformed)?;
        hmac::verify(&self.key, &[TAG_DOMAIN, body].concat(), tag)
            .map_err(|_| TpmChallengeError::NotIssued)?;
        let (expires_at, pair) = read(body).ok_or(TpmChallengeError::Malformed)?;
        if now > expires_at {
            return Err(TpmChallengeError::Expired { expired_at: expires_at });
        }
        if expires_at > now.after(self.lifetime) {
            return Err(TpmChallengeError::FromTheFuture { expires_at });
        }
        let used = UsedNonce { digest: nonce_digest(challenge_id), expires_at };
        Ok(FreshTpmChallenge { body: body.to_vec(), pair, used })
    }

    /// Whether this is what was in the credential, in constant time.
    pub(crate) fn is_answer(&self, challenge: &FreshTpmChallenge, secret: &[u8]) -> bool {
        verify_slices_are_equal(self.secret(&challenge.body).as_slice(), secret).is_ok()
    }

    /// What a TPM would find in the credential of this challenge.
    #[cfg(test)]
    pub(crate) fn answer(&self, challenge: &FreshTpmChallenge) -> Zeroizing<[u8; 32]> {
        self.secret(&challenge.body)
    }

    fn secret(&self, body: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(self.mac(SECRET_DOMAIN, body).as_ref());
        secret
    }

    fn mac(&self, domain: &[u8], body: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, &[domain, body].concat())
    }
}

fn read(body: &[u8]) -> Option<(UnixTime, Pair)> {
    let instant = |bytes: &[u8; 8]| UnixTime::from_seconds(i64::from_be_bytes(*bytes)).ok();
    let (version, rest) = body.split_first()?;
    let lab = match *version {
        VERSION => false,
        VERSION_LAB => true,
        _ => return None,
    };
    let (expires_at, rest) = rest.split_first_chunk::<8>()?;
    let (_random, rest) = rest.split_first_chunk::<16>()?;
    let (ek_sha256, rest) = rest.split_first_chunk::<32>()?;
    let (not_after, rest) = rest.split_first_chunk::<8>()?;
    let (length, name) = rest.split_first()?;
    if usize::from(*length) != name.len() {
        return None;
    }
    let pair = Pair {
        ek_sha256: Hex(*ek_sha256),
        not_after: instant(not_after)?,
        ak_name: Name::from_bytes(name).ok()?,
        lab,
    };
    Some((instant(expires_at)?, pair))
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

    fn pair() -> Pair {
        let name = [&[0, 0x0b][..], &[5; 32]].concat();
        let ak_name = Name::from_bytes(&name).unwrap();
        Pair { ek_sha256: Hex([3; 32]), not_after: at(9000), ak_name, lab: false }
    }

    fn challenges(key: u8) -> TpmChallenges {
        TpmChallenges::new(&[key; 32], Duration::from_secs(300))
    }

    #[test]
    fn the_answer_is_the_secret_until_its_last_second() {
        let issued = challenges(1).issue(&pair(), at(1000), &Counter).unwrap();
        assert_eq!(issued.expires_at, at(1300));
        for now in [1000, 1300] {
            let fresh = challenges(1).check(&issued.challenge_id, at(now)).unwrap();
            assert_eq!(fresh.pair, pair());
            assert!(challenges(1).is_answer(&fresh, issued.secret.as_slice()));
            for wrong in [&[][..], &[0; 32], &issued.secret[..31]] {
                assert!(!challenges(1).is_answer(&fresh, wrong));
            }
        }
        let expired = challenges(1).check(&issued.challenge_id, at(1301)).unwrap_err();
        assert_eq!(expired, TpmChallengeError::Expired { expired_at: at(1300) });
        let future = challenges(1).check(&issued.challenge_id, at(999)).unwrap_err();
        assert_eq!(future, TpmChallengeError::FromTheFuture { expires_at: at(1300) });
    }

    #[test]
    fn a_challenge_says_whether_a_lab_certified_the_key() {
        for lab in [false, true] {
            let issued = challenges(1).issue(&Pair { lab, ..pair() }, at(1000), &Counter).unwrap();
            assert_eq!(challenges(1).check(&issued.challenge_id, at(1000)).unwrap().pair.lab, lab);
        }
    }

    #[test]
    fn another_brokers_challenge_and_every_flipped_bit_are_refused() {
        let issued = challenges(1).issue(&pair(), at(1000), &Counter).unwrap();
        let other = challenges(2).check(&issued.challenge_id, at(1000)).unwrap_err();
        assert_eq!(other, TpmChallengeError::NotIssued);
        let bytes = encoding::base64_decode(&issued.challenge_id).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let refused = challenges(1).check(&encoding::base64_encode(&altered), at(1000)).unwrap_err();
            assert!(matches!(refused, TpmChallengeError::NotIssued | TpmChallengeError::Malformed), "{bit}");
        }
    }

    #[test]
    fn no_secret_shows_in_its_challenge_and_no_two_are_alike() {
        let issued = challenges(1).issue(&pair(), at(1000), &Counter).unwrap();
        let bytes = encoding::base64_decode(&issued.challenge_id).unwrap();
        assert!(!bytes.windows(32).any(|window| window == issued.secret.as_slice()));
        let later = challenges(1).issue(&pair(), at(1001), &Counter).unwrap();
        assert_ne!(later.secret, issued.secret);
    }

    #[test]
    fn other_lengths_are_malformed() {
        for text in ["", "AAAA", &"A".repeat(MAX_TEXT + 4), &encoding::base64_encode(&[1; FIXED])] {
            assert_eq!(challenges(1).check(text, at(1)).unwrap_err(), TpmChallengeError::Malformed);
        }
    }
}
