//! The programs of tpm2-tools: run one at a time, with fixed arguments and no shell.
//!
//! No argument carries a secret: what is secret goes through files in the scratch directory, which is the
//! owner's alone. Every program's time and output are bounded.

use super::error::TpmError;
use super::tcti::Tcti;
use crate::files::read_whole;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// A discrete TPM may need half a minute to make an RSA key.
const PATIENCE: Duration = Duration::from_secs(90);
/// The longest answer that is asked for, all fixed properties, has some 3 KiB.
const MAX_OUTPUT: u64 = 64 << 10;
/// A complaint has some lines; the first one is what is shown.
const MAX_COMPLAINT: u64 = 8 << 10;
/// Most characters of a complaint that are shown.
const MAX_REASON: usize = 300;
/// Where distributions install programs. The caller's own search path is not used.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The programs, with the TPM that they talk to and the directory that they work in.
pub(super) struct Tools {
    tcti: String,
    managed: bool,
    scratch: PathBuf,
}

impl Tools {
    pub(super) fn new(tcti: &Tcti, scratch: &Path) -> Self {
        Self { tcti: tcti.to_string(), managed: tcti.is_managed(), scratch: scratch.to_owned() }
    }

    /// A file in the scratch directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// What a program wrote to a file in the scratch directory.
    pub(super) fn read(&self, tool: &'static str, name: &str, limit: usize) -> Result<Vec<u8>, TpmError> {
        read_whole(&self.file(name), limit)
            .map_err(|error| TpmError::ToolAnswer { tool, problem: format!("no usable {name}: {error}") })
    }

    /// Writes a file that a program is to read.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TpmError> {
        super::state::write_new(&self.file(name), bytes)
    }

    /// Removes a file of the scratch directory.
    pub(super) fn remove(&self, name: &str) -> Result<(), TpmError> {
        super::state::remove(&self.file(name))
    }

    /// Runs a program, and gives what it printed. What it leaves loaded in a TPM without a resource manager
    /// is flushed, however it ended: such a TPM has room for three objects.
    pub(super) async fn run(&self, tool: &'static str, arguments: &[&str]) -> Result<Vec<u8>, TpmError> {
        let outcome = self.run_once(tool, arguments).await;
        let flushed = self.flush().await;
        // The program's own complaint says more.
        let answer = outcome?;
        flushed.map(|()| answer)
    }

    /// Forgets every object that is loaded in a TPM which this process has for itself.
    pub(super) async fn flush(&self) -> Result<(), TpmError> {
        if self.managed {
            return Ok(());
        }
        self.run_once("tpm2_flushcontext", &["--transient-object"]).await.map(drop)
    }

    async fn run_once(&self, tool: &'static str, arguments: &[&str]) -> Result<Vec<u8>, TpmError> {
        let conversation = async {
            let mut child = self.command(tool, arguments).spawn()?;
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let (answer, complaint) = tokio::join!(read(stdout, MAX_OUTPUT), read(stderr, MAX_COMPLAINT));
            Ok::<_, io::Error>((child.wait().await?, answer?, complaint?))
        };
        let seconds = PATIENCE.as_secs();
        let ended = tokio::time::timeout(PATIENCE, conversation)
            .await
            .map_err(|_| TpmError::ToolTimeout { tool, seconds })?;
        let (status, answer, complaint) = ended.map_err(|error| not_started(tool, &error))?;
        judged(tool, status, &complaint).map(|()| answer)
    }

    fn command(&self, tool: &'static str, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool);
        command
            .args(arguments)
            .args(["--tcti", &self.tcti])
            .current_dir(&self.scratch)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .env("TSS2_LOG", "all+NONE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

fn not_started(tool: &'static str, error: &io::Error) -> TpmError {
    if error.kind() == io::ErrorKind::NotFound {
        return TpmError::ToolMissing { tool };
    }
    TpmError::ToolStart { tool, reason: error.to_string() }
}

fn judged(tool: &'static str, status: ExitStatus, complaint: &[u8]) -> Result<(), TpmError> {
    if status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(complaint);
    let first = text.lines().find_map(|line| line.strip_prefix("ERROR: ")).unwrap_or("no reason was given");
    let reason = first.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    Err(TpmError::ToolFailed { tool, reason })
}

/// Reads to the end; what is beyond the limit is read and thrown away, so that the program can end.
async fn read(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let Some(mut stream) = stream else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    (&mut stream).take(limit).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(scratch: &Path) -> Tools {
        Tools::new(&Tcti::kernel(), scratch)
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named_with_its_package() {
        let scratch = tempfile::tempdir().unwrap();
        let missing = tools(scratch.path()).run("tpm2_no_such_program", &[]).await;
        assert_eq!(missing, Err(TpmError::ToolMissing { tool: "tpm2_no_such_program" }));
    }

    #[tokio::test]
    async fn endless_output_is_cut_off_and_the_caller_does_not_wait() {
        let scratch = tempfile::tempdir().unwrap();
        // `seq` takes our trailing arguments as an error: it is asked through a script instead.
        std::fs::write(scratch.path().join("s"), "seq 1 100000; echo 'ERROR: no\x07 more' >&2; exit 3")
            .unwrap();
        let output = tools(scratch.path()).run("sh", &["s"]).await;
        assert_eq!(output, Err(TpmError::ToolFailed { tool: "sh", reason: "no more".to_owned() }));
        std::fs::write(scratch.path().join("s"), "seq 1 100000; env").unwrap();
        let output = tools(scratch.path()).run("sh", &["s"]).await.unwrap();
        assert_eq!(u64::try_from(output.len()).unwrap(), MAX_OUTPUT);
    }

    #[tokio::test]
    async fn a_program_sees_nothing_of_our_environment() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("s"), "env | cut -d= -f1 | sort | tr '\\n' ' '").unwrap();
        let output = tools(scratch.path()).run("sh", &["s"]).await.unwrap();
        let names = String::from_utf8(output).unwrap();
        // The shell sets the last three itself.
        let ours = names.split_whitespace().filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
        assert_eq!(ours.collect::<Vec<_>>(), ["PATH", "TSS2_LOG"]);
    }
}
