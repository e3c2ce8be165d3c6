//! The lab's TPMs: a manufacturer, an authority over attestation keys, the keys, and quotes for orders.

use super::attest::{attest, shown, signing_hash};
use super::certificates::{self, AUTHORITY, MANUFACTURER};
use super::defect::EkDefect;
use super::public::{self, Numbers, qualified_name, sized};
use super::{TpmDefect, TpmKey, TpmOrder};
use crate::LabError;
use crate::sign::{Curve, EcKey, Issuer as _, RsaKey};
use crate::x509::{Validity, pem};
use aws_lc_rs::signature::{self, RsaSignatureEncoding};
use hanzo_attestation_evidence::encoding::base64_encode;
use serde_json::{Map, Value, json};

/// The lab's manufacturer of TPMs and its authority over attestation keys.
#[derive(Clone)]
pub(crate) struct TpmVendor {
    pub(crate) validity: Validity,
    pub(crate) keys: TpmKeys,
    /// Certificate of the manufacturer.
    pub(crate) manufacturer: Vec<u8>,
    /// Certificate of the authority over attestation keys.
    pub(crate) authority: Vec<u8>,
}

/// The private side.
#[derive(Clone)]
pub(crate) struct TpmKeys {
    pub(crate) manufacturer: EcKey,
    pub(crate) authority: EcKey,
    /// The endorsement key.
    pub(crate) ek: RsaKey,
    /// The attestation keys.
    pub(crate) rsa: RsaKey,
    pub(crate) p256: EcKey,
    pub(crate) p384: EcKey,
}

impl TpmKeys {
    pub(crate) fn generate() -> Result<Self, LabError> {
        Ok(Self {
            manufacturer: EcKey::generate(Curve::P256)?,
            authority: EcKey::generate(Curve::P256)?,
            ek: RsaKey::generate_2048()?,
            rsa: RsaKey::generate_2048()?,
            p256: EcKey::generate(Curve::P256)?,
            p384: EcKey::generate(Curve::P384)?,
        })
    }

    fn numbers(&self, key: TpmKey) -> Numbers {
        match key {
            TpmKey::EcdsaP256 => Numbers::of_ecc(self.p256.coordinates()),
            TpmKey::EcdsaP384 => Numbers::of_ecc(self.p384.coordinates()),
            _ => Numbers::of_rsa(&self.rsa),
        }
    }

    fn public_key_info(&self, key: TpmKey) -> Vec<u8> {
        match key {
            TpmKey::EcdsaP256 => self.p256.public_key_info(),
            TpmKey::EcdsaP384 => self.p384.public_key_info(),
            _ => self.rsa.public_key_info(),
        }
    }
}

/// An endorsement key as a TPM shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndorsementKey {
    /// TPMT_PUBLIC.
    pub public: Vec<u8>,
    /// Certificates, DER: the key's and its manufacturer's.
    pub certificates: Vec<Vec<u8>>,
}

/// An attestation key's SubjectPublicKeyInfo and public area, which a defect can make differ.
struct Shown {
    public_key_info: Vec<u8>,
    public_area: Vec<u8>,
}

impl TpmVendor {
    /// Issues the two authorities.
    pub(crate) fn issue(keys: TpmKeys, validity: Validity) -> Result<Self, LabError> {
        let certificate = |name, key: &EcKey| certificates::authority(name, key, validity).issue(key);
        Ok(Self {
            validity,
            manufacturer: certificate(MANUFACTURER, &keys.manufacturer)?,
            authority: certificate(AUTHORITY, &keys.authority)?,
            keys,
        })
    }

    /// A `tpm` item for an order.
    pub(crate) fn item(&self, order: &TpmOrder) -> Result<Value, LabError> {
        let key = self.shown_key(order);
        let (quote, signature) = self.quote(order)?;
        let banks: Map<String, Value> = shown(order)
            .into_iter()
            .map(|bank| {
                let values: Map<String, Value> = bank
                    .values
                    .iter()
                    .map(|(register, value)| (register.to_string(), hex(value).into()))
                    .collect();
                (bank.hash.name().to_owned(), Value::Object(values))
            })
            .collect();
        let mut item = Map::new();
        let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
        put("type", json!("tpm"));
        put("attest", json!(base64_encode(&quote)));
        put("signature", json!(base64_encode(&signature)));
        put("pcrs", Value::Object(banks));
        put("ak_public", json!(pem("PUBLIC KEY", &key.public_key_info)));
        if order.with_public_area {
            put("ak_tpmt", json!(base64_encode(&key.public_area)));
        }
        if let Some(certificate) = self.certificate(order)? {
            put("ak_certs", json!([base64_encode(&certificate)]));
        }
        if let Some(log) = &order.event_log {
            put("event_log", json!(base64_encode(log)));
        }
        let init_data = match order.defect {
            Some(TpmDefect::InitData) => Some([0x77; 32]),
            _ => order.init_data,
        };
        if let Some(digest) = init_data {
            put("init_data", json!(base64_encode(&digest)));
        }
        Ok(Value::Object(item))
    }

    /// The quote of another TPM in the name of this one's key.
    pub(crate) fn quote_of_other(&self, order: &TpmOrder) -> Result<(Vec<u8>, Vec<u8>), LabError> {
        // The endorsement key plays the other TPM's, so that no further key is needed.
        let keys = TpmKeys { rsa: self.keys.ek.clone(), ..self.keys.clone() };
        Self { keys, ..self.clone() }.quote(order)
    }

