//! `reference history`, `diff`, `rollback`: what a set was, what changed, and back to it.

use super::{absent, grid_of_values};
use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_kbs_client::Admin;
use hanzo_kbs_protocol::{PutReference, ReferenceInfo, ReferenceValue, RuleVersion};
use serde::Serialize;

#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// Name of the set
    name: String,
    /// Only versions below this one
    #[arg(long, value_name = "VERSION")]
    before: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct DiffArgs {
    /// Name of the set
    name: String,
    /// The version to start from
    from: u64,
    /// The version to compare with it
    to: u64,
}

#[derive(Args, Debug)]
pub(super) struct RollbackArgs {
    /// Name of the set
    name: String,
    /// The version whose values come back; they become a new version
    #[arg(long, value_name = "VERSION")]
    to: u64,
    /// The version that is current; refused if another is [default: the current one]
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<u64>,
}

/// The versions of one set.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct History(Vec<RuleVersion>);

/// What is in one version and not in the other. A value of which only dates or provenance changed is in both
/// lists.
#[derive(Debug, Serialize)]
struct Difference {
    name: String,
    from: u64,
    to: u64,
    removed: Vec<ReferenceValue>,
    added: Vec<ReferenceValue>,
}

impl HistoryArgs {
    pub(super) fn run(self, connect: &ConnectArgs, context: &Context) -> Result<Outcome, Failure> {
        let admin = connect.admin(&context.environment)?;
        let versions = context.wait(async {
            let versions = admin.reference_versions(&self.name, self.before).await;
            versions.map_err(|error| absent(error, &self.name, None))
        })?;
        context.output.show(&History(versions))?;
        Ok(Outcome::Yes)
    }
}

impl DiffArgs {
    pub(super) fn run(self, connect: &ConnectArgs, context: &Context) -> Result<Outcome, Failure> {
        let admin = connect.admin(&context.environment)?;
        let (from, to) = context.wait(async {
            let from = version(&admin, &self.name, Some(self.from)).await?;
            Ok((from, version(&admin, &self.name, Some(self.to)).await?))
        })?;
        context.output.show(&difference(from, to))?;
        Ok(Outcome::Yes)
    }
}

impl RollbackArgs {
    pub(super) fn run(self, connect: &ConnectArgs, context: &Context) -> Result<Outcome, Failure> {
        let admin = connect.admin(&context.environment)?;
        let stored = context.wait(async {
            let current = match self.expected_version {
                Some(version) => version,
                None => version(&admin, &self.name, None).await?.version,
            };
            let values = version(&admin, &self.name, Some(self.to)).await?.values;
            let request = PutReference { values, expected_version: Some(current) };
            Ok(admin.put_reference(&self.name, &request).await?)
        })?;
        context.output.show(&stored)?;
        Ok(Outcome::Yes)
    }
}

/// A version of a set, or the newest.
async fn version(admin: &Admin, name: &str, version: Option<u64>) -> Result<ReferenceInfo, Failure> {
    admin.reference(name, version).await.map_err(|error| absent(error, name, version))
}

fn difference(from: ReferenceInfo, to: ReferenceInfo) -> Difference {
    let without = |values: &[ReferenceValue], others: &[ReferenceValue]| {
        values.iter().filter(|value| !others.contains(value)).cloned().collect()
    };
    Difference {
        removed: without(&from.values, &to.values),
        added: without(&to.values, &from.values),
        name: to.name,
        from: from.version,
        to: to.version,
    }
}

impl Show for History {
    fn sheet(&self) -> Sheet {
        let rows = self.0.iter().map(|row| {
            let RuleVersion { version, digest, created_at, decision, actor, .. } = row;
            let (version, decision) = (version.to_string(), decision.to_string());
            [version, created_at.to_string(), decision, actor.clone(), digest.to_string()]
        });
        Sheet::new().grid(["version", "put", "decision", "by", "digest"], rows)
    }
}

impl Show for Difference {
    fn sheet(&self) -> Sheet {
        let facts =
            [("reference set", self.name.clone()), ("versions", format!("{} to {}", self.from, self.to))];
        let sheet = grid_of_values(Sheet::new().facts(facts).line("removed"), &self.removed);
        grid_of_values(sheet.line("added"), &self.added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::{Hex, UnixTime};

    #[test]
    fn a_difference_names_what_came_and_what_went() {
        let value = |byte: u8| ReferenceValue::new("tdx", "mr_td", Hex([byte; 48]).into());
        let dated = |byte| ReferenceValue { expires_at: UnixTime::from_seconds(9).ok(), ..value(byte) };
        let info = |version, values| ReferenceInfo {
            name: "images".to_owned(),
            version,
            values,
            created_at: UnixTime::from_seconds(0).unwrap(),
        };
        let found = difference(
            info(1, vec![value(1), value(2), value(3)]),
            info(2, vec![value(4), value(1), dated(3)]),
        );
        assert_eq!((found.removed, found.added), (vec![value(2), value(3)], vec![value(4), dated(3)]));
    }
}
