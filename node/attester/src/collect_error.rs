//! Why there is no evidence.

use crate::nvidia::GpuError;
use crate::tpm::TpmError;
use hanzo_attestation_evidence::binding::BindingError;
use hanzo_attestation_evidence::snp::certificate_table::CertTableError;

/// One reason for having collected nothing. None of them carries evidence or key bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// The kernel interface could not be opened, or an entry could not be made in it.
    #[error("{path} cannot be used: {reason}")]
    Unavailable {
        /// The interface.
        path: String,
        /// Why, in the operating system's words.
        reason: String,
    },
    /// One attribute could not be read.
    #[error("{attribute} cannot be read: {reason}")]
    Read {
        /// The attribute or file.
        attribute: String,
        /// Why.
        reason: String,
    },
    /// One attribute could not be written.
    #[error("{attribute} cannot be written: {reason}")]
    Write {
        /// The attribute or file.
        attribute: String,
        /// Why.
        reason: String,
    },
    /// An attribute has more bytes than any genuine one.
    #[error("{attribute} has more than {limit} bytes")]
    TooLarge {
        /// The attribute or file.
        attribute: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// An attribute that is a number holds something else.
    #[error("{attribute} holds no number")]
    NotANumber {
        /// The attribute.
        attribute: String,
    },
    /// Somebody else wrote to the report entry meanwhile, each time that it was tried.
    #[error(
        "the report entry was written by somebody else: generation {found} where {expected} was expected"
    )]
    GenerationRace {
        /// The generation that our own writes lead to.
        expected: u64,
        /// The generation found.
        found: u64,
    },
    /// The provider behind configfs-tsm is none that this version knows.
    #[error("the report provider `{provider}` is not supported: this version knows sev_guest and tdx_guest")]
    UnsupportedProvider {
        /// Its name.
        provider: String,
    },
    /// The report is not of the kind that its provider gives.
    #[error("the provider `{provider}` gave {found}")]
    ProviderMismatch {
        /// The provider's name.
        provider: String,
        /// What it gave instead, in words.
        found: String,
    },
    /// The report carries other report data than were asked for.
    #[error("the report does not carry the report data that were asked for")]
    ReportDataMismatch,
    /// The host's certificate table is malformed.
    #[error(transparent)]
    CertTable(#[from] CertTableError),
    /// The guest driver or the firmware refused.
    #[error("{path} refused: {reason} (firmware error {firmware:#x}, hypervisor error {hypervisor:#x})")]
    Device {
        /// The device.
        path: String,
        /// The operating system's words.
        reason: String,
        /// Low half of `exitinfo2`.
        firmware: u32,
        /// High half of `exitinfo2`; 1: the certificate buffer is too small, 2: busy.
        hypervisor: u32,
    },
    /// The firmware answered with a status that is not success (SNP ABI, MSG_REPORT_RSP).
    #[error("the firmware answered the report request with status {status:#x}")]
    FirmwareStatus {
        /// The status.
        status: u32,
    },
    /// The firmware answered with a report of another size.
    #[error("the firmware gave a report of {actual} bytes, not 1184")]
    ReportSize {
        /// The size that the answer names.
        actual: u32,
    },
    /// The lab said no.
    #[error("the lab refused: {message}")]
    LabRefused {
        /// Its words.
        message: String,
    },
    /// The lab's answer is not one line of the agreed JSON.
    #[error("the lab's answer is malformed: {reason}")]
    LabAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// The lab did not answer in time.
    #[error("the lab did not answer within {seconds} seconds")]
    LabTimeout {
        /// The bound.
        seconds: u64,
    },
    /// A source gave something else than a document with a list of items.
    #[error("the source {source_name} gave no evidence document")]
    NoDocument {
        /// The source.
        source_name: &'static str,
    },
    /// The identity key gave no signature.
    #[error("the identity key `{key_id}` gave no signature")]
    IdentitySignature {
        /// Its name.
        key_id: String,
    },
    /// The TPM gave no quote.
    #[error("the TPM gave no quote: {0}")]
    Tpm(#[from] TpmError),
    /// The GPUs gave no evidence.
    #[error("the GPUs gave no evidence: {0}")]
    Gpu(#[from] GpuError),
    /// What the CPU should sign has no canonical form.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The broker did not activate the TPM's attestation key.
    #[error("the TPM's attestation key is not activated: {reason}")]
    NotActivated {
        /// The broker's words, or why it was not asked.
        reason: String,
    },
    /// The thread that talks to the kernel or to a device ended early.
    #[error("the collecting thread ended early")]
    Interrupted,
}
