//! One request, one bounded answer: no redirects, no retries, no proxies.

use crate::error::FetchError;
use crate::hosts::Hosts;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For the whole answer.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // The services answer within a second or two; a list of 1 MiB over a slow line needs some more.
        Self { connect: Duration::from_secs(10), answer: Duration::from_secs(30) }
    }
}

/// Who may vouch for the services' TLS identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsTrust {
    /// Whatever this machine trusts.
    SystemStore,
    /// These authorities and no other: PEM.
    Authority(Vec<u8>),
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new(trust: &TlsTrust, hosts: &Hosts, limits: Limits) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(trust)?)
            .https_only(!hosts.allows_plain())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect)
            .timeout(limits.answer)
            .user_agent(concat!("hanzo-attestation-collateral-fetch/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|error| FetchError::Setup(error.to_string()))
    }

    /// Asks once; the caller has checked the address.
    pub(crate) async fn get(&self, url: Url, limit: usize) -> Result<Answer, FetchError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut response = self.0.get(url).send().await.map_err(|error| failure(&host, &error))?;
        check_status(&host, &response)?;
        let too_large = || FetchError::TooLarge { host: host.clone(), limit };
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&host, &error))? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { headers: response.headers().clone(), body })
    }
}

fn check_status(host: &str, response: &Response) -> Result<(), FetchError> {
    let (host, status) = (host.to_owned(), response.status());
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(FetchError::NotFound { host }),
        _ if status.is_redirection() => Err(FetchError::Redirected { host, status: status.as_u16() }),
        _ => Err(FetchError::Status { host, status: status.as_u16() }),
    }
}

fn failure(host: &str, error: &reqwest::Error) -> FetchError {
    let host = host.to_owned();
    if error.is_timeout() {
        return FetchError::Timeout { host };
    }
    let mut deepest: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    FetchError::Unreachable { host, reason: deepest.to_string() }
}

fn tls(trust: &TlsTrust) -> Result<ClientConfig, FetchError> {
    let setup = |error: &dyn std::fmt::Display| FetchError::Setup(error.to_string());
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?;
    let builder = match trust {
        TlsTrust::SystemStore => builder.with_platform_verifier().map_err(|error| setup(&error))?,
        TlsTrust::Authority(pem) => {
            let mut store = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                store.add(certificate.map_err(|error| setup(&error))?).map_err(|error| setup(&error))?;
            }
            if store.is_empty() {
                return Err(FetchError::Setup("no certificate authority was given".to_owned()));
            }
            builder.with_root_certificates(store)
        }
    };
    Ok(builder.with_no_client_auth())
}
