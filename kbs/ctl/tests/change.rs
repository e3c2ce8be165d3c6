//! `kbsctl change` against a broker on this machine that answers what the test says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_protocol::changes::{Statement, Word, body_digest};
use hanzo_kbs_protocol::{ChangeInfo, ChangeKind, ChangeState, PersonKey, ProposeChange};
use program::{broker, code, json_of, kbsctl, problem, run, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;

const TEXT: &str = "forbid (principal, action, resource);\n";

/// A folder with keys of alice and bob, and a policy.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for person in ["alice", "bob"] {
            let made = run(&["change", "keygen", "--out", desk.file(person).to_str().unwrap()]);
            assert_eq!(code(&made), 0, "{}", stderr(&made));
        }
        fs::write(desk.file("policy"), TEXT).unwrap();
        desk
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn public(&self, person: &str) -> PersonKey {
        PersonKey::from_pem(&fs::read(self.file(&format!("{person}.pub"))).unwrap()).unwrap()
    }

    fn run(&self, address: &str, arguments: &[&str]) -> Output {
        let mut command = kbsctl(self.0.path());
        command.args(arguments).env("KBS_ADDR", address).env("KBS_TOKEN", "t0ken").output().unwrap()
    }

    fn says(&self, address: &str, words: &[&str], id: &str, person: &str) -> Output {
        let key = self.file(person);
        let more = [id, "--as", person, "--key", key.to_str().unwrap()];
        self.run(address, &[&["change"], words, &more].concat())
    }
}

fn change() -> ChangeInfo {
    let statement = Statement {
        kind: ChangeKind::Policy,
        name: "prod-release".to_owned(),
        body_digest: body_digest(TEXT),
        expected_version: Some(1),
        author: "alice".to_owned(),
        nonce: Hex([1; 16]),
    };
    info(statement, TEXT)
}

fn info(statement: Statement, body: &str) -> ChangeInfo {
    let at = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    ChangeInfo {
        id: statement.id().unwrap(),
        statement,
        body: Some(body.to_owned()),
        signature: Hex([0; 64]),
        scopes: vec!["production".to_owned()],
        proposed_at: at,
        due_at: at,
        expires_at: at,
        state: ChangeState::Open,
        needed: 2,
        approvals: Vec::new(),
        break_glass_needed: Some(1),
        break_glass: Vec::new(),
        glass_broken: false,
        acknowledgements: Vec::new(),
    }
}

/// A broker that shows this change, and takes what is said about it if bob signed exactly that.
fn careful_broker(change: ChangeInfo, bob: PersonKey) -> String {
    type Known = State<(ChangeInfo, PersonKey)>;
    async fn show(State((change, _)): Known) -> Json<ChangeInfo> {
        Json(change)
    }
    async fn hear(
        State((change, bob)): Known,
        Path((id, call)): Path<(String, String)>,
        Json(body): Json<Value>,
    ) -> axum::response::Response {
        let reason = body["reason"].as_str().unwrap_or_default();
        let word = match call.as_str() {
            "approvals" => Word::Approve,
            "acknowledge" => Word::Acknowledge,
            "break-glass" => Word::BreakGlass(reason),
            _ => return problem(404, "NotFound"),
        };
        let signature = serde_json::from_value(body["signature"].clone()).unwrap();
        let signed = bob.verify(&word.message(&change.id), &signature).is_ok();
        if id == change.id.to_string() && body["approver"] == "bob" && signed {
            Json(change).into_response()
        } else {
            problem(409, "ChangeRefused")
        }
    }
    let current = json!({
        "name": "prod-release", "version": 1, "digest": "00".repeat(32), "decision": 7, "text": "permit (principal, action, resource);\n",
        "created_at": "2026-11-01T00:00:00Z",
    });
    let router = Router::new()
        .route("/kbs/v1/changes/{id}", get(show))
        .route("/kbs/v1/changes/{id}/{call}", post(hear))
        .route("/kbs/v1/policies/{name}", get(move || async move { Json(current) }));
    broker(router.with_state((change, bob)))
}

