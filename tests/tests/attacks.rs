//! Attacks on the running programs, each with the named refusal that it must meet. What needs a moved clock
//! or the inside of a crate is tested there; here the broker is a process and the attacker has only the
//! network.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a #[test] function")]

use hanzo_attestation_lab::{Lab, SnpDefect, SnpOrder, SnpProduct};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::programs::{DevBroker, Programs};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

const KEY: &str = "acme/model";
const GPU_KEY: &str = "acme/gpu-only";
const OTHER_TENANT: &str = "rival/model";
const POLICY: &str = r#"
permit (principal, action == Action::"release", resource in Tenant::"acme")
when { principal.tier >= 2 && principal.measurement in ReferenceSet::"images" };
"#;

/// A broker with one key of tier 2, one of tier 3, one of another tenant, a policy and one reference value.
struct Scene {
    broker: DevBroker,
    http: Http,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let programs = Programs::of_this_build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let broker = DevBroker::start(&programs, Some(&lab)).unwrap();
        let http = Http::new(&broker.info.http_addr).unwrap();
        let scene = Self { broker, http, folder };
        scene.kbsctl(&["key", "create", KEY, "--min-tier", "2"]);
        scene.kbsctl(&["key", "create", GPU_KEY, "--min-tier", "3"]);
        scene.kbsctl(&["key", "create", OTHER_TENANT, "--min-tier", "2"]);
        let image = format!("sev-snp:measurement:{}", hex::encode(SnpOrder::usual_measurement()));
        scene.kbsctl(&["reference", "put", "images", "--value", &image]);
        scene.put_policy("main", POLICY);
        scene
    }

    fn kbsctl(&self, arguments: &[&str]) -> String {
        self.broker.must_kbsctl(arguments).unwrap()
    }

    /// Puts a policy of its own name: all policies decide together.
    fn put_policy(&self, name: &str, text: &str) {
        let file = self.write("policy.cedar", text.as_bytes());
        self.kbsctl(&["policy", "put", name, &file.to_string_lossy()]);
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn authorize(&self, request: &Value) -> (u16, Value) {
        self.http.post("/kbs/v1/authorize", request).unwrap()
    }

    /// Sends a request that must be refused; gives the operator's code and reason from the record.
    fn refused(&self, request: &Value, status: u16, code: &str) -> (String, String) {
        let (got, problem) = self.authorize(request);
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert!(problem.get("keys").is_none());
        let page = self.broker.json_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
        let entries = page["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["seq"] == problem["decision"]).unwrap();
        assert_eq!(entry["outcome"], "refused");
        (entry["code"].as_str().unwrap().to_owned(), entry["reason"].as_str().unwrap().to_owned())
    }

    fn honest(&self) -> LabNode {
        self.node(SnpOrder::default())
    }

    fn node(&self, order: SnpOrder) -> LabNode {
        LabNode::new(order).unwrap()
    }

    fn request(&self, node: &LabNode) -> Value {
        node.request(&self.http, &[KEY]).unwrap()
    }

    fn granted(&self, request: &Value) -> Value {
        let (status, answer) = self.authorize(request);
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

#[test]
fn attack_1_a_request_is_granted_once_and_its_copy_is_refused() {
    let scene = Scene::new();
    let node = scene.honest();
    let request = scene.request(&node);
    let answer = scene.granted(&request);
    assert_eq!(node.open(answer, KEY).unwrap().len(), 32);
    assert_eq!(scene.refused(&request, 401, "ChallengeRefused").0, "ChallengeReused");

    // Also when the first use was itself a refusal: a challenge is consumed either way.
    let debug = scene.node(SnpOrder { debug: true, ..SnpOrder::default() });
    let request = scene.request(&debug);
    assert_eq!(scene.refused(&request, 403, "EvidenceRefused").0, "SnpDebugAllowed");
    assert_eq!(scene.refused(&request, 401, "ChallengeRefused").0, "ChallengeReused");
}

#[test]
fn attack_2_a_nonce_that_the_broker_did_not_issue_is_refused() {
    let scene = Scene::new();
    let node = scene.honest();
    let mut challenge = node.challenge(&scene.http).unwrap();
    for invented in ["AAAA", &"A".repeat(76), "not base64!"] {
        challenge.nonce = invented.to_owned();
        let request = json!({
            "nonce": challenge.nonce,
            "recipient": scene.request(&node)["recipient"],
            "evidence": node.evidence(&challenge).unwrap(),
            "keys": [KEY],
        });
        let (status, problem) = scene.authorize(&request);
        assert_eq!((status, problem["code"].as_str()), (401, Some("ChallengeRefused")), "{problem}");
    }
}

#[test]
fn attack_3_good_evidence_with_the_attackers_own_key_is_refused() {
    let scene = Scene::new();
    let mut request = scene.request(&scene.honest());
    request["recipient"] = scene.request(&scene.honest())["recipient"].clone();
    assert_eq!(scene.refused(&request, 403, "EvidenceRefused").0, "SnpReportDataMismatch");
}

#[test]
fn attack_4_each_part_of_the_binding_is_bound() {
    let scene = Scene::new();
    let node = scene.honest();
    // The nonce: evidence for one challenge, sent with another.
    let mut request = scene.request(&node);
    request["nonce"] = scene.request(&node)["nonce"].clone();
    assert_eq!(scene.refused(&request, 403, "EvidenceRefused").0, "SnpReportDataMismatch");
    // Runtime data that the hardware did not sign.
    let mut request = scene.request(&node);
    request["runtime_data"] = json!({"tenant": "acme"});
    assert_eq!(scene.refused(&request, 403, "EvidenceRefused").0, "SnpReportDataMismatch");
    // Report data of another challenge, signed by the hardware.
    let other = scene.node(SnpOrder { wrong_nonce: true, ..SnpOrder::default() });
    let request = scene.request(&other);
    assert_eq!(scene.refused(&request, 403, "EvidenceRefused").0, "SnpReportDataMismatch");
}

#[test]
fn attacks_6_9_and_10_each_weak_guest_is_refused_by_its_rule() {
    let scene = Scene::new();
    let every_product = [SnpProduct::Milan, SnpProduct::Genoa, SnpProduct::Turin];
    for product in every_product {
        let request = scene.request(&scene.node(SnpOrder { product, version: 5, ..SnpOrder::default() }));
        scene.granted(&request);
    }
    for defect in SnpDefect::ALL.iter().copied() {
        let request = scene.request(&scene.node(SnpOrder::default().with_defect(defect)));
        let (status, problem) = scene.authorize(&request);
        assert!(matches!(status, 400 | 403), "{defect:?}: {status} {problem}");
        let page = scene.broker.json_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
        let entry = page["entries"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(entry["code"], defect.expects(), "{defect:?}: {entry}");
    }
}

#[test]
fn attacks_16_and_17_no_key_of_another_tenant_or_a_higher_tier() {
    let scene = Scene::new();
    let node = scene.honest();
    for (key, code) in [(GPU_KEY, "TierTooLow"), (OTHER_TENANT, "NoPolicy")] {
        let request = node.request(&scene.http, &[key]).unwrap();
        assert_eq!(scene.refused(&request, 403, "KeyNotGranted").0, code);
        // One forbidden key in a list releases none of the list.
        let request = node.request(&scene.http, &[KEY, key]).unwrap();
        assert_eq!(scene.refused(&request, 403, "KeyNotGranted").0, code);
    }
    // An unproved machine, with a policy that would give everything to everyone.
    scene.put_policy("everyone", "permit (principal, action, resource);");
    let challenge = node.challenge(&scene.http).unwrap();
    let mut request = scene.request(&node);
    request["nonce"] = json!(challenge.nonce);
    request["evidence"] = json!([]);
    assert_eq!(scene.refused(&request, 403, "KeyNotGranted").0, "TierTooLow");
}

#[test]
fn attack_19_a_policy_changed_after_attestation_decides() {
    let scene = Scene::new();
    let node = scene.honest();
    let mut attest = scene.request(&node);
    attest.as_object_mut().unwrap().remove("keys");
    let (status, answer) = scene.http.post("/kbs/v1/attest", &attest).unwrap();
    assert_eq!((status, answer["tier"].as_u64()), (200, Some(2)), "{answer}");
    let token = answer["token"].as_str().unwrap().to_owned();
    let (status, granted) =
        scene.http.post_bearer("/kbs/v1/authorize", &token, &json!({"keys": [KEY]})).unwrap();
    assert_eq!(status, 200, "{granted}");
    assert_eq!(node.open(granted, KEY).unwrap().len(), 32);

    scene.put_policy("nobody", "forbid (principal, action, resource);");
    let (status, problem) =
        scene.http.post_bearer("/kbs/v1/authorize", &token, &json!({"keys": [KEY]})).unwrap();
    assert_eq!((status, problem["code"].as_str()), (403, Some("KeyNotGranted")), "{problem}");
}

#[test]
fn attacks_26_30_and_31_bad_input_at_every_door_is_a_named_problem() {
    let scene = Scene::new();
    let node = scene.honest();
    let good = scene.request(&node).to_string();
    let deep = format!("{{\"nonce\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let duplicate = good.replacen('{', "{\"nonce\":\"AAAA\",", 1);
    let unknown = good.replacen('{', "{\"verified\":true,", 1);
    let bodies: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "MalformedRequest"),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec(), 400, "MalformedRequest"),
        ("trailing bytes", format!("{good} {{}}").into_bytes(), 400, "MalformedRequest"),
        ("nested", deep.into_bytes(), 400, "MalformedRequest"),
        ("duplicate key", duplicate.into_bytes(), 400, "MalformedRequest"),
        ("unknown field", unknown.into_bytes(), 400, "MalformedRequest"),
        ("wrong type", b"{\"nonce\":7}".to_vec(), 400, "MalformedRequest"),
        ("not utf-8", vec![0xff; 64], 400, "MalformedRequest"),
    ];
    for path in ["challenge", "attest", "authorize", "renew", "revoke"] {
        for (what, body, status, code) in &bodies {
            let path = format!("/kbs/v1/{path}");
            let (got, problem) = scene.http.post_bytes(&path, "application/json", body.clone()).unwrap();
            assert_eq!((got, problem["code"].as_str()), (*status, Some(*code)), "{path}, {what}: {problem}");
            assert!(problem["request_id"].is_string(), "{path}, {what}: {problem}");
        }
        let path = format!("/kbs/v1/{path}");
        let (got, problem) = scene.http.announce(&path, (1 << 20) + 1).unwrap();
        assert_eq!((got, problem["code"].as_str()), (413, Some("RequestTooLarge")), "{path}: {problem}");
        let (got, problem) = scene.http.post_bytes(&path, "text/plain", b"{}".to_vec()).unwrap();
        assert_eq!((got, problem["code"].as_str()), (415, Some("UnsupportedMediaType")), "{path}: {problem}");
    }
    // The broker is as well as before, and has logged no body.
    scene.granted(&scene.request(&node));
    let log = scene.broker.stderr().unwrap();
    assert!(!log.contains("verified\":true") && !log.contains("[[[["), "a body was logged");
}

#[test]
fn attack_32_two_spellings_never_reach_one_key() {
    let scene = Scene::new();
    let node = scene.honest();
    for spelling in [
        "acme//model",
        "/acme/model",
        "acme/model/",
        "acme/./model",
        "acme/../acme/model",
        "ACME/model",
        "acme/mod%65l",
    ] {
        let request = node.request(&scene.http, &[spelling]).unwrap();
        let (status, problem) = scene.authorize(&request);
        assert!(matches!(status, 400 | 403), "{spelling}: {status} {problem}");
    }
}

#[test]
fn attack_33_an_absent_key_and_an_ungranted_key_answer_alike() {
    let scene = Scene::new();
    let node = scene.honest();
    let answers: Vec<Value> = [OTHER_TENANT, "rival/nothing-here", "acme/nothing-here"]
        .iter()
        .map(|key| {
            let request = node.request(&scene.http, &[key]).unwrap();
            let (status, mut problem) = scene.authorize(&request);
            assert_eq!(status, 403);
            for own in ["decision", "request_id", "instance"] {
                problem.as_object_mut().unwrap().remove(own);
            }
            problem
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn attack_36_a_secret_appears_nowhere_but_in_its_envelope() {
    let scene = Scene::new();
    let canary = "canary-7f3d9a51-never-print-me";
    let file = scene.write("secret", canary.as_bytes());
    scene.kbsctl(&["secret", "put", "acme/canary", "--min-tier", "2", "--file", &file.to_string_lossy()]);
    let node = scene.honest();
    let request = node.request(&scene.http, &["acme/canary"]).unwrap();
    let answer = scene.granted(&request);
    assert!(!answer.to_string().contains(canary));
    assert_eq!(node.open(answer, "acme/canary").unwrap(), canary.as_bytes());
    let mut seen = scene.broker.stderr().unwrap();
    for arguments in [["secret", "list"], ["audit", "list"], ["key", "list"], ["grant", "list"]] {
        seen.push_str(&scene.kbsctl(&arguments));
    }
    assert!(!seen.contains(canary), "the secret was printed");
}

#[test]
fn attack_25_production_takes_no_lab_and_no_plain_listener() {
    let programs = Programs::of_this_build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kbs.toml");
    std::fs::write(
        &config,
        "public_url = \"https://kbs.example\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [attestation]\nextra_roots = \"lab\"\n",
    )
    .unwrap();
    let output =
        programs.run("hanzo-kbs", &["config", "check", "--config", &config.to_string_lossy()]).unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(said.contains("extra roots are refused in production"), "{said}");
    assert!(said.contains("a listener without TLS needs environment"), "{said}");
}
