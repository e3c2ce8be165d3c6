//! Templates: policies for the usual cases, with places to fill in.
//!
//! A template is a text for people, filled once and then a policy like any other. Values are read by their kind
//! before they stand in the text, so that none can be anything but a value.

use crate::key_id::KeyId;
use crate::tier::Tier;
use hanzo_attestation_evidence::UnixTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most chips of one list: those of a rack's rows, and small beside the bound of a policy's text.
const MAX_CHIPS: usize = 500;
/// Longest name of a set, an identity or a prefix, in bytes: as long as the broker stores.
const MAX_NAME: usize = 63;

/// A policy with places to fill in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Template {
    /// How it is asked for.
    pub name: &'static str,
    /// What it permits, in one sentence.
    pub about: &'static str,
    /// Its places.
    pub parameters: &'static [Parameter],
    /// Cedar with `${place}`s.
    pub text: &'static str,
}

/// A place of a template.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What is filled in.
    pub kind: Kind,
}

/// What a place takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A key id, or a tenant for all its keys.
    Scope,
    /// A tenant.
    Tenant,
    /// The name of a reference set.
    Set,
    /// A tier by number, name or alias.
    Tier,
    /// An instant, RFC 3339.
    Time,
    /// Chips in hex, with commas between them.
    Chips,
    /// The name of a registered key, or how such names begin.
    Name,
    /// How many, from 1.
    Count,
    /// At how many grants it ends, from 1.
    Limit,
}

/// A template that cannot be filled so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A place has no value.
    #[error("`{name}` is missing: {}", .kind.takes())]
    Missing {
        /// The place.
        name: &'static str,
        /// What it takes.
        kind: Kind,
    },
    /// A value for a place that there is not.
    #[error("the template has no place `{0}`")]
    Unknown(String),
    /// A value that is none of its kind.
    #[error("`{name}` is {}, not `{value}`", .kind.takes())]
    Value {
        /// The place.
        name: &'static str,
        /// What it takes.
        kind: Kind,
        /// What was given, cut.
        value: String,
    },
    /// The second instant is not after the first.
    #[error("`until` is not after `from`: the policy would never apply")]
    Order,
}

const SCOPE: Parameter = Parameter { name: "scope", kind: Kind::Scope };
const IMAGES: Parameter = Parameter { name: "images", kind: Kind::Set };
const TIER: Parameter = Parameter { name: "tier", kind: Kind::Tier };

/// All templates.
pub const TEMPLATES: [Template; 8] = [
    Template {
        name: "image-at-tier",
        about: "images of a reference set, at a tier or more",
        parameters: &[SCOPE, IMAGES, TIER],
        text: include_str!("image-at-tier.cedar"),
    },
    Template {
        name: "image-on-chips",
        about: "images of a reference set, at a tier or more, on listed chips",
        parameters: &[SCOPE, IMAGES, TIER, Parameter { name: "chips", kind: Kind::Chips }],
        text: include_str!("image-on-chips.cedar"),
    },
    Template {
        name: "between-dates",
        about: "images of a reference set, between two instants",
        parameters: &[
            SCOPE,
            IMAGES,
            Parameter { name: "from", kind: Kind::Time },
            Parameter { name: "until", kind: Kind::Time },
        ],
        text: include_str!("between-dates.cedar"),
    },
    Template {
        name: "tenant-nodes",
        about: "a tenant's keys for the tenant's machines, and for no others",
        parameters: &[
            Parameter { name: "tenant", kind: Kind::Tenant },
            IMAGES,
            Parameter { name: "prefix", kind: Kind::Name },
        ],
        text: include_str!("tenant-nodes.cedar"),
    },
    Template {
        name: "runner",
        about: "a machine that is known by its registered key",
        parameters: &[SCOPE, Parameter { name: "identity", kind: Kind::Name }],
        text: include_str!("runner.cedar"),
    },
    Template {
        name: "gpus",
        about: "images of a reference set beside so many GPUs, with manifests and revocation checked",
        parameters: &[SCOPE, IMAGES, Parameter { name: "count", kind: Kind::Count }],
        text: include_str!("gpus.cedar"),
    },
    Template {
        name: "at-most-grants",
        about: "what nothing may lift: no more than so many recipients at a time",
        parameters: &[SCOPE, Parameter { name: "most", kind: Kind::Limit }],
        text: include_str!("at-most-grants.cedar"),
    },
    Template {
        name: "guard",
        about: "what nothing may lift: no lab, no firmware that can be rolled back, no debugging",
        parameters: &[SCOPE],
        text: include_str!("guard.cedar"),
    },
];

