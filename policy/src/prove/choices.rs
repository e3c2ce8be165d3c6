//! The values that an attribute takes: each that is named, those beside it, and one that is not.

use super::MAX_COMBINATIONS;
use super::collect::{Compared, Reads};
use crate::schema::entity::NO_MEASUREMENT;
use crate::schema::shape::{Domain, Type};
use cedar_policy_core::ast::{Pattern, PatternElem};
use std::collections::BTreeSet;

/// Most members of a set whose subsets are all tried.
const MAX_MEMBERS: usize = 7;
/// A text that no policy names, beside those that it does.
pub(super) const OTHER: &str = "~other~";

/// Something that differs from combination to combination.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// A path, or what stands for it.
    pub(super) path: String,
    pub(super) choices: Vec<Choice>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The attribute at the path is there, or is not.
    There(bool),
    Bool(bool),
    Long(i64),
    Text(String),
    Texts(Vec<String>),
    /// A measurement by its id, and the reference sets that hold it.
    Measurement {
        id: String,
        sets: Vec<String>,
    },
    Key(String),
}

impl Variable {
    pub(super) const fn len(&self) -> usize {
        self.choices.len()
    }
}

/// All variables of what policies read.
///
/// # Errors
/// What cannot be enumerated.
pub(super) fn of(reads: &Reads) -> Result<Vec<Variable>, String> {
    let mut variables = Vec::new();
    for path in &reads.optional {
        let choices = vec![Choice::There(true), Choice::There(false)];
        variables.push(Variable { path: path.clone(), choices });
    }
    for (path, compared) in &reads.places {
        let choices = values(path, compared)?;
        if !choices.is_empty() {
            variables.push(Variable { path: path.clone(), choices });
        }
    }
    variables.push(Variable { path: "resource".to_owned(), choices: keys(reads) });
    let count = variables.iter().try_fold(1_u64, |product, variable| {
        product
            .checked_mul(u64::try_from(variable.len()).ok()?)
            .filter(|product| *product <= MAX_COMBINATIONS)
    });
    match count {
        Some(_) => Ok(variables),
        None => Err(format!("the policies tell more than {MAX_COMBINATIONS} combinations apart")),
    }
}

fn values(path: &str, compared: &Compared) -> Result<Vec<Choice>, String> {
    match &compared.kind {
        Type::Bool => Ok(vec![Choice::Bool(true), Choice::Bool(false)]),
        Type::Long => Ok(numbers(compared)),
        Type::String => texts(path, compared),
        Type::StringSet => {
            // One that is not named, too: a set can differ from each that is named by having more.
            let members: Vec<String> =
                compared.texts.iter().cloned().chain([other(&compared.texts, &[])]).collect();
            Ok(subsets(path, &members)?.into_iter().map(Choice::Texts).collect())
        }
        Type::Measurement => {
            let sets: Vec<String> = compared.sets.iter().cloned().collect();
            let subsets = subsets(path, &sets)?;
            let ids = compared.entities.iter().map(String::as_str).chain([OTHER]);
            let each = ids.flat_map(|id| {
                let choice =
                    |sets: &Vec<String>| Choice::Measurement { id: id.to_owned(), sets: sets.clone() };
                subsets.iter().map(choice).collect::<Vec<_>>()
            });
            Ok(each.collect())
        }
        // Records have their values in what is read of them; the tenant is the key's.
        Type::Record(..) | Type::Tenant => Ok(Vec::new()),
        Type::MeasurementSet => Err(format!("`{path}` is a set of measurements")),
    }
}

/// Comparisons with constants change at a constant or beside it.
fn numbers(compared: &Compared) -> Vec<Choice> {
    let (lowest, highest) = match compared.domain {
        Domain::Range(lowest, highest) => (lowest, highest),
        _ => (i64::MIN, i64::MAX),
    };
    let near = compared.numbers.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]);
    let mut found: Vec<i64> =
        near.chain([lowest, highest]).filter(|number| (lowest..=highest).contains(number)).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Choice::Long).collect()
}

