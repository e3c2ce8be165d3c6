//! `[attestation]` and `[[identities]]`: what evidence is judged by.

use super::Environment;
use super::reader::{Mistakes, Section};
use hanzo_attestation::cache::MAX_ENTRIES;
use hanzo_attestation::identity::{PublicKey, RegisteredKey};
use hanzo_attestation::{Revocation, RimHold};
use hanzo_attestation_evidence::identity::{KeyId, KeyIdError};
use hanzo_attestation_evidence::tpm::Name;
use hanzo_attestation_evidence::{Hex, encoding};
use hanzo_kbs_vault::{DeviceRules, DeviceSessions, GpuInventory};
use hanzo_policy::Appraisal;
use serde::Deserialize as _;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::ValueDeserializer;

/// Default and bound of `cache_entries`: [`MAX_ENTRIES`].
const CACHE_ENTRIES: u64 = 4096;

/// A folder of extra roots: a lab's, or a private vendor's. It marks every answer `lab: true`, and no
/// production broker takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraRootsDir(pub PathBuf);

/// A store of collateral, as `kbsctl collateral import` fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Its directory.
    pub directory: PathBuf,
    /// Public keys (PEM) of which `threshold` must have signed what is in it; none leave it to whoever can
    /// write the directory.
    pub keys: Vec<PathBuf>,
    /// How many of them.
    pub threshold: usize,
    /// How often a new bundle is looked for.
    pub reload: Duration,
    /// COL-09: how long a bundle still counts after its end.
    pub grace: Duration,
}

/// What makes a TPM's attestation key trusted (TPM-11): nothing, unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TpmConfig {
    /// Public attestation keys, PEM.
    pub trusted_aks: Vec<PathBuf>,
    /// Attestation keys by Name, which states their attributes as well.
    pub trusted_ak_names: Vec<Name>,
    /// Authorities over attestation keys, PEM or DER.
    pub ak_cas: Vec<PathBuf>,
    /// TPM-30: authorities over attestation keys whose certificates state no such purpose, PEM or DER:
    /// Google's.
    pub ak_cas_any_usage: Vec<PathBuf>,
    /// Authorities over endorsement keys: manufacturers' roots, PEM or DER. Below them, attestation keys are
    /// activated.
    pub ek_roots: Vec<PathBuf>,
    /// Endorsement keys whose attestation keys are activated whoever certified them: SHA-256 of
    /// SubjectPublicKeyInfo.
    pub trusted_eks: Vec<Hex<32>>,
}

/// What evidence is judged by.
#[derive(Clone, Debug)]
pub struct AttestationConfig {
    /// Thresholds of the appraisal.
    pub appraisal: Appraisal,
    /// Those of them that the configuration states, as it states them.
    pub stated_appraisal: Value,
    /// What to do where a revocation list is absent.
    pub revocation: Revocation,
    /// Whether evidence must be found genuine by readers that others wrote, too.
    pub second_opinion: bool,
    /// AMD certificate revocation lists, DER.
    pub amd_crls: Vec<PathBuf>,
    /// Reference integrity manifests of NVIDIA devices, XML.
    pub nvidia_rims: Vec<PathBuf>,
    /// Revocation lists of authorities over NVIDIA devices and manifests, DER.
    pub nvidia_crls: Vec<PathBuf>,
    /// What a hold in a manifest's chain means.
    pub nvidia_rim_hold: RimHold,
    /// The store of collateral, and who may fill it.
    pub store: Option<StoreConfig>,
    /// What makes a TPM's attestation key trusted.
    pub tpm: TpmConfig,
    /// Most findings that are kept of each kind.
    pub cache_entries: usize,
    /// Extra roots, outside production.
    pub extra_roots: Option<ExtraRootsDir>,
    /// Keys that may identify a node: tier 1.
    pub identities: Vec<RegisteredKey>,
    /// What a release asks of devices.
    pub devices: DeviceRules,
}

