//! The attestation key: a restricted signing key that the TPM derives from its endorsement seed.
//!
//! A primary key of the endorsement hierarchy is the same each time that it is made from the same template,
//! until the TPM's owner clears the seed. So nothing has to be stored in the TPM, and the key outlives
//! reboots; what is kept is its public area, to notice another TPM, and its saved context, to save time. In
//! this hierarchy the counters of a quote are not obfuscated (TPM 2.0 Part 1, 36.7).

use super::error::TpmError;
use super::properties::has_p256;
use super::state::State;
use super::tools::Tools;

/// Attributes of TPM-09: restricted and signing, made in this TPM, never leaving it. A use without
/// authorization must not stop when somebody has guessed wrong elsewhere: `noda`.
const ATTRIBUTES: &str = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda";
/// Largest public area in bytes: RSA-2048 has 280.
const MAX_PUBLIC: usize = 1024;
/// Largest saved context in bytes (`TPM_PT_MAX_OBJECT_CONTEXT` is below 4 KiB, and the tools wrap it).
const MAX_CONTEXT: usize = 16 << 10;
/// Largest PEM text in bytes: RSA-2048 has 451.
const MAX_PEM: usize = 4096;
/// TPM_ALG_SHA256 and the digest.
const NAME: usize = 34;
/// The name of the context in the scratch directory.
pub(super) const CONTEXT: &str = "ak.ctx";

/// The kinds of attestation key that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA with P-256 and SHA-256: small and quick.
    EcdsaP256,
    /// RSASSA with 2048 bits and SHA-256, for a TPM without P-256.
    Rsa2048,
}

impl KeyKind {
    /// The name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Rsa2048 => "rsa-2048",
        }
    }

    /// The tools' word for the algorithm and its scheme.
    const fn template(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecc256:ecdsa-sha256:null",
            Self::Rsa2048 => "rsa2048:rsassa-sha256:null",
        }
    }

    fn file(self, end: &str) -> String {
        format!("ak-{}.{end}", self.name())
    }
}

/// An attestation key's public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationKey {
    /// Its kind.
    pub kind: KeyKind,
    /// The public area, TPMT_PUBLIC.
    pub tpmt: Vec<u8>,
    /// The Name: `nameAlg || H(TPMT_PUBLIC)`.
    pub name: [u8; NAME],
    /// The public key, PEM.
    pub pem: String,
}

impl AttestationKey {
    /// Loads the key, making it if need be, so that [`CONTEXT`] in the scratch directory stands for it.
    pub(super) async fn ready(
        tools: &Tools,
        state: &State,
        asked: Option<KeyKind>,
    ) -> Result<Self, TpmError> {
        let kind = match asked {
            Some(kind) => kind,
            None if has_p256(tools).await? => KeyKind::EcdsaP256,
            None => KeyKind::Rsa2048,
        };
        let kept = state.read(&kind.file("tpmt"), MAX_PUBLIC)?;
        if let Some(kept) = &kept
            && let Some(key) = loaded(tools, state, kind, kept).await?
        {
            return Ok(key);
        }
        let key = made(tools, kind).await?;
        if let Some(kept) = kept.filter(|kept| *kept != key.tpmt) {
            return Err(TpmError::KeyChanged {
                path: state.path(&kind.file("tpmt")).display().to_string(),
                kept: hex(&name_of(&kept)),
                found: hex(&key.name),
            });
        }
        state.keep(&kind.file("ctx"), &tools.read("tpm2_createprimary", CONTEXT, MAX_CONTEXT)?)?;
        state.keep(&kind.file("tpmt"), &key.tpmt)?;
        Ok(key)
    }

    /// The Name in lower-case hex, as an allow list has it.
    #[must_use]
    pub fn name_hex(&self) -> String {
        hex(&self.name)
    }
}

/// The key from its saved context. A context ends with the TPM's reset: then the key is made anew.
async fn loaded(
    tools: &Tools,
    state: &State,
    kind: KeyKind,
    kept: &[u8],
) -> Result<Option<AttestationKey>, TpmError> {
    let Some(context) = state.read(&kind.file("ctx"), MAX_CONTEXT)? else { return Ok(None) };
    tools.write(CONTEXT, &context)?;
    let read = public(tools, kind).await;
    match read {
        Ok(key) if key.tpmt == kept => return Ok(Some(key)),
        // A context of another key was put there, or it was saved before the last reset.
        Ok(_) | Err(TpmError::ToolFailed { .. }) => {}
        Err(error) => return Err(error),
    }
    tools.remove(CONTEXT)?;
    Ok(None)
}

async fn made(tools: &Tools, kind: KeyKind) -> Result<AttestationKey, TpmError> {
    let arguments = [
        "--hierarchy=e",
        "--key-algorithm",
        kind.template(),
        "--hash-algorithm=sha256",
        "--attributes",
        ATTRIBUTES,
        "--key-context",
        CONTEXT,
        "--quiet",
    ];
    tools.run("tpm2_createprimary", &arguments).await?;
    public(tools, kind).await
}

/// The public half of the key behind the context.
async fn public(tools: &Tools, kind: KeyKind) -> Result<AttestationKey, TpmError> {
    const TOOL: &str = "tpm2_readpublic";
    let tpmt = public_area(tools, CONTEXT, "ak.tpmt").await?;
    let arguments = ["--object-context", CONTEXT, "--format=pem", "--output", "ak.pem", "--quiet"];
    tools.run(TOOL, &arguments).await?;
    let pem = String::from_utf8(tools.read(TOOL, "ak.pem", MAX_PEM)?)
        .map_err(|_| TpmError::ToolAnswer { tool: TOOL, problem: "a PEM text that is no text".to_owned() })?;
    let name = name_of(&tpmt);
    Ok(AttestationKey { kind, tpmt, name, pem })
}

/// The TPMT_PUBLIC of an object: a context's file, or a handle.
pub(super) async fn public_area(tools: &Tools, object: &str, file: &str) -> Result<Vec<u8>, TpmError> {
    const TOOL: &str = "tpm2_readpublic";
    let arguments = ["--object-context", object, "--format=tpmt", "--output", file, "--quiet"];
    tools.run(TOOL, &arguments).await?;
    tools.read(TOOL, file, MAX_PUBLIC)
}

/// The Name of a public area whose nameAlg is SHA-256, as that of every key made here is (TPM 2.0 Part 1,
/// 16).
fn name_of(tpmt: &[u8]) -> [u8; NAME] {
    let mut name = [0; NAME];
    let (algorithm, digest) = name.split_at_mut(2);
    algorithm.copy_from_slice(&[0x00, 0x0b]);
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tpmt).as_ref());
    name
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
