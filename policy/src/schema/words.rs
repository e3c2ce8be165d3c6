//! What each attribute says, in which unit, and where it comes from: the words of the published schema.

use super::shape::{Attribute, Domain, Shape};
use crate::references::REGISTERS;
use hanzo_attestation::TcbStatus;
use hanzo_attestation_evidence::Tee;
use hanzo_attestation_evidence::nvidia::{Architecture, Mode};

/// What one attribute says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// What it says, with its unit.
    pub(super) meaning: &'static str,
    /// Where it comes from: a field of the evidence, or of what the vendor publishes.
    pub(super) source: &'static str,
}

/// The words for an attribute of a record.
pub(super) fn words(record: &str, attribute: &str) -> Option<Words> {
    let (_, rows) = RECORDS.iter().find(|(name, _)| *name == record)?;
    let (_, meaning, source) = rows.iter().find(|(name, ..)| *name == attribute)?;
    Some(Words { meaning, source })
}

/// Every record with the attributes that have words.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    RECORDS.iter().map(|(record, rows)| (*record, rows.iter().map(|(name, ..)| *name).collect()))
}

/// The values that an attribute can have: by its type, or narrower where a text is known to be a word or hex.
pub(crate) fn domain(record: &str, attribute: &Attribute) -> Domain {
    let any_hex = Domain::Hex(Vec::new());
    match (record, attribute.name) {
        ("Node", "tee") => Domain::Words(principal_kinds()),
        ("Node", "tcb_status") => TcbStatus::domain(),
        ("Node", "chip" | "host_data") | ("DcapClaims", "pck_serial") | ("NvidiaDevices", "pdis") => any_hex,
        ("TpmClaims", "ak_trust") => {
            named(&["ak_certificate", "activation", "allow_list", "hardware_bound", "untrusted"])
        }
        ("NvidiaDevices", "architectures") => {
            let known =
                [Architecture::Hopper, Architecture::Blackwell, Architecture::Rubin, Architecture::Ls10];
            named(&known.map(Architecture::name))
        }
        ("NvidiaDevices", "modes") => Mode::domain(),
        ("Measurement", "tee") => Domain::Words(measured_kinds()),
        ("Measurement", "register") => {
            let names = REGISTERS.iter().flat_map(|(_, names)| names.iter().copied());
            named(&names.chain(["none"]).collect::<Vec<_>>())
        }
        _ => attribute.domain.clone(),
    }
}

/// The words of `principal.tee`: kinds of CPU, or what stands in when there is none.
fn principal_kinds() -> Vec<String> {
    let mut kinds = measured_kinds();
    // Devices stand beside a CPU: what they measure is no kind of node.
    kinds.retain(|kind| !DEVICE_KINDS.iter().any(|device| device.name() == kind));
    kinds.push(Tee::RegisteredKey.name().to_owned());
    kinds
}

const DEVICE_KINDS: [Tee; 2] = [Tee::NvidiaGpu, Tee::NvidiaSwitch];

fn measured_kinds() -> Vec<String> {
    REGISTERS.iter().map(|(tee, _)| tee.name()).chain(["none"]).map(str::to_owned).collect()
}

fn named(words: &[&str]) -> Domain {
    Domain::Words(words.iter().map(|&word| word.to_owned()).collect())
}

/// Records of the schema, each with its attributes: name, meaning with unit, source.
type Rows = &'static [(&'static str, &'static str, &'static str)];

const SNP: &str = "SEV-SNP Firmware ABI, ATTESTATION_REPORT";
const SNP_POLICY: &str = "SEV-SNP Firmware ABI, GUEST_POLICY";
const SNP_PLATFORM: &str = "SEV-SNP Firmware ABI, PLATFORM_INFO";
const SNP_TCB: &str = "SEV-SNP Firmware ABI, TCB_VERSION";
const TD: &str = "TDX DCAP Quoting Library API, TD Quote Body";
const TD_ATTRIBUTES: &str = "Intel TDX Module ABI, ATTRIBUTES";
const PCK: &str = "PCK certificate, SGX extensions";
const TCB_INFO: &str = "Intel TCB info";
const QE_IDENTITY: &str = "Intel QE identity";
const SGX: &str = "Intel SDM vol. 3D, REPORTBODY";
const SGX_ATTRIBUTES: &str = "Intel SDM vol. 3D, ATTRIBUTES";
const ATTEST: &str = "TPM 2.0 Part 2, TPMS_ATTEST";
const PCR: &str = "TPM 2.0 Part 2, TPMS_QUOTE_INFO; the values that hash to its digest";
const AK: &str = "the attestation key's certificate";
const HCL: &str = "Azure HCL report, runtime data";
const NVIDIA: &str = "SPDM measurements, opaque data";
const LOG: &str = "the event log, replayed to the quoted registers";
const PARTS: &str = "computed from the verified items";

