//! A lab's machines: what is well made is authentic, and each defect meets the rule that it breaks.
//!
//! The lab's SEV-SNP machines end where the evidence has no intermediate certificate, which a vendor's build
//! carries and a lab's does not (AZ-16): every rule before that is met, and real evidence shows the rest.

use super::{code, judge};
use hanzo_attestation::{Claims, Collateral, Roots, Verified};
use hanzo_attestation_evidence::{Binding, Kem, Recipient, UnixTime};
use hanzo_attestation_lab::{AzDefect, AzOrder, Lab, TpmHash, TpmOrder};

fn order(order: &AzOrder) -> Result<Verified, String> {
    let validity = Lab::fixture().validity();
    let now = UnixTime::from_seconds(validity.not_before.seconds() + 86_400).unwrap();
    let roots = Roots::vendor().with_extra(Lab::fixture().extra_roots());
    let item = Lab::fixture().azure(order).unwrap();
    judge(&Lab::document(vec![item]), &roots, &Collateral::default(), now)
}

/// AZ-09: each hash function with its own length of report data.
#[test]
fn a_lab_machine_is_authentic_with_every_hash_function() {
    for hash in [TpmHash::Sha256, TpmHash::Sha384, TpmHash::Sha512] {
        let verified = order(&AzOrder { hash, ..AzOrder::tdx() }).unwrap();
        assert!(verified.lab());
        let [item] = verified.items() else { panic!("one item") };
        let Claims::AzTdxVtpm(claims) = item.claims() else { panic!("Azure claims") };
        assert_eq!(item.facts().measurements.len(), 5 + 24);
        assert_eq!(claims.vtpm.user_data, None);
        assert_eq!(item.facts().host_data, None);
    }
}

/// AZ-02 to AZ-25: each defect. What only the binding or a policy refuses is authentic.
#[test]
fn every_defect_meets_its_rule() {
    for defect in AzDefect::ALL.iter().copied().filter(|defect| defect.is_of(&AzOrder::tdx().guest)) {
        let wanted = AzOrder::tdx().with_defect(defect);
        let expected = match defect.rule() {
            "AZ-22" | "AZ-28" => Ok(()),
            _ => Err(defect.expects().to_owned()),
        };
        assert_eq!(order(&wanted).map(|_| ()), expected, "{defect:?}");
    }
}

/// AZ-14, AZ-15, AZ-17, AZ-24: the same of a SEV-SNP machine, as far as no certificate is needed.
#[test]
fn every_defect_of_an_snp_machine_meets_its_rule() {
    for defect in AzDefect::ALL.iter().copied().filter(|defect| defect.is_of(&AzOrder::default().guest)) {
        let wanted = AzOrder::default().with_defect(defect);
        let expected = match defect.rule() {
            "AZ-21" | "AZ-22" | "AZ-28" => "AzHardwareReportRefused",
            _ => defect.expects(),
        };
        assert_eq!(order(&wanted).map(|_| ()), Err(expected.to_owned()), "{defect:?}");
    }
}

/// AZ-16: what is inside is held to its own rules, and named.
#[test]
fn az_16_the_hardwares_rule_is_in_the_message() {
    let lab = Lab::fixture();
    let item = lab.azure(&AzOrder::default()).unwrap();
    let document =
        hanzo_attestation_evidence::Document::from_json(Lab::document(vec![item]).to_string().as_bytes());
    let evidence = document.unwrap().parse().unwrap();
    let (roots, collateral) = (Roots::vendor(), Collateral::default());
    let revocation = hanzo_attestation::Revocation::Required;
    let now = UnixTime::from_seconds(lab.validity().not_before.seconds() + 86_400).unwrap();
    let context = hanzo_attestation::Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &revocation,
        now,
        cache: hanzo_attestation::Cache::off(),
    };
    let refused = hanzo_attestation::verify(evidence, &context).unwrap_err();
    assert_eq!(refused.finding.rule.id, "AZ-16");
    assert!(refused.finding.message.starts_with("SNP-"), "{}", refused.finding.message);
}

fn bound(data: &[u8], version: u32) -> AzOrder {
    let mut user_data = [0; 64];
    user_data[..data.len()].copy_from_slice(data);
    let tpm = TpmOrder { qualifying_data: data.to_vec(), ..TpmOrder::default() };
    AzOrder { tpm, version, user_data, ..AzOrder::tdx() }
}

/// AZ-22: the binding is the vTPM's extra data, not the hardware's report data.
#[test]
fn az_22_only_the_quoted_binding_binds() {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![1; 32]).unwrap();
    let other = Recipient::new(Kem::X25519HkdfSha256, vec![2; 32]).unwrap();
    let binding = Binding::new("nonce", &recipient, None, &[]).unwrap();
    let wanted = bound(binding.tpm_qualifying_data(), 1);
    assert!(order(&wanted).unwrap().bind(&binding).unwrap().lab());
    for wrong in [
        Binding::new("nonce2", &recipient, None, &[]).unwrap(),
        Binding::new("nonce", &other, None, &[]).unwrap(),
    ] {
        let refused = order(&wanted).unwrap().bind(&wrong).map(|_| ()).map_err(code);
        assert_eq!(refused, Err("AzNonceMismatch".to_owned()));
    }
    for defect in [AzDefect::Nonce, AzDefect::NoncePadded, AzDefect::NoncePrefix] {
        let refused =
            order(&wanted.clone().with_defect(defect)).unwrap().bind(&binding).map(|_| ()).map_err(code);
        assert_eq!(refused, Err("AzNonceMismatch".to_owned()), "{defect:?}");
    }
}

/// AZ-25: version 2 has the challenge in its user data as well; no other version's is read.
#[test]
fn az_25_user_data_is_the_challenge_in_version_2() {
    let verified = order(&bound(&[7; 32], 2)).unwrap();
    let Claims::AzTdxVtpm(claims) = verified.items()[0].claims() else { panic!("Azure claims") };
    assert_eq!(claims.vtpm.user_data.unwrap().0[..33], [[7; 32].as_slice(), &[0]].concat());
    let mismatch = Err("AzUserDataMismatch".to_owned());
    for place in [0, 31, 32, 63] {
        let mut wanted = bound(&[7; 32], 2);
        wanted.user_data[place] ^= 1;
        assert_eq!(order(&wanted).map(|_| ()), mismatch, "{place}");
        assert!(order(&AzOrder { version: 1, ..wanted }).is_ok());
    }
}
