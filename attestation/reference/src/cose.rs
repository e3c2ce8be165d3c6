//! COSE_Sign1 (RFC 9052, 4.2) around a CoRIM: `#6.18([protected, unprotected, payload, signature])`.

use crate::cbor::{self, CborError, Item, string_head};
use crate::signer::{Algorithm, MAX_SIGNERS, Signer};
use hanzo_attestation::crypto::Budget;
use hanzo_attestation_evidence::{Hex, UnixTime};

/// Tag of a COSE_Sign1 (RFC 9052, 4.2).
const SIGN1: u64 = 18;
/// The content of a signed CoRIM (draft-ietf-rats-corim, 4.2.1).
const CONTENT_TYPE: &str = "application/rim+cbor";
/// Longest name of a signer that is read, in bytes.
const MAX_NAME: usize = 256;

/// Header parameters (RFC 9052, 3.1; RFC 9360, 2; RFC 9597, 2; draft-ietf-rats-corim, 4.2.1).
mod header {
    pub(super) const ALGORITHM: i128 = 1;
    pub(super) const CONTENT_TYPE: i128 = 3;
    pub(super) const KEY_ID: i128 = 4;
    pub(super) const CORIM_META: i128 = 8;
    pub(super) const CWT_CLAIMS: i128 = 15;
    pub(super) const X5CHAIN: i128 = 33;
    pub(super) const X5T: i128 = 34;
}

/// A payload that a pinned key signed. There is no other way to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    payload: &'a [u8],
    key_id: Hex<32>,
    key_name: String,
    signer: Option<String>,
}

/// Why a signed manifest does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// The bytes are no CBOR that is read here.
    #[error("{what}: {error}")]
    Cbor {
        /// Of what.
        what: &'static str,
        /// What is wrong.
        error: CborError,
    },
    /// Not a COSE_Sign1: an unsigned CoRIM among them.
    #[error("not signed: a COSE_Sign1 (tag 18) was expected")]
    NotSigned,
    /// A header parameter that is missing, twice, or has another form.
    #[error("the header parameter {0} is missing or has another form")]
    Header(i128),
    /// A header parameter that is not known: it might say what must be understood.
    #[error("the header parameter {0} is not known")]
    HeaderUnknown(String),
    /// Another algorithm than the six.
    #[error("the signature algorithm {0} is not allowed")]
    Algorithm(i128),
    /// Nobody was pinned, or too many were.
    #[error("{0} signers are pinned; 1 to {MAX_SIGNERS} can be")]
    Signers(usize),
    /// By none of the pinned keys.
    #[error("the signature is by none of the pinned signers ({0})")]
    SignerUnknown(String),
    /// A date before the year 1 or after 9999.
    #[error("a date that no calendar has")]
    Time,
    /// The signature does not count yet.
    #[error("the signature counts from {from}, and it is {now}")]
    NotYetValid {
        /// Its beginning.
        from: UnixTime,
        /// The time of the import.
        now: UnixTime,
    },
    /// The signature counts no more.
    #[error("the signature counted until {end}, and it is {now}")]
    Expired {
        /// Its end.
        end: UnixTime,
        /// The time of the import.
        now: UnixTime,
    },
}

/// Whether bytes begin as a COSE_Sign1 or as a CoRIM does. It says nothing of what follows.
#[must_use]
pub fn looks_like_one(bytes: &[u8]) -> bool {
    // Tag 18 in one byte; tag 501 in three (RFC 8949, 3).
    bytes.first() == Some(&0xd2) || bytes.starts_with(&[0xd9, 0x01, 0xf5])
}

