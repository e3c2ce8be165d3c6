//! `[gpu]`: whether evidence of the NVIDIA GPUs is collected.

use super::raw::Raw;
use super::{ConfigError, ConfigProblem};
use hanzo_node_attester::nvidia::Wanted;
use serde::Deserialize;
use std::path::Path;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGpu {
    evidence: Option<String>,
}

impl RawGpu {
    pub(super) const SETTING: &str = "gpu";

    /// What the flag says wins.
    pub(super) fn lay_over(&mut self, flag: Option<&String>) {
        self.evidence = flag.cloned().or(self.evidence.take());
    }

    pub(super) fn check(&self) -> Result<Wanted, String> {
        match self.evidence.as_deref() {
            None | Some("auto") => Ok(Wanted::IfConfidential),
            Some("off") => Ok(Wanted::Off),
            Some("required") => Ok(Wanted::Required),
            Some(other) => Err(format!("evidence `{other}` is none of `auto`, `off`, `required`")),
        }
    }
}

/// What the configuration file and the flag say, and nothing else of the file is checked.
///
/// # Errors
/// [`ConfigError`].
pub(crate) fn wanted(config: Option<&Path>, flag: Option<&String>) -> Result<Wanted, ConfigError> {
    let mut raw = config.map(Raw::read).transpose()?.unwrap_or_default().gpu;
    raw.lay_over(flag);
    raw.check()
        .map_err(|message| ConfigError::Problems(vec![ConfigProblem { setting: RawGpu::SETTING, message }]))
}
