//! `./dev bench`: how fast, as medians and ratios inside one run on one thread.
//!
//! Absolute times depend on the machine; the ratios to the bare signature checks of the same evidence,
//! measured in turn with them, say what the verifier adds.

#![expect(clippy::print_stdout, reason = "what it shows is its result")]

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use hanzo_attestation::Cache;
use hanzo_attestation_evidence::Document;
use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::measure::{Run, in_turn, median};
use hanzo_tests::programs::{DevBroker, Programs};
use hanzo_tests::rule_cost;
use hanzo_tests::subjects::{Check, Manifest, Subject};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Measures the verifier and the broker.
///
/// `verify` prints one line for each kind of evidence. Times are medians in microseconds; each ratio is the
/// median of the ratios of single rounds, in which all runs of the line take turns on one thread.
///
/// cold: a first verification, by parsed evidence, against the sum of the signature checks that it cannot
/// leave out (keys from bytes, aws-lc-rs). warm: chain and collateral are cached, against the checks that are
/// new each time. document: the same from the JSON document's bytes: strict JSON, base64, parsing and the
/// digest of its canonical form. peer: the time of dcap-qvl for the same quote and collateral (its
/// cryptography by aws-lc-rs too) over that of ours. It reads the quote and the collateral anew each time:
/// beside it, `warm+JSON` reads as much of a quote and more.
///
/// Peaks of memory are measured by the program `memory`, because counting costs time.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Counted runs of each measurement.
    #[arg(long, default_value_t = 400)]
    runs: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Verification against its bare signature checks.
    Verify,
    /// Decisions and replays.
    Policy,
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
    let mut result = json!({"runs": arguments.runs});
    if matches!(arguments.what, What::Policy | What::All) {
        result["decision"] = rule_cost::decisions(arguments.runs)?.into();
        result["replay"] = rule_cost::replay(100_000)?;
    }
    if matches!(arguments.what, What::Verify | What::All) {
        let subjects = Subject::all()?;
        let lines = subjects.iter().map(|subject| verification(subject, arguments.runs));
        result["verify"] = lines.collect::<Result<Vec<_>>>()?.into();
        result["manifest"] = manifest(arguments.runs)?;
        result["first_seen_us"] = first_seen()?.into();
        result["garbage_us"] = garbage(arguments.runs)?.into();
    }
    if matches!(arguments.what, What::Release | What::All) {
        result["release"] = release(arguments.runs)?;
    }
    if arguments.json {
        println!("{result:#}");
    } else {
        print(&result);
    }
    Ok(())
}

fn print(result: &Value) {
    const COLUMNS: [&str; 7] =
        ["cold", "cold_document", "warm", "warm_document", "bare_cold", "bare_warm", "peer"];
    let microseconds =
        |value: &Value| value.as_f64().map_or_else(|| format!("{:>10}", "-"), |us| format!("{us:>10.1}"));
    if let Some(lines) = result["verify"].as_array() {
        println!("verification, one thread, medians in us\n");
        println!(
            "{:<44}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "cold", "+ JSON", "warm", "+ JSON", "bare cold", "bare warm", "dcap-qvl"
        );
        for line in lines {
            let times: String = COLUMNS.iter().map(|name| microseconds(&line["us"][name])).collect();
            println!("{:<44}{times}", line["title"].as_str().unwrap_or_default());
            let ratios = line["ratios"].as_object().into_iter().flatten();
            let ratios =
                ratios.map(|(name, ratio)| format!("{name} {:.2}", ratio.as_f64().unwrap_or_default()));
            println!("    {}", ratios.collect::<Vec<_>>().join(", "));
        }
        let of_manifest = |name: &str| microseconds(&result["manifest"]["us"][name]);
        println!("\nmanifest of a VBIOS, from its bytes: first {}", of_manifest("cold").trim());
        println!("    known {}, bare {} us", of_manifest("known").trim(), of_manifest("bare").trim());
        let seen = microseconds(&result["first_seen_us"]);
        println!("8 GPUs and 4 switches, first seen, of a known vendor: {} us", seen.trim());
        println!("garbage, refused: {} us", microseconds(&result["garbage_us"]).trim());
    }
    if let Some(lines) = result["decision"].as_array() {
        println!("\none decision, 10000 reference values, medians in us\n");
        println!("{:<44}{:>10}{:>10}{:>10}", "policies", "own key", "any key", "every one");
        for line in lines {
            let times: String =
                ["own_us", "any_us", "every_us"].map(|name| microseconds(&line[name])).concat();
            println!("{:<44}{times}", line["policies"].to_string());
        }
        let replay = &result["replay"];
        let of = |name: &str| replay[name].as_f64().unwrap_or_default();
        println!(
            "\nreplay of {} decisions by 200 policies, one thread: of one machine {:.2} s, of a hundred {:.2} s, all different {:.2} s",
            replay["decisions"],
            of("one_s"),
            of("hundred_s"),
            of("distinct_s")
        );
    }
    if result["release"].is_object() {
        println!("\nbroker, one caller, loopback, SQLite, medians in us");
        for name in ["challenge_us", "authorize_us"] {
            println!("{name:<44}{}", microseconds(&result["release"][name]));
        }
    }
}

