//! Evidence of NVIDIA devices, and the manifests that say what their firmware measures.

pub mod rim;
