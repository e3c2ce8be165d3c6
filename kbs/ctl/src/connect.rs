//! Which broker, whom to trust for it, and which token: flags first, then the environment, then the login.

use crate::environment::Environment;
use crate::exit::Failure;
use crate::input;
use crate::stored::{StoredLogin, StoredTrust};
use clap::Args;
use hanzo_kbs_client::{Address, Admin, AdminToken, Client, Trust};
use std::path::{Path, PathBuf};

/// How to reach the broker.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Broker")]
pub(crate) struct ConnectArgs {
    /// Address of the broker, https://HOST:PORT; plain http:// for a literal loopback address only
    #[arg(long, global = true, env = "KBS_ADDR", value_name = "URL")]
    addr: Option<String>,
    /// File with the certificate authority of the broker, PEM; no other authority is trusted
    #[arg(long, global = true, env = "KBS_CACERT", value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Trust the authorities that this machine trusts, instead of a file
    #[arg(long, global = true, conflicts_with = "cacert")]
    system_roots: bool,
    /// File with the administrator's token, or - for standard input
    #[arg(long, global = true, env = "KBS_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Everything needed to reach one broker.
pub(crate) struct Connection {
    pub(crate) address: Address,
    pub(crate) trust: StoredTrust,
    pub(crate) token: Option<AdminToken>,
}

impl ConnectArgs {
    /// A client for calls that need no token.
    pub(crate) fn client(&self, environment: &Environment) -> Result<Client, Failure> {
        self.resolve(environment, Stored::Use)?.client()
    }

    /// A client for the administrator's calls.
    pub(crate) fn admin(&self, environment: &Environment) -> Result<Admin, Failure> {
        self.resolve(environment, Stored::Use)?.admin()
    }

    /// The connection from flags and environment, and from the stored login where they leave room.
    ///
    /// A stored token and a stored authority are used for the broker that they were stored for, and for no
    /// other: an address from elsewhere must not receive them.
    pub(crate) fn resolve(&self, environment: &Environment, stored: Stored) -> Result<Connection, Failure> {
        let stored = match (&stored, &environment.config_directory) {
            (Stored::Use, Some(directory)) if !self.is_complete(environment) => StoredLogin::load(directory)?,
            _ => None,
        };
        let addr = self
            .given_addr()
            .or(stored.as_ref().map(|login| login.addr.as_str()))
            .ok_or(Failure::NoAddress)?;
        let address = Address::parse(addr)?;
        let stored = stored.filter(|login| login.addr == address.to_string());
        let trust = match (given(&self.cacert), &stored) {
            _ if self.system_roots => StoredTrust::SystemStore,
            (Some(path), _) => StoredTrust::Authority(path.to_owned()),
            (None, Some(login)) => login.trust.clone(),
            (None, None) => StoredTrust::Nobody,
        };
        let token = match self.given_token(environment)? {
            Some(token) => Some(token),
            None => stored.map(|login| login.token),
        };
        Ok(Connection { address, trust, token })
    }

    fn given_token(&self, environment: &Environment) -> Result<Option<AdminToken>, Failure> {
        match (given(&self.token_file), &environment.token) {
            (Some(_), Some(_)) => Err(Failure::TwoTokens),
            (Some(path), None) => {
                let bytes = input::read_credential(path)?;
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| hanzo_kbs_client::SetupError::TokenInvalid)?;
                Ok(Some(AdminToken::parse(text)?))
            }
            (None, Some(token)) => Ok(Some(AdminToken::parse(token)?)),
            (None, None) => Ok(None),
        }
    }

    /// Whether nothing is left for a stored login to say.
    fn is_complete(&self, environment: &Environment) -> bool {
        let token = given(&self.token_file).is_some() || environment.token.is_some();
        self.given_addr().is_some() && token && (given(&self.cacert).is_some() || self.system_roots)
    }

    fn given_addr(&self) -> Option<&str> {
        self.addr.as_deref().filter(|addr| !addr.is_empty())
    }
}

/// A path that is set to something: an empty variable is an unset one.
fn given(path: &Option<PathBuf>) -> Option<&Path> {
    path.as_deref().filter(|path| !path.as_os_str().is_empty())
}

