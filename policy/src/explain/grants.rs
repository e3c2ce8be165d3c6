//! Bounds on live grants, as policies write them.

use super::expression::{Literal, Place, literals, operation, place};
use serde_json::{Value, json};

/// The constants with which a condition compares the number of live grants.
pub(super) fn bounds(expression: &Value) -> Vec<i64> {
    let mut found = Vec::new();
    if let Some((left, right)) = sides(expression) {
        found.extend(
            [(left, right), (right, left)].into_iter().filter_map(|(read, bound)| compared(read, bound)),
        );
    }
    below(expression).for_each(|part| found.extend(bounds(part)));
    found
}

/// Writes another bound where this one stands.
pub(super) fn relimit(expression: &mut Value, from: i64, to: i64) {
    let side = sides(expression).and_then(|(left, right)| {
        let is = |read, bound| compared(read, bound) == Some(from);
        if is(left, right) { Some("right") } else { is(right, left).then_some("left") }
    });
    let body = expression.as_object_mut().and_then(|members| members.values_mut().next());
    if let (Some(side), Some(body)) = (side, body) {
        body[side] = json!({"Value": to});
        return;
    }
    match expression {
        Value::Object(parts) => parts.values_mut().for_each(|part| relimit(part, from, to)),
        Value::Array(parts) => parts.iter_mut().for_each(|part| relimit(part, from, to)),
        _ => {}
    }
}

/// Both sides of a comparison.
fn sides(expression: &Value) -> Option<(&Value, &Value)> {
    match operation(expression)? {
        ("==" | "!=" | "<" | "<=" | ">" | ">=", body) => Some((body.get("left")?, body.get("right")?)),
        _ => None,
    }
}

fn compared(read: &Value, bound: &Value) -> Option<i64> {
    match (place(read)?, literals(bound)?.as_slice()) {
        (Place::LiveGrants, [Literal::Long(bound)]) => Some(*bound),
        _ => None,
    }
}

fn below(expression: &Value) -> impl Iterator<Item = &Value> {
    let object = expression.as_object().into_iter().flat_map(|parts| parts.values());
    object.chain(expression.as_array().into_iter().flatten())
}