const RECORDS: &[(&str, Rows)] = &[
    ("Node", NODE),
    ("Key", KEY),
    ("context", CONTEXT),
    ("Measurement", MEASUREMENT),
    ("SnpClaims", SNP_CLAIMS),
    ("SnpCpuid", SNP_CPUID),
    ("SnpGuestPolicy", SNP_GUEST_POLICY),
    ("SnpPlatformInfo", SNP_PLATFORM_INFO),
    ("SnpSigningKey", SNP_SIGNING_KEY),
    ("SnpTcb", TCB),
    ("SnpFirmwareVersion", FIRMWARE),
    ("TdxClaims", TDX_CLAIMS),
    ("TdAttributes", TD_FLAGS),
    ("DcapClaims", DCAP_CLAIMS),
    ("DcapRating", DCAP_RATING),
    ("EventLog", EVENT_LOG),
    ("SgxClaims", SGX_CLAIMS),
    ("SgxAttributes", SGX_FLAGS),
    ("TpmClaims", TPM_CLAIMS),
    ("GceInstance", GCE),
    ("AzureVtpm", AZURE),
    ("AzureVmConfig", VM_CONFIG),
    ("NvidiaDevices", DEVICES),
];

const NODE: Rows = &[
    ("tier", "the tier that the evidence proves, 0 to 4", PARTS),
    ("tee", "the CPU's kind of evidence; `registered-key` or `none` without a CPU and a TPM", PARTS),
    ("lab", "whether a chain ends in a lab root", PARTS),
    ("product", "the processor's family", "the signing key's certificate"),
    ("tcb_status", "what the vendor says of the security version; `NotRated` for SEV-SNP", TCB_INFO),
    ("tcb_date", "date of the security version, seconds since 1970", TCB_INFO),
    ("advisories", "advisories that the vendor lists for it", TCB_INFO),
    ("measurement", "the launch measurement: MEASUREMENT, MRTD or MRENCLAVE", "the report's body"),
    ("measurements", "all measured registers of the CPU's item", "the report's body"),
    ("host_data", "data that the host fixed at launch: HOST_DATA, MRCONFIGID; hex", "the report's body"),
    ("chip", "the processor: CHIP_ID, or PPID; hex", "the report's body, or the PCK certificate"),
    ("identity", "id of the registered key that signed the challenge", "the broker's configuration"),
    ("snp", "claims of an SEV-SNP report", SNP),
    ("tdx", "claims of a TD quote", TD),
    ("sgx", "claims of an enclave's quote", SGX),
    ("tpm", "claims of a TPM's quote", ATTEST),
    ("azure", "what Azure's paravisor says of the virtual machine", HCL),
    ("gpus", "the GPUs beside the CPU", NVIDIA),
    ("switches", "the NVSwitches beside the CPU", NVIDIA),
    ("tee_io", "whether TEE-I/O is proved: tier 4", PARTS),
];

const KEY: Rows = &[
    ("minimum_tier", "the tier below which the key is never released, 0 to 4", "the key"),
    ("require_cpu_tee", "whether a CPU TEE is demanded beside the tier", "the key"),
    ("tenant", "the first part of the key's id", "the key"),
];

const CONTEXT: Rows = &[
    ("now", "the instant of the decision, seconds since 1970", "the broker's clock"),
    (
        "live_grants",
        "how many other recipients have a grant of the key that is neither ended nor revoked",
        "the vault, counted in the transaction of the release",
    ),
];

const MEASUREMENT: Rows = &[
    ("digest", "its value, hex", "the report's body"),
    ("register", "its name, e.g. `measurement`, `rtmr1`, `pcr7`", "the report's body"),
    ("tee", "the kind of evidence that has it", "the report's body"),
];

