//! `hanzo-lab serve`: an evidence source on a unix socket.

use super::order::Order;
use anyhow::{Context as _, ensure};
use hanzo_attestation_evidence::{encoding, json};
use hanzo_attestation_lab::Lab;
use rustix::fs::Mode;
use rustix::process::umask;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// Longest request line in bytes: a request has at most 280, the rest is room for white space.
const MAX_LINE: u64 = 1024;
/// Connections served at once; more wait in the kernel's queue. One node needs one.
const MAX_CONNECTIONS: usize = 32;

/// Each field asks for the items that carry it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    report_data: Option<String>,
    /// A TPM's; the report data, if absent.
    qualifying_data: Option<String>,
    device_nonce: Option<String>,
}

pub(super) fn run(lab: Lab, order: Order, socket: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(Arc::new((lab, order)), socket))
}

async fn serve(source: Arc<(Lab, Order)>, socket: &Path) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = bind(socket).with_context(|| format!("cannot listen on `{}`", socket.display()))?;
    writeln!(io::stderr(), "listening on `{}`", socket.display())?;
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        let source = Arc::clone(&source);
        tokio::spawn(async move {
            // A peer that goes away ends its own connection and nothing else.
            let _ = converse(stream, &source).await;
            drop(slot);
        });
    }
    fs::remove_file(socket).with_context(|| format!("cannot remove `{}`", socket.display()))
}

/// Binds with mode 0600 from the first instant. A socket that nobody listens on is left over from a program
/// that was killed, and is replaced.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    let old = umask(Mode::from_raw_mode(0o177));
    let bound = match UnixListener::bind(socket) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_abandoned(socket) => {
            fs::remove_file(socket).and_then(|()| UnixListener::bind(socket))
        }
        bound => bound,
    };
    umask(old);
    bound
}

fn is_abandoned(socket: &Path) -> bool {
    let is_socket = fs::symlink_metadata(socket).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = || {
        std::os::unix::net::UnixStream::connect(socket)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    is_socket && refused()
}

async fn converse(stream: UnixStream, source: &Arc<(Lab, Order)>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let length = (&mut read).take(MAX_LINE + 1).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Ok(());
        }
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        let answer = if whole {
            let source = Arc::clone(source);
            tokio::task::spawn_blocking(move || answer(&source.0, &source.1, &line)).await?
        } else {
            Err(format!("a request is one line of at most {MAX_LINE} bytes"))
        };
        let text = match answer {
            Ok(text) => text,
            Err(error) => json!({"error": error}).to_string(),
        };
        write.write_all(text.as_bytes()).await?;
        write.write_all(b"\n").await?;
        if !whole {
            // Where the next request would begin is unknown.
            return Ok(());
        }
    }
}

fn answer(lab: &Lab, order: &Order, line: &[u8]) -> Result<String, String> {
    let request: Request = json::from_slice(line).map_err(|error| error.to_string())?;
    let items = items(lab, order, &request).map_err(|error| error.to_string())?;
    Ok(Lab::document(items).to_string())
}

fn items(lab: &Lab, order: &Order, request: &Request) -> anyhow::Result<Vec<Value>> {
    let Request { report_data, qualifying_data, device_nonce } = request;
    ensure!(
        report_data.is_some() || device_nonce.is_some(),
        "a request has `report_data`, `device_nonce` or both"
    );
    let mut items = Vec::new();
    if let Some(text) = report_data {
        let cpu = encoding::base64_decode(text)?;
        let tpm = qualifying_data.as_deref().map(encoding::base64_decode).transpose()?;
        items = order.own(lab, &cpu, tpm.as_deref().unwrap_or(&cpu))?;
    }
    if let Some(text) = device_nonce {
        let bytes = encoding::base64_decode(text)?;
        let nonce = bytes.as_slice().try_into().context("a device nonce has 32 bytes")?;
        items.extend(order.devices(lab, nonce)?.items);
    }
    Ok(items)
}
