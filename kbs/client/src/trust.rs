//! Who may vouch for the broker's TLS identity.

use crate::error::SetupError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;

/// The certificate authorities that a client accepts. There is no default: the caller chooses.
#[derive(Clone, Debug)]
pub enum Trust {
    /// These authorities and no other: PEM, one or more certificates.
    Authority(Vec<u8>),
    /// Whatever this machine trusts.
    SystemStore,
    /// Nobody: only a plain loopback address can be reached.
    Nobody,
}

impl Trust {
    pub(crate) fn tls_config(&self, encrypted: bool) -> Result<ClientConfig, SetupError> {
        let builder =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| SetupError::Library(error.to_string()))?;
        let builder = match self {
            Self::Authority(pem) => builder.with_root_certificates(authorities(pem)?),
            Self::SystemStore => builder
                .with_platform_verifier()
                .map_err(|error| SetupError::SystemStore(error.to_string()))?,
            Self::Nobody if encrypted => return Err(SetupError::AuthorityMissing),
            Self::Nobody => builder.with_root_certificates(RootCertStore::empty()),
        };
        Ok(builder.with_no_client_auth())
    }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, SetupError> {
    let invalid = |reason: String| SetupError::AuthorityInvalid(reason);
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        store.add(certificate).map_err(|error| invalid(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(invalid("no certificate found".to_owned()));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_must_be_one() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        for pem in [b"".to_vec(), b"not pem".to_vec(), broken] {
            let refused = Trust::Authority(pem).tls_config(true);
            assert!(matches!(refused, Err(SetupError::AuthorityInvalid(_))));
        }
    }

    #[test]
    fn nobody_vouches_for_no_tls() {
        assert!(matches!(Trust::Nobody.tls_config(true), Err(SetupError::AuthorityMissing)));
        assert!(Trust::Nobody.tls_config(false).is_ok());
    }
}
