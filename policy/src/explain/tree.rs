//! The rules that a decision asked, in their order, each with its answer.

use super::Situation;
use super::condition::Asked;
use crate::decide::{Answer, Question, name};
use crate::node::Node;
use crate::policies::Group;
use cedar_policy::{Effect, Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most policies that are taken apart: those that decided come first, and a person reads no more.
const MAX_SHOWN: usize = 64;

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It failed while it was asked, which counts as a no.
    Error,
    /// It was not asked: what came before had settled the answer.
    Skipped,
}

/// A rule, its answer, and the rules that it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The answer.
    pub mark: Mark,
    /// The rule.
    pub text: String,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

impl Step {
    /// A rule without parts.
    pub(crate) const fn leaf(mark: Mark, text: String) -> Self {
        Self { mark, text, steps: Vec::new() }
    }
}

impl From<bool> for Mark {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

pub(super) fn steps(situation: &Situation<'_>, node: &Node) -> Vec<Step> {
    let Situation { scope, policies, references, at, .. } = *situation;
    let reached = node.tier >= scope.minimum;
    let mut steps = vec![Step::leaf(
        reached.into(),
        format!(
            "tier {} ({}) is at least the key's minimum {} ({})",
            node.tier.number(),
            node.tier,
            scope.minimum.number(),
            scope.minimum
        ),
    )];
    if scope.require_cpu_tee {
        let mark = if reached { node.cpu_tee.into() } else { Mark::Skipped };
        steps.push(Step::leaf(mark, "the CPU TEE that the key demands".to_owned()));
    }
    let groups: Vec<&Group> = policies.about(&scope.key).collect();
    if groups.iter().all(|group| group.permits.is_empty()) {
        let text = format!("a policy that permits anything for the key {}", scope.key);
        steps.push(Step::leaf(Mark::No, text));
        return steps;
    }
    let admitted = steps.iter().all(|step| step.mark == Mark::Yes);
    let asked = Question::new(node, scope, groups.clone(), references, at).ok();
    let Some(question) = asked.filter(|_| admitted) else {
        steps.push(Step::leaf(Mark::Skipped, "the policies".to_owned()));
        return steps;
    };
    let (Ok(answer), Ok(entities)) = (question.ask_with(|_| &[]), question.world(|_| &[])) else {
        steps.push(Step::leaf(Mark::Error, "the policies".to_owned()));
        return steps;
    };
    let asked = Asked { request: question.request(), entities: &entities };
    if let Some((live, most)) = question.crowded().filter(|_| !answer.yes()) {
        steps.push(Step::leaf(Mark::No, format!("{live} live grants of at most {most}")));
    }
    let policies = ordered(&groups, &answer);
    let all = policies.len();
    let mut parts: Vec<Step> =
        policies.into_iter().take(MAX_SHOWN).map(|policy| taken_apart(policy, &asked)).collect();
    if let Some(more) = all.checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        parts.push(Step::leaf(Mark::Skipped, format!("{more} more policies that decided nothing")));
    }
    steps.push(Step { mark: answer.yes().into(), text: "the policies".to_owned(), steps: parts });
    steps
}

/// Those that decided first, the others by name.
fn ordered<'a>(groups: &[&'a Group], answer: &Answer) -> Vec<&'a Policy> {
    let failed = |name: &str| answer.errors.iter().any(|error| error.contains(name));
    let mut policies: Vec<(usize, String, &Policy)> = groups
        .iter()
        .flat_map(|group| group.whole.policies.policies())
        .map(|policy| {
            let name = name(policy.id());
            let decided = answer.forbids.contains(&name) || answer.permits.contains(&name) || failed(&name);
            (usize::from(!decided), name, policy)
        })
        .collect();
    policies.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    policies.into_iter().map(|(_, _, policy)| policy).collect()
}

fn taken_apart(policy: &Policy, asked: &Asked<'_>) -> Step {
    let body = policy.to_json().unwrap_or(Value::Null);
    let conditions = body.get("conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (mut applies, mut steps) = (Mark::Yes, Vec::new());
    for condition in conditions {
        let step = demand(condition, asked, applies == Mark::Yes);
        if applies == Mark::Yes {
            applies = step.mark;
        }
        steps.push(step);
    }
    let name = name(policy.id());
    let (mark, text) = match (policy.effect(), applies) {
        (_, Mark::Error) => (Mark::Error, format!("policy `{name}` failed, which counts as a no")),
        (Effect::Permit, Mark::Yes) => (Mark::Yes, format!("policy `{name}` permits")),
        (Effect::Permit, _) => (Mark::No, format!("policy `{name}` does not apply")),
        (Effect::Forbid, Mark::Yes) => (Mark::No, format!("policy `{name}` forbids")),
        (Effect::Forbid, _) => (Mark::Yes, format!("policy `{name}` does not forbid")),
    };
    Step { mark, text, steps }
}

/// `when` demands its condition, `unless` the contrary.
fn demand(condition: &Value, asked: &Asked<'_>, reached: bool) -> Step {
    let unless = condition.get("kind").and_then(Value::as_str) == Some("unless");
    let word = if unless { "unless" } else { "when" };
    let Some(body) = condition.get("body").filter(|_| reached) else {
        return Step::leaf(Mark::Skipped, word.to_owned());
    };
    let inner = asked.step(body);
    let mark = match (unless, inner.mark) {
        (true, Mark::Yes) => Mark::No,
        (true, Mark::No) => Mark::Yes,
        (_, mark) => mark,
    };
    Step { mark, text: word.to_owned(), steps: vec![inner] }
}
