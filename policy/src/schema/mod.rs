//! The Cedar schema, generated from the typed claims.
//!
//! Schema and values come from one table ([`claims`]): a claim that the schema names is a claim that every
//! decision carries, with that type.

mod claims;
pub(crate) mod entity;
pub(crate) mod shape;

pub(crate) use claims::{enclave_registers, pcrs, td_registers};

use crate::node::Attributes;
use shape::{Attribute, Record, Type};
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
entity Measurement in [ReferenceSet] { digest: String, register: String, tee: String };
entity Tenant;
entity Key in [Tenant] { minimum_tier: Long, require_cpu_tee: Bool, tenant: Tenant };
";

const ACTIONS: &str = "\
// `now` is in seconds since 1970.
action release appliesTo { principal: Node, resource: Key, context: { now: Long } };
";

/// The schema in Cedar's own syntax.
pub(crate) fn text() -> String {
    let mut records = BTreeMap::new();
    let node = Attributes::attributes();
    node.iter().for_each(|attribute| collect(&attribute.kind, &mut records));
    let mut text = format!("{HEADER}\n{ENTITIES}");
    for (name, attributes) in &records {
        declare(&mut text, "type", name, " =", attributes);
    }
    text.push_str("// Who asks: one machine, as its evidence proves it.\n");
    declare(&mut text, "entity", "Node", "", &node);
    text.push_str(ACTIONS);
    text
}

fn collect(kind: &Type, records: &mut BTreeMap<&'static str, Vec<Attribute>>) {
    if let Type::Record(name, attributes) = kind {
        attributes.iter().for_each(|attribute| collect(&attribute.kind, records));
        records.insert(name, attributes.clone());
    }
}

fn declare(text: &mut String, keyword: &str, name: &str, equals: &str, attributes: &[Attribute]) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{keyword} {name}{equals} {{");
    for Attribute { name, kind, required } in attributes {
        let optional = if *required { "" } else { "?" };
        let _ = writeln!(text, "  {name}{optional}: {},", kind.name());
    }
    text.push_str("};\n");
}

impl Type {
    fn name(&self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::Long => "Long",
            Self::String => "String",
            Self::StringSet => "Set<String>",
            Self::Measurement => "Measurement",
            Self::MeasurementSet => "Set<Measurement>",
            Self::Record(name, _) => name,
        }
    }
}
