//! Quotes of versions 3 to 5: header, body, signature, quoting enclave report, PCK chain.

use super::TdxDefect;
use super::enclave::QuotingEnclave;
use super::pck::PCE_SVN;
use super::vendor::IntelKeys;
use crate::LabError;
use aws_lc_rs::digest;

const INTEL_QE: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// INIT, MODE64 and PROVISIONKEY, as Intel's quoting enclave has them.
const QE_ATTRIBUTES: u64 = 0x15;
const QE_XFRM: u64 = 0xe7;
const QE_REPORT_LENGTH: usize = 384;
const HEADER_LENGTH: usize = 48;

/// A quote before it is signed.
pub(super) struct QuotePlan<'a> {
    /// 3, 4 or 5.
    pub(super) version: u16,
    /// Which TEE: 0 SGX, 0x81 TDX.
    pub(super) tee_type: u32,
    /// Body type, which only version 5 states.
    pub(super) body_type: u16,
    pub(super) body: Vec<u8>,
    /// Offset in the body of a measurement, for alterations after signing.
    pub(super) measurement: usize,
    pub(super) enclave: &'a QuotingEnclave,
    /// QE SVN of the header, which only version 3 states.
    pub(super) header_qe_svn: u16,
    pub(super) defect: Option<TdxDefect>,
}

pub(super) fn signed(plan: &QuotePlan<'_>, keys: &IntelKeys, pem_chain: &[u8]) -> Result<Vec<u8>, LabError> {
    let mut quote = signed_part(plan);
    let mut signature = keys.attestation.sign_fixed(&quote)?;
    let mut key = keys.attestation.coordinates().to_vec();
    if plan.defect == Some(TdxDefect::AttestationKeyOffCurve) {
        flip_last_bit(&mut key);
    }
    match plan.defect {
        Some(TdxDefect::AlteredAfterSigning) => {
            let offset = quote.len() - plan.body.len() + plan.measurement;
            if let Some(byte) = quote.get_mut(offset) {
                *byte ^= 1;
            }
        }
        Some(TdxDefect::AlteredSignature) => flip_last_bit(&mut signature),
        Some(TdxDefect::SignatureZero) => signature.iter_mut().take(32).for_each(|byte| *byte = 0),
        _ => {}
    }
    let data = signature_data(plan, keys, &signature, &key, pem_chain)?;
    let stated = match plan.defect {
        Some(TdxDefect::SignatureLength) => data.len() - 1,
        _ => data.len(),
    };
    quote.extend_from_slice(&length(stated));
    quote.extend_from_slice(&data);
    match plan.defect {
        // Less than the smallest quote of any kind has.
        Some(TdxDefect::QuoteTruncated) => quote.truncate(400),
        Some(TdxDefect::TrailingBytes) => quote.push(1),
        _ => {}
    }
    Ok(quote)
}

/// Header, descriptor (version 5) and body.
fn signed_part(plan: &QuotePlan<'_>) -> Vec<u8> {
    let defect = plan.defect;
    let version = if defect == Some(TdxDefect::QuoteVersion) { 6 } else { plan.version };
    let key_type: u16 = if defect == Some(TdxDefect::AttestationKeyType) { 3 } else { 2 };
    let tee_type = if defect == Some(TdxDefect::TeeType) { plan.tee_type ^ 0x81 } else { plan.tee_type };
    let mut vendor = INTEL_QE;
    if defect == Some(TdxDefect::QeVendor) {
        vendor[0] ^= 0xff;
    }
    let svns = match plan.version {
        3 => [plan.header_qe_svn, PCE_SVN],
        _ => [u16::from(defect == Some(TdxDefect::HeaderReserved)), 0],
    };
    let mut out = Vec::with_capacity(HEADER_LENGTH + 6 + plan.body.len());
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&key_type.to_le_bytes());
    out.extend_from_slice(&tee_type.to_le_bytes());
    out.extend(svns.into_iter().flat_map(u16::to_le_bytes));
    out.extend_from_slice(&vendor);
    out.extend_from_slice(&[0; 20]);
    if plan.version == 5 {
        out.extend_from_slice(&plan.body_type.to_le_bytes());
        out.extend_from_slice(&length(plan.body.len()));
    }
    out.extend_from_slice(&plan.body);
    out
}

