//! From parsed devices to a verified item.

use super::chain::Chain;
use super::claims::{Claims, DeviceClaims, FwidMatch, Standing};
use super::error::{DeviceError, NvidiaError};
use super::gathered::Gathered;
use super::rim::{self, RimResult};
use crate::claims::Claims as AnyClaims;
use crate::crypto::Budget;
use crate::roots::NvidiaAuthority;
use crate::verify::{Context, Refused, VerifiedItem};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::nvidia::{Architecture, Bytes, Class, Device, Entry, Evidence, OcspResponse};
use hanzo_attestation_evidence::{Binding, Finding, Hex, Rule, Severity, Tee};

const REPORT_TRAILING: Rule = Rule::new("NV-03", "ReportTrailing");
/// Type of NVDEC0_STATUS in opaque data.
const NVDEC0_STATUS: u16 = 11;

/// Verifies every device of an item.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let tee = evidence.class.tee();
    let responses = evidence.ocsp.iter().map(|der| OcspResponse::parse(der)).collect::<Result<Vec<_>, _>>();
    let responses = responses.map_err(|error| Refused::new(tee, &error))?;
    let mut item = Item::new(&responses, context);
    for (index, device) in evidence.devices.iter().enumerate() {
        item.add(device, context, budget)
            .map_err(|error| Refused::new(tee, &DeviceError { device: index, error }))?;
    }
    Ok(item.finish(evidence))
}

/// NV-30, in constant time and over the whole length.
pub(crate) fn check_nonces<'a>(
    class: Class,
    nonces: impl Iterator<Item = &'a Hex<32>>,
    expected: &[u8],
) -> Result<(), Refused> {
    let other = |nonce: &Hex<32>| verify_slices_are_equal(&nonce.0, expected).is_err();
    match nonces.enumerate().find(|(_, nonce)| other(nonce)) {
        None => Ok(()),
        Some((device, _)) => {
            Err(Refused::new(class.tee(), &DeviceError { device, error: NvidiaError::Nonce }))
        }
    }
}

/// NV-31: a binding covers exactly the devices of the evidence, in its order. Others would be bound to
/// nothing.
pub(crate) fn check_covered(
    mut kinds: impl Iterator<Item = Tee>,
    devices: &[DeviceDigests],
    binding: &Binding,
) -> Result<(), Refused> {
    if binding.devices() == devices {
        return Ok(());
    }
    let item = kinds.find(|kind| kind.is_device());
    Err(Refused { item, finding: Finding::refuse(&NvidiaError::NotCovered) })
}

/// What is gathered from device to device.
struct Item<'a> {
    /// What came with the evidence about certificates.
    responses: &'a [OcspResponse<'a>],
    manifests: rim::Manifests<'a>,
    devices: Vec<DeviceClaims>,
    gathered: Gathered<'a>,
}

impl<'a> Item<'a> {
    fn new(responses: &'a [OcspResponse<'a>], context: &'a Context<'a>) -> Self {
        Self {
            responses,
            manifests: rim::Manifests::new(responses, context),
            devices: Vec::new(),
            gathered: Gathered::new(context),
        }
    }

    fn add(
        &mut self,
        device: &Device,
        context: &Context<'_>,
        budget: &mut Budget,
    ) -> Result<(), NvidiaError> {
        let gathered = &mut self.gathered;
        let chain = gathered.chain(&device.certs, context, budget, |chain, budget| {
            check(chain, device, context)?;
            check_report(chain, device, budget)
        })?;
        let root = chain.root(context.roots)?;
        let standing = gathered.revocation(&chain, root, self.responses, context, budget)?;
        let appraised = self.manifests.appraise(&runtime(device, &chain));
        gathered.find(appraised.findings);
        gathered.rests_on(appraised.uses, appraised.not_after);
        gathered.is_lab(appraised.lab);
        if device.report.trailing > 0 {
            let (index, count) = (self.devices.len(), device.report.trailing);
            let message = format!("device {index}: {count} zeros follow the signature");
            gathered.find([Finding::new(REPORT_TRAILING, Severity::Info, message)]);
        }
        self.devices.push(claims(device, &chain, root, appraised.result, standing));
        Ok(())
    }

    fn finish(self, evidence: &Evidence) -> VerifiedItem {
        let pdis = self.devices.iter().map(|device| device.pdi);
        let (facts, findings) = self.gathered.finish(evidence.class.tee(), pdis);
        let claims = Claims { class: evidence.class, devices: self.devices };
        VerifiedItem::new(AnyClaims::Nvidia(Box::new(claims)), facts, findings)
    }
}

/// What needs no key: dates, and that report and certificates are of one device.
fn check(chain: &Chain, device: &Device, context: &Context<'_>) -> Result<(), NvidiaError> {
    chain.check_dates(chain.root(context.roots)?, context.now)?;
    chain.matches(device)
}

/// NV-20: over the bytes as received.
fn check_report(chain: &Chain, device: &Device, budget: &mut Budget) -> Result<(), NvidiaError> {
    let (message, signature) = (device.report.signed(), device.report.signature());
    chain
        .leaf_key
        .verify(budget, message, signature)
        .map_err(|error| NvidiaError::signature("the report", error, NvidiaError::ReportSignature))
}

/// What manifests are compared with.
fn runtime<'a>(device: &'a Device, chain: &'a Chain) -> rim::Runtime<'a> {
    let (report, fields) = (&device.report, &device.report.opaque.fields);
    let class = match chain.architecture {
        Architecture::Ls10 => rim::Device::Switch,
        Architecture::Hopper | Architecture::Blackwell | Architecture::Rubin => rim::Device::Gpu,
    };
    let typed = |entry: &'a Entry| Some((entry.kind, (entry.value_type?.0, entry.data.as_slice())));
    rim::Runtime {
        device: class,
        product: &chain.chip,
        driver_version: fields.driver_version.as_deref(),
        firmware_version: fields.vbios_version.as_deref(),
        measurements: report.blocks.iter().map(|block| (block.index, block.value.as_slice())).collect(),
        nvdec0: report.opaque.entry(NVDEC0_STATUS).and_then(|entry| entry.data.first().copied()),
        counters: report.opaque.entries.iter().filter_map(typed).collect(),
    }
}

fn claims(
    device: &Device,
    chain: &Chain,
    root: &NvidiaAuthority,
    rim: RimResult,
    revocation: Vec<Standing>,
) -> DeviceClaims {
    let report = &device.report;
    let [leaf, authority, ..] = &chain.links;
    DeviceClaims {
        architecture: chain.architecture,
        chip: chain.chip.clone(),
        hwmodel: authority.common_name.clone(),
        pdi: chain.pdi,
        root: Hex(chain.root),
        device_info: chain.device_info.clone(),
        leaf_serial: hex::encode(&leaf.serial),
        device_serial: hex::encode(&authority.serial),
        leaf_sha256: Hex(leaf.sha256),
        report_sha384: Hex(device.digests.report),
        certs_sha384: Hex(device.digests.certs),
        nonce: report.nonce,
        fwid: if report.opaque.fields.fwid.is_some() { FwidMatch::Match } else { FwidMatch::Absent },
        fwid_certificate: chain.fwid,
        opaque_format: report.opaque.format,
        opaque_version: report.opaque.version,
        fields: report.opaque.fields.clone(),
        measurements: report.blocks.iter().map(|b| (b.index, Bytes(b.value.clone()))).collect(),
        trailing: report.trailing,
        chain_not_after: chain.not_after(root),
        rim,
        revocation,
    }
}
