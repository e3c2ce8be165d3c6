//! The SGX extension of a PCK certificate, 1.2.840.113741.1.13.1 (Intel SGX PCK Certificate and CRL Profile
//! Specification, section 1.3.5): which platform the key belongs to, and at which security version.

use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{AnyRef, AnyRef as Value, Decode, Reader, SliceReader, Tag, Tagged};
use hanzo_attestation_evidence::Hex;

/// The extension's own id.
pub(super) const SGX_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");
const TCB: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.2");
const CONFIGURATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.7");
/// TCB components, and the octets of CPUSVN.
const COMPONENTS: usize = 16;

/// What the extension says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PckExtension {
    pub(super) ppid: Hex<16>,
    pub(super) cpusvn: Hex<16>,
    pub(super) pcesvn: u16,
    pub(super) pceid: Hex<2>,
    pub(super) fmspc: Hex<6>,
    pub(super) sgx_type: u8,
    pub(super) platform_instance_id: Option<Hex<16>>,
    pub(super) configuration: Option<Configuration>,
}

/// How the platform was registered; each answer may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Configuration {
    pub(super) dynamic_platform: Option<bool>,
    pub(super) cached_keys: Option<bool>,
    pub(super) smt_enabled: Option<bool>,
}

/// Why the extension was refused (DCAP-22).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PckExtensionError {
    /// The certificate does not have it.
    #[error("it is absent")]
    Absent,
    /// Not DER, or not a sequence of (id, value) pairs.
    #[error("not strict DER: {0}")]
    Der(#[from] der::Error),
    /// An id that the profile does not define at that place.
    #[error("unknown field {0}")]
    UnknownField(String),
    /// The same id twice.
    #[error("field {0} is there twice")]
    DuplicateField(String),
    /// A field that every PCK certificate has.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// A value of the wrong type, size or range.
    #[error("field {0} has the wrong type, size or range")]
    FieldValue(&'static str),
    /// CPUSVN and the TCB components disagree.
    #[error("the octets of CPUSVN are not the TCB components")]
    CpuSvn,
}

impl PckExtension {
    /// Reads the extension's value (DER). Every id is known and there once, every size is exact, and the
    /// octets of CPUSVN are the TCB components.
    pub(super) fn parse(der: &[u8]) -> Result<Self, PckExtensionError> {
        let mut fields = Fields::read(AnyRef::from_der(der)?, &SGX_EXTENSION)?;
        let ppid = octets(fields.required(1, "PPID")?, "PPID")?;
        let (cpusvn, pcesvn) = tcb(fields.required(2, "TCB")?)?;
        let pceid = octets(fields.required(3, "PCEID")?, "PCEID")?;
        let fmspc = octets(fields.required(4, "FMSPC")?, "FMSPC")?;
        let sgx_type = sgx_type(fields.required(5, "SGX type")?)?;
        let platform_instance_id =
            fields.optional(6).map(|value| octets(value, "platform instance id")).transpose()?;
        let configuration = fields.optional(7).map(configuration).transpose()?;
        fields.end()?;
        Ok(Self { ppid, cpusvn, pcesvn, pceid, fmspc, sgx_type, platform_instance_id, configuration })
    }
}

fn tcb(value: Value<'_>) -> Result<(Hex<16>, u16), PckExtensionError> {
    let mut fields = Fields::read(value, &TCB)?;
    let mut components = [0_u8; COMPONENTS];
    for (arc, component) in (1..).zip(components.iter_mut()) {
        *component = fields
            .required(arc, "TCB component")?
            .decode_as::<u8>()
            .map_err(|_| PckExtensionError::FieldValue("TCB component"))?;
    }
    let pcesvn = fields
        .required(17, "PCESVN")?
        .decode_as::<u16>()
        .map_err(|_| PckExtensionError::FieldValue("PCESVN"))?;
    let cpusvn: Hex<16> = octets(fields.required(18, "CPUSVN")?, "CPUSVN")?;
    fields.end()?;
    if cpusvn.0 != components {
        return Err(PckExtensionError::CpuSvn);
    }
    Ok((cpusvn, pcesvn))
}

fn configuration(value: Value<'_>) -> Result<Configuration, PckExtensionError> {
    let mut fields = Fields::read(value, &CONFIGURATION)?;
    let flag = |value: Value<'_>| {
        value.decode_as::<bool>().map_err(|_| PckExtensionError::FieldValue("configuration"))
    };
    let configuration = Configuration {
        dynamic_platform: fields.optional(1).map(flag).transpose()?,
        cached_keys: fields.optional(2).map(flag).transpose()?,
        smt_enabled: fields.optional(3).map(flag).transpose()?,
    };
    fields.end()?;
    Ok(configuration)
}

/// ENUMERATED: 0 standard, 1 scalable, 2 scalable with integrity.
fn sgx_type(value: Value<'_>) -> Result<u8, PckExtensionError> {
    match (value.tag(), value.value()) {
        (Tag::Enumerated, [kind @ 0..=2]) => Ok(*kind),
        _ => Err(PckExtensionError::FieldValue("SGX type")),
    }
}

fn octets<const N: usize>(value: Value<'_>, name: &'static str) -> Result<Hex<N>, PckExtensionError> {
    let octets =
        value.decode_as::<&OctetStringRef>().map_err(|_| PckExtensionError::FieldValue(name))?.as_bytes();
    octets.try_into().map(Hex).map_err(|_| PckExtensionError::FieldValue(name))
}

/// The (id, value) pairs of one sequence, by the last arc of the id. Taking a field removes it, so that what
/// is left at the end is unknown.
struct Fields<'a> {
    parent: ObjectIdentifier,
    pairs: Vec<(u32, Value<'a>)>,
}

impl<'a> Fields<'a> {
    fn read(value: Value<'a>, parent: &ObjectIdentifier) -> Result<Self, PckExtensionError> {
        if value.tag() != Tag::Sequence {
            return Err(PckExtensionError::FieldValue("sequence"));
        }
        let mut reader = SliceReader::new(value.value())?;
        let mut pairs: Vec<(u32, Value<'a>)> = Vec::new();
        while !reader.is_finished() {
            let pair = AnyRef::decode(&mut reader)?;
            let (id, value) = pair.sequence(|reader| {
                Ok::<_, der::Error>((ObjectIdentifier::decode(reader)?, AnyRef::decode(reader)?))
            })?;
            let arc = id
                .parent()
                .filter(|found| found == parent)
                .and_then(|_| id.arcs().last())
                .ok_or_else(|| PckExtensionError::UnknownField(id.to_string()))?;
            if pairs.iter().any(|(known, _)| *known == arc) {
                return Err(PckExtensionError::DuplicateField(id.to_string()));
            }
            pairs.push((arc, value));
        }
        Ok(Self { parent: *parent, pairs })
    }

    fn optional(&mut self, arc: u32) -> Option<Value<'a>> {
        let place = self.pairs.iter().position(|(found, _)| *found == arc)?;
        Some(self.pairs.swap_remove(place).1)
    }

    fn required(&mut self, arc: u32, name: &'static str) -> Result<Value<'a>, PckExtensionError> {
        self.optional(arc).ok_or(PckExtensionError::MissingField(name))
    }

    fn end(self) -> Result<(), PckExtensionError> {
        match self.pairs.first() {
            None => Ok(()),
            Some((arc, _)) => Err(PckExtensionError::UnknownField(format!("{}.{arc}", self.parent))),
        }
    }
}

#[cfg(test)]
mod tests;
