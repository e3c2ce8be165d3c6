//! `config show`: the configuration in effect, defaults included. Secrets appear as the names of their files.

use super::{Config, QuorumConfig};
use hanzo_attestation::{Revocation, RimHold};
use hanzo_attestation_evidence::tpm::Name;
use serde_json::{Value, json};

/// The configuration as one JSON object.
#[must_use]
pub fn show(config: &Config) -> Value {
    let attestation = &config.attestation;
    let revocation = match &attestation.revocation {
        Revocation::Required => json!("required"),
        Revocation::Waived { reason } => json!({"waived": reason}),
    };
    json!({
        "environment": config.environment.name(),
        "listen": config.listen.to_string(),
        "public_url": config.public_url,
        "http": {"listen": config.plain_listen.map(|a| a.to_string())},
        "tls": {"cert": config.tls.cert, "key": {"file": config.tls.key}},
        "store": {"sqlite": config.sqlite},
        "seal": {"key": {"file": config.seal_key}},
        "admin": {"listen": config.admin_listen.to_string(), "token": {"file": config.admin_token}},
        "quorum": quorum(&config.quorum),
        "attestation": {
            "profile": "strict",
            "revocation": revocation,
            "second_opinion": attestation.second_opinion,
            "amd_crls": attestation.amd_crls,
            "nvidia_rims": attestation.nvidia_rims,
            "nvidia_crls": attestation.nvidia_crls,
            "nvidia_rim_hold": match attestation.nvidia_rim_hold {
                RimHold::Refuse => "refuse",
                RimHold::Accept => "accept",
            },
            "collateral": attestation.store.as_ref().map(|store| json!({
                "store": store.directory,
                "keys": store.keys,
                "threshold": store.threshold,
                "reload_seconds": store.reload.as_secs(),
                "grace_days": store.grace.as_secs() / 86_400,
            })),
            "tpm": {
                "trusted_aks": attestation.tpm.trusted_aks,
                "trusted_ak_names": attestation.tpm.trusted_ak_names.iter().map(hex_name).collect::<Vec<_>>(),
                "ak_cas": attestation.tpm.ak_cas,
                "ak_cas_any_usage": attestation.tpm.ak_cas_any_usage,
                "ek_roots": attestation.tpm.ek_roots,
                "trusted_eks": attestation.tpm.trusted_eks,
            },
            "device_sessions": attestation.devices.sessions.name(),
            "gpu_inventory": attestation.devices.inventory.name(),
            "cache_entries": attestation.cache_entries,
            "extra_roots": attestation.extra_roots.as_ref().map(|dir| &dir.0),
            "identities": attestation.identities.iter().map(|key| &key.key_id).collect::<Vec<_>>(),
        },
        "limits": {
            "challenge_seconds": config.limits.challenge.as_secs(),
            "token_seconds": config.limits.token.as_secs(),
            "session_seconds": config.limits.session.as_secs(),
            "activation_seconds": config.limits.activation.as_secs(),
            "verifications": config.limits.verifications,
            "requests": config.limits.requests,
            "explain_days": config.limits.explain_days,
            "refused_proofs": config.limits.refused_proofs,
        },
    })
}

fn quorum(quorum: &QuorumConfig) -> Value {
    let people =
        quorum.people.iter().map(|person| json!({"name": person.name, "public_key": person.public_key}));
    let scopes = quorum.scopes.iter().map(|scope| {
        json!({
            "name": scope.name,
            "changes": scope.changes,
            "names": scope.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "minimum_tier": scope.minimum_tier,
            "approvals": scope.approvals,
            "wait_seconds": scope.wait.as_secs(),
            "break_glass_approvals": scope.break_glass,
        })
    });
    json!({"people": people.collect::<Vec<_>>(), "scopes": scopes.collect::<Vec<_>>()})
}

fn hex_name(name: &Name) -> String {
    hex::encode(name.as_bytes())
}
