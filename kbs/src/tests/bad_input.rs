//! Bad input at each door: a named problem each, and nothing recorded, because nothing was decided.

use super::World;
use super::world::with;
use axum::body::Body;
use axum::http::Request;
use hanzo_attestation_lab::SnpOrder;
use serde_json::{Value, json};

/// Every call that reads a body.
const POSTS: [&str; 5] =
    ["/kbs/v1/challenge", "/kbs/v1/attest", "/kbs/v1/authorize", "/kbs/v1/renew", "/kbs/v1/revoke"];

/// A good body of each call, without a fresh challenge.
fn good(world: &World, path: &str) -> Value {
    let proof = world.proof_for("bm9uY2U=", SnpOrder::default());
    match path {
        "/kbs/v1/challenge" => json!({}),
        "/kbs/v1/attest" => proof,
        "/kbs/v1/authorize" => with(proof, "keys", json!(["acme/disk"])),
        "/kbs/v1/renew" => with(proof, "session_id", json!("0123")),
        _ => json!({"session_id": "0123"}),
    }
}

#[tokio::test]
async fn what_is_no_strict_json_object_is_malformed() {
    let world = World::furnished().await;
    let before = world.newest().await["seq"].clone();
    for path in POSTS {
        let whole = good(&world, path).to_string();
        let nested = format!("{{\"evidence\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let duplicate = format!("{{\"keys\":[],\"keys\":[]{}", &whole[1..].replacen('"', ",\"", 1));
        let bodies: Vec<Vec<u8>> = vec![
            vec![],
            whole.as_bytes()[..whole.len() - 1].to_vec(),
            [whole.as_bytes(), b"x"].concat(),
            [whole.as_bytes(), b"{}"].concat(),
            nested.into_bytes(),
            duplicate.into_bytes(),
            b"null".to_vec(),
            b"[]".to_vec(),
            b"\"\"".to_vec(),
            b"{\"nonce\":\"\xff\"}".to_vec(),
            b"{\"nonce\":1e400}".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{\"unknown\":1}".to_vec(),
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let reply = world.post_bytes(path, body).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, "MalformedRequest"), "{path} {shown}");
        }
    }
    assert_eq!(world.newest().await["seq"], before);
}

#[tokio::test]
async fn unknown_members_and_wrong_types_are_malformed() {
    let world = World::furnished().await;
    for path in POSTS {
        let whole = good(&world, path);
        world
            .post(path, &with(whole.clone(), "extra", json!(1)))
            .await
            .assert_problem(400, "MalformedRequest");
        for name in whole.as_object().unwrap().keys().filter(|name| *name != "evidence") {
            for wrong in [json!(1), json!(null), json!([1]), json!({"a": 1}), json!(true)] {
                let reply = world.post(path, &with(whole.clone(), name, wrong.clone())).await;
                assert_eq!(
                    (reply.status.as_u16(), reply.code()),
                    (400, "MalformedRequest"),
                    "{path} {name} {wrong}"
                );
            }
        }
        for name in whole.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(name);
            let reply = world.post(path, &less).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (400, "MalformedRequest"),
                "{path} without {name}"
            );
        }
    }
}

#[tokio::test]
async fn evidence_that_cannot_be_read_is_malformed_evidence() {
    let world = World::furnished().await;
    let item = world.lab.snp(&SnpOrder::default()).unwrap();
    let report = item["report"].as_str().unwrap().to_owned();
    let unpadded = report.trim_end_matches('=').to_owned();
    let evidence = [
        json!(1),
        json!({"type": "sev-snp"}),
        json!([1]),
        json!([{"type": "sev-snp"}]),
        json!([{"type": "no-such-kind"}]),
        json!([{"type": "nvidia-gpu", "devices": []}]),
        json!([with(item.clone(), "extra", json!(1))]),
        json!([with(item.clone(), "report", json!(""))]),
        json!([with(item.clone(), "report", json!(format!("{report}\n")))]),
        json!([with(item.clone(), "report", json!(report.replace('/', "_").replace('+', "-") + "_"))]),
        json!([with(item.clone(), "report", json!(format!("{}AAAA", unpadded)))]),
        json!([with(item.clone(), "certs", json!("x"))]),
        json!([item.clone(), item.clone()]),
        json!(vec![item; 19]),
    ];
    for evidence in evidence {
        let shown = evidence.to_string().chars().take(80).collect::<String>();
        let proof = with(world.proof(SnpOrder::default()).await, "evidence", evidence);
        let reply = world.post("/kbs/v1/attest", &proof).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "EvidenceMalformed"), "{shown}: {reply:?}");
        assert_eq!(world.newest().await["outcome"], "refused");
    }
}

