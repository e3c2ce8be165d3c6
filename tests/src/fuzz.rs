//! Hostile input: one table of everything that reads bytes from outside, with genuine inputs to start from.
//!
//! Two programs run it. `cargo run -p hanzo-tests --bin fuzz` changes the seeds blindly, on any machine with
//! Rust alone; `tests/fuzz` is a cargo-fuzz package whose runs are guided by coverage. A target's function
//! must return: a panic, an overflow of the stack, or an assertion that fails is a defect (COL-23). Where a
//! format has one spelling, a target also asserts that what was read is written back as the same bytes.
//!
//! A new parser gets an entry in [`TARGETS`], and nothing else.

mod mutate;
mod references;
mod seeds;

pub use mutate::{Mutator, Random};

use hanzo_attestation::event_log;
use hanzo_attestation::nvidia::rim::verify_rim;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, precheck, verify};
use hanzo_attestation_collateral::bundle::{Manifest, Signatures, tar};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::event_log::{CcelTable, PcrBank, Variable};
use hanzo_attestation_evidence::x509::{Certificate, Crl};
use hanzo_attestation_evidence::{
    DeviceId, Document, Hex, MachineId, azure, dcap, json, nvidia, sgx, snp, tdi, tpm,
};
use hanzo_attestation_lab::Lab;
use hanzo_kbs_protocol as protocol;
use hanzo_kbs_protocol::changes::{KeyDemands, PairBody, TrustDocument, canonical, differences, read_body};
use hanzo_policy::template::TEMPLATES;
use hanzo_policy::{Appraisal, NodeFacts, Policies, PolicySource, TestCase, appraise_item};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One thing that reads bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and the name of its coverage-guided twin.
    pub name: &'static str,
    /// Genuine inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Reads the bytes, whatever they are.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:literal: $seeds:path => $run:expr;)*) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target { name: $name, seeds: $seeds, run: $run },)*];
    };
}

targets! {
    "document": seeds::documents => document;
    "snp-item": seeds::snp_items => snp_item;
    "tdx-item": seeds::tdx_items => tdx_item;
    "sgx-item": seeds::sgx_quotes => sgx_item;
    "nvidia-item": seeds::nvidia_devices => nvidia_item;
    "hardware-names": seeds::hardware_names => hardware_names;
    "changes": seeds::changes => changes;
    "signed-history": seeds::histories => signed_history;
    "nvidia-report": seeds::nvidia_reports => |bytes| drop(nvidia::Report::parse(bytes));
    "nvidia-ocsp": seeds::nvidia_ocsp => |bytes| drop(nvidia::OcspResponse::parse(bytes));
    "nvidia-rim": seeds::nvidia_rims => nvidia_rim;
    "tdi-item": seeds::tdi_items => tdi_item;
    "tdi-report": seeds::tdi_reports => |bytes| drop(tdi::InterfaceReport::parse(bytes));
    "tdi-negotiation": seeds::tdi_negotiations => |bytes| drop(tdi::Vca::parse(bytes));
    "tdi-measurements": seeds::tdi_measurements => tdi_measurements;
    "tdi-certificates": seeds::tdi_certificates => |bytes| drop(tdi::CertificateChain::parse(bytes));
    "tdi-event": seeds::tdi_events => |bytes| drop(tdi::Accepted::parse(bytes));
    "snp-report": seeds::snp_reports => |bytes| drop(snp::Report::parse(bytes));
    "snp-certificate-table": seeds::certificate_tables => |bytes| drop(snp::certificate_table::parse(bytes));
    "certificate": seeds::certificates => |bytes| drop(Certificate::parse(bytes));
    "revocation-list": seeds::revocation_lists => |bytes| drop(Crl::parse(bytes));
    "quote": seeds::quotes => |bytes| drop(dcap::Quote::parse(bytes));
    "sgx-ra-tls": seeds::certificates => |bytes| drop(sgx::Evidence::parse_ra_tls(bytes));
    "intel-collateral": seeds::intel_json => |bytes| drop(Collateral::default().with_intel_json(bytes));
    "intel-tcb-info": seeds::tcb_infos => |bytes| drop(dcap::TcbInfo::parse(bytes));
    "intel-qe-identity": seeds::qe_identities => |bytes| drop(dcap::QeIdentity::parse(bytes));
    "intel-chain": seeds::pck_chains => |bytes| drop(dcap::read_certificates::<3>(bytes));
    "tpm-item": seeds::tpm_items => tpm_item;
    "tpm-attest": seeds::attests => |bytes| drop(tpm::Attest::parse(bytes));
    "tpm-signature": seeds::tpm_signatures => |bytes| drop(tpm::Signature::parse(bytes));
    "tpm-public": seeds::tpm_publics => |bytes| drop(tpm::Public::parse(bytes));
    "azure-hcl": seeds::hcl_reports => hcl;
    "azure-runtime-data": seeds::runtime_data => |bytes| drop(azure::RuntimeData::parse(bytes));
    "ccel": seeds::ccels => ccel;
    "tcg2": seeds::tcg2 => tcg2;
    "ima": seeds::ima => ima;
    "ccel-table": seeds::ccel_tables => |bytes| drop(CcelTable::parse(bytes));
    "uefi-variable": seeds::variables => |bytes| drop(Variable::parse(bytes));
    "json": seeds::documents => json_value;
    "bundle-manifest": seeds::manifests => |bytes| drop(Manifest::parse(bytes));
    "bundle-signatures": seeds::bundle_signatures => |bytes| drop(Signatures::parse(bytes));
    "bundle-archive": seeds::archives => |bytes| drop(tar::read(bytes));
    "corim": references::corims => references::corim;
    "cose": references::envelopes => references::cose;
    "rvps": references::messages => |bytes| drop(hanzo_attestation_reference::rvps::read(bytes));
    "snp-firmware": references::firmwares => references::firmware;
    "tdx-firmware": references::tdx_firmwares => references::tdx_firmware;
    "protocol-messages": seeds::messages => messages;
    "protocol-associated-data": seeds::associated_data => associated_data;
    "policy": seeds::policies => policy;
    "policy-case": seeds::policy_cases => |bytes| drop(TestCase::read(bytes));
    "node-facts": seeds::node_facts => node_facts;
    "policy-template": seeds::policy_templates => policy_template;
    "appraisal": seeds::appraisals => |bytes| drop(json::from_slice::<Appraisal>(bytes));
}

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}

