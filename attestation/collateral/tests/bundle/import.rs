//! Importing: order, digests, dates, sequence, rollback.

use crate::desk::*;
use hanzo_attestation::Roots;
use hanzo_attestation_collateral::bundle::{Deny, Kind, MANIFEST, SIGNATURE};
use hanzo_attestation_collateral::{Document, StoreError, read_bundle, write_bundle};
use hanzo_attestation_evidence::{Hex, UnixTime};
use std::fs;
use std::time::Duration;

const DIGEST: &str = "COL-13 BundleEntryDigestMismatch";

#[test]
fn a_bundle_is_imported_and_read_back() {
    let desk = Desk::new();
    let files = bundle(11, lists());
    assert_eq!(desk.import(files.clone()).unwrap(), 11);
    let stored = desk.store().read(Some(&trust(&[0], 1))).unwrap();
    assert!(stored.signed);
    assert_eq!((stored.sequence, stored.edn_floors.sgx, stored.edn_floors.tdx), (11, 17, 18));
    assert_eq!(stored.deny, Deny { veks: vec![Hex([0xab; 32])], ..Deny::default() });
    let keys: Vec<&str> = stored.documents.iter().map(|found| found.document.key.as_str()).collect();
    assert_eq!(keys, ["genoa/vcek", "milan/vcek"]);
    let issued = lists()[0].issued;
    assert_eq!(stored.newest_issue, Some(issued));
    // The next one takes its place; the one before stays for audit.
    assert_eq!(desk.import(bundle(12, newer_lists())).unwrap(), 12);
    assert_eq!(desk.store().read(None).unwrap().newest_issue, Some(now()));
    let kept = fs::read_dir(desk.store().path().join("generations")).unwrap().count();
    assert_eq!(kept, 2);
    assert_eq!(desk.import(bundle(13, newer_lists())).unwrap(), 13);
    assert_eq!(fs::read_dir(desk.store().path().join("generations")).unwrap().count(), 2, "and no more");
}

#[test]
fn what_the_folder_and_the_file_carry_is_the_same() {
    let desk = Desk::new();
    let files = bundle(11, lists());
    let (folder, file) = (desk.folder.path().join("bundle"), desk.folder.path().join("bundle.tar"));
    write_bundle(&folder, &files).unwrap();
    write_bundle(&file, &files).unwrap();
    assert_eq!(read_bundle(&folder).unwrap(), files);
    assert_eq!(read_bundle(&file).unwrap(), files);
    assert!(write_bundle(&file, &files).is_err(), "nothing is overwritten");
    assert_eq!(desk.import(read_bundle(&file).unwrap()).unwrap(), 11);
}

/// COL-13: two entries exchanged: each file has another's content.
#[test]
fn swapped_entries_are_refused() {
    let mut files = bundle(11, lists());
    let blobs: Vec<String> = files.files.keys().filter(|name| name.starts_with("blobs/")).cloned().collect();
    let (one, two) = (files.files[&blobs[0]].clone(), files.files[&blobs[1]].clone());
    files.files.insert(blobs[0].clone(), two);
    files.files.insert(blobs[1].clone(), one);
    assert_eq!(Desk::refusal(files), DIGEST);
}

/// COL-13: one byte, one more, one fewer, no file at all.
#[test]
fn a_document_that_differs_is_refused() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 3] =
        [|bytes| bytes[40] ^= 1, |bytes| bytes.push(0), |bytes| bytes.truncate(bytes.len() - 1)];
    for change in changes {
        let mut files = bundle(11, lists());
        let (_, bytes) = files.files.iter_mut().find(|(name, _)| name.starts_with("blobs/")).unwrap();
        change(bytes);
        assert_eq!(Desk::refusal(files), DIGEST);
    }
    let mut files = bundle(11, lists());
    files.files.retain(|name, _| !name.starts_with("blobs/"));
    assert_eq!(Desk::refusal(files), DIGEST);
}

/// COL-13: what nobody listed is refused wherever it lies.
#[test]
fn an_unlisted_file_is_refused() {
    for name in ["blobs/00", "README", "manifest.json.bak", "blobs/../x"] {
        let mut files = bundle(11, lists());
        files.files.insert(name.to_owned(), vec![1]);
        assert_eq!(Desk::refusal(files), DIGEST, "{name}");
    }
}

