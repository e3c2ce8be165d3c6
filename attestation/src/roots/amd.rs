//! AMD's roots. Where each file comes from is in `amd/README.md`.

use super::authority::Authority;
use crate::crypto::Rsa4096Key;
use aws_lc_rs::digest;
use hanzo_attestation_evidence::snp::{Product, Vek};
use hanzo_attestation_evidence::x509::Certificate;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// One root in the place of an AMD ARK.
#[derive(Clone, Debug)]
pub struct AmdRoot {
    product: Product,
    ark: Cow<'static, [u8]>,
    sha256: [u8; 32],
    lab: bool,
    authority: Option<Arc<Authority>>,
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
            authority: Authority::root(builtin.ark).map(Arc::new),
        })
        .filter(|root| sha256(&root.ark) == root.sha256)
        .collect()
}

/// SHA-256 over all that tells one list of roots from another.
pub(super) fn digest_of_all(roots: &[AmdRoot]) -> [u8; 32] {
    let named = roots.iter().flat_map(|root| {
        let product = root.product.to_string();
        [root.sha256.as_slice(), &[u8::from(root.lab)], product.as_bytes(), b"\n"].concat()
    });
    sha256(&named.collect::<Vec<u8>>())
}

impl AmdRoot {
    pub(super) fn extra(extra: ExtraAmdRoot) -> Self {
        let sha256 = sha256(&extra.ark_der);
        let authority = Authority::root(&extra.ark_der).map(Arc::new);
        Self { product: extra.product, ark: Cow::Owned(extra.ark_der), sha256, lab: true, authority }
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

    /// What it says; `None` for a certificate that is no authority of AMD's kind, and the root of nothing.
    pub(crate) fn authority(&self) -> Option<&Authority> {
        self.authority.as_deref()
    }

    /// Whether it is not AMD's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}

/// An intermediate that this build carries, read once.
#[derive(Debug)]
pub(crate) struct Intermediate {
    product: Product,
    pub(crate) certificate: Certificate<'static>,
    pub(crate) key: Rsa4096Key,
}

static INTERMEDIATES: LazyLock<Vec<Intermediate>> = LazyLock::new(|| {
    let read = |builtin: &Builtin| {
        let certificate = Certificate::parse(builtin.ask).ok()?;
        let key = Rsa4096Key::parse(certificate.public_key()).ok()?;
        Some(Intermediate { product: builtin.product, certificate, key })
    };
    BUILTIN.iter().filter_map(read).collect()
});

static ROOTS: LazyLock<Vec<Certificate<'static>>> =
    LazyLock::new(|| BUILTIN.iter().filter_map(|builtin| Certificate::parse(builtin.ark).ok()).collect());

/// The intermediate that this build carries for a product and a kind of key. No package publishes an ASVK: it
/// has to come with a VLEK, as providers send it.
pub(crate) fn builtin_intermediate(product: Product, vek: Vek) -> Option<&'static Intermediate> {
    match vek {
        Vek::Vcek => INTERMEDIATES.iter().find(|intermediate| intermediate.product == product),
        Vek::Vlek => None,
    }
}

/// The certificate of this build that has these very bytes: nearly all evidence carries AMD's authorities,
/// and what is known need not be read again. That it is one of AMD's gives it no place in a chain.
pub(crate) fn builtin_certificate(der: &[u8]) -> Option<&'static Certificate<'static>> {
    let intermediates = INTERMEDIATES.iter().map(|intermediate| &intermediate.certificate);
    intermediates.chain(ROOTS.iter()).find(|certificate| certificate.der() == der)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    array
}
