//! Real evidence that the demo and the benchmarks show: published vectors of `fixtures/`, and where the
//! evidence corpus lies beside the project, its cases for what no package publishes.

use crate::measure::median;
use anyhow::{Context as _, Result};
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::snp::Vek;
use hanzo_attestation_evidence::{Document, Item, UnixTime, encoding};
use hanzo_fixtures::{Case, Expect, Kind, Profile, RootsOf};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// One genuine case of a vendor's hardware.
#[derive(Clone, Debug)]
pub struct RealCase {
    /// The folder's name.
    pub name: String,
    /// For people, e.g. `AMD Milan, report v2, VCEK`.
    pub title: String,
    /// Where the bytes were published.
    pub source: String,
    /// The evidence document.
    pub document: Value,
    /// The instant of judgement, RFC 3339.
    pub at: String,
}

/// Genuine cases: one of each AMD product that was found, the TDX quotes, and an NVIDIA GPU.
///
/// # Errors
/// When a fixture is not well formed.
pub fn real() -> Result<Vec<RealCase>> {
    let mut cases = Vec::new();
    for kind in Kind::EVIDENCE {
        for case in hanzo_fixtures::cases(kind)? {
            if is_genuine(&case) {
                cases.push(from_fixture(&case)?);
            }
        }
    }
    for product in ["Milan", "Genoa", "Turin"] {
        if !cases.iter().any(|case| case.title.contains(product)) {
            cases.extend(from_corpus(product)?);
        }
    }
    // Of several cases with one title the plainest: its name has no suffix that says what is special.
    cases.sort_by(|a, b| (&a.title, a.name.len()).cmp(&(&b.title, b.name.len())));
    cases.dedup_by(|a, b| a.title == b.title);
    Ok(cases)
}

/// Judged by the vendors' roots and found good, with its own whole chain.
fn is_genuine(case: &Case) -> bool {
    case.roots == RootsOf::Vendor
        && case.expect == Expect::Ok
        && case.profile != Profile::Strict
        && match case.kind {
            Kind::SevSnp => case.certificates().count() >= 3,
            Kind::Tdx | Kind::NvidiaGpu => true,
            // The demo shows virtual machines.
            Kind::Sgx | Kind::NvidiaRim => false,
        }
}

fn from_fixture(case: &Case) -> Result<RealCase> {
    let document = case.document();
    let title = title(&document)?;
    let package = case.provenance.first().context("a case without provenance")?;
    let source = format!("{} {}", package.package, package.version);
    Ok(RealCase { name: case.name.clone(), title, source, document, at: case.now.clone() })
}

/// What the evidence says of itself, unverified: enough for a title.
fn title(document: &Value) -> Result<String> {
    let evidence = Document::from_json(document.to_string().as_bytes())?.parse()?;
    Ok(match evidence.items().first().context("no item")? {
        Item::SevSnp(item) => {
            let body = item.report.body();
            let key = match body.signing_key {
                Vek::Vcek => "VCEK",
                Vek::Vlek => "VLEK",
            };
            format!("AMD {}, report v{}, {key}", product(item)?, body.version)
        }
        Item::Tdx(item) => format!("Intel TDX, quote v{}", item.quote.header.version),
        Item::Sgx(item) => format!("Intel SGX, quote v{}", item.quote.header.version),
        Item::Tpm(_) => "TPM 2.0 quote".to_owned(),
        Item::AzSnpVtpm(_) => "Azure, SEV-SNP".to_owned(),
        Item::AzTdxVtpm(_) => "Azure, TDX".to_owned(),
        Item::Nvidia(item) => {
            let driver =
                item.devices.first().and_then(|device| device.report.opaque.fields.driver_version.as_deref());
            format!("NVIDIA GPU, driver {}", driver.unwrap_or("unstated"))
        }
        Item::Tdi(_) => "TEE device interfaces".to_owned(),
        Item::RegisteredKey(_) => "a registered key".to_owned(),
    })
}

/// The product in the name of the chain: version 2 has no CPUID.
fn product(item: &hanzo_attestation_evidence::snp::Evidence) -> Result<&'static str> {
    for der in &item.certs {
        let certificate = hanzo_attestation_evidence::x509::Certificate::parse(der)?;
        let name = certificate.subject().common_name().unwrap_or_default();
        for product in ["Milan", "Genoa", "Turin"] {
            if name.ends_with(product) {
                return Ok(product);
            }
        }
    }
    anyhow::bail!("no certificate names a product")
}

