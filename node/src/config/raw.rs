//! The file's shape before it is checked.

use super::gpu::RawGpu;
use super::identity::RawIdentity;
use super::tpm::{self, RawTpm};
use super::{Config, ConfigError, ConfigProblem, Kbs, MAX_FILE, SourceChoice};
use crate::args::Common;
use hanzo_attestation_evidence::Kem;
use hanzo_kbs_client::Trust;
use hanzo_kbs_protocol::messages::MAX_KEYS;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    kbs: RawKbs,
    agent: RawAgent,
    pub(super) identity: RawIdentity,
    pub(super) tpm: Option<RawTpm>,
    pub(super) gpu: RawGpu,
    source: Option<RawSource>,
    keys: Vec<String>,
    kem: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawKbs {
    addr: Option<String>,
    ca_cert: Option<PathBuf>,
    system_roots: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAgent {
    socket: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`source` is a name, or { lab_socket = PATH }")]
pub(super) enum RawSource {
    Name(String),
    Lab(RawLab),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLab {
    pub(super) lab_socket: PathBuf,
}

impl Raw {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
        let bytes = read_bounded(path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("not UTF-8".to_owned()))?;
        toml::from_str(&text).map_err(|error| {
            let reason = error.to_string().trim_end().to_owned();
            ConfigError::Syntax { path: path.to_owned(), reason }
        })
    }

    /// What a flag says wins.
    pub(super) fn lay_over(&mut self, flags: &Common, keys: &[String], socket: Option<&Path>) {
        fn over<T: Clone>(setting: &mut Option<T>, flag: Option<&T>) {
            if let Some(value) = flag {
                *setting = Some(value.clone());
            }
        }
        over(&mut self.kbs.addr, flags.kbs_addr.as_ref());
        // The last word names one of the two.
        if let Some(path) = &flags.kbs_ca_cert {
            self.kbs.ca_cert = Some(path.clone());
            self.kbs.system_roots = false;
        }
        if flags.kbs_system_roots {
            self.kbs.ca_cert = None;
            self.kbs.system_roots = true;
        }
        over(&mut self.kem, flags.kem.as_ref());
        self.identity.lay_over(&flags.identity);
        tpm::lay_over(&mut self.tpm, &flags.tpm);
        self.gpu.lay_over(flags.gpu_evidence.as_ref());
        if let Some(name) = &flags.source {
            self.source = Some(RawSource::Name(name.clone()));
        }
        if let Some(path) = &flags.lab_socket {
            self.source = Some(RawSource::Lab(RawLab { lab_socket: path.clone() }));
        }
        if !keys.is_empty() {
            self.keys = keys.to_vec();
        }
        if let Some(path) = socket {
            self.agent.socket = Some(path.to_owned());
        }
    }

    /// Checks every setting, and names all that are wrong.
    pub(super) fn check(self) -> Result<Config, ConfigError> {
        let mut problems = Vec::new();
        let kbs = noted(&mut problems, "kbs", self.kbs.check()).flatten();
        let source = match self.source {
            Some(raw) => noted(&mut problems, "source", SourceChoice::try_from(raw)),
            None => Some(SourceChoice::Auto),
        };
        let kem = match &self.kem {
            Some(name) => noted(&mut problems, "kem", kem(name)),
            None => Some(Kem::X25519HkdfSha256),
        };
        let identity = noted(&mut problems, RawIdentity::SETTING, self.identity.check()).flatten();
        let tpm = noted(&mut problems, RawTpm::SETTING, tpm::check(self.tpm)).flatten();
        let gpus = noted(&mut problems, RawGpu::SETTING, self.gpu.check());
        noted(&mut problems, "keys", check_keys(&self.keys));
        match (kem, source, gpus) {
            (Some(kem), Some(source), Some(gpus)) if problems.is_empty() => {
                let (keys, socket) = (self.keys, self.agent.socket);
                Ok(Config { kbs, source, identity, tpm, gpus, keys, socket, kem })
            }
            _ => Err(ConfigError::Problems(problems)),
        }
    }
}

impl RawKbs {
    fn check(self) -> Result<Option<Kbs>, String> {
        let Some(addr) = self.addr else {
            return match (self.ca_cert, self.system_roots) {
                (None, false) => Ok(None),
                _ => Err("somebody to trust, and no addr: no broker is named".to_owned()),
            };
        };
        let trust = match (&self.ca_cert, self.system_roots) {
            (Some(_), true) => {
                return Err("ca_cert and system_roots: one of them decides, not both".to_owned());
            }
            (Some(path), false) => Trust::Authority(
                read_bounded(path).map_err(|error| format!("ca_cert {}: {error}", path.display()))?,
            ),
            (None, true) => Trust::SystemStore,
            (None, false) => Trust::Nobody,
        };
        Kbs::new(&addr, trust).map(Some).map_err(|error| format!("addr {addr}: {error}"))
    }
}

fn noted<T>(
    problems: &mut Vec<ConfigProblem>,
    setting: &'static str,
    result: Result<T, String>,
) -> Option<T> {
    result.map_err(|message| problems.push(ConfigProblem { setting, message })).ok()
}

fn kem(name: &str) -> Result<Kem, String> {
    let all = [Kem::X25519HkdfSha256, Kem::P256HkdfSha256, Kem::XWing];
    all.into_iter().find(|kem| kem.name() == name).ok_or_else(|| {
        let names = all.map(|kem| format!("`{}`", kem.name()));
        format!("`{name}` is none of {}", names.join(", "))
    })
}

fn check_keys(keys: &[String]) -> Result<(), String> {
    if keys.len() > MAX_KEYS {
        return Err(format!("{} keys; one session holds at most {MAX_KEYS}", keys.len()));
    }
    for (index, key) in keys.iter().enumerate() {
        if key.is_empty() {
            return Err("a key without a name".to_owned());
        }
        if keys.iter().skip(index + 1).any(|other| other == key) {
            return Err(format!("`{key}` is there twice"));
        }
    }
    Ok(())
}

pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    let whole = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE);
    if whole { Ok(bytes) } else { Err(io::Error::other(format!("more than {MAX_FILE} bytes"))) }
}