/// Runs the target of that name: what a coverage-guided program calls.
///
/// # Panics
/// When there is no such target, and for every defect that the input shows.
pub fn run(name: &str, bytes: &[u8]) {
    let Some(target) = target(name) else { unreachable!("no target `{name}`") };
    (target.run)(bytes);
}

static ROOTS: LazyLock<Roots> = LazyLock::new(|| {
    let lab = Lab::fixture();
    let nvidia = seeds::NVIDIA.iter().map(|vendor| vendor.root().to_vec()).collect();
    let nvidia = ExtraRoots { nvidia, ..ExtraRoots::default() };
    let roots = Roots::vendor().with_extra(lab.extra_roots()).with_extra(nvidia);
    roots.with_tpm_ca(lab.tpm_authority().to_vec())
});
static RTMRS: LazyLock<[Hex<48>; 4]> = LazyLock::new(seeds::usual_rtmrs);
static PCRS: LazyLock<event_log::Quoted> = LazyLock::new(seeds::usual_pcrs);
static TPM: LazyLock<serde_json::Value> = LazyLock::new(seeds::tpm_item);
static COLLATERAL: LazyLock<Collateral> = LazyLock::new(|| Lab::fixture().collateral());

/// What is read of kept facts is written and read again as the same, and can be decided about.
fn node_facts(bytes: &[u8]) {
    if let Ok(facts) = NodeFacts::read(bytes)
        && let Ok(written) = facts.to_bytes()
    {
        assert_eq!(NodeFacts::read(&written), Ok(facts));
    }
}

/// A manifest, read and verified. What is read twice is read the same.
fn nvidia_rim(bytes: &[u8]) {
    assert_eq!(nvidia::rim::Rim::parse(bytes), nvidia::rim::Rim::parse(bytes));
    let context = Context {
        roots: &ROOTS,
        collateral: &COLLATERAL,
        revocation: &Revocation::Required,
        now: seeds::now(),
        cache: Cache::off(),
    };
    drop(verify_rim(bytes, &context));
}

/// A whole document, as the broker takes it from anybody: read, verified, appraised.
fn document(bytes: &[u8]) {
    judge(bytes, &Revocation::Required);
}

fn judge(bytes: &[u8], revocation: &Revocation) {
    let Ok(document) = Document::from_json(bytes) else { return };
    let Ok(evidence) = document.parse() else { return };
    let again = document.parse().map(|evidence| evidence.digest());
    assert_eq!(Ok(evidence.digest()), again, "one document, one digest");
    drop(precheck(&evidence, &seeds::binding()));
    let context = Context {
        roots: &ROOTS,
        collateral: &COLLATERAL,
        revocation,
        now: seeds::now(),
        cache: Cache::off(),
    };
    let Ok(verified) = verify(evidence, &context) else { return };
    assert!(verified.lab(), "no vendor signed anything here");
    for item in verified.items() {
        drop(appraise_item(item, &Appraisal::strict()));
        assert!(serde_json::to_vec(item.claims()).is_ok(), "claims are JSON");
    }
}

