//! What a decision about one node rested on, written down so that it can be decided again.
//!
//! The attributes are those of the schema, by name and type. They are verified claims and nothing else: no
//! challenge, no key, no evidence.

use crate::node::{Attributes, Node};
use crate::references::Register;
use crate::schema::entity;
use crate::schema::shape::{Attribute, Record as _, Type};
use crate::tier::Tier;
use aws_lc_rs::digest::{SHA256, digest};
use cedar_policy::EvalResult;
use cedar_policy_core::ast::{self, PartialValue};
use hanzo_attestation_evidence::{Hex, json};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

/// The version of the form that is written.
const VERSION: u64 = 1;
/// Largest document in bytes: a row of the record may have as many, and holds more than the attributes.
pub const MAX_FACTS: usize = 256 << 10;
/// Most registers: two platforms of one machine, each with a TPM's 22 and a TD's 6, and some to spare.
const MAX_REGISTERS: usize = 128;

/// Most letters of a name that an error repeats.
const MAX_NAMED: usize = 128;

/// One value of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Fact {
    Bool(bool),
    Long(i64),
    Text(String),
    Texts(BTreeSet<String>),
    /// The id of an entity.
    Measurement(String),
    Measurements(BTreeSet<String>),
    Record(BTreeMap<String, Fact>),
}

/// A node as it was decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    pub(super) cpu_tee: bool,
    pub(super) registers: BTreeSet<Register>,
    pub(super) attributes: BTreeMap<String, Fact>,
    tier: Tier,
}

/// A document that is no facts of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// More than [`MAX_FACTS`] bytes.
    #[error("{0} bytes of facts are more than {MAX_FACTS}")]
    TooLarge(usize),
    /// Not strict JSON.
    #[error("facts: {0}")]
    Json(String),
    /// Another form.
    #[error("facts of version {0} are not of version {VERSION}")]
    Version(String),
    /// A member that there is not, or that is missing.
    #[error("facts: the member `{0}` is unknown or missing")]
    Member(String),
    /// A register that no node has, or one given twice, or too many.
    #[error("facts: `{0}` is no register, or is given twice")]
    Register(String),
    /// A claim that the schema does not have.
    #[error("the schema has no claim `{0}`")]
    Unknown(String),
    /// A claim of another type than the schema's.
    #[error("the claim `{0}` has another type in the schema")]
    Type(String),
    /// The tier is none.
    #[error("the facts name no tier")]
    Tier,
    /// The policy engine does not take them.
    #[error("the node cannot be described to the policy engine: {0}")]
    Engine(String),
}

impl FactsError {
    /// The same of a claim that is a member of another.
    fn below(self, name: &str) -> Self {
        let within =
            |inner: String| if inner.is_empty() { name.to_owned() } else { format!("{name}.{inner}") };
        match self {
            Self::Unknown(inner) => Self::Unknown(within(inner)),
            Self::Type(inner) => Self::Type(within(inner)),
            other => other,
        }
    }
}

/// The attributes of a node, in order; they never change while the program runs.
static SCHEMA: LazyLock<Vec<Attribute>> = LazyLock::new(Attributes::attributes);

