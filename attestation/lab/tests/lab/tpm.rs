//! Lab TPM items, byte by byte: layouts, every signature, certificates, and defects that change one thing.

use crate::judge::{REPORT_DATA, authentic, judge};
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use hanzo_attestation::Claims;
use hanzo_attestation_evidence::encoding::{base64_decode, hex_decode};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};
use hanzo_attestation_lab::{
    AkCertificate, AkUsage, EkDefect, GceInstance, Lab, TpmBank, TpmDefect, TpmHash, TpmKey, TpmOrder,
};
use serde_json::Value;

/// Reads big-endian fields off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    fn number(&mut self, length: usize) -> u64 {
        self.take(length).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn sized(&mut self) -> Vec<u8> {
        let length = self.number(2).try_into().unwrap();
        self.take(length)
    }
}

struct Item(Value);

impl Item {
    fn of(order: &TpmOrder) -> Self {
        Self(Lab::fixture().tpm(order).unwrap())
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        base64_decode(self.0[field].as_str().unwrap()).unwrap()
    }

    fn public_key_info(&self) -> Vec<u8> {
        let pem = self.0["ak_public"].as_str().unwrap();
        let lines: Vec<&str> = pem.lines().collect();
        assert_eq!(
            (lines[0], *lines.last().unwrap()),
            ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
        );
        base64_decode(&lines[1..lines.len() - 1].concat()).unwrap()
    }

    fn certificate(&self) -> Vec<u8> {
        base64_decode(self.0["ak_certs"][0].as_str().unwrap()).unwrap()
    }

    fn values(&self, bank: &str) -> Vec<(u8, Vec<u8>)> {
        let values = self.0["pcrs"][bank].as_object().unwrap();
        let mut values: Vec<(u8, Vec<u8>)> = values
            .iter()
            .map(|(register, value)| {
                (register.parse().unwrap(), hex_decode(value.as_str().unwrap()).unwrap())
            })
            .collect();
        values.sort();
        values
    }

    /// The signature under the key of the item, by the parameters that the signature states.
    fn is_signed(&self) -> bool {
        let signature = self.bytes("signature");
        let mut reader = Reader(&signature);
        let (scheme, hash) = (reader.number(2), reader.number(2));
        let spki = self.public_key_info();
        let (algorithm, parts): (&'static dyn VerificationAlgorithm, usize) = match (scheme, hash) {
            (0x14, 0x0b) => (&RSA_PKCS1_2048_8192_SHA256, 1),
            (0x14, 0x0c) => (&RSA_PKCS1_2048_8192_SHA384, 1),
            (0x14, 0x0d) => (&RSA_PKCS1_2048_8192_SHA512, 1),
            (0x16, 0x0b) => (&RSA_PSS_2048_8192_SHA256, 1),
            (0x18, 0x0b) => (&ECDSA_P256_SHA256_FIXED, 2),
            (0x18, 0x0c) => (&ECDSA_P384_SHA384_FIXED, 2),
            other => panic!("scheme {other:?}"),
        };
        let raw: Vec<u8> = (0..parts).flat_map(|_| reader.sized()).collect();
        assert!(reader.0.is_empty());
        // The key's bits are the end of its SubjectPublicKeyInfo: 270 bytes of RSA-2048, 65 or 97 of a point.
        let length = match (parts, raw.len()) {
            (1, _) => 270,
            (_, raw) => raw + 1,
        };
        let key = &spki[spki.len() - length..];
        UnparsedPublicKey::new(algorithm, key).verify(&self.bytes("attest"), &raw).is_ok()
    }
}

fn order(key: TpmKey) -> TpmOrder {
    TpmOrder { qualifying_data: vec![0x5a; 32], key, ..TpmOrder::default() }
}

