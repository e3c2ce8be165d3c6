//! Event logs: what firmware, boot loaders and agents say that they measured, record by record.
//!
//! Three wire formats, and a fourth that one agent writes:
//!
//! - TCG2, the crypto-agile log of a TPM (TCG PC Client Platform Firmware Profile 1.06, section 10.2);
//! - CCEL, the same records for the registers of a TD (UEFI 2.10, section 38.4; ACPI 6.5, section 5.2.34);
//! - [`ima`], the binary list of Linux's integrity measurement architecture;
//! - [`dstack`], the JSON log of dstack guests, which holds the boot events and the agent's own.
//!
//! A log is a statement by the guest and proves nothing by itself. Only its digests are covered by the
//! registers that hardware signs, and only after replay (`hanzo_attestation::event_log`); types, register
//! numbers and texts beside them are claims of whoever handed in the log.

mod bank;
mod ccel_table;
pub mod dstack;
mod error;
pub mod ima;
mod kind;
mod tcg;
mod variable;

pub use bank::PcrBank;
pub use ccel_table::CcelTable;
pub use error::EventLogError;
pub use kind::EventKind;
pub use tcg::{Event, Log, LogFormat, MAX_EVENT_DATA, MAX_EVENTS, MAX_LOG};
pub use variable::Variable;
