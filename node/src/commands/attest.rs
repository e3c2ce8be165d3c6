//! `attest`: what the evidence of this machine proves, once.

use super::{ROOT, answer_denied, remark_on};
use crate::args::AttestArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::enrolment::Enrolling;
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use crate::private_file;
use hanzo_kbs_protocol::AttestResponse;
use hanzo_node_agent::attest_once;
use hanzo_node_attester::EvidenceSource as _;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(args: AttestArgs, format: Format) -> Result<Answer, Failure> {
    let config = Config::load(&args.common, &[], None)?;
    let client = config.client()?;
    let source = Enrolling::of(&config, Path::new(ROOT))?;
    remark_on(source.source());
    let answer = match attest_once(&client, &source, config.kem, &SystemClock::start()).await {
        Ok(answer) => answer,
        Err(error) => {
            let Some(refusal) = error.refusal() else { return Err(error.into()) };
            return answer_denied(&refusal, &error.to_string(), format);
        }
    };
    if let Some(path) = &args.token_file {
        private_file::write(path, answer.token.as_bytes())?;
    }
    let tpm = source.source().source().tpm().filter(|tpm| tpm.seen().is_present());
    let tpm = tpm.map(|tpm| tpm.settings().tcti.to_string());
    let identity = source.source().identity().map(|identity| identity.key_id().as_str());
    match format {
        Format::Json => output::json(&json!({
            "outcome": "attested",
            "tier": answer.tier,
            "expires_at": answer.expires_at,
            "source": source.name(),
            "tpm": tpm,
            "identity": identity,
            "findings": answer.findings,
            "next_tier": answer.next_tier,
            "token_file": args.token_file,
        }))?,
        Format::Table => output::result(&text(&answer, source.name(), tpm.as_deref(), identity))?,
    }
    Ok(Answer::Yes)
}

fn text(answer: &AttestResponse, source: &str, tpm: Option<&str>, identity: Option<&str>) -> String {
    let quoted = tpm.map(|tcti| format!(", TPM {tcti}")).unwrap_or_default();
    let signed = identity.map(|key_id| format!(", identity {key_id}")).unwrap_or_default();
    let missing = answer.next_tier.iter().flat_map(|next| {
        next.missing.iter().map(move |missing| format!("\nnot tier {}: {missing}", next.tier))
    });
    let head = format!(
        "ATTESTED tier {} until {} (evidence from {source}{quoted}{signed}){}",
        answer.tier,
        answer.expires_at,
        missing.collect::<String>()
    );
    if answer.findings.is_empty() {
        return head;
    }
    let field = |finding: &Value, name: &str| {
        finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let rows = answer
        .findings
        .iter()
        .map(|finding| ["severity", "rule", "code", "message"].map(|name| field(finding, name)));
    format!("{head}\n{}", output::table(["severity", "rule", "code", "message"], rows))
}
