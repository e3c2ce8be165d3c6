//! What a configuration trusts, as one document: what people agree to when they agree to a configuration.
//!
//! It says what the configuration adds to the program: roots and keys by their fingerprints, thresholds and waivers
//! as they are stated, and who decides together. What the program itself brings, the vendors' roots and the default
//! thresholds, is not in it, so that a newer program has the same document. Neither are vendor data, which carry
//! signatures of their own, nor addresses, files and limits.

use crate::config::{AttestationConfig, Config};
use crate::serve::{StartError, read_bounded, read_grounds, read_quorum};
use aws_lc_rs::digest;
use hanzo_attestation::identity::PublicKey;
use hanzo_attestation::roots::{AkId, TpmCa, TrustedAk};
use hanzo_attestation::{Revocation, RimHold, Roots};
use hanzo_attestation_collateral::bundle::BundleKey;
use hanzo_attestation_collateral::{read_tpm_cas, read_trusted_ak};
use hanzo_attestation_evidence::{Hex, json};
use hanzo_kbs_protocol::changes::{
    TrustDocument, TrustPerson, TrustQuorum, TrustScope, canonical, pem_block,
};
use hanzo_kbs_vault::{Quorum, Scope};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The document of a configuration, whose files are read for it, in its RFC 8785 form.
///
/// # Errors
/// [`StartError`].
pub fn of(config: &Config) -> Result<String, StartError> {
    let grounds = read_grounds(&config.attestation)?;
    document(config, &grounds.roots, &read_quorum(&config.quorum)?)
}

/// The document of a configuration whose roots and people are read.
pub(crate) fn document(config: &Config, roots: &Roots, quorum: &Quorum) -> Result<String, StartError> {
    let attestation = &config.attestation;
    let value = json!({
        "format": TrustDocument::FORMAT,
        "environment": config.environment.name(),
        "extra_roots": extra_roots(roots),
        "tpm": tpm(attestation)?,
        "identities": identities(attestation),
        "appraisal": exact(attestation.stated_appraisal.clone()),
        "revocation": match &attestation.revocation {
            Revocation::Required => json!("required"),
            Revocation::Waived { reason } => json!({"waived": reason}),
        },
        "second_opinion": attestation.second_opinion,
        "nvidia_rim_hold": match attestation.nvidia_rim_hold {
            RimHold::Refuse => "refuse",
            RimHold::Accept => "accept",
        },
        "device_sessions": attestation.devices.sessions.name(),
        "gpu_inventory": attestation.devices.inventory.name(),
        "collateral": collateral(attestation)?,
        "quorum": self::quorum(quorum),
    });
    canonical(&value).map_err(|_| StartError::TrustDocument("it has no RFC 8785 form"))
}

/// Fingerprints of what the folder of extra roots brings.
fn extra_roots(roots: &Roots) -> Value {
    let amd = roots.amd().iter().filter(|root| root.is_lab()).map(|root| Hex(*root.sha256()));
    let intel = roots.intel().iter().filter(|root| root.is_lab()).map(|root| Hex(*root.certificate_sha256()));
    let nvidia = roots.nvidia().iter().filter(|root| root.is_lab()).map(|root| Hex(*root.sha256()));
    let rims = roots.nvidia_rim().iter().filter(|root| root.is_lab());
    let rims = rims.map(|root| Hex(*root.certificate_sha256()));
    let tpm = roots.tpm();
    let keys = tpm.keys().iter().filter(|key| key.is_lab()).map(ak);
    let authorities = tpm.cas().iter().chain(tpm.manufacturers()).filter(|ca| ca.is_lab()).map(authority);
    json!({
        "amd": sorted(amd.map(|hash| hash.to_string())),
        "intel": sorted(intel.map(|hash| hash.to_string())),
        "nvidia": sorted(nvidia.map(|hash| hash.to_string())),
        "nvidia_rim": sorted(rims.map(|hash| hash.to_string())),
        "tpm_keys": sorted(keys),
        "tpm_authorities": sorted(authorities),
    })
}

