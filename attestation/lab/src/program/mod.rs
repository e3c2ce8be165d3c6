//! The command line.

mod clock;
mod defects;
mod devices;
mod evidence;
mod init;
mod knobs;
mod ocsp;
mod order;
mod rim;
mod serve;

use clap::{Parser, Subcommand, ValueEnum};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::Lab;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

/// Lab vendors that sign evidence in the byte formats of AMD, Intel, NVIDIA, TPMs and Azure.
///
/// What they sign is accepted only by a verifier that is configured with their roots, and is marked as lab
/// everywhere.
///
/// Exit codes: 0 done, 2 wrong usage, unreadable input, or a file that cannot be written.
#[derive(Parser)]
#[command(name = "hanzo-lab", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Generates a lab with fresh keys into a directory that is absent or empty.
    Init {
        /// Where to.
        directory: PathBuf,
        /// When everything is issued, RFC 3339; now, if absent. Certificates hold from the day before for 20
        /// years, at most until the end of 2049.
        #[arg(long, value_parser = UnixTime::parse)]
        at: Option<UnixTime>,
    },
    /// Prints an evidence document.
    Evidence {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        bound: evidence::Bound,
    },
    /// Answers requests for evidence on a unix socket, until SIGTERM or SIGINT.
    ///
    /// Each line in is {"report_data":BASE64 of 64 bytes, "qualifying_data":BASE64 of 1 to 64 bytes for a TPM
    /// where it is another value, "device_nonce":BASE64 of 32 bytes}: report data asks for the item of the
    /// CPU or the TPM, a device nonce for those of GPUs, switches and interfaces. Each line out is an evidence document or
    /// {"error":TEXT}.
    Serve {
        #[command(flatten)]
        source: Source,
        /// Path of the socket; it is created with mode 0600.
        #[arg(long)]
        socket: PathBuf,
    },
    /// Prints a reference integrity manifest of NVIDIA devices (XML), like one of the lab's directory.
    Rim {
        #[command(flatten)]
        knobs: rim::RimKnobs,
    },
    /// Prints an OCSP answer (DER) about a certificate of NVIDIA devices or of their manifests: for a store of
    /// collateral, where none comes along with the devices.
    Ocsp {
        #[command(flatten)]
        knobs: ocsp::OcspKnobs,
    },
    /// Lists the defects that `--defect`, `--device-defect`, `--tee-io-defect` and `--ocsp-defect` take, each with
    /// the code that a verifier must answer.
    Defects {
        /// Form of the list; a table on a terminal, JSON otherwise.
        #[arg(long)]
        format: Option<Format>,
    },
}

/// A lab, and what to ask of it.
#[derive(clap::Args)]
struct Source {
    /// The lab's directory, as `init` wrote it.
    #[arg(long)]
    dir: PathBuf,
    #[command(flatten)]
    knobs: knobs::Knobs,
}

/// Forms of a list.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Table,
}

impl Arguments {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Init { directory, at } => init::run(&directory, at.map_or_else(clock::now, Ok)?),
            Verb::Evidence { source, bound } => {
                let lab = Lab::open(&source.dir)?;
                let document = bound.document(&lab, &source.knobs.order()?.locked(&lab)?)?;
                writeln!(std::io::stdout(), "{document}")?;
                Ok(())
            }
            Verb::Serve { source, socket } => {
                let lab = Lab::open(&source.dir)?;
                let order = source.knobs.order()?.locked(&lab)?;
                serve::run(lab, order, &socket)
            }
            Verb::Rim { knobs } => rim::run(&knobs),
            Verb::Ocsp { knobs } => ocsp::run(&knobs),
            Verb::Defects { format } => {
                let terminal = std::io::stdout().is_terminal();
                let format = format.unwrap_or(if terminal { Format::Table } else { Format::Json });
                writeln!(std::io::stdout(), "{}", defects::list(format == Format::Table))?;
                Ok(())
            }
        }
    }
}
