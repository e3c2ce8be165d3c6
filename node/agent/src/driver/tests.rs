use super::*;
use crate::local::{LocalClient, LocalError, OwnedSocket, serve};
use hanzo_attestation_evidence::{Binding, Hex, Recipient};
use hanzo_kbs_client::{BrokerProblem, ClientError};
use hanzo_kbs_protocol::{
    Aad, AttestRequest, AttestResponse, AuthorizeProof, AuthorizeRequest, AuthorizeResponse, Checkpoint,
    GrantedKey, Receipt, RenewRequest, SessionState, SessionStatus, seal,
};
use hanzo_node_attester::{CollectError, Source};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Seconds since the test began, by the paused clock of the runtime.
#[derive(Clone)]
struct TestClock(Instant);

impl TestClock {
    fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        let passed = i64::try_from(self.0.elapsed().as_secs()).unwrap();
        UnixTime::from_seconds(1_000_000 + passed).unwrap()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Grants,
    Refuses,
    Busy,
    Silent,
    Confused,
}

/// A broker that grants, refuses, or is not there, and remembers what was asked.
#[derive(Clone)]
struct Broker {
    clock: TestClock,
    mood: Arc<Mutex<Mood>>,
    calls: Arc<Mutex<Vec<String>>>,
    recipients: Arc<Mutex<Vec<Recipient>>>,
}

impl Broker {
    fn new(clock: &TestClock) -> Self {
        Self {
            clock: clock.clone(),
            mood: Arc::new(Mutex::new(Mood::Grants)),
            calls: Arc::default(),
            recipients: Arc::default(),
        }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn called(&self, what: impl Into<String>) {
        self.calls.lock().unwrap().push(what.into());
    }

    fn grant(&self, recipient: &Recipient, session: &str) -> Result<AuthorizeResponse, ClientError> {
        self.recipients.lock().unwrap().push(recipient.clone());
        let problem = |status, code: &str| {
            ClientError::Problem(Box::new(BrokerProblem {
                status,
                code: code.to_owned(),
                detail: String::new(),
                decision: Some(9),
                request_id: String::new(),
                retry_after: None,
            }))
        };
        match *self.mood.lock().unwrap() {
            Mood::Refuses => return Err(problem(403, "KeyNotGranted")),
            Mood::Busy => return Err(problem(503, "Sealed")),
            _ => {}
        }
        let expires_at = self.clock.now().after(Duration::from_secs(300));
        let hash = Hex([7; 32]);
        let key_id = "t/k".to_owned();
        let aad = Aad {
            key_id: key_id.clone(),
            version: 1,
            tier: 2,
            session_id: session.to_owned(),
            receipt: hash,
        };
        let sealed = seal(recipient, &aad, b"the key").unwrap();
        // A confused broker answers for another session.
        let session = if *self.mood.lock().unwrap() == Mood::Confused { "other" } else { session };
        Ok(AuthorizeResponse {
            session_id: session.to_owned(),
            tier: 2,
            expires_at,
            keys: vec![GrantedKey { key_id: key_id.clone(), version: 1, sealed, expires_at }],
            receipts: vec![Receipt {
                seq: 1,
                at: self.clock.now(),
                key_id,
                version: 1,
                prev: Hex([0; 32]),
                hash,
                break_glass: Vec::new(),
            }],
            checkpoint: Checkpoint { seq: 1, hash },
        })
    }
}

impl Door for Broker {
    async fn challenge(&self) -> Result<Challenge, ClientError> {
        if *self.mood.lock().unwrap() == Mood::Silent {
            return Err(ClientError::Unreachable { reason: "connection refused".to_owned() });
        }
        let expires_at = self.clock.now().after(Duration::from_secs(60));
        Ok(Challenge { nonce: "nonce".to_owned(), expires_at })
    }

