//! What could be changed: read off the conditions of the policies, never made up.

use super::change::Change;
use super::expression::{Literal, Place, literals, operation, place};
use super::facts::{Fact, blank, type_at};
use super::grants::bounds;
use super::world::World;
use crate::decide::name;
use crate::key_id::KeyId;
use crate::references::Register;
use crate::schema::shape::Type;
use crate::tier::Tier;
use cedar_policy::Effect;
use hanzo_attestation_evidence::UnixTime;
use serde_json::Value;
use std::collections::BTreeSet;

/// Most policies whose conditions are read: what an administrator wrote about one key.
const MAX_POLICIES: usize = 256;
/// Most candidates in all.
const MAX_CANDIDATES: usize = 512;
/// Most tenants that are tried in place of the one asked for.
const MAX_TENANTS: usize = 16;
/// A text that no vendor and no policy uses: stands for any other value of a claim.
const OTHER: &str = "(any other value)";

/// Every change worth trying, smallest first.
pub(super) fn candidates(world: &World<'_>) -> Vec<Change> {
    let mut found = Found { world, changes: Vec::new() };
    let scope = &world.scope;
    if world.facts.tier() < scope.minimum {
        found.add(Change::Tier { tier: scope.minimum });
    }
    if scope.require_cpu_tee && !world.facts.cpu_tee {
        found.add(Change::CpuTee);
    }
    let policies = world.policies.about(&scope.key).flat_map(|group| group.whole.policies.policies());
    for policy in policies.take(MAX_POLICIES) {
        let body = policy.to_json().unwrap_or(Value::Null);
        for condition in body.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let condition = condition.get("body").unwrap_or(&Value::Null);
            found.read(condition);
            found.limits(name(policy.id()), condition);
        }
        if policy.effect() == Effect::Forbid {
            found.add(Change::WithoutForbid { policy: name(policy.id()) });
        }
    }
    for tenant in world.policies.tenants().take(MAX_TENANTS) {
        if let Ok(key) = KeyId::parse(&format!("{tenant}/{}", scope.key.name()))
            && key != scope.key
        {
            found.add(Change::Key { key: key.to_string() });
        }
    }
    found.add(Change::Permit { cedar: permit(world) });
    let mut changes = found.changes;
    changes.sort_by_key(Change::weight);
    changes
}

/// A policy that permits this key to what this node shows, and to nothing wider.
fn permit(world: &World<'_>) -> String {
    let head = format!(
        "permit (principal, action == Action::\"release\", resource == Key::\"{}\")",
        world.scope.key
    );
    match world.facts.get(&["measurement".to_owned()]) {
        Some(Fact::Measurement(id)) if Register::from_entity_id(id).is_some() => {
            format!("{head} when {{ principal.measurement == Measurement::\"{id}\" }};")
        }
        _ => match world.facts.get(&["identity".to_owned()]) {
            Some(Fact::Text(identity)) if identity.chars().all(plain) => {
                format!("{head} when {{ principal has identity && principal.identity == \"{identity}\" }};")
            }
            _ => format!("{head} when {{ principal.tier >= {} }};", world.scope.minimum.number()),
        },
    }
}

const fn plain(letter: char) -> bool {
    letter.is_ascii_graphic() && letter != '"' && letter != '\\'
}

