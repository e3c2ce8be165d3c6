//! `doctor`: everything that would keep a broker from releasing keys, looked at before it has to.

use crate::clock::Clock;
use crate::config::{Config, ConfigError, QuorumConfig};
use crate::rules;
use crate::serve::{read_admin_token, read_grounds, read_quorum};
use crate::tls;
use crate::trust;
use hanzo_attestation::{Revocation, Roots};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_vault::{
    DeviceRules, DeviceSessions, GpuInventory, KeyFileSeal, Quorum, ReferenceSet, Rng, Store, Vault,
};
use hanzo_policy::Policies;
use serde::Serialize;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub check: &'static str,
    /// Whether it is in order.
    pub ok: bool,
    /// What was found.
    pub found: String,
}

fn outcome<T>(
    check: &'static str,
    result: Result<T, impl Display>,
    found: impl FnOnce(T) -> String,
) -> Check {
    match result {
        Ok(value) => Check { check, ok: true, found: found(value) },
        Err(error) => Check { check, ok: false, found: error.to_string() },
    }
}

/// Looks at an installation. Nothing is changed, and nothing secret is printed.
pub async fn doctor(path: &Path, clock: &dyn Clock, rng: Arc<dyn Rng>) -> Vec<Check> {
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(ConfigError::Mistaken { mistakes }) => {
            let wrong =
                |mistake: &dyn Display| Check { check: "config", ok: false, found: mistake.to_string() };
            return mistakes.iter().map(|mistake| wrong(mistake)).collect();
        }
        Err(error) => return vec![outcome("config", Err::<(), _>(error), |()| String::new())],
    };
    let environment = config.environment.name();
    let mut checks = vec![
        Check { check: "config", ok: true, found: format!("environment {environment}") },
        outcome("clock", clock.now(), |now| now.to_string()),
        outcome("tls", tls::from_files(&config.tls.cert, &config.tls.key), |_| {
            "certificate and key fit".to_owned()
        }),
        outcome("admin token", read_admin_token(&config.admin_token), |_| {
            "readable by its owner only".to_owned()
        }),
        outcome("attestation", read_grounds(&config.attestation), |grounds| {
            let roots = &grounds.roots;
            let lab = if roots.is_lab() { ", extra roots" } else { "" };
            format!(
                "{} AMD roots, {} Intel roots{lab}; {}",
                roots.amd().len(),
                roots.intel().len(),
                tpms(roots)
            )
        }),
        revocation(&config),
        devices(&config),
    ];
    if config.quorum != QuorumConfig::default() {
        checks.push(outcome("quorum", read_quorum(&config.quorum), |quorum| scopes(&quorum)));
    }
    checks.extend(vault(&config, rng, clock.now().ok()).await);
    checks
}

/// Who decides about what.
fn scopes(quorum: &Quorum) -> String {
    let people = quorum.people().count();
    let scopes =
        quorum.scopes().iter().map(|scope| format!("{} ({} approvals)", scope.name, scope.approvals));
    format!("{people} people; scopes: {}", scopes.collect::<Vec<_>>().join(", "))
}

/// What makes a TPM's quote worth something.
fn tpms(roots: &Roots) -> String {
    let tpm = roots.tpm();
    format!(
        "TPM: {} attestation keys and {} authorities over them; activation for {} endorsement keys and below {} \
         authorities over them",
        tpm.keys().len(),
        tpm.cas().len(),
        tpm.endorsement_keys().len(),
        tpm.manufacturers().len()
    )
}

/// Without revocation lists, required revocation refuses every SEV-SNP report: better to hear it here.
fn revocation(config: &Config) -> Check {
    let lists = config.attestation.amd_crls.len();
    let extra = config.attestation.extra_roots.is_some();
    let store = config.attestation.store.is_some();
    let (ok, found) = match &config.attestation.revocation {
        Revocation::Waived { reason } => (true, format!("waived: {reason}")),
        Revocation::Required if lists == 0 && !extra && !store => (
            false,
            "required, and neither `attestation.amd_crls` nor a store: every SEV-SNP report will be refused"
                .to_owned(),
        ),
        Revocation::Required => (true, format!("required, {lists} AMD lists")),
    };
    Check { check: "revocation", ok, found }
}

