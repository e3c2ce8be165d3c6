//! Whose agreement a change of a rule needs. It is configuration: what the administrator's credential can
//! change is not what limits it.

use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::{ChangeKind, PersonKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// How long a proposed change can be applied. A month covers holidays and a release cycle; an older text was
/// written for another state of things.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest waiting time: half of the month that a change lives, so that what is due can still be applied.
pub const MAX_WAIT: Duration = Duration::from_secs(15 * 24 * 3600);
/// Most people, and most scopes: a company's operators; the list is read whole at each change.
pub const MAX_PEOPLE: usize = 64;
/// Longest name of a person or scope in bytes: as of rules.
const MAX_NAME: usize = 63;
/// Longest pattern in bytes: the longest id of a key, four segments of 63.
const MAX_PATTERN: usize = 255;

/// Names of rules, or ids of keys: one, or all that begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamePattern {
    /// Exactly this name.
    Exactly(String),
    /// Every name with this beginning; the empty one is the beginning of all.
    Prefix(String),
}

impl NamePattern {
    /// Reads a name or the id of a key, or the beginning of either with one `*` after it.
    ///
    /// # Errors
    /// What it should be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, prefix) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let every = prefix && name.is_empty();
        if !(every || is_pattern(name)) {
            return Err(
                "must be a name, or the beginning of names and one `*`: a-z, 0-9, `.`, `_`, `-`, and `/` in ids \
                 of keys",
            );
        }
        let name = name.to_owned();
        Ok(if prefix { Self::Prefix(name) } else { Self::Exactly(name) })
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Exactly(own) => name == own,
            Self::Prefix(beginning) => name.starts_with(beginning.as_str()),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => f.write_str(name),
            Self::Prefix(beginning) => write!(f, "{beginning}*"),
        }
    }
}

/// Whether a text can name a person, a scope or a rule.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// A name, or an id of a key, up to somewhere.
fn is_pattern(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_PATTERN).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-' | b'/'))
}

/// What is to be changed, as scopes see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// What it is.
    pub kind: ChangeKind,
    /// Its name, or the id of the key.
    pub name: &'a str,
    /// The tier that the key is to demand; `None` for what is no key.
    pub minimum_tier: Option<u8>,
}

impl<'a> Target<'a> {
    /// A rule.
    #[must_use]
    pub const fn rule(kind: ChangeKind, name: &'a str) -> Self {
        Self { kind, name, minimum_tier: None }
    }

    /// A new key or secret with this minimum tier.
    #[must_use]
    pub const fn key(id: &'a str, minimum_tier: u8) -> Self {
        Self { kind: ChangeKind::Key, name: id, minimum_tier: Some(minimum_tier) }
    }
}

/// What is changed together with others only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its name, for people.
    pub name: String,
    /// Which kinds of changes.
    pub changes: Vec<ChangeKind>,
    /// Which names. There is one document about trust: a scope with that kind covers it whatever names it has.
    pub names: Vec<NamePattern>,
    /// The tier from which on a new key needs nobody; `None`: every new key does.
    pub minimum_tier: Option<u8>,
    /// How many must approve, the author not among them.
    pub approvals: usize,
    /// How long a change is known before it can be applied.
    pub wait: Duration,
    /// How many, the author not among them, can have it applied at once; `None`: nobody can.
    pub break_glass: Option<usize>,
}

/// What the scopes of one rule demand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Names of the scopes.
    pub scopes: Vec<String>,
    /// How many must approve: the most that any scope asks for.
    pub approvals: usize,
    /// The longest waiting time of any.
    pub wait: Duration,
    /// How many can break the glass: the most that any asks for, and `None` if any has none.
    pub break_glass: Option<usize>,
}

/// People and scopes that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumMistake {
    /// Too many of either.
    #[error("more than {MAX_PEOPLE} people or scopes")]
    TooMany,
    /// A name that cannot be written.
    #[error("`{0}` is no name: 1 to 63 of a-z, 0-9, `.`, `_`, `-`, starting with a letter or a digit")]
    Name(String),
    /// One name for two people.
    #[error("there are two people called `{0}`")]
    PersonTwice(String),
    /// One key for two people: one of them could approve what the other proposes.
    #[error("`{0}` and `{1}` have the same key")]
    KeyTwice(String, String),
    /// One name for two scopes.
    #[error("there are two scopes called `{0}`")]
    ScopeTwice(String),
    /// A scope without a kind or without a name to cover.
    #[error("scope `{0}` covers nothing")]
    ScopeEmpty(String),
    /// A minimum tier where there are no keys.
    #[error("scope `{0}` has a `minimum_tier` and covers no keys: add \"key\" to its `changes`")]
    ScopeTier(String),
    /// None, or more than there are people beside the author.
    #[error("scope `{scope}` asks for {asked} {what}, and there are {others} people beside the author")]
    Count {
        /// The scope.
        scope: String,
        /// `approvals` or `break_glass_approvals`.
        what: &'static str,
        /// How many it asks for.
        asked: usize,
        /// How many there could be.
        others: usize,
    },
    /// Longer than a change lives.
    #[error("scope `{0}` waits longer than {days} days", days = MAX_WAIT.as_secs() / 86_400)]
    Wait(String),
}

