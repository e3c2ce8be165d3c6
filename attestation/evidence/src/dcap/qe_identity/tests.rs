//! What a QE identity must be, and which enclaves it admits.

use super::*;
use crate::dcap::Reader;
use serde_json::{Value, json};

fn identity() -> Value {
    json!({
        "id": "TD_QE", "version": 2, "issueDate": "2025-05-27T19:22:46Z", "nextUpdate": "2025-06-26T19:22:46Z",
        "tcbEvaluationDataNumber": 17, "miscselect": "01000000", "miscselectMask": "FFFFFF7F",
        "attributes": "11000000000000000000000000000000", "attributesMask": "FBFFFFFFFFFFFFFF0000000000000080",
        "mrsigner": "DC".repeat(32), "isvprodid": 2,
        "tcbLevels": [
            {"tcb": {"isvsvn": 4}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"},
            {"tcb": {"isvsvn": 5}, "tcbDate": "2025-03-13T00:00:00Z", "tcbStatus": "UpToDate"},
        ],
    })
}

fn parse(identity: &Value) -> Result<QeIdentity, String> {
    QeIdentity::parse(identity.to_string().as_bytes()).map_err(|error| error.rule().to_string())
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut identity = identity();
    change(&mut identity);
    parse(&identity).unwrap_err()
}

fn report(misc_select: u32, flags: u64, xfrm: u64) -> EnclaveReport {
    let mut bytes = [0; EnclaveReport::LENGTH];
    bytes[16..20].copy_from_slice(&misc_select.to_le_bytes());
    bytes[48..56].copy_from_slice(&flags.to_le_bytes());
    bytes[56..64].copy_from_slice(&xfrm.to_le_bytes());
    EnclaveReport::read(&mut Reader::new(&bytes)).unwrap()
}

#[test]
fn an_identity_is_read_and_its_levels_sorted() {
    let found = parse(&identity()).unwrap();
    assert_eq!((found.tee, found.isv_prod_id, found.evaluation_data_number), (TeeType::Tdx, 2, 17));
    assert_eq!(found.levels.iter().map(|level| level.isv_svn).collect::<Vec<_>>(), [5, 4]);
    let mut sgx = identity();
    sgx["id"] = "QE".into();
    assert_eq!(parse(&sgx).unwrap().tee, TeeType::Sgx);
}

/// DCAP-42: the two quoting enclaves' identities of version 2, and nothing else.
#[test]
fn another_enclave_or_version_or_form_is_refused() {
    let kind = "DCAP-42 QeIdentityKind";
    for id in ["QVE", "TDQE", "qe", "SGX", ""] {
        assert_eq!(refused(|identity| identity["id"] = id.into()), kind, "{id}");
    }
    for version in [0, 1, 3] {
        assert_eq!(refused(|identity| identity["version"] = version.into()), kind);
    }
    for member in
        ["issueDate", "nextUpdate", "mrsigner", "isvprodid", "attributesMask", "miscselect", "tcbLevels"]
    {
        assert_eq!(
            refused(|identity| drop(identity.as_object_mut().unwrap().remove(member))),
            kind,
            "{member}"
        );
        assert_eq!(refused(|identity| identity[member] = json!(-1)), kind, "{member}");
    }
    assert_eq!(refused(|identity| identity["tcbLevels"] = json!([])), kind);
    assert_eq!(refused(|identity| identity["isvprodid"] = 65536.into()), kind);
    assert_eq!(refused(|identity| identity["attributes"] = "11".into()), kind);
    let twice = identity().to_string().replacen("\"version\":2", "\"version\":2,\"version\":2", 1);
    assert_eq!(QeIdentity::parse(twice.as_bytes()).unwrap_err().rule().id, "DCAP-42");
    let large = vec![b' '; MAX_DOCUMENT + 1];
    assert_eq!(QeIdentity::parse(&large).unwrap_err().rule().to_string(), "COL-01 EvidenceTooLarge");
}

/// DCAP-40, for the quoting enclave's levels.
#[test]
fn levels_that_contradict_each_other_are_refused() {
    let change = |identity: &mut Value| {
        identity["tcbLevels"][0]["tcb"]["isvsvn"] = 5.into();
        identity["tcbLevels"][0]["tcbStatus"] = "OutOfDate".into();
    };
    assert_eq!(refused(change), "DCAP-40 TcbLevelsAmbiguous");
}

/// DCAP-46: every bit of MISCSELECT under the mask.
#[test]
fn misc_select_counts_under_the_mask() {
    let identity = parse(&identity()).unwrap();
    assert!(identity.admits_misc_select(&report(1, 0, 0)));
    assert!(identity.admits_misc_select(&report(1 << 31 | 1, 0, 0)), "outside the mask");
    for bit in 0..31 {
        assert!(!identity.admits_misc_select(&report(1 ^ 1 << bit, 0, 0)), "bit {bit}");
    }
}

/// DCAP-47: all 16 bytes of ATTRIBUTES under the mask.
#[test]
fn attributes_count_under_the_mask() {
    let identity = parse(&identity()).unwrap();
    assert!(identity.admits_attributes(&report(0, 0x11, 0)));
    assert!(identity.admits_attributes(&report(0, 0x15, 0x7fff_ffff_ffff_ffff)), "outside the mask");
    for bit in (0..64).filter(|bit| *bit != 2) {
        assert!(!identity.admits_attributes(&report(0, 0x11 ^ 1 << bit, 0)), "bit {bit}");
    }
    assert!(!identity.admits_attributes(&report(0, 0x11, 1 << 63)), "the last byte counts as well");
}