#[test]
fn a_quote_of_every_key_has_its_layout_and_is_signed() {
    for key in TpmKey::ALL {
        let item = Item::of(&order(key));
        assert!(item.is_signed(), "{key:?}");
        let attest = item.bytes("attest");
        let mut reader = Reader(&attest);
        assert_eq!(reader.take(6), [0xff, 0x54, 0x43, 0x47, 0x80, 0x18]);
        // The qualified Name of a primary key of the endorsement hierarchy (part 1, 16).
        let public = item.bytes("ak_tpmt");
        let name = [&[0, 0x0b], digest(&SHA256, &public).as_ref()].concat();
        let qualified = digest(&SHA256, &[&[0x40, 0, 0, 0x0b], name.as_slice()].concat());
        assert_eq!(reader.sized(), [&[0, 0x0b], qualified.as_ref()].concat());
        assert_eq!(reader.sized(), [0x5a; 32]);
        assert_eq!(reader.take(17), [0, 0, 0, 0, 5, 0x26, 0x5c, 0, 0, 0, 0, 7, 0, 0, 0, 0, 1]);
        assert_eq!(reader.number(8), 0x2026_0101_0000_0001);
        assert_eq!(reader.take(10), [0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff, 0xff]);
        let values: Vec<u8> = item.values("sha256").into_iter().flat_map(|(_, value)| value).collect();
        assert_eq!(values.len(), 24 * 32);
        let algorithm = match key.hash() {
            TpmHash::Sha384 => &SHA384,
            TpmHash::Sha512 => &SHA512,
            _ => &SHA256,
        };
        assert_eq!(reader.sized(), digest(algorithm, &values).as_ref());
        assert!(reader.0.is_empty());
    }
}

