//! The workload's side.

use super::{MAX_SECRET, socket};
use crate::status::Status;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// The agent answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the agent gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// No agent answers on the socket.
    #[error("no agent answers on {path}: {reason}")]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Who answers is another user, or could be.
    #[error("the agent on {path} is not to be trusted: {reason}")]
    Untrusted {
        /// The socket.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The name has characters that no key id has.
    #[error("`{0}` is no key id")]
    KeyId(String),
    /// The agent said no.
    #[error("{code}: {detail}")]
    Refused {
        /// Its stable code.
        code: String,
        /// For people.
        detail: String,
    },
    /// The answer is no answer of an agent.
    #[error("the agent's answer is not understood: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// No complete answer in time.
    #[error("the agent did not answer within {} seconds", PATIENCE.as_secs())]
    Timeout,
}

/// A way to the agent on one socket.
#[derive(Clone, Debug)]
pub struct LocalClient {
    path: PathBuf,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

impl LocalClient {
    /// The agent on `path`; connects for each call.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// One key that the session holds.
    ///
    /// # Errors
    /// [`LocalError`].
    pub async fn secret(&self, key_id: &str) -> Result<Zeroizing<Vec<u8>>, LocalError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
        if key_id.is_empty() || !key_id.bytes().all(fits) {
            return Err(LocalError::KeyId(key_id.to_owned()));
        }
        self.get(&format!("/v1/secret/{key_id}")).await
    }

    /// What the agent says of itself.
    ///
    /// # Errors
    /// [`LocalError`].
    pub async fn status(&self) -> Result<Status, LocalError> {
        let body = self.get("/v1/status").await?;
        serde_json::from_slice(&body).map_err(|error| LocalError::Answer { reason: error.to_string() })
    }

    async fn get(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, LocalError> {
        tokio::time::timeout(PATIENCE, self.converse(path)).await.map_err(|_| LocalError::Timeout)?
    }

    async fn converse(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, LocalError> {
        let answer = |reason: String| LocalError::Answer { reason };
        let uri: Uri = path.parse().map_err(|_| LocalError::KeyId(path.to_owned()))?;
        let stream = self.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| answer(error.to_string()))?;
        let request = Request::get(uri)
            .header(hyper::header::HOST, "localhost")
            .body(Empty::<Bytes>::new())
            .map_err(|error| answer(error.to_string()))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| answer(error.to_string()))?;
            let status = response.status();
            let mut body = Limited::new(response.into_body(), MAX_SECRET);
            let mut bytes = Zeroizing::new(Vec::new());
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| answer(error.to_string()))?;
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            Ok((status, bytes))
        };
        // The connection must be driven while the exchange runs; it never ends before it with success.
        tokio::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        let mut driving = true;
        let (status, bytes) = loop {
            tokio::select! {
                done = &mut exchange => break done?,
                _ = &mut connection, if driving => driving = false,
            }
        };
        if status == StatusCode::OK {
            return Ok(bytes);
        }
        let Problem { code, detail } = serde_json::from_slice(&bytes)
            .map_err(|_| answer(format!("status {status} without a problem document")))?;
        Err(LocalError::Refused { code, detail })
    }

    /// Connects, and makes sure that the other side is this user's agent, or root's.
    async fn connect(&self) -> Result<UnixStream, LocalError> {
        let not_running = |error: std::io::Error| LocalError::NotRunning {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let untrusted = |reason: String| LocalError::Untrusted { path: self.path.clone(), reason };
        let stream = UnixStream::connect(&self.path).await.map_err(not_running)?;
        if let Some(directory) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            socket::check_directory(directory).map_err(|error| untrusted(error.to_string()))?;
        }
        let user = stream.peer_cred().map_err(not_running)?.uid();
        if user != 0 && user != rustix::process::geteuid().as_raw() {
            return Err(untrusted(format!("it runs as user {user}")));
        }
        Ok(stream)
    }
}
