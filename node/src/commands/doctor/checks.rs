//! The single checks.

use super::{Check, Verdict};
use crate::clock::SystemClock;
use crate::commands::ROOT;
use crate::config::{Config, SourceChoice};
use hanzo_attestation_evidence::{Binding, UnixTime};
use hanzo_kbs_client::{Client, ClientError, Health, Readiness};
use hanzo_kbs_protocol::RecipientKeyPair;
use hanzo_node_agent::Clock as _;
use hanzo_node_agent::local::{LocalClient, LocalError};
use hanzo_node_agent::status::Trouble;
use hanzo_node_attester::{CollectError, EvidenceSource as _, Source, detect};
use serde_json::Value;
use std::path::Path;

/// A broker's challenge lives for minutes. One that ends later than this means that the two clocks differ.
const LONGEST_CHALLENGE: i64 = 15 * 60;

pub(super) fn configuration(config: &Config) -> Check {
    let keys = config.keys.len();
    Check::ok(
        "configuration",
        format!("source {}, {keys} keys for the agent, recipient key {}", config.source, config.kem.name()),
    )
}

/// Reachability, readiness, lab, clock: as far as the broker answers.
pub(super) async fn broker(config: &Config) -> Vec<Check> {
    let client = match config.client() {
        Ok(client) => client,
        Err(failure) => {
            return vec![Check::new(
                "broker",
                Verdict::Fail,
                failure.message(),
                "set kbs.addr and kbs.ca_cert in the configuration, or KBS_ADDR and KBS_CACERT",
            )];
        }
    };
    let health = match client.health().await {
        Ok(health) => health,
        Err(error) => return vec![unanswered(&error)],
    };
    vec![identity(&client, &health), readiness(&client).await, clock(&client).await]
}

fn unanswered(error: &ClientError) -> Check {
    let (verdict, cure) = match error {
        ClientError::Tls { .. } => (
            Verdict::Fail,
            "set kbs.ca_cert to the authority that signed the broker's certificate, and use a name that is in it",
        ),
        ClientError::Unreachable { .. } => {
            (Verdict::Unreachable, "start the broker, and check host and port of kbs.addr and the firewall")
        }
        ClientError::Timeout { .. } => (Verdict::Unreachable, "check the network, and the broker's load"),
        _ => (Verdict::Fail, "check that kbs.addr is a broker and no other server"),
    };
    Check::new("broker", verdict, error.to_string(), cure)
}

fn identity(client: &Client, health: &Health) -> Check {
    let detail =
        format!("{} version {}, environment {}", client.address(), health.version, health.environment);
    if health.lab {
        let cure = "give no secret that matters to a broker that accepts lab evidence";
        return Check::new("broker", Verdict::Warn, format!("{detail}; it accepts lab evidence"), cure);
    }
    Check::ok("broker", detail)
}

async fn readiness(client: &Client) -> Check {
    match client.ready().await {
        Ok(Readiness::Ready) => Check::ok("readiness", "it can release keys"),
        Ok(Readiness::NotReady) => {
            let cure = "unseal it (`hanzo-kbs unseal`), or look at its log: its store may not answer";
            Check::new("readiness", Verdict::Fail, "it cannot release keys now", cure)
        }
        Err(error) => unanswered(&error),
    }
}

async fn clock(client: &Client) -> Check {
    match client.challenge().await {
        Ok(challenge) => clock_beside(challenge.expires_at, SystemClock::start().now()),
        Err(error) => Check::new(
            "clock",
            Verdict::Fail,
            format!("no challenge to compare with: {error}"),
            "cure the broker first",
        ),
    }
}

/// A fresh challenge ends a little after now, if both clocks are right.
fn clock_beside(expires_at: UnixTime, now: UnixTime) -> Check {
    let ahead = expires_at.seconds().saturating_sub(now.seconds());
    let detail = format!("here it is {now}; a challenge given now ends at {expires_at}");
    if (1..=LONGEST_CHALLENGE).contains(&ahead) {
        return Check::ok("clock", detail);
    }
    Check::new("clock", Verdict::Fail, detail, "set both clocks by NTP (e.g. chrony)")
}

