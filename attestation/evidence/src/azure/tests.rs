//! Paravisor reports built field by field: every rule has its refusals, and its acceptances beside them.

use super::*;
use crate::encoding::EncodingError;
use crate::rule::Broken;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

/// A well-formed version 3 report that nobody signed.
fn snp_report() -> Vec<u8> {
    let mut raw = vec![0; snp::REPORT_LENGTH];
    (raw[0], raw[0x0a], raw[0x34]) = (3, 3, 1);
    raw[0x160..0x180].fill(0xff);
    raw[0x188..0x18a].copy_from_slice(&[0x19, 0x01]);
    raw
}

/// A TDREPORT and the zeros behind it.
fn td_report() -> Vec<u8> {
    let mut raw = vec![0; 1184];
    raw[0] = 0x81;
    (raw[128], raw[512], raw[520], raw[528], raw[864 + 47]) = (1, 2, 3, 4, 5);
    raw
}

fn key(kid: &str, operation: &str) -> Value {
    let mut n = [0xAB; 256];
    n[255] = 1;
    json!({"kid": kid, "kty": "RSA", "key_ops": [operation], "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(n)})
}

fn runtime() -> Value {
    json!({
        "keys": [key("HCLAkPub", "sign"), key("HCLEkPub", "encrypt")],
        "vm-configuration": {"console-enabled": true, "secure-boot": true, "tpm-enabled": true, "vmUniqueId": "A"},
        "user-data": "00".repeat(64),
    })
}

fn u32s(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|value| u32::try_from(*value).unwrap().to_le_bytes()).collect()
}

/// A report of 2600 bytes, as on the wire.
fn hcl(kind: HclKind, runtime: &[u8]) -> Vec<u8> {
    let hardware = if kind == HclKind::Snp { snp_report() } else { td_report() };
    let variable = runtime.len();
    let code = usize::try_from(kind.code()).unwrap();
    let mut bytes = [
        b"HCLA".to_vec(),
        u32s(&[2, 1236 + variable, 2, 0, 0, 0, 0]),
        hardware,
        u32s(&[20 + variable, 1, code, 1, variable]),
        runtime.to_vec(),
    ]
    .concat();
    bytes.resize(2600, 0);
    bytes
}

fn good(kind: HclKind) -> Vec<u8> {
    hcl(kind, runtime().to_string().as_bytes())
}

/// A quote of all registers of the SHA-256 bank.
fn attest(extra_data: &[u8], bitmap: [u8; 3]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    [
        vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x18],
        sized(&[0; 34]),
        sized(extra_data),
        vec![0; 16],
        vec![1],
        vec![0; 8],
        vec![0, 0, 0, 1, 0, 0x0b, 3],
        bitmap.to_vec(),
        sized(&[0; 32]),
    ]
    .concat()
}

fn tpm_quote() -> Value {
    json!({
        "message": hex::encode(attest(b"challenge", [0xff; 3])),
        "signature": "00".repeat(256),
        "pcrs": vec!["00".repeat(32); 24],
    })
}

fn snp1(hcl: &[u8]) -> Value {
    json!({
        "version": 1,
        "hcl_report": URL_SAFE.encode(hcl),
        "tpm_quote": tpm_quote(),
        "vcek": URL_SAFE.encode(b"certificate"),
    })
}

fn snp0(hcl: &[u8]) -> Value {
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(b"certificate")
    );
    json!({
        "quote": {"message": attest(b"challenge", [0xff; 3]), "signature": vec![0; 256], "pcrs": vec![vec![0; 32]; 24]},
        "report": hcl,
        "vcek": pem,
    })
}

