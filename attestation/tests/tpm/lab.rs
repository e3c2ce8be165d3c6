//! A lab's quotes: what is accepted, and one refusal for each defect.

use super::{NONCE, claims, code, judge, now, order, roots};
use hanzo_attestation::event_log::BootAggregate;
use hanzo_attestation::tpm::{AkTrust, Hierarchy, Scheme, SigningHash};
use hanzo_attestation::{TcbStatus, precheck};
use hanzo_attestation_evidence::binding::{Binding, Kem, Recipient};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Broken, Document, Tee};
use hanzo_attestation_lab::event_log::ima::ImaList;
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};
use hanzo_attestation_lab::{Lab, TpmBank, TpmDefect, TpmHash, TpmKey, TpmOrder};
use serde_json::{Value, json};

/// TPM-06, TPM-13: each accepted scheme and hash function.
#[test]
fn quotes_of_every_kind_of_key_are_authentic() {
    for (key, scheme, hash) in [
        (TpmKey::RsassaSha256, Scheme::Rsassa, SigningHash::Sha256),
        (TpmKey::RsassaSha384, Scheme::Rsassa, SigningHash::Sha384),
        (TpmKey::RsassaSha512, Scheme::Rsassa, SigningHash::Sha512),
        (TpmKey::RsapssSha256, Scheme::Rsapss, SigningHash::Sha256),
        (TpmKey::EcdsaP256, Scheme::Ecdsa, SigningHash::Sha256),
        (TpmKey::EcdsaP384, Scheme::Ecdsa, SigningHash::Sha384),
    ] {
        let item = Lab::fixture().tpm(&TpmOrder { key, ..order() }).unwrap();
        let verified = judge(&[item], &roots(), now()).unwrap();
        let claims = claims(&verified).unwrap();
        assert_eq!((claims.sig_alg, claims.sig_hash), (scheme, hash));
        assert_eq!(claims.ak_hierarchy, Some(Hierarchy::Endorsement), "TPM-12");
        assert!(matches!(claims.ak_trust, AkTrust::AkCertificate { .. }));
        assert_eq!(claims.manufacturer.as_deref(), Some("id:4C414220"));
        assert_eq!((claims.reset_count, claims.restart_count, claims.clock_safe), (7, 0, true));
        assert_eq!(claims.firmware_version.to_string(), "2026010100000001");
        let item = &verified.items()[0];
        assert!(item.findings().is_empty(), "{:?}", item.findings());
        let facts = item.facts();
        assert_eq!((facts.tee, facts.tcb_status), (Tee::Tpm, TcbStatus::NotRated));
        assert_eq!(facts.measurements.len(), 24);
        assert_eq!(facts.measurements[23].register, "pcr23");
    }
}

/// Each defect alone, with the rule that it breaks. What policy judges is authentic here.
#[test]
fn every_defect_breaks_its_own_rule() {
    let (mut refused, mut left) = (0, Vec::new());
    for &defect in TpmDefect::ALL {
        let item = Lab::fixture().tpm(&order().with_defect(defect)).unwrap();
        let judged = judge(&[item], &roots(), now());
        let (id, expected) = (defect.rule(), defect.expects());
        let outcome = judged.and_then(|verified| {
            verified.check_report_data(&NONCE).map_err(code)?;
            let trusted = claims(&verified).is_some_and(|claims| claims.ak_trust != AkTrust::Untrusted);
            if trusted { Ok(()) } else { Err("TpmAkUntrusted".to_owned()) }
        });
        match outcome {
            Err(found) => {
                assert_eq!(found, expected, "{defect:?}");
                refused += 1;
            }
            Ok(()) => left.push(id),
        }
    }
    assert!(refused >= 40, "{refused}");
    left.sort_unstable();
    assert_eq!(left, ["TPM-18", "TPM-35"], "policy judges these");
}

/// TPM-14: over the whole length, on both doors, and nothing is padded.
#[test]
fn qualifying_data_are_compared_whole() {
    let verified = judge(&[Lab::fixture().tpm(&order()).unwrap()], &roots(), now()).unwrap();
    assert_eq!(verified.check_report_data(&NONCE), Ok(()));
    let padded = [NONCE.as_slice(), &[0]].concat();
    for other in [&NONCE[..31], &padded, &[], &[0x5b; 32]] {
        assert_eq!(verified.check_report_data(other).map_err(code), Err("TpmNonceMismatch".to_owned()));
    }
}

