//! Quotes built field by field, each field free to be wrong.

use crate::dcap::INTEL_QE_VENDOR_ID;
use crate::encoding::base64_encode;
use crate::tdx::BodyKind;

/// A quote to be written.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) version: u16,
    pub(crate) key_type: u16,
    pub(crate) tee_type: u32,
    pub(crate) descriptor: Option<(u16, u32)>,
    pub(crate) body: Vec<u8>,
    pub(crate) outer: u16,
    pub(crate) outer_slack: i32,
    pub(crate) auth: Vec<u8>,
    pub(crate) inner: u16,
    pub(crate) inner_slack: i32,
    pub(crate) chain: Vec<u8>,
}

impl Sample {
    pub(crate) fn sgx(version: u16) -> Self {
        let descriptor = (version == 5).then_some((1, 384));
        Self { version, tee_type: 0, descriptor, body: vec![0; 384], ..Self::td(4, BodyKind::Td10) }
    }

    pub(crate) fn td(version: u16, kind: BodyKind) -> Self {
        let descriptor = (version == 5).then_some(match kind {
            BodyKind::Td10 => (2, 584),
            BodyKind::Td15 => (3, 648),
        });
        Self {
            version,
            key_type: 2,
            tee_type: 0x81,
            descriptor,
            body: vec![0; kind.length()],
            outer: 6,
            outer_slack: 0,
            auth: vec![9; 32],
            inner: 5,
            inner_slack: 0,
            chain: pem(&[b"leaf", b"ca", b"root"]).into_bytes(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut inner = vec![0; 384];
        inner.extend([0x53; 64]);
        inner.extend(u16::try_from(self.auth.len()).unwrap().to_le_bytes());
        inner.extend(&self.auth);
        inner.extend(self.inner.to_le_bytes());
        inner.extend(length(self.chain.len(), self.inner_slack));
        inner.extend(&self.chain);

        let mut data = vec![0x51; 64];
        data.extend([0x52; 64]);
        if self.version >= 4 {
            data.extend(self.outer.to_le_bytes());
            data.extend(length(inner.len(), self.outer_slack));
        }
        data.extend(inner);

        let mut bytes = Vec::new();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.key_type.to_le_bytes());
        bytes.extend(self.tee_type.to_le_bytes());
        bytes.extend(if self.version == 3 { [1, 2, 3, 4] } else { [0; 4] });
        bytes.extend(INTEL_QE_VENDOR_ID.0);
        bytes.extend([0x0d; 20]);
        if let Some((body_type, size)) = self.descriptor {
            bytes.extend(body_type.to_le_bytes());
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend(&self.body);
        bytes.extend(length(data.len(), 0));
        bytes.extend(data);
        bytes
    }
}

fn length(true_length: usize, slack: i32) -> [u8; 4] {
    u32::try_from(true_length).unwrap().wrapping_add_signed(slack).to_le_bytes()
}

/// PEM blocks in the form of RFC 7468.
pub(crate) fn pem(certificates: &[&[u8]]) -> String {
    let mut text = String::new();
    for der in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in base64_encode(der).as_bytes().chunks(64) {
            text.push_str(str::from_utf8(line).unwrap());
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}
