//! CoRIM (draft-ietf-rats-corim): a manifest of reference values, `#6.501`, as its signer made it.
//!
//! Of a CoRIM the reference triples of its CoMIDs are read (5.1.5). Everything else that would change what a
//! value means is refused by name: a profile that is not known, triples of other kinds, CoSWIDs, an environment
//! that is one instance, who may assert a measurement. A measurement that is more than digests is named as
//! such, so that whoever imports can leave it out knowingly and never by accident.
//!
//! # Names
//! A measurement's name is what the manifest says of it: the class of its environment, then its key, its
//! register or what an extension calls it. `sev-snp/key:641` is the launch MEASUREMENT of a SEV-SNP guest by the
//! AMD profile (draft-deeglaze-amd-sev-snp-corim-profile, 3.2).
//!
//! | part | from |
//! |---|---|
//! | `sev-snp`, `sev-snp-vlek` | the class identifiers of the AMD profile |
//! | `tdx-module`, `sgx-enclave` | the class identifiers of the Intel profile |
//! | `id:HEX`, `vendor:TEXT`, `model:TEXT`, `layer:N`, `index:N` | class-map (5.1.4.2), what of it there is |
//! | `key:N`, `key:TEXT`, `key:HEX` | mkey (5.1.4.5.1) |
//! | `register:N`, `register:TEXT` | integrity-registers (5.1.4.5.8) |
//! | `mrtee`, `mrsigner` | `tee.mrtee`, `tee.mrsigner` (draft-cds-rats-intel-corim-profile, 8.2), also as mkey 83, 84 |
//!
//! What a name means where a profile says it is in [`PUBLISHED`]; once somebody says what kind of environment a
//! class is, [`register_of`] has the rest.

mod comid;
mod names;

pub use names::{PUBLISHED, register_of};

use crate::Measured;
use crate::cbor::{self, CborError, Item};
use crate::cose::{CoseError, Dates, Signed, get, validity};
use hanzo_attestation_evidence::UnixTime;

/// The class of the TDX module, and of an enclave.
const TDX_MODULE_CLASS: &str = "tdx-module";
const SGX_ENCLAVE_CLASS: &str = "sgx-enclave";

/// Tags (draft-ietf-rats-corim, 13).
const CORIM: u64 = 501;
const COMID: u64 = 506;
/// Most CoMIDs of one CoRIM: a release with its variants.
const MAX_TAGS: usize = 64;
/// Longest identifier in bytes.
const MAX_ID: usize = 256;
/// Profiles whose measurements can be read: AMD's drafts (3.1), and none.
const PROFILES: [&str; 2] = ["http://amd.com/please-permalink-me", "tag:amd.com,2024:snp-corim-profile"];
/// 2.16.840.1.113741.1.16.1, the Intel profile, as the contents of an OID (X.690, 8.19).
const INTEL_PROFILE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x4d\x01\x10\x01";

/// What a signed CoRIM says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corim {
    /// Its identifier: text, or a UUID in hex.
    pub id: String,
    /// The first instant at which its values count.
    pub not_before: Option<UnixTime>,
    /// The last instant at which they do.
    pub not_after: Option<UnixTime>,
    /// Its measurements.
    pub measured: Vec<Measured>,
}

/// Why a CoRIM cannot be used; the whole is refused, never a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorimError {
    /// The bytes are no CBOR that is read here.
    #[error("{what}: {error}")]
    Cbor {
        /// Of what.
        what: &'static str,
        /// What is wrong.
        error: CborError,
    },
    /// A part that is missing or has another form.
    #[error("{0} is missing or has another form")]
    Form(&'static str),
    /// A part that is not known, or cannot be expressed here.
    #[error("{map} has the entry {key}, which cannot be expressed here")]
    Unknown {
        /// Where.
        map: &'static str,
        /// Its key.
        key: String,
    },
    /// A profile that is not known: it might change what everything else means.
    #[error("the profile {0} is not known")]
    Profile(String),
    /// A tag other than a CoMID.
    #[error("a tag {0} is no CoMID (506)")]
    Tag(u64),
    /// Triples that are no reference values.
    #[error("triples of the kind {0}: only reference triples (0) are reference values")]
    Triples(String),
    /// More than are read.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The dates of the manifest.
    #[error("rim-validity: {0}")]
    Dates(CoseError),
    /// The manifest's values count no more.
    #[error("the manifest's values counted until {end}, and it is {now}")]
    Expired {
        /// Its end.
        end: UnixTime,
        /// The time of the import.
        now: UnixTime,
    },
}