const SNP_CLAIMS: Rows = &[
    ("report_version", "version of the report, 2 to 5", SNP),
    ("cpuid", "CPUID of the processor, from version 3", SNP),
    ("vmpl", "privilege level that asked for the report, 0 (most) to 3", SNP),
    ("guest_svn", "security version that the guest's owner gave it", SNP),
    ("policy", "what the guest's owner demanded of the platform", SNP),
    ("platform_info", "what the platform has switched on", SNP),
    ("key", "which key signed the report", SNP),
    ("family_id", "family of the guest by its owner's ID block, hex", SNP),
    ("image_id", "image by its owner's ID block, hex", SNP),
    ("id_key_digest", "SHA-384 of the key that signed the ID block, hex; zeros without", SNP),
    ("author_key_digest", "SHA-384 of the key that signed the ID key, hex; zeros without", SNP),
    ("report_id", "this guest, for as long as it runs, hex", SNP),
    ("report_id_ma", "its migration agent, hex", SNP),
    ("csp_id", "the provider that holds the signing key", "VLEK certificate, CSP_ID"),
    ("tcb_current", "security version now running", SNP),
    ("tcb_reported", "security version that the signing key stands for", SNP),
    ("tcb_committed", "security version below which the platform cannot go", SNP),
    ("tcb_launch", "security version when the guest was launched", SNP),
    ("fw_current", "firmware now running", SNP),
    ("fw_committed", "firmware below which the platform cannot go", SNP),
    ("provisional", "whether the host can roll the running firmware back", SNP),
    ("mit_launch", "mitigations at launch, bits as hex, from version 5", SNP),
    ("mit_current", "mitigations now, bits as hex, from version 5", SNP),
    ("vek_cert_sha256", "SHA-256 of the signing key's certificate, hex", "VCEK or VLEK certificate"),
    ("vek_not_after", "end of that certificate, seconds since 1970", "VCEK or VLEK certificate"),
];

const SNP_CPUID: Rows = &[
    ("family", "combined family", "SEV-SNP Firmware ABI, CPUID_FAM_ID"),
    ("model", "combined model", "SEV-SNP Firmware ABI, CPUID_MOD_ID"),
    ("stepping", "stepping", "SEV-SNP Firmware ABI, CPUID_STEP"),
];

const SNP_GUEST_POLICY: Rows = &[
    ("abi_major", "least major version of the firmware's ABI", SNP_POLICY),
    ("abi_minor", "least minor version of the firmware's ABI", SNP_POLICY),
    ("smt", "simultaneous multithreading is allowed", SNP_POLICY),
    ("migrate_ma", "a migration agent is allowed", SNP_POLICY),
    ("debug", "debugging is allowed: the host can read the guest's memory", SNP_POLICY),
    ("single_socket", "only one socket is allowed", SNP_POLICY),
    ("cxl_allow", "CXL devices and memory are allowed", SNP_POLICY),
    ("mem_aes_256_xts", "AES-256-XTS of memory is demanded", SNP_POLICY),
    ("rapl_dis", "that energy reports (RAPL) are off is demanded", SNP_POLICY),
    ("ciphertext_hiding", "that ciphertext of memory is hidden is demanded", SNP_POLICY),
    ("page_swap_disable", "moving and swapping of guest pages is off", SNP_POLICY),
];

const SNP_PLATFORM_INFO: Rows = &[
    ("smt_en", "simultaneous multithreading is on", SNP_PLATFORM),
    ("tsme_en", "transparent encryption of memory is on", SNP_PLATFORM),
    ("ecc_en", "memory has error correction", SNP_PLATFORM),
    ("rapl_dis", "energy reports (RAPL) are off", SNP_PLATFORM),
    ("ciphertext_hiding_dram_en", "ciphertext of memory is hidden", SNP_PLATFORM),
    ("alias_check_complete", "aliased memory was looked for since the last reset", SNP_PLATFORM),
    ("iommu_write_safe", "the IOMMU writes no guest memory", SNP_PLATFORM),
    ("tio_en", "trusted IO is on", SNP_PLATFORM),
    ("raw", "all bits as hex", SNP_PLATFORM),
];

const SNP_SIGNING_KEY: Rows = &[
    ("vek", "the chip's own key (`vcek`) or a provider's (`vlek`)", "SEV-SNP Firmware ABI, SIGNING_KEY"),
    ("author_key_en", "an author key signed the ID key", "SEV-SNP Firmware ABI, AUTHOR_KEY_EN"),
];

