//! The attestation key as evidence carries it: PEM, and its public area where that is known.

use super::error::FormatError;
use super::public::{Name, Public};
use super::signature::{Signature, SignatureValue};
use crate::encoding;
use crate::x509::PublicKey;

/// Longest PEM text of a key in bytes: RSA with 4096 bits has 800.
pub const MAX_PEM: usize = 4 << 10;
/// Longest TPMT_PUBLIC in bytes: RSA with 4096 bits has less than 600.
pub const MAX_PUBLIC: usize = 1 << 10;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----\n";
const END: &str = "\n-----END PUBLIC KEY-----";
/// Characters of a full line (RFC 7468, 2).
const LINE: usize = 64;

/// An attestation key of an accepted kind and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationKey {
    spki: Vec<u8>,
    public: Option<Public>,
}

impl AttestationKey {
    /// Reads the key from PEM, and its public area beside it. With both, they must be the same key.
    ///
    /// # Errors
    /// [`FormatError`]: TPM-08, -09, -10.
    pub fn parse(pem: &str, public: Option<&[u8]>) -> Result<Self, FormatError> {
        let spki = read_pem(pem)?;
        let public = public.map(Public::parse).transpose()?;
        let key = Self::from_spki(spki)?;
        let Some(public) = public else { return Ok(key) };
        if public.spki()? != key.spki {
            return Err(FormatError::Key("`ak_tpmt` is another key than `ak_public`"));
        }
        if !public.attributes.is_attestation_key() {
            return Err(FormatError::KeyAttributes(public.attributes));
        }
        Ok(Self { public: Some(public), ..key })
    }

    /// Reads the key from SubjectPublicKeyInfo (DER).
    ///
    /// # Errors
    /// [`FormatError`]: TPM-08, -10.
    pub fn from_spki(spki: Vec<u8>) -> Result<Self, FormatError> {
        match PublicKey::from_spki(&spki) {
            Err(_) => Err(FormatError::Key("not a SubjectPublicKeyInfo")),
            Ok(PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_)) => {
                Ok(Self { spki, public: None })
            }
            Ok(PublicKey::Rsa { bits: ..2048, .. }) => {
                Err(FormatError::KeyWeak("RSA with less than 2048 bits"))
            }
            Ok(PublicKey::Rsa { bits: 4097.., .. }) => {
                Err(FormatError::KeyWeak("RSA with more than 4096 bits"))
            }
            Ok(PublicKey::Rsa { exponent: [1, 0, 1], .. }) => Ok(Self { spki, public: None }),
            Ok(PublicKey::Rsa { .. }) => Err(FormatError::KeyWeak("RSA with another exponent than 65537")),
            Ok(PublicKey::Other(_)) => Err(FormatError::KeyWeak("neither RSA nor on an accepted curve")),
        }
    }

    /// SubjectPublicKeyInfo, DER. There is one for a key.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key.
    ///
    /// # Errors
    /// [`FormatError::Key`], which cannot happen: it was read before.
    pub fn public_key(&self) -> Result<PublicKey<'_>, FormatError> {
        PublicKey::from_spki(&self.spki).map_err(|_| FormatError::Key("not a SubjectPublicKeyInfo"))
    }

    /// The public area, if the evidence has it.
    #[must_use]
    pub const fn public(&self) -> Option<&Public> {
        self.public.as_ref()
    }

    /// The Name; `None` without the public area.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        self.public.as_ref().map(Public::name)
    }

    /// Whether this key can have made such a signature: TPM-04 for its size, TPM-05 for its scheme.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn check_signature(&self, signature: &Signature) -> Result<(), FormatError> {
        let curve_length = match self.public_key()? {
            PublicKey::P256(_) => Some(32),
            PublicKey::P384(_) => Some(48),
            PublicKey::P521(_) => Some(66),
            _ => None,
        };
        let fits = match (&signature.value, self.public_key()?, curve_length) {
            (
                SignatureValue::Rsassa(value) | SignatureValue::Rsapss(value),
                PublicKey::Rsa { bits, .. },
                _,
            ) => value.len() == bits.div_ceil(8),
            (SignatureValue::Ecdsa { r, s }, _, Some(length)) => r.len() <= length && s.len() <= length,
            _ => return Err(FormatError::SignatureKey("kind of key")),
        };
        if !fits {
            return Err(FormatError::Signature("a part is not as long as the key"));
        }
        match self.public.as_ref().and_then(|public| public.scheme) {
            Some((scheme, _)) if scheme != signature.scheme() => Err(FormatError::SignatureKey("scheme")),
            Some((_, hash)) if hash != signature.hash => Err(FormatError::SignatureKey("hash function")),
            _ => Ok(()),
        }
    }
}

/// One block, full lines of 64 characters but the last, and at most one newline after it (RFC 7468, 3).
fn read_pem(text: &str) -> Result<Vec<u8>, FormatError> {
    let malformed = FormatError::Key("not one PEM block `PUBLIC KEY` with lines of 64 characters");
    if text.len() > MAX_PEM {
        return Err(malformed);
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let body = text.strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END)).ok_or(malformed.clone())?;
    let last = body.lines().count().saturating_sub(1);
    let full = |(position, line): (usize, &str)| match position == last {
        true => (1..=LINE).contains(&line.len()),
        false => line.len() == LINE,
    };
    if !body.split('\n').enumerate().all(full) {
        return Err(malformed);
    }
    encoding::base64_decode(&body.replace('\n', "")).map_err(|_| malformed)
}
