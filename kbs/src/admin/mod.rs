//! The administrator's door. An administrator decides who may have a key, and never reads one.

mod change;
mod changes;
mod credential;
mod explain;
mod history;
mod inventory;
mod keys;
mod policies;
mod record;
mod references;
mod replay;
mod sealing;
mod trust;

pub use credential::{AdminCredential, TokenFormError};

pub(crate) use changes::{
    acknowledge_change, apply_change, approve_change, break_glass, get_change, list_changes, propose_change,
    withdraw_change,
};
pub(crate) use credential::{Administrator, bearer};
pub(crate) use explain::explanation;
pub(crate) use history::{policy_statement, reference_statement};
pub(crate) use inventory::{get_pair, list_pairs, put_pair, remove_pair};
pub(crate) use keys::{create_key, get_key, list_keys, list_secrets, put_secret};
pub(crate) use policies::{get_policy, list_policies, put_policy};
pub(crate) use record::{audit, grants, receipt};
pub(crate) use references::{get_reference, list_references, put_reference, reference_versions};
pub(crate) use replay::{delete_shadow, get_shadow, put_shadow, replay_policies};
pub(crate) use sealing::{seal, unseal};
pub(crate) use trust::get_trust;
