//! Endorsement keys and their certificates (TPM-28, TPM-29).

use crate::crypto::Budget;
use crate::roots::{Roots, sha256};
use crate::tpm::chain::{CertificateError, Chain, SUBJECT_ALT_NAME, extended_key_usage};
use crate::tpm::error::TpmError;
use crate::tpm::instance::manufacturer;
use crate::tpm::trust::EK_USAGE;
use hanzo_attestation_evidence::tpm::{AttestationKey, FormatError, Parameters, Public};
use hanzo_attestation_evidence::{Hex, UnixTime};

/// An endorsement key that a configured manufacturer certified, or that is trusted by name. Only
/// [`Ek::verify`] makes one.
#[derive(Debug)]
pub struct Ek {
    public: Public,
    sha256: Hex<32>,
    manufacturer: Option<String>,
    not_after: UnixTime,
    lab: bool,
}

impl Ek {
    /// Verifies that `public` (TPMT_PUBLIC) is an endorsement key that is known at `now`: by name
    /// ([`Roots::with_trusted_ek`]), or by its certificate, the first of `certs` (DER), up to a configured
    /// manufacturer's root. `denied` are SHA-256 of SubjectPublicKeyInfo, refused whoever certified them.
    ///
    /// # Errors
    /// [`TpmError`]: TPM-08 and -10 for the public area, TPM-28 for the certificate, TPM-29 for a denied key.
    pub fn verify(
        public: &[u8],
        certs: &[Vec<u8>],
        roots: &Roots,
        denied: &[Hex<32>],
        now: UnixTime,
    ) -> Result<Self, TpmError> {
        let public = Public::parse(public)?;
        let spki = public.spki()?;
        let sha256 = Hex(sha256(&spki));
        if denied.contains(&sha256) {
            return Err(TpmError::EkRevoked);
        }
        // A weak endorsement key is refused like a weak attestation key.
        AttestationKey::from_spki(spki.clone())?;
        if !public.attributes.is_endorsement_key() {
            let error = CertificateError::Profile("the key is no storage key of its TPM");
            return Err(TpmError::EkCertificate(error));
        }
        if roots.tpm().endorsement_keys().contains(&sha256) {
            return Ok(Self { public, sha256, manufacturer: None, not_after: UnixTime::MAX, lab: false });
        }
        let chain = certified(&public, &spki, certs, roots, now).map_err(TpmError::EkCertificate)?;
        let names = chain.leaf.extension(SUBJECT_ALT_NAME);
        Ok(Self {
            manufacturer: names.and_then(|extension| manufacturer(extension.value)),
            not_after: chain.not_after(),
            lab: chain.ca.is_lab(),
            public,
            sha256,
        })
    }

    /// The public area.
    #[must_use]
    pub const fn public(&self) -> &Public {
        &self.public
    }

    /// SHA-256 of its SubjectPublicKeyInfo: how records and deny lists name it.
    #[must_use]
    pub const fn sha256(&self) -> Hex<32> {
        self.sha256
    }

    /// The manufacturer's id by the certificate, e.g. `id:494E5443`.
    #[must_use]
    pub fn manufacturer(&self) -> Option<&str> {
        self.manufacturer.as_deref()
    }

    /// Earliest end of validity in the chain: no record should last longer.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether its manufacturer is a lab.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}

/// TPM-28: the key's certificate, up to a manufacturer's root, at one instant.
fn certified<'a>(
    public: &Public,
    spki: &[u8],
    certs: &'a [Vec<u8>],
    roots: &'a Roots,
    now: UnixTime,
) -> Result<Chain<'a>, CertificateError> {
    let chain = Chain::read(certs, roots.tpm().manufacturers())?;
    if chain.leaf.spki() != spki {
        return Err(CertificateError::Profile("it is another key's"));
    }
    chain.check(now)?;
    check_usage(&chain, public)?;
    chain.verify(&mut Budget::new())?;
    Ok(chain)
}

/// TPM-28: for encryption (RSA) or key agreement (curves), and an endorsement key's purpose.
fn check_usage(chain: &Chain<'_>, public: &Public) -> Result<(), CertificateError> {
    let encrypts = chain.leaf.key_usage().is_some_and(|usage| match public.parameters {
        Parameters::Rsa { .. } => usage.key_encipherment(),
        Parameters::Ecc { .. } => usage.key_agreement(),
    });
    if !encrypts {
        return Err(CertificateError::Profile("its key usage is not encryption"));
    }
    let usages = extended_key_usage(&chain.leaf)?;
    if usages.is_some_and(|usages| usages.contains(&EK_USAGE)) {
        return Ok(());
    }
    Err(CertificateError::Profile("its extended key usage is not that of an endorsement key"))
}

/// Reads the public area (TPMT_PUBLIC) of a key that wants to be activated: a restricted signing key of its
/// TPM (TPM-08, TPM-09, TPM-10). Its [`Public::name`] goes into the credential and into the record.
///
/// # Errors
/// [`FormatError`].
pub fn ak_public(bytes: &[u8]) -> Result<Public, FormatError> {
    let public = Public::parse(bytes)?;
    AttestationKey::from_spki(public.spki()?)?;
    if public.attributes.is_attestation_key() {
        return Ok(public);
    }
    Err(FormatError::KeyAttributes(public.attributes))
}
