//! What a platform could be otherwise.

use super::{Candidate, Item};
use crate::appraisal::Allowed;
use crate::appraisal::snp::TcbFloors;
use crate::explain::change::Change;
use hanzo_attestation::nvidia::DeviceClaims;
use hanzo_attestation::{Claims, Debug, Product, TcbStatus, dcap, snp, tdx};
use hanzo_attestation_evidence::Hex;

macro_rules! platforms {
    ($($what:literal => $make:expr;)*) => {
        /// Every change of a platform that is tried, in the order in which it is told.
        pub(super) const ALL: &[Candidate] = &[$(Candidate {
            what: |_, _| Change::Platform { what: $what.to_owned() },
            make: $make,
        },)*];
    };
}

platforms! {
    "launch the guest with debugging off" => |items, _| {
        guests(items, |guest| guest.policy.debug = false);
        domains(items, |td| td.td_attributes.debug = false);
        items.iter_mut().for_each(|(_, facts)| {
            if facts.debug.is_some() {
                facts.debug = Some(Debug::Disabled);
            }
        });
    };
    "launch the TD with profiling off" => |items, _| domains(items, |td| td.td_attributes.profiling = false);
    "launch the TD with SEPT_VE_DISABLE" => |items, _| {
        domains(items, |td| td.td_attributes.sept_ve_disable = true);
    };
    "launch the guest so that it cannot be migrated" => |items, _| {
        guests(items, |guest| {
            guest.policy.migrate_ma = false;
            guest.report_id_ma = None;
        });
        domains(items, |td| td.td_attributes.migratable = false);
    };
    "launch the guest without CXL memory" => |items, _| guests(items, |guest| guest.policy.cxl_allow = false);
    "turn SMT off" => |items, _| {
        guests(items, |guest| {
            guest.policy.smt = false;
            guest.platform_info.smt_en = false;
        });
        platforms(items, |platform| platform.smt_enabled = Some(false));
    };
    "bind the guest to one socket" => |items, _| guests(items, |guest| guest.policy.single_socket = true);
    "launch the guest so that the host cannot swap its pages" => |items, _| {
        guests(items, |guest| guest.policy.page_swap_disable = true);
    };
    "turn ciphertext hiding on" => |items, _| guests(items, |guest| {
        guest.policy.ciphertext_hiding = true;
        guest.platform_info.ciphertext_hiding_dram_en = true;
    });
    "turn RAPL off" => |items, _| guests(items, |guest| {
        guest.policy.rapl_dis = true;
        guest.platform_info.rapl_dis = true;
    });
    "ask for the report at an accepted VMPL" => |items, appraisal| {
        let first = appraisal.snp.vmpls.first().copied().unwrap_or(0);
        guests(items, |guest| guest.vmpl = first);
    };
    "launch an image of an accepted guest SVN" => |items, appraisal| {
        let floor = appraisal.snp.guest_svn_floor;
        guests(items, |guest| guest.guest_svn = guest.guest_svn.max(floor));
    };
    "launch the guest without host data" => |items, _| {
        guests(items, |guest| guest.host_data = Hex([0; 32]));
        domains(items, |td| td.mr_config_id = Hex([0; 48]));
    };
    "launch the guest without an ID block" => |items, _| guests(items, |guest| {
        (guest.id_key_digest, guest.author_key_digest) = (Hex([0; 48]), Hex([0; 48]));
    });
    "update the platform's firmware to the floor of REPORTED_TCB" => |items, appraisal| {
        let floors = appraisal.snp.reported_tcb_floor.clone();
        guests(items, |guest| raise(&mut guest.tcb_reported, guest.product, floors.as_ref()));
    };
    "commit firmware at the floor of COMMITTED_TCB" => |items, appraisal| {
        let floors = appraisal.snp.committed_tcb_floor.clone();
        guests(items, |guest| raise(&mut guest.tcb_committed, guest.product, floors.as_ref()));
    };
    "launch the guest again on firmware at the floor of LAUNCH_TCB" => |items, appraisal| {
        let floors = appraisal.snp.launch_tcb_floor.clone();
        guests(items, |guest| raise(&mut guest.tcb_launch, guest.product, floors.as_ref()));
    };
    "commit the firmware that runs" => |items, _| guests(items, |guest| guest.provisional = false);
    "run the DRAM alias check" => |items, _| {
        guests(items, |guest| guest.platform_info.alias_check_complete = true);
    };
    "bring the platform's security version up to date" => |items, _| {
        platforms(items, |platform| {
            if let Some(rating) = &mut platform.rating {
                rating.status = TcbStatus::UpToDate;
                rating.platform_status = TcbStatus::UpToDate;
                rating.qe_status = TcbStatus::UpToDate;
                rating.module_status = rating.module_status.map(|_| TcbStatus::UpToDate);
                rating.superseded_days = None;
            }
        });
    };
    "extend nothing into RTMR3 that has no reference value" => |items, _| {
        domains(items, |td| {
            let [.., rtmr3] = &mut td.rtmr;
            *rtmr3 = Hex([0; 48]);
        });
    };
    "run the driver of the GPUs at the floor" => |items, appraisal| {
        let floor = appraisal.nvidia.minimum_driver.as_ref().map(|floor| floor.as_str().to_owned());
        devices(items, |device| if floor.is_some() { device.fields.driver_version.clone_from(&floor) });
    };
    "update the firmware of the devices to the floor" => |items, appraisal| {
        let floors = appraisal.nvidia.minimum_firmware.clone();
        devices(items, |device| if let Some(floor) = floors.get(&device.architecture) {
            device.fields.vbios_version = Some(floor.as_str().to_owned());
        });
    };
    "present as many GPUs as are expected" => |items, appraisal| {
        let Some(expected) = appraisal.nvidia.gpus else { return };
        gpus(items, expected);
    };
    "run on another chip" => |items, appraisal| {
        let listed = appraisal.snp.chips.as_ref().and_then(|chips| chips.first());
        let other = listed.map_or_else(|| "5a".repeat(64), |chip| chip.as_str().to_owned());
        guests(items, |guest| {
            guest.hardware_id = Some(other.clone());
            guest.chip_id = Some(other.clone());
            guest.vek_cert_sha256 = Hex([0x5A; 32]);
        });
        platforms(items, |platform| platform.pck_serial = "5a".repeat(20));
    };
    "use other devices" => |items, appraisal| {
        let other = match &appraisal.nvidia.pdis {
            Allowed::Listed(listed) => listed.first().copied(),
            Allowed::Any => None,
        };
        devices(items, |device| {
            let [first, ..] = &mut device.pdi.0;
            *first = !*first;
            if let Some(other) = other {
                device.pdi = other;
            }
        });
    };
}

