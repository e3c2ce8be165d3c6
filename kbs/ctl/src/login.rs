//! `login`: a token is checked against the broker, then kept for later calls.

use crate::connect::{ConnectArgs, Stored};
use crate::exit::{Failure, Outcome};
use crate::output::{self, Sheet, Show};
use crate::run::Context;
use crate::stored::{StoredLogin, StoredTrust};
use clap::Args;
use serde::Serialize;
use std::path::{self, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Serialize)]
struct LoggedIn {
    addr: String,
    trust: StoredTrust,
    stored_in: PathBuf,
}

impl LoginArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let directory = context.environment.config_directory.as_deref().ok_or(Failure::NoConfigDirectory)?;
        let connection = self.connect.resolve(&context.environment, Stored::Ignore)?;
        let client = connection.client()?;
        let addr = connection.address.to_string();
        let token = connection.token.ok_or_else(|| Failure::NoToken { addr: addr.clone() })?;
        let trust = match connection.trust {
            StoredTrust::Authority(file) => StoredTrust::Authority(absolute(file)?),
            other => other,
        };
        context.wait(async { Ok(client.admin(token.clone()).list_policies().await?) })?;
        let login = StoredLogin { addr, trust, token };
        let stored_in = login.save(directory)?;
        output::note(&format!("stored the token, readable by you alone, in {}", stored_in.display()));
        context.output.show(&LoggedIn { addr: login.addr, trust: login.trust, stored_in })?;
        Ok(Outcome::Yes)
    }
}

/// The authority by its absolute path, so that it is found from anywhere.
fn absolute(file: PathBuf) -> Result<PathBuf, Failure> {
    path::absolute(&file).map_err(|source| Failure::Unreadable { path: file.display().to_string(), source })
}

impl Show for LoggedIn {
    fn sheet(&self) -> Sheet {
        let trust = match &self.trust {
            StoredTrust::Authority(file) => file.display().to_string(),
            StoredTrust::SystemStore => "this machine's certificate store".to_owned(),
            StoredTrust::Nobody => "none: plain loopback".to_owned(),
        };
        Sheet::new().facts([
            ("logged in to", self.addr.clone()),
            ("authority", trust),
            ("stored in", self.stored_in.display().to_string()),
        ])
    }
}
