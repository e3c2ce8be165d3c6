//! `hanzo-lab init`.

use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{Lab, Validity};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Not quite AMD's 25 years, and far more than a lab lives.
const TERM: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);
/// The end of Intel's own root, and of the years that UTCTime can write.
const LATEST: &str = "2049-12-31T23:59:59Z";

pub(super) fn run(directory: &Path, at: UnixTime) -> anyhow::Result<()> {
    let not_after = at.after(TERM).min(UnixTime::parse(LATEST)?);
    let not_before = at.before(DAY);
    anyhow::ensure!(not_before < not_after, "the lab would be over before it begins: `{at}` is too late");
    // Before the keys are generated, which takes seconds.
    anyhow::ensure!(
        std::fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none()),
        "`{}` exists and is not empty",
        directory.display()
    );
    Lab::generate(Validity { not_before, not_after })?.write(directory)?;
    writeln!(
        std::io::stderr(),
        "lab written to `{}`, valid from {not_before} until {not_after}",
        directory.display()
    )?;
    Ok(())
}
