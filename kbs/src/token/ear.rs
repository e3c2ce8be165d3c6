//! What a token says: an EAR with one submodule an item, and this broker's own claims beside it.

use super::TokenKeyError;
use hanzo_attestation::claims::trustee_claims;
use hanzo_attestation::nvidia::{self, DeviceClaims, EatVersion, eat_claims};
use hanzo_attestation::{Claims, Debug, TcbStatus, Trace, VerifiedItem};
use hanzo_attestation_evidence::{Severity, Tee, UnixTime};
use hanzo_policy::{Appraised, Tier};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// `eat_profile` of draft-ietf-rats-ear, whose claim names these types carry.
const PROFILE: &str = "tag:ietf.org,2026:rats/ear#04";

/// An EAT attestation result (draft-ietf-rats-ear, section 3): who appraised, when, and what of each
/// attester.
#[derive(Serialize)]
struct Ear {
    eat_profile: &'static str,
    iat: i64,
    ear_verifier_id: VerifierId,
    ear_status: TrustTier,
    submods: BTreeMap<String, Appraisal>,
}

/// `ear_verifier_id`.
#[derive(Serialize)]
struct VerifierId {
    developer: &'static str,
    build: &'static str,
}

/// One submodule: what the verifier says of one attester.
#[derive(Serialize)]
struct Appraisal {
    ear_status: TrustTier,
    #[serde(skip_serializing_if = "TrustVector::is_silent")]
    ear_trustworthiness_vector: TrustVector,
    #[serde(skip_serializing_if = "Map::is_empty")]
    ear_attester_claims: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    ear_verifier_claims: Map<String, Value>,
    /// The verified claims under Trustee's names, where its tokens have them, for policies written for those.
    #[serde(rename = "ear.veraison.annotated-evidence", skip_serializing_if = "Map::is_empty")]
    annotated_evidence: Map<String, Value>,
}

/// The four trustworthiness tiers (AR4SI, section 3.2), from best to worst in what they ask of the reader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum TrustTier {
    None,
    Affirming,
    Warning,
    Contraindicated,
}

impl TrustTier {
    /// AR4SI, section 2.3.2: 2 to 31 affirm, 32 to 95 warn, 96 to 127 contraindicate, -1 to 1 say nothing.
    const fn of(claim: i8) -> Self {
        match claim {
            2..=31 => Self::Affirming,
            32..=95 => Self::Warning,
            96..=127 => Self::Contraindicated,
            _ => Self::None,
        }
    }
}

/// Trustworthiness claims (AR4SI, section 2.3.4) that this broker makes; 0 is no claim and is left out.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct TrustVector {
    #[serde(skip_serializing_if = "is_zero")]
    instance_identity: i8,
    #[serde(skip_serializing_if = "is_zero")]
    configuration: i8,
    #[serde(skip_serializing_if = "is_zero")]
    hardware: i8,
    #[serde(skip_serializing_if = "is_zero")]
    runtime_opaque: i8,
}

impl TrustVector {
    const fn claims(&self) -> [i8; 4] {
        [self.instance_identity, self.configuration, self.hardware, self.runtime_opaque]
    }

    fn is_silent(&self) -> bool {
        self.claims().iter().all(is_zero)
    }

