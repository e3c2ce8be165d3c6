//! `./dev bench`: how fast, as medians and ratios inside one run on one thread.
//!
//! Absolute times depend on the machine; the ratios to the bare signature checks of the same evidence, measured
//! in turn with them, say what the verifier adds.

#![expect(clippy::print_stdout, reason = "what it shows is its result")]

use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PSS_2048_8192_SHA384,
    UnparsedPublicKey,
};
use clap::{Parser, ValueEnum};
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_evidence::{Document, Item, UnixTime, dcap, tdx};
use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::cases::{self, RealCase};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::measure::{Interleaved, median};
use hanzo_tests::programs::{DevBroker, Programs};
use std::process::ExitCode;

/// Measures the verifier and the broker.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Counted runs of each measurement.
    #[arg(long, default_value_t = 400)]
    runs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Verification against its bare signature checks.
    Verify,
    /// Whole releases by a running broker.
    Release,
    /// Everything.
    All,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if arguments.what != What::Release {
        println!(
            "{:<44} {:>10} {:>10} {:>7}",
            "verification, cold (JSON in, Verified out)", "median", "bare", "ratio"
        );
        for case in cases::real()? {
            verification(&case, arguments.runs)?;
        }
        garbage(arguments.runs)?;
    }
    if arguments.what != What::Verify {
        release(arguments.runs)?;
    }
    Ok(())
}

/// One case against the sum of the signature checks that nobody can leave out.
fn verification(case: &RealCase, runs: usize) -> Result<()> {
    let bytes = case.document.to_string().into_bytes();
    let (roots, collateral) = (Roots::vendor(), Collateral::default());
    let revocation = Revocation::Waived { reason: "a benchmark".to_owned() };
    let now = UnixTime::parse(&case.at)?;
    let context =
        Context { roots: &roots, collateral: &collateral, revocation: &revocation, now, cache: Cache::off() };
    let whole = || -> Result<()> {
        let evidence = Document::from_json(&bytes)?.parse()?;
        verify(evidence, &context)?;
        Ok(())
    };
    let checks = bare_checks(&Document::from_json(&bytes)?)?;
    let bare = || checks.iter().try_for_each(Check::run);
    let Interleaved { first, second, ratio } = Interleaved::measure(runs, whole, bare)?;
    println!(
        "{:<44} {:>7} us {:>7} us {:>7.2}   ({} signatures)",
        case.title,
        first.as_micros(),
        second.as_micros(),
        ratio,
        checks.len()
    );
    Ok(())
}

