//! A device's chain: leaf, device, provisioner, product, and the pinned root (NV-10 to NV-19).
//!
//! There is one order and no path search. A self-signed last certificate is dropped, whatever it is: the root
//! is the one that is pinned or configured.

use super::error::{NvidiaError, Place};
use super::proved::Proved;
use crate::crypto::{Budget, P384Key};
use crate::roots::{NvidiaAuthority, NvidiaRoot, Roots, sha256};
use crate::x509::{ECDSA_WITH_SHA384, Validity, names_key_of};
use hanzo_attestation_evidence::nvidia::{self, Architecture, Device};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_evidence::{Hex, UnixTime};

/// Certificates below the root.
const BELOW_ROOT: [Place; 4] = [Place::Leaf, Place::Device, Place::Provisioner, Place::Product];

/// A chain whose names, profiles and signatures are right. Dates are judged at every use.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Leaf, device, provisioner, product.
    pub(super) links: [Certified; 4],
    /// The leaf's key.
    pub(super) leaf_key: P384Key,
    /// The chip, as the leaf's common name has it.
    pub(super) chip: String,
    pub(super) architecture: Architecture,
    /// From the serial number of the device's authority.
    pub(super) pdi: Hex<8>,
    /// Firmware id of the leaf.
    pub(super) fwid: Option<Hex<48>>,
    /// Name of the device in the leaf.
    pub(super) device_info: Option<String>,
    /// SHA-256 of the root's certificate.
    pub(super) root: [u8; 32],
}

/// What of a certificate is needed after it was read.
#[derive(Debug)]
pub(super) struct Certified {
    /// Uncompressed point.
    pub(super) point: [u8; 97],
    pub(super) serial: Vec<u8>,
    /// The subject's name, DER.
    pub(super) subject: Vec<u8>,
    /// Identifier of its key, and whether that may sign revocation lists.
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) crl_sign: bool,
    pub(super) common_name: String,
    pub(super) validity: Validity,
    pub(super) sha256: [u8; 32],
}

/// Signatures of a chain that are left to verify.
pub(super) struct Unproved<'a> {
    pub(super) chain: Chain,
    certificates: [Certificate<'a>; 4],
}

/// What everything that [`Chain`] says depends on.
pub(super) fn key_of(certs: &[Vec<u8>], roots: &Roots) -> [u8; 32] {
    let mut bytes = roots.nvidia_digest().to_vec();
    for der in certs {
        bytes.extend(der.len().to_be_bytes());
        bytes.extend_from_slice(der);
    }
    sha256(&bytes)
}

/// Reads the certificates and checks everything that needs neither a key nor a clock.
pub(super) fn read<'a>(certs: &'a [Vec<u8>], roots: &Roots) -> Result<Unproved<'a>, NvidiaError> {
    let parsed = certs.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>()?;
    let below = match parsed.split_last() {
        Some((last, rest)) if last.is_self_issued() => rest,
        _ => &parsed,
    };
    let certificates: [Certificate<'a>; 4] = below
        .to_vec()
        .try_into()
        .map_err(|below: Vec<_>| NvidiaError::ChainLength { below_root: below.len() })?;
    let [leaf, device, provisioner, product] = &certificates;
    check_profiles(&certificates)?;
    check_order(Place::Leaf, leaf, device)?;
    check_order(Place::Device, device, provisioner)?;
    check_order(Place::Provisioner, provisioner, product)?;
    let root = root_of(product, roots)?;
    let (chip, architecture) = chip(&certificates)?;
    let fwid = firmware(leaf, device)?;
    let pdi = nvidia::pdi(device.serial()).ok_or(NvidiaError::Pdi("the serial number holds none"))?;
    let links = [
        Certified::new(Place::Leaf, leaf)?,
        Certified::new(Place::Device, device)?,
        Certified::new(Place::Provisioner, provisioner)?,
        Certified::new(Place::Product, product)?,
    ];
    let form = |error| NvidiaError::Signature { of: "the leaf's key", error };
    let leaf_key = P384Key::parse(p384(Place::Leaf, leaf)?).map_err(form)?;
    let device_info = nvidia::device_info(leaf)?;
    let root = *root.sha256();
    let chain = Chain { links, leaf_key, chip, architecture, pdi, fwid, device_info, root };
    Ok(Unproved { chain, certificates })
}

impl Unproved<'_> {
    /// NV-15, leaf first. Devices of one baseboard share their upper certificates, and a device that has
    /// started again has a new leaf under the certificate that it had before.
    pub(super) fn verify(
        self,
        roots: &Roots,
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<Chain, NvidiaError> {
        let root = self.chain.root(roots)?;
        let [_, device, provisioner, product] = &self.chain.links;
        let issuers = [&device.point, &provisioner.point, &product.point, &root.point];
        for ((place, certificate), issuer) in BELOW_ROOT.into_iter().zip(&self.certificates).zip(issuers) {
            let mut prove = || prove(place, certificate, issuer, budget);
            // A leaf is known with its whole chain.
            if place == Place::Leaf { prove()? } else { proved.once(question(issuer, certificate), prove)? }
        }
        Ok(self.chain)
    }
}

