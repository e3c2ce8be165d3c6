//! How deeply a policy nests, found before it is parsed.
//!
//! The policy engine's parser and validator recurse over the text's nesting: a hundred brackets would end
//! the process, and beyond some hundred chained operators the validator stops looking without saying so.
//! Neither may depend on what an administrator uploads.

/// Greatest weight: sixteen brackets inside each other, or sixty-four chained operators, or a mixture. Half
/// of what an unoptimised build parses and validates on a thread of 2 MiB.
pub(super) const MAX_WEIGHT: usize = 64;
/// What one open bracket weighs, in operators: its share of the stack, measured.
const BRACKET: usize = 4;

/// The byte offset at which a text becomes too deep, if it does.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut scan = Scan::new();
    let mut rest = text.char_indices().peekable();
    while let Some((offset, character)) = rest.next() {
        match character {
            '"' => {
                while let Some((_, inner)) = rest.next() {
                    match inner {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if rest.peek().is_some_and(|(_, next)| *next == '/') => {
                while rest.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            '(' | '[' | '{' => scan.open(),
            ')' | ']' | '}' => scan.close(),
            ',' => scan.restart(),
            ';' => scan = Scan::new(),
            '.' => scan.access(),
            '&' | '|' => {
                // Two characters, one operator.
                let _ = rest.next_if(|(_, next)| *next == character);
                scan.operator();
            }
            '+' | '-' | '*' | '!' | '<' | '>' | '=' => scan.operator(),
            _ if character.is_alphanumeric() || character == '_' => {
                let mut end = offset;
                while let Some((at, _)) = rest.next_if(|(_, next)| next.is_alphanumeric() || *next == '_') {
                    end = at;
                }
                let word = text.get(offset..=end).unwrap_or_default();
                if matches!(word, "if" | "else" | "when" | "unless" | "has" | "in" | "is" | "like") {
                    scan.operator();
                }
            }
            _ => {}
        }
        if scan.weight() > MAX_WEIGHT {
            return Some(offset);
        }
    }
    None
}

/// What is chained at each open bracket, outermost first.
struct Scan(Vec<Chain>);

#[derive(Clone, Copy, Default)]
struct Chain {
    operators: usize,
    /// Accesses since the last operator: `.name`, `["name"]`, `.call()`.
    accesses: usize,
}

impl Scan {
    fn new() -> Self {
        Self(vec![Chain::default()])
    }

    fn here(&mut self, change: impl FnOnce(&mut Chain)) {
        if let Some(chain) = self.0.last_mut() {
            change(chain);
        }
    }

    fn open(&mut self) {
        self.0.push(Chain::default());
    }

    fn close(&mut self) {
        if self.0.len() > 1 {
            self.0.pop();
        }
        self.access();
    }

    fn restart(&mut self) {
        self.here(|chain| *chain = Chain::default());
    }

    fn access(&mut self) {
        self.here(|chain| chain.accesses = chain.accesses.saturating_add(1));
    }

    fn operator(&mut self) {
        self.here(|chain| *chain = Chain { operators: chain.operators.saturating_add(1), accesses: 0 });
    }

    fn weight(&self) -> usize {
        let brackets = self.0.len().saturating_sub(1).saturating_mul(BRACKET);
        let chains = self.0.iter().map(|chain| chain.operators.saturating_add(chain.accesses));
        chains.fold(brackets, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{Policies, PolicySource};

    fn compile(condition: &str) -> Vec<String> {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let problems = Policies::compile(&[PolicySource { name: "p".into(), version: 1, text }]);
        problems.err().unwrap_or_default().into_iter().map(|problem| problem.message).collect()
    }

    /// The same shape, `n` deep, around one expression.
    fn shapes(n: usize, inner: &str) -> Vec<String> {
        vec![
            format!("{}{inner}{}", "(".repeat(n), ")".repeat(n)),
            format!("{inner}{}", " && true".repeat(n)),
            format!("{}{inner}", "true && ".repeat(n)),
            format!("1{} > 1 || {inner}", " + 1".repeat(n)),
            format!("{}{inner}", "if principal.lab then true else ".repeat(n)),
            format!("{}{inner} then true else false", "if ".repeat(n)),
            format!("{}{inner}{} == 1", "{a:".repeat(n), "}".repeat(n)),
            format!("{}{inner}{}.isEmpty()", "[".repeat(n), "]".repeat(n)),
            format!("{inner} }}{} when {{ true", " when { true }".repeat(n)),
            format!("{inner} && principal{}", ".snp".repeat(n)),
            format!("{inner} && principal{}", "[\"snp\"]".repeat(n)),
            format!("{inner} && principal has snp{}", ".snp".repeat(n)),
        ]
    }

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_parsed() {
        for n in [65, 300, 20_000] {
            for shape in shapes(n, "true") {
                let found = compile(&shape);
                assert!(
                    found[0].contains("nests too deeply") || found[0].contains("longer than"),
                    "{found:?}"
                );
            }
        }
    }

    /// The validator still looks at the innermost expression of everything that is let through.
    #[test]
    fn what_is_not_too_deep_is_looked_at_to_the_bottom() {
        for n in [1, 2, 7, 12, 15, 16, 30, 58, 61, 64] {
            for shape in shapes(n, "principal.nothing") {
                let found = compile(&shape);
                let seen = found.iter().any(|m| m.contains("nothing") || m.contains("nests too deeply"));
                let unread = found.iter().any(|m| m.contains("unexpected token"));
                assert!(seen || unread, "{n}: {shape}\n{found:?}");
            }
        }
    }

    #[test]
    fn texts_and_comments_weigh_nothing() {
        let noise = "(&&".repeat(1_000);
        let text = format!(
            "permit (principal, action, resource) // {noise}\nwhen {{ principal.tee == \"{noise}\\\"{noise}\" }};"
        );
        assert_eq!(too_deep(&text), None);
        let many = "permit (principal, action, resource) when { principal.lab && true };\n".repeat(500);
        assert_eq!(too_deep(&many), None);
        let list = format!("[{}].contains(1)", vec!["1"; 5_000].join(", "));
        assert_eq!(too_deep(&list), None);
        assert_eq!(too_deep(")))]]]}}}"), None);
        assert_eq!(too_deep("\"unterminated \\"), None);
    }
}
