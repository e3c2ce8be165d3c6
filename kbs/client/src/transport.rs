//! One request, one bounded answer: no redirects, no retries, no proxies, no guessing.

use crate::address::Address;
use crate::admin::Admin;
use crate::error::{BrokerProblem, ClientError, SetupError};
use crate::token::AdminToken;
use crate::trust::Trust;
use bytes::Bytes;
use hanzo_attestation_evidence::json;
use hanzo_kbs_protocol::Problem;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io;
use std::time::Duration;
use zeroize::Zeroizing;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// How long and how much one call may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the connection, TLS included. Default 5 s.
    pub connect: Duration,
    /// For the whole call. Default 30 s: a broker under load queues verifications for a few seconds.
    pub call: Duration,
    /// Largest answer in bytes. Default 32 MiB: the longest list there is, 100 000 reference values of about
    /// 200 bytes each, and room.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), call: Duration::from_secs(30), answer: 32 << 20 }
    }
}

/// A connection pool to one broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    limits: Limits,
}

impl Client {
    /// A client of the broker at `address`, whose TLS identity `trust` vouches for. Connects to nothing yet.
    ///
    /// # Errors
    /// [`SetupError`] for an authority that is missing or invalid.
    pub fn new(address: Address, trust: &Trust) -> Result<Self, SetupError> {
        Self::with_limits(address, trust, Limits::default())
    }

    /// As [`Client::new`], with other limits.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_limits(address: Address, trust: &Trust, limits: Limits) -> Result<Self, SetupError> {
        let tls = trust.tls_config(address.is_encrypted())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(address.is_encrypted())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect)
            .timeout(limits.call)
            .user_agent(concat!("hanzo-kbs-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SetupError::Library(error.to_string()))?;
        Ok(Self { http, address, limits })
    }

    /// The broker's address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The administrator's calls, made with this token.
    #[must_use]
    pub fn admin(&self, token: AdminToken) -> Admin {
        Admin::new(self.clone(), token)
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, ClientError> {
        let answer = self.exchange(request).await?;
        if !(200..300).contains(&answer.status) {
            return Err(answer.refusal());
        }
        answer.json()
    }

    /// A call whose answer is read whatever its status is, as long as it is JSON of that type.
    pub(crate) async fn call_any_status<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<(u16, T), ClientError> {
        let answer = self.exchange(request).await?;
        match answer.json() {
            Ok(value) => Ok((answer.status, value)),
            Err(error) if (200..300).contains(&answer.status) => Err(error),
            Err(_) => Err(answer.refusal()),
        }
    }

    pub(crate) async fn exchange(&self, request: Request) -> Result<Answer, ClientError> {
        let segments: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let url: Url = self.address.join(&segments, &request.query).ok_or(ClientError::Name)?;
        let mut builder = self.http.request(request.method, url).header(ACCEPT, JSON);
        if let Some(authorization) = request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, JSON).body(Bytes::from_owner(body));
        }
        let response = builder.send().await.map_err(|error| self.failure(&error))?;
        self.read(response).await
    }

    async fn read(&self, mut response: Response) -> Result<Answer, ClientError> {
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            return Err(ClientError::Redirected { status });
        }
        let limit = self.limits.answer;
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(ClientError::AnswerTooLarge { limit });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(ClientError::AnswerTooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            content_type: media_type(response.headers()),
            retry_after: retry_after(response.headers()),
            body,
        })
    }

    fn failure(&self, error: &reqwest::Error) -> ClientError {
        if let Some(tls) = find_tls(error) {
            return ClientError::Tls { reason: tls.to_string() };
        }
        if error.is_timeout() && !error.is_connect() {
            return ClientError::Timeout { limit: self.limits.call };
        }
        ClientError::Unreachable { reason: innermost(error) }
    }
}

/// A request before it is sent.
pub(crate) struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    authorization: Option<HeaderValue>,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl Request {
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &[&str], body: &impl Serialize) -> Result<Self, ClientError> {
        Self::new(Method::POST, path).with_body(body)
    }

    pub(crate) fn put(path: &[&str], body: &impl Serialize) -> Result<Self, ClientError> {
        Self::new(Method::PUT, path).with_body(body)
    }

    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self { method, path, query: Vec::new(), authorization: None, body: None }
    }

    fn with_body(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(|error| ClientError::Request(error.to_string()))?;
        self.body = Some(Zeroizing::new(bytes));
        Ok(self)
    }

    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn authorization(mut self, value: HeaderValue) -> Self {
        self.authorization = Some(value);
        self
    }
}

/// An answer, read whole.
pub(crate) struct Answer {
    status: u16,
    content_type: String,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        if self.content_type != JSON {
            return Err(ClientError::ContentType { found: self.content_type.clone() });
        }
        json::from_slice(&self.body).map_err(|error| ClientError::Malformed { reason: error.to_string() })
    }

    fn refusal(&self) -> ClientError {
        if self.content_type != PROBLEM {
            return ClientError::Status { status: self.status };
        }
        match json::from_slice::<Problem>(&self.body) {
            Ok(problem) => ClientError::Problem(Box::new(BrokerProblem {
                status: self.status,
                code: problem.code,
                detail: problem.detail,
                decision: problem.decision,
                request_id: problem.request_id,
                retry_after: self.retry_after,
            })),
            Err(error) => ClientError::Malformed { reason: error.to_string() },
        }
    }
}

/// The media type without parameters, in lower case; empty if there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `Retry-After` in seconds; the date form is not used by brokers and reads as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The TLS library's error somewhere below, if it is one. An `io::Error` hides what it wraps from `source`.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = match current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
    }
    None
}

/// The deepest cause: "connection refused" says more than "error sending request".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}
