//! Claims under Trustee's names and in its types.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use hanzo_attestation::claims::trustee_claims;
use hanzo_attestation::{Cache, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::Document;
use hanzo_attestation_lab::{
    AzOrder, Lab, PckAuthority, SgxOrder, SnpOrder, SnpProduct, TdxBody, TdxOrder, TpmOrder, Vek,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

fn claims(item: Value) -> Map<String, Value> {
    let lab = Lab::fixture();
    let evidence = Document::from_json(Lab::document(vec![item]).to_string().as_bytes()).unwrap().parse();
    let context = Context {
        roots: &Roots::vendor().with_extra(lab.extra_roots()),
        collateral: &lab.collateral(),
        revocation: &Revocation::Required,
        now: lab.validity().not_before.after(Duration::from_secs(86_400)),
        cache: Cache::off(),
    };
    let verified = verify(evidence.unwrap(), &context).unwrap();
    trustee_claims(&verified.items()[0])
}

/// The names of an object and the types of their values.
fn shape(value: &Value) -> Vec<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    };
    let mut names: Vec<_> =
        value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), kind(value))).collect();
    names.sort();
    names
}

fn named(kind: &'static str, names: &[&str]) -> Vec<(String, &'static str)> {
    names.iter().map(|name| ((*name).to_owned(), kind)).collect()
}

#[test]
fn a_report_has_trustees_names_and_types() {
    let found = claims(Lab::fixture().snp(&SnpOrder::default()).unwrap());
    let mut expected = named("bool", &["policy_smt_allowed", "policy_migrate_ma", "policy_debug_allowed"]);
    expected
        .extend(named("bool", &["policy_single_socket", "platform_tsme_enabled", "platform_smt_enabled"]));
    expected.extend(named("number", &["policy_abi_major", "policy_abi_minor", "reported_tcb_bootloader"]));
    expected.extend(named("number", &["reported_tcb_tee", "reported_tcb_snp", "reported_tcb_microcode"]));
    expected.extend(named("string", &["measurement", "report_data", "init_data", "chip_id"]));
    expected.sort();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["snp"]);
    assert_eq!(shape(&found["snp"]), expected);
}

#[test]
fn a_chip_id_has_64_bytes_whatever_the_product() {
    let turin = SnpOrder { product: SnpProduct::Turin, version: 5, ..SnpOrder::default() };
    let vlek = SnpOrder { vek: Vek::Vlek, ..SnpOrder::default() };
    let of = |order: &SnpOrder| {
        claims(Lab::fixture().snp(order).unwrap())["snp"]["chip_id"].as_str().unwrap().to_owned()
    };
    assert_eq!((of(&turin).len(), &of(&turin)[16..]), (128, "0".repeat(112).as_str()));
    assert_eq!(of(&vlek), "0".repeat(128), "a loaded key names no chip");
    assert_ne!(of(&SnpOrder::default()), "0".repeat(128));
}

#[test]
fn a_quote_has_trustees_tree() {
    let td10 = claims(Lab::fixture().tdx(&TdxOrder::default()).unwrap());
    let tdx = &td10["tdx"];
    assert_eq!(
        tdx["quote"]["header"],
        json!({
            "version": "0400",
            "att_key_type": "0200",
            "tee_type": "81000000",
            "reserved": "00000000",
            "vendor_id": "939a7233f79c4ca9940a0db3957f0607",
            "user_data": tdx["quote"]["header"]["user_data"],
        })
    );
    let mut body =
        named("string", &["tcb_svn", "mr_seam", "mrsigner_seam", "seam_attributes", "td_attributes"]);
    body.extend(named("string", &["xfam", "mr_td", "mr_config_id", "mr_owner", "mr_owner_config"]));
    body.extend(named("string", &["rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3", "report_data"]));
    body.sort();
    assert_eq!(shape(&tdx["quote"]["body"]), body);
    assert_eq!(tdx["quote"]["body"]["td_attributes"], "0000001000000000", "little-endian, as on the wire");
    let attributes = ["debug", "key_locker", "perfmon", "protection_keys", "septve_disable"];
    assert_eq!(shape(&tdx["td_attributes"]), named("bool", &attributes));
    assert_eq!(tdx["report_data"], tdx["quote"]["body"]["report_data"]);
    assert_eq!(tdx["init_data"], tdx["quote"]["body"]["mr_config_id"]);

    let td15 = claims(
        Lab::fixture().tdx(&TdxOrder { version: 5, body: TdxBody::Td15, ..TdxOrder::default() }).unwrap(),
    );
    let body = &td15["tdx"]["quote"]["body"];
    assert!(body["tee_tcb_svn2"].is_string() && body["mr_servicetd"].is_string());
    assert!(tdx["quote"]["body"]["tee_tcb_svn2"].is_null(), "what TD 1.0 does not state is left out");
}

