//! Medians and ratios inside one run. Benchmarks use it; no test asserts a time.

use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Runs that warm caches and are not counted.
const WARM_UP: usize = 5;

fn time(run: &mut impl FnMut() -> Result<()>) -> Result<Duration> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

fn middle<T: PartialOrd + Copy>(values: &mut [T]) -> Result<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().context("nothing was measured")
}

/// Median time of a run. The run is not warmed up: it may use up something at each call.
///
/// # Errors
/// The first error of a run.
pub fn median(runs: usize, mut run: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut times = (0..runs).map(|_| time(&mut run)).collect::<Result<Vec<_>>>()?;
    middle(&mut times)
}

/// One of several runs that take turns.
pub type Run<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// Times of several runs, round by round.
#[derive(Clone, Debug)]
pub struct Times {
    columns: Vec<(String, Vec<f64>)>,
}

/// Measures runs in turn, so that a machine whose speed drifts slows all of them.
///
/// # Errors
/// The first error of a run.
pub fn in_turn(rounds: usize, runs: &mut [(&str, Run<'_>)]) -> Result<Times> {
    for _ in 0..WARM_UP {
        for (_, run) in &mut *runs {
            run()?;
        }
    }
    let mut columns: Vec<(String, Vec<f64>)> =
        runs.iter().map(|(name, _)| ((*name).to_owned(), Vec::with_capacity(rounds))).collect();
    for _ in 0..rounds {
        for ((_, run), (_, column)) in runs.iter_mut().zip(&mut columns) {
            column.push(time(run)?.as_secs_f64() * 1e6);
        }
    }
    Ok(Times { columns })
}

impl Times {
    fn column(&self, name: &str) -> Result<&[f64]> {
        let found = self.columns.iter().find(|(found, _)| found == name);
        found.map(|(_, column)| column.as_slice()).with_context(|| format!("no run is named {name}"))
    }

    /// Median of one run over another, round by round.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn ratio(&self, above: &str, below: &str) -> Result<f64> {
        let pairs = self.column(above)?.iter().zip(self.column(below)?);
        middle(&mut pairs.map(|(above, below)| above / below).collect::<Vec<_>>())
    }

    /// Median of each run, in microseconds.
    ///
    /// # Errors
    /// When nothing was measured.
    pub fn medians(&self) -> Result<serde_json::Map<String, serde_json::Value>> {
        let median =
            |(name, column): &(String, Vec<f64>)| Ok((name.clone(), middle(&mut column.clone())?.into()));
        self.columns.iter().map(median).collect()
    }
}
