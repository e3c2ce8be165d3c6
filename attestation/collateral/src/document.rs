//! One document of a bundle or a store: what it is, and whether its vendor vouches for it.

use crate::bundle::{Deny, EdnFloors, Kind};
use hanzo_attestation::admission::{self, AdmissionError, Judged};
use hanzo_attestation::{IntelDocument, Roots};
use hanzo_attestation_evidence::json::{self, JsonError};
use hanzo_attestation_evidence::x509::{Certificate, X509Error};
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
use sha2::{Digest as _, Sha256};

/// A document with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// About what it speaks; see [`Kind`].
    pub key: String,
    /// Its bytes, exactly as received.
    pub bytes: Vec<u8>,
    /// When it was issued.
    pub issued: UnixTime,
    /// When it expires.
    pub expires: UnixTime,
}

/// A document that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Its vendor does not vouch for it, or not now.
    #[error(transparent)]
    Vendor(#[from] AdmissionError),
    /// COL-06, COL-21, COL-22: no certificate.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// COL-03: no strict JSON of its kind.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// COL-03: not text.
    #[error("not UTF-8 after byte {0}")]
    Text(usize),
    /// COL-13: it speaks about something else than its key says.
    #[error("it speaks about `{found}`")]
    Subject {
        /// About what it speaks.
        found: String,
    },
    /// COL-13: its own dates are not those beside it.
    #[error("it was issued at {issued} and expires at {expires}, which is not what is said of it")]
    Dates {
        /// When it was issued.
        issued: UnixTime,
        /// When it expires.
        expires: UnixTime,
    },
    /// COL-10: the chain that its signature needs is not there.
    #[error("no issuer chain for it: an `intel-chain` that its key or its kind names")]
    ChainMissing,
    /// COL-11: an older one than was accepted before.
    #[error(
        "issued at {issued} with evaluation number {evaluation}; accepted before: {newest_issued} with {newest}"
    )]
    Rollback {
        /// When it was issued.
        issued: UnixTime,
        /// Its evaluation number.
        evaluation: u32,
        /// When the newest was issued.
        newest_issued: UnixTime,
        /// The newest one's evaluation number.
        newest: u32,
    },
}

impl Broken for DocumentError {
    fn rule(&self) -> Rule {
        match self {
            Self::Vendor(error) => error.rule(),
            Self::Certificate(error) => error.rule(),
            Self::Json(error) => error.rule(),
            Self::Text(_) => Rule::new("COL-03", "EnvelopeMalformed"),
            Self::Subject { .. } | Self::Dates { .. } => Rule::new("COL-13", "BundleEntryDigestMismatch"),
            Self::ChainMissing => Rule::new("COL-10", "CollateralMissing"),
            Self::Rollback { .. } => Rule::new("COL-11", "CollateralRollback"),
        }
    }
}