/// An SNP report and certificates, without the encoding around them: see [`seeds::parts`].
fn snp_item(bytes: &[u8]) {
    let mut parts = seeds::read_parts(bytes, 4).into_iter().map(|part| base64_encode(&part));
    let report = parts.next().unwrap_or_default();
    let certs: Vec<String> = parts.collect();
    item(&json!({"type": "sev-snp", "report": report, "certs": certs}));
}

/// A TD quote, and perhaps an event log after it.
fn tdx_item(bytes: &[u8]) {
    let parts = seeds::read_parts(bytes, 2);
    let quote = base64_encode(parts.first().map_or(&[], Vec::as_slice));
    match parts.get(1).filter(|log| !log.is_empty()) {
        Some(log) => item(&json!({"type": "tdx", "quote": quote, "event_log": base64_encode(log)})),
        None => item(&json!({"type": "tdx", "quote": quote})),
    }
}

fn sgx_item(bytes: &[u8]) {
    item(&json!({"type": "sgx", "quote": base64_encode(bytes)}));
}

/// What a TPM signed, in an item of the lab with its signature and registers.
fn tpm_item(bytes: &[u8]) {
    let mut changed = TPM.clone();
    if let Some(attest) = changed.get_mut("attest") {
        *attest = base64_encode(bytes).into();
    }
    item(&changed);
}

/// The report of a GPU and its chain, PEM.
fn nvidia_item(bytes: &[u8]) {
    let parts = seeds::read_parts(bytes, 2);
    let report = base64_encode(parts.first().map_or(&[], Vec::as_slice));
    let certs = String::from_utf8_lossy(parts.get(1).map_or(&[], Vec::as_slice));
    let item = json!({"type": "nvidia-gpu", "devices": [{"report": report, "certs": certs}], "ocsp": []});
    // Without responses: they are a target of their own.
    let revocation = Revocation::Waived { reason: "devices alone".to_owned() };
    judge(json!({"evidence": [item]}).to_string().as_bytes(), &revocation);
}

/// The five objects of an interface.
fn tdi_item(bytes: &[u8]) {
    let mut parts = seeds::read_parts(bytes, 5).into_iter().map(|part| base64_encode(&part));
    let mut next = || parts.next().unwrap_or_default();
    let device = json!({
        "certs": next(), "vca": next(), "interface_report": next(), "measurements_at_lock": next(),
        "measurements": next(),
    });
    let item = json!({"type": "tdi", "devices": [device]});
    let revocation = Revocation::Waived { reason: "interfaces alone".to_owned() };
    judge(json!({"evidence": [item]}).to_string().as_bytes(), &revocation);
}

/// An exchange, in either version of SPDM: its signature covers what it is.
fn tdi_measurements(bytes: &[u8]) {
    for version in [tdi::SpdmVersion::V1_2, tdi::SpdmVersion::V1_3] {
        let Ok(exchange) = tdi::Measurements::parse(bytes, version) else { continue };
        assert!(bytes.ends_with(exchange.response()), "the response is the end of the exchange");
        assert!(
            exchange.response().ends_with(exchange.signature()),
            "and the signature that of the response"
        );
    }
}

/// The paravisor's report, as either kind of machine carries it, and the runtime data inside.
fn hcl(bytes: &[u8]) {
    for kind in [azure::HclKind::Snp, azure::HclKind::Tdx] {
        let Ok(hcl) = azure::Hcl::parse(bytes, kind) else { continue };
        drop(azure::RuntimeData::parse(hcl.runtime_data()));
    }
}

fn item(item: &serde_json::Value) {
    document(json!({"evidence": [item]}).to_string().as_bytes());
}

fn ccel(bytes: &[u8]) {
    drop(event_log::ccel(bytes, &RTMRS));
}

fn tcg2(bytes: &[u8]) {
    drop(event_log::tcg2(bytes, &PCRS));
}

fn ima(bytes: &[u8]) {
    drop(event_log::ima(bytes, PcrBank::Sha256, &PCRS));
}

/// Strict JSON, which has one canonical form.
fn json_value(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    let text = value.to_string();
    assert_eq!(json::parse(text.as_bytes()).as_ref(), Ok(&value), "what was read is written and read again");
}