/// The evidence corpus beside the project, where there is one.
#[must_use]
pub fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence");
    folder.is_dir().then_some(folder)
}

fn from_corpus(product: &str) -> Result<Option<RealCase>> {
    let Some(corpus) = corpus() else { return Ok(None) };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(corpus.join("snp"))? {
        folders.push(entry?.path());
    }
    folders.sort();
    for folder in folders {
        let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expect.json"))?)?;
        if expected["expected"]["valid"] != true || expected["generation"] != product {
            continue;
        }
        let report = std::fs::read(folder.join("report.bin"))?;
        let mut certs = vec![encoding::base64_encode(&std::fs::read(folder.join("vek.der"))?)];
        certs.extend(pem_blocks(&std::fs::read_to_string(folder.join("ask_ark.pem"))?));
        let item = json!({"type": "sev-snp", "report": encoding::base64_encode(&report), "certs": certs});
        let document = json!({"evidence": [item]});
        return Ok(Some(RealCase {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            title: title(&document)?,
            source: format!("the evidence corpus: {}", expected["source"]["repo"].as_str().unwrap_or("?")),
            document,
            at: expected["verify_at"].as_str().context("no verify_at")?.to_owned(),
        }));
    }
    Ok(None)
}

/// Genuine quotes of Intel with the collateral of their time, where the evidence corpus lies beside the
/// project.
///
/// # Errors
/// When a case is not what it should be.
pub fn real_with_collateral() -> Result<Vec<(RealCase, Collateral)>> {
    let Some(corpus) = corpus() else { return Ok(Vec::new()) };
    let mut cases = Vec::new();
    for (kind, name) in
        [("tdx", "v4-uptodate-dcapqvl"), ("tdx", "v5-uptodate-google"), ("sgx", "v3-swhardening-teepot")]
    {
        let folder = corpus.join(kind).join(name);
        let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expect.json"))?)?;
        let quote = encoding::base64_encode(&std::fs::read(folder.join("quote.bin"))?);
        let document = json!({"evidence": [{"type": kind, "quote": quote}]});
        let case = RealCase {
            name: name.to_owned(),
            title: format!("{}, with collateral", title(&document)?),
            source: format!("the evidence corpus: {}", expected["source"]["repo"].as_str().unwrap_or("?")),
            document,
            at: expected["verify_at"].as_str().context("no verify_at")?.to_owned(),
        };
        let collateral = std::fs::read(folder.join("collateral.json"))?;
        cases.push((case, Collateral::default().with_intel_json(&collateral)?));
    }
    Ok(cases)
}

/// Base64 of the certificates in a PEM text, one line each.
#[must_use]
pub fn pem_blocks(text: &str) -> Vec<String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = blocks.filter_map(|block| block.split("-----END CERTIFICATE-----").next());
    bodies.map(|body| body.split_whitespace().collect()).collect()
}

/// The case's document with one bit of the launch measurement changed.
///
/// # Errors
/// When the case is no SEV-SNP report.
pub fn with_measurement_bit_flipped(case: &RealCase) -> Result<Value> {
    const MEASUREMENT: usize = 0x90;
    let mut document = case.document.clone();
    let report = document["evidence"][0]["report"].as_str().context("no report")?;
    let mut bytes = encoding::base64_decode(report)?;
    *bytes.get_mut(MEASUREMENT).context("too short")? ^= 1;
    document["evidence"][0]["report"] = json!(encoding::base64_encode(&bytes));
    Ok(document)
}

/// How long each verification takes, in one sentence: medians of complete, cold verifications, JSON in.
///
/// # Errors
/// When a case does not verify.
pub fn timings(cases: &[RealCase]) -> Result<String> {
    const RUNS: usize = 101;
    let (roots, collateral) = (Roots::vendor(), Collateral::default());
    let revocation =
        Revocation::Waived { reason: "the published samples come without revocation lists".to_owned() };
    let mut parts = Vec::new();
    for case in cases {
        let bytes = case.document.to_string().into_bytes();
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now: UnixTime::parse(&case.at)?,
            cache: Cache::off(),
        };
        let time = median(RUNS, || {
            verify(Document::from_json(&bytes)?.parse()?, &context)?;
            Ok(())
        })?;
        parts.push(format!("{} {} us", case.title, time.as_micros()));
    }
    Ok(format!("One cold verification took, as a median of {RUNS} on one thread: {}.", parts.join("; ")))
}