const TCB: Rows = &[
    ("fmc", "security version of the FMC, Turin alone", SNP_TCB),
    ("bootloader", "security version of the boot loader", SNP_TCB),
    ("tee", "security version of the secure processor's system", SNP_TCB),
    ("snp", "security version of the SNP firmware", SNP_TCB),
    ("microcode", "security version of the microcode", SNP_TCB),
];

const FIRMWARE: Rows =
    &[("major", "major version", SNP), ("minor", "minor version", SNP), ("build", "build number", SNP)];

const TDX_CLAIMS: Rows = &[
    ("body", "form of the quote's body", TD),
    ("tee_tcb_svn", "security versions of the TDX module, hex", TD),
    ("tee_tcb_svn_2", "the same as they are now, TD 1.5, hex", TD),
    ("mr_seam", "measurement of the TDX module", TD),
    ("mr_signer_seam", "signer of the TDX module, hex; zeros for Intel's", TD),
    ("seam_attributes", "attributes of the TDX module, bits as hex", TD),
    ("td_attributes", "attributes of the TD", TD),
    ("xfam", "extended features of the TD, bits as hex", TD),
    ("mr_owner", "MROWNER, hex", TD),
    ("mr_owner_config", "MROWNERCONFIG, hex", TD),
    ("mr_service_td", "measurement of bound service TDs, TD 1.5, hex", TD),
    ("rtmr0", "run-time register 0: firmware's configuration", TD),
    ("rtmr1", "run-time register 1: kernel", TD),
    ("rtmr2", "run-time register 2: command line, initial file system", TD),
    ("rtmr3", "run-time register 3: the guest's own", TD),
    ("log", "what the event log adds", LOG),
    ("dcap", "the quoting enclave and the platform", "Intel DCAP, quote and PCK certificate"),
];

const TD_FLAGS: Rows = &[
    ("debug", "debugging is on: the host can read the TD's memory", TD_ATTRIBUTES),
    ("profiling", "the host can profile the TD", TD_ATTRIBUTES),
    ("icssd", "ICSSD, bit 16", TD_ATTRIBUTES),
    ("servtd_ext", "service TDs with extended measurements (SERVTD_EXT)", TD_ATTRIBUTES),
    ("lass", "linear address space separation is on", TD_ATTRIBUTES),
    ("sept_ve_disable", "no #VE for pages that the host took away", TD_ATTRIBUTES),
    ("migratable", "the TD can be migrated", TD_ATTRIBUTES),
    ("pks", "supervisor protection keys may be used", TD_ATTRIBUTES),
    ("kl", "Key Locker may be used", TD_ATTRIBUTES),
    ("tpa", "the TD is a TDX Connect provisioning agent", TD_ATTRIBUTES),
    ("perfmon", "performance counters may be used", TD_ATTRIBUTES),
    ("raw", "all bits as hex", TD_ATTRIBUTES),
];

const DCAP_CLAIMS: Rows = &[
    ("quote_version", "version of the quote, 3 to 5", "quote header"),
    ("qe_vendor_id", "vendor of the quoting enclave, hex", "quote header"),
    ("user_data", "user data of the header, hex", "quote header"),
    ("fmspc", "family, model, stepping, platform, SKU; hex", PCK),
    ("pceid", "provisioning certification enclave, hex", PCK),
    ("ppid", "the platform, hex", PCK),
    ("platform_instance_id", "the platform's instance, hex", PCK),
    ("pck_ca", "the authority that certified the platform", "PCK certificate, issuer"),
    ("sgx_type", "0 standard, 1 scalable, 2 scalable with integrity", PCK),
    ("dynamic_platform", "processors can be added", PCK),
    ("cached_keys", "Intel's registration service holds the platform's keys", PCK),
    ("smt_enabled", "simultaneous multithreading is on", PCK),
    ("pck_cpusvn", "security versions of the processor, hex", PCK),
    ("pck_pcesvn", "security version of the PCE", PCK),
    ("qe_isvsvn", "security version of the quoting enclave", "the quoting enclave's report"),
    ("pck_serial", "serial number of the PCK certificate, hex", "PCK certificate"),
    ("pck_not_after", "end of the PCK certificate, seconds since 1970", "PCK certificate"),
    ("rating", "what Intel's collateral says of it", "Intel TCB info and QE identity"),
];

