//! The lab as a whole: byte by byte, on disk, on the command line, and before the real verifier.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod azure;
mod directory;
mod intel_collateral;
mod judge;
mod nvidia;
mod nvidia_rim;
mod program;
mod sev_snp;
mod sgx;
mod tdx;
mod tpm;
