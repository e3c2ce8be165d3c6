//! Changes genuine inputs blindly and asks every parser to survive: `cargo run -p hanzo-tests --bin fuzz`.
//!
//! The same seed makes the same inputs. Files named on the command line are tried as they are, against one
//! target.

#![expect(clippy::print_stdout, reason = "what it shows is its result")]

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use hanzo_tests::fuzz::{Mutator, TARGETS, Target, target};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Stack of the thread that parses: half of what a thread of the broker has by default, so that a recursion
/// without bound is found here.
const STACK: usize = 1 << 20;
/// One input that takes longer is a defect of its own: the rule book allows 250 ms for one evidence (B.0),
/// and this leaves room for a debug build on a busy machine.
const HANG: Duration = Duration::from_secs(10);

/// Fuzzes the parsers.
#[derive(Parser)]
struct Arguments {
    /// How long to try each target, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How long to try all targets together, in seconds: each gets its share.
    #[arg(long, conflicts_with = "seconds")]
    in_all: Option<u64>,
    /// Only this target; see the list that a wrong name prints.
    #[arg(long)]
    target: Option<String>,
    /// Where the inputs start: another number makes other inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where an input that finds something is written.
    #[arg(long, default_value = "target/fuzz")]
    out: PathBuf,
    /// Write each input before it is tried: for a run that ended by a signal, e.g. with the stack used up.
    #[arg(long)]
    careful: bool,
    /// Inputs to try instead of made ones; needs `--target`.
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let targets = match &arguments.target {
        Some(name) => {
            vec![target(name).with_context(|| format!("no target `{name}`; {}", names.join(", ")))?]
        }
        None => TARGETS.to_vec(),
    };
    if !arguments.files.is_empty() {
        let [target] = targets.as_slice() else { bail!("files need `--target`") };
        return try_files(*target, &arguments.files);
    }
    let count = u32::try_from(targets.len())?;
    let share = match arguments.in_all {
        Some(seconds) => Duration::from_secs(seconds) / count,
        None => Duration::from_secs(arguments.seconds),
    };
    println!("{:<26} {:>12} {:>14} {:>12}", "target", "executions", "per second", "slowest");
    let mut executions = 0;
    let mut failed = Vec::new();
    for target in targets {
        let report = in_small_stack(|| fuzz(target, share, arguments))??;
        let per_second = u128::from(report.executions) * 1000 / share.as_millis().max(1);
        println!(
            "{:<26} {:>12} {per_second:>14} {:>9} us",
            target.name,
            report.executions,
            report.slowest.as_micros()
        );
        executions += report.executions;
        failed.extend(report.failure.map(|path| (target.name, path)));
    }
    println!("{executions} executions in {count} targets, seed {}", arguments.seed);
    for (name, path) in &failed {
        eprintln!(
            "`{name}` fails on {}; try it again with: --target {name} {}",
            path.display(),
            path.display()
        );
    }
    ensure!(failed.is_empty(), "{} targets fail", failed.len());
    Ok(())
}

struct Report {
    executions: u64,
    slowest: Duration,
    /// The input that failed, written to a file.
    failure: Option<PathBuf>,
}

/// Tries inputs until the time is over or one fails.
#[expect(clippy::disallowed_methods, reason = "how long to try is measured time")]
fn fuzz(target: Target, share: Duration, arguments: &Arguments) -> Result<Report> {
    let mut mutator = Mutator::new(arguments.seed, (target.seeds)());
    let mut report = Report { executions: 0, slowest: Duration::ZERO, failure: None };
    let end = Instant::now() + share;
    let mut now = Instant::now();
    while now < end {
        let input = mutator.mutant();
        if arguments.careful {
            write(&arguments.out, target.name, "last", &input)?;
        }
        let start = Instant::now();
        let survived = survives(target, &input);
        now = Instant::now();
        report.executions += 1;
        report.slowest = report.slowest.max(now - start);
        if !survived || now - start > HANG {
            let what = format!("{}-{}", arguments.seed, report.executions);
            report.failure = Some(write(&arguments.out, target.name, &what, &input)?);
            break;
        }
    }
    Ok(report)
}

fn try_files(target: Target, files: &[PathBuf]) -> Result<()> {
    for file in files {
        let input = std::fs::read(file).with_context(|| file.display().to_string())?;
        let survived = in_small_stack(|| survives(target, &input))?;
        ensure!(survived, "`{}` fails on {}", target.name, file.display());
        println!("{}: {} bytes, survived", file.display(), input.len());
    }
    Ok(())
}

/// Whether a target returns.
fn survives(target: Target, input: &[u8]) -> bool {
    std::panic::catch_unwind(|| (target.run)(input)).is_ok()
}

fn in_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| anyhow::anyhow!("the fuzzer itself failed"))
    })
}

fn write(folder: &Path, name: &str, what: &str, input: &[u8]) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{name}-{what}.bin"));
    std::fs::write(&path, input).with_context(|| path.display().to_string())?;
    Ok(path)
}
