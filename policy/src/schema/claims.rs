//! Which claims policies can speak of. Names and types are those of the claims.
//!
//! Left out: report data, which is the challenge's, and what is in the attributes that all platforms share
//! (`principal.product`, `principal.measurement` …).

use super::shape::record;
use crate::references::Register;
use hanzo_attestation::event_log::EventFacts;
use hanzo_attestation::{azure, dcap, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::azure::VmConfig;
use hanzo_attestation_evidence::{Digest, Tee};

record!(snp::Claims as "SnpClaims" {
    report_version, cpuid, vmpl, guest_svn, policy, platform_info, key, family_id, image_id, id_key_digest,
    author_key_digest, report_id, report_id_ma, csp_id, tcb_current, tcb_reported, tcb_committed, tcb_launch,
    fw_current, fw_committed, provisional, mit_launch, mit_current, vek_cert_sha256, vek_not_after,
});
record!(snp::Cpuid as "SnpCpuid" { family, model, stepping });
record!(snp::GuestPolicy as "SnpGuestPolicy" {
    abi_major, abi_minor, smt, migrate_ma, debug, single_socket, cxl_allow, mem_aes_256_xts, rapl_dis,
    ciphertext_hiding, page_swap_disable,
});
record!(snp::PlatformInfo as "SnpPlatformInfo" {
    smt_en, tsme_en, ecc_en, rapl_dis, ciphertext_hiding_dram_en, alias_check_complete, iommu_write_safe,
    tio_en, raw,
});
record!(snp::SigningKey as "SnpSigningKey" { vek, author_key_en });
record!(snp::Tcb as "SnpTcb" { fmc, bootloader, tee, snp, microcode });
record!(snp::FirmwareVersion as "SnpFirmwareVersion" { major, minor, build });

record!(tdx::Claims as "TdxClaims" {
    body, tee_tcb_svn, tee_tcb_svn_2, mr_signer_seam, seam_attributes, td_attributes, xfam, mr_owner,
    mr_owner_config, mr_service_td, log, dcap,
} and {
    mr_seam = |claims| register("mr_seam", claims.mr_seam),
    rtmr0 = |claims| register("rtmr0", claims.rtmr[0]),
    rtmr1 = |claims| register("rtmr1", claims.rtmr[1]),
    rtmr2 = |claims| register("rtmr2", claims.rtmr[2]),
    rtmr3 = |claims| register("rtmr3", claims.rtmr[3]),
});
record!(tdx::TdAttributes as "TdAttributes" {
    debug, profiling, icssd, servtd_ext, lass, sept_ve_disable, migratable, pks, kl, tpa, perfmon, raw,
});
record!(dcap::Claims as "DcapClaims" {
    quote_version, qe_vendor_id, user_data, fmspc, pceid, ppid, platform_instance_id, pck_ca, sgx_type,
    dynamic_platform, cached_keys, smt_enabled, pck_cpusvn, pck_pcesvn, qe_isvsvn, pck_serial,
    pck_not_after, rating,
});
record!(dcap::Rating as "DcapRating" {
    platform_status, module_status, qe_status, status, platform_tcb_date, module_tcb_date, qe_tcb_date,
    superseded, tcb_info_eval, qe_identity_eval,
});

record!(EventFacts as "EventLog" { complete, kernel_cmdline } and {
    secure_boot = |log| log.secure_boot.state,
    secure_boot_pk = |log| log.secure_boot.pk,
    secure_boot_kek = |log| log.secure_boot.kek,
    secure_boot_db = |log| log.secure_boot.db,
    secure_boot_dbx = |log| log.secure_boot.dbx,
    boot_components = boot_components,
    runtime_events = runtime_events,
});

/// `REGISTER/DIGEST` of every event: what the replay proves. Types and descriptions are not among it.
fn boot_components(log: &EventFacts) -> Vec<String> {
    log.boot_components.iter().map(|event| format!("{}/{}", event.register, event.digest)).collect()
}

/// `NAME=PAYLOAD` of every event of an agent; the payload is lower-case hex.
fn runtime_events(log: &EventFacts) -> Vec<String> {
    log.runtime_events.iter().map(|event| format!("{}={}", event.name, event.payload)).collect()
}

record!(sgx::Claims as "SgxClaims" {
    cpu_svn, misc_select, cet_attributes, attributes, xfrm, isv_prod_id, isv_svn, config_id, config_svn,
    isv_ext_prod_id, isv_family_id, ra_tls_key, dcap,
} and {
    mr_enclave = |claims| enclave_register("mr_enclave", claims.mr_enclave),
    mr_signer = |claims| enclave_register("mr_signer", claims.mr_signer),
});
record!(sgx::Attributes as "SgxAttributes" {
    init, debug, mode64, provision_key, einit_token_key, cet, kss, aex_notify, raw,
});

record!(tpm::Claims as "TpmClaims" {
    clock_safe, reset_count, restart_count, firmware_version, sig_alg, sig_hash, ak_name, ak_sha256,
    ak_hierarchy, tpm_kind, manufacturer, instance, init_data, log,
} and {
    ak_trust = |claims| ak_trust(claims).to_owned(),
    pcr0 = |claims| pcr(claims, "pcr0"),
    pcr1 = |claims| pcr(claims, "pcr1"),
    pcr2 = |claims| pcr(claims, "pcr2"),
    pcr3 = |claims| pcr(claims, "pcr3"),
    pcr4 = |claims| pcr(claims, "pcr4"),
    pcr5 = |claims| pcr(claims, "pcr5"),
    pcr6 = |claims| pcr(claims, "pcr6"),
    pcr7 = |claims| pcr(claims, "pcr7"),
    pcr8 = |claims| pcr(claims, "pcr8"),
    pcr9 = |claims| pcr(claims, "pcr9"),
    pcr10 = |claims| pcr(claims, "pcr10"),
    pcr11 = |claims| pcr(claims, "pcr11"),
    pcr12 = |claims| pcr(claims, "pcr12"),
    pcr13 = |claims| pcr(claims, "pcr13"),
    pcr14 = |claims| pcr(claims, "pcr14"),
    pcr15 = |claims| pcr(claims, "pcr15"),
    pcr17 = |claims| pcr(claims, "pcr17"),
    pcr18 = |claims| pcr(claims, "pcr18"),
    pcr19 = |claims| pcr(claims, "pcr19"),
    pcr20 = |claims| pcr(claims, "pcr20"),
    pcr21 = |claims| pcr(claims, "pcr21"),
    pcr22 = |claims| pcr(claims, "pcr22"),
});
record!(tpm::GceInstance as "GceInstance" { zone, project_id, name });

record!(azure::Vtpm as "AzureVtpm" { hcl_version, vm_config, user_data });
record!(VmConfig as "AzureVmConfig" {
    console_enabled, secure_boot, tpm_enabled, tpm_persisted, filtered_vpci_devices_allowed,
    root_cert_thumbprint, vm_unique_id,
});

/// Why the attestation key is trusted. Evidence by one that is not trusted never comes this far.
fn ak_trust(claims: &tpm::Claims) -> &'static str {
    match claims.ak_trust {
        tpm::AkTrust::Untrusted => "untrusted",
        tpm::AkTrust::AkCertificate { .. } => "ak_certificate",
        tpm::AkTrust::Activation { .. } => "activation",
        tpm::AkTrust::AllowList => "allow_list",
        tpm::AkTrust::HardwareBound => "hardware_bound",
    }
}

