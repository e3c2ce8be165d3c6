//! Collateral of the lab's Intel: TCB info, identities of quoting enclaves, revocation lists.

mod defect;
mod issue;
mod level;
mod order;
mod qe_identity;
mod spoil;
mod tcb_info;
mod text;

pub use defect::IntelDefect;
pub use issue::IntelCollateral;
pub(super) use issue::tcb_signer;
pub use level::{Standing, SvnLevel};
pub use order::IntelOrder;
pub use qe_identity::QeIdentity;
pub use tcb_info::{Module, ModuleIdentity, TcbInfo, TcbLevel};
