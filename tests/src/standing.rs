//! A broker with a configuration file and a database that outlives it: for tests of what survives.

use crate::programs::{Programs, Running};
use anyhow::{Context, Result, ensure};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// One installation: configuration, certificate, key file, database.
#[derive(Debug)]
pub struct Installation {
    programs: Programs,
    folder: TempDir,
    plain: SocketAddr,
    admin: SocketAddr,
}

impl Installation {
    /// Lays out a development installation that accepts the lab in `lab`, and runs `hanzo-kbs init` on it.
    ///
    /// # Errors
    /// When a file cannot be written or `init` refuses.
    pub fn create(programs: &Programs, lab: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (plain, admin) = (free_address()?, free_address()?);
        let installation = Self { programs: programs.clone(), folder, plain, admin };
        installation.write_certificate()?;
        let config = installation.config_text(lab)?;
        fs::write(installation.config(), config)?;
        let output = installation.hanzo_kbs("init").output()?;
        ensure!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        Ok(installation)
    }

    /// Appends to the configuration; a broker reads it when it starts.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append_configuration(&self, text: &str) -> Result<()> {
        let mut config = fs::read_to_string(self.config())?;
        config.push_str(text);
        Ok(fs::write(self.config(), config)?)
    }

    fn config_text(&self, lab: &Path) -> Result<String> {
        let listen = free_address()?;
        Ok(format!(
            "environment = \"development\"\n\
             listen = \"{listen}\"\n\
             public_url = \"https://localhost:{port}\"\n\
             [http]\nlisten = \"{plain}\"\n\
             [tls]\ncert = \"server.pem\"\nkey = {{ file = \"server.key\" }}\n\
             [store]\nsqlite = \"kbs.sqlite\"\n\
             [seal]\nkey = {{ file = \"seal.key\" }}\n\
             [admin]\nlisten = \"{admin}\"\ntoken = {{ file = \"admin.token\" }}\n\
             [attestation]\nextra_roots = \"{lab}\"\n",
            port = listen.port(),
            plain = self.plain,
            admin = self.admin,
            lab = lab.display(),
        ))
    }

    fn write_certificate(&self) -> Result<()> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        fs::write(self.file("server.pem"), certificate.pem())?;
        fs::write(self.file("server.key"), key.serialize_pem())?;
        fs::set_permissions(self.file("server.key"), fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    /// A file of the installation.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.file("kbs.toml")
    }

    /// Address of the plain loopback listener.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.plain)
    }

    fn hanzo_kbs(&self, verb: &str) -> Command {
        self.program(&[verb], &self.config())
    }

    /// `hanzo-kbs` with a verb and a configuration.
    #[must_use]
    pub fn program(&self, verb: &[&str], config: &Path) -> Command {
        let mut command = self.programs.command("hanzo-kbs");
        command.args(verb).arg("--config").arg(config);
        command
    }

    /// Starts the broker and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up; what it said is in the message.
    pub fn serve(&self) -> Result<Running> {
        let log = fs::File::create(self.file("stderr"))?;
        let mut command = self.hanzo_kbs("serve");
        command.stdout(Stdio::null()).stderr(log);
        let mut process = Running::start(command)?;
        let plain = self.plain;
        process
            .until("its listener", || std::net::TcpStream::connect(plain).is_ok())
            .with_context(|| fs::read_to_string(self.file("stderr")).unwrap_or_default())?;
        Ok(process)
    }

    /// Runs `kbsctl` as this installation's administrator.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn kbsctl(&self, arguments: &[&str]) -> Result<Output> {
        self.kbsctl_as("json", arguments)
    }

    /// As [`Installation::kbsctl`], with its answer in this format.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn kbsctl_as(&self, format: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.programs.command("kbsctl");
        command.env("KBS_ADDR", format!("https://localhost:{}", self.admin.port()));
        command.env("KBS_CACERT", self.file("server.pem")).env("KBS_TOKEN_FILE", self.file("admin.token"));
        command.args(arguments).args(["--format", format]).output().context("starting kbsctl")
    }

    /// Runs `kbsctl`, which must succeed, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn must_kbsctl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.kbsctl(arguments)?;
        ensure!(output.status.success(), "kbsctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// A loopback address that nobody listens on right now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