/// What makes a TPM's attestation key trusted, from the files that are named: a store brings authorities as well,
/// which its bundle keys vouch for.
fn tpm(attestation: &AttestationConfig) -> Result<Value, StartError> {
    let config = &attestation.tpm;
    let mut keys = Vec::new();
    for path in &config.trusted_aks {
        keys.push(ak(&read_trusted_ak(path)?));
    }
    keys.extend(config.trusted_ak_names.iter().map(|name| ak(&TrustedAk::new(AkId::Name(name.clone())))));
    let authorities = |paths: &[PathBuf]| -> Result<Vec<String>, StartError> {
        let mut found = Vec::new();
        for path in paths {
            found.extend(read_tpm_cas(path)?.iter().map(authority));
        }
        Ok(sorted(found))
    };
    Ok(json!({
        "trusted_aks": sorted(keys),
        "ak_cas": authorities(&config.ak_cas)?,
        "ak_cas_any_usage": authorities(&config.ak_cas_any_usage)?,
        "ek_roots": authorities(&config.ek_roots)?,
        "trusted_eks": sorted(config.trusted_eks.iter().map(ToString::to_string)),
    }))
}

fn ak(key: &TrustedAk) -> String {
    match key.id() {
        AkId::Spki(digest) => format!("spki:{digest}"),
        AkId::Name(name) => format!("name:{}", hex::encode(name.as_bytes())),
    }
}

fn authority(ca: &TpmCa) -> String {
    sha256(ca.der())
}

/// Registered keys: tier 1.
fn identities(attestation: &AttestationConfig) -> Value {
    let keys = attestation.identities.iter().map(|key| {
        let (algorithm, bytes) = match &key.public_key {
            PublicKey::Ed25519(bytes) => ("ed25519", bytes.as_slice()),
            PublicKey::P256(bytes) => ("p256", bytes.as_slice()),
        };
        (key.key_id.clone(), json!({"algorithm": algorithm, "key_sha256": sha256(bytes)}))
    });
    Value::Object(keys.collect())
}

/// Who fills the store, and how long what they filled in counts.
fn collateral(attestation: &AttestationConfig) -> Result<Value, StartError> {
    let Some(store) = &attestation.store else { return Ok(Value::Null) };
    let mut keys = Vec::new();
    for path in &store.keys {
        let unusable = |reason: String| StartError::BundleKey { path: path.clone(), reason };
        let key = BundleKey::from_pem(&read_bounded(path)?).map_err(|error| unusable(error.to_string()))?;
        let spki = pem_block(key.to_pem().as_bytes(), "PUBLIC KEY");
        keys.push(sha256(&spki.ok_or_else(|| unusable("it has no encoding".to_owned()))?));
    }
    let grace = store.grace.as_secs() / 86_400;
    Ok(json!({"keys": sorted(keys), "threshold": store.threshold, "grace_days": grace}))
}

fn quorum(quorum: &Quorum) -> TrustQuorum {
    let people =
        quorum.fingerprints().map(|(name, key_sha256)| TrustPerson { name: name.to_owned(), key_sha256 });
    let mut scopes: Vec<TrustScope> = quorum.scopes().iter().map(scope).collect();
    scopes.sort_by(|a, b| a.name.cmp(&b.name));
    TrustQuorum { people: people.collect(), scopes }
}

fn scope(scope: &Scope) -> TrustScope {
    let mut changes = scope.changes.clone();
    changes.sort_unstable();
    changes.dedup();
    TrustScope {
        name: scope.name.clone(),
        changes,
        names: sorted(scope.names.iter().map(ToString::to_string)),
        minimum_tier: scope.minimum_tier,
        approvals: scope.approvals,
        wait_seconds: scope.wait.as_secs(),
        break_glass_approvals: scope.break_glass,
    }
}

fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Numbers that not every reader of JSON holds exactly become texts: two thresholds never have one spelling.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) if !json::is_exact(&number) => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().map(exact).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, exact(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
