//! One condition, asked by itself of the same node, key and reference values.

use super::expression::{chain, operation, text};
use super::tree::{Mark, Step};
use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicySet, Request};
use serde_json::{Value, json};

/// Who is asked.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) entities: &'a Entities,
}

impl Asked<'_> {
    /// A condition with its parts. What the engine does not reach, because the answer is settled before, is
    /// not asked.
    pub(super) fn step(&self, expression: &Value) -> Step {
        let (operator, goes_on) = match operation(expression) {
            Some(("&&", _)) => ("&&", Mark::Yes),
            Some(("||", _)) => ("||", Mark::No),
            _ => {
                return Step { mark: self.holds(expression), text: text(expression), steps: Vec::new() };
            }
        };
        let mut mark = goes_on;
        let mut steps = Vec::new();
        for part in chain(expression, operator) {
            if mark == goes_on {
                let step = self.step(part);
                mark = step.mark;
                steps.push(step);
            } else {
                steps.push(Step { mark: Mark::Skipped, text: text(part), steps: Vec::new() });
            }
        }
        let words = if operator == "&&" { "all of" } else { "one of" };
        Step { mark, text: words.to_owned(), steps }
    }

    fn holds(&self, expression: &Value) -> Mark {
        let any = json!({"op": "All"});
        let policy = json!({
            "effect": "permit", "principal": any, "action": any, "resource": any,
            "conditions": [{"kind": "when", "body": expression}],
        });
        let Ok(policy) = Policy::from_json(None, policy) else { return Mark::Error };
        let Ok(policies) = PolicySet::from_policies([policy]) else { return Mark::Error };
        let answer = Authorizer::new().is_authorized(self.request, &policies, self.entities);
        if answer.diagnostics().errors().next().is_some() {
            return Mark::Error;
        }
        if answer.decision() == Decision::Allow { Mark::Yes } else { Mark::No }
    }
}
