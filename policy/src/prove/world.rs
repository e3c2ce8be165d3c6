//! One combination as a question to the policy engine.

use super::choices::{Choice, Variable};
use crate::key_id::KeyId;
use crate::schema::entity;
use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Values by path.
pub(super) struct Assigned<'a> {
    values: BTreeMap<&'a str, &'a Choice>,
    absent: Vec<&'a str>,
}

/// A record in the making.
#[derive(Default)]
struct Tree<'a> {
    value: Option<&'a Choice>,
    below: BTreeMap<&'a str, Tree<'a>>,
}

impl<'a> Assigned<'a> {
    pub(super) fn new(variables: &'a [Variable], picks: &[usize]) -> Self {
        let mut this = Self { values: BTreeMap::new(), absent: Vec::new() };
        for (variable, pick) in variables.iter().zip(picks) {
            match variable.choices.get(*pick) {
                Some(Choice::There(false)) => this.absent.push(&variable.path),
                Some(Choice::There(true)) => {
                    // A record, or a value that another variable fills.
                    this.values.entry(&variable.path).or_insert(&THERE);
                }
                Some(choice) => {
                    this.values.insert(&variable.path, choice);
                }
                None => {}
            }
        }
        this
    }

    /// The question; none where the tier is below the key's minimum, because such a key never gets as far as
    /// the policies.
    ///
    /// # Errors
    /// Why the engine cannot be asked.
    pub(super) fn ask(&self) -> Result<Option<(Request, Entities)>, String> {
        let number = |path: &str| match self.values.get(path) {
            Some(Choice::Long(number)) => Some(*number),
            _ => None,
        };
        if let (Some(tier), Some(minimum)) = (number("principal.tier"), number("resource.minimum_tier"))
            && tier < minimum
        {
            return Ok(None);
        }
        let Some(Choice::Key(key)) = self.values.get("resource") else {
            return Err("no key".to_owned());
        };
        let key = KeyId::parse(key).map_err(|error| error.to_string())?;
        let mut entities = Vec::new();
        let node = self.attributes("principal", &mut entities)?;
        entities.push(Entity::new(entity::node(), node, HashSet::new()).map_err(told)?);
        let tenant = entity::tenant(key.tenant());
        let mut attributes = self.attributes("resource", &mut entities)?;
        attributes.insert("tenant".to_owned(), RestrictedExpression::new_entity_uid(tenant.clone()));
        entities.push(Entity::new(entity::key(&key), attributes, HashSet::from([tenant])).map_err(told)?);
        let context = Context::from_pairs(self.attributes("context", &mut entities)?).map_err(told)?;
        let request = Request::new(entity::node(), entity::release(), entity::key(&key), context, None);
        let entities = Entities::from_entities(entities, None).map_err(told)?;
        Ok(Some((request.map_err(told)?, entities)))
    }

    /// The attributes of a variable of Cedar; measurements among them become entities.
    fn attributes(
        &self,
        variable: &str,
        entities: &mut Vec<Entity>,
    ) -> Result<HashMap<String, RestrictedExpression>, String> {
        let mut tree = Tree::default();
        for (path, choice) in &self.values {
            let mut parts = path.split('.');
            if parts.next() != Some(variable) || self.is_absent(path) {
                continue;
            }
            let mut inner = &mut tree;
            for part in parts {
                inner = inner.below.entry(part).or_default();
            }
            if inner.value.is_none() || inner.value == Some(&THERE) {
                inner.value = Some(choice);
            }
        }
        let mut found = HashMap::new();
        for (name, below) in &tree.below {
            found.insert((*name).to_owned(), below.expression(&format!("{variable}.{name}"), entities)?);
        }
        Ok(found)
    }

    fn is_absent(&self, path: &str) -> bool {
        self.absent.iter().any(|absent| {
            path.strip_prefix(absent).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The combination by attributes.
    pub(super) fn values(&self) -> BTreeMap<String, Choice> {
        let absent = self.absent.iter().map(|path| ((*path).to_owned(), Choice::There(false)));
        let there = self.values.iter().filter(|(path, _)| !self.is_absent(path));
        there.map(|(path, choice)| ((*path).to_owned(), (*choice).clone())).chain(absent).collect()
    }
}

static THERE: Choice = Choice::There(true);

impl Tree<'_> {
    fn expression(&self, path: &str, entities: &mut Vec<Entity>) -> Result<RestrictedExpression, String> {
        if let Some(Choice::Measurement { id, sets }) = self.value {
            return self.measurement(path, id, sets, entities);
        }
        match self.value {
            Some(Choice::Bool(truth)) => Ok(RestrictedExpression::new_bool(*truth)),
            Some(Choice::Long(number)) => Ok(RestrictedExpression::new_long(*number)),
            Some(Choice::Text(text)) => Ok(RestrictedExpression::new_string(text.clone())),
            Some(Choice::Texts(texts)) => {
                Ok(RestrictedExpression::new_set(texts.iter().cloned().map(RestrictedExpression::new_string)))
            }
            _ => RestrictedExpression::new_record(self.fields(path, entities)?).map_err(told),
        }
    }

    fn fields(
        &self,
        path: &str,
        entities: &mut Vec<Entity>,
    ) -> Result<Vec<(String, RestrictedExpression)>, String> {
        let field = |(name, below): (&&str, &Tree<'_>)| {
            Ok(((*name).to_owned(), below.expression(&format!("{path}.{name}"), entities)?))
        };
        self.below.iter().map(field).collect()
    }

    /// Each path has an entity of its own, unless a policy names the measurement.
    fn measurement(
        &self,
        path: &str,
        id: &str,
        sets: &[String],
        entities: &mut Vec<Entity>,
    ) -> Result<RestrictedExpression, String> {
        let id = if id.starts_with('~') { path } else { id };
        let uid = entity::measurement_named(id);
        let sets: HashSet<EntityUid> = sets.iter().map(|set| entity::reference_set(set)).collect();
        let attributes: HashMap<_, _> = self.fields(path, entities)?.into_iter().collect();
        if entities.iter().any(|entity| entity.uid() == uid) {
            return Err(format!("the measurement `{id}` stands in two places"));
        }
        entities.push(Entity::new(uid.clone(), attributes, sets).map_err(told)?);
        Ok(RestrictedExpression::new_entity_uid(uid))
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
