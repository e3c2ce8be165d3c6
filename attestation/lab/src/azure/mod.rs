//! Lab machines in the manner of Azure's: a paravisor's TPM whose key a hardware report vouches for.

mod defect;
mod hcl;
mod item;
mod order;
mod runtime;

pub use defect::AzDefect;
pub(crate) use item::item;
pub use order::{AzGuest, AzOrder, VmConfiguration};
