//! Changes for people: what is different, and who agreed.

use crate::output::{Sheet, Show};
use hanzo_kbs_protocol::changes::differences;
use hanzo_kbs_protocol::{ChangeInfo, ChangeKind, VoteInfo};
use serde::Serialize;
use serde_json::{Map, Value};

/// One change, and what is different from the rule as it is now.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) change: ChangeInfo,
    pub(super) difference: Vec<String>,
}

impl Shown {
    /// The change in a few lines, before somebody signs it.
    pub(super) fn for_people(&self) -> String {
        let (change, statement) = (&self.change, &self.change.statement);
        let from = statement.expected_version.map_or("nothing".to_owned(), |v| format!("version {v}"));
        let head = format!(
            "change {}\n{} `{}`, in place of {from}, proposed by {} at {}",
            change.id,
            statement.kind.name(),
            statement.name,
            statement.author,
            change.proposed_at
        );
        format!("{head}\n{}", self.difference.join("\n"))
    }
}

/// The lines that go and the lines that come, between what both have at their beginning and end.
pub(super) fn difference(kind: ChangeKind, old: &str, new: &str) -> Vec<String> {
    if matches!(kind, ChangeKind::Key | ChangeKind::Inventory | ChangeKind::Trust) {
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::Object(Map::new()));
        return differences(&value(old), &value(new));
    }
    let (old, new) = (lines(kind, old), lines(kind, new));
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (old.get(same..).unwrap_or_default(), new.get(same..).unwrap_or_default());
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = old.get(..old.len().saturating_sub(tail)).unwrap_or_default();
    let come = new.get(..new.len().saturating_sub(tail)).unwrap_or_default();
    let gone = gone.iter().map(|line| format!("- {line}"));
    gone.chain(come.iter().map(|line| format!("+ {line}"))).collect()
}

/// A policy has lines of its own; a set has one for each value.
fn lines(kind: ChangeKind, text: &str) -> Vec<String> {
    let values = match kind {
        ChangeKind::Reference => serde_json::from_str::<Vec<Value>>(text).ok(),
        _ => None,
    };
    match values {
        Some(values) => values.iter().map(ToString::to_string).collect(),
        None => text.lines().map(str::to_owned).collect(),
    }
}

impl Show for Shown {
    fn sheet(&self) -> Sheet {
        let sheet = self.change.sheet();
        let nothing = "no line is different".to_owned();
        sheet.line(if self.difference.is_empty() { nothing } else { self.difference.join("\n") })
    }
}

impl Show for ChangeInfo {
    fn sheet(&self) -> Sheet {
        let statement = &self.statement;
        let votes = [("approve", &self.approvals), ("break glass", &self.break_glass)];
        let votes = votes.into_iter().chain([("acknowledge", &self.acknowledgements)]);
        let rows = votes.flat_map(|(word, votes)| votes.iter().map(move |vote| row(word, vote)));
        Sheet::new()
            .facts([
                ("change", self.id.to_string()),
                (statement.kind.name(), statement.name.clone()),
                ("replaces version", statement.expected_version.map_or("none".to_owned(), |v| v.to_string())),
                ("author", statement.author.clone()),
                ("scopes", self.scopes.join(", ")),
                ("state", state(self)),
                ("approvals needed", self.needed.to_string()),
                ("proposed", self.proposed_at.to_string()),
                ("can be applied from", self.due_at.to_string()),
                ("and until", self.expires_at.to_string()),
            ])
            .grid(["word", "person", "at", "counts", "reason"], rows)
    }
}

impl Show for Vec<ChangeInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|change| {
            let statement = &change.statement;
            let counted = change.approvals.iter().filter(|vote| vote.counts).count();
            [
                change.id.to_string(),
                format!("{} {}", statement.kind.name(), statement.name),
                statement.author.clone(),
                state(change),
                format!("{counted} of {}", change.needed),
                change.due_at.to_string(),
            ]
        });
        Sheet::new().grid(["change", "rule", "author", "state", "approvals", "due"], rows)
    }
}

fn state(change: &ChangeInfo) -> String {
    let state = change.state.name();
    if change.glass_broken { format!("{state} at once, not acknowledged") } else { state.to_owned() }
}

fn row(word: &str, vote: &VoteInfo) -> [String; 5] {
    let counts = crate::status::yes_no(vote.counts);
    let reason = vote.reason.clone().unwrap_or_default();
    [word.to_owned(), vote.person.clone(), vote.at.to_string(), counts, reason]
}
