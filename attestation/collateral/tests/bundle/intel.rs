//! Intel's documents in bundles: each under the chain that came with it, and none older than before.

use crate::desk::*;
use hanzo_attestation::IntelDocument;
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral::{Document, DocumentError};
use hanzo_attestation_evidence::{Broken as _, UnixTime};
use hanzo_attestation_lab::{IntelCollateral, IntelOrder, Lab};
use std::time::Duration;

fn signed(order: &IntelOrder) -> IntelCollateral {
    Lab::fixture().sign_intel(order).unwrap()
}

/// As Intel's service answers: `{"tcbInfo":{…},"signature":"HEX"}`.
fn answer(member: &str, document: &IntelDocument) -> Vec<u8> {
    let body = String::from_utf8(document.body.clone()).unwrap();
    format!("{{\"{member}\":{body},\"signature\":\"{}\"}}", hex::encode(document.signature)).into_bytes()
}

fn received(kind: Kind, key: &str, bytes: Vec<u8>, chains: &[Document]) -> Result<Document, DocumentError> {
    Document::received(kind, key.to_owned(), bytes, chains, &roots())
}

fn chain(key: &str, pem: &[u8]) -> Document {
    received(Kind::IntelChain, key, pem.to_vec(), &[]).unwrap()
}

/// Everything for TDX, with its chains.
fn documents(all: &IntelCollateral) -> Vec<Document> {
    let (info, identity) = (all.tdx_tcb_info.as_ref().unwrap(), all.td_qe_identity.as_ref().unwrap());
    let mut documents = vec![
        chain("tcb-info", &info.issuer_chain),
        chain("qe-identity/tdx", &identity.issuer_chain),
        chain("pck-crl/platform", all.platform_chain.as_bytes()),
    ];
    let judged = [
        (Kind::IntelTcbInfo, fmspc_key(), answer("tcbInfo", info)),
        (Kind::IntelQeIdentity, "tdx".to_owned(), answer("enclaveIdentity", identity)),
        (Kind::IntelPckCrl, "platform".to_owned(), all.platform_list.clone().unwrap()),
        (Kind::IntelRootCrl, "root".to_owned(), all.root_list.clone().unwrap()),
    ];
    for (kind, key, bytes) in judged {
        let document = received(kind, &key, bytes, &documents).unwrap();
        documents.push(document);
    }
    documents
}

fn fmspc_key() -> String {
    format!("tdx/{}", hex::encode(Lab::fixture().intel_order().tdx_tcb_info.unwrap().fmspc))
}

fn order() -> IntelOrder {
    Lab::fixture().intel_order()
}

/// The order's documents with another evaluation number and a later issue.
fn later(evaluation: i64, seconds: u64) -> IntelOrder {
    let change = move |number: &mut u32, issued: &mut UnixTime| {
        *number = u32::try_from(i64::from(*number) + evaluation).unwrap();
        *issued = issued.after(Duration::from_secs(seconds));
    };
    order().with_tcb_infos(move |info| change(&mut info.evaluation_number, &mut info.issue_date))
}

#[test]
fn intels_documents_are_imported_under_their_chains() {
    let desk = Desk::new();
    desk.import(bundle(11, documents(&signed(&order())))).unwrap();
    let stored = desk.store().read(Some(&trust(&[0], 1))).unwrap();
    assert_eq!(stored.documents.len(), 7);
    let mark = stored.documents.iter().find(|found| found.document.kind == Kind::IntelTcbInfo).unwrap();
    assert_eq!(mark.document.key, fmspc_key());
    // What the verifier then rests on is what the lab signed.
    let all = stored.add_to(hanzo_attestation::Collateral::default());
    assert!(format!("{all:?}").len() > 1000);
}

/// COL-11, by (evaluation number, issueDate): both are in date, and the older one is the attacker's choice.
#[test]
fn an_older_tcb_info_is_refused_by_number_and_by_date() {
    let bundle_of = |sequence, order: &IntelOrder| bundle(sequence, documents(&signed(order)));
    let rule = |desk: &Desk, order: &IntelOrder| {
        desk.import(bundle_of(90, order)).map_err(|error| error.rule().unwrap().to_string())
    };
    let desk = Desk::new();
    desk.import(bundle_of(11, &later(2, 100))).unwrap();
    let rollback = Err("COL-11 CollateralRollback".to_owned());
    assert_eq!(rule(&desk, &later(2, 99)), rollback, "an earlier issue");
    assert_eq!(rule(&desk, &later(1, 200)), rollback, "a lower number, issued later: the standard one");
    assert_eq!(rule(&desk, &order()), rollback);
    desk.import(bundle_of(12, &later(2, 100))).unwrap();
    desk.import(bundle_of(13, &later(3, 50))).unwrap();
    assert_eq!(rule(&desk, &later(2, 100)), rollback);
}

