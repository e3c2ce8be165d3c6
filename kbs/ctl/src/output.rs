//! The one writer of results: a value as JSON for programs, as plain tables for people.

use crate::exit::Failure;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // No doc comments: `--help` would print them for every verb.
    Json,
    Table,
}

/// A result that can be printed: its serialised form for programs, a sheet for people.
pub(crate) trait Show: Serialize {
    /// The same result for people.
    fn sheet(&self) -> Sheet;
}

/// What people see: lines, lists of facts and grids, in order.
#[derive(Debug, Default)]
pub(crate) struct Sheet(Vec<Block>);

#[derive(Debug)]
enum Block {
    Line(String),
    Facts(Vec<(&'static str, String)>),
    Grid { header: Vec<&'static str>, rows: Vec<Vec<String>> },
}

impl Sheet {
    /// An empty sheet.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds text; its line breaks are kept.
    pub(crate) fn line(mut self, text: impl Into<String>) -> Self {
        self.0.push(Block::Line(text.into()));
        self
    }

    /// Adds labelled values, one a line.
    pub(crate) fn facts(mut self, facts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.0.push(Block::Facts(facts.into_iter().collect()));
        self
    }

    /// Adds a grid; without rows it says `none`.
    pub(crate) fn grid<const N: usize>(
        mut self,
        header: [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        let rows = rows.into_iter().map(Vec::from).collect();
        self.0.push(Block::Grid { header: Vec::from(header), rows });
        self
    }

    fn render(&self) -> String {
        let blocks: Vec<String> = self.0.iter().map(Block::render).collect();
        blocks.join("\n\n")
    }
}

impl Block {
    fn render(&self) -> String {
        match self {
            Self::Line(text) => printable(text),
            Self::Facts(facts) => {
                grid(None, facts.iter().map(|(label, value)| vec![(*label).to_owned(), value.clone()]))
            }
            Self::Grid { rows, .. } if rows.is_empty() => "none".to_owned(),
            Self::Grid { header, rows } => grid(Some(header), rows.iter().cloned()),
        }
    }
}

fn grid(header: Option<&[&'static str]>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    // Rows keep their full width: a digest that is broken over lines can be neither copied nor searched.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(header) = header {
        table.set_header(header.iter().map(|name| name.to_uppercase()));
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Text as it may stand on a terminal: what others wrote must not move the cursor or colour the screen.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    asked: Option<Format>,
    format: Format,
}

impl Output {
    /// The format asked for, else a table on a terminal and JSON elsewhere.
    pub(crate) fn new(asked: Option<Format>, terminal: bool) -> Self {
        let fallback = if terminal { Format::Table } else { Format::Json };
        Self { asked, format: asked.unwrap_or(fallback) }
    }

    /// The format that was asked for, for results that are texts of their own.
    pub(crate) const fn asked(&self) -> Option<Format> {
        self.asked
    }

    /// Writes one result to standard output.
    ///
    /// A reader that stops early (`| head`) is no failure.
    pub(crate) fn show(&self, value: &impl Show) -> Result<(), Failure> {
        write_out(self.text(value)?.as_bytes())
    }

    fn text(&self, value: &impl Show) -> Result<String, Failure> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(value).map_err(io::Error::from)?,
            Format::Table => value.sheet().render(),
        };
        Ok(text + "\n")
    }
}

/// Writes bytes to standard output.
pub(crate) fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Writes one line for people to standard error; nobody listening is no failure.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", printable(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Example {
        id: &'static str,
        note: &'static str,
    }

    impl Show for Example {
        fn sheet(&self) -> Sheet {
            Sheet::new()
                .facts([("id", self.id.to_owned())])
                .grid(["note", "n"], [[self.note.to_owned(), "1".to_owned()]])
                .grid(["none"], [])
        }
    }

    const EXAMPLE: Example = Example { id: "acme/model", note: "red\u{1b}[31m" };

    #[test]
    fn a_terminal_gets_tables_and_a_pipe_gets_json() {
        let table = Output::new(None, true).text(&EXAMPLE).unwrap();
        let json = Output::new(None, false).text(&EXAMPLE).unwrap();
        assert!(table.contains("acme/model") && serde_json::from_str::<serde_json::Value>(&table).is_err());
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn the_flag_wins() {
        let json = Output::new(Some(Format::Json), true).text(&EXAMPLE).unwrap();
        assert!(json.starts_with('{'));
        let table = Output::new(Some(Format::Table), false).text(&EXAMPLE).unwrap();
        assert!(!table.starts_with('{'));
    }

    #[test]
    fn a_broker_cannot_write_to_the_terminal() {
        let table = Output::new(Some(Format::Table), true).text(&EXAMPLE).unwrap();
        assert!(!table.contains('\u{1b}'), "{table:?}");
        assert!(table.contains("\\u{1b}"));
        assert!(table.contains("none"));
    }
}
