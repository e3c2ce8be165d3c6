//! What can be asked for, and where it is (rule book, section D).

use crate::hosts::Hosts;
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::dcap::TeeType;
use hanzo_attestation_evidence::nvidia::rim::RimId;
use hanzo_attestation_evidence::snp::{Product, Tcb, Vek};
use reqwest::Url;
use std::fmt;

/// A vendor whose health is watched on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// AMD's key distribution service.
    Amd,
    /// Intel's provisioning certification service.
    Intel,
    /// NVIDIA's service of reference integrity manifests.
    Nvidia,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd => "AMD",
            Self::Intel => "Intel",
            Self::Nvidia => "NVIDIA",
        })
    }
}

/// Which of Intel's two current TCB infos: the early one knows a recovery event as soon as it is public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Update {
    /// The one that platforms have had time to reach.
    #[default]
    Standard,
    /// The newest.
    Early,
}

/// Which CA issued a PCK certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PckCa {
    /// Platforms of several packages.
    Platform,
    /// Platforms of one package.
    Processor,
}

impl PckCa {
    const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Processor => "processor",
        }
    }
}

/// One document of a vendor's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// AMD's revocation list for one product and kind of key.
    AmdCrl {
        /// The product.
        product: Product,
        /// The kind of key.
        vek: Vek,
    },
    /// AMD's intermediate and root.
    AmdChain {
        /// The product.
        product: Product,
        /// The kind of key.
        vek: Vek,
    },
    /// One chip's certificate at one TCB.
    AmdVcek {
        /// The product.
        product: Product,
        /// The chip: 64 bytes, 8 for Turin.
        hardware_id: Vec<u8>,
        /// The TCB that the report says.
        tcb: Tcb,
    },
    /// TCB info of one kind of platform.
    TcbInfo {
        /// For which quotes.
        tee: TeeType,
        /// The kind of platform.
        fmspc: Hex<6>,
        /// Which of the two.
        update: Update,
    },
    /// Identity of the quoting enclave.
    QeIdentity {
        /// For which quotes.
        tee: TeeType,
        /// Which of the two.
        update: Update,
    },
    /// List of a PCK CA.
    PckCrl {
        /// Which CA.
        ca: PckCa,
    },
    /// List of Intel's root.
    RootCrl,
    /// A reference integrity manifest. The service has one issue of each id, and nothing but asking tells
    /// whether it is a new one: it is asked every time.
    NvidiaRim {
        /// The id.
        id: RimId,
    },
}

impl Wanted {
    /// Who is asked.
    #[must_use]
    pub const fn vendor(&self) -> Vendor {
        match self {
            Self::AmdCrl { .. } | Self::AmdChain { .. } | Self::AmdVcek { .. } => Vendor::Amd,
            Self::TcbInfo { .. } | Self::QeIdentity { .. } | Self::PckCrl { .. } | Self::RootCrl => {
                Vendor::Intel
            }
            Self::NvidiaRim { .. } => Vendor::Nvidia,
        }
    }

