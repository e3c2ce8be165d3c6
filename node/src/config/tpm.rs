//! `[tpm]`: the TPM whose quotes go with the evidence.

use super::raw::{Raw, read_bounded};
use super::{ConfigError, ConfigProblem};
use crate::args::TpmArgs;
use hanzo_attestation_evidence::encoding;
use hanzo_node_attester::Tpm;
use hanzo_node_attester::tpm::{KeyKind, LogChoice, Settings, Tcti};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where the state directory is, unless said.
const STATE: &str = "/var/lib/hanzo-node/tpm";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A TPM that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmChoice {
    /// How it is used.
    pub settings: Settings,
    /// Whether the broker is asked to activate the attestation key before evidence is sent.
    pub enroll: bool,
}

impl TpmChoice {
    /// What the configuration file and the flags name, and nothing else of the file is checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(config: Option<&Path>, flags: &TpmArgs) -> Result<Option<Self>, ConfigError> {
        let mut raw = config.map(Raw::read).transpose()?.unwrap_or_default();
        lay_over(&mut raw.tpm, flags);
        check(raw.tpm).map_err(|message| {
            ConfigError::Problems(vec![ConfigProblem { setting: RawTpm::SETTING, message }])
        })
    }

    /// The TPM, of the machine whose filesystem begins at `root`.
    #[must_use]
    pub fn open(&self, root: &Path) -> Tpm {
        Tpm::new(self.settings.clone(), root)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTpm {
    tcti: Option<String>,
    state: Option<PathBuf>,
    key: Option<String>,
    event_log: Option<RawLog>,
    ak_certs: Vec<PathBuf>,
    enroll: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`event_log` is \"auto\", \"off\", or { file = PATH }")]
enum RawLog {
    Word(String),
    File(RawFile),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    file: PathBuf,
}

impl RawTpm {
    pub(super) const SETTING: &str = "tpm";
}

/// What a flag says wins; each of them asks for the TPM.
pub(super) fn lay_over(raw: &mut Option<RawTpm>, flags: &TpmArgs) {
    if flags.tpm || flags.tpm_tcti.is_some() || flags.tpm_state.is_some() {
        let raw = raw.get_or_insert_default();
        raw.tcti = flags.tpm_tcti.clone().or(raw.tcti.take());
        raw.state = flags.tpm_state.clone().or(raw.state.take());
    }
}

pub(super) fn check(raw: Option<RawTpm>) -> Result<Option<TpmChoice>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let tcti = match raw.tcti {
        Some(text) => text.parse().map_err(|error| format!("tcti `{text}` {error}"))?,
        None => Tcti::kernel(),
    };
    let state = raw.state.unwrap_or_else(|| PathBuf::from(STATE));
    if !state.is_absolute() {
        return Err(format!("state {}: must be an absolute path", state.display()));
    }
    let key = match raw.key.as_deref() {
        None => None,
        Some("ecdsa-p256") => Some(KeyKind::EcdsaP256),
        Some("rsa-2048") => Some(KeyKind::Rsa2048),
        Some(other) => return Err(format!("key `{other}` is neither `ecdsa-p256` nor `rsa-2048`")),
    };
    let event_log = match raw.event_log {
        None => LogChoice::Auto,
        Some(RawLog::File(RawFile { file })) => LogChoice::File(file),
        Some(RawLog::Word(word)) => match word.as_str() {
            "auto" => LogChoice::Auto,
            "off" => LogChoice::Off,
            _ => return Err(format!("event_log `{word}` is none of `auto`, `off`, {{ file = PATH }}")),
        },
    };
    let ak_certs = raw.ak_certs.iter().map(|path| certificate(path)).collect::<Result<_, _>>()?;
    let settings = Settings { tcti, state, key, event_log, ak_certs };
    Ok(Some(TpmChoice { settings, enroll: raw.enroll }))
}

/// One certificate in a file, DER or PEM.
fn certificate(path: &Path) -> Result<Vec<u8>, String> {
    let told = |message: &str| format!("ak_certs {}: {message}", path.display());
    let bytes = read_bounded(path).map_err(|error| told(&error.to_string()))?;
    // A DER certificate is a SEQUENCE, and no PEM text begins with its tag, the digit 0.
    if bytes.first() == Some(&0x30) {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).map_err(|_| told("neither DER nor PEM"))?;
    let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let body = body.ok_or_else(|| told("not one PEM certificate"))?;
    let base64: String = body.split_ascii_whitespace().collect();
    encoding::base64_decode(&base64).map_err(|_| told("not one PEM certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, flags: TpmArgs) -> Result<Option<TpmChoice>, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        TpmChoice::read(Some(&path), &flags)
    }

    #[test]
    fn a_section_or_a_flag_asks_for_the_tpm() {
        assert_eq!(read("", TpmArgs::default()).unwrap(), None);
        let choice = read("[tpm]\n", TpmArgs::default()).unwrap().unwrap();
        assert_eq!((choice.settings.tcti, choice.enroll), (Tcti::kernel(), false));
        assert_eq!((choice.settings.state.as_path(), choice.settings.key), (Path::new(STATE), None));
        let flag = TpmArgs { tpm: true, ..TpmArgs::default() };
        assert_eq!(read("", flag).unwrap().unwrap().settings.event_log, LogChoice::Auto);
    }

    #[test]
    fn every_setting_is_read_and_flags_win() {
        let text = "[tpm]\ntcti = \"swtpm:host=127.0.0.1,port=9\"\nstate = \"/s\"\nkey = \"rsa-2048\"\n\
                    event_log = { file = \"/log\" }\nenroll = true\n";
        let flags = TpmArgs { tpm_state: Some("/other".into()), ..TpmArgs::default() };
        let TpmChoice { settings, enroll } = read(text, flags).unwrap().unwrap();
        assert_eq!(settings.tcti.to_string(), "swtpm:host=127.0.0.1,port=9");
        assert_eq!((settings.state.as_path(), settings.key), (Path::new("/other"), Some(KeyKind::Rsa2048)));
        assert_eq!((settings.event_log, enroll), (LogChoice::File("/log".into()), true));
    }

    #[test]
    fn what_names_no_tpm_is_refused() {
        for text in [
            "tcti = \"cmd:sh\"",
            "tcti = \"device:/dev/tpm0\"",
            "state = \"relative\"",
            "key = \"rsa-1024\"",
            "event_log = \"on\"",
            "ak_certs = [\"/nonexistent\"]",
        ] {
            let refused = read(&format!("[tpm]\n{text}\n"), TpmArgs::default());
            assert!(matches!(refused, Err(ConfigError::Problems(_))), "{text}");
        }
        for text in ["endorsement_password = \"x\"", "event_log = { path = \"/x\" }"] {
            let refused = read(&format!("[tpm]\n{text}\n"), TpmArgs::default());
            assert!(matches!(refused, Err(ConfigError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn certificates_are_read_from_der_and_pem() {
        let dir = tempfile::tempdir().unwrap();
        let (der, pem) = (dir.path().join("c.der"), dir.path().join("c.pem"));
        std::fs::write(&der, [0x30, 1, 2]).unwrap();
        std::fs::write(&pem, format!("{BEGIN}\nMAEC\n{END}\n")).unwrap();
        assert_eq!(certificate(&der), certificate(&pem));
        std::fs::write(&pem, format!("{BEGIN}\nMAEC\n{END}\n{BEGIN}\nMAEC\n{END}\n")).unwrap();
        assert!(certificate(&pem).is_err(), "two certificates in one file");
    }
}
