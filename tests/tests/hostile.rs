//! Every truncation and every changed byte of genuine evidence of each kind is refused (COL-23), by the whole
//! path that the broker runs: read, verify, and compare with the binding.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, outside a #[test] function")]

use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{Lab, SgxOrder, SnpOrder, SnpProduct, TdxBody, TdxOrder, TpmOrder};
use serde_json::{Value, json};

/// Changes are tried at each position of a byte string, or at each so many, where one costs checks of RSA
/// signatures.
#[derive(Clone, Copy)]
enum Step {
    Every,
    Each(usize),
}

/// Judges documents of one lab at one instant.
struct Judge {
    roots: Roots,
    collateral: Collateral,
    now: UnixTime,
}

impl Judge {
    fn new() -> Self {
        let lab = Lab::fixture();
        let start = lab.validity().not_before.seconds();
        Self {
            roots: Roots::vendor().with_extra(lab.extra_roots()).with_tpm_ca(lab.tpm_authority().to_vec()),
            // Intel's is left out: what a quote proves itself must refuse before any of it is asked.
            collateral: lab.amd_lists().into_iter().fold(Collateral::default(), Collateral::with_amd_crl),
            now: UnixTime::from_seconds(start + 86_400).unwrap(),
        }
    }

    /// The code of the refusal, whichever step it comes from.
    fn judge(&self, item: &Value) -> Result<(), String> {
        let document = json!({"evidence": [item]}).to_string();
        let document = Document::from_json(document.as_bytes()).map_err(|error| error.rule().code)?;
        let evidence = document.parse().map_err(|error| error.rule().code)?;
        let context = Context {
            roots: &self.roots,
            collateral: &self.collateral,
            revocation: &Revocation::Required,
            now: self.now,
            cache: Cache::off(),
        };
        let verified = verify(evidence, &context).map_err(|refused| refused.finding.rule.code)?;
        verified.check_report_data(&[7; 64]).map_err(|refused| refused.finding.rule.code)?;
        Ok(())
    }
}

/// The item with another byte string at one place of it.
fn with(item: &Value, pointer: &str, bytes: &[u8]) -> Value {
    let mut item = item.clone();
    *item.pointer_mut(pointer).unwrap() = base64_encode(bytes).into();
    item
}

/// Tries every truncation and changes of a byte string of a genuine item, and says how many.
fn try_all(judge: &Judge, kind: &str, item: &Value, pointer: &str, step: Step) {
    assert_eq!(judge.judge(item), Ok(()), "{kind} {pointer} is genuine");
    let genuine = base64_decode(item.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
    for length in 0..genuine.len() {
        let answer = judge.judge(&with(item, pointer, &genuine[..length]));
        assert!(answer.is_err(), "{kind} {pointer} of {length} bytes is accepted");
    }
    let step = match step {
        Step::Every => 1,
        Step::Each(step) => step,
    };
    let positions: Vec<usize> = (0..genuine.len()).step_by(step).collect();
    for position in &positions {
        let mut changed = genuine.clone();
        changed[*position] ^= 1 << (position % 8);
        let answer = judge.judge(&with(item, pointer, &changed));
        assert!(answer.is_err(), "{kind} {pointer} with byte {position} changed is accepted");
    }
    println!("{kind} {pointer}: {} truncations and {} changed bytes refused", genuine.len(), positions.len());
}

#[test]
fn a_sev_snp_report_and_its_chain() {
    let judge = Judge::new();
    let order =
        SnpOrder { report_data: [7; 64], product: SnpProduct::Genoa, version: 5, ..SnpOrder::default() };
    let item = Lab::fixture().snp(&order).unwrap();
    try_all(&judge, "sev-snp", &item, "/report", Step::Every);
    // A change in a certificate is found by its issuer's signature, of RSA with 4096 bits. The third is the
    // root, which is pinned: one that is sent along is not looked at.
    for certificate in 0..2 {
        try_all(&judge, "sev-snp", &item, &format!("/certs/{certificate}"), Step::Each(7));
    }
}

#[test]
fn a_tdx_quote_of_version_4_and_its_log() {
    let judge = Judge::new();
    let log = LabLog::usual_td();
    let order = TdxOrder {
        report_data: [7; 64],
        rtmr: log.rtmrs(),
        event_log: Some(log.bytes()),
        ..TdxOrder::default()
    };
    let item = Lab::fixture().tdx(&order).unwrap();
    try_all(&judge, "tdx v4", &item, "/quote", Step::Every);
    // What registers cover of a log are its digests: a text may say something else, and is no fact then.
    let bytes = log.bytes();
    for length in 0..bytes.len() {
        assert!(judge.judge(&with(&item, "/event_log", &bytes[..length])).is_err(), "{length}");
    }
    println!("tdx v4 /event_log: {} truncations refused", bytes.len());
}

#[test]
fn a_tdx_quote_of_version_5() {
    let judge = Judge::new();
    let order = TdxOrder { report_data: [7; 64], version: 5, body: TdxBody::Td15, ..TdxOrder::default() };
    try_all(&judge, "tdx v5", &Lab::fixture().tdx(&order).unwrap(), "/quote", Step::Every);
}

#[test]
fn an_sgx_quote() {
    let judge = Judge::new();
    let order = SgxOrder { report_data: [7; 64], ..SgxOrder::default() };
    try_all(&judge, "sgx", &Lab::fixture().sgx(&order).unwrap(), "/quote", Step::Every);
}

#[test]
fn a_tpm_quote() {
    let judge = Judge::new();
    let order = TpmOrder { qualifying_data: [7; 64].to_vec(), ..TpmOrder::default() };
    let item = Lab::fixture().tpm(&order).unwrap();
    // The key's signature is of RSA with 2048 bits, or of ECDSA: cheap to check.
    try_all(&judge, "tpm", &item, "/attest", Step::Every);
    try_all(&judge, "tpm", &item, "/signature", Step::Every);
}
