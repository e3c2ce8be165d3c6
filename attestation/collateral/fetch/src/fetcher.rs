//! What is at hand, what is asked for, and who waits for whom.

use crate::age::Age;
use crate::breaker::{Breaker, Phase};
use crate::error::FetchError;
use crate::hosts::Hosts;
use crate::http::{Http, Limits, TlsTrust};
use crate::wanted::{Vendor, Wanted};
use hanzo_attestation::{Roots, admission};
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral::{Document, DocumentError};
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_evidence::nvidia::rim::{Rim, RimId};
use hanzo_attestation_evidence::{UnixTime, json};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Turn;

/// The longest that a document can serve past its end (COL-09: capped at 7 days).
const MAX_STALE: Duration = Duration::from_secs(7 * 86_400);
/// Most documents that are kept: as many as a store has.
const MAX_KEPT: usize = 1024;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> UnixTime;
}

/// How a fetcher works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may be asked.
    pub hosts: Hosts,
    /// Who vouches for their TLS identity.
    pub trust: TlsTrust,
    /// How long one request may take.
    pub limits: Limits,
    /// How long past its end a document serves while its vendor fails; at most 7 days.
    pub stale_if_error: Duration,
}

/// Where an answer is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The vendor, just now.
    Vendor,
    /// At hand, and not due.
    Kept,
    /// At hand, because the vendor failed.
    KeptOnError {
        /// How the vendor failed.
        error: FetchError,
    },
}

/// A document, with the issuer chain that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The document, and its chain where it has one.
    pub documents: Vec<Document>,
    /// Where it is from.
    pub origin: Origin,
    /// How far through its life it is.
    pub age: Age,
}

/// Fetches documents, one request for each at a time.
pub struct Fetcher {
    http: Http,
    hosts: Hosts,
    roots: Roots,
    clock: Arc<dyn Clock>,
    stale_if_error: Duration,
    kept: Mutex<HashMap<(Kind, String), Kept>>,
    turns: Mutex<HashMap<String, Arc<Turn<Flight>>>>,
    breakers: Mutex<HashMap<Vendor, Breaker>>,
}

#[derive(Clone)]
struct Kept {
    documents: Vec<Document>,
    issued: UnixTime,
    expires: UnixTime,
}

/// The last request for one address: its end, which whoever waited for it takes for its own.
#[derive(Default)]
struct Flight {
    end: Option<Result<Fetched, FetchError>>,
}

impl Fetcher {
    /// A fetcher that has nothing at hand.
    ///
    /// # Errors
    /// [`FetchError::Setup`].
    pub fn new(settings: Settings, roots: Roots, clock: Arc<dyn Clock>) -> Result<Self, FetchError> {
        Ok(Self {
            http: Http::new(&settings.trust, &settings.hosts, settings.limits)?,
            hosts: settings.hosts,
            roots,
            clock,
            stale_if_error: settings.stale_if_error.min(MAX_STALE),
            kept: Mutex::default(),
            turns: Mutex::default(),
            breakers: Mutex::default(),
        })
    }

