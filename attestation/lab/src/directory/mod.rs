//! A lab on disk. `lab.json` and the certificates are public; `private/` holds the keys.
//!
//! ```text
//! lab.json                          which roots and lists there are: what a verifier reads
//! amd/PRODUCT/{ark,ask,asvk}.der    certificates
//! amd/PRODUCT/{vcek,vlek}.crl       revocation lists
//! intel/{root,platform-ca,processor-ca,tcb-signer}.der
//! intel/{root,platform-ca,processor-ca}.crl
//! intel/{tdx,sgx}-tcb-info.{json,sig}, intel/{td-qe,qe}-identity.{json,sig}
//!                                   what the TCB signer signed, byte for byte, and its signature, 64 bytes
//! intel/tcb-signing-chain.pem       the TCB signer and the root
//! intel/{tdx,sgx}-{platform,processor}.json
//!                                   the same once more, as the one object in which tools exchange it
//! tpm/{manufacturer,authority}.der   who certifies endorsement keys and attestation keys
//! nvidia/root.der                   the root of GPUs and switches
//! nvidia/{gh100,gb100}-product.der, nvidia/{gh100,gb100,ls10}-provisioner.der
//!                                   the authorities below it, over each family's devices
//! nvidia/rim-root.der               the root of manifests
//! nvidia/rim/*.xml                  manifests of drivers, VBIOS and switch BIOS
//! private/validity.json             dates of everything that is issued
//! private/*.pk8                     keys, PKCS#8, mode 0600
//! ```

mod intel;
mod nvidia;
mod tpm;

use crate::amd::{AmdKeys, AmdVendor};
use crate::lab::Vendors;
use crate::sign::{Curve, EcKey, RsaKey};
use crate::{Lab, LabError, SnpProduct, Validity};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Largest file of a lab directory in bytes: an RSA-4096 key in PKCS#8 has under 2.5 KiB, a certificate under
/// 2 KiB, a revocation list of the lab names at most two serial numbers, and a manifest has under 20 KiB.
const MAX_FILE: u64 = 64 << 10;

/// Every file of a lab directory, by its path in it: those of the fixture are compiled in.
pub(crate) type Reader<'a> = dyn Fn(&str) -> Result<Zeroizing<Vec<u8>>, LabError> + 'a;

impl Lab {
    /// Opens the lab that [`Lab::write`] wrote.
    ///
    /// # Errors
    /// [`LabError`] naming the file that is missing, too large, or no key.
    pub fn open(directory: &Path) -> Result<Self, LabError> {
        read(&|path| read_file(&directory.join(path)))
    }

    /// Writes the lab into a directory that is absent or empty: keys are never overwritten.
    ///
    /// # Errors
    /// [`LabError::NotEmpty`], or [`LabError::Write`] naming the file.
    pub fn write(&self, directory: &Path) -> Result<(), LabError> {
        if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(LabError::NotEmpty(directory.to_owned()));
        }
        let Vendors { validity, amd, intel, tpm, nvidia, intel_collateral } = &*self.vendors;
        let files = Writer(directory);
        for vendor in amd {
            write_amd(files, vendor)?;
        }
        intel::write(files, intel, intel_collateral)?;
        tpm::write(files, tpm)?;
        if let Some(vendor) = nvidia {
            nvidia::write(files, vendor)?;
        }
        files.private("validity.json", pretty(&json!(validity)).as_bytes())?;
        // Last, so that a directory with this file is complete.
        files.public("lab.json", pretty(&index(nvidia.is_some())).as_bytes())
    }
}

/// Writes the files of a new lab.
#[derive(Clone, Copy)]
struct Writer<'a>(&'a Path);

impl Writer<'_> {
    fn public(self, path: &str, bytes: &[u8]) -> Result<(), LabError> {
        write_file(&self.0.join(path), bytes, 0o644)
    }

    fn private(self, name: &str, bytes: &[u8]) -> Result<(), LabError> {
        write_file(&self.0.join("private").join(name), bytes, 0o600)
    }
}