pub(super) fn read(
    top: &mut Section<'_, '_>,
    environment: Environment,
    mistakes: &mut Mistakes<'_>,
) -> Option<AttestationConfig> {
    let mut section = top.section("attestation", mistakes);
    let profile = section.parsed("profile", mistakes, |text| match text {
        "strict" => Ok(()),
        _ => Err("must be \"strict\": a broker judges by no other profile; loosen single thresholds by name"),
    });
    drop(profile);
    let stated_appraisal = stated(&mut section);
    let appraisal = appraisal(&mut section, mistakes);
    let revocation = revocation(&mut section, mistakes);
    let second_opinion = section.flag("second_opinion", mistakes);
    let amd_crls = section.files("amd_crls", mistakes);
    let nvidia_rims = section.files("nvidia_rims", mistakes);
    let nvidia_crls = section.files("nvidia_crls", mistakes);
    let nvidia_rim_hold = section.parsed("nvidia_rim_hold", mistakes, |text| match text {
        "refuse" => Ok(RimHold::Refuse),
        "accept" => Ok(RimHold::Accept),
        _ => Err("must be \"refuse\" or \"accept\""),
    });
    let store = store(&mut section, mistakes);
    let tpm = tpm(&mut section, mistakes);
    let cache_entries = section.number("cache_entries", CACHE_ENTRIES, 0..=CACHE_ENTRIES, mistakes);
    let cache_entries = usize::try_from(cache_entries).unwrap_or(MAX_ENTRIES);
    let devices = devices(&mut section, mistakes);
    let extra = section.text("extra_roots", mistakes);
    if let Some(extra) = &extra
        && environment == Environment::Production
    {
        let message = "extra roots are refused in production: set environment = \"development\"";
        mistakes.add(&extra.path, Some(&extra.span), message);
    }
    let extra_roots = section.file("extra_roots", mistakes).map(ExtraRootsDir);
    section.finish(mistakes);
    let identities = identities(top, mistakes);
    let appraisal = appraisal?;
    Some(AttestationConfig {
        appraisal,
        stated_appraisal,
        revocation,
        second_opinion,
        amd_crls,
        nvidia_rims,
        nvidia_crls,
        nvidia_rim_hold: nvidia_rim_hold.map(|placed| placed.value).unwrap_or_default(),
        store,
        tpm,
        cache_entries,
        extra_roots,
        identities,
        devices,
    })
}

