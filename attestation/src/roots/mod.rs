//! Trust roots: what every chain must end in.
//!
//! The vendors' roots are compiled in and pinned: AMD's ARKs by the SHA-256 of the certificate, Intel's
//! root by its public key. Configuration can add roots of a lab or a private vendor; whoever does so says
//! so in every answer ([`Roots::is_lab`]).

mod amd;
mod authority;
mod intel;
mod nvidia;
mod nvidia_rim;
mod tpm;

pub use self::amd::{AmdRoot, ExtraAmdRoot};
pub(crate) use self::amd::{Intermediate, builtin_certificate, builtin_intermediate, sha256};
pub(crate) use self::authority::{Authority, check_authority};
pub use self::intel::IntelRoot;
pub(crate) use self::nvidia::NvidiaAuthority;
pub use self::nvidia::NvidiaRoot;
pub use self::nvidia_rim::NvidiaRimRoot;
pub use self::tpm::{AkId, Parent, TpmCa, TpmTrust, TrustedAk};

use crate::identity::{PublicKey, RegisteredKey};
use crate::tpm::activation::ActivationKey;
use hanzo_attestation_evidence::Hex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a chain may end in, and the keys that may sign as an identity.
///
/// A copy shares all of it but the keys of activation records: a broker adds its own to every verification.
#[derive(Clone, Debug)]
pub struct Roots {
    known: Arc<Known>,
    activation: Vec<ActivationKey>,
}

/// What configuration names.
#[derive(Clone, Debug)]
struct Known {
    amd: Vec<AmdRoot>,
    amd_digest: [u8; 32],
    intel: Vec<IntelRoot>,
    nvidia: Vec<NvidiaRoot>,
    nvidia_digest: [u8; 32],
    nvidia_rim: Vec<NvidiaRimRoot>,
    keys: BTreeMap<String, PublicKey>,
    tpm: TpmTrust,
    lab: bool,
}

/// Roots beside the vendors'. A certificate that does not parse is the root of nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraRoots {
    /// Roots in the place of an AMD ARK.
    pub amd: Vec<ExtraAmdRoot>,
    /// Root certificates, DER, in the place of Intel's.
    pub intel: Vec<Vec<u8>>,
    /// Root certificates, DER, in the place of NVIDIA's root of devices.
    pub nvidia: Vec<Vec<u8>>,
    /// Root certificates, DER, in the place of those of NVIDIA's reference integrity manifests.
    pub nvidia_rim: Vec<Vec<u8>>,
    /// Authorities over attestation keys of TPMs, DER.
    pub tpm: Vec<Vec<u8>>,
    /// Manufacturers of TPMs, DER: authorities over endorsement keys.
    pub tpm_manufacturers: Vec<Vec<u8>>,
}

impl Roots {
    /// AMD's ARKs and Intel's root, as pinned in this binary.
    #[must_use]
    pub fn vendor() -> Self {
        let (amd, nvidia) = (amd::vendor(), NvidiaRoot::vendor());
        let known = Known {
            amd_digest: amd::digest_of_all(&amd),
            amd,
            intel: vec![IntelRoot::vendor()],
            nvidia_digest: nvidia::digest_of_all(&nvidia),
            nvidia,
            nvidia_rim: NvidiaRimRoot::vendor(),
            keys: BTreeMap::new(),
            tpm: TpmTrust::default(),
            lab: false,
        };
        Self { known: Arc::new(known), activation: Vec::new() }
    }

    fn known(&mut self) -> &mut Known {
        Arc::make_mut(&mut self.known)
    }

    /// Adds roots of a lab or a private vendor. From here on everything is marked as lab.
    #[must_use]
    pub fn with_extra(mut self, extra: ExtraRoots) -> Self {
        let known = self.known();
        known.lab = true;
        known.amd.extend(extra.amd.into_iter().map(AmdRoot::extra));
        known.tpm.cas.extend(extra.tpm.into_iter().map(|der| TpmCa::new(der).as_lab()));
        known
            .tpm
            .manufacturers
            .extend(extra.tpm_manufacturers.into_iter().map(|der| TpmCa::new(der).as_lab()));
        known.amd_digest = amd::digest_of_all(&known.amd);
        known.intel.extend(extra.intel.iter().filter_map(|der| IntelRoot::extra(der)));
        known.nvidia.extend(extra.nvidia.into_iter().map(NvidiaRoot::extra));
        known.nvidia_digest = nvidia::digest_of_all(&known.nvidia);
        known.nvidia_rim.extend(extra.nvidia_rim.iter().map(|der| NvidiaRimRoot::extra(der)));
        self
    }

    /// Registers a key. A second key of the same name replaces the first.
    #[must_use]
    pub fn with_registered_key(mut self, key: RegisteredKey) -> Self {
        self.known().keys.insert(key.key_id, key.public_key);
        self
    }

    /// Trusts an attestation key of a TPM by name (TPM-11).
    #[must_use]
    pub fn with_trusted_ak(mut self, key: TrustedAk) -> Self {
        let known = self.known();
        known.lab |= key.is_lab();
        known.tpm.keys.push(key);
        self
    }

    /// Trusts an authority over attestation keys of TPMs (TPM-30).
    #[must_use]
    pub fn with_tpm_ca(mut self, ca: impl Into<TpmCa>) -> Self {
        let known = self.known();
        let ca = ca.into();
        known.lab |= ca.is_lab();
        known.tpm.cas.push(ca);
        self
    }

