//! Event logs: real ones outside this repository, lab-made ones, and every rule of rule book B.7 that refuses.

mod corpus;