impl NodeFacts {
    /// Reads what [`NodeFacts::to_bytes`] wrote. A claim that the schema has and the document does not is
    /// left out, see [`NodeFacts::is_complete`]; every other difference is an error.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FactsError> {
        if bytes.len() > MAX_FACTS {
            return Err(FactsError::TooLarge(bytes.len()));
        }
        let Value::Object(mut members) =
            json::parse(bytes).map_err(|error| FactsError::Json(error.to_string()))?
        else {
            return Err(FactsError::Json("it is no object".to_owned()));
        };
        let mut take = |name: &str| members.remove(name).ok_or_else(|| FactsError::Member(name.to_owned()));
        let version = take("version")?;
        if version.as_u64() != Some(VERSION) {
            return Err(FactsError::Version(version.to_string().chars().take(20).collect()));
        }
        let cpu_tee = take("cpu_tee")?.as_bool().ok_or_else(|| FactsError::Type("cpu_tee".to_owned()))?;
        let registers = registers(&take("registers")?)?;
        let attributes = match take("attributes")? {
            Value::Object(attributes) => record(&SCHEMA, attributes)?,
            _ => return Err(FactsError::Type("attributes".to_owned())),
        };
        if let Some(name) = members.keys().next() {
            return Err(FactsError::Member(name.chars().take(64).collect()));
        }
        Self::new(cpu_tee, registers, attributes)
    }

    /// The document: JSON with its members in one order, so that equal facts are equal bytes.
    ///
    /// # Errors
    /// [`FactsError::TooLarge`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, FactsError> {
        #[derive(Serialize)]
        struct Document<'a> {
            attributes: &'a BTreeMap<String, Fact>,
            cpu_tee: bool,
            registers: Vec<String>,
            version: u64,
        }
        let registers = self.registers.iter().map(Register::entity_id).collect();
        let document =
            Document { attributes: &self.attributes, cpu_tee: self.cpu_tee, registers, version: VERSION };
        let bytes = serde_json::to_vec(&document).map_err(|error| FactsError::Json(error.to_string()))?;
        if bytes.len() > MAX_FACTS {
            return Err(FactsError::TooLarge(bytes.len()));
        }
        Ok(bytes)
    }

    /// SHA-256 of a document: its name in the record.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Hex<32> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Hex(hash)
    }

    /// The tier that was proved.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Whether every claim that the schema demands is there. Facts of an older broker may lack newer ones: a
    /// policy that reads one of those fails on them.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        complete(&SCHEMA, &self.attributes)
    }

    /// What a decision knew of the node.
    pub(crate) fn of(node: &Node) -> Result<Self, FactsError> {
        let mut attributes = BTreeMap::new();
        for (name, value) in node.entity.attrs() {
            let value = value.map_err(|error| FactsError::Engine(error.to_string()))?;
            let kind = kind_of(&SCHEMA, name).ok_or_else(|| FactsError::Unknown(name.to_owned()))?;
            attributes.insert(name.to_owned(), taken(name, kind, &value)?);
        }
        Self::new(node.cpu_tee, node.registers.clone(), attributes)
    }

    /// The node, to ask about it again.
    ///
    /// Facts are values already: nothing is left for the engine to evaluate, and a replay makes as many nodes as
    /// there are decisions.
    pub(crate) fn node(&self) -> Node {
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|(name, fact)| (name.as_str().into(), PartialValue::Value(fact.value())));
        let uid = entity::node().into();
        let entity =
            ast::Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), HashSet::new(), []);
        Node::made(self.tier, self.cpu_tee, self.registers.clone(), entity.into(), self.is_complete())
    }

    fn new(
        cpu_tee: bool,
        registers: BTreeSet<Register>,
        attributes: BTreeMap<String, Fact>,
    ) -> Result<Self, FactsError> {
        let tier = tier_in(&attributes).ok_or(FactsError::Tier)?;
        Ok(Self { cpu_tee, registers, attributes, tier })
    }

    /// The value at a path of names below `principal`.
    pub(super) fn get(&self, path: &[String]) -> Option<&Fact> {
        let (first, rest) = path.split_first()?;
        let start = self.attributes.get(first)?;
        rest.iter().try_fold(start, |fact, name| match fact {
            Fact::Record(fields) => fields.get(name),
            _ => None,
        })
    }

    /// The same node with another value at a path; `None` takes it away. Records on the way that are absent
    /// come with what their schema demands. `None` if the schema has no such place, or the value does not
    /// fit it.
    pub(super) fn with(&self, path: &[String], value: Option<Fact>) -> Option<Self> {
        let mut attributes = self.attributes.clone();
        put(&mut attributes, &SCHEMA, path, value)?;
        let mut registers = self.registers.clone();
        if let Some(Fact::Measurement(new)) = lookup(&attributes, path) {
            let new = Register::from_entity_id(new)?;
            registers.retain(|register| (register.tee, register.name) != (new.tee, new.name));
            registers.insert(new);
        }
        Self::new(self.cpu_tee, registers, attributes).ok()
    }

    /// The same node with a CPU TEE.
    pub(super) fn with_cpu_tee(&self) -> Self {
        Self { cpu_tee: true, ..self.clone() }
    }
}

/// The type of a place of the schema, by a path below `principal`.
pub(super) fn type_at(path: &[String]) -> Option<&'static Type> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(kind_of(&SCHEMA, first)?, |kind, name| match kind {
        Type::Record(_, shape) => kind_of(shape, name),
        _ => None,
    })
}