impl Template {
    /// The template of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// Fills every place. The policy that comes out is checked like any other where it is used.
    ///
    /// # Errors
    /// [`TemplateError`]: a place without a value, a value without a place, a value of another kind.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Result<String, TemplateError> {
        let known = |name: &str| self.parameters.iter().any(|parameter| parameter.name == name);
        if let Some(unknown) = values.keys().find(|name| !known(name)) {
            return Err(TemplateError::Unknown(unknown.chars().take(MAX_NAME).collect()));
        }
        let mut filled = BTreeMap::new();
        for Parameter { name, kind } in self.parameters {
            let value = values.get(*name).ok_or(TemplateError::Missing { name, kind: *kind })?;
            let cedar = kind.read(value).ok_or_else(|| TemplateError::Value {
                name,
                kind: *kind,
                value: value.chars().take(MAX_NAME).collect(),
            })?;
            filled.insert(*name, cedar);
        }
        if let (Some(from), Some(until)) = (instant(&filled, "from"), instant(&filled, "until"))
            && until <= from
        {
            return Err(TemplateError::Order);
        }
        let mut text = String::with_capacity(self.text.len());
        for (number, line) in self.text.lines().enumerate() {
            // The comment keeps the words that were given; the policy has what they mean.
            let comment = line.starts_with("//");
            let mut line = line.to_owned();
            for (name, cedar) in &filled {
                let given = values.get(*name).map_or("", String::as_str);
                line = line.replace(&format!("${{{name}}}"), if comment { given } else { cedar });
            }
            if number > 0 {
                text.push('\n');
            }
            text.push_str(&line);
        }
        text.push('\n');
        Ok(text)
    }
}

fn instant(filled: &BTreeMap<&str, String>, name: &str) -> Option<i64> {
    filled.get(name)?.parse().ok()
}

impl Kind {
    /// What a place of this kind takes, for people.
    #[must_use]
    pub const fn takes(self) -> &'static str {
        match self {
            Self::Scope => "a key id (acme/disk), or a tenant (acme) for all its keys",
            Self::Tenant => "a tenant (acme)",
            Self::Set => "the name of a reference set: lower-case letters, digits, `.`, `_`, `-`",
            Self::Tier => "a tier: 0 to 4, or its name",
            Self::Time => "an instant, e.g. 2026-11-01T00:00:00Z",
            Self::Chips => "1 to 500 chips in lower-case hex, with commas between them",
            Self::Name => "a name: letters, digits, `.`, `_`, `-`",
            Self::Count => "a number from 1 to 64",
            Self::Limit => "a number from 1 to 1000000",
        }
    }

    /// The value as Cedar, if it is one of this kind.
    fn read(self, value: &str) -> Option<String> {
        match self {
            Self::Scope => match KeyId::parse(value) {
                Ok(key) => Some(format!("== Key::\"{}\"", key.as_str())),
                Err(_) => tenant(value).map(|tenant| format!("in {tenant}")),
            },
            Self::Tenant => tenant(value),
            Self::Set => {
                let first = value
                    .bytes()
                    .next()
                    .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
                let rest = value.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
                });
                (first && rest && value.len() <= MAX_NAME).then(|| value.to_owned())
            }
            Self::Tier => value.parse::<Tier>().ok().map(|tier| tier.number().to_string()),
            Self::Time => UnixTime::parse(value).ok().map(|time| time.seconds().to_string()),
            Self::Chips => chips(value),
            Self::Name => {
                let plain = value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
                (plain && (1..=MAX_NAME).contains(&value.len())).then(|| value.to_owned())
            }
            Self::Count => {
                // Sixty-four GPUs are more than any machine has.
                let count: u32 = value.parse().ok()?;
                (1..=64).contains(&count).then(|| count.to_string())
            }
            Self::Limit => {
                // A million recipients of one key are more than any fleet has: beyond it, it is a slip.
                let most: u32 = value.parse().ok()?;
                (1..=1_000_000).contains(&most).then(|| most.to_string())
            }
        }
    }
}

fn tenant(value: &str) -> Option<String> {
    // A tenant is what stands before the first `/` of a key id.
    KeyId::parse(&format!("{value}/x")).ok().filter(|key| key.tenant() == value)?;
    Some(format!("Tenant::\"{value}\""))
}

fn chips(value: &str) -> Option<String> {
    let chips: Vec<&str> = value.split(',').map(str::trim).collect();
    let hex = |chip: &&str| {
        !chip.is_empty()
            // The longest id of a chip is SEV-SNP's, of 64 bytes.
            && chip.len() <= 128
            && chip.len().is_multiple_of(2)
            && chip.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if chips.len() > MAX_CHIPS || !chips.iter().all(hex) {
        return None;
    }
    let listed: Vec<String> = chips.iter().map(|chip| format!("\"{chip}\"")).collect();
    Some(format!("[{}]", listed.join(", ")))
}

#[cfg(test)]
mod tests;
