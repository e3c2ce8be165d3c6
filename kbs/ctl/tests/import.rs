//! `reference import`, `sign`, `measure`: what others published goes to a broker with its provenance, or is
//! refused before anything is sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::extract::Path as Segment;
use axum::routing::get;
use axum::{Json, Router};
use hanzo_attestation_evidence::encoding::{base64_encode, hex_decode};
use program::{broker, code, json_of, kbsctl, nobody, problem, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const AT: &str = "2027-01-15T08:00:00Z";
/// A CoRIM with one launch measurement of SEV-SNP, 48 times 11, that counts from 2023-11-14 to 2096-10-02.
const CORIM: &str = "d901f5a300676578616d706c650181d901fa586fa201a1006972656c65617365203704a1008182a100a200d82550d05e6d1b9f464ae2a610ce3e6ee7e153026547656e6f6181a20019028101a102818207583011111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111104a200c11a6553f10001c11aee6b2800";
/// Its protected header.
const PROTECTED: &str =
    "a3012703746170706c69636174696f6e2f72696d2b63626f720853a100a1006e4578616d706c6520496d61676573";

/// What a broker was sent, and a place for files.
struct Bench {
    home: TempDir,
    address: String,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Bench {
    /// A broker that keeps what it is sent as version 4, and whose set of that name has one value, version 3.
    fn new() -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&sent);
        let answer = |name: &str, version: u64, values: &Value| json!({"name": name, "version": version, "values": values, "created_at": AT});
        let store = move |Segment(name): Segment<String>, Json(request): Json<Value>| async move {
            let stored = answer(&name, 4, &request["values"]);
            kept.lock().unwrap().push(request);
            Json(stored)
        };
        let read = move |Segment(name): Segment<String>| async move {
            if name == "new" {
                return problem(404, "NotFound");
            }
            let mut values = json!([{"tee": "tdx", "register": "mr_td", "digest": "22".repeat(48)}]);
            if name == "kept" {
                values[0]["source"] = json!("json:set.json");
                values[0]["signer"] = json!({"unsigned": "made here"});
            }
            axum::response::IntoResponse::into_response(Json(answer(&name, 3, &values)))
        };
        let address = broker(Router::new().route("/kbs/v1/references/{name}", get(read).put(store)));
        Self { home: tempfile::tempdir().unwrap(), address, sent }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = kbsctl(self.home.path());
        command
            .args(arguments)
            .env("KBS_ADDR", &self.address)
            .env("KBS_TOKEN", "correct-horse-battery-staple");
        command.output().unwrap()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn sent(&self) -> Vec<Value> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    /// Runs an import that has to be refused as unusable input, before anything is sent.
    fn refused(&self, arguments: &[&str], reason: &str) {
        let output = self.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
        assert!(self.sent().is_empty(), "{arguments:?}");
    }
}

/// The same import with more arguments.
fn and<'a>(import: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [import, more].concat()
}

/// A key pair of this test, its public key in a file.
fn key(bench: &Bench, name: &str, seed: u8) -> (Ed25519KeyPair, String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", pair.public_key().as_ref()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64_encode(&spki));
    let file = bench.file(name, pem.as_bytes());
    (pair, file)
}

/// The CoRIM, signed.
fn corim(pair: &Ed25519KeyPair) -> Vec<u8> {
    signed(pair, &hex_decode(CORIM).unwrap())
}

/// A payload, signed (RFC 9052, 4.4).
fn signed(pair: &Ed25519KeyPair, payload: &[u8]) -> Vec<u8> {
    let string = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap();
        let head =
            u8::try_from(length).map_or([&[0x59][..], &length.to_be_bytes()].concat(), |l| vec![0x58, l]);
        [head, bytes.to_vec()].concat()
    };
    let (protected, payload) = (string(&hex_decode(PROTECTED).unwrap()), string(payload));
    let message = [b"\x84\x6aSignature1", &protected[..], b"\x40", &payload].concat();
    let signature = string(pair.sign(&message).as_ref());
    [b"\xd2\x84", &protected[..], b"\xa0", &payload, &signature].concat()
}

