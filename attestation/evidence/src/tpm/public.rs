//! TPMT_PUBLIC (part 2, 12.2.4), and Names (part 1, 16).

use super::algorithm::{Scheme, SigningHash};
use super::der::{ec_spki, rsa_spki};
use super::error::FormatError;
use super::reader::Reader;
use crate::encoding;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// TPM_ALG_NULL.
const NULL: u16 = 0x0010;
/// TPM_ALG_RSA.
const RSA: u16 = 0x0001;
/// TPM_ALG_ECC.
const ECC: u16 = 0x0023;
/// Block ciphers that can protect children: AES, SM4, Camellia.
const CIPHERS: [u16; 3] = [0x0006, 0x0013, 0x0026];
/// Schemes that name a hash function: RSASSA, RSAPSS, OAEP, ECDSA, ECDH, SM2, EC-Schnorr, ECMQV.
const HASHED_SCHEMES: [u16; 8] = [0x0014, 0x0016, 0x0017, 0x0018, 0x0019, 0x001B, 0x001C, 0x001D];
/// TPM_ALG_RSAES, which names nothing.
const RSAES: u16 = 0x0015;
/// TPM_ALG_ECDAA, which names a hash function and a counter.
const ECDAA: u16 = 0x001A;
/// TPM_ALG_AES.
const AES: u16 = 0x0006;
/// TPM_ALG_CFB.
const CFB: u16 = 0x0043;

/// The public area of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    bytes: Vec<u8>,
    /// Hash function of the Name.
    pub name_alg: SigningHash,
    /// What the key may do.
    pub attributes: Attributes,
    /// Policy that authorises its use; empty for none.
    pub auth_policy: Vec<u8>,
    /// Cipher under which the key protects children: key bits of AES in CFB mode. `None` for no cipher, or
    /// another.
    pub aes_cfb_bits: Option<u16>,
    /// The signature scheme and hash function to which the key is bound, if it is.
    pub scheme: Option<(Scheme, SigningHash)>,
    /// The key.
    pub parameters: Parameters,
}

/// The key of a public area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// RSA.
    Rsa {
        /// The modulus, as long as the key.
        modulus: Vec<u8>,
        /// The exponent; a TPM writes zero for 65537.
        exponent: u32,
    },
    /// A point on a curve; both numbers are as long as the field.
    Ecc {
        /// The curve.
        curve: Curve,
        /// X.
        x: Vec<u8>,
        /// Y.
        y: Vec<u8>,
    },
}

/// A curve (part 2, 6.4) that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0003 => Some(Self::P256),
            0x0004 => Some(Self::P384),
            0x0005 => Some(Self::P521),
            _ => None,
        }
    }

    /// Length of a coordinate in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// OBJECT IDENTIFIER, DER (RFC 5480, 2.1.1.1).
    const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x06\x05\x2b\x81\x04\x00\x22",
            Self::P521 => b"\x06\x05\x2b\x81\x04\x00\x23",
        }
    }
}

/// TPMA_OBJECT (part 2, 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(pub u32);

impl Attributes {
    /// fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign.
    const SIGNS_WHAT_THE_TPM_MADE: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18;
    /// fixedTPM, fixedParent, sensitiveDataOrigin, restricted, decrypt.
    const PROTECTS_CHILDREN: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 17;
    const DECRYPT: u32 = 1 << 17;
    const SIGN: u32 = 1 << 18;

    /// Whether this is an attestation key: made in the TPM, never outside it, and restricted to sign what the
    /// TPM itself made (TPM-09).
    #[must_use]
    pub const fn is_attestation_key(self) -> bool {
        self.0 & Self::SIGNS_WHAT_THE_TPM_MADE == Self::SIGNS_WHAT_THE_TPM_MADE && self.0 & Self::DECRYPT == 0
    }

