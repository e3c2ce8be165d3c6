//! Intel's documents, as one JSON object carries them.

use super::Collateral;
use hanzo_attestation_evidence::encoding::{self, EncodingError};
use hanzo_attestation_evidence::json::{self, JsonError};
use hanzo_attestation_evidence::{Broken, Rule};
use serde::Deserialize;
use std::time::Duration;

/// Largest JSON object in bytes: four documents of 1 MiB each (rule book B.0), of which the lists are written
/// in hex, and their chains.
pub const MAX_INTEL_JSON: usize = 8 << 20;

/// A JSON document that Intel's TCB signer signed, exactly as received: TCB info or QE identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelDocument {
    /// The signed object: what stands behind `tcbInfo` or `enclaveIdentity`, byte for byte.
    pub body: Vec<u8>,
    /// R and S, 32 bytes each, big-endian.
    pub signature: [u8; 64],
    /// The signer's certificate and the root, PEM.
    pub issuer_chain: Vec<u8>,
}

/// How long after its nextUpdate a document may still count (COL-09): not at all, unless configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntelGrace {
    /// TCB info.
    pub tcb_info: Duration,
    /// QE identity.
    pub qe_identity: Duration,
    /// Revocation lists, the root's included.
    pub crls: Duration,
}

impl IntelGrace {
    /// The longest grace (COL-09): seven days.
    pub const MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// The same, with nothing longer than [`Self::MAX`].
    #[must_use]
    pub fn capped(self) -> Self {
        let cap = |grace: Duration| grace.min(Self::MAX);
        Self { tcb_info: cap(self.tcb_info), qe_identity: cap(self.qe_identity), crls: cap(self.crls) }
    }
}

/// A JSON object that cannot be read as Intel's collateral.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntelCollateralError {
    /// COL-01: larger than its budget.
    #[error("Intel collateral of {actual} bytes; at most {MAX_INTEL_JSON} are read")]
    TooLarge {
        /// Bytes found.
        actual: usize,
    },
    /// COL-03: not strict JSON, or a member that is not known.
    #[error("Intel collateral: {0}")]
    Json(#[from] JsonError),
    /// COL-02: a member that is not lower-case hex, or not of its length.
    #[error("Intel collateral, `{member}`: {error}")]
    Encoding {
        /// Which member.
        member: &'static str,
        /// What is wrong with it.
        error: EncodingError,
    },
    /// COL-03: a document without its signature or its chain, or these without the document.
    #[error("Intel collateral: `{0}`, its signature and its issuer chain come together")]
    Incomplete(&'static str),
}

impl Broken for IntelCollateralError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Json(_) | Self::Incomplete(_) => Rule::new("COL-03", "EnvelopeMalformed"),
            Self::Encoding { .. } => Rule::new("COL-02", "EncodingNotCanonical"),
        }
    }
}

/// The members, as the published verification libraries name them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    tcb_info: Option<String>,
    tcb_info_signature: Option<String>,
    tcb_info_issuer_chain: Option<String>,
    qe_identity: Option<String>,
    qe_identity_signature: Option<String>,
    qe_identity_issuer_chain: Option<String>,
    pck_crl: Option<String>,
    /// Not used: the chain in the quote says who issued the list.
    #[serde(rename = "pck_crl_issuer_chain")]
    _pck_crl_issuer_chain: Option<String>,
    root_ca_crl: Option<String>,
    pck_certificate_chain: Option<String>,
}

pub(super) fn add_json(mut all: Collateral, bytes: &[u8]) -> Result<Collateral, IntelCollateralError> {
    let actual = bytes.len();
    if actual > MAX_INTEL_JSON {
        return Err(IntelCollateralError::TooLarge { actual });
    }
    let found: Members = json::from_slice(bytes)?;
    let tcb_info =
        document("tcb_info", found.tcb_info, found.tcb_info_signature, found.tcb_info_issuer_chain)?;
    let qe_identity = document(
        "qe_identity",
        found.qe_identity,
        found.qe_identity_signature,
        found.qe_identity_issuer_chain,
    )?;
    for (member, list) in [("pck_crl", found.pck_crl), ("root_ca_crl", found.root_ca_crl)] {
        if let Some(hex) = list {
            let der = encoding::hex_decode(&hex);
            all = all.with_intel_crl(der.map_err(|error| IntelCollateralError::Encoding { member, error })?);
        }
    }
    if let Some(document) = tcb_info {
        all = all.with_intel_tcb_info(document);
    }
    if let Some(document) = qe_identity {
        all = all.with_intel_qe_identity(document);
    }
    Ok(match found.pck_certificate_chain {
        Some(pem) => all.with_intel_pck_chain(pem.into_bytes()),
        None => all,
    })
}

/// A document with its signature and chain: all three, or none.
fn document(
    member: &'static str,
    body: Option<String>,
    signature: Option<String>,
    issuer_chain: Option<String>,
) -> Result<Option<IntelDocument>, IntelCollateralError> {
    let (body, signature, issuer_chain) = match (body, signature, issuer_chain) {
        (Some(body), Some(signature), Some(chain)) => (body.into_bytes(), signature, chain.into_bytes()),
        (None, None, None) => return Ok(None),
        _ => return Err(IntelCollateralError::Incomplete(member)),
    };
    let signature =
        encoding::hex_array(&signature).map_err(|error| IntelCollateralError::Encoding { member, error })?;
    Ok(Some(IntelDocument { body, signature, issuer_chain }))
}

#[cfg(test)]
mod tests;
