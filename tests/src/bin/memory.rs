//! How much memory a verification takes at its peak, beyond what was there before: cold and warm, from parsed
//! evidence and from a document. A program of its own, because counting every allocation costs time.

#![expect(clippy::print_stdout, reason = "what it shows is its result")]

use anyhow::Result;
use hanzo_attestation::Cache;
use hanzo_tests::subjects::Subject;
use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTING: PeakAlloc = PeakAlloc;

/// Peak bytes of a run, above what was in use when it began. What C code allocates for itself is not counted.
fn peak(run: impl Fn() -> Result<()>) -> Result<usize> {
    run()?;
    let before = COUNTING.current_usage();
    COUNTING.reset_peak_usage();
    run()?;
    Ok(COUNTING.peak_usage().saturating_sub(before))
}

fn main() -> Result<()> {
    println!(
        "{:<46}{:>10}{:>10}{:>10}{:>10}{:>10}   bytes",
        "peak of one verification", "cold", "+ JSON", "warm", "+ JSON", "dcap-qvl"
    );
    for subject in Subject::all()? {
        let cache = Cache::new(256);
        subject.verify(&cache)?;
        let peer =
            if subject.has_peer() { peak(|| subject.verify_by_peer())?.to_string() } else { "-".to_owned() };
        println!(
            "{:<46}{:>10}{:>10}{:>10}{:>10}{peer:>10}",
            subject.title,
            peak(|| subject.verify(Cache::off()))?,
            peak(|| subject.verify_document(Cache::off()))?,
            peak(|| subject.verify(&cache))?,
            peak(|| subject.verify_document(&cache))?,
        );
    }
    Ok(())
}