    /// Puts a document at hand that somebody has kept: a store's. It is judged like one that was fetched.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn keep(&self, document: Document, chain: Option<Document>) -> Result<(), DocumentError> {
        let chains: Vec<Document> = chain.into_iter().collect();
        let Document { kind, key, bytes, .. } = document;
        let document = Document::received(kind, key, bytes, &chains, &self.roots)?;
        self.put(document, chains);
        Ok(())
    }

    /// Where a vendor's circuit stands.
    #[must_use]
    pub fn phase(&self, vendor: Vendor) -> Phase {
        lock(&self.breakers).entry(vendor).or_default().phase()
    }

    /// Gets a document: from what is at hand while it is not due, else from its vendor.
    ///
    /// # Errors
    /// [`FetchError`], when the vendor fails and nothing at hand may serve.
    pub async fn fetch(&self, wanted: &Wanted) -> Result<Fetched, FetchError> {
        if let Some(found) = self.at_hand(wanted, Age::Due) {
            return Ok(found);
        }
        let url = wanted.url(&self.hosts);
        let turn = Arc::clone(lock(&self.turns).entry(url.to_string()).or_default());
        // Whoever finds somebody ahead waits for that request, and takes its end, good or bad.
        let (mut flight, waited) = match turn.try_lock() {
            Ok(flight) => (flight, false),
            Err(_) => (turn.lock().await, true),
        };
        if waited && let Some(end) = &flight.end {
            return end.clone();
        }
        // Whoever gives up in between leaves no end behind that is not its own.
        flight.end = None;
        let end = self.ask_or_fall_back(wanted, url).await;
        flight.end = Some(end.clone());
        end
    }

    async fn ask_or_fall_back(&self, wanted: &Wanted, url: reqwest::Url) -> Result<Fetched, FetchError> {
        match self.ask(wanted, url).await {
            Ok(documents) => {
                let Some((document, chains)) = documents.split_first() else {
                    return Err(self.nothing(wanted));
                };
                let age = Age::of(document.issued, document.expires, self.clock.now());
                self.put(document.clone(), chains.to_vec());
                Ok(Fetched { documents, origin: Origin::Vendor, age })
            }
            Err(error) => match self.at_hand(wanted, Age::Expired) {
                Some(found) => Ok(Fetched { origin: Origin::KeptOnError { error }, ..found }),
                None => self.stale(wanted, error),
            },
        }
    }

    fn nothing(&self, wanted: &Wanted) -> FetchError {
        FetchError::NotFound { host: wanted.url(&self.hosts).host_str().unwrap_or_default().to_owned() }
    }

    /// COL-09: past its end, within the bound that was configured.
    fn stale(&self, wanted: &Wanted, error: FetchError) -> Result<Fetched, FetchError> {
        let now = self.clock.now();
        let kept = lock(&self.kept).get(&(wanted.kind(), wanted.key())).cloned();
        match kept {
            Some(kept) if now <= kept.expires.after(self.stale_if_error) => Ok(Fetched {
                documents: kept.documents,
                origin: Origin::KeptOnError { error },
                age: Age::Expired,
            }),
            _ => Err(error),
        }
    }

    /// What is at hand, while it is younger than `limit`.
    fn at_hand(&self, wanted: &Wanted, limit: Age) -> Option<Fetched> {
        let kept = lock(&self.kept).get(&(wanted.kind(), wanted.key())).cloned()?;
        let age = Age::of(kept.issued, kept.expires, self.clock.now());
        (age < limit).then_some(Fetched { documents: kept.documents, origin: Origin::Kept, age })
    }

    fn put(&self, document: Document, chains: Vec<Document>) {
        let (issued, expires) = (document.issued, document.expires);
        let place = (document.kind, document.key.clone());
        let mut kept = lock(&self.kept);
        if kept.len() >= MAX_KEPT && !kept.contains_key(&place) {
            return;
        }
        let documents = [vec![document], chains].concat();
        kept.insert(place, Kept { documents, issued, expires });
    }

    /// Asks the vendor, unless its circuit is open; its answer moves the circuit.
    async fn ask(&self, wanted: &Wanted, url: reqwest::Url) -> Result<Vec<Document>, FetchError> {
        self.hosts.check(&url)?;
        let vendor = wanted.vendor();
        let now = self.clock.now();
        {
            let mut breakers = lock(&self.breakers);
            let breaker = breakers.entry(vendor).or_default();
            if !breaker.admits(now) {
                let until = match breaker.phase() {
                    Phase::Open { until } => until,
                    Phase::Closed | Phase::HalfOpen => now,
                };
                return Err(FetchError::CircuitOpen { vendor, until });
            }
        }
        let asked = self.ask_once(wanted, url).await;
        let mut breakers = lock(&self.breakers);
        let breaker = breakers.entry(vendor).or_default();
        match &asked {
            Err(error) if error.counts_as_outage() => breaker.failed(self.clock.now()),
            _ => breaker.succeeded(),
        }
        asked
    }

    async fn ask_once(&self, wanted: &Wanted, url: reqwest::Url) -> Result<Vec<Document>, FetchError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let answer = self.http.get(url, answer_limit(wanted)).await?;
        if let Wanted::NvidiaRim { id } = wanted {
            return Ok(vec![self.manifest(id, &host, &answer.body)?]);
        }
        let refused = |error| FetchError::Refused { host: host.clone(), error };
        let chains = match wanted.chain() {
            None => Vec::new(),
            Some((headers, key)) => {
                let header = headers.first().copied().unwrap_or_default();
                let pem = headers.iter().find_map(|name| chain_of(&answer.headers, name));
                let pem = pem.ok_or_else(|| FetchError::ChainHeader { host: host.clone(), header })?;
                vec![Document::received(Kind::IntelChain, key, pem, &[], &self.roots).map_err(refused)?]
            }
        };
        let bytes = if matches!(wanted, Wanted::RootCrl) { from_hex(answer.body) } else { answer.body };
        let document = Document::received(wanted.kind(), wanted.key(), bytes, &chains, &self.roots);
        let document = document.map_err(refused)?;
        let now = self.clock.now();
        document.check_dates(now).map_err(refused)?;
        Ok([vec![document], chains].concat())
    }

    /// A manifest in its envelope: of the id that was asked for, with the digest that is announced, trusted
    /// and in force. Whether it is revoked is judged when it is used.
    fn manifest(&self, id: &RimId, host: &str, body: &[u8]) -> Result<Document, FetchError> {
        let wrong = |problem: String| FetchError::Envelope { host: host.to_owned(), problem };
        let refused = |error| FetchError::Refused { host: host.to_owned(), error };
        let envelope: Envelope = json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
        if envelope.id != id.as_str() {
            return Err(wrong(format!("the answer is for `{}`", envelope.id.escape_debug())));
        }
        let xml = base64_decode(&envelope.rim).map_err(|error| wrong(format!("`rim`: {error}")))?;
        let rim = Rim::parse(&xml).map_err(|error| wrong(error.to_string()))?;
        if !envelope.sha256.eq_ignore_ascii_case(&rim.sha256().to_string()) {
            return Err(wrong("`sha256` is not the digest of `rim`".to_owned()));
        }
        if !id.names(&rim) {
            let meta = rim.meta();
            return Err(wrong(format!(
                "the manifest is for {} {}, not for {id}",
                meta.product, meta.version
            )));
        }
        let judged = admission::nvidia_rim(&xml, &self.roots).map_err(|error| refused(error.into()))?;
        let document = Document::received(Kind::NvidiaRim, judged.subject, xml, &[], &self.roots);
        let document = document.map_err(refused)?;
        document.check_dates(self.clock.now()).map_err(refused)?;
        Ok(document)
    }
}