fn rule(evidence: &Value) -> String {
    SnpEvidence::parse(evidence).map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

fn hcl_rule(bytes: &[u8]) -> String {
    Hcl::parse(bytes, HclKind::Snp).map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    *value.pointer_mut(pointer).unwrap() = new;
    value
}

fn without(mut value: Value, field: &str) -> Value {
    value.as_object_mut().unwrap().remove(field).unwrap();
    value
}

fn and(mut value: Value, field: &str, new: Value) -> Value {
    value[field] = new;
    value
}

/// AZ-01: each version has its fields, and all say the same.
#[test]
fn az_01_three_versions_are_read() {
    let hcl = good(HclKind::Snp);
    let unpadded = |value: &Value| Value::String(value.as_str().unwrap().trim_end_matches('=').to_owned());
    let plain = snp1(&hcl);
    let wrapped = with(plain.clone(), "/hcl_report", unpadded(&plain["hcl_report"]));
    let wrapped = with(wrapped, "/vcek", unpadded(&plain["vcek"]));
    for (evidence, version) in [
        (snp0(&hcl), Version::V0),
        (plain.clone(), Version::V1),
        (with(plain, "/version", json!(2)), Version::V2),
        (json!({"platform": "az-snp", "evidence": wrapped}), Version::V1),
    ] {
        let read = SnpEvidence::parse(&evidence).unwrap();
        assert_eq!(read.vtpm.version, version);
        assert_eq!(read.snp.certs, [b"certificate".to_vec()]);
        assert_eq!(read.snp.report.raw()[..], snp_report());
        assert_eq!(read.vtpm.quote.attest.extra_data, b"challenge");
        assert_eq!(read.vtpm.hcl.runtime_data(), runtime().to_string().as_bytes());
        assert_eq!(read.vtpm.runtime.user_data, Some([0; 64]));
        assert_eq!(read.vtpm.runtime.vm_config.secure_boot, Some(true));
        assert_eq!(read.vtpm.runtime.vm_config.tpm_persisted, None);
    }
}

/// AZ-01: every other version, and every other set of fields.
#[test]
fn az_01_versions_have_exactly_their_fields() {
    let hcl = good(HclKind::Snp);
    let plain = snp1(&hcl);
    let no_user_data = without(runtime(), "user-data").to_string();
    for evidence in [
        with(plain.clone(), "/version", json!(0)),
        with(plain.clone(), "/version", json!(3)),
        with(plain.clone(), "/version", json!("1")),
        with(plain.clone(), "/version", json!(null)),
        without(plain.clone(), "version"),
        without(plain.clone(), "vcek"),
        without(plain.clone(), "tpm_quote"),
        and(plain.clone(), "td_quote", json!("")),
        and(plain.clone(), "event_log", json!("")),
        and(snp0(&hcl), "version", json!(1)),
        without(snp0(&hcl), "report"),
        with(snp0(&hcl), "/quote/message", json!([256])),
        with(snp0(&hcl), "/quote/message", json!("00")),
        with(plain.clone(), "/tpm_quote/pcrs", json!({"0": ""})),
        json!({}),
        json!([]),
        json!({"platform": "az-snp", "evidence": with(plain.clone(), "/version", json!(2))}),
        json!({"platform": "az-snp", "evidence": snp0(&hcl)}),
        json!({"platform": "az-snp", "evidence": plain, "nonce": ""}),
        with(snp1(&super::tests::hcl(HclKind::Snp, no_user_data.as_bytes())), "/version", json!(2)),
    ] {
        assert_eq!(rule(&evidence), "AZ-01 AzEvidenceVersion", "{evidence:.100}");
    }
    let other = json!({"platform": "az-tdx", "evidence": snp1(&hcl)});
    assert_eq!(rule(&other), "COL-04 EvidenceKindMismatch");
}

/// COL-01 and COL-02 for the byte strings of each version.
#[test]
fn byte_strings_have_one_spelling_and_a_budget() {
    let hcl = good(HclKind::Snp);
    let plain = snp1(&hcl);
    let standard = json!(STANDARD.encode([0xff; 30]));
    for (pointer, text) in [
        ("/hcl_report", standard.clone()),
        ("/vcek", standard),
        ("/vcek", json!(URL_SAFE_NO_PAD.encode(b"certificate"))),
        ("/vcek", json!(format!("{}\n", URL_SAFE.encode(b"certificate")))),
        ("/tpm_quote/message", json!("FF54")),
        ("/tpm_quote/signature", json!("0")),
        ("/tpm_quote/pcrs/0", json!("zz".repeat(32))),
    ] {
        assert_eq!(rule(&with(plain.clone(), pointer, text)), "COL-02 EncodingNotCanonical", "{pointer}");
    }
    for pem in ["", "-----BEGIN CERTIFICATE-----\nQUI=\nQUI=\n-----END CERTIFICATE-----\n", "text"] {
        assert_eq!(rule(&with(snp0(&hcl), "/vcek", json!(pem))), "COL-02 EncodingNotCanonical", "{pem}");
    }
    for (pointer, text) in [
        ("/hcl_report", json!("A".repeat(11_000))),
        ("/vcek", json!("A".repeat(11_000))),
        ("/tpm_quote/message", json!("00".repeat(1025))),
        ("/tpm_quote/pcrs", json!(vec!["00".repeat(32); 25])),
    ] {
        assert_eq!(rule(&with(plain.clone(), pointer, text)), "COL-01 EvidenceTooLarge", "{pointer}");
    }
    let long = with(snp0(&hcl), "/report", json!(vec![0; 8193]));
    assert_eq!(rule(&long), "COL-01 EvidenceTooLarge");
}

/// AZ-02: no length makes the reader read what is not there.
#[test]
fn az_02_every_truncation_is_refused() {
    let bytes = good(HclKind::Snp);
    let end = 1236 + runtime().to_string().len();
    for length in 0..1236 {
        assert_eq!(hcl_rule(&bytes[..length]), "AZ-02 AzHclLength", "{length}");
    }
    for length in 1236..end {
        assert_eq!(hcl_rule(&bytes[..length]), "AZ-10 AzHclDataSize", "{length}");
    }
    for length in end..bytes.len() {
        assert_eq!(hcl_rule(&bytes[..length]), "accepted", "{length}");
    }
    assert_eq!(hcl_rule(&[bytes.as_slice(), &[0; 8193 - 2600]].concat()), "AZ-02 AzHclLength");
}

/// AZ-03 to AZ-11: each field of the headers, and the padding.
#[test]
fn each_header_field_has_its_rule() {
    let good = good(HclKind::Snp);
    assert_eq!(hcl_rule(&good), "accepted");
    let changed = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        hcl_rule(&bytes)
    };
    assert_eq!(changed(4, 1), "accepted", "header version 1");
    for (offset, value, rule) in [
        (0, b'h', "AZ-03 AzHclMagic"),
        (3, 0, "AZ-03 AzHclMagic"),
        (4, 0, "AZ-04 AzHclVersion"),
        (4, 3, "AZ-04 AzHclVersion"),
        (8, good[8] ^ 1, "AZ-05 AzHclReportSize"),
        (11, 0xff, "AZ-05 AzHclReportSize"),
        (12, 1, "AZ-06 AzHclRequestType"),
        (12, 0, "AZ-06 AzHclRequestType"),
        (16, 1, "AZ-07 AzHclStatus"),
        (20, 1, "AZ-07 AzHclStatus"),
        (31, 1, "AZ-07 AzHclStatus"),
        (1216, good[1216] ^ 1, "AZ-10 AzHclDataSize"),
        (1220, 2, "AZ-10 AzHclDataSize"),
        (1224, 4, "AZ-08 AzHclReportType"),
        (1224, 3, "AZ-08 AzHclReportType"),
        (1228, 0, "AZ-09 AzHclHashType"),
        (1228, 4, "AZ-09 AzHclHashType"),
        (1228, 99, "AZ-09 AzHclHashType"),
        (1232, good[1232] ^ 1, "AZ-05 AzHclReportSize"),
        (2599, 1, "AZ-11 AzHclPadding"),
        (1236 + runtime().to_string().len(), 1, "AZ-11 AzHclPadding"),
    ] {
        assert_eq!(changed(offset, value), rule, "byte {offset}");
    }
}

