//! Raw requests to a development broker's plain loopback listener: for tests of what a caller may send.

use anyhow::{Context, Result};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::time::Duration;
use tokio::runtime::Runtime;

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
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?;
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
