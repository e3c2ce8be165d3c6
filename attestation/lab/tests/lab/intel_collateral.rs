//! The lab's Intel collateral: signed byte for byte under its root, and spoilt where a defect says so and
//! nowhere else.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use hanzo_attestation::IntelDocument;
use hanzo_attestation_evidence::x509::{Certificate, Crl, PublicKey};
use hanzo_attestation_lab::{IntelCollateral, IntelDefect, Lab, PckAuthority, TcbInfo};
use serde_json::Value;

/// The DER of every certificate of a PEM text, by the ordinary tool's rules: base64 between the marks.
fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(pem).unwrap();
    let blocks = text.split("-----BEGIN CERTIFICATE-----\n").skip(1);
    blocks
        .map(|block| {
            let base64: String = block.split("-----END").next().unwrap().split_whitespace().collect();
            hanzo_attestation_evidence::encoding::base64_decode(&base64).unwrap()
        })
        .collect()
}

fn key(certificate: &Certificate<'_>) -> [u8; 65] {
    let PublicKey::P256(key) = certificate.public_key() else { panic!("another key") };
    *key
}

fn is_signed(document: &IntelDocument) -> bool {
    let chain = certificates(&document.issuer_chain);
    let signer = Certificate::parse(&chain[0]).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key(&signer))
        .verify(&document.body, &document.signature)
        .is_ok()
}

fn signed_by(list: &[u8], authority: &[u8]) -> bool {
    let (list, authority) = (Crl::parse(list).unwrap(), Certificate::parse(authority).unwrap());
    assert_eq!(list.issuer().der(), authority.subject().der());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key(&authority))
        .verify(list.tbs(), list.signature())
        .is_ok()
}

fn json(document: Option<&IntelDocument>) -> Value {
    serde_json::from_slice(&document.unwrap().body).unwrap()
}

#[test]
fn documents_are_signed_under_the_root() {
    let lab = Lab::fixture();
    let collateral = lab.intel_collateral();
    for document in collateral.tcb_infos().chain(collateral.qe_identities()) {
        assert!(is_signed(document));
        let chain = certificates(&document.issuer_chain);
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[1], lab.intel_root());
        let (signer, root) = (Certificate::parse(&chain[0]).unwrap(), Certificate::parse(&chain[1]).unwrap());
        assert_eq!(signer.subject().common_name(), Some("Intel SGX TCB Signing"));
        assert_eq!(signer.issuer().der(), root.subject().der());
        let root_key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key(&root));
        root_key.verify(signer.tbs(), signer.signature()).unwrap();
    }
}

#[test]
fn lists_are_signed_by_whom_they_name() {
    let lab = Lab::fixture();
    let collateral = lab.intel_collateral();
    assert!(signed_by(collateral.root_list.as_ref().unwrap(), lab.intel_root()));
    let platform = certificates(collateral.platform_chain.as_bytes());
    assert!(signed_by(collateral.platform_list.as_ref().unwrap(), &platform[0]));
    let processor = certificates(collateral.processor_chain.as_bytes());
    assert!(signed_by(collateral.processor_list.as_ref().unwrap(), &processor[0]));
}

#[test]
fn documents_have_the_fields_of_the_vendors() {
    let lab = Lab::fixture();
    let collateral = lab.intel_collateral();
    let tdx = json(collateral.tdx_tcb_info.as_ref());
    assert_eq!(tdx["id"], "TDX");
    assert_eq!(tdx["fmspc"], "90C06F6C6162");
    assert_eq!(tdx["tdxModuleIdentities"][1]["id"], "TDX_01");
    assert_eq!(tdx["tdxModuleIdentities"][1]["tcbLevels"][0]["tcb"]["isvsvn"], 11);
    let level = &tdx["tcbLevels"][0];
    assert_eq!(level["tcb"]["sgxtcbcomponents"].as_array().unwrap().len(), 16);
    assert_eq!(level["tcb"]["tdxtcbcomponents"][2]["svn"], 4);
    assert_eq!(level["tcb"]["pcesvn"], 13);
    assert!(level.get("advisoryIDs").is_none());
    let sgx = json(collateral.sgx_tcb_info.as_ref());
    assert!(sgx.get("tdxModule").is_none() && sgx["tcbLevels"][0]["tcb"].get("tdxtcbcomponents").is_none());
    assert_eq!(json(collateral.td_qe_identity.as_ref())["id"], "TD_QE");
    let identity = json(collateral.qe_identity.as_ref());
    assert_eq!(identity["attributesMask"], "FBFFFFFFFFFFFFFF0000000000000000");
    assert!(identity["mrsigner"].as_str().unwrap().starts_with("8C4F5775"));
}