/// A quoted register of a TPM, in the bank on which facts rest.
fn pcr(claims: &tpm::Claims, name: &str) -> Option<Register> {
    pcrs(claims).find(|register| register.name == name)
}

/// Every quoted register of a TPM but 16 and 23, which whoever runs the machine can reset (TPM-34).
pub(crate) fn pcrs(claims: &tpm::Claims) -> impl Iterator<Item = Register> {
    let measured = claims.measurements().into_iter();
    measured.filter_map(|m| Register::named(Tee::Tpm.name(), m.register, m.digest))
}

fn register(name: &'static str, digest: impl Into<Digest>) -> Register {
    Register { tee: Tee::Tdx, name, digest: digest.into() }
}

fn enclave_register(name: &'static str, digest: impl Into<Digest>) -> Register {
    Register { tee: Tee::Sgx, name, digest: digest.into() }
}

/// Every register of an enclave that a policy can name: its measurement, and that of its signer.
pub(crate) fn enclave_registers(claims: &sgx::Claims) -> [Register; 2] {
    [enclave_register("mr_enclave", claims.mr_enclave), enclave_register("mr_signer", claims.mr_signer)]
}

/// Every register of a TD that a policy can name: those of the facts, and the TDX module's.
pub(crate) fn td_registers(claims: &tdx::Claims) -> [Register; 6] {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = claims.rtmr;
    [
        register("mr_td", claims.mr_td),
        register("rtmr0", rtmr0),
        register("rtmr1", rtmr1),
        register("rtmr2", rtmr2),
        register("rtmr3", rtmr3),
        register("mr_seam", claims.mr_seam),
    ]
}
