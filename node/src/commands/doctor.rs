//! `doctor`: what is wrong, and what cures it.

mod checks;
mod gpu;
mod identity;
mod tpm;

use crate::args::DoctorArgs;
use crate::config::Config;
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use serde::Serialize;

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
    /// A failure because nobody answered.
    Unreachable,
}

impl Check {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, detail: detail.into(), cure: None }
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        detail: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { check, verdict, detail: detail.into(), cure: Some(cure.into()) }
    }
}

pub(crate) async fn run(args: DoctorArgs, format: Format) -> Result<Answer, Failure> {
    let config = Config::load(&args.common, &[], args.socket.as_deref())?;
    let mut checks = vec![checks::configuration(&config)];
    checks.extend(checks::broker(&config).await);
    checks.extend(identity::key(&config));
    checks.extend(tpm::quote(&config).await);
    checks.extend(gpu::reports(&config).await);
    checks.push(checks::evidence(&config).await);
    checks.extend(checks::agent(&config).await);
    match format {
        Format::Json => output::json(&checks)?,
        Format::Table => output::result(&table(&checks))?,
    }
    Ok(answer(&checks))
}

/// A broker that does not answer is told by its own exit code: other failures may follow from it.
fn answer(checks: &[Check]) -> Answer {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    if any(Verdict::Unreachable) {
        Answer::Unreachable
    } else if any(Verdict::Fail) {
        Answer::No
    } else {
        Answer::Yes
    }
}

fn table(checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warning",
            Verdict::Fail | Verdict::Unreachable => "FAILED",
        };
        let cure = check.cure.as_ref().map(|cure| format!("\ncure: {cure}")).unwrap_or_default();
        [check.check.to_owned(), verdict.to_owned(), format!("{}{cure}", check.detail)]
    });
    output::table(["check", "verdict", "detail"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_is_the_answer() {
        let with = |verdicts: &[Verdict]| {
            let checks: Vec<_> = verdicts.iter().map(|v| Check::new("x", *v, "", "")).collect();
            answer(&checks)
        };
        assert_eq!(with(&[Verdict::Ok, Verdict::Warn]), Answer::Yes);
        assert_eq!(with(&[Verdict::Ok, Verdict::Unreachable]), Answer::Unreachable);
        assert_eq!(with(&[Verdict::Fail, Verdict::Warn]), Answer::No);
        assert_eq!(with(&[Verdict::Fail, Verdict::Unreachable]), Answer::Unreachable);
    }
}
