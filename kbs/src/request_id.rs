//! The outermost layer: every answer carries `x-request-id`, every error is a problem, one line is logged.

use crate::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use hanzo_kbs_vault::Rng;
use std::sync::Arc;

const HEADER: &str = "x-request-id";
/// Longest id taken from a caller, in bytes: a UUID, a trace id, or a prefix and one of these.
const MAX_LENGTH: usize = 64;

/// The id of a request: the caller's if it is sane, a fresh one otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id as text: 1 to 64 characters out of letters, digits, `-`, `_` and `.`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the caller's id if it is sane. Anything else could forge lines of a log.
    fn of_caller(request: &Request) -> Option<Self> {
        let mut values = request.headers().get_all(HEADER).iter();
        let (Some(only), None) = (values.next(), values.next()) else { return None };
        let text = only.to_str().ok()?;
        let sane = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        sane.then(|| Self(text.into()))
    }

    fn fresh(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 16];
        // Without randomness an id names nothing, and the request fails later where it needs a real one.
        match rng.fill(&mut bytes) {
            Ok(()) => Self(hex::encode(bytes).into()),
            Err(_) => Self("unknown".into()),
        }
    }
}

/// Gives the request an id, turns every error into a problem, and logs one line without body, path values
/// or query.
pub(crate) async fn identify(State(rng): State<Arc<dyn Rng>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of_caller(&request).unwrap_or_else(|| RequestId::fresh(rng.as_ref()));
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let problem = Problem::of_response(&answer);
    let mut response = match &problem {
        Some(problem) => {
            let mut rendered = problem.render(id.as_str());
            if let Some(allow) = answer.headers().get(header::ALLOW) {
                rendered.headers_mut().insert(header::ALLOW, allow.clone());
            }
            rendered
        }
        None => answer,
    };
    // Nothing of this API is for caches, except where a handler says so.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let code = problem.as_ref().map_or("-", |p| p.code().name());
    tracing::info!(request_id = id.as_str(), %method, route, status = response.status().as_u16(), code, "answered");
    response
}
