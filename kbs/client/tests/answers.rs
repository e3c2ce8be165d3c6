//! The client against servers that do not answer as a broker does: each gives its own error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use hanzo_kbs_client::{Address, AdminToken, Client, ClientError, Limits, Readiness, Trust};
use serde_json::json;
use std::time::Duration;

const CHALLENGE: &str = "/kbs/v1/challenge";

fn client(address: &str) -> Client {
    Client::new(Address::parse(address).unwrap(), &Trust::Nobody).unwrap()
}

fn limited(address: &str, limits: Limits) -> Client {
    Client::with_limits(Address::parse(address).unwrap(), &Trust::Nobody, limits).unwrap()
}

async fn challenge_error(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> ClientError {
    let address = server::plain(Router::new().route(CHALLENGE, post(move || async { answer }))).await;
    client(&address).challenge().await.unwrap_err()
}

fn challenge() -> serde_json::Value {
    json!({"nonce": "AQ==", "expires_at": "2026-11-01T00:00:00Z"})
}

#[tokio::test]
async fn an_answer_of_the_expected_shape_is_read() {
    let answer = ([(CONTENT_TYPE, "Application/JSON; charset=utf-8")], challenge().to_string());
    let address = server::plain(Router::new().route(CHALLENGE, post(move || async { answer }))).await;
    assert_eq!(client(&address).challenge().await.unwrap().nonce, "AQ==");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND, StatusCode::TEMPORARY_REDIRECT] {
        let error = challenge_error((status, [(LOCATION, "/elsewhere")])).await;
        assert_eq!(error, ClientError::Redirected { status: status.as_u16() });
    }
}

#[tokio::test]
async fn an_oversized_answer_is_not_read_to_its_end() {
    let limits = Limits { answer: 1000, ..Limits::default() };
    let expected = ClientError::AnswerTooLarge { limit: 1000 };
    let announced = post(|| async { ([(CONTENT_TYPE, "application/json")], vec![b' '; 1001]) });
    let address = server::plain(Router::new().route(CHALLENGE, announced)).await;
    assert_eq!(limited(&address, limits).challenge().await.unwrap_err(), expected);

    let address = server::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        b"400\r\n",
        1024,
    )
    .await;
    assert_eq!(limited(&address, limits).challenge().await.unwrap_err(), expected);
}

#[tokio::test]
async fn an_answer_at_the_limit_is_read() {
    let body = challenge().to_string();
    let limits = Limits { answer: body.len(), ..Limits::default() };
    let answer = post(move || async { ([(CONTENT_TYPE, "application/json")], body) });
    let address = server::plain(Router::new().route(CHALLENGE, answer)).await;
    assert!(limited(&address, limits).challenge().await.is_ok());
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let limits = Limits { call: Duration::from_millis(50), ..Limits::default() };
    let silent = post(std::future::pending::<StatusCode>);
    let address = server::plain(Router::new().route(CHALLENGE, silent)).await;
    let error = limited(&address, limits).challenge().await.unwrap_err();
    assert_eq!(error, ClientError::Timeout { limit: limits.call });
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let address = server::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n",
        b"{\"nonce\":",
        0,
    )
    .await;
    let error = client(&address).challenge().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn another_content_type_is_refused() {
    for (content_type, found) in
        [("text/html", "text/html"), ("application/problem+json", "application/problem+json")]
    {
        let error = challenge_error(([(CONTENT_TYPE, content_type)], challenge().to_string())).await;
        assert_eq!(error, ClientError::ContentType { found: found.to_owned() });
    }
    let error = challenge_error(StatusCode::NO_CONTENT).await;
    assert_eq!(error, ClientError::ContentType { found: String::new() });
}

