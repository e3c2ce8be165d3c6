//! `status`: which broker this is, and whether it can release keys now.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_client::{Health, Readiness};
use serde::Serialize;
use serde_json::Value;

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Serialize)]
struct Status {
    addr: String,
    ready: bool,
    #[serde(flatten)]
    health: Health,
}

impl StatusArgs {
    /// Yes when the broker can release keys, no when it answers and cannot.
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let client = self.connect.client(&context.environment)?;
        let (health, readiness) =
            context.wait(async { Ok((client.health().await?, client.ready().await?)) })?;
        let ready = readiness == Readiness::Ready;
        context.output.show(&Status { addr: client.address().to_string(), ready, health })?;
        Ok(Outcome::from(ready))
    }
}

impl Show for Status {
    fn sheet(&self) -> Sheet {
        let health = &self.health;
        Sheet::new().facts([
            ("broker", self.addr.clone()),
            ("ready", yes_no(self.ready)),
            ("status", health.status.clone()),
            ("version", health.version.clone()),
            ("environment", health.environment.clone()),
            ("sealed", yes_no(health.sealed)),
            ("lab", yes_no(health.lab)),
            ("break glass", broken(&health.break_glass)),
            ("roots", roots(&health.roots)),
        ])
    }
}

/// Changes that were applied without their quorum, one a line.
fn broken(ids: &[Hex<32>]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join("\n") }
}

/// `yes` or `no`, for people.
pub(crate) fn yes_no(value: bool) -> String {
    (if value { "yes" } else { "no" }).to_owned()
}

/// Nested JSON as lines: `name: value`, lists one item a line.
fn roots(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(roots).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => {
            let lines = fields.iter().map(|(name, value)| format!("{name}: {}", roots(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::String(name) => name.clone(),
        other => other.to_string(),
    }
}
