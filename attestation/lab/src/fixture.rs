//! The lab whose keys are published with its source, in `fixture/`.

use crate::{Lab, LabError};
use std::io;
use std::sync::LazyLock;
use zeroize::Zeroizing;

impl Lab {
    /// The lab with the published keys: always the same roots. For tests. Its keys
    /// are no secret, so a verifier that is configured with its roots trusts everybody.
    #[must_use]
    pub fn fixture() -> Self {
        static LAB: LazyLock<Lab> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the files are compiled in, and the tests of this crate open them"
            )]
            crate::directory::read(&embedded).expect("the published lab is complete")
        });
        LAB.clone()
    }
}

fn embedded(path: &str) -> Result<Zeroizing<Vec<u8>>, LabError> {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found
        .map(|(_, bytes)| Zeroizing::new(bytes.to_vec()))
        .ok_or_else(|| LabError::Read { path: path.into(), source: io::Error::from(io::ErrorKind::NotFound) })
}

macro_rules! files {
    ($($path:literal)+) => { &[ $( ($path, include_bytes!(concat!("../fixture/", $path))), )+ ] };
}

static FILES: &[(&str, &[u8])] = files! {
    "amd/milan/ark.der" "amd/milan/ask.der" "amd/milan/asvk.der" "amd/milan/vcek.crl" "amd/milan/vlek.crl"
    "amd/genoa/ark.der" "amd/genoa/ask.der" "amd/genoa/asvk.der" "amd/genoa/vcek.crl" "amd/genoa/vlek.crl"
    "amd/turin/ark.der" "amd/turin/ask.der" "amd/turin/asvk.der" "amd/turin/vcek.crl" "amd/turin/vlek.crl"
    "intel/root.der" "intel/platform-ca.der" "intel/processor-ca.der" "intel/tcb-signer.der"
    "intel/root.crl" "intel/platform-ca.crl" "intel/processor-ca.crl" "intel/tcb-signing-chain.pem"
    "intel/tdx-tcb-info.json" "intel/tdx-tcb-info.sig" "intel/sgx-tcb-info.json" "intel/sgx-tcb-info.sig"
    "intel/td-qe-identity.json" "intel/td-qe-identity.sig" "intel/qe-identity.json" "intel/qe-identity.sig"
    "tpm/manufacturer.der" "tpm/authority.der"
    "nvidia/root.der" "nvidia/rim-root.der" "nvidia/gh100-product.der" "nvidia/gb100-product.der"
    "nvidia/gh100-provisioner.der" "nvidia/gb100-provisioner.der" "nvidia/ls10-provisioner.der"
    "nvidia/rim/gh100-driver.xml" "nvidia/rim/gh100-older-driver.xml" "nvidia/rim/gh100-vbios.xml"
    "nvidia/rim/gb100-driver.xml" "nvidia/rim/gb100-vbios.xml" "nvidia/rim/ls10-bios.xml"
    "private/amd-milan-ark.pk8" "private/amd-milan-ask.pk8" "private/amd-milan-asvk.pk8" "private/amd-milan-vek.pk8"
    "private/amd-genoa-ark.pk8" "private/amd-genoa-ask.pk8" "private/amd-genoa-asvk.pk8" "private/amd-genoa-vek.pk8"
    "private/amd-turin-ark.pk8" "private/amd-turin-ask.pk8" "private/amd-turin-asvk.pk8" "private/amd-turin-vek.pk8"
    "private/intel-root.pk8" "private/intel-platform-ca.pk8" "private/intel-processor-ca.pk8"
    "private/intel-tcb-signing.pk8" "private/intel-pck.pk8" "private/intel-attestation.pk8"
    "private/tpm-manufacturer.pk8" "private/tpm-authority.pk8" "private/tpm-ek.pk8"
    "private/tpm-ak-rsa.pk8" "private/tpm-ak-p256.pk8" "private/tpm-ak-p384.pk8"
    "private/nvidia-root.pk8" "private/nvidia-gh100-product.pk8" "private/nvidia-gb100-product.pk8"
    "private/nvidia-gh100-provisioner.pk8" "private/nvidia-gb100-provisioner.pk8"
    "private/nvidia-ls10-provisioner.pk8" "private/nvidia-ocsp-responder.pk8" "private/nvidia-rim-root.pk8"
    "private/nvidia-rim-family.pk8" "private/nvidia-rim-level3.pk8" "private/nvidia-rim-signer.pk8"
    "private/validity.json" "lab.json"
};