#[test]
fn a_proposal_is_signed_over_its_own_text() {
    async fn propose(
        State(alice): State<PersonKey>,
        Json(request): Json<ProposeChange>,
    ) -> axum::response::Response {
        let statement = request.statement();
        let id = statement.id().unwrap();
        let signed = alice.verify(&Word::Propose.message(&id), &request.signature).is_ok();
        if signed && request.body == TEXT && request.expected_version == Some(1) && request.author == "alice"
        {
            (StatusCode::CREATED, Json(info(statement, TEXT))).into_response()
        } else {
            problem(409, "ChangeRefused")
        }
    }
    let desk = Desk::new();
    let router = Router::new().route("/kbs/v1/changes", post(propose)).with_state(desk.public("alice"));
    let address = broker(router);
    let (policy, key) = (desk.file("policy"), desk.file("alice"));
    let arguments = ["change", "propose", "policy", "prod-release", "--file", policy.to_str().unwrap()];
    let more = ["--expected-version", "1", "--as", "alice", "--key", key.to_str().unwrap()];
    let output = desk.run(&address, &[&arguments[..], &more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json_of(&output)["statement"]["name"], "prod-release");
}

#[test]
fn who_approves_sees_the_difference_and_signs_that_change() {
    let desk = Desk::new();
    let (change, bob) = (change(), desk.public("bob"));
    let id = change.id.to_string();
    let address = careful_broker(change, bob);
    for words in [&["approve"][..], &["acknowledge"], &["break-glass", "--reason", "fire"]] {
        let output = desk.says(&address, words, &id, "bob");
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        let seen = stderr(&output);
        assert!(seen.contains("- permit (") && seen.contains("+ forbid (") && seen.contains(&id), "{seen}");
    }
    // Another key is not bob's.
    let key = desk.file("alice");
    let output =
        desk.run(&address, &["change", "approve", &id, "--as", "bob", "--key", key.to_str().unwrap()]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let shown = desk.run(&address, &["change", "show", &id, "--format", "table"]);
    assert!(stdout(&shown).contains("+ forbid (") && stdout(&shown).contains("alice"), "{}", stdout(&shown));
}

#[test]
fn a_broker_that_shows_another_text_gets_no_signature() {
    let desk = Desk::new();
    let honest = change();
    let id = honest.id.to_string();
    let text = ChangeInfo { body: Some("permit (principal, action, resource);".to_owned()), ..change() };
    let none = ChangeInfo { body: None, ..change() };
    let renamed = Statement { name: "prod-other".to_owned(), ..honest.statement };
    let other = ChangeInfo { statement: renamed, ..change() };
    for lie in [text, none, other] {
        let address = careful_broker(lie, desk.public("bob"));
        let output = desk.says(&address, &["approve"], &id, "bob");
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains("the broker sent"), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_key_for_everybody_and_what_is_no_key_are_refused() {
    let desk = Desk::new();
    let change = change();
    let id = change.id.to_string();
    let address = careful_broker(change, desk.public("bob"));
    assert_eq!(fs::metadata(desk.file("bob")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(desk.file("bob"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = desk.says(&address, &["approve"], &id, "bob");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("mode 0644"), "{}", stderr(&output));
    fs::copy(desk.file("bob.pub"), desk.file("carol")).unwrap();
    fs::set_permissions(desk.file("carol"), fs::Permissions::from_mode(0o600)).unwrap();
    let output = desk.says(&address, &["approve"], &id, "carol");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("PRIVATE KEY"), "{}", stderr(&output));
    let output = desk.says(&address, &["approve"], "00", "alice");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let again = run(&["change", "keygen", "--out", desk.file("alice").to_str().unwrap()]);
    assert_eq!(code(&again), 2, "a key is not overwritten: {}", stderr(&again));
}
