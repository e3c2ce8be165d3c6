//! TPMT_SIGNATURE (part 2, 11.3.4).

use super::algorithm::{Hash, Scheme, SigningHash};
use super::error::FormatError;
use super::reader::Reader;

/// Largest TPMT_SIGNATURE in bytes (rule book B.0: 1 KiB).
pub const MAX_SIGNATURE: usize = 1 << 10;

/// A signature and its hash function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The hash function; also that of the quote's register digest.
    pub hash: SigningHash,
    /// The signature by its scheme.
    pub value: SignatureValue,
}

/// The bytes of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureValue {
    /// RSASSA-PKCS1-v1_5, as long as the modulus.
    Rsassa(Vec<u8>),
    /// RSASSA-PSS, as long as the modulus.
    Rsapss(Vec<u8>),
    /// ECDSA, big-endian numbers; a TPM may leave out leading zeros.
    Ecdsa {
        /// R.
        r: Vec<u8>,
        /// S.
        s: Vec<u8>,
    },
}

impl Signature {
    /// Reads a TPMT_SIGNATURE to the last byte.
    ///
    /// # Errors
    /// [`FormatError`]: TPM-04, -06, -07.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let malformed = FormatError::Signature;
        if bytes.len() > MAX_SIGNATURE {
            return Err(malformed("more than 1 KiB"));
        }
        let mut reader = Reader::new(bytes);
        let id = reader.u16().ok_or(malformed("it ends before its scheme"))?;
        let scheme = Scheme::from_id(id).ok_or(FormatError::SignatureScheme(id))?;
        let id = reader.u16().ok_or(malformed("it ends before its hash function"))?;
        if Hash::from_id(id) == Some(Hash::Sha1) {
            return Err(FormatError::WeakHash);
        }
        let hash = SigningHash::from_id(id).ok_or(FormatError::SignatureHash(id))?;
        let mut part = || match reader.sized() {
            Some(part) if !part.is_empty() => Ok(part.to_vec()),
            Some(_) => Err(malformed("an empty part")),
            None => Err(malformed("it ends in a part")),
        };
        let value = match scheme {
            Scheme::Rsassa => SignatureValue::Rsassa(part()?),
            Scheme::Rsapss => SignatureValue::Rsapss(part()?),
            Scheme::Ecdsa => SignatureValue::Ecdsa { r: part()?, s: part()? },
        };
        if reader.is_finished() { Ok(Self { hash, value }) } else { Err(malformed("bytes follow it")) }
    }

    /// The bare signature of Azure's quotes: 256 bytes of RSASSA with SHA-256, and no header (TPM-04).
    #[must_use]
    pub fn bare_rsassa_sha256(signature: [u8; 256]) -> Self {
        Self { hash: SigningHash::Sha256, value: SignatureValue::Rsassa(signature.to_vec()) }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match self.value {
            SignatureValue::Rsassa(_) => Scheme::Rsassa,
            SignatureValue::Rsapss(_) => Scheme::Rsapss,
            SignatureValue::Ecdsa { .. } => Scheme::Ecdsa,
        }
    }
}