/// COL-10: a document whose chain was left out.
#[test]
fn a_document_without_its_chain_is_refused() {
    let without: Vec<Document> =
        documents(&signed(&order())).into_iter().filter(|one| one.key != "pck-crl/platform").collect();
    assert_eq!(Desk::refusal(bundle(11, without)), "COL-10 CollateralMissing");
}

/// DCAP-34, DCAP-41, DCAP-25, DCAP-29: no bundle key makes Intel's documents.
#[test]
fn a_document_that_intel_did_not_sign_is_refused() {
    for (kind, rule) in [
        (Kind::IntelTcbInfo, "DCAP-34 TcbInfoSignature"),
        (Kind::IntelQeIdentity, "DCAP-41 QeIdentitySignature"),
        (Kind::IntelRootCrl, "DCAP-25 RootCrlSignature"),
        (Kind::IntelPckCrl, "DCAP-29 PckCrlSignature"),
    ] {
        let mut all = documents(&signed(&order()));
        let document = all.iter_mut().find(|document| document.kind == kind).unwrap();
        if matches!(kind, Kind::IntelTcbInfo | Kind::IntelQeIdentity) {
            // A digit of the signature; the object itself stays as it is.
            let at = document.bytes.len() - 4;
            document.bytes[at] = if document.bytes[at] == b'0' { b'1' } else { b'0' };
        } else {
            let last = document.bytes.len() - 1;
            document.bytes[last] ^= 1;
        }
        assert_eq!(Desk::refusal(bundle(11, all)), rule);
    }
}

/// DCAP-29, DCAP-32: the other CA's chain; a CA where a signer belongs.
#[test]
fn a_chain_of_somebody_else_is_refused() {
    let all = signed(&order());
    let processor = chain("pck-crl/platform", all.processor_chain.as_bytes());
    let list = all.platform_list.clone().unwrap();
    let error = received(Kind::IntelPckCrl, "platform", list, &[processor]).unwrap_err();
    assert_eq!(error.rule().to_string(), "DCAP-29 PckCrlSignature");
    let ca = chain("tcb-info", all.platform_chain.as_bytes());
    let info = answer("tcbInfo", all.tdx_tcb_info.as_ref().unwrap());
    let error = received(Kind::IntelTcbInfo, &fmspc_key(), info, &[ca]).unwrap_err();
    assert_eq!(error.rule().to_string(), "DCAP-32 TcbSignerProfile");
}

/// DCAP-17: a chain that ends in a root that is not trusted here.
#[test]
fn a_chain_to_another_root_is_refused() {
    let all = signed(&order());
    let vendor = hanzo_attestation::Roots::vendor();
    let pem = all.platform_chain.into_bytes();
    let error = Document::received(Kind::IntelChain, "pck-crl/platform".to_owned(), pem, &[], &vendor);
    assert_eq!(error.unwrap_err().rule().to_string(), "DCAP-17 PckRootNotPinned");
}

/// COL-03: the answer of Intel's service has one spelling.
#[test]
fn an_answer_in_another_spelling_is_refused() {
    let all = signed(&order());
    let info = all.tdx_tcb_info.as_ref().unwrap();
    let chains = [chain("tcb-info", &info.issuer_chain)];
    let text = String::from_utf8(answer("tcbInfo", info)).unwrap();
    assert!(received(Kind::IntelTcbInfo, &fmspc_key(), format!("{text}\n").into_bytes(), &chains).is_ok());
    for wrong in [
        text.replacen("\"tcbInfo\":", "\"tcbInfo\": ", 1),
        text.replacen("{\"tcbInfo\"", "{ \"tcbInfo\"", 1),
        text.replacen("tcbInfo", "enclaveIdentity", 1),
        text.replace("\"}", "\",\"more\":1}"),
        text[..text.len() - 1].to_owned(),
        String::new(),
    ] {
        let error = received(Kind::IntelTcbInfo, &fmspc_key(), wrong.clone().into_bytes(), &chains);
        let rule = error.unwrap_err().rule().to_string();
        assert!(rule.starts_with("COL-03") || rule.starts_with("DCAP-3"), "{rule}: {wrong}");
    }
}

/// COL-13: another platform's TCB info under this one's name.
#[test]
fn a_document_under_another_name_is_refused() {
    let all = signed(&order());
    let info = all.tdx_tcb_info.as_ref().unwrap();
    let chains = [chain("tcb-info", &info.issuer_chain)];
    for key in ["tdx/000000000000", "sgx/00806f050000", "tdx"] {
        let error = received(Kind::IntelTcbInfo, key, answer("tcbInfo", info), &chains).unwrap_err();
        assert!(matches!(error, DocumentError::Subject { .. }), "{error}");
    }
}
