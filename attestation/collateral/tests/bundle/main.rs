//! Signed bundles: what is taken, and each refusal by its rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod desk;
mod forms;
mod import;
mod intel;
mod manifest;
mod signatures;