/// By which a signature over a certificate is known.
pub(super) fn question(issuer: &[u8; 97], certificate: &Certificate<'_>) -> [u8; 32] {
    sha256(&[issuer.as_slice(), certificate.der()].concat())
}

fn prove(
    place: Place,
    certificate: &Certificate<'_>,
    issuer: &[u8; 97],
    budget: &mut Budget,
) -> Result<(), NvidiaError> {
    let of = |error| NvidiaError::signature("a certificate", error, NvidiaError::ChainSignature(place));
    let key = P384Key::parse(issuer).map_err(|error| of(error.into()))?;
    key.verify_der(budget, certificate.tbs(), certificate.signature()).map_err(of)
}

impl Chain {
    /// The root's authority, which is one that is configured now.
    pub(super) fn root<'r>(&self, roots: &'r Roots) -> Result<&'r NvidiaAuthority, NvidiaError> {
        let root = self.anchor(roots).and_then(NvidiaRoot::authority);
        root.ok_or(NvidiaError::Name {
            place: Place::Product,
            problem: "no pinned root has its name and key",
        })
    }

    /// The root.
    pub(super) fn anchor<'r>(&self, roots: &'r Roots) -> Option<&'r NvidiaRoot> {
        roots.nvidia().iter().find(|root| *root.sha256() == self.root)
    }

    /// NV-14, both ends included.
    pub(super) fn check_dates(&self, root: &NvidiaAuthority, now: UnixTime) -> Result<(), NvidiaError> {
        let below = BELOW_ROOT.into_iter().zip(self.links.iter().map(|link| link.validity));
        for (place, validity) in below.chain([(Place::Root, root.validity)]) {
            if !validity.contains(now) {
                let Validity { not_before, not_after } = validity;
                return Err(NvidiaError::NotInValidity { place, now, not_before, not_after });
            }
        }
        Ok(())
    }

    /// Earliest end of validity in the chain.
    pub(super) fn not_after(&self, root: &NvidiaAuthority) -> UnixTime {
        let below = self.links.iter().map(|link| link.validity.not_after);
        below.fold(root.validity.not_after, UnixTime::min)
    }

    /// NV-17 to NV-19: what the report says of its device is what the certificates say.
    pub(super) fn matches(&self, device: &Device) -> Result<(), NvidiaError> {
        let is_switch = self.architecture == Architecture::Ls10;
        let fields = &device.report.opaque.fields;
        // A switch writes another thing under the type of GPU_INFO.
        let by_id = fields.chip_id.filter(|_| !is_switch).and_then(series_of_id);
        let stated = by_id.into_iter().chain(fields.chip_info.as_deref().and_then(series));
        for stated in stated {
            if series(&self.chip) != Some(stated) {
                return Err(NvidiaError::Chip(format!("the report says {stated}…, its leaf {}", self.chip)));
            }
        }
        match (fields.fwid, self.fwid) {
            (Some(reported), Some(certified)) if reported == certified => {}
            (None, _) => {}
            (Some(_), None) => return Err(NvidiaError::Fwid("the report states one, and its leaf none")),
            (Some(_), Some(_)) => return Err(NvidiaError::Fwid("the report's is not its leaf's")),
        }
        if fields.fwid.is_none() && device.report.opaque.undecoded.contains(&FWID) {
            return Err(NvidiaError::Fwid("the report states one of another size"));
        }
        match fields.device_pdi {
            Some(pdi) if is_switch && pdi != self.pdi => {
                Err(NvidiaError::Pdi("the switch states another than its certificate"))
            }
            _ => Ok(()),
        }
    }
}

/// Type of the report's firmware id in opaque data.
const FWID: u16 = 20;

impl Certified {
    fn new(place: Place, certificate: &Certificate<'_>) -> Result<Self, NvidiaError> {
        Ok(Self {
            point: *p384(place, certificate)?,
            serial: certificate.serial().to_vec(),
            subject: certificate.subject().der().to_vec(),
            key_id: certificate.subject_key_id().map(<[u8]>::to_vec),
            crl_sign: certificate.key_usage().is_some_and(|usage| usage.crl_sign()),
            common_name: common_name(place, certificate)?.to_owned(),
            validity: Validity::of(certificate),
            sha256: sha256(certificate.der()),
        })
    }
}

