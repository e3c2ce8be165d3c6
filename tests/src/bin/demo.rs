//! `./dev demo`: the whole idea, step by step, with the real programs and no special hardware.

#![expect(clippy::print_stdout, reason = "what it shows is its result")]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::cases::{self, RealCase};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::programs::{DevBroker, LabSource, Programs};
use hanzo_tests::sealed_file;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output};
use tempfile::TempDir;

/// Shows real evidence verified, keys granted to attested nodes and one of them used, and six denials by name.
#[derive(Parser)]
struct Arguments {
    /// Folder with the built programs.
    #[arg(long)]
    bin_dir: PathBuf,
}

const GOOD_IMAGE: &str = "5ea1";
const OTHER_IMAGE: &str = "bad1";
const GPU_KEY: &str = "acme/gpu-only";
const WEIGHTS: &[u8] = b"0.12 -0.98 0.33 ... (the weights of a model)\n";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match show(&Programs::in_folder(&arguments.bin_dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show(programs: &Programs) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let real = cases::real()?;
    heading("1. Real vendor evidence, verified here and offline");
    verify_real(programs, &folder, &real)?;
    tampered(programs, &folder, &real)?;

    heading(
        "2. A broker on TLS, its store in SQLite; one administrator; one lab for hardware that is not here",
    );
    let lab = folder.path().join("lab");
    // A lab with published keys: fresh ones (`hanzo-lab init`) take some seconds of RSA key generation.
    Lab::fixture().write(&lab)?;
    let broker = DevBroker::start(programs, Some(&lab))?;
    step(&format!("serving at {}", broker.info.addr));
    let owner = Owner::prepare(&broker, &folder)?;

    heading("3. Lab nodes attest: GRANTED, on a CPU alone and beside a GPU");
    granted(programs, &broker, &lab, &folder, &owner)?;
    granted_gpu(programs, &broker, &lab, &folder)?;

    heading("4. DENIED, six times, each for its own reason");
    denied_image(programs, &broker, &lab)?;
    denied_debug(programs, &broker, &lab)?;
    denied_tier(programs, &broker, &lab)?;
    denied_firmware(programs, &broker, &lab)?;
    denied_copies(programs, &broker, &lab)?;
    denied_replay(&broker)?;

    heading("5. Why, and what would turn it; and what another policy would have decided");
    explained(&broker, "MeasurementUnknown")?;
    explained(&broker, "SnpDebugAllowed")?;
    replayed(&broker, &folder)?;

    heading("6. The record: every decision, granted or refused");
    let table = broker.must_kbsctl(&["audit", "list", "--format", "table"])?;
    print!("{table}");
    println!();
    println!("{}", cases::timings(&real)?);
    Ok(())
}

fn heading(text: &str) {
    println!("\n{text}");
}

fn step(text: &str) {
    println!("   {text}");
}

// === 1. Real evidence ===

fn evidence_file(folder: &TempDir, name: &str, document: &Value) -> Result<PathBuf> {
    let path = folder.path().join(name);
    std::fs::write(&path, document.to_string())?;
    Ok(path)
}

fn judge(programs: &Programs, file: &Path, at: &str) -> Result<Value> {
    let output = programs
        .command("kbsctl")
        .args(["evidence", "verify"])
        .arg(file)
        .args(["--at", at, "--profile", "corpus", "--format", "json"])
        .args(["--waive-revocation", "the published samples come without revocation lists"])
        .output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn verify_real(programs: &Programs, folder: &TempDir, real: &[RealCase]) -> Result<()> {
    for case in real {
        let file = evidence_file(folder, "real.json", &case.document)?;
        let answer = judge(programs, &file, &case.at)?;
        ensure!(answer["authentic"] == true, "{} was not verified: {answer}", case.name);
        step(&format!("✓ {:<34} authentic; from {}", case.title, case.source));
    }
    for product in ["Milan", "Genoa", "Turin"] {
        if !real.iter().any(|case| case.title.contains(product)) {
            step(&format!(
                "- {product}: no package publishes a report with its key, and no corpus lies beside the project"
            ));
        }
    }
    Ok(())
}

fn tampered(programs: &Programs, folder: &TempDir, real: &[RealCase]) -> Result<()> {
    let case = real.iter().find(|case| case.title.contains("Milan")).context("no Milan case")?;
    let file = evidence_file(folder, "tampered.json", &cases::with_measurement_bit_flipped(case)?)?;
    let answer = judge(programs, &file, &case.at)?;
    ensure!(answer["authentic"] == false, "a tampered report was accepted");
    let finding = &answer["items"][0]["findings"][0];
    let (rule, code) = (finding["rule"].as_str(), finding["code"].as_str());
    step(&format!(
        "✗ {:<34} refused: {} {}",
        "the Milan report, one bit changed",
        rule.unwrap_or("?"),
        code.unwrap_or("?")
    ));
    Ok(())
}

// === 2. The owner ===

struct Owner {
    sealed_file: PathBuf,
}

impl Owner {
    /// An owner seals a file under a key of their own, gives the key to the broker, and says who may have it.
    fn prepare(broker: &DevBroker, folder: &TempDir) -> Result<Self> {
        let key = sealed_file::fresh_key()?;
        let sealed_file = folder.path().join("weights.sealed");
        std::fs::write(&sealed_file, sealed_file::seal(&key, WEIGHTS)?)?;
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, key.as_slice())?;
        let policy = folder.path().join("release.cedar");
        std::fs::write(&policy, include_str!("../../demo/release.cedar"))?;

        let key_path = key_file.to_string_lossy();
        let policy_path = policy.to_string_lossy();
        let image = format!("sev-snp:measurement:{}", measurement(GOOD_IMAGE));
        broker.must_kbsctl(&["secret", "put", "acme/weights-key", "--min-tier", "2", "--file", &key_path])?;
        broker.must_kbsctl(&["key", "create", GPU_KEY, "--min-tier", "gpu-cc"])?;
        broker.must_kbsctl(&["reference", "put", "acme-images", "--value", &image])?;
        broker.must_kbsctl(&["policy", "put", "acme-release", &policy_path])?;
        std::fs::remove_file(&key_file)?;
        step("owner: a file is sealed; its key (minimum tier 2) is with the broker");
        step(
            "owner: the reference set `acme-images` has one measurement; the policy says: tier 2, image in that set",
        );
        Ok(Self { sealed_file })
    }
}

fn measurement(image: &str) -> String {
    image.repeat(96 / image.len())
}

// === 3. Granted ===

fn node_secret(
    programs: &Programs,
    broker: &DevBroker,
    source: &LabSource,
    key: &str,
    out: &Path,
) -> Result<Output> {
    let mut command = programs.command("hanzo-node");
    command.args([
        "secret",
        "get",
        key,
        "--format",
        "table",
        "--kbs-addr",
        &broker.info.addr,
        "--kbs-ca-cert",
    ]);
    command.arg(&broker.info.ca_cert).arg("--lab-socket").arg(&source.socket).arg("--out").arg(out);
    command.output().context("starting hanzo-node")
}

fn granted(
    programs: &Programs,
    broker: &DevBroker,
    lab: &Path,
    folder: &TempDir,
    owner: &Owner,
) -> Result<()> {
    let source = LabSource::start(programs, lab, &["--measurement", &measurement(GOOD_IMAGE)])?;
    let out = folder.path().join("weights.key");
    let output = node_secret(programs, broker, &source, "acme/weights-key", &out)?;
    ensure!(output.status.success(), "not granted: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines().filter(|line| line.contains("GRANTED")) {
        step(&format!("✓ {line}"));
    }
    let opened = sealed_file::open(&std::fs::read(&out)?, &std::fs::read(&owner.sealed_file)?)?;
    ensure!(opened == WEIGHTS, "the key opened something else");
    step(&format!("✓ the node opened the sealed file with it: {}", String::from_utf8_lossy(&opened).trim()));
    Ok(())
}

/// A CPU's report that names an H100's, both of the lab, and the lab's manifests of the H100's firmware: tier 3.
fn granted_gpu(programs: &Programs, broker: &DevBroker, lab: &Path, folder: &TempDir) -> Result<()> {
    let source =
        LabSource::start(programs, lab, &["--measurement", &measurement(GOOD_IMAGE), "--gpus", "1"])?;
    let output = node_secret(programs, broker, &source, GPU_KEY, &folder.path().join("gpu.key"))?;
    ensure!(output.status.success(), "not granted: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines().filter(|line| line.contains("GRANTED")) {
        step(&format!("✓ {line} (the CPU names a GPU of the lab)"));
    }
    Ok(())
}

// === 5. Explained and replayed ===

/// What the operator is told of the newest refusal with this code: the smallest change that turns it.
fn explained(broker: &DevBroker, code: &str) -> Result<()> {
    let page = broker.json_kbsctl(&["audit", "list", "--limit", "1000"])?;
    let mut entries = page["entries"].as_array().context("no entries")?.iter().rev();
    let row = entries.find(|entry| entry["code"] == code).context("no such refusal in the record")?;
    let decision = row["seq"].to_string();
    let answer = broker.json_kbsctl(&["policy", "explain", &decision])?;
    let change = &answer["explanation"]["proposals"][0]["changes"][0];
    let (by, text) = (change["by"].as_str(), change["text"].as_str().context("no change was found")?);
    step(&format!("? decision {decision}, {code}: the smallest change that turns it"));
    step(&format!("    {}: {text}", by.unwrap_or("?")));
    Ok(())
}

/// A stricter policy, on everything that was recorded, before it is put.
fn replayed(broker: &DevBroker, folder: &TempDir) -> Result<()> {
    let candidate = folder.path().join("candidate");
    std::fs::create_dir(&candidate)?;
    let text = "permit (principal, action == Action::\"release\", resource in Tenant::\"acme\")\n\
                when { principal.measurement in ReferenceSet::\"acme-images\" && !principal.lab };\n";
    std::fs::write(candidate.join("acme-release.cedar"), text)?;
    let candidate = candidate.to_string_lossy();
    let arguments = ["policy", "replay", "--candidate", &candidate, "--format", "json"];
    let output = broker.kbsctl().args(arguments).output()?;
    ensure!(output.status.code() == Some(1), "a policy that refuses labs changes nothing");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let counts = &report["from_in_force"];
    step(&format!(
        "↻ a policy that refuses labs, on {} recorded decisions: {} would become refusals, {} grants",
        report["decisions"], counts["to_refused"], counts["to_granted"]
    ));
    Ok(())
}

// === 4. Denied ===

/// The newest refusal in the record, as the operator reads it.
fn last_refusal(broker: &DevBroker) -> Result<(String, String)> {
    let page = broker.json_kbsctl(&["audit", "list", "--limit", "1000"])?;
    let entries = page["entries"].as_array().context("no entries")?;
    let refused =
        entries.iter().rev().find(|e| e["outcome"] == "refused").context("no refusal in the record")?;
    let text = |name: &str| refused[name].as_str().unwrap_or("?").to_owned();
    Ok((text("code"), text("reason")))
}

fn expect_denied(broker: &DevBroker, what: &str, told: &str, code: &str) -> Result<()> {
    let (recorded, reason) = last_refusal(broker)?;
    ensure!(recorded == code, "{what}: the record says {recorded}, not {code}");
    step(&format!("✗ {what}"));
    step(&format!("    the node is told    {told}"));
    let read = if reason.contains(code) { reason } else { format!("{code}: {reason}") };
    step(&format!("    the operator reads  {read}"));
    Ok(())
}

fn denied_line(output: &Output) -> Result<String> {
    ensure!(output.status.code() == Some(1), "exit {:?} where a clear no was due", output.status.code());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("DENIED")).context("nothing was DENIED")?;
    Ok(line.trim().to_owned())
}

