//! Evidence of an Intel SGX enclave: a quote with an enclave's report, alone or in an RA-TLS certificate.

mod error;
pub mod ra_tls;
mod report;

pub use error::SgxError;
pub use report::{Attributes, Report};

use crate::dcap::Quote;
use ra_tls::Courier;

/// An SGX item of a document, well formed. The quote's type says that it speaks for an enclave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The quote.
    pub quote: Quote<Report>,
    /// The RA-TLS certificate in which the quote came, if it did.
    pub courier: Option<Courier>,
}

impl Evidence {
    /// Parses the quote of an item declared as `sgx`.
    ///
    /// # Errors
    /// [`SgxError`]: a TDX quote is COL-04; SGX-06 and SGX-13 for a report that no processor writes.
    pub fn parse(quote: &[u8]) -> Result<Self, SgxError> {
        Ok(Self { quote: report::check(Quote::parse(quote)?.into_enclave()?)?, courier: None })
    }

    /// Parses the quote in an RA-TLS certificate (DER; SGX-17). Nothing is verified, not even that the
    /// certificate's key is the one in the report data.
    ///
    /// # Errors
    /// [`SgxError`]: the certificate's rules, then the quote's.
    pub fn parse_ra_tls(certificate: &[u8]) -> Result<Self, SgxError> {
        let (courier, quote) = Courier::parse(certificate)?;
        Ok(Self { courier: Some(courier), ..Self::parse(quote)? })
    }

    /// REPORTDATA: 64 bytes that the enclave chose, the binding.
    #[must_use]
    pub const fn report_data(&self) -> &[u8; 64] {
        &self.quote.body.report_data.0
    }
}

#[cfg(test)]
mod tests;
