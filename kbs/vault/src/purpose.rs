//! Keys of the broker itself. Each has one purpose, and its type says which.

use crate::backend::{Backend, MetaRows, Transaction};
use crate::envelope;
use crate::error::RecordError;
use crate::place::Place;
use crate::vault::Vault;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use zeroize::Zeroizing;

/// Domain of derived keys.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/derived";
/// The stored key's name.
const TOKEN_SIGNING: &str = "broker/token-signing/es256";

/// What a derived key is for. Keys of two purposes are unrelated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Authenticates challenges, on every replica.
    ChallengeMac,
    /// Authenticates challenges to a TPM, and gives their secrets, on every replica.
    TpmChallenge,
    /// Authenticates the records of activated attestation keys, on every replica.
    TpmActivation,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::ChallengeMac => "challenge-mac",
            Self::TpmChallenge => "tpm-challenge",
            Self::TpmActivation => "tpm-activation",
        }
    }
}

impl<B: Backend> Vault<B> {
    /// A key for the broker's own use, derived from the root key: the same after every unsealing.
    ///
    /// # Errors
    /// [`RecordError::Envelope`] if the derivation fails, which its fixed lengths exclude.
    pub fn secret_for(&self, purpose: Purpose) -> Result<Zeroizing<[u8; 32]>, RecordError> {
        let key = envelope::derive(self.root().expose(), DOMAIN, purpose.name().as_bytes())?;
        Ok(Zeroizing::new(**key))
    }

    /// The key that signs tokens: ECDSA on P-256, PKCS#8. It is generated at the first call, by the library
    /// with its own randomness, and stored sealed.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn token_signing_key(&self) -> Result<Zeroizing<Vec<u8>>, RecordError> {
        let aad = Place::Broker { purpose: TOKEN_SIGNING }.aad()?;
        let mut tx = self.backend().read().await?;
        if let Some(record) = tx.broker_key(TOKEN_SIGNING).await? {
            return Ok(envelope::open(self.root().expose(), &aad, &record)?);
        }
        drop(tx);
        let mut tx = self.backend().begin().await?;
        // Another replica may have been first.
        if let Some(record) = tx.broker_key(TOKEN_SIGNING).await? {
            return Ok(envelope::open(self.root().expose(), &aad, &record)?);
        }
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| crate::rng::RngError)?;
        let key = Zeroizing::new(document.as_ref().to_vec());
        let record = envelope::seal(self.root().expose(), &aad, &key, self.rng())?;
        tx.insert_broker_key(TOKEN_SIGNING, &record).await?;
        tx.commit().await?;
        Ok(key)
    }
}