/// Verifies that one of the pinned keys signed, at a time at which its signature counts.
///
/// # Errors
/// [`CoseError`] with the first broken rule. Nothing of the payload is read.
pub fn verify<'a>(bytes: &'a [u8], signers: &[Signer], now: UnixTime) -> Result<Signed<'a>, CoseError> {
    if !(1..=MAX_SIGNERS).contains(&signers.len()) {
        return Err(CoseError::Signers(signers.len()));
    }
    let item = parse("the signed manifest", bytes)?;
    let Item::Tag(SIGN1, inside) = item else { return Err(CoseError::NotSigned) };
    let Item::Array(parts) = *inside else { return Err(CoseError::NotSigned) };
    let [Item::Bytes(protected), Item::Map(unprotected), Item::Bytes(payload), Item::Bytes(signature)] =
        parts.as_slice()
    else {
        return Err(CoseError::NotSigned);
    };
    // What nobody signed decides nothing; that it is there and of a known kind is all that is asked.
    known(unprotected, &[header::KEY_ID, header::X5CHAIN, header::X5T])?;
    let headers = Headers::parse(protected)?;
    let message = to_be_signed(protected, payload);
    let mut budget = Budget::new();
    let signer = signers
        .iter()
        .filter(|signer| signer.algorithm() == headers.algorithm)
        .find(|signer| signer.verify(&mut budget, &message, signature).is_ok());
    let Some(key) = signer else {
        let pinned: Vec<String> = signers.iter().map(|s| format!("{} {}", s.name(), s.id())).collect();
        return Err(CoseError::SignerUnknown(pinned.join(", ")));
    };
    headers.check_dates(now)?;
    let (key_id, key_name) = (key.id(), key.name().to_owned());
    Ok(Signed { payload, key_id, key_name, signer: headers.signer })
}

impl Signed<'_> {
    /// What was signed.
    #[must_use]
    pub const fn payload(&self) -> &[u8] {
        self.payload
    }

    /// SHA-256 of the SubjectPublicKeyInfo of the key that signed.
    #[must_use]
    pub const fn key_id(&self) -> Hex<32> {
        self.key_id
    }

    /// What whoever pinned the key calls it.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// What the signer calls itself.
    #[must_use]
    pub fn signer(&self) -> Option<&str> {
        self.signer.as_deref()
    }
}

/// Sig_structure of a COSE_Sign1 without external data (RFC 9052, 4.4).
fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let head = b"\x84\x6aSignature1";
    [head, &string_head(2, protected.len())[..], protected, b"\x40", &string_head(2, payload.len()), payload]
        .concat()
}

struct Headers {
    algorithm: Algorithm,
    signer: Option<String>,
    not_before: Option<UnixTime>,
    not_after: Option<UnixTime>,
}

impl Headers {
    fn parse(protected: &[u8]) -> Result<Self, CoseError> {
        let Item::Map(map) = parse("the protected header", protected)? else {
            return Err(CoseError::Header(header::ALGORITHM));
        };
        known(
            &map,
            &[
                header::ALGORITHM,
                header::CONTENT_TYPE,
                header::KEY_ID,
                header::CORIM_META,
                header::CWT_CLAIMS,
                header::X5CHAIN,
                header::X5T,
            ],
        )?;
        let Some(Item::Int(number)) = get(&map, header::ALGORITHM) else {
            return Err(CoseError::Header(header::ALGORITHM));
        };
        let algorithm = Algorithm::from_cose(*number).ok_or(CoseError::Algorithm(*number))?;
        if get(&map, header::CONTENT_TYPE) != Some(&Item::Text(CONTENT_TYPE)) {
            return Err(CoseError::Header(header::CONTENT_TYPE));
        }
        let headers = Self { algorithm, signer: None, not_before: None, not_after: None };
        match (get(&map, header::CORIM_META), get(&map, header::CWT_CLAIMS)) {
            (Some(Item::Bytes(meta)), None) => headers.with_meta(meta),
            (None, Some(Item::Map(claims))) => headers.with_claims(claims),
            _ => Err(CoseError::Header(header::CORIM_META)),
        }
    }