fn signature_data(
    plan: &QuotePlan<'_>,
    keys: &IntelKeys,
    signature: &[u8],
    key: &[u8],
    pem_chain: &[u8],
) -> Result<Vec<u8>, LabError> {
    let auth: Vec<u8> = match plan.defect {
        Some(TdxDefect::QeAuthDataLong) => vec![7; 1025],
        _ => (0..32).collect(),
    };
    let mut report = qe_report(plan, key, &auth);
    let report_signature = keys.pck.sign_fixed(&report)?;
    if plan.defect == Some(TdxDefect::QeAltered) {
        // A byte of CONFIGID, which no other rule looks at.
        if let Some(byte) = report.get_mut(192) {
            *byte ^= 1;
        }
    }
    let kind: u16 = if plan.defect == Some(TdxDefect::CertificationType) { 7 } else { 5 };
    let stated = match plan.defect {
        Some(TdxDefect::CertificationDataLength) => pem_chain.len() - 1,
        _ => pem_chain.len(),
    };
    let certification = [&kind.to_le_bytes()[..], &length(stated), pem_chain].concat();
    let auth_length = u16::try_from(auth.len()).unwrap_or(u16::MAX).to_le_bytes();
    let inner = [&report[..], &report_signature, &auth_length, &auth, &certification].concat();
    if plan.version == 3 {
        // Version 3 has no container around the quoting enclave's report.
        return Ok([signature, key, &inner].concat());
    }
    let kind: u16 = if plan.defect == Some(TdxDefect::OuterCertificationType) { 5 } else { 6 };
    Ok([signature, key, &kind.to_le_bytes(), &length(inner.len()), &inner].concat())
}

/// The quoting enclave's report, whose data binds the attestation key.
fn qe_report(plan: &QuotePlan<'_>, key: &[u8], auth: &[u8]) -> Vec<u8> {
    let mut binding = digest::digest(&digest::SHA256, &[key, auth].concat()).as_ref().to_vec();
    if plan.defect == Some(TdxDefect::QeBinding) {
        flip_last_bit(&mut binding);
    }
    let debug = u64::from(plan.defect == Some(TdxDefect::QeDebug)) << 1;
    let enclave = plan.enclave;
    let mut report = vec![0; QE_REPORT_LENGTH];
    let mut field = |offset: usize, bytes: &[u8]| {
        if let Some(place) = report.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    field(0, &[4, 4, 25, 27, 4, 255, 0, 6]);
    field(48, &(QE_ATTRIBUTES | debug).to_le_bytes());
    field(56, &QE_XFRM.to_le_bytes());
    field(64, digest::digest(&digest::SHA256, enclave.image.as_bytes()).as_ref());
    field(128, &enclave.signer);
    field(256, &enclave.product.to_le_bytes());
    field(258, &enclave.svn.to_le_bytes());
    field(320, &binding);
    match plan.defect {
        Some(TdxDefect::QeReserved) => field(160, &[1]),
        Some(TdxDefect::QeSigner) => field(128, &[0x11; 32]),
        Some(TdxDefect::QeProduct) => field(256, &[0xff, 0]),
        Some(TdxDefect::QeMiscSelect) => field(16, &[1]),
        Some(TdxDefect::QeAttributes) => field(48, &(QE_ATTRIBUTES | 1 << 7).to_le_bytes()),
        Some(TdxDefect::QeSvn) => field(258, &[0, 0]),
        Some(TdxDefect::QeUpperHalf) => field(383, &[1]),
        _ => {}
    }
    report
}

/// Lengths of lab quotes are a few kilobytes, so they fit.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

fn flip_last_bit(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}
