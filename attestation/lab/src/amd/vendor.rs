//! One product's lab vendor: three RSA keys, their certificates, the endorsement key, the revocation lists.

use super::names::{list_address, name, pss};
use super::{SnpOrder, SnpProduct, Vek};
use super::{lists, report, vek};
use crate::LabError;
use crate::SnpDefect;
use crate::sign::{Curve, EcKey, Issuer as _, RsaKey};
use crate::x509::{self, KeyUsage, Plan, Validity};

/// Serial numbers of the three certificates, as large as AMD's.
const ARK_SERIAL: [u8; 3] = [1, 0, 0];
const ASK_SERIAL: [u8; 3] = [1, 0, 1];
const ASVK_SERIAL: [u8; 3] = [1, 0, 2];

/// AMD's root and intermediates for one product, lab-made.
#[derive(Clone)]
pub(crate) struct AmdVendor {
    pub(crate) product: SnpProduct,
    pub(crate) validity: Validity,
    pub(crate) keys: AmdKeys,
    pub(crate) ark: Vec<u8>,
    pub(crate) ask: Vec<u8>,
    pub(crate) asvk: Vec<u8>,
    /// VCEK list, then VLEK list.
    pub(crate) lists: [Vec<u8>; 2],
}

/// The private side.
#[derive(Clone)]
pub(crate) struct AmdKeys {
    pub(crate) ark: RsaKey,
    pub(crate) ask: RsaKey,
    pub(crate) asvk: RsaKey,
    /// One P-384 key serves as VCEK and VLEK.
    pub(crate) vek: EcKey,
}

impl AmdKeys {
    pub(crate) fn generate() -> Result<Self, LabError> {
        Ok(Self {
            ark: RsaKey::generate()?,
            ask: RsaKey::generate()?,
            asvk: RsaKey::generate()?,
            vek: EcKey::generate(Curve::P384)?,
        })
    }

    pub(crate) const fn intermediate(&self, kind: Vek) -> &RsaKey {
        match kind {
            Vek::Vcek => &self.ask,
            Vek::Vlek => &self.asvk,
        }
    }
}

impl AmdVendor {
    /// Issues certificates and revocation lists for the keys.
    pub(crate) fn issue(product: SnpProduct, keys: AmdKeys, validity: Validity) -> Result<Self, LabError> {
        let ark = root(product, &keys.ark, validity, KeyUsage::CertificateAndListSign)?;
        let ask = intermediate(product, Vek::Vcek, &keys.ask, &keys.ark, validity).issue(&keys.ark)?;
        let asvk = intermediate(product, Vek::Vlek, &keys.asvk, &keys.ark, validity).issue(&keys.ark)?;
        let list = || lists::plan(product, &keys.ark, validity, Vec::new()).issue(&keys.ark);
        Ok(Self { product, validity, lists: [list()?, list()?], keys, ark, ask, asvk })
    }

    /// The same vendor with another root certificate for its key: one that may not sign lists.
    pub(crate) fn without_list_signing(&self) -> Result<Self, LabError> {
        let ark = root(self.product, &self.keys.ark, self.validity, KeyUsage::CertificateSign)?;
        Ok(Self { ark, ..self.clone() })
    }

    /// The report and its three certificates: endorsement key, intermediate, root.
    pub(crate) fn evidence(&self, order: &SnpOrder) -> Result<(Vec<u8>, Vec<Vec<u8>>), LabError> {
        let leaf = vek::certificate(self, order)?;
        let chain = self.chain(order)?;
        let report = report::signed(order, &self.keys.vek)?;
        Ok((report, [vec![leaf], chain].concat()))
    }

