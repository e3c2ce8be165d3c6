//! ATTESTATION_REPORT, 1184 bytes, little-endian, versions 2 to 5.

use super::{Cpuid, FirmwareVersion, GuestPolicy, PlatformInfo, Product, ReportError, Tcb, TcbLayout};
use crate::bytes::Hex;
use serde::Serialize;

/// Bytes of a report.
pub const REPORT_LENGTH: usize = 0x4a0;
/// Bytes under the signature: everything before it.
pub const SIGNED_LENGTH: usize = 0x2a0;
/// Bytes of R and of S in the signature field, little-endian, of which a P-384 number takes the first 48.
const COMPONENT: usize = 72;
/// Bytes of a P-384 scalar.
const SCALAR: usize = 48;

/// The two kinds of versioned endorsement keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vek {
    /// Versioned chip endorsement key: of one chip.
    Vcek,
    /// Versioned loaded endorsement key: of a provider's fleet.
    Vlek,
}

/// A well-formed report: every rule of the format holds, and nothing is known about who wrote it.
///
/// The bytes are kept as they came, because the signature is over them and never over a copy that was
/// encoded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    raw: Box<[u8; REPORT_LENGTH]>,
    body: Body,
}

/// The fields of a report. Names follow the ABI specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Body {
    /// VERSION: 2 to 5.
    pub version: u32,
    /// GUEST_SVN.
    pub guest_svn: u32,
    /// POLICY.
    pub policy: GuestPolicy,
    /// FAMILY_ID.
    pub family_id: Hex<16>,
    /// IMAGE_ID.
    pub image_id: Hex<16>,
    /// VMPL, 0 to 3.
    pub vmpl: u32,
    /// PLATFORM_INFO.
    pub platform_info: PlatformInfo,
    /// AUTHOR_KEY_EN.
    pub author_key_en: bool,
    /// SIGNING_KEY.
    pub signing_key: Vek,
    /// REPORT_DATA: what the guest chose.
    pub report_data: Hex<64>,
    /// MEASUREMENT: the launch digest.
    pub measurement: Hex<48>,
    /// HOST_DATA: what the host chose at launch.
    pub host_data: Hex<32>,
    /// ID_KEY_DIGEST.
    pub id_key_digest: Hex<48>,
    /// AUTHOR_KEY_DIGEST.
    pub author_key_digest: Hex<48>,
    /// REPORT_ID.
    pub report_id: Hex<32>,
    /// REPORT_ID_MA; absent when it is all ones, which says that there is no migration agent.
    pub report_id_ma: Option<Hex<32>>,
    /// CPUID of the processor, version 3 and later.
    pub cpuid: Option<Cpuid>,
    /// The product that CPUID names, version 3 and later.
    pub product: Option<Product>,
    /// CHIP_ID, all 64 bytes; zero with a VLEK or when masked.
    pub chip_id: Hex<64>,
    /// CURRENT_TCB.
    pub current_tcb: Tcb,
    /// REPORTED_TCB.
    pub reported_tcb: Tcb,
    /// COMMITTED_TCB.
    pub committed_tcb: Tcb,
    /// LAUNCH_TCB.
    pub launch_tcb: Tcb,
    /// Running firmware.
    pub current_version: FirmwareVersion,
    /// Committed firmware.
    pub committed_version: FirmwareVersion,
    /// LAUNCH_MIT_VECTOR, version 5.
    pub launch_mit_vector: Option<u64>,
    /// CURRENT_MIT_VECTOR, version 5.
    pub current_mit_vector: Option<u64>,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// The [`ReportError`] of the first rule it breaks: length, version, layout, then contradictions.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        let raw: Box<[u8; REPORT_LENGTH]> = bytes
            .to_vec()
            .into_boxed_slice()
            .try_into()
            .map_err(|_| ReportError::Length { actual: bytes.len() })?;
        let body = Body::parse(&raw)?;
        Ok(Self { raw, body })
    }

    /// The fields.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// All bytes, as received.
    #[must_use]
    pub const fn raw(&self) -> &[u8; REPORT_LENGTH] {
        &self.raw
    }

    /// The bytes under the signature, as received.
    #[must_use]
    pub fn signed(&self) -> &[u8; SIGNED_LENGTH] {
        self.raw.first_chunk().unwrap_or(&[0; SIGNED_LENGTH])
    }

    /// The signature as R and S, 48 bytes each, big-endian.
    #[must_use]
    pub fn signature(&self) -> [u8; 2 * SCALAR] {
        let mut fixed = [0; 2 * SCALAR];
        let components = self.raw[SIGNED_LENGTH..].chunks_exact(COMPONENT);
        for (target, component) in fixed.chunks_exact_mut(SCALAR).zip(components) {
            for (to, from) in target.iter_mut().rev().zip(component) {
                *to = *from;
            }
        }
        fixed
    }
}

