//! Launch measurements computed from images: what a genuine machine will measure when it starts them, known
//! before anything is started. A reference value is then nobody's claim.
//!
//! SEV-SNP: [`snp::measure`]. TDX: [`tdx::measure`], which is MRTD; what firmware and kernel extend into RTMRs
//! depends on the machine beside the images, and is not computed here.
//!
//! No IO: images are bytes, and of a kernel and an initial disk the digests are enough.
#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod snp;
mod table;
pub mod tdx;
