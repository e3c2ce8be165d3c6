//! The node of a case: claims as they are written down, completed by the schema.

use crate::node::{Attributes, Launch, Node, Registers};
use crate::references::{Register, digest_size};
use crate::schema::entity;
use crate::schema::shape::{Attribute, Record as _, Type};
use crate::tier::Tier;
use cedar_policy::RestrictedExpression;
use hanzo_attestation::{Product, sgx, snp, tdx};
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CaseTee {
    SevSnp,
    Tdx,
    Sgx,
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

impl CaseNode {
    /// Whether every measurement that is stated has the size of its register.
    pub(super) fn check(&self) -> Result<(), String> {
        let size = match self.tee {
            CaseTee::SevSnp => digest_size(Tee::SevSnp),
            CaseTee::Tdx => digest_size(Tee::Tdx),
            CaseTee::Sgx => digest_size(Tee::Sgx),
            CaseTee::RegisteredKey | CaseTee::None => return Ok(()),
        };
        let mut stated = self.measurement.iter().chain(self.registers.values());
        stated.find(|digest| digest.as_bytes().len() != size).map_or(Ok(()), |digest| {
            Err(format!("a register of `{}` has {size} bytes: {digest}", self.tee.name()))
        })
    }

    pub(super) fn build(&self) -> Result<Node, String> {
        let registers = self.registers()?;
        let tier = self.tier.unwrap_or(match self.tee {
            CaseTee::SevSnp | CaseTee::Tdx | CaseTee::Sgx => Tier::Confidential,
            CaseTee::RegisteredKey => Tier::Encrypted,
            CaseTee::None => Tier::Open,
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
        for (name, tee, stated, shape) in [
            ("snp", CaseTee::SevSnp, &self.snp, snp::Claims::attributes()),
            ("tdx", CaseTee::Tdx, &self.tdx, tdx::Claims::attributes()),
            ("sgx", CaseTee::Sgx, &self.sgx, sgx::Claims::attributes()),
        ] {
            if self.tee == tee {
                let none = Map::new();
                let stated = stated.as_ref().unwrap_or(&none);
                fields.push((name.to_owned(), record(name, &shape, stated, &registers)?));
            } else if stated.is_some() {
                return Err(format!("a node of the kind `{}` has no `{name}` claims", self.tee.name()));
            }
        }
        let cpu_tee = matches!(self.tee, CaseTee::SevSnp | CaseTee::Tdx | CaseTee::Sgx);
        let registers: BTreeSet<Register> = registers.into_iter().collect();
        Node::new(tier, cpu_tee, registers, fields.into_iter()).map_err(|error| error.to_string())
    }

    /// The launch measurement first, if there is one.
    fn registers(&self) -> Result<Vec<Register>, String> {
        let launch = match self.tee {
            CaseTee::SevSnp => "measurement",
            CaseTee::Tdx => "mr_td",
            CaseTee::Sgx => "mr_enclave",
            CaseTee::RegisteredKey | CaseTee::None => "",
        };
        let launch = self.measurement.map(|digest| (launch, digest));
        let others = self.registers.iter().map(|(name, digest)| (name.as_str(), *digest));
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
    const fn name(self) -> &'static str {
        match self {
            Self::SevSnp => "sev-snp",
            Self::Tdx => "tdx",
            Self::Sgx => "sgx",
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
    for Attribute { name, kind, required } in shape {
        let path = format!("{path}.{name}");
        match (stated.get(*name), required) {
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
