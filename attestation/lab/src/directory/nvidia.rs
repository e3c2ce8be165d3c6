//! The files of the lab's NVIDIA.

use super::{Reader, Writer};
use crate::nvidia::{NvidiaKeys, NvidiaVendor, Standard};
use crate::sign::{Curve, EcKey};
use crate::{LabError, Validity};
use serde_json::{Value, json};

/// What `lab.json` says of the lab's devices.
pub(super) fn index() -> Value {
    json!({"roots": ["nvidia/root.der"]})
}

/// What `lab.json` says of the lab's manifests.
pub(super) fn rim_index() -> Value {
    let manifests: Vec<String> =
        Standard::ALL.iter().map(|which| format!("nvidia/{}", which.file())).collect();
    json!({"roots": ["nvidia/rim-root.der"], "manifests": manifests})
}

pub(super) fn write(files: Writer<'_>, vendor: &NvidiaVendor) -> Result<(), LabError> {
    for (path, der) in vendor.certificates() {
        files.public(&format!("nvidia/{path}"), der)?;
    }
    for (which, xml) in Standard::ALL.iter().zip(&vendor.manifests) {
        files.public(&format!("nvidia/{}", which.file()), xml)?;
    }
    for (name, key) in vendor.keys.named() {
        files.private(&format!("nvidia-{name}.pk8"), key.pkcs8())?;
    }
    Ok(())
}

/// The lab's NVIDIA, if `lab.json` names one: the program's first versions made none.
pub(super) fn read(file: &Reader<'_>, validity: Validity) -> Result<Option<NvidiaVendor>, LabError> {
    let index: Value =
        serde_json::from_slice(&file("lab.json")?).map_err(|error| LabError::Index(error.to_string()))?;
    if index.get("nvidia").is_none() {
        return Ok(None);
    }
    let keys = NvidiaKeys::each(|name| {
        EcKey::from_pkcs8(Curve::P384, file(&format!("private/nvidia-{name}.pk8"))?)
    })?;
    let public = |path: &str| Ok(file(&format!("nvidia/{path}"))?.to_vec());
    NvidiaVendor::read(keys, validity, public).map(Some)
}
