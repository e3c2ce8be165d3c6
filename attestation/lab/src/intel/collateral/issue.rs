//! Signed collateral: documents by the TCB signer, revocation lists by the root and the PCK authorities.

use super::spoil::tcb_info_text;
use super::{IntelDefect, IntelOrder, QeIdentity, TcbInfo};
use crate::intel::names::{self, ecdsa_with_sha256, name};
use crate::intel::order::ppid;
use crate::intel::vendor::{IntelKeys, IntelVendor, flip_last_bit, pem_chain, serial};
use crate::sign::{EcKey, Issuer as _};
use crate::x509::{self, KeyUsage, ListPlan, Plan, Validity};
use crate::{LabError, PckAuthority};
use hanzo_attestation::IntelDocument;
use serde_json::{Value, json};

/// Signed documents and revocation lists. What an order leaves out is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelCollateral {
    /// TCB info for TDX.
    pub tdx_tcb_info: Option<IntelDocument>,
    /// TCB info for SGX.
    pub sgx_tcb_info: Option<IntelDocument>,
    /// Identity of the TD quoting enclave.
    pub td_qe_identity: Option<IntelDocument>,
    /// Identity of the SGX quoting enclave.
    pub qe_identity: Option<IntelDocument>,
    /// Revocation list of the root, DER.
    pub root_list: Option<Vec<u8>>,
    /// Revocation list of the Platform CA, DER.
    pub platform_list: Option<Vec<u8>>,
    /// Revocation list of the Processor CA, DER.
    pub processor_list: Option<Vec<u8>>,
    /// Certificates of the Platform CA and the root, PEM.
    pub platform_chain: String,
    /// Certificates of the Processor CA and the root, PEM.
    pub processor_chain: String,
}

impl IntelCollateral {
    /// All TCB infos.
    pub fn tcb_infos(&self) -> impl Iterator<Item = &IntelDocument> {
        self.tdx_tcb_info.iter().chain(&self.sgx_tcb_info)
    }

    /// All QE identities.
    pub fn qe_identities(&self) -> impl Iterator<Item = &IntelDocument> {
        self.td_qe_identity.iter().chain(&self.qe_identity)
    }

    /// All revocation lists.
    pub fn lists(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.root_list.iter().chain(&self.platform_list).chain(&self.processor_list)
    }

    /// What a TDX machine needs whose PCK certificate is of the authority, as the one object in which tools
    /// exchange Intel's collateral. Absent parts are absent there too.
    #[must_use]
    pub fn tdx_object(&self, authority: PckAuthority) -> Value {
        self.object(self.tdx_tcb_info.as_ref(), self.td_qe_identity.as_ref(), authority)
    }

    /// As [`IntelCollateral::tdx_object`], for an SGX machine.
    #[must_use]
    pub fn sgx_object(&self, authority: PckAuthority) -> Value {
        self.object(self.sgx_tcb_info.as_ref(), self.qe_identity.as_ref(), authority)
    }

    fn object(
        &self,
        tcb_info: Option<&IntelDocument>,
        qe_identity: Option<&IntelDocument>,
        authority: PckAuthority,
    ) -> Value {
        let (list, chain) = match authority {
            PckAuthority::Platform => (&self.platform_list, &self.platform_chain),
            PckAuthority::Processor => (&self.processor_list, &self.processor_chain),
        };
        let mut out = json!({"pck_crl_issuer_chain": chain});
        let mut put = |key: String, value: String| {
            if let Some(object) = out.as_object_mut() {
                object.insert(key, value.into());
            }
        };
        for (key, list) in [("root_ca_crl", &self.root_list), ("pck_crl", list)] {
            if let Some(list) = list {
                put(key.to_owned(), hex(list));
            }
        }
        for (key, document) in [("tcb_info", tcb_info), ("qe_identity", qe_identity)] {
            if let Some(document) = document {
                put(key.to_owned(), String::from_utf8_lossy(&document.body).into_owned());
                put(format!("{key}_signature"), hex(&document.signature));
                put(
                    format!("{key}_issuer_chain"),
                    String::from_utf8_lossy(&document.issuer_chain).into_owned(),
                );
            }
        }
        out
    }
}

impl IntelVendor {
    /// Signs what an order asks for, with its defect.
    pub(crate) fn collateral(&self, order: &IntelOrder) -> Result<IntelCollateral, LabError> {
        let issuer_chain = self.tcb_signing_chain(order.defect)?;
        let tcb_info = |info: &Option<TcbInfo>| {
            let sign = |info| self.document(&tcb_info_text(info, order.defect), issuer_chain.clone());
            let document = info.as_ref().map(sign).transpose()?;
            Ok::<_, LabError>(document.map(|document| match order.defect {
                Some(IntelDefect::TcbInfoWhiteSpace) => with_space(document),
                Some(IntelDefect::TcbInfoSignature) => with_altered_signature(document),
                _ => document,
            }))
        };
        let qe_identity = |identity: &Option<QeIdentity>| {
            let sign = |identity: &QeIdentity| self.document(&identity.text(), issuer_chain.clone());
            let document = identity.as_ref().map(sign).transpose()?;
            Ok::<_, LabError>(document.map(|document| match order.defect {
                Some(IntelDefect::QeIdentityWhiteSpace) => with_space(document),
                Some(IntelDefect::QeIdentitySignature) => with_altered_signature(document),
                _ => document,
            }))
        };
        Ok(IntelCollateral {
            tdx_tcb_info: tcb_info(&order.tdx_tcb_info)?,
            sgx_tcb_info: tcb_info(&order.sgx_tcb_info)?,
            td_qe_identity: qe_identity(&order.td_qe_identity)?,
            qe_identity: qe_identity(&order.qe_identity)?,
            root_list: self.root_list(order)?,
            platform_list: self.pck_list(PckAuthority::Platform, order)?,
            processor_list: self.pck_list(PckAuthority::Processor, order)?,
            platform_chain: pem_chain([&self.platform_ca, &self.root]),
            processor_chain: pem_chain([&self.processor_ca, &self.root]),
        })
    }

