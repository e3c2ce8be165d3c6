//! AMD's roots. Where each file comes from is in `amd/README.md`.

use aws_lc_rs::digest;
use hanzo_attestation_evidence::snp::{Product, Vek};
use std::borrow::Cow;

/// One root in the place of an AMD ARK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmdRoot {
    product: Product,
    ark: Cow<'static, [u8]>,
    sha256: [u8; 32],
    lab: bool,
}

/// A root of a lab or a private vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraAmdRoot {
    /// The product whose chains it ends.
    pub product: Product,
    /// The root certificate, DER.
    pub ark_der: Vec<u8>,
}

struct Builtin {
    product: Product,
    ark: &'static [u8],
    sha256: [u8; 32],
    ask: &'static [u8],
}

const BUILTIN: [Builtin; 3] = [
    Builtin {
        product: Product::Milan,
        ark: include_bytes!("amd/milan/ark.der"),
        sha256: digest_of(
            0x69d0_63b4_5344_d26a_2e94_e1f4_210d_e49e,
            0xf555_3082_87d4_c174_445c_9563_9a54_0bcd,
        ),
        ask: include_bytes!("amd/milan/ask.der"),
    },
    Builtin {
        product: Product::Genoa,
        ark: include_bytes!("amd/genoa/ark.der"),
        sha256: digest_of(
            0x4c65_98d1_9c18_719c_5dfd_4a7d_335f_674e,
            0x5bfe_1d8f_800c_ea2c_f270_c10d_103d_b2f1,
        ),
        ask: include_bytes!("amd/genoa/ask.der"),
    },
    Builtin {
        product: Product::Turin,
        ark: include_bytes!("amd/turin/ark.der"),
        sha256: digest_of(
            0x1f08_4161_a44b_b6d9_3778_a904_877d_4819,
            0xcafa_5d05_ef41_93b2_ded9_dd9c_73dd_3f6a,
        ),
        ask: include_bytes!("amd/turin/ask.der"),
    },
];

/// A SHA-256 digest from its two halves.
const fn digest_of(high: u128, low: u128) -> [u8; 32] {
    let (high, low) = (high.to_be_bytes(), low.to_be_bytes());
    let mut digest = [0; 32];
    let (front, back) = digest.split_at_mut(16);
    front.copy_from_slice(&high);
    back.copy_from_slice(&low);
    digest
}

/// The vendor's roots. One whose certificate is not the pinned one would be the root of nothing.
pub(super) fn vendor() -> Vec<AmdRoot> {
    BUILTIN
        .iter()
        .map(|builtin| AmdRoot {
            product: builtin.product,
            ark: Cow::Borrowed(builtin.ark),
            sha256: builtin.sha256,
            lab: false,
        })
        .filter(|root| sha256(&root.ark) == root.sha256)
        .collect()
}

impl AmdRoot {
    pub(super) fn extra(extra: ExtraAmdRoot) -> Self {
        let sha256 = sha256(&extra.ark_der);
        Self { product: extra.product, ark: Cow::Owned(extra.ark_der), sha256, lab: true }
    }

    /// The product whose chains it ends.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The certificate, DER.
    #[must_use]
    pub fn ark(&self) -> &[u8] {
        &self.ark
    }

    /// SHA-256 of the certificate: the pin.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Whether it is not AMD's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}

/// The intermediate that this build carries for a product and a kind of key, DER. No package publishes an
/// ASVK: it has to come with a VLEK, as providers send it.
pub(crate) fn builtin_intermediate(product: Product, vek: Vek) -> Option<&'static [u8]> {
    let builtin = BUILTIN.iter().find(|builtin| builtin.product == product)?;
    match vek {
        Vek::Vcek => Some(builtin.ask),
        Vek::Vlek => None,
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    array
}