/// NV-12: what each place in the chain asks for.
fn check_profiles(certificates: &[Certificate<'_>; 4]) -> Result<(), NvidiaError> {
    for (below, (place, certificate)) in (0_u8..).zip(BELOW_ROOT.into_iter().zip(certificates)) {
        let profile = |holds: bool, problem| {
            if holds { Ok(()) } else { Err(NvidiaError::Profile { place, problem }) }
        };
        certificate.refuse_unknown_critical(&nvidia::EXTENSIONS)?;
        profile(certificate.signature_algorithm() == ECDSA_WITH_SHA384, "not signed with ecdsa-with-SHA384")?;
        p384(place, certificate)?;
        let usage = certificate.key_usage();
        if place == Place::Leaf {
            profile(!certificate.is_ca(), "it is an authority")?;
            let signs = usage.is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign());
            profile(signs, "its key usage is not to sign reports")?;
            continue;
        }
        profile(certificate.is_ca(), "it is no authority")?;
        profile(usage.is_some_and(|usage| usage.key_cert_sign()), "its key must not sign certificates")?;
        // Authorities between it and the leaf: none below the device's own.
        let allowed = certificate.basic_constraints().and_then(|constraints| constraints.path_len);
        let enough = allowed.is_none_or(|allowed| allowed >= below.saturating_sub(1));
        profile(enough, "its path length is too short")?;
    }
    Ok(())
}

/// NV-13: names byte for byte, and identifiers of keys.
fn check_order(place: Place, subject: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<(), NvidiaError> {
    let wrong = |problem| Err(NvidiaError::Name { place, problem });
    if subject.issuer().der() != issuer.subject().der() {
        return wrong("its issuer is another name");
    }
    if names_key_of(subject, issuer) { Ok(()) } else { wrong("the key identifiers differ") }
}

/// NV-13: the root that has the issuer's name and key.
fn root_of<'r>(product: &Certificate<'_>, roots: &'r Roots) -> Result<&'r NvidiaRoot, NvidiaError> {
    let issued = |root: &&NvidiaRoot| {
        root.authority().is_some_and(|authority| {
            authority.subject == product.issuer().der()
                && product.authority_key_id() == Some(authority.key_id.as_slice())
        })
    };
    let problem = "no pinned root has its name and key";
    roots.nvidia().iter().find(issued).ok_or(NvidiaError::Name { place: Place::Product, problem })
}

/// NV-18: the chip that the leaf names, and that every certificate above it is for.
fn chip(certificates: &[Certificate<'_>; 4]) -> Result<(String, Architecture), NvidiaError> {
    let [leaf, device, provisioner, product] = certificates;
    let name = common_name(Place::Leaf, leaf)?;
    let chip = chip_in(name).ok_or_else(|| NvidiaError::Chip(format!("none in `{name}`")))?;
    let architecture =
        Architecture::of_chip(chip).ok_or_else(|| NvidiaError::Chip(format!("`{chip}` is not known")))?;
    for (place, certificate) in
        [(Place::Device, device), (Place::Provisioner, provisioner), (Place::Product, product)]
    {
        let name = common_name(place, certificate)?;
        let stated = chip_in(name);
        // The product's authority of LS10 is that of the GPUs beside it.
        let shared = place == Place::Product && architecture == Architecture::Ls10;
        let fits = stated.and_then(series) == series(chip)
            || (shared && stated.and_then(Architecture::of_chip) == Some(Architecture::Hopper));
        if !fits {
            return Err(NvidiaError::Chip(format!("`{name}` is not for a {chip}")));
        }
    }
    Ok((chip.to_owned(), architecture))
}

/// The word of a common name that is a chip: `GH100 A01 GSP BROM`, `NVIDIA GH100 Identity`.
fn chip_in(name: &str) -> Option<&str> {
    name.split(' ').find(|word| Architecture::of_chip(word).is_some())
}

/// The first three characters tell products apart whose authorities differ (GH1, GB1, GB2, GR1); `LS_10` and
/// `LS10` are one.
fn series(chip: &str) -> Option<&str> {
    match Architecture::of_chip(chip)? {
        Architecture::Ls10 => Some("LS1"),
        _ => chip.get(..3),
    }
}

/// The series of GPU_INFO's number; others are not known.
const fn series_of_id(id: u32) -> Option<&'static str> {
    match id >> 4 {
        0x18 => Some("GH1"),
        0x1a => Some("GB1"),
        0x1b => Some("GB2"),
        0x1c => Some("GR1"),
        _ => None,
    }
}

/// NV-16, NV-17: the leaf's firmware id, which in its older form is for the key of the device's own
/// authority.
fn firmware(leaf: &Certificate<'_>, device: &Certificate<'_>) -> Result<Option<Hex<48>>, NvidiaError> {
    let Some(fwid) = nvidia::fwid(leaf)? else { return Ok(None) };
    if fwid.device_key.is_some_and(|key| key != device.spki()) {
        return Err(NvidiaError::Fwid("the leaf's is for another device's key"));
    }
    Ok(Some(fwid.digest))
}

fn common_name<'a>(place: Place, certificate: &Certificate<'a>) -> Result<&'a str, NvidiaError> {
    let problem = "it has not exactly one common name";
    certificate.subject().common_name().ok_or(NvidiaError::Profile { place, problem })
}

fn p384<'a>(place: Place, certificate: &Certificate<'a>) -> Result<&'a [u8; 97], NvidiaError> {
    match certificate.public_key() {
        PublicKey::P384(point) => Ok(point),
        _ => Err(NvidiaError::Profile { place, problem: "its key is not on P-384" }),
    }
}