    /// The worst claim decides.
    fn status(&self) -> TrustTier {
        self.claims().into_iter().map(TrustTier::of).max().unwrap_or(TrustTier::None)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(claim: &i8) -> bool {
    *claim == 0
}

/// What a token is about.
pub struct Statement<'a> {
    /// The appraised evidence.
    pub appraised: &'a Appraised,
    /// Name of the token: 128 random bits, hex.
    pub token_id: &'a str,
    /// When it is issued.
    pub now: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
}

/// The claims of a token.
///
/// # Errors
/// [`TokenKeyError::Unusable`] if the EAR has no JSON form.
pub fn claims(statement: &Statement<'_>, issuer: &str) -> Result<Map<String, Value>, TokenKeyError> {
    let appraised = statement.appraised;
    let ear = ear(appraised, statement.now);
    let mut claims = match serde_json::to_value(&ear) {
        Ok(Value::Object(claims)) => claims,
        _ => return Err(TokenKeyError::Unusable),
    };
    let ours = json!({
        "iss": issuer,
        "aud": issuer,
        "jti": statement.token_id,
        "exp": statement.expires_at.seconds(),
        "nbf": statement.now.seconds(),
        "tier": appraised.tier().number(),
        "tier_name": appraised.tier().name(),
        "evidence_sha256": appraised.evidence_digest(),
        "cnf": {"recipient_sha256": appraised.recipient().digest()},
        "lab": appraised.lab(),
    });
    if let Value::Object(ours) = ours {
        claims.extend(ours);
    }
    Ok(claims)
}

fn ear(appraised: &Appraised, now: UnixTime) -> Ear {
    let (items, verified_at) = (appraised.items(), appraised.appraised_at());
    let named = |(index, item): (usize, &VerifiedItem)| traced(submodules(index, item), item, verified_at);
    let mut submods: BTreeMap<String, Appraisal> = items.iter().enumerate().flat_map(named).collect();
    if submods.is_empty() {
        // At least one submodule (section 3). Nothing was proved, and that is what it says.
        submods.insert("none".to_owned(), Appraisal::of(TrustVector::default()));
    }
    let worst = submods.values().map(|appraisal| appraisal.ear_status).max().unwrap_or(TrustTier::None);
    Ear {
        eat_profile: PROFILE,
        iat: now.seconds(),
        ear_verifier_id: VerifierId {
            developer: "hanzo-kbs",
            build: concat!("hanzo-kbs ", env!("CARGO_PKG_VERSION")),
        },
        ear_status: if appraised.tier() == Tier::Open { TrustTier::None } else { worst },
        submods,
    }
}

/// `cpu0`, `key0` …: the kind of attester, and its place among the items. Each device is an attester of its
/// own: `gpu0`, `gpu1`, `switch0` … by its place among the devices of its class.
fn submodules(index: usize, item: &VerifiedItem) -> Vec<(String, Appraisal)> {
    let class = match item.tee() {
        Tee::RegisteredKey => return vec![(format!("key{index}"), submodule(item))],
        Tee::NvidiaGpu => "gpu",
        Tee::NvidiaSwitch => "switch",
        Tee::Tdi => return interfaces(item),
        _ => return vec![(format!("cpu{index}"), submodule(item))],
    };
    let Claims::Nvidia(claims) = item.claims() else { return Vec::new() };
    let devices = claims.devices.iter().enumerate();
    devices
        .map(|(place, device)| (format!("{class}{place}"), device_submodule(item, claims, device)))
        .collect()
}

/// `tdi0`, `tdi1` …: each interface by its place in the item. Its claims have a name of our own: no profile has
/// one for them.
fn interfaces(item: &VerifiedItem) -> Vec<(String, Appraisal)> {
    let Claims::Tdi(claims) = item.claims() else { return Vec::new() };
    let named = |(place, device): (usize, &nvidia::tdi::DeviceClaims)| {
        let mut appraisal = submodule(item);
        appraisal.ear_attester_claims.insert("x-hanzo-tdi".to_owned(), json!(device));
        (format!("tdi{place}"), appraisal)
    };
    claims.devices.iter().enumerate().map(named).collect()
}

/// Says in the item's first submodule what its verdict rests on (COL-24): devices share their documents, and
/// a token has a limit.
fn traced(
    mut named: Vec<(String, Appraisal)>,
    item: &VerifiedItem,
    verified_at: UnixTime,
) -> Vec<(String, Appraisal)> {
    if let Some((_, first)) = named.first_mut() {
        first.ear_verifier_claims.insert("trace".to_owned(), json!(Trace::of(item.facts(), verified_at)));
    }
    named
}

/// One device, under the names of NVIDIA's own tokens.
fn device_submodule(item: &VerifiedItem, claims: &nvidia::Claims, device: &DeviceClaims) -> Appraisal {
    let mut appraisal = submodule(item);
    appraisal.ear_attester_claims.extend(eat_claims(device, claims.class, EatVersion::V3));
    appraisal
}

impl Appraisal {
    fn of(vector: TrustVector) -> Self {
        Self {
            ear_status: vector.status(),
            ear_trustworthiness_vector: vector,
            ear_attester_claims: Map::new(),
            ear_verifier_claims: Map::new(),
            annotated_evidence: Map::new(),
        }
    }
}

fn submodule(item: &VerifiedItem) -> Appraisal {
    let mut appraisal = Appraisal::of(trust_vector(item));
    appraisal.ear_attester_claims.insert("tee".to_owned(), json!(item.tee().name()));
    let measurements = item.facts().measurements.iter();
    let measurements: Map<String, Value> =
        measurements.map(|m| (m.register.to_owned(), json!(m.digest))).collect();
    if !measurements.is_empty() {
        appraisal.ear_attester_claims.insert("measurements".to_owned(), Value::Object(measurements));
    }
    let warnings = item.findings().iter().filter(|finding| finding.severity == Severity::Warn);
    let warnings: Vec<&str> = warnings.map(|finding| finding.rule.code).collect();
    if !warnings.is_empty() {
        appraisal.ear_verifier_claims.insert("warnings".to_owned(), json!(warnings));
    }
    appraisal.annotated_evidence = trustee_claims(item);
    appraisal
}

/// AR4SI trustworthiness claims as the rule book maps them (C.1): 2 affirming, 32 warning, 96
/// contraindicated, 0 no claim. Executables are 0: a token is issued before any reference value is consulted.
fn trust_vector(item: &VerifiedItem) -> TrustVector {
    let identity = TrustVector { instance_identity: 2, ..TrustVector::default() };
    if item.tee() == Tee::RegisteredKey {
        return identity;
    }
    let facts = item.facts();
    // No device says whether it can be debugged: it measures otherwise then, and is refused.
    let stands_in = item.tee().is_device().then_some(Debug::Disabled);
    let warned = item.findings().iter().any(|finding| finding.severity == Severity::Warn);
    let debug = facts.debug.or(stands_in) != Some(Debug::Disabled);
    TrustVector {
        hardware: match (debug, rating(facts.tcb_status)) {
            (true, _) => 96,
            (false, 2) if warned => 32,
            (false, rating) => rating,
        },
        configuration: if warned { 36 } else { 2 },
        runtime_opaque: 2,
        ..identity
    }
}

/// The hardware claim that a security version is worth (rule book C.1). No acceptable evidence is out of date
/// unless its owner said so: then the token says it.
const fn rating(status: TcbStatus) -> i8 {
    match status {
        TcbStatus::NotRated | TcbStatus::UpToDate => 2,
        TcbStatus::Unknown
        | TcbStatus::SwHardeningNeeded
        | TcbStatus::ConfigurationNeeded
        | TcbStatus::ConfigurationAndSwHardeningNeeded => 32,
        TcbStatus::OutOfDate
        | TcbStatus::OutOfDateConfigurationNeeded
        | TcbStatus::TdRelaunchAdvised
        | TcbStatus::TdRelaunchAdvisedConfigurationNeeded => 33,
        TcbStatus::Revoked | TcbStatus::NotRecognized => 96,
    }
}