/// COL-17, TPM-14: the binding's 32 bytes, before and after the signatures.
#[test]
fn a_quote_binds_to_its_challenge_and_recipient_alone() {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![7; 32]).unwrap();
    let binding = Binding::new("one", &recipient, None, &[]).unwrap();
    let other = Binding::new("two", &recipient, None, &[]).unwrap();
    let order = TpmOrder { qualifying_data: binding.tpm_qualifying_data().to_vec(), ..TpmOrder::default() };
    let item = Lab::fixture().tpm(&order).unwrap();
    let document = json!({"evidence": [item]}).to_string();
    let evidence = || Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
    assert_eq!(precheck(&evidence(), &binding), Ok(()));
    assert_eq!(precheck(&evidence(), &other).map_err(code), Err("TpmNonceMismatch".to_owned()));
    let verified = || judge(std::slice::from_ref(&item), &roots(), now()).unwrap();
    assert!(verified().bind(&binding).is_ok());
    assert_eq!(verified().bind(&other).map(|_| ()).map_err(code), Err("TpmNonceMismatch".to_owned()));
}

/// TPM-19, TPM-22: claims and facts are those of quoted registers; facts rest on a strong bank.
#[test]
fn facts_come_from_the_strong_bank_and_from_quoted_registers() {
    let sha1 = TpmBank::usual(TpmHash::Sha1);
    let partial = TpmBank { hash: TpmHash::Sha256, values: [(7, vec![1; 32]), (4, vec![2; 32])].into() };
    let banks = vec![sha1.clone(), partial];
    let verified =
        judge(&[Lab::fixture().tpm(&TpmOrder { banks, ..order() }).unwrap()], &roots(), now()).unwrap();
    let facts = verified.items()[0].facts();
    let named: Vec<_> = facts.measurements.iter().map(|found| found.register).collect();
    assert_eq!(named, ["pcr4", "pcr7"]);
    let json = serde_json::to_value(claims(&verified).unwrap()).unwrap();
    assert_eq!(json["selection"]["sha256"], json!([4, 7]));
    assert_eq!(json["pcrs"]["sha256"]["7"], "01".repeat(32));
    let only_sha1 = TpmOrder { banks: vec![sha1], ..order() };
    let verified = judge(&[Lab::fixture().tpm(&only_sha1).unwrap()], &roots(), now()).unwrap();
    assert!(verified.items()[0].facts().measurements.is_empty());
    assert_eq!(claims(&verified).unwrap().bank(), None);
}

/// TPM-23: two quotes of one document are by one key, over one challenge, in one boot, in order.
#[test]
fn quotes_of_two_boots_are_not_one_node() {
    let quote = |order: TpmOrder| Lab::fixture().tpm(&order).unwrap();
    let later = TpmOrder { clock: order().clock + 5, ..order() };
    assert!(judge(&[quote(order()), quote(later.clone())], &roots(), now()).is_ok());
    for (first, second) in [
        (order(), TpmOrder { reset_count: 8, ..order() }),
        (order(), TpmOrder { restart_count: 1, ..order() }),
        (later, order()),
        (order(), TpmOrder { qualifying_data: vec![1; 32], ..order() }),
        (order(), TpmOrder { key: TpmKey::EcdsaP256, ..order() }),
    ] {
        let refused = judge(&[quote(first), quote(second)], &roots(), now()).map(|_| ());
        assert_eq!(refused, Err("TpmBankConflict".to_owned()));
    }
}

/// TPM-36: register 8 holds the digest and nothing else; it must be quoted.
#[test]
fn initialisation_data_are_in_register_8() {
    let digest = [0x33; 32];
    let bank = TpmBank::usual(TpmHash::Sha256).with_extended(8, &digest);
    let held = TpmOrder { banks: vec![bank.clone()], init_data: Some(digest), ..order() };
    let verified = judge(&[Lab::fixture().tpm(&held).unwrap()], &roots(), now()).unwrap();
    assert_eq!(claims(&verified).unwrap().init_data.unwrap().to_string(), "33".repeat(32));
    let mut unquoted = bank.clone();
    unquoted.values.remove(&8);
    for order in [
        TpmOrder { init_data: Some([0x34; 32]), ..held.clone() },
        TpmOrder { banks: vec![unquoted], ..held.clone() },
        TpmOrder { banks: vec![bank.with_extended(16, &digest)], init_data: Some([0; 32]), ..held },
    ] {
        let refused = judge(&[Lab::fixture().tpm(&order).unwrap()], &roots(), now()).map(|_| ());
        assert_eq!(refused, Err("TpmInitDataMismatch".to_owned()));
    }
}