/// Whether a stored login may fill what flags and environment leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It may.
    Use,
    /// It may not: a new one is being made.
    Ignore,
}

impl Connection {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let trust = match &self.trust {
            StoredTrust::Authority(path) => Trust::Authority(input::read(path, input::MAX_FILE)?.to_vec()),
            StoredTrust::SystemStore => Trust::SystemStore,
            StoredTrust::Nobody => Trust::Nobody,
        };
        Ok(Client::new(self.address.clone(), &trust)?)
    }

    pub(crate) fn admin(self) -> Result<Admin, Failure> {
        let client = self.client()?;
        let token = self.token.ok_or_else(|| Failure::NoToken { addr: self.address.to_string() })?;
        Ok(client.admin(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    const STORED: &str = "https://stored.example";

    fn environment(directory: Option<&Path>, token: Option<&str>) -> Environment {
        Environment {
            now: None,
            token: token.map(|token| Zeroizing::new(token.to_owned())),
            config_directory: directory.map(Path::to_owned),
            terminal: false,
        }
    }

    fn args(addr: Option<&str>) -> ConnectArgs {
        ConnectArgs { addr: addr.map(str::to_owned), cacert: None, system_roots: false, token_file: None }
    }

    fn with_stored_login() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let (addr, trust) = (STORED.to_owned(), StoredTrust::Authority(PathBuf::from("/ca.pem")));
        StoredLogin { addr, trust, token: AdminToken::parse("stored").unwrap() }.save(folder.path()).unwrap();
        folder
    }

    fn token_of(connection: &Connection) -> Option<&str> {
        connection.token.as_ref().map(AdminToken::expose_to_store)
    }

    #[test]
    fn without_flags_the_login_speaks() {
        let folder = with_stored_login();
        for addr in [None, Some(""), Some(STORED), Some("https://stored.example/")] {
            let connection =
                args(addr).resolve(&environment(Some(folder.path()), None), Stored::Use).unwrap();
            assert_eq!(connection.address.to_string(), STORED);
            assert_eq!(token_of(&connection), Some("stored"));
            assert_eq!(connection.trust, StoredTrust::Authority(PathBuf::from("/ca.pem")));
        }
    }

    #[test]
    fn the_stored_token_goes_to_no_other_broker() {
        let folder = with_stored_login();
        for addr in ["https://other.example", "https://stored.example:8443", "http://127.0.0.1:1"] {
            let connection =
                args(Some(addr)).resolve(&environment(Some(folder.path()), None), Stored::Use).unwrap();
            assert_eq!(token_of(&connection), None, "{addr}");
            assert_eq!(connection.trust, StoredTrust::Nobody, "{addr}");
        }
    }

    #[test]
    fn a_given_token_wins_over_the_stored_one() {
        let folder = with_stored_login();
        let connection =
            args(None).resolve(&environment(Some(folder.path()), Some("given")), Stored::Use).unwrap();
        assert_eq!(token_of(&connection), Some("given"));
    }

    #[test]
    fn refuses_what_is_missing_or_said_twice() {
        let nothing = environment(None, None);
        assert!(matches!(args(None).client(&nothing), Err(Failure::NoAddress)));
        assert!(matches!(args(Some("http://127.0.0.1:1")).admin(&nothing), Err(Failure::NoToken { .. })));
        let mut both = args(Some("http://127.0.0.1:1"));
        both.token_file = Some(PathBuf::from("/token"));
        assert!(matches!(both.admin(&environment(None, Some("t"))), Err(Failure::TwoTokens)));
        assert!(matches!(args(Some("http://kbs.example")).client(&nothing), Err(Failure::Setup(_))));
        assert!(matches!(args(Some("https://kbs.example")).client(&nothing), Err(Failure::Setup(_))));
    }

    #[test]
    fn a_new_login_takes_nothing_from_the_old_one() {
        let folder = with_stored_login();
        let refused = args(None).resolve(&environment(Some(folder.path()), None), Stored::Ignore);
        assert!(matches!(refused, Err(Failure::NoAddress)));
    }
}
