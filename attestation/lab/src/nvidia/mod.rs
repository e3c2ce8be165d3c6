//! The lab's NVIDIA.

mod rim;

pub use rim::{RimDefect, RimMinimum, RimOrder, RimProduct, RimVendor};