fn write_amd(files: Writer<'_>, vendor: &AmdVendor) -> Result<(), LabError> {
    let name = vendor.product.name();
    let [vcek, vlek] = &vendor.lists;
    files.public(&format!("amd/{name}/ark.der"), &vendor.ark)?;
    files.public(&format!("amd/{name}/ask.der"), &vendor.ask)?;
    files.public(&format!("amd/{name}/asvk.der"), &vendor.asvk)?;
    files.public(&format!("amd/{name}/vcek.crl"), vcek)?;
    files.public(&format!("amd/{name}/vlek.crl"), vlek)?;
    files.private(&format!("amd-{name}-ark.pk8"), vendor.keys.ark.pkcs8())?;
    files.private(&format!("amd-{name}-ask.pk8"), vendor.keys.ask.pkcs8())?;
    files.private(&format!("amd-{name}-asvk.pk8"), vendor.keys.asvk.pkcs8())?;
    files.private(&format!("amd-{name}-vek.pk8"), vendor.keys.vek.pkcs8())
}

/// What `lab.json` says: the roots, and the collateral issued under each.
fn index(nvidia: bool) -> Value {
    let amd: Vec<Value> = SnpProduct::ALL
        .iter()
        .map(|product| {
            let name = product.name();
            json!({
                "product": name,
                "ark": format!("amd/{name}/ark.der"),
                "crls": [format!("amd/{name}/vcek.crl"), format!("amd/{name}/vlek.crl")],
            })
        })
        .collect();
    let mut index = json!({"amd": amd, "intel": [intel::index()], "tpm": tpm::index()});
    if let Some(fields) = index.as_object_mut().filter(|_| nvidia) {
        fields.insert("nvidia".to_owned(), nvidia::index());
        fields.insert("nvidia_rim".to_owned(), nvidia::rim_index());
    }
    index
}

pub(crate) fn read(file: &Reader<'_>) -> Result<Lab, LabError> {
    let validity: Validity = serde_json::from_slice(&file("private/validity.json")?)
        .map_err(|error| LabError::Validity(error.to_string()))?;
    let vendor = |product: SnpProduct| -> Result<AmdVendor, LabError> {
        let name = product.name();
        let public = |kind: &str| Ok::<_, LabError>(file(&format!("amd/{name}/{kind}"))?.to_vec());
        let rsa = |kind: &str| RsaKey::from_pkcs8(file(&format!("private/amd-{name}-{kind}.pk8"))?);
        let vek = EcKey::from_pkcs8(Curve::P384, file(&format!("private/amd-{name}-vek.pk8"))?)?;
        Ok(AmdVendor {
            product,
            validity,
            keys: AmdKeys { ark: rsa("ark")?, ask: rsa("ask")?, asvk: rsa("asvk")?, vek },
            ark: public("ark.der")?,
            ask: public("ask.der")?,
            asvk: public("asvk.der")?,
            lists: [public("vcek.crl")?, public("vlek.crl")?],
        })
    };
    let [milan, genoa, turin] = SnpProduct::ALL;
    let (intel, intel_collateral) = intel::read(file, validity)?;
    let tpm = tpm::read(file, validity)?;
    let nvidia = nvidia::read(file, validity)?;
    let amd = [vendor(milan)?, vendor(genoa)?, vendor(turin)?];
    Ok(Lab { vendors: Arc::new(Vendors { validity, amd, intel, tpm, nvidia, intel_collateral }) })
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, LabError> {
    let failed = |source| LabError::Read { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(LabError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    Ok(bytes)
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), LabError> {
    let failed = |path: PathBuf| move |source| LabError::Write { path, source };
    if let Some(parent) = path.parent() {
        let private = mode == 0o600;
        let mode = if private { 0o700 } else { 0o755 };
        fs::DirBuilder::new().recursive(true).mode(mode).create(parent).map_err(failed(parent.to_owned()))?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed(path.to_owned()))?;
    file.write_all(bytes).map_err(failed(path.to_owned()))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
