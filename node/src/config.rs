//! What the node is told: one TOML file, and flags that win over it.
//!
//! ```toml
//! keys = ["acme/model"]                     # for `agent`
//! source = "auto"                           # or "configfs-tsm", "sev-guest", { lab_socket = "PATH" }
//! kem = "X25519-HKDF-SHA256"                # or "P256-HKDF-SHA256", "X-Wing"
//!
//! [kbs]
//! addr = "https://kbs.example:8080"
//! ca_cert = "/etc/hanzo-node/kbs-ca.pem"    # or `system_roots = true`: whom this machine trusts
//!
//! [identity]                                # a registered key: tier 1, or beside the hardware's evidence
//! key_id = "ci-runner"                      # its name at the broker
//! key = { file = "/etc/hanzo-node/node.key" }  # PKCS#8, mode 0600 or 0400
//!
//! [tpm]                                     # a TPM 2.0: its quote goes with the evidence
//! tcti = "device:/dev/tpmrm0"               # the default, or "swtpm:host=127.0.0.1,port=2321"
//! state = "/var/lib/hanzo-node/tpm"         # the default; mode 0700
//! key = "ecdsa-p256"                        # or "rsa-2048"; the first that the TPM has, unless said
//! event_log = "auto"                        # the kernel's, where it is; or "off", { file = "PATH" }
//! ak_certs = ["ak.pem"]                     # of the attestation key, if an authority certified it
//! enroll = true                             # let the broker activate the attestation key by the TPM's EK
//!
//! [gpu]                                     # NVIDIA GPUs: their reports go with the evidence
//! evidence = "auto"                         # where they are confidential; or "off", or "required"
//!
//! [agent]
//! socket = "/run/hanzo-node/agent.sock"
//! ```

mod gpu;
mod identity;
mod raw;
mod tpm;

pub(crate) use gpu::wanted;
pub use identity::IdentityChoice;
pub use tpm::TpmChoice;

use crate::args::Common;
use crate::exit::Failure;
use hanzo_attestation_evidence::Kem;
use hanzo_kbs_client::{Address, Client, SetupError, Trust};
use hanzo_node_attester::nvidia::Wanted;
use hanzo_node_attester::{
    ConfigfsTsm, Identified, KeyFileError, LabSocket, SevGuestDevice, Source, WithGpus, WithTpm,
};
use raw::{Raw, RawLab, RawSource};
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest configuration file in bytes: one with a thousand keys has some 100 KiB.
const MAX_FILE: u64 = 1 << 20;

/// The node's configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker, if one is named.
    pub kbs: Option<Kbs>,
    /// Where evidence comes from.
    pub source: SourceChoice,
    /// The registered key, if one is named.
    pub identity: Option<IdentityChoice>,
    /// The TPM, if one is named.
    pub tpm: Option<TpmChoice>,
    /// Whether evidence of the NVIDIA GPUs is collected.
    pub gpus: Wanted,
    /// The keys that the agent holds.
    pub keys: Vec<String>,
    /// The agent's socket, if one is named.
    pub socket: Option<PathBuf>,
    /// The kind of recipient keys.
    pub kem: Kem,
}

/// All that one machine can give evidence of.
pub type MachineSource = WithGpus<Identified<WithTpm<Source>>>;

/// The broker.
#[derive(Clone, Debug)]
pub struct Kbs {
    /// Where it is.
    pub address: Address,
    /// Who vouches for it.
    pub trust: Trust,
}

/// Where evidence comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// The best that the machine has.
    Auto,
    /// The kernel's report interface.
    ConfigfsTsm,
    /// The SEV-SNP guest device.
    SevGuest,
    /// A lab on this socket.
    LabSocket(PathBuf),
}

/// One thing that is wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {message}")]
pub struct ConfigProblem {
    /// The setting's path, e.g. `kbs.addr`.
    pub setting: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is not TOML of the expected shape; the reason names line and column.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Settings that cannot be: all of them.
    #[error("{}", listed(.0))]
    Problems(Vec<ConfigProblem>),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::unusable(error.to_string())
    }
}

