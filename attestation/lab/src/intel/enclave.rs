//! The lab's quoting enclaves: what their reports say of them, and what Intel's identity of them must say.

/// A quoting enclave.
pub(super) struct QuotingEnclave {
    /// MRSIGNER.
    pub(super) signer: [u8; 32],
    /// ISVPRODID.
    pub(super) product: u16,
    /// ISVSVN.
    pub(super) svn: u16,
    /// What its MRENCLAVE is the SHA-256 of.
    pub(super) image: &'static str,
}

impl QuotingEnclave {
    /// The one for SGX, signed by whom Intel's is signed.
    pub(super) const SGX: Self = Self {
        signer: [
            0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
            0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff,
        ],
        product: 1,
        svn: 8,
        image: "hanzo-lab/sgx/quoting-enclave/1",
    };

    /// The one for TDX, signed by whom Intel's is signed.
    pub(super) const TDX: Self = Self {
        signer: [
            0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
            0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
        ],
        product: 2,
        svn: 7,
        image: "hanzo-lab/tdx/quoting-enclave/1",
    };
}
