//! From parsed interfaces to a verified item.

use super::claims::{Claims, DeviceClaims};
use super::error::{DeviceError, TdiError};
use crate::claims::Claims as AnyClaims;
use crate::crypto::{Budget, SignatureError};
use crate::nvidia::chain::Chain;
use crate::nvidia::gathered::Gathered;
use crate::nvidia::{NvidiaError, Standing};
use crate::roots::{NvidiaAuthority, NvidiaRoot};
use crate::verify::{Context, Refused, VerifiedItem};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA384, digest};
use hanzo_attestation_evidence::nvidia::{Bytes, OcspResponse};
use hanzo_attestation_evidence::tdi::{Device, Evidence, Measurements};
use hanzo_attestation_evidence::{Hex, Tee};

/// Verifies every interface of an item.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let responses = evidence.ocsp.iter().map(|der| OcspResponse::parse(der)).collect::<Result<_, _>>();
    let responses = responses.map_err(|error| Refused::new(Tee::Tdi, &error))?;
    let mut item = Item::new(responses, context);
    for (index, device) in evidence.devices.iter().enumerate() {
        item.add(device, context, budget)
            .map_err(|error| Refused::new(Tee::Tdi, &DeviceError { device: index, error }))?;
    }
    Ok(item.finish())
}

/// TDI-10, in constant time and over the whole length.
pub(crate) fn check_nonces<'a>(
    nonces: impl Iterator<Item = &'a Hex<32>>,
    expected: &[u8],
) -> Result<(), Refused> {
    let other = |nonce: &Hex<32>| verify_slices_are_equal(&nonce.0, expected).is_err();
    match nonces.enumerate().find(|(_, nonce)| other(nonce)) {
        None => Ok(()),
        Some((device, _)) => Err(Refused::new(Tee::Tdi, &DeviceError { device, error: TdiError::Nonce })),
    }
}

/// What is gathered from interface to interface.
struct Item<'a> {
    /// What came with the evidence about certificates.
    responses: Vec<OcspResponse<'a>>,
    devices: Vec<DeviceClaims>,
    gathered: Gathered<'a>,
}

impl<'a> Item<'a> {
    fn new(responses: Vec<OcspResponse<'a>>, context: &Context<'a>) -> Self {
        Self { responses, devices: Vec::new(), gathered: Gathered::new(context) }
    }

    fn add(&mut self, device: &Device, context: &Context<'_>, budget: &mut Budget) -> Result<(), TdiError> {
        if device.measured.blocks != device.measured_at_lock.blocks {
            return Err(TdiError::Changed);
        }
        let gathered = &mut self.gathered;
        let fits = |chain: &Chain, budget: &mut Budget| check(chain, device, context, budget);
        let chain = gathered.chain(&device.certs.certificates, context, budget, fits)?;
        let root = chain.root(context.roots)?;
        let standing = gathered.revocation(&chain, root, &self.responses, context, budget)?;
        self.devices.push(claims(device, &chain, root, standing));
        Ok(())
    }

    fn finish(self) -> VerifiedItem {
        let pdis = self.devices.iter().map(|device| device.pdi);
        let (facts, findings) = self.gathered.finish(Tee::Tdi, pdis);
        let claims = Claims { devices: self.devices };
        VerifiedItem::new(AnyClaims::Tdi(Box::new(claims)), facts, findings)
    }
}

/// Dates and the root's digest (TDI-07), which need no key; then both signatures (TDI-08).
fn check(chain: &Chain, device: &Device, context: &Context<'_>, budget: &mut Budget) -> Result<(), TdiError> {
    chain.check_dates(chain.root(context.roots)?, context.now)?;
    let root = chain.anchor(context.roots).map(NvidiaRoot::der).unwrap_or_default();
    if digest(&SHA384, root).as_ref() != device.certs.root_hash.0 {
        return Err(TdiError::RootHash);
    }
    let mut signed = |exchange: &Measurements, when| {
        let proof = chain.leaf_key.verify(budget, &exchange.signed(&device.vca), exchange.signature());
        proof.map_err(|error| match error {
            SignatureError::Mismatch => TdiError::Signature(when),
            SignatureError::Form(error) => NvidiaError::Signature { of: "the measurements", error }.into(),
        })
    };
    signed(&device.measured_at_lock, "at the lock")?;
    signed(&device.measured, "over the challenge")
}

fn claims(device: &Device, chain: &Chain, root: &NvidiaAuthority, revocation: Vec<Standing>) -> DeviceClaims {
    let [leaf, authority, ..] = &chain.links;
    let blocks = device.measured.blocks.iter();
    DeviceClaims {
        architecture: chain.architecture,
        chip: chain.chip.clone(),
        hwmodel: authority.common_name.clone(),
        pdi: chain.pdi,
        leaf_sha256: Hex(leaf.sha256),
        spdm_version: device.vca.version,
        nonce: device.measured.nonce,
        interface: device.interface_report.clone(),
        measurements: blocks.map(|block| (block.index, Bytes(block.value.clone()))).collect(),
        tsm: device.tsm,
        report_sha384: Hex(device.digests.report),
        certs_sha384: Hex(device.digests.certs),
        chain_not_after: chain.not_after(root),
        revocation,
    }
}
