//! SGX quotes: enclaves with any attributes, in versions 3, 4 and 5.

mod body;
mod defect;
mod order;

pub(super) use body::plan;
pub use defect::SgxDefect;
pub use order::SgxOrder;
