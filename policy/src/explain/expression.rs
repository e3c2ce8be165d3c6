//! Conditions of policies as the engine writes them down (JSON), read far enough to name their parts.

use crate::schema::entity;
use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value;
use std::str::FromStr as _;

/// What an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A claim of the node, by its names below `principal`.
    Claim(Vec<String>),
    /// The time of the decision.
    Now,
    /// How many grants of the key are live.
    LiveGrants,
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Bool(bool),
    Long(i64),
    Text(String),
    /// The id of a measurement.
    Measurement(String),
    /// The name of a reference set.
    ReferenceSet(String),
}

/// The operator of an expression and its operands.
pub(super) fn operation(expression: &Value) -> Option<(&str, &Value)> {
    let members = expression.as_object()?;
    let (name, body) = members.iter().next()?;
    (members.len() == 1).then_some((name.as_str(), body))
}

/// What an expression reads, if it reads one thing.
pub(super) fn place(expression: &Value) -> Option<Place> {
    let names = path(expression)?;
    let (root, rest) = names.split_first()?;
    match (root.as_str(), rest) {
        ("principal", [_, ..]) => Some(Place::Claim(rest.to_vec())),
        ("context", [only]) if only == "now" => Some(Place::Now),
        ("context", [only]) if only == "live_grants" => Some(Place::LiveGrants),
        _ => None,
    }
}

fn path(expression: &Value) -> Option<Vec<String>> {
    match operation(expression)? {
        ("Var", name) => Some(vec![name.as_str()?.to_owned()]),
        (".", body) => {
            let mut names = path(body.get("left")?)?;
            names.push(body.get("attr")?.as_str()?.to_owned());
            Some(names)
        }
        _ => None,
    }
}

/// The constants of an expression: one, or those of a set.
pub(super) fn literals(expression: &Value) -> Option<Vec<Literal>> {
    match operation(expression)? {
        ("Set", Value::Array(members)) => members.iter().map(literal).collect(),
        _ => Some(vec![literal(expression)?]),
    }
}

fn literal(expression: &Value) -> Option<Literal> {
    match operation(expression)? {
        ("Value", Value::Bool(value)) => Some(Literal::Bool(*value)),
        ("Value", Value::Number(value)) => value.as_i64().map(Literal::Long),
        ("Value", Value::String(text)) => Some(Literal::Text(text.clone())),
        ("Value", value) => {
            let uid = uid(value.get("__entity")?)?;
            let measurement = entity::as_measurement(&uid).map(|id| Literal::Measurement(id.to_owned()));
            measurement.or_else(|| Some(Literal::ReferenceSet(entity::as_reference_set(&uid)?.to_owned())))
        }
        ("neg", body) => match literal(body.get("arg")?)? {
            Literal::Long(value) => value.checked_neg().map(Literal::Long),
            _ => None,
        },
        _ => None,
    }
}

fn uid(entity: &Value) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(entity.get("type")?.as_str()?).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(entity.get("id")?.as_str()?)))
}

/// The operands of a chain of one operator, from left to right.
pub(super) fn chain<'a>(expression: &'a Value, operator: &str) -> Vec<&'a Value> {
    match operation(expression) {
        Some((found, body)) if found == operator => match (body.get("left"), body.get("right")) {
            (Some(left), Some(right)) => {
                let mut all = chain(left, operator);
                all.extend(chain(right, operator));
                all
            }
            _ => vec![expression],
        },
        _ => vec![expression],
    }
}

/// The expression as Cedar writes it.
pub(super) fn text(expression: &Value) -> String {
    write(expression).unwrap_or_else(|| expression.to_string())
}

fn write(expression: &Value) -> Option<String> {
    let (operator, body) = operation(expression)?;
    let part = |name: &str| body.get(name).map(enclosed);
    Some(match operator {
        "Var" => body.as_str()?.to_owned(),
        "Value" => value(body)?,
        "Set" => {
            let members: Vec<String> = body.as_array()?.iter().map(text).collect();
            format!("[{}]", members.join(", "))
        }
        "." => format!("{}.{}", part("left")?, body.get("attr")?.as_str()?),
        "has" => format!("{} has {}", part("left")?, body.get("attr")?.as_str()?),
        "is" => format!("{} is {}", part("left")?, body.get("entity_type")?.as_str()?),
        "!" => format!("!{}", part("arg")?),
        "neg" => format!("-{}", part("arg")?),
        "isEmpty" => format!("{}.isEmpty()", part("arg")?),
        "contains" | "containsAll" | "containsAny" => {
            format!("{}.{operator}({})", part("left")?, body.get("right").map(text)?)
        }
        "if-then-else" => {
            format!("if {} then {} else {}", part("if")?, part("then")?, part("else")?)
        }
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "&&" | "||" | "+" | "-" | "*" => {
            format!("{} {operator} {}", part("left")?, part("right")?)
        }
        _ => return None,
    })
}

/// With brackets where the operand is itself an operation of two.
fn enclosed(expression: &Value) -> String {
    let simple = matches!(
        operation(expression),
        Some(("Var" | "Value" | "Set" | "." | "!" | "neg" | "isEmpty" | "contains" | "containsAll", _))
    );
    if simple { text(expression) } else { format!("({})", text(expression)) }
}

fn value(body: &Value) -> Option<String> {
    match body.get("__entity") {
        Some(entity) => uid(entity).map(|uid| uid.to_string()),
        None => Some(body.to_string()),
    }
}