/// People, and what they decide together. The default asks nothing of anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    people: BTreeMap<String, PersonKey>,
    scopes: Vec<Scope>,
}

impl Quorum {
    /// Checks people and scopes as a whole.
    ///
    /// # Errors
    /// [`QuorumMistake`].
    pub fn new(people: Vec<(String, PersonKey)>, scopes: Vec<Scope>) -> Result<Self, QuorumMistake> {
        if people.len() > MAX_PEOPLE || scopes.len() > MAX_PEOPLE {
            return Err(QuorumMistake::TooMany);
        }
        let others = people.len().saturating_sub(1);
        let mut known: BTreeMap<String, PersonKey> = BTreeMap::new();
        for (name, key) in people {
            if !is_name(&name) {
                return Err(QuorumMistake::Name(name));
            }
            if let Some((other, _)) = known.iter().find(|(_, other)| **other == key) {
                return Err(QuorumMistake::KeyTwice(other.clone(), name));
            }
            if known.insert(name.clone(), key).is_some() {
                return Err(QuorumMistake::PersonTwice(name));
            }
        }
        let mut names = BTreeSet::new();
        for scope in &scopes {
            if !names.insert(scope.name.as_str()) {
                return Err(QuorumMistake::ScopeTwice(scope.name.clone()));
            }
            scope.check(others)?;
        }
        Ok(Self { people: known, scopes })
    }

    /// Whether nothing is asked of anybody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The people, by name.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.people.keys().map(String::as_str)
    }

    /// The people by name, each with the SHA-256 of their key.
    pub fn fingerprints(&self) -> impl Iterator<Item = (&str, Hex<32>)> {
        self.people.iter().map(|(name, key)| (name.as_str(), key.fingerprint()))
    }

    /// The scopes, as configured.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    pub(crate) fn key_of(&self, person: &str) -> Option<&PersonKey> {
        self.people.get(person)
    }

    /// What a change demands; `None` if what it changes is in no scope.
    #[must_use]
    pub fn demand(&self, target: Target<'_>) -> Option<Demand> {
        let covering = |scope: &&Scope| scope.covers(target);
        self.scopes.iter().filter(covering).fold(None, |sum: Option<Demand>, scope| {
            let Some(sum) = sum else { return Some(scope.demand()) };
            let scopes = [sum.scopes, vec![scope.name.clone()]].concat();
            Some(Demand {
                scopes,
                approvals: sum.approvals.max(scope.approvals),
                wait: sum.wait.max(scope.wait),
                break_glass: sum.break_glass.zip(scope.break_glass).map(|(a, b)| a.max(b)),
            })
        })
    }
}

impl Scope {
    fn covers(&self, Target { kind, name, minimum_tier }: Target<'_>) -> bool {
        let high_enough = self.minimum_tier.zip(minimum_tier).is_some_and(|(floor, tier)| tier >= floor);
        self.changes.contains(&kind)
            && !high_enough
            && (kind == ChangeKind::Trust || self.names.iter().any(|pattern| pattern.covers(name)))
    }

    fn demand(&self) -> Demand {
        let Self { name, approvals, wait, break_glass, .. } = self;
        Demand { scopes: vec![name.clone()], approvals: *approvals, wait: *wait, break_glass: *break_glass }
    }

    /// Checks the scope in itself, and against the number of people beside an author.
    ///
    /// # Errors
    /// [`QuorumMistake`].
    pub fn check(&self, others: usize) -> Result<(), QuorumMistake> {
        let scope = || self.name.clone();
        if !is_name(&self.name) {
            return Err(QuorumMistake::Name(scope()));
        }
        let nameless = self.changes == [ChangeKind::Trust];
        if self.changes.is_empty() || (self.names.is_empty() && !nameless) {
            return Err(QuorumMistake::ScopeEmpty(scope()));
        }
        if self.minimum_tier.is_some() && !self.changes.contains(&ChangeKind::Key) {
            return Err(QuorumMistake::ScopeTier(scope()));
        }
        if self.wait > MAX_WAIT {
            return Err(QuorumMistake::Wait(scope()));
        }
        let counts = [("approvals", Some(self.approvals)), ("break_glass_approvals", self.break_glass)];
        for (what, asked) in counts {
            let Some(asked) = asked else { continue };
            if asked == 0 || asked > others {
                return Err(QuorumMistake::Count { scope: scope(), what, asked, others });
            }
        }
        Ok(())
    }
}