fn guests(items: &mut [Item], mut change: impl FnMut(&mut snp::Claims)) {
    for (claims, _) in items {
        match claims {
            Claims::SevSnp(claims) => change(claims),
            Claims::AzSnpVtpm(claims) => change(&mut claims.snp),
            _ => {}
        }
    }
}

fn domains(items: &mut [Item], mut change: impl FnMut(&mut tdx::Claims)) {
    for (claims, _) in items {
        match claims {
            Claims::Tdx(claims) => change(claims),
            Claims::AzTdxVtpm(claims) => change(&mut claims.tdx),
            _ => {}
        }
    }
}

/// The platforms under quotes.
fn platforms(items: &mut [Item], mut change: impl FnMut(&mut dcap::Claims)) {
    for (claims, facts) in items {
        let platform = match claims {
            Claims::Tdx(claims) => &mut claims.dcap,
            Claims::Sgx(claims) => &mut claims.dcap,
            Claims::AzTdxVtpm(claims) => &mut claims.tdx.dcap,
            _ => continue,
        };
        change(platform);
        if let Some(rating) = &platform.rating {
            facts.tcb_status = rating.status;
        }
    }
}

fn devices(items: &mut [Item], mut change: impl FnMut(&mut DeviceClaims)) {
    for (claims, _) in items {
        if let Claims::Nvidia(claims) = claims {
            claims.devices.iter_mut().for_each(&mut change);
        }
    }
}

/// More GPUs like the first one, or fewer. A node has no more than 255: that is what its devices are counted
/// with.
fn gpus(items: &mut [Item], expected: usize) {
    for (claims, _) in items {
        let Claims::Nvidia(claims) = claims else { continue };
        let Some(first) = claims.devices.first().cloned() else { continue };
        claims.devices.truncate(expected);
        for number in (1..=u8::MAX).skip(claims.devices.len()) {
            if claims.devices.len() >= expected {
                break;
            }
            let mut another = first.clone();
            let [.., last] = &mut another.pdi.0;
            *last ^= number;
            claims.devices.push(another);
        }
    }
}

/// Raises each component to its floor.
fn raise(tcb: &mut snp::Tcb, product: Product, floors: Option<&TcbFloors>) {
    let Some(floors) = floors else { return };
    let legacy = match product {
        Product::Milan => floors.milan,
        Product::Genoa => floors.genoa,
        _ => None,
    };
    let floor = match (legacy, floors.turin) {
        (Some(floor), _) => (None, floor.bootloader, floor.tee, floor.snp, floor.microcode),
        (None, Some(floor)) if product == Product::Turin => {
            (Some(floor.fmc), floor.bootloader, floor.tee, floor.snp, floor.microcode)
        }
        _ => return,
    };
    let (fmc, bootloader, tee, snp, microcode) = floor;
    tcb.fmc = tcb.fmc.max(fmc);
    tcb.bootloader = tcb.bootloader.max(bootloader);
    tcb.tee = tcb.tee.max(tee);
    tcb.snp = tcb.snp.max(snp);
    tcb.microcode = tcb.microcode.max(microcode);
}
