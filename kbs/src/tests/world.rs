//! One broker, its administrator, and a node of the lab.

use crate::admin::AdminCredential;
use crate::broker::{Broker, Parts, SealSource, Who};
use crate::clock::{Clock, ClockError};
use crate::config::{Environment, Limits};
use crate::judge::{Grounds, Judge, SecondReader};
use crate::router::{Doors, router};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hanzo_attestation::identity::{PublicKey, RegisteredKey};
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Collateral, Revocation, Roots};
use hanzo_attestation_evidence::{Binding, Hex, Kem, UnixTime, encoding};
use hanzo_attestation_lab::{Lab, SnpOrder, TdxOrder, TpmOrder};
use hanzo_kbs_protocol::RecipientKeyPair;
use hanzo_kbs_vault::{DeviceRules, KeyFileSeal, Quorum, Rng, RngError, Seal, SealError, Store};
use hanzo_policy::Appraisal;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// 2026-11-01T00:00:00Z.
pub(super) const START: i64 = 1_793_491_200;

pub(super) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Result<UnixTime, ClockError> {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst)).map_err(|_| ClockError)
    }
}

/// SHA-256 over a counter and a seed: the same run after run.
pub(super) struct Seeded(AtomicU64, u64);

impl Rng for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        for chunk in buffer.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let block = digest(&SHA256, &[count.to_be_bytes(), self.1.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

struct File(PathBuf);

impl SealSource for File {
    fn seal(&self) -> Result<Box<dyn Seal>, SealError> {
        Ok(Box::new(KeyFileSeal::read(&self.0)?))
    }
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}"))
    }

    /// Asserts a problem of this code, complete and in its place.
    pub(super) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert_eq!(self.body["status"], status);
    }
}

/// What a world is made with.
pub(super) struct Options {
    pub(super) environment: Environment,
    pub(super) lab: bool,
    /// Whether the broker has Intel's collateral.
    pub(super) intel: bool,
    pub(super) limits: Limits,
    pub(super) issuer: &'static str,
    pub(super) seed: u64,
    /// Endorsement keys that are trusted by name, and those that are denied.
    pub(super) eks: Vec<Hex<32>>,
    pub(super) denied_eks: Vec<Hex<32>>,
    /// Authorities over endorsement keys, DER.
    pub(super) manufacturers: Vec<Vec<u8>>,
    pub(super) appraisal: Appraisal,
    pub(super) second_reader: Option<SecondReader>,
    /// Roots beside the lab's, where a lab is accepted.
    pub(super) extra: ExtraRoots,
    /// Manifests of NVIDIA devices.
    pub(super) manifests: Vec<Vec<u8>>,
    pub(super) revocation: Revocation,
    pub(super) devices: DeviceRules,
    /// Who decides together.
    pub(super) quorum: Quorum,
    /// What the configuration trusts.
    pub(super) trust: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            lab: true,
            intel: true,
            limits: Limits::default(),
            issuer: "https://kbs.example",
            seed: 1,
            eks: Vec::new(),
            denied_eks: Vec::new(),
            manufacturers: Vec::new(),
            appraisal: Appraisal::strict(),
            second_reader: None,
            extra: ExtraRoots::default(),
            manifests: Vec::new(),
            revocation: Revocation::Required,
            devices: DeviceRules::default(),
            quorum: Quorum::default(),
            trust: None,
        }
    }
}

