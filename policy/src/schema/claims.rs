//! Which claims policies can speak of. Names and types are those of the claims.
//!
//! Left out: report data, which is the challenge's, and what is in the attributes that all platforms share
//! (`principal.product`, `principal.measurement` …).

use super::shape::record;
use crate::references::Register;
use hanzo_attestation::event_log::EventFacts;
use hanzo_attestation::{dcap, sgx, snp, tdx};
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
    dynamic_platform, cached_keys, smt_enabled, pck_cpusvn, pck_pcesvn, qe_isvsvn, pck_not_after, rating,
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