/// What may be shown by two machines at once is worth a warning, and no reason not to start.
fn devices(config: &Config) -> Check {
    let DeviceRules { sessions, inventory } = config.attestation.devices;
    let (sessions, inventory) = (
        match sessions {
            DeviceSessions::One => "a device is in one holder's sessions",
            DeviceSessions::Any => {
                "WARNING: device_sessions = \"any\": one device may serve several machines at once"
            }
        },
        match inventory {
            GpuInventory::Any => "a machine may show any devices",
            GpuInventory::Tofu => "a machine shows the devices that it showed first",
            GpuInventory::Pinned => "a machine shows the devices that it is paired with",
        },
    );
    Check { check: "devices", ok: true, found: format!("{sessions}; {inventory}") }
}

/// How many reference values have expired, or will within 30 days: what ages is no fault, and better known.
fn ages(sets: &[ReferenceSet], now: UnixTime) -> String {
    let soon = now.after(Duration::from_secs(30 * 24 * 3600));
    let ends = sets.iter().flat_map(|set| &set.values).filter_map(|value| value.expires_at);
    let (expired, ageing): (Vec<_>, Vec<_>) = ends.filter(|end| *end <= soon).partition(|end| *end <= now);
    match (expired.len(), ageing.len()) {
        (0, 0) => String::new(),
        (expired, ageing) => format!(", {expired} expired, {ageing} expire within 30 days"),
    }
}

/// Whether the broker would start by this configuration.
async fn trust(config: &Config, vault: &Vault) -> Check {
    let document = match trust::of(config) {
        Ok(document) => document,
        Err(error) => return outcome("trust", Err::<(), _>(error), |()| String::new()),
    };
    match vault.trust().await {
        Ok(None) => {
            Check { check: "trust", ok: true, found: "the first start adopts the document".to_owned() }
        }
        Ok(Some(approved)) => outcome("trust", approved.is_adopted(&document), |same| {
            let version = approved.version;
            if same {
                format!("the configuration is the approved one, version {version}")
            } else {
                let difference = approved.difference(&document);
                format!(
                    "no scope covers it: the next start adopts it in place of version {version}: {difference}"
                )
            }
        }),
        Err(error) => outcome("trust", Err::<(), _>(error), |()| String::new()),
    }
}

async fn vault(config: &Config, rng: Arc<dyn Rng>, now: Option<UnixTime>) -> Vec<Check> {
    if !config.sqlite.exists() {
        let found = format!("{} does not exist: run `hanzo-kbs init`", config.sqlite.display());
        return vec![Check { check: "store", ok: false, found }];
    }
    let store = match Store::open(&config.sqlite, rng).await {
        Ok(store) => store,
        Err(error) => return vec![outcome("store", Err::<(), _>(error), |()| String::new())],
    };
    let mut checks = vec![Check { check: "store", ok: true, found: config.sqlite.display().to_string() }];
    let seal = match KeyFileSeal::read(&config.seal_key) {
        Ok(seal) => seal,
        Err(error) => {
            checks.push(outcome("seal", Err::<(), _>(error), |()| String::new()));
            return checks;
        }
    };
    let vault = match store.unseal(&seal).await {
        Ok(vault) => vault,
        Err(error) => {
            checks.push(outcome("seal", Err::<(), _>(error), |()| String::new()));
            return checks;
        }
    };
    checks.push(Check { check: "seal", ok: true, found: "the key file opens the vault".to_owned() });
    checks.push(match vault.policies().await {
        Ok(policies) => {
            let count = policies.len();
            let sources: Vec<_> = policies.into_iter().map(rules::source).collect();
            let compiled = Policies::compile(&sources);
            let first = |problems: Vec<hanzo_policy::PolicyProblem>| {
                problems
                    .into_iter()
                    .next()
                    .map_or_else(String::new, |p| format!("{}: {}", p.policy, p.message))
            };
            outcome("policies", compiled.map_err(first), |_| format!("{count} compile together"))
        }
        Err(error) => outcome("policies", Err::<(), _>(error), |()| String::new()),
    });
    match vault.broken_glass().await {
        Ok(broken) if broken.is_empty() => {}
        Ok(broken) => {
            let ids = broken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let found = format!("applied without their quorum, and not acknowledged: {ids}");
            checks.push(Check { check: "break glass", ok: false, found });
        }
        Err(error) => checks.push(outcome("break glass", Err::<(), _>(error), |()| String::new())),
    }
    checks.push(trust(config, &vault).await);
    checks.push(match vault.references().await {
        Ok(sets) => {
            let ages = now.map(|now| ages(&sets, now)).unwrap_or_default();
            outcome("references", rules::index(sets), |index| format!("{} values{ages}", index.len()))
        }
        Err(error) => outcome("references", Err::<(), _>(error), |()| String::new()),
    });
    checks
}
