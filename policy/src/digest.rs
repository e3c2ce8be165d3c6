//! SHA-256 over a list of byte strings, each preceded by its length: no two lists run together.

use aws_lc_rs::digest;
use hanzo_attestation_evidence::Hex;

pub(crate) struct Digester(digest::Context);

impl Digester {
    /// Starts with a domain string, so that a digest of one kind is never one of another.
    pub(crate) fn new(domain: &str) -> Self {
        let mut this = Self(digest::Context::new(&digest::SHA256));
        this.add(domain.as_bytes());
        this
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Hex<32> {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        Hex(bytes)
    }
}
