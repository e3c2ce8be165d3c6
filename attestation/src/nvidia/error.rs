//! What can be wrong with the proof that comes with a device's well-formed report. The rules are in
//! `docs/nvidia-rules.md`: NVIDIA numbers none.

use crate::crypto::{FormError, SignatureError};
use hanzo_attestation_evidence::nvidia::FormatError;
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Rule, UnixTime};
use std::fmt;

/// A certificate's place in a device's chain, or in a manifest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Index 0: the key that signs reports, certified by the device.
    Leaf,
    /// Index 1: the device's own authority.
    Device,
    /// Index 2: the provisioner's authority.
    Provisioner,
    /// Index 3: the product's authority.
    Product,
    /// Index 4: the pinned root.
    Root,
    /// Index 0 of a manifest's chain: its signer.
    RimSigner,
    /// Index 1: the level 3 authority.
    RimAuthority,
    /// Index 2: the authority over a family of devices.
    RimFamily,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf certificate",
            Self::Device => "device's own certificate",
            Self::Provisioner => "provisioner's certificate",
            Self::Product => "product's certificate",
            Self::Root => "root certificate",
            Self::RimSigner => "manifest signer's certificate",
            Self::RimAuthority => "certificate of the manifest's level 3 authority",
            Self::RimFamily => "certificate of the manifest's family",
        })
    }
}

