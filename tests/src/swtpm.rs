//! A TPM 2.0 of one's own: swtpm, made anew with certificates of its own authority, and stopped with its
//! owner.

use crate::programs::Running;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// How often another pair of ports is tried: others on this machine look for ports too.
const ATTEMPTS: usize = 20;
/// Debian's packages of the programs used here.
const PACKAGES: &str = "the Debian packages swtpm, swtpm-tools, tpm2-tools and libtss2-tcti-swtpm0 have it \
                        (`./dev test` installs them)";

/// A running TPM, freshly manufactured: SHA-256 and SHA-384 banks, an RSA-2048 and a P-384 endorsement key,
/// and a certificate for each.
#[derive(Debug)]
pub struct Swtpm {
    folder: TempDir,
    port: u16,
    process: Running,
}

impl Swtpm {
    /// Makes one, with an authority of its own, and starts it.
    ///
    /// # Errors
    /// When a program is missing, by the name of its package; when it does not come up.
    pub fn start() -> Result<Self> {
        Self::manufacture(true)
    }

    /// The same without certificates.
    ///
    /// # Errors
    /// As [`Swtpm::start`].
    pub fn start_without_certificates() -> Result<Self> {
        Self::manufacture(false)
    }

    fn manufacture(certified: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (state, authority) = (folder.path().join("state"), folder.path().join("authority"));
        fs::create_dir(&state)?;
        fs::create_dir(&authority)?;
        let config = write_authority(folder.path(), &authority)?;
        let mut setup = Command::new("swtpm_setup");
        setup.args(["--tpm2", "--tpmstate"]).arg(&state).arg("--config").arg(config);
        setup.args(["--createek", "--pcr-banks", "sha256,sha384"]);
        if certified {
            setup.arg("--create-ek-cert");
        }
        finished(&mut setup)?;
        let (port, process) = serve(folder.path())?;
        Ok(Self { folder, port, process })
    }

    /// The way to it, as a node's configuration has it.
    #[must_use]
    pub fn tcti(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// Certificates of the authority that signed the EK certificates, PEM: the issuer, and its root.
    #[must_use]
    pub fn authority(&self) -> [PathBuf; 2] {
        let folder = self.folder.path().join("authority");
        [folder.join("issuercert.pem"), folder.join("swtpm-localca-rootca-cert.pem")]
    }

    /// Runs a program of tpm2-tools on it, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn tool<A: AsRef<OsStr>>(&self, name: &str, arguments: &[A]) -> Result<String> {
        let mut command = Command::new(name);
        command.args(arguments).args(["--tcti", &self.tcti()]).current_dir(self.folder.path());
        let output = finished(&mut command)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Extends one PCR in each bank: the digests are SHA-256 and SHA-384, in hex.
    ///
    /// # Errors
    /// When the TPM refuses.
    pub fn extend(&self, pcr: u8, sha256: &str, sha384: &str) -> Result<()> {
        self.tool("tpm2_pcrextend", &[format!("{pcr}:sha256={sha256},sha384={sha384}")]).map(drop)
    }

    /// Switches it off and on: PCRs begin anew, saved contexts are void, keys and certificates stay.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let (port, process) = serve(self.folder.path())?;
        self.port = port;
        self.process = process;
        Ok(())
    }

    /// Switches it off.
    ///
    /// # Errors
    /// When its process cannot be ended.
    pub fn stop(&mut self) -> Result<()> {
        self.process.kill()
    }
}

/// Configuration of `swtpm_setup`, so that it uses an authority of its own and no file of this machine.
fn write_authority(folder: &Path, authority: &Path) -> Result<PathBuf> {
    let (setup, localca, options) =
        (folder.join("setup.conf"), folder.join("localca.conf"), folder.join("localca.options"));
    let at = authority.display();
    fs::write(
        &localca,
        format!(
            "statedir = {at}\nsigningkey = {at}/signkey.pem\nissuercert = {at}/issuercert.pem\n\
             certserial = {at}/certserial\n"
        ),
    )?;
    fs::write(&options, "")?;
    fs::write(
        &setup,
        format!(
            "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = {}\n\
             create_certs_tool_options = {}\n",
            localca.display(),
            options.display()
        ),
    )?;
    Ok(setup)
}

/// Starts it on two free ports, of which the second is the control channel's.
fn serve(folder: &Path) -> Result<(u16, Running)> {
    let pid = folder.join("pid");
    for _ in 0..ATTEMPTS {
        let Some(port) = free_pair()? else { continue };
        // It writes its number once it listens on both.
        let _ = fs::remove_file(&pid);
        let log = fs::File::create(folder.join("stderr"))?;
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"]);
        command.arg(format!("dir={}", folder.join("state").display()));
        for (channel, port) in [("--server", port), ("--ctrl", port.saturating_add(1))] {
            command.args([channel, &format!("type=tcp,bindaddr=127.0.0.1,port={port}")]);
        }
        command.arg("--pid").arg(format!("file={}", pid.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = Running::start(command).with_context(|| PACKAGES)?;
        if process.until("its sockets", || fs::read(&pid).is_ok_and(|text| !text.is_empty())).is_ok() {
            return Ok((port, process));
        }
    }
    bail!("swtpm does not start: {}", fs::read_to_string(folder.join("stderr")).unwrap_or_default());
}

/// Two ports in a row that nobody listens on right now, if chance gives them.
fn free_pair() -> Result<Option<u16>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = first.local_addr()?.port();
    let Some(next) = port.checked_add(1) else { return Ok(None) };
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, next)).is_ok().then_some(port))
}

/// Runs a program that must succeed.
fn finished(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!("{name} is not installed: {PACKAGES}"),
        _ => error.into(),
    })?;
    let said = || [&output.stdout[..], &output.stderr[..]].concat();
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&said()));
    Ok(output)
}