fn denied_with(
    programs: &Programs,
    broker: &DevBroker,
    lab: &Path,
    what: &str,
    knobs: &[&str],
    key: &str,
    code: &str,
) -> Result<()> {
    let source = LabSource::start(programs, lab, knobs)?;
    let out = tempfile::tempdir()?;
    let output = node_secret(programs, broker, &source, key, &out.path().join("key"))?;
    expect_denied(broker, what, &denied_line(&output)?, code)
}

fn denied_image(programs: &Programs, broker: &DevBroker, lab: &Path) -> Result<()> {
    let what = "another image asks for the same key";
    let knobs = ["--measurement", &measurement(OTHER_IMAGE)];
    denied_with(programs, broker, lab, what, &knobs, "acme/weights-key", "MeasurementUnknown")
}

fn denied_debug(programs: &Programs, broker: &DevBroker, lab: &Path) -> Result<()> {
    let knobs = ["--measurement", &measurement(GOOD_IMAGE), "--debug"];
    let what = "the right image, launched as a debug guest";
    denied_with(programs, broker, lab, what, &knobs, "acme/weights-key", "SnpDebugAllowed")
}

fn denied_tier(programs: &Programs, broker: &DevBroker, lab: &Path) -> Result<()> {
    let knobs = ["--measurement", &measurement(GOOD_IMAGE)];
    let what = "the node that was granted a key of tier 3, without its GPU";
    denied_with(programs, broker, lab, what, &knobs, GPU_KEY, "TierTooLow")
}

