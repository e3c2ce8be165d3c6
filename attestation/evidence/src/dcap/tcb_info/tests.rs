//! What a TCB info must be, member by member.

use super::*;
use crate::rule::Broken;
use serde_json::{Value, json};

fn components(first: u8) -> Value {
    let mut svns = vec![json!({"svn": 0}); 16];
    svns[0] = json!({"svn": first, "category": "BIOS", "type": "Early Microcode Update"});
    Value::Array(svns)
}

fn level(first: u8, pcesvn: u16, status: &str) -> Value {
    json!({
        "tcb": {"sgxtcbcomponents": components(first), "pcesvn": pcesvn, "tdxtcbcomponents": components(1)},
        "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": status, "advisoryIDs": ["INTEL-SA-00615"],
    })
}

fn module() -> Value {
    json!({"mrsigner": "00".repeat(48), "attributes": "00".repeat(8), "attributesMask": "FF".repeat(8)})
}

/// A TCB info for TDX.
fn tdx() -> Value {
    let mut identity = module();
    identity["id"] = "TDX_0A".into();
    identity["tcbLevels"] = json!([
        {"tcb": {"isvsvn": 3}, "tcbDate": "2023-01-01T00:00:00Z", "tcbStatus": "OutOfDate"},
        {"tcb": {"isvsvn": 4}, "tcbDate": "2024-01-01T00:00:00Z", "tcbStatus": "UpToDate"},
    ]);
    json!({
        "id": "TDX", "version": 3, "issueDate": "2025-05-27T19:25:02Z", "nextUpdate": "2025-06-26T19:25:02Z",
        "fmspc": "00806f050000", "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": 17,
        "tdxModule": module(), "tdxModuleIdentities": [identity],
        "tcbLevels": [level(2, 5, "OutOfDate"), level(3, 5, "UpToDate")],
    })
}

/// A TCB info for SGX, of version 2.
fn version_2() -> Value {
    let mut tcb = json!({"pcesvn": 13});
    for number in 1..=16 {
        tcb[format!("sgxtcbcomp{number:02}svn")] = number.into();
    }
    json!({
        "version": 2, "issueDate": "2023-05-09T12:46:17Z", "nextUpdate": "2023-06-08T12:46:17Z",
        "fmspc": "00706E470000", "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": 15,
        "tcbLevels": [{"tcb": tcb, "tcbDate": "2023-02-15T00:00:00Z", "tcbStatus": "SWHardeningNeeded"}],
    })
}

fn parse(info: &Value) -> Result<TcbInfo, &'static str> {
    TcbInfo::parse(info.to_string().as_bytes()).map_err(|error| error.rule().code)
}

/// The code with which an info is refused after one change.
fn refused(mut info: Value, change: impl FnOnce(&mut Value)) -> &'static str {
    change(&mut info);
    parse(&info).unwrap_err()
}

