//! Certificates of versioned endorsement keys (VCEK and VLEK certificate specification).

use super::names::{AMD_ARC, name, name_with, pss, pss_with_salt};
use super::vendor::{AmdVendor, flip_last_bit, intermediate_name};
use super::{SnpDefect, SnpOrder, SnpProduct, SnpTcb, Vek};
use crate::LabError;
use crate::der;
use crate::sign::Issuer as _;
use crate::x509::{self, KeyUsage, Plan, Validity};

/// A provider id in the form of those with which test keys are issued.
const TEST_PROVIDER: &str = "CN=cc-test.lab.example";

/// Whose intermediate issues it.
pub(super) fn issuing_kind(order: &SnpOrder) -> Vek {
    match order.defect {
        Some(SnpDefect::VlekFromAsk) => Vek::Vcek,
        _ => order.vek,
    }
}

pub(super) fn certificate(vendor: &AmdVendor, order: &SnpOrder) -> Result<Vec<u8>, LabError> {
    let issuing = issuing_kind(order);
    let mut plan = Plan {
        serial: vec![0],
        algorithm: pss(order.product),
        issuer: name(&intermediate_name(order.product, issuing)),
        validity: vendor.validity.starting(order.issued_at),
        subject: name(match order.vek {
            Vek::Vcek => "SEV-VCEK",
            Vek::Vlek => "SEV-VLEK",
        }),
        public_key_info: vendor.keys.vek.public_key_info(),
        extensions: Statement::of(order).extensions(),
    };
    spoil(&mut plan, vendor, order);
    let certificate = plan.issue(vendor.keys.intermediate(issuing))?;
    Ok(match order.defect {
        Some(SnpDefect::VekSignature) => flip_last_bit(certificate),
        Some(SnpDefect::CertificateTrailing) => [certificate.as_slice(), &[0]].concat(),
        _ => certificate,
    })
}

/// What AMD's extensions say, in their order.
struct Statement {
    struct_version: u32,
    product_name: &'static str,
    svns: Vec<(u32, Vec<u8>)>,
    hw_id: Option<Vec<u8>>,
    csp_id: Option<String>,
    unknown: bool,
}

impl Statement {
    fn of(order: &SnpOrder) -> Self {
        let product = order.product;
        let chip = order.chip_id();
        let hw_id = match product {
            SnpProduct::Turin => chip.iter().copied().take(8).collect(),
            _ => chip.to_vec(),
        };
        let csp_id = match order.defect {
            Some(SnpDefect::TestProvider) => TEST_PROVIDER.to_owned(),
            _ => order.csp_id.clone(),
        };
        let mut statement = Self {
            struct_version: u32::from(product == SnpProduct::Turin),
            product_name: match (product, order.vek) {
                (SnpProduct::Milan, Vek::Vcek) => "Milan-B0",
                _ => product.title(),
            },
            svns: svns(product, order.effective_tcb()),
            hw_id: (order.vek == Vek::Vcek).then_some(hw_id),
            csp_id: (order.vek == Vek::Vlek).then_some(csp_id),
            unknown: false,
        };
        statement.spoil(order);
        statement
    }

    fn spoil(&mut self, order: &SnpOrder) {
        match order.defect {
            Some(SnpDefect::StructVersion) => self.struct_version = 2,
            Some(SnpDefect::FmcOnMilan) => self.svns.push((9, der::integer(0))),
            Some(SnpDefect::ProductName | SnpDefect::ProductMismatch) => self.product_name = "Genoa",
            Some(SnpDefect::SvnOutOfRange) => self.set_svn(8, der::integer(256)),
            Some(SnpDefect::SvnNotMinimal) => {
                self.set_svn(1, der::raw_integer(&[0, order.effective_tcb().bootloader]));
            }
            Some(SnpDefect::SvnTwice) => {
                self.svns.push((1, der::integer(order.effective_tcb().bootloader.into())))
            }
            Some(SnpDefect::SvnMissing) => self.svns.retain(|(number, _)| *number != 8),
            Some(SnpDefect::TcbMismatch) => {
                self.set_svn(8, der::integer(order.effective_tcb().microcode.saturating_sub(1).into()));
            }
            Some(SnpDefect::HwIdLength) => {
                if let Some(hw_id) = &mut self.hw_id {
                    hw_id.pop();
                }
            }
            Some(SnpDefect::ChipIdMismatch) => {
                let other = SnpOrder { chip: order.chip.wrapping_add(1), ..order.clone() }.chip_id();
                if let Some(hw_id) = &mut self.hw_id {
                    hw_id.iter_mut().zip(other).for_each(|(byte, other)| *byte = other);
                }
            }
            Some(SnpDefect::VlekWithHwId) => self.hw_id = Some(order.chip_id().to_vec()),
            Some(SnpDefect::VcekWithCspId) => self.csp_id = Some(order.csp_id.clone()),
            Some(SnpDefect::VcekWithoutHwId) => self.hw_id = None,
            Some(SnpDefect::VlekWithoutCspId) => self.csp_id = None,
            Some(SnpDefect::ExtensionUnknown) => self.unknown = true,
            _ => {}
        }
    }

