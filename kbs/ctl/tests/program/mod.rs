//! Runs `kbsctl` in an empty environment, against a broker that answers what the test says.

#![expect(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a program that does not start fails its test")]

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

/// `kbsctl` with nothing in its environment but a home of its own.
pub(crate) fn kbsctl(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbsctl"));
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

/// Runs it with these arguments in a fresh home.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    kbsctl(home.path()).args(arguments).output().unwrap()
}

/// Runs it with something on standard input.
pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses before it reads closes the pipe: no error of the test.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output as JSON.
pub(crate) fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic_with(output, &error.to_string()))
}

fn panic_with(output: &Output, reason: &str) -> ! {
    unreachable!("{reason}: stdout {:?}, stderr {:?}", stdout(output), stderr(output))
}

/// A broker for as long as the test process lives; answers its address.
pub(crate) fn broker(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        })
    });
    address
}

/// An address where nobody listens for TCP, reserved by the socket that comes with it.
pub(crate) fn nobody() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    (socket, address)
}

/// A problem as brokers send it.
pub(crate) fn problem(status: u16, code: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": code, "status": status, "code": code, "detail": "no", "decision": 7,
        "request_id": "r-1",
    });
    let headers = [(CONTENT_TYPE, "application/problem+json")];
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
}
