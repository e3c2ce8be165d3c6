//! Vendor documents judged each by itself, before a store takes them.
//!
//! Verification judges every document again when it is used, together with the evidence. What is found out
//! here is that a document is a vendor's at all, about what it speaks, and when it was issued: a store keeps
//! nothing else, and orders documents by these dates (COL-11).

mod intel;
mod nvidia;

pub use intel::{
    intel_chain, intel_document, intel_pck_crl, intel_qe_identity, intel_root_crl, intel_tcb_info,
};
pub use nvidia::{nvidia_crl, nvidia_ocsp, nvidia_rim};

use crate::crypto::{Budget, FormError, Rsa4096Key, SignatureError};
use crate::nvidia::rim::RimProofError;
use crate::roots::Roots;
use crate::x509::signed_by;
use hanzo_attestation_evidence::dcap::{QeIdentityError, QuoteError, TcbInfoError, read_certificates};
use hanzo_attestation_evidence::nvidia::FormatError;
use hanzo_attestation_evidence::snp::Product;
use hanzo_attestation_evidence::x509::{Certificate, Crl, X509Error};
use hanzo_attestation_evidence::{Broken, Rule, UnixTime};
use std::time::Duration;

/// How far a document may be dated ahead of this machine's clock (COL-08: 300 s).
pub const SKEW: Duration = Duration::from_secs(300);

/// What a document says of itself, and its vendor's signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// About what it speaks, e.g. `milan`, `tdx/50806f000000`, `platform`.
    pub subject: String,
    /// `tcbEvaluationDataNumber`; 0 for documents that have none.
    pub evaluation: u32,
    /// When it was issued: `issueDate`, thisUpdate, notBefore.
    pub issued: UnixTime,
    /// The last instant at which it counts: `nextUpdate`, notAfter.
    pub expires: UnixTime,
    /// Whether it ends in a root that is not its vendor's.
    pub lab: bool,
}