    fn set_svn(&mut self, number: u32, value: Vec<u8>) {
        for (_, old) in self.svns.iter_mut().filter(|(candidate, _)| *candidate == number) {
            old.clone_from(&value);
        }
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let mut out =
            vec![amd(&[1], &der::integer(self.struct_version)), amd(&[2], &der::ia5(self.product_name))];
        out.extend(self.svns.iter().map(|(number, value)| amd(&[3, *number], value)));
        out.extend(self.hw_id.iter().map(|hw_id| amd(&[4], hw_id)));
        out.extend(self.csp_id.iter().map(|csp_id| amd(&[5], &der::ia5(csp_id))));
        out.extend(self.unknown.then(|| amd(&[77], &der::integer(1))));
        out
    }
}

/// The component SVNs in the order of AMD's certificates: `(last arc, value)`.
fn svns(product: SnpProduct, tcb: SnpTcb) -> Vec<(u32, Vec<u8>)> {
    let numbers: &[(u32, u8)] = match product {
        SnpProduct::Milan | SnpProduct::Genoa => &[
            (1, tcb.bootloader),
            (2, tcb.tee),
            (4, 0),
            (5, 0),
            (6, 0),
            (7, 0),
            (3, tcb.snp),
            (8, tcb.microcode),
        ],
        SnpProduct::Turin => &[
            (9, tcb.fmc),
            (1, tcb.bootloader),
            (2, tcb.tee),
            (3, tcb.snp),
            (5, 0),
            (6, 0),
            (7, 0),
            (8, tcb.microcode),
        ],
    };
    numbers.iter().map(|(number, svn)| (*number, der::integer((*svn).into()))).collect()
}

fn amd(tail: &[u32], value: &[u8]) -> Vec<u8> {
    x509::extension(&[AMD_ARC, tail].concat(), value)
}

fn spoil(plan: &mut Plan, vendor: &AmdVendor, order: &SnpOrder) {
    match order.defect {
        Some(SnpDefect::VekIsCa) => plan.extensions.push(x509::authority(Some(0))),
        Some(SnpDefect::VekCertificateSign) => plan.extensions.push(KeyUsage::CertificateSign.extension()),
        Some(SnpDefect::VekSaltLength) => plan.algorithm = pss_with_salt(order.product, 32),
        Some(SnpDefect::VekRsaKey) => plan.public_key_info = vendor.keys.asvk.public_key_info(),
        Some(SnpDefect::VekCommonName) => plan.subject = name("VCEK"),
        Some(SnpDefect::VekExtraAttribute) => {
            let common_name = match order.vek {
                Vek::Vcek => "SEV-VCEK",
                Vek::Vlek => "SEV-VLEK",
            };
            plan.subject = name_with(common_name, Some("Lab"));
        }
        Some(SnpDefect::VekIssuerName) => {
            let issuer = intermediate_name(order.product, order.vek);
            plan.issuer = name(&issuer.replacen("SEV", "SeV", 1));
        }
        Some(SnpDefect::VekExpired) => plan.validity = past(plan.validity),
        Some(SnpDefect::VekNotYetValid) => {
            plan.validity =
                Validity { not_before: plan.validity.not_after, not_after: plan.validity.not_after };
        }
        _ => {}
    }
}

/// Over since the lab's first second.
pub(super) const fn past(validity: Validity) -> Validity {
    Validity { not_before: validity.not_before, not_after: validity.not_before }
}
