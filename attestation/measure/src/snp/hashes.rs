//! The page with the digests of kernel, initial disk and command line that the monitor writes and the firmware
//! compares (QEMU, `target/i386/sev.c`: `sev_add_kernel_loader_hashes`).

use super::MeasureError;
use sha2::{Digest as _, Sha256};

// GUIDs as they stand in memory.
/// 9438d606-4f22-4cc9-b479-a793d411fd21, the table's own.
const TABLE: [u8; 16] = *b"\x06\xd6\x38\x94\x22\x4f\xc9\x4c\xb4\x79\xa7\x93\xd4\x11\xfd\x21";
/// 97d02dd8-bd20-4c94-aa78-e7714d36ab2a
const COMMAND_LINE: [u8; 16] = *b"\xd8\x2d\xd0\x97\x20\xbd\x94\x4c\xaa\x78\xe7\x71\x4d\x36\xab\x2a";
/// 44baf731-3a2f-4bd7-9af1-41e29169781d
const INITIAL_DISK: [u8; 16] = *b"\x31\xf7\xba\x44\x2f\x3a\xd7\x4b\x9a\xf1\x41\xe2\x91\x69\x78\x1d";
/// 4de79437-abd2-427f-b835-d5b172d2045b
const KERNEL: [u8; 16] = *b"\x37\x94\xe7\x4d\xd2\xab\x7f\x42\xb8\x35\xd5\xb1\x72\xd2\x04\x5b";
/// GUID, length and SHA-256.
const ENTRY: u16 = 50;
/// GUID, length and three entries.
const LENGTH: u16 = 168;

/// What the firmware is given to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel<'a> {
    /// SHA-256 of the kernel's file.
    pub kernel: [u8; 32],
    /// SHA-256 of the initial disk's file; of nothing, if there is none.
    pub initial_disk: [u8; 32],
    /// The command line, without a zero byte at its end.
    pub command_line: &'a str,
}

impl Kernel<'_> {
    /// The page, with the table where the firmware looks for it.
    pub(super) fn page(&self, table_address: u32) -> Result<Vec<u8>, MeasureError> {
        let command_line = Sha256::new().chain_update(self.command_line).chain_update([0]).finalize();
        let mut table = [&TABLE[..], &LENGTH.to_le_bytes()].concat();
        for (guid, digest) in [
            (COMMAND_LINE, command_line.as_slice()),
            (INITIAL_DISK, &self.initial_disk),
            (KERNEL, &self.kernel),
        ] {
            table.extend([&guid[..], &ENTRY.to_le_bytes(), digest].concat());
        }
        let offset = usize::try_from(table_address % 4096).unwrap_or_default();
        let mut page = vec![0; 4096];
        let place = page.get_mut(offset..).and_then(|rest| rest.get_mut(..table.len()));
        let place = place.ok_or(MeasureError::Metadata("the digests of a kernel do not fit their page"))?;
        place.copy_from_slice(&table);
        Ok(page)
    }
}
