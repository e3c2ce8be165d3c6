//! Who may be asked: the vendors' hosts, and mirrors that were named.

use crate::wanted::Vendor;
use reqwest::Url;
use std::net::IpAddr;

const AMD: &str = "https://kdsintf.amd.com";
const INTEL: &str = "https://api.trustedservices.intel.com";
/// Where NVIDIA's reference integrity manifests are.
const NVIDIA_RIM: &str = "https://rim.attestation.nvidia.com";
/// Where the root certificate says its list is.
const INTEL_ROOT_CRL: &str = "https://certificates.trustedservices.intel.com";

/// An address that is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not `https://HOST` or `https://HOST:PORT`.
    #[error("`{0}` is not https://HOST or https://HOST:PORT")]
    Malformed(String),
    /// Without TLS, to another machine than this one.
    #[error(
        "`{0}` is without TLS: only this machine's own loopback address can be, and only where that was asked for"
    )]
    Plain(String),
    /// A host that nobody named.
    #[error("`{0}` is no vendor's host and no mirror that was named")]
    NotAllowed(String),
}

/// The addresses of the vendors' services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    amd: Url,
    intel: Url,
    intel_root_crl: Url,
    nvidia_rim: Url,
    /// Whether Intel's is a mirror: it then serves the root's list itself.
    intel_is_mirror: bool,
    allow_plain_loopback: bool,
}

impl Hosts {
    /// The vendors' own hosts, or the mirrors that are given in their place. A mirror without TLS is possible
    /// on the loopback address alone, and only where `allow_plain_loopback` says so: it is for tests.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn new(
        amd_mirror: Option<&str>,
        intel_mirror: Option<&str>,
        allow_plain_loopback: bool,
    ) -> Result<Self, HostError> {
        let base = |text: &str| base(text, allow_plain_loopback);
        let intel = base(intel_mirror.unwrap_or(INTEL))?;
        Ok(Self {
            amd: base(amd_mirror.unwrap_or(AMD))?,
            intel_root_crl: if intel_mirror.is_some() { intel.clone() } else { base(INTEL_ROOT_CRL)? },
            intel,
            nvidia_rim: base(NVIDIA_RIM)?,
            intel_is_mirror: intel_mirror.is_some(),
            allow_plain_loopback,
        })
    }

    /// A mirror in the place of NVIDIA's service of manifests, on the terms of [`Hosts::new`].
    ///
    /// # Errors
    /// [`HostError`].
    pub fn with_nvidia_mirror(mut self, mirror: &str) -> Result<Self, HostError> {
        self.nvidia_rim = base(mirror, self.allow_plain_loopback)?;
        Ok(self)
    }

    /// Whether a mirror is asked in Intel's place.
    #[must_use]
    pub const fn intel_is_mirror(&self) -> bool {
        self.intel_is_mirror
    }

    pub(crate) const fn allows_plain(&self) -> bool {
        self.allow_plain_loopback
    }

    pub(crate) const fn base(&self, vendor: Vendor, root_crl: bool) -> &Url {
        match vendor {
            Vendor::Amd => &self.amd,
            Vendor::Intel if root_crl => &self.intel_root_crl,
            Vendor::Intel => &self.intel,
            Vendor::Nvidia => &self.nvidia_rim,
        }
    }

    /// Whether an address may be asked: the same scheme, host and port as one of the bases.
    ///
    /// # Errors
    /// [`HostError::NotAllowed`].
    pub fn check(&self, url: &Url) -> Result<(), HostError> {
        let same = |base: &&Url| base.origin() == url.origin();
        let allowed = [&self.amd, &self.intel, &self.intel_root_crl, &self.nvidia_rim].iter().any(same);
        let plain = url.username().is_empty() && url.password().is_none();
        if allowed && plain { Ok(()) } else { Err(HostError::NotAllowed(url.to_string())) }
    }
}

fn base(text: &str, allow_plain_loopback: bool) -> Result<Url, HostError> {
    let malformed = || HostError::Malformed(text.to_owned());
    let url: Url = text.parse().map_err(|_| malformed())?;
    let host = url.host_str().ok_or_else(malformed)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(malformed());
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_plain_loopback && loopback => Ok(url),
        "http" => Err(HostError::Plain(text.to_owned())),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_own_hosts_are_the_default() {
        let hosts = Hosts::new(None, None, false).unwrap();
        for allowed in [
            "https://kdsintf.amd.com/vcek/v1/Milan/crl",
            "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform",
            "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
            "https://rim.attestation.nvidia.com/v1/rim/NV_GPU_DRIVER_GH100_550.144.03",
        ] {
            assert_eq!(hosts.check(&allowed.parse().unwrap()), Ok(()), "{allowed}");
        }
        for other in [
            "https://kdsintf.amd.com.example/vcek/v1/Milan/crl",
            "https://kdsintf.amd.com:8443/vcek/v1/Milan/crl",
            "http://kdsintf.amd.com/vcek/v1/Milan/crl",
            "https://user@kdsintf.amd.com/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
        ] {
            assert!(hosts.check(&other.parse().unwrap()).is_err(), "{other}");
        }
    }

    #[test]
    fn a_mirror_takes_its_vendors_place() {
        let hosts = Hosts::new(None, Some("https://pccs.example:8081"), false).unwrap();
        assert!(hosts.check(&"https://pccs.example:8081/x".parse().unwrap()).is_ok());
        assert!(hosts.check(&"https://api.trustedservices.intel.com/x".parse().unwrap()).is_err());
        assert!(hosts.intel_is_mirror());
    }

    #[test]
    fn what_is_no_plain_base_or_has_no_tls_is_refused() {
        for text in ["", "pccs", "ftp://h", "https://h/path", "https://h?q", "https://u:p@h", "https://h#f"] {
            assert!(matches!(Hosts::new(Some(text), None, true), Err(HostError::Malformed(_))), "{text}");
        }
        for text in ["http://10.0.0.1", "http://localhost", "http://pccs.example"] {
            assert!(matches!(Hosts::new(Some(text), None, true), Err(HostError::Plain(_))), "{text}");
        }
        for text in ["http://127.0.0.1:99", "http://[::1]:99"] {
            assert!(matches!(Hosts::new(Some(text), None, false), Err(HostError::Plain(_))), "{text}");
            assert!(Hosts::new(Some(text), None, true).is_ok(), "{text}");
        }
    }
}