fn denied_firmware(programs: &Programs, broker: &DevBroker, lab: &Path) -> Result<()> {
    let knobs = ["--measurement", &measurement(GOOD_IMAGE), "--gpus", "1", "--device-defect", "measurement"];
    let what = "the same, and its GPU measures what no manifest says";
    denied_with(programs, broker, lab, what, &knobs, GPU_KEY, "RimMeasurementMismatch")
}

fn denied_copies(programs: &Programs, broker: &DevBroker, lab: &Path) -> Result<()> {
    let knobs = ["--measurement", &measurement(GOOD_IMAGE), "--device-defect", "copies"];
    let what = "the same, and one GPU's report eleven times in the place of eleven GPUs";
    denied_with(programs, broker, lab, what, &knobs, GPU_KEY, "DeviceDuplicate")
}

/// The same request, sent twice, byte for byte: the first is granted, the second finds its challenge used.
fn denied_replay(broker: &DevBroker) -> Result<()> {
    let http = Http::new(&broker.info.http_addr)?;
    let mut image = [0; 48];
    hex::decode_to_slice(measurement(GOOD_IMAGE), &mut image)?;
    let node = LabNode::new(SnpOrder { measurement: image, ..SnpOrder::default() })?;
    let request = node.request(&http, &["acme/weights-key"])?;
    let (status, answer) = http.post("/kbs/v1/authorize", &request)?;
    ensure!(status == 200, "the first of the two requests was answered {status} {answer}");
    let (status, problem) = http.post("/kbs/v1/authorize", &request)?;
    ensure!(status == 401, "the replayed request was answered {status} {problem}");
    let told =
        format!("DENIED {} (decision {})", problem["code"].as_str().unwrap_or("?"), problem["decision"]);
    expect_denied(broker, "a granted request, sent again byte for byte", &told, "ChallengeReused")
}
