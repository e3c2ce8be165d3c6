//! The configuration: one TOML file, read into types that cannot be wrong.
//!
//! Safe by omission: an empty file starts nothing and says what is missing. Every mistake is reported at
//! once, each with its path and line. Relative file names are meant beside the file itself.

mod attestation;
mod limits;
mod quorum;
mod reader;
mod show;

pub use attestation::{AttestationConfig, ExtraRootsDir, StoreConfig, TpmConfig};
pub use limits::Limits;
pub use quorum::{PersonConfig, QuorumConfig};
pub use reader::Mistake;
pub use show::show;

use reader::{Mistakes, Section};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Where a broker runs, and so what it may trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// The default: vendors' roots only, TLS only.
    Production,
    /// For people at work on it: lab roots and a plain loopback listener are possible, and show everywhere.
    Development,
}

impl Environment {
    /// The name in configuration and health answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }
}

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where this broker runs.
    pub environment: Environment,
    /// Address of the native door (TLS).
    pub listen: SocketAddr,
    /// Address of the administrator's door (TLS); equal to `listen` when one listener serves both.
    pub admin_listen: SocketAddr,
    /// A plain loopback listener; development only.
    pub plain_listen: Option<SocketAddr>,
    /// Name by which tokens and clients know this broker, e.g. `https://kbs.example:8080`.
    pub public_url: String,
    /// The server's certificate chain and key.
    pub tls: TlsFiles,
    /// SQLite database file.
    pub sqlite: PathBuf,
    /// File with the key that unseals the vault.
    pub seal_key: PathBuf,
    /// File with the administrator's bearer token.
    pub admin_token: PathBuf,
    /// Who decides together, and about which rules.
    pub quorum: QuorumConfig,
    /// What evidence is judged by.
    pub attestation: AttestationConfig,
    /// Times and counts.
    pub limits: Limits,
}

/// PEM files of the server's certificate chain and private key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain, leaf first.
    pub cert: PathBuf,
    /// Private key, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// A configuration that was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something wrong, or too little: every mistake.
    #[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mistaken {
        /// What is wrong, in the order of the file.
        mistakes: Vec<Mistake>,
    },
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] with every mistake at once.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
            .map_err(|mistakes| ConfigError::Mistaken { mistakes })
    }

    /// Reads a text; `base` is the folder that relative file names start from.
    ///
    /// # Errors
    /// Every [`Mistake`] at once.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<Mistake>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut mistakes = Mistakes::new(text);
        for error in &errors {
            mistakes.add("(syntax)", error.span().as_ref(), error.message());
        }
        if !errors.is_empty() {
            return Err(mistakes.into_found());
        }
        let config = read_top(Section::top(table.get_ref(), base), &mut mistakes);
        let found = mistakes.into_found();
        match config {
            Some(config) if found.is_empty() => Ok(config),
            _ => Err(found),
        }
    }
}

/// Reads every section, also after a mistake, so that all are found. `None` means that a mistake was added.
fn read_top(mut top: Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<Config> {
    let environment = top
        .parsed("environment", mistakes, |text| match text {
            "production" => Ok(Environment::Production),
            "development" => Ok(Environment::Development),
            _ => Err("must be \"production\" or \"development\""),
        })
        .map_or(Environment::Production, |placed| placed.value);
    let listen = address(&mut top, "listen", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)), mistakes);
    let plain_listen = plain(&mut top, environment, mistakes);
    let public_url = top.parsed("public_url", mistakes, public_url).map(|placed| placed.value);
    top.required(
        "public_url",
        "tokens carry it as their issuer, e.g. \"https://kbs.example:8080\"",
        mistakes,
    );

    let mut tls = top.section("tls", mistakes);
    let (cert, key) = (tls.file("cert", mistakes), tls.secret_file("key", mistakes));
    tls.required("cert", "PEM file with the server's certificate chain", mistakes);
    tls.required("key", "{ file = \"…\" } with the server's private key (PEM)", mistakes);
    tls.finish(mistakes);

    let mut store = top.section("store", mistakes);
    let sqlite = store.file("sqlite", mistakes);
    store.required("sqlite", "the database file", mistakes);
    store.finish(mistakes);

    let mut seal = top.section("seal", mistakes);
    let seal_key = seal.secret_file("key", mistakes);
    seal.required("key", "{ file = \"…\" } with the 32-byte unseal key", mistakes);
    seal.finish(mistakes);

    let mut admin = top.section("admin", mistakes);
    let admin_default = SocketAddr::from((Ipv4Addr::LOCALHOST, 8081));
    let admin_listen = address(&mut admin, "listen", admin_default, mistakes);
    let admin_token = admin.secret_file("token", mistakes);
    admin.required("token", "{ file = \"…\" } with the administrator's token", mistakes);
    admin.finish(mistakes);

    let quorum = quorum::read(&mut top, mistakes);
    let attestation = attestation::read(&mut top, environment, mistakes);
    let limits = limits::read(&mut top, mistakes);
    top.finish(mistakes);
    Some(Config {
        environment,
        listen,
        admin_listen,
        plain_listen,
        public_url: public_url?,
        tls: TlsFiles { cert: cert?, key: key? },
        sqlite: sqlite?,
        seal_key: seal_key?,
        admin_token: admin_token?,
        quorum,
        attestation: attestation?,
        limits,
    })
}

fn address(
    section: &mut Section<'_, '_>,
    name: &'static str,
    default: SocketAddr,
    mistakes: &mut Mistakes<'_>,
) -> SocketAddr {
    let parse = |text: &str| text.parse().map_err(|_| "must be ADDRESS:PORT, e.g. \"127.0.0.1:8080\"");
    section.parsed(name, mistakes, parse).map_or(default, |placed| placed.value)
}

/// A listener without TLS exists on the loopback interface of a development machine only.
fn plain(
    top: &mut Section<'_, '_>,
    environment: Environment,
    mistakes: &mut Mistakes<'_>,
) -> Option<SocketAddr> {
    let mut http = top.section("http", mistakes);
    let parse = |text: &str| text.parse::<SocketAddr>().map_err(|_| "must be ADDRESS:PORT");
    let listen = http.parsed("listen", mistakes, parse);
    http.finish(mistakes);
    let listen = listen?;
    if environment == Environment::Production {
        let message = "a listener without TLS needs environment = \"development\"";
        mistakes.add(&listen.path, Some(&listen.span), message);
    }
    if !is_loopback(listen.value.ip()) {
        mistakes.add(
            &listen.path,
            Some(&listen.span),
            "a listener without TLS must be on a loopback address",
        );
    }
    Some(listen.value)
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

fn public_url(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").ok_or("must begin with https://")?;
    let plain =
        rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    if rest.is_empty() || !plain {
        return Err("must be https://HOST or https://HOST:PORT, without a path or a slash at its end");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