#[tokio::test]
async fn a_recipient_is_a_known_kem_and_a_key_of_its_length() {
    let world = World::furnished().await;
    for recipient in [
        json!({"kem": "none", "public_key": "AAAA"}),
        json!({"kem": "X25519-HKDF-SHA256", "public_key": "AAAA"}),
        json!({"kem": "X25519-HKDF-SHA256", "public_key": "not base64"}),
        json!({"kem": "X25519-HKDF-SHA256"}),
        json!({"kem": "X25519-HKDF-SHA256", "public_key": "AAAA", "more": 1}),
    ] {
        let proof = with(world.proof(SnpOrder::default()).await, "recipient", recipient);
        world.post("/kbs/v1/attest", &proof).await.assert_problem(400, "MalformedRequest");
    }
}

#[tokio::test]
async fn key_lists_are_bounded_and_say_each_key_once() {
    let world = World::furnished().await;
    let many: Vec<String> = (0..33).map(|n| format!("acme/k{n}")).collect();
    for keys in [json!([]), json!(["acme/disk", "acme/disk"]), json!(many), json!("acme/disk"), json!([1])] {
        let body = with(world.proof(SnpOrder::default()).await, "keys", keys);
        world.post("/kbs/v1/authorize", &body).await.assert_problem(400, "MalformedRequest");
    }
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_too_large() {
    let world = World::furnished().await;
    for path in POSTS {
        let padding = "x".repeat(crate::body::MAX_BODY);
        let body = format!("{{\"nonce\":\"{padding}\"}}");
        world.post_bytes(path, body.clone()).await.assert_problem(413, "RequestTooLarge");
        // announced and not sent: refused before anything is read
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.header("content-length", "4294967295").body(Body::empty()).unwrap();
        world.send(request).await.assert_problem(413, "RequestTooLarge");
        // sent and not announced
        let stream = Body::new(http_body_util::Full::<axum::body::Bytes>::from(body));
        world.post_bytes(path, stream).await.assert_problem(413, "RequestTooLarge");
    }
    let whole = format!("{{}}{}", " ".repeat(crate::body::MAX_BODY - 2));
    assert_eq!(world.post_bytes("/kbs/v1/challenge", whole).await.status, 200);
}

#[tokio::test]
async fn another_content_type_is_unsupported() {
    let world = World::furnished().await;
    for path in POSTS {
        for kind in
            ["text/plain", "application/xml", "application/json; charset=latin1", "", "application/jsonp"]
        {
            let request = Request::post(path).header("content-type", kind).body(Body::from("{}")).unwrap();
            world.send(request).await.assert_problem(415, "UnsupportedMediaType");
        }
        let none = Request::post(path).body(Body::from("{}")).unwrap();
        world.send(none).await.assert_problem(415, "UnsupportedMediaType");
        let packed =
            Request::post(path).header("content-type", "application/json").header("content-encoding", "gzip");
        world.send(packed.body(Body::from("{}")).unwrap()).await.assert_problem(415, "UnsupportedMediaType");
    }
    let request =
        Request::post("/kbs/v1/challenge").header("content-type", "Application/JSON; Charset=UTF-8");
    assert_eq!(world.send(request.body(Body::from("{}")).unwrap()).await.status, 200);
}

#[tokio::test]
async fn other_methods_and_paths_are_named() {
    let world = World::furnished().await;
    for path in POSTS {
        let reply = world.get(path).await;
        reply.assert_problem(405, "MethodNotAllowed");
        assert_eq!(reply.headers["allow"], "POST");
    }
    for path in [
        "/",
        "/kbs/v1",
        "/kbs/v1/challenge/",
        "/kbs/v2/challenge",
        "/metrics",
        "//livez",
        "/./livez",
        "/%6civez",
    ] {
        world.get(path).await.assert_problem(404, "NotFound");
    }
    world.get("/kbs/v1/policy/tier/9").await.assert_problem(404, "NotFound");
    assert_eq!(world.get("/kbs/v1/policy/tier/gpu-cc").await.body["tier"], 3);
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let world = World::new().await;
    let send = |id: &str| {
        let request = Request::get("/livez").header("x-request-id", id).body(Body::empty()).unwrap();
        world.send(request)
    };
    assert_eq!(send("a-b_C.9").await.headers["x-request-id"], "a-b_C.9");
    for id in ["", "a b", "a\tb", "<script>", &"x".repeat(65), "é"] {
        let given = send(id).await.headers["x-request-id"].to_str().unwrap_or_default().to_owned();
        assert!(given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()), "{id:?} gave {given:?}");
    }
    let fresh = world.get("/livez").await;
    assert_ne!(fresh.headers["x-request-id"], world.get("/livez").await.headers["x-request-id"]);
}
