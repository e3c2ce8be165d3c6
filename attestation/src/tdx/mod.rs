//! Intel TDX: the TD quote, over the shared DCAP chain.

mod claims;
mod error;
mod verify;

pub use claims::{BodyKind, Claims, TdAttributes};
pub use error::TdxError;

pub(crate) use verify::verify;
