//! The checks, in the order of the rule book.

use super::{Signer, Thresholds};
use crate::appraisal::checks::Checks;
use crate::appraisal::dcap;
use hanzo_attestation::sgx::Claims;
use hanzo_attestation_evidence::Rule;

const SGX_02: Rule = Rule::new("SGX-02", "SgxDebug");
const SGX_03: Rule = Rule::new("SGX-03", "SgxModeNot64");
const SGX_04: Rule = Rule::new("SGX-04", "SgxProvisionKey");
const SGX_05: Rule = Rule::new("SGX-05", "SgxEinitTokenKey");
const SGX_07: Rule = Rule::new("SGX-07", "SgxXfrmNotAllowed");
const SGX_08: Rule = Rule::new("SGX-08", "SgxMiscSelectNotAllowed");
const SGX_09: Rule = Rule::new("SGX-09", "SgxMrEnclaveUnknown");
const SGX_10: Rule = Rule::new("SGX-10", "SgxMrSignerUnknown");
const SGX_11: Rule = Rule::new("SGX-11", "SgxIsvProdId");
const SGX_12: Rule = Rule::new("SGX-12", "SgxIsvSvnBelowFloor");
const SGX_14: Rule = Rule::new("SGX-14", "SgxConfigIdMismatch");
const SGX_15: Rule = Rule::new("SGX-15", "SgxKssIdentity");
const SGX_16: Rule = Rule::new("SGX-16", "SgxAexNotifyRequired");

/// XFRM bits without which no enclave runs: x87 and SSE.
const XFRM_ALWAYS: u64 = 0b11;

pub(in crate::appraisal) fn check(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    features(claims, limits, checks);
    identity(claims, limits, checks);
    configuration(claims, limits, checks);
    dcap::check(&claims.dcap, &limits.dcap, checks);
}

fn features(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let set = claims.attributes;
    let mut refuse = |broken, rule, message: &str| checks.refuse(broken, rule, || message.to_owned());
    refuse(set.debug, SGX_02, "the enclave is in debug mode: the host can read its memory");
    refuse(!set.mode64 && !limits.allow_32_bit, SGX_03, "the enclave runs in 32-bit mode");
    refuse(
        set.provision_key && !limits.allow_provision_key,
        SGX_04,
        "the enclave can derive the provisioning key",
    );
    refuse(
        set.einit_token_key && !limits.allow_einit_token_key,
        SGX_05,
        "the enclave can derive the key of launch tokens",
    );
    let (missing, excess) =
        (XFRM_ALWAYS & !claims.xfrm, claims.xfrm & !(limits.xfrm_bits.unwrap_or(u64::MAX) | XFRM_ALWAYS));
    checks.refuse(missing != 0 || excess != 0, SGX_07, || match excess {
        0 => "XFRM lacks x87 or SSE".to_owned(),
        _ => format!("XFRM has bits that are not accepted: {excess:#x}"),
    });
    let misc = claims.misc_select;
    checks.refuse(!limits.misc_select.contains(&misc), SGX_08, || format!("MISCSELECT is {misc:#x}"));
}

/// SGX-09 to SGX-12: one list that names the enclave is enough. The rule that answers is that of the entry
/// that comes nearest.
fn identity(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let enclave = claims.mr_enclave;
    let listed = limits.mr_enclaves.as_ref().is_some_and(|list| list.contains(&enclave));
    match (&limits.mr_enclaves, &limits.signers) {
        (None, None) => {}
        _ if listed => {}
        (_, Some(signers)) => signed_product(claims, signers, checks),
        (Some(_), None) => {
            checks.refuse(true, SGX_09, || format!("the enclave {enclave} is not in the list"));
        }
    }
}

fn signed_product(claims: &Claims, signers: &[Signer], checks: &mut Checks) {
    let of_signer: Vec<&Signer> =
        signers.iter().filter(|entry| entry.mr_signer == claims.mr_signer).collect();
    let of_product: Vec<&&Signer> =
        of_signer.iter().filter(|entry| entry.isv_prod_id == claims.isv_prod_id).collect();
    if of_signer.is_empty() {
        checks.refuse(true, SGX_10, || format!("the signer {} is not in the list", claims.mr_signer));
    } else if of_product.is_empty() {
        checks.refuse(true, SGX_11, || format!("product {} of its signer is not listed", claims.isv_prod_id));
    } else {
        let reached = of_product.iter().any(|entry| claims.isv_svn >= entry.isv_svn_floor);
        checks.refuse(!reached, SGX_12, || format!("ISVSVN {} is below the floor", claims.isv_svn));
    }
}

fn configuration(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    let config = claims.config_id;
    checks.refuse(!config.is_zero() && !limits.config_ids.admits(&config), SGX_14, || {
        format!("CONFIGID {config} has no reference value")
    });
    for (name, demanded, stated) in [
        ("ISVEXTPRODID", limits.isv_ext_prod_id, claims.isv_ext_prod_id),
        ("ISVFAMILYID", limits.isv_family_id, claims.isv_family_id),
    ] {
        checks.refuse(demanded.is_some_and(|demanded| demanded != stated), SGX_15, || {
            format!("{name} is {stated}")
        });
    }
    let (svn, floor) = (claims.config_svn, limits.config_svn_floor);
    checks.refuse(svn < floor, SGX_15, || format!("CONFIGSVN {svn} is below {floor}"));
    checks.refuse(limits.require_aex_notify && !claims.attributes.aex_notify, SGX_16, || {
        "asynchronous exits are not notified".to_owned()
    });
}
