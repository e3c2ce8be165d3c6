//! Tokens: EAR attestation results (draft-ietf-rats-ear) as JWTs signed with ES256.
//!
//! A token is a statement for relying parties, and a bearer token for `authorize`. For the second use it is
//! only a *name*: the evidence that it stands for is stored, and is verified again, from its bytes, with the
//! roots, revocation lists and policies of the day.

mod ear;
mod key;

pub use ear::{Statement, claims};
pub use key::{TokenKey, TokenKeyError};

use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_protocol::{HistoryStatement, history};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::Deserialize;
use serde_json::Value;

/// Longest token that is looked at, in bytes. One of ours has about 2 KiB.
const MAX_TOKEN: usize = 16 * 1024;

/// Issues and checks the tokens of one broker.
pub struct Tokens {
    key: TokenKey,
    issuer: String,
}

/// A token that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a compact JWS with a JSON header and JSON claims, or too long.
    #[error("not a compact JWT")]
    Malformed,
    /// An algorithm other than ES256, `none` included.
    #[error("the token is not signed with ES256")]
    Algorithm,
    /// A header that tells the verifier where to find keys, or what else it must understand, or that is of a
    /// statement and not of a token.
    #[error("the token's header names keys or extensions of its own, or another type")]
    Header,
    /// Not the key of this broker.
    #[error("the token names a key that is not this broker's")]
    KeyId,
    /// The signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
    /// Another issuer.
    #[error("the token was issued by another broker")]
    Issuer,
    /// Another audience.
    #[error("the token is meant for somebody else")]
    Audience,
    /// Its time is over.
    #[error("the token expired at {expired_at}")]
    Expired {
        /// The end of its validity.
        expired_at: UnixTime,
    },
    /// It claims to be issued later than now.
    #[error("the token was issued at {issued_at}, which lies ahead")]
    FromTheFuture {
        /// When it claims to be issued.
        issued_at: UnixTime,
    },
}

impl TokenError {
    /// The stable code in the record.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "TokenMalformed",
            Self::Algorithm => "TokenAlgorithm",
            Self::Header => "TokenHeader",
            Self::KeyId => "TokenKeyId",
            Self::Signature => "TokenSignature",
            Self::Issuer => "TokenIssuer",
            Self::Audience => "TokenAudience",
            Self::Expired { .. } => "TokenExpired",
            Self::FromTheFuture { .. } => "TokenFromTheFuture",
        }
    }
}

/// What `authorize` needs of a token: whose stored evidence to verify again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// The `jti` claim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct Checked {
    jti: String,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Tokens of the broker that calls itself `issuer`; it is their audience as well.
    #[must_use]
    pub const fn new(key: TokenKey, issuer: String) -> Self {
        Self { key, issuer }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The JSON Web Key Set with the public key.
    #[must_use]
    pub fn jwks(&self) -> Value {
        serde_json::json!({"keys": [self.key.jwk()]})
    }

    /// Signs a statement.
    ///
    /// # Errors
    /// [`TokenKeyError`] if the claims have no JSON form or the key does not sign.
    pub fn issue(&self, statement: &Statement<'_>) -> Result<String, TokenKeyError> {
        let claims = claims(statement, &self.issuer)?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key.kid().to_owned());
        encode(&header, &claims, self.key.signing()).map_err(|_| TokenKeyError::Unusable)
    }

    /// Signs what the history of a rule is. No token: it has another type, and no audience.
    ///
    /// # Errors
    /// [`TokenKeyError`] if it has no JSON form or the key does not sign.
    pub fn state(&self, history: &HistoryStatement) -> Result<String, TokenKeyError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(history::TYPE.to_owned());
        header.kid = Some(self.key.kid().to_owned());
        encode(&header, history, self.key.signing()).map_err(|_| TokenKeyError::Unusable)
    }

    /// Checks a token: algorithm and key are pinned before the signature is looked at, and time is judged at
    /// `now`.
    ///
    /// # Errors
    /// [`TokenError`], the first that applies.
    pub fn check(&self, token: &str, now: UnixTime) -> Result<TokenId, TokenError> {
        use jsonwebtoken::errors::ErrorKind;
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        // An unknown algorithm, `none` among them, does not parse as a header at all.
        let header = decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(_) if names_other_algorithm(token) => TokenError::Algorithm,
            _ => TokenError::Malformed,
        })?;
        if header.alg != Algorithm::ES256 {
            return Err(TokenError::Algorithm);
        }
        let Header { jku, jwk, x5u, x5c, crit, .. } = &header;
        if jku.is_some() || jwk.is_some() || x5u.is_some() || x5c.is_some() || crit.is_some() {
            return Err(TokenError::Header);
        }
        if header.typ.as_deref() == Some(history::TYPE) {
            return Err(TokenError::Header);
        }
        if header.kid.as_deref() != Some(self.key.kid()) {
            return Err(TokenError::KeyId);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false; // judged below, at the injected time
        validation.set_audience(&[&self.issuer]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let checked: Checked = decode(token, self.key.verifying(), &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::InvalidIssuer => TokenError::Issuer,
                ErrorKind::InvalidAudience => TokenError::Audience,
                _ => TokenError::Malformed,
            })?
            .claims;
        let time = |seconds| UnixTime::from_seconds(seconds).map_err(|_| TokenError::Malformed);
        let (issued_at, expired_at) = (time(checked.iat)?, time(checked.exp)?);
        if now >= expired_at {
            return Err(TokenError::Expired { expired_at });
        }
        if issued_at > now {
            return Err(TokenError::FromTheFuture { issued_at });
        }
        Ok(TokenId(checked.jti))
    }
}

/// Whether a header is JSON with an `alg` that the library does not know.
fn names_other_algorithm(token: &str) -> bool {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    serde_json::from_slice::<Value>(&bytes).is_ok_and(|header| header["alg"].is_string())
}

#[cfg(test)]
mod tests;