#[tokio::test]
async fn json_of_another_shape_is_malformed() {
    for body in [
        "",
        "{",
        "[]",
        r#"{"nonce":"AQ=="}"#,
        r#"{"nonce":"AQ==","nonce":"Ag==","expires_at":"2026-11-01T00:00:00Z"}"#,
        r#"{"nonce":"AQ==","expires_at":"2026-11-01T00:00:00Z","more":1}"#,
        r#"{"nonce":"AQ==","expires_at":"2026-11-01T00:00:00Z"}{}"#,
        r#"{"nonce":"AQ==","expires_at":"tomorrow"}"#,
    ] {
        let error = challenge_error(([(CONTENT_TYPE, "application/json")], body)).await;
        assert!(matches!(error, ClientError::Malformed { .. }), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_problem_keeps_its_code_and_its_decision() {
    let problem = json!({
        "type": "/problems/KeyNotGranted", "title": "Key not granted", "status": 403, "code": "KeyNotGranted",
        "detail": "the key is not granted", "decision": 7, "request_id": "r-1",
    });
    let headers = [(CONTENT_TYPE, "application/problem+json"), (RETRY_AFTER, "3")];
    let error = challenge_error((StatusCode::FORBIDDEN, headers, problem.to_string())).await;
    assert_eq!(error.code(), Some("KeyNotGranted"));
    let ClientError::Problem(problem) = error else { panic!("{error}") };
    assert_eq!((problem.status, problem.decision), (403, Some(7)));
    assert_eq!(problem.retry_after, Some(Duration::from_secs(3)));
    assert_eq!(problem.to_string(), "KeyNotGranted (403): the key is not granted [decision 7]");
}

#[tokio::test]
async fn an_error_without_a_problem_is_no_broker() {
    let error = challenge_error((StatusCode::BAD_GATEWAY, "oops")).await;
    assert_eq!(error, ClientError::Status { status: 502 });
    let error = challenge_error((StatusCode::NOT_FOUND, [(CONTENT_TYPE, "application/json")], "{}")).await;
    assert_eq!(error, ClientError::Status { status: 404 });
    let headers = [(CONTENT_TYPE, "application/problem+json")];
    let error = challenge_error((StatusCode::FORBIDDEN, headers, r#"{"code":"X"}"#)).await;
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let (_reserved, address) = server::nobody();
    let error = client(&address).challenge().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_name_cannot_lead_elsewhere() {
    let admin = client("http://127.0.0.1:1").admin(AdminToken::parse("t").unwrap());
    for id in ["", "acme/..", "acme//x", "acme/.", "/acme"] {
        assert_eq!(admin.key(id).await.unwrap_err(), ClientError::Name, "{id:?}");
    }
    assert_eq!(admin.policy("..", None).await.unwrap_err(), ClientError::Name);
}

#[tokio::test]
async fn the_token_goes_with_admin_calls_alone() {
    async fn seen(headers: HeaderMap) -> impl IntoResponse {
        let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let code = token.unwrap_or_else(|| "none".to_owned());
        let problem = json!({
            "type": "t", "title": "t", "status": 400, "code": code, "detail": "d", "request_id": "r",
        });
        let headers = [(CONTENT_TYPE, "application/problem+json")];
        (StatusCode::BAD_REQUEST, headers, Body::from(problem.to_string()))
    }
    let address =
        server::plain(Router::new().route("/kbs/v1/keys", get(seen)).route(CHALLENGE, post(seen))).await;
    let client = client(&address);
    assert_eq!(client.challenge().await.unwrap_err().code(), Some("none"));
    let admin = client.admin(AdminToken::parse("secret").unwrap());
    assert_eq!(admin.list_keys().await.unwrap_err().code(), Some("Bearer secret"));
    assert_eq!(client.challenge().await.unwrap_err().code(), Some("none"));
}

#[tokio::test]
async fn readiness_is_yes_or_no_and_nothing_else() {
    for (status, expected) in [
        (StatusCode::OK, Ok(Readiness::Ready)),
        (StatusCode::SERVICE_UNAVAILABLE, Ok(Readiness::NotReady)),
        (StatusCode::NOT_FOUND, Err(ClientError::Status { status: 404 })),
    ] {
        let address = server::plain(Router::new().route("/readyz", get(move || async move { status }))).await;
        assert_eq!(client(&address).ready().await, expected);
    }
}