/// AZ-10: the size covers the text and nothing else.
#[test]
fn az_10_a_size_that_counts_a_zero_is_refused() {
    let text = runtime().to_string();
    for zeros in [1, 2, 100] {
        let longer = hcl(HclKind::Snp, &[text.as_bytes(), &vec![0; zeros]].concat());
        assert_eq!(hcl_rule(&longer), "AZ-10 AzHclDataSize", "{zeros}");
    }
    assert_eq!(Hcl::parse(&good(HclKind::Snp), HclKind::Snp).unwrap().runtime_data(), text.as_bytes());
}

/// AZ-09: each hash type has its own length.
#[test]
fn az_09_hash_types_have_their_lengths() {
    for (code, length) in [(1, 32), (2, 48), (3, 64)] {
        let mut bytes = good(HclKind::Snp);
        bytes[1228] = code;
        assert_eq!(Hcl::parse(&bytes, HclKind::Snp).unwrap().runtime_digest().as_ref().len(), length);
    }
}

/// AZ-08, AZ-11: the hardware's report is of the declared kind.
#[test]
fn az_08_a_tdreport_is_read_and_nothing_else_is_one() {
    let bytes = good(HclKind::Tdx);
    assert_eq!(hcl_rule(&bytes), "AZ-08 AzHclReportType");
    let read = |bytes: &[u8]| TdReport::parse(Hcl::parse(bytes, HclKind::Tdx).unwrap().hardware_report());
    let report = read(&bytes).unwrap();
    assert_eq!((report.report_data.0[0], report.attributes, report.xfam), (1, 2, 3));
    assert_eq!((report.mr_td.0[0], report.rtmr[3].0[47]), (4, 5));
    for (offset, rule) in
        [(32, "AZ-08 AzHclReportType"), (32 + 1024, "AZ-11 AzHclPadding"), (1215, "AZ-11 AzHclPadding")]
    {
        let mut changed = bytes.clone();
        changed[offset] = 1;
        assert_eq!(read(&changed).unwrap_err().rule().to_string(), rule, "{offset}");
    }
}

