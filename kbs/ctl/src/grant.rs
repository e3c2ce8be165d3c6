//! `grant`: which session holds which key, and ending a session.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::key::tier;
use crate::output::{Sheet, Show};
use crate::run::Context;
use crate::status::yes_no;
use clap::{Args, Subcommand};
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
    /// List the grants
    List,
    /// End a session and every grant in it; whoever knows its id can, without a token
    Revoke {
        /// Id of the session, as `grant list` shows it
        session: String,
    },
}

impl GrantArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            GrantVerb::List => {
                let admin = self.connect.admin(&context.environment)?;
                context.output.show(&context.wait(async { Ok(admin.list_grants().await?) })?)?;
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
                yes_no(grant.revoked),
                grant.decision.to_string(),
            ]
        });
        Sheet::new()
            .grid(["session", "key", "version", "tier", "granted", "expires", "revoked", "decision"], rows)
    }
}

impl Show for SessionStatus {
    fn sheet(&self) -> Sheet {
        let state = match self.state {
            SessionState::Live => "live",
            SessionState::Expired => "expired",
            SessionState::Revoked => "revoked",
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
            ])
            .grid(["key", "version", "expires"], grants)
    }
}
