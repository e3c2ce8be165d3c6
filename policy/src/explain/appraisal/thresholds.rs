//! What an administrator could set otherwise: each threshold by its name in the configuration. What nothing
//! switches off, e.g. a guest that can be debugged, is not among them.

use super::{Candidate, Item};
use crate::appraisal::dcap::{Status, Thresholds as Dcap};
use crate::appraisal::snp::Switch;
use crate::appraisal::{Allowed, Appraisal};
use crate::explain::change::Change;

macro_rules! thresholds {
    ($($name:literal = $value:literal: $make:expr;)*) => {
        /// Every threshold that is tried, in the order of the configuration.
        pub(super) const ALL: &[Candidate] = &[$(Candidate {
            what: |_, _| Change::Threshold { threshold: $name.to_owned(), value: $value.to_owned() },
            make: |items: &mut Vec<Item>, appraisal: &mut Appraisal| {
                let make: fn(&mut Vec<Item>, &mut Appraisal) = $make;
                make(items, appraisal);
            },
        },)*];
    };
}

thresholds! {
    "snp.minimum_report_version" = "2": |_, a| a.snp.minimum_report_version = 2;
    "snp.allow_masked_chip" = "true": |_, a| a.snp.allow_masked_chip = true;
    "snp.denied_chips" = "a list without this chip": |_, a| a.snp.denied_chips.clear();
    "snp.denied_csps" = "a list without this provider": |_, a| a.snp.denied_csps.clear();
    "snp.denied_certificates" = "a list without this key": |_, a| a.snp.denied_certificates.clear();
    "snp.host_data" = "\"any\", or a list with this value": |_, a| a.snp.host_data = Allowed::Any;
    "snp.allow_migration" = "true": |_, a| a.snp.allow_migration = true;
    "snp.require_smt_off" = "false": |_, a| a.snp.require_smt_off = false;
    "snp.require_single_socket" = "false": |_, a| a.snp.require_single_socket = false;
    "snp.allow_cxl" = "true": |_, a| a.snp.allow_cxl = true;
    "snp.require_xts" = "false": |_, a| a.snp.require_xts = false;
    "snp.require_rapl_disabled" = "false": |_, a| a.snp.require_rapl_disabled = false;
    "snp.require_ciphertext_hiding" = "false": |_, a| a.snp.require_ciphertext_hiding = false;
    "snp.require_page_swap_disabled" = "false": |_, a| a.snp.require_page_swap_disabled = false;
    "snp.abi_floor" = "a floor that the guest's policy reaches": |_, a| a.snp.abi_floor = None;
    "snp.require_alias_check" = "false": |_, a| a.snp.require_alias_check = false;
    "snp.require_tsme" = "false": |_, a| a.snp.require_tsme = false;
    "snp.require_ecc" = "false": |_, a| a.snp.require_ecc = false;
    "snp.trusted_io" = "\"any\"": |_, a| a.snp.trusted_io = Switch::Any;
    "snp.require_iommu_write_safe" = "false": |_, a| a.snp.require_iommu_write_safe = false;
    "snp.vmpls" = "a list with this VMPL": |_, a| a.snp.vmpls = vec![0, 1, 2, 3];
    "snp.guest_svn_floor" = "the guest's SVN": |_, a| a.snp.guest_svn_floor = 0;
    "snp.family_id" = "the image's": |_, a| a.snp.family_id = None;
    "snp.image_id" = "the image's": |_, a| a.snp.image_id = None;
    "snp.id_keys" = "\"any\", or a list with this key": |_, a| a.snp.id_keys = Allowed::Any;
    "snp.author_keys" = "\"any\", or a list with this key": |_, a| a.snp.author_keys = Allowed::Any;
    "snp.require_id_key" = "false": |_, a| a.snp.require_id_key = false;
    "snp.reported_tcb_floor" = "a floor that the platform reaches": |_, a| a.snp.reported_tcb_floor = None;
    "snp.committed_tcb_floor" = "a floor that the platform reaches": |_, a| a.snp.committed_tcb_floor = None;
    "snp.launch_tcb_floor" = "a floor that the platform reaches": |_, a| a.snp.launch_tcb_floor = None;
    "snp.require_committed_firmware" = "false": |_, a| a.snp.require_committed_firmware = false;
    "snp.firmware_floor" = "a floor that the platform reaches": |_, a| a.snp.firmware_floor = None;
    "snp.required_mitigations" = "those that the platform has": |_, a| a.snp.required_mitigations.clear();
    "snp.chips" = "a list with this chip": |_, a| a.snp.chips = None;
    "snp.csps" = "a list with this provider": |_, a| {
        a.snp.csps = None;
        a.snp.allow_test_csps = true;
    };
    "snp.allow_vcek" = "true": |_, a| a.snp.allow_vcek = true;
    "snp.allow_vlek" = "true": |_, a| a.snp.allow_vlek = true;
    "tdx.allow_sept_ve" = "true": |_, a| a.tdx.allow_sept_ve = true;
    "tdx.allow_migration" = "true": |_, a| a.tdx.allow_migration = true;
    "tdx.allow_service_td_extension" = "true": |_, a| a.tdx.allow_service_td_extension = true;
    "tdx.service_tds" = "\"any\", or a list with this one": |_, a| a.tdx.service_tds = Allowed::Any;
    "tdx.require_service_td_facts" = "false": |_, a| a.tdx.require_service_td_facts = false;
    "tdx.xfam_bits" = "with the bits that are set": |_, a| a.tdx.xfam_bits = None;
    "tdx.attributes" = "\"any\", or a list with these": |_, a| a.tdx.attributes = Allowed::Any;
    "tdx.modules" = "a list with this module": |_, a| a.tdx.modules = None;
    "tdx.tee_tcb_svn_floor" = "a floor that the platform reaches": |_, a| a.tdx.tee_tcb_svn_floor = None;
    "tdx.rtmr3" = "\"any\", or a list with this value": |_, a| a.tdx.rtmr3 = Allowed::Any;
    "tdx.config_ids" = "\"any\", or a list with this value": |_, a| a.tdx.config_ids = Allowed::Any;
    "tdx.owners" = "\"any\", or a list with this value": |_, a| a.tdx.owners = Allowed::Any;
    "tdx.owner_configs" = "\"any\", or a list with this value": |_, a| a.tdx.owner_configs = Allowed::Any;
    "dcap.statuses" = "a list with this status": |_, a| quotes(a, |dcap| {
        dcap.statuses = STATUSES.to_vec();
        dcap.out_of_date_grace_days = None;
    });
    "dcap.advisories" = "\"any\", or a list with these": |_, a| quotes(a, |d| d.advisories = Allowed::Any);
    "dcap.tcb_evaluation_floor" = "a floor that the collateral reaches": |_, a| {
        quotes(a, |dcap| dcap.tcb_evaluation_floor = None);
    };
    "dcap.qe_evaluation_floor" = "a floor that the collateral reaches": |_, a| {
        quotes(a, |dcap| dcap.qe_evaluation_floor = None);
    };
    "dcap.tcb_date_floor" = "a date that the platform reaches": |_, a| quotes(a, |d| d.tcb_date_floor = None);
    "dcap.sgx_types" = "a list with this type": |_, a| quotes(a, |dcap| dcap.sgx_types = vec![0, 1, 2]);
    "dcap.require_static_platform" = "false": |_, a| quotes(a, |d| d.require_static_platform = false);
    "dcap.require_uncached_keys" = "false": |_, a| quotes(a, |d| d.require_uncached_keys = false);
    "dcap.require_smt_off" = "false": |_, a| quotes(a, |dcap| dcap.require_smt_off = false);
    "dcap.ppids" = "lists with this platform": |_, a| quotes(a, |dcap| {
        dcap.ppids = None;
        dcap.platform_instances = None;
    });
    "dcap.fmspcs" = "a list with this FMSPC": |_, a| quotes(a, |dcap| dcap.fmspcs = None);
    "dcap.denied_pck_serials" = "a list without this one": |_, a| quotes(a, |d| d.denied_pck_serials.clear());
    "sgx.allow_32_bit" = "true": |_, a| a.sgx.allow_32_bit = true;
    "sgx.allow_provision_key" = "true": |_, a| a.sgx.allow_provision_key = true;
    "sgx.allow_einit_token_key" = "true": |_, a| a.sgx.allow_einit_token_key = true;
    "sgx.mr_enclaves" = "a list with this enclave": |_, a| {
        a.sgx.mr_enclaves = None;
        a.sgx.signers = None;
    };
    "sgx.config_ids" = "\"any\", or a list with this value": |_, a| a.sgx.config_ids = Allowed::Any;
    "tpm.required_pcrs" = "those that the quote covers": |_, a| a.tpm.required_pcrs.clear();
    "tpm.require_safe_clock" = "false": |_, a| a.tpm.require_safe_clock = false;
    "tpm.boot" = "this boot": |_, a| a.tpm.boot = None;
    "tpm.firmware" = "a list with this version": |_, a| a.tpm.firmware = None;
    "tpm.denied_eks" = "a list without this key": |_, a| a.tpm.denied_eks.clear();
    "tpm.instances" = "a list with this machine": |_, a| a.tpm.instances = None;
    "tpm.allow_unextended" = "true": |_, a| a.tpm.allow_unextended = true;
    "tpm.kinds" = "\"any\", or a list with this kind": |_, a| a.tpm.kinds = Allowed::Any;
    "nvidia.require_fwid" = "false": |_, a| a.nvidia.require_fwid = false;
    "nvidia.minimum_driver" = "a floor that the driver reaches": |_, a| a.nvidia.minimum_driver = None;
    "nvidia.minimum_firmware" = "floors that the firmware reaches": |_, a| a.nvidia.minimum_firmware.clear();
    "nvidia.modes" = "\"any\", or a list with this mode": |_, a| a.nvidia.modes = Allowed::Any;
    "nvidia.gpus" = "the number that is there": |_, a| a.nvidia.gpus = None;
    "nvidia.pdis" = "\"any\", or a list with these devices": |_, a| a.nvidia.pdis = Allowed::Any;
    "nvidia.denied_pdis" = "a list without these devices": |_, a| a.nvidia.denied_pdis.clear();
    "nvidia.denied_manifests" = "a list without this one": |_, a| a.nvidia.denied_manifests.clear();
    "nvidia.denied_manifest_signers" = "a list without this one": |_, a| {
        a.nvidia.denied_manifest_signers.clear();
    };
    "nvidia.require_switches" = "false": |_, a| a.nvidia.require_switches = false;
    "azure.paravisors" = "\"any\", or a list with this one": |_, a| a.azure.paravisors = Allowed::Any;
    "azure.require_secure_boot" = "false": |_, a| a.azure.require_secure_boot = false;
    "azure.require_console_disabled" = "false": |_, a| a.azure.require_console_disabled = false;
    "azure.require_persistent_tpm" = "false": |_, a| a.azure.require_persistent_tpm = false;
    "azure.vms" = "a list with this machine": |_, a| a.azure.vms = None;
    "azure.init_data" = "a list with this digest": |_, a| a.azure.init_data = None;
}

/// Every status that can be accepted.
const STATUSES: [Status; 8] = [
    Status::UpToDate,
    Status::SwHardeningNeeded,
    Status::ConfigurationNeeded,
    Status::ConfigurationAndSwHardeningNeeded,
    Status::OutOfDate,
    Status::OutOfDateConfigurationNeeded,
    Status::TdRelaunchAdvised,
    Status::TdRelaunchAdvisedConfigurationNeeded,
];

/// The platforms under TDX and SGX are held to one set of thresholds each.
fn quotes(appraisal: &mut Appraisal, change: fn(&mut Dcap)) {
    change(&mut appraisal.tdx.dcap);
    change(&mut appraisal.sgx.dcap);
}