    /// Whether this is a storage key of the TPM's own, as an endorsement key is.
    #[must_use]
    pub const fn is_endorsement_key(self) -> bool {
        self.0 & Self::PROTECTS_CHILDREN == Self::PROTECTS_CHILDREN && self.0 & Self::SIGN == 0
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl Public {
    /// Reads a TPMT_PUBLIC to the last byte.
    ///
    /// # Errors
    /// [`FormatError::Key`] (TPM-08), and [`FormatError::KeyWeak`] (TPM-10) for a curve that is not accepted.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let malformed = || FormatError::Key("TPMT_PUBLIC ends too early");
        let kind = reader.u16().ok_or_else(malformed)?;
        let name_alg = SigningHash::from_id(reader.u16().ok_or_else(malformed)?)
            .ok_or(FormatError::Key("the hash function of its Name is none, SHA-1 or unknown"))?;
        let attributes = Attributes(reader.u32().ok_or_else(malformed)?);
        let auth_policy = reader.sized().ok_or_else(malformed)?.to_vec();
        let aes_cfb_bits = symmetric(&mut reader)?;
        let scheme = scheme(&mut reader)?;
        let parameters = match kind {
            RSA => rsa(&mut reader)?,
            ECC => ecc(&mut reader)?,
            _ => return Err(FormatError::Key("neither RSA nor ECC")),
        };
        if !reader.is_finished() {
            return Err(FormatError::Key("bytes follow TPMT_PUBLIC"));
        }
        let bytes = bytes.to_vec();
        Ok(Self { bytes, name_alg, attributes, auth_policy, aes_cfb_bits, scheme, parameters })
    }

    /// All bytes as received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The Name: hash function, and digest of the public area (TPM-08).
    #[must_use]
    pub fn name(&self) -> Name {
        Name::of(self.name_alg, &[&self.bytes])
    }

    /// SubjectPublicKeyInfo (DER): the same for the same key, whatever its attributes.
    ///
    /// # Errors
    /// [`FormatError::Key`] for an RSA key without modulus.
    pub fn spki(&self) -> Result<Vec<u8>, FormatError> {
        let spki = match &self.parameters {
            Parameters::Rsa { modulus, exponent: 0 } => rsa_spki(modulus, &[1, 0, 1]),
            Parameters::Rsa { modulus, exponent } => rsa_spki(modulus, &exponent.to_be_bytes()),
            Parameters::Ecc { curve, x, y } => ec_spki(curve.oid(), x, y),
        };
        spki.ok_or(FormatError::Key("an RSA key without modulus"))
    }
}

/// TPMT_SYM_DEF_OBJECT: none, or a block cipher with its key bits and mode.
fn symmetric(reader: &mut Reader<'_>) -> Result<Option<u16>, FormatError> {
    let malformed = || FormatError::Key("its symmetric cipher is malformed");
    let cipher = reader.u16().ok_or_else(malformed)?;
    if cipher == NULL {
        return Ok(None);
    }
    if !CIPHERS.contains(&cipher) {
        return Err(malformed());
    }
    let (bits, mode) = (reader.u16().ok_or_else(malformed)?, reader.u16().ok_or_else(malformed)?);
    Ok((cipher == AES && mode == CFB).then_some(bits))
}

/// TPMT_RSA_SCHEME or TPMT_ECC_SCHEME. Schemes that make no accepted signature are read, and count as none.
fn scheme(reader: &mut Reader<'_>) -> Result<Option<(Scheme, SigningHash)>, FormatError> {
    let malformed = || FormatError::Key("its scheme is malformed");
    let id = reader.u16().ok_or_else(malformed)?;
    if id == NULL || id == RSAES {
        return Ok(None);
    }
    if id != ECDAA && !HASHED_SCHEMES.contains(&id) {
        return Err(malformed());
    }
    let hash = reader.u16().ok_or_else(malformed)?;
    if id == ECDAA {
        reader.u16().ok_or_else(malformed)?;
    }
    let Some(scheme) = Scheme::from_id(id) else { return Ok(None) };
    let weak = FormatError::Key("it signs over SHA-1 or an unknown hash function");
    SigningHash::from_id(hash).map(|hash| Some((scheme, hash))).ok_or(weak)
}

fn rsa(reader: &mut Reader<'_>) -> Result<Parameters, FormatError> {
    let malformed = || FormatError::Key("TPMT_PUBLIC ends in its RSA key");
    let bits = reader.u16().ok_or_else(malformed)?;
    let exponent = reader.u32().ok_or_else(malformed)?;
    let modulus = reader.sized().ok_or_else(malformed)?.to_vec();
    let full = modulus.first().is_some_and(|first| *first >= 0x80);
    if !full || modulus.len().checked_mul(8) != Some(usize::from(bits)) {
        return Err(FormatError::Key("the RSA modulus is not as long as the key"));
    }
    Ok(Parameters::Rsa { modulus, exponent })
}

fn ecc(reader: &mut Reader<'_>) -> Result<Parameters, FormatError> {
    let malformed = || FormatError::Key("TPMT_PUBLIC ends in its point");
    let curve = Curve::from_id(reader.u16().ok_or_else(malformed)?)
        .ok_or(FormatError::KeyWeak("on a curve that is not accepted"))?;
    // TPMT_KDF_SCHEME: none, or one with its hash function.
    if reader.u16().ok_or_else(malformed)? != NULL {
        reader.u16().ok_or_else(malformed)?;
    }
    let mut coordinate = || {
        let number = reader.sized().ok_or_else(malformed)?;
        padded(number, curve.length()).ok_or(FormatError::Key("a coordinate is longer than its field"))
    };
    Ok(Parameters::Ecc { curve, x: coordinate()?, y: coordinate()? })
}

/// A big-endian number with leading zeros up to a length.
pub(super) fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}

