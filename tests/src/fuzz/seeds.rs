//! Genuine inputs: the project's own fixtures, and what the lab makes. A seed that cannot be made is left
//! out, and a test asks that every target has some.

use hanzo_attestation::event_log::Quoted;
use hanzo_attestation_collateral::Document as Stored;
use hanzo_attestation_collateral::bundle::{
    Algorithm, BundleSigner, Container, Deny, Draft, EdnFloors, Kind as Stock, MANIFEST, SIGNATURE, seal, tar,
};
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_attestation_evidence::{Binding, Hex, Kem, Recipient, UnixTime, tdi};
use hanzo_attestation_lab::event_log::ima::ImaList;
use hanzo_attestation_lab::event_log::{EventKind, LabLog, variable};
use hanzo_attestation_lab::{
    AzOrder, DeviceOrder, Lab, LabChip, LabDevice, NvidiaLab, OcspOrder, PckAuthority, RimMinimum, RimOrder,
    RimProduct, RimVendor, SgxOrder, SnpOrder, SnpProduct, TdiOrder, TdxBody, TdxOrder, TpmOrder, Vek,
};
use hanzo_fixtures::{Case, Kind, cases};
use hanzo_policy::TestCase;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// An instant at which everything that the lab signed is valid.
pub(super) fn now() -> UnixTime {
    let start = Lab::fixture().validity().not_before.seconds();
    UnixTime::from_seconds(start.saturating_add(86_400)).unwrap_or(UnixTime::MAX)
}

/// A binding, of no evidence here.
pub(super) fn binding() -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![7; 32]);
    let binding = recipient.and_then(|recipient| Binding::new("nonce", &recipient, None, &[]));
    let Ok(binding) = binding else { unreachable!("a fixed binding") };
    binding
}

/// Several byte strings as one: each but the last with its length before it, u32 little-endian.
pub(super) fn parts(parts: &[Vec<u8>]) -> Vec<u8> {
    let last = parts.len().saturating_sub(1);
    let mut bytes = Vec::new();
    for (position, part) in parts.iter().enumerate() {
        if position < last {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        bytes.extend(part);
    }
    bytes
}

/// Reads them back, at most so many. What does not fit is one part, the last.
pub(super) fn read_parts(bytes: &[u8], several: usize) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while parts.len() + 1 < several {
        let Some((size, after)) = rest.split_first_chunk::<4>() else { break };
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let Some((part, after)) = after.split_at_checked(size) else { break };
        parts.push(part.to_vec());
        rest = after;
    }
    parts.push(rest.to_vec());
    parts
}

fn fixture_cases(kind: Kind) -> Vec<Case> {
    cases(kind).unwrap_or_default()
}

/// One of each generation, product and endorsement key.
fn lab_snp() -> Vec<Value> {
    let orders = SnpProduct::ALL.into_iter().flat_map(|product| {
        [(2, Vek::Vcek), (3, Vek::Vlek), (5, Vek::Vcek)].map(|(version, vek)| SnpOrder {
            product,
            version,
            vek,
            ..SnpOrder::default()
        })
    });
    orders.filter_map(|order| Lab::fixture().snp(&order).ok()).collect()
}

fn lab_tdx() -> Vec<Value> {
    let log = LabLog::usual_td();
    let orders = [
        (4, TdxBody::Td10, None),
        (5, TdxBody::Td15, None),
        (4, TdxBody::Td10, Some(log.bytes_with_fill(4096))),
    ];
    orders
        .into_iter()
        .filter_map(|(version, body, event_log)| {
            let order = TdxOrder { version, body, event_log, rtmr: log.rtmrs(), ..TdxOrder::default() };
            Lab::fixture().tdx(&order).ok()
        })
        .collect()
}

fn lab_sgx() -> Vec<Value> {
    Lab::fixture().sgx(&SgxOrder::default()).into_iter().collect()
}

fn lab_azure() -> Vec<Value> {
    [AzOrder::default(), AzOrder::tdx()].iter().filter_map(|order| Lab::fixture().azure(order).ok()).collect()
}