type Map<'a> = Vec<(Item<'a>, Item<'a>)>;

impl Corim {
    /// Reads what was signed.
    ///
    /// # Errors
    /// [`CorimError`] with the first broken rule.
    pub fn read(signed: &Signed<'_>, now: UnixTime) -> Result<Self, CorimError> {
        let corim = Self::parse(signed.payload())?;
        match corim.not_after.filter(|end| *end < now) {
            Some(end) => Err(CorimError::Expired { end, now }),
            None => Ok(corim),
        }
    }

    /// corim-map (draft-ietf-rats-corim, 4.1).
    fn parse(bytes: &[u8]) -> Result<Self, CorimError> {
        let Item::Tag(CORIM, inside) = parse("the CoRIM", bytes)? else {
            return Err(CorimError::Form("tag 501"));
        };
        let Item::Map(map) = *inside else { return Err(CorimError::Form("corim-map")) };
        // 2, dependent-rims, would have to be fetched; 5, entities, says who made it: for people.
        only("corim-map", &map, &[0, 1, 3, 4, 5])?;
        let id = identifier(get(&map, 0)).ok_or(CorimError::Form("corim-map / id"))?;
        let profile = get(&map, 3).map(profile).transpose()?;
        let dates: Dates = get(&map, 4).map_or(Ok((None, None)), validity).map_err(CorimError::Dates)?;
        let Some(Item::Array(tags)) = get(&map, 1) else {
            return Err(CorimError::Form("corim-map / tags"));
        };
        if tags.len() > MAX_TAGS {
            return Err(CorimError::TooMany { what: "tags", limit: MAX_TAGS });
        }
        let mut measured = Vec::new();
        for tag in tags {
            comid::read(tag, profile.unwrap_or(Profile::None), &mut measured)?;
        }
        Ok(Self { id, not_before: dates.0, not_after: dates.1, measured })
    }
}

/// What a CoRIM says that its extensions mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    /// The base specification alone.
    None,
    /// AMD's for SEV-SNP, which adds no extension to measurements.
    Amd,
    /// Intel's.
    Intel,
}

/// profile-type-choice (draft-ietf-rats-corim, 4.1.4): `#6.32(uri)` or `#6.111(oid)`.
fn profile(item: &Item<'_>) -> Result<Profile, CorimError> {
    let Item::Tag(tag, inside) = item else { return Err(CorimError::Form("corim-map / profile")) };
    match (tag, &**inside) {
        (32, Item::Text(uri)) if PROFILES.contains(uri) => Ok(Profile::Amd),
        (111, Item::Bytes(oid)) if *oid == INTEL_PROFILE => Ok(Profile::Intel),
        (32, Item::Text(uri)) => Err(CorimError::Profile(uri.chars().take(MAX_ID).collect())),
        (111, Item::Bytes(oid)) => Err(CorimError::Profile(format!("OID {}", hex(oid)))),
        _ => Err(CorimError::Form("corim-map / profile")),
    }
}

fn parse<'a>(what: &'static str, bytes: &'a [u8]) -> Result<Item<'a>, CorimError> {
    cbor::parse(bytes).map_err(|error| CorimError::Cbor { what, error })
}

/// Refuses what is not known.
fn only(map: &'static str, entries: &Map<'_>, keys: &[i128]) -> Result<(), CorimError> {
    let unknown = entries.iter().find_map(|(key, _)| match key {
        Item::Int(number) if keys.contains(number) => None,
        Item::Int(number) => Some(number.to_string()),
        Item::Text(text) => Some(text.escape_debug().take(MAX_ID).collect()),
        _ => Some("of another type".to_owned()),
    });
    unknown.map_or(Ok(()), |key| Err(CorimError::Unknown { map, key }))
}

/// An identifier: text, or the bytes of a UUID, tagged (37) or not.
fn identifier(item: Option<&Item<'_>>) -> Option<String> {
    match item? {
        Item::Text(text) if (1..=MAX_ID).contains(&text.len()) => Some((*text).to_owned()),
        Item::Bytes(bytes) if bytes.len() == 16 => Some(hex(bytes)),
        Item::Tag(37, inside) => match &**inside {
            Item::Bytes(bytes) if bytes.len() == 16 => Some(hex(bytes)),
            _ => None,
        },
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(MAX_ID).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
