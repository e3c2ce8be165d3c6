//! The files of the lab's TPMs.

use super::{Reader, Writer};
use crate::sign::{Curve, EcKey, RsaKey};
use crate::tpm::{TpmKeys, TpmVendor};
use crate::{LabError, Validity};
use serde_json::{Value, json};

const MANUFACTURER: &str = "tpm/manufacturer.der";
const AUTHORITY: &str = "tpm/authority.der";

/// What `lab.json` says of the lab's TPMs.
pub(super) fn index() -> Value {
    json!({"authorities": [AUTHORITY], "manufacturers": [MANUFACTURER]})
}

pub(super) fn write(files: Writer<'_>, vendor: &TpmVendor) -> Result<(), LabError> {
    files.public(MANUFACTURER, &vendor.manufacturer)?;
    files.public(AUTHORITY, &vendor.authority)?;
    let keys = &vendor.keys;
    files.private("tpm-manufacturer.pk8", keys.manufacturer.pkcs8())?;
    files.private("tpm-authority.pk8", keys.authority.pkcs8())?;
    files.private("tpm-ek.pk8", keys.ek.pkcs8())?;
    files.private("tpm-ak-rsa.pk8", keys.rsa.pkcs8())?;
    files.private("tpm-ak-p256.pk8", keys.p256.pkcs8())?;
    files.private("tpm-ak-p384.pk8", keys.p384.pkcs8())
}

pub(super) fn read(file: &Reader<'_>, validity: Validity) -> Result<TpmVendor, LabError> {
    let private = |name: &str| file(&format!("private/tpm-{name}.pk8"));
    Ok(TpmVendor {
        validity,
        keys: TpmKeys {
            manufacturer: EcKey::from_pkcs8(Curve::P256, private("manufacturer")?)?,
            authority: EcKey::from_pkcs8(Curve::P256, private("authority")?)?,
            ek: RsaKey::from_pkcs8(private("ek")?)?,
            rsa: RsaKey::from_pkcs8(private("ak-rsa")?)?,
            p256: EcKey::from_pkcs8(Curve::P256, private("ak-p256")?)?,
            p384: EcKey::from_pkcs8(Curve::P384, private("ak-p384")?)?,
        },
        manufacturer: file(MANUFACTURER)?.to_vec(),
        authority: file(AUTHORITY)?.to_vec(),
    })
}
