//! The TPM: does it answer, and does it quote?

use hanzo_node_attester::tpm::TpmError;

/// What helps against one failure.
pub(super) fn cure(error: &TpmError) -> &'static str {
    match error {
        TpmError::ToolMissing { .. } | TpmError::ToolStart { .. } => {
            "install the Debian package tpm2-tools (and libtss2-tcti-swtpm0 for an emulator)"
        }
        TpmError::ToolFailed { .. } => {
            "check tpm.tcti, that this user may use the device (group tss), and that the endorsement hierarchy \
             has no password"
        }
        TpmError::ToolTimeout { .. } | TpmError::Busy { .. } => {
            "find the other program that uses the TPM, and try again"
        }
        TpmError::State { .. } | TpmError::StateOpen { .. } => {
            "set tpm.state to a directory of mode 0700 that belongs to this user"
        }
        TpmError::KeyChanged { .. } => {
            "find out who cleared or exchanged the TPM before you remove the kept key and register the new one"
        }
        TpmError::NoBank { .. } => {
            "let the firmware allocate the SHA-256 bank (`tpm2_pcrallocate sha256:all`)"
        }
        TpmError::PcrsChanged { .. } => "find what extends PCRs all the time (an application PCR, or IMA)",
        TpmError::File { .. } => {
            "run as a user that may read it (root reads the kernel's log), or set tpm.event_log"
        }
        TpmError::ToolAnswer { .. }
        | TpmError::QualifyingDataMismatch
        | TpmError::Quote { .. }
        | TpmError::Credential { .. } => {
            "check that tpm2-tools is version 5; then the TPM itself is at fault"
        }
    }
}