    /// corim-meta-map (draft-ietf-rats-corim, 4.2.2): `{0: {0: name, ?1: uri}, ?1: validity}`.
    fn with_meta(self, meta: &[u8]) -> Result<Self, CoseError> {
        let wrong = || CoseError::Header(header::CORIM_META);
        let Item::Map(meta) = parse("corim-meta", meta)? else { return Err(wrong()) };
        known(&meta, &[0, 1])?;
        let Some(Item::Map(signer)) = get(&meta, 0) else { return Err(wrong()) };
        known(signer, &[0, 1])?;
        let name = get(signer, 0).and_then(text).ok_or_else(wrong)?;
        let (not_before, not_after) = get(&meta, 1).map_or(Ok((None, None)), validity)?;
        Ok(Self { signer: Some(name), not_before, not_after, ..self })
    }

    /// CWT claims (RFC 9597) in the place of corim-meta: iss 1, sub 2, exp 4, nbf 5 (RFC 8392, 4).
    fn with_claims(self, claims: &[(Item<'_>, Item<'_>)]) -> Result<Self, CoseError> {
        known(claims, &[1, 2, 4, 5])?;
        let wrong = || CoseError::Header(header::CWT_CLAIMS);
        let date = |key| match get(claims, key) {
            None => Ok(None),
            // RFC 8392, 2: a NumericDate stands without its tag.
            Some(Item::Int(seconds)) => at(*seconds).map(Some),
            Some(_) => Err(wrong()),
        };
        let name = get(claims, 1).and_then(text).ok_or_else(wrong)?;
        Ok(Self { signer: Some(name), not_before: date(5)?, not_after: date(4)?, ..self })
    }

    fn check_dates(&self, now: UnixTime) -> Result<(), CoseError> {
        if let Some(from) = self.not_before.filter(|from| now < *from) {
            return Err(CoseError::NotYetValid { from, now });
        }
        match self.not_after.filter(|end| *end < now) {
            Some(end) => Err(CoseError::Expired { end, now }),
            None => Ok(()),
        }
    }
}

fn parse<'a>(what: &'static str, bytes: &'a [u8]) -> Result<Item<'a>, CoseError> {
    cbor::parse(bytes).map_err(|error| CoseError::Cbor { what, error })
}

/// The value of an integer key.
pub(crate) fn get<'a, 'b>(map: &'b [(Item<'a>, Item<'a>)], key: i128) -> Option<&'b Item<'a>> {
    map.iter().find(|(known, _)| *known == Item::Int(key)).map(|(_, value)| value)
}

fn known(map: &[(Item<'_>, Item<'_>)], keys: &[i128]) -> Result<(), CoseError> {
    let is_known = |key: &Item<'_>| matches!(key, Item::Int(number) if keys.contains(number));
    match map.iter().find(|(key, _)| !is_known(key)) {
        Some((Item::Int(number), _)) => Err(CoseError::HeaderUnknown(number.to_string())),
        Some((Item::Text(name), _)) => Err(CoseError::HeaderUnknown(name.escape_debug().to_string())),
        Some(_) => Err(CoseError::HeaderUnknown("of another type".to_owned())),
        None => Ok(()),
    }
}

fn text(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Text(text) if (1..=MAX_NAME).contains(&text.len()) => Some((*text).to_owned()),
        _ => None,
    }
}

/// First and last instant, where they are said.
pub(crate) type Dates = (Option<UnixTime>, Option<UnixTime>);

/// validity-map (draft-ietf-rats-corim, 7.3): `{?0: not-before, 1: not-after}`.
pub(crate) fn validity(item: &Item<'_>) -> Result<Dates, CoseError> {
    let wrong = || CoseError::Header(header::CORIM_META);
    let Item::Map(map) = item else { return Err(wrong()) };
    known(map, &[0, 1])?;
    // `#6.1(int)` (RFC 8949, 3.4.2).
    let date = |item: &Item<'_>| match item {
        Item::Tag(1, inside) => match **inside {
            Item::Int(seconds) => at(seconds),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    };
    let not_after = get(map, 1).map(date).transpose()?.ok_or_else(wrong)?;
    Ok((get(map, 0).map(date).transpose()?, Some(not_after)))
}

fn at(seconds: i128) -> Result<UnixTime, CoseError> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    UnixTime::from_seconds(seconds).map_err(|_| CoseError::Time)
}