fn runtime_rule(text: &str) -> String {
    RuntimeData::parse(text.as_bytes())
        .map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

/// AZ-12: strict JSON; what is not known is not used.
#[test]
fn az_12_runtime_data_is_strict_json() {
    let text = runtime().to_string();
    assert_eq!(runtime_rule(&text), "accepted");
    assert_eq!(runtime_rule(&and(runtime(), "release", json!({"number": 3})).to_string()), "accepted");
    let keys = runtime()["keys"].to_string();
    for text in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{text} {{}}"),
        format!(r#"{{"keys":{keys},"keys":{keys}}}"#),
        with(runtime(), "/keys", json!({})).to_string(),
        with(runtime(), "/keys", json!(vec![1; 17])).to_string(),
        with(runtime(), "/vm-configuration/secure-boot", json!("true")).to_string(),
        with(runtime(), "/user-data", json!(0)).to_string(),
        and(runtime(), "more", json!("x".repeat(4096))).to_string(),
        and(runtime(), "time", json!(1.5)).to_string(),
    ] {
        assert_eq!(runtime_rule(&text), "AZ-12 AzRuntimeDataMalformed", "{text:.60}");
    }
}

/// AZ-13: exactly one key of that name, for signatures alone.
#[test]
fn az_13_the_attestation_key_is_one_and_signs() {
    let with_keys = |keys: Vec<Value>| runtime_rule(&with(runtime(), "/keys", json!(keys)).to_string());
    let ak = || key("HCLAkPub", "sign");
    assert_eq!(with_keys(vec![ak()]), "accepted");
    let short = json!(URL_SAFE_NO_PAD.encode([0xAB; 128]));
    for keys in [
        vec![],
        vec![key("HCLEkPub", "encrypt")],
        vec![ak(), ak()],
        vec![key("HCLAkPub", "encrypt")],
        vec![and(ak(), "key_ops", json!(["sign", "encrypt"]))],
        vec![and(ak(), "key_ops", json!([]))],
        vec![and(ak(), "kty", json!("EC"))],
        vec![and(ak(), "e", json!("Aw"))],
        vec![and(ak(), "n", short)],
        vec![and(ak(), "n", json!("+/"))],
        vec![and(ak(), "n", json!(""))],
        vec![without(ak(), "n")],
        vec![json!("HCLAkPub")],
    ] {
        assert_eq!(with_keys(keys.clone()), "AZ-13 AzAkMissing", "{keys:?}");
    }
}

/// AZ-25: 64 bytes in hex, of either case.
#[test]
fn az_25_user_data_has_64_bytes() {
    let of = |text: String| runtime_rule(&with(runtime(), "/user-data", json!(text)).to_string());
    assert_eq!((of("ab".repeat(64)), of("AB".repeat(64))), ("accepted".to_owned(), "accepted".to_owned()));
    assert_eq!(runtime_rule(&without(runtime(), "user-data").to_string()), "accepted");
    for text in
        ["".to_owned(), "ab".repeat(63), "ab".repeat(65), "aB".repeat(64), "zz".repeat(64), "a".repeat(127)]
    {
        assert_eq!(of(text.clone()), "AZ-25 AzUserDataMismatch", "{text}");
    }
    let error =
        RuntimeData::parse(with(runtime(), "/user-data", json!("")).to_string().as_bytes()).unwrap_err();
    assert_eq!(error, AzureError::UserDataEncoding(EncodingError::Length { expected: 64, actual: 0 }));
}

/// AZ-23: all registers of the SHA-256 bank, and a value for each.
#[test]
fn az_23_all_registers_are_quoted() {
    let plain = || snp1(&good(HclKind::Snp));
    let message = |bitmap| json!(hex::encode(attest(b"challenge", bitmap)));
    for evidence in [
        with(plain(), "/tpm_quote/message", message([1, 0, 0])),
        with(plain(), "/tpm_quote/message", message([0xff, 0xff, 0x7f])),
        with(plain(), "/tpm_quote/pcrs", json!(vec!["00".repeat(32); 23])),
        with(plain(), "/tpm_quote/pcrs", json!([])),
        with(plain(), "/tpm_quote/pcrs/0", json!("00".repeat(31))),
        with(plain(), "/tpm_quote/pcrs/23", json!("00".repeat(33))),
    ] {
        assert_eq!(rule(&evidence), "AZ-23 AzPcrSelection");
    }
    assert_eq!(rule(&with(plain(), "/tpm_quote/message", message([0, 0, 0]))), "TPM-17 TpmSelectionEmpty");
    assert_eq!(rule(&with(plain(), "/tpm_quote/signature", json!("00".repeat(255)))), "AZ-21 AzTpmSignature");
    assert_eq!(rule(&with(plain(), "/tpm_quote/message", json!("00"))), "TPM-01 TpmAttestMalformed");
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Hcl::parse(&bytes, HclKind::Tdx);
        let _ = RuntimeData::parse(&bytes);
    }

    #[test]
    fn no_change_makes_the_reader_panic(offset in 0..2600_usize, value: u8) {
        let mut bytes = good(HclKind::Snp);
        bytes[offset] = value;
        let _ = SnpEvidence::parse(&snp1(&bytes));
    }
}