/// Whole evidence documents.
pub(super) fn documents() -> Vec<Vec<u8>> {
    let fixtures = Kind::EVIDENCE.into_iter().flat_map(fixture_cases).map(|case| case.document());
    let lab = [lab_snp(), lab_tdx(), lab_sgx(), vec![tpm_item()], lab_azure()]
        .concat()
        .into_iter()
        .map(|item| Lab::document(vec![item]));
    let key = json!({"evidence": [{"type": "registered-key", "key_id": "k", "signature": "AA=="}]});
    fixtures.chain(lab).chain([key]).map(|document| document.to_string().into_bytes()).collect()
}

/// A member of an item, decoded.
fn member(item: &Value, name: &str) -> Option<Vec<u8>> {
    base64_decode(item.get(name)?.as_str()?).ok()
}

/// A report and its certificates, as [`parts`].
pub(super) fn snp_items() -> Vec<Vec<u8>> {
    let lab = lab_snp().into_iter().filter_map(|item| {
        let mut all = vec![member(&item, "report")?];
        let certificates = item.get("certs")?.as_array()?.iter();
        all.extend(certificates.filter_map(|text| base64_decode(text.as_str()?).ok()));
        Some(parts(&all))
    });
    let fixtures = fixture_cases(Kind::SevSnp).into_iter().filter_map(|case| {
        let mut all = vec![case.file("report.bin")?.to_vec()];
        all.extend(case.certificates().map(<[u8]>::to_vec));
        Some(parts(&all))
    });
    lab.chain(fixtures).collect()
}

/// A quote and its log, as [`parts`].
pub(super) fn tdx_items() -> Vec<Vec<u8>> {
    let lab = lab_tdx().into_iter().filter_map(|item| {
        Some(parts(&[member(&item, "quote")?, member(&item, "event_log").unwrap_or_default()]))
    });
    let fixtures = fixture_cases(Kind::Tdx)
        .into_iter()
        .filter_map(|case| Some(parts(&[case.file("quote.bin")?.to_vec(), Vec::new()])));
    lab.chain(fixtures).collect()
}

pub(super) fn sgx_quotes() -> Vec<Vec<u8>> {
    lab_sgx().iter().filter_map(|item| member(item, "quote")).collect()
}

/// An item of a TPM with its log.
pub(super) fn tpm_item() -> Value {
    let order = TpmOrder { with_public_area: true, ..TpmOrder::default() };
    Lab::fixture().tpm(&order).unwrap_or_default()
}

pub(super) fn tpm_items() -> Vec<Vec<u8>> {
    attests()
}

pub(super) fn attests() -> Vec<Vec<u8>> {
    member(&tpm_item(), "attest").into_iter().collect()
}

pub(super) fn tpm_signatures() -> Vec<Vec<u8>> {
    member(&tpm_item(), "signature").into_iter().collect()
}

pub(super) fn hardware_names() -> Vec<Vec<u8>> {
    let (pdi, root) = ("41".repeat(8), "9f".repeat(32));
    let pair = format!(
        r#"{{"machine":{{"tee":"sev-snp","root":"{root}","id":"{pdi}"}},"devices":[{{"root":"{root}","pdi":"{pdi}"}}]}}"#
    );
    [format!("{pdi}@{root}"), format!("sev-snp:{pdi}@{root}"), format!("tpm:{root}"), pair]
        .map(String::into_bytes)
        .to_vec()
}

/// The key and the signed claims of RFC 7515, A.3, under the header of a statement: the signature is not of these.
pub(super) const KEY_SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
/// `{"alg":"ES256","typ":"hanzo-history+jwt","kid":"k1"}`, then as above.
pub(super) const HISTORY: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImhhbnpvLWhpc3Rvcnkrand0Iiwia2lkIjoiazEifQ.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

