//! `grant`: which session holds which key, and ending a session.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::key::tier;
use crate::output::{Sheet, Show};
use crate::run::Context;
use crate::status::yes_no;
use clap::{Args, Subcommand};
use hanzo_attestation_evidence::{DeviceId, Hex, encoding};
use hanzo_kbs_protocol::{GrantInfo, RevokeRequest, SessionState, SessionStatus};

#[derive(Args, Debug)]
pub(crate) struct GrantArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: GrantVerb,
}

#[derive(Debug, Subcommand)]
enum GrantVerb {
    /// List the grants, newest decision first, with the machine and the devices that each rests on
    List {
        /// Only those that rest on this GPU or switch: its PDI, 16 hex digits
        #[arg(long, value_name = "PDI", value_parser = pdi)]
        device: Option<Hex<8>>,
    },
    /// End a session and every grant in it; whoever knows its id can, without a token
    Revoke {
        /// Id of the session, as `grant list` shows it
        session: String,
    },
}

impl GrantArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            GrantVerb::List { device } => {
                let admin = self.connect.admin(&context.environment)?;
                context.output.show(&context.wait(async { Ok(admin.list_grants(device).await?) })?)?;
            }
            GrantVerb::Revoke { session } => {
                let client = self.connect.client(&context.environment)?;
                let request = RevokeRequest { session_id: session };
                context.output.show(&context.wait(async { Ok(client.revoke(&request).await?) })?)?;
            }
        }
        Ok(Outcome::Yes)
    }
}

fn pdi(text: &str) -> Result<Hex<8>, String> {
    encoding::hex_array(text).map(Hex).map_err(|error| format!("a PDI is 16 lower-case hex digits: {error}"))
}

/// Devices by their PDIs: the root is the same for all but a lab's, and the JSON has it.
pub(crate) fn pdis(devices: &[DeviceId]) -> String {
    devices.iter().map(|device| device.pdi.to_string()).collect::<Vec<_>>().join(" ")
}

impl Show for Vec<GrantInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|grant| {
            [
                grant.session_id.clone(),
                grant.key_id.clone(),
                grant.version.to_string(),
                tier(grant.tier),
                grant.granted_at.to_string(),
                grant.expires_at.to_string(),
                if grant.superseded { "superseded".to_owned() } else { yes_no(grant.revoked) },
                grant.decision.to_string(),
                pdis(&grant.devices),
            ]
        });
        Sheet::new().grid(
            ["session", "key", "version", "tier", "granted", "expires", "revoked", "decision", "devices"],
            rows,
        )
    }
}

impl Show for SessionStatus {
    fn sheet(&self) -> Sheet {
        let state = match self.state {
            SessionState::Live => "live",
            SessionState::Expired => "expired",
            SessionState::Revoked => "revoked",
            SessionState::Superseded => "superseded",
        };
        let grants = self
            .grants
            .iter()
            .map(|grant| [grant.key_id.clone(), grant.version.to_string(), grant.expires_at.to_string()]);
        Sheet::new()
            .facts([
                ("session", self.session_id.clone()),
                ("state", state.to_owned()),
                ("tier", tier(self.tier)),
                ("expires", self.expires_at.to_string()),
                ("devices", pdis(&self.devices)),
            ])
            .grid(["key", "version", "expires"], grants)
    }
}