/// What NVIDIA's service sends around a manifest. Other members are not read.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    rim: String,
    sha256: String,
}

/// Twice the size, for the mirrors that send a list as hex, and for manifests in base64.
const fn answer_limit(wanted: &Wanted) -> usize {
    match wanted {
        Wanted::RootCrl => 2 * wanted.kind().limit(),
        // Base64 takes a third more, and the envelope less than the rest.
        Wanted::NvidiaRim { .. } => 2 * wanted.kind().limit(),
        _ => wanted.kind().limit(),
    }
}

/// Mirrors send the root's list as hex of its DER, which begins with the byte of a SEQUENCE; Intel sends DER.
fn from_hex(body: Vec<u8>) -> Vec<u8> {
    let text = std::str::from_utf8(&body).ok().map(str::trim_ascii_end);
    let decoded = text.and_then(|text| hanzo_attestation_evidence::encoding::hex_decode(text).ok());
    decoded.unwrap_or(body)
}

/// The issuer chain in a header: PEM, with everything but letters and digits as `%XX` (RFC 3986, 2.1).
fn chain_of(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let text = headers.get(name)?.to_str().ok()?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    Some(bytes)
}

/// A thread that panicked while it held the lock left a map that is whole: entries are moved by value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_in_headers_are_decoded_strictly() {
        let chain = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("chain", text.parse().unwrap());
            chain_of(&headers, "Chain")
        };
        assert_eq!(chain("a%0Ab%2b"), Some(b"a\nb+".to_vec()));
        for wrong in ["a%", "a%0", "%zz", "%-1", "%+1"] {
            assert_eq!(chain(wrong), None, "{wrong}");
        }
        assert_eq!(chain_of(&HeaderMap::new(), "chain"), None);
    }

    #[test]
    fn a_list_comes_as_der_or_as_hex() {
        assert_eq!(from_hex(vec![0x30, 0x82, 1, 2]), [0x30, 0x82, 1, 2]);
        assert_eq!(from_hex(b"30820102\n".to_vec()), [0x30, 0x82, 1, 2]);
        assert_eq!(from_hex(b"<html>".to_vec()), b"<html>");
    }
}
