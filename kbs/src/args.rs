//! The command line of `hanzo-kbs`.

use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use tracing_subscriber::filter::Targets;

const EXIT_CODES: &str = "Exit codes:
  0  yes: done, or nothing wrong found
  1  a clear no: the configuration or the installation has mistakes, the broker refused
  2  wrong usage, unreadable input, or the broker cannot start
  3  the broker could not be reached (seal, unseal)";

/// The key broker: keys follow evidence.
#[derive(Debug, Parser)]
#[command(name = "hanzo-kbs", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// How results are written to standard output; a table on a terminal and JSON otherwise.
    #[arg(long, global = true, value_enum)]
    pub(crate) format: Option<Format>,
    /// What is logged to standard error, e.g. `info` or `hanzo_kbs=debug`.
    #[arg(long, global = true, env = "HANZO_KBS_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: Targets,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON value.
    Json,
    /// Lines for people.
    Table,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the broker until SIGINT or SIGTERM.
    #[command(after_help = EXIT_CODES)]
    Serve(Serve),
    /// Look at a configuration without starting anything.
    #[command(subcommand, after_help = EXIT_CODES)]
    Config(ConfigVerb),
    /// Make the unseal key, the administrator's token and the store that a configuration names. Nothing that
    /// exists is overwritten.
    #[command(after_help = EXIT_CODES)]
    Init {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Ask the running broker to open its vault with the seal that its configuration names.
    #[command(after_help = EXIT_CODES)]
    Unseal(Remote),
    /// Ask the running broker to forget its keys.
    #[command(after_help = EXIT_CODES)]
    Seal(Remote),
    /// Check an installation: configuration, files and their modes, certificate, clock, store, seal, rules.
    #[command(after_help = EXIT_CODES)]
    Doctor {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Report every mistake of a configuration, with its line.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print what the configuration trusts, and who decides together, as the one document that several people agree
    /// to. The files that it names are read; what the program itself brings is not in it.
    #[command(after_help = EXIT_CODES)]
    Trust {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the configuration in effect, defaults included. Secrets appear as the names of their files.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "dev", required_unless_present = "dev")]
    pub(crate) config: Option<PathBuf>,
    /// A throwaway broker, not for production: own certificate, own store in a temporary folder, unsealed,
    /// and a plain listener on loopback beside the TLS one.
    #[arg(long)]
    pub(crate) dev: bool,
    /// Accept evidence of this lab as well; every answer then says so.
    #[arg(long, value_name = "DIR", requires = "dev")]
    pub(crate) lab: Option<PathBuf>,
    /// Write how the broker can be reached, as JSON, once it can serve.
    #[arg(long, value_name = "FILE", requires = "dev")]
    pub(crate) dev_info: Option<PathBuf>,
    /// Address of the TLS listener; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", requires = "dev")]
    pub(crate) listen: SocketAddr,
}

/// Which broker to talk to: the one that this configuration describes.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// The configuration of the running broker; its administrator's address and token file are used.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The administrator's door, where it is not the configured listening address, e.g.
    /// `https://localhost:8081`: the host must be a name of the broker's certificate.
    #[arg(long, value_name = "URL", env = "KBS_ADDR")]
    pub(crate) addr: Option<String>,
    /// Certificate authority of the broker, PEM; without it the certificate in the configuration is trusted.
    #[arg(long, value_name = "FILE", env = "KBS_CACERT")]
    pub(crate) cacert: Option<PathBuf>,
}
