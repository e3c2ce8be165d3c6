//! What a TPM says of itself: `tpm2_getcap`, whose answers are a small subset of YAML.

use super::error::TpmError;
use super::tools::Tools;
use serde::Serialize;

const TOOL: &str = "tpm2_getcap";

/// Hash banks that are quoted: strong enough to be believed (TPM-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bank {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Bank {
    /// All of them, in the order in which they are quoted.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha384];

    /// The name in documents and in the tools' arguments.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
        }
    }

    /// Length of a value in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// One TPM, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Properties {
    /// The manufacturer's four letters (`TPM_PT_MANUFACTURER`), e.g. `IBM` or `INTC`.
    pub manufacturer: String,
    /// The vendor's own name for it (`TPM_PT_VENDOR_STRING`).
    pub vendor: String,
    /// `TPM_PT_FIRMWARE_VERSION_1` and `_2`, the 64 bits that a quote carries, in hex.
    pub firmware_version: String,
    /// Every bank that has PCRs, weak ones too.
    pub banks: Vec<String>,
    /// Whether it signs with ECDSA P-256.
    pub ecdsa_p256: bool,
    /// NV indices of certificates of its endorsement keys (TCG EK Credential Profile 2.5, 2.2.1.4), in hex.
    pub ek_certificates: Vec<String>,
}

/// TPM_ECC_NIST_P256 as the tool writes it.
const P256: &str = "TPM2_ECC_NIST_P256:";
/// PCRs of the PC client profile.
pub(super) const PCRS: usize = 24;

impl Properties {
    pub(super) async fn ask(tools: &Tools) -> Result<Self, TpmError> {
        let fixed = capability(tools, "properties-fixed").await?;
        let pcrs = capability(tools, "pcrs").await?;
        let curves = capability(tools, "ecc-curves").await?;
        let indices = capability(tools, "handles-nv-index").await?;
        let number = |name: &str| raw(&fixed, name).ok_or_else(|| unanswered(name));
        let (first, second) = (number("TPM2_PT_FIRMWARE_VERSION_1")?, number("TPM2_PT_FIRMWARE_VERSION_2")?);
        Ok(Self {
            manufacturer: letters(number("TPM2_PT_MANUFACTURER")?),
            vendor: vendor(&fixed),
            firmware_version: format!("{first:08x}{second:08x}"),
            banks: banks(&pcrs).into_iter().filter(|(_, pcrs)| *pcrs > 0).map(|(name, _)| name).collect(),
            ecdsa_p256: curves.lines().any(|line| line.starts_with(P256)),
            ek_certificates: handles(&indices).filter(is_certificate).map(|h| format!("{h:#010x}")).collect(),
        })
    }
}

/// The banks that can be quoted whole.
pub(super) async fn whole_banks(tools: &Tools) -> Result<Vec<Bank>, TpmError> {
    let found = banks(&capability(tools, "pcrs").await?);
    let whole = |bank: &Bank| found.iter().any(|(name, pcrs)| name == bank.name() && *pcrs == PCRS);
    let usable: Vec<Bank> = Bank::ALL.into_iter().filter(whole).collect();
    if usable.contains(&Bank::Sha256) {
        return Ok(usable);
    }
    let named: Vec<String> = found.iter().map(|(name, pcrs)| format!("{name} with {pcrs} PCRs")).collect();
    Err(TpmError::NoBank { banks: named.join(", ") })
}

/// Whether it signs with ECDSA P-256.
pub(super) async fn has_p256(tools: &Tools) -> Result<bool, TpmError> {
    Ok(capability(tools, "ecc-curves").await?.lines().any(|line| line.starts_with(P256)))
}

/// The handles of one kind, e.g. `handles-persistent`.
pub(super) async fn handles_of(tools: &Tools, kind: &'static str) -> Result<Vec<u32>, TpmError> {
    Ok(handles(&capability(tools, kind).await?).collect())
}

async fn capability(tools: &Tools, name: &'static str) -> Result<String, TpmError> {
    let answer = tools.run(TOOL, &[name]).await?;
    String::from_utf8(answer)
        .map_err(|_| TpmError::ToolAnswer { tool: TOOL, problem: format!("no text for {name}") })
}

fn unanswered(name: &str) -> TpmError {
    TpmError::ToolAnswer { tool: TOOL, problem: format!("without {name}") }
}

/// The number in `NAME:` and, on the next line, `  raw: 0x…`.
fn raw(text: &str, name: &str) -> Option<u32> {
    let mut lines = text.lines().skip_while(|line| line.strip_suffix(':') != Some(name));
    let number = lines.nth(1)?.trim().strip_prefix("raw: ")?;
    match number.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

fn vendor(fixed: &str) -> String {
    let part = |n: &u8| raw(fixed, &format!("TPM2_PT_VENDOR_STRING_{n}"));
    [1, 2, 3, 4].iter().filter_map(part).map(letters).collect::<String>().trim().to_owned()
}

/// Four letters in a number, first letter first; what is no printable ASCII is left out.
fn letters(number: u32) -> String {
    number.to_be_bytes().into_iter().filter(|b| b.is_ascii_graphic() || *b == b' ').map(char::from).collect()
}

/// Each `  - sha256: [ 0, 1, … ]` with the number of its PCRs.
fn banks(text: &str) -> Vec<(String, usize)> {
    let bank = |line: &str| {
        let (name, pcrs) = line.trim().strip_prefix("- ")?.split_once(": [")?;
        let pcrs = pcrs.strip_suffix(']')?.split(',').filter(|pcr| !pcr.trim().is_empty()).count();
        Some((name.to_owned(), pcrs))
    };
    text.lines().filter_map(bank).collect()
}

fn handles(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.lines().filter_map(|line| u32::from_str_radix(line.trim().strip_prefix("- 0x")?, 16).ok())
}

/// The even indices of the low range, and those of the high range, hold certificates; between them lie nonces
/// and templates.
const fn is_certificate(index: &u32) -> bool {
    matches!(index, 0x01c0_0002 | 0x01c0_000a | 0x01c0_0012..=0x01c0_001e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_beside_their_names() {
        let text = "A:\n  raw: 0x49424D00\n  value: \"IBM\"\nAB:\n  raw: 12\nC:\n  raw: x\nD:\n";
        assert_eq!((raw(text, "A"), raw(text, "AB")), (Some(0x4942_4d00), Some(12)));
        assert_eq!((raw(text, "C"), raw(text, "D"), raw(text, "B")), (None, None, None));
        assert_eq!(letters(0x4942_4d00), "IBM");
        assert_eq!(letters(0x0a1b_4142), "AB", "control characters reach no terminal");
    }

    #[test]
    fn banks_are_read_with_their_sizes() {
        let text = "selected-pcrs:\n  - sha1: [ ]\n  - sha256: [ 0, 1, 2 ]\n  - x\n  - y: [ 1\n";
        assert_eq!(banks(text), [("sha1".to_owned(), 0), ("sha256".to_owned(), 3)]);
    }

    #[test]
    fn handles_of_certificates_are_told_from_others() {
        let text = "- 0x1C00002\n- 0x1C00003\n- 0x1C00016\n- 0x1C08000\n- zz\n";
        assert_eq!(handles(text).filter(is_certificate).collect::<Vec<_>>(), [0x01c0_0002, 0x01c0_0016]);
    }
}