#[test]
fn an_enclave_has_trustees_tree() {
    let found = claims(Lab::fixture().sgx(&SgxOrder::default()).unwrap());
    let sgx = &found["sgx"];
    assert_eq!(
        sgx["header"],
        json!({
            "version": "0300",
            "att_key_type": "0200",
            "att_key_data_0": "00000000",
            "qe_svn": sgx["header"]["qe_svn"],
            "pce_svn": sgx["header"]["pce_svn"],
            "vendor_id": "939a7233f79c4ca9940a0db3957f0607",
            "user_data": sgx["header"]["user_data"],
        })
    );
    let lengths = [
        ("cpu_svn", 16),
        ("misc_select", 4),
        ("reserved1", 12),
        ("isv_ext_prod_id", 16),
        ("attributes.flags", 8),
        ("attributes.xfrm", 8),
        ("mr_enclave", 32),
        ("reserved2", 32),
        ("mr_signer", 32),
        ("reserved3", 32),
        ("config_id", 64),
        ("isv_prod_id", 2),
        ("isv_svn", 2),
        ("config_svn", 2),
        ("reserved4", 42),
        ("isv_family_id", 16),
        ("report_data", 64),
    ];
    let body = sgx["body"].as_object().unwrap();
    assert_eq!(body.len(), lengths.len());
    assert_eq!(lengths.iter().map(|(_, bytes)| bytes).sum::<usize>(), 384, "the whole report");
    for (name, bytes) in lengths {
        assert_eq!(body[name].as_str().unwrap().len(), 2 * bytes, "{name}");
    }
    assert_eq!(sgx["body"]["attributes.flags"], "0500000000000000", "INIT and MODE64, as on the wire");
    assert_eq!((&sgx["report_data"], &sgx["init_data"]), (&body["report_data"], &body["config_id"]));
    // Version 4 has no SVNs in its header.
    let four = claims(Lab::fixture().sgx(&SgxOrder { version: 4, ..SgxOrder::default() }).unwrap());
    assert!(four["sgx"]["header"].get("qe_svn").is_none());
}

/// What the PCK certificate says stands beside header and body, and nothing is said that it does not say.
#[test]
fn a_platform_is_described_as_its_certificate_does() {
    let of = |pck_authority| {
        claims(Lab::fixture().sgx(&SgxOrder { pck_authority, ..SgxOrder::default() }).unwrap())
    };
    let (platform, processor) = (of(PckAuthority::Platform), of(PckAuthority::Processor));
    let (platform, processor) = (&platform["sgx"], &processor["sgx"]);
    assert_eq!((&platform["sgx_type"], &processor["sgx_type"]), (&json!("Scalable"), &json!("Standard")));
    for name in ["platform_instance_id", "is_dynamic_platform", "is_cached_keys", "is_smt_enabled"] {
        assert!(platform.get(name).is_some() && processor.get(name).is_none(), "{name}");
    }
    assert_eq!(platform["platform_provider_id"].as_str().unwrap().len(), 32);
    assert!(platform["advisory_ids"].is_array() && platform["tcb_status"].is_string());
}

#[test]
fn a_tpm_has_registers_a_nonce_and_a_key() {
    let item = Lab::fixture().tpm(&TpmOrder::default()).unwrap();
    let pem: String =
        item["ak_public"].as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    let found = claims(item);
    let tpm = found["tpm"].as_object().unwrap();
    let registers: Vec<String> = (0..24).map(|index| format!("pcr{index:02}")).collect();
    assert!(registers.iter().all(|name| tpm[name].as_str().unwrap().len() == 64));
    assert_eq!(tpm.len(), 24 + 3);
    assert_eq!(tpm["init_data"], tpm["pcr08"]);
    assert_eq!(tpm["ak_public"], pem, "DER in base64");
    assert_eq!(tpm["report_data"], hex::encode(TpmOrder::default().qualifying_data));
}

/// A TD behind Azure's paravisor has a TD's tree, and the vTPM's nonce in place of its report data.
#[test]
fn a_td_behind_azures_paravisor_has_both() {
    let found = claims(Lab::fixture().azure(&AzOrder::tdx()).unwrap());
    let azure = &found["az-tdx-vtpm"];
    assert_eq!(azure["quote"]["header"]["tee_type"], "81000000");
    assert_eq!(azure["tpm"].as_object().unwrap().len(), 24);
    assert_eq!(azure["init_data"], azure["tpm"]["pcr08"]);
    assert_ne!(azure["report_data"], azure["quote"]["body"]["report_data"]);
    assert_eq!(azure["report_data"], hex::encode(AzOrder::tdx().tpm.qualifying_data));
}