/// One bare signature check by aws-lc-rs.
struct Check {
    algorithm: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Check {
    fn run(&self) -> Result<()> {
        let key = UnparsedPublicKey::new(self.algorithm, &self.key);
        key.verify(&self.message, &self.signature).ok().context("a bare check failed")
    }

    fn of_certificate(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<Self> {
        let algorithm: &'static dyn aws_lc_rs::signature::VerificationAlgorithm = match issuer.public_key() {
            PublicKey::Rsa { .. } => &RSA_PSS_2048_8192_SHA384,
            PublicKey::P256(_) => &ECDSA_P256_SHA256_ASN1,
            _ => bail!("an issuer with an unexpected key"),
        };
        Ok(Self {
            algorithm,
            key: key_bytes(issuer)?,
            message: certificate.tbs().to_vec(),
            signature: certificate.signature().to_vec(),
        })
    }
}

fn key_bytes(certificate: &Certificate<'_>) -> Result<Vec<u8>> {
    Ok(match certificate.public_key() {
        PublicKey::P256(point) => point.to_vec(),
        PublicKey::P384(point) => point.to_vec(),
        PublicKey::Rsa { pkcs1, .. } => pkcs1.to_vec(),
        _ => bail!("an unexpected key"),
    })
}

fn bare_checks(document: &Document) -> Result<Vec<Check>> {
    let evidence = document.parse()?;
    match evidence.items().first().context("no item")? {
        Item::SevSnp(item) => snp_checks(item),
        Item::Tdx(item) => tdx_checks(&item.quote),
        _ => bail!("no case of this kind is measured"),
    }
}

fn snp_checks(item: &hanzo_attestation_evidence::snp::Evidence) -> Result<Vec<Check>> {
    let certificates: Vec<Certificate<'_>> =
        item.certs.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
    let leaf =
        certificates.iter().find(|c| matches!(c.public_key(), PublicKey::P384(_))).context("no leaf")?;
    let issuer_of = |c: &Certificate<'_>| certificates.iter().find(|i| i.subject().der() == c.issuer().der());
    let intermediate = issuer_of(leaf).context("no intermediate")?;
    let root = issuer_of(intermediate).context("no root")?;
    let report = Check {
        algorithm: &ECDSA_P384_SHA384_FIXED,
        key: key_bytes(leaf)?,
        message: item.report.signed().to_vec(),
        signature: item.report.signature().to_vec(),
    };
    Ok(vec![report, Check::of_certificate(leaf, intermediate)?, Check::of_certificate(intermediate, root)?])
}

fn tdx_checks(quote: &dcap::Quote<tdx::Body>) -> Result<Vec<Check>> {
    let dcap::Certification::Chain(chain) = &quote.certification else {
        bail!("no certificates in the quote")
    };
    let (leaf, ca, root) =
        (Certificate::parse(&chain.leaf)?, Certificate::parse(&chain.ca)?, Certificate::parse(&chain.root)?);
    let fixed = |key: Vec<u8>, message: &[u8], signature: &[u8; 64]| Check {
        algorithm: &ECDSA_P256_SHA256_FIXED,
        key,
        message: message.to_vec(),
        signature: signature.to_vec(),
    };
    let attestation_key = [[4].as_slice(), &quote.attestation_key].concat();
    Ok(vec![
        fixed(attestation_key, quote.signed(), &quote.signature),
        fixed(key_bytes(&leaf)?, quote.qe_report.raw(), &quote.qe_report_signature),
        Check::of_certificate(&leaf, &ca)?,
        Check::of_certificate(&ca, &root)?,
    ])
}

/// What bytes that are no evidence cost.
fn garbage(runs: usize) -> Result<()> {
    let report = vec![0xa5_u8; 1184];
    let item = serde_json::json!({"evidence":[{
        "type": "sev-snp", "report": hanzo_attestation_evidence::encoding::base64_encode(&report), "certs": [],
    }]});
    let bytes = item.to_string().into_bytes();
    let time = median(runs, || {
        ensure!(Document::from_json(&bytes)?.parse().is_err(), "garbage was parsed");
        Ok(())
    })?;
    println!("{:<44} {:>7.1} us", "garbage, refused", time.as_secs_f64() * 1e6);
    Ok(())
}

/// Whole releases: HTTP, challenge, evidence, verification, policy, one durable transaction, HPKE.
fn release(runs: usize) -> Result<()> {
    let programs = Programs::of_this_build()?;
    let folder = tempfile::tempdir()?;
    let lab = folder.path().join("lab");
    Lab::fixture().write(&lab)?;
    let broker = DevBroker::start(&programs, Some(&lab))?;
    let policy = folder.path().join("allow.cedar");
    std::fs::write(&policy, "permit (principal, action, resource) when { principal.tier >= 2 };")?;
    broker.must_kbsctl(&["key", "create", "bench/key", "--min-tier", "2"])?;
    broker.must_kbsctl(&["policy", "put", "allow", &policy.to_string_lossy()])?;
    let http = Http::new(&broker.info.http_addr)?;
    let node = LabNode::new(SnpOrder::default())?;
    let mut requests = (0..runs).map(|_| node.request(&http, &["bench/key"])).collect::<Result<Vec<_>>>()?;
    let challenge = median(runs, || node.challenge(&http).map(|_| ()))?;
    let release = median(runs, || {
        let request = requests.pop().context("no request is left")?;
        let (status, answer) = http.post("/kbs/v1/authorize", &request)?;
        ensure!(status == 200, "{status} {answer}");
        Ok(())
    })?;
    println!("\n{:<44} {:>10}", "broker, one caller, loopback, SQLite", "median");
    println!("{:<44} {:>7} us", "POST challenge", challenge.as_micros());
    println!("{:<44} {:>7} us", "POST authorize (one key, durable record)", release.as_micros());
    Ok(())
}