    /// TPMS_ATTEST and TPMT_SIGNATURE.
    pub(crate) fn quote(&self, order: &TpmOrder) -> Result<(Vec<u8>, Vec<u8>), LabError> {
        let area = public::attestation_key(order.key, &self.keys.numbers(order.key), None);
        let (mut quote, firmware_version) = attest(order, &qualified_name(&area));
        let signature = self.signature(order, &quote)?;
        if order.defect == Some(TpmDefect::AlteredAfterSigning)
            && let Some(byte) = quote.get_mut(firmware_version)
        {
            *byte ^= 1;
        }
        Ok((quote, signature))
    }

    /// TPMT_SIGNATURE (TPM 2.0 Library, part 2, 11.3.4).
    fn signature(&self, order: &TpmOrder, quote: &[u8]) -> Result<Vec<u8>, LabError> {
        let scheme = match order.defect {
            Some(TpmDefect::Hmac) => 0x0005,
            Some(TpmDefect::NullScheme) => 0x0010,
            Some(TpmDefect::SignatureScheme) => TpmKey::RsapssSha256.scheme(),
            _ => order.key.scheme(),
        };
        let mut parts = match order.key {
            TpmKey::EcdsaP256 => halves(self.keys.p256.sign_fixed(quote)?),
            TpmKey::EcdsaP384 => halves(self.keys.p384.sign_fixed(quote)?),
            key => vec![self.keys.rsa.sign(rsa_scheme(key, order.defect), quote)?],
        };
        match order.defect {
            Some(TpmDefect::AlteredSignature) => {
                if let Some(last) = parts.last_mut().and_then(|part| part.last_mut()) {
                    *last ^= 1;
                }
            }
            Some(TpmDefect::SignatureZero) => parts.iter_mut().take(1).for_each(|part| part.fill(0)),
            _ => {}
        }
        let mut out = [scheme, signing_hash(order).id()].map(u16::to_be_bytes).concat();
        out.extend(parts.iter().flat_map(|part| sized(part)));
        if order.defect == Some(TpmDefect::SignatureTrailing) {
            out.push(0);
        }
        Ok(out)
    }

    fn shown_key(&self, order: &TpmOrder) -> Shown {
        let keys = &self.keys;
        let mut numbers = keys.numbers(order.key);
        let mut public_key_info = keys.public_key_info(order.key);
        if let (
            Some(defect @ (TpmDefect::AkShort | TpmDefect::AkExponent)),
            Numbers::Rsa { modulus, exponent },
        ) = (order.defect, &mut numbers)
        {
            match defect {
                TpmDefect::AkShort => weaken(modulus),
                _ => *exponent = 3,
            }
            public_key_info = Numbers::rsa_public_key_info(modulus, *exponent);
        }
        if order.defect == Some(TpmDefect::AkOther) {
            numbers = Numbers::of_rsa(&keys.ek);
        }
        let mut public_area = public::attestation_key(order.key, &numbers, order.defect);
        if order.defect == Some(TpmDefect::AkTrailing) {
            public_area.push(0);
        }
        Shown { public_key_info, public_area }
    }

    fn certificate(&self, order: &TpmOrder) -> Result<Option<Vec<u8>>, LabError> {
        let Some(certificate) = &order.certificate else { return Ok(None) };
        let public_key_info = match order.defect {
            Some(TpmDefect::AkUncertified) => return Ok(None),
            Some(TpmDefect::AkCertificateOtherKey) => self.keys.ek.public_key_info(),
            _ => self.keys.public_key_info(order.key),
        };
        let (plan, signer) =
            certificates::attestation_key(order, certificate, public_key_info, &self.keys, self.validity);
        let mut certificate = plan.issue(signer)?;
        if order.defect == Some(TpmDefect::AkCertificateSignature)
            && let Some(last) = certificate.last_mut()
        {
            *last ^= 1;
        }
        Ok(Some(certificate))
    }

    /// The endorsement key of a machine, with a defect in its certificate.
    pub(crate) fn endorsement_key(
        &self,
        machine: u32,
        defect: Option<EkDefect>,
    ) -> Result<EndorsementKey, LabError> {
        let keys = &self.keys;
        let public =
            public::endorsement_key(&Numbers::of_rsa(&keys.ek), defect != Some(EkDefect::Attributes));
        let public_key_info = match defect {
            Some(EkDefect::OtherKey) => keys.rsa.public_key_info(),
            _ => keys.ek.public_key_info(),
        };
        let (plan, signer) =
            certificates::endorsement_key(defect, machine, public_key_info, keys, self.validity);
        let mut certificate = plan.issue(signer)?;
        if defect == Some(EkDefect::Signature)
            && let Some(last) = certificate.last_mut()
        {
            *last ^= 1;
        }
        Ok(EndorsementKey { public, certificates: vec![certificate, self.manufacturer.clone()] })
    }
}

fn rsa_scheme(key: TpmKey, defect: Option<TpmDefect>) -> &'static RsaSignatureEncoding {
    match key {
        _ if defect == Some(TpmDefect::SignatureScheme) => &signature::RSA_PSS_SHA256,
        TpmKey::RsapssSha256 => &signature::RSA_PSS_SHA256,
        TpmKey::RsassaSha384 => &signature::RSA_PKCS1_SHA384,
        TpmKey::RsassaSha512 => &signature::RSA_PKCS1_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

fn halves(fixed: Vec<u8>) -> Vec<Vec<u8>> {
    fixed.chunks(fixed.len() / 2).map(<[u8]>::to_vec).collect()
}

/// 1024 bits, odd.
fn weaken(modulus: &mut Vec<u8>) {
    modulus.truncate(128);
    if let Some(last) = modulus.last_mut() {
        *last |= 1;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
