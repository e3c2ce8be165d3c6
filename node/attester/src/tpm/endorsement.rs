//! The endorsement key: what tells one genuine TPM from all others, and what opens a credential that a broker
//! makes for it (TPM 2.0 Part 1, 24: credential protection).

use super::error::TpmError;
use super::key::{self, public_area};
use super::properties::handles_of;
use super::tools::Tools;
use zeroize::Zeroizing;

/// Largest EK certificate in bytes (rule book B.0: 8 KiB).
const MAX_CERTIFICATE: usize = 8 << 10;
/// Largest secret in a credential: the digest of the EK's nameAlg, SHA-256 (TPM 2.0 Part 3, 12.6).
const MAX_SECRET: usize = 32;
/// Largest credential that is read: TPM2B_ID_OBJECT has at most 2 + 34 + 34 bytes.
const MAX_BLOB: usize = 256;
/// Largest encrypted secret: RSA-2048 has 2 + 256 bytes.
const MAX_ENCRYPTED: usize = 1024;
/// Magic and version of the file in which the tools expect both.
const CREDENTIAL_FILE: [u8; 8] = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];

/// What a broker made for this TPM alone: it opens only where the EK and the attestation key are both loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// TPM2B_ID_OBJECT, its size included.
    pub blob: Vec<u8>,
    /// TPM2B_ENCRYPTED_SECRET, its size included.
    pub encrypted_secret: Vec<u8>,
}

/// An endorsement key's public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndorsementKey {
    /// The public area, TPMT_PUBLIC.
    pub tpmt: Vec<u8>,
    /// The manufacturer's certificate, DER, if the TPM has one in its usual place.
    pub certificate: Option<Vec<u8>>,
}

/// One of the two templates that every manufacturer knows (TCG EK Credential Profile 2.5, annex B.3).
struct Template {
    algorithm: &'static str,
    certificate: u32,
    persistent: u32,
}

const RSA: Template = Template { algorithm: "rsa", certificate: 0x01c0_0002, persistent: 0x8101_0001 };
const P256: Template = Template { algorithm: "ecc256", certificate: 0x01c0_000a, persistent: 0x8101_0002 };

/// An EK that is at hand: its public half, and the tools' name for it.
pub(super) struct Ready {
    pub(super) key: EndorsementKey,
    object: String,
}

impl EndorsementKey {
    /// The key with a certificate, RSA first; without any certificate, the RSA one.
    pub(super) async fn ready(tools: &Tools) -> Result<Ready, TpmError> {
        let indices = handles_of(tools, "handles-nv-index").await?;
        let certified = [RSA, P256].into_iter().find(|t| indices.contains(&t.certificate));
        let certificate = match &certified {
            Some(template) => Some(certificate(tools, template.certificate).await?),
            None => None,
        };
        let template = certified.unwrap_or(RSA);
        let object = if handles_of(tools, "handles-persistent").await?.contains(&template.persistent) {
            format!("{:#010x}", template.persistent)
        } else {
            made(tools, template.algorithm).await?
        };
        let tpmt = public_area(tools, &object, "ek.tpmt").await?;
        Ok(Ready { key: Self { tpmt, certificate }, object })
    }
}

async fn made(tools: &Tools, algorithm: &str) -> Result<String, TpmError> {
    const CONTEXT: &str = "ek.ctx";
    let arguments = ["--ek-context", CONTEXT, "--key-algorithm", algorithm, "--public", "ek.made", "--quiet"];
    tools.run("tpm2_createek", &arguments).await?;
    Ok(CONTEXT.to_owned())
}

/// A certificate in NV memory, without the padding that some manufacturers leave after it.
async fn certificate(tools: &Tools, index: u32) -> Result<Vec<u8>, TpmError> {
    const TOOL: &str = "tpm2_nvread";
    let index = format!("{index:#010x}");
    tools.run(TOOL, &["--output", "ek.der", &index]).await?;
    let mut bytes = tools.read(TOOL, "ek.der", MAX_CERTIFICATE)?;
    let length = match *bytes.as_slice() {
        [0x30, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([high, low])).saturating_add(4),
        _ => bytes.len(),
    };
    bytes.truncate(length);
    Ok(bytes)
}

impl Ready {
    /// Opens a credential: the secret inside, which is at most 32 bytes.
    pub(super) async fn open(
        &self,
        tools: &Tools,
        credential: &Credential,
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        const TOOL: &str = "tpm2_activatecredential";
        if credential.blob.len() > MAX_BLOB || credential.encrypted_secret.len() > MAX_ENCRYPTED {
            let problem = "a credential larger than any that this TPM could open".to_owned();
            return Err(TpmError::Credential { problem });
        }
        let file = [&CREDENTIAL_FILE[..], &credential.blob, &credential.encrypted_secret].concat();
        tools.write("credential", &file)?;
        // The EK's policy: whoever may use the endorsement hierarchy may use the EK.
        tools.run("tpm2_startauthsession", &["--policy-session", "--session", "session"]).await?;
        let opened = self.open_in_session(tools).await;
        // The tools keep a session for the next program; this one was the last.
        let flushed = tools.run("tpm2_flushcontext", &["session"]).await;
        opened?;
        flushed?;
        tools.read(TOOL, "secret", MAX_SECRET).map(Zeroizing::new)
    }

    async fn open_in_session(&self, tools: &Tools) -> Result<(), TpmError> {
        let policy = ["--session", "session", "--object-context", "endorsement", "--quiet"];
        tools.run("tpm2_policysecret", &policy).await?;
        let arguments = [
            "--credentialedkey-context",
            key::CONTEXT,
            "--credentialkey-context",
            &self.object,
            "--credentialkey-auth",
            "session:session",
            "--credential-blob",
            "credential",
            "--certinfo-data",
            "secret",
            "--quiet",
        ];
        tools.run("tpm2_activatecredential", &arguments).await.map(drop)
    }
}
