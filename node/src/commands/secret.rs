//! `secret get`: one key, to a pipe or a private file.

use super::{ROOT, denied, denied_value, remark_on};
use crate::args::SecretArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::enrolment::Enrolling;
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use crate::private_file;
use hanzo_attestation_evidence::UnixTime;
use hanzo_node_agent::local::{LocalClient, LocalError};
use hanzo_node_agent::{Refusal, authorize_once};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use zeroize::Zeroizing;

/// A key, and what is known about it.
struct Granted {
    material: Zeroizing<Vec<u8>>,
    version: u64,
    tier: u8,
    expires_at: UnixTime,
}

/// What came of asking.
enum Outcome {
    Granted(Granted),
    Denied(Refusal, String),
}

pub(crate) async fn run(args: SecretArgs, format: Format) -> Result<Answer, Failure> {
    if args.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::unusable("a key is not printed on a terminal: use --out FILE, or a pipe"));
    }
    let config = Config::load(&args.common, std::slice::from_ref(&args.key), args.socket.as_deref())?;
    let outcome = match &config.socket {
        Some(socket) if !args.once => from_agent(socket, &args.key).await?,
        _ => from_broker(&config).await?,
    };
    match outcome {
        Outcome::Granted(granted) => {
            match &args.out {
                Some(path) => private_file::write(path, &granted.material)?,
                None => output::raw(&granted.material)?,
            }
            say(args.out.is_some(), &granted_line(&args.key, &granted, format))?;
            Ok(Answer::Yes)
        }
        Outcome::Denied(refusal, message) => {
            // Never to a stdout that is taken for a key.
            say(args.out.is_some(), &denied_line(&refusal, format))?;
            output::remark(&message);
            Ok(Answer::No)
        }
    }
}

/// The line about a key goes to stdout only if the key does not.
fn say(to_stdout: bool, line: &str) -> Result<(), Failure> {
    if to_stdout {
        return output::result(line);
    }
    output::remark(line);
    Ok(())
}

async fn from_agent(socket: &Path, key: &str) -> Result<Outcome, Failure> {
    let agent = LocalClient::new(socket);
    let material = match agent.secret(key).await {
        Ok(material) => material,
        Err(LocalError::Refused { code, detail }) => {
            return Ok(Outcome::Denied(Refusal { code, decision: None }, detail));
        }
        Err(error) => return Err(error.into()),
    };
    // The key was there a moment ago: a session that ended since gave it rightly, and is said to have ended.
    let status = agent.status().await?;
    let session = status.session.ok_or_else(|| Failure::no("the session ended meanwhile"))?;
    let info = session.keys.iter().find(|info| info.key_id == key);
    let info = info.ok_or_else(|| Failure::no("the grant of this key ended meanwhile"))?;
    let (version, expires_at) = (info.version, info.expires_at);
    Ok(Outcome::Granted(Granted { material, version, tier: session.tier, expires_at }))
}

async fn from_broker(config: &Config) -> Result<Outcome, Failure> {
    let client = config.client()?;
    let source = Enrolling::of(config, Path::new(ROOT))?;
    remark_on(source.source());
    let session =
        match authorize_once(&client, &source, config.kem, &config.keys, &SystemClock::start()).await {
            Ok(session) => session,
            Err(error) => {
                let message = error.to_string();
                return match error.refusal() {
                    Some(refusal) => Ok(Outcome::Denied(refusal, message)),
                    None => Err(error.into()),
                };
            }
        };
    let tier = session.tier;
    let mut keys = session.keys.into_iter();
    let key = keys.next().ok_or_else(|| Failure::unusable("the broker granted no key"))?;
    let (version, expires_at) = (key.version, key.expires_at);
    Ok(Outcome::Granted(Granted { material: key.material, version, tier, expires_at }))
}

fn granted_line(key: &str, granted: &Granted, format: Format) -> String {
    let Granted { version, tier, expires_at, .. } = granted;
    match format {
        Format::Table => format!("GRANTED {key} version {version} tier {tier} until {expires_at}"),
        Format::Json => json!({
            "outcome": "granted", "key_id": key, "version": version, "tier": tier, "expires_at": expires_at,
        })
        .to_string(),
    }
}

fn denied_line(refusal: &Refusal, format: Format) -> String {
    match format {
        Format::Table => denied(refusal),
        Format::Json => denied_value(refusal).to_string(),
    }
}