impl Config {
    /// Reads the file that the command line names, if it names one, and lays the flags over it.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem at once.
    pub fn load(flags: &Common, keys: &[String], socket: Option<&Path>) -> Result<Self, ConfigError> {
        let mut raw = match &flags.config {
            Some(path) => Raw::read(path)?,
            None => Raw::default(),
        };
        raw.lay_over(flags, keys, socket);
        raw.check()
    }

    /// A client of the broker.
    ///
    /// # Errors
    /// [`Failure`] with exit code 2: no broker is named, or its authority is not usable.
    pub fn client(&self) -> Result<Client, Failure> {
        let Kbs { address, trust } = self.kbs.as_ref().ok_or_else(|| {
            Failure::unusable("no broker is named: set kbs.addr in the configuration, --kbs-addr or KBS_ADDR")
        })?;
        Ok(Client::new(address.clone(), trust)?)
    }

    /// The evidence source of this machine, with its TPM, its identity and its GPUs where they are wanted.
    ///
    /// # Errors
    /// [`KeyFileError`]: a key that is named and cannot be used is never passed over.
    pub fn source(&self, root: &Path) -> Result<MachineSource, KeyFileError> {
        let identity = self.identity.as_ref().map(IdentityChoice::load).transpose()?;
        let tpm = self.tpm.as_ref().map(|tpm| tpm.open(root));
        let signed = Identified::new(WithTpm::new(self.hardware(root), tpm), identity);
        // The outermost: what all others sign names the GPUs' reports.
        Ok(self.with_gpus(signed, root))
    }

    /// A source with the GPUs of this machine, or of the lab, where they are wanted.
    #[must_use]
    pub fn with_gpus<S>(&self, source: S, root: &Path) -> WithGpus<S> {
        let whole = WithGpus::new(source, self.gpus, root);
        match &self.source {
            SourceChoice::LabSocket(path) => whole.with_lab(LabSocket::new(path.clone())),
            _ => whole,
        }
    }

    /// The evidence source of this machine, without TPM, identity and GPUs.
    #[must_use]
    pub fn hardware(&self, root: &Path) -> Source {
        match &self.source {
            SourceChoice::Auto => Source::auto(root),
            SourceChoice::ConfigfsTsm => Source::ConfigfsTsm(ConfigfsTsm::new(root)),
            SourceChoice::SevGuest => Source::SevGuest(SevGuestDevice::new(root)),
            SourceChoice::LabSocket(path) => Source::LabSocket(LabSocket::new(path.clone())),
        }
    }
}

impl Kbs {
    /// An `https` broker needs somebody who vouches for it; a plain loopback address has nobody.
    fn new(addr: &str, trust: Trust) -> Result<Self, SetupError> {
        let address = Address::parse(addr)?;
        if address.is_encrypted() && matches!(trust, Trust::Nobody) {
            return Err(SetupError::AuthorityMissing);
        }
        Ok(Self { address, trust })
    }
}

impl TryFrom<RawSource> for SourceChoice {
    type Error = String;

    fn try_from(raw: RawSource) -> Result<Self, String> {
        match raw {
            RawSource::Lab(RawLab { lab_socket }) if lab_socket.as_os_str().is_empty() => {
                Err("the lab's socket has no path".to_owned())
            }
            RawSource::Lab(RawLab { lab_socket }) => Ok(Self::LabSocket(lab_socket)),
            RawSource::Name(name) => match name.as_str() {
                "auto" => Ok(Self::Auto),
                "configfs-tsm" => Ok(Self::ConfigfsTsm),
                "sev-guest" => Ok(Self::SevGuest),
                _ => Err(format!(
                    "`{name}` is none of `auto`, `configfs-tsm`, `sev-guest`, {{ lab_socket = PATH }}"
                )),
            },
        }
    }
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::ConfigfsTsm => f.write_str("configfs-tsm"),
            Self::SevGuest => f.write_str("sev-guest"),
            Self::LabSocket(path) => write!(f, "lab at {}", path.display()),
        }
    }
}

fn listed(problems: &[ConfigProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
