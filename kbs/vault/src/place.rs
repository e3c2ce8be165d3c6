//! Where a record belongs: the associated data of everything that is stored encrypted.

use crate::rows::KeyRow;
use serde::Serialize;

/// The place of a record. Its RFC 8785 form is the associated data, so that no two places share a form.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Place<'a> {
    /// A tenant's key under the root key.
    Tenant {
        /// `tenant-key`.
        purpose: &'static str,
        /// Whose.
        tenant: &'a str,
    },
    /// A key version under its tenant's key.
    Version {
        /// Kind and algorithm, e.g. `key/aes-256`.
        purpose: &'a str,
        tenant: &'a str,
        key: &'a str,
        version: u64,
        tier: u8,
        require_cpu_tee: bool,
    },
    /// A key of the broker itself under the root key.
    Broker {
        /// `broker/…`.
        purpose: &'static str,
    },
}

/// A place that has no canonical form; none of the places here is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the place of a record has no RFC 8785 form")]
pub struct PlaceError;

impl<'a> Place<'a> {
    pub(crate) const fn tenant(tenant: &'a str) -> Self {
        Self::Tenant { purpose: "tenant-key", tenant }
    }

    /// The place of a key version. `purpose` is [`purpose`] of the same key.
    pub(crate) fn version(key: &'a KeyRow, purpose: &'a str, version: u64) -> Self {
        Self::Version {
            purpose,
            tenant: &key.tenant,
            key: &key.id,
            version,
            tier: key.minimum_tier,
            require_cpu_tee: key.require_cpu_tee,
        }
    }

    pub(crate) fn aad(&self) -> Result<Vec<u8>, PlaceError> {
        serde_json_canonicalizer::to_vec(self).map_err(|_| PlaceError)
    }
}

/// What a key is for, in its place: kind and algorithm.
pub(crate) fn purpose(key: &KeyRow) -> String {
    format!("{}/{}", key.kind.name(), key.algorithm)
}
