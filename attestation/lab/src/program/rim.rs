//! `hanzo-lab rim`.

use anyhow::Context as _;
use hanzo_attestation_evidence::encoding;
use hanzo_attestation_lab::{Lab, RimDefect};
use std::io::Write as _;
use std::path::PathBuf;

/// A manifest, and what is other in it.
#[derive(clap::Args)]
pub(super) struct RimKnobs {
    /// The lab's directory, as `init` wrote it.
    #[arg(long)]
    dir: PathBuf,
    /// The manifest of that directory that it is like, by its name in `nvidia/rim`, e.g. gh100-driver.
    #[arg(long, value_name = "NAME")]
    like: String,
    /// Version of driver, VBIOS or BIOS. [default: that manifest's]
    #[arg(long)]
    version: Option<String>,
    /// The golden value of an index, 48 bytes in hex; more of one index are alternatives.
    #[arg(long, value_name = "INDEX=HEX", value_parser = golden)]
    golden: Vec<(u8, [u8; 48])>,
    /// One defect by name (nvidia-rim).
    #[arg(long, value_name = "NAME")]
    defect: Option<RimDefect>,
}

fn golden(text: &str) -> anyhow::Result<(u8, [u8; 48])> {
    let (index, value) = text.split_once('=').context("a golden value is INDEX=HEX")?;
    Ok((index.parse()?, encoding::hex_array(value)?))
}

pub(super) fn run(knobs: &RimKnobs) -> anyhow::Result<()> {
    let orders = Lab::manifest_orders();
    let names = || orders.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = orders.iter().find(|(name, _)| *name == knobs.like);
    let (_, order) = found.with_context(|| format!("`{}` is none of {}", knobs.like, names()))?;
    let mut order = order.clone();
    if let Some(version) = &knobs.version {
        order.version.clone_from(version);
    }
    for (index, _) in &knobs.golden {
        order.golden.insert(*index, Vec::new());
    }
    for (index, value) in &knobs.golden {
        order.golden.entry(*index).or_default().push(*value);
    }
    order.defect = knobs.defect;
    let xml = Lab::open(&knobs.dir)?.manifest(&order)?;
    std::io::stdout().write_all(&xml)?;
    Ok(())
}
