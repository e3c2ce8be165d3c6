//! The lab's Intel: keys, root, the two PCK authorities, and quotes with PCK chains for orders.

use super::collateral::tcb_signer;
use super::names::{self, ecdsa_with_sha256, name, pck_list};
use super::order::ppid;
use super::pck::Platform;
use super::{PckAuthority, SgxOrder, TdxDefect, TdxOrder, body, pck, quote, sgx};
use crate::LabError;
use crate::sign::{Curve, EcKey, Issuer as _};
use crate::x509::{self, KeyUsage, Plan, Validity, pem};
use aws_lc_rs::digest;

/// Intel's root and PCK authorities, lab-made.
#[derive(Clone)]
pub(crate) struct IntelVendor {
    pub(crate) validity: Validity,
    pub(crate) keys: IntelKeys,
    pub(crate) root: Vec<u8>,
    pub(crate) platform_ca: Vec<u8>,
    pub(crate) processor_ca: Vec<u8>,
    /// Certificate of the TCB signer.
    pub(crate) tcb_signer: Vec<u8>,
}

/// The private side.
#[derive(Clone)]
pub(crate) struct IntelKeys {
    pub(crate) root: EcKey,
    pub(crate) platform_ca: EcKey,
    pub(crate) processor_ca: EcKey,
    /// Signs TCB info and QE identities.
    pub(crate) tcb_signing: EcKey,
    /// The platform's PCK: signs QE reports.
    pub(crate) pck: EcKey,
    /// The quoting enclave's attestation key: signs quotes.
    pub(crate) attestation: EcKey,
}

impl IntelKeys {
    pub(crate) fn generate() -> Result<Self, LabError> {
        let key = || EcKey::generate(Curve::P256);
        Ok(Self {
            root: key()?,
            platform_ca: key()?,
            processor_ca: key()?,
            tcb_signing: key()?,
            pck: key()?,
            attestation: key()?,
        })
    }

    pub(super) const fn authority(&self, authority: PckAuthority) -> &EcKey {
        match authority {
            PckAuthority::Platform => &self.platform_ca,
            PckAuthority::Processor => &self.processor_ca,
        }
    }
}

impl IntelVendor {
    /// Issues the root and the authorities for the keys.
    pub(crate) fn issue(keys: IntelKeys, validity: Validity) -> Result<Self, LabError> {
        let root = root(&keys.root, validity).issue(&keys.root)?;
        let ca = |authority| self::authority(authority, &keys, &keys.root, validity).issue(&keys.root);
        let (platform_ca, processor_ca) = (ca(PckAuthority::Platform)?, ca(PckAuthority::Processor)?);
        let tcb_signer = tcb_signer(&keys, validity).issue(&keys.root)?;
        Ok(Self { validity, root, platform_ca, processor_ca, tcb_signer, keys })
    }

    /// A TD quote for an order.
    pub(crate) fn tdx_quote(&self, order: &TdxOrder) -> Result<Vec<u8>, LabError> {
        quote::signed(&body::plan(order), &self.keys, &self.pem_chain(&order.into())?)
    }

    /// An SGX quote for an order.
    pub(crate) fn sgx_quote(&self, order: &SgxOrder) -> Result<Vec<u8>, LabError> {
        quote::signed(&sgx::plan(order), &self.keys, &self.pem_chain(&order.into())?)
    }

    /// Leaf, authority and root as PEM, as a quote carries them, with the order's defect in them.
    fn pem_chain(&self, platform: &Platform) -> Result<Vec<u8>, LabError> {
        let [leaf, authority, root] =
            self.chain(platform)?.map(|certificate| pem("CERTIFICATE", &certificate));
        let text = match platform.defect {
            Some(TdxDefect::PemFourCertificates) => [leaf.as_str(), &authority, &root, &root].concat(),
            Some(TdxDefect::PemText) => [leaf.as_str(), "text\n", &authority, &root].concat(),
            Some(TdxDefect::ChainOrder) => [root, authority, leaf].concat(),
            _ => [leaf, authority, root].concat(),
        };
        // Intel's quoting library ends the chain with one NUL.
        Ok([text.as_bytes(), &[0]].concat())
    }

