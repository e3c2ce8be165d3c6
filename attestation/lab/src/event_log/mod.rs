//! Event logs with the registers to which they replay: a TPM's (TCG2), a TD's (CCEL), and the kernel's list
//! ([`ima`]).
//!
//! A log is built event by event, and at every moment knows its bytes and the values of the registers. A TD:
//!
//! ```
//! use hanzo_attestation_lab::event_log::LabLog;
//! use hanzo_attestation_lab::{Lab, TdxOrder};
//!
//! # fn main() -> Result<(), hanzo_attestation_lab::LabError> {
//! let log = LabLog::usual_td();
//! let order = TdxOrder { rtmr: log.rtmrs(), event_log: Some(log.bytes_with_fill(65536)), ..TdxOrder::default() };
//! let item = Lab::fixture().tdx(&order)?;
//! assert!(item["event_log"].is_string());
//! # Ok(())
//! # }
//! ```
//!
//! A TPM: [`LabLog::usual_tpm`] in the banks that its quote selects, with [`LabLog::pcrs`] as the registers
//! to quote. For a log that breaks a rule, use [`LabLog::record`], which writes what it is told, or change
//! the bytes.

pub mod ima;

use aws_lc_rs::digest;
use hanzo_attestation_evidence::Digest;
pub use hanzo_attestation_evidence::event_log::{EventKind, PcrBank};
use std::collections::BTreeMap;

/// Registers by bank and number.
pub type Registers = BTreeMap<(PcrBank, u8), Digest>;

/// A log in the making.
#[derive(Clone, Debug)]
pub struct LabLog {
    td: bool,
    banks: Vec<PcrBank>,
    bytes: Vec<u8>,
    registers: BTreeMap<(PcrBank, u8), Vec<u8>>,
    locality: u8,
}

impl LabLog {
    /// A TD's log without events: a CCEL.
    #[must_use]
    pub fn td() -> Self {
        Self::empty(true, &[PcrBank::Sha384])
    }

    /// A TPM's log without events, with these banks.
    #[must_use]
    pub fn tpm(banks: &[PcrBank]) -> Self {
        Self::empty(false, banks)
    }

    /// A TD's usual boot: firmware, secure boot, GRUB, a kernel with its command line, the end of boot
    /// services.
    #[must_use]
    pub fn usual_td() -> Self {
        let mut log = Self::td();
        log.boot([0, 1, 2, 2], &[0, 1]);
        log
    }

    /// The same on a TPM.
    #[must_use]
    pub fn usual_tpm(banks: &[PcrBank]) -> Self {
        let mut log = Self::tpm(banks);
        log.boot([7, 4, 8, 9], &[0, 1, 2, 3, 4, 5, 6, 7]);
        log
    }

    /// Adds an event whose digest is the hash of its data.
    pub fn event(&mut self, register: u8, kind: EventKind, data: &[u8]) -> &mut Self {
        self.event_of(register, kind, data, data)
    }

    /// Adds an event whose digest is the hash of something else than its data, e.g. of a file.
    pub fn event_of(&mut self, register: u8, kind: EventKind, data: &[u8], hashed: &[u8]) -> &mut Self {
        let digests: Vec<(PcrBank, Vec<u8>)> =
            self.banks.iter().map(|bank| (*bank, hash(*bank, &[hashed]))).collect();
        for (bank, digest) in &digests {
            let start = start(*bank, register, self.locality);
            let value = self.registers.entry((*bank, register)).or_insert(start);
            *value = hash(*bank, &[value, digest]);
        }
        let index = u32::from(register) + u32::from(self.td);
        self.record(index, kind, &digests, data)
    }

    /// Adds an event that extends nothing.
    pub fn no_action(&mut self, index: u32, data: &[u8]) -> &mut Self {
        let zeros: Vec<(PcrBank, Vec<u8>)> =
            self.banks.iter().map(|bank| (*bank, vec![0; bank.size()])).collect();
        self.record(index, EventKind::NO_ACTION, &zeros, data)
    }

    /// Says at which locality the TPM was started, and starts PCR 0 so. Comes before events of PCR 0.
    pub fn startup_locality(&mut self, locality: u8) -> &mut Self {
        self.locality = locality;
        self.no_action(0, &[b"StartupLocality\0", [locality].as_slice()].concat())
    }

    /// Adds the separator with which firmware ends its part of a register.
    pub fn separator(&mut self, register: u8) -> &mut Self {
        self.event(register, EventKind::SEPARATOR, &[0; 4])
    }

    /// Adds a measured variable of secure boot: `SecureBoot`, `PK`, `KEK`, `db` or `dbx`.
    pub fn variable(&mut self, register: u8, name: &str, value: &[u8]) -> &mut Self {
        self.event(register, EventKind::EFI_VARIABLE_DRIVER_CONFIG, &variable(name, value))
    }

    /// Writes a record as told, in the log's own numbering of registers, and extends nothing: for logs that
    /// lie.
    pub fn record(
        &mut self,
        index: u32,
        kind: EventKind,
        digests: &[(PcrBank, Vec<u8>)],
        data: &[u8],
    ) -> &mut Self {
        self.bytes.extend([index, kind.0, count(digests.len())].iter().flat_map(|word| word.to_le_bytes()));
        for (bank, digest) in digests {
            self.bytes.extend(bank.id().to_le_bytes());
            self.bytes.extend(digest);
        }
        self.bytes.extend(count(data.len()).to_le_bytes());
        self.bytes.extend(data);
        self
    }

