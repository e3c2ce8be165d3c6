//! A case of a failure as a file that `TestCase` reads: a node that a policy releases a key to although the
//! condition holds, and that must be denied.
//!
//! Nothing is believed of the way here: a case is written only if the decision itself grants it, with the
//! condition as one more policy.

use super::Invariant;
use super::choices::{Choice, OTHER};
use super::mentions;
use crate::case::TestCase;
use crate::key_id::KeyId;
use crate::references::{References, Register, digest_sizes};
use crate::schema::entity;
use crate::schema::shape::Type;
use hanzo_attestation_evidence::{Tee, UnixTime, encoding};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of nodes with their launch registers, their tiers, and the platforms whose claims they have.
const KINDS: [(&str, Option<&str>, i64); 8] = [
    ("sev-snp", Some("measurement"), 2),
    ("tdx", Some("mr_td"), 2),
    ("sgx", Some("mr_enclave"), 2),
    ("az-snp-vtpm", Some("measurement"), 2),
    ("az-tdx-vtpm", Some("mr_td"), 2),
    ("tpm", None, 2),
    ("registered-key", None, 1),
    ("none", None, 0),
];
/// Attributes of a node that are records with claims, and the kind that their registers are of.
const PLATFORMS: [(&str, &str); 7] = [
    ("snp", "sev-snp"),
    ("tdx", "tdx"),
    ("sgx", "sgx"),
    ("tpm", "tpm"),
    ("azure", "tpm"),
    ("gpus", "nvidia-gpu"),
    ("switches", "nvidia-switch"),
];
/// Attributes of a node that a case states as they are.
const PLAIN: [&str; 7] = ["lab", "product", "tcb_status", "host_data", "chip", "identity", "advisories"];
/// Longest part of a condition in the name of a case, in characters.
const MAX_SHOWN: usize = 120;

type Values = BTreeMap<String, Choice>;

/// The case, if a node like this can be stated.
pub(super) fn case(invariant: &Invariant, policy: &str, values: &Values) -> Option<Value> {
    let kind = match values.get("principal.tee") {
        Some(Choice::Text(kind)) => Some(kind.as_str()),
        _ => None,
    };
    let condition: Vec<&str> = invariant.condition.split_whitespace().collect();
    let condition: String = condition.join(" ").chars().take(MAX_SHOWN).collect();
    let policy = policy.rsplit('/').next().unwrap_or(policy);
    let name = format!("{policy} releases no key while {condition}");
    let possible = KINDS.into_iter().filter(|(name, ..)| kind.is_none_or(|kind| kind == *name));
    let mut cases = possible.filter_map(|kind| Draft::new(kind, values)?.case(&name));
    cases.find(|case| is_granted(invariant, case))
}

/// Whether a decision about it is a yes while the condition holds.
fn is_granted(invariant: &Invariant, case: &Value) -> bool {
    let Ok(cases) = TestCase::read(case.to_string().as_bytes()) else { return false };
    let (Ok(none), Ok(start)) = (References::new(Vec::new()), UnixTime::from_seconds(0)) else {
        return false;
    };
    let granted = |case: &TestCase| case.run(&invariant.guarded, &none, start).actual == "granted";
    cases.len() == 1 && cases.iter().all(granted)
}

/// A case in the making.
struct Draft<'a> {
    kind: &'static str,
    launch: Option<&'static str>,
    tier: i64,
    values: &'a Values,
    node: Map<String, Value>,
    registers: Map<String, Value>,
    references: BTreeMap<String, BTreeSet<String>>,
    /// Ids of measurements that no policy names, each with a byte that stands for it.
    fresh: BTreeMap<String, u8>,
}

impl<'a> Draft<'a> {
    fn new(
        (kind, launch, tier): (&'static str, Option<&'static str>, i64),
        values: &'a Values,
    ) -> Option<Self> {
        let (node, registers) = (Map::new(), Map::new());
        let (references, fresh) = (BTreeMap::new(), BTreeMap::new());
        let mut this = Self { kind, launch, tier, values, node, registers, references, fresh };
        for (path, choice) in values {
            let mut names = path.split('.');
            if names.next() == Some("principal") {
                this.attribute(path, &names.collect::<Vec<_>>(), choice)?;
            }
        }
        Some(this)
    }

    /// One attribute of the node; none if a case cannot state it.
    fn attribute(&mut self, path: &str, names: &[&str], choice: &Choice) -> Option<()> {
        match (names, choice) {
            // What is absent is left out; what is under it has no value either.
            (_, Choice::There(false)) => Some(()),
            _ if self.is_under_absent(path) => Some(()),
            (["tee" | "tier" | "measurements"], _) => Some(()),
            (["tee_io"], Choice::Bool(false)) => Some(()),
            ([name], Choice::There(true)) if PLATFORMS.iter().any(|(known, _)| known == name) => {
                self.node.entry(*name).or_insert_with(|| Value::Object(Map::new()));
                Some(())
            }
            ([name], _) if PLAIN.contains(name) => {
                self.node.insert((*name).to_owned(), value(path, choice)?);
                Some(())
            }
            (["measurement"], Choice::Measurement { id, sets }) => self.launched(path, id, sets),
            // Follows from the measurement.
            (["measurement", _], _) => Some(()),
            ([platform, way @ .., last], _) => self.claim(path, platform, way, last, choice),
            _ => None,
        }
    }