impl Body {
    fn parse(raw: &[u8; REPORT_LENGTH]) -> Result<Self, ReportError> {
        let version = u32_at(raw, 0x000);
        if !(2..=5).contains(&version) {
            return Err(ReportError::Version { version });
        }
        check_reserved(raw, version)?;
        let policy = GuestPolicy::parse(at(raw, 0x008))?;
        let (author_key_en, signing_key) = key_info(u64_at(raw, 0x048))?;
        let algorithm = u32_at(raw, 0x034);
        if algorithm != 1 {
            return Err(ReportError::SignatureAlgorithm { algorithm });
        }
        check_signature_padding(raw)?;
        let vmpl = u32_at(raw, 0x030);
        if vmpl > 3 {
            return Err(ReportError::VmplOutOfRange { vmpl });
        }
        let [family, model, stepping] = at(raw, 0x188);
        let cpuid = (version >= 3).then_some(Cpuid { family, model, stepping });
        let product = cpuid
            .map(|cpuid| Product::of(cpuid).ok_or(ReportError::ProductUnknown { family, model }))
            .transpose()?;
        let tcb = |offset, name| read_tcb(at(raw, offset), product, name);
        let report_id_ma = Hex(at(raw, 0x160));
        let body = Self {
            version,
            guest_svn: u32_at(raw, 0x004),
            policy,
            family_id: Hex(at(raw, 0x010)),
            image_id: Hex(at(raw, 0x020)),
            vmpl,
            platform_info: PlatformInfo::parse(u64_at(raw, 0x040), product),
            author_key_en,
            signing_key,
            report_data: Hex(at(raw, 0x050)),
            measurement: Hex(at(raw, 0x090)),
            host_data: Hex(at(raw, 0x0c0)),
            id_key_digest: Hex(at(raw, 0x0e0)),
            author_key_digest: Hex(at(raw, 0x110)),
            report_id: Hex(at(raw, 0x140)),
            report_id_ma: (report_id_ma != Hex([0xff; 32])).then_some(report_id_ma),
            cpuid,
            product,
            chip_id: Hex(at(raw, 0x1a0)),
            current_tcb: tcb(0x038, "CURRENT_TCB")?,
            reported_tcb: tcb(0x180, "REPORTED_TCB")?,
            committed_tcb: tcb(0x1e0, "COMMITTED_TCB")?,
            launch_tcb: tcb(0x1f0, "LAUNCH_TCB")?,
            current_version: firmware_version(at(raw, 0x1e8)),
            committed_version: firmware_version(at(raw, 0x1ec)),
            launch_mit_vector: (version >= 5).then(|| u64_at(raw, 0x1f8)),
            current_mit_vector: (version >= 5).then(|| u64_at(raw, 0x200)),
        };
        body.check_contradictions()?;
        Ok(body)
    }

    /// SNP-18, -45, -48, -64, -68: what no firmware would write, whoever signed it.
    fn check_contradictions(&self) -> Result<(), ReportError> {
        if self.product == Some(Product::Turin) && self.chip_id.0[8..].iter().any(|byte| *byte != 0) {
            return Err(ReportError::ChipIdLayout);
        }
        if !self.policy.migrate_ma && self.report_id_ma.is_some() {
            return Err(ReportError::MigrationAgentPresent);
        }
        let platform = &self.platform_info;
        let contradiction = if !self.policy.smt && platform.smt_en {
            Some("SMT off")
        } else if self.policy.rapl_dis && !platform.rapl_dis {
            Some("RAPL off")
        } else if self.policy.ciphertext_hiding && !platform.ciphertext_hiding_dram_en {
            Some("ciphertext hiding")
        } else {
            None
        };
        if let Some(demand) = contradiction {
            return Err(ReportError::PlatformContradictsPolicy { demand });
        }
        let author_digest = !self.author_key_digest.is_zero();
        if self.author_key_en != author_digest || (self.author_key_en && self.id_key_digest.is_zero()) {
            return Err(ReportError::AuthorKeyInconsistent);
        }
        if !self.reported_tcb.at_most(self.committed_tcb) {
            return Err(ReportError::TcbOrder { lower: "REPORTED_TCB", upper: "COMMITTED_TCB" });
        }
        if !self.committed_tcb.at_most(self.current_tcb) {
            return Err(ReportError::TcbOrder { lower: "COMMITTED_TCB", upper: "CURRENT_TCB" });
        }
        Ok(())
    }
}

