//! Reading a request body: size, then content type, then strict JSON, then the message.
//!
//! The cheap refusals come first, and none of them quotes what was sent: a secret in the wrong place must
//! not come back in an answer or reach a log.

use crate::problem::{Code, Problem};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use hanzo_attestation_evidence::json;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Largest request body in bytes: one evidence document with its certificates and event log, and what
/// travels beside it.
pub const MAX_BODY: usize = 1 << 20;

/// A message read from a strict JSON body.
#[derive(Debug)]
pub struct Message<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Message<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        refuse_oversized(&parts.headers)?;
        refuse_other_media(&parts.headers)?;
        let bytes = read(body).await?;
        message(&bytes).map(Self)
    }
}

/// Refuses by the announced length, before a byte of the body is read.
fn refuse_oversized(headers: &HeaderMap) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    if announced.is_some_and(|length| length > limit) {
        return Err(Code::RequestTooLarge.into());
    }
    Ok(())
}

fn refuse_other_media(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return Err(Code::UnsupportedMediaType.into());
    };
    let text = only.to_str().map_err(|_| Code::UnsupportedMediaType)?;
    let mut pieces = text.split(';').map(str::trim);
    let is_json = pieces.next().is_some_and(|t| t.eq_ignore_ascii_case("application/json"));
    let is_utf8 = pieces.all(|p| p.eq_ignore_ascii_case("charset=utf-8"));
    let coded = headers.contains_key(header::CONTENT_ENCODING);
    if is_json && is_utf8 && !coded { Ok(()) } else { Err(Code::UnsupportedMediaType.into()) }
}

async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    // The only failures are "longer than the limit" and "the connection broke": nobody reads the second.
    to_bytes(body, MAX_BODY).await.map_err(|_| Code::RequestTooLarge.into())
}

/// Reads a message from bytes.
pub(crate) fn message<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::parse(bytes)
        .map_err(|_| Problem::new(Code::MalformedRequest).detail("the body is not one strict JSON value"))?;
    if !value.is_object() {
        return Err(Problem::new(Code::MalformedRequest).detail("the body is not a JSON object"));
    }
    json::from_value(value)
        .map_err(|error| Problem::new(Code::MalformedRequest).detail(without_values(error.problem())))
}

/// What may be repeated of a shape error: the names that *this* program expects, and nothing that was sent.
fn without_values(error: &str) -> Cow<'static, str> {
    if error.starts_with("missing field ") {
        return Cow::Owned(error.to_owned());
    }
    let expected = error.rsplit_once(", expected ").map(|(_, expected)| expected);
    let kind = if error.starts_with("unknown field") {
        "an unknown field"
    } else if error.starts_with("unknown variant") {
        "an unknown value"
    } else {
        "a value of the wrong type or form"
    };
    match expected {
        Some(expected) if expected.len() <= 200 && !expected.contains(['"', '\n']) => {
            Cow::Owned(format!("{kind}; expected {expected}"))
        }
        _ => Cow::Borrowed(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Shape {
        id: String,
        tier: u8,
    }

    fn detail(body: &str) -> String {
        format!("{:?}", message::<Shape>(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn a_detail_names_fields_and_repeats_no_value() {
        assert!(detail(r#"{"id":"x"}"#).contains("missing field `tier`"));
        for body in [
            r#"{"id":"x","tier":"s3cret"}"#,
            r#"{"id":"x","tier":1,"s3cret":1}"#,
            r#"{"id":["s3cret"],"tier":1}"#,
            r#"{"s3cret":1,"s3cret":2}"#,
            r#"["s3cret"]"#,
            r#""s3cret, expected s3cret"#,
            "{\"id\":\"s3cret\"} s3cret",
        ] {
            let detail = detail(body);
            assert!(detail.contains("MalformedRequest") && !detail.contains("s3cret"), "{body}: {detail}");
        }
    }

    #[test]
    fn a_value_that_imitates_a_message_is_not_repeated() {
        // `invalid type: string "a, expected s3cret", expected u8`: only what follows the last comma is ours
        let text = detail(r#"{"id":"x","tier":"a, expected s3cret"}"#);
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(detail(&body).contains("MalformedRequest"));
    }
}
