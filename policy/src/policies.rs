//! Policies: Cedar text, parsed and checked against the schema once, then asked often.
//!
//! Policies are kept by what their scope says of the key: one key, one tenant, or any key. A decision asks
//! only those that can apply; the others would answer `false` for their scope alone. Among many of one scope,
//! it asks those whose demands on the node can hold (see `index`).

mod depth;
mod index;
pub(crate) mod review;

use crate::digest::Digester;
use crate::key_id::KeyId;
use crate::problem::PolicyProblem;
use crate::references::Register;
use crate::schema::{self, AttributeInfo, entity};
use cedar_policy::{
    Effect, EntityUid, Policy, PolicyId, PolicySet, ResourceConstraint, Schema, ValidationMode,
    ValidationWarning, Validator,
};
use hanzo_attestation_evidence::Hex;
pub(crate) use index::{Index, Part};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Longest text of one policy in bytes: a few hundred rules.
pub const MAX_POLICY_TEXT: usize = 256 << 10;
/// Most policy sources; ten thousand is what the cost of a decision is measured to.
pub const MAX_POLICIES: usize = 10_000;

/// The text of a policy under its name. One text may have several Cedar policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// How decisions name it.
    pub name: String,
    /// Which revision of the text.
    pub version: u64,
    /// Cedar.
    pub text: String,
}

/// Policies that are known to be well formed: every attribute exists, every comparison has matching types.
#[derive(Debug)]
pub struct Policies {
    any: Group,
    by_key: HashMap<String, Group>,
    by_tenant: HashMap<String, Group>,
    reference_sets: BTreeSet<String>,
    warnings: Vec<PolicyProblem>,
    digest: Hex<32>,
}

/// Policies with the same scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// All of them.
    pub(crate) whole: Part,
    /// The same by what they demand, if they are many.
    pub(crate) index: Option<Index>,
    /// Names of those that permit.
    pub(crate) permits: Vec<String>,
    /// Reference sets that they name.
    pub(crate) reference_sets: BTreeSet<String>,
    /// Whether one of them may ask what time it is.
    pub(crate) timed: bool,
}