/// The Name of a TPM object (part 1, 16): hash function and digest. Ordered and equal by its bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Vec<u8>);

/// Bytes that are no Name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not lower-case hex.
    #[error("a Name is {0}")]
    Encoding(#[from] encoding::EncodingError),
    /// Not a hash function followed by a digest of its length.
    #[error("a Name is `000b`, `000c` or `000d`, and a digest of that length")]
    Form,
}

/// A hierarchy (part 1, 13), the parent of primary keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hierarchy {
    /// The owner's, or storage hierarchy.
    Owner,
    /// The endorsement hierarchy.
    Endorsement,
    /// The platform's.
    Platform,
    /// None: keys last until the next reset.
    Null,
}

impl Hierarchy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Endorsement, Self::Platform, Self::Null];

    /// Its handle (part 2, 7.4), which is its Name as well.
    const fn handle(self) -> [u8; 4] {
        match self {
            Self::Owner => [0x40, 0, 0, 0x01],
            Self::Endorsement => [0x40, 0, 0, 0x0B],
            Self::Platform => [0x40, 0, 0, 0x0C],
            Self::Null => [0x40, 0, 0, 0x07],
        }
    }
}

impl Name {
    fn of(hash: SigningHash, parts: &[&[u8]]) -> Self {
        Self([hash.id().to_be_bytes().as_slice(), hash.digest(parts.iter().copied()).as_ref()].concat())
    }

    /// Reads a Name: an accepted hash function, and a digest of its length.
    ///
    /// # Errors
    /// [`NameError::Form`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        let mut reader = Reader::new(bytes);
        let hash = reader.u16().and_then(SigningHash::from_id).ok_or(NameError::Form)?;
        if bytes.len() != hash.length().saturating_add(2) {
            return Err(NameError::Form);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Hash function and digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Qualified Name of a primary key (part 1, 26.2).
    #[must_use]
    pub fn qualified_in(&self, hierarchy: Hierarchy) -> Self {
        self.qualified(&hierarchy.handle())
    }

    /// Qualified Name of a key below another key, by that key's qualified Name (part 1, 26.2).
    #[must_use]
    pub fn qualified_below(&self, parent: &Self) -> Self {
        self.qualified(&parent.0)
    }

    fn qualified(&self, parent: &[u8]) -> Self {
        let hash = Reader::new(&self.0).u16().and_then(SigningHash::from_id);
        Self::of(hash.unwrap_or(SigningHash::Sha256), &[parent, &self.0])
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_bytes(&encoding::hex_decode(text)?)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
