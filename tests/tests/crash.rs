//! The broker is killed in the middle of a load of releases, a hundred times. Each time it comes back, no key
//! is lost, and no challenge is accepted twice.
#![expect(clippy::unwrap_used, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::programs::Programs;
use hanzo_tests::standing::Installation;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

const ROUNDS: usize = 100;
const CALLERS: usize = 2;
const KEY: &str = "acme/model";
const ALLOW: &str = r#"permit (principal, action == Action::"release", resource in Tenant::"acme") when { principal.tier >= 2 };"#;

/// What a caller saw of one request.
struct Sent {
    request: Value,
    granted: Option<Value>,
}

/// Sends requests until told to stop or the broker is gone; the last one may have got no answer.
fn load(node: &LabNode, http: &str, stop: &AtomicBool, first: &mpsc::Sender<()>) -> Vec<Sent> {
    let http = Http::new(http).unwrap();
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(request) = node.request(&http, &[KEY]) else { break };
        match http.post("/kbs/v1/authorize", &request) {
            Ok((200, answer)) => sent.push(Sent { request, granted: Some(answer) }),
            Ok((status, problem)) => assert!(status >= 500, "{status} {problem}"),
            Err(_) => {
                sent.push(Sent { request, granted: None });
                break;
            }
        }
        // The main thread kills once releases flow; it may have gone on already.
        let _ = first.send(());
    }
    sent
}

#[test]
fn a_hundred_kills_lose_no_key_and_accept_no_challenge_twice() {
    let programs = Programs::of_this_build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("lab");
    Lab::fixture().write(&lab).unwrap();
    let installation = Installation::create(&programs, &lab).unwrap();
    let policy = folder.path().join("allow.cedar");
    std::fs::write(&policy, ALLOW).unwrap();

    let mut broker = installation.serve().unwrap();
    installation.must_kbsctl(&["key", "create", KEY, "--min-tier", "2"]).unwrap();
    installation.must_kbsctl(&["policy", "put", "allow", &policy.to_string_lossy()]).unwrap();

    let nodes: Vec<LabNode> = (0..CALLERS).map(|_| LabNode::new(SnpOrder::default()).unwrap()).collect();
    let mut material: Option<Vec<u8>> = None;
    let (mut released, mut unanswered) = (0_usize, 0_usize);
    for round in 0..ROUNDS {
        let stop = AtomicBool::new(false);
        let (first, flowing) = mpsc::channel();
        let address = installation.http();
        let sent: Vec<(usize, Sent)> = std::thread::scope(|scope| {
            let callers: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(number, node)| {
                    let (address, stop, first) = (&address, &stop, first.clone());
                    scope.spawn(move || (number, load(node, address, stop, &first)))
                })
                .collect();
            // A few releases later, in the middle of others.
            for _ in 0..=(round % 5) {
                flowing.recv().unwrap();
            }
            broker.kill().unwrap();
            stop.store(true, Ordering::Relaxed);
            let joined = callers.into_iter().map(|caller| caller.join().unwrap());
            joined.flat_map(|(number, sent)| sent.into_iter().map(move |sent| (number, sent))).collect()
        });

        broker = installation.serve().unwrap();
        let http = Http::new(&address).unwrap();
        for (number, Sent { request, granted }) in sent {
            let (status, answer) = http.post("/kbs/v1/authorize", &request).unwrap();
            if let Some(granted) = granted {
                released += 1;
                let opened = nodes[number].open(granted, KEY).unwrap();
                assert_eq!(*material.get_or_insert_with(|| opened.clone()), opened, "another key came back");
                assert_eq!(status, 401, "a challenge was accepted twice: {answer}");
                assert_eq!(answer["code"], "ChallengeRefused");
            } else {
                // The kill fell between request and answer: it was recorded or it was not, and now it is
                // over.
                unanswered += 1;
                assert!(matches!(status, 200 | 401), "{status} {answer}");
                let (again, _) = http.post("/kbs/v1/authorize", &request).unwrap();
                assert_eq!(again, 401, "a challenge was accepted twice");
            }
        }
    }

    assert!(released >= ROUNDS, "only {released} releases in {ROUNDS} rounds");
    println!("{ROUNDS} kills, {released} releases answered, {unanswered} cut off in flight");
    record_is_whole(&installation);
}

/// The chain verifies to its head, and no challenge was granted twice.
fn record_is_whole(installation: &Installation) {
    installation.must_kbsctl(&["audit", "verify"]).unwrap();
    let listed = installation.must_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
    let page: Value = serde_json::from_str(&listed).unwrap();
    let mut nonces = BTreeSet::new();
    for entry in page["entries"].as_array().unwrap() {
        if entry["action"] == "authorize" && entry["outcome"] == "granted" {
            let nonce = entry["nonce_digest"].as_str().unwrap();
            assert!(nonces.insert(nonce.to_owned()), "{nonce} was granted twice");
        }
    }
    assert!(nonces.len() >= ROUNDS.min(900), "only {} grants listed", nonces.len());
}