/// COL-13: the same bundle again, and an older one, whatever they have.
#[test]
fn a_sequence_that_is_not_greater_is_refused() {
    for sequence in [10, 9, 1] {
        assert_eq!(Desk::refusal(bundle(sequence, newer_lists())), DIGEST, "{sequence}");
    }
}

/// COL-08, COL-09: of the bundle itself, to the second.
#[test]
fn a_bundle_counts_between_its_dates() {
    let files = bundle(11, lists());
    let not_after = now().after(Duration::from_secs(86_400));
    // The documents themselves end at `now`: only the bundle's own dates are asked here.
    let empty = || bundle(11, Vec::new());
    assert!(Desk::new().import_at(empty(), not_after).is_ok());
    assert_eq!(
        Desk::refusal_at(empty(), not_after.after(Duration::from_secs(1))),
        "COL-09 CollateralExpired"
    );
    let first = now().before(Duration::from_secs(86_400 + 300));
    assert!(Desk::new().import_at(files, first).is_ok(), "a clock may be 300 s slow");
    let early = first.before(Duration::from_secs(1));
    assert_eq!(Desk::refusal_at(empty(), early), "COL-08 CollateralNotYetValid");
}

/// COL-08, COL-09: of each document, to the second.
#[test]
fn a_document_out_of_its_dates_is_refused() {
    let late = now().after(Duration::from_secs(1));
    assert_eq!(Desk::refusal_at(bundle(11, lists()), late), "COL-09 CollateralExpired");
    let ahead = now().before(Duration::from_secs(301));
    assert_eq!(Desk::refusal_at(bundle(11, newer_lists()), ahead), "COL-08 CollateralNotYetValid");
}

/// COL-11: an older list inside a newer bundle, though it is still in date.
#[test]
fn rollback_of_a_document_is_refused() {
    let desk = Desk::new();
    desk.import(bundle(11, newer_lists())).unwrap();
    let error = desk.import(bundle(12, lists())).unwrap_err();
    assert_eq!(error.rule().unwrap().to_string(), "COL-11 CollateralRollback");
    // Also after bundles that had no such document at all.
    desk.import(bundle(13, Vec::new())).unwrap();
    let error = desk.import(bundle(14, lists())).unwrap_err();
    assert_eq!(error.rule().unwrap().to_string(), "COL-11 CollateralRollback");
    // The same one again is no rollback.
    assert_eq!(desk.import(bundle(14, newer_lists())).unwrap(), 14);
}

/// COL-11, by fetching: the store remembers, whoever brings the document.
#[test]
fn rollback_by_fetching_is_refused() {
    let desk = Desk::new();
    desk.import(bundle(11, newer_lists())).unwrap();
    let error = desk.store().add(lists(), &roots(), now()).unwrap_err();
    assert_eq!(error.rule().unwrap().to_string(), "COL-11 CollateralRollback");
}

/// SNP-34: a bundle key cannot make a vendor's document.
#[test]
fn a_list_that_no_vendor_signed_is_refused() {
    let mut forged = lists();
    let last = forged[0].bytes.len() - 1;
    forged[0].bytes[last] ^= 1;
    assert_eq!(Desk::refusal(bundle(11, forged)), "SNP-34 SnpCrlSignature");
    let desk = Desk::new();
    let error = desk.store().import(bundle(11, lists()), &trust(&[0], 1), &Roots::vendor(), now());
    assert_eq!(error.unwrap_err().rule().unwrap().to_string(), "SNP-34 SnpCrlSignature", "a lab's list");
}

/// COL-13: a document speaks about what its key says, and has the dates that are said of it.
#[test]
fn a_document_under_another_name_or_date_is_refused() {
    for key in ["genoa/vcek", "milan", "milan/asvk", "milan/vcek/x"] {
        let documents = vec![Document { key: key.to_owned(), ..lists().remove(0) }];
        assert_eq!(Desk::refusal(bundle(11, documents)), DIGEST, "{key}");
    }
    let document = lists().remove(0);
    let issued = UnixTime::from_seconds(document.issued.seconds() + 1).unwrap();
    assert_eq!(Desk::refusal(bundle(11, vec![Document { issued, ..document }])), DIGEST);
}