impl Policies {
    /// Parses and checks policies. Either all are good, or none is used.
    ///
    /// # Errors
    /// Every problem of every policy: a syntax error, an attribute that does not exist, a comparison of
    /// different types, a comparison with a value that no claim has, an optional attribute that is read
    /// without asking for it, a policy that can never apply, a template, a literal that names nothing, a name given twice, a text that is too long or nests
    /// too deeply.
    pub fn compile(sources: &[PolicySource]) -> Result<Self, Vec<PolicyProblem>> {
        let mut problems = Vec::new();
        if sources.len() > MAX_POLICIES {
            let message = format!("{} policies are more than {MAX_POLICIES}", sources.len());
            return Err(vec![PolicyProblem::at("", "", 0, message)]);
        }
        let validator = VALIDATOR.as_ref().map_err(|problem| vec![problem.clone()])?;
        let mut this = Self::empty(digest(sources));
        let mut names = BTreeSet::new();
        for source in sources {
            if !names.insert(&source.name) {
                problems.push(PolicyProblem::at(&source.name, "", 0, "a policy of this name is given twice"));
            }
            match Checked::new(source, validator) {
                Ok(checked) => this.add(source, checked, &mut problems),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        this.index().map_err(|problem| vec![problem])?;
        Ok(this)
    }

    /// The schema that policies are checked against, in Cedar's own syntax.
    #[must_use]
    pub fn schema_text() -> String {
        schema::text()
    }

    /// Every attribute that policies can name, with type, values, unit and source.
    #[must_use]
    pub fn attributes() -> Vec<AttributeInfo> {
        schema::attributes()
    }

    /// The same as Markdown, for documents.
    #[must_use]
    pub fn attributes_markdown() -> String {
        schema::attributes_markdown()
    }

    /// SHA-256 over names, versions and texts, in order of name.
    #[must_use]
    pub const fn digest(&self) -> Hex<32> {
        self.digest
    }

    /// What is well formed and still looks wrong, e.g. a text that mixes scripts which look alike.
    #[must_use]
    pub fn warnings(&self) -> &[PolicyProblem] {
        &self.warnings
    }

    /// What looks wrong once policies stand beside each other: one that says the same as another, one that adds
    /// nothing, one that another always forbids, a permit that asks nothing of what runs. None of it keeps the
    /// policies from being used. Sources with errors are left out: [`Policies::compile`] tells those.
    #[must_use]
    pub fn review(sources: &[PolicySource]) -> Vec<PolicyProblem> {
        review::together(sources)
    }

    /// The reference sets that the policies name. One that does not exist holds nothing.
    #[must_use]
    pub const fn reference_sets(&self) -> &BTreeSet<String> {
        &self.reference_sets
    }

    /// The policies whose scope admits this key.
    pub(crate) fn about(&self, key: &KeyId) -> impl Iterator<Item = &Group> {
        let narrow = [self.by_key.get(key.as_str()), self.by_tenant.get(key.tenant())];
        std::iter::once(&self.any).chain(narrow.into_iter().flatten())
    }

    /// The tenants that policies name in their scope.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &str> {
        self.by_tenant.keys().map(String::as_str)
    }

    fn empty(digest: Hex<32>) -> Self {
        Self {
            any: Group::default(),
            by_key: HashMap::new(),
            by_tenant: HashMap::new(),
            reference_sets: BTreeSet::new(),
            warnings: Vec::new(),
            digest,
        }
    }

    fn add(&mut self, source: &PolicySource, checked: Checked, problems: &mut Vec<PolicyProblem>) {
        self.warnings.extend(checked.warnings);
        for policy in checked.policies {
            let literals = match Literals::of(&policy, source) {
                Ok(literals) => literals,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            self.reference_sets.extend(literals.reference_sets.iter().cloned());
            let group = self.group(&policy.resource_constraint());
            // The word alone is enough: in a text or a comment it costs an evaluation, and hides nothing.
            group.timed |= source.text.contains("context");
            if policy.effect() == Effect::Permit {
                group.permits.push(AsRef::<str>::as_ref(policy.id()).to_owned());
            }
            if let Err(message) = group.whole.add(policy, &literals) {
                problems.push(PolicyProblem::at(&source.name, "", 0, message));
            }
            group.reference_sets.extend(literals.reference_sets);
        }
    }

    fn index(&mut self) -> Result<(), PolicyProblem> {
        let narrow = self.by_key.values_mut().chain(self.by_tenant.values_mut());
        for group in narrow.chain([&mut self.any]) {
            group.index = Index::of(group)?;
        }
        Ok(())
    }

    fn group(&mut self, scope: &ResourceConstraint) -> &mut Group {
        let within = match scope {
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
                Some(uid)
            }
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        };
        match within.map(|uid| (entity::as_key(uid), entity::as_tenant(uid))) {
            Some((Some(key), _)) => self.by_key.entry(key.to_owned()).or_default(),
            Some((_, Some(tenant))) => self.by_tenant.entry(tenant.to_owned()).or_default(),
            _ => &mut self.any,
        }
    }
}

/// The schema never changes while the program runs.
static VALIDATOR: LazyLock<Result<Validator, PolicyProblem>> = LazyLock::new(|| schema().map(Validator::new));

fn schema() -> Result<Schema, PolicyProblem> {
    let text = schema::text();
    let (schema, _) = Schema::from_cedarschema_str(&text)
        .map_err(|error| PolicyProblem::at("schema", &text, 0, error.to_string()))?;
    Ok(schema)
}

fn digest(sources: &[PolicySource]) -> Hex<32> {
    let mut sorted: Vec<_> = sources.iter().collect();
    sorted.sort_by(|a, b| (&a.name, a.version, &a.text).cmp(&(&b.name, b.version, &b.text)));
    let mut digester = Digester::new("hanzo-kbs/v1/policies");
    for source in sorted {
        digester.add(source.name.as_bytes());
        digester.add(&source.version.to_be_bytes());
        digester.add(source.text.as_bytes());
    }
    digester.finish()
}

/// The policies of one source that passed the schema.
struct Checked {
    policies: Vec<Policy>,
    warnings: Vec<PolicyProblem>,
}

impl Checked {
    fn new(source: &PolicySource, validator: &Validator) -> Result<Self, Vec<PolicyProblem>> {
        let PolicySource { name, text, .. } = source;
        let problem = |offset, message: &str| vec![PolicyProblem::at(name, text, offset, message)];
        if text.len() > MAX_POLICY_TEXT {
            return Err(problem(0, "the text is longer than 262144 bytes"));
        }
        if let Some(offset) = depth::too_deep(text) {
            return Err(problem(offset, "the condition nests too deeply; write several policies"));
        }
        let set: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            errors.iter().map(|error| PolicyProblem::reported(name, text, error)).collect::<Vec<_>>()
        })?;
        if set.templates().next().is_some() {
            return Err(problem(
                0,
                "a template (`?principal`, `?resource`) is no policy; write the policy out",
            ));
        }
        let result = validator.validate(&set, ValidationMode::Strict);
        let mut errors: Vec<_> =
            result.validation_errors().map(|error| PolicyProblem::reported(name, text, error)).collect();
        let mut warnings = Vec::new();
        for warning in result.validation_warnings() {
            let problem = PolicyProblem::reported(name, text, warning);
            // A slip after `has` makes a condition that is never true, and a `forbid` that protects nothing.
            let never = matches!(warning, ValidationWarning::ImpossiblePolicy(_));
            if never { errors.push(problem) } else { warnings.push(problem) }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let (errors, doubts) = review::one(source, &set);
        if !errors.is_empty() {
            return Err(errors);
        }
        warnings.extend(doubts);
        let mut policies: Vec<_> = set.policies().collect();
        // The engine numbers them `policy0`, `policy1` … in the order of the text.
        policies.sort_by_key(|policy| (AsRef::<str>::as_ref(policy.id()).len(), policy.id().clone()));
        let several = policies.len() > 1;
        let named = policies.into_iter().zip(1_usize..).map(|(policy, number)| {
            let id = if several { format!("{name}#{number}") } else { name.clone() };
            policy.new_id(PolicyId::new(id))
        });
        Ok(Self { policies: named.collect(), warnings })
    }
}

