//! Public keys in certificates.

use super::X509Error;
use super::der::Cursor;
use ::der::Tag;
use ::der::asn1::ObjectIdentifier;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A public key. Whether a point is on its curve is known only where it is used to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey<'a> {
    /// P-256, uncompressed point.
    P256(&'a [u8; 65]),
    /// P-384, uncompressed point.
    P384(&'a [u8; 97]),
    /// P-521, uncompressed point.
    P521(&'a [u8; 133]),
    /// RSA with an odd modulus.
    Rsa {
        /// PKCS #1 RSAPublicKey, DER.
        pkcs1: &'a [u8],
        /// Length of the modulus in bits.
        bits: usize,
        /// Public exponent, big-endian.
        exponent: &'a [u8],
    },
    /// An algorithm that no vendor of this project uses.
    Other(ObjectIdentifier),
}

impl<'a> PublicKey<'a> {
    /// Reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) to the last byte.
    ///
    /// # Errors
    /// The [`X509Error`] of the first rule it breaks.
    pub fn from_spki(der: &'a [u8]) -> Result<Self, X509Error> {
        let mut cursor = Cursor::new(der, "public key")?;
        let (key, _) = Self::read(&mut cursor)?;
        cursor.finish()?;
        Ok(key)
    }

    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<(Self, &'a [u8]), X509Error> {
        let raw = cursor.take(Tag::Sequence)?;
        let mut info = Cursor::new(raw.value, "public key")?;
        let mut algorithm = info.sequence("public key algorithm")?;
        let kind = algorithm.oid()?;
        let key = if kind == EC_PUBLIC_KEY {
            // Named curves only: explicit parameters are the sender's own curve (COL-21).
            if algorithm.peek()? != Some(Tag::ObjectIdentifier) {
                return Err(X509Error::PublicKey("curve parameters that are no named curve"));
            }
            let curve = algorithm.oid()?;
            algorithm.finish()?;
            let point = info.bit_string()?;
            match curve {
                P256 => Self::P256(uncompressed(point)?),
                P384 => Self::P384(uncompressed(point)?),
                P521 => Self::P521(uncompressed(point)?),
                other => Self::Other(other),
            }
        } else if kind == RSA {
            algorithm.take(Tag::Null)?;
            algorithm.finish()?;
            rsa(info.bit_string()?)?
        } else {
            info.bit_string()?;
            Self::Other(kind)
        };
        info.finish()?;
        Ok((key, raw.raw))
    }
}

fn uncompressed<const N: usize>(point: &[u8]) -> Result<&[u8; N], X509Error> {
    match point.first() {
        Some(4) => point.try_into().map_err(|_| X509Error::PublicKey("point of the wrong length")),
        _ => Err(X509Error::PublicKey("point that is not uncompressed")),
    }
}

fn rsa(pkcs1: &[u8]) -> Result<PublicKey<'_>, X509Error> {
    let mut outer = Cursor::new(pkcs1, "RSA public key")?;
    let mut key = outer.sequence("RSA public key")?;
    outer.finish()?;
    let modulus = key.unsigned()?;
    let exponent = key.unsigned()?;
    key.finish()?;
    let odd = modulus.last().is_some_and(|last| last % 2 == 1);
    if !odd {
        return Err(X509Error::PublicKey("even RSA modulus"));
    }
    let leading: usize = modulus
        .first()
        .and_then(|first| usize::try_from(first.leading_zeros()).ok())
        .ok_or(X509Error::PublicKey("empty RSA modulus"))?;
    Ok(PublicKey::Rsa { pkcs1, bits: modulus.len().saturating_mul(8).saturating_sub(leading), exponent })
}
