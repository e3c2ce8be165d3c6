//! PKCS#8 in its text form (RFC 7468). Every buffer that has held a key is wiped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Characters of a full line of base64 (RFC 7468, section 2).
const LINE: usize = 64;

/// Why a text is no PKCS#8 private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Bytes that are no ASCII text.
    #[error("neither PEM text nor DER")]
    NotText,
    /// A block of another kind is there, which is named if it is a common one.
    #[error("holds {0}, where `PRIVATE KEY` (PKCS#8, not encrypted) is expected")]
    Label(&'static str),
    /// Something stands before the block, or there is no block.
    #[error("does not begin with a PEM block")]
    Begin,
    /// The last line is not the block's end.
    #[error("does not end with `{END}`")]
    End,
    /// What is between the two is not base64.
    #[error("is not canonical base64 between its first and its last line")]
    Base64,
}

/// Reads the one block of a text.
pub(super) fn read(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.is_ascii()).ok_or(PemError::NotText)?;
    let text = text.trim_ascii();
    let Some(body) = text.strip_prefix(BEGIN) else { return Err(another(text)) };
    let body = body.strip_suffix(END).ok_or(PemError::End)?;
    let mut joined = Zeroizing::new(Vec::with_capacity(body.len()));
    joined.extend(body.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    // Never less than the decoded key, so that nothing is moved and left behind.
    let mut decoded = Zeroizing::new(vec![0; joined.len()]);
    let length = STANDARD.decode_slice(&*joined, &mut decoded).map_err(|_| PemError::Base64)?;
    decoded.truncate(length);
    Ok(decoded)
}

/// What stands there instead of a private key. Only known labels are repeated: the rest of the file may be
/// secret.
fn another(text: &str) -> PemError {
    const LABELS: [&str; 6] = [
        "`ENCRYPTED PRIVATE KEY`",
        "`EC PRIVATE KEY`",
        "`EC PARAMETERS`",
        "`OPENSSH PRIVATE KEY`",
        "`RSA PRIVATE KEY`",
        "`PUBLIC KEY`",
    ];
    let Some(rest) = text.strip_prefix("-----BEGIN ") else { return PemError::Begin };
    let label = rest.split("-----").next().unwrap_or_default();
    let known = LABELS.into_iter().find(|known| known.trim_matches('`') == label);
    PemError::Label(known.unwrap_or("a block of another kind"))
}

/// A key's bytes as a block, with a newline at its end.
pub(super) fn private_key(der: &[u8]) -> Zeroizing<String> {
    // Four characters for three bytes, some newlines, and the two lines around: enough, so that nothing is
    // moved.
    let mut text = Zeroizing::new(String::with_capacity(der.len() * 2 + 2 * LINE));
    text.push_str(BEGIN);
    text.push('\n');
    for chunk in der.chunks(LINE / 4 * 3) {
        STANDARD.encode_string(chunk, &mut text);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}