pub(super) fn histories() -> Vec<Vec<u8>> {
    let digest = "02".repeat(32);
    let version = |number: u64| {
        format!(
            r#"{{"version":{number},"digest":"{digest}","created_at":"2026-11-01T00:00:00Z","decision":{number},"hash":"{digest}","actor":"a"}}"#
        )
    };
    let stated = format!(
        r#"{{"iss":"https://kbs.example","iat":"2026-11-01T00:00:00Z","kind":"policy","name":"p","versions":[{},{}],"head":{{"seq":9,"hash":"{digest}"}}}}"#,
        version(1),
        version(2)
    );
    vec![HISTORY.into(), KEY_SET.into(), stated.into_bytes()]
}

pub(super) fn changes() -> Vec<Vec<u8>> {
    let key = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &[1; 32]].concat();
    let key = base64_encode(&key);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
    let (nonce, signature) = ("01".repeat(16), "02".repeat(64));
    let change = format!(
        r#"{{"kind":"policy","name":"p","body":"x","expected_version":1,"author":"a","nonce":"{nonce}","signature":"{signature}"}}"#
    );
    let approval = format!(r#"{{"approver":"b","signature":"{signature}"}}"#);
    let demands = r#"{"kind":"key","minimum_tier":2,"require_cpu_tee":true}"#.to_owned();
    let (root, id) = ("02".repeat(32), "03".repeat(64));
    let pair = format!(
        r#"{{"devices":[{{"pdi":"4141414141414141","root":"{root}"}}],"machine":{{"id":"{id}","root":"{root}","tee":"sev-snp"}}}}"#
    );
    let trust = format!(
        r#"{{"format":"hanzo-kbs/v1/trust","quorum":{{"people":[{{"key_sha256":"{root}","name":"a"}}],"scopes":[{{"approvals":1,"changes":["trust"],"name":"t","names":[],"wait_seconds":0}}]}}}}"#
    );
    [pem, change, approval, demands, pair, trust].map(String::into_bytes).to_vec()
}

pub(super) fn tpm_publics() -> Vec<Vec<u8>> {
    member(&tpm_item(), "ak_tpmt").into_iter().collect()
}

/// The paravisor's reports of a machine of each kind; in an item they are base64 in the alphabet for URLs.
pub(super) fn hcl_reports() -> Vec<Vec<u8>> {
    let items =
        [AzOrder::default(), AzOrder::tdx()].map(|order| Lab::fixture().azure(&order).unwrap_or_default());
    let texts = items.iter().filter_map(|item| item.pointer("/evidence/hcl_report")?.as_str());
    texts.filter_map(|text| base64_decode(&text.replace('-', "+").replace('_', "/")).ok()).collect()
}

/// The JSON inside, from offset 1236 on, without the fill.
pub(super) fn runtime_data() -> Vec<Vec<u8>> {
    let reports = hcl_reports();
    let data = reports.iter().filter_map(|report| report.get(1236..));
    data.map(|data| data.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()).collect()
}

pub(super) fn tcb_infos() -> Vec<Vec<u8>> {
    Lab::fixture().intel_collateral().tcb_infos().map(|document| document.body.clone()).collect()
}

pub(super) fn qe_identities() -> Vec<Vec<u8>> {
    Lab::fixture().intel_collateral().qe_identities().map(|document| document.body.clone()).collect()
}

/// The certificates in a quote: PEM, from its first block to the end.
pub(super) fn pck_chains() -> Vec<Vec<u8>> {
    let quotes = quotes();
    let chains = quotes.iter().filter_map(|quote| {
        let start = quote.windows(11).position(|window| window == b"-----BEGIN ")?;
        quote.get(start..)
    });
    chains.map(<[u8]>::to_vec).collect()
}

pub(super) fn snp_reports() -> Vec<Vec<u8>> {
    let lab = lab_snp().into_iter().filter_map(|item| member(&item, "report"));
    let fixtures = fixture_cases(Kind::SevSnp);
    let fixtures = fixtures.iter().filter_map(|case| case.file("report.bin").map(<[u8]>::to_vec));
    lab.chain(fixtures).collect()
}

pub(super) fn quotes() -> Vec<Vec<u8>> {
    let tdx = tdx_items().iter().filter_map(|item| read_parts(item, 2).into_iter().next()).collect();
    [tdx, sgx_quotes()].concat()
}