/// What a place of this type holds when nothing is said about it.
pub(super) fn blank(kind: &Type) -> Fact {
    match kind {
        Type::Bool => Fact::Bool(false),
        Type::Long => Fact::Long(0),
        // A tenant is a key's, and no claim of a node.
        Type::String | Type::Tenant => Fact::Text(String::new()),
        Type::StringSet => Fact::Texts(BTreeSet::new()),
        Type::Measurement => Fact::Measurement(entity::NO_MEASUREMENT.to_owned()),
        Type::MeasurementSet => Fact::Measurements(BTreeSet::new()),
        Type::Record(_, shape) => {
            let demanded = shape.iter().filter(|attribute| attribute.required);
            Fact::Record(demanded.map(|a| (a.name.to_owned(), blank(&a.kind))).collect())
        }
    }
}

impl Fact {
    fn value(&self) -> ast::Value {
        let measurement = |id: &String| ast::EntityUID::from(entity::measurement_named(id));
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Long(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Texts(values) => {
                ast::Value::set_of_lits(values.iter().map(|text| text.as_str().into()), None)
            }
            Self::Measurement(id) => measurement(id).into(),
            Self::Measurements(ids) => {
                ast::Value::set_of_lits(ids.iter().map(|id| measurement(id).into()), None)
            }
            Self::Record(fields) => {
                ast::Value::record(fields.iter().map(|(name, fact)| (name.as_str(), fact.value())), None)
            }
        }
    }

    /// Whether it is of this type, to the bottom.
    fn fits(&self, kind: &Type) -> bool {
        match (self, kind) {
            (Self::Bool(_), Type::Bool)
            | (Self::Long(_), Type::Long)
            | (Self::Text(_), Type::String)
            | (Self::Texts(_), Type::StringSet)
            | (Self::Measurement(_), Type::Measurement)
            | (Self::Measurements(_), Type::MeasurementSet) => true,
            (Self::Record(fields), Type::Record(_, shape)) => {
                fields.iter().all(|(name, fact)| kind_of(shape, name).is_some_and(|kind| fact.fits(kind)))
            }
            _ => false,
        }
    }
}

fn kind_of<'a>(shape: &'a [Attribute], name: &str) -> Option<&'a Type> {
    shape.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.kind)
}

fn tier_in(attributes: &BTreeMap<String, Fact>) -> Option<Tier> {
    match attributes.get("tier") {
        Some(Fact::Long(number)) => Tier::from_number(u8::try_from(*number).ok()?).ok(),
        _ => None,
    }
}

fn complete(shape: &[Attribute], fields: &BTreeMap<String, Fact>) -> bool {
    shape.iter().all(|attribute| match (fields.get(attribute.name), &attribute.kind) {
        (None, _) => !attribute.required,
        (Some(Fact::Record(fields)), Type::Record(_, shape)) => complete(shape, fields),
        (Some(_), _) => true,
    })
}

fn lookup<'a>(fields: &'a BTreeMap<String, Fact>, path: &[String]) -> Option<&'a Fact> {
    let (first, rest) = path.split_first()?;
    match (fields.get(first)?, rest) {
        (fact, []) => Some(fact),
        (Fact::Record(fields), rest) => lookup(fields, rest),
        _ => None,
    }
}

