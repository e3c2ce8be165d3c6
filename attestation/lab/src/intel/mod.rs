//! A lab vendor in Intel's place: root, PCK certificate authorities, PCK certificates, quoting enclaves, TD
//! and SGX quotes, and the collateral with which they are judged.

mod body;
mod collateral;
mod defect;
mod enclave;
mod names;
mod order;
mod pck;
mod quote;
mod sgx;
mod vendor;

pub use collateral::{
    IntelCollateral, IntelDefect, IntelOrder, Module, ModuleIdentity, QeIdentity, Standing, SvnLevel,
    TcbInfo, TcbLevel,
};
pub use defect::TdxDefect;
pub use order::{PckAuthority, TdxBody, TdxOrder};
pub use sgx::{SgxDefect, SgxOrder};
pub(crate) use vendor::{IntelKeys, IntelVendor, pem_chain};