/// A vendor of NVIDIA devices, whose root counts here.
pub(super) static NVIDIA: LazyLock<Option<NvidiaLab>> =
    LazyLock::new(|| NvidiaLab::generate(LabChip::Gh100, Lab::fixture().validity()).ok());

/// GPUs whose reports have either layout of opaque data, neighbours, and zeros after the signature.
fn devices() -> Vec<LabDevice> {
    let orders = [
        DeviceOrder::default(),
        DeviceOrder { nvdaod: true, ..DeviceOrder::default() },
        DeviceOrder { neighbours: vec![*b"lab-swi0"], protected_pcie: true, ..DeviceOrder::default() },
        DeviceOrder { fwid: false, mode: None, trailing: 16, ..DeviceOrder::default() },
    ];
    let vendor = NVIDIA.iter();
    vendor.flat_map(|vendor| orders.iter().filter_map(|order| vendor.device(order).ok())).collect()
}

/// Reports and chains, as one.
pub(super) fn nvidia_devices() -> Vec<Vec<u8>> {
    devices().into_iter().map(|device| parts(&[device.report, device.certs.into_bytes()])).collect()
}

pub(super) fn nvidia_reports() -> Vec<Vec<u8>> {
    devices().into_iter().map(|device| device.report).collect()
}

/// Interfaces of that vendor, in both versions of SPDM: what the guest was told of each, and its objects.
fn interfaces() -> Vec<(String, tdi::Parts)> {
    let orders =
        [false, true].map(|spdm_1_3| TdiOrder { chip: LabChip::Gh100, spdm_1_3, ..TdiOrder::default() });
    let locked =
        NVIDIA.iter().flat_map(|vendor| orders.iter().filter_map(|order| vendor.interface(order).ok()));
    locked.filter_map(|interface| Some((interface.told(), interface.answer([7; 32]).ok()?))).collect()
}

fn of_interfaces(read: fn(tdi::Parts) -> Vec<u8>) -> Vec<Vec<u8>> {
    interfaces().into_iter().map(|(_, objects)| read(objects)).collect()
}

/// All objects as one.
pub(super) fn tdi_items() -> Vec<Vec<u8>> {
    of_interfaces(|o| parts(&[o.certs, o.vca, o.interface_report, o.measurements_at_lock, o.measurements]))
}

pub(super) fn tdi_reports() -> Vec<Vec<u8>> {
    of_interfaces(|objects| objects.interface_report)
}

pub(super) fn tdi_negotiations() -> Vec<Vec<u8>> {
    of_interfaces(|objects| objects.vca)
}

pub(super) fn tdi_measurements() -> Vec<Vec<u8>> {
    of_interfaces(|objects| objects.measurements)
}

pub(super) fn tdi_certificates() -> Vec<Vec<u8>> {
    of_interfaces(|objects| objects.certs)
}

pub(super) fn tdi_events() -> Vec<Vec<u8>> {
    interfaces().into_iter().map(|(told, _)| told.into_bytes()).collect()
}

/// OCSP responses about each certificate of a chain, by the issuer and by its responder.
pub(super) fn nvidia_ocsp() -> Vec<Vec<u8>> {
    let Some(vendor) = &*NVIDIA else { return Vec::new() };
    let Ok(device) = vendor.device(&DeviceOrder::default()) else { return Vec::new() };
    let order = |index, sha384, by_issuer| OcspOrder {
        index,
        device_serial: device.device_serial.clone(),
        sha384,
        by_issuer,
        now: now(),
        defect: None,
    };
    let orders = [order(1, false, false), order(2, true, true), order(3, true, false)];
    orders.iter().filter_map(|order| vendor.ocsp(order).ok()).collect()
}

