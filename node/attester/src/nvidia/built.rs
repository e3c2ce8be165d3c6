//! Libraries with a vendor's names and layouts, built for a test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the published report of a Hopper GPU.
pub(super) const FIXTURE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/attestation/nvidia/hopper-550");
/// That report.
pub(super) const REPORT: &[u8] =
    include_bytes!("../../../../fixtures/attestation/nvidia/hopper-550/report.bin");

/// Builds `source` (a file beside this one) as `folder/name`, with these definitions and, of `defaults`, those
/// that they leave open. What links Rust programs, compiles C.
pub(super) fn library(
    folder: &Path,
    source: &str,
    name: &str,
    defines: &[&str],
    defaults: &[&str],
) -> PathBuf {
    let path = folder.join(name);
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&path);
    compiler.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nvidia").join(source));
    compiler.arg(format!("-DREPORT=\"{FIXTURE}/report.bin\""));
    let name_of = |define: &str| define.split('=').next().unwrap_or_default().to_owned();
    let open = |default: &&&str| !defines.iter().any(|define| name_of(define) == name_of(default));
    compiler.args(defaults.iter().filter(open)).args(defines);
    assert!(compiler.status().unwrap().success());
    path
}