#[test]
fn version_2_has_numbered_components_and_no_id() {
    let lab = Lab::fixture();
    let info = TcbInfo::sgx(lab.validity()).version_2();
    let text: Value = serde_json::from_str(&info.text()).unwrap();
    assert!(text.get("id").is_none());
    assert_eq!(text["version"], 2);
    assert_eq!(text["tcbLevels"][0]["tcb"]["sgxtcbcomp08svn"], 5);
    assert_eq!(text["tcbLevels"][0]["tcb"].as_object().unwrap().len(), 17);
}

#[test]
fn a_change_is_signed_too() {
    let lab = Lab::fixture();
    let order = lab.intel_order().with_tcb_infos(|info| info.evaluation_number = 21);
    let collateral = lab.sign_intel(&order).unwrap();
    for document in collateral.tcb_infos() {
        assert!(is_signed(document));
        assert_eq!(json(Some(document))["tcbEvaluationDataNumber"], 21);
    }
}

/// How many of the eight signatures do not hold.
fn broken_signatures(collateral: &IntelCollateral) -> usize {
    let lab = Lab::fixture();
    let documents = collateral.tcb_infos().chain(collateral.qe_identities());
    let platform = certificates(collateral.platform_chain.as_bytes());
    let processor = certificates(collateral.processor_chain.as_bytes());
    let lists = [
        (&collateral.root_list, lab.intel_root()),
        (&collateral.platform_list, &platform[0]),
        (&collateral.processor_list, &processor[0]),
    ];
    documents.filter(|document| !is_signed(document)).count()
        + lists.iter().filter(|(list, by)| list.as_ref().is_some_and(|list| !signed_by(list, by))).count()
}

#[test]
fn every_defect_changes_something_and_breaks_no_signature_but_its_own() {
    let lab = Lab::fixture();
    let usual = lab.intel_collateral();
    // Signatures are fresh every time, so only what they are over is compared.
    let content = |collateral: &IntelCollateral| {
        let documents: Vec<_> = collateral
            .tcb_infos()
            .chain(collateral.qe_identities())
            .map(|found| found.body.clone())
            .collect();
        let list = |list: &Vec<u8>| Crl::parse(list).unwrap().tbs().to_vec();
        let lists: Vec<_> = collateral.lists().map(list).collect();
        let signers: Vec<_> = collateral
            .tcb_infos()
            .chain(collateral.qe_identities())
            .map(|found| Certificate::parse(&certificates(&found.issuer_chain)[0]).unwrap().tbs().to_vec())
            .collect();
        (documents, lists, signers)
    };
    for defect in IntelDefect::ALL {
        let collateral = lab.sign_intel(&lab.intel_order().with_defect(*defect)).unwrap();
        let broken = match defect {
            IntelDefect::RootListSigner => 1,
            IntelDefect::PckListSigner => 2,
            IntelDefect::TcbInfoWhiteSpace | IntelDefect::TcbInfoSignature => 2,
            IntelDefect::QeIdentityWhiteSpace | IntelDefect::QeIdentitySignature => 2,
            _ => 0,
        };
        assert_eq!(broken_signatures(&collateral), broken, "{}", defect.name());
        let changed = content(&collateral) != content(usual);
        assert!(changed || broken > 0, "{} changes nothing", defect.name());
    }
}

#[test]
fn an_object_lacks_what_the_collateral_lacks() {
    let lab = Lab::fixture();
    for (defect, absent) in [
        (IntelDefect::RootListMissing, &["root_ca_crl"][..]),
        (IntelDefect::PckListMissing, &["pck_crl"]),
        (IntelDefect::TcbInfoMissing, &["tcb_info", "tcb_info_signature", "tcb_info_issuer_chain"]),
    ] {
        let collateral = lab.sign_intel(&lab.intel_order().with_defect(defect)).unwrap();
        let object = collateral.tdx_object(PckAuthority::Platform);
        assert_eq!(object.as_object().unwrap().len(), 9 - absent.len());
        assert!(absent.iter().all(|key| object.get(key).is_none()), "{}", defect.name());
    }
}
