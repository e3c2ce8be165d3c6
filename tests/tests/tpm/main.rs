//! A real TPM 2.0 (swtpm): what the node collects from it, what a broker makes of it, and what neither
//! accepts.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a #[test] function")]

mod attester;
mod enrolment;
mod logs;
mod machine;
mod programs;
mod verify;
