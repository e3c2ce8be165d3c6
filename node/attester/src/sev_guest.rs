//! Evidence from the SEV-SNP guest device, for kernels before configfs-tsm.

use crate::configfs::SNP_REPORT;
use crate::ioctl::{self, RESPONSE, Refused};
use crate::source::snp_document;
use crate::{CollectError, EvidenceSource};
use hanzo_attestation_evidence::Binding;
use hanzo_attestation_evidence::snp::certificate_table;
use rustix::io::Errno;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// Below the filesystem root.
pub(crate) const DEVICE: &str = "dev/sev-guest";

/// The most that the driver takes (`SEV_FW_BLOB_MAX_SIZE`), in whole pages as it demands.
const CERT_BUFFER: usize = 16 * 1024;
/// Bytes before the report in the response: status u32, size u32, 24 reserved (SNP ABI, MSG_REPORT_RSP).
const RESPONSE_HEADER: usize = 32;

/// The guest device of one machine.
#[derive(Clone, Debug)]
pub struct SevGuestDevice {
    path: PathBuf,
}

impl SevGuestDevice {
    /// The device below `root` (`/` on a machine).
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { path: root.join(DEVICE) }
    }

    /// The device below `root`, if there is one.
    #[must_use]
    pub fn find(root: &Path) -> Option<Self> {
        let found = Self::new(root);
        found.path.exists().then_some(found)
    }

    fn collect_now(&self, report_data: &[u8; 64]) -> Result<Value, CollectError> {
        let device = OpenOptions::new().read(true).write(true).open(&self.path).map_err(|error| {
            CollectError::Unavailable { path: self.path.display().to_string(), reason: error.to_string() }
        })?;
        let (response, table) = self.ask(&device, report_data)?;
        let report = report_in(&response)?;
        if report.get(0x50..0x90) != Some(report_data.as_slice()) {
            return Err(CollectError::ReportDataMismatch);
        }
        let certs: Vec<_> = certificate_table::parse(&table)?.into_iter().map(|(_, der)| der).collect();
        Ok(snp_document(report, &certs))
    }

    /// The response and the certificate table; the plain request where the driver has no extended one.
    fn ask(
        &self,
        device: &File,
        report_data: &[u8; 64],
    ) -> Result<(Box<[u8; RESPONSE]>, Vec<u8>), CollectError> {
        let mut table = vec![0; CERT_BUFFER];
        match ioctl::get_ext_report(device, report_data, &mut table) {
            Ok(response) => Ok((response, table)),
            Err(Refused { errno: Errno::NOTTY, .. }) => {
                let response = ioctl::get_report(device, report_data).map_err(|r| self.refused(r))?;
                Ok((response, Vec::new()))
            }
            Err(refused) => Err(self.refused(refused)),
        }
    }

    fn refused(&self, Refused { errno, exitinfo2 }: Refused) -> CollectError {
        let [h0, h1, h2, h3, f0, f1, f2, f3] = exitinfo2.to_be_bytes();
        CollectError::Device {
            path: self.path.display().to_string(),
            reason: errno.to_string(),
            firmware: u32::from_be_bytes([f0, f1, f2, f3]),
            hypervisor: u32::from_be_bytes([h0, h1, h2, h3]),
        }
    }
}

impl EvidenceSource for SevGuestDevice {
    fn name(&self) -> &'static str {
        "sev-guest"
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let (source, report_data) = (self.clone(), *binding.cpu_report_data());
        tokio::task::spawn_blocking(move || source.collect_now(&report_data))
            .await
            .map_err(|_| CollectError::Interrupted)?
    }
}

/// The report inside the firmware's response.
fn report_in(response: &[u8; RESPONSE]) -> Result<&[u8], CollectError> {
    let [s0, s1, s2, s3, l0, l1, l2, l3, ..] = *response;
    let status = u32::from_le_bytes([s0, s1, s2, s3]);
    if status != 0 {
        return Err(CollectError::FirmwareStatus { status });
    }
    let actual = u32::from_le_bytes([l0, l1, l2, l3]);
    response
        .get(RESPONSE_HEADER..RESPONSE_HEADER + SNP_REPORT)
        .filter(|report| usize::try_from(actual) == Ok(report.len()))
        .ok_or(CollectError::ReportSize { actual })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u32, size: u32) -> [u8; RESPONSE] {
        let mut response = [9; RESPONSE];
        response[..4].copy_from_slice(&status.to_le_bytes());
        response[4..8].copy_from_slice(&size.to_le_bytes());
        response
    }

    #[test]
    fn a_response_is_read_by_its_header() {
        assert_eq!(report_in(&response(0, 1184)).unwrap(), [9; 1184]);
        assert_eq!(report_in(&response(0x16, 1184)), Err(CollectError::FirmwareStatus { status: 0x16 }));
        for size in [0, 1183, 1185, u32::MAX] {
            assert_eq!(report_in(&response(0, size)), Err(CollectError::ReportSize { actual: size }));
        }
    }

    #[test]
    fn the_two_halves_of_exitinfo2_are_told_apart() {
        let device = SevGuestDevice::new(Path::new("/"));
        let CollectError::Device { firmware, hypervisor, .. } =
            device.refused(Refused { errno: Errno::IO, exitinfo2: 0x0000_0001_0000_0016 })
        else {
            panic!("not a device error")
        };
        assert_eq!((firmware, hypervisor), (0x16, 1));
    }

    #[test]
    fn a_device_that_is_not_there_or_no_guest_device_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(SevGuestDevice::find(root.path()).is_none());
        let absent = SevGuestDevice::new(root.path());
        assert!(matches!(absent.collect_now(&[0; 64]), Err(CollectError::Unavailable { .. })));
        std::fs::create_dir(root.path().join("dev")).unwrap();
        std::fs::write(root.path().join(DEVICE), b"").unwrap();
        let plain = SevGuestDevice::find(root.path()).unwrap();
        assert!(matches!(plain.collect_now(&[0; 64]), Err(CollectError::Device { .. })));
    }
}
