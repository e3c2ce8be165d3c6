//! Why a TPM gave nothing.

/// One reason. None of them carries a secret: a tool's own words are about handles and codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// A program of tpm2-tools is not installed.
    #[error("{tool} is not installed: the Debian package tpm2-tools has it")]
    ToolMissing {
        /// The program.
        tool: &'static str,
    },
    /// A program could not be started.
    #[error("{tool} cannot be started: {reason}")]
    ToolStart {
        /// The program.
        tool: &'static str,
        /// The operating system's words.
        reason: String,
    },
    /// A program said no.
    #[error("{tool} failed: {reason}")]
    ToolFailed {
        /// The program.
        tool: &'static str,
        /// Its first complaint.
        reason: String,
    },
    /// A program did not end in time.
    #[error("{tool} did not end within {seconds} seconds")]
    ToolTimeout {
        /// The program.
        tool: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// A program's answer is not what it documents.
    #[error("{tool} answered {problem}")]
    ToolAnswer {
        /// The program.
        tool: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The state directory, or a file in it, cannot be used.
    #[error("{path}: {reason}")]
    State {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Others can look into the state directory.
    #[error("{path} is open to others (mode {mode:04o}); a directory of mode 0700 is demanded")]
    StateOpen {
        /// The directory.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process held the TPM's state for too long.
    #[error("{path} was held by another process for {seconds} seconds")]
    Busy {
        /// The lock's file.
        path: String,
        /// The bound.
        seconds: u64,
    },
    /// The TPM derives another attestation key than it did: it was cleared, or it is another TPM.
    #[error(
        "the TPM gives another attestation key ({found}) than the one kept in {path} ({kept}): it was cleared \
         or exchanged; remove that file to begin anew, and let the broker know the new key"
    )]
    KeyChanged {
        /// The file that keeps the key's public area.
        path: String,
        /// Name of the key kept, in hex.
        kept: String,
        /// Name of the key found, in hex.
        found: String,
    },
    /// The TPM has no SHA-256 bank with all PCRs in it.
    #[error("the TPM has no SHA-256 bank with PCRs 0 to 23; it has {banks}")]
    NoBank {
        /// The banks that it has.
        banks: String,
    },
    /// PCRs were extended between reading and quoting, each time that it was tried.
    #[error("PCRs changed between reading and quoting, {attempts} times in a row")]
    PcrsChanged {
        /// How often it was tried.
        attempts: u32,
    },
    /// What was quoted carries other qualifying data than were asked for.
    #[error("the quote does not carry the qualifying data that were asked for")]
    QualifyingDataMismatch,
    /// The quote is malformed.
    #[error("the quote is malformed: {problem}")]
    Quote {
        /// What is wrong with it.
        problem: String,
    },
    /// A credential that no TPM could open.
    #[error("the credential is malformed: {problem}")]
    Credential {
        /// What is wrong with it.
        problem: String,
    },
    /// A log, or a certificate, that was asked for cannot be read.
    #[error("{path} cannot be read: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}
