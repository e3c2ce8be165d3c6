//! `serve --dev`: a throwaway broker. Its certificate, its store, its keys and its administrator's token live
//! in a temporary folder, and go with it.

use super::assemble::{StartError, read_grounds};
use super::listeners::{Listeners, bind, run_until_signal};
use crate::admin::AdminCredential;
use crate::broker::{Broker, Parts, SealSource, Who};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{AttestationConfig, Environment, ExtraRootsDir, Limits, TpmConfig};
use crate::judge::Judge;
use crate::router::{Doors, router};
use crate::tls::Throwaway;
use crate::verbs::reachable;
use hanzo_attestation::{Revocation, RimHold};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_vault::{DeviceRules, KeyFileSeal, Seal, SealError, Store, SystemRng};
use hanzo_policy::Appraisal;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `serve --dev` can be told.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// A lab's folder: its roots are then accepted, and show in every answer.
    pub lab: Option<PathBuf>,
    /// Where to write how the broker can be reached.
    pub info: Option<PathBuf>,
    /// Address of the TLS listener; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// Serves a throwaway broker until SIGINT or SIGTERM.
///
/// # Errors
/// [`StartError`].
pub async fn serve_dev(options: &DevOptions) -> Result<(), StartError> {
    let dir = tempfile::Builder::new()
        .prefix("hanzo-kbs-dev-")
        .tempdir()
        .map_err(|source| StartError::Unwritable { path: std::env::temp_dir(), source })?;
    let now = SystemClock.now().map_err(|error| StartError::Throwaway(error.to_string()))?;
    let throwaway = Throwaway::generate(now)?;
    let socket = bind(options.listen)?;
    let plain = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr().map_err(StartError::Socket)?;
    let plain_address = plain.local_addr().map_err(StartError::Socket)?;
    let url = format!("https://{}", reachable(address));

    let (token, admin) =
        AdminCredential::generate(&SystemRng).map_err(|error| StartError::Throwaway(error.to_string()))?;
    let ca_cert = dir.path().join("ca.pem");
    write_private(&ca_cert, throwaway.ca_pem.as_bytes())?;
    let token_file = dir.path().join("admin.token");
    write_private(&token_file, token.as_bytes())?;

    let broker = throwaway_broker(now, dir.path(), options.lab.as_deref(), admin, url.clone()).await?;
    let mut listeners = Listeners::default();
    listeners.tls(socket, throwaway.server, router(&broker, Doors::All))?;
    listeners.plain(plain, router(&broker, Doors::All))?;
    tracing::warn!(
        address = %url,
        lab = options.lab.is_some(),
        "development broker: throwaway keys and certificate, not for production"
    );
    if let Some(path) = &options.info {
        let info = json!({
            "addr": url,
            "ca_cert": ca_cert,
            "admin_token_file": token_file,
            "http_addr": format!("http://{plain_address}"),
        });
        write_atomically(path, &info.to_string())?;
    }
    run_until_signal(listeners).await
}

async fn throwaway_broker(
    now: UnixTime,
    dir: &Path,
    lab: Option<&Path>,
    admin: AdminCredential,
    issuer: String,
) -> Result<Arc<Broker>, StartError> {
    let attestation = AttestationConfig {
        appraisal: Appraisal::strict(),
        stated_appraisal: json!({}),
        revocation: Revocation::Required,
        second_opinion: false,
        amd_crls: Vec::new(),
        nvidia_rims: Vec::new(),
        nvidia_crls: Vec::new(),
        nvidia_rim_hold: RimHold::Refuse,
        store: None,
        tpm: TpmConfig::default(),
        cache_entries: hanzo_attestation::cache::MAX_ENTRIES,
        extra_roots: lab.map(|dir| ExtraRootsDir(dir.to_owned())),
        identities: Vec::new(),
        devices: DeviceRules::default(),
    };
    let grounds = read_grounds(&attestation)?;
    let rng = Arc::new(SystemRng);
    let database = dir.join("kbs.db");
    let store = Store::open(&database, rng.clone())
        .await
        .map_err(|source| StartError::Store { path: database, source })?;
    let seal = ThrowawaySeal(dir.join("seal.key"));
    let failed = |error: &dyn std::error::Error| StartError::Throwaway(error.to_string());
    let created = KeyFileSeal::create(&seal.0, rng.as_ref()).map_err(|e| failed(&e))?;
    store.initialise(&created, now).await.map_err(|e| failed(&e))?;
    let limits = Limits::default();
    let broker = Arc::new(Broker::new(Parts {
        clock: Arc::new(SystemClock),
        rng,
        store,
        seal: Box::new(seal),
        judge: Judge::new(grounds, limits.verifications),
        admin,
        environment: Environment::Development,
        limits,
        devices: attestation.devices,
        issuer,
        // Its configuration goes with it.
        trust: None,
    }));
    broker.unseal(&Who::operator()).await.map_err(|e| failed(&e))?;
    Ok(broker)
}

struct ThrowawaySeal(PathBuf);

impl SealSource for ThrowawaySeal {
    fn seal(&self) -> Result<Box<dyn Seal>, SealError> {
        Ok(Box::new(KeyFileSeal::read(&self.0)?))
    }
}

/// Writes a new file that only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StartError> {
    let unwritable = |source| StartError::Unwritable { path: path.to_owned(), source };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable)
}

/// Whoever waits for the file finds all of it or none.
fn write_atomically(path: &Path, text: &str) -> Result<(), StartError> {
    let unwritable = |source| StartError::Unwritable { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_info_file_appears_whole_and_replaces_an_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("info.json");
        write_atomically(&path, "{}").unwrap();
        write_atomically(&path, "{\"a\":1}").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, b"one").unwrap();
        assert!(matches!(write_private(&path, b"two"), Err(StartError::Unwritable { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }
}
