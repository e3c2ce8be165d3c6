//! Verbs against a broker on this machine that answers what the test says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, put};
use axum::{Json, Router};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{Action, Decision, Door, Head, NewDecision};
use program::{broker, code, json_of, kbsctl, problem, stderr, stdout, with_input};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

const TOKEN: &str = "correct-horse-battery-staple";

fn kbsctl_at(address: &str, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    kbsctl(home.path()).args(arguments).env("KBS_ADDR", address).env("KBS_TOKEN", TOKEN).output().unwrap()
}

fn key(id: &str) -> Value {
    json!({
        "id": id, "tenant": "acme", "kind": "key", "algorithm": "aes-256", "minimum_tier": 2,
        "require_cpu_tee": false, "current_version": 1, "created_at": "2026-11-01T00:00:00Z",
        "versions": [{"version": 1, "created_at": "2026-11-01T00:00:00Z", "state": "enabled", "releases": 0}],
    })
}

#[test]
fn a_key_is_created_with_the_tier_asked_for() {
    async fn create(Json(request): Json<Value>) -> impl IntoResponse {
        let expected = json!({
            "id": "acme/model", "minimum_tier": 2, "algorithm": "aes-256", "require_cpu_tee": true,
        });
        if request == expected {
            (StatusCode::CREATED, Json(key("acme/model"))).into_response()
        } else {
            problem(400, "MalformedRequest")
        }
    }
    let address = broker(Router::new().route("/kbs/v1/keys", axum::routing::post(create)));
    for tier in ["2", "confidential", "cpu-tee", "secure"] {
        let arguments = ["key", "create", "acme/model", "--min-tier", tier, "--require-cpu-tee"];
        let output = kbsctl_at(&address, &arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(json_of(&output), key("acme/model"));
    }
    let arguments =
        ["key", "create", "acme/model", "--min-tier", "2", "--require-cpu-tee", "--format", "table"];
    let table = stdout(&kbsctl_at(&address, &arguments));
    assert!(table.contains("2 confidential") && !table.contains('{'), "{table}");
}

#[test]
fn a_no_of_the_broker_is_1_with_its_code_and_decision() {
    for (status, name) in [(404, "NotFound"), (401, "Unauthenticated"), (409, "Conflict"), (503, "Sealed")] {
        let address = broker(Router::new().fallback(move || async move { problem(status, name) }));
        for arguments in [
            &["key", "list"][..],
            &["key", "get", "acme/x"],
            &["policy", "get", "main"],
            &["grant", "revoke", "00"],
            &["audit", "verify"],
        ] {
            let output = kbsctl_at(&address, arguments);
            assert_eq!(code(&output), 1, "{arguments:?}: {}", stderr(&output));
            assert_eq!(stdout(&output), "");
            assert!(
                stderr(&output).contains(name) && stderr(&output).contains("decision 7"),
                "{}",
                stderr(&output)
            );
        }
    }
}

#[test]
fn what_is_no_broker_is_3() {
    let address = broker(Router::new().fallback(|| async { "<html>" }));
    let output = kbsctl_at(&address, &["key", "list"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

#[test]
fn a_secret_goes_in_and_is_never_shown() {
    const SECRET: &[u8] = b"hunter2\n\x00\xff";
    async fn store(
        Path((tenant, name)): Path<(String, String)>,
        Json(request): Json<Value>,
    ) -> impl IntoResponse {
        let id = format!("{tenant}/{name}");
        let expected = json!({
            "id": "acme/db/password", "minimum_tier": 1, "require_cpu_tee": false, "value": "aHVudGVyMgoA/w==",
        });
        if id == "acme/db/password" && request == expected {
            Json(key(&id)).into_response()
        } else {
            problem(400, "MalformedRequest")
        }
    }
    let router = Router::new().route("/kbs/v1/secrets/{tenant}/{*name}", put(store));
    let address = broker(
        router.route("/kbs/v1/keys/{tenant}/{*name}", get(|| async { Json(key("acme/db/password")) })),
    );
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("secret");
    fs::write(&file, SECRET).unwrap();
    let shown = |output: &Output| format!("{}{}", stdout(output), stderr(output));
    for source in [file.to_str().unwrap(), "-"] {
        let arguments = ["secret", "put", "acme/db/password", "--min-tier", "encrypted", "--file", source];
        let mut command = kbsctl(home.path());
        command.args(arguments).env("KBS_ADDR", &address).env("KBS_TOKEN", TOKEN);
        let output = with_input(&mut command, SECRET);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!shown(&output).contains("hunter2") && !shown(&output).contains("aHVudGVy"));
    }
    let output = kbsctl_at(&address, &["secret", "get", "acme/db/password"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("administrators cannot read values"));
}

#[test]
fn no_secret_at_all_is_2() {
    let address = broker(Router::new().fallback(|| async { problem(500, "Internal") }));
    let home = tempfile::tempdir().unwrap();
    let mut command = kbsctl(home.path());
    command.args(["secret", "put", "acme/x", "--min-tier", "1", "--file", "-"]);
    command.env("KBS_ADDR", &address).env("KBS_TOKEN", TOKEN);
    let output = with_input(&mut command, b"");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("an empty file is no secret"));
}

#[test]
fn status_is_yes_only_when_keys_can_be_released() {
    for (ready, sealed, expected) in [(StatusCode::OK, false, 0), (StatusCode::SERVICE_UNAVAILABLE, true, 1)]
    {
        let health = json!({
            "status": "x", "version": "0.1.0", "environment": "development", "lab": true, "sealed": sealed,
            "roots": {"amd_sha256": ["00"], "intel": 1},
        });
        let router = Router::new().route("/readyz", get(move || async move { ready }));
        let address = broker(router.route("/healthz", get(move || async move { Json(health) })));
        let output = kbsctl_at(&address, &["status"]);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert_eq!(json_of(&output)["ready"], json!(!sealed));
        let table = stdout(&kbsctl_at(&address, &["status", "--format", "table"]));
        assert!(table.contains("development") && table.contains("intel: 1"), "{table}");
    }
}

/// A broker that admits [`TOKEN`] alone.
fn careful_broker() -> String {
    async fn policies(headers: HeaderMap) -> impl IntoResponse {
        let expected = format!("Bearer {TOKEN}");
        let given = headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes());
        if given { Json(json!([])).into_response() } else { problem(401, "Unauthenticated") }
    }
    broker(Router::new().route("/kbs/v1/policies", get(policies)))
}

#[test]
fn login_checks_the_token_and_keeps_it_for_its_owner() {
    let (address, home) = (careful_broker(), tempfile::tempdir().unwrap());
    let token = home.path().join("token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let arguments = ["login", "--addr", &address, "--token-file", token.to_str().unwrap()];
    let output = kbsctl(home.path()).args(arguments).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let stored = home.path().join(".config/hanzo-kbs/login.json");
    assert_eq!(json_of(&output)["stored_in"], json!(stored));
    assert!(stderr(&output).contains("stored the token, readable by you alone"));
    assert!(!stdout(&output).contains(TOKEN) && !stderr(&output).contains(TOKEN));
    assert_eq!(fs::metadata(&stored).unwrap().permissions().mode() & 0o777, 0o600);

    let output = kbsctl(home.path()).args(["policy", "list"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let elsewhere = careful_broker();
    let output = kbsctl(home.path()).args(["policy", "list", "--addr", &elsewhere]).output().unwrap();
    assert_eq!(code(&output), 2, "the stored token is for its own broker: {}", stderr(&output));
}

#[test]
fn a_token_that_is_not_accepted_is_not_kept() {
    let (address, home) = (careful_broker(), tempfile::tempdir().unwrap());
    let mut command = kbsctl(home.path());
    let output = with_input(command.args(["login", "--addr", &address, "--token-file", "-"]), b"wrong");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("Unauthenticated"));
    assert!(!home.path().join(".config/hanzo-kbs/login.json").exists());
    let output = with_input(
        kbsctl(home.path()).args(["login", "--addr", &address, "--token-file", "-"]),
        TOKEN.as_bytes(),
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_token_file_for_everybody_is_refused() {
    let (address, home) = (careful_broker(), tempfile::tempdir().unwrap());
    let token = home.path().join("token");
    fs::write(&token, TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    for verb in [&["login"][..], &["policy", "list"]] {
        let output = kbsctl(home.path())
            .args(verb)
            .env("KBS_ADDR", &address)
            .env("KBS_TOKEN_FILE", &token)
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(
            stderr(&output).contains("mode 0644") && !stderr(&output).contains(TOKEN),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn two_tokens_are_one_too_many() {
    let (address, home) = (careful_broker(), tempfile::tempdir().unwrap());
    let token = home.path().join("token");
    fs::write(&token, TOKEN).unwrap();
    let mut command = kbsctl(home.path());
    command.args(["policy", "list", "--addr", &address, "--token-file", token.to_str().unwrap()]);
    let output = command.env("KBS_TOKEN", TOKEN).output().unwrap();
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("unset one"));
}

fn record() -> Vec<Decision> {
    let now = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    let mut head = Head::EMPTY;
    let row = |number: u32| {
        let entry = NewDecision::granted(now, Door::Native, Action::Attest, "test", format!("r-{number}"));
        if number.is_multiple_of(2) { entry.refused("TierTooLow", "tier 0 is below 2") } else { entry }
    };
    let mut rows = Vec::new();
    for number in 1..=1203 {
        let decision = head.append(row(number)).unwrap();
        head = Head::from(&decision);
        rows.push(decision);
    }
    rows
}

/// A broker with this record; `claimed` is the head that it claims.
fn broker_with_record(rows: Vec<Decision>, claimed: Head) -> String {
    let audit = move |Query(query): Query<HashMap<String, usize>>| async move {
        let entries: Vec<_> = rows.iter().skip(query["after"]).take(query["limit"]).collect();
        Json(json!({"entries": entries, "head": claimed}))
    };
    broker(Router::new().route("/kbs/v1/audit", get(audit)))
}

#[test]
fn an_intact_record_is_followed_to_its_head() {
    let rows = record();
    let (first, head) = (Head::from(&rows[600]), Head::from(rows.last().unwrap()));
    let address = broker_with_record(rows, head);
    let output = kbsctl_at(&address, &["audit", "verify"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(json_of(&output), json!({"intact": true, "rows": 1203, "head": head}));

    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("checkpoint.json");
    for (checkpoint, expected) in
        [(first, 0), (head, 0), (Head { hash: head.hash, ..first }, 1), (Head { seq: 5000, ..head }, 1)]
    {
        fs::write(&kept, serde_json::to_vec(&checkpoint).unwrap()).unwrap();
        let output = kbsctl_at(&address, &["audit", "verify", "--checkpoint", kept.to_str().unwrap()]);
        assert_eq!(code(&output), expected, "{checkpoint:?}: {}", stdout(&output));
        assert_eq!(json_of(&output)["intact"], json!(expected == 0));
    }
    fs::write(&kept, "{}").unwrap();
    let output = kbsctl_at(&address, &["audit", "verify", "--checkpoint", kept.to_str().unwrap()]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn a_changed_record_is_named_by_its_row() {
    let rows = record();
    let head = Head::from(rows.last().unwrap());
    let mut changed = rows.clone();
    changed[700].entry.reason = "another".to_owned();
    let mut dropped = rows.clone();
    dropped.remove(700);
    let mut swapped = rows.clone();
    swapped.swap(700, 701);
    let cut = rows[..1000].to_vec();
    for (rows, named) in [(changed, "701"), (dropped, "701"), (swapped, "701"), (cut, "1203")] {
        let address = broker_with_record(rows, head);
        let output = kbsctl_at(&address, &["audit", "verify"]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        let answer = json_of(&output);
        assert_eq!(answer["intact"], json!(false));
        assert!(answer["broken"].as_str().unwrap().contains(named), "{answer}");
        let table = stdout(&kbsctl_at(&address, &["audit", "verify", "--format", "table"]));
        assert!(table.contains("NOT intact"), "{table}");
    }
}

#[test]
fn the_list_shows_the_newest_decisions_unless_told_otherwise() {
    let rows = record();
    let head = Head::from(rows.last().unwrap());
    let address = broker_with_record(rows, head);
    let numbers = |arguments: &[&str]| -> Vec<u64> {
        let answer = json_of(&kbsctl_at(&address, arguments));
        answer["entries"].as_array().unwrap().iter().map(|row| row["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&["audit", "list", "--limit", "2"]), [1202, 1203]);
    assert_eq!(numbers(&["audit", "list", "--limit", "2", "--after", "0"]), [1, 2]);
    assert_eq!(numbers(&["audit", "list"]).len(), 100);
    let table = stdout(&kbsctl_at(&address, &["audit", "list", "--limit", "2", "--format", "table"]));
    assert!(table.contains("TierTooLow") && table.contains("tier 0 is below 2"), "{table}");
}

#[test]
fn a_machine_is_paired_listed_and_taken_back() {
    let (pdi, root) = ("41".repeat(8), "9f".repeat(32));
    let nvidia = "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48";
    let machine = format!("sev-snp:{}@{root}", "ab".repeat(64));
    let of = json!({"tee": "sev-snp", "root": root, "id": "ab".repeat(64)});
    let devices = json!([{"pdi": pdi, "root": nvidia}, {"pdi": "42".repeat(8), "root": root}]);
    let expected = json!({"machine": of, "devices": devices, "note": "rack 1", "expected_version": 3});
    let stored = json!({
        "name": "rack-1", "version": 4, "machine": of, "devices": devices, "note": "rack 1",
        "created_at": "2026-11-01T00:00:00Z",
    });
    let answer = stored.clone();
    let asked = move |name: String, query: HashMap<String, String>, body: Option<Value>| {
        let removed = query.get("expected_version").map(String::as_str) == Some("4");
        match body {
            Some(body) if name == "rack-1" && body == expected => Json(answer.clone()).into_response(),
            None if name == "rack-1" && removed => Json(answer.clone()).into_response(),
            _ => problem(400, "MalformedRequest"),
        }
    };
    let put_pair = asked.clone();
    let put_pair = put(
        move |Path(name): Path<String>,
              Query(query): Query<HashMap<String, String>>,
              Json(body): Json<Value>| async move { put_pair(name, query, Some(body)) },
    );
    let both = put_pair.delete(
        move |Path(name): Path<String>, Query(query): Query<HashMap<String, String>>| async move {
            asked(name, query, None)
        },
    );
    let list = stored.clone();
    let router = Router::new().route("/kbs/v1/inventory/{name}", both);
    let address = broker(router.route("/kbs/v1/inventory", get(move || async move { Json(json!([list])) })));
    let second = format!("{}@{root}", "42".repeat(8));
    let mut arguments = vec!["inventory", "put", "rack-1", "--machine", &machine, "--device", &pdi];
    arguments.extend(["--device", &second, "--note", "rack 1", "--expected-version", "3"]);
    let output = kbsctl_at(&address, &arguments);
    assert_eq!((code(&output), json_of(&output)), (0, stored), "{}", stderr(&output));
    let output = kbsctl_at(&address, &["inventory", "remove", "rack-1", "--expected-version", "4"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let table = stdout(&kbsctl_at(&address, &["inventory", "list", "--format", "table"]));
    assert!(table.contains("rack-1") && table.contains(&pdi) && table.contains(&machine), "{table}");
    for wrong in [
        &["inventory", "put", "rack-1", "--machine", "sev-snp:zz", "--device", &pdi][..],
        &["inventory", "put", "rack-1", "--machine", &machine, "--device", "GPU-0"],
        &["inventory", "put", "rack-1", "--machine", &machine],
        &["inventory", "remove", "rack-1"],
        &["grant", "list", "--device", "41"],
    ] {
        assert_eq!(code(&kbsctl_at(&address, wrong)), 2, "{wrong:?}");
    }
}

#[test]
fn grants_are_listed_by_the_device_that_they_rest_on() {
    let pdi = "41".repeat(8);
    let grant = json!({
        "session_id": "0f".repeat(16), "key_id": "acme/weights", "version": 1, "tier": 3,
        "granted_at": "2026-11-01T00:00:00Z", "expires_at": "2026-11-01T01:00:00Z", "releases": 1, "decision": 9,
        "revoked": true, "superseded": true, "machine": {"tee": "tpm", "id": "ab".repeat(32)},
        "devices": [{"pdi": pdi, "root": "9f".repeat(32)}],
    });
    let (asked, listed) = (pdi.clone(), grant.clone());
    let grants = get(move |Query(query): Query<HashMap<String, String>>| async move {
        let all = query.get("device").is_none_or(|device| *device == asked);
        Json(if all { json!([listed]) } else { json!([]) })
    });
    let address = broker(Router::new().route("/kbs/v1/grants", grants));
    assert_eq!(json_of(&kbsctl_at(&address, &["grant", "list"])), json!([grant]));
    assert_eq!(json_of(&kbsctl_at(&address, &["grant", "list", "--device", &pdi])), json!([grant]));
    assert_eq!(json_of(&kbsctl_at(&address, &["grant", "list", "--device", &"42".repeat(8)])), json!([]));
    let table = stdout(&kbsctl_at(&address, &["grant", "list", "--format", "table"]));
    assert!(table.contains("superseded") && table.contains(&pdi), "{table}");
}

#[test]
fn a_reference_set_goes_back_to_what_it_was() {
    let value = |byte: &str| json!({"tee": "tdx", "register": "mr_td", "digest": byte.repeat(48)});
    let at = "2026-11-01T00:00:00Z";
    let set = move |version: u64, byte: &str| json!({"name": "images", "version": version, "values": [value(byte)], "created_at": at});
    let read = move |Query(query): Query<HashMap<String, String>>| async move {
        match query.get("version").map(String::as_str) {
            None | Some("2") => Json(set(2, "22")).into_response(),
            Some("1") => Json(set(1, "11")).into_response(),
            Some(_) => problem(404, "NotFound"),
        }
    };
    let store = move |Json(request): Json<Value>| async move {
        let expected = json!({"values": [value("11")], "expected_version": 2});
        if request == expected { Json(set(3, "11")).into_response() } else { problem(409, "Conflict") }
    };
    let row = json!({"version": 2, "digest": "07".repeat(32), "created_at": at, "decision": 9,
        "hash": "08".repeat(32), "actor": "a"});
    let rows = json!([row]);
    let versions = move || async move { Json(rows) };
    let router = Router::new().route("/kbs/v1/references/images", get(read).put(store));
    let address = broker(router.route("/kbs/v1/references/images/versions", get(versions)));
    let run = |arguments: &[&str]| kbsctl_at(&address, &[&["reference"], arguments].concat());
    assert_eq!(json_of(&run(&["history", "images"])), json!([row]));
    assert_eq!(json_of(&run(&["get", "images", "--version", "1"]))["values"][0], value("11"));
    let found = json_of(&run(&["diff", "images", "1", "2"]));
    assert_eq!((&found["removed"], &found["added"]), (&json!([value("11")]), &json!([value("22")])));
    assert_eq!(json_of(&run(&["rollback", "images", "--to", "1"]))["version"], 3);
    for arguments in [
        &["rollback", "images", "--to", "7"][..],
        &["rollback", "images", "--to", "1", "--expected-version", "1"],
        &["diff", "images", "1", "7"],
        &["get", "images", "--version", "7"],
    ] {
        assert_eq!(code(&run(arguments)), 1, "{arguments:?}");
    }
    assert_eq!(code(&run(&["rollback", "images"])), 2);
}

fn put_decision(seq: u64, name: &str, version: u64, digest: Hex<32>) -> Decision {
    let at = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    let granted = NewDecision::granted(at, Door::Local, Action::PolicyPut, "admin-token:a", "r-1");
    let entry = NewDecision {
        subject: Some(name.to_owned()),
        subject_version: Some(version),
        policy_digest: Some(digest),
        ..granted
    };
    Decision { seq, hash: Hex([7; 32]), entry }
}

/// A broker with three versions of one policy; of the second, the record says `recorded`.
fn broker_with_history(recorded: Hex<32>) -> String {
    async fn version(Query(query): Query<HashMap<String, u64>>) -> Json<Value> {
        let version = query.get("version").copied().unwrap_or(3);
        Json(json!({
            "name": "main", "version": version, "digest": Hex([u8::try_from(version).unwrap(); 32]),
            "decision": 10 + version, "created_at": "2026-11-01T00:00:00Z",
            "text": format!("// head\n// version {version}\n// tail\n"),
        }))
    }
    async fn replace(Json(request): Json<Value>) -> impl IntoResponse {
        let expected = json!({"text": "// head\n// version 1\n// tail\n", "expected_version": 3});
        if request != expected {
            return problem(409, "Conflict");
        }
        let put = json!({
            "name": "main", "version": 4, "digest": Hex([1; 32]), "decision": 14,
            "created_at": "2026-11-02T00:00:00Z",
        });
        Json(put).into_response()
    }
    let decision = move |Path(seq): Path<u64>| async move {
        let version = seq - 10;
        let own = Hex([u8::try_from(version).unwrap(); 32]);
        Json(put_decision(seq, "main", version, if version == 2 { recorded } else { own }))
    };
    broker(
        Router::new()
            .route("/kbs/v1/policies/main", get(version).put(replace))
            .route("/kbs/v1/receipts/{seq}", get(decision)),
    )
}

#[test]
fn the_history_of_a_policy_is_held_against_the_record() {
    let address = broker_with_history(Hex([2; 32]));
    let output = kbsctl_at(&address, &["policy", "history", "main"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let history = json_of(&output);
    let numbers: Vec<_> =
        history["versions"].as_array().unwrap().iter().map(|v| v["version"].clone()).collect();
    assert_eq!(numbers, [3, 2, 1].map(|number| json!(number)));
    assert_eq!(history["versions"][0]["decision"], json!(13));
    assert_eq!(history["recorded"], json!(true));
    let short = json_of(&kbsctl_at(&address, &["policy", "history", "main", "--limit", "1"]));
    assert_eq!(short["versions"].as_array().unwrap().len(), 1);
    let table = stdout(&kbsctl_at(&address, &["policy", "history", "main", "--format", "table"]));
    assert!(table.contains("admin-token:a") && table.contains("as recorded"), "{table}");
    // A version that is not the one in the record is a clear no.
    let output = kbsctl_at(&broker_with_history(Hex([9; 32])), &["policy", "history", "main"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let history = json_of(&output);
    assert_eq!(history["recorded"], json!(false));
    assert_eq!(history["versions"][1]["differs"], json!("it has another digest"));
    assert_eq!(history["versions"][0].get("differs"), None);
}

#[test]
fn two_versions_are_compared_line_by_line() {
    let address = broker_with_history(Hex([2; 32]));
    let output = kbsctl_at(&address, &["policy", "diff", "main", "1", "3"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = json!([" // head", "-// version 1", "+// version 3", " // tail"]);
    assert_eq!(json_of(&output)["lines"], lines);
    let same = kbsctl_at(&address, &["policy", "diff", "main", "2", "2", "--format", "table"]);
    assert!(stdout(&same).contains("the same text"), "{}", stdout(&same));
}

#[test]
fn a_rollback_is_a_new_version_that_names_the_one_it_replaces() {
    let address = broker_with_history(Hex([2; 32]));
    let output = kbsctl_at(&address, &["policy", "rollback", "main", "--to", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json_of(&output)["version"], json!(4));
    let refused = kbsctl_at(&address, &["policy", "rollback", "main", "--to", "2"]);
    assert_eq!(code(&refused), 1, "{}", stdout(&refused));
}
