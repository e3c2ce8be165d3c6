//! Certificate chains as quotes and collateral carry them: so many PEM certificates and nothing else
//! (DCAP-15).

use super::error::QuoteError;
use super::quote::{MAX_CERTIFICATE, PckChain};
use crate::encoding;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Characters of a full line of base64: 64 (RFC 7468), or 76 (RFC 2045) as in quotes of some older services.
const LINES: [usize; 2] = [64, 76];

/// Reads leaf, CA and root.
pub(super) fn read_chain(data: &[u8]) -> Result<PckChain, QuoteError> {
    let [leaf, ca, root] = read_certificates(data)?;
    Ok(PckChain { leaf, ca, root })
}

/// Reads exactly `N` PEM certificates and nothing else. After the last line only newlines may follow, and at
/// most one NUL among them.
///
/// # Errors
/// [`QuoteError::Pem`] (DCAP-15) and [`QuoteError::CertificateTooLarge`] (COL-06).
pub fn read_certificates<const N: usize>(data: &[u8]) -> Result<[Vec<u8>; N], QuoteError> {
    let tail = data.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r' | 0)).count();
    let (data, tail) = data.split_at(data.len().saturating_sub(tail));
    if tail.iter().filter(|byte| **byte == 0).count() > 1 {
        return Err(QuoteError::Pem("more than one NUL follows the last certificate"));
    }
    let mut rest = std::str::from_utf8(data).map_err(|_| QuoteError::Pem("not ASCII text"))?;
    let mut certificates = [const { Vec::new() }; N];
    for (index, certificate) in certificates.iter_mut().enumerate() {
        *certificate = block(&mut rest, index)?;
    }
    if rest.is_empty() {
        Ok(certificates)
    } else {
        Err(QuoteError::Pem("something follows the last certificate"))
    }
}

/// Reads one block and moves past it.
pub(crate) fn block(rest: &mut &str, index: usize) -> Result<Vec<u8>, QuoteError> {
    if line(rest) != Some(BEGIN) {
        return Err(QuoteError::Pem("a certificate does not begin where it should"));
    }
    let mut base64 = String::new();
    let mut full = None;
    let mut last = false;
    loop {
        let line = line(rest).ok_or(QuoteError::Pem("a certificate without an end"))?;
        if line == END {
            break;
        }
        // All lines of a certificate are full, and equally long, but the last one.
        let full = *full.get_or_insert(line.len());
        if last || line.is_empty() || line.len() > full {
            return Err(QuoteError::Pem("a line of base64 has the wrong length"));
        }
        last = line.len() < full || !LINES.contains(&full);
        base64.push_str(line);
    }
    let der = encoding::base64_decode(&base64).map_err(|_| QuoteError::Pem("not canonical base64"))?;
    let actual = der.len();
    if actual > MAX_CERTIFICATE {
        return Err(QuoteError::CertificateTooLarge { index, actual, maximum: MAX_CERTIFICATE });
    }
    Ok(der)
}

/// The next line without its end, `\n` or `\r\n`; the last line may lack one.
fn line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let (line, tail) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = tail;
    Some(line.strip_suffix('\r').unwrap_or(line))
}
