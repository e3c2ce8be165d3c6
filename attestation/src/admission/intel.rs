//! Intel's documents: TCB info and QE identity with their signer, lists of the root and of the PCK CAs,
//! chains.

use super::{AdmissionError, Judged};
use crate::collateral::IntelDocument;
use crate::crypto::{Budget, FormError, SignatureError, ecdsa_p256, ecdsa_p256_der};
use crate::roots::{IntelRoot, Roots};
use crate::x509::ECDSA_WITH_SHA256;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::dcap::{QeIdentity, TcbInfo, TeeType, read_certificates};
use hanzo_attestation_evidence::encoding::hex_array;
use hanzo_attestation_evidence::x509::{Certificate, Crl, PublicKey};

const TCB_SIGNER: &str = "Intel SGX TCB Signing";
/// The two CAs that issue PCK certificates, with the names by which Intel's service knows them.
const PCK_CAS: [(&str, &str); 2] =
    [("Intel SGX PCK Platform CA", "platform"), ("Intel SGX PCK Processor CA", "processor")];

/// Takes the signed object out of the answer of Intel's service, byte for byte:
/// `{"tcbInfo":{…},"signature":"HEX"}`, likewise `enclaveIdentity`. There is one spelling: that in which
/// Intel sends it.
///
/// # Errors
/// [`AdmissionError::Envelope`].
pub fn intel_document(
    answer: &[u8],
    member: &'static str,
    issuer_chain: &[u8],
) -> Result<IntelDocument, AdmissionError> {
    let envelope = AdmissionError::Envelope(member);
    let text = std::str::from_utf8(answer).map_err(|_| envelope.clone())?.trim_ascii_end();
    let opened = text.strip_prefix('{').and_then(|rest| rest.strip_prefix(&format!("\"{member}\":")));
    let (body, tail) =
        opened.and_then(|rest| rest.rsplit_once(",\"signature\":\"")).ok_or(envelope.clone())?;
    let signature = tail.strip_suffix("\"}").and_then(|hex| hex_array(hex).ok()).ok_or(envelope)?;
    Ok(IntelDocument { body: body.as_bytes().to_vec(), signature, issuer_chain: issuer_chain.to_vec() })
}

/// Judges a TCB info. The subject is the kind of quote and the FMSPC: `tdx/50806f000000`.
///
/// # Errors
/// [`AdmissionError`].
pub fn intel_tcb_info(document: &IntelDocument, roots: &Roots) -> Result<Judged, AdmissionError> {
    let info = TcbInfo::parse(&document.body)?;
    let signer = Signer::read(&document.issuer_chain, &[TCB_SIGNER], roots)?;
    signer.verify(document, AdmissionError::TcbInfoSignature)?;
    Ok(Judged {
        subject: format!("{}/{}", tee_name(info.tee), info.fmspc),
        evaluation: info.evaluation_data_number,
        issued: info.issue_date,
        expires: info.next_update,
        lab: signer.lab,
    })
}

/// Judges an identity of the quoting enclave. The subject is the kind of quote: `tdx`, `sgx`.
///
/// # Errors
/// [`AdmissionError`].
pub fn intel_qe_identity(document: &IntelDocument, roots: &Roots) -> Result<Judged, AdmissionError> {
    let identity = QeIdentity::parse(&document.body)?;
    let signer = Signer::read(&document.issuer_chain, &[TCB_SIGNER], roots)?;
    signer.verify(document, AdmissionError::QeIdentitySignature)?;
    Ok(Judged {
        subject: tee_name(identity.tee).to_owned(),
        evaluation: identity.evaluation_data_number,
        issued: identity.issue_date,
        expires: identity.next_update,
        lab: signer.lab,
    })
}

/// Judges the list of Intel's root (DER). The subject is `root`.
///
/// # Errors
/// [`AdmissionError`].
pub fn intel_root_crl(der: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let list = Crl::parse(der)?;
    let mut budget = Budget::new();
    for root in roots.intel() {
        match signed_list(&mut budget, &list, root.public_key()) {
            Ok(()) => return Ok(judged(&list, "root", root.is_lab())),
            Err(SignatureError::Mismatch) => {}
            Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
        }
    }
    Err(AdmissionError::RootCrlSignature)
}

