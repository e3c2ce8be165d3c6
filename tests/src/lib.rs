//! Whole programs together: architecture tests, attacks, the demo and the benchmarks.

pub mod cases;
pub mod fuzz;
pub mod http;
pub mod lab_node;
pub mod measure;
pub mod programs;
pub mod rule_cost;
pub mod rules;
pub mod sealed_file;
pub mod standing;
pub mod subjects;
pub mod swtpm;
