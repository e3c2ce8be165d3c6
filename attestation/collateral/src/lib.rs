//! Vendor data and extra trust roots, read from files into memory for the verifier.
//!
//! Verification itself never reads a file and never opens a socket: what it rests on is put before it. This crate is
//! where files become that. Reading decides nothing about trust; a root from here is one that configuration named.

mod amd;
mod file;
mod lab;

pub use amd::{AmdCrlError, read_amd_crl};
pub use file::FileError;
pub use lab::{LabDirError, read_lab};