/// A device whose proof does not hold: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NvidiaError {
    /// COL-06, COL-21, COL-22: a certificate that cannot be read.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// COL-05, COL-20, COL-21: a signature or a key that is wrong in itself.
    #[error("{of}: {error}")]
    Signature {
        /// Whose signature.
        of: &'static str,
        /// What is wrong.
        error: FormError,
    },
    /// NV-16, NV-22, NV-23: an extension of the leaf, or an OCSP response, that cannot be read.
    #[error(transparent)]
    Extension(#[from] FormatError),
    /// NV-10: not leaf, device, provisioner and product below the root.
    #[error("{below_root} certificates below the root; a device has 4")]
    ChainLength {
        /// Certificates without a self-signed last one.
        below_root: usize,
    },
    /// NV-12: another algorithm, curve or role than the place has.
    #[error("the {place}: {problem}")]
    Profile {
        /// Which certificate.
        place: Place,
        /// What is wrong.
        problem: &'static str,
    },
    /// NV-13: a certificate that does not name the next one.
    #[error("the {place} is not issued by the one after it: {problem}")]
    Name {
        /// Which certificate.
        place: Place,
        /// What differs.
        problem: &'static str,
    },
    /// NV-14: a certificate outside its validity.
    #[error("the {place} is valid from {not_before} to {not_after}, not at {now}")]
    NotInValidity {
        /// Which certificate.
        place: Place,
        /// The instant of verification.
        now: UnixTime,
        /// First valid instant.
        not_before: UnixTime,
        /// Last valid instant.
        not_after: UnixTime,
    },
    /// NV-15: no signature by the next certificate's key.
    #[error("the {0} is not signed by the one after it")]
    ChainSignature(Place),
    /// NV-17: the firmware that reports is another one than the certificate is for.
    #[error("firmware id: {0}")]
    Fwid(&'static str),
    /// NV-18: the report and the certificates are of different chips.
    #[error("the chip: {0}")]
    Chip(String),
    /// NV-19: the device's authority has a serial number without a PDI, or another than the switch states.
    #[error("the PDI: {0}")]
    Pdi(&'static str),
    /// NV-20: the leaf's key did not sign the report.
    #[error("the report is not signed by the leaf certificate's key")]
    ReportSignature,
    /// NV-21: no verified answer says that this certificate is not revoked.
    #[error("nothing at hand says whether the {0} is revoked")]
    RevocationUnchecked(Place),
    /// NV-24: signed by somebody who must not answer for this certificate.
    #[error("the OCSP response about the {place}: {problem}")]
    Responder {
        /// About which certificate.
        place: Place,
        /// What is wrong.
        problem: &'static str,
    },
    /// NV-25: no signature by the responder.
    #[error("the OCSP response about the {0} is not signed by its responder")]
    OcspSignature(Place),
    /// NV-26: an answer outside its dates.
    #[error("the OCSP response about the {place} counts from {this_update} to {next_update}, not at {now}")]
    OcspNotCurrent {
        /// About which certificate.
        place: Place,
        /// The instant of verification.
        now: UnixTime,
        /// thisUpdate.
        this_update: UnixTime,
        /// nextUpdate, or an hour after thisUpdate.
        next_update: UnixTime,
    },
    /// NV-27: the vendor revoked it. One on hold is revoked.
    #[error("the {place} {serial} is revoked since {since}")]
    Revoked {
        /// Which certificate.
        place: Place,
        /// Its serial number, hex.
        serial: String,
        /// When.
        since: UnixTime,
    },
    /// NV-28: the vendor does not know it.
    #[error("the {0} is unknown to its responder")]
    CertificateUnknown(Place),
    /// NV-32: a list in the issuer's name that its key did not sign, or must not.
    #[error("the revocation list about the {0} is not signed by its issuer, or its issuer must not sign any")]
    CrlSignature(Place),
    /// NV-33: a list outside its dates.
    #[error("the revocation list about the {place} counts from {this_update} to {next_update}, not at {now}")]
    CrlNotCurrent {
        /// About which certificate.
        place: Place,
        /// The instant of verification.
        now: UnixTime,
        /// thisUpdate.
        this_update: UnixTime,
        /// nextUpdate.
        next_update: UnixTime,
    },
    /// NV-34: its issuer's list names it.
    #[error("the {place} {serial} is on its issuer's revocation list")]
    Listed {
        /// Which certificate.
        place: Place,
        /// Its serial number, hex.
        serial: String,
    },
    /// NV-30: the report answers another challenge.
    #[error("the report's nonce is not the expected one")]
    Nonce,
    /// NV-31: the binding covers other devices, or in another order.
    #[error("the devices are not those that the binding covers, in its order")]
    NotCovered,
}

impl NvidiaError {
    /// Names the rule under which something had to be signed.
    pub(super) fn signature(of: &'static str, error: SignatureError, mismatch: Self) -> Self {
        match error {
            SignatureError::Mismatch => mismatch,
            SignatureError::Form(error) => Self::Signature { of, error },
        }
    }
}

impl Broken for NvidiaError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Certificate(error) => return error.rule(),
            Self::Signature { error, .. } => return error.rule(),
            Self::Extension(error) => return error.rule(),
            Self::ChainLength { .. } => ("NV-10", "ChainLength"),
            Self::Profile { .. } => ("NV-12", "ChainProfile"),
            Self::Name { .. } => ("NV-13", "ChainOrder"),
            Self::NotInValidity { .. } => ("NV-14", "ChainNotInValidity"),
            Self::ChainSignature(_) => ("NV-15", "ChainSignature"),
            Self::Fwid(_) => ("NV-17", "FwidMismatch"),
            Self::Chip(_) => ("NV-18", "ChipMismatch"),
            Self::Pdi(_) => ("NV-19", "PdiMismatch"),
            Self::ReportSignature => ("NV-20", "ReportSignature"),
            Self::RevocationUnchecked(_) => ("NV-21", "RevocationUnchecked"),
            Self::Responder { .. } => ("NV-24", "OcspResponder"),
            Self::OcspSignature(_) => ("NV-25", "OcspSignature"),
            Self::OcspNotCurrent { .. } => ("NV-26", "OcspNotCurrent"),
            Self::Revoked { .. } => ("NV-27", "CertificateRevoked"),
            Self::CertificateUnknown(_) => ("NV-28", "CertificateUnknown"),
            Self::CrlSignature(_) => ("NV-32", "NvidiaCrlSignature"),
            Self::CrlNotCurrent { .. } => ("NV-33", "NvidiaCrlNotCurrent"),
            Self::Listed { .. } => ("NV-34", "NvidiaCertificateListed"),
            Self::Nonce => ("NV-30", "Nonce"),
            Self::NotCovered => ("NV-31", "DevicesNotCovered"),
        };
        Rule::new(id, code)
    }
}

/// The same, of one device of an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device {device}: {error}")]
pub struct DeviceError {
    /// Position in the item, from 0.
    pub device: usize,
    /// What is wrong.
    pub error: NvidiaError,
}

impl Broken for DeviceError {
    fn rule(&self) -> Rule {
        self.error.rule()
    }
}