#[test]
fn public_areas_are_of_restricted_signing_keys() {
    let public = Item::of(&order(TpmKey::RsapssSha256)).bytes("ak_tpmt");
    // RSA, SHA-256, attributes, no policy, no symmetric algorithm, RSAPSS with SHA-256, 2048 bits, usual
    // exponent.
    let expected = [0, 1, 0, 0x0b, 0, 5, 0, 0x72, 0, 0, 0, 0x10, 0, 0x16, 0, 0x0b, 8, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(public[..24], expected);
    assert_eq!(public.len(), 24 + 256);
    let public = Item::of(&order(TpmKey::EcdsaP384)).bytes("ak_tpmt");
    let expected = [0, 0x23, 0, 0x0b, 0, 5, 0, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0c, 0, 4, 0, 0x10, 0, 48];
    assert_eq!(public[..22], expected);
    assert_eq!(public.len(), 22 + 48 + 2 + 48);
}

#[test]
fn several_banks_are_selected_in_their_order() {
    let partial = TpmBank { hash: TpmHash::Sha1, values: [(7, vec![1; 20]), (16, vec![2; 20])].into() };
    let order =
        TpmOrder { banks: vec![partial, TpmBank::usual(TpmHash::Sha384)], ..order(TpmKey::EcdsaP256) };
    let item = Item::of(&order);
    let attest = item.bytes("attest");
    let selections = [0, 0, 0, 2, 0, 4, 3, 0x80, 0, 1, 0, 0x0c, 3, 0xff, 0xff, 0xff, 0, 32];
    let place = attest.len() - 32 - selections.len();
    assert_eq!(attest[place..attest.len() - 32], selections);
    let values = item.values("sha1").into_iter().chain(item.values("sha384"));
    let values: Vec<u8> = values.flat_map(|(_, value)| value).collect();
    assert_eq!(&attest[attest.len() - 32..], digest(&SHA256, &values).as_ref());
}

#[test]
fn registers_lead_where_a_log_leads() {
    let log = LabLog::usual_tpm(&[PcrBank::Sha1, PcrBank::Sha256]);
    let item = Item::of(&order(TpmKey::RsassaSha256).with_log(&log));
    assert_eq!(item.bytes("event_log"), log.bytes());
    let values = item.values("sha256");
    assert_eq!(values.len(), 24);
    assert_eq!(values[4].1, log.register(PcrBank::Sha256, 4));
    assert_eq!((&values[16].1, &values[17].1), (&vec![0; 32], &vec![0xff; 32]));
}

fn p256(certificate: &[u8]) -> [u8; 65] {
    let certificate = Certificate::parse(certificate).unwrap();
    let PublicKey::P256(key) = certificate.public_key() else { panic!("another key") };
    *key
}

fn is_signed_by(certificate: &[u8], authority: &[u8]) -> bool {
    let parsed = Certificate::parse(certificate).unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, p256(authority));
    parsed.issuer().der() == Certificate::parse(authority).unwrap().subject().der()
        && key.verify(parsed.tbs(), parsed.signature()).is_ok()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// 2.23.133.8.1 and 2.23.133.8.3, DER.
const EK_USAGE: [u8; 7] = [6, 5, 0x67, 0x81, 5, 8, 1];
const AK_USAGE: [u8; 7] = [6, 5, 0x67, 0x81, 5, 8, 3];

#[test]
fn attestation_keys_are_certified_for_what_is_ordered() {
    let lab = Lab::fixture();
    for (usage, ak, ek) in [
        (AkUsage::Attestation, true, false),
        (AkUsage::Endorsement, false, true),
        (AkUsage::Absent, false, false),
    ] {
        let certificate = Some(AkCertificate { usage, instance: None });
        let item = Item::of(&TpmOrder { certificate, ..order(TpmKey::RsassaSha256) });
        let certificate = item.certificate();
        assert!(is_signed_by(&certificate, lab.tpm_authority()));
        assert!(contains(&certificate, &item.public_key_info()));
        assert_eq!((contains(&certificate, &AK_USAGE), contains(&certificate, &EK_USAGE)), (ak, ek));
    }
    let none = Item::of(&TpmOrder { certificate: None, ..order(TpmKey::RsassaSha256) });
    assert!(none.0.get("ak_certs").is_none());
}

#[test]
fn the_instance_of_a_cloud_is_in_the_certificate() {
    let instance = GceInstance {
        zone: "lab-west1-a".to_owned(),
        project_number: 0xff00_0000_0000,
        project_id: "lab-project".to_owned(),
        instance_id: u64::MAX,
        name: "lab-machine".to_owned(),
    };
    let certificate = AkCertificate { instance: Some(instance), ..AkCertificate::default() };
    let certificate =
        Item::of(&TpmOrder { certificate: Some(certificate), ..order(TpmKey::EcdsaP256) }).certificate();
    for part in [
        &b"\x0c\x0blab-west1-a\x02\x07\x00\xff\x00\x00\x00\x00\x00\x0c\x0blab-project"[..],
        b"\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff\x0c\x0blab-machine",
        // 1.3.6.1.4.1.11129.2.1.21
        b"\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x01\x15",
    ] {
        assert!(contains(&certificate, part), "{part:x?}");
    }
}

/// What a defect must break: the signature over the quote, or nothing that this test looks at.
#[test]
fn every_defect_changes_the_item_and_breaks_no_signature_but_its_own() {
    for key in [TpmKey::RsassaSha256, TpmKey::EcdsaP384] {
        for defect in TpmDefect::ALL {
            let defective = order(key).with_defect(*defect);
            let item = Item::of(&defective);
            let name = defect.name();
            let usual = Item::of(&TpmOrder { key: defective.key, ..order(key) });
            assert_ne!(item.0, usual.0, "{name}");
            match defect {
                // No verifier would try these: their signature or key has not the form that it should have.
                TpmDefect::SignatureTrailing
                | TpmDefect::Hmac
                | TpmDefect::NullScheme
                | TpmDefect::Sha1
                | TpmDefect::AkShort => {}
                TpmDefect::AlteredAfterSigning
                | TpmDefect::AlteredSignature
                | TpmDefect::SignatureZero
                | TpmDefect::AkExponent => assert!(!item.is_signed(), "{name}"),
                _ => assert!(item.is_signed(), "{name}"),
            }
        }
    }
}

#[test]
fn endorsement_keys_are_certified_by_their_manufacturer() {
    let lab = Lab::fixture();
    let key = lab.endorsement_key(1, None).unwrap();
    // The default template: SHA-256, attributes, the policy of the hierarchy, AES-128 in CFB mode, no scheme.
    assert_eq!(key.public[..10], [0, 1, 0, 0x0b, 0, 3, 0, 0xb2, 0, 32]);
    assert_eq!(key.public[42..58], [0, 6, 0, 128, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0, 1, 0]);
    let [certificate, manufacturer] = key.certificates.as_slice() else { panic!("another chain") };
    assert_eq!(manufacturer, lab.tpm_manufacturer());
    assert!(is_signed_by(certificate, manufacturer) && contains(certificate, &EK_USAGE));
    assert_ne!(lab.endorsement_key(2, None).unwrap().certificates, key.certificates);
    for defect in EkDefect::ALL {
        let other = lab.endorsement_key(1, Some(*defect)).unwrap();
        let signed = is_signed_by(&other.certificates[0], lab.tpm_manufacturer());
        let unsigned = matches!(defect, EkDefect::Signature | EkDefect::OwnManufacturer);
        assert_eq!(signed, !unsigned, "{}", defect.name());
        let usage = contains(&other.certificates[0], &EK_USAGE);
        assert_eq!(usage, !matches!(defect, EkDefect::Usage | EkDefect::NoUsage), "{}", defect.name());
    }
}

/// What every order of the judged tests asks to be bound.
fn bound(key: TpmKey) -> TpmOrder {
    TpmOrder { qualifying_data: REPORT_DATA.to_vec(), ..order(key) }
}

/// The code of the refusal, or `accepted`.
fn verdict(order: &TpmOrder) -> &'static str {
    let lab = Lab::fixture();
    judge(lab.tpm(order).unwrap(), &lab.collateral()).err().unwrap_or("accepted")
}

