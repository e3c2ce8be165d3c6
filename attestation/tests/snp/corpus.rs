//! Every SEV-SNP case of the evidence corpus that lies beside the project, where there is one.

use crate::evidence::judge;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanzo_attestation_evidence::UnixTime;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn authenticity_of_every_sev_snp_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence/snp");
    let cases = directories(&folder);
    if cases.is_empty() {
        println!("the evidence corpus is absent ({}): 0 cases ran", folder.display());
        return;
    }
    let mut wrong = Vec::new();
    for directory in &cases {
        let case = Case::read(directory);
        let expect: Value =
            serde_json::from_slice(&fs::read(directory.join("expect.json")).unwrap()).unwrap();
        let authentic = expect["expected"]["authentic"].as_bool().unwrap();
        let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
        let certs = case.certs();
        let mut orders =
            vec![("as published", certs.clone()), ("reversed", certs.into_iter().rev().collect())];
        // The ASKs are built in; a VLEK's intermediate comes with the evidence.
        if authentic && expect["key_type"] == "VCEK" {
            orders.push(("key alone", case.vek.iter().cloned().collect()));
        }
        for (order, certs) in orders {
            let result = judge(&case.report, &certs, now);
            let outcome = result.as_ref().map_or_else(Clone::clone, |_| "authentic".to_owned());
            println!("{:40} {order:13} {outcome}", case.name);
            let bound = result.as_ref().is_ok_and(|verified| {
                let data = hex::decode(expect["report_data"].as_str().unwrap()).unwrap();
                verified.check_report_data(&data).is_ok()
            });
            if result.is_ok() != authentic || bound != authentic {
                wrong.push(format!("{} ({order}): {outcome}", case.name));
            }
        }
    }
    println!("{} cases ran", cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A directory with `report.bin`, and perhaps `vek.der` and `ask_ark.pem`.
struct Case {
    name: String,
    report: Vec<u8>,
    vek: Option<Vec<u8>>,
    chain: Vec<Vec<u8>>,
}

impl Case {
    fn read(directory: &Path) -> Self {
        let file = |name: &str| fs::read(directory.join(name)).ok();
        let text = file("ask_ark.pem").map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
        Self {
            name: directory.file_name().unwrap().to_string_lossy().into_owned(),
            report: file("report.bin").unwrap(),
            vek: file("vek.der"),
            chain: pem(&text),
        }
    }

    /// The endorsement key's certificate, then the chain.
    fn certs(&self) -> Vec<Vec<u8>> {
        self.vek.iter().chain(&self.chain).cloned().collect()
    }
}

fn pem(text: &str) -> Vec<Vec<u8>> {
    text.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .map(|block| {
            let body: String = block.split("-----END").next().unwrap().split_whitespace().collect();
            STANDARD.decode(body).unwrap()
        })
        .collect()
}

/// Directories under a folder, sorted.
fn directories(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}