    fn is_under_absent(&self, path: &str) -> bool {
        let absent = |(other, choice): (&String, &Choice)| {
            *choice == Choice::There(false)
                && path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.values.iter().any(absent)
    }

    /// A claim of a platform, or a register of it.
    fn claim(&mut self, path: &str, platform: &str, way: &[&str], last: &str, choice: &Choice) -> Option<()> {
        let (_, tee) = PLATFORMS.iter().find(|(known, _)| *known == platform)?;
        if let Choice::Measurement { id, sets } = choice {
            let digest = self.digest(path, id, tee, last)?;
            self.registers.insert(last.to_owned(), json!(digest));
            self.refer(tee, last, &digest, sets);
            return Some(());
        }
        let mut inner =
            self.node.entry(platform).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
        for name in way {
            inner = inner.entry(*name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
        }
        let value = value(path, choice)?;
        if !value.is_object() || !inner.contains_key(last) {
            inner.insert(last.to_owned(), value);
        }
        Some(())
    }

    /// The launch measurement.
    fn launched(&mut self, path: &str, id: &str, sets: &[String]) -> Option<()> {
        if id == entity::NO_MEASUREMENT {
            return Some(());
        }
        let (tee, register) = (self.kind, self.launch?);
        let digest = self.digest(path, id, tee, register)?;
        self.node.insert("measurement".to_owned(), json!(digest));
        self.refer(tee, register, &digest, sets);
        Some(())
    }

    /// The digest that is named, or one that stands for a measurement without a name.
    fn digest(&mut self, path: &str, id: &str, tee: &str, register: &str) -> Option<String> {
        if let Some(named) = Register::from_entity_id(id) {
            return Some(named.digest.to_string());
        }
        if let Some(Choice::Text(digest)) = self.values.get(&format!("{path}.digest"))
            && !digest.is_empty()
            && encoding::hex_decode(digest).is_ok()
        {
            return Some(digest.clone());
        }
        // Of each place its own, unless the case says that two are one.
        let id = if id == OTHER { path } else { id };
        let next = u8::try_from(self.fresh.len()).ok()?.checked_add(0xA1)?;
        let byte = *self.fresh.entry(id.to_owned()).or_insert(next);
        let tee = [Tee::SevSnp, Tee::Tdx, Tee::Sgx, Tee::Tpm, Tee::NvidiaGpu, Tee::NvidiaSwitch]
            .into_iter()
            .find(|known| known.name() == tee);
        let size = digest_sizes(tee.unwrap_or(Tee::SevSnp), register).first().copied()?;
        Some(format!("{byte:02x}").repeat(size))
    }

    fn refer(&mut self, tee: &str, register: &str, digest: &str, sets: &[String]) {
        for set in sets {
            let held = self.references.entry(set.clone()).or_default();
            held.insert(format!("{tee}/{register}/{digest}"));
        }
    }

    fn case(mut self, name: &str) -> Option<Value> {
        let number = |path: &str| match self.values.get(path) {
            Some(Choice::Long(number)) => Some(*number),
            _ => None,
        };
        let tier = number("principal.tier");
        let minimum = number("resource.minimum_tier").unwrap_or(0);
        self.node.insert("tee".to_owned(), json!(self.kind));
        self.node.insert("tier".to_owned(), json!(tier.unwrap_or_else(|| self.tier.max(minimum))));
        if !self.registers.is_empty() {
            self.node.insert("registers".to_owned(), Value::Object(self.registers));
        }
        let Some(Choice::Key(key)) = self.values.get("resource") else { return None };
        let demanded = self.values.get("resource.require_cpu_tee") == Some(&Choice::Bool(true));
        let key = KeyId::parse(key).ok()?;
        let mut case = json!({
            "name": name,
            "node": self.node,
            "key": {"id": key.as_str(), "minimum_tier": minimum, "require_cpu_tee": demanded},
            "expect": "denied",
        });
        let stated = case.as_object_mut()?;
        if let Some(live) = number("context.live_grants") {
            stated.insert("live_grants".to_owned(), json!(live));
        }
        if let Some(now) = number("context.now") {
            stated.insert("now".to_owned(), json!(UnixTime::from_seconds(now).ok()?.to_string()));
        }
        if let Some(live) = number("context.live_grants") {
            stated.insert("live_grants".to_owned(), json!(live));
        }
        if !self.references.is_empty() {
            stated.insert("references".to_owned(), json!(self.references));
        }
        Some(case)
    }
}

/// A value as a case writes it; of an attribute that is only there, any.
fn value(path: &str, choice: &Choice) -> Option<Value> {
    match choice {
        Choice::Bool(truth) => Some(json!(truth)),
        Choice::Long(number) => Some(json!(number)),
        Choice::Text(text) => Some(json!(text)),
        Choice::Texts(texts) => Some(json!(texts)),
        Choice::There(true) => match mentions::known(path)?.kind {
            Type::Bool => Some(json!(false)),
            Type::Long => Some(json!(0)),
            Type::String => Some(json!(OTHER)),
            Type::StringSet => Some(json!([])),
            Type::Record(..) => Some(json!({})),
            Type::Measurement | Type::MeasurementSet | Type::Tenant => None,
        },
        Choice::There(false) | Choice::Measurement { .. } | Choice::Key(_) => None,
    }
}
