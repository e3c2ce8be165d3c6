//! Evidence of NVIDIA devices, and what their firmware is compared with.

pub mod rim;
