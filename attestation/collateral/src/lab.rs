//! A lab directory: roots and collateral of lab vendors, named by its `lab.json`.
//!
//! ```json
//! {"amd":[{"product":"milan","ark":"amd/milan/ark.der","crls":["amd/milan/vcek.crl"]}],
//!  "intel":[{"root":"intel/root.der","crls":["intel/root.crl","intel/platform-ca.crl"],
//!            "tcb_infos":[{"body":"intel/tdx-tcb-info.json","signature":"intel/tdx-tcb-info.sig"}],
//!            "qe_identities":[{"body":"intel/td-qe-identity.json","signature":"intel/td-qe-identity.sig"}],
//!            "tcb_signing_chain":"intel/tcb-signing-chain.pem"}],
//!  "tpm":{"authorities":["tpm/authority.der"],"manufacturers":["tpm/manufacturer.der"]},
//!  "nvidia":{"roots":["nvidia/root.der"]},
//!  "nvidia_rim":{"roots":["nvidia/rim-root.der"],"manifests":["nvidia/rim/gh100-driver.xml"]}}
//! ```
//!
//! Of Intel only the root is required: what is absent is missing when a quote needs it.
//!
//! Private keys are no business of a verifier: nothing below `private/` is ever read.

use crate::{AmdCrlError, FileError, file, read_amd_crl};
use hanzo_attestation::roots::{ExtraAmdRoot, ExtraRoots};
use hanzo_attestation::{Collateral, IntelDocument};
use hanzo_attestation_evidence::json::{self, JsonError};
use hanzo_attestation_evidence::nvidia::rim::MAX_RIM;
use hanzo_attestation_evidence::snp::Product;
use hanzo_attestation_evidence::x509::{Certificate, MAX_CERTIFICATE, PublicKey, X509Error};
use serde::Deserialize;
use std::path::{Component, Path, PathBuf};

/// Largest `lab.json` in bytes: one of all vendors has under 2 KiB.
const MAX_INDEX: usize = 64 << 10;
/// Most roots of each vendor: one for each product, and room for a second generation.
const MAX_ROOTS: usize = 8;
/// Most revocation lists under one AMD root: one for each kind of key, and room for a successor of each.
const MAX_LISTS: usize = 4;
/// Most documents of one kind under one Intel root: one for SGX and one for TDX, and room for a successor of
/// each.
const MAX_DOCUMENTS: usize = 4;
/// Most manifests: driver, VBIOS and switch BIOS of three generations, and room for a successor of each.
const MAX_MANIFESTS: usize = 32;
/// Largest signed document in bytes (rule book B.0).
const MAX_DOCUMENT: usize = 1 << 20;
/// Length of a signature in bytes: R and S of P-256.
const SIGNATURE: usize = 64;
/// Largest chain in bytes: a signer and a root, in PEM a third larger than in DER.
const MAX_CHAIN: usize = 4 * MAX_CERTIFICATE;

/// A lab directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabDirError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `lab.json` is not what the module documentation shows.
    #[error("`{}` is malformed: {source}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: JsonError,
    },
    /// `lab.json` names no root at all.
    #[error("`{}` names no root", path.display())]
    NoRoot {
        /// The file.
        path: PathBuf,
    },
    /// `lab.json` names more files than any lab has.
    #[error("`{}` names more than {limit} {what}", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A name in `lab.json` leads out of the directory.
    #[error("`{name}` in `lab.json` is not a path inside the lab directory")]
    Outside {
        /// The name.
        name: String,
    },
    /// A root is not a DER certificate with a key of the vendor's kind.
    #[error("`{}` is not a {vendor} root certificate: {message}", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// Whose root it should be.
        vendor: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A signature is not one of 64 bytes.
    #[error("`{}` is not a signature of 64 bytes", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
    },
    /// An Intel root has documents and no chain of their signer.
    #[error("`{}` names documents and no `tcb_signing_chain`", path.display())]
    NoSigner {
        /// The file.
        path: PathBuf,
    },
    /// A revocation list cannot be used.
    #[error(transparent)]
    Crl(#[from] AmdCrlError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    #[serde(default)]
    amd: Vec<AmdEntry>,
    #[serde(default)]
    intel: Vec<IntelEntry>,
    #[serde(default)]
    tpm: TpmEntry,
    #[serde(default)]
    nvidia: DeviceEntry,
    #[serde(default)]
    nvidia_rim: RimEntry,
}

