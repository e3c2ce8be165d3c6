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

/// Two runs measured in turn, so that a machine whose speed drifts slows both.
#[derive(Clone, Copy, Debug)]
pub struct Interleaved {
    /// Median of the first.
    pub first: Duration,
    /// Median of the second.
    pub second: Duration,
    /// Median of first/second, pair by pair.
    pub ratio: f64,
}

impl Interleaved {
    /// Measures two runs in turn.
    ///
    /// # Errors
    /// The first error of a run.
    pub fn measure(
        runs: usize,
        mut first: impl FnMut() -> Result<()>,
        mut second: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        for _ in 0..WARM_UP {
            first()?;
            second()?;
        }
        let (mut firsts, mut seconds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            let (a, b) = (time(&mut first)?, time(&mut second)?);
            firsts.push(a);
            seconds.push(b);
            ratios.push(a.as_secs_f64() / b.as_secs_f64());
        }
        Ok(Self { first: middle(&mut firsts)?, second: middle(&mut seconds)?, ratio: middle(&mut ratios)? })
    }
}