/// Judges the list of a PCK CA (DER) under the chain that came with it: the CA and the root, PEM. The subject
/// is `platform` or `processor`.
///
/// # Errors
/// [`AdmissionError`].
pub fn intel_pck_crl(der: &[u8], issuer_chain: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let list = Crl::parse(der)?;
    let names = PCK_CAS.map(|(name, _)| name);
    let ca = Signer::read(issuer_chain, &names, roots)?;
    let (name, subject) = (ca.name, &ca.subject);
    if list.issuer().der() != subject.as_slice() {
        return Err(AdmissionError::PckCrlSignature);
    }
    match signed_list(&mut Budget::new(), &list, &ca.key) {
        Ok(()) => {}
        Err(SignatureError::Mismatch) => return Err(AdmissionError::PckCrlSignature),
        Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
    }
    let known = PCK_CAS.iter().find(|(ca, _)| *ca == name).map_or(name, |(_, known)| known);
    Ok(judged(&list, known, ca.lab))
}

/// Judges an issuer chain (PEM): a signer of documents or a PCK CA, directly under a pinned root. The subject
/// is the common name of the first.
///
/// # Errors
/// [`AdmissionError`].
pub fn intel_chain(pem: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let [(platform, _), (processor, _)] = PCK_CAS;
    let signer = Signer::read(pem, &[TCB_SIGNER, platform, processor], roots)?;
    Ok(Judged {
        subject: signer.name.to_owned(),
        evaluation: 0,
        issued: signer.issued,
        expires: signer.expires,
        lab: signer.lab,
    })
}

/// The first certificate of an issuer chain, whose second is a pinned root that signed it.
struct Signer {
    name: &'static str,
    /// Its subject, DER.
    subject: Vec<u8>,
    key: [u8; 65],
    issued: UnixTime,
    expires: UnixTime,
    lab: bool,
}

impl Signer {
    /// DCAP-17, DCAP-20, DCAP-32: one of these names, directly under a pinned root.
    fn read(pem: &[u8], names: &[&'static str], roots: &Roots) -> Result<Self, AdmissionError> {
        let [leaf, root] = read_certificates(pem)?;
        let (leaf, root) = (Certificate::parse(&leaf)?, Certificate::parse(&root)?);
        let found = leaf.subject().common_name().unwrap_or_default();
        let name = names.iter().find(|name| **name == found);
        let name = *name.ok_or_else(|| AdmissionError::Issuer { name: found.to_owned() })?;
        if leaf.issuer().der() != root.subject().der() || leaf.signature_algorithm() != ECDSA_WITH_SHA256 {
            return Err(AdmissionError::Issuer { name: found.to_owned() });
        }
        let root_key = p256(&root)?;
        let pinned: Option<&IntelRoot> = roots.intel().iter().find(|pinned| *pinned.public_key() == root_key);
        let lab = pinned.ok_or(AdmissionError::IntelRootNotPinned)?.is_lab();
        match ecdsa_p256_der(&mut Budget::new(), &root_key, leaf.tbs(), leaf.signature()) {
            Ok(()) => {}
            Err(SignatureError::Mismatch) => return Err(AdmissionError::ChainSignature),
            Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
        }
        Ok(Self {
            name,
            subject: leaf.subject().der().to_vec(),
            key: p256(&leaf)?,
            issued: leaf.not_before().max(root.not_before()),
            expires: leaf.not_after().min(root.not_after()),
            lab,
        })
    }

    /// DCAP-34, DCAP-41: over the exact bytes of the signed object.
    fn verify(&self, document: &IntelDocument, mismatch: AdmissionError) -> Result<(), AdmissionError> {
        match ecdsa_p256(&mut Budget::new(), &self.key, &document.body, &document.signature) {
            Ok(()) => Ok(()),
            Err(SignatureError::Mismatch) => Err(mismatch),
            Err(SignatureError::Form(error)) => Err(AdmissionError::Signature(error)),
        }
    }
}

fn signed_list(budget: &mut Budget, list: &Crl<'_>, key: &[u8; 65]) -> Result<(), SignatureError> {
    if list.signature_algorithm() != ECDSA_WITH_SHA256 {
        return Err(FormError::AlgorithmNotAllowed.into());
    }
    ecdsa_p256_der(budget, key, list.tbs(), list.signature())
}

fn judged(list: &Crl<'_>, subject: &str, lab: bool) -> Judged {
    let (issued, expires) = (list.this_update(), list.next_update());
    Judged { subject: subject.to_owned(), evaluation: 0, issued, expires, lab }
}

fn p256(certificate: &Certificate<'_>) -> Result<[u8; 65], AdmissionError> {
    match certificate.public_key() {
        PublicKey::P256(point) => Ok(*point),
        _ => Err(AdmissionError::Signature(FormError::AlgorithmNotAllowed)),
    }
}

const fn tee_name(tee: TeeType) -> &'static str {
    match tee {
        TeeType::Sgx => "sgx",
        TeeType::Tdx => "tdx",
    }
}
