//! The Cedar schema, generated from the typed claims.
//!
//! Schema and values come from one table ([`claims`]): a claim that the schema names is a claim that every
//! decision carries, with that type.

mod claims;
pub(crate) mod entity;
mod published;
pub(crate) mod shape;
mod words;

pub(crate) use claims::{enclave_registers, pcrs, td_registers};
pub use published::AttributeInfo;
pub(crate) use published::{attributes, attributes_markdown};
pub(crate) use words::domain;

use crate::node::Attributes;
use crate::tier::Tier;
use hanzo_attestation_evidence::{Digest, UnixTime};
use shape::{Attribute, Domain, Record, Shape, Type};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEADER: &str = "\
// What policies can speak of. Generated from the claims that verification yields.
//
// An attribute with `?` is absent when the evidence does not state it: ask `principal has chip &&` first.
// Bytes are lower-case hex; fields of 64 bits are 16 hex digits; times are seconds since 1970.
";

const ENTITIES: &str = "\
// A set of expected measurements; its values are data.
entity ReferenceSet;
// A measured register, e.g. Measurement::\"sev-snp/measurement/<96 hex digits>\". That of a node without any
// is Measurement::\"none\", which is in no reference set.
";

const ACTIONS: &str = "\
action release appliesTo { principal: Node, resource: Key, context: ReleaseContext };
";

/// The schema in Cedar's own syntax.
pub(crate) fn text() -> String {
    let node = Attributes::attributes();
    let mut text = format!("{HEADER}\n{ENTITIES}");
    declare(&mut text, "entity Measurement in [ReferenceSet]", "Measurement", &measurement());
    text.push_str("// The first part of a key's id.\nentity Tenant;\n");
    text.push_str("// What is asked for.\n");
    declare(&mut text, "entity Key in [Tenant]", "Key", &key());
    for (name, attributes) in &records(&node) {
        declare(&mut text, &format!("type {name} ="), name, attributes);
    }
    text.push_str("// Who asks: one machine, as its evidence proves it.\n");
    declare(&mut text, "entity Node", "Node", &node);
    text.push_str("// The circumstances of the decision.\n");
    declare(&mut text, "type ReleaseContext =", "context", &context());
    text.push_str(ACTIONS);
    text
}

/// The records that attributes of the node lead to, by name.
pub(crate) fn records(node: &[Attribute]) -> BTreeMap<&'static str, Vec<Attribute>> {
    let mut records = BTreeMap::new();
    node.iter().for_each(|attribute| collect(&attribute.kind, &mut records));
    records
}

/// The attributes of `resource`.
pub(crate) fn key() -> Vec<Attribute> {
    let minimum = Attribute { domain: Tier::domain(), ..plain("minimum_tier", Type::Long) };
    vec![minimum, plain("require_cpu_tee", Type::Bool), plain("tenant", Type::Tenant)]
}

/// The attributes of `context`.
pub(crate) fn context() -> Vec<Attribute> {
    let live_grants = Attribute { domain: u32::domain(), ..plain("live_grants", Type::Long) };
    vec![Attribute { domain: UnixTime::domain(), ..plain("now", Type::Long) }, live_grants]
}

/// The attributes of a measured register.
pub(crate) fn measurement() -> Vec<Attribute> {
    let digest = Attribute { domain: Digest::domain(), ..plain("digest", Type::String) };
    vec![digest, plain("register", Type::String), plain("tee", Type::String)]
}

const fn plain(name: &'static str, kind: Type) -> Attribute {
    Attribute { name, kind, required: true, domain: Domain::Any }
}

fn collect(kind: &Type, records: &mut BTreeMap<&'static str, Vec<Attribute>>) {
    if let Type::Record(name, attributes) = kind {
        attributes.iter().for_each(|attribute| collect(&attribute.kind, records));
        records.insert(name, attributes.clone());
    }
}

fn declare(text: &mut String, head: &str, record: &str, attributes: &[Attribute]) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{head} {{");
    for Attribute { name, kind, required, .. } in attributes {
        if let Some(words) = words::words(record, name) {
            let _ = writeln!(text, "  // {}. From: {}", words.meaning, words.source);
        }
        let optional = if *required { "" } else { "?" };
        let _ = writeln!(text, "  {name}{optional}: {},", kind.name());
    }
    text.push_str("};\n");
}

impl Type {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::Long => "Long",
            Self::String => "String",
            Self::StringSet => "Set<String>",
            Self::Measurement => "Measurement",
            Self::MeasurementSet => "Set<Measurement>",
            Self::Tenant => "Tenant",
            Self::Record(name, _) => name,
        }
    }
}
