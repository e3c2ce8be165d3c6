//! What could be otherwise, and who could make it so.

use crate::tier::Tier;
use hanzo_attestation_evidence::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who can make a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The administrator of the broker: reference values, policies, thresholds, collateral.
    Administrator,
    /// Whoever runs the node: its image, firmware, devices and settings.
    Node,
    /// Whoever asks: for another key.
    Caller,
    /// Nobody: it takes another time.
    Time,
}

impl By {
    /// The name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Node => "node",
            Self::Caller => "caller",
            Self::Time => "time",
        }
    }
}

/// One thing that could be otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A measurement of the node becomes a value of a reference set.
    Reference {
        /// The set.
        set: String,
        /// The measurement, e.g. `sev-snp/measurement/…`.
        measurement: String,
    },
    /// The node proves this tier.
    Tier {
        /// 0 to 4.
        tier: Tier,
    },
    /// The node has a CPU TEE.
    CpuTee,
    /// A claim has this value.
    Claim {
        /// Its name below `principal`, e.g. `snp.policy.debug`.
        claim: String,
        /// The value.
        value: Value,
    },
    /// A claim has any other value.
    ClaimOther {
        /// Its name below `principal`.
        claim: String,
        /// The value that it must not have.
        value: Value,
    },
    /// The evidence does not state a claim.
    ClaimAbsent {
        /// Its name below `principal`.
        claim: String,
    },
    /// It is another time.
    Now {
        /// A time at which the decision is another.
        at: UnixTime,
    },
    /// Another number of grants of the key is live.
    LiveGrants {
        /// How many are live.
        live: u32,
        /// With how many the decision is another.
        most: u32,
    },
    /// A policy's bound on live grants is another.
    GrantLimit {
        /// Which policy.
        policy: String,
        /// The bound that it has.
        from: i64,
        /// The bound with which the decision is another.
        to: i64,
    },
    /// Another key is asked for.
    Key {
        /// Which.
        key: String,
    },
    /// A policy that forbids is taken away or loosened.
    WithoutForbid {
        /// Which.
        policy: String,
    },
    /// A policy that permits is added.
    Permit {
        /// Cedar text.
        cedar: String,
    },
    /// A threshold of the appraisal is set otherwise.
    Threshold {
        /// Its name in the configuration, e.g. `snp.allow_cxl`.
        threshold: String,
        /// The value that admits the evidence.
        value: String,
    },
    /// Something of the platform is otherwise than the evidence says.
    Platform {
        /// What, in words.
        what: String,
    },
    /// The evidence was presented at another time: what it rests on has to be renewed, or the clock is wrong.
    Renewed {
        /// A time at which the same evidence is accepted.
        at: UnixTime,
    },
    /// A missing revocation list is waived, or put at hand.
    Revocation,
    /// A manifest on hold is accepted, or another issue of it put at hand.
    ManifestHold,
}

impl Change {
    /// Who can make it.
    #[must_use]
    pub const fn by(&self) -> By {
        match self {
            Self::Reference { .. }
            | Self::WithoutForbid { .. }
            | Self::Permit { .. }
            | Self::LiveGrants { .. }
            | Self::GrantLimit { .. }
            | Self::Threshold { .. }
            | Self::Renewed { .. }
            | Self::Revocation
            | Self::ManifestHold => By::Administrator,
            Self::Tier { .. }
            | Self::CpuTee
            | Self::Claim { .. }
            | Self::ClaimOther { .. }
            | Self::ClaimAbsent { .. }
            | Self::Platform { .. } => By::Node,
            Self::Now { .. } => By::Time,
            Self::Key { .. } => By::Caller,
        }
    }

    /// How great a change it is: the smallest is proposed first. Data before the node, the node before the
    /// hour, and what loosens a rule last.
    pub(super) const fn weight(&self) -> u32 {
        match self {
            Self::Reference { .. } => 8,
            Self::Tier { .. }
            | Self::CpuTee
            | Self::Claim { .. }
            | Self::Platform { .. }
            | Self::Renewed { .. } => 10,
            Self::Now { .. } | Self::LiveGrants { .. } => 12,
            Self::ClaimOther { .. } => 14,
            Self::ClaimAbsent { .. } => 16,
            Self::Key { .. } => 24,
            Self::Threshold { .. } | Self::Revocation | Self::ManifestHold => 30,
            Self::GrantLimit { .. } => 36,
            Self::WithoutForbid { .. } => 40,
            Self::Permit { .. } => 50,
        }
    }

    /// Whether it loosens what the administrator decided, rather than meeting it.
    pub(super) const fn loosens(&self) -> bool {
        matches!(
            self,
            Self::WithoutForbid { .. } | Self::GrantLimit { .. } | Self::Permit { .. } | Self::Key { .. }
        )
    }

    /// One sentence.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Reference { set, measurement } => {
                format!("add {measurement} to the reference set `{set}`")
            }
            Self::Tier { tier } => {
                format!("prove tier {} ({tier}): {}", tier.number(), tier.requires())
            }
            Self::CpuTee => "present the evidence of a CPU TEE".to_owned(),
            Self::Claim { claim, value } => format!("the node's `{claim}` is {value}"),
            Self::ClaimOther { claim, value } => format!("the node's `{claim}` is another than {value}"),
            Self::ClaimAbsent { claim } => format!("the node's evidence states no `{claim}`"),
            Self::Now { at } => format!("it is {at}"),
            Self::LiveGrants { live, most } => match live.checked_sub(*most) {
                Some(fewer) if fewer > 0 => format!(
                    "{fewer} of the key's {live} live grants must end: revoke the sessions that hold them \
                     (`kbsctl grant list`), or wait for their end"
                ),
                _ => format!("{most} grants of the key are live"),
            },
            Self::GrantLimit { policy, from, to } => {
                format!("policy `{policy}` compares `context.live_grants` with {to} and not with {from}")
            }
            Self::Key { key } => format!("ask for the key {key}"),
            Self::WithoutForbid { policy } => format!("policy `{policy}` no longer forbids"),
            Self::Permit { cedar } => format!("add the policy: {cedar}"),
            Self::Threshold { threshold, value } => format!("set the threshold `{threshold}` to {value}"),
            Self::Platform { what } => what.clone(),
            Self::Renewed { at } => format!(
                "the same evidence is accepted at {at}: renew what ended or has not begun, or set the clock"
            ),
            Self::Revocation => "put the missing revocation list at hand, or waive it".to_owned(),
            Self::ManifestHold => {
                "get another issue of the manifest that is on hold, or accept it (`nvidia_rim_hold = \"accept\"`)"
                    .to_owned()
            }
        }
    }
}

/// A change with the answer who can make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedChange {
    /// Who can make it.
    pub by: By,
    /// One sentence.
    pub text: String,
    /// The change itself.
    #[serde(flatten)]
    pub change: Change,
}

impl From<Change> for ProposedChange {
    fn from(change: Change) -> Self {
        Self { by: change.by(), text: change.text(), change }
    }
}

/// Changes that together turn the decision, none of which can be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The changes.
    pub changes: Vec<ProposedChange>,
}

impl Proposal {
    pub(crate) fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self { changes: changes.into_iter().map(ProposedChange::from).collect() }
    }
}