const DCAP_RATING: Rows = &[
    ("platform_status", "status of processor and PCE", TCB_INFO),
    ("module_status", "status of the TDX module", TCB_INFO),
    ("qe_status", "status of the quoting enclave", QE_IDENTITY),
    ("status", "all of them together", "Intel TCB info and QE identity"),
    ("platform_tcb_date", "date of the platform's level, seconds since 1970", TCB_INFO),
    ("module_tcb_date", "date of the module's level, seconds since 1970", TCB_INFO),
    ("qe_tcb_date", "date of the quoting enclave's level, seconds since 1970", QE_IDENTITY),
    ("superseded", "since when a newer level is there for a part out of date, seconds since 1970", TCB_INFO),
    ("tcb_info_eval", "evaluation data number of the TCB info", TCB_INFO),
    ("qe_identity_eval", "evaluation data number of the QE identity", QE_IDENTITY),
];

const EVENT_LOG: Rows = &[
    ("complete", "every quoted register that changed has events", LOG),
    ("kernel_cmdline", "the kernel's command line, where authenticated", LOG),
    ("secure_boot", "whether firmware enforced secure boot", LOG),
    ("secure_boot_pk", "digest of the platform key variable, hex", LOG),
    ("secure_boot_kek", "digest of the key exchange keys, hex", LOG),
    ("secure_boot_db", "digest of the allowed signatures, hex", LOG),
    ("secure_boot_dbx", "digest of the forbidden signatures, hex", LOG),
    ("boot_components", "`REGISTER/DIGEST` of every event", LOG),
    ("runtime_events", "`NAME=PAYLOAD` of every event of an agent, payload in hex", LOG),
];

const SGX_CLAIMS: Rows = &[
    ("cpu_svn", "security versions of the processor, hex", SGX),
    ("misc_select", "MISCSELECT, bits as a number", SGX),
    ("cet_attributes", "CET attributes, bits as a number", SGX),
    ("attributes", "attributes of the enclave", SGX),
    ("xfrm", "extended features of the enclave, bits as hex", SGX),
    ("isv_prod_id", "which of the signer's products", SGX),
    ("isv_svn", "security version of the product", SGX),
    ("config_id", "CONFIGID, hex; zeros without KSS", SGX),
    ("config_svn", "CONFIGSVN; 0 without KSS", SGX),
    ("isv_ext_prod_id", "ISVEXTPRODID, hex; zeros without KSS", SGX),
    ("isv_family_id", "ISVFAMILYID, hex; zeros without KSS", SGX),
    ("ra_tls_key", "SHA-256 of the key of the RA-TLS certificate, hex", "RA-TLS certificate"),
    ("mr_enclave", "measurement of the enclave", SGX),
    ("mr_signer", "signer of the enclave", SGX),
    ("dcap", "the quoting enclave and the platform", "Intel DCAP, quote and PCK certificate"),
];

const SGX_FLAGS: Rows = &[
    ("init", "the enclave is initialised", SGX_ATTRIBUTES),
    ("debug", "debugging is on: the host can read the enclave's memory", SGX_ATTRIBUTES),
    ("mode64", "64-bit enclave", SGX_ATTRIBUTES),
    ("provision_key", "has the provisioning key", SGX_ATTRIBUTES),
    ("einit_token_key", "has the launch token key", SGX_ATTRIBUTES),
    ("cet", "control-flow enforcement is on", SGX_ATTRIBUTES),
    ("kss", "key separation and sharing is on", SGX_ATTRIBUTES),
    ("aex_notify", "may be told of exits", SGX_ATTRIBUTES),
    ("raw", "all bits as hex", SGX_ATTRIBUTES),
];

