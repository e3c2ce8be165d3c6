//! The schema as data: every attribute with type, values, unit and source, for tools and for documents.

use super::shape::{Attribute, Domain, Record as _, Type};
use super::{context, key, measurement, records, words};
use crate::node::Attributes;
use serde::Serialize;
use std::fmt::Write as _;

/// One attribute that policies can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeInfo {
    /// The record or entity that has it, e.g. `SnpGuestPolicy`; `Node` is `principal`, `Key` is `resource`.
    pub record: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its Cedar type, or the record that it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether evidence can leave it out, so that a policy asks `has` first.
    pub optional: bool,
    /// The values that it can have, in words; empty where the type says all.
    pub values: String,
    /// What it says, with its unit.
    pub meaning: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// All attributes: of principal, resource and context, then of each record by name.
pub(crate) fn attributes() -> Vec<AttributeInfo> {
    let node = Attributes::attributes();
    let records = records(&node);
    let first = [("Node", node), ("Key", key()), ("context", context()), ("Measurement", measurement())];
    let all = first.into_iter().chain(records);
    all.flat_map(|(record, attributes)| attributes.into_iter().map(move |found| info(record, &found)))
        .collect()
}

/// The same as Markdown, one table for each record.
pub(crate) fn attributes_markdown() -> String {
    let mut text = String::new();
    let mut record = "";
    for AttributeInfo { record: of, name, kind, optional, values, meaning, source } in attributes() {
        // Writing to a String does not fail.
        if of != record {
            record = of;
            let heading = match of {
                "Node" => "`principal`: who asks, as its evidence proves it",
                "Key" => "`resource`: the key",
                "context" => "`context`",
                other => &format!("`{other}`"),
            };
            let _ = write!(text, "\n### {heading}\n\n| attribute | type | values | what it says | from |\n");
            text.push_str("|---|---|---|---|---|\n");
        }
        let optional = if optional { "?" } else { "" };
        let _ = writeln!(text, "| `{name}`{optional} | {kind} | {values} | {meaning} | {source} |");
    }
    text
}

fn info(record: &'static str, attribute: &Attribute) -> AttributeInfo {
    let (meaning, source) =
        words::words(record, attribute.name).map_or(("", ""), |words| (words.meaning, words.source));
    AttributeInfo {
        record,
        name: attribute.name,
        kind: attribute.kind.name(),
        optional: !attribute.required,
        values: values(record, attribute),
        meaning,
        source,
    }
}

fn values(record: &str, attribute: &Attribute) -> String {
    match &words::domain(record, attribute) {
        Domain::Hex(_) if record == "Measurement" => "lower-case hex, or `none`".to_owned(),
        Domain::Range(_, to) if *to > i64::from(u32::MAX) => "seconds since 1970".to_owned(),
        Domain::Range(from, to) => format!("{from} to {to}"),
        Domain::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        Domain::Hex(sizes) if sizes.is_empty() => "lower-case hex".to_owned(),
        Domain::Hex(sizes) => {
            let digits: Vec<String> = sizes.iter().map(|size| size.saturating_mul(2).to_string()).collect();
            format!("{} lower-case hex digits", digits.join(" or "))
        }
        Domain::Any if matches!(attribute.kind, Type::Measurement | Type::MeasurementSet) => {
            "ask `in ReferenceSet::\"…\"`".to_owned()
        }
        Domain::Any => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_says_what_it_is_and_where_it_comes_from() {
        let all = attributes();
        assert!(all.len() > 200, "{}", all.len());
        for found in &all {
            assert!(!found.meaning.is_empty() && !found.source.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn no_words_are_left_over() {
        let all = attributes();
        for (record, names) in words::all() {
            for name in names {
                let there = all.iter().any(|found| found.record == record && found.name == name);
                assert!(there, "{record}.{name} is no attribute");
            }
        }
    }

    #[test]
    fn values_are_told_where_the_type_says_too_little() {
        let all = attributes();
        let values = |record: &str, name: &str| {
            let found = all.iter().find(|found| found.record == record && found.name == name);
            found.map(|found| found.values.clone()).unwrap_or_default()
        };
        assert_eq!(values("Node", "tier"), "0 to 4");
        assert_eq!(values("SnpSigningKey", "vek"), "`vcek` `vlek`");
        assert_eq!(values("SnpClaims", "image_id"), "32 lower-case hex digits");
        assert!(values("Node", "tcb_status").contains("`SWHardeningNeeded`"));
        assert!(values("Node", "tee").contains("`sev-snp`") && values("Node", "tee").contains("`none`"));
        assert_eq!(values("context", "now"), "seconds since 1970");
        assert_eq!(values("context", "live_grants"), "0 to 4294967295");
        assert_eq!(values("Node", "lab"), "");
    }
}