    /// What comes back.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::AmdCrl { .. } => Kind::AmdCrl,
            Self::AmdChain { .. } => Kind::AmdChain,
            Self::AmdVcek { .. } => Kind::AmdVek,
            Self::TcbInfo { .. } => Kind::IntelTcbInfo,
            Self::QeIdentity { .. } => Kind::IntelQeIdentity,
            Self::PckCrl { .. } => Kind::IntelPckCrl,
            Self::RootCrl => Kind::IntelRootCrl,
            Self::NvidiaRim { .. } => Kind::NvidiaRim,
        }
    }

    /// Its key in a store; of a manifest, whose key has the digest of the file, its id.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::AmdCrl { product, vek } | Self::AmdChain { product, vek } => {
                format!("{}/{}", product.name().to_ascii_lowercase(), vek_name(*vek))
            }
            Self::AmdVcek { product, hardware_id, tcb } => {
                let parameters: Vec<String> = spl(tcb).iter().map(|(_, spl)| format!("{spl:02x}")).collect();
                let product = product.name().to_ascii_lowercase();
                format!("{product}/{}/{}", hex(hardware_id), parameters.concat())
            }
            Self::TcbInfo { tee, fmspc, .. } => format!("{}/{fmspc}", tee_name(*tee)),
            Self::QeIdentity { tee, .. } => tee_name(*tee).to_owned(),
            Self::PckCrl { ca } => ca.name().to_owned(),
            Self::RootCrl => "root".to_owned(),
            Self::NvidiaRim { id } => id.to_string(),
        }
    }

    /// The header with its issuer chain, and the chain's key in a store.
    pub(crate) fn chain(&self) -> Option<(&'static [&'static str], String)> {
        let (headers, purpose): (&'static [&'static str], &str) = match self {
            // The second is the older name, which Intel's service and mirrors still send for SGX.
            Self::TcbInfo { .. } => (&["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"], "tcb-info"),
            Self::QeIdentity { .. } => (&["SGX-Enclave-Identity-Issuer-Chain"], "qe-identity"),
            Self::PckCrl { .. } => (&["SGX-PCK-CRL-Issuer-Chain"], "pck-crl"),
            Self::AmdCrl { .. }
            | Self::AmdChain { .. }
            | Self::AmdVcek { .. }
            | Self::RootCrl
            | Self::NvidiaRim { .. } => {
                return None;
            }
        };
        Some((headers, format!("{purpose}/{}", self.key())))
    }

    /// Its address.
    pub(crate) fn url(&self, hosts: &Hosts) -> Url {
        let mut url = hosts.base(self.vendor(), matches!(self, Self::RootCrl)).clone();
        url.set_path(&self.path(hosts.intel_is_mirror()));
        let query = self.query();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn path(&self, mirror: bool) -> String {
        match self {
            Self::AmdCrl { product, vek } => format!("/{}/v1/{product}/crl", vek_name(*vek)),
            Self::AmdChain { product, vek } => format!("/{}/v1/{product}/cert_chain", vek_name(*vek)),
            Self::AmdVcek { product, hardware_id, .. } => format!("/vcek/v1/{product}/{}", hex(hardware_id)),
            Self::TcbInfo { tee, .. } => format!("/{}/certification/v4/tcb", tee_name(*tee)),
            Self::QeIdentity { tee, .. } => format!("/{}/certification/v4/qe/identity", tee_name(*tee)),
            Self::PckCrl { .. } => "/sgx/certification/v4/pckcrl".to_owned(),
            Self::RootCrl if mirror => "/sgx/certification/v4/rootcacrl".to_owned(),
            Self::RootCrl => "/IntelSGXRootCA.der".to_owned(),
            Self::NvidiaRim { id } => format!("/v1/rim/{id}"),
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let early = |update: &Update| (*update == Update::Early).then(|| ("update", "early".to_owned()));
        match self {
            Self::AmdVcek { tcb, .. } => {
                spl(tcb).into_iter().map(|(name, spl)| (name, format!("{spl:02}"))).collect()
            }
            Self::TcbInfo { fmspc, update, .. } => {
                [("fmspc", fmspc.to_string())].into_iter().chain(early(update)).collect()
            }
            Self::QeIdentity { update, .. } => early(update).into_iter().collect(),
            Self::PckCrl { ca } => vec![("ca", ca.name().to_owned()), ("encoding", "der".to_owned())],
            Self::AmdCrl { .. } | Self::AmdChain { .. } | Self::RootCrl | Self::NvidiaRim { .. } => {
                Vec::new()
            }
        }
    }
}

/// Security versions under the names of AMD's service.
fn spl(tcb: &Tcb) -> Vec<(&'static str, u8)> {
    let rest =
        [("blSPL", tcb.bootloader), ("teeSPL", tcb.tee), ("snpSPL", tcb.snp), ("ucodeSPL", tcb.microcode)];
    tcb.fmc.map(|fmc| ("fmcSPL", fmc)).into_iter().chain(rest).collect()
}

const fn vek_name(vek: Vek) -> &'static str {
    match vek {
        Vek::Vcek => "vcek",
        Vek::Vlek => "vlek",
    }
}

const fn tee_name(tee: TeeType) -> &'static str {
    match tee {
        TeeType::Sgx => "sgx",
        TeeType::Tdx => "tdx",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(wanted: &Wanted) -> String {
        wanted.url(&Hosts::new(None, None, false).unwrap()).to_string()
    }

    #[test]
    fn the_addresses_are_the_vendors() {
        let (product, vek) = (Product::Milan, Vek::Vlek);
        assert_eq!(url(&Wanted::AmdCrl { product, vek }), "https://kdsintf.amd.com/vlek/v1/Milan/crl");
        assert_eq!(
            url(&Wanted::AmdChain { product, vek }),
            "https://kdsintf.amd.com/vlek/v1/Milan/cert_chain"
        );
        let fmspc = Hex([0x50, 0x80, 0x6f, 0, 0, 0]);
        let (tee, update) = (TeeType::Tdx, Update::Early);
        let pcs = "https://api.trustedservices.intel.com";
        assert_eq!(
            url(&Wanted::TcbInfo { tee, fmspc, update }),
            format!("{pcs}/tdx/certification/v4/tcb?fmspc=50806f000000&update=early")
        );
        let (tee, update) = (TeeType::Sgx, Update::Standard);
        assert_eq!(
            url(&Wanted::QeIdentity { tee, update }),
            format!("{pcs}/sgx/certification/v4/qe/identity")
        );
        assert_eq!(
            url(&Wanted::PckCrl { ca: PckCa::Platform }),
            format!("{pcs}/sgx/certification/v4/pckcrl?ca=platform&encoding=der")
        );
        assert_eq!(
            url(&Wanted::RootCrl),
            "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
        );
        let mirror = Hosts::new(None, Some("https://pccs.example:8081"), false).unwrap();
        assert_eq!(
            Wanted::RootCrl.url(&mirror).to_string(),
            "https://pccs.example:8081/sgx/certification/v4/rootcacrl"
        );
    }

    #[test]
    fn a_chips_certificate_is_named_by_chip_and_tcb() {
        let tcb = Tcb { fmc: None, bootloader: 3, tee: 0, snp: 20, microcode: 209 };
        let vcek = Wanted::AmdVcek { product: Product::Milan, hardware_id: vec![0xab; 64], tcb };
        let chip = "ab".repeat(64);
        assert_eq!(
            url(&vcek),
            format!("https://kdsintf.amd.com/vcek/v1/Milan/{chip}?blSPL=03&teeSPL=00&snpSPL=20&ucodeSPL=209")
        );
        assert_eq!(vcek.key(), format!("milan/{chip}/030014d1"));
        let tcb = Tcb { fmc: Some(1), ..tcb };
        let turin = Wanted::AmdVcek { product: Product::Turin, hardware_id: vec![1; 8], tcb };
        assert!(url(&turin).contains("/Turin/0101010101010101?fmcSPL=01&blSPL=03"), "{}", url(&turin));
    }
}