    async fn attest(&self, _: &AttestRequest) -> Result<AttestResponse, ClientError> {
        Err(ClientError::Name)
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<AuthorizeResponse, ClientError> {
        self.called("authorize");
        assert_eq!(request.keys, ["t/k"]);
        let AuthorizeProof::Evidence(proof) = &request.proof else { panic!("no evidence") };
        assert_eq!(proof.evidence, json!([]));
        self.grant(&proof.recipient, "s1")
    }

    async fn renew(&self, request: &RenewRequest) -> Result<AuthorizeResponse, ClientError> {
        self.called(format!("renew {}", request.session_id));
        self.grant(&request.recipient, &request.session_id)
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<SessionStatus, ClientError> {
        self.called(format!("revoke {}", request.session_id));
        Ok(SessionStatus {
            session_id: request.session_id.clone(),
            state: SessionState::Revoked,
            tier: 2,
            expires_at: self.clock.now(),
            devices: vec![],
            grants: vec![],
        })
    }
}

fn plan() -> AgentPlan {
    AgentPlan { keys: vec!["t/k".to_owned()], kem: Kem::X25519HkdfSha256, runtime_data: None }
}

struct Running {
    clock: TestClock,
    broker: Broker,
    keyring: Keyring<TestClock>,
    stop: Arc<Notify>,
    agent: tokio::task::JoinHandle<()>,
}

fn start_with(source: impl EvidenceSource + 'static) -> Running {
    let clock = TestClock::start();
    let broker = Broker::new(&clock);
    let agent = Agent::new(broker.clone(), source, clock.clone(), || 0, plan());
    let keyring = agent.keyring();
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let agent = tokio::spawn(agent.run(async move { stopped.notified().await }));
    Running { clock, broker, keyring, stop, agent }
}

fn start() -> Running {
    start_with(Source::Nothing)
}

impl Running {
    /// Lets `seconds` of the paused clock pass, with everything that happens in them.
    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn key(&self) -> Result<Vec<u8>, NoKey> {
        self.keyring.with_key("t/k", <[u8]>::to_vec)
    }
}

#[tokio::test(start_paused = true)]
async fn holds_the_key_and_renews_in_time_with_the_same_recipient() {
    let run = start();
    run.pass(1).await;
    assert_eq!(run.key(), Ok(b"the key".to_vec()));
    run.pass(1000).await;
    assert_eq!(run.key(), Ok(b"the key".to_vec()));
    let calls = run.broker.calls();
    assert_eq!(calls[0], "authorize");
    assert_eq!(calls[1..], vec!["renew s1"; 5]);
    let recipients = run.broker.recipients.lock().unwrap().clone();
    assert!(recipients.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_wipes_at_once_and_a_new_session_has_a_new_recipient() {
    let run = start();
    run.pass(1).await;
    run.broker.set(Mood::Refuses);
    run.pass(201).await;
    assert_eq!(run.key(), Err(NoKey::NoSession));
    run.broker.set(Mood::Grants);
    run.pass(61).await;
    assert_eq!(run.key(), Ok(b"the key".to_vec()));
    let recipients = run.broker.recipients.lock().unwrap().clone();
    assert_ne!(recipients.first(), recipients.last());
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_keys_live_to_the_deadline_and_no_longer() {
    for mood in [Mood::Silent, Mood::Busy, Mood::Confused] {
        let run = start();
        run.pass(1).await;
        run.broker.set(mood);
        run.pass(298).await;
        assert_eq!(run.key(), Ok(b"the key".to_vec()));
        run.pass(2).await;
        assert_eq!(run.key(), Err(NoKey::NoSession));
        assert!(run.keyring.machine().deadline().is_none(), "wiped, not only hidden");
        run.broker.set(Mood::Grants);
        run.pass(61).await;
        assert_eq!(run.key(), Ok(b"the key".to_vec()));
    }
}

struct NoHardware;

impl EvidenceSource for NoHardware {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn collect(&self, _: &Binding) -> Result<Value, CollectError> {
        Err(CollectError::Interrupted)
    }
}

#[tokio::test(start_paused = true)]
async fn without_evidence_nothing_is_asked_for() {
    let run = start_with(NoHardware);
    run.pass(30).await;
    assert!(run.broker.calls().is_empty());
    let Some(crate::status::Trouble::Failed { reason }) = run.keyring.status().trouble else {
        panic!("no trouble")
    };
    assert!(reason.starts_with("no evidence"));
}

/// Evidence that takes longer than the challenge lives.
struct Slow;

impl EvidenceSource for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn collect(&self, _: &Binding) -> Result<Value, CollectError> {
        tokio::time::sleep(Duration::from_secs(61)).await;
        Ok(json!({"evidence": []}))
    }
}

#[tokio::test(start_paused = true)]
async fn evidence_that_comes_too_late_is_not_sent() {
    let run = start_with(Slow);
    run.pass(200).await;
    assert!(run.broker.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn stopping_wipes_and_ends_the_session() {
    let run = start();
    run.pass(1).await;
    run.stop.notify_one();
    run.agent.await.unwrap();
    assert_eq!(run.keyring.with_key("t/k", <[u8]>::to_vec), Err(NoKey::NoSession));
    assert_eq!(run.broker.calls().last().unwrap(), "revoke s1");
    assert!(run.clock.now() < UnixTime::from_seconds(1_000_010).unwrap());
}

#[tokio::test]
async fn workloads_read_keys_on_the_socket_while_the_session_lives() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = dir.path().join("agent.sock");
    let clock = TestClock::start();
    let keyring = Keyring::new(clock.clone());
    let server =
        tokio::spawn(serve(OwnedSocket::bind(&path).await.unwrap(), keyring.clone(), std::future::pending()));
    let client = LocalClient::new(&path);
    let code = |outcome: Result<_, LocalError>| match outcome {
        Err(LocalError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(client.secret("t/k").await), "NoSession");
    assert_eq!(client.status().await.unwrap().session, None);

    let broker = Broker::new(&clock);
    let pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let answer = broker.grant(pair.recipient(), "s1").unwrap();
    let session =
        hanzo_kbs_protocol::handshake::open_answer(&pair, &answer, &plan().keys, clock.now()).unwrap();
    keyring.handle(Event::Tick, 0);
    keyring.handle(Event::Challenge, 0);
    keyring.handle(Event::Granted(session), 0);
    assert_eq!(client.secret("t/k").await.unwrap().as_slice(), b"the key");
    assert_eq!(code(client.secret("t/other").await), "KeyNotHeld");
    assert_eq!(client.status().await.unwrap().session.unwrap().keys[0].key_id, "t/k");
    for name in ["", "t/k?x", "t/k#x", "t k", "t/%6b"] {
        assert!(matches!(client.secret(name).await, Err(LocalError::KeyId(_))), "{name}");
    }
    keyring.machine().close();
    assert_eq!(code(client.secret("t/k").await), "NoSession");

    server.abort();
    let _ = server.await;
    assert!(matches!(client.secret("t/k").await, Err(LocalError::NotRunning { .. })));
}

#[tokio::test]
async fn an_agent_in_an_open_directory_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    let _listener = tokio::net::UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let outcome = LocalClient::new(&path).status().await;
    assert!(matches!(outcome, Err(LocalError::Untrusted { .. })));
}
