//! A lab vendor in Intel's place: root, PCK certificate authorities, PCK certificates, a quoting enclave, TD quotes.

mod body;
mod defect;
mod names;
mod order;
mod pck;
mod quote;
mod vendor;

pub use defect::TdxDefect;
pub use order::{PckAuthority, TdxBody, TdxOrder};
pub(crate) use vendor::{IntelKeys, IntelVendor};