#[test]
fn both_versions_are_read_and_levels_sorted() {
    let info = parse(&tdx()).unwrap();
    assert_eq!((info.tee, info.evaluation_data_number), (TeeType::Tdx, 17));
    assert_eq!(info.fmspc.to_string(), "00806f050000");
    assert_eq!(info.issue_date.to_string(), "2025-05-27T19:25:02Z");
    assert_eq!(info.levels.iter().map(|level| level.sgx[0]).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(info.levels[0].advisories, ["INTEL-SA-00615"]);
    let [module] = &info.module_identities[..] else { panic!("one module") };
    assert_eq!(module.version, 10);
    assert_eq!(module.levels.iter().map(|level| level.isv_svn).collect::<Vec<_>>(), [4, 3]);
    let old = parse(&version_2()).unwrap();
    assert_eq!((old.tee, old.levels[0].sgx[15], old.levels[0].tdx), (TeeType::Sgx, 16, None));
    assert_eq!(old.levels[0].status, LevelStatus::SwHardeningNeeded);
    // A member that Intel adds changes nothing.
    let mut more = tdx();
    more["somethingNew"] = json!({"deep": [1]});
    assert_eq!(parse(&more), parse(&tdx()));
}

/// DCAP-35: another document, or one that says that its levels compare in another way.
#[test]
fn another_document_is_no_tcb_info() {
    let code = "TcbInfoIdentity";
    for version in [0, 1, 4] {
        assert_eq!(refused(tdx(), |info| info["version"] = version.into()), code);
    }
    assert_eq!(refused(tdx(), |info| info["version"] = 2.into()), code);
    assert_eq!(refused(version_2(), |info| info["version"] = 3.into()), code);
    assert_eq!(refused(version_2(), |info| info["id"] = "SGX".into()), code);
    assert_eq!(refused(tdx(), |info| info["id"] = "TD_QE".into()), code);
    assert_eq!(refused(tdx(), |info| info["tcbType"] = 1.into()), code);
    assert_eq!(refused(tdx(), |info| info["id"] = "SGX".into()), code, "with TDX modules");
    assert_eq!(refused(tdx(), |info| drop(info.as_object_mut().unwrap().remove("tdxModule"))), code);
}

/// DCAP-39: every member of the right type, size and range.
#[test]
fn a_member_that_is_not_as_it_must_be_is_malformed() {
    let code = "TcbInfoMalformed";
    for member in
        ["version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "tcbEvaluationDataNumber"]
    {
        assert_eq!(
            refused(tdx(), |info| drop(info.as_object_mut().unwrap().remove(member))),
            code,
            "{member}"
        );
        assert_eq!(refused(tdx(), |info| info[member] = json!([])), code, "{member}");
        assert_eq!(refused(tdx(), |info| info[member] = json!(-1)), code, "{member}");
    }
    for date in [
        "2025-16-27T19:25:02Z",
        "2025-05-27T19:25:02",
        "2025-05-27T19:25:02+00:00",
        "2025-05-27 19:25:02Z",
        "",
    ] {
        assert_eq!(refused(tdx(), |info| info["issueDate"] = date.into()), code, "{date}");
        assert_eq!(refused(tdx(), |info| info["tcbLevels"][0]["tcbDate"] = date.into()), code, "{date}");
    }
    for hex in ["00806f0500", "00806f05000000", "0x806f050000", "00806f05000g", " 0806f050000"] {
        assert_eq!(refused(tdx(), |info| info["fmspc"] = hex.into()), code, "{hex}");
    }
    for status in ["uptodate", "", "TDRelaunchAdvised", "NotRecognized"] {
        assert_eq!(
            refused(tdx(), |info| info["tcbLevels"][1]["tcbStatus"] = status.into()),
            code,
            "{status}"
        );
    }
    for (value, what) in
        [(json!(256), "too large"), (json!(-1), "negative"), (json!("3"), "text"), (json!(3.0), "float")]
    {
        let change =
            |info: &mut Value| info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][5]["svn"] = value.clone();
        assert_eq!(refused(tdx(), change), code, "{what}");
        let change = |info: &mut Value| info["tcbLevels"][0]["tcb"]["sgxtcbcomp07svn"] = value.clone();
        assert_eq!(refused(version_2(), change), code, "{what}");
    }
    for pcesvn in [json!(65536), json!(-1), Value::Null] {
        assert_eq!(refused(tdx(), |info| info["tcbLevels"][0]["tcb"]["pcesvn"] = pcesvn), code);
    }
}

/// DCAP-39: a missing component must not read as zero.
#[test]
fn there_are_exactly_sixteen_components() {
    for name in ["sgxtcbcomponents", "tdxtcbcomponents"] {
        for count in [0, 15, 17] {
            let change = |info: &mut Value| {
                info["tcbLevels"][0]["tcb"][name] = Value::Array(vec![json!({"svn": 1}); count]);
            };
            assert_eq!(refused(tdx(), change), "TcbInfoMalformed", "{count}");
        }
        let remove = |info: &mut Value| {
            info["tcbLevels"][0]["tcb"].as_object_mut().unwrap().remove(name);
        };
        assert_eq!(refused(tdx(), remove), "TcbInfoMalformed");
    }
    let remove = |info: &mut Value| {
        info["tcbLevels"][0]["tcb"].as_object_mut().unwrap().remove("sgxtcbcomp16svn");
    };
    assert_eq!(refused(version_2(), remove), "TcbInfoMalformed");
}

/// DCAP-39: levels, modules and advisories are bounded; COL-01: so is the document.
#[test]
fn everything_is_bounded() {
    let levels = |count: u16| Value::Array((0..count).map(|svn| level(1, svn, "UpToDate")).collect());
    let with = |count| {
        let mut info = tdx();
        info["tcbLevels"] = levels(count);
        parse(&info).map(|info| info.levels.len())
    };
    assert_eq!(with(64), Ok(64));
    assert_eq!((with(0), with(65)), (Err("TcbInfoMalformed"), Err("TcbInfoMalformed")));
    let modules = |count: u8| {
        let mut info = tdx();
        let identity = info["tdxModuleIdentities"][0].clone();
        let numbered = (0..count).map(|version| {
            let mut identity = identity.clone();
            identity["id"] = format!("TDX_{version:02X}").into();
            identity
        });
        info["tdxModuleIdentities"] = Value::Array(numbered.collect());
        parse(&info).map(|info| info.module_identities.len())
    };
    assert_eq!((modules(32), modules(33)), (Ok(32), Err("TcbInfoMalformed")));
    let advisories = |count: usize| {
        let mut info = tdx();
        info["tcbLevels"][0]["advisoryIDs"] = json!(vec!["INTEL-SA-00001"; count]);
        parse(&info).map(|_| ())
    };
    // The other level has one.
    assert_eq!((advisories(1023), advisories(1024)), (Ok(()), Err("TcbInfoMalformed")));
    for id in ["", "a b", "INTEL\u{e9}", "\n"] {
        assert_eq!(
            refused(tdx(), |info| info["tcbLevels"][0]["advisoryIDs"] = json!([id])),
            "TcbInfoMalformed"
        );
    }
    let large = vec![b' '; MAX_DOCUMENT + 1];
    assert_eq!(TcbInfo::parse(&large).unwrap_err().rule().to_string(), "COL-01 EvidenceTooLarge");
}

/// DCAP-39: one name, one module.
#[test]
fn module_identities_have_one_spelling_each() {
    for id in ["TDX_1", "TDX_001", "TDX_0G", "tdx_01", "TDX01", "SEAM_01", ""] {
        assert_eq!(
            refused(tdx(), |info| info["tdxModuleIdentities"][0]["id"] = id.into()),
            "TcbInfoMalformed"
        );
    }
    let twice = |info: &mut Value| {
        let again = info["tdxModuleIdentities"][0].clone();
        info["tdxModuleIdentities"].as_array_mut().unwrap().push(again);
    };
    assert_eq!(refused(tdx(), twice), "TcbInfoMalformed");
}

/// DCAP-39: strict JSON alone.
#[test]
fn json_that_two_readers_read_differently_is_malformed() {
    let text = tdx().to_string();
    let twice = text.replacen("\"tcbType\":0", "\"tcbType\":0,\"tcbType\":0", 1);
    let float = text.replacen("\"tcbType\":0", "\"tcbType\":0.0", 1);
    assert!(twice != text && float != text);
    for changed in [twice, float, format!("{text} {{}}"), text[..text.len() - 1].to_owned(), "[]".to_owned()]
    {
        let error = TcbInfo::parse(changed.as_bytes()).unwrap_err();
        assert_eq!(error.rule().to_string(), "DCAP-39 TcbInfoMalformed", "{changed}");
    }
}

/// DCAP-40: the order of levels in the document changes nothing; a contradiction refuses.
#[test]
fn levels_are_sorted_and_do_not_contradict_each_other() {
    let mut info = tdx();
    let levels =
        [level(2, 4, "Revoked"), level(2, 5, "OutOfDate"), level(3, 1, "UpToDate"), level(3, 5, "UpToDate")];
    info["tcbLevels"] = json!(levels);
    let sorted = parse(&info).unwrap();
    for _ in 0..levels.len() {
        info["tcbLevels"].as_array_mut().unwrap().rotate_left(1);
        assert_eq!(parse(&info).unwrap(), sorted);
    }
    let keys: Vec<_> = sorted.levels.iter().map(|level| (level.sgx[0], level.pce_svn)).collect();
    assert_eq!(keys, [(3, 5), (3, 1), (2, 5), (2, 4)]);
    info["tcbLevels"] = json!([level(2, 5, "UpToDate"), level(2, 5, "UpToDate")]);
    assert!(parse(&info).is_ok(), "twice the same is no contradiction");
    info["tcbLevels"] = json!([level(2, 5, "UpToDate"), level(2, 5, "OutOfDate")]);
    assert_eq!(parse(&info), Err("TcbLevelsAmbiguous"));
    let same_svn =
        |info: &mut Value| info["tdxModuleIdentities"][0]["tcbLevels"][1]["tcb"]["isvsvn"] = 3.into();
    assert_eq!(refused(tdx(), same_svn), "TcbLevelsAmbiguous");
}

/// TDX-04: attributes count under the mask, and a wanted bit outside it is never met.
#[test]
fn module_attributes_count_under_the_mask() {
    let mut identity = parse(&tdx()).unwrap().module.unwrap();
    assert!(identity.admits(0) && !identity.admits(1) && !identity.admits(1 << 63));
    identity.attributes_mask.0[7] = 0x7F;
    assert!(identity.admits(1 << 63) && !identity.admits(1 << 62));
    identity.attributes.0[0] = 1;
    assert!(identity.admits(1) && !identity.admits(0));
    identity.attributes.0[7] = 0x80;
    assert!(!identity.admits(1 << 63 | 1));
}

/// DCAP-39, DCAP-35: a published set of TCB infos of version 2, each with one fault. They lack `pceId`, which
/// is put in, so that it is the fault that is found.
#[test]
fn every_malformed_document_of_the_corpus_is_refused() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/evidence/sgx/neg-tcbinfo-malformed-corpus");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("SKIPPED: no corpus at ../shared/evidence/sgx");
        return;
    };
    let (mut ran, mut beside) = (0, Vec::new());
    for file in files.map(|file| file.unwrap().path()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(fault) = name.strip_prefix("tcbInfoNegative") else { continue };
        let text = std::fs::read_to_string(&file).unwrap();
        let (_, inner) = text.split_once("\"tcbInfo\":").unwrap();
        let inner = &inner[..inner.to_lowercase().rfind(",\n  \"signature\"").unwrap()];
        let whole = inner.replacen("\"tcbType\"", "\"pceId\":\"0000\",\"tcbType\"", 1);
        ran += 1;
        match TcbInfo::parse(whole.as_bytes()) {
            Err(error) => {
                assert_eq!(error.rule().id, if fault == "TcbType" { "DCAP-35" } else { "DCAP-39" }, "{error}")
            }
            // The fault is in the signature beside the object.
            Ok(_) => beside.push(fault.to_owned()),
        }
        assert_eq!(
            TcbInfo::parse(inner.as_bytes()).map_err(|error| error.rule().id),
            Err("DCAP-39"),
            "{name}"
        );
    }
    beside.sort();
    println!("{ran} documents, of which {} have a malformed signature beside them", beside.len());
    assert_eq!((ran, beside.len()), (19, 3), "{beside:?}");
    assert_eq!(beside, ["PropertyMissingLevel0", "PropertyWrongTypeLevel0", "Signature"]);
}
