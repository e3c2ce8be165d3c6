//! A lab vendor in AMD's place: roots, intermediates, endorsement keys, revocation lists, reports.

mod defect;
mod lists;
mod names;
mod order;
mod report;
mod spoil;
mod vek;
mod vendor;

pub use defect::{ListDefect, SnpDefect};
pub use order::{SnpOrder, SnpProduct, SnpTcb, Vek};
pub(crate) use vendor::{AmdKeys, AmdVendor};