const TPM_CLAIMS: Rows = &[
    ("clock_safe", "no larger clock value can have been reported before", ATTEST),
    ("reset_count", "resets; only equality means anything", ATTEST),
    ("restart_count", "restarts and resumes; only equality means anything", ATTEST),
    ("firmware_version", "the vendor's firmware version, hex", ATTEST),
    ("sig_alg", "signature scheme", "TPM 2.0 Part 2, TPMT_SIGNATURE"),
    ("sig_hash", "hash function of signature and register digest", "TPM 2.0 Part 2, TPMT_SIGNATURE"),
    ("ak_name", "Name of the attestation key, hex", "TPM 2.0 Part 1, Names"),
    ("ak_sha256", "SHA-256 of the attestation key (SubjectPublicKeyInfo), hex", "the attestation key"),
    ("ak_hierarchy", "hierarchy of which the key is a primary", "TPM 2.0 Part 1, qualified Names"),
    ("tpm_kind", "what kind of TPM, by the word of the source of trust", AK),
    ("manufacturer", "id of the manufacturer, e.g. `id:474F4F47`", AK),
    ("instance", "the virtual machine", AK),
    ("init_data", "digest of initialisation data that register 8 holds alone, hex", PCR),
    ("log", "what the event log adds", LOG),
    ("ak_trust", "why the attestation key is trusted", "configuration, activation, or a certificate"),
    ("pcr0", "firmware", PCR),
    ("pcr1", "firmware's configuration", PCR),
    ("pcr2", "firmware of devices", PCR),
    ("pcr3", "their configuration", PCR),
    ("pcr4", "boot loader", PCR),
    ("pcr5", "its configuration, partition table", PCR),
    ("pcr6", "events of the platform", PCR),
    ("pcr7", "secure boot's state and keys", PCR),
    ("pcr8", "commands of the boot loader", PCR),
    ("pcr9", "files read by the boot loader", PCR),
    ("pcr10", "IMA", PCR),
    ("pcr11", "unified kernel image", PCR),
    ("pcr12", "kernel command line and credentials", PCR),
    ("pcr13", "system extensions", PCR),
    ("pcr14", "machine owner keys", PCR),
    ("pcr15", "system's identity", PCR),
    ("pcr17", "dynamic launch", PCR),
    ("pcr18", "dynamic launch", PCR),
    ("pcr19", "dynamic launch", PCR),
    ("pcr20", "dynamic launch", PCR),
    ("pcr21", "dynamic launch", PCR),
    ("pcr22", "dynamic launch", PCR),
];

const GCE: Rows =
    &[("zone", "zone", AK), ("project_id", "project", AK), ("name", "name of the virtual machine", AK)];

const AZURE: Rows = &[
    ("hcl_version", "version of the paravisor's report", HCL),
    ("vm_config", "configuration of the virtual machine, as the paravisor states it", HCL),
    ("user_data", "user data of the runtime data, hex", HCL),
];

const VM_CONFIG: Rows = &[
    ("console_enabled", "a serial console reaches the guest", HCL),
    ("secure_boot", "firmware enforces secure boot", HCL),
    ("tpm_enabled", "the guest has a vTPM", HCL),
    ("tpm_persisted", "the vTPM keeps its state", HCL),
    ("filtered_vpci_devices_allowed", "devices beyond a filter may be assigned", HCL),
    ("root_cert_thumbprint", "thumbprint of a root certificate, base64url", HCL),
    ("vm_unique_id", "the virtual machine", HCL),
];

const DEVICES: Rows = &[
    ("count", "how many there are", NVIDIA),
    ("architectures", "architectures that occur", "device certificate"),
    ("modes", "modes that occur; `unknown` for a number that means nothing", NVIDIA),
    ("driver_versions", "driver versions that occur", NVIDIA),
    ("firmware_versions", "versions of VBIOS or switch BIOS that occur", NVIDIA),
    ("pdis", "identities that occur, hex", "device certificate"),
    ("mode_stated", "every device states a mode", NVIDIA),
    ("fwid_stated", "every device states the firmware id of its certificate", NVIDIA),
    ("manifests_match", "every device measures what its manifests say", "NVIDIA RIMs"),
    (
        "driver_rim",
        "the one manifest of the driver that every device measures to",
        "NVIDIA RIM, SHA-256 of the file",
    ),
    (
        "vbios_rim",
        "the one manifest of the VBIOS that every GPU measures to",
        "NVIDIA RIM, SHA-256 of the file",
    ),
    (
        "bios_rim",
        "the one manifest of the BIOS that every switch measures to",
        "NVIDIA RIM, SHA-256 of the file",
    ),
    ("revocation_checked", "NVIDIA's own word on every certificate was verified", "OCSP responses"),
    ("tee_io", "a named guest accepted the interface of each (tier 4); false for switches", LOG),
];
