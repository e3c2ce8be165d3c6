//! The NVIDIA of a lab's directory: one root with an authority for each family of devices, and one root of
//! manifests.

use super::certificates::{self, Link};
use super::report::SWITCH_BIOS;
use super::rim::RimKeys;
use super::{LabChip, NvidiaLab, RimMinimum, RimOrder, RimVendor};
use crate::LabError;
use crate::sign::{Curve, EcKey};
use crate::x509::Validity;
use std::collections::BTreeMap;

/// Driver of the lab's GPUs.
pub(super) const DRIVER: &str = "590.44.01";
/// The driver before it, which writes the older layout of opaque data and states no security version.
pub(super) const OLDER_DRIVER: &str = "580.95.05";
/// VBIOS of the lab's Hopper, as manifests write it and as a report has it.
pub(super) const HOPPER_VBIOS: (&str, [u8; 8]) = ("96.00.D9.00.02", [0x00, 0xd9, 0x00, 0x96, 0x02, 0, 0, 0]);
/// VBIOS of the lab's Blackwell.
pub(super) const BLACKWELL_VBIOS: (&str, [u8; 8]) =
    ("97.00.88.00.0F", [0x00, 0x88, 0x00, 0x97, 0x0f, 0, 0, 0]);
/// Type of FSP_UCODE_SVN in opaque data.
const FSP_UCODE_SVN: u16 = 37;

/// Every private key, all on P-384.
#[derive(Clone)]
pub(crate) struct NvidiaKeys {
    root: EcKey,
    gh100_product: EcKey,
    gb100_product: EcKey,
    gh100: EcKey,
    gb100: EcKey,
    ls10: EcKey,
    /// Who answers about revocation, of devices and of manifests.
    responder: EcKey,
    rim_root: EcKey,
    rim_family: EcKey,
    rim_level3: EcKey,
    rim_signer: EcKey,
}

impl NvidiaKeys {
    pub(crate) fn generate() -> Result<Self, LabError> {
        Self::each(|_| EcKey::generate(Curve::P384))
    }

    /// Takes every key from `key`, by its name.
    pub(crate) fn each(
        mut key: impl FnMut(&'static str) -> Result<EcKey, LabError>,
    ) -> Result<Self, LabError> {
        Ok(Self {
            root: key("root")?,
            gh100_product: key("gh100-product")?,
            gb100_product: key("gb100-product")?,
            gh100: key("gh100-provisioner")?,
            gb100: key("gb100-provisioner")?,
            ls10: key("ls10-provisioner")?,
            responder: key("ocsp-responder")?,
            rim_root: key("rim-root")?,
            rim_family: key("rim-family")?,
            rim_level3: key("rim-level3")?,
            rim_signer: key("rim-signer")?,
        })
    }

    /// Every key, with its name.
    pub(crate) const fn named(&self) -> [(&'static str, &EcKey); 11] {
        [
            ("root", &self.root),
            ("gh100-product", &self.gh100_product),
            ("gb100-product", &self.gb100_product),
            ("gh100-provisioner", &self.gh100),
            ("gb100-provisioner", &self.gb100),
            ("ls10-provisioner", &self.ls10),
            ("ocsp-responder", &self.responder),
            ("rim-root", &self.rim_root),
            ("rim-family", &self.rim_family),
            ("rim-level3", &self.rim_level3),
            ("rim-signer", &self.rim_signer),
        ]
    }

    fn of_manifests(&self) -> Result<RimKeys, LabError> {
        Ok(RimKeys {
            root: self.rim_root.clone(),
            family: self.rim_family.clone(),
            level3: self.rim_level3.clone(),
            signer: self.rim_signer.clone(),
            responder: self.responder.clone(),
            stranger: EcKey::generate(Curve::P384)?,
        })
    }
}

/// An authority over devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    Root,
    /// That of LS10 is the GPUs' beside it.
    Product(LabChip),
    Provisioner(LabChip),
}

impl Authority {
    fn common_name(self) -> String {
        match self {
            Self::Root => "Hanzo Lab Device Identity".to_owned(),
            Self::Product(chip) => format!("Hanzo Lab {} Identity", chip.product()),
            Self::Provisioner(chip) => format!("Hanzo Lab {} Provisioner", chip.name()),
        }
    }

    /// The name of its certificate in a lab's directory.
    fn file(self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::Product(chip) => format!("{}-product", chip.folder()),
            Self::Provisioner(chip) => format!("{}-provisioner", chip.folder()),
        }
    }

    /// Issues its certificate; the root's is its own.
    fn issue(self, key: EcKey, issuer: Option<&Link>, validity: Validity) -> Result<Link, LabError> {
        let name = self.common_name();
        match issuer {
            None => certificates::root(&name, key, validity),
            Some(issuer) => certificates::authority(&name, key, issuer, validity),
        }
    }
}

/// Whoever makes GPUs and switches, and signs the manifests of what they measure.
#[derive(Clone)]
pub(crate) struct NvidiaVendor {
    pub(crate) keys: NvidiaKeys,
    gh100: NvidiaLab,
    gb100: NvidiaLab,
    ls10: NvidiaLab,
    pub(crate) rims: RimVendor,
    /// In the order of [`Standard::ALL`].
    pub(crate) manifests: Vec<Vec<u8>>,
}

impl NvidiaVendor {
    /// Issues every certificate, and the manifests of [`Standard`].
    pub(crate) fn issue(keys: NvidiaKeys, validity: Validity) -> Result<Self, LabError> {
        let rims = RimVendor::issue(keys.of_manifests()?, validity)?;
        let manifests: Result<_, _> =
            Standard::ALL.iter().map(|which| rims.manifest(&which.order())).collect();
        let issue = |authority: Authority, key: &EcKey, issuer: Option<&Link>| {
            authority.issue(key.clone(), issuer, validity)
        };
        Self::assemble(keys, validity, rims, manifests?, issue)
    }