/// A document that no store takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// COL-06, COL-21, COL-22: a certificate or a list that does not parse.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// SNP-34: no pinned root of AMD signed this list.
    #[error("the revocation list of `{issuer}` is not signed by a pinned AMD root")]
    AmdCrlSignature {
        /// Common name of its issuer.
        issuer: String,
    },
    /// DCAP-15, COL-06: a chain that is not two certificates in PEM and nothing else.
    #[error("the issuer chain: {0}")]
    Chain(#[from] QuoteError),
    /// SNP-21: a chain that ends in a root of its own.
    #[error("the chain does not end in a pinned AMD root")]
    AmdRootNotPinned,
    /// SNP-23: the root did not sign the intermediate.
    #[error("the intermediate certificate is not signed by the pinned root")]
    AmdChainSignature,
    /// COL-03: not in the one form in which Intel sends it.
    #[error("not an object of `{0}` and its signature, as Intel sends it")]
    Envelope(&'static str),
    /// COL-01, DCAP-35, DCAP-39, DCAP-40: a TCB info that is not well formed.
    #[error(transparent)]
    TcbInfo(#[from] TcbInfoError),
    /// COL-01, DCAP-40, DCAP-42: a QE identity that is not well formed.
    #[error(transparent)]
    QeIdentity(#[from] QeIdentityError),
    /// DCAP-32: an issuer that does not sign such documents, or that is not directly under a root.
    #[error("`{name}` does not sign such documents, or not directly under the root")]
    Issuer {
        /// Its common name.
        name: String,
    },
    /// DCAP-17: an issuer chain with a root of its own.
    #[error("the issuer chain does not end in a pinned Intel root")]
    IntelRootNotPinned,
    /// DCAP-20: the root did not sign the issuer.
    #[error("the issuer's certificate is not signed by the pinned root")]
    ChainSignature,
    /// DCAP-34: not signed by its signer.
    #[error("the TCB info is not signed by its signer")]
    TcbInfoSignature,
    /// DCAP-41: not signed by its signer.
    #[error("the QE identity is not signed by its signer")]
    QeIdentitySignature,
    /// DCAP-25: no pinned root signed this list.
    #[error("the revocation list is not signed by a pinned Intel root")]
    RootCrlSignature,
    /// DCAP-29: not signed by the CA that came with it.
    #[error("the revocation list is not signed by the PCK CA that came with it")]
    PckCrlSignature,
    /// NVR-01 to NVR-28: no manifest of NVIDIA's.
    #[error(transparent)]
    NvidiaRim(#[from] RimProofError),
    /// NV-22, NV-23: no OCSP response, or one that does not answer.
    #[error(transparent)]
    NvidiaOcsp(#[from] FormatError),
    /// NV-32: a list in the name of a pinned root that it did not sign.
    #[error("the revocation list is not signed by the pinned NVIDIA root in whose name it is")]
    NvidiaCrlSignature,
    /// COL-08: dated ahead.
    #[error("issued at {issued}, after {now}")]
    NotYetValid {
        /// When it was issued.
        issued: UnixTime,
        /// The instant of judgement.
        now: UnixTime,
    },
    /// COL-09: out of date.
    #[error("expired at {expires}, before {now}")]
    Expired {
        /// The last instant at which it counted.
        expires: UnixTime,
        /// The instant of judgement.
        now: UnixTime,
    },
    /// COL-05, COL-19 to COL-21: a signature or a key of a form that is not allowed.
    #[error("the document's signature: {0}")]
    Signature(FormError),
}

impl Broken for AdmissionError {
    fn rule(&self) -> Rule {
        match self {
            Self::X509(error) => error.rule(),
            Self::AmdCrlSignature { .. } => Rule::new("SNP-34", "SnpCrlSignature"),
            Self::Chain(error) => error.rule(),
            Self::AmdRootNotPinned => Rule::new("SNP-21", "SnpRootNotPinned"),
            Self::AmdChainSignature => Rule::new("SNP-23", "SnpIntermediateSignature"),
            Self::Envelope(_) => Rule::new("COL-03", "EnvelopeMalformed"),
            Self::TcbInfo(error) => error.rule(),
            Self::QeIdentity(error) => error.rule(),
            Self::Issuer { .. } => Rule::new("DCAP-32", "TcbSignerProfile"),
            Self::IntelRootNotPinned => Rule::new("DCAP-17", "PckRootNotPinned"),
            Self::ChainSignature => Rule::new("DCAP-20", "PckChainSignature"),
            Self::TcbInfoSignature => Rule::new("DCAP-34", "TcbInfoSignature"),
            Self::QeIdentitySignature => Rule::new("DCAP-41", "QeIdentitySignature"),
            Self::RootCrlSignature => Rule::new("DCAP-25", "RootCrlSignature"),
            Self::PckCrlSignature => Rule::new("DCAP-29", "PckCrlSignature"),
            Self::NvidiaRim(error) => error.rule(),
            Self::NvidiaOcsp(error) => error.rule(),
            Self::NvidiaCrlSignature => Rule::new("NV-32", "NvidiaCrlSignature"),
            Self::NotYetValid { .. } => Rule::new("COL-08", "CollateralNotYetValid"),
            Self::Expired { .. } => Rule::new("COL-09", "CollateralExpired"),
            Self::Signature(error) => error.rule(),
        }
    }
}

impl Judged {
    /// COL-08 and COL-09, without grace: a store takes nothing that is out of date already.
    ///
    /// # Errors
    /// [`AdmissionError::NotYetValid`], [`AdmissionError::Expired`].
    pub fn check_dates(&self, now: UnixTime) -> Result<(), AdmissionError> {
        let (issued, expires) = (self.issued, self.expires);
        if issued > now.after(SKEW) {
            return Err(AdmissionError::NotYetValid { issued, now });
        }
        if now > expires {
            return Err(AdmissionError::Expired { expires, now });
        }
        Ok(())
    }
}

/// Judges a revocation list of AMD (DER): its issuer is a pinned ARK, and that ARK signed it. The subject is
/// the product; nothing in a list says for which kind of key it is.
///
/// # Errors
/// [`AdmissionError`]. Dates are not judged here: see [`Judged::check_dates`].
pub fn amd_crl(der: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let list = Crl::parse(der)?;
    let unsigned = || AdmissionError::AmdCrlSignature {
        issuer: list.issuer().common_name().unwrap_or_default().to_owned(),
    };
    let mut budget = Budget::new();
    // A lab's root has the name of its vendor's, so that more than one may have to be asked.
    for root in roots.amd() {
        let Some(ark) = issuer_of(&list, root.ark())? else { continue };
        let key = Rsa4096Key::parse(ark.public_key()).map_err(AdmissionError::Signature)?;
        match signed_by(&mut budget, list.signature_algorithm(), list.tbs(), list.signature(), &key) {
            Ok(()) => return Ok(judged(&list, root.product(), root.is_lab())),
            Err(SignatureError::Mismatch) => {}
            Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
        }
    }
    Err(unsigned())
}

/// The root, if the list is in its name and it may sign lists.
fn issuer_of<'a>(list: &Crl<'_>, ark: &'a [u8]) -> Result<Option<Certificate<'a>>, AdmissionError> {
    let ark = Certificate::parse(ark)?;
    let may_sign = ark.key_usage().is_some_and(|usage| usage.crl_sign());
    Ok((may_sign && list.issuer().der() == ark.subject().der()).then_some(ark))
}

fn judged(list: &Crl<'_>, product: Product, lab: bool) -> Judged {
    Judged {
        subject: product.name().to_ascii_lowercase(),
        evaluation: 0,
        issued: list.this_update(),
        expires: list.next_update(),
        lab,
    }
}

/// Judges what AMD's service sends as `cert_chain` (PEM): the ASK or ASVK, and a pinned ARK that signed it.
/// The subject is the product.
///
/// # Errors
/// [`AdmissionError`].
pub fn amd_chain(pem: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let [ask, ark] = read_certificates(pem)?;
    let pinned = roots.amd().iter().find(|root| root.ark() == ark);
    let pinned = pinned.ok_or(AdmissionError::AmdRootNotPinned)?;
    let (ask, ark) = (Certificate::parse(&ask)?, Certificate::parse(&ark)?);
    let key = Rsa4096Key::parse(ark.public_key()).map_err(AdmissionError::Signature)?;
    let mut budget = Budget::new();
    match signed_by(&mut budget, ask.signature_algorithm(), ask.tbs(), ask.signature(), &key) {
        Ok(()) => {}
        Err(SignatureError::Mismatch) => return Err(AdmissionError::AmdChainSignature),
        Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
    }
    Ok(Judged {
        subject: pinned.product().name().to_ascii_lowercase(),
        evaluation: 0,
        issued: ask.not_before().max(ark.not_before()),
        expires: ask.not_after().min(ark.not_after()),
        lab: pinned.is_lab(),
    })
}
