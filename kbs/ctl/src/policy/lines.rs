//! The difference of two texts, line by line.

/// Most pairs of lines that are compared: two texts of two thousand lines. Beyond it the part that differs is
/// shown as taken away and added as a whole.
const MAX_PAIRS: usize = 4_000_000;
/// Lines that stay the same shown around a change.
const CONTEXT: usize = 3;

/// Lines with ` ` before what stays, `-` before what goes and `+` before what comes; of what stays only what is
/// near a change.
pub(super) fn diff(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    near_changes(&changes(&old, &new))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (head, old) = old.split_at(start);
    let (_, new) = new.split_at(start);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, tail) = old.split_at(old.len().saturating_sub(end));
    let (new, _) = new.split_at(new.len().saturating_sub(end));
    let mut lines: Vec<Line<'a>> = head.iter().map(|line| Line::Same(line)).collect();
    if old.len().saturating_mul(new.len()) > MAX_PAIRS {
        lines.extend(old.iter().map(|line| Line::Gone(line)));
        lines.extend(new.iter().map(|line| Line::New(line)));
    } else {
        lines.extend(middle(old, new));
    }
    lines.extend(tail.iter().map(|line| Line::Same(line)));
    lines
}

/// The longest common subsequence, by its lengths for all suffixes.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let mut lengths = vec![vec![0_u32; new.len().saturating_add(1)]; old.len().saturating_add(1)];
    let at = |lengths: &[Vec<u32>], i: usize, j: usize| {
        lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let (next_i, next_j) = (i.saturating_add(1), j.saturating_add(1));
            let length = if a == b {
                at(&lengths, next_i, next_j).saturating_add(1)
            } else {
                at(&lengths, next_i, j).max(at(&lengths, i, next_j))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut lines, mut i, mut j) = (Vec::new(), 0_usize, 0_usize);
    loop {
        match (old.get(i), new.get(j)) {
            (None, None) => return lines,
            (Some(a), Some(b)) if a == b => {
                lines.push(Line::Same(a));
                (i, j) = (i.saturating_add(1), j.saturating_add(1));
            }
            (Some(a), other) => {
                let (without, with) =
                    (at(&lengths, i.saturating_add(1), j), at(&lengths, i, j.saturating_add(1)));
                match other {
                    Some(b) if with > without => {
                        lines.push(Line::New(b));
                        j = j.saturating_add(1);
                    }
                    _ => {
                        lines.push(Line::Gone(a));
                        i = i.saturating_add(1);
                    }
                }
            }
            (None, Some(b)) => {
                lines.push(Line::New(b));
                j = j.saturating_add(1);
            }
        }
    }
}

fn near_changes(lines: &[Line<'_>]) -> Vec<String> {
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let near = |at: usize| changed.iter().any(|change| at.abs_diff(*change) <= CONTEXT);
    let mut shown = Vec::new();
    let mut left_out = false;
    for (at, line) in lines.iter().enumerate() {
        if !near(at) {
            left_out = true;
            continue;
        }
        if left_out && !shown.is_empty() {
            shown.push("…".to_owned());
        }
        left_out = false;
        shown.push(match line {
            Line::Same(text) => format!(" {text}"),
            Line::Gone(text) => format!("-{text}"),
            Line::New(text) => format!("+{text}"),
        });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_what_comes_is_told_with_its_surroundings() {
        assert_eq!(diff("a\nb\nc", "a\nx\nc"), [" a", "-b", "+x", " c"]);
        assert_eq!(diff("a\nb", "a\nb"), [] as [&str; 0]);
        assert_eq!(diff("", "a"), ["+a"]);
        assert_eq!(diff("a\nb", ""), ["-a", "-b"]);
        assert_eq!(diff("a\nb\nc\nd", "b\nd\ne"), ["-a", " b", "-c", " d", "+e"]);
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let old: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new[5] = "five".to_owned();
        new[30] = "thirty".to_owned();
        let shown = diff(&old.join("\n"), &new.join("\n"));
        assert_eq!(shown.first().map(String::as_str), Some(" 2"));
        assert_eq!(shown.iter().filter(|line| *line == "…").count(), 1);
        assert!(shown.contains(&"-30".to_owned()) && shown.contains(&"+thirty".to_owned()), "{shown:?}");
        assert!(!shown.contains(&" 20".to_owned()), "{shown:?}");
    }

    #[test]
    fn applying_the_difference_gives_the_new_text() {
        for (old, new) in [("a b a c d", "b a a d e"), ("x x x", "x y x"), ("1 2 3 4 5", "5 4 3 2 1")] {
            let (old, new) = (old.replace(' ', "\n"), new.replace(' ', "\n"));
            let old_lines: Vec<&str> = old.lines().collect();
            let new_lines: Vec<&str> = new.lines().collect();
            let changes = changes(&old_lines, &new_lines);
            let kept = |take: fn(&Line<'_>) -> bool| -> Vec<&str> {
                let kept = changes.iter().filter(|line| take(line));
                kept.map(|line| match line {
                    Line::Same(t) | Line::Gone(t) | Line::New(t) => *t,
                })
                .collect()
            };
            assert_eq!(kept(|line| !matches!(line, Line::New(_))), old_lines);
            assert_eq!(kept(|line| !matches!(line, Line::Gone(_))), new_lines);
        }
    }
}
