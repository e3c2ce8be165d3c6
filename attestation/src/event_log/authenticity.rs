//! Whether an event's data is what was hashed (LOG-15).
//!
//! Firmware hashes the data of some types, the file behind others, and for a few types both are seen. The
//! rule here is by content: data is authenticated when the digest is its hash in one of the known ways,
//! whatever the type says, because no register covers the type.

use super::measured::Measured;
use super::replay::is_hash;
use hanzo_attestation_evidence::event_log::{EventKind, PcrBank, Variable};

/// What GRUB writes before a command that it measures, and before the kernel's command line: hashed is what
/// follows, without the zero byte at its end (GRUB, `grub-core/kern/tpm.c` and `loader/linux.c`).
pub(super) const GRUB_PREFIXES: [&[u8]; 2] = [b"grub_cmd: ", KERNEL_CMDLINE];
pub(super) const KERNEL_CMDLINE: &[u8] = b"kernel_cmdline: ";

/// Whether the digest is the hash of the data, or of the known part of it.
pub(super) fn is_authenticated(bank: PcrBank, event: &Measured<'_>) -> bool {
    if event.named.is_none() && is_hash(bank, [event.data], event.digest) {
        return true;
    }
    match event.kind {
        EventKind::IPL => grub_text(event.data).is_some_and(|text| is_hash(bank, [text], event.digest)),
        EventKind::EFI_VARIABLE_BOOT => {
            Variable::parse(event.data).is_some_and(|variable| is_hash(bank, [variable.value], event.digest))
        }
        _ => false,
    }
}

/// What GRUB hashed of an event's data.
fn grub_text(data: &[u8]) -> Option<&[u8]> {
    let text = GRUB_PREFIXES.into_iter().find_map(|prefix| data.strip_prefix(prefix))?;
    Some(text.strip_suffix(&[0]).unwrap_or(text))
}

/// The kernel's command line in a GRUB event, if it is one.
pub(super) fn kernel_cmdline(data: &[u8]) -> Option<&[u8]> {
    let text = data.strip_prefix(KERNEL_CMDLINE)?;
    Some(text.strip_suffix(&[0]).unwrap_or(text))
}
