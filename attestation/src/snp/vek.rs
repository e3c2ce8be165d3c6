//! What AMD states in an endorsement key's certificate: extensions under 1.3.6.1.4.1.3704.1
//! ("Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification", document 57230).

use super::error::SnpError;
use super::stated::Stated;
use hanzo_attestation_evidence::snp::{Product, Tcb, Vek};
use hanzo_attestation_evidence::x509::{Certificate, Extension, ObjectIdentifier};
use std::str;

const AMD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1");
const STRUCT_VERSION: &[u32] = &[1];
const PRODUCT_NAME: &[u32] = &[2];
const BOOTLOADER: &[u32] = &[3, 1];
const TEE: &[u32] = &[3, 2];
const SNP: &[u32] = &[3, 3];
const SPL4: &[u32] = &[3, 4];
const SPL5: &[u32] = &[3, 5];
const SPL6: &[u32] = &[3, 6];
const SPL7: &[u32] = &[3, 7];
const MICROCODE: &[u32] = &[3, 8];
const FMC: &[u32] = &[3, 9];
const HARDWARE_ID: &[u32] = &[4];
const CSP_ID: &[u32] = &[5];

/// Tags of the two types that AMD uses, and of the OCTET STRING that some hardware ids are wrapped in.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const IA5_STRING: u8 = 0x16;

/// Bytes of a chip id: 8 on Turin, 64 before.
pub(super) const fn chip_id_length(product: Product) -> usize {
    match product {
        Product::Turin => 8,
        Product::Milan | Product::Genoa => 64,
    }
}

/// An endorsement key's certificate with AMD's extensions read.
#[derive(Clone, Debug)]
pub(super) struct VekExtensions {
    struct_version: u8,
    product_name: String,
    tcb: Tcb,
    hardware_id: Option<Vec<u8>>,
    csp_id: Option<String>,
}

impl VekExtensions {
    /// Reads the extensions: each that is needed once, of its exact type, and no other (SNP-26). That none
    /// occurs twice is a rule of every certificate.
    pub(super) fn read(certificate: &Certificate<'_>) -> Result<Self, SnpError> {
        let mut fields = Fields { found: Vec::new() };
        for extension in certificate.extensions() {
            if let Some(tail) = amd_tail(&extension.oid) {
                fields.found.push((tail, *extension));
            }
        }
        let extensions = Self {
            struct_version: fields.integer(STRUCT_VERSION, "structVersion")?,
            product_name: fields
                .text(PRODUCT_NAME, "productName")?
                .ok_or_else(|| absent("productName"))?
                .to_owned(),
            tcb: Tcb {
                fmc: fields.optional_integer(FMC, "fmcSPL")?,
                bootloader: fields.integer(BOOTLOADER, "blSPL")?,
                tee: fields.integer(TEE, "teeSPL")?,
                snp: fields.integer(SNP, "snpSPL")?,
                microcode: fields.integer(MICROCODE, "ucodeSPL")?,
            },
            hardware_id: fields
                .take(HARDWARE_ID)
                .map(|extension| hardware_id(extension.value).map(<[u8]>::to_vec))
                .transpose()?,
            csp_id: fields.text(CSP_ID, "CSP_ID")?.map(str::to_owned),
        };
        let spl4 = fields.optional_integer(SPL4, "spl4")?;
        for (tail, name) in [(SPL5, "spl5"), (SPL6, "spl6"), (SPL7, "spl7")] {
            zero(name, Some(fields.integer(tail, name)?))?;
        }
        zero("spl4", spl4)?;
        fields.finish()?;
        // SNP-27: the fourth SPL belongs to version 0 alone, the FMC to version 1 alone.
        let version_fits = match extensions.struct_version {
            0 => extensions.tcb.fmc.is_none() && spl4.is_some(),
            1 => extensions.tcb.fmc.is_some() && spl4.is_none(),
            _ => false,
        };
        if version_fits { Ok(extensions) } else { Err(extensions.struct_version_mismatch()) }
    }

    /// The chip, on a VCEK.
    pub(super) fn hardware_id(&self) -> Option<&[u8]> {
        self.hardware_id.as_deref()
    }

    /// The TCB whose key it is.
    pub(super) const fn tcb(&self) -> Tcb {
        self.tcb
    }

    /// The provider, on a VLEK.
    pub(super) fn csp_id(&self) -> Option<&str> {
        self.csp_id.as_deref()
    }

    /// The product that the report and this certificate agree on (SNP-16, SNP-32), with the layout that it
    /// demands (SNP-27).
    pub(super) fn product(&self, stated: &Stated<'_>) -> Result<Product, SnpError> {
        // "Milan-B0": the stepping after the dash is not part of the name.
        let stem = self.product_name.split('-').next().unwrap_or_default();
        let named = Product::named(stem);
        let product = match (stated.product, named) {
            (Some(product), Some(named)) if product == named => product,
            (Some(product), _) => {
                return Err(SnpError::VekProductName { name: self.product_name.clone(), product });
            }
            // Version 2 was written by Milan and Genoa firmware only.
            (None, Some(named @ (Product::Milan | Product::Genoa))) => named,
            (None, _) => return Err(SnpError::ProductUndetermined { name: self.product_name.clone() }),
        };
        let expected = u8::from(product == Product::Turin);
        if self.struct_version == expected { Ok(product) } else { Err(self.struct_version_mismatch()) }
    }

