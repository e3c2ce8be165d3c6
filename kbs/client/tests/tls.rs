//! Whose TLS identity is accepted: the given authority's, for the right name, and nobody else's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use hanzo_kbs_client::{Address, Client, ClientError, Trust};
use server::Authority;

fn broker() -> Router {
    let answer = r#"{"nonce":"AQ==","expires_at":"2026-11-01T00:00:00Z"}"#;
    Router::new().route(
        "/kbs/v1/challenge",
        post(move || async move { ([(CONTENT_TYPE, "application/json")], answer) }),
    )
}

async fn call(port: u16, trust: &Trust) -> Result<String, ClientError> {
    let address = Address::parse(&format!("https://127.0.0.1:{port}")).unwrap();
    Ok(Client::new(address, trust).unwrap().challenge().await?.nonce)
}

fn trust(authority: &Authority) -> Trust {
    Trust::Authority(authority.pem.clone().into_bytes())
}

#[tokio::test]
async fn the_given_authority_vouches() {
    let authority = Authority::new();
    let port = authority.serve(&["127.0.0.1"], broker()).await;
    assert_eq!(call(port, &trust(&authority)).await.unwrap(), "AQ==");
}

#[tokio::test]
async fn another_authority_does_not() {
    let port = Authority::new().serve(&["127.0.0.1"], broker()).await;
    let error = call(port, &trust(&Authority::new())).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn the_right_authority_for_another_name_does_not() {
    let authority = Authority::new();
    let port = authority.serve(&["other.example"], broker()).await;
    let error = call(port, &trust(&authority)).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn the_systems_authorities_know_no_private_one() {
    let port = Authority::new().serve(&["127.0.0.1"], broker()).await;
    let address = Address::parse(&format!("https://127.0.0.1:{port}")).unwrap();
    // A machine without any certificate store cannot set the client up: as good a no.
    if let Ok(client) = Client::new(address, &Trust::SystemStore) {
        let error = client.challenge().await.unwrap_err();
        assert!(matches!(error, ClientError::Tls { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_plain_server_is_no_tls_server() {
    let address = server::plain(broker()).await.replace("http://", "https://");
    let client = Client::new(Address::parse(&address).unwrap(), &trust(&Authority::new())).unwrap();
    let error = client.challenge().await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
}
