//! From a configuration to a broker: files are read once, here.

use crate::admin::{AdminCredential, TokenFormError};
use crate::broker::{Broker, Parts};
use crate::clock::SystemClock;
use crate::config::{AttestationConfig, Config, PersonConfig, QuorumConfig, StoreConfig};
use crate::judge::{Grounds, Judge, SecondReader};
use crate::tls::TlsError;
use crate::trust;
use hanzo_attestation::roots::{AkId, TpmCa, TrustedAk};
use hanzo_attestation::{Cache, Collateral, Roots};
use hanzo_attestation_collateral::bundle::{BundleKey, Deny, EdnFloors, Trust, TrustError};
use hanzo_attestation_collateral::{
    AmdCrlError, LabDirError, NvidiaRimError, Store as CollateralStore, StoreError as CollateralError,
    Stored, TpmTrustError, read_amd_crl, read_lab, read_nvidia_rim, read_tpm_cas, read_trusted_ak,
};
use hanzo_kbs_protocol::PersonKey;
use hanzo_kbs_protocol::changes::PersonKeyError;
use hanzo_kbs_vault::{KeyFileSeal, Quorum, QuorumError, QuorumMistake, Store, StoreError, SystemRng};
use hanzo_policy::appraisal::dcap::{PckSerial, PckSerialError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Largest token file in bytes: a token has 43.
const MAX_FILE: u64 = 4096;

/// A broker that does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than what it should hold can be.
    #[error("{} is larger than {MAX_FILE} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner can read a secret.
    #[error("{} can be read by others than its owner: set its mode to 0600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The administrator's token has the wrong form.
    #[error("{}: {source}", path.display())]
    AdminToken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TokenFormError,
    },
    /// The extra roots cannot be read.
    #[error("extra roots: {0}")]
    ExtraRoots(#[from] LabDirError),
    /// A revocation list cannot be read.
    #[error("revocation list: {0}")]
    AmdCrl(#[from] AmdCrlError),
    /// A reference integrity manifest cannot be used.
    #[error(transparent)]
    NvidiaRim(#[from] NvidiaRimError),
    /// A TPM's keys or authorities cannot be used.
    #[error(transparent)]
    Tpm(#[from] TpmTrustError),
    /// A bundle key cannot be used.
    #[error("bundle key {}: {reason}", path.display())]
    BundleKey {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The store of collateral cannot be used.
    #[error("collateral {}: {source}", path.display())]
    Collateral {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: CollateralError,
    },
    /// A deny list of the store has an entry that would deny nothing.
    #[error("deny list: {0}")]
    DenyList(#[from] PckSerialError),
    /// A person's public key cannot be used.
    #[error("public key {}: {source}", path.display())]
    PersonKey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PersonKeyError,
    },
    /// The people who decide together cannot be meant.
    #[error("quorum: {0}")]
    Quorum(#[from] QuorumMistake),
    /// What the configuration trusts cannot be written down.
    #[error("the configuration cannot be written as a document about trust: {0}")]
    TrustDocument(&'static str),
    /// The configuration is not the one that several people approved.
    #[error(transparent)]
    Trust(QuorumError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error("{}: {source}", path.display())]
    Store {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The seal of a throwaway broker could not be made or opened.
    #[error("the throwaway vault: {0}")]
    Throwaway(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A listener failed.
    #[error("a listener failed: {0}")]
    Socket(#[source] io::Error),
}

/// Opens the store, reads roots, lists and the administrator's token. The vault is still sealed.
///
/// # Errors
/// [`StartError`].
pub async fn assemble(config: &Config) -> Result<Arc<Broker>, StartError> {
    let admin = read_admin_token(&config.admin_token)?;
    let grounds = read_grounds(&config.attestation)?;
    let quorum = read_quorum(&config.quorum)?;
    let trust = trust::document(config, &grounds.roots, &quorum)?;
    let rng = Arc::new(SystemRng);
    let store = Store::open(&config.sqlite, rng.clone())
        .await
        .map_err(|source| StartError::Store { path: config.sqlite.clone(), source })?
        .with_quorum(quorum);
    Ok(Arc::new(Broker::new(Parts {
        clock: Arc::new(SystemClock),
        rng,
        store,
        seal: Box::new(SealFile(config.seal_key.clone())),
        judge: Judge::new(grounds, config.limits.verifications),
        admin,
        environment: config.environment,
        limits: config.limits,
        devices: config.attestation.devices,
        issuer: config.public_url.clone(),
        trust: Some(trust),
    })))
}

/// What opens the seal, read anew at every unsealing: the file may be on a medium that comes and goes.
struct SealFile(PathBuf);

impl crate::broker::SealSource for SealFile {
    fn seal(&self) -> Result<Box<dyn hanzo_kbs_vault::Seal>, hanzo_kbs_vault::SealError> {
        Ok(Box::new(KeyFileSeal::read(&self.0)?))
    }
}

/// Reads the grounds of judgement from the files that a configuration names.
///
/// # Errors
/// [`StartError`].
pub fn read_grounds(config: &AttestationConfig) -> Result<Grounds, StartError> {
    read_grounds_with(config, Arc::new(Cache::new(config.cache_entries)))
}

/// As [`read_grounds`], with a cache that is warm: it is keyed by content, so that new grounds change no
/// answer of it.
pub(super) fn read_grounds_with(
    config: &AttestationConfig,
    cache: Arc<Cache>,
) -> Result<Grounds, StartError> {
    let mut roots = Roots::vendor();
    let mut collateral = Collateral::default();
    let mut appraisal = config.appraisal.clone();
    if let Some(dir) = &config.extra_roots {
        let (extra, lab_collateral) = read_lab(&dir.0)?;
        roots = roots.with_extra(extra);
        collateral = lab_collateral;
    }
    for path in &config.amd_crls {
        collateral = collateral.with_amd_crl(read_amd_crl(path)?);
    }
    for path in &config.nvidia_rims {
        collateral = collateral.with_nvidia_rim(&read_nvidia_rim(path)?);
    }
    for path in &config.nvidia_crls {
        collateral = collateral.with_nvidia_crl(&read_amd_crl(path)?);
    }
    collateral = collateral.with_nvidia_rim_hold(config.nvidia_rim_hold);
    let mut store = config.store.as_ref().map(read_store).transpose()?;
    if let Some(stored) = &mut store {
        collateral = stored.add_to(collateral);
        let Deny { veks, pck_serials, eks } = &stored.deny;
        appraisal.snp.denied_certificates.extend(veks);
        appraisal.tpm.denied_eks.extend(eks);
        let serials: Vec<PckSerial> =
            pck_serials.iter().map(|text| PckSerial::parse(text)).collect::<Result<_, _>>()?;
        for limits in [&mut appraisal.sgx.dcap, &mut appraisal.tdx.dcap] {
            limits.denied_pck_serials.extend(serials.iter().cloned());
        }
        let EdnFloors { sgx, tdx } = stored.edn_floors;
        for (limits, floor) in [(&mut appraisal.sgx.dcap, sgx), (&mut appraisal.tdx.dcap, tdx)] {
            limits.tcb_evaluation_floor = EdnFloors::raise(limits.tcb_evaluation_floor, floor);
            limits.qe_evaluation_floor = EdnFloors::raise(limits.qe_evaluation_floor, floor);
        }
        // Nobody but a bundle key vouches for a root: without one, whoever can write the directory would be
        // trusted.
        if config.store.as_ref().is_some_and(|store| !store.keys.is_empty()) {
            for der in &stored.tpm_roots {
                roots = roots.with_tpm_ca(der.clone()).with_tpm_manufacturer(der.clone());
            }
        }
        // They are in the collateral now: once is enough.
        stored.documents = Vec::new();
    }
    for path in &config.tpm.trusted_aks {
        roots = roots.with_trusted_ak(read_trusted_ak(path)?);
    }
    for name in &config.tpm.trusted_ak_names {
        roots = roots.with_trusted_ak(TrustedAk::new(AkId::Name(name.clone())));
    }
    for path in &config.tpm.ak_cas {
        roots = read_tpm_cas(path)?.into_iter().fold(roots, Roots::with_tpm_ca);
    }
    for path in &config.tpm.ak_cas_any_usage {
        let cas = read_tpm_cas(path)?.into_iter().map(TpmCa::with_loose_key_usage);
        roots = cas.fold(roots, Roots::with_tpm_ca);
    }
    for path in &config.tpm.ek_roots {
        roots = read_tpm_cas(path)?.into_iter().fold(roots, Roots::with_tpm_manufacturer);
    }
    for ek in &config.tpm.trusted_eks {
        roots = roots.with_trusted_ek(*ek);
    }
    for key in &config.identities {
        roots = roots.with_registered_key(key.clone());
    }
    let grace = config.store.as_ref().map_or(Duration::ZERO, |store| store.grace);
    let revocation = config.revocation.clone();
    let second_reader: Option<SecondReader> =
        config.second_opinion.then_some(hanzo_attestation_opinion::second_opinion);
    Ok(Grounds { roots, collateral, revocation, appraisal, second_reader, cache, store, grace })
}

fn read_store(config: &StoreConfig) -> Result<Stored, StartError> {
    let mut keys = Vec::new();
    for path in &config.keys {
        let unusable = |reason: String| StartError::BundleKey { path: path.clone(), reason };
        let pem = read_bounded(path)?;
        keys.push(BundleKey::from_pem(&pem).map_err(|error| unusable(error.to_string()))?);
    }
    let trust = if keys.is_empty() {
        None
    } else {
        let unusable = |error: TrustError| StartError::BundleKey {
            path: config.directory.clone(),
            reason: error.to_string(),
        };
        Some(Trust::new(keys, config.threshold).map_err(unusable)?)
    };
    CollateralStore::at(&config.directory)
        .read(trust.as_ref())
        .map_err(|source| StartError::Collateral { path: config.directory.clone(), source })
}

/// Reads the public keys of the people who decide together.
///
/// # Errors
/// [`StartError`].
pub fn read_quorum(config: &QuorumConfig) -> Result<Quorum, StartError> {
    let mut people = Vec::new();
    for PersonConfig { name, public_key: path } in &config.people {
        let unusable = |source| StartError::PersonKey { path: path.clone(), source };
        people.push((name.clone(), PersonKey::from_pem(&read_bounded(path)?).map_err(unusable)?));
    }
    Ok(Quorum::new(people, config.scopes.clone())?)
}

/// Reads the administrator's token, and forgets all of it but its digest.
///
/// # Errors
/// [`StartError`]; a file that others can read is refused.
pub fn read_admin_token(path: &Path) -> Result<AdminCredential, StartError> {
    use std::os::unix::fs::PermissionsExt as _;
    let unreadable = |source| StartError::Unreadable { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(StartError::Exposed { path: path.to_owned() });
    }
    let bytes = Zeroizing::new(read_bounded(path)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| TokenFormError);
    text.and_then(AdminCredential::of_token)
        .map_err(|source| StartError::AdminToken { path: path.to_owned(), source })
}

pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, StartError> {
    let unreadable = |source| StartError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(StartError::TooLarge { path: path.to_owned() });
    }
    std::fs::read(path).map_err(unreadable)
}
