//! `seal` and `unseal`: asked of the running broker, at its administrator's door.
//!
//! One request, by hand: the broker carries no HTTP client of its own for two verbs.

use crate::config::Config;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::uri::{Authority, Scheme};
use axum::http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// For connecting, and for the whole answer: a broker on the same machine takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer in bytes: a problem document has a few hundred.
const MAX_ANSWER: usize = 64 * 1024;

/// What to do with the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Open it.
    Open,
    /// Close it.
    Close,
}

/// Why the vault was not opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address, the authority or the token cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No broker answered.
    #[error("the broker could not be reached: {0}")]
    Unreached(String),
    /// The broker said no.
    #[error("the broker refused: {0}")]
    Refused(String),
}

/// Asks the broker that a configuration describes. `addr` is its administrator's door where that is not the
/// listening address itself; `cacert` is who vouches for it, by default the configured certificate.
///
/// # Errors
/// [`RemoteError`].
pub async fn sealing(
    seal: Seal,
    config: &Config,
    addr: Option<&str>,
    cacert: Option<&Path>,
) -> Result<Value, RemoteError> {
    let address = addr.map_or_else(|| format!("https://{}", reachable(config.admin_listen)), str::to_owned);
    let authority = authority(&address)?;
    let token = Zeroizing::new(read(&config.admin_token)?);
    let token = std::str::from_utf8(&token).map_err(setup)?.trim_end();
    let connector = connector(&read(cacert.unwrap_or(&config.tls.cert))?)?;
    let path = match seal {
        Seal::Open => "/kbs/v1/unseal",
        Seal::Close => "/kbs/v1/seal",
    };
    let request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from_static(b"{}")))
        .map_err(setup)?;
    let answered = timeout(PATIENCE, ask(&authority, &connector, request)).await;
    answered.map_err(|_| RemoteError::Unreached("no answer in time".to_owned()))?
}

async fn ask(
    authority: &Authority,
    connector: &TlsConnector,
    request: Request<Full<Bytes>>,
) -> Result<Value, RemoteError> {
    let unreached = |error: &dyn Display| RemoteError::Unreached(error.to_string());
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(setup)?;
    let port = authority.port_u16().unwrap_or(443);
    let tcp = TcpStream::connect((host, port)).await.map_err(|e| unreached(&e))?;
    let tls = connector.connect(name, tcp).await.map_err(|e| unreached(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.map_err(|e| unreached(&e))?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|e| unreached(&e))?;
    let success = answer.status().is_success();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(|e| unreached(&e))?;
    driver.abort();
    let body: Value = serde_json::from_slice(&body.to_bytes()).map_err(|e| unreached(&e))?;
    if success { Ok(body) } else { Err(RemoteError::Refused(refusal(&body))) }
}

fn refusal(problem: &Value) -> String {
    let text = |name: &str| problem[name].as_str().unwrap_or("?").to_owned();
    format!("{} ({})", text("code"), text("detail"))
}

fn authority(address: &str) -> Result<Authority, RemoteError> {
    let uri: Uri = address.parse().map_err(setup)?;
    let plain = matches!(uri.path_and_query().map(axum::http::uri::PathAndQuery::as_str), None | Some("/"));
    match uri.authority() {
        Some(authority) if uri.scheme() == Some(&Scheme::HTTPS) && plain => Ok(authority.clone()),
        _ => Err(setup("the address must be https://HOST or https://HOST:PORT")),
    }
}

fn connector(pem: &[u8]) -> Result<TlsConnector, RemoteError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(setup)?).map_err(setup)?;
    }
    if roots.is_empty() {
        return Err(setup("the certificate authority file holds no certificate"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn read(path: &Path) -> Result<Vec<u8>, RemoteError> {
    std::fs::read(path).map_err(|error| setup(format!("cannot read {}: {error}", path.display())))
}

fn setup(error: impl Display) -> RemoteError {
    RemoteError::Setup(error.to_string())
}

/// How this machine reaches an address that a broker on it listens on.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("127.0.0.2:80".parse().unwrap()).to_string(), "127.0.0.2:80");
    }

    #[test]
    fn only_https_without_a_path_is_asked() {
        assert_eq!(authority("https://localhost:8081").unwrap().port_u16(), Some(8081));
        assert_eq!(authority("https://[::1]:8081/").unwrap().host(), "[::1]");
        for wrong in ["http://localhost", "localhost:1", "https://h/path", "https://h?q", "ftp://h", ""] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }
}
