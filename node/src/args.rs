//! The command line. Flags mirror the configuration file and win over it.

use crate::exit::EXIT_CODES;
use crate::output::Format;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The worker of a key broker for confidential AI.
#[derive(Debug, Parser)]
#[command(name = "hanzo-node", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// How results are printed; a table on a terminal and JSON elsewhere, unless said.
    #[arg(long, global = true, value_enum)]
    pub format: Option<Format>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Say what this machine really has, and what each tier still lacks.
    #[command(after_help = EXIT_CODES)]
    Detect(DetectArgs),
    /// Attest once: what the evidence of this machine proves.
    #[command(after_help = EXIT_CODES)]
    Attest(AttestArgs),
    /// Hold a session and give its keys to workloads on a unix socket.
    #[command(after_help = EXIT_CODES)]
    Agent(AgentArgs),
    /// Read keys.
    #[command(after_help = EXIT_CODES)]
    Secret {
        /// What to do with them.
        #[command(subcommand)]
        verb: SecretVerb,
    },
    /// Make and show the key that says who this machine is: tier 1, once the broker has registered it.
    #[command(after_help = EXIT_CODES)]
    Identity {
        /// What to do with it.
        #[command(subcommand)]
        verb: IdentityVerb,
    },
    /// Look at the TPM, and let the broker activate its attestation key: tier 2 without a CPU TEE.
    #[command(after_help = EXIT_CODES)]
    Tpm {
        /// What to do with it.
        #[command(subcommand)]
        verb: TpmVerb,
    },
    /// Check configuration, broker, evidence and clock, and say how to cure what fails.
    #[command(after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Print a completion script for a shell.
    #[command(after_help = EXIT_CODES)]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Verb {
    /// Whether it runs until it is stopped.
    #[must_use]
    pub const fn is_long_running(&self) -> bool {
        matches!(self, Self::Agent(_))
    }
}

/// `secret …`.
#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// Print one key: from the agent's socket if there is one, else by authorizing once at the broker.
    #[command(after_help = EXIT_CODES)]
    Get(SecretArgs),
}

/// `identity …`.
#[derive(Debug, Subcommand)]
pub enum IdentityVerb {
    /// Write a fresh Ed25519 key to a new file (PKCS#8 PEM, mode 0600), and print its public part.
    ///
    /// The public part goes into an `identities` section of the broker's configuration, with a key_id of your
    /// choice. A file that is there already is not touched.
    #[command(after_help = EXIT_CODES)]
    Create(IdentityFile),
    /// Print the public part of a key, as the broker's `identities` section wants it.
    #[command(after_help = EXIT_CODES)]
    Show(IdentityFile),
}

/// `identity create` and `identity show`.
#[derive(Debug, Args)]
pub struct IdentityFile {
    /// The key's file.
    pub file: PathBuf,
}

/// The key that says who this machine is.
#[derive(Clone, Debug, Default, Args)]
pub struct IdentityArgs {
    /// Name under which the broker has registered this machine's key: tier 1 [config: identity.key_id]
    #[arg(long, value_name = "NAME", requires = "identity_key")]
    pub identity_key_id: Option<String>,
    /// The key: PKCS#8, PEM or DER, Ed25519 or P-256; mode 0600 or 0400 [config: identity.key]
    #[arg(long, value_name = "FILE", requires = "identity_key_id")]
    pub identity_key: Option<PathBuf>,
}

/// The TPM whose quote goes with the evidence.
#[derive(Clone, Debug, Default, Args)]
pub struct TpmArgs {
    /// Send a quote of this machine's TPM 2.0 with the evidence [config: tpm]
    #[arg(long)]
    pub tpm: bool,
    /// The way to the TPM: device:/dev/tpmrm0 or swtpm:host=127.0.0.1,port=NUMBER [config: tpm.tcti]
    #[arg(long, value_name = "TCTI")]
    pub tpm_tcti: Option<String>,
    /// Directory for what belongs to the attestation key, mode 0700 [config: tpm.state]
    #[arg(long, value_name = "DIR")]
    pub tpm_state: Option<PathBuf>,
}