/// Authorities over the attestation keys of TPMs, and manufacturers, who certify endorsement keys.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TpmEntry {
    #[serde(default)]
    authorities: Vec<String>,
    #[serde(default)]
    manufacturers: Vec<String>,
}

/// Roots of GPUs and switches.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceEntry {
    #[serde(default)]
    roots: Vec<String>,
}

/// Roots of reference integrity manifests, and manifests.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RimEntry {
    #[serde(default)]
    roots: Vec<String>,
    #[serde(default)]
    manifests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AmdEntry {
    product: AmdProduct,
    ark: String,
    crls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntelEntry {
    root: String,
    #[serde(default)]
    crls: Vec<String>,
    #[serde(default)]
    tcb_infos: Vec<DocumentEntry>,
    #[serde(default)]
    qe_identities: Vec<DocumentEntry>,
    tcb_signing_chain: Option<String>,
}

/// A document of Intel's TCB signer, byte for byte, and its signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentEntry {
    body: String,
    signature: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AmdProduct {
    Milan,
    Genoa,
    Turin,
}

impl From<AmdProduct> for Product {
    fn from(product: AmdProduct) -> Self {
        match product {
            AmdProduct::Milan => Self::Milan,
            AmdProduct::Genoa => Self::Genoa,
            AmdProduct::Turin => Self::Turin,
        }
    }
}

/// Reads a lab directory: its roots, for `Roots::with_extra`, and its collateral.
///
/// # Errors
/// [`LabDirError`] naming the file, for the first thing that is wrong.
pub fn read_lab(directory: &Path) -> Result<(ExtraRoots, Collateral), LabDirError> {
    let path = directory.join("lab.json");
    let index: Index = json::from_slice(&file::read(&path, MAX_INDEX)?)
        .map_err(|source| LabDirError::Index { path: path.clone(), source })?;
    let bound = |count: usize, limit: usize, what| {
        if count > limit { Err(LabDirError::TooMany { path: path.clone(), what, limit }) } else { Ok(()) }
    };
    bound(index.amd.len(), MAX_ROOTS, "AMD roots")?;
    bound(index.intel.len(), MAX_ROOTS, "Intel roots")?;
    bound(index.tpm.authorities.len(), MAX_ROOTS, "authorities over TPM keys")?;
    bound(index.tpm.manufacturers.len(), MAX_ROOTS, "TPM manufacturers")?;
    let none = index.amd.is_empty()
        && index.intel.is_empty()
        && index.tpm.authorities.is_empty()
        && index.nvidia.roots.is_empty()
        && index.nvidia_rim.roots.is_empty();
    if none {
        return Err(LabDirError::NoRoot { path });
    }
    bound(index.nvidia.roots.len(), MAX_ROOTS, "roots of GPUs")?;
    bound(index.nvidia_rim.roots.len(), MAX_ROOTS, "roots of manifests")?;
    bound(index.nvidia_rim.manifests.len(), MAX_MANIFESTS, "manifests")?;
    let mut roots = ExtraRoots::default();
    let mut collateral = Collateral::default();
    let is_p384 = |key: PublicKey<'_>| matches!(key, PublicKey::P384(_));
    for name in &index.nvidia.roots {
        roots.nvidia.push(root(&inside(directory, name)?, "GPU", is_p384)?);
    }
    for name in &index.nvidia_rim.roots {
        roots.nvidia_rim.push(root(&inside(directory, name)?, "manifest", is_p384)?);
    }
    for name in &index.nvidia_rim.manifests {
        collateral = collateral.with_nvidia_rim(&file::read(&inside(directory, name)?, MAX_RIM)?);
    }
    for entry in index.amd {
        bound(entry.crls.len(), MAX_LISTS, "revocation lists under one root")?;
        let ark_der =
            root(&inside(directory, &entry.ark)?, "AMD", |key| matches!(key, PublicKey::Rsa { .. }))?;
        roots.amd.push(ExtraAmdRoot { product: entry.product.into(), ark_der });
        for name in &entry.crls {
            collateral = collateral.with_amd_crl(read_amd_crl(&inside(directory, name)?)?);
        }
    }
    for (names, found) in
        [(&index.tpm.authorities, &mut roots.tpm), (&index.tpm.manufacturers, &mut roots.tpm_manufacturers)]
    {
        for name in names {
            found.push(root(&inside(directory, name)?, "TPM", |key| !matches!(key, PublicKey::Other(_)))?);
        }
    }
    for entry in index.intel {
        bound(entry.crls.len(), MAX_LISTS, "revocation lists under one root")?;
        bound(entry.tcb_infos.len(), MAX_DOCUMENTS, "TCB infos under one root")?;
        bound(entry.qe_identities.len(), MAX_DOCUMENTS, "QE identities under one root")?;
        let root_path = inside(directory, &entry.root)?;
        roots.intel.push(root(&root_path, "Intel", |key| matches!(key, PublicKey::P256(_)))?);
        collateral = intel(directory, &path, &entry, collateral)?;
    }
    Ok((roots, collateral))
}

/// Adds the collateral under an Intel root.
fn intel(
    directory: &Path,
    index: &Path,
    entry: &IntelEntry,
    mut collateral: Collateral,
) -> Result<Collateral, LabDirError> {
    for name in &entry.crls {
        // The form of a list is the same whoever issued it.
        collateral = collateral.with_intel_crl(read_amd_crl(&inside(directory, name)?)?);
    }
    let issuer_chain = match &entry.tcb_signing_chain {
        Some(name) => file::read(&inside(directory, name)?, MAX_CHAIN)?,
        None if entry.tcb_infos.is_empty() && entry.qe_identities.is_empty() => return Ok(collateral),
        None => return Err(LabDirError::NoSigner { path: index.to_owned() }),
    };
    for names in &entry.tcb_infos {
        collateral = collateral.with_intel_tcb_info(document(directory, names, &issuer_chain)?);
    }
    for names in &entry.qe_identities {
        collateral = collateral.with_intel_qe_identity(document(directory, names, &issuer_chain)?);
    }
    Ok(collateral)
}

fn document(
    directory: &Path,
    names: &DocumentEntry,
    issuer_chain: &[u8],
) -> Result<IntelDocument, LabDirError> {
    let body = file::read(&inside(directory, &names.body)?, MAX_DOCUMENT)?;
    let path = inside(directory, &names.signature)?;
    // One byte more than it may have, so that a longer file is named for what is wrong with it.
    let signature = file::read(&path, SIGNATURE + 1)?;
    let signature = signature.try_into().map_err(|_| LabDirError::Signature { path })?;
    Ok(IntelDocument { body, signature, issuer_chain: issuer_chain.to_vec() })
}

/// A root certificate whose key is of the vendor's kind. Anything else would silently be the root of nothing.
fn root(
    path: &Path,
    vendor: &'static str,
    is_of_kind: impl FnOnce(PublicKey<'_>) -> bool,
) -> Result<Vec<u8>, LabDirError> {
    let bytes = file::read(path, MAX_CERTIFICATE)?;
    let refuse = |message: String| LabDirError::Root { path: path.to_owned(), vendor, message };
    let certificate = Certificate::parse(&bytes).map_err(|error: X509Error| refuse(error.to_string()))?;
    if !is_of_kind(certificate.public_key()) {
        return Err(refuse("its key is of another kind".to_owned()));
    }
    if !certificate.is_self_issued() {
        return Err(refuse("its issuer is another".to_owned()));
    }
    Ok(bytes)
}

/// The path of a file in the directory; `..` and absolute names are refused.
fn inside(directory: &Path, name: &str) -> Result<PathBuf, LabDirError> {
    let relative = Path::new(name);
    let plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if name.is_empty() || !plain {
        return Err(LabDirError::Outside { name: name.to_owned() });
    }
    Ok(directory.join(relative))
}