pub(super) struct World {
    pub(super) app: Router,
    pub(super) broker: Arc<Broker>,
    pub(super) lab: Lab,
    pub(super) pair: RecipientKeyPair,
    pub(super) dir: TempDir,
    token: String,
    clock: Arc<Hands>,
    runner: Arc<Ed25519KeyPair>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rng = Arc::new(Seeded(AtomicU64::new(0), options.seed));
        let seal = File(dir.path().join("seal.key"));
        let key = KeyFileSeal::create(&seal.0, rng.as_ref()).unwrap();
        let store = Store::open(dir.path().join("kbs.db"), rng.clone()).await.unwrap();
        store.initialise(&key, UnixTime::from_seconds(START).unwrap()).await.unwrap();
        Self::over(options, dir, store, rng, START).await
    }

    /// The same store in a new process.
    pub(super) async fn restarted(self, options: Options) -> Self {
        let Self { dir, clock, app, broker, .. } = self;
        drop((app, broker));
        let rng = Arc::new(Seeded(AtomicU64::new(1 << 32), options.seed));
        let store = Store::open(dir.path().join("kbs.db"), rng.clone()).await.unwrap();
        Self::over(options, dir, store, rng, clock.0.load(Ordering::SeqCst)).await
    }

    async fn over(options: Options, dir: TempDir, store: Store, rng: Arc<Seeded>, now: i64) -> Self {
        let lab = Lab::fixture();
        let runner = Arc::new(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let public = runner.public_key().as_ref().try_into().unwrap();
        let key = RegisteredKey { key_id: "ci-runner".to_owned(), public_key: PublicKey::Ed25519(public) };
        let mut roots = Roots::vendor().with_registered_key(key);
        if options.lab {
            roots = roots.with_extra(lab.extra_roots()).with_extra(options.extra);
        }
        roots = options.eks.iter().copied().fold(roots, Roots::with_trusted_ek);
        for der in options.manufacturers {
            roots = roots.with_tpm_manufacturer(der);
        }
        let mut appraisal = options.appraisal;
        appraisal.tpm.denied_eks = options.denied_eks;
        let collateral = if options.intel { lab.collateral() } else { lab.amd_collateral() };
        let manifests = options.manifests.iter();
        let grounds = Grounds {
            roots,
            collateral: manifests.fold(collateral, |all: Collateral, rim| all.with_nvidia_rim(rim)),
            revocation: options.revocation,
            appraisal,
            second_reader: options.second_reader,
            cache: Arc::new(hanzo_attestation::Cache::new(16)),
            store: None,
            grace: std::time::Duration::ZERO,
        };
        let (token, admin) = AdminCredential::generate(rng.as_ref()).unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(now)));
        let broker = Arc::new(Broker::new(Parts {
            clock: clock.clone(),
            rng,
            store: store.with_quorum(options.quorum),
            seal: Box::new(File(dir.path().join("seal.key"))),
            judge: Judge::new(grounds, options.limits.verifications),
            admin,
            environment: options.environment,
            limits: options.limits,
            devices: options.devices,
            issuer: options.issuer.to_owned(),
            trust: options.trust,
        }));
        broker.unseal(&Who::operator()).await.unwrap();
        let app = router(&broker, Doors::All);
        let pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
        Self { app, broker, lab, pair, dir, token: token.to_string(), clock, runner }
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body, text }
    }

    /// `POST` of raw bytes as JSON.
    pub(super) async fn post_bytes(&self, path: &str, body: impl Into<Body>) -> Reply {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_bytes(path, body.to_string()).await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn bearer(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A call of the administrator; `Value::Null` is no body.
    pub(super) async fn admin(&self, method: &str, path: &str, body: Value) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.token));
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    /// A key, and a policy that gives it to the lab's usual image.
    pub(super) async fn key(&self, id: &str, tier: u8) {
        let created = self.admin("POST", "/kbs/v1/keys", json!({"id": id, "minimum_tier": tier})).await;
        assert_eq!(created.status, 201, "{created:?}");
        let name = id.replace('/', "-");
        let text = format!(
            "permit (principal, action == Action::\"release\", resource == Key::\"{id}\")\n\
             when {{ principal.measurement in ReferenceSet::\"images\" }};"
        );
        self.policy(&name, &text).await;
    }

    pub(super) async fn policy(&self, name: &str, text: &str) {
        let path = format!("/kbs/v1/policies/{name}");
        let current = self.admin("GET", &path, Value::Null).await;
        let mut body = json!({"text": text});
        if current.status == 200 {
            body["expected_version"] = current.body["version"].clone();
        }
        let put = self.admin("PUT", &path, body).await;
        assert_eq!(put.status, 200, "{put:?}");
    }

    /// The lab's usual image as a reference value.
    pub(super) async fn references(&self) {
        let digest = hex::encode(SnpOrder::usual_measurement());
        let values = json!([{"tee": "sev-snp", "register": "measurement", "digest": digest}]);
        let put = self.admin("PUT", "/kbs/v1/references/images", json!({"values": values})).await;
        assert_eq!(put.status, 200, "{put:?}");
    }

    /// A world in which `acme/disk` (tier 2) is there for the lab's usual image.
    pub(super) async fn furnished() -> Self {
        Self::furnished_with(Options::default()).await
    }

    /// As [`World::furnished`], in a world of these options.
    pub(super) async fn furnished_with(options: Options) -> Self {
        let world = Self::with(options).await;
        world.references().await;
        world.key("acme/disk", 2).await;
        world
    }

    pub(super) async fn nonce(&self) -> String {
        let challenge = self.post("/kbs/v1/challenge", &json!({})).await;
        assert_eq!(challenge.status, 200, "{challenge:?}");
        challenge.body["nonce"].as_str().unwrap().to_owned()
    }

    /// `{nonce, recipient, evidence}` with a report by this order over this challenge.
    pub(super) fn proof_for(&self, nonce: &str, order: SnpOrder) -> Value {
        let binding = Binding::new(nonce, self.pair.recipient(), None, &[]).unwrap();
        let order = SnpOrder { report_data: *binding.cpu_report_data(), ..order };
        let item = self.lab.snp(&order).unwrap();
        json!({"nonce": nonce, "recipient": self.pair.recipient(), "evidence": [item]})
    }

    /// A fresh challenge, answered.
    pub(super) async fn proof(&self, order: SnpOrder) -> Value {
        self.proof_for(&self.nonce().await, order)
    }

    /// A fresh challenge, answered by a TD.
    pub(super) async fn td_proof(&self, order: TdxOrder) -> Value {
        let nonce = self.nonce().await;
        let binding = Binding::new(&nonce, self.pair.recipient(), None, &[]).unwrap();
        let order = TdxOrder { report_data: *binding.cpu_report_data(), ..order };
        let item = self.lab.tdx(&order).unwrap();
        json!({"nonce": nonce, "recipient": self.pair.recipient(), "evidence": [item]})
    }

    /// A fresh challenge, answered by a TPM, with more members for the item: what vouches for its attestation
    /// key.
    pub(super) async fn tpm_proof(&self, order: TpmOrder, more: Value) -> Value {
        let nonce = self.nonce().await;
        let binding = Binding::new(&nonce, self.pair.recipient(), None, &[]).unwrap();
        let order = TpmOrder { qualifying_data: binding.tpm_qualifying_data().to_vec(), ..order };
        let mut item = self.lab.tpm(&order).unwrap();
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"nonce": nonce, "recipient": self.pair.recipient(), "evidence": [item]})
    }

    /// A registered key's answer to a fresh challenge.
    pub(super) async fn identity_proof(&self) -> Value {
        let nonce = self.nonce().await;
        let binding = Binding::new(&nonce, self.pair.recipient(), None, &[]).unwrap();
        let signature = encoding::base64_encode(self.runner.sign(binding.identity_message()).as_ref());
        let item = json!({"type": "registered-key", "key_id": "ci-runner", "signature": signature});
        json!({"nonce": nonce, "recipient": self.pair.recipient(), "evidence": [item]})
    }

    pub(super) async fn authorize(&self, proof: Value, keys: &[&str]) -> Reply {
        self.post("/kbs/v1/authorize", &with(proof, "keys", json!(keys))).await
    }

    /// The newest row of the record.
    pub(super) async fn newest(&self) -> Value {
        let page = self.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await;
        page.body["entries"].as_array().unwrap().last().unwrap().clone()
    }

    /// Asserts a refusal, and that the row it names gives this reason to the operator.
    pub(super) async fn assert_refused(&self, reply: &Reply, status: u16, public: &str, code: &str) {
        reply.assert_problem(status, public);
        let row = self.newest().await;
        assert_eq!((row["code"].as_str(), row["outcome"].as_str()), (Some(code), Some("refused")), "{row}");
        assert_eq!(reply.body["decision"], row["seq"], "{reply:?}");
        assert_eq!(reply.body["request_id"], row["request_id"]);
    }
}

/// The object with one member more, or another value for it.
pub(super) fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}
