//! The key that signs tokens: ECDSA P-256, kept by the vault, named by its RFC 7638 thumbprint.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

/// A signing key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeyError {
    /// Not PKCS#8 of a P-256 key.
    #[error("the token signing key is not PKCS#8 of a P-256 key")]
    Malformed,
    /// Signing failed, or the claims have no JSON form.
    #[error("the token cannot be signed")]
    Unusable,
}

/// The key that signs tokens.
pub struct TokenKey {
    signing: EncodingKey,
    verifying: DecodingKey,
    kid: String,
    x: String,
    y: String,
}

impl TokenKey {
    /// Reads a PKCS#8 P-256 key.
    ///
    /// # Errors
    /// [`TokenKeyError::Malformed`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, TokenKeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| TokenKeyError::Malformed)?;
        let point = pair.public_key().as_ref();
        // SEC 1, 2.3.3: an uncompressed point is 0x04, then x and y with 32 bytes each.
        let ([4], xy) = point.split_at_checked(1).ok_or(TokenKeyError::Malformed)? else {
            return Err(TokenKeyError::Malformed);
        };
        let (x, y) = xy.split_at_checked(32).ok_or(TokenKeyError::Malformed)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638, 3.2: the required members in lexicographic order, without white space.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(Self {
            signing: EncodingKey::from_ec_der(der),
            verifying: DecodingKey::from_ec_components(&x, &y).map_err(|_| TokenKeyError::Malformed)?,
            kid,
            x,
            y,
        })
    }

    /// The RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a JSON Web Key.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": self.x, "y": self.y})
    }

    pub(super) const fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) const fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }
}
