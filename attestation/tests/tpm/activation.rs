//! Endorsement keys and credentials: TPM-28, TPM-29, and what a TPM would make of a credential.

use super::{now, order};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use hanzo_attestation::Roots;
use hanzo_attestation::tpm::activation::{CredentialError, Ek, MAX_SECRET, ak_public, make_credential};
use hanzo_attestation_evidence::Broken;
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_lab::{EkDefect, Lab, TpmDefect};

fn roots() -> Roots {
    Roots::vendor().with_tpm_manufacturer(Lab::fixture().tpm_manufacturer().to_vec())
}

fn ek(defect: Option<EkDefect>, roots: &Roots) -> Result<Ek, &'static str> {
    let key = Lab::fixture().endorsement_key(1, defect).unwrap();
    Ek::verify(&key.public, &key.certificates, roots, &[], now()).map_err(|error| error.rule().code)
}

/// TPM-28: a certified endorsement key, and one refusal for each defect.
#[test]
fn an_endorsement_key_is_certified_by_its_manufacturer() {
    let good = ek(None, &roots()).unwrap();
    assert_eq!(good.manufacturer(), Some("id:4C414220"));
    assert!(!good.is_lab() && good.not_after() > now());
    for &defect in EkDefect::ALL {
        assert_eq!(ek(Some(defect), &roots()).unwrap_err(), defect.expects(), "{defect:?}");
    }
    assert_eq!(ek(None, &Roots::vendor()).unwrap_err(), "TpmEkCertificateInvalid");
    // An authority over attestation keys is none over endorsement keys.
    let other = Roots::vendor().with_tpm_ca(Lab::fixture().tpm_manufacturer().to_vec());
    assert_eq!(ek(None, &other).unwrap_err(), "TpmEkCertificateInvalid");
}

/// TPM-29: the deny list.
#[test]
fn a_denied_endorsement_key_is_refused() {
    let key = Lab::fixture().endorsement_key(1, None).unwrap();
    let denied = [ek(None, &roots()).unwrap().sha256()];
    let error = Ek::verify(&key.public, &key.certificates, &roots(), &denied, now()).unwrap_err();
    assert_eq!(error.rule().to_string(), "TPM-29 TpmEkRevoked");
}

/// TPM-08, TPM-09: only a restricted signing key is activated.
#[test]
fn only_attestation_keys_are_activated() {
    let public = |defect: Option<TpmDefect>| {
        let order = defect.map_or(order(), |defect| order().with_defect(defect));
        let item = Lab::fixture().tpm(&order).unwrap();
        ak_public(&base64_decode(item["ak_tpmt"].as_str().unwrap()).unwrap())
    };
    assert!(public(None).is_ok());
    for defect in [
        TpmDefect::AkUnrestricted,
        TpmDefect::AkDecrypts,
        TpmDefect::AkNotFixed,
        TpmDefect::AkImported,
        TpmDefect::AkShort,
        TpmDefect::AkExponent,
        TpmDefect::AkTrailing,
    ] {
        assert_eq!(public(Some(defect)).unwrap_err().rule().code, defect.expects(), "{defect:?}");
    }
    let ek = Lab::fixture().endorsement_key(1, None).unwrap();
    assert_eq!(ak_public(&ek.public).unwrap_err().rule().id, "TPM-09");
}

/// A credential has the structures' lengths, is never the same twice, and holds no secret of another length.
#[test]
fn a_credential_is_fresh_and_bounded() {
    let ek = ek(None, &roots()).unwrap();
    let item = Lab::fixture().tpm(&order()).unwrap();
    let name = ak_public(&base64_decode(item["ak_tpmt"].as_str().unwrap()).unwrap()).unwrap().name();
    let make = |secret: &[u8]| {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).unwrap();
        make_credential(&ek, &name, secret, &random)
    };
    let credential = make(&[1; 32]).unwrap();
    // Length, HMAC with its length, secret with its length; length, and a ciphertext as long as the modulus.
    assert_eq!(credential.id_object.len(), 2 + 34 + 34);
    assert_eq!(credential.encrypted_secret.len(), 2 + 256);
    assert_eq!(credential.to_tpm2_tools().len(), 8 + 70 + 258);
    assert_ne!(credential, make(&[1; 32]).unwrap());
    for length in [0, MAX_SECRET + 1] {
        assert_eq!(make(&vec![0; length]), Err(CredentialError::SecretLength));
    }
}
