//! Arguments of `kbsctl collateral`.

use clap::{Args, Subcommand, ValueEnum};
use hanzo_attestation_evidence::encoding::hex_array;
use hanzo_attestation_evidence::nvidia::rim::RimId;
use hanzo_attestation_evidence::{Hex, UnixTime};
use std::path::PathBuf;

/// Vendor data for verifiers, offline.
#[derive(Args, Debug)]
pub(crate) struct CollateralArgs {
    #[command(subcommand)]
    pub(super) verb: CollateralVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum CollateralVerb {
    /// Fetch vendors' documents into a store
    ///
    /// What the store has is asked for again once two thirds of its life have passed. Each document is judged
    /// as `add` does. Nothing is fetched by any other verb, and nothing ever by a broker.
    #[command(after_help = super::fetch::EXIT_CODES)]
    Fetch(FetchArgs),
    /// Put vendors' documents from files into a store
    ///
    /// Each is judged first: signed by its vendor, in force, and not older than what the store has had. No
    /// bundle key vouches for such a store: a broker that is configured with bundle keys refuses it.
    Add(AddArgs),
    /// Import a signed bundle: it becomes all that the store has
    ///
    /// Its signatures are verified before anything in it is read; then its dates and its sequence, every
    /// digest, and every document as its vendor signs it. A bundle that is refused changes nothing.
    Import(ImportArgs),
    /// Make a signed bundle of what a store has
    Export(ExportArgs),
    /// List what a store has, and how much of each document's life is left
    ///
    /// The exit code says whether everything is in force.
    Show(ShowArgs),
    /// Keys that sign bundles
    Key(KeyArgs),
}

/// Whose documents count.
#[derive(Args, Debug)]
pub(super) struct VendorRoots {
    /// Accept documents of this lab, too
    #[arg(long, value_name = "DIR")]
    pub(super) lab: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct StoreDir {
    /// The store
    #[arg(long, value_name = "DIR", default_value = "collateral")]
    pub(super) store: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct At {
    /// The instant at which every date is judged [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = UnixTime::parse)]
    pub(super) at: Option<UnixTime>,
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    #[command(flatten)]
    pub(super) store: StoreDir,
    /// AMD revocation list (DER), with its key before it: `milan/vcek=FILE`
    #[arg(long, value_name = "KEY=FILE", value_parser = keyed)]
    pub(super) amd_crl: Vec<(String, PathBuf)>,
    /// Reference integrity manifest of an NVIDIA device (XML): its key is read from it
    #[arg(long, value_name = "FILE")]
    pub(super) rim: Vec<PathBuf>,
    /// OCSP response about certificates of NVIDIA devices or manifests (DER)
    #[arg(long, value_name = "FILE")]
    pub(super) ocsp: Vec<PathBuf>,
    /// Revocation list of an authority over NVIDIA devices or manifests (DER): its key is read from it
    #[arg(long, value_name = "FILE")]
    pub(super) nvidia_crl: Vec<PathBuf>,
    /// Root of TPM keys (DER)
    #[arg(long, value_name = "FILE")]
    pub(super) tpm_root: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) roots: VendorRoots,
    #[command(flatten)]
    pub(super) at: At,
}

#[derive(Args, Debug)]
pub(super) struct FetchArgs {
    /// AMD product whose lists and chains are fetched
    #[arg(long, value_enum)]
    pub(super) product: Vec<ProductName>,
    /// Kind of platform, 12 hex digits, whose TCB info is fetched
    #[arg(long, value_name = "HEX", value_parser = fmspc, requires = "tee")]
    pub(super) fmspc: Vec<Hex<6>>,
    /// Kind of quotes for which Intel's documents are fetched: QE identity and lists, and the TCB info of
    /// each FMSPC
    #[arg(long, value_enum)]
    pub(super) tee: Vec<TeeName>,
    /// What this evidence document needs; may be given several times
    #[arg(long = "for", value_name = "FILE")]
    pub(super) evidence: Vec<PathBuf>,
    /// Id of a reference integrity manifest of NVIDIA's, e.g. `NV_GPU_DRIVER_GH100_550.144.03`
    #[arg(long, value_name = "ID", value_parser = rim_id)]
    pub(super) rim: Vec<RimId>,
    /// Take Intel's early TCB infos, which know a recovery event as soon as it is public
    #[arg(long)]
    pub(super) early: bool,
    /// Fetch again what is not due, too
    #[arg(long)]
    pub(super) again: bool,
    /// A mirror of AMD's service, https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(super) amd_mirror: Option<String>,
    /// A mirror of Intel's service (PCCS), https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(super) intel_mirror: Option<String>,
    /// A mirror of NVIDIA's service of manifests, https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(super) nvidia_mirror: Option<String>,
    /// Certificate authority of the services (PEM) [default: what this machine trusts]
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Let a mirror on this machine's loopback address be without TLS: for tests
    #[arg(long)]
    pub(super) allow_plain_loopback: bool,
    #[command(flatten)]
    pub(super) store: StoreDir,
    #[command(flatten)]
    pub(super) roots: VendorRoots,
    #[command(flatten)]
    pub(super) at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProductName {
    Milan,
    Genoa,
    Turin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TeeName {
    Tdx,
    Sgx,
}

fn rim_id(text: &str) -> Result<RimId, String> {
    RimId::parse(text).map_err(|error| error.to_string())
}

fn fmspc(text: &str) -> Result<Hex<6>, String> {
    hex_array(&text.to_ascii_lowercase()).map(Hex).map_err(|error| error.to_string())
}

#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// The bundle: a folder, or the single file
    pub(super) bundle: PathBuf,
    /// Public key whose signature counts (PEM); may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) key: Vec<PathBuf>,
    /// How many of the keys must have signed; needed where several are given
    #[arg(long, value_name = "COUNT")]
    pub(super) threshold: Option<usize>,
    #[command(flatten)]
    pub(super) store: StoreDir,
    #[command(flatten)]
    pub(super) roots: VendorRoots,
    #[command(flatten)]
    pub(super) at: At,
}

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Where to write it: a folder, or a single file where the name ends in `.tar`; nothing is overwritten
    pub(super) bundle: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreDir,
    /// Private key that signs (PEM), readable by its owner alone; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) sign_key: Vec<PathBuf>,
    /// The bundle's name [default: the time]
    #[arg(long, value_name = "NAME")]
    pub(super) bundle_id: Option<String>,
    /// Its sequence, greater than that of any bundle before [default: the time in seconds since 1970]
    #[arg(long, value_name = "NUMBER")]
    pub(super) sequence: Option<u64>,
    /// For how many days it counts
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(super) days: u16,
    /// Lowest evaluation number of SGX [default: as in the store]
    #[arg(long, value_name = "NUMBER")]
    pub(super) edn_floor_sgx: Option<u32>,
    /// Lowest evaluation number of TDX [default: as in the store]
    #[arg(long, value_name = "NUMBER")]
    pub(super) edn_floor_tdx: Option<u32>,
    /// Deny lists (JSON): {"veks":[SHA256,…],"pck_serials":[HEX,…],"eks":[SHA256,…]} [default: as in the
    /// store]
    #[arg(long, value_name = "FILE")]
    pub(super) deny: Option<PathBuf>,
    #[command(flatten)]
    pub(super) at: At,
}

#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) store: StoreDir,
    #[command(flatten)]
    pub(super) at: At,
}

#[derive(Args, Debug)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    pub(super) verb: KeyVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyVerb {
    /// Make a key pair: the private key in a file that its owner alone can read, the public key beside it
    Generate(GenerateArgs),
}

#[derive(Args, Debug)]
pub(super) struct GenerateArgs {
    /// File for the private key; the public key goes to the same name with `.pub` after it. Nothing is
    /// overwritten
    pub(super) file: PathBuf,
    /// What kind of key
    #[arg(long, value_enum, default_value_t = KeyKind::Ed25519)]
    pub(super) algorithm: KeyKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyKind {
    /// Ed25519
    Ed25519,
    /// ECDSA P-384 with SHA-384
    P384,
}

fn keyed(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((key, file)) if !key.is_empty() && !file.is_empty() => Ok((key.to_owned(), file.into())),
        _ => Err("expected KEY=FILE, e.g. milan/vcek=milan-vcek.crl".to_owned()),
    }
}
