use super::*;
use crate::nvidia::GpuDevice;
use std::fs;
use tempfile::TempDir;

/// A machine made of files.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, path: &str, content: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.0.path().join(path)).unwrap();
        self
    }

    fn cpu(self, vendor: &str, flags: &str) -> Self {
        let text = format!(
            "processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: Some CPU\nflags\t\t: fpu {flags} lm\n\n\
             processor\t: 1\nvendor_id\t: Other\nflags\t\t: tdx_guest\n"
        );
        self.file("proc/cpuinfo", &text)
    }

    fn gpu(self, address: &str, vendor: &str, class: &str) -> Self {
        let dir = format!("sys/bus/pci/devices/{address}");
        self.file(&format!("{dir}/vendor"), &format!("{vendor}\n"))
            .file(&format!("{dir}/class"), &format!("{class}\n"))
            .file(&format!("{dir}/device"), "0x2330\n")
    }

    fn detect(&self) -> Detected {
        detect(self.0.path())
    }
}

fn missing(seen: &Detected, tier: u8) -> String {
    seen.missing(tier)
}

#[test]
fn an_empty_root_has_nothing_and_reaches_no_tier() {
    let seen = Machine::new().detect();
    assert_eq!(seen.kind, Kind::Unknown);
    assert_eq!(seen.cpu, Seen::Absent);
    assert_eq!(seen.gpus, Seen::Absent);
    assert_eq!(seen.tpms, Seen::Absent);
    assert_eq!(seen.ccel, Seen::Absent);
    assert!(seen.tiers.iter().all(|gap| !gap.missing.is_empty()));
    assert_eq!(seen.tiers.iter().map(|gap| gap.tier).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn the_first_processor_is_read_and_only_its_flags_that_matter() {
    let seen = Machine::new().cpu("AuthenticAMD", "svm sev sev_snp").detect();
    let cpu = seen.cpu.present().unwrap();
    assert_eq!((cpu.vendor.as_str(), cpu.model.as_str()), ("AuthenticAMD", "Some CPU"));
    assert_eq!(cpu.flags, ["svm", "sev", "sev_snp"]);
}

#[test]
fn an_snp_guest_with_configfs_can_ask_for_tier_2() {
    let seen =
        Machine::new().cpu("AuthenticAMD", "hypervisor sev_snp").dir("sys/kernel/config/tsm/report").detect();
    assert_eq!(seen.kind, Kind::SnpGuest);
    assert_eq!(missing(&seen, 1), "");
    assert_eq!(missing(&seen, 2), "");
    assert!(missing(&seen, 3).contains("no NVIDIA GPU"));
}

#[test]
fn an_snp_guest_with_the_device_alone_can_ask_for_tier_2() {
    let seen = Machine::new().cpu("AuthenticAMD", "hypervisor").file("dev/sev-guest", "").detect();
    assert_eq!((seen.kind, missing(&seen, 2)), (Kind::SnpGuest, String::new()));
}

#[test]
fn a_tdx_guest_needs_configfs() {
    let machine = Machine::new().cpu("GenuineIntel", "hypervisor tdx_guest").file("dev/tdx_guest", "");
    let seen = machine.detect();
    assert_eq!(seen.kind, Kind::TdxGuest);
    assert!(missing(&seen, 2).contains("no report interface (configfs-tsm)"));
    let seen = machine.file("sys/kernel/config/tsm/report/x/provider", "tdx_guest\n").detect();
    assert_eq!(seen.configfs_tsm.present().unwrap().providers, ["tdx_guest"]);
    assert_eq!(missing(&seen, 2), "");
}

#[test]
fn hosts_are_told_from_guests() {
    let snp = Machine::new()
        .cpu("AuthenticAMD", "svm sev sev_es sev_snp")
        .file("sys/module/kvm_amd/parameters/sev_snp", "Y\n")
        .detect();
    assert_eq!(snp.kind, Kind::SnpHost);
    assert!(missing(&snp, 2).contains("a confidential guest"));
    let tdx = Machine::new()
        .cpu("GenuineIntel", "vmx tdx_host_platform")
        .file("sys/module/kvm_intel/parameters/tdx", "1\n")
        .detect();
    assert_eq!(tdx.kind, Kind::TdxHost);
    let off = Machine::new()
        .cpu("AuthenticAMD", "svm sev_snp")
        .file("sys/module/kvm_amd/parameters/sev_snp", "N\n")
        .detect();
    assert_eq!((off.kind, off.kvm_amd_sev_snp), (Kind::PlainHost, Seen::Present(Parameter::Off)));
}

#[test]
fn an_ordinary_virtual_machine_is_no_confidential_guest() {
    let seen = Machine::new().cpu("GenuineIntel", "vmx hypervisor").detect();
    assert_eq!(seen.kind, Kind::PlainGuest);
    assert!(missing(&seen, 2).contains("no SEV-SNP or TDX guest"));
    assert!(missing(&seen, 2).contains("no TPM"));
}

/// One confidential GPU, as NVML tells it.
fn confidential(dev_tools: bool) -> Gpus {
    let unasked = || Seen::Unreadable { path: "x".to_owned(), reason: "y".to_owned() };
    Gpus {
        driver_version: unasked(),
        confidential_computing: Seen::Present(true),
        protected_pcie: Seen::Present(false),
        dev_tools: Seen::Present(dev_tools),
        environment: Seen::Absent,
        multi_gpu: Seen::Absent,
        tdisp: Seen::Absent,
        switches: Seen::Absent,
        accepting_work: Seen::Present(true),
        devices: vec![GpuDevice {
            index: 0,
            address: unasked(),
            name: unasked(),
            architecture: unasked(),
            vbios_version: unasked(),
            pdi: unasked(),
        }],
    }
}

#[test]
fn tier_3_lacks_what_stands_between_the_gpus_and_their_evidence() {
    let guest = || {
        Machine::new()
            .cpu("AuthenticAMD", "hypervisor sev_snp")
            .dir("sys/kernel/config/tsm/report")
            .gpu("0000:41:00.0", "0x10de", "0x030200")
            .detect()
    };
    let with = |nvml, wanted| guest().with_nvml(Seen::Present(nvml), wanted);
    assert_eq!(missing(&with(confidential(false), Wanted::IfConfidential), 3), "");
    let looked_into = with(confidential(true), Wanted::IfConfidential);
    assert!(missing(&looked_into, 3).contains("devtools mode"));
    assert!(missing(&with(confidential(false), Wanted::Off), 3).contains("the configuration asks for none"));
    let mut two = confidential(false);
    two.devices.extend(two.devices.clone());
    assert!(missing(&with(two, Wanted::Required), 3).contains("the PCI bus has 1 NVIDIA GPUs"));
    let (path, reason) = ("libnvidia-ml.so.1".to_owned(), "not found".to_owned());
    let seen = guest().with_nvml(Seen::Unreadable { path, reason }, Wanted::IfConfidential);
    assert!(missing(&seen, 3).contains("libnvidia-ml.so.1: not found"));
    assert!(missing(&with(confidential(false), Wanted::Required), 4).contains("TDISP"));
}

#[test]
fn gpus_are_found_by_class() {
    let seen = Machine::new()
        .gpu("0000:41:00.0", "0x10de", "0x030200")
        .gpu("0000:01:00.0", "0x1002", "0x030000")
        .gpu("0000:02:00.0", "0x10de", "0x020000")
        .detect();
    let gpus = seen.gpus.present().unwrap();
    assert_eq!(
        gpus.iter().map(|g| (g.address.as_str(), g.nvidia)).collect::<Vec<_>>(),
        [("0000:01:00.0", false), ("0000:41:00.0", true)]
    );
    assert!(!missing(&seen, 3).contains("no NVIDIA GPU"));
    assert!(missing(&seen, 3).contains("NVML was not asked"));
}

#[test]
fn a_tpm_is_found_with_its_version() {
    let machine = Machine::new().cpu("x", "hypervisor").file("sys/class/tpm/tpm0/tpm_version_major", "2\n");
    let seen = machine.detect();
    assert_eq!(seen.tpms.present().unwrap()[0].version_major, Seen::Present("2".to_owned()));
    assert!(missing(&seen, 2).contains("no TPM device /dev/tpmrm0"));
    let seen = machine.file("dev/tpmrm0", "").detect();
    assert!(missing(&seen, 2).contains("does not ask for its quotes"));
    let old = Machine::new().cpu("x", "").file("sys/class/tpm/tpm0/tpm_version_major", "1\n").detect();
    assert!(missing(&old, 2).contains("no TPM 2.0"));
    let nameless = Machine::new().dir("sys/class/tpm/tpm0").detect();
    assert_eq!(nameless.tpms.present().unwrap()[0].version_major, Seen::Absent);
}

#[test]
fn the_event_log_is_found_by_its_table() {
    let machine = Machine::new().file("sys/firmware/acpi/tables/CCEL", "");
    assert_eq!(machine.detect().ccel.present().unwrap().event_log, Seen::Absent);
    let machine = machine.file("sys/firmware/acpi/tables/data/CCEL", "log");
    assert!(machine.detect().ccel.present().unwrap().event_log.is_present());
    let without_table = Machine::new().file("sys/firmware/acpi/tables/data/CCEL", "log");
    assert_eq!(without_table.detect().ccel, Seen::Absent);
}

#[test]
fn what_cannot_be_read_is_not_called_absent() {
    // A directory where a file is expected fails to read for every user, root too.
    let seen = Machine::new()
        .dir("proc/cpuinfo")
        .dir("sys/module/kvm_amd/parameters/sev_snp")
        .dir("sys/bus/pci/devices/0000:01:00.0/class")
        .detect();
    assert!(matches!(seen.cpu, Seen::Unreadable { .. }));
    assert!(matches!(seen.kvm_amd_sev_snp, Seen::Unreadable { .. }));
    assert!(matches!(seen.gpus, Seen::Unreadable { .. }));
    assert!(missing(&seen, 2).contains("could not be read"));
    assert!(missing(&seen, 3).contains("could not be read"));
}

#[test]
fn a_gpu_whose_vendor_is_missing_is_unreadable() {
    let seen = Machine::new().file("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n").detect();
    assert!(matches!(seen.gpus, Seen::Unreadable { .. }));
}

#[test]
fn a_file_that_is_no_text_is_unreadable() {
    let machine = Machine::new().dir("sys/module/kvm_intel/parameters");
    fs::write(machine.0.path().join("sys/module/kvm_intel/parameters/tdx"), [0xff]).unwrap();
    assert!(matches!(machine.detect().kvm_intel_tdx, Seen::Unreadable { .. }));
}

#[test]
fn a_cpuinfo_of_megabytes_is_read_at_its_start() {
    let block = "vendor_id\t: AuthenticAMD\nflags\t: sev_snp\n\n";
    let seen = Machine::new().file("proc/cpuinfo", &block.repeat(100_000)).detect();
    assert!(seen.cpu.present().unwrap().has("sev_snp"));
}

#[test]
fn the_source_follows_the_machine() {
    use crate::{EvidenceSource as _, Source};
    assert_eq!(Source::auto(Machine::new().0.path()).name(), "none");
    let device = Machine::new().file("dev/sev-guest", "");
    assert_eq!(Source::auto(device.0.path()).name(), "sev-guest");
    let both = device.dir("sys/kernel/config/tsm/report");
    assert_eq!(Source::auto(both.0.path()).name(), "configfs-tsm");
}

#[test]
fn an_identity_reaches_tier_1_and_no_other() {
    let named = NamedKey { key_id: "ci-runner".to_owned(), algorithm: Algorithm::Ed25519 };
    let seen = Machine::new().detect().with_identity(Seen::Present(named));
    assert_eq!(missing(&seen, 1), "");
    for tier in 2..=4 {
        assert_ne!(missing(&seen, tier), "", "{tier}");
    }
}

#[test]
fn without_a_usable_key_tier_1_says_what_is_missing() {
    let seen = Machine::new().detect();
    assert!(missing(&seen, 1).contains("no registered key is configured"));
    let reason = "identity key /k has mode 0644; 0600 or 0400 is demanded".to_owned();
    let seen = seen.with_identity(Seen::Unreadable { path: "/k".to_owned(), reason: reason.clone() });
    assert_eq!(missing(&seen, 1), format!("an authenticated identity: {reason}"));
}
