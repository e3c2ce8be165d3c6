//! UEFI_VARIABLE_DATA: a UEFI variable as firmware measures it (PC Client Platform Firmware Profile 1.06,
//! section 10.2.6).

use crate::dcap::Reader;

/// EFI_GLOBAL_VARIABLE, as bytes: 8BE4DF61-93CA-11D2-AA0D-00E098032B8C.
const GLOBAL: [u8; 16] =
    [0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C];
/// EFI_IMAGE_SECURITY_DATABASE, as bytes: D719B2CB-3D3A-4596-A3BC-DAD00E67656F.
const DATABASE: [u8; 16] =
    [0xCB, 0xB2, 0x19, 0xD7, 0x3A, 0x3D, 0x96, 0x45, 0xA3, 0xBC, 0xDA, 0xD0, 0x0E, 0x67, 0x65, 0x6F];
/// Most UTF-16 units of a name that is read: longer ones name nothing that is asked about.
const MAX_NAME: u64 = 64;

/// A variable in an event's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Vendor GUID, in the byte order of the record.
    pub vendor: [u8; 16],
    /// The name.
    pub name: String,
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Reads a variable; `None` when the data is not exactly one, or its name is longer than 64 units or no
    /// UTF-16.
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let vendor = reader.array()?;
        let units = reader.u64().filter(|units| *units <= MAX_NAME)?;
        let size = usize::try_from(reader.u64()?).ok()?;
        let units: Option<Vec<u16>> = (0..units).map(|_| reader.u16()).collect();
        let name = String::from_utf16(&units?).ok()?;
        let value = reader.take(size)?;
        (reader.remaining() == 0).then_some(Self { vendor, name, value })
    }

    /// Whether this is the global variable of that name, e.g. `SecureBoot`, `PK`, `KEK`.
    #[must_use]
    pub fn is_global(&self, name: &str) -> bool {
        self.vendor == GLOBAL && self.name == name
    }

    /// Whether this is the signature database of that name, e.g. `db`, `dbx`.
    #[must_use]
    pub fn is_database(&self, name: &str) -> bool {
        self.vendor == DATABASE && self.name == name
    }
}