/// What a policy names, checked: a name with a slip would never apply, and say nothing.
#[derive(Default)]
struct Literals {
    reference_sets: BTreeSet<String>,
    measurements: BTreeSet<Register>,
}

impl Literals {
    fn of(policy: &Policy, source: &PolicySource) -> Result<Self, Vec<PolicyProblem>> {
        let (mut this, mut problems) = (Self::default(), Vec::new());
        for uid in policy.entity_literals() {
            if let Err(message) = this.take(&uid) {
                let offset = source.text.find(&uid.to_string()).unwrap_or(0);
                problems.push(PolicyProblem::at(&source.name, &source.text, offset, message));
            }
        }
        if problems.is_empty() { Ok(this) } else { Err(problems) }
    }

    /// Of a policy that was checked.
    fn known(policy: &Policy) -> Self {
        let mut this = Self::default();
        for uid in policy.entity_literals() {
            // What cannot be taken was an error when the policy was checked.
            this.take(&uid).ok();
        }
        this
    }

    fn take(&mut self, uid: &EntityUid) -> Result<(), String> {
        if let Some(set) = entity::as_reference_set(uid) {
            self.reference_sets.insert(set.to_owned());
        } else if let Some(id) = entity::as_key(uid) {
            KeyId::parse(id).map_err(|error| format!("{uid} can be no key: {error}"))?;
        } else if let Some(id) = entity::as_tenant(uid) {
            KeyId::parse(&format!("{id}/x")).map_err(|error| format!("{uid} can be no tenant: {error}"))?;
        } else if let Some(id) = entity::as_measurement(uid) {
            if id != entity::NO_MEASUREMENT {
                let register = Register::from_entity_id(id);
                self.measurements.insert(register.ok_or_else(|| {
                    format!("{uid} can be no measurement; one is `sev-snp/measurement/` and 96 hex digits")
                })?);
            }
        } else if entity::is_node(uid) {
            return Err(format!("{uid}: nodes have no names; ask what the node proves"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