    /// Trusts an authority over endorsement keys: a TPM manufacturer's root (TPM-28). It is asked when a key
    /// is activated, and never about evidence.
    #[must_use]
    pub fn with_tpm_manufacturer(mut self, ca: impl Into<TpmCa>) -> Self {
        let known = self.known();
        let ca = ca.into();
        known.lab |= ca.is_lab();
        known.tpm.manufacturers.push(ca);
        self
    }

    /// Trusts an endorsement key by name, SHA-256 of its SubjectPublicKeyInfo, whoever certified it. It is
    /// asked when a key is activated, and never about evidence.
    #[must_use]
    pub fn with_trusted_ek(mut self, ek: Hex<32>) -> Self {
        self.known().tpm.eks.push(ek);
        self
    }

    /// Trusts activation records under this key (TPM-33). Several are for rotation: each verifies.
    #[must_use]
    pub fn with_activation_key(mut self, key: ActivationKey) -> Self {
        self.activation.push(key);
        self
    }

    /// What makes a TPM's attestation key trusted.
    #[must_use]
    pub fn tpm(&self) -> &TpmTrust {
        &self.known.tpm
    }

    /// Keys that make and verify activation records.
    #[must_use]
    pub(crate) fn activation_keys(&self) -> &[ActivationKey] {
        &self.activation
    }

    /// Whether any root is not the vendors'.
    #[must_use]
    pub fn is_lab(&self) -> bool {
        self.known.lab
    }

    /// Roots in the place of an AMD ARK, the vendor's first.
    #[must_use]
    pub fn amd(&self) -> &[AmdRoot] {
        &self.known.amd
    }

    /// Names this list of AMD roots: what was found under one list says nothing under another.
    pub(crate) fn amd_digest(&self) -> &[u8; 32] {
        &self.known.amd_digest
    }

    /// Roots in the place of NVIDIA's root of devices, the vendor's first.
    #[must_use]
    pub fn nvidia(&self) -> &[NvidiaRoot] {
        &self.known.nvidia
    }

    /// Names this list of NVIDIA's roots: what was found under one list says nothing under another.
    pub(crate) fn nvidia_digest(&self) -> &[u8; 32] {
        &self.known.nvidia_digest
    }

    /// Roots in the place of Intel's, the vendor's first.
    #[must_use]
    pub fn intel(&self) -> &[IntelRoot] {
        &self.known.intel
    }

    /// Roots of NVIDIA's reference integrity manifests, the vendor's first.
    #[must_use]
    pub fn nvidia_rim(&self) -> &[NvidiaRimRoot] {
        &self.known.nvidia_rim
    }

    /// The registered key of that name.
    #[must_use]
    pub fn registered_key(&self, key_id: &str) -> Option<&PublicKey> {
        self.known.keys.get(key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Budget;
    use hanzo_attestation_evidence::snp::{Product, Vek};
    use hanzo_attestation_evidence::x509::Certificate;

    fn signed(certificate: &Certificate<'_>, root: &AmdRoot) -> bool {
        let (algorithm, signature) = (certificate.signature_algorithm(), certificate.signature());
        let authority = root.authority().unwrap();
        authority.signed(&mut Budget::new(), algorithm, certificate.tbs(), signature).is_ok()
    }

    #[test]
    fn the_three_pinned_roots_are_there_and_sign_themselves() {
        let roots = Roots::vendor();
        let products: Vec<Product> = roots.amd().iter().map(AmdRoot::product).collect();
        assert_eq!(products, Product::ALL);
        for root in roots.amd() {
            let ark = Certificate::parse(root.ark()).unwrap();
            assert_eq!(ark.subject().common_name(), Some(format!("ARK-{}", root.product()).as_str()));
            assert!(signed(&ark, root));
            assert!(!root.is_lab());
        }
        assert!(!roots.is_lab());
    }

    #[test]
    fn every_built_in_intermediate_is_signed_by_its_own_root_alone() {
        let roots = Roots::vendor();
        for product in Product::ALL {
            let intermediate = &builtin_intermediate(product, Vek::Vcek).unwrap().certificate;
            for root in roots.amd() {
                assert_eq!(
                    signed(intermediate, root),
                    root.product() == product,
                    "{product} under {}",
                    root.product()
                );
            }
            assert!(builtin_intermediate(product, Vek::Vlek).is_none());
        }
    }

    #[test]
    fn extra_roots_mark_everything() {
        let extra = ExtraRoots {
            amd: vec![ExtraAmdRoot { product: Product::Milan, ark_der: vec![1, 2, 3] }],
            intel: vec![vec![4, 5, 6]],
            ..ExtraRoots::default()
        };
        let roots = Roots::vendor().with_extra(extra);
        assert!(roots.is_lab());
        assert_eq!(roots.amd().len(), 4);
        assert_eq!(roots.intel().len(), 1, "what is no certificate is no root");
        assert!(Roots::vendor().with_extra(ExtraRoots::default()).is_lab());
    }

    #[test]
    fn a_registered_key_is_found_by_its_whole_name() {
        let key = RegisteredKey { key_id: "ops/alice".to_owned(), public_key: PublicKey::Ed25519([1; 32]) };
        let roots = Roots::vendor().with_registered_key(key);
        assert!(roots.registered_key("ops/alice").is_some());
        for name in ["ops/alic", "ops/alice ", "OPS/ALICE", ""] {
            assert!(roots.registered_key(name).is_none());
        }
        assert!(!roots.is_lab(), "a registered key is no trust root");
    }
}
