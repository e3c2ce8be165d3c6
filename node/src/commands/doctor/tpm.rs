//! The TPM: does it answer, and does it quote?

use super::checks::probe;
use super::{Check, Verdict};
use crate::commands::{ROOT, tpm as words};
use crate::config::{Config, TpmChoice};
use hanzo_attestation_evidence::Binding;
use hanzo_node_attester::tpm::TpmError;
use std::path::Path;

const CHECK: &str = "tpm";

/// Asks the TPM and quotes with it, where one is configured.
pub(super) async fn quote(config: &Config) -> Option<Check> {
    let choice = config.tpm.as_ref()?;
    let binding = match probe(config) {
        Ok(binding) => binding,
        Err(reason) => {
            return Some(Check::new(CHECK, Verdict::Fail, reason, "check the system's random source"));
        }
    };
    if let Some(why) = choice.settings.tcti.seen().missing("TPM") {
        return Some(Check::new(
            CHECK,
            Verdict::Fail,
            format!("{}: {why}", choice.settings.tcti),
            "give the machine a TPM 2.0 (or this user the right to use it), or remove [tpm]: the tier is lower",
        ));
    }
    Some(
        quotes(choice, &binding)
            .await
            .unwrap_or_else(|error| Check::new(CHECK, Verdict::Fail, error.to_string(), cure(&error))),
    )
}

async fn quotes(choice: &TpmChoice, binding: &Binding) -> Result<Check, TpmError> {
    let tpm = choice.open(Path::new(ROOT));
    let properties = tpm.properties().await?;
    let key = tpm.attestation_key().await?;
    let item = tpm.item(binding).await?;
    let activated = if item.get("activation").is_some() { ", activated by a broker" } else { "" };
    Ok(Check::ok(
        CHECK,
        format!(
            "{}; it quotes with the {} key {}{activated}",
            words::words(&properties),
            key.kind.name(),
            key.name_hex()
        ),
    ))
}

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
