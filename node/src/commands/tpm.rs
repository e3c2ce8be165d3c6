//! `tpm`: what the TPM is, and how a broker comes to trust its attestation key.

use super::{ROOT, answer_denied};
use crate::args::{TpmArgs, TpmEnrollArgs, TpmShowArgs, TpmVerb};
use crate::config::{Config, ConfigError, TpmChoice};
use crate::enrolment;
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_node_attester::tpm::{Enrolment, LogChoice, Properties, Settings, Tcti};
use hanzo_node_attester::{Detected, Seen, Tpm};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(crate) async fn run(verb: TpmVerb, format: Format) -> Result<Answer, Failure> {
    match verb {
        TpmVerb::Show(args) => show(&args, format).await,
        TpmVerb::Enroll(args) => enroll(&args, format).await,
    }
}

async fn show(args: &TpmShowArgs, format: Format) -> Result<Answer, Failure> {
    let tpm = named(args.config.as_deref(), &args.tpm)?.open(Path::new(ROOT));
    let (properties, enrolment) = (tpm.properties().await?, tpm.enrolment().await?);
    match format {
        Format::Json => output::json(&description(&properties, &enrolment))?,
        Format::Table => output::result(&text(&properties, &enrolment))?,
    }
    Ok(Answer::Yes)
}

async fn enroll(args: &TpmEnrollArgs, format: Format) -> Result<Answer, Failure> {
    let mut common = args.common.clone();
    common.tpm.tpm = true;
    let config = Config::load(&common, &[], None)?;
    let client = config.client()?;
    let choice = config.tpm.as_ref().ok_or_else(|| Failure::unusable("no TPM is named"))?;
    let enrolled = match enrolment::enroll(&client, &choice.open(Path::new(ROOT))).await {
        Ok(enrolled) => enrolled,
        Err(error) => {
            let Some(refusal) = error.refusal() else { return Err(error.into()) };
            return answer_denied(&refusal, &error.to_string(), format);
        }
    };
    let (name, expires_at) = (enrolled.key.name_hex(), enrolled.expires_at);
    match format {
        Format::Json => output::json(&json!({
            "outcome": "enrolled", "attestation_key": name, "expires_at": expires_at,
        }))?,
        Format::Table => output::result(&format!("ENROLLED {name} until {expires_at}"))?,
    }
    Ok(Answer::Yes)
}

/// The TPM of the configuration, or the kernel's: a verb about the TPM needs no section to ask for it.
fn named(config: Option<&Path>, flags: &TpmArgs) -> Result<TpmChoice, ConfigError> {
    let asked = TpmArgs { tpm: true, ..flags.clone() };
    let choice = TpmChoice::read(config, &asked)?;
    choice.ok_or_else(|| ConfigError::Problems(Vec::new()))
}

fn description(properties: &Properties, Enrolment { ek, ak }: &Enrolment) -> Value {
    json!({
        "tpm": properties,
        "attestation_key": {
            "kind": ak.kind.name(),
            "name": ak.name_hex(),
            "tpmt_public": base64_encode(&ak.tpmt),
            "public_key": ak.pem,
        },
        "endorsement_key": {
            "tpmt_public": base64_encode(&ek.tpmt),
            "certificate": ek.certificate.as_deref().map(base64_encode),
        },
    })
}

fn text(properties: &Properties, Enrolment { ek, ak }: &Enrolment) -> String {
    let certificate = match &ek.certificate {
        Some(der) => format!("certified, {} bytes", der.len()),
        None => "without a certificate".to_owned(),
    };
    format!(
        "{}\nattestation key {} {}\nendorsement key {certificate}\n\n{}",
        words(properties),
        ak.kind.name(),
        ak.name_hex(),
        ak.pem.trim_end()
    )
}

/// A TPM's own words, in one line. Vendors pad theirs with blanks.
pub(crate) fn words(properties: &Properties) -> String {
    let Properties { manufacturer, vendor, firmware_version, banks, ek_certificates, .. } = properties;
    let certificates = match ek_certificates.as_slice() {
        [] => "no EK certificate".to_owned(),
        some => format!("EK certificates at {}", some.join(", ")),
    };
    let vendor = vendor.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    format!("{manufacturer} {vendor}, firmware {firmware_version}, banks {}, {certificates}", banks.join(" "))
}

/// Asks the TPM of the configuration; without one, the kernel's, if this is its machine and there is one.
pub(crate) async fn ask(choice: Option<&TpmChoice>, seen: &Detected, root: &Path) -> Seen<Properties> {
    let tpm = match choice {
        Some(choice) => choice.open(root),
        None if root == Path::new(ROOT) && seen.tpm_device.is_present() => kernels(root),
        None => return Seen::Absent,
    };
    match tpm.seen() {
        Seen::Present(()) => {}
        Seen::Absent => return Seen::Absent,
        Seen::Unreadable { path, reason } => return Seen::Unreadable { path, reason },
    }
    match tpm.properties().await {
        Ok(properties) => Seen::Present(properties),
        Err(error) => Seen::Unreadable { path: tpm.settings().tcti.to_string(), reason: error.to_string() },
    }
}

/// The kernel's TPM, to be asked and not used: its questions need no directory.
fn kernels(root: &Path) -> Tpm {
    let settings = Settings {
        tcti: Tcti::kernel(),
        state: PathBuf::from("/"),
        key: None,
        event_log: LogChoice::Off,
        ak_certs: Vec::new(),
    };
    Tpm::new(settings, root)
}
