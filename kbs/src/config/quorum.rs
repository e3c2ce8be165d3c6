//! `[quorum]`: who decides together, and about what.

use super::reader::{Mistakes, Placed, Section};
use hanzo_kbs_protocol::ChangeKind;
use hanzo_kbs_vault::{MAX_PEOPLE, MAX_WAIT, NamePattern, Scope, is_name};
use std::path::PathBuf;
use std::time::Duration;

/// What `changes` holds.
const KINDS: &str = "which kinds of changes: \"policy\", \"reference\", \"key\", \"inventory\", \"trust\"";

/// Whose word counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonConfig {
    /// Their name.
    pub name: String,
    /// File with their public key: Ed25519 or P-256, SubjectPublicKeyInfo in PEM.
    pub public_key: PathBuf,
}

/// Who decides together, and about which rules. Without scopes an administrator decides alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumConfig {
    /// The people.
    pub people: Vec<PersonConfig>,
    /// The rules.
    pub scopes: Vec<Scope>,
}

pub(super) fn read(top: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> QuorumConfig {
    let mut section = top.section("quorum", mistakes);
    let people = people(&mut section, mistakes);
    let scopes = scopes(&mut section, people.len(), mistakes);
    section.finish(mistakes);
    QuorumConfig { people, scopes }
}

fn people(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<PersonConfig> {
    let mut people: Vec<PersonConfig> = Vec::new();
    for mut section in section.sections("people", mistakes) {
        let name = section.parsed("name", mistakes, name);
        let public_key = section.file("public_key", mistakes);
        section.required("name", "who this is", mistakes);
        section.required("public_key", "file with their public key, PEM", mistakes);
        section.finish(mistakes);
        let (Some(name), Some(public_key)) = (name, public_key) else { continue };
        if people.iter().any(|person| person.name == name.value) {
            mistakes.add(&name.path, Some(&name.span), "is the name of somebody else as well");
        } else if people.iter().any(|person| person.public_key == public_key) {
            mistakes.add(&name.path, Some(&name.span), "has the key of somebody else");
        }
        people.push(PersonConfig { name: name.value, public_key });
    }
    people
}

fn scopes(section: &mut Section<'_, '_>, people: usize, mistakes: &mut Mistakes<'_>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for mut section in section.sections("scopes", mistakes) {
        let name = section.parsed("name", mistakes, name);
        let changes = section.texts("changes", mistakes, kind);
        let names = section.texts("names", mistakes, NamePattern::parse);
        let most = u64::try_from(MAX_PEOPLE).unwrap_or(u64::MAX);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let approvals = count(section.number("approvals", 1, 1..=most, mistakes));
        let wait = Duration::from_secs(section.number("wait_seconds", 0, 0..=MAX_WAIT.as_secs(), mistakes));
        let broken = section.raw("break_glass_approvals").is_some();
        let glass = section.number("break_glass_approvals", 1, 1..=most, mistakes);
        let break_glass = broken.then_some(count(glass));
        section.required("name", "how refusals call it", mistakes);
        let tiered = section.raw("minimum_tier").is_some();
        let tier = section.number("minimum_tier", 0, 1..=4, mistakes);
        let minimum_tier = tiered.then(|| u8::try_from(tier).unwrap_or(u8::MAX));
        section.required("changes", KINDS, mistakes);
        // There is one document about trust: a scope over it alone has no names to tell apart.
        if changes != [ChangeKind::Trust] {
            section.required("names", "which rules or keys, e.g. [\"prod-*\"]", mistakes);
        }
        section.required("approvals", "how many must approve, the author not among them", mistakes);
        section.finish(mistakes);
        let Some(Placed { path, span, value: name }) = name else { continue };
        let scope = Scope { name, changes, names, minimum_tier, approvals, wait, break_glass };
        if scopes.iter().any(|other| other.name == scope.name) {
            mistakes.add(&path, Some(&span), "is the name of another scope as well");
        }
        if let Err(mistake) = scope.check(people.saturating_sub(1)) {
            mistakes.add(&path, Some(&span), mistake.to_string());
        }
        scopes.push(scope);
    }
    scopes
}

fn name(text: &str) -> Result<String, &'static str> {
    let message = "must be 1 to 63 of a-z, 0-9, `.`, `_`, `-`, starting with a letter or a digit";
    is_name(text).then(|| text.to_owned()).ok_or(message)
}

fn kind(text: &str) -> Result<ChangeKind, &'static str> {
    let known = ChangeKind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or("must be \"policy\", \"reference\", \"key\", \"inventory\" or \"trust\"")
}
