//! The guest device's ioctls. The one place in the project with `unsafe`.
//!
//! Layouts and numbers: Linux `include/uapi/linux/sev-guest.h`. Each call passes a request whose pointer
//! fields name buffers owned by the caller of the system call for its whole duration.
#![expect(unsafe_code, reason = "/dev/sev-guest has no interface but ioctl with pointers")]

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// Bytes of `snp_report_resp.data`.
pub(crate) const RESPONSE: usize = 4000;

const GET_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 0x0);
const GET_EXT_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 0x2);

/// `struct snp_report_req`.
#[repr(C)]
struct ReportRequest {
    user_data: [u8; 64],
    vmpl: u32,
    reserved: [u8; 28],
}

/// `struct snp_ext_report_req`.
#[repr(C)]
struct ExtReportRequest {
    data: ReportRequest,
    certs_address: u64,
    certs_len: u32,
}

/// `struct snp_guest_request_ioctl`.
#[repr(C)]
struct GuestRequest {
    msg_version: u8,
    req_data: u64,
    resp_data: u64,
    exitinfo2: u64,
}

/// The kernel's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The system call's error.
    pub(crate) errno: Errno,
    /// `exitinfo2`: the hypervisor's code in the high half, the firmware's in the low half.
    pub(crate) exitinfo2: u64,
}

/// `SNP_GET_REPORT` for the most privileged level that the driver holds a key of.
pub(crate) fn get_report(device: impl AsFd, user_data: &[u8; 64]) -> Result<Box<[u8; RESPONSE]>, Refused> {
    let request = report_request(user_data);
    let mut response = Box::new([0; RESPONSE]);
    let mut call = guest_request(address(&raw const request), address_mut(response.as_mut_ptr()));
    // SAFETY: the number and the layout are those of SNP_GET_REPORT; `req_data` points to a live
    // `snp_report_req` that the kernel only reads, `resp_data` to a live, exclusively borrowed buffer of
    // the 4000 bytes that the kernel writes at most.
    let result = unsafe { ioctl(device, Updater::<GET_REPORT, _>::new(&mut call)) };
    result.map_err(|errno| Refused { errno, exitinfo2: call.exitinfo2 })?;
    Ok(response)
}

/// `SNP_GET_EXT_REPORT`: a report, and the host's certificate table in `certs`, whose length must be a
/// multiple of the page size, at most 16 KiB. The kernel fills what the host gives and leaves the rest.
pub(crate) fn get_ext_report(
    device: impl AsFd,
    user_data: &[u8; 64],
    certs: &mut [u8],
) -> Result<Box<[u8; RESPONSE]>, Refused> {
    let invalid = Refused { errno: Errno::INVAL, exitinfo2: 0 };
    let certs_len = u32::try_from(certs.len()).map_err(|_| invalid)?;
    let mut request = ExtReportRequest {
        data: report_request(user_data),
        certs_address: address_mut(certs.as_mut_ptr()),
        certs_len,
    };
    let mut response = Box::new([0; RESPONSE]);
    let mut call = guest_request(address_mut(&raw mut request), address_mut(response.as_mut_ptr()));
    // SAFETY: the number and the layout are those of SNP_GET_EXT_REPORT; `req_data` points to a live,
    // exclusively owned `snp_ext_report_req` (the kernel may write `certs_len` back), whose `certs_address`
    // and `certs_len` describe the exclusively borrowed `certs`; `resp_data` is as in `get_report`.
    let result = unsafe { ioctl(device, Updater::<GET_EXT_REPORT, _>::new(&mut call)) };
    result.map_err(|errno| Refused { errno, exitinfo2: call.exitinfo2 })?;
    Ok(response)
}

const fn report_request(user_data: &[u8; 64]) -> ReportRequest {
    ReportRequest { user_data: *user_data, vmpl: 0, reserved: [0; 28] }
}

const fn guest_request(req_data: u64, resp_data: u64) -> GuestRequest {
    GuestRequest { msg_version: 1, req_data, resp_data, exitinfo2: 0 }
}

/// A pointer as the kernel takes it. Linux runs SEV-SNP guests on x86-64 alone; where `usize` were wider,
/// the null address makes the kernel answer EFAULT.
fn address<T>(pointer: *const T) -> u64 {
    u64::try_from(pointer.expose_provenance()).unwrap_or(0)
}

fn address_mut<T>(pointer: *mut T) -> u64 {
    u64::try_from(pointer.expose_provenance()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::mem::{offset_of, size_of};

    #[test]
    fn layouts_and_numbers_are_those_of_the_header() {
        assert_eq!(size_of::<ReportRequest>(), 96);
        assert_eq!(size_of::<ExtReportRequest>(), 112);
        assert_eq!(offset_of!(ExtReportRequest, certs_address), 96);
        assert_eq!(offset_of!(ExtReportRequest, certs_len), 104);
        assert_eq!(size_of::<GuestRequest>(), 32);
        assert_eq!(offset_of!(GuestRequest, req_data), 8);
        assert_eq!(offset_of!(GuestRequest, resp_data), 16);
        assert_eq!(offset_of!(GuestRequest, exitinfo2), 24);
        assert_eq!(GET_REPORT, 0xc020_5300);
        assert_eq!(GET_EXT_REPORT, 0xc020_5302);
    }

    #[test]
    fn a_file_that_is_no_guest_device_refuses() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(get_report(&file, &[0; 64]).unwrap_err().errno, Errno::NOTTY);
        let mut certs = vec![0; 4096];
        assert_eq!(get_ext_report(&file, &[0; 64], &mut certs).unwrap_err().errno, Errno::NOTTY);
    }
}
