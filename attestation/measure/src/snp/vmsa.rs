//! Save areas: the state in which each vCPU starts (APM volume 2, table B-4, which has the offsets). It is that
//! of a reset (table 14-4), with what each monitor does otherwise.

use super::Monitor;

/// Where the first vCPU begins.
pub(super) const BOOT_ENTRY: u32 = 0xFFFF_FFF0;
/// PAT at reset (APM volume 2, 7.8.2), and as Google's monitor sets it.
const PAT: u64 = 0x0007_0406_0007_0406;
const PAT_GCE: u64 = 0x0007_0106;
/// DX at reset, where the monitor does not put the signature of the CPU there.
const DX: u64 = 0x600;

/// What differs between monitors.
struct Reset {
    code: u16,
    stack: u16,
    task: u16,
    pat: u64,
    dx: u64,
    mxcsr: u32,
    fcw: u16,
}

impl Reset {
    fn of(monitor: Monitor, entry: u32, signature: u32) -> Self {
        let usual = Self { code: 0x9b, stack: 0x93, task: 0x8b, pat: PAT, dx: DX, mxcsr: 0, fcw: 0 };
        match monitor {
            Monitor::Qemu => Self { dx: u64::from(signature), mxcsr: 0x1f80, fcw: 0x37f, ..usual },
            Monitor::Gce => Self { pat: PAT_GCE, ..usual },
            Monitor::Ec2 => {
                let code = if entry == BOOT_ENTRY { 0x9a } else { 0x9b };
                Self { code, stack: 0x92, task: 0x83, ..usual }
            }
        }
    }
}

pub(super) fn save_area(entry: u32, signature: u32, features: u64, monitor: Monitor) -> [u8; 4096] {
    let reset = Reset::of(monitor, entry, signature);
    let mut area = Area([0; 4096]);
    let base = u64::from(entry & 0xFFFF_0000);
    area.segment(0x00, 0, 0x93, 0); // ES
    area.segment(0x10, 0xf000, reset.code, base); // CS
    area.segment(0x20, 0, reset.stack, 0); // SS
    area.segment(0x30, 0, 0x93, 0); // DS
    area.segment(0x40, 0, 0x93, 0); // FS
    area.segment(0x50, 0, 0x93, 0); // GS
    area.segment(0x60, 0, 0, 0); // GDTR
    area.segment(0x70, 0, 0x82, 0); // LDTR
    area.segment(0x80, 0, 0, 0); // IDTR
    area.segment(0x90, 0, reset.task, 0); // TR
    area.put(0x0d0, &0x1000_u64.to_le_bytes()); // EFER: SVME, which KVM sets
    area.put(0x148, &0x40_u64.to_le_bytes()); // CR4: MCE, which KVM sets
    area.put(0x158, &0x10_u64.to_le_bytes()); // CR0
    area.put(0x160, &0x400_u64.to_le_bytes()); // DR7
    area.put(0x168, &0xFFFF_0FF0_u64.to_le_bytes()); // DR6
    area.put(0x170, &0x2_u64.to_le_bytes()); // RFLAGS
    area.put(0x178, &u64::from(entry & 0xFFFF).to_le_bytes()); // RIP
    area.put(0x268, &reset.pat.to_le_bytes()); // G_PAT
    area.put(0x310, &reset.dx.to_le_bytes()); // RDX
    area.put(0x3b0, &features.to_le_bytes()); // SEV_FEATURES
    area.put(0x3e8, &0x1_u64.to_le_bytes()); // XCR0
    area.put(0x408, &reset.mxcsr.to_le_bytes()); // MXCSR
    area.put(0x410, &reset.fcw.to_le_bytes()); // FCW
    area.0
}

struct Area([u8; 4096]);

impl Area {
    fn segment(&mut self, offset: usize, selector: u16, attributes: u16, base: u64) {
        self.put(offset, &selector.to_le_bytes());
        self.put(offset + 2, &attributes.to_le_bytes());
        self.put(offset + 4, &0xffff_u32.to_le_bytes());
        self.put(offset + 8, &base.to_le_bytes());
    }

    /// All offsets are constants inside the page.
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let place = self.0.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len()));
        if let Some(place) = place {
            place.copy_from_slice(bytes);
        }
    }
}