fn texts(path: &str, compared: &Compared) -> Result<Vec<Choice>, String> {
    if let Domain::Words(words) = &compared.domain {
        return Ok(words.iter().cloned().map(Choice::Text).collect());
    }
    let mut found: Vec<String> = compared.texts.iter().cloned().collect();
    match compared.patterns.as_slice() {
        [] => {}
        [pattern] => found.push(matching(pattern, &compared.texts)),
        _ => return Err(format!("`{path}` is compared with several patterns")),
    }
    found.push(other(&compared.texts, &compared.patterns));
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(Choice::Text).collect())
}

/// A text that matches and is not named, if there is one: a pattern splits what is not named in two.
fn matching(pattern: &Pattern, named: &BTreeSet<String>) -> String {
    let mut rest = OTHER.to_owned();
    loop {
        let filled = |element: &PatternElem| match element {
            PatternElem::Char(letter) => letter.to_string(),
            PatternElem::Wildcard => rest.clone(),
        };
        let text: String = pattern.iter().map(filled).collect();
        if !named.contains(&text) || !pattern.iter().any(|element| *element == PatternElem::Wildcard) {
            return text;
        }
        rest.push('~');
    }
}

/// A text that is not named and that no pattern matches, unless one matches everything: of a letter that they
/// do not have.
fn other(named: &BTreeSet<String>, patterns: &[Pattern]) -> String {
    if patterns.is_empty() && !named.contains(OTHER) {
        return OTHER.to_owned();
    }
    let has = |letter| patterns.iter().flat_map(Pattern::iter).any(|e| *e == PatternElem::Char(letter));
    let letter = ('!'..).find(|letter| !has(*letter)).unwrap_or('~');
    let mut text = letter.to_string();
    while named.contains(&text) {
        text.push(letter);
    }
    text
}

fn subsets(path: &str, members: &[String]) -> Result<Vec<Vec<String>>, String> {
    if members.len() > MAX_MEMBERS {
        return Err(format!("`{path}` is compared with more than {MAX_MEMBERS} members"));
    }
    let mut all = vec![Vec::new()];
    for member in members {
        let with: Vec<Vec<String>> =
            all.iter().map(|subset: &Vec<String>| subset.iter().chain([member]).cloned().collect()).collect();
        all.extend(with);
    }
    Ok(all)
}

/// Each key that is named, another of each tenant, and one of a tenant that nobody names.
fn keys(reads: &Reads) -> Vec<Choice> {
    let tenants = reads.keys.iter().filter_map(|key| key.split('/').next()).map(str::to_owned);
    let mut tenants: Vec<String> = tenants.chain(reads.tenants.iter().cloned()).collect();
    tenants.push("another-tenant".to_owned());
    tenants.sort();
    tenants.dedup();
    let others = tenants.iter().map(|tenant| format!("{tenant}/another-key"));
    reads.keys.iter().cloned().chain(others).map(Choice::Key).collect()
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::There(true) => f.write_str("there"),
            Self::There(false) => f.write_str("absent"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Long(number) => write!(f, "{number}"),
            Self::Text(text) if text == OTHER => f.write_str("any other text"),
            Self::Text(text) if text.is_empty() => f.write_str("empty"),
            Self::Text(text) | Self::Key(text) => f.write_str(text),
            Self::Texts(texts) => write!(f, "[{}]", texts.join(", ")),
            Self::Measurement { id, sets } => {
                // A solver names what no policy names; two of one name are one.
                let which = match id.as_str() {
                    OTHER | "" => "any other measurement".to_owned(),
                    id if id.contains('/') || id == NO_MEASUREMENT => id.to_owned(),
                    id => format!("any other measurement, {id}"),
                };
                match sets.as_slice() {
                    [] => write!(f, "{which}, in no reference set that is named"),
                    sets => write!(f, "{which}, in {}", sets.join(" and ")),
                }
            }
        }
    }
}
