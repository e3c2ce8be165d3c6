//! The files of the lab's Intel.

use super::{Reader, Writer, pretty};
use crate::intel::{IntelKeys, IntelVendor, pem_chain};
use crate::sign::{Curve, EcKey};
use crate::{IntelCollateral, LabError, PckAuthority, Validity};
use hanzo_attestation::IntelDocument;
use serde_json::{Value, json};

const TDX_TCB_INFO: &str = "intel/tdx-tcb-info";
const SGX_TCB_INFO: &str = "intel/sgx-tcb-info";
const TD_QE_IDENTITY: &str = "intel/td-qe-identity";
const QE_IDENTITY: &str = "intel/qe-identity";
const TCB_SIGNING_CHAIN: &str = "intel/tcb-signing-chain.pem";
const ROOT_LIST: &str = "intel/root.crl";
const PLATFORM_LIST: &str = "intel/platform-ca.crl";
const PROCESSOR_LIST: &str = "intel/processor-ca.crl";

pub(super) fn write(
    files: Writer<'_>,
    vendor: &IntelVendor,
    collateral: &IntelCollateral,
) -> Result<(), LabError> {
    files.public("intel/root.der", &vendor.root)?;
    files.public("intel/platform-ca.der", &vendor.platform_ca)?;
    files.public("intel/processor-ca.der", &vendor.processor_ca)?;
    files.public("intel/tcb-signer.der", &vendor.tcb_signer)?;
    for (path, list) in [
        (ROOT_LIST, &collateral.root_list),
        (PLATFORM_LIST, &collateral.platform_list),
        (PROCESSOR_LIST, &collateral.processor_list),
    ] {
        files.public(path, list.as_deref().unwrap_or_default())?;
    }
    for (path, document) in [
        (TDX_TCB_INFO, &collateral.tdx_tcb_info),
        (SGX_TCB_INFO, &collateral.sgx_tcb_info),
        (TD_QE_IDENTITY, &collateral.td_qe_identity),
        (QE_IDENTITY, &collateral.qe_identity),
    ] {
        if let Some(document) = document {
            files.public(&format!("{path}.json"), &document.body)?;
            files.public(&format!("{path}.sig"), &document.signature)?;
        }
    }
    files.public(TCB_SIGNING_CHAIN, pem_chain([&vendor.tcb_signer, &vendor.root]).as_bytes())?;
    for (name, authority) in [("platform", PckAuthority::Platform), ("processor", PckAuthority::Processor)] {
        let (tdx, sgx) = (collateral.tdx_object(authority), collateral.sgx_object(authority));
        files.public(&format!("intel/tdx-{name}.json"), pretty(&tdx).as_bytes())?;
        files.public(&format!("intel/sgx-{name}.json"), pretty(&sgx).as_bytes())?;
    }
    let keys = &vendor.keys;
    files.private("intel-root.pk8", keys.root.pkcs8())?;
    files.private("intel-platform-ca.pk8", keys.platform_ca.pkcs8())?;
    files.private("intel-processor-ca.pk8", keys.processor_ca.pkcs8())?;
    files.private("intel-tcb-signing.pk8", keys.tcb_signing.pkcs8())?;
    files.private("intel-pck.pk8", keys.pck.pkcs8())?;
    files.private("intel-attestation.pk8", keys.attestation.pkcs8())
}

/// What `lab.json` says of the lab's Intel.
pub(super) fn index() -> Value {
    let document = |path: &str| json!({"body": format!("{path}.json"), "signature": format!("{path}.sig")});
    json!({
        "root": "intel/root.der",
        "crls": [ROOT_LIST, PLATFORM_LIST, PROCESSOR_LIST],
        "tcb_infos": [document(TDX_TCB_INFO), document(SGX_TCB_INFO)],
        "qe_identities": [document(TD_QE_IDENTITY), document(QE_IDENTITY)],
        "tcb_signing_chain": TCB_SIGNING_CHAIN,
    })
}

pub(super) fn read(
    file: &Reader<'_>,
    validity: Validity,
) -> Result<(IntelVendor, IntelCollateral), LabError> {
    let public = |path: &str| Ok::<_, LabError>(file(path)?.to_vec());
    let key = |kind: &str| EcKey::from_pkcs8(Curve::P256, file(&format!("private/intel-{kind}.pk8"))?);
    let vendor = IntelVendor {
        validity,
        keys: IntelKeys {
            root: key("root")?,
            platform_ca: key("platform-ca")?,
            processor_ca: key("processor-ca")?,
            tcb_signing: key("tcb-signing")?,
            pck: key("pck")?,
            attestation: key("attestation")?,
        },
        root: public("intel/root.der")?,
        platform_ca: public("intel/platform-ca.der")?,
        processor_ca: public("intel/processor-ca.der")?,
        tcb_signer: public("intel/tcb-signer.der")?,
    };
    let issuer_chain = public(TCB_SIGNING_CHAIN)?;
    let document = |path: &str| {
        let mut signature = [0; 64];
        let bytes = file(&format!("{path}.sig"))?;
        if bytes.len() != signature.len() {
            return Err(LabError::Signature(format!("{path}.sig").into()));
        }
        signature.copy_from_slice(&bytes);
        let body = public(&format!("{path}.json"))?;
        Ok(Some(IntelDocument { body, signature, issuer_chain: issuer_chain.clone() }))
    };
    let collateral = IntelCollateral {
        tdx_tcb_info: document(TDX_TCB_INFO)?,
        sgx_tcb_info: document(SGX_TCB_INFO)?,
        td_qe_identity: document(TD_QE_IDENTITY)?,
        qe_identity: document(QE_IDENTITY)?,
        root_list: Some(public(ROOT_LIST)?),
        platform_list: Some(public(PLATFORM_LIST)?),
        processor_list: Some(public(PROCESSOR_LIST)?),
        platform_chain: pem_chain([&vendor.platform_ca, &vendor.root]),
        processor_chain: pem_chain([&vendor.processor_ca, &vendor.root]),
    };
    Ok((vendor, collateral))
}
