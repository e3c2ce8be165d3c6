//! Runs the real programs as a user would: as processes, over sockets, with their own files.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a program may take to say that it serves. Generous: a loaded machine is slow, not wrong.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);

/// A folder with the built programs.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs of the build that this process belongs to.
    ///
    /// # Errors
    /// When they are not built: `cargo build --workspace --bins` builds them, and so does `./dev test`.
    pub fn of_this_build() -> Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.ancestors().find(|a| a.join("hanzo-kbs").is_file());
        let folder = folder.context("the programs are not built: run `cargo build --workspace --bins`")?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// The programs in a named folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Path of one program.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command for one program, with an environment that says nothing about any broker.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        for variable in
            ["KBS_ADDR", "KBS_TOKEN", "KBS_TOKEN_FILE", "KBS_CACERT", "HANZO_NODE_CONFIG", "XDG_CONFIG_HOME"]
        {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, name: &str, arguments: &[A]) -> Result<Output> {
        self.command(name).args(arguments).output().with_context(|| format!("starting {name}"))
    }

    /// Runs a program that must succeed, and gives its standard output.
    ///
    /// # Errors
    /// When it fails; its standard error is in the message.
    pub fn must<A: AsRef<OsStr>>(&self, name: &str, arguments: &[A]) -> Result<String> {
        expect_success(name, self.run(name, arguments)?)
    }
}

fn expect_success(name: &str, output: Output) -> Result<String> {
    if !output.status.success() {
        bail!("{name} failed with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A process that ends with its owner.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        Ok(Self { child })
    }

    /// Waits until a condition holds, and fails when the process ends first.
    ///
    /// # Errors
    /// When the process ended, or the condition did not hold in time.
    pub fn until(&mut self, what: &str, ready: impl Fn() -> bool) -> Result<()> {
        let mut waited = Duration::ZERO;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status} before {what}");
            }
            if waited > START {
                bail!("no {what} within {START:?}");
            }
            std::thread::sleep(POLL);
            waited += POLL;
        }
        Ok(())
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself: there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `serve --dev` writes once it can serve.
#[derive(Clone, Debug, Deserialize)]
pub struct DevInfo {
    /// `https://…` of the TLS listener.
    pub addr: String,
    /// Its certificate authority, a PEM file.
    pub ca_cert: PathBuf,
    /// The administrator's token.
    pub admin_token_file: PathBuf,
    /// `http://…` of the plain loopback listener.
    pub http_addr: String,
}

/// A throwaway broker, as `hanzo-kbs serve --dev` gives one.
#[derive(Debug)]
pub struct DevBroker {
    programs: Programs,
    /// Where it listens, and its credentials.
    pub info: DevInfo,
    /// The process.
    pub process: Running,
    folder: TempDir,
}

impl DevBroker {
    /// Starts one that accepts the lab in `lab`, and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(programs: &Programs, lab: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let info_file = folder.path().join("dev-info.json");
        let log = std::fs::File::create(folder.path().join("stderr"))?;
        let mut command = programs.command("hanzo-kbs");
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--dev-info"]).arg(&info_file);
        if let Some(lab) = lab {
            command.arg("--lab").arg(lab);
        }
        command.stdout(Stdio::null()).stderr(log);
        let mut process = Running::start(command)?;
        process
            .until("its dev-info file", || info_file.is_file())
            .with_context(|| std::fs::read_to_string(folder.path().join("stderr")).unwrap_or_default())?;
        let info = serde_json::from_slice(&std::fs::read(&info_file)?)?;
        Ok(Self { programs: programs.clone(), info, process, folder })
    }

    /// What it has written to standard error so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn stderr(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("stderr"))?)
    }

    /// `kbsctl` with this broker's address and administrator.
    #[must_use]
    pub fn kbsctl(&self) -> Command {
        let mut command = self.programs.command("kbsctl");
        command
            .env("KBS_ADDR", &self.info.addr)
            .env("KBS_CACERT", &self.info.ca_cert)
            .env("KBS_TOKEN_FILE", &self.info.admin_token_file);
        command
    }

    /// Runs `kbsctl`, which must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub fn must_kbsctl<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        expect_success("kbsctl", self.kbsctl().args(arguments).output()?)
    }

    /// Runs `kbsctl` for JSON, which must succeed.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub fn json_kbsctl<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Value> {
        let output = self.kbsctl().args(arguments).args(["--format", "json"]).output()?;
        Ok(serde_json::from_str(&expect_success("kbsctl", output)?)?)
    }
}

/// `hanzo-lab serve`: an evidence source on a unix socket.
#[derive(Debug)]
pub struct LabSource {
    /// The socket that a node connects to.
    pub socket: PathBuf,
    process: Running,
    _folder: TempDir,
}

impl LabSource {
    /// Starts a source for the lab in `lab`, with the given knobs, and waits for its socket.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(programs: &Programs, lab: &Path, knobs: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("lab.sock");
        let mut command = programs.command("hanzo-lab");
        command
            .args(["serve", "--type", "sev-snp", "--dir"])
            .arg(lab)
            .arg("--socket")
            .arg(&socket)
            .args(knobs);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running::start(command)?;
        process.until("its socket", || socket.exists())?;
        Ok(Self { socket, process, _folder: folder })
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}