/// LOG-12: a log that replays gives facts; one that does not refuses the item.
#[test]
fn an_event_log_replays_to_the_quoted_registers() {
    let order = order().with_log(&LabLog::usual_tpm(&[PcrBank::Sha256]));
    let item = Lab::fixture().tpm(&order).unwrap();
    let verified = judge(std::slice::from_ref(&item), &roots(), now()).unwrap();
    assert!(claims(&verified).unwrap().log.as_ref().unwrap().complete);
    let mut other = order.clone();
    other.banks[0] = other.banks[0].clone().with_extended(0, &[9; 32]);
    let refused = judge(&[Lab::fixture().tpm(&other).unwrap()], &roots(), now()).map(|_| ());
    assert_eq!(refused, Err("EventLogReplayMismatch".to_owned()));
    let mut without = item;
    without.as_object_mut().unwrap().remove("pcrs");
    assert!(judge(&[without], &roots(), now()).is_err(), "nothing to replay to");
}

/// LOG-21, LOG-22, LOG-24: the kernel's list travels beside the boot's log, and explains PCR 10.
#[test]
fn a_list_of_files_replays_to_the_quoted_register() {
    let boot = LabLog::usual_tpm(&[PcrBank::Sha256]);
    let mut list = ImaList::new();
    list.boot_aggregate(PcrBank::Sha256, &boot.pcrs()).file("/usr/bin/init", b"init");
    let mut order = order().with_log(&boot);
    order.banks[0] = order.banks[0].clone().with_values([(10, list.pcr10(PcrBank::Sha256))]);
    let item = Lab::fixture().tpm(&order).unwrap();
    let with = |bytes: &[u8]| {
        let mut item = item.clone();
        item["ima_log"] = json!(base64_encode(bytes));
        item
    };
    let judged = |item: Value| {
        let verified = judge(&[item], &roots(), now())?;
        Ok::<_, String>(claims(&verified).unwrap().log.clone().unwrap())
    };
    let facts = judged(with(&list.bytes())).unwrap();
    let files = facts.ima.as_ref().unwrap();
    assert_eq!((files.entries, files.boot_aggregate, facts.complete), (2, BootAggregate::Matches, true));
    let bare = judged(item.clone()).unwrap();
    assert!(bare.ima.is_none() && !bare.complete, "PCR 10 is not explained");

    let longer = list.clone().file("/usr/bin/late", b"late").bytes();
    assert_eq!(judged(with(&longer)).unwrap().ima.unwrap().tail, 1);
    let mut other = ImaList::new();
    other.boot_aggregate(PcrBank::Sha256, &boot.pcrs()).file("/usr/bin/other", b"init");
    assert_eq!(judged(with(&other.bytes())), Err("ImaReplayMismatch".to_owned()));
    let mut altered = list.bytes();
    let end = altered.len() - 2;
    altered[end] ^= 1; // The last byte ends the path.
    assert_eq!(judged(with(&altered)), Err("ImaTemplateHash".to_owned()));
    let unknown = ImaList::new().entry("ima-x", &[]).bytes();
    assert_eq!(judged(with(&unknown)), Err("ImaTemplateUnknown".to_owned()));
    let mut alone = with(&list.bytes());
    alone.as_object_mut().unwrap().remove("event_log");
    let text = Lab::document(vec![alone]).to_string();
    assert_eq!(Document::from_json(text.as_bytes()).unwrap_err().rule().code, "EnvelopeMalformed");
}

/// TPM-09: without the public area a finding says what could not be judged; without values, too (TPM-19).
#[test]
fn what_could_not_be_judged_is_said() {
    let order = TpmOrder { with_public_area: false, ..order() };
    let mut item = Lab::fixture().tpm(&order).unwrap();
    item.as_object_mut().unwrap().remove("pcrs");
    let verified = judge(&[item], &roots(), now()).unwrap();
    let rules: Vec<_> = verified.items()[0].findings().iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["TPM-09", "TPM-19"]);
    assert!(claims(&verified).unwrap().ak_name.is_none());
}