impl Document {
    /// A document as it was received, with its vendor's own dates, which the signature vouches for; `chains`
    /// are the issuer chains that came with it. Whether it is in force is judged by whoever stores it.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn received(
        kind: Kind,
        key: String,
        bytes: Vec<u8>,
        chains: &[Document],
        roots: &Roots,
    ) -> Result<Self, DocumentError> {
        let zero = UnixTime::MAX;
        let mut document = Self { kind, key, bytes, issued: zero, expires: zero };
        let judged = document.judge(chains, roots)?;
        if !document.is_about(&judged.subject) {
            return Err(DocumentError::Subject { found: judged.subject });
        }
        (document.issued, document.expires) = (judged.issued, judged.expires);
        Ok(document)
    }

    /// COL-08 and COL-09: whether it is in force.
    ///
    /// # Errors
    /// [`DocumentError::Vendor`].
    pub fn check_dates(&self, now: UnixTime) -> Result<(), DocumentError> {
        Ok(self.as_stated().check_dates(now)?)
    }

    /// Its issuer chain among others: the one that names it, else the one for its kind.
    #[must_use]
    pub fn chain_among<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        let purpose = match self.kind {
            Kind::IntelTcbInfo => "tcb-info",
            Kind::IntelQeIdentity => "qe-identity",
            Kind::IntelPckCrl => "pck-crl",
            _ => return None,
        };
        let named = |name: &str| all.iter().find(|other| other.kind == Kind::IntelChain && other.key == name);
        named(&format!("{purpose}/{}", self.key)).or_else(|| named(purpose))
    }

    /// What the document says of itself, if its vendor's signature holds. Dates are not judged.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub(crate) fn judge(&self, all: &[Self], roots: &Roots) -> Result<Judged, DocumentError> {
        match self.kind {
            Kind::AmdCrl => Ok(admission::amd_crl(&self.bytes, roots)?),
            Kind::AmdVek => {
                let certificate = Certificate::parse(&self.bytes)?;
                Ok(self.stated(certificate.not_before(), certificate.not_after()))
            }
            Kind::TpmRoot => {
                let certificate = Certificate::parse(&self.bytes)?;
                let subject = Hex::<32>(Sha256::digest(&self.bytes).into()).to_string();
                Ok(Judged { subject, ..self.stated(certificate.not_before(), certificate.not_after()) })
            }
            Kind::DenyList => {
                json::from_slice::<Deny>(&self.bytes).map(|_| self.as_stated()).map_err(Into::into)
            }
            Kind::EdnFloors => {
                json::from_slice::<EdnFloors>(&self.bytes).map(|_| self.as_stated()).map_err(Into::into)
            }
            Kind::AzParavisorRef | Kind::ReferenceValues => {
                json::parse(&self.bytes).map(|_| self.as_stated()).map_err(Into::into)
            }
            Kind::AmdChain => Ok(admission::amd_chain(&self.bytes, roots)?),
            Kind::IntelTcbInfo => Ok(admission::intel_tcb_info(&self.intel(all)?, roots)?),
            Kind::IntelQeIdentity => Ok(admission::intel_qe_identity(&self.intel(all)?, roots)?),
            Kind::IntelPckCrl => Ok(admission::intel_pck_crl(&self.bytes, self.chain(all)?, roots)?),
            Kind::IntelRootCrl => Ok(admission::intel_root_crl(&self.bytes, roots)?),
            Kind::IntelChain => {
                Ok(Judged { subject: self.key.clone(), ..admission::intel_chain(&self.bytes, roots)? })
            }
            Kind::NvidiaRim => Ok(admission::nvidia_rim(&self.bytes, roots)?),
            Kind::NvidiaOcsp => Ok(admission::nvidia_ocsp(&self.bytes)?),
            Kind::NvidiaCrl => Ok(admission::nvidia_crl(&self.bytes, roots)?),
            // Judged with the quote that needs it: its platform, and its chain to the root.
            Kind::IntelPck => Ok(self.as_stated()),
            Kind::Policy => match std::str::from_utf8(&self.bytes) {
                Ok(_) => Ok(self.as_stated()),
                Err(error) => Err(DocumentError::Text(error.valid_up_to())),
            },
        }
    }

    /// What a store takes: judged, about what its key says, of the dates that are said of it, and in force.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub(crate) fn admit(&self, all: &[Self], roots: &Roots, now: UnixTime) -> Result<Judged, DocumentError> {
        let judged = self.judge(all, roots)?;
        if !self.is_about(&judged.subject) {
            return Err(DocumentError::Subject { found: judged.subject });
        }
        let (issued, expires) = (judged.issued, judged.expires);
        if (issued, expires) != (self.issued, self.expires) {
            return Err(DocumentError::Dates { issued, expires });
        }
        judged.check_dates(now)?;
        Ok(judged)
    }

    fn chain<'a>(&self, all: &'a [Self]) -> Result<&'a [u8], DocumentError> {
        self.chain_among(all).map(|chain| chain.bytes.as_slice()).ok_or(DocumentError::ChainMissing)
    }

    /// A document of Intel's with its issuer chain: the signed object is cut out, byte for byte.
    pub(crate) fn intel(&self, all: &[Self]) -> Result<IntelDocument, DocumentError> {
        let member = if self.kind == Kind::IntelTcbInfo { "tcbInfo" } else { "enclaveIdentity" };
        Ok(admission::intel_document(&self.bytes, member, self.chain(all)?)?)
    }

    fn is_about(&self, subject: &str) -> bool {
        match self.kind {
            // Nothing in a list or a chain of AMD's says for which kind of key it is.
            Kind::AmdCrl | Kind::AmdChain => {
                matches!(self.key.split_once('/'), Some((product, "vcek" | "vlek")) if product == subject)
            }
            _ => self.key == subject,
        }
    }

    fn as_stated(&self) -> Judged {
        self.stated(self.issued, self.expires)
    }

    /// As its key says: for what names no subject that could be compared.
    fn stated(&self, issued: UnixTime, expires: UnixTime) -> Judged {
        Judged { subject: self.key.clone(), evaluation: 0, issued, expires, lab: false }
    }
}