    /// Intermediate and root for an order, spoilt where its defect says so.
    fn chain(&self, order: &SnpOrder) -> Result<Vec<Vec<u8>>, LabError> {
        let kind = order.vek;
        let keys = &self.keys;
        let genuine = match vek::issuing_kind(order) {
            Vek::Vcek => &self.ask,
            Vek::Vlek => &self.asvk,
        };
        let plan = |root| intermediate(self.product, kind, keys.intermediate(kind), root, self.validity);
        Ok(match order.defect {
            Some(SnpDefect::OwnRoot) => {
                // The other intermediate's key plays the foreign root, so that no further key is needed.
                let foreign = match kind {
                    Vek::Vcek => &keys.asvk,
                    Vek::Vlek => &keys.ask,
                };
                let usage = KeyUsage::CertificateAndListSign;
                vec![plan(foreign).issue(foreign)?, root(self.product, foreign, self.validity, usage)?]
            }
            Some(SnpDefect::IntermediatePathLength) => {
                let mut plan = plan(&keys.ark);
                plan.extensions = intermediate_extensions(self.product, kind, keys, None);
                vec![plan.issue(&keys.ark)?, self.ark.clone()]
            }
            Some(SnpDefect::IntermediateSerialZero) => {
                let mut plan = plan(&keys.ark);
                plan.serial = vec![0];
                vec![plan.issue(&keys.ark)?, self.ark.clone()]
            }
            Some(SnpDefect::IntermediateExpired) => {
                let mut plan = plan(&keys.ark);
                plan.validity = vek::past(self.validity);
                vec![plan.issue(&keys.ark)?, self.ark.clone()]
            }
            Some(SnpDefect::IntermediateSignature) => vec![flip_last_bit(genuine.clone()), self.ark.clone()],
            Some(SnpDefect::CertificateCount) => vec![self.ark.clone(); 6],
            _ => vec![genuine.clone(), self.ark.clone()],
        })
    }
}

/// A certificate ends with its signature: the signature changes, the content does not.
pub(super) fn flip_last_bit(mut certificate: Vec<u8>) -> Vec<u8> {
    if let Some(last) = certificate.last_mut() {
        *last ^= 1;
    }
    certificate
}

pub(super) fn root_name(product: SnpProduct) -> String {
    format!("ARK-{}", product.title())
}

pub(super) fn intermediate_name(product: SnpProduct, kind: Vek) -> String {
    match kind {
        Vek::Vcek => format!("SEV-{}", product.title()),
        Vek::Vlek => format!("SEV-VLEK-{}", product.title()),
    }
}

pub(super) const fn intermediate_serial(kind: Vek) -> [u8; 3] {
    match kind {
        Vek::Vcek => ASK_SERIAL,
        Vek::Vlek => ASVK_SERIAL,
    }
}

fn root(product: SnpProduct, key: &RsaKey, validity: Validity, usage: KeyUsage) -> Result<Vec<u8>, LabError> {
    let subject = name(&root_name(product));
    Plan {
        serial: ARK_SERIAL.to_vec(),
        algorithm: pss(product),
        issuer: subject.clone(),
        validity,
        subject,
        public_key_info: key.public_key_info(),
        extensions: vec![
            usage.extension(),
            x509::subject_key_id(key),
            x509::authority(None),
            x509::distribution_point(&list_address(product, "vcek")),
        ],
    }
    .issue(key)
}

fn intermediate(product: SnpProduct, kind: Vek, key: &RsaKey, ark: &RsaKey, validity: Validity) -> Plan {
    Plan {
        serial: intermediate_serial(kind).to_vec(),
        algorithm: pss(product),
        issuer: name(&root_name(product)),
        validity,
        subject: name(&intermediate_name(product, kind)),
        public_key_info: key.public_key_info(),
        extensions: extensions(product, kind, key, ark, Some(0)),
    }
}

fn intermediate_extensions(
    product: SnpProduct,
    kind: Vek,
    keys: &AmdKeys,
    path_length: Option<u8>,
) -> Vec<Vec<u8>> {
    extensions(product, kind, keys.intermediate(kind), &keys.ark, path_length)
}

fn extensions(
    product: SnpProduct,
    kind: Vek,
    key: &RsaKey,
    ark: &RsaKey,
    path_length: Option<u8>,
) -> Vec<Vec<u8>> {
    let list = match kind {
        Vek::Vcek => "vcek",
        Vek::Vlek => "vlek",
    };
    vec![
        x509::subject_key_id(key),
        x509::authority_key_id(ark),
        x509::authority(path_length),
        KeyUsage::CertificateSign.extension(),
        x509::distribution_point(&list_address(product, list)),
    ]
}