/// `[attestation.collateral]`. Several keys need a threshold: none is guessed.
fn store(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<StoreConfig> {
    let is_there = section.raw("collateral").is_some();
    let mut section = section.section("collateral", mistakes);
    let directory = section.file("store", mistakes);
    let keys = section.files("keys", mistakes);
    if is_there {
        section.required("store", "the directory that `kbsctl collateral import` fills", mistakes);
    }
    if keys.len() > 1 {
        section.required("threshold", "how many of the keys must have signed", mistakes);
    }
    let most = u64::try_from(keys.len()).unwrap_or(u64::MAX).max(1);
    let threshold = section.number("threshold", 1, 1..=most, mistakes);
    // A file is looked at: once in ten seconds costs nothing, and after an hour a new bundle is no longer
    // new.
    let reload = section.number("reload_seconds", 60, 10..=3600, mistakes);
    // COL-09: capped at 7 days.
    let grace = section.number("grace_days", 0, 0..=7, mistakes);
    section.finish(mistakes);
    Some(StoreConfig {
        directory: directory?,
        keys,
        threshold: usize::try_from(threshold).unwrap_or(usize::MAX),
        reload: Duration::from_secs(reload),
        grace: Duration::from_secs(grace.saturating_mul(86_400)),
    })
}

/// `[attestation.tpm]`.
fn tpm(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> TpmConfig {
    let mut section = section.section("tpm", mistakes);
    let ak_name = |text: &str| {
        let bytes = encoding::hex_decode(text).map_err(|error| error.to_string())?;
        Name::from_bytes(&bytes).map_err(|error| error.to_string())
    };
    let found = TpmConfig {
        trusted_aks: section.files("trusted_aks", mistakes),
        trusted_ak_names: section.texts("trusted_ak_names", mistakes, ak_name),
        ak_cas: section.files("ak_cas", mistakes),
        ak_cas_any_usage: section.files("ak_cas_any_usage", mistakes),
        ek_roots: section.files("ek_roots", mistakes),
        trusted_eks: section.texts("trusted_eks", mistakes, |text| encoding::hex_array::<32>(text).map(Hex)),
    };
    section.finish(mistakes);
    found
}

/// `device_sessions` and `gpu_inventory`.
fn devices(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> DeviceRules {
    let sessions = section.parsed("device_sessions", mistakes, |text| match text {
        "one" => Ok(DeviceSessions::One),
        "any" => Ok(DeviceSessions::Any),
        _ => Err("must be \"one\" or \"any\""),
    });
    let inventory = section.parsed("gpu_inventory", mistakes, |text| match text {
        "any" => Ok(GpuInventory::Any),
        "tofu" => Ok(GpuInventory::Tofu),
        "pinned" => Ok(GpuInventory::Pinned),
        _ => Err("must be \"any\", \"tofu\" or \"pinned\""),
    });
    DeviceRules {
        sessions: sessions.map_or(DeviceSessions::One, |placed| placed.value),
        inventory: inventory.map_or(GpuInventory::Any, |placed| placed.value),
    }
}

/// The thresholds as JSON. What cannot be read is reported by who reads them for what they mean.
fn stated(section: &mut Section<'_, '_>) -> Value {
    let value =
        section.raw("appraisal").map(|value| Value::deserialize(ValueDeserializer::from(value.clone())));
    value.and_then(Result::ok).unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}

fn appraisal(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<Appraisal> {
    let Some(value) = section.raw("appraisal") else { return Some(Appraisal::strict()) };
    match Appraisal::deserialize(ValueDeserializer::from(value.clone())) {
        Ok(appraisal) => Some(appraisal),
        Err(error) => {
            let span = error.span().unwrap_or_else(|| value.span());
            mistakes.add("attestation.appraisal", Some(&span), error.message());
            None
        }
    }
}

fn revocation(section: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Revocation {
    let Some(value) = section.raw("revocation") else { return Revocation::Required };
    if value.get_ref().as_str() == Some("required") {
        return Revocation::Required;
    }
    let only = value.get_ref().as_table().filter(|table| table.len() == 1);
    let reason = only.and_then(|table| table.get("waived")?.get_ref().as_str()).map(str::trim);
    match reason {
        Some(reason) if !reason.is_empty() => Revocation::Waived { reason: reason.to_owned() },
        _ => {
            let message = "must be \"required\" or { waived = \"the reason\" }";
            mistakes.add("attestation.revocation", Some(&value.span()), message);
            Revocation::Required
        }
    }
}

fn identities(top: &mut Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<RegisteredKey> {
    let mut keys = Vec::new();
    for mut section in top.sections("identities", mistakes) {
        let key_id = section.parsed("key_id", mistakes, key_id);
        let algorithm = section.text("algorithm", mistakes);
        let bytes = section.parsed("public_key", mistakes, encoding::base64_decode);
        for name in ["key_id", "algorithm", "public_key"] {
            section.required(name, "an identity has a key_id, an algorithm and a public_key", mistakes);
        }
        section.finish(mistakes);
        let (Some(key_id), Some(algorithm), Some(bytes)) = (key_id, algorithm, bytes) else { continue };
        let public_key = match algorithm.value {
            "ed25519" => {
                bytes.value.try_into().map(PublicKey::Ed25519).map_err(|_| "an ed25519 key has 32 bytes")
            }
            "p256" => bytes.value.try_into().map(PublicKey::P256).map_err(|_| "a p256 key has 65 bytes"),
            _ => Err("must be \"ed25519\" or \"p256\""),
        };
        match public_key {
            Ok(_) if keys.iter().any(|key: &RegisteredKey| key.key_id == key_id.value) => {
                mistakes.add(&key_id.path, Some(&key_id.span), "is the name of another identity as well");
            }
            Ok(public_key) => keys.push(RegisteredKey { key_id: key_id.value, public_key }),
            Err(message) => mistakes.add(&algorithm.path, Some(&algorithm.span), message),
        }
    }
    keys
}

fn key_id(text: &str) -> Result<String, KeyIdError> {
    KeyId::parse(text).map(|key_id| key_id.as_str().to_owned())
}