/// The value of a claim, as the schema has it.
pub(super) fn fact(path: &[String], value: &Value) -> Option<Fact> {
    let texts = || -> Option<BTreeSet<String>> {
        value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    match type_at(path)? {
        Type::Bool => value.as_bool().map(Fact::Bool),
        Type::Long => value.as_i64().map(Fact::Long),
        Type::String => value.as_str().map(|text| Fact::Text(text.to_owned())),
        Type::StringSet => texts().map(Fact::Texts),
        Type::Measurement => value.as_str().map(|id| Fact::Measurement(id.to_owned())),
        Type::MeasurementSet => texts().map(Fact::Measurements),
        kind @ Type::Record(..) => Some(blank(kind)),
        // Of a key, and of no node.
        Type::Tenant => None,
    }
}

/// Some other value of the same type.
pub(super) fn other(path: &[String], value: &Fact) -> Option<Fact> {
    match (type_at(path)?, value) {
        (Type::String, Fact::Text(_)) => Some(Fact::Text(OTHER.to_owned())),
        (Type::Long, Fact::Long(number)) => number.checked_add(1).map(Fact::Long),
        _ => None,
    }
}

struct Found<'a, 'b> {
    world: &'a World<'b>,
    changes: Vec<Change>,
}

impl Found<'_, '_> {
    fn add(&mut self, change: Change) {
        if self.changes.len() < MAX_CANDIDATES && !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Reads every comparison in an expression, whatever it stands in: whether a change helps is found by
    /// asking. Conditions nest only so deeply, see `policies::depth`.
    fn read(&mut self, expression: &Value) {
        let Some((operator, body)) = operation(expression) else { return };
        let (left, right) = (body.get("left"), body.get("right"));
        match (operator, left, right) {
            (".", ..) => self.truth(expression),
            ("has", Some(left), _) => self.presence(left, body.get("attr").and_then(Value::as_str)),
            ("in", Some(left), Some(right)) => self.membership(left, right),
            ("==" | "!=" | "<" | "<=" | ">" | ">=", Some(left), Some(right)) => {
                self.comparison(operator, left, right);
                self.comparison(mirrored(operator), right, left);
            }
            ("contains" | "containsAll" | "containsAny", Some(left), Some(right)) => {
                self.inclusion(left, right);
                self.choice(left, right);
            }
            _ => {}
        }
        match body {
            Value::Object(parts) => parts.values().for_each(|part| self.read(part)),
            Value::Array(parts) => parts.iter().for_each(|part| self.read(part)),
            _ => {}
        }
    }

    /// The bounds next to the number of live grants: one that it meets, and one that it does not.
    fn limits(&mut self, policy: String, condition: &Value) {
        let Some(live) = self.world.at.live_grants.map(i64::from) else { return };
        for from in bounds(condition) {
            for to in [live, live.saturating_add(1)] {
                if from != to {
                    self.add(Change::GrantLimit { policy: policy.clone(), from, to });
                }
            }
        }
    }

    fn set(&mut self, path: &[String], value: Fact) {
        if self.world.facts.get(path) == Some(&value) {
            return;
        }
        let claim = path.join(".");
        if claim == "tier" {
            if let Fact::Long(number) = value
                && let Some(tier) = u8::try_from(number).ok().and_then(|n| Tier::from_number(n).ok())
            {
                self.add(Change::Tier { tier });
            }
            return;
        }
        if let Ok(value) = serde_json::to_value(value) {
            self.add(Change::Claim { claim, value });
        }
    }

    /// A claim that is read as yes or no.
    fn truth(&mut self, expression: &Value) {
        if let Some(Place::Claim(path)) = place(expression)
            && matches!(type_at(&path), Some(Type::Bool))
        {
            self.set(&path, Fact::Bool(true));
            self.set(&path, Fact::Bool(false));
        }
    }

    fn presence(&mut self, left: &Value, attribute: Option<&str>) {
        let Some(attribute) = attribute else { return };
        let mut path = match place(left) {
            Some(Place::Claim(path)) => path,
            _ if operation(left) == Some(("Var", &Value::String("principal".to_owned()))) => Vec::new(),
            _ => return,
        };
        path.push(attribute.to_owned());
        match (self.world.facts.get(&path), type_at(&path)) {
            (None, Some(kind)) => self.set(&path, blank(kind)),
            (Some(_), Some(_)) => self.add(Change::ClaimAbsent { claim: path.join(".") }),
            _ => {}
        }
    }

    /// `principal.measurement in ReferenceSet::"images"`: the register that is read, in the set that is
    /// named.
    fn membership(&mut self, left: &Value, right: &Value) {
        let (Some(Place::Claim(path)), Some(sets)) = (place(left), literals(right)) else { return };
        let Some(Fact::Measurement(id)) = self.world.facts.get(&path) else { return };
        if Register::from_entity_id(id).is_none_or(|register| register.digest.is_zero()) {
            return;
        }
        for set in sets {
            if let Literal::ReferenceSet(set) = set {
                self.add(Change::Reference { set, measurement: id.clone() });
            }
        }
    }

    /// A claim or the time beside a constant: the nearest value on either side of the comparison.
    fn comparison(&mut self, operator: &str, left: &Value, right: &Value) {
        let (Some(place), Some(constants)) = (place(left), literals(right)) else { return };
        let [constant] = constants.as_slice() else { return };
        match (place, constant) {
            (Place::Now, Literal::Long(bound)) => {
                for second in nearest(operator, *bound) {
                    if let Ok(at) = UnixTime::from_seconds(second) {
                        self.add(Change::Now { at });
                    }
                }
            }
            (Place::LiveGrants, Literal::Long(bound)) => {
                for count in nearest(operator, *bound) {
                    if let (Some(live), Ok(most)) = (self.world.at.live_grants, u32::try_from(count)) {
                        self.add(Change::LiveGrants { live, most });
                    }
                }
            }
            (Place::Claim(path), Literal::Long(bound)) => {
                for value in nearest(operator, *bound) {
                    self.set(&path, Fact::Long(value));
                }
            }
            (Place::Claim(path), Literal::Bool(value)) => {
                self.set(&path, Fact::Bool(*value));
                self.set(&path, Fact::Bool(!*value));
            }
            (Place::Claim(path), Literal::Text(text)) => self.text(&path, text),
            (Place::Claim(path), Literal::Measurement(id)) => {
                self.set(&path, Fact::Measurement(id.clone()));
            }
            _ => {}
        }
    }

    fn text(&mut self, path: &[String], text: &str) {
        let value = Fact::Text(text.to_owned());
        if self.world.facts.get(path) == Some(&value) {
            self.add(Change::ClaimOther { claim: path.join("."), value: Value::String(text.to_owned()) });
        } else {
            self.set(path, value);
        }
    }

    /// `principal.gpus.modes.contains("spt")`: the set with the constants, and without them.
    fn inclusion(&mut self, left: &Value, right: &Value) {
        let (Some(Place::Claim(path)), Some(constants)) = (place(left), literals(right)) else { return };
        let texts: BTreeSet<String> = constants
            .into_iter()
            .filter_map(|constant| match constant {
                Literal::Text(text) | Literal::Measurement(text) => Some(text),
                _ => None,
            })
            .collect();
        let held = match self.world.facts.get(&path) {
            Some(Fact::Texts(held) | Fact::Measurements(held)) => held.clone(),
            _ => BTreeSet::new(),
        };
        let kind: fn(BTreeSet<String>) -> Fact = match type_at(&path) {
            Some(Type::StringSet) => Fact::Texts,
            Some(Type::MeasurementSet) => Fact::Measurements,
            _ => return,
        };
        self.set(&path, kind(held.union(&texts).cloned().collect()));
        self.set(&path, kind(held.difference(&texts).cloned().collect()));
        self.set(&path, kind(texts));
    }

    /// `["milan", "genoa"].contains(principal.product)`: each of the constants.
    fn choice(&mut self, left: &Value, right: &Value) {
        let (Some(constants), Some(Place::Claim(path))) = (literals(left), place(right)) else { return };
        for constant in constants {
            match constant {
                Literal::Text(text) => self.text(&path, &text),
                Literal::Long(number) => self.set(&path, Fact::Long(number)),
                Literal::Measurement(id) => self.set(&path, Fact::Measurement(id)),
                Literal::Bool(value) => self.set(&path, Fact::Bool(value)),
                Literal::ReferenceSet(_) => {}
            }
        }
    }
}

/// The same comparison with its sides exchanged.
fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}

/// The values next to a bound: one for which the comparison holds, one for which it does not.
fn nearest(operator: &str, bound: i64) -> [i64; 2] {
    let (below, above) = (bound.saturating_sub(1), bound.saturating_add(1));
    match operator {
        "<" | ">=" => [bound, below],
        _ => [bound, above],
    }
}
