//! A TOML reader that keeps going: every error of a file is collected, with its path and its line.
//!
//! Each value is asked for once by name; what nobody asked for is an unknown field, and refused.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `limits.token_seconds`.
    pub path: String,
    /// Line in the file, from 1; `None` for what is missing altogether.
    pub line: Option<usize>,
    /// What is wrong. It quotes no value of a secret.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// All mistakes of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Mistakes<'i> {
    text: &'i str,
    found: Vec<Mistake>,
}

impl<'i> Mistakes<'i> {
    pub(crate) const fn new(text: &'i str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, path: &str, span: Option<&Range<usize>>, message: impl Into<String>) {
        let line = span.map(|span| line_of(self.text, span.start));
        self.found.push(Mistake { path: path.to_owned(), line, message: message.into() });
    }

    pub(crate) fn into_found(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        self.found
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// One table of the file, and which of its fields were asked for.
pub(crate) struct Section<'a, 'i> {
    path: String,
    table: Option<&'a DeTable<'i>>,
    /// Relative file names are meant beside the configuration file.
    base: &'a Path,
    asked: BTreeSet<&'static str>,
}

/// A value with the place where it stands.
pub(crate) struct Placed<T> {
    pub(crate) path: String,
    pub(crate) span: Range<usize>,
    pub(crate) value: T,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(crate) fn top(table: &'a DeTable<'i>, base: &'a Path) -> Self {
        Self { path: String::new(), table: Some(table), base, asked: BTreeSet::new() }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn raw(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.asked.insert(name);
        self.table?.get(name)
    }

    /// A table inside this one; an absent one reads as empty.
    pub(crate) fn section(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Self {
        let path = self.path_of(name);
        let table = self.raw(name).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                mistakes.add(&path, Some(&value.span()), "must be a table");
            }
            table
        });
        Self { path, table, base: self.base, asked: BTreeSet::new() }
    }

    /// An array of tables; an absent one is empty.
    pub(crate) fn sections(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<Self> {
        let path = self.path_of(name);
        let Some(value) = self.raw(name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            mistakes.add(&path, Some(&value.span()), "must be an array of tables");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in array.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Self { path, table: Some(table), base: self.base, asked: BTreeSet::new() });
                }
                None => mistakes.add(&path, Some(&item.span()), "must be a table"),
            }
        }
        sections
    }

    pub(crate) fn text(
        &mut self,
        name: &'static str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Placed<&'a str>> {
        let path = self.path_of(name);
        let value = self.raw(name)?;
        let Some(text) = value.get_ref().as_str() else {
            mistakes.add(&path, Some(&value.span()), "must be a string");
            return None;
        };
        Some(Placed { path, span: value.span(), value: text })
    }

    /// A string that a function turns into something.
    pub(crate) fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        mistakes: &mut Mistakes<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        let Placed { path, span, value } = self.text(name, mistakes)?;
        match parse(value) {
            Ok(value) => Some(Placed { path, span, value }),
            Err(error) => {
                mistakes.add(&path, Some(&span), error.to_string());
                None
            }
        }
    }

    /// A whole number within bounds, or the default.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        default: u64,
        bounds: std::ops::RangeInclusive<u64>,
        mistakes: &mut Mistakes<'_>,
    ) -> u64 {
        let path = self.path_of(name);
        let Some(value) = self.raw(name) else { return default };
        let number =
            value.get_ref().as_integer().and_then(|i| u64::from_str_radix(i.as_str(), i.radix()).ok());
        match number {
            Some(number) if bounds.contains(&number) => number,
            _ => {
                let message = format!("must be a whole number from {} to {}", bounds.start(), bounds.end());
                mistakes.add(&path, Some(&value.span()), message);
                default
            }
        }
    }

    /// `true` or `false`; an absent one is false.
    pub(crate) fn flag(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> bool {
        let path = self.path_of(name);
        let Some(value) = self.raw(name) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            mistakes.add(&path, Some(&value.span()), "must be true or false");
            false
        })
    }

    pub(crate) fn file(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Option<PathBuf> {
        let base = self.base;
        self.text(name, mistakes).map(|placed| base.join(placed.value))
    }

    pub(crate) fn files(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<PathBuf> {
        let path = self.path_of(name);
        let Some(value) = self.raw(name) else { return Vec::new() };
        let texts = value.get_ref().as_array().map(|array| array.iter().map(|v| v.get_ref().as_str()));
        let files =
            texts.and_then(|texts| texts.map(|t| t.map(|t| self.base.join(t))).collect::<Option<_>>());
        files.unwrap_or_else(|| {
            mistakes.add(&path, Some(&value.span()), "must be an array of file names");
            Vec::new()
        })
    }

    /// An array of strings, each of which a function turns into something; an absent one is empty.
    pub(crate) fn texts<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        mistakes: &mut Mistakes<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let path = self.path_of(name);
        let Some(value) = self.raw(name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            mistakes.add(&path, Some(&value.span()), "must be an array of strings");
            return Vec::new();
        };
        let mut parsed = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str().map(&parse) {
                Some(Ok(value)) => parsed.push(value),
                Some(Err(error)) => mistakes.add(&path, Some(&item.span()), error.to_string()),
                None => mistakes.add(&path, Some(&item.span()), "must be an array of strings"),
            }
        }
        parsed
    }

    /// A secret: only `{ file = "…" }`, so that no secret ever stands in a configuration.
    pub(crate) fn secret_file(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Option<PathBuf> {
        let path = self.path_of(name);
        let value = self.raw(name)?;
        let only_file = value.get_ref().as_table().filter(|table| table.len() == 1);
        let file = only_file.and_then(|table| table.get("file")?.get_ref().as_str());
        if file.is_none() {
            mistakes.add(&path, Some(&value.span()), "a secret is given as { file = \"…\" } only");
        }
        file.map(|file| self.base.join(file))
    }

    /// Says that a field is missing, if it is: one that is there and wrong was reported when it was read.
    pub(crate) fn required(&self, name: &str, why: &str, mistakes: &mut Mistakes<'_>) {
        if self.table.is_none_or(|table| table.get(name).is_none()) {
            mistakes.add(&self.path_of(name), None, format!("is missing: {why}"));
        }
    }

    /// Refuses every field that nobody asked for.
    pub(crate) fn finish(self, mistakes: &mut Mistakes<'_>) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(name) {
                let known: Vec<_> = self.asked.iter().copied().collect();
                let message = format!("unknown field; known here: {}", known.join(", "));
                mistakes.add(&self.path_of(name), Some(&key.span()), message);
            }
        }
    }
}
