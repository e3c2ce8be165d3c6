//! A lab on disk. `lab.json` and the certificates are public; `private/` holds the keys.
//!
//! ```text
//! lab.json                          which roots and lists there are: what a verifier reads
//! amd/PRODUCT/{ark,ask,asvk}.der    certificates
//! amd/PRODUCT/{vcek,vlek}.crl       revocation lists
//! intel/{root,platform-ca,processor-ca}.der
//! private/validity.json             dates of everything that is issued
//! private/*.pk8                     keys, PKCS#8, mode 0600
//! ```

use crate::amd::{AmdKeys, AmdVendor};
use crate::intel::{IntelKeys, IntelVendor};
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

/// Largest file of a lab directory in bytes: an RSA-4096 key in PKCS#8 has under 2.5 KiB, a certificate under 2 KiB,
/// and a revocation list of the lab names at most two serial numbers.
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
        let Vendors { validity, amd, intel } = &*self.vendors;
        let file = |path: &str, bytes: &[u8], mode: u32| write_file(&directory.join(path), bytes, mode);
        let public = |path: &str, bytes: &[u8]| file(path, bytes, 0o644);
        let private = |path: &str, bytes: &[u8]| file(&format!("private/{path}"), bytes, 0o600);
        for vendor in amd {
            let name = vendor.product.name();
            public(&format!("amd/{name}/ark.der"), &vendor.ark)?;
            public(&format!("amd/{name}/ask.der"), &vendor.ask)?;
            public(&format!("amd/{name}/asvk.der"), &vendor.asvk)?;
            let [vcek, vlek] = &vendor.lists;
            public(&format!("amd/{name}/vcek.crl"), vcek)?;
            public(&format!("amd/{name}/vlek.crl"), vlek)?;
            private(&format!("amd-{name}-ark.pk8"), vendor.keys.ark.pkcs8())?;
            private(&format!("amd-{name}-ask.pk8"), vendor.keys.ask.pkcs8())?;
            private(&format!("amd-{name}-asvk.pk8"), vendor.keys.asvk.pkcs8())?;
            private(&format!("amd-{name}-vek.pk8"), vendor.keys.vek.pkcs8())?;
        }
        public("intel/root.der", &intel.root)?;
        public("intel/platform-ca.der", &intel.platform_ca)?;
        public("intel/processor-ca.der", &intel.processor_ca)?;
        private("intel-root.pk8", intel.keys.root.pkcs8())?;
        private("intel-platform-ca.pk8", intel.keys.platform_ca.pkcs8())?;
        private("intel-processor-ca.pk8", intel.keys.processor_ca.pkcs8())?;
        private("intel-pck.pk8", intel.keys.pck.pkcs8())?;
        private("intel-attestation.pk8", intel.keys.attestation.pkcs8())?;
        private("validity.json", pretty(&json!(validity)).as_bytes())?;
        // Last, so that a directory with this file is complete.
        public("lab.json", pretty(&index()).as_bytes())
    }
}

/// What `lab.json` says: the roots, and the lists issued under each.
fn index() -> Value {
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
    json!({"amd": amd, "intel": [{"root": "intel/root.der"}]})
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
    let public = |kind: &str| Ok::<_, LabError>(file(&format!("intel/{kind}.der"))?.to_vec());
    let ec = |kind: &str| EcKey::from_pkcs8(Curve::P256, file(&format!("private/intel-{kind}.pk8"))?);
    let intel = IntelVendor {
        validity,
        keys: IntelKeys {
            root: ec("root")?,
            platform_ca: ec("platform-ca")?,
            processor_ca: ec("processor-ca")?,
            pck: ec("pck")?,
            attestation: ec("attestation")?,
        },
        root: public("root")?,
        platform_ca: public("platform-ca")?,
        processor_ca: public("processor-ca")?,
    };
    let amd = [vendor(milan)?, vendor(genoa)?, vendor(turin)?];
    Ok(Lab { vendors: Arc::new(Vendors { validity, amd, intel }) })
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