/// Manifests of each product, with golden values and security versions.
pub(super) fn nvidia_rims() -> Vec<Vec<u8>> {
    let Ok(vendor) = RimVendor::generate(Lab::fixture().validity()) else { return Vec::new() };
    let minimum = RimMinimum { kind: 37, name: "FSP".to_owned(), min_svn: 1, include_in_result: true };
    let order = |product| RimOrder { product, minimums: vec![minimum.clone()], ..RimOrder::default() };
    let products = [RimProduct::Gh100, RimProduct::Gb100, RimProduct::Ls10];
    let lab = products.into_iter().filter_map(|product| vendor.manifest(&order(product)).ok());
    let published =
        fixture_cases(Kind::NvidiaRim).into_iter().filter_map(|case| Some(case.file("rim.xml")?.to_vec()));
    lab.chain(published).collect()
}

/// AMD's table of certificates in a guest: GUID, offset and length of each, a row of zeros, and the
/// certificates.
pub(super) fn certificate_tables() -> Vec<Vec<u8>> {
    const GUIDS: [&str; 3] = [
        "8dda7563ad9b4ea4a10d53c7ac11d5b4",
        "7ab8b34a7f2b4f0e9a8e0f4c9b3f9c1d",
        "00000000000000000000000000000001",
    ];
    let certificates: Vec<Vec<u8>> = certificates().into_iter().take(GUIDS.len()).collect();
    let mut rows = Vec::new();
    let mut data = Vec::new();
    for (guid, certificate) in GUIDS.iter().zip(&certificates) {
        let offset = 24 * (GUIDS.len() + 1) + data.len();
        rows.extend(hex::decode(guid).unwrap_or_default());
        rows.extend(u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
        rows.extend(u32::try_from(certificate.len()).unwrap_or(u32::MAX).to_le_bytes());
        data.extend(certificate);
    }
    rows.extend([0; 24]);
    vec![[rows, data].concat(), vec![0; 64]]
}

pub(super) fn certificates() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        SnpProduct::ALL.map(|product| Lab::fixture().amd_root(product).to_vec()).into();
    let fixtures = fixture_cases(Kind::SevSnp);
    all.extend(fixtures.iter().flat_map(Case::certificates).map(<[u8]>::to_vec));
    all.extend(snp_items().iter().flat_map(|item| read_parts(item, 4).into_iter().skip(1)));
    all.sort();
    all.dedup();
    all
}

pub(super) fn revocation_lists() -> Vec<Vec<u8>> {
    let lab = Lab::fixture();
    let intel = lab.intel_collateral().lists().cloned();
    lab.amd_lists().into_iter().chain(intel).collect()
}

/// Intel's collateral as one JSON object carries it, in lab signatures.
pub(super) fn intel_json() -> Vec<Vec<u8>> {
    let lab = Lab::fixture();
    let collateral = lab.intel_collateral();
    [PckAuthority::Platform, PckAuthority::Processor]
        .into_iter()
        .flat_map(|authority| [collateral.tdx_object(authority), collateral.sgx_object(authority)])
        .map(|object| object.to_string().into_bytes())
        .collect()
}

pub(super) fn ccels() -> Vec<Vec<u8>> {
    let mut agents = LabLog::usual_td();
    agents.event(3, EventKind::DSTACK_RUNTIME, b"\x01\x00\x00\x08:app-id:\x01\xab");
    let dstack = json!([{
        "imr": 3, "event_type": 134_217_729, "digest": "00".repeat(48), "event": "app-id", "event_payload": "01ab",
        "version": 2,
    }]);
    vec![
        LabLog::usual_td().bytes(),
        LabLog::usual_td().bytes_with_fill(4096),
        agents.bytes(),
        dstack.to_string().into_bytes(),
    ]
}

/// The registers of the first two.
pub(super) fn usual_rtmrs() -> [Hex<48>; 4] {
    LabLog::usual_td().rtmrs().map(Hex)
}

const BANKS: [PcrBank; 2] = [PcrBank::Sha256, PcrBank::Sha384];

