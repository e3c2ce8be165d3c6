//! Claims under the names, and in the types, that Trustee's verifiers emit (commit of 2026-08-21,
//! `deps/verifier`), so that policies written for them read ours.
//!
//! Values are those of the verified claims; what Trustee states and this verifier does not is left out.

use crate::{Claims, Facts, VerifiedItem, azure, dcap, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::snp::{GuestPolicy, Tcb};
use hanzo_attestation_evidence::tpm::PcrValues;
use serde_json::{Map, Value, json};

/// `att_key_type` of every quote that is accepted (DCAP-03): ECDSA on P-256.
const ECDSA_P256: u16 = 2;

/// The claims of one item under its name in Trustee: `{"snp":{…}}`. Empty for a registered key, of which
/// Trustee knows nothing.
#[must_use]
pub fn trustee_claims(item: &VerifiedItem) -> Map<String, Value> {
    let named = |name: &str, claims: Value| Map::from_iter([(name.to_owned(), claims)]);
    match item.claims() {
        Claims::SevSnp(claims) => named("snp", snp_claims(claims)),
        Claims::Tdx(claims) => named("tdx", tdx_claims(claims, item.facts())),
        Claims::Tpm(claims) => named("tpm", tpm_claims(claims)),
        Claims::Sgx(claims) => named("sgx", sgx_claims(claims, item.facts())),
        Claims::AzSnpVtpm(claims) => named("az-snp-vtpm", azure_snp_claims(claims)),
        Claims::AzTdxVtpm(claims) => named("az-tdx-vtpm", azure_tdx_claims(claims, item.facts())),
        Claims::Nvidia(_) | Claims::Tdi(_) | Claims::RegisteredKey(_) => Map::new(),
    }
}

fn snp_claims(claims: &snp::Claims) -> Value {
    let GuestPolicy { abi_major, abi_minor, smt, migrate_ma, debug, single_socket, .. } = claims.policy;
    let Tcb { bootloader, tee, snp, microcode, .. } = claims.tcb_reported;
    json!({
        "policy_abi_major": abi_major,
        "policy_abi_minor": abi_minor,
        "policy_smt_allowed": smt,
        "policy_migrate_ma": migrate_ma,
        "policy_debug_allowed": debug,
        "policy_single_socket": single_socket,
        "reported_tcb_bootloader": bootloader,
        "reported_tcb_tee": tee,
        "reported_tcb_snp": snp,
        "reported_tcb_microcode": microcode,
        "platform_tsme_enabled": claims.platform_info.tsme_en,
        "platform_smt_enabled": claims.platform_info.smt_en,
        "measurement": claims.measurement,
        "report_data": claims.report_data,
        "init_data": claims.host_data,
        "chip_id": chip_id(claims),
    })
}

/// Registers of the bank on which facts rest, register 8 as init data, the binding, and the key in base64.
fn tpm_claims(claims: &tpm::Claims) -> Value {
    let mut tree: Map<String, Value> = pcrs(claims).collect();
    if let Some(init_data) = tree.get("pcr08").cloned() {
        tree.insert("init_data".to_owned(), init_data);
    }
    tree.insert("report_data".to_owned(), json!(claims.extra_data));
    tree.insert("ak_public".to_owned(), json!(base64_encode(&claims.ak_public.0)));
    Value::Object(tree)
}

/// Behind Azure's paravisor, Trustee states a report's numbers and flags as text and its bytes in base64, and
/// the vTPM's nonce as report data.
fn azure_snp_claims(claims: &azure::SnpClaims) -> Value {
    let GuestPolicy { abi_major, abi_minor, smt, migrate_ma, debug, single_socket, .. } = claims.snp.policy;
    let Tcb { bootloader, tee, snp, microcode, .. } = claims.snp.tcb_reported;
    let mut all = json!({
        "policy_abi_major": abi_major.to_string(),
        "policy_abi_minor": abi_minor.to_string(),
        "policy_smt_allowed": smt.to_string(),
        "policy_migrate_ma": migrate_ma.to_string(),
        "policy_debug_allowed": debug.to_string(),
        "policy_single_socket": single_socket.to_string(),
        "reported_tcb_bootloader": bootloader.to_string(),
        "reported_tcb_tee": tee.to_string(),
        "reported_tcb_snp": snp.to_string(),
        "reported_tcb_microcode": microcode.to_string(),
        "platform_tsme_enabled": claims.snp.platform_info.tsme_en.to_string(),
        "platform_smt_enabled": claims.snp.platform_info.smt_en.to_string(),
        "measurement": base64_encode(&claims.snp.measurement.0),
    });
    add(&mut all, vtpm_claims(&claims.vtpm.tpm));
    all
}

fn azure_tdx_claims(claims: &azure::TdxClaims, facts: &Facts) -> Value {
    let mut all = tdx_claims(&claims.tdx, facts);
    add(&mut all, vtpm_claims(&claims.vtpm.tpm));
    all
}

/// What Trustee adds from the vTPM: its registers, the nonce as report data, and register 8 as init data.
fn vtpm_claims(claims: &tpm::Claims) -> Value {
    let pcrs: Map<String, Value> = pcrs(claims).collect();
    let mut all = json!({"report_data": claims.extra_data});
    if let Some(init_data) = pcrs.get("pcr08") {
        add(&mut all, json!({"init_data": init_data}));
    }
    add(&mut all, json!({"tpm": pcrs}));
    all
}

/// The quoted registers under Trustee's names, `pcr00` to `pcr23`.
fn pcrs(claims: &tpm::Claims) -> impl Iterator<Item = (String, Value)> {
    let bank = claims.bank();
    let quoted = claims.pcrs.iter().flat_map(PcrValues::iter);
    quoted
        .filter(move |(of, ..)| Some(*of) == bank)
        .map(|(_, index, value)| (format!("pcr{index:02}"), json!(value)))
}

/// CHIP_ID over its 64 bytes, as the report has it: zeros where the report hides the chip.
fn chip_id(claims: &snp::Claims) -> String {
    format!("{:0<128}", claims.chip_id.as_deref().unwrap_or_default())
}

fn tdx_claims(claims: &tdx::Claims, facts: &Facts) -> Value {
    let [rtmr_0, rtmr_1, rtmr_2, rtmr_3] = claims.rtmr;
    let mut body = json!({
        "tcb_svn": claims.tee_tcb_svn,
        "mr_seam": claims.mr_seam,
        "mrsigner_seam": claims.mr_signer_seam,
        "seam_attributes": little_endian(claims.seam_attributes),
        "td_attributes": little_endian(claims.td_attributes.raw),
        "xfam": little_endian(claims.xfam),
        "mr_td": claims.mr_td,
        "mr_config_id": claims.mr_config_id,
        "mr_owner": claims.mr_owner,
        "mr_owner_config": claims.mr_owner_config,
        "rtmr_0": rtmr_0,
        "rtmr_1": rtmr_1,
        "rtmr_2": rtmr_2,
        "rtmr_3": rtmr_3,
        "report_data": claims.report_data,
    });
    if let (Some(svn), Some(service_td)) = (claims.tee_tcb_svn_2, claims.mr_service_td) {
        add(&mut body, json!({"tee_tcb_svn2": svn, "mr_servicetd": service_td}));
    }
    let quote = json!({"header": quote_header(&claims.dcap), "body": body});
    let attributes = json!({
        "debug": claims.td_attributes.debug,
        "septve_disable": claims.td_attributes.sept_ve_disable,
        "protection_keys": claims.td_attributes.pks,
        "key_locker": claims.td_attributes.kl,
        "perfmon": claims.td_attributes.perfmon,
    });
    let mut all = json!({
        "quote": quote,
        "td_attributes": attributes,
        "report_data": claims.report_data,
        "init_data": claims.mr_config_id,
    });
    add(&mut all, platform(&claims.dcap, facts));
    all
}

fn sgx_claims(claims: &sgx::Claims, facts: &Facts) -> Value {
    let zeros = |bytes: usize| "00".repeat(bytes);
    let body = json!({
        "cpu_svn": claims.cpu_svn,
        "misc_select": hex::encode(claims.misc_select.to_le_bytes()),
        "reserved1": format!("{:02x}{}", claims.cet_attributes, zeros(11)), // SGX-06
        "isv_ext_prod_id": claims.isv_ext_prod_id,
        "attributes.flags": little_endian(claims.attributes.raw),
        "attributes.xfrm": little_endian(claims.xfrm),
        "mr_enclave": claims.mr_enclave,
        "reserved2": zeros(32),
        "mr_signer": claims.mr_signer,
        "reserved3": zeros(32),
        "config_id": claims.config_id,
        "isv_prod_id": hex::encode(claims.isv_prod_id.to_le_bytes()),
        "isv_svn": hex::encode(claims.isv_svn.to_le_bytes()),
        "config_svn": hex::encode(claims.config_svn.to_le_bytes()),
        "reserved4": zeros(42),
        "isv_family_id": claims.isv_family_id,
        "report_data": claims.report_data,
    });
    let mut header = json!({
        "version": hex::encode(claims.dcap.quote_version.to_le_bytes()),
        "att_key_type": hex::encode(ECDSA_P256.to_le_bytes()),
        "att_key_data_0": hex::encode(claims.dcap.tee_type.to_le_bytes()),
        "vendor_id": claims.dcap.qe_vendor_id,
        "user_data": claims.dcap.user_data,
    });
    for (name, svn) in [("qe_svn", claims.dcap.header_qe_svn), ("pce_svn", claims.dcap.header_pce_svn)] {
        if let Some(svn) = svn {
            add(&mut header, json!({ name: hex::encode(svn.to_le_bytes()) }));
        }
    }
    let mut all = json!({
        "header": header,
        "body": body,
        "report_data": claims.report_data,
        "init_data": claims.config_id,
    });
    add(&mut all, platform(&claims.dcap, facts));
    all
}

/// The header of a quote of version 4 or 5: its integers are hex, as they stand on the wire.
fn quote_header(claims: &dcap::Claims) -> Value {
    json!({
        "version": hex::encode(claims.quote_version.to_le_bytes()),
        "att_key_type": hex::encode(ECDSA_P256.to_le_bytes()),
        "tee_type": hex::encode(claims.tee_type.to_le_bytes()),
        "reserved": "00000000", // DCAP-05
        "vendor_id": claims.qe_vendor_id,
        "user_data": claims.user_data,
    })
}

/// What Intel's collateral and the PCK certificate say of the platform.
fn platform(claims: &dcap::Claims, facts: &Facts) -> Value {
    let mut platform = json!({
        "tcb_status": facts.tcb_status,
        "advisory_ids": facts.advisories,
        "platform_provider_id": claims.ppid,
        "sgx_type": match claims.sgx_type {
            0 => "Standard",
            1 => "Scalable",
            _ => "Scalable with Integrity",
        },
    });
    let optional = [
        ("platform_instance_id", claims.platform_instance_id.map(|id| json!(id))),
        ("is_dynamic_platform", claims.dynamic_platform.map(Value::Bool)),
        ("is_cached_keys", claims.cached_keys.map(Value::Bool)),
        ("is_smt_enabled", claims.smt_enabled.map(Value::Bool)),
        ("tcb_date", facts.tcb_date.map(|date| json!(date))),
        (
            "earliest_issue_date",
            facts.collateral.iter().map(|used| used.issued).min().map(|date| json!(date)),
        ),
        ("latest_issue_date", facts.collateral.iter().map(|used| used.issued).max().map(|date| json!(date))),
        (
            "earliest_expiration_date",
            facts.collateral.iter().map(|used| used.expires).min().map(|date| json!(date)),
        ),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            add(&mut platform, json!({ name: value }));
        }
    }
    platform
}

fn little_endian(bits: u64) -> String {
    hex::encode(bits.to_le_bytes())
}

fn add(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

#[cfg(test)]
mod tests;
