//! The ACPI table that announces a confidential guest's event log.

use crate::configfs::CCEL_LOG;
use crate::seen::Seen;
use serde::Serialize;
use std::fs::{self, File};
use std::path::Path;

/// The CCEL table (ACPI 6.5, 5.2.34) and the log it points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ccel {
    /// The log, if the kernel shows it: present if this process may read it.
    pub event_log: Seen<()>,
}

pub(super) fn ccel(root: &Path) -> Seen<Ccel> {
    let table = root.join("sys/firmware/acpi/tables/CCEL");
    // The table itself is readable by root alone, and its presence by everybody.
    Seen::from_io(&table, fs::metadata(&table)).map(|_| {
        let log = root.join(CCEL_LOG);
        Ccel { event_log: Seen::from_io(&log, File::open(&log)).map(|_| ()) }
    })
}
