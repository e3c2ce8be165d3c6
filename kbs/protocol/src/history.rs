//! Signed history: what a broker says that the versions of a policy or reference set are, so that whoever keeps
//! the statement can tell later whether history was rewritten.
//!
//! A statement is a compact JWS (RFC 7515) with ES256, by the key that signs tokens. Its header has the type
//! [`TYPE`], and it has neither audience nor expiry: it is no token, and a token is no statement.

use crate::admin::RuleVersion;
use crate::changes::PersonKey;
use crate::messages::Checkpoint;
use hanzo_attestation_evidence::encoding::base64url_decode;
use hanzo_attestation_evidence::{Hex, UnixTime, json};
use serde::{Deserialize, Serialize};

/// The `typ` of a statement's header (RFC 7515, 4.1.9).
pub const TYPE: &str = "hanzo-history+jwt";
/// Largest statement in bytes: a hundred versions of about 500 bytes, in base64, with room for long names.
pub const MAX_STATEMENT: usize = 256 << 10;
/// Most keys of a set that are looked through.
const MAX_KEYS: usize = 64;

/// The versions of one rule, as their broker states them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryStatement {
    /// The broker, as its tokens name it.
    pub iss: String,
    /// When it was stated.
    pub iat: UnixTime,
    /// `policy` or `reference`.
    pub kind: RuleName,
    /// The rule.
    pub name: String,
    /// Versions without a gap, oldest first; at least one.
    pub versions: Vec<RuleVersion>,
    /// The record's newest row when it was stated.
    pub head: Checkpoint,
}

/// What a history is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleName {
    /// A policy.
    Policy,
    /// A set of reference values.
    Reference,
}

/// Answer to `GET policies/{name}/statement` and `GET references/{name}/statement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHistory {
    /// A [`HistoryStatement`] as a compact JWS.
    pub statement: String,
    /// The broker's public keys, as `/.well-known/jwks.json` has them.
    pub keys: KeySet,
}

/// A set of public keys (RFC 7517); members that other uses need are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// A P-256 key (RFC 7518, 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PublicKey {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    y: String,
}

/// Why a text is no statement of these keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// More than [`MAX_STATEMENT`] bytes.
    #[error("{0} bytes are more than a statement has")]
    TooLarge(usize),
    /// Not three parts of base64url.
    #[error("not a compact JWS")]
    Malformed,
    /// Another algorithm, another type, or a header that says more.
    #[error("the header is not that of a statement: ES256 and `{TYPE}`, with a key id")]
    Header,
    /// None of the keys has this id.
    #[error("it is signed by the key {0}, which is none of those given")]
    KeyUnknown(String),
    /// The key is not one that can sign it.
    #[error("the key {0} is no P-256 key")]
    Key(String),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// Signed, and not what a broker states.
    #[error("what is signed is no history: {0}")]
    Claims(String),
}