/// The `N` bytes at an offset of the layout. Offsets are constants inside the report.
fn at<const N: usize>(raw: &[u8; REPORT_LENGTH], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&raw[offset..offset + N]);
    bytes
}

fn u32_at(raw: &[u8; REPORT_LENGTH], offset: usize) -> u32 {
    u32::from_le_bytes(at(raw, offset))
}

fn u64_at(raw: &[u8; REPORT_LENGTH], offset: usize) -> u64 {
    u64::from_le_bytes(at(raw, offset))
}

fn firmware_version([build, minor, major]: [u8; 3]) -> FirmwareVersion {
    FirmwareVersion { major, minor, build }
}

/// SNP-17 and SNP-16: a TCB version in the product's layout. Version 2 names no product; it was written by
/// Milan and Genoa firmware, and Turin's layout in it would let the FMC pass as the boot loader.
fn read_tcb(bytes: [u8; 8], product: Option<Product>, tcb: &'static str) -> Result<Tcb, ReportError> {
    Tcb::parse(bytes, TcbLayout::of(product)).ok_or_else(|| {
        let turin = product.is_none() && Tcb::parse(bytes, TcbLayout::Turin).is_some();
        if turin { ReportError::ProductUndetermined } else { ReportError::TcbReserved { tcb } }
    })
}

/// SNP-04 and SNP-05: must-be-zero bytes of this version.
fn check_reserved(raw: &[u8; REPORT_LENGTH], version: u32) -> Result<(), ReportError> {
    // Version 2 has no CPUID: its three bytes are reserved too.
    let after_reported_tcb = if version >= 3 { 0x18b } else { 0x188 };
    for range in [after_reported_tcb..0x1a0, 0x1eb..0x1ec, 0x1ef..0x1f0, 0x208..SIGNED_LENGTH] {
        if let Some(offset) = first_set(raw, range) {
            return Err(ReportError::ReservedNotZero { offset });
        }
    }
    if version < 5 && first_set(raw, 0x1f8..0x208).is_some() {
        return Err(ReportError::MitigationVectorInOldVersion { version });
    }
    Ok(())
}

/// SNP-09: outside the signed range, so that without the rule one report has many spellings.
fn check_signature_padding(raw: &[u8; REPORT_LENGTH]) -> Result<(), ReportError> {
    let r = SIGNED_LENGTH;
    let s = r + COMPONENT;
    for range in [r + SCALAR..s, s + SCALAR..REPORT_LENGTH] {
        if let Some(offset) = first_set(raw, range) {
            return Err(ReportError::SignatureEncoding { offset });
        }
    }
    Ok(())
}

fn first_set(raw: &[u8; REPORT_LENGTH], mut range: std::ops::Range<usize>) -> Option<usize> {
    range.find(|offset| raw[*offset] != 0)
}

/// SNP-07, -11, -12: KEY_INFO, with the four reserved bytes after it as the upper half.
fn key_info(key_info: u64) -> Result<(bool, Vek), ReportError> {
    let signing_key = key_info >> 2 & 0b111;
    if key_info >> 5 != 0 || !matches!(signing_key, 0 | 1 | 7) {
        return Err(ReportError::KeyInfoReserved { key_info });
    }
    if key_info & 0b10 != 0 {
        return Err(ReportError::ChipKeyMasked);
    }
    let vek = match signing_key {
        0 => Vek::Vcek,
        1 => Vek::Vlek,
        _ => return Err(ReportError::NotSigned),
    };
    Ok((key_info & 1 == 1, vek))
}
