//! Intel SGX: an enclave's quote, over the shared DCAP chain; and the RA-TLS certificate that may carry it.

mod claims;
mod error;
mod ra_tls;
mod verify;

pub use claims::{Attributes, Claims};
pub use error::SgxError;
pub use ra_tls::verify_ra_tls;

pub(crate) use verify::verify;