#[test]
fn a_store_that_was_changed_by_hand_is_not_read() {
    let desk = Desk::new();
    assert!(matches!(desk.store().read(None), Err(StoreError::Empty)));
    desk.import(bundle(11, lists())).unwrap();
    let generation = desk.store().generation().unwrap().unwrap().to_string();
    let folder = desk.store().path().join("generations").join(generation);
    fs::write(folder.join("more"), b"x").unwrap();
    assert!(matches!(desk.store().read(None), Err(StoreError::Damaged(_))));
    fs::remove_file(folder.join("more")).unwrap();
    let manifest = fs::read(folder.join(MANIFEST)).unwrap();
    fs::write(folder.join(MANIFEST), [manifest.as_slice(), b" "].concat()).unwrap();
    assert!(matches!(desk.store().read(None), Err(StoreError::Damaged(_))));
    fs::write(folder.join(MANIFEST), manifest).unwrap();
    assert!(desk.store().read(None).is_ok());
    fs::remove_file(folder.join(SIGNATURE)).unwrap();
    assert!(desk.store().read(None).is_ok());
    let unsigned = desk.store().read(Some(&trust(&[0], 1))).unwrap_err();
    assert_eq!(unsigned.rule().unwrap().to_string(), "COL-12 BundleSignatureInvalid");
}

/// COL-12: what was fetched has no bundle key's signature, and a reader that demands one refuses it.
#[test]
fn fetched_documents_join_what_is_there_without_a_signature() {
    let desk = Desk::new();
    desk.import(bundle(11, lists())).unwrap();
    let change = desk.store().add(newer_lists()[..1].to_vec(), &roots(), now()).unwrap();
    assert_eq!((change.sequence, change.documents, change.signers.len()), (11, 2, 0));
    let stored = desk.store().read(None).unwrap();
    assert_eq!((stored.signed, stored.edn_floors.tdx, stored.deny.veks.len()), (false, 18, 1), "floors stay");
    let milan = stored.documents.iter().find(|found| found.document.key == "milan/vcek").unwrap();
    assert_eq!(milan.document.issued, now());
    assert!(desk.store().read(Some(&trust(&[0], 1))).is_err());
    // A later bundle still has to be newer than the last bundle, and is then signed again.
    assert!(desk.import(bundle(11, newer_lists())).is_err());
    assert_eq!(desk.import(bundle(12, newer_lists())).unwrap(), 12);
    assert!(desk.store().read(Some(&trust(&[0], 1))).unwrap().signed);
}

#[test]
fn what_only_the_bundle_key_vouches_for_is_read_strictly() {
    let stated = |kind, key: &str, bytes: &[u8]| Document {
        kind,
        key: key.to_owned(),
        bytes: bytes.to_vec(),
        issued: now(),
        expires: now(),
    };
    let desk = Desk::new();
    let deny = br#"{"veks":[],"pck_serials":["0a"],"eks":[]}"#;
    let documents = vec![
        stated(Kind::DenyList, "more", deny),
        stated(Kind::EdnFloors, "more", br#"{"sgx":1,"tdx":20}"#),
        stated(Kind::Policy, "base", b"permit(principal, action, resource);"),
        stated(Kind::ReferenceValues, "images", br#"{"values":[]}"#),
    ];
    desk.import(bundle(11, documents)).unwrap();
    let stored = desk.store().read(None).unwrap();
    assert_eq!((stored.edn_floors.sgx, stored.edn_floors.tdx), (17, 20), "the higher of both");
    assert_eq!(stored.deny.pck_serials, ["0a"]);
    for (kind, bytes) in [
        (Kind::DenyList, b"{}".as_slice()),
        (Kind::EdnFloors, b"{\"sgx\":-1,\"tdx\":0}"),
        (Kind::ReferenceValues, b"{\"a\":1,\"a\":2}"),
        (Kind::Policy, b"\xff"),
    ] {
        assert_eq!(Desk::refusal(bundle(11, vec![stated(kind, "x", bytes)])), "COL-03 EnvelopeMalformed");
    }
}