/// Where a history does not continue an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Diverged {
    /// Of another rule.
    #[error("the statements are about different rules")]
    OtherRule,
    /// Versions are gone.
    #[error("version {had} was there, and the newest is {has}")]
    RolledBack {
        /// The newest version of the earlier statement.
        had: u64,
        /// The newest version now.
        has: u64,
    },
    /// A version is not what it was.
    #[error("version {version} is not what it was")]
    Rewritten {
        /// The version.
        version: u64,
    },
    /// The versions between the two are not stated.
    #[error("the versions after {after} and before {before} are not stated")]
    Gap {
        /// The newest version of the earlier statement.
        after: u64,
        /// The oldest version now.
        before: u64,
    },
    /// The record is shorter than it was, or has another row at its place.
    #[error("the record ended at row {had}, and ends at row {has}, or that row is another")]
    Record {
        /// The newest row of the earlier statement.
        had: u64,
        /// The newest row now.
        has: u64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl HistoryStatement {
    /// Reads a statement that one of these keys signed.
    ///
    /// # Errors
    /// [`StatementError`], the first that applies.
    pub fn read(text: &str, keys: &KeySet) -> Result<Self, StatementError> {
        let text = text.trim_end();
        if text.len() > MAX_STATEMENT {
            return Err(StatementError::TooLarge(text.len()));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(StatementError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(StatementError::Malformed)?;
        let decoded = |part: &str| base64url_decode(part).map_err(|_| StatementError::Malformed);
        let header: Header = json::from_slice(&decoded(header)?).map_err(|_| StatementError::Header)?;
        if header.alg != "ES256" || header.typ != TYPE {
            return Err(StatementError::Header);
        }
        let key = keys.keys.iter().take(MAX_KEYS).find(|key| key.kid == header.kid);
        let key = key.ok_or_else(|| StatementError::KeyUnknown(named(&header.kid)))?;
        let point = key.point().ok_or_else(|| StatementError::Key(named(&header.kid)))?;
        let signature = <[u8; 64]>::try_from(decoded(signature)?).map_err(|_| StatementError::Signature)?;
        let verified = PersonKey::P256(point).verify(signed.as_bytes(), &Hex(signature));
        verified.map_err(|_| StatementError::Signature)?;
        let statement: Self = json::from_slice(&decoded(claims)?)
            .map_err(|error| StatementError::Claims(error.problem().to_owned()))?;
        statement.in_order()?;
        Ok(statement)
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.versions.last().map_or(0, |row| row.version)
    }

    /// The oldest version that it states.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.versions.first().map_or(0, |row| row.version)
    }

    /// Whether this is what an earlier statement became: the same versions, and perhaps more after them. That
    /// the record still has the earlier head is for its reader to ask, unless both have the same end.
    ///
    /// # Errors
    /// [`Diverged`], the first that applies.
    pub fn continues(&self, earlier: &Self) -> Result<(), Diverged> {
        if (self.kind, &self.name) != (earlier.kind, &earlier.name) {
            return Err(Diverged::OtherRule);
        }
        let (had, has) = (earlier.newest(), self.newest());
        if has < had {
            return Err(Diverged::RolledBack { had, has });
        }
        if self.oldest() > had.saturating_add(1) {
            return Err(Diverged::Gap { after: had, before: self.oldest() });
        }
        for old in &earlier.versions {
            let now = self.versions.iter().find(|row| row.version == old.version);
            if now.is_some_and(|now| now != old) {
                return Err(Diverged::Rewritten { version: old.version });
            }
        }
        let (before, now) = (earlier.head, self.head);
        if now.seq < before.seq || now.seq == before.seq && now.hash != before.hash {
            return Err(Diverged::Record { had: before.seq, has: now.seq });
        }
        Ok(())
    }

    fn in_order(&self) -> Result<(), StatementError> {
        let wrong = |what: &str| Err(StatementError::Claims(what.to_owned()));
        let Some(last) = self.versions.last() else { return wrong("it has no version") };
        if self.oldest() == 0 {
            return wrong("versions begin with 1");
        }
        let pairs = || self.versions.iter().zip(self.versions.iter().skip(1));
        if !pairs().all(|(a, b)| a.version.checked_add(1) == Some(b.version) && a.decision < b.decision) {
            return wrong("its versions are not in order");
        }
        if last.decision > self.head.seq {
            return wrong("a version is younger than the record");
        }
        Ok(())
    }
}

impl PublicKey {
    /// The uncompressed point (SEC 1, 2.3.3).
    fn point(&self) -> Option<[u8; 65]> {
        if self.kty != "EC" || self.crv != "P-256" {
            return None;
        }
        let (x, y) = (base64url_decode(&self.x).ok()?, base64url_decode(&self.y).ok()?);
        if x.len() != 32 {
            return None;
        }
        <[u8; 65]>::try_from([&[4], x.as_slice(), y.as_slice()].concat()).ok()
    }
}

/// A key id as an error repeats it: a thumbprint has 43 letters.
fn named(kid: &str) -> String {
    kid.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