#[test]
fn a_signed_corim_is_stored_with_its_dates_and_its_signer() {
    let bench = Bench::new();
    let (pair, signer) = key(&bench, "maker.pub", 1);
    let file = bench.file("release.corim", &corim(&pair));
    let import = ["reference", "import", &file, "--name", "images", "--signer", &signer, "--at", AT];
    let planned = bench.run(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(code(&planned), 0, "{}", stderr(&planned));
    assert!(bench.sent().is_empty(), "a dry run sends nothing");
    let output = bench.run(&[&import[..], &["--expected-version", "3"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let sent = bench.sent();
    assert_eq!(sent[0]["values"], json_of(&planned)["values"]);
    let (value, version) = (&sent[0]["values"][0], &sent[0]["expected_version"]);
    let key_id = value["signer"]["key_id"].clone();
    let expected = json!({
        "tee": "sev-snp", "register": "measurement", "digest": "11".repeat(48), "note": "Genoa",
        "source": "corim:example", "signer": {"key_id": key_id, "name": "maker"},
        "not_before": "2023-11-14T22:13:20Z", "expires_at": "2096-10-02T07:06:41Z",
    });
    assert_eq!((value, version), (&expected, &json!(3)));
    assert_eq!(key_id.as_str().unwrap().len(), 64);
}

/// A CoRIM under Intel's profile, with a TD (`tee.mrtee`, and `rtmr0` of its integrity registers) and a TPM (PCR 7
/// in the banks of SHA-256 and SHA-384, PCR 4 in both).
fn intel_corim() -> Vec<u8> {
    let bytes = |value: &[u8]| [&[0x58, u8::try_from(value.len()).unwrap()][..], value].concat();
    let digest = |algorithm: u8, byte: u8, length: usize| {
        [&[0x82, algorithm][..], &bytes(&vec![byte; length])].concat()
    };
    let environment = |model: &str| {
        [
            b"\xa1\x00\xa2\x01\x67Example\x02",
            &[0x60 | u8::try_from(model.len()).unwrap()][..],
            model.as_bytes(),
        ]
        .concat()
    };
    let mrtee = [b"\xa1\x01\xa1\x38\x52", &digest(7, 0x11, 48)[..]].concat();
    let rtmr0 = [b"\xa1\x01\xa1\x0e\xa1\x65rtmr0\x81", &digest(7, 0x12, 48)[..]].concat();
    let bank = |pcr: u8, byte: u8| [&[pcr, 0x82][..], &digest(1, byte, 32), &digest(7, byte, 48)].concat();
    let pcrs = [b"\xa1\x01\xa1\x0e\xa2", &bank(4, 0x14)[..], &bank(7, 0x17)].concat();
    let td = [b"\x82", &environment("TD")[..], b"\x82", &mrtee, &rtmr0].concat();
    let tpm = [b"\x82", &environment("TPM")[..], b"\x81", &pcrs].concat();
    let comid = [b"\xa2\x01\xa1\x00\x61r\x04\xa1\x00\x82", &td[..], &tpm].concat();
    let length = u16::try_from(comid.len()).unwrap().to_be_bytes();
    let comid = [b"\xd9\x01\xfa\x59", &length[..], &comid].concat();
    let profile = b"\x03\xd8\x6f\x4a\x60\x86\x48\x01\x86\xf8\x4d\x01\x10\x01";
    [b"\xd9\x01\xf5\xa3\x00\x65intel\x01\x81", &comid[..], profile].concat()
}

#[test]
fn what_an_environment_is_has_to_be_said_once() {
    let bench = Bench::new();
    let (pair, signer) = key(&bench, "maker.pub", 1);
    let file = bench.file("intel.corim", &signed(&pair, &intel_corim()));
    let import = ["reference", "import", &file, "--name", "images", "--signer", &signer, "--at", AT];
    bench.refused(&import, "`vendor:Example/model:TD/mrtee`, `vendor:Example/model:TD/register:rtmr0`");
    let (td, tpm) = ("vendor:Example/model:TD=tdx", "vendor:Example/model:TPM=tpm");
    bench.refused(&and(&import, &["--map", td]), "`vendor:Example/model:TPM/register:4`");
    bench.refused(&and(&import, &["--map", td, "--map", "vendor:Example/model:TPM=tdx"]), "no profile says");
    bench.refused(
        &and(&import, &["--map", td, "--map", "vendor:Example=tpx"]),
        "`tpx` is no kind of evidence",
    );
    let output = bench.run(&and(&import, &["--map", td, "--map", tpm]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values = bench.sent()[0]["values"].clone();
    let row = |value: &Value| {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        (text("register"), text("digest").len() / 2, text("entry"))
    };
    let rows: Vec<_> = values.as_array().unwrap().iter().map(row).collect();
    let expected = [
        ("mr_td", 48, "r#0"),
        ("rtmr0", 48, "r#0"),
        ("pcr4", 32, "r#1/sha-256"),
        ("pcr7", 32, "r#1/sha-256"),
        ("pcr4", 48, "r#1/sha-384"),
        ("pcr7", 48, "r#1/sha-384"),
    ];
    assert_eq!(rows, expected.map(|(register, size, entry)| (register.to_owned(), size, entry.to_owned())));
    let without = bench.run(&and(&import, &["--map", td, "--map", "vendor:Example/model:TPM=none"]));
    assert_eq!(code(&without), 0, "{}", stderr(&without));
    assert_eq!(bench.sent()[0]["values"].as_array().unwrap().len(), 2);
}

#[test]
fn a_corim_by_another_key_or_changed_is_not_sent() {
    let bench = Bench::new();
    let ((pair, signer), (_, other)) = (key(&bench, "maker.pub", 1), key(&bench, "other.pub", 2));
    let signed = corim(&pair);
    let file = bench.file("release.corim", &signed);
    let import = |file: &str, more: &[&str], reason: &str| {
        let arguments = ["reference", "import", file, "--name", "images", "--at", AT];
        bench.refused(&[&arguments[..], more].concat(), reason);
    };
    import(&file, &[], "--signer");
    import(&file, &["--signer", &other], "none of the pinned signers (other ");
    import(&file, &["--signer", &file], "not one PEM block");
    import(&file, &["--accept-unsigned", "a test"], "carries its signature");
    let mut changed = signed.clone();
    changed[100] ^= 1;
    import(&bench.file("changed", &changed), &["--signer", &signer], "none of the pinned signers");
    let unsigned = hex_decode(CORIM).unwrap();
    import(&bench.file("unsigned", &unsigned), &["--signer", &signer], "not signed");
    import(&file, &["--signer", &signer, "--map", "sev-snp/key:9=tdx:mr_td"], "has no `sev-snp/key:9`");
    bench.refused(
        &[
            "reference",
            "import",
            &file,
            "--name",
            "images",
            "--signer",
            &signer,
            "--at",
            "2099-01-01T00:00:00Z",
        ],
        "counted until",
    );
}

#[test]
fn a_merge_keeps_what_the_broker_has() {
    let bench = Bench::new();
    let (pair, signer) = key(&bench, "maker.pub", 1);
    let file = bench.file("release.corim", &corim(&pair));
    for (name, count, version) in [("images", 2, json!(3)), ("new", 1, Value::Null)] {
        let output = bench.run(&[
            "reference",
            "import",
            &file,
            "--name",
            name,
            "--signer",
            &signer,
            "--at",
            AT,
            "--merge",
        ]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let sent = bench.sent();
        assert_eq!(sent[0]["values"].as_array().unwrap().len(), count, "{name}");
        assert_eq!(sent[0]["expected_version"], version, "{name}");
    }
}

#[test]
fn a_second_merge_changes_nothing() {
    let bench = Bench::new();
    let set =
        |byte: &str| json!({"values": [{"tee": "tdx", "register": "mr_td", "digest": byte.repeat(48)}]});
    let import = |byte: &str, more: &[&str]| {
        let file = bench.file("set.json", set(byte).to_string().as_bytes());
        let arguments =
            ["reference", "import", &file, "--name", "kept", "--accept-unsigned", "made here", "--merge"];
        let output = bench.run(&and(&arguments, more));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output
    };
    let again = import("22", &[]);
    assert_eq!((json_of(&again)["version"].clone(), bench.sent().len()), (json!(3), 0));
    assert!(stderr(&again).contains("nothing was stored"), "{}", stderr(&again));
    let planned = import("22", &["--dry-run"]);
    assert_eq!(json_of(&planned)["replaces"], 3);
    import("22", &["--expected-version", "2"]);
    assert_eq!(bench.sent()[0]["expected_version"], 2, "whoever names a version is answered by the broker");
    import("23", &[]);
    assert_eq!(bench.sent()[0]["values"].as_array().unwrap().len(), 2);
}

#[test]
fn an_import_of_nothing_is_refused() {
    let bench = Bench::new();
    let (pair, signer) = key(&bench, "maker.pub", 1);
    let file = bench.file("release.corim", &corim(&pair));
    let import = ["reference", "import", &file, "--name", "images", "--signer", &signer, "--at", AT];
    bench.refused(&and(&import, &["--map", "sev-snp=none"]), "no value that would be stored");
    let empty = bench.file("empty.json", br#"{"values":[]}"#);
    let import = ["reference", "import", &empty, "--name", "images", "--accept-unsigned", "x"];
    bench.refused(&import, "no value that would be stored");
}

#[test]
fn only_what_an_import_reads_is_signed() {
    let bench = Bench::new();
    let (pair, _) = key(&bench, "maker.pub", 1);
    let private = bench.home.path().join("key");
    let private = private.to_str().unwrap();
    assert_eq!(code(&bench.run(&["collateral", "key", "generate", private])), 0);
    let short = json!({"values": [{"tee": "tdx", "register": "mr_td", "digest": "33"}]}).to_string();
    for (name, bytes, reason) in [
        ("cut.json", &b"{\"values\":"[..], "is no set in JSON"),
        ("short.json", short.as_bytes(), "mr_td"),
        ("set.corim", &corim(&pair), "carries its signature"),
        ("rim.xml", b"<SoftwareIdentity/>", "NVIDIA signs"),
        ("other.json", b"{}", "is no set in JSON"),
    ] {
        let file = bench.file(name, bytes);
        bench.refused(&["reference", "sign", &file, "--sign-key", private], reason);
        assert!(!Path::new(&format!("{file}.sig")).exists(), "{name}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let bench = Bench::new();
    for (arguments, reason) in [
        (&["get", "new"][..], "there is no reference set `new`"),
        (&["get", "new", "--version", "9"], "there is no reference set `new` with a version 9"),
        (&["rollback", "new", "--to", "2"], "there is no reference set `new`"),
        (&["diff", "new", "1", "2"], "there is no reference set `new` with a version 1"),
    ] {
        let output = bench.run(&and(&["reference"], arguments));
        assert_eq!(code(&output), 1, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    bench.refused(&["reference", "put", "images"], "<--value <VALUE>|--file <FILE>>");
    let value = format!("sev-snp:measurment:{}", "11".repeat(48));
    bench.refused(&["reference", "put", "images", "--value", &value], "it has measurement");
    let value = format!("SEV-SNP:measurement:{}", "11".repeat(48));
    bench.refused(&["reference", "put", "images", "--value", &value], "these are: nvidia-gpu");
}

#[test]
fn a_file_without_a_signature_needs_one_beside_it_or_a_reason() {
    let bench = Bench::new();
    let set = json!({"values": [{"tee": "tdx", "register": "mr_td", "digest": "33".repeat(48)}]}).to_string();
    let file = bench.file("set.json", set.as_bytes());
    let private = bench.home.path().join("key");
    let private = private.to_str().unwrap();
    assert_eq!(code(&bench.run(&["collateral", "key", "generate", private])), 0);
    let public = format!("{private}.pub");
    let signed = bench.run(&["reference", "sign", &file, "--sign-key", private]);
    assert_eq!(code(&signed), 0, "{}", stderr(&signed));
    let signature = format!("{file}.sig");
    let import = ["reference", "import", &file, "--name", "images"];
    let output = bench.run(&and(&import, &["--signer", &public, "--signature", &signature]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let value = bench.sent()[0]["values"][0].clone();
    assert_eq!((&value["signer"]["name"], &value["source"]), (&json!("key"), &json!("json:set.json")));
    assert_eq!(value["signer"]["key_id"], json_of(&signed)["signers"][0]);

    let output = bench.run(&and(&import, &["--accept-unsigned", "made here"]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(bench.sent()[0]["values"][0]["signer"], json!({"unsigned": "made here"}));

    let (_, other) = key(&bench, "other.pub", 2);
    bench.refused(&and(&import, &["--signer", &public]), "no signature of its own");
    bench.refused(&and(&import, &["--signer", &other, "--signature", &signature]), "0 of the trusted keys");
    bench.refused(&and(&import, &["--signer", &public, "--signature", &file]), "the signatures");
    bench.refused(&and(&import, &["--accept-unsigned", ""]), "a reason has");
    let changed = bench.file("changed.json", set.replace("tdx", "tdx ").as_bytes());
    let other_file = ["reference", "import", &changed, "--name", "images"];
    bench
        .refused(&[&other_file[..], &["--signer", &public, "--signature", &signature]].concat(), "signature");
    let claims = set.replace("\"tdx\"", "\"tdx\",\"signer\":{\"unsigned\":\"\"}");
    let claims = bench.file("claims.json", claims.as_bytes());
    let arguments = ["reference", "import", &claims, "--name", "images", "--accept-unsigned", "x"];
    bench.refused(&arguments, "`signer` is what an import finds out");
    let again = bench.run(&["reference", "sign", &file, "--sign-key", private]);
    assert_eq!(code(&again), 2, "a signature is not overwritten");
}

#[test]
fn names_of_a_trustee_message_mean_what_is_said() {
    let bench = Bench::new();
    let payload = json!({"snp_launch_measurement": ["44".repeat(48), "55".repeat(48)], "snp_bootloader": 3});
    let payload = base64_encode(payload.to_string().as_bytes());
    let message = json!({"version": "0.1.0", "type": "sample", "payload": payload}).to_string();
    let file = bench.file("rvps.json", message.as_bytes());
    let import =
        ["reference", "import", &file, "--name", "images", "--accept-unsigned", "from our own build"];
    let map = "snp_launch_measurement=sev-snp:measurement";
    let output = bench.run(&and(&import, &["--map", map, "--map", "snp_bootloader=none"]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values = bench.sent()[0]["values"].clone();
    let digests: Vec<_> = values.as_array().unwrap().iter().map(|value| value["digest"].clone()).collect();
    assert_eq!(digests, [json!("44".repeat(48)), json!("55".repeat(48))]);
    assert_eq!(values[0]["source"], "rvps:rvps.json");

    let unsaid = "`snp_bootloader` (can only be left out: a value that is no text), `snp_launch_measurement`";
    bench.refused(&and(&import, &[]), unsaid);
    bench.refused(&and(&import, &["--map", map]), "`snp_bootloader`");
    bench.refused(
        &and(&import, &["--map", map, "--map", "snp_bootloader=sev-snp:measurement"]),
        "no digest alone",
    );
    bench.refused(&and(&import, &["--map", "snp_launch_measurement=sev-snp:mr_td"]), "no register `mr_td`");
    let swid = bench.file("swid.json", message.replace("sample", "swid").as_bytes());
    let arguments = ["reference", "import", &swid, "--name", "images", "--accept-unsigned", "x"];
    bench.refused(&arguments, "`swid`");
    let nothing = bench.file("nothing", b"nothing");
    bench.refused(&["reference", "import", &nothing, "--name", "a", "--accept-unsigned", "x"], "--form");
}

/// An image of one page that a measurement can be computed of.
fn firmware(path: &Path) {
    let hex = |text: &str| hex_decode(text).unwrap();
    let entry = |data: u32, guid: &str| [&data.to_le_bytes()[..], &22_u16.to_le_bytes(), &hex(guid)].concat();
    let table = [
        entry(4096, "666588dc4a989847a75e5585a7bf67cc"),
        entry(0x0080_b004, "de71f7007e1acb4f890e68c77e2fb44e"),
        [&62_u16.to_le_bytes()[..], &hex("de82b596b21ff745baeaa366c55a082d")].concat(),
    ];
    let words = [28_u32, 1, 1, 0x80_0000, 0x1000, 1].map(u32::to_le_bytes).concat();
    let mut image = [b"ASEV".to_vec(), words].concat();
    image.resize(4096 - 32 - 62, 0);
    image.extend(table.concat());
    image.resize(4096, 0);
    fs::write(path, image).unwrap();
}

#[test]
fn a_measurement_is_ready_to_be_put() {
    let bench = Bench::new();
    let image = bench.home.path().join("OVMF.fd");
    firmware(&image);
    let image = image.to_str().unwrap();
    let measure = ["reference", "measure", "snp", "--ovmf", image, "--vcpus", "2"];
    let output = bench.run(&[&measure[..], &["--vcpu-type", "EPYC-Milan"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let value = &json_of(&output)["values"][0];
    assert_eq!((&value["tee"], &value["note"]), (&json!("sev-snp"), &json!("OVMF.fd, 2 vCPUs")));
    let file = bench.file("measured.json", stdout(&output).as_bytes());
    let put = bench.run(&["reference", "put", "images", "--file", &file]);
    assert_eq!(code(&put), 0, "{}", stderr(&put));
    assert_eq!(&bench.sent()[0]["values"][0], value);

    bench.refused(&measure, "--vcpu-type");
    bench.refused(&[&measure[..], &["--vcpu-type", "Skylake"]].concat(), "EPYC-Genoa");
    bench.refused(&[&measure[..], &["--vmm", "ec2", "--append", "x"]].concat(), "--kernel");
    let kernel = bench.file("bzImage", b"kernel");
    let checked = [&measure[..], &["--vcpu-type", "EPYC", "--kernel", &kernel]].concat();
    bench.refused(&checked, "start it unchecked");
    let no_firmware = ["reference", "measure", "snp", "--ovmf", &kernel, "--vcpus", "1", "--vmm", "ec2"];
    bench.refused(&no_firmware, "whole pages");
}

/// An image of one page with TDX metadata: it is the boot volume, where the machine starts.
fn tdx_firmware() -> Vec<u8> {
    let hex = |text: &str| hex_decode(text).unwrap();
    let place =
        [&1024_u32.to_le_bytes()[..], &22_u16.to_le_bytes(), &hex("35657ae44a989847865e4685a7bf8ec2")];
    let table =
        [place.concat(), [&40_u16.to_le_bytes()[..], &hex("de82b596b21ff745baeaa366c55a082d")].concat()];
    let words = [48_u32, 1, 1, 0, 4096, 0xffff_f000, 0, 4096, 0, 0, 1].map(u32::to_le_bytes).concat();
    let metadata = [hex("f3f9eae98e16d544a8eb7f4d8738f6ae"), b"TDVF".to_vec(), words].concat();
    let mut image = vec![7; 4096 - 1024 - 16];
    image.extend(metadata);
    image.resize(4096 - 32 - 40, 0);
    image.extend(table.concat());
    image.resize(4096, 0);
    image
}

#[test]
fn mrtd_is_ready_to_be_put() {
    let bench = Bench::new();
    let image = bench.file("OVMF.fd", &tdx_firmware());
    let measure = ["reference", "measure", "tdx", "--ovmf", &image];
    let output = bench.run(&measure);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let value = &json_of(&output)["values"][0];
    assert_eq!((&value["tee"], &value["register"]), (&json!("tdx"), &json!("mr_td")));
    assert_eq!(value["note"], "OVMF.fd, measured by page");
    assert!(value["source"].as_str().unwrap().starts_with("computed:sha256:"), "{value}");
    let file = bench.file("measured.json", stdout(&output).as_bytes());
    let put = bench.run(&["reference", "put", "images", "--file", &file]);
    assert_eq!(code(&put), 0, "{}", stderr(&put));
    assert_eq!(&bench.sent()[0]["values"][0], value);
    let import =
        ["reference", "import", &file, "--name", "images", "--accept-unsigned", "computed here", "--merge"];
    assert_eq!(code(&bench.run(&import)), 0);
    assert_eq!(bench.sent()[0]["values"][1]["source"], value["source"], "an import keeps it");
    let noted = bench.run(&[&measure[..], &["--note", "release 7", "--page-order", "section"]].concat());
    assert_eq!(json_of(&noted)["values"][0]["note"], "release 7");
    assert_eq!(json_of(&noted)["values"][0]["digest"], value["digest"], "one page has no order");

    let mut code_alone = tdx_firmware();
    code_alone[4096 - 1024 + 16 + 1] = 0x10;
    let code_alone = bench.file("OVMF_CODE.fd", &code_alone);
    bench.refused(&["reference", "measure", "tdx", "--ovmf", &code_alone], "a part of one");
    let snp = bench.home.path().join("SNP.fd");
    firmware(&snp);
    bench.refused(&["reference", "measure", "tdx", "--ovmf", snp.to_str().unwrap()], "not built for TDX");
    bench.refused(&["reference", "measure", "tdx"], "--ovmf");
    bench.refused(&[&measure[..], &["--page-order", "chunk"]].concat(), "possible values: page, section");
    bench.refused(&["reference", "measure", "tdx", "--ovmf", "/nowhere/OVMF.fd"], "/nowhere/OVMF.fd");
}

#[test]
fn an_import_without_a_broker_is_3() {
    let bench = Bench::new();
    let (_held, address) = nobody();
    let set = json!({"values": [{"tee": "tdx", "register": "mr_td", "digest": "33".repeat(48)}]}).to_string();
    let file = bench.file("set.json", set.as_bytes());
    let arguments =
        ["reference", "import", &file, "--name", "images", "--accept-unsigned", "x", "--addr", &address];
    assert_eq!(code(&bench.run(&arguments)), 3);
}