pub(super) fn tcg2() -> Vec<Vec<u8>> {
    let mut with_locality = LabLog::tpm(&BANKS);
    with_locality.startup_locality(3).event(0, EventKind::S_CRTM_VERSION, b"1").separator(0);
    vec![
        LabLog::usual_tpm(&BANKS).bytes(),
        with_locality.bytes(),
        LabLog::usual_tpm(&[PcrBank::Sha1]).bytes(),
    ]
}

fn list() -> ImaList {
    let mut list = ImaList::new();
    list.boot_aggregate(PcrBank::Sha256, &LabLog::usual_tpm(&BANKS).pcrs())
        .file("/usr/bin/init", b"init")
        .signed_file("/usr/bin/signed", b"signed", &[3, 2, 4])
        .buffer("kexec-cmdline", b"ro")
        .modsig_file("/lib/module.ko", b"module")
        .violation("/var/log/journal")
        .old_file("/usr/bin/old", b"old");
    list
}

/// The registers of the first log of [`tcg2`], with PCR 10 as the list leaves it.
pub(super) fn usual_pcrs() -> Quoted {
    let mut quoted = LabLog::usual_tpm(&BANKS).pcrs();
    if let Ok(value) = list().pcr10(PcrBank::Sha256).as_slice().try_into() {
        quoted.insert((PcrBank::Sha256, 10), value);
    }
    quoted
}

pub(super) fn ima() -> Vec<Vec<u8>> {
    vec![list().bytes()]
}

/// An ACPI table of a TD, with a right checksum.
pub(super) fn ccel_tables() -> Vec<Vec<u8>> {
    let mut table = vec![0; 56];
    let mut write = |at: usize, bytes: &[u8]| {
        table.iter_mut().skip(at).zip(bytes).for_each(|(byte, new)| *byte = *new);
    };
    write(0, b"CCEL\x38");
    write(36, &[2]);
    write(42, &[1]);
    let sum = table.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    if let Some(checksum) = table.get_mut(9) {
        *checksum = sum;
    }
    vec![table]
}

pub(super) fn variables() -> Vec<Vec<u8>> {
    vec![variable("SecureBoot", &[1]), variable("db", &[7; 100])]
}

fn bundle() -> Option<Container> {
    let documents = Lab::fixture().amd_lists().into_iter().zip(0..).map(|(bytes, number)| Stored {
        kind: Stock::AmdCrl,
        key: format!("list-{number}"),
        bytes,
        issued: now(),
        expires: now(),
    });
    let documents = documents.collect();
    let draft = Draft {
        bundle_id: "seed".to_owned(),
        sequence: 1,
        created: now(),
        not_before: now(),
        not_after: UnixTime::from_seconds(now().seconds() + 86_400).ok()?,
        edn_floors: EdnFloors::default(),
        deny: Deny::default(),
        documents,
    };
    let key = BundleSigner::generate(Algorithm::Ed25519).ok()?;
    seal(draft, &[BundleSigner::from_pem(key.as_bytes()).ok()?]).ok()
}

fn bundle_file(name: &str) -> Vec<Vec<u8>> {
    bundle().iter().filter_map(|bundle| bundle.file(name).map(<[u8]>::to_vec)).collect()
}

pub(super) fn manifests() -> Vec<Vec<u8>> {
    bundle_file(MANIFEST)
}

pub(super) fn bundle_signatures() -> Vec<Vec<u8>> {
    bundle_file(SIGNATURE)
}

pub(super) fn archives() -> Vec<Vec<u8>> {
    bundle().iter().map(tar::write).collect()
}

