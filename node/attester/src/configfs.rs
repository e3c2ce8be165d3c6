//! Evidence through the kernel's report interface, configfs-tsm (Linux 6.7 and later).

use crate::report_tree::{Attribute, KernelEntry, ReportEntry, unavailable};
use crate::source::{snp_document, tdx_document};
use crate::{CollectError, EvidenceSource, files};
use hanzo_attestation_evidence::Binding;
use hanzo_attestation_evidence::document::MAX_EVENT_LOG;
use hanzo_attestation_evidence::snp::certificate_table;
use rustix::io::Errno;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// Below the filesystem root.
pub(crate) const TREE: &str = "sys/kernel/config/tsm/report";
/// The event log of a TDX guest's firmware, below the filesystem root.
pub(crate) const CCEL_LOG: &str = "sys/firmware/acpi/tables/data/CCEL";

/// Largest report in bytes: a TDX quote with its certification data has some 5 KiB, and the guest's
/// shared quote buffer 128 KiB at most.
const MAX_OUTBLOB: usize = 128 * 1024;
/// A number, and the newline after it.
const MAX_NUMBER: usize = 32;
/// Names of providers have some ten letters.
const MAX_PROVIDER: usize = 128;
/// How often a report is asked for anew when somebody else writes to our entry.
const ATTEMPTS: usize = 3;

/// Length of an SEV-SNP attestation report in bytes (SNP ABI, ATTESTATION_REPORT).
pub(crate) const SNP_REPORT: usize = 1184;
/// Where its REPORT_DATA begins.
const SNP_REPORT_DATA: usize = 0x50;

/// The report interface of one machine.
#[derive(Clone, Debug)]
pub struct ConfigfsTsm {
    tree: PathBuf,
    ccel: PathBuf,
}

impl ConfigfsTsm {
    /// The interface below `root` (`/` on a machine).
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { tree: root.join(TREE), ccel: root.join(CCEL_LOG) }
    }

    /// The interface below `root`, if there is one with a provider behind it. One that is there and must
    /// not be used (no permission) is found too: collecting then says why.
    #[must_use]
    pub fn find(root: &Path) -> Option<Self> {
        let found = Self::new(root);
        if !found.tree.is_dir() {
            return None;
        }
        // The kernel answers ENXIO where no driver provides reports.
        let without_provider = KernelEntry::create(&found.tree)
            .is_err_and(|error| error.raw_os_error() == Some(Errno::NXIO.raw_os_error()));
        (!without_provider).then_some(found)
    }

    fn collect_now(&self, report_data: &[u8; 64]) -> Result<Value, CollectError> {
        let mut entry = KernelEntry::create(&self.tree).map_err(|e| unavailable(&self.tree, &e))?;
        let report = request(&mut entry, report_data)?;
        match report {
            Report::Snp { report, certs } => Ok(snp_document(&report, &certs)),
            Report::Tdx { quote } => Ok(tdx_document(&quote, self.event_log()?.as_deref())),
        }
    }

    /// The firmware's event log, if this process may read it. Without it the broker still verifies the
    /// quote; only policies on single events have nothing to say.
    fn event_log(&self) -> Result<Option<Vec<u8>>, CollectError> {
        match files::read_whole(&self.ccel, MAX_EVENT_LOG) {
            Ok(log) => Ok((!log.is_empty()).then_some(log)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(CollectError::TooLarge {
                attribute: self.ccel.display().to_string(),
                limit: MAX_EVENT_LOG,
            }),
            Err(_) => Ok(None),
        }
    }
}