pub(super) async fn evidence(config: &Config) -> Check {
    const CHECK: &str = "evidence";
    let source = config.hardware(Path::new(ROOT));
    if matches!(source, Source::Nothing) {
        if config.tpm.as_ref().is_some_and(|tpm| tpm.settings.tcti.seen().is_present()) {
            return Check::ok(
                CHECK,
                "the TPM's quote alone: tier 2 can be proved for keys that demand no CPU TEE",
            );
        }
        return without_hardware(config.identity.is_some(), &detect(Path::new(ROOT)).missing(2));
    }
    let binding = match probe(config) {
        Ok(binding) => binding,
        Err(reason) => return Check::new(CHECK, Verdict::Fail, reason, "check the system's random source"),
    };
    match source.collect(&binding).await {
        Ok(document) => collected(source.name(), &document, &config.source),
        Err(error) => Check::new(CHECK, Verdict::Fail, format!("{}: {error}", source.name()), cure(&error)),
    }
}

/// Who has configured an identity has chosen tier 1; who has nothing is told.
fn without_hardware(identity: bool, missing: &str) -> Check {
    const CHECK: &str = "evidence";
    if identity {
        return Check::ok(
            CHECK,
            format!("the identity alone: tier 1 can be proved, and no more ({missing})"),
        );
    }
    Check::new(
        CHECK,
        Verdict::Warn,
        format!("none: only tier 0 can be proved ({missing})"),
        "run in an SEV-SNP or TDX guest whose kernel has configfs-tsm (6.7 or later), or register a key for \
         tier 1 (`hanzo-node identity create`)",
    )
}

/// A binding to no challenge: what it is collected for is thrown away.
pub(super) fn probe(config: &Config) -> Result<Binding, String> {
    let pair = RecipientKeyPair::generate(config.kem).map_err(|error| error.to_string())?;
    Binding::new("doctor", pair.recipient(), None, &[]).map_err(|error| error.to_string())
}

fn collected(name: &str, document: &Value, choice: &SourceChoice) -> Check {
    const CHECK: &str = "evidence";
    let items = document.get("evidence").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let kinds: Vec<&str> = items.iter().filter_map(|item| item.get("type").and_then(Value::as_str)).collect();
    let detail = format!("{name} gives {}", kinds.join(", "));
    let bare =
        items.iter().any(|item| item.get("certs").and_then(Value::as_array).is_some_and(Vec::is_empty));
    if bare {
        return Check::new(
            CHECK,
            Verdict::Warn,
            format!("{detail}, without a certificate of the chip's key"),
            "let the host load the VCEK chain (`snphost import`), or give it to the broker as collateral",
        );
    }
    if matches!(choice, SourceChoice::LabSocket(_)) {
        return Check::new(
            CHECK,
            Verdict::Warn,
            format!("{detail}, from a lab"),
            "use source = \"auto\" on a machine with the hardware",
        );
    }
    Check::ok(CHECK, detail)
}

fn cure(error: &CollectError) -> &'static str {
    match error {
        CollectError::Unavailable { .. } => {
            "run as a user that may use it (root, unless a udev rule says otherwise), or choose another source"
        }
        CollectError::Read { .. } | CollectError::Write { .. } | CollectError::NotANumber { .. } => {
            "look at the kernel's log (`dmesg`): the guest driver says why"
        }
        CollectError::GenerationRace { .. } => "find the other program that asks for reports in our entry",
        CollectError::UnsupportedProvider { .. } => "this machine's kind of guest comes with a later version",
        CollectError::Device { .. } | CollectError::FirmwareStatus { .. } => {
            "look at the kernel's log, and ask the host's operator: its firmware or hypervisor refused"
        }
        CollectError::CertTable(_) | CollectError::TooLarge { .. } => {
            "ask the host's operator to load the certificates anew"
        }
        CollectError::LabRefused { .. }
        | CollectError::LabAnswer { .. }
        | CollectError::LabTimeout { .. } => "look at what `hanzo-lab serve` says",
        CollectError::Tpm(error) => super::tpm::cure(error),
        CollectError::Gpu(error) => super::gpu::cure(error),
        CollectError::NotActivated { .. } => "see what `hanzo-node tpm enroll` says",
        CollectError::ProviderMismatch { .. }
        | CollectError::ReportDataMismatch
        | CollectError::ReportSize { .. }
        | CollectError::NoDocument { .. }
        | CollectError::IdentitySignature { .. }
        | CollectError::Binding(_)
        | CollectError::Interrupted => "try again; if it stays, the kernel's driver is at fault",
    }
}