/// One subject: our verification cold and warm, the checks that nobody can leave out, and the peer, in turn.
fn verification(subject: &Subject, runs: usize) -> Result<Value> {
    // More than the 13 chains and 34 responses of the largest subject.
    let cache = Cache::new(256);
    subject.verify(&cache)?;
    let all = |checks: &[Check]| checks.iter().try_for_each(Check::run);
    let mut list: Vec<(&str, Run<'_>)> = vec![
        ("cold", Box::new(|| subject.verify(Cache::off()))),
        ("cold_document", Box::new(|| subject.verify_document(Cache::off()))),
        ("warm", Box::new(|| subject.verify(&cache))),
        ("warm_document", Box::new(|| subject.verify_document(&cache))),
        ("bare_cold", Box::new(|| all(&subject.cold))),
        ("bare_warm", Box::new(|| all(&subject.warm))),
    ];
    if subject.has_peer() {
        list.push(("peer", Box::new(|| subject.verify_by_peer())));
    }
    let times = in_turn(runs, &mut list)?;
    let mut ratios = json!({
        "cold/bare": times.ratio("cold", "bare_cold")?,
        "cold+JSON/bare": times.ratio("cold_document", "bare_cold")?,
        "warm/bare": times.ratio("warm", "bare_warm")?,
        "warm+JSON/bare": times.ratio("warm_document", "bare_warm")?,
    });
    if subject.has_peer() {
        ratios["peer/cold"] = times.ratio("peer", "cold")?.into();
        ratios["peer/warm"] = times.ratio("peer", "warm")?.into();
        ratios["peer/warm+JSON"] = times.ratio("peer", "warm_document")?.into();
    }
    Ok(json!({
        "title": subject.title,
        "us": times.medians()?,
        "ratios": ratios,
        "signatures": {"cold": subject.cold.len(), "warm": subject.warm.len()},
    }))
}

/// A manifest the first time, and when its file is known: then it is read, and no signature is verified.
fn manifest(runs: usize) -> Result<Value> {
    let (manifest, cache) = (Manifest::published()?, Cache::new(1));
    manifest.verify(&cache)?;
    let mut list: Vec<(&str, Run<'_>)> = vec![
        ("cold", Box::new(|| manifest.verify(Cache::off()))),
        ("known", Box::new(|| manifest.verify(&cache))),
        ("bare", Box::new(|| manifest.bare.iter().try_for_each(Check::run))),
    ];
    let times = in_turn(runs, &mut list)?;
    Ok(json!({"us": times.medians()?, "cold/bare": times.ratio("cold", "bare")?}))
}

/// A baseboard whose devices nobody has seen, where their vendor's authorities and manifests are known.
fn first_seen() -> Result<f64> {
    // Each can be seen first once, and has twelve keys of its own to be made.
    const BOARDS: usize = 20;
    let mut boards = Subject::boards(BOARDS + 1)?;
    let cache = Cache::new(4096);
    boards.pop().context("no baseboard")?.verify(&cache)?;
    let time = median(BOARDS, || boards.pop().context("no baseboard is left")?.verify(&cache))?;
    Ok(time.as_secs_f64() * 1e6)
}

/// What bytes that are no evidence cost.
fn garbage(runs: usize) -> Result<f64> {
    let report = vec![0xa5_u8; 1184];
    let item = serde_json::json!({"evidence":[{
        "type": "sev-snp", "report": hanzo_attestation_evidence::encoding::base64_encode(&report), "certs": [],
    }]});
    let bytes = item.to_string().into_bytes();
    let time = median(runs, || {
        ensure!(Document::from_json(&bytes)?.parse().is_err(), "garbage was parsed");
        Ok(())
    })?;
    Ok(time.as_secs_f64() * 1e6)
}

/// Whole releases: HTTP, challenge, evidence, verification, policy, one durable transaction, HPKE.
fn release(runs: usize) -> Result<Value> {
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
    Ok(json!({"challenge_us": challenge.as_secs_f64() * 1e6, "authorize_us": release.as_secs_f64() * 1e6}))
}