    fn document(&self, text: &str, issuer_chain: Vec<u8>) -> Result<IntelDocument, LabError> {
        let signed = self.keys.tcb_signing.sign_fixed(text.as_bytes())?;
        let mut signature = [0; 64];
        signature.iter_mut().zip(signed).for_each(|(to, from)| *to = from);
        Ok(IntelDocument { body: text.as_bytes().to_vec(), signature, issuer_chain })
    }

    /// The signer's certificate and those above it, PEM.
    fn tcb_signing_chain(&self, defect: Option<IntelDefect>) -> Result<Vec<u8>, LabError> {
        let keys = &self.keys;
        let mut plan = tcb_signer(keys, self.validity);
        let signer = match defect {
            Some(IntelDefect::SignerName) => {
                plan.subject = name(names::PCK);
                plan.issue(&keys.root)?
            }
            Some(IntelDefect::SignerIsCa) => {
                plan.extensions.pop();
                plan.extensions.push(x509::authority(Some(0)));
                plan.issue(&keys.root)?
            }
            Some(IntelDefect::SignerExpired) => {
                plan.validity.not_after = plan.validity.not_before;
                plan.issue(&keys.root)?
            }
            Some(IntelDefect::SignerBelowAuthority) => {
                plan.issuer = name(names::PLATFORM_CA);
                let signer = plan.issue(&keys.platform_ca)?;
                return Ok(pem_chain([&signer, &self.platform_ca, &self.root]).into_bytes());
            }
            _ => self.tcb_signer.clone(),
        };
        Ok(pem_chain([&signer, &self.root]).into_bytes())
    }

    fn root_list(&self, order: &IntelOrder) -> Result<Option<Vec<u8>>, LabError> {
        let keys = &self.keys;
        let (revoked, signer) = match order.defect {
            Some(IntelDefect::RootListMissing) => return Ok(None),
            Some(IntelDefect::RootListSigner) => (Vec::new(), &keys.platform_ca),
            Some(IntelDefect::AuthorityRevoked) => {
                (vec![keys.platform_ca.key_id(), keys.processor_ca.key_id()], &keys.root)
            }
            Some(IntelDefect::SignerRevoked) => (vec![keys.tcb_signing.key_id()], &keys.root),
            _ => (Vec::new(), &keys.root),
        };
        list(names::ROOT, &keys.root, order.root_list, revoked).issue(signer).map(Some)
    }

    fn pck_list(&self, authority: PckAuthority, order: &IntelOrder) -> Result<Option<Vec<u8>>, LabError> {
        let (issuer, other) = match authority {
            PckAuthority::Platform => (names::PLATFORM_CA, PckAuthority::Processor),
            PckAuthority::Processor => (names::PROCESSOR_CA, PckAuthority::Platform),
        };
        let key = self.keys.authority(authority);
        let (revoked, signer) = match order.defect {
            Some(IntelDefect::PckListMissing) => return Ok(None),
            Some(IntelDefect::PckListSigner) => (Vec::new(), self.keys.authority(other)),
            Some(IntelDefect::PckRevoked) => (vec![serial(&ppid(1))], key),
            _ => (Vec::new(), key),
        };
        list(issuer, key, order.pck_lists, revoked).issue(signer).map(Some)
    }
}

/// The TCB signer's certificate, directly under the root.
pub(crate) fn tcb_signer(keys: &IntelKeys, validity: Validity) -> Plan {
    let key = &keys.tcb_signing;
    Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha256(),
        issuer: name(names::ROOT),
        validity,
        subject: name(names::TCB_SIGNING),
        public_key_info: key.public_key_info(),
        extensions: vec![
            x509::authority_key_id(&keys.root),
            x509::distribution_point(names::ROOT_LIST),
            x509::subject_key_id(key),
            KeyUsage::DigitalSignatureAndNonRepudiation.extension(),
            x509::end_entity(),
        ],
    }
}

fn list(issuer: &str, key: &EcKey, validity: Validity, revoked: Vec<Vec<u8>>) -> ListPlan {
    ListPlan {
        algorithm: ecdsa_with_sha256(),
        issuer: name(issuer),
        validity,
        revoked,
        extensions: vec![x509::list_number(1), x509::authority_key_id(key)],
    }
}

/// White space that changes no meaning, before the last brace.
fn with_space(mut document: IntelDocument) -> IntelDocument {
    document.body.insert(document.body.len().saturating_sub(1), b' ');
    document
}

fn with_altered_signature(mut document: IntelDocument) -> IntelDocument {
    flip_last_bit(&mut document.signature);
    document
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
