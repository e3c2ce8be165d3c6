//! The administrator's bearer token: 32 random bytes, base64url. The broker keeps its SHA-256 only.

use super::change::Change;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use aws_lc_rs::digest;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanzo_kbs_log::Action;
use hanzo_kbs_vault::{Rng, RngError};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const LENGTH: usize = 32;

/// A token that is not 32 bytes of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the administrator's token must be 32 bytes in base64url without padding")]
pub struct TokenFormError;

/// SHA-256 of the administrator's token.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminCredential([u8; 32]);

impl AdminCredential {
    /// From the token as its file holds it; one line break at the end is allowed.
    ///
    /// # Errors
    /// [`TokenFormError`] for anything that is not 32 random bytes' worth of text: a short token could be
    /// guessed.
    pub fn of_token(token: &str) -> Result<Self, TokenFormError> {
        let token = token.strip_suffix('\n').unwrap_or(token);
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenFormError)?);
        if bytes.len() != LENGTH {
            return Err(TokenFormError);
        }
        Ok(Self(sha256(token.as_bytes())))
    }

    /// Makes a token, and the credential that knows it.
    ///
    /// # Errors
    /// [`RngError`] if there is no randomness.
    pub fn generate(rng: &dyn Rng) -> Result<(Zeroizing<String>, Self), RngError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rng.fill(bytes.as_mut())?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
        let digest = sha256(token.as_bytes());
        Ok((token, Self(digest)))
    }

    /// Compares in constant time; digests have one length, so that not even the token's shows.
    #[must_use]
    pub fn admits(&self, token: &str) -> bool {
        self.0.ct_eq(&sha256(token.as_bytes())).into()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    array
}

/// Proof that the request carried the administrator's token.
pub(crate) struct Administrator(());

impl FromRequestParts<Arc<Broker>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, broker: &Arc<Broker>) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(Code::Unauthenticated)?;
        if broker.admin().admits(token) {
            return Ok(Self(()));
        }
        let id = parts.extensions.get::<RequestId>().cloned().ok_or(Code::Internal)?;
        // A sealed broker has no record to write to, and still says no.
        let change = match Change::start(broker, Action::AdminAuthenticate, &id).await {
            Ok(change) => change,
            Err(_) => return Err(Code::Unauthenticated.into()),
        };
        Err(change.refuse_stranger().await)
    }
}

/// The bearer token of a request: exactly one `Authorization` header of that scheme.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_kbs_vault::SystemRng;

    #[test]
    fn a_generated_token_is_admitted_and_no_other() {
        let (token, credential) = AdminCredential::generate(&SystemRng).unwrap();
        assert!(credential.admits(&token));
        assert!(AdminCredential::of_token(&format!("{}\n", *token)).unwrap() == credential);
        for other in ["", "x", &token[1..], &format!("{}=", *token), &token.to_ascii_lowercase()] {
            assert!(!credential.admits(other), "{other}");
        }
    }

    #[test]
    fn a_weak_token_is_refused() {
        for weak in ["", "admin", "AAAA", &"A".repeat(44), &format!("{} ", "A".repeat(43))] {
            assert!(AdminCredential::of_token(weak).is_err(), "{weak}");
        }
    }
}
