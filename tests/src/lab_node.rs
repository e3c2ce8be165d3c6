//! A node made of lab evidence: asks a broker for keys over raw HTTP, as a hostile or an honest caller.

use crate::http::Http;
use anyhow::{Context, Result, ensure};
use hanzo_attestation_evidence::{Kem, UnixTime};
use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_kbs_protocol::handshake::open_answer;
use hanzo_kbs_protocol::{AuthorizeResponse, Challenge, ExpectChallenge, RecipientKeyPair};
use serde_json::{Value, json};

/// One recipient key, and the lab that signs for it.
pub struct LabNode {
    lab: Lab,
    keys: RecipientKeyPair,
    order: SnpOrder,
}

impl LabNode {
    /// A node whose evidence follows an order; its report data is filled in.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn new(order: SnpOrder) -> Result<Self> {
        Ok(Self { lab: Lab::fixture(), keys: RecipientKeyPair::generate(Kem::X25519HkdfSha256)?, order })
    }

    /// Asks for a challenge.
    ///
    /// # Errors
    /// When the broker does not give one.
    pub fn challenge(&self, http: &Http) -> Result<Challenge> {
        let (status, body) = http.post("/kbs/v1/challenge", &json!({}))?;
        ensure!(status == 200, "challenge: {status} {body}");
        Ok(serde_json::from_value(body)?)
    }

    /// The evidence array for a challenge.
    ///
    /// # Errors
    /// When the lab cannot sign.
    pub fn evidence(&self, challenge: &Challenge) -> Result<Value> {
        let expect = ExpectChallenge::new(&self.keys, None).challenge(challenge, challenge.expires_at)?;
        let report_data = *expect.binding().cpu_report_data();
        let item = self.lab.snp(&SnpOrder { report_data, ..self.order.clone() })?;
        Ok(json!([item]))
    }

    /// A complete `authorize` request.
    ///
    /// # Errors
    /// As [`LabNode::challenge`] and [`LabNode::evidence`].
    pub fn request(&self, http: &Http, keys: &[&str]) -> Result<Value> {
        let challenge = self.challenge(http)?;
        Ok(json!({
            "nonce": challenge.nonce,
            "recipient": self.keys.recipient(),
            "evidence": self.evidence(&challenge)?,
            "keys": keys,
        }))
    }

    /// Opens the first key of an answer.
    ///
    /// # Errors
    /// When the answer is no release to this node.
    pub fn open(&self, answer: Value, key: &str) -> Result<Vec<u8>> {
        let answer: AuthorizeResponse = serde_json::from_value(answer)?;
        let session = open_answer(&self.keys, &answer, &[key.to_owned()], UnixTime::from_seconds(0)?)?;
        Ok(session.keys.first().context("no key")?.material.to_vec())
    }
}