    /// SNP-30, SNP-28 and SNP-31: the kind of key, the chip and the TCB are the report's.
    pub(super) fn matches(&self, stated: &Stated<'_>, product: Product) -> Result<(), SnpError> {
        match (stated.vek, self.hardware_id(), self.csp_id()) {
            (Vek::Vcek, Some(id), None) => check_chip(id, stated, product)?,
            (Vek::Vcek, None, _) => return Err(SnpError::VlekProfile("a VCEK without a hardware id")),
            (Vek::Vcek, Some(_), Some(_)) => return Err(SnpError::VlekProfile("a VCEK with a CSP_ID")),
            (Vek::Vlek, Some(_), _) => return Err(SnpError::VlekProfile("a VLEK with a hardware id")),
            (Vek::Vlek, None, None) => return Err(SnpError::VlekProfile("a VLEK without a CSP_ID")),
            (Vek::Vlek, None, Some(csp)) if csp.is_empty() || csp.len() > 255 => {
                return Err(SnpError::VlekProfile("a CSP_ID that is empty or longer than 255"));
            }
            (Vek::Vlek, None, Some(_)) => {}
        }
        let report = stated.tcb;
        let components = [
            ("FMC", self.tcb.fmc.unwrap_or_default(), report.fmc.unwrap_or_default()),
            ("boot loader", self.tcb.bootloader, report.bootloader),
            ("TEE", self.tcb.tee, report.tee),
            ("SNP", self.tcb.snp, report.snp),
            ("microcode", self.tcb.microcode, report.microcode),
        ];
        let differing = components.into_iter().find(|(_, key, report)| key != report);
        differing
            .map_or(Ok(()), |(component, key, report)| Err(SnpError::TcbMismatch { component, key, report }))
    }

    fn struct_version_mismatch(&self) -> SnpError {
        SnpError::StructVersion { version: self.struct_version, name: self.product_name.clone() }
    }
}

/// SNP-28. A report with MASK_CHIP_ID names no chip, which is for policy to judge (SNP-29).
fn check_chip(hardware_id: &[u8], stated: &Stated<'_>, product: Product) -> Result<(), SnpError> {
    let length = chip_id_length(product);
    if hardware_id.len() != length {
        return Err(malformed("hwID", "not of the product's length"));
    }
    match stated.chip_id {
        Some(chip) if chip.get(..length) != Some(hardware_id) => Err(SnpError::ChipIdMismatch),
        _ => Ok(()),
    }
}

/// AMD's extensions that are not read yet.
struct Fields<'a> {
    found: Vec<(Vec<u32>, Extension<'a>)>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, tail: &[u32]) -> Option<Extension<'a>> {
        let position = self.found.iter().position(|(found, _)| found == tail)?;
        Some(self.found.swap_remove(position).1)
    }

    fn integer(&mut self, tail: &[u32], name: &'static str) -> Result<u8, SnpError> {
        self.optional_integer(tail, name)?.ok_or_else(|| absent(name))
    }

    fn optional_integer(&mut self, tail: &[u32], name: &'static str) -> Result<Option<u8>, SnpError> {
        self.take(tail).map(|extension| integer(extension.value, name)).transpose()
    }

    fn text(&mut self, tail: &[u32], name: &'static str) -> Result<Option<&'a str>, SnpError> {
        self.take(tail).map(|extension| ia5_string(extension.value, name)).transpose()
    }

    fn finish(self) -> Result<(), SnpError> {
        match self.found.first() {
            None => Ok(()),
            Some((_, extension)) => {
                Err(SnpError::VekExtension { extension: extension.oid.to_string(), problem: "unknown" })
            }
        }
    }
}

/// The arcs after AMD's, for an OID of AMD's.
fn amd_tail(oid: &ObjectIdentifier) -> Option<Vec<u32>> {
    let mut arcs = oid.arcs();
    AMD.arcs().all(|expected| arcs.next() == Some(expected)).then(|| arcs.collect())
}

/// Whether an OID is one of AMD's.
pub(super) fn is_amd(oid: &ObjectIdentifier) -> bool {
    amd_tail(oid).is_some()
}

/// A minimal INTEGER from 0 to 255.
fn integer(value: &[u8], name: &'static str) -> Result<u8, SnpError> {
    match value {
        [INTEGER, 1, number @ 0..=0x7f] | [INTEGER, 2, 0, number @ 0x80..=0xff] => Ok(*number),
        _ => Err(malformed(name, "not an INTEGER from 0 to 255 in its shortest form")),
    }
}

fn ia5_string<'a>(value: &'a [u8], name: &'static str) -> Result<&'a str, SnpError> {
    let problem = || malformed(name, "not an IA5String");
    let (IA5_STRING, content) = short_element(value).ok_or_else(problem)? else {
        return Err(problem());
    };
    if !content.is_ascii() {
        return Err(problem());
    }
    str::from_utf8(content).map_err(|_| problem())
}

/// A hardware id stands bare in the extension, or as an OCTET STRING of 64.
fn hardware_id(value: &[u8]) -> Result<&[u8], SnpError> {
    match (value.len(), short_element(value)) {
        (8 | 64, _) => Ok(value),
        (66, Some((OCTET_STRING, content))) => Ok(content),
        _ => Err(malformed("hwID", "neither 8 nor 64 bytes")),
    }
}

/// Tag and content of the one DER element that fills the bytes: up to 255 bytes of content.
fn short_element(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, length, content) = match bytes {
        [tag, length @ 0..=0x7f, content @ ..] | [tag, 0x81, length @ 0x80..=0xff, content @ ..] => {
            (*tag, *length, content)
        }
        _ => return None,
    };
    (content.len() == usize::from(length)).then_some((tag, content))
}

fn zero(name: &'static str, value: Option<u8>) -> Result<(), SnpError> {
    if value.unwrap_or_default() == 0 { Ok(()) } else { Err(malformed(name, "reserved and not zero")) }
}

fn absent(name: &'static str) -> SnpError {
    malformed(name, "missing")
}

fn malformed(name: &'static str, problem: &'static str) -> SnpError {
    SnpError::VekExtension { extension: name.to_owned(), problem }
}
