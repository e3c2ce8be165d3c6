//! TLS: the server's certificate from files, or a throwaway one for development.

use hanzo_attestation_evidence::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// A certificate or key that the server cannot use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate in the file, or a broken one.
    #[error("{} holds no certificate chain in PEM", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
    },
    /// No private key in the file, or a broken one.
    #[error("{} holds no private key in PEM", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not make a server.
    #[error("the certificate and its key cannot be used: {0}")]
    Mismatch(#[from] rustls::Error),
    /// No throwaway certificate could be made.
    #[error("no certificate could be made: {0}")]
    Generation(#[from] rcgen::Error),
    /// The clock shows a time that no certificate can carry.
    #[error("the clock shows {0}, which no certificate can carry")]
    Clock(UnixTime),
}

/// A server's TLS from PEM files.
///
/// # Errors
/// [`TlsError`].
pub fn from_files(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::Certificate { path: cert.to_owned() })?;
    if chain.is_empty() {
        return Err(TlsError::Certificate { path: cert.to_owned() });
    }
    let pem = Zeroizing::new(read(key)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::Key { path: key.to_owned() })?;
    server(chain, key)
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A throwaway certificate for `localhost`, `127.0.0.1` and `::1`, and the authority that signed it.
pub struct Throwaway {
    /// The authority's certificate, PEM: what clients must trust.
    pub ca_pem: String,
    /// The server's side.
    pub server: Arc<ServerConfig>,
}

impl Throwaway {
    /// Makes one that is valid for thirty days: longer than any run of a development broker.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn generate(now: UnixTime) -> Result<Self, TlsError> {
        let time =
            |at: UnixTime| OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| TlsError::Clock(at));
        let not_before = time(now.before(Duration::from_secs(3600)))?;
        let not_after = time(now.after(Duration::from_secs(30 * 86_400)))?;
        let dated = |names: Vec<String>, common_name: &str| -> Result<CertificateParams, TlsError> {
            let mut params = CertificateParams::new(names)?;
            (params.not_before, params.not_after) = (not_before, not_after);
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.use_authority_key_identifier_extension = true;
            Ok(params)
        };
        let ca_key = KeyPair::generate()?;
        let mut ca = dated(Vec::new(), "hanzo-kbs development authority")?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_cert = ca.self_signed(&ca_key)?;

        let leaf_key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut leaf = dated(names, "hanzo-kbs development broker")?;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_params(&ca, &ca_key);
        let leaf_cert = leaf.signed_by(&leaf_key, &issuer)?;

        let chain = vec![leaf_cert.der().clone(), ca_cert.der().clone()];
        let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
        Ok(Self { ca_pem: ca_cert.pem(), server: server(chain, key)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_throwaway_certificate_serves() {
        let throwaway = Throwaway::generate(UnixTime::parse("2026-11-01T00:00:00Z").unwrap()).unwrap();
        assert!(throwaway.ca_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(throwaway.server.alpn_protocols, [b"http/1.1".to_vec()]);
    }

    #[test]
    fn files_that_make_no_server_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let cert = write(dir.path(), "cert.pem", &cert.pem());
        let good = write(dir.path(), "key.pem", &key.serialize_pem());
        let other = write(dir.path(), "other.pem", &KeyPair::generate().unwrap().serialize_pem());
        let empty = write(dir.path(), "empty.pem", "");
        assert!(from_files(&cert, &good).is_ok());
        assert!(matches!(from_files(&cert, &other), Err(TlsError::Mismatch(_))));
        assert!(matches!(from_files(&empty, &good), Err(TlsError::Certificate { .. })));
        assert!(matches!(from_files(&cert, &empty), Err(TlsError::Key { .. })));
        assert!(matches!(from_files(&cert, &dir.path().join("none")), Err(TlsError::Unreadable { .. })));
    }
}