/// What each verb that speaks with the broker takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "HANZO_NODE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The broker, as https://HOST:PORT; plain http:// for a literal loopback address only [config: kbs.addr]
    #[arg(long, value_name = "URL", env = "KBS_ADDR")]
    pub kbs_addr: Option<String>,
    /// Certificate authority of the broker, PEM; no other one is trusted [config: kbs.ca_cert]
    #[arg(long, value_name = "FILE", env = "KBS_CACERT")]
    pub kbs_ca_cert: Option<PathBuf>,
    /// Trust the authorities that this machine trusts, instead of a file [config: kbs.system_roots]
    #[arg(long)]
    pub kbs_system_roots: bool,
    /// Where evidence comes from: auto, configfs-tsm or sev-guest [config: source]
    #[arg(long, value_name = "NAME", conflicts_with = "lab_socket")]
    pub source: Option<String>,
    /// Take evidence from a lab on this unix socket: it proves nothing in production [config:
    /// source.lab_socket]
    #[arg(long, value_name = "PATH")]
    pub lab_socket: Option<PathBuf>,
    /// Kind of the recipient key: X25519-HKDF-SHA256, P256-HKDF-SHA256 or X-Wing [config: kem]
    #[arg(long, value_name = "NAME")]
    pub kem: Option<String>,
    /// The machine's identity.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// The machine's TPM.
    #[command(flatten)]
    pub tpm: TpmArgs,
    /// Evidence of NVIDIA GPUs: auto (where they are confidential), off or required [config: gpu.evidence]
    #[arg(long, value_name = "WHEN")]
    pub gpu_evidence: Option<String>,
}

/// `detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// Look at the machine whose filesystem begins here.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Configuration file (TOML), of which the sections `identity`, `tpm` and `gpu` are read.
    #[arg(long, value_name = "FILE", env = "HANZO_NODE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The machine's identity.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// The machine's TPM.
    #[command(flatten)]
    pub tpm: TpmArgs,
    /// Evidence of NVIDIA GPUs: auto (where they are confidential), off or required [config: gpu.evidence]
    #[arg(long, value_name = "WHEN")]
    pub gpu_evidence: Option<String>,
}

/// `tpm …`.
#[derive(Debug, Subcommand)]
pub enum TpmVerb {
    /// Print what the TPM says of itself, its attestation key, and its endorsement key.
    ///
    /// The attestation key is made if it is not there yet. Its Name or its public part goes into
    /// `[attestation.tpm]` of the broker's configuration, if the broker is to trust it by name.
    #[command(after_help = EXIT_CODES)]
    Show(TpmShowArgs),
    /// Let the broker activate the attestation key: it must know the TPM's endorsement key, or its
    /// manufacturer.
    ///
    /// The record that it gives is kept in the state directory, and goes with each quote from then on. It
    /// ends: `enroll = true` in the configuration renews it in time.
    #[command(after_help = EXIT_CODES)]
    Enroll(TpmEnrollArgs),
}

/// `tpm enroll`.
#[derive(Debug, Args)]
pub struct TpmEnrollArgs {
    /// Broker and evidence.
    #[command(flatten)]
    pub common: Common,
}

/// `tpm show`.
#[derive(Debug, Args)]
pub struct TpmShowArgs {
    /// Configuration file (TOML), of which the section `tpm` is read.
    #[arg(long, value_name = "FILE", env = "HANZO_NODE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The machine's TPM.
    #[command(flatten)]
    pub tpm: TpmArgs,
}

/// `attest`.
#[derive(Debug, Args)]
pub struct AttestArgs {
    /// Broker and evidence.
    #[command(flatten)]
    pub common: Common,
    /// Write the token to this file (mode 0600); it is printed nowhere.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Broker and evidence.
    #[command(flatten)]
    pub common: Common,
    /// A key to hold; may be given several times [config: keys]
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,
    /// The unix socket for workloads [config: agent.socket]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// `secret get`.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// The key, e.g. tenant/name.
    pub key: String,
    /// Broker and evidence, for authorizing once.
    #[command(flatten)]
    pub common: Common,
    /// The agent's socket [config: agent.socket]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Authorize once at the broker, even where an agent is configured.
    #[arg(long, conflicts_with = "socket")]
    pub once: bool,
    /// Write the key to this file (mode 0600) instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Broker and evidence.
    #[command(flatten)]
    pub common: Common,
    /// The agent's socket [config: agent.socket]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
