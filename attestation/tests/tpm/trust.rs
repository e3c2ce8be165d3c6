//! Why an attestation key is trusted, and why not (TPM-11, TPM-12, TPM-30 to TPM-33).

use super::{claims, judge, now, order, roots};
use hanzo_attestation::Roots;
use hanzo_attestation::roots::{AkId, Parent, TpmCa, TrustedAk};
use hanzo_attestation::tpm::activation::{ActivationKey, Record};
use hanzo_attestation::tpm::{AkTrust, Hierarchy, TpmKind};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::tpm::Name;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_attestation_lab::{AkCertificate, AkUsage, GceInstance, Lab, TpmOrder};
use serde_json::{Value, json};

fn item(order: &TpmOrder) -> Value {
    Lab::fixture().tpm(order).unwrap()
}

fn uncertified() -> TpmOrder {
    TpmOrder { certificate: None, ..order() }
}

/// The key's digest and Name, as an untrusted quote states them.
fn key() -> (Hex<32>, Name) {
    let verified = judge(&[item(&uncertified())], &Roots::vendor(), now()).unwrap();
    let claims = claims(&verified).unwrap();
    (claims.ak_sha256, claims.ak_name.clone().unwrap())
}

fn trust(item: Value, roots: &Roots) -> Result<AkTrust, String> {
    judge(&[item], roots, now()).map(|verified| claims(&verified).unwrap().ak_trust.clone())
}

/// TPM-11: authentic, and worth nothing.
#[test]
fn a_key_from_the_evidence_alone_is_untrusted() {
    assert_eq!(trust(item(&uncertified()), &roots()), Ok(AkTrust::Untrusted));
    // Certificates of an authority that nobody configured name nobody.
    let verified = judge(&[item(&order())], &Roots::vendor(), now()).unwrap();
    assert_eq!(claims(&verified).unwrap().ak_trust, AkTrust::Untrusted);
    assert_eq!(verified.items()[0].findings()[0].rule.id, "TPM-11");
    let stranger = Roots::vendor().with_tpm_ca(Lab::fixture().tpm_manufacturer().to_vec());
    assert_eq!(trust(item(&order()), &stranger), Ok(AkTrust::Untrusted));
    let unreadable = Roots::vendor().with_tpm_ca(vec![1, 2, 3]);
    assert_eq!(trust(item(&order()), &unreadable), Ok(AkTrust::Untrusted));
}

/// TPM-11: the allow list, by key or by Name; a Name needs the public area.
#[test]
fn a_listed_key_is_trusted_by_either_name() {
    let (spki, name) = key();
    let by_key = Roots::vendor().with_trusted_ak(TrustedAk::new(AkId::Spki(spki)).of_kind(TpmKind::Firmware));
    let by_name = Roots::vendor().with_trusted_ak(TrustedAk::new(AkId::Name(name)));
    for roots in [&by_key, &by_name] {
        assert_eq!(trust(item(&uncertified()), roots), Ok(AkTrust::AllowList));
    }
    let verified = judge(&[item(&uncertified())], &by_key, now()).unwrap();
    assert_eq!(claims(&verified).unwrap().tpm_kind, Some(TpmKind::Firmware));
    assert!(!verified.lab());
    let bare = item(&TpmOrder { with_public_area: false, ..uncertified() });
    assert_eq!(trust(bare.clone(), &by_key), Ok(AkTrust::AllowList));
    assert_eq!(trust(bare, &by_name), Ok(AkTrust::Untrusted));
    let other = Roots::vendor().with_trusted_ak(TrustedAk::new(AkId::Spki(Hex([1; 32]))));
    assert_eq!(trust(item(&uncertified()), &other), Ok(AkTrust::Untrusted));
}

/// TPM-12: below its known parent alone.
#[test]
fn a_listed_key_counts_only_below_its_parent() {
    let (spki, name) = key();
    let listed = |parent| Roots::vendor().with_trusted_ak(TrustedAk::new(AkId::Spki(spki)).below(parent));
    let right = listed(Parent::Hierarchy(Hierarchy::Endorsement));
    assert_eq!(trust(item(&uncertified()), &right), Ok(AkTrust::AllowList));
    for parent in [
        Parent::Hierarchy(Hierarchy::Owner),
        Parent::Hierarchy(Hierarchy::Null),
        Parent::Hierarchy(Hierarchy::Platform),
        Parent::Key(name.qualified_in(Hierarchy::Endorsement)),
    ] {
        assert_eq!(trust(item(&uncertified()), &listed(parent)), Err("TpmSignerNameMismatch".to_owned()));
    }
    // Without the public area there is nothing to compute with.
    let bare = item(&TpmOrder { with_public_area: false, ..uncertified() });
    assert_eq!(trust(bare, &right), Err("TpmSignerNameMismatch".to_owned()));
}

/// TPM-30: the exception for authorities that state no purpose, or an endorsement key's, is per authority.
#[test]
fn loose_usage_is_an_exception_of_one_authority() {
    let strict = roots();
    let loose = Roots::vendor()
        .with_tpm_ca(TpmCa::new(Lab::fixture().tpm_authority().to_vec()).with_loose_key_usage());
    for usage in [AkUsage::Endorsement, AkUsage::Absent] {
        let certificate = Some(AkCertificate { usage, instance: None });
        let item = item(&TpmOrder { certificate, ..order() });
        assert_eq!(trust(item.clone(), &strict), Err("TpmAkCertificateInvalid".to_owned()));
        assert!(matches!(trust(item, &loose), Ok(AkTrust::AkCertificate { .. })));
    }
}