/// The agent, where one is configured.
pub(super) async fn agent(config: &Config) -> Option<Check> {
    const CHECK: &str = "agent";
    let path = config.socket.as_ref()?;
    Some(match LocalClient::new(path).status().await {
        Ok(status) => match (status.session, status.trouble) {
            (Some(session), _) => Check::ok(
                CHECK,
                format!(
                    "holds {} keys at tier {} until {}",
                    session.keys.len(),
                    session.tier,
                    session.expires_at
                ),
            ),
            (None, Some(refused @ Trouble::Refused { .. })) => Check::new(
                CHECK,
                Verdict::Fail,
                format!("runs without a session: {refused}"),
                "ask the broker's operator for the reason (`kbsctl audit list`)",
            ),
            (None, Some(trouble)) => Check::new(
                CHECK,
                Verdict::Fail,
                format!("runs without a session: {trouble}"),
                "cure what the checks above say; the agent tries again by itself",
            ),
            (None, None) => Check::new(CHECK, Verdict::Warn, "is about to ask for a session", "wait"),
        },
        Err(error @ LocalError::Untrusted { .. }) => Check::new(
            CHECK,
            Verdict::Fail,
            error.to_string(),
            "put the socket in a directory of mode 700 that belongs to the agent's user",
        ),
        Err(error) => {
            Check::new(CHECK, Verdict::Warn, error.to_string(), "start it: `hanzo-node agent --config FILE`")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    #[test]
    fn clocks_that_differ_are_told() {
        assert_eq!(clock_beside(at(1300), at(1000)).verdict, Verdict::Ok);
        for expires_at in [1000, 400, 1901] {
            let check = clock_beside(at(expires_at), at(1000));
            assert_eq!(check.verdict, Verdict::Fail);
            assert!(check.cure.is_some());
        }
    }

    #[test]
    fn evidence_without_a_certificate_or_from_a_lab_is_told() {
        let with = |certs: Value| json!({"evidence": [{"type": "sev-snp", "certs": certs}]});
        assert_eq!(collected("x", &with(json!(["a"])), &SourceChoice::Auto).verdict, Verdict::Ok);
        assert_eq!(collected("x", &with(json!([])), &SourceChoice::Auto).verdict, Verdict::Warn);
        let lab = SourceChoice::LabSocket("/l".into());
        assert_eq!(collected("x", &with(json!(["a"])), &lab).verdict, Verdict::Warn);
    }

    #[test]
    fn without_hardware_only_an_identity_is_enough() {
        let (with, without) = (without_hardware(true, "x"), without_hardware(false, "x"));
        assert_eq!((with.verdict, without.verdict), (Verdict::Ok, Verdict::Warn));
        assert!(without.cure.is_some_and(|cure| cure.contains("identity create")));
    }

    #[test]
    fn a_tls_failure_and_silence_have_their_own_cures() {
        let tls = unanswered(&ClientError::Tls { reason: String::new() });
        let silence = unanswered(&ClientError::Unreachable { reason: String::new() });
        assert_eq!((tls.verdict, silence.verdict), (Verdict::Fail, Verdict::Unreachable));
        assert_ne!(tls.cure, silence.cure);
    }
}