fn put(
    fields: &mut BTreeMap<String, Fact>,
    shape: &[Attribute],
    path: &[String],
    value: Option<Fact>,
) -> Option<()> {
    let (first, rest) = path.split_first()?;
    let attribute = shape.iter().find(|attribute| attribute.name == first)?;
    match (rest, value, &attribute.kind) {
        ([], None, _) => (!attribute.required).then(|| drop(fields.remove(first))),
        ([], Some(value), kind) => {
            value.fits(kind).then_some(())?;
            fields.insert(first.clone(), value);
            Some(())
        }
        (rest, value, kind @ Type::Record(_, shape)) => {
            match fields.entry(first.clone()).or_insert_with(|| blank(kind)) {
                Fact::Record(fields) => put(fields, shape, rest, value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What the engine holds, as the schema has it.
fn taken(path: &str, kind: &Type, value: &EvalResult) -> Result<Fact, FactsError> {
    let wrong = || FactsError::Type(path.to_owned());
    let id = |value: &EvalResult| match value {
        EvalResult::EntityUid(uid) => entity::as_measurement(uid).map(str::to_owned).ok_or_else(wrong),
        _ => Err(wrong()),
    };
    let text = |value: &EvalResult| match value {
        EvalResult::String(text) => Ok(text.clone()),
        _ => Err(wrong()),
    };
    match (kind, value) {
        (Type::Bool, EvalResult::Bool(value)) => Ok(Fact::Bool(*value)),
        (Type::Long, EvalResult::Long(value)) => Ok(Fact::Long(*value)),
        (Type::String, value) => text(value).map(Fact::Text),
        (Type::StringSet, EvalResult::Set(set)) => {
            set.iter().map(text).collect::<Result<_, _>>().map(Fact::Texts)
        }
        (Type::Measurement, value) => id(value).map(Fact::Measurement),
        (Type::MeasurementSet, EvalResult::Set(set)) => {
            set.iter().map(id).collect::<Result<_, _>>().map(Fact::Measurements)
        }
        (Type::Record(_, shape), EvalResult::Record(fields)) => {
            let field = |(name, value): (&String, &EvalResult)| {
                let path = format!("{path}.{name}");
                let kind = kind_of(shape, name).ok_or_else(|| FactsError::Unknown(path.clone()))?;
                Ok((name.clone(), taken(&path, kind, value)?))
            };
            fields.iter().map(field).collect::<Result<_, FactsError>>().map(Fact::Record)
        }
        _ => Err(wrong()),
    }
}

fn registers(value: &Value) -> Result<BTreeSet<Register>, FactsError> {
    let ids = value.as_array().ok_or_else(|| FactsError::Type("registers".to_owned()))?;
    if ids.len() > MAX_REGISTERS {
        return Err(FactsError::Register(format!("{} registers", ids.len())));
    }
    let mut found = BTreeSet::new();
    for id in ids {
        let refused = || FactsError::Register(id.to_string().chars().take(160).collect());
        let register = id.as_str().and_then(Register::from_entity_id).ok_or_else(refused)?;
        if !found.insert(register) {
            return Err(refused());
        }
    }
    Ok(found)
}

fn record(shape: &[Attribute], stated: Map<String, Value>) -> Result<BTreeMap<String, Fact>, FactsError> {
    let field = |(name, value): (String, Value)| {
        let kind = kind_of(shape, &name)
            .ok_or_else(|| FactsError::Unknown(name.chars().take(MAX_NAMED).collect()))?;
        let fact = stated_value(kind, value).map_err(|error| error.below(&name))?;
        Ok((name, fact))
    };
    stated.into_iter().map(field).collect()
}

/// A value of this type. Its errors do not name it: whoever knows the name puts it before them.
fn stated_value(kind: &Type, value: Value) -> Result<Fact, FactsError> {
    let wrong = || FactsError::Type(String::new());
    // A set has its members once: two spellings of one set would be two documents of one fact.
    let texts = |values: Vec<Value>| {
        let count = values.len();
        let texts: Option<BTreeSet<String>> =
            values.into_iter().map(|value| value.as_str().map(str::to_owned)).collect();
        texts.filter(|texts| texts.len() == count).ok_or_else(wrong)
    };
    let measurement = |id: &str| id == entity::NO_MEASUREMENT || Register::from_entity_id(id).is_some();
    match (kind, value) {
        (Type::Bool, Value::Bool(value)) => Ok(Fact::Bool(value)),
        (Type::Long, Value::Number(value)) => value.as_i64().map(Fact::Long).ok_or_else(wrong),
        (Type::String, Value::String(text)) => Ok(Fact::Text(text)),
        (Type::StringSet, Value::Array(values)) => texts(values).map(Fact::Texts),
        (Type::Measurement, Value::String(id)) if measurement(&id) => Ok(Fact::Measurement(id)),
        (Type::MeasurementSet, Value::Array(values)) => {
            let ids = texts(values)?;
            if ids.iter().all(|id| measurement(id)) { Ok(Fact::Measurements(ids)) } else { Err(wrong()) }
        }
        (Type::Record(_, shape), Value::Object(stated)) => record(shape, stated).map(Fact::Record),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