/// Names of machines and devices, and a pair of them as an administrator puts it.
fn hardware_names(bytes: &[u8]) {
    drop(json::from_slice::<protocol::PutPair>(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(device) = text.parse::<DeviceId>() {
        assert_eq!(device.to_string(), text, "a device has one spelling");
    }
    if let Ok(machine) = text.parse::<MachineId>() {
        assert_eq!(machine.to_string(), text, "a machine has one spelling");
    }
}

/// A text of a change that is read is written back as the same bytes.
fn one_spelling<T: serde::de::DeserializeOwned + serde::Serialize>(text: &str) {
    let Ok(read) = read_body::<T>(text) else { return };
    assert_eq!(canonical(&read).as_deref(), Ok(text), "the text of a change has one spelling");
    drop(differences(&json!({}), &serde_json::to_value(read).unwrap_or_default()));
}

/// Public keys of people, what they say about changes, and the texts of changes that are JSON.
fn changes(bytes: &[u8]) {
    drop(protocol::PersonKey::from_pem(bytes));
    drop(json::from_slice::<protocol::ApproveChange>(bytes));
    drop(json::from_slice::<protocol::BreakGlass>(bytes));
    drop(json::from_slice::<protocol::WithdrawChange>(bytes));
    drop(json::from_slice::<protocol::ChangeInfo>(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        one_spelling::<KeyDemands>(text);
        one_spelling::<PairBody>(text);
        one_spelling::<Value>(text);
        drop(serde_json::from_str::<TrustDocument>(text).map(|document| document.governs_itself()));
    }
    let Ok(change) = json::from_slice::<protocol::ProposeChange>(bytes) else { return };
    let Ok(written) = serde_json::to_vec(&change) else { return };
    let again = json::from_slice::<protocol::ProposeChange>(&written).ok();
    assert_eq!(again.and_then(|again| again.statement().id().ok()), change.statement().id().ok());
}

/// A signed history, the keys that it is read by, and what it states.
fn signed_history(bytes: &[u8]) {
    static KEYS: LazyLock<protocol::KeySet> = LazyLock::new(|| {
        json::from_slice(seeds::KEY_SET.as_bytes()).unwrap_or(protocol::KeySet { keys: Vec::new() })
    });
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    drop(protocol::HistoryStatement::read(text, &KEYS));
    if let Ok(keys) = json::from_slice::<protocol::KeySet>(bytes) {
        drop(protocol::HistoryStatement::read(seeds::HISTORY, &keys));
    }
    if let Ok(stated) = json::from_slice::<protocol::HistoryStatement>(bytes) {
        drop(stated.continues(&stated));
    }
}

/// Every message of the native protocol, each as strict JSON.
fn messages(bytes: &[u8]) {
    drop(json::from_slice::<protocol::ChallengeRequest>(bytes));
    drop(json::from_slice::<protocol::Challenge>(bytes));
    drop(json::from_slice::<protocol::AttestRequest>(bytes));
    drop(json::from_slice::<protocol::AttestResponse>(bytes));
    drop(json::from_slice::<protocol::AuthorizeRequest>(bytes));
    drop(json::from_slice::<protocol::AuthorizeResponse>(bytes));
    drop(json::from_slice::<protocol::RenewRequest>(bytes));
    drop(json::from_slice::<protocol::RevokeRequest>(bytes));
    drop(json::from_slice::<protocol::Sealed>(bytes));
    drop(json::from_slice::<protocol::Problem>(bytes));
}

fn associated_data(bytes: &[u8]) {
    let Ok(aad) = protocol::Aad::from_bytes(bytes) else { return };
    assert_eq!(aad.to_bytes().ok().as_deref(), Some(bytes), "associated data has one spelling");
}

/// Policy text, whose nesting is bounded before anything recursive reads it.
fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = PolicySource { name: "fuzz".to_owned(), version: 1, text: text.to_owned() };
    drop(Policies::review(&[source.clone(), source.clone()]));
    drop(Policies::compile(&[source]));
}

/// Lines `PLACE=VALUE` for each template: what is filled is a policy, whatever the values.
fn policy_template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let values: BTreeMap<String, String> =
        pairs.map(|(place, value)| (place.to_owned(), value.to_owned())).collect();
    for template in &TEMPLATES {
        let places = template.parameters.iter().filter_map(|place| values.get_key_value(place.name));
        let own = places.map(|(place, value)| (place.clone(), value.clone())).collect();
        let Ok(text) = template.fill(&own) else { continue };
        let source = PolicySource { name: template.name.to_owned(), version: 1, text };
        assert!(Policies::compile(&[source]).is_ok(), "a filled template is a policy");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_coverage_guided_twin() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for target in TARGETS {
            let name = target.name;
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
            let twin = std::fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
            assert!(twin.contains(&format!("run(\"{name}\", bytes)")), "{name}");
        }
        let twins = std::fs::read_dir(folder.join("fuzz_targets")).unwrap().count();
        assert_eq!(twins, TARGETS.len(), "no twin without a target");
    }

    #[test]
    fn every_target_has_a_name_of_its_own_and_takes_its_seeds() {
        for (position, target) in TARGETS.iter().enumerate() {
            assert!(TARGETS.iter().take(position).all(|other| other.name != target.name), "{}", target.name);
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty() && seeds.iter().all(|seed| !seed.is_empty()), "{}", target.name);
            seeds.iter().for_each(|seed| run(target.name, seed));
            run(target.name, &[]);
        }
    }
}
