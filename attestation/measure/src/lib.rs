//! Launch measurements computed from images: what a genuine machine will measure when it starts them, known
//! before anything is started. A reference value is then nobody's claim.
//!
//! SEV-SNP: [`snp::measure`]. MRTD of TDX is not computed here: a calculator that cannot be held against another
//! would be a guess.
//!
//! No IO: images are bytes, and of a kernel and an initial disk the digests are enough.
#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod snp;
