//! Evidence of an Intel TDX guest: a quote with a TD body, and the guest's event log.

mod attributes;
mod body;

pub use attributes::TdAttributes;
pub use body::{Body, BodyKind};

use crate::dcap::{Quote, QuoteError};

/// A TDX item of a document, well formed. The quote's type says that it speaks for a TD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The quote.
    pub quote: Quote<Body>,
    /// The event log as received: a CCEL, or dstack's JSON form of one. Replay reads it.
    pub event_log: Option<Vec<u8>>,
}

impl Evidence {
    /// Parses the quote of an item declared as `tdx`. The size of the log is the envelope's concern.
    ///
    /// # Errors
    /// [`QuoteError`]; an SGX quote is [`QuoteError::KindMismatch`] (COL-04).
    pub fn parse(quote: &[u8], event_log: Option<Vec<u8>>) -> Result<Self, QuoteError> {
        Ok(Self { quote: Quote::parse(quote)?.into_td()?, event_log })
    }

    /// REPORTDATA: 64 bytes that the guest chose, the binding.
    #[must_use]
    pub const fn report_data(&self) -> &[u8; 64] {
        &self.quote.body.report_data.0
    }
}
