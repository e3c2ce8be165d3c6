//! OCSP responses of NVIDIA's as collateral keeps them: read once, when they are put there.

use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::nvidia::OcspResponse;

/// A stored response.
#[derive(Debug)]
pub(crate) struct StoredOcsp {
    der: Vec<u8>,
    /// Of what it speaks: serial number, from when and until when. Nothing, if it cannot be read.
    about: Vec<(Vec<u8>, UnixTime, Option<UnixTime>)>,
}

impl StoredOcsp {
    pub(super) fn new(der: Vec<u8>) -> Self {
        let answers = OcspResponse::parse(&der).map(|response| response.answers).unwrap_or_default();
        let about = answers
            .iter()
            .map(|answer| (answer.serial.to_vec(), answer.this_update, answer.next_update))
            .collect();
        Self { der, about }
    }

    /// The response, if it speaks of this serial number and is not out of date.
    pub(super) fn about(&self, serial: &[u8], now: UnixTime) -> Option<&[u8]> {
        let speaks = |(about, this_update, next_update): &(Vec<u8>, UnixTime, Option<UnixTime>)| {
            about == serial && *this_update <= now && next_update.is_none_or(|until| now <= until)
        };
        self.about.iter().any(speaks).then_some(self.der.as_slice())
    }
}