#[test]
fn a_quote_of_every_key_is_accepted() {
    let lab = Lab::fixture();
    for key in TpmKey::ALL {
        for with_public_area in [true, false] {
            let order = TpmOrder { with_public_area, ..bound(key) };
            let verified = judge(lab.tpm(&order).unwrap(), &lab.collateral())
                .unwrap_or_else(|code| panic!("{key:?} {with_public_area}: {code}"));
            assert!(verified.lab());
            let Claims::Tpm(claims) = verified.items()[0].claims() else { panic!("other claims") };
            assert_eq!(claims.extra_data.0, REPORT_DATA);
        }
    }
}

#[test]
fn a_quote_with_its_boots_log_is_accepted() {
    let order = bound(TpmKey::RsassaSha256).with_log(&LabLog::usual_tpm(&[PcrBank::Sha256]));
    authentic(Lab::fixture().tpm(&order).unwrap(), &Lab::fixture().collateral()).unwrap();
}

#[test]
fn every_defect_is_refused_by_its_own_code() {
    let mut wrong = Vec::new();
    for key in TpmKey::ALL {
        for defect in TpmDefect::ALL {
            let verdict = verdict(&bound(key).with_defect(*defect));
            if verdict != defect.expects() {
                wrong.push(format!(
                    "{key:?} {}: {} expected, {verdict} found",
                    defect.name(),
                    defect.expects()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// TPM-30: what Google's certificates state is for authorities that are excepted by name.
#[test]
fn the_usages_of_googles_certificates_are_refused_under_other_authorities() {
    for usage in [AkUsage::Endorsement, AkUsage::Absent] {
        let certificate = Some(AkCertificate { usage, instance: None });
        assert_eq!(verdict(&TpmOrder { certificate, ..bound(TpmKey::EcdsaP256) }), "TpmAkCertificateInvalid");
    }
}

/// TPM-36: register 8 holds the data that the item names, once and alone.
#[test]
fn initialisation_data_are_those_of_register_8() {
    let digest = [9; 32];
    let bank = TpmBank::usual(TpmHash::Sha256).with_extended(8, &digest);
    let order = TpmOrder { banks: vec![bank], init_data: Some(digest), ..bound(TpmKey::RsassaSha256) };
    assert_eq!(verdict(&order), "accepted");
    assert_eq!(verdict(&TpmOrder { init_data: Some([8; 32]), ..order }), "TpmInitDataMismatch");
}
