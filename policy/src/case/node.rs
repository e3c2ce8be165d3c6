//! The node of a case: claims as they are written down, completed by the schema.

use crate::devices::Devices;
use crate::node::{Attributes, Launch, Node, Registers};
use crate::references::{REGISTERS, Register, digest_sizes};
use crate::schema::entity;
use crate::schema::shape::{Attribute, Record as _, Type};
use crate::tier::Tier;
use cedar_policy::RestrictedExpression;
use hanzo_attestation::{Product, azure, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::{Digest, Tee};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseNode {
    tee: CaseTee,
    tier: Option<Tier>,
    measurement: Option<Digest>,
    #[serde(default)]
    registers: BTreeMap<String, Digest>,
    #[serde(default)]
    lab: bool,
    product: Option<CaseProduct>,
    tcb_status: Option<String>,
    #[serde(default)]
    advisories: Vec<String>,
    host_data: Option<String>,
    chip: Option<String>,
    identity: Option<String>,
    snp: Option<Map<String, Value>>,
    tdx: Option<Map<String, Value>>,
    sgx: Option<Map<String, Value>>,
    tpm: Option<Map<String, Value>>,
    azure: Option<Map<String, Value>>,
    gpus: Option<Map<String, Value>>,
    switches: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CaseTee {
    SevSnp,
    Tdx,
    Sgx,
    Tpm,
    AzSnpVtpm,
    AzTdxVtpm,
    RegisteredKey,
    None,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CaseProduct {
    Milan,
    Genoa,
    Turin,
    IntelTdx,
    IntelSgx,
}

type Attributed = Result<RestrictedExpression, String>;
/// What a case states of devices of one class.
type Stated = Option<Map<String, Value>>;

impl CaseNode {
    /// Whether every measurement that is stated has the size of its register.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(tee) = self.tee.measured() else { return Ok(()) };
        let launch = self.measurement.iter().map(|digest| (self.tee.launch().unwrap_or_default(), digest));
        let others = self.registers.iter().map(|(name, digest)| (name.as_str(), digest));
        let mut stated = launch.chain(others);
        let wrong = |(name, digest): &(&str, &Digest)| {
            let tee = if self.is_of_devices(name) { Tee::NvidiaGpu } else { tee };
            !digest_sizes(tee, name).contains(&digest.as_bytes().len())
        };
        stated.find(wrong).map_or(Ok(()), |(name, digest)| {
            Err(format!("`{name}` of `{}` has another size than {digest}", self.tee.name()))
        })
    }

    pub(super) fn build(&self) -> Result<Node, String> {
        let registers = self.registers()?;
        let tier = self.tier.unwrap_or(match self.tee {
            CaseTee::RegisteredKey => Tier::Encrypted,
            CaseTee::None => Tier::Open,
            _ => Tier::Confidential,
        });
        let attributes = Attributes {
            tee: self.tee.name().to_owned(),
            lab: self.lab,
            product: self.product.map(CaseProduct::product),
            tcb_status: self.tcb_status.clone(),
            advisories: self.advisories.clone(),
            measurement: Launch(self.measurement.and_then(|_| registers.first().copied())),
            measurements: Registers(registers.clone()),
            host_data: self.host_data.clone(),
            chip: self.chip.clone(),
            identity: self.identity.clone(),
            ..Attributes::none(tier)
        };
        let mut fields: Vec<(String, RestrictedExpression)> =
            attributes.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let azure = [CaseTee::AzSnpVtpm, CaseTee::AzTdxVtpm];
        let mut reachable: BTreeSet<Register> = registers.iter().copied().collect();
        for (name, alone, behind, platform, stated, shape) in [
            ("snp", CaseTee::SevSnp, &azure[..1], Tee::SevSnp, &self.snp, snp::Claims::attributes()),
            ("tdx", CaseTee::Tdx, &azure[1..], Tee::Tdx, &self.tdx, tdx::Claims::attributes()),
            ("sgx", CaseTee::Sgx, &[], Tee::Sgx, &self.sgx, sgx::Claims::attributes()),
            ("tpm", CaseTee::Tpm, &azure[..], Tee::Tpm, &self.tpm, tpm::Claims::attributes()),
            ("azure", CaseTee::AzSnpVtpm, &azure[..], Tee::Tpm, &self.azure, azure::Vtpm::attributes()),
        ] {
            if self.tee == alone || behind.contains(&self.tee) {
                let none = Map::new();
                let stated = stated.as_ref().unwrap_or(&none);
                // The claims of one platform name its registers as that platform's.
                let own = registers.iter().filter_map(|r| Register::named(platform.name(), r.name, r.digest));
                let own: Vec<Register> = own.collect();
                reachable.extend(own.iter().copied());
                fields.push((name.to_owned(), record(name, &shape, stated, &own)?));
            } else if stated.is_some() {
                return Err(format!("a node of the kind `{}` has no `{name}` claims", self.tee.name()));
            }
        }
        // Devices stand beside a CPU of any kind.
        for (name, tee, stated) in self.devices() {
            if let Some(stated) = stated {
                let named = self.registers.iter().filter_map(|(n, d)| Register::named(tee.name(), n, *d));
                let own: Vec<Register> = named.collect();
                reachable.extend(own.iter().copied());
                fields.push((name.to_owned(), record(name, &Devices::attributes(), stated, &own)?));
            }
        }
        let cpu_tee = self.tee.measured().is_some_and(Tee::is_cpu);
        // A case states what matters to it: a policy that reads something else fails.
        Node::new(tier, cpu_tee, reachable, fields.into_iter(), false).map_err(|error| error.to_string())
    }

    /// The devices beside the CPU.
    const fn devices(&self) -> [(&'static str, Tee, &Stated); 2] {
        [("gpus", Tee::NvidiaGpu, &self.gpus), ("switches", Tee::NvidiaSwitch, &self.switches)]
    }

    /// Whether a register is one of the devices that the node has.
    fn is_of_devices(&self, name: &str) -> bool {
        self.devices().into_iter().any(|(_, tee, stated)| {
            let mut names = REGISTERS.iter().filter(|(known, _)| *known == tee);
            stated.is_some() && names.any(|(_, names)| names.contains(&name))
        })
    }

    /// The launch measurement first, if there is one. Those of devices stand beside it.
    fn registers(&self) -> Result<Vec<Register>, String> {
        let launch = self.tee.launch().unwrap_or_default();
        let launch = self.measurement.map(|digest| (launch, digest));
        let others = self.registers.iter().map(|(name, digest)| (name.as_str(), *digest));
        let others = others.filter(|(name, _)| !self.is_of_devices(name));
        let named =
            launch.into_iter().chain(others.filter(|(name, _)| launch.is_none_or(|(l, _)| l != *name)));
        named
            .map(|(name, digest)| {
                Register::named(self.tee.name(), name, digest).ok_or_else(|| {
                    format!("a node of the kind `{}` has no register `{name}`", self.tee.name())
                })
            })
            .collect()
    }
}

impl CaseTee {
    /// The kind of evidence, if it has registers.
    const fn measured(self) -> Option<Tee> {
        match self {
            Self::SevSnp => Some(Tee::SevSnp),
            Self::Tdx => Some(Tee::Tdx),
            Self::Sgx => Some(Tee::Sgx),
            Self::Tpm => Some(Tee::Tpm),
            Self::AzSnpVtpm => Some(Tee::AzSnpVtpm),
            Self::AzTdxVtpm => Some(Tee::AzTdxVtpm),
            Self::RegisteredKey | Self::None => None,
        }
    }

    /// The register that is the launch measurement.
    const fn launch(self) -> Option<&'static str> {
        match self {
            Self::SevSnp | Self::AzSnpVtpm => Some("measurement"),
            Self::Tdx | Self::AzTdxVtpm => Some("mr_td"),
            Self::Sgx => Some("mr_enclave"),
            Self::Tpm | Self::RegisteredKey | Self::None => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SevSnp => "sev-snp",
            Self::Tdx => "tdx",
            Self::Sgx => "sgx",
            Self::Tpm => "tpm",
            Self::AzSnpVtpm => "az-snp-vtpm",
            Self::AzTdxVtpm => "az-tdx-vtpm",
            Self::RegisteredKey => "registered-key",
            Self::None => "none",
        }
    }
}

impl CaseProduct {
    const fn product(self) -> Product {
        match self {
            Self::Milan => Product::Milan,
            Self::Genoa => Product::Genoa,
            Self::Turin => Product::Turin,
            Self::IntelTdx => Product::IntelTdx,
            Self::IntelSgx => Product::IntelSgx,
        }
    }
}

/// A record as far as it is stated; the rest is false, 0, empty, or absent.
fn record(
    path: &str,
    shape: &[Attribute],
    stated: &Map<String, Value>,
    registers: &[Register],
) -> Attributed {
    if let Some(unknown) = stated.keys().find(|name| shape.iter().all(|attribute| attribute.name != *name)) {
        return Err(format!("the schema has no claim `{path}.{unknown}`"));
    }
    let mut fields = Vec::with_capacity(shape.len());
    for Attribute { name, kind, required, .. } in shape {
        let path = format!("{path}.{name}");
        let measured = *kind == Type::Measurement && registers.iter().any(|register| register.name == *name);
        match (stated.get(*name), *required || measured) {
            (None, false) => {}
            (stated, _) => fields.push(((*name).to_owned(), value(&path, name, kind, stated, registers)?)),
        }
    }
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

fn value(path: &str, name: &str, kind: &Type, stated: Option<&Value>, registers: &[Register]) -> Attributed {
    let wrong = |what: &str| format!("the claim `{path}` is {what}");
    match (kind, stated) {
        (Type::Bool, None) => Ok(RestrictedExpression::new_bool(false)),
        (Type::Bool, Some(value)) => {
            value.as_bool().map(RestrictedExpression::new_bool).ok_or_else(|| wrong("true or false"))
        }
        (Type::Long, None) => Ok(RestrictedExpression::new_long(0)),
        (Type::Long, Some(value)) => {
            value.as_i64().map(RestrictedExpression::new_long).ok_or_else(|| wrong("an integer"))
        }
        (Type::String, None) => Ok(RestrictedExpression::new_string(String::new())),
        (Type::String, Some(Value::String(text))) => Ok(RestrictedExpression::new_string(text.clone())),
        (Type::String, Some(_)) => Err(wrong("a text")),
        (Type::StringSet, None) => Ok(RestrictedExpression::new_set([])),
        (Type::StringSet, Some(value)) => texts(value).ok_or_else(|| wrong("a list of texts")),
        (Type::Record(_, shape), None) => record(path, shape, &Map::new(), registers),
        (Type::Record(_, shape), Some(Value::Object(stated))) => record(path, shape, stated, registers),
        (Type::Record(..), Some(_)) => Err(wrong("an object")),
        (Type::Measurement | Type::MeasurementSet, Some(_)) => Err(wrong("stated under `registers`")),
        (Type::Tenant, _) => Err(wrong("the key's, and stated with it")),
        (Type::MeasurementSet, None) => Ok(RestrictedExpression::new_set([])),
        (Type::Measurement, None) => {
            let stated = registers.iter().find(|register| register.name == name).copied();
            let zero = || Register::absent(name);
            let uid = stated.or_else(zero).map_or_else(entity::no_measurement, |r| entity::measurement(&r));
            Ok(RestrictedExpression::new_entity_uid(uid))
        }
    }
}

fn texts(value: &Value) -> Option<RestrictedExpression> {
    let texts: Option<Vec<RestrictedExpression>> = value
        .as_array()?
        .iter()
        .map(|text| text.as_str().map(|text| RestrictedExpression::new_string(text.to_owned())))
        .collect();
    texts.map(RestrictedExpression::new_set)
}