impl EvidenceSource for ConfigfsTsm {
    fn name(&self) -> &'static str {
        "configfs-tsm"
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let (source, report_data) = (self.clone(), *binding.cpu_report_data());
        // Reading a report waits for the firmware, or for the host's quoting service.
        tokio::task::spawn_blocking(move || source.collect_now(&report_data))
            .await
            .map_err(|_| CollectError::Interrupted)?
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Report {
    Snp { report: Vec<u8>, certs: Vec<Vec<u8>> },
    Tdx { quote: Vec<u8> },
}

fn request(entry: &mut impl ReportEntry, report_data: &[u8; 64]) -> Result<Report, CollectError> {
    let provider = text(entry, Attribute::Provider, MAX_PROVIDER)?;
    let snp = match provider.as_str() {
        "sev_guest" => true,
        "tdx_guest" => false,
        _ => return Err(CollectError::UnsupportedProvider { provider }),
    };
    let (outblob, auxblob) = undisturbed(entry, report_data, snp)?;
    if text(entry, Attribute::Provider, MAX_PROVIDER)? != provider {
        let found = "its report to another provider".to_owned();
        return Err(CollectError::ProviderMismatch { provider, found });
    }
    let at = if snp { snp_report_data(&outblob) } else { tdx_report_data(&outblob) }
        .map_err(|found| CollectError::ProviderMismatch { provider, found })?;
    if outblob.get(at..).and_then(|rest| rest.first_chunk()) != Some(report_data) {
        return Err(CollectError::ReportDataMismatch);
    }
    if snp {
        let certs = certificate_table::parse(&auxblob)?.into_iter().map(|(_, der)| der).collect();
        Ok(Report::Snp { report: outblob, certs })
    } else {
        Ok(Report::Tdx { quote: outblob })
    }
}

/// Writes the report data and reads the blobs, again if another writer came between.
fn undisturbed(
    entry: &mut impl ReportEntry,
    report_data: &[u8; 64],
    with_certs: bool,
) -> Result<(Vec<u8>, Vec<u8>), CollectError> {
    let mut race = CollectError::Interrupted;
    for _ in 0..ATTEMPTS {
        let before = number(entry, Attribute::Generation)?;
        let mut writes = 1;
        // A guest below the highest privilege level may ask only for its own level, or a lower one.
        let floor = optional(number(entry, Attribute::PrivlevelFloor))?.unwrap_or(0);
        if floor > 0 {
            write(entry, Attribute::Privlevel, floor.to_string().as_bytes())?;
            writes += 1;
        }
        write(entry, Attribute::Inblob, report_data)?;
        let expected = before.saturating_add(writes);
        let outblob = match read(entry, Attribute::Outblob, MAX_OUTBLOB) {
            Err(ReadError { error, .. }) if error.kind() == io::ErrorKind::WouldBlock => {
                race =
                    CollectError::GenerationRace { expected, found: number(entry, Attribute::Generation)? };
                continue;
            }
            other => other?,
        };
        let auxblob = if with_certs {
            optional(read(entry, Attribute::Auxblob, certificate_table::MAX_TABLE))?.unwrap_or_default()
        } else {
            Vec::new()
        };
        let found = number(entry, Attribute::Generation)?;
        if found == expected {
            return Ok((outblob, auxblob));
        }
        race = CollectError::GenerationRace { expected, found };
    }
    Err(race)
}

/// Where the report data begin in what `sev_guest` gave, or what it gave instead of a report.
fn snp_report_data(report: &[u8]) -> Result<usize, String> {
    if report.len() == SNP_REPORT {
        Ok(SNP_REPORT_DATA)
    } else {
        Err(format!("{} bytes where an SEV-SNP report has {SNP_REPORT}", report.len()))
    }
}

/// Where the report data begin in a TDX quote (Intel DCAP quote format 4 and 5), or what it is instead.
fn tdx_report_data(quote: &[u8]) -> Result<usize, String> {
    // Header of 48 bytes; version 5 puts the body's type and size (6 bytes) before the body; the last 64
    // of a TD report body's first 584 bytes are REPORTDATA.
    const TDX_TEE_TYPE: [u8; 4] = [0x81, 0, 0, 0];
    let header = quote.first_chunk::<8>().ok_or_else(|| format!("{} bytes, no quote", quote.len()))?;
    let [v0, v1, _, _, tee @ ..] = *header;
    if tee != TDX_TEE_TYPE {
        return Err("a quote whose TEE type is not TDX".to_owned());
    }
    match u16::from_le_bytes([v0, v1]) {
        4 => Ok(48 + 520),
        5 => Ok(48 + 6 + 520),
        version => Err(format!("a quote of version {version}, neither 4 nor 5")),
    }
}

/// A failed read, with the operating system's kind kept for those that mean something.
struct ReadError {
    attribute: Attribute,
    limit: usize,
    error: io::Error,
}

impl From<ReadError> for CollectError {
    fn from(ReadError { attribute, limit, error }: ReadError) -> Self {
        let attribute = attribute.name().to_owned();
        match error.kind() {
            io::ErrorKind::FileTooLarge => Self::TooLarge { attribute, limit },
            io::ErrorKind::InvalidData => Self::NotANumber { attribute },
            _ => Self::Read { attribute, reason: error.to_string() },
        }
    }
}

fn read(entry: &mut impl ReportEntry, attribute: Attribute, limit: usize) -> Result<Vec<u8>, ReadError> {
    entry.read(attribute, limit).map_err(|error| ReadError { attribute, limit, error })
}

fn write(entry: &mut impl ReportEntry, attribute: Attribute, bytes: &[u8]) -> Result<(), CollectError> {
    entry.write(attribute, bytes).map_err(|error| CollectError::Write {
        attribute: attribute.name().to_owned(),
        reason: error.to_string(),
    })
}

fn text(entry: &mut impl ReportEntry, attribute: Attribute, limit: usize) -> Result<String, CollectError> {
    let bytes = read(entry, attribute, limit)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
}

fn number(entry: &mut impl ReportEntry, attribute: Attribute) -> Result<u64, ReadError> {
    let bytes = read(entry, attribute, MAX_NUMBER)?;
    std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.trim_end_matches('\n').parse().ok())
        .ok_or(ReadError { attribute, limit: MAX_NUMBER, error: io::Error::from(io::ErrorKind::InvalidData) })
}

/// `None` where the kernel, or the provider, has no such attribute.
fn optional<T>(result: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ReadError { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
