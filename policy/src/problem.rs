//! What is wrong with a policy, and where.

use miette::Diagnostic;
use serde::Serialize;
use std::fmt;

/// One thing wrong in the text of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PolicyProblem {
    /// The name of the policy.
    pub policy: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what may be meant.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.policy, self.line, self.column, self.message)
    }
}

impl PolicyProblem {
    /// A problem at a byte offset of a policy's text.
    pub(crate) fn at(policy: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        Self {
            policy: policy.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
            column: before.get(line_start..).map_or(0, |line| line.chars().count()).saturating_add(1),
            message: message.into(),
        }
    }

    /// A problem that the policy engine's parser or validator reports.
    pub(crate) fn reported(policy: &str, text: &str, problem: &(impl Diagnostic + fmt::Display)) -> Self {
        let label = problem.labels().and_then(|mut labels| labels.next());
        let offset = label.map_or(0, |label| label.offset());
        // The engine names policies by number; ours is named beside the line.
        let told = problem.to_string();
        let message = match told.strip_prefix("for policy `") {
            Some(rest) => rest.split_once("`, ").map_or(rest, |(_, message)| message).to_owned(),
            None => told.clone(),
        };
        let help = problem.help().map(|help| format!("; {help}")).unwrap_or_default();
        Self::at(policy, text, offset, message + &help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns_of_characters() {
        let text = "ab\n\u{e9}\u{e9}x\nlast";
        let place = |offset| {
            let problem = PolicyProblem::at("p", text, offset, "m");
            (problem.line, problem.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(3), (2, 1));
        assert_eq!(place(7), (2, 3));
        assert_eq!(place(9), (3, 1));
        // An offset inside a character, or past the end, still gives a place.
        assert_eq!(place(4), (3, 5));
        assert_eq!(place(999), (3, 5));
        assert_eq!(PolicyProblem::at("p", text, 3, "m").to_string(), "p:2:1: m");
    }
}
