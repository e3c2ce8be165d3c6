//! Arguments of `kbsctl evidence`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::encoding::hex_decode;
use std::path::PathBuf;

/// Evidence of what a machine is, offline.
#[derive(Args, Debug)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub(super) verb: EvidenceVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvidenceVerb {
    /// Verify a document: signatures, chains to the pinned roots, report data, and a profile's appraisal
    ///
    /// The answer has `authentic` (it is genuine) and `acceptable` (and nothing in it is refused); the exit
    /// code says the second.
    Verify(Box<VerifyArgs>),
    /// Print every field of a document; nothing is verified
    Show(ShowArgs),
    /// Verify one reference integrity manifest of an NVIDIA device: form, XML signature, chain to the pinned
    /// roots
    ///
    /// The answer has the shape of `verify`, with one item of type `nvidia-rim`.
    Rim(RimArgs),
}

#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// The evidence document (JSON), or `-` for standard input
    pub(super) file: PathBuf,
    /// The instant at which every date is judged [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = UnixTime::parse)]
    pub(super) at: Option<UnixTime>,
    /// The expected SPDM requester nonce of NVIDIA devices, 32 bytes; of longer report data the first 32, as
    /// attesters that derive the nonce from it do
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    pub(super) nonce: Option<Nonce>,
    /// The expected report data of a CPU item, 64 bytes, or qualifying data of a TPM item
    #[arg(long, value_name = "HEX", value_parser = report_data)]
    pub(super) report_data: Option<ReportData>,
    /// Intel collateral as one JSON object: `tcb_info` and `qe_identity`, each with its `_signature` and
    /// `_issuer_chain`, `pck_crl` and `root_ca_crl`
    #[arg(long, value_name = "FILE")]
    pub(super) intel_collateral: Vec<PathBuf>,
    /// Store of collateral, as `kbsctl collateral import` and `fetch` fill it
    #[arg(long, value_name = "DIR")]
    pub(super) collateral: Option<PathBuf>,
    /// Reference integrity manifest of an NVIDIA device (XML)
    #[arg(long, value_name = "FILE")]
    pub(super) rim: Vec<PathBuf>,
    /// OCSP response about certificates of an NVIDIA device or of its manifests (DER)
    #[arg(long, value_name = "FILE")]
    pub(super) ocsp: Vec<PathBuf>,
    /// Revocation list of an authority over NVIDIA devices or manifests (DER), as `l1-root.crl`. It is
    /// enforced, and stands in for OCSP about a device's provisioner and product; never about the device
    #[arg(long, value_name = "FILE")]
    pub(super) nvidia_crl: Vec<PathBuf>,
    /// Accept manifests whose signer is on hold (OCSP certificateHold), and say so in the answer
    #[arg(long)]
    pub(super) accept_rim_hold: bool,
    /// AMD certificate revocation list (DER)
    #[arg(long, value_name = "FILE")]
    pub(super) amd_crl: Vec<PathBuf>,
    /// Attestation key of a TPM to trust (public key, PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) trust_ak: Vec<PathBuf>,
    /// Authority over attestation keys of TPMs to trust (certificates, PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub(super) ak_ca: Vec<PathBuf>,
    /// Go on where a revocation list is absent, and say why in the answer
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    pub(super) waive_revocation: Option<String>,
    /// What makes authentic evidence unacceptable
    #[arg(long, value_enum, default_value_t = Profile::Strict)]
    pub(super) profile: Profile,
    /// Accept the roots and the collateral of a lab directory, too
    #[arg(long, value_name = "DIR")]
    pub(super) lab: Option<PathBuf>,
    /// Print the input of a policy in NVIDIA's form (Rego, `data.policy.nv_match`) instead of the answer: an
    /// array with the claims of each device, in this version of NVIDIA's names. It is printed only where every
    /// item is authentic; the exit code stays that of the answer. No policy is evaluated here
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(super) nvidia_policy_input: Option<ClaimsVersion>,
}

/// Versions of NVIDIA's claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClaimsVersion {
    /// 3.0, of SDK 1.x and the remote service
    #[value(name = "3.0")]
    V3,
    /// 4.0, of SDK 2.0: with security versions
    #[value(name = "4.0")]
    V4,
}

#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// The evidence document (JSON), or `-` for standard input
    pub(super) file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct RimArgs {
    /// The manifest (XML), or `-` for standard input
    pub(super) file: PathBuf,
    /// The instant at which every date is judged [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = UnixTime::parse)]
    pub(super) at: Option<UnixTime>,
    #[command(flatten)]
    pub(super) trust: RimTrust,
    /// What makes an authentic manifest unacceptable; today nothing does in either
    #[arg(long, value_enum, default_value_t = Profile::Strict)]
    pub(super) profile: Profile,
}

/// What a manifest is judged by beside the pinned roots.
#[derive(Args, Debug)]
pub(crate) struct RimTrust {
    /// OCSP response about a certificate of the manifest's chain (DER)
    #[arg(long, value_name = "FILE")]
    pub(super) ocsp: Vec<PathBuf>,
    /// Revocation list of an authority over the manifest (DER): it is enforced, and never stands in for OCSP
    #[arg(long, value_name = "FILE")]
    pub(super) nvidia_crl: Vec<PathBuf>,
    /// Accept a manifest whose signer is on hold (OCSP certificateHold), and say so in the answer
    #[arg(long)]
    pub(super) accept_rim_hold: bool,
    /// Go on although nothing says that the chain is not revoked, and say why in the answer
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) waive_revocation: Option<String>,
    /// Accept the roots of a lab directory, too
    #[arg(long, value_name = "DIR")]
    pub(super) lab: Option<PathBuf>,
}

/// The rule book's two profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// What a broker demands by default
    Strict,
    /// What makes the published corpus of evidence valid
    Corpus,
}

/// Expected report data, at most [`MAX_REPORT_DATA`] bytes.
#[derive(Clone, Debug)]
pub(super) struct ReportData(pub(super) Vec<u8>);

/// A TPM takes as much as its longest digest with an algorithm's id: 66 bytes (TPM2B_DATA).
const MAX_REPORT_DATA: usize = 66;

/// An expected nonce of a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce(pub(super) [u8; 32]);

pub(super) fn report_data(text: &str) -> Result<ReportData, String> {
    let bytes = hex_decode(text).map_err(|error| error.to_string())?;
    match bytes.len() {
        1..=MAX_REPORT_DATA => Ok(ReportData(bytes)),
        length => {
            Err(format!("{length} bytes; report data has 64, and qualifying data 1 to {MAX_REPORT_DATA}"))
        }
    }
}

pub(super) fn nonce(text: &str) -> Result<Nonce, String> {
    let bytes = hex_decode(text).map_err(|error| error.to_string())?;
    let length = bytes.len();
    match bytes.split_first_chunk() {
        Some((nonce, _)) if length <= MAX_REPORT_DATA => Ok(Nonce(*nonce)),
        _ => Err(format!("{length} bytes; a device's nonce has 32, and report data at most 64")),
    }
}
