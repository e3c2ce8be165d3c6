//! Raw requests to a development broker's plain loopback listener: for tests of what a caller may send.

use anyhow::{Context, Result};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A caller that sends what it is told to, and reads the answer.
#[derive(Debug)]
pub struct Http {
    base: String,
    client: reqwest::Client,
    runtime: Runtime,
}

impl Http {
    /// A caller of one broker, e.g. `http://127.0.0.1:8082`.
    ///
    /// # Errors
    /// When the process has no sockets.
    pub fn new(base: &str) -> Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { base: base.to_owned(), client, runtime })
    }

    /// Posts JSON; gives status and answer.
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.post_bytes(path, "application/json", body.to_string().into_bytes())
    }

    /// Posts bytes under a content type; gives status and answer (`null` for an empty one).
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    pub fn post_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<(u16, Value)> {
        let request =
            self.client.post(format!("{}{path}", self.base)).header(CONTENT_TYPE, content_type).body(body);
        self.answer(request)
    }

    /// Announces a body of JSON and sends none of it; gives status and answer. Whoever refuses by the
    /// announced length answers before there is a body, and closes: a client that still writes it may see the
    /// broken connection first.
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    pub fn announce(&self, path: &str, length: usize) -> Result<(u16, Value)> {
        let host = self.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).context("connecting")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("reading the answer")?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of headers")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((
            status,
            serde_json::from_str(body).with_context(|| format!("status {status}, not JSON: {body}"))?,
        ))
    }

    /// Posts JSON with a bearer token; gives status and answer.
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    pub fn post_bearer(&self, path: &str, token: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(token).json(body);
        self.answer(request)
    }

    /// Gets a path; gives status and answer.
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    pub fn get(&self, path: &str) -> Result<(u16, Value)> {
        self.answer(self.client.get(format!("{}{path}", self.base)))
    }

    fn answer(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
        self.runtime.block_on(async {
            let response = request.send().await.context("sending")?;
            let status = response.status().as_u16();
            let bytes = response.bytes().await.context("reading the answer")?;
            if bytes.is_empty() {
                return Ok((status, Value::Null));
            }
            let value = serde_json::from_slice(&bytes)
                .with_context(|| format!("status {status}, not JSON: {}", String::from_utf8_lossy(&bytes)))?;
            Ok((status, value))
        })
    }
}
