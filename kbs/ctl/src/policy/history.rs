//! `policy history`, `diff` and `rollback`: every version that there was, what changed between two, and an old
//! one put again as a new version.

use super::lines;
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_client::Admin;
use hanzo_kbs_log::{Action, Decision};
use hanzo_kbs_protocol::{PolicyInfo, PutPolicy};
use serde::Serialize;

/// The versions of a policy, newest first, each beside what the record says of it.
#[derive(Serialize)]
struct History {
    policy: String,
    /// Whether every version shown is the one that the record names.
    recorded: bool,
    versions: Vec<Version>,
}

#[derive(Serialize)]
struct Version {
    version: u64,
    digest: Hex<32>,
    created_at: UnixTime,
    /// Number of the decision that put it.
    decision: u64,
    /// The decision's place in the record's chain.
    hash: Hex<32>,
    /// Who put it.
    actor: String,
    /// In what the record differs; absent when it says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<&'static str>,
}

/// Reads the newest `limit` versions and the decisions that put them. The answer is no if the record says
/// otherwise of one.
pub(super) fn history(name: &str, limit: u64, admin: &Admin, context: &Context) -> Result<Outcome, Failure> {
    let history = context.wait(async {
        let newest = admin.policy(name, None).await?;
        let last = newest.version.saturating_sub(limit).saturating_add(1).max(1);
        let mut versions = Vec::new();
        for number in (last..=newest.version).rev() {
            let policy = admin.policy(name, Some(number)).await?;
            let decision = admin.decision(policy.decision).await?;
            versions.push(Version::new(&policy, &decision));
        }
        let recorded = versions.iter().all(|version| version.differs.is_none());
        Ok(History { policy: name.to_owned(), recorded, versions })
    })?;
    context.output.show(&history)?;
    Ok(Outcome::from(history.recorded))
}

impl Version {
    fn new(policy: &PolicyInfo, decision: &Decision) -> Self {
        let entry = &decision.entry;
        let differs = [
            (entry.action != Action::PolicyPut, "it is no change of a policy"),
            (entry.subject.as_deref() != Some(policy.name.as_str()), "it is about another policy"),
            (entry.subject_version != Some(policy.version), "it is about another version"),
            (entry.policy_digest != Some(policy.digest), "it has another digest"),
        ];
        Self {
            version: policy.version,
            digest: policy.digest,
            created_at: policy.created_at,
            decision: policy.decision,
            hash: decision.hash,
            actor: entry.actor.clone(),
            differs: differs.into_iter().find(|(differs, _)| *differs).map(|(_, why)| why),
        }
    }
}

/// What changed from one version to another.
#[derive(Serialize)]
struct Difference {
    policy: String,
    from: u64,
    to: u64,
    /// Whether the texts differ.
    differs: bool,
    /// Unified: each line with ` `, `-` or `+` before it.
    lines: Vec<String>,
}

/// Compares two versions. The answer is yes if there is a difference to show, or none: both were found.
pub(super) fn diff(
    name: &str,
    from: u64,
    to: u64,
    admin: &Admin,
    context: &Context,
) -> Result<Outcome, Failure> {
    let (old, new) = context.wait(async {
        Ok((text(admin.policy(name, Some(from)).await?), text(admin.policy(name, Some(to)).await?)))
    })?;
    let lines = lines::diff(&old, &new);
    let differs = old != new;
    context.output.show(&Difference { policy: name.to_owned(), from, to, differs, lines })?;
    Ok(Outcome::Yes)
}

/// Puts an old version's text as a new version, in place of the current one.
pub(super) fn rollback(name: &str, to: u64, admin: &Admin, context: &Context) -> Result<Outcome, Failure> {
    let put = context.wait(async {
        let current = admin.policy(name, None).await?;
        let old = admin.policy(name, Some(to)).await?;
        let expected_version = Some(current.version);
        let (text, if_no_flips, since, limit) = (text(old), false, None, None);
        let request = PutPolicy { text, expected_version, if_no_flips, since, limit };
        Ok(admin.put_policy(name, &request).await?)
    })?;
    context.output.show(&put)?;
    Ok(Outcome::Yes)
}

fn text(policy: PolicyInfo) -> String {
    policy.text.unwrap_or_default()
}

impl Show for History {
    fn sheet(&self) -> Sheet {
        let rows = self.versions.iter().map(|version| {
            [
                version.version.to_string(),
                version.created_at.to_string(),
                version.digest.to_string(),
                version.decision.to_string(),
                version.actor.clone(),
                version
                    .differs
                    .map_or_else(|| "as recorded".to_owned(), |why| format!("NOT as recorded: {why}")),
            ]
        });
        Sheet::new().grid(["version", "created", "digest", "decision", "by", "record"], rows).line(
            "`kbsctl audit get DECISION` shows a decision, `kbsctl audit verify` the chain that holds them all.",
        )
    }
}

impl Show for Difference {
    fn sheet(&self) -> Sheet {
        if !self.differs {
            return Sheet::new().line(format!("versions {} and {} have the same text", self.from, self.to));
        }
        Sheet::new().line(self.lines.join("\n"))
    }
}
