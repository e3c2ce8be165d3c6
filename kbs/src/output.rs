//! The one writer of results.

use crate::args::Format;
use serde_json::Value;
use std::io::{self, IsTerminal as _, Write as _};

/// Writes results to standard output.
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Option<Format>) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { format: format.unwrap_or(if terminal { Format::Table } else { Format::Json }) }
    }

    /// Writes one result in its RFC 8785 form, to the byte unless a table is asked for.
    pub(crate) fn canonical(&self, text: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Json => Ok(writeln!(io::stdout().lock(), "{text}")?),
            Format::Table => Ok(self.value(&serde_json::from_str(text)?)?),
        }
    }

    /// Writes one result.
    pub(crate) fn value(&self, value: &Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{value}"),
            Format::Table => rows("", value).iter().try_for_each(|(path, text)| match path.as_str() {
                "" => writeln!(out, "{text}"),
                path => writeln!(out, "{path:<36}  {text}"),
            }),
        }
    }
}

/// A value as lines: where, and what.
fn rows(path: &str, value: &Value) -> Vec<(String, String)> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| rows(&below(name), value)).collect()
        }
        Value::Array(items) => {
            let numbered = items.iter().zip(1..);
            numbered.flat_map(|(item, number)| rows(&below(&format!("{number}")), item)).collect()
        }
        Value::String(text) => vec![(path.to_owned(), text.clone())],
        other => vec![(path.to_owned(), other.to_string())],
    }
}