    fn chain(&self, platform: &Platform) -> Result<[Vec<u8>; 3], LabError> {
        let mut leaf_plan = self.leaf(platform);
        let mut ca_plan = authority(platform.authority, &self.keys, &self.keys.root, self.validity);
        let over = Validity { not_after: self.validity.not_before, ..self.validity };
        match platform.defect {
            Some(TdxDefect::LeafExpired) => leaf_plan.validity = over,
            Some(TdxDefect::LeafNotYetValid) => leaf_plan.validity.not_before = self.validity.not_after,
            Some(TdxDefect::AuthorityExpired) => ca_plan.validity = over,
            Some(TdxDefect::AuthorityPathLength) => {
                ca_plan.extensions.pop();
                ca_plan.extensions.push(x509::authority(Some(1)));
            }
            _ => {}
        }
        let mut leaf = leaf_plan.issue(self.keys.authority(platform.authority))?;
        if platform.defect == Some(TdxDefect::OwnRoot) {
            // The attestation key plays the foreign root, so that no further key is needed.
            let foreign = &self.keys.attestation;
            let ca = authority(platform.authority, &self.keys, foreign, self.validity).issue(foreign)?;
            return Ok([leaf, ca, root(foreign, self.validity).issue(foreign)?]);
        }
        let mut ca = match platform.defect {
            Some(TdxDefect::AuthorityExpired | TdxDefect::AuthorityPathLength) => {
                ca_plan.issue(&self.keys.root)?
            }
            _ => match platform.authority {
                PckAuthority::Platform => self.platform_ca.clone(),
                PckAuthority::Processor => self.processor_ca.clone(),
            },
        };
        match platform.defect {
            Some(TdxDefect::LeafSignature) => flip_last_bit(&mut leaf),
            Some(TdxDefect::AuthoritySignature) => flip_last_bit(&mut ca),
            _ => {}
        }
        Ok([leaf, ca, self.root.clone()])
    }

    fn leaf(&self, platform: &Platform) -> Plan {
        let (issuer, list) = match platform.authority {
            PckAuthority::Platform => (names::PLATFORM_CA, "platform"),
            PckAuthority::Processor => (names::PROCESSOR_CA, "processor"),
        };
        let subject = match platform.defect {
            Some(TdxDefect::LeafName) => names::TCB_SIGNING,
            _ => names::PCK,
        };
        let constraints = match platform.defect {
            Some(TdxDefect::LeafIsCa) => x509::authority(Some(0)),
            _ => x509::end_entity(),
        };
        Plan {
            serial: match platform.defect {
                Some(TdxDefect::LeafSerialZero) => vec![0],
                _ => serial(&ppid(platform.number)),
            },
            algorithm: ecdsa_with_sha256(),
            issuer: name(issuer),
            validity: self.validity.starting(platform.issued_at),
            subject: name(subject),
            public_key_info: self.keys.pck.public_key_info(),
            extensions: vec![
                x509::authority_key_id(self.keys.authority(platform.authority)),
                x509::distribution_point(&pck_list(list)),
                x509::subject_key_id(&self.keys.pck),
                KeyUsage::DigitalSignatureAndNonRepudiation.extension(),
                constraints,
                pck::sgx_extension(platform),
            ],
        }
    }
}

fn root(key: &EcKey, validity: Validity) -> Plan {
    let subject = name(names::ROOT);
    Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha256(),
        issuer: subject.clone(),
        validity,
        subject,
        public_key_info: key.public_key_info(),
        extensions: authority_extensions(key, key, 1),
    }
}

fn authority(authority: PckAuthority, keys: &IntelKeys, root: &EcKey, validity: Validity) -> Plan {
    let key = keys.authority(authority);
    let subject = match authority {
        PckAuthority::Platform => names::PLATFORM_CA,
        PckAuthority::Processor => names::PROCESSOR_CA,
    };
    Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha256(),
        issuer: name(names::ROOT),
        validity,
        subject: name(subject),
        public_key_info: key.public_key_info(),
        extensions: authority_extensions(key, root, 0),
    }
}

fn authority_extensions(key: &EcKey, issuer: &EcKey, path_length: u8) -> Vec<Vec<u8>> {
    vec![
        x509::authority_key_id(issuer),
        x509::distribution_point(names::ROOT_LIST),
        x509::subject_key_id(key),
        KeyUsage::CertificateAndListSign.extension(),
        x509::authority(Some(path_length)),
    ]
}

/// 20 octets, positive, the same for the same platform.
pub(super) fn serial(ppid: &[u8]) -> Vec<u8> {
    let mut serial: Vec<u8> =
        digest::digest(&digest::SHA256, ppid).as_ref().iter().copied().take(20).collect();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    serial
}

pub(super) fn flip_last_bit(certificate: &mut [u8]) {
    if let Some(last) = certificate.last_mut() {
        *last ^= 1;
    }
}

/// Certificates one after the other as PEM.
pub(crate) fn pem_chain<const N: usize>(certificates: [&[u8]; N]) -> String {
    certificates.map(|certificate| pem("CERTIFICATE", certificate)).concat()
}