/// Messages of the native protocol, as nodes and the broker write them.
pub(super) fn messages() -> Vec<Vec<u8>> {
    let recipient =
        json!({"kem": "X25519-HKDF-SHA256", "public_key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="});
    let evidence = json!([{"type": "sev-snp", "report": "AA==", "certs": []}]);
    let (at, hash) = ("2026-01-01T00:00:00Z", "07".repeat(32));
    let sealed = json!({"kem": "X25519-HKDF-SHA256", "kdf": "HKDF-SHA256", "aead": "AES-256-GCM", "enc": "AA==",
        "ciphertext": "AA==", "aad": "e30="});
    let key = json!({"key_id": "weights", "version": 1, "sealed": sealed, "expires_at": at});
    let receipt = json!({"seq": 1, "at": at, "key_id": "weights", "version": 1, "prev": hash, "hash": hash});
    let proof =
        json!({"nonce": "n", "recipient": recipient, "evidence": evidence, "runtime_data": {"purpose": "x"}});
    let with = |name: &str, value: Value| {
        let mut message = proof.clone();
        message[name] = value;
        message
    };
    [
        json!({}),
        json!({"nonce": "n", "expires_at": at}),
        proof.clone(),
        json!({"token": "t", "tier": 3, "expires_at": at, "findings": [{"rule": "SNP-33"}]}),
        json!({"keys": ["weights"]}),
        with("keys", json!(["weights", "adapter"])),
        json!({"session_id": "s", "tier": 2, "expires_at": at, "keys": [key], "receipts": [receipt],
            "checkpoint": {"seq": 1, "hash": hash}}),
        with("session_id", json!("s")),
        json!({"session_id": "s"}),
        sealed,
        json!({"type": "about:blank", "title": "t", "status": 403, "code": "EvidenceRefused", "detail": "d"}),
    ]
    .map(|message| message.to_string().into_bytes())
    .into()
}

pub(super) fn associated_data() -> Vec<Vec<u8>> {
    let aad = hanzo_kbs_protocol::Aad {
        key_id: "weights".to_owned(),
        version: 1,
        tier: 3,
        session_id: "s".to_owned(),
        receipt: Hex([7; 32]),
    };
    aad.to_bytes().into_iter().collect()
}

pub(super) fn policies() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../demo/release.cedar").to_vec(),
        b"permit(principal, action, resource) when { principal.tier >= 3 };".to_vec(),
        br#"forbid(principal, action, resource == Key::"a") unless { principal has tdx && ((true)) };"#
            .to_vec(),
    ]
}

pub(super) fn policy_cases() -> Vec<Vec<u8>> {
    let case = json!({"name": "a", "node": {"tee": "tdx", "tier": 2, "registers": {"rtmr0": "00".repeat(48)}},
        "key": {"id": "weights", "minimum_tier": 2}, "expect": "granted"});
    vec![case.to_string().into_bytes(), json!([case]).to_string().into_bytes()]
}

/// Facts of nodes, as the broker keeps them.
pub(super) fn node_facts() -> Vec<Vec<u8>> {
    let nodes = [
        json!({"tee": "tdx", "measurement": "22".repeat(48), "registers": {"rtmr0": "01".repeat(48)}}),
        json!({"tee": "sev-snp", "measurement": "11".repeat(48), "chip": "ab".repeat(64), "advisories": ["a"]}),
        json!({"tee": "registered-key", "identity": "runner"}),
    ];
    let facts = |node: Value| {
        let key = json!({"id": "acme/weights", "minimum_tier": 2});
        let case = json!({"name": "a", "node": node, "key": key, "expect": "granted"});
        TestCase::read(case.to_string().as_bytes()).ok()?.pop()?.facts().ok()?.to_bytes().ok()
    };
    nodes.into_iter().filter_map(facts).collect()
}

/// Values for the places of the templates.
pub(super) fn policy_templates() -> Vec<Vec<u8>> {
    let values = "scope=acme/disk\nimages=prod\ntier=3\nchips=ab,cd\nfrom=2026-11-01T00:00:00Z\n\
        until=2026-12-01T00:00:00Z\ntenant=acme\nprefix=acme-\nidentity=ci\ncount=8\n";
    vec![values.as_bytes().to_vec(), values.replace("acme/disk", "acme").into_bytes()]
}

/// Thresholds, as a configuration file has them.
pub(super) fn appraisals() -> Vec<Vec<u8>> {
    let log = json!({"require_log": true, "boot_components": {"rtmr2": ["00".repeat(48)]}, "kernel_cmdlines": ["ro"]});
    vec![json!({"snp": {}, "tdx": {"rtmr3": "any", "log": log}}).to_string().into_bytes()]
}
