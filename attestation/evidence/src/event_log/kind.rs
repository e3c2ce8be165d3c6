//! Types of events, by number.

use serde::{Serialize, Serializer};
use std::fmt;

/// A TCG_EVENTTYPE (PC Client Platform Firmware Profile 1.06, table 27). No register covers it: it is what
/// the log's writer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKind(pub u32);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl EventKind {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The specification's name, for the types that this crate names.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(concat!("EV_", stringify!($name))),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// Informs the reader; never extended.
    NO_ACTION = 0x3;
    /// Ends the firmware's part of a register, or says that an error ended it.
    SEPARATOR = 0x4;
    /// A text.
    ACTION = 0x5;
    /// A tag, and what was measured under it.
    EVENT_TAG = 0x6;
    /// The version of the core root of trust.
    S_CRTM_VERSION = 0x8;
    /// Tables of the platform, e.g. ACPI.
    PLATFORM_CONFIG_FLAGS = 0xA;
    /// What a boot loader measures.
    IPL = 0xD;
    /// Code that the host does not run.
    NONHOST_INFO = 0x11;
    /// A UEFI variable, whole: how secure boot is measured.
    EFI_VARIABLE_DRIVER_CONFIG = 0x8000_0001;
    /// A UEFI variable of the boot manager; often only its value is hashed.
    EFI_VARIABLE_BOOT = 0x8000_0002;
    /// A PE image that was started.
    EFI_BOOT_SERVICES_APPLICATION = 0x8000_0003;
    /// A PE driver that was started.
    EFI_BOOT_SERVICES_DRIVER = 0x8000_0004;
    /// A PE run-time driver that was started.
    EFI_RUNTIME_SERVICES_DRIVER = 0x8000_0005;
    /// The partition table.
    EFI_GPT_EVENT = 0x8000_0006;
    /// A text.
    EFI_ACTION = 0x8000_0007;
    /// Code of the platform.
    EFI_PLATFORM_FIRMWARE_BLOB = 0x8000_0008;
    /// Code of the platform, described.
    EFI_PLATFORM_FIRMWARE_BLOB2 = 0x8000_000A;
    /// Tables of the platform, described.
    EFI_HANDOFF_TABLES2 = 0x8000_000B;
    /// The entry of a signature database that let an image start.
    EFI_VARIABLE_AUTHORITY = 0x8000_00E0;
    /// dstack's own events (<https://github.com/Dstack-TEE/dstack>, `cc-eventlog`); not the TCG's.
    DSTACK_RUNTIME = 0x0800_0001;
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
