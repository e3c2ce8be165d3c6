//! Comparisons with values that no claim can have: a digest in upper case, a word with a slip, a tier above 4.

use super::paths::{self, Place};
use super::{Order, Relation, Remark, children, order};
use crate::schema::entity::NO_MEASUREMENT;
use crate::schema::shape::Domain;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Pattern, PatternElem, UnaryOp};

/// Longest part of a wrong value that a message repeats, in characters.
const SHOWN: usize = 64;
/// A word is proposed when at most one letter in this many differs: beyond that a proposal misleads.
const LETTERS_PER_SLIP: usize = 3;

/// Looks at every comparison of an expression.
pub(super) fn check(expr: &Expr, remarks: &mut Vec<Remark>) {
    match expr.expr_kind() {
        // The parser writes `a > b` as `!(a <= b)`: one comparison, told as it was written.
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => {
            if let Some(found) = order(arg, false) {
                ordered(expr, &found, remarks);
                return;
            }
        }
        ExprKind::BinaryApp { op: BinaryOp::Less | BinaryOp::LessEq, .. } => {
            if let Some(found) = order(expr, true) {
                ordered(expr, &found, remarks);
                return;
            }
        }
        ExprKind::BinaryApp { op, arg1, arg2 } => compared(*op, arg1, arg2, remarks),
        ExprKind::Like { expr: read, pattern } => like(expr, read, pattern, remarks),
        _ => {}
    }
    children(expr).into_iter().for_each(|inner| check(inner, remarks));
}

/// A comparison by order, over the integers that the attribute can be.
fn ordered(expr: &Expr, found: &Order<'_>, remarks: &mut Vec<Remark>) {
    let Domain::Range(lowest, highest) = found.place.known.domain else { return };
    let Order { place, relation, number } = found;
    let (from, to) = relation.interval(*number);
    let (text, symbol) = (&place.text, Relation::symbol(*relation));
    let range = format!("`{text}` is {lowest} to {highest}");
    if from > highest || to < lowest {
        remarks.push(Remark::error(expr, format!("`{text} {symbol} {number}` never holds: {range}")));
    } else if from <= lowest && to >= highest {
        remarks.push(Remark::warning(expr, format!("`{text} {symbol} {number}` always holds: {range}")));
    }
}

/// `==`, and membership in sets of literals or of attributes.
fn compared(op: BinaryOp, left: &Expr, right: &Expr, remarks: &mut Vec<Remark>) {
    let sides: &[(&Expr, &Expr)] = match op {
        BinaryOp::Eq | BinaryOp::Contains | BinaryOp::ContainsAny | BinaryOp::ContainsAll => {
            &[(left, right), (right, left)]
        }
        _ => return,
    };
    for (read, other) in sides {
        let Some(place) = paths::place(read) else { continue };
        for literal in paths::elements(other).unwrap_or(std::slice::from_ref(*other)) {
            if let Some(problem) = impossible(&place, literal) {
                remarks.push(Remark::error(literal, problem));
            }
        }
    }
}

/// Why the attribute never has this value.
fn impossible(place: &Place<'_>, literal: &Expr) -> Option<String> {
    let name = &place.text;
    if let (Domain::Range(lowest, highest), Some(number)) = (&place.known.domain, paths::number(literal)) {
        let inside = (*lowest..=*highest).contains(&number);
        return (!inside).then(|| format!("`{name}` is {lowest} to {highest}, never {number}"));
    }
    let text = paths::text(literal)?;
    if place.known.or_none && text == NO_MEASUREMENT {
        return None;
    }
    let shown: String = text.chars().take(SHOWN).collect();
    match &place.known.domain {
        Domain::Words(words) if !words.iter().any(|word| word == text) => {
            Some(format!("`{name}` is never \"{shown}\"{}", proposal(text, words)))
        }
        Domain::Hex(sizes) => not_hex(name, text, &shown, sizes),
        _ => None,
    }
}

fn not_hex(name: &str, text: &str, shown: &str, sizes: &[usize]) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(format!("`{name}` is lower-case hex, never \"{shown}\""));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(format!("`{name}` is lower-case hex: \"{shown}\" has upper-case digits"));
    }
    let digits: Vec<usize> = sizes.iter().map(|size| size.saturating_mul(2)).collect();
    if digits.is_empty() || digits.contains(&text.len()) {
        return None;
    }
    let expected: Vec<String> = digits.iter().map(usize::to_string).collect();
    Some(format!("`{name}` has {} hex digits, and this has {}", expected.join(" or "), text.len()))
}

/// The nearest word, or all of them.
fn proposal(text: &str, words: &[String]) -> String {
    let lower = text.to_lowercase();
    let slips = |word: &&String| strsim::damerau_levenshtein(&lower, &word.to_lowercase());
    let near = |word: &&String| {
        let few = slips(word) <= lower.len().div_ceil(LETTERS_PER_SLIP);
        few || (!lower.is_empty() && word.to_lowercase().contains(&lower))
    };
    match words.iter().filter(near).min_by_key(slips) {
        Some(word) => format!("; did you mean `{word}`?"),
        None => format!("; it is one of {}", words.join(", ")),
    }
}

/// A pattern that no value matches.
fn like(expr: &Expr, read: &Expr, pattern: &Pattern, remarks: &mut Vec<Remark>) {
    let Some(place) = paths::place(read) else { return };
    let never = match &place.known.domain {
        Domain::Hex(_) if place.known.or_none && pattern.wildcard_match(NO_MEASUREMENT) => false,
        Domain::Words(words) => !words.iter().any(|word| pattern.wildcard_match(word)),
        Domain::Hex(_) => pattern.iter().any(|element| {
            matches!(element, PatternElem::Char(letter) if !matches!(letter, '0'..='9' | 'a'..='f'))
        }),
        Domain::Any | Domain::Range(..) => false,
    };
    if never {
        let message =
            format!("`{} like \"{pattern}\"` never holds{}", place.text, values(&place.known.domain));
        remarks.push(Remark::error(expr, message));
    }
}

fn values(domain: &Domain) -> String {
    match domain {
        Domain::Words(words) => format!(": it is one of {}", words.join(", ")),
        Domain::Hex(_) => ": it is lower-case hex".to_owned(),
        Domain::Any | Domain::Range(..) => String::new(),
    }
}
