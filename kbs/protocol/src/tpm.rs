//! Activating a TPM's attestation key: `POST tpm/credential`, then `POST tpm/activate` (TPM 2.0 Part 1, 24).
//!
//! ```text
//! node                                            broker
//! ek, its certificates, ak      ──credential──▶   the EK is known; the AK is a restricted signing key
//! TPM2_ActivateCredential       ◀──────────────   a secret, which only the TPM that holds both keys can open
//! the secret                    ──activate────▶   once, in time
//! kept, sent with each quote    ◀──────────────   the record that says: these two keys are in one TPM
//! ```

use crate::sealed::{from_base64, to_base64};
use crate::secret::SecretBytes;
use hanzo_attestation_evidence::{UnixTime, encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Body of `POST tpm/credential`. Byte strings are standard base64 on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRequest {
    /// The endorsement key's public area, TPMT_PUBLIC.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub ek_public: Vec<u8>,
    /// Its certificate and those of its issuers, DER, the key's own first; empty for a key without any.
    #[serde(default, serialize_with = "each_to_base64", deserialize_with = "each_from_base64")]
    pub ek_certs: Vec<Vec<u8>>,
    /// The attestation key's public area, TPMT_PUBLIC.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub ak_public: Vec<u8>,
}

/// Answer to `POST tpm/credential`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialResponse {
    /// What the answer names; opaque to everyone but the broker.
    pub challenge_id: String,
    /// TPM2B_ID_OBJECT, its size included.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub credential_blob: Vec<u8>,
    /// TPM2B_ENCRYPTED_SECRET, its size included.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub encrypted_secret: Vec<u8>,
    /// After this second the broker refuses the answer.
    pub expires_at: UnixTime,
}

/// Body of `POST tpm/activate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivateRequest {
    /// The challenge that is answered, exactly as the broker wrote it.
    pub challenge_id: String,
    /// What was in the credential.
    pub secret: SecretBytes,
}

/// Answer to `POST tpm/activate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivateResponse {
    /// The record: `activation` of the node's evidence from now on.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub activation: Vec<u8>,
    /// The last second at which it counts.
    pub expires_at: UnixTime,
}

fn each_to_base64<S: Serializer>(each: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(each.iter().map(|bytes| encoding::base64_encode(bytes)))
}

fn each_from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| encoding::base64_decode(text).map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let text = json!({"ek_public": "AAE=", "ek_certs": ["MAA="], "ak_public": "Ag=="});
        let request: CredentialRequest = serde_json::from_value(text.clone()).unwrap();
        assert_eq!((&*request.ek_public, &*request.ek_certs), (&[0, 1][..], &[vec![0x30, 0]][..]));
        assert_eq!(serde_json::to_value(&request).unwrap(), text);
        let bare = json!({"ek_public": "AAE=", "ak_public": "Ag=="});
        assert_eq!(
            serde_json::from_value::<CredentialRequest>(bare).unwrap().ek_certs,
            Vec::<Vec<u8>>::new()
        );
    }

    #[test]
    fn other_shapes_and_spellings_are_refused() {
        for wrong in [
            json!({"ek_public": "AAE="}),
            json!({"ek_public": "AAE=", "ak_public": "Ag"}),
            json!({"ek_public": "AAE=", "ak_public": "Ag==", "ek_certs": "MAA="}),
            json!({"ek_public": "AAE=", "ak_public": "Ag==", "ek_certs": ["M AA="]}),
            json!({"ek_public": "AAE=", "ak_public": "Ag==", "extra": 1}),
        ] {
            assert!(serde_json::from_value::<CredentialRequest>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let request =
            ActivateRequest { challenge_id: "c".to_owned(), secret: SecretBytes::new(vec![77; 32]) };
        assert!(!format!("{request:?}").contains("77"));
    }
}