    /// The vendor whose files `public` reads, by their path below `nvidia/`.
    pub(crate) fn read(
        keys: NvidiaKeys,
        validity: Validity,
        public: impl Fn(&str) -> Result<Vec<u8>, LabError>,
    ) -> Result<Self, LabError> {
        let rims = RimVendor::of(keys.of_manifests()?, public("rim-root.der")?, validity);
        let manifests: Result<_, _> = Standard::ALL.iter().map(|which| public(&which.file())).collect();
        let open = |authority: Authority, key: &EcKey, _: Option<&Link>| {
            let der = public(&format!("{}.der", authority.file()))?;
            Ok(Link::of(&authority.common_name(), key.clone(), der))
        };
        Self::assemble(keys, validity, rims, manifests?, open)
    }

    fn assemble(
        keys: NvidiaKeys,
        validity: Validity,
        rims: RimVendor,
        manifests: Vec<Vec<u8>>,
        link: impl Fn(Authority, &EcKey, Option<&Link>) -> Result<Link, LabError>,
    ) -> Result<Self, LabError> {
        let root = link(Authority::Root, &keys.root, None)?;
        let product = |chip, key: &EcKey| link(Authority::Product(chip), key, Some(&root));
        let hopper = product(LabChip::Gh100, &keys.gh100_product)?;
        let blackwell = product(LabChip::Gb100, &keys.gb100_product)?;
        let stranger = EcKey::generate(Curve::P384)?;
        let family = |chip, product: &Link, key: &EcKey| {
            Ok::<_, LabError>(NvidiaLab {
                root: root.clone(),
                provisioner: link(Authority::Provisioner(chip), key, Some(product))?,
                product: product.clone(),
                stranger: stranger.clone(),
                responder: keys.responder.clone(),
                validity,
            })
        };
        Ok(Self {
            gh100: family(LabChip::Gh100, &hopper, &keys.gh100)?,
            gb100: family(LabChip::Gb100, &blackwell, &keys.gb100)?,
            ls10: family(LabChip::Ls10, &hopper, &keys.ls10)?,
            rims,
            manifests,
            keys,
        })
    }

    /// Whoever makes this chip. The lab's directory has no Rubin: its manifests have another form.
    pub(super) const fn of(&self, chip: LabChip) -> &NvidiaLab {
        match chip {
            LabChip::Gh100 => &self.gh100,
            LabChip::Gb100 | LabChip::Gr100 => &self.gb100,
            LabChip::Ls10 => &self.ls10,
        }
    }

    /// DER of the root of devices.
    pub(crate) fn root(&self) -> &[u8] {
        self.gh100.root()
    }

    /// Every certificate of an authority, by its path below `nvidia/`.
    pub(crate) fn certificates(&self) -> Vec<(String, &[u8])> {
        let of = |authority: Authority, link| (format!("{}.der", authority.file()), link);
        vec![
            of(Authority::Root, self.root()),
            of(Authority::Product(LabChip::Gh100), &self.gh100.product.der),
            of(Authority::Product(LabChip::Gb100), &self.gb100.product.der),
            of(Authority::Provisioner(LabChip::Gh100), &self.gh100.provisioner.der),
            of(Authority::Provisioner(LabChip::Gb100), &self.gb100.provisioner.der),
            of(Authority::Provisioner(LabChip::Ls10), &self.ls10.provisioner.der),
            ("rim-root.der".to_owned(), self.rims.root()),
        ]
    }
}

/// A manifest of a lab's directory. Those of the driver are for the golden indices from 32 on, those of
/// firmware for the others, as no index may be in both (NVR-44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standard {
    file: &'static str,
    chip: LabChip,
    version: &'static str,
    first: u8,
    last: u8,
}

impl Standard {
    /// Every manifest of the directory.
    pub(crate) const ALL: &'static [Self] = &[
        Self::driver("gh100-driver", LabChip::Gh100, DRIVER),
        Self::driver("gh100-older-driver", LabChip::Gh100, OLDER_DRIVER),
        Self::firmware("gh100-vbios", LabChip::Gh100, HOPPER_VBIOS.0),
        Self::driver("gb100-driver", LabChip::Gb100, DRIVER),
        Self::firmware("gb100-vbios", LabChip::Gb100, BLACKWELL_VBIOS.0),
        Self { last: 30, ..Self::firmware("ls10-bios", LabChip::Ls10, SWITCH_BIOS) },
    ];

    const fn driver(file: &'static str, chip: LabChip, version: &'static str) -> Self {
        Self { file, chip, version, first: 32, last: 63 }
    }

    const fn firmware(file: &'static str, chip: LabChip, version: &'static str) -> Self {
        Self { file, chip, version, first: 0, last: 31 }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        self.file
    }

    /// Its path below `nvidia/`.
    pub(crate) fn file(self) -> String {
        format!("rim/{}.xml", self.file)
    }

    /// The lab's devices measure the number of the block, 48 times; a golden index is one less.
    pub(crate) fn order(self) -> RimOrder {
        let golden: BTreeMap<u8, _> =
            (self.first..=self.last).map(|index| (index, vec![[index.saturating_add(1); 48]])).collect();
        RimOrder {
            product: self.chip.rim(),
            version: self.version.to_owned(),
            golden,
            minimums: if self.version == DRIVER { vec![minimum()] } else { Vec::new() },
            signer_validity: None,
            defect: None,
        }
    }
}

/// What the GPUs of the newer driver state.
fn minimum() -> RimMinimum {
    RimMinimum { kind: FSP_UCODE_SVN, name: "FSP_UCODE".to_owned(), min_svn: 3, include_in_result: true }
}