/// TPM-30: at the wrong time, both ways; what is presented must hold even for a listed key.
#[test]
fn a_certificate_counts_within_its_dates() {
    let (spki, _) = key();
    let listed = roots().with_trusted_ak(TrustedAk::new(AkId::Spki(spki)));
    for now in ["2000-01-01T00:00:00Z", "9000-01-01T00:00:00Z"] {
        let now = UnixTime::parse(now).unwrap();
        for roots in [&roots(), &listed] {
            let refused = judge(&[item(&order())], roots, now).map(|_| ());
            assert_eq!(refused, Err("TpmAkCertificateInvalid".to_owned()));
        }
    }
}

/// TPM-32, TPM-37: Google's extension is read into claims, and says that the host emulates the TPM.
#[test]
fn an_instance_is_read_from_the_certificate() {
    let instance = GceInstance {
        zone: "europe-west4-b".to_owned(),
        project_number: u64::MAX,
        project_id: "hanzo".to_owned(),
        instance_id: 218_557_372_616_137_117,
        name: "vm".to_owned(),
    };
    let certificate = Some(AkCertificate { usage: AkUsage::Attestation, instance: Some(instance) });
    let verified = judge(&[item(&TpmOrder { certificate, ..order() })], &roots(), now()).unwrap();
    let claims = claims(&verified).unwrap();
    assert_eq!(claims.tpm_kind, Some(TpmKind::VirtualHost));
    let expected = json!({"zone": "europe-west4-b", "project_id": "hanzo", "name": "vm",
        "project_number": "18446744073709551615", "instance_id": "218557372616137117"});
    assert_eq!(serde_json::to_value(claims.instance.as_ref().unwrap()).unwrap(), expected);
}

/// COL-06: more certificates than one item may carry.
#[test]
fn certificates_are_bounded() {
    let mut item = item(&order());
    let leaf = item["ak_certs"][0].clone();
    item["ak_certs"] = Value::Array(vec![leaf; 6]);
    assert_eq!(trust(item, &roots()), Err("CertificateBudgetExceeded".to_owned()));
}

fn record(expires: i64) -> Record {
    let issued = now();
    let expires = UnixTime::from_seconds(issued.seconds() + expires).unwrap();
    Record { ek_sha256: Hex([0xEE; 32]), ak_name: key().1, issued, expires, lab: false }
}

fn activated(record: &[u8], public_area: bool) -> Value {
    let mut item = item(&TpmOrder { with_public_area: public_area, ..uncertified() });
    item["activation"] = json!(base64_encode(record));
    item
}

/// TPM-33: a record of ours for this key, now.
#[test]
fn an_activation_record_makes_its_key_trusted_while_it_lasts() {
    let secret = ActivationKey::new(&[9; 32]);
    let sealed = secret.seal(&record(60));
    let roots = Roots::vendor().with_activation_key(ActivationKey::new(&[8; 32])).with_activation_key(secret);
    let verified = judge(&[activated(&sealed, true)], &roots, now()).unwrap();
    let expected = AkTrust::Activation { ek_sha256: Hex([0xEE; 32]) };
    assert_eq!(claims(&verified).unwrap().ak_trust, expected);
    let facts = verified.items()[0].facts();
    assert_eq!(facts.not_after, record(60).expires);
    assert_eq!(facts.chip, Some("ee".repeat(32)));
    // Nobody verifies it: no source of trust, and a finding says why.
    let verified = judge(&[activated(&sealed, true)], &Roots::vendor(), now()).unwrap();
    assert_eq!(claims(&verified).unwrap().ak_trust, AkTrust::Untrusted);
    assert_eq!(verified.items()[0].findings()[0].rule.id, "TPM-11");
}

/// TPM-33: expired, not yet issued, altered in any byte, cut, of another key, of another secret.
#[test]
fn any_other_activation_record_is_refused() {
    let secret = ActivationKey::new(&[9; 32]);
    let sealed = secret.seal(&record(60));
    let roots = Roots::vendor().with_activation_key(ActivationKey::new(&[9; 32]));
    let invalid = |record: &[u8], public_area| {
        let found = trust(activated(record, public_area), &roots);
        assert_eq!(found, Err("TpmActivationRecordInvalid".to_owned()));
    };
    for offset in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[offset] ^= 1;
        invalid(&altered, true);
    }
    for length in [0, 1, 31, 32, 33, sealed.len() - 1] {
        invalid(&sealed[..length], true);
    }
    invalid(&[sealed.as_slice(), &[0]].concat(), true);
    invalid(&secret.seal(&record(-1)), true);
    let later = UnixTime::from_seconds(now().seconds() + 301).unwrap();
    invalid(&secret.seal(&Record { issued: later, ..record(9000) }), true);
    let other = record(60).ak_name.qualified_in(Hierarchy::Owner);
    invalid(&secret.seal(&Record { ak_name: other, ..record(60) }), true);
    invalid(&ActivationKey::new(&[7; 32]).seal(&record(60)), true);
    // The record names a Name, and the evidence states none.
    invalid(&sealed, false);
}