    /// The log's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The log's bytes as a TD's ACPI area holds them: filled up with ones.
    #[must_use]
    pub fn bytes_with_fill(&self, length: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(length.max(bytes.len()), 0xFF);
        bytes
    }

    /// The values of RTMR0 to RTMR3.
    #[must_use]
    pub fn rtmrs(&self) -> [[u8; 48]; 4] {
        [0, 1, 2, 3].map(|number| {
            let value = self.registers.get(&(PcrBank::Sha384, number));
            value.and_then(|value| value.as_slice().try_into().ok()).unwrap_or([0; 48])
        })
    }

    /// The values of PCR 0 to 23 in every bank, reset values included.
    #[must_use]
    pub fn pcrs(&self) -> Registers {
        let all = self.banks.iter().flat_map(|bank| (0..24).map(move |number| (*bank, number)));
        all.filter_map(|(bank, number)| {
            let reset = || start(bank, number, self.locality);
            let value = self.registers.get(&(bank, number)).cloned().unwrap_or_else(reset);
            Some(((bank, number), Digest::try_from(value.as_slice()).ok()?))
        })
        .collect()
    }

    /// The value of one register in one bank; empty for a bank that the log does not have.
    #[must_use]
    pub fn register(&self, bank: PcrBank, number: u8) -> Vec<u8> {
        self.pcrs().get(&(bank, number)).map(|digest| digest.as_bytes().to_vec()).unwrap_or_default()
    }

    fn empty(td: bool, banks: &[PcrBank]) -> Self {
        let mut table = b"Spec ID Event03\0".to_vec();
        // Platform class 0; version 2.0, errata 2; words of 64 bits.
        table.extend([0, 0, 0, 0, 0, 2, 2, 2]);
        table.extend(count(banks.len()).to_le_bytes());
        for bank in banks {
            table.extend(bank.id().to_le_bytes());
            table.extend(u16::try_from(bank.size()).unwrap_or(u16::MAX).to_le_bytes());
        }
        table.push(0);
        let mut bytes = u32::from(td).to_le_bytes().to_vec();
        bytes.extend(EventKind::NO_ACTION.0.to_le_bytes());
        bytes.extend([0; 20]);
        bytes.extend(count(table.len()).to_le_bytes());
        bytes.extend(table);
        Self { td, banks: banks.to_vec(), bytes, registers: BTreeMap::new(), locality: 0 }
    }

    /// A boot, with the registers of secure boot, boot applications, GRUB's texts and GRUB's files.
    fn boot(&mut self, [secure_boot, applications, texts, files]: [u8; 4], separated: &[u8]) {
        const SETUP: &[u8] = b"hanzo-lab/firmware/1";
        const CMDLINE: &[u8] = b"/vmlinuz root=/dev/vda ro";
        self.event_of(0, EventKind::EFI_PLATFORM_FIRMWARE_BLOB2, b"lab firmware", SETUP);
        for (name, value) in
            [("SecureBoot", [1].as_slice()), ("PK", b"pk"), ("KEK", b"kek"), ("db", b"db"), ("dbx", b"dbx")]
        {
            self.variable(secure_boot, name, value);
        }
        self.event(applications, EventKind::EFI_ACTION, b"Calling EFI Application from Boot Option");
        for register in separated {
            self.separator(*register);
        }
        self.event_of(applications, EventKind::EFI_BOOT_SERVICES_APPLICATION, &[0; 32], b"hanzo-lab/grub/1");
        self.event_of(files, EventKind::IPL, b"/vmlinuz\0", b"hanzo-lab/kernel/1");
        let data = [b"kernel_cmdline: ", CMDLINE, b"\0"].concat();
        self.event_of(texts, EventKind::IPL, &data, CMDLINE);
    }
}

/// UEFI_VARIABLE_DATA of a secure boot variable, under the vendor GUID that it has.
#[must_use]
pub fn variable(name: &str, value: &[u8]) -> Vec<u8> {
    const GLOBAL: [u8; 16] =
        [0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C];
    const DATABASE: [u8; 16] =
        [0xCB, 0xB2, 0x19, 0xD7, 0x3A, 0x3D, 0x96, 0x45, 0xA3, 0xBC, 0xDA, 0xD0, 0x0E, 0x67, 0x65, 0x6F];
    let units: Vec<u16> = name.encode_utf16().collect();
    let mut data = if matches!(name, "db" | "dbx") { DATABASE } else { GLOBAL }.to_vec();
    data.extend(u64::from(count(units.len())).to_le_bytes());
    data.extend(u64::from(count(value.len())).to_le_bytes());
    data.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    data.extend(value);
    data
}

/// The value of a register after a reset, and with the TPM's start at a locality.
fn start(bank: PcrBank, register: u8, locality: u8) -> Vec<u8> {
    let mut value = vec![if matches!(register, 17..=22) { 0xFF } else { 0 }; bank.size()];
    if let (0, Some(last)) = (register, value.last_mut()) {
        *last = locality;
    }
    value
}

/// A hash over parts. SM3 has no implementation here; its registers stay zeros.
fn hash(bank: PcrBank, parts: &[&[u8]]) -> Vec<u8> {
    let algorithm = match bank {
        PcrBank::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        PcrBank::Sha256 => &digest::SHA256,
        PcrBank::Sha384 => &digest::SHA384,
        PcrBank::Sha512 => &digest::SHA512,
        PcrBank::Sm3 => return vec![0; bank.size()],
    };
    digest::digest(algorithm, &parts.concat()).as_ref().to_vec()
}

/// A length field. No log of the lab comes near its limit.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
