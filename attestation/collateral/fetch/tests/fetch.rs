//! A fetcher against a server that plays the vendors' paths: what it takes, each refusal, and who waits for
//! whom.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use hanzo_attestation::Roots;
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral::{Document, DocumentError};
use hanzo_attestation_collateral_fetch::{
    Age, Clock, FetchError, Fetched, Fetcher, Hosts, Limits, Origin, Phase, Settings, TlsTrust, Vendor,
    Wanted,
};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::snp::{Product, Vek};
use hanzo_attestation_lab::Lab;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const LIST: Wanted = Wanted::AmdCrl { product: Product::Milan, vek: Vek::Vcek };
const PATH: &str = "/vcek/v1/Milan/crl";

/// What the server does next.
#[derive(Clone)]
enum Act {
    /// 200 with this body.
    Serve(Vec<u8>),
    /// A status with these header lines.
    Status(u16, &'static str),
    /// 200 that announces so many bytes.
    Announce(usize),
    /// 200 of unknown length, with so many bytes.
    Pour(usize),
    /// As `Serve`, once it is told.
    Hold(Arc<Notify>, Vec<u8>),
    /// Nothing, with the connection open.
    Never,
}

/// A vendor's service on port 0.
#[derive(Clone)]
struct Service {
    act: Arc<Mutex<Act>>,
    asked: Arc<Mutex<Vec<String>>>,
    address: String,
}

impl Service {
    async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let service = Self { act: Arc::new(Mutex::new(act)), asked: Arc::default(), address };
        let serving = service.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().answer(stream));
            }
        });
        service
    }

    fn does(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                return;
            }
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).unwrap();
        self.asked.lock().unwrap().push(head.split(' ').nth(1).unwrap().to_owned());
        let act = self.act.lock().unwrap().clone();
        let ok = |length: usize| {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
        };
        let answer = match act {
            Act::Serve(body) => [ok(body.len()).into_bytes(), body].concat(),
            Act::Status(status, headers) => {
                format!("HTTP/1.1 {status} x\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
                    .into_bytes()
            }
            Act::Announce(length) => ok(length).into_bytes(),
            Act::Pour(length) => {
                [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec(), vec![b'x'; length]].concat()
            }
            Act::Hold(until, body) => {
                until.notified().await;
                [ok(body.len()).into_bytes(), body].concat()
            }
            Act::Never => std::future::pending().await,
        };
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }
}

/// A clock that somebody sets.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct Bench {
    service: Service,
    clock: Arc<Hands>,
    fetcher: Arc<Fetcher>,
}

impl Bench {
    async fn new(act: Act) -> Self {
        let service = Service::start(act).await;
        let clock = Arc::new(Hands(AtomicI64::new(issued().seconds())));
        let hosts = Hosts::new(Some(&service.address), Some(&service.address), true).unwrap();
        let fetcher = Arc::new(fetcher(hosts, TlsTrust::SystemStore, clock.clone()));
        Self { service, clock, fetcher }
    }

    fn set(&self, now: UnixTime) {
        self.clock.0.store(now.seconds(), Ordering::SeqCst);
    }

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        self.fetcher.fetch(&LIST).await
    }
}

fn fetcher(hosts: Hosts, trust: TlsTrust, clock: Arc<Hands>) -> Fetcher {
    let stale_if_error = Duration::from_secs(3600);
    let settings = Settings { hosts, trust, limits: Limits::default(), stale_if_error };
    let roots = Roots::vendor().with_extra(Lab::fixture().extra_roots());
    Fetcher::new(settings, roots, clock).unwrap()
}

fn list() -> Vec<u8> {
    Lab::fixture().amd_lists().remove(0)
}

fn issued() -> UnixTime {
    Lab::fixture().validity().not_before
}

fn expires() -> UnixTime {
    Lab::fixture().validity().not_after
}

/// An instant when so many sixths of the lab's validity have passed, and some seconds.
fn sixths(count: i64, seconds: i64) -> UnixTime {
    let life = expires().seconds() - issued().seconds();
    // Rounded up, so that it is not before the border.
    UnixTime::from_seconds(issued().seconds() + (life * count + 5) / 6 + seconds).unwrap()
}

#[tokio::test]
async fn a_document_is_fetched_once_and_again_when_it_is_due() {
    let bench = Bench::new(Act::Serve(list())).await;
    let fetched = bench.fetch().await.unwrap();
    assert_eq!((fetched.origin, fetched.age), (Origin::Vendor, Age::Fresh));
    let [document] = fetched.documents.as_slice() else { unreachable!("one document, no chain") };
    assert_eq!(
        (document.kind, document.key.as_str(), &document.bytes),
        (Kind::AmdCrl, "milan/vcek", &list())
    );
    assert_eq!((document.issued, document.expires), (issued(), expires()));
    assert_eq!(*bench.service.asked.lock().unwrap(), [PATH]);
    bench.set(sixths(4, -1));
    assert_eq!(bench.fetch().await.unwrap().origin, Origin::Kept);
    assert_eq!(bench.service.asked(), 1);
    bench.set(sixths(4, 0));
    let again = bench.fetch().await.unwrap();
    assert_eq!((again.origin, again.age, bench.service.asked()), (Origin::Vendor, Age::Due, 2));
    bench.set(sixths(5, 0));
    assert_eq!(bench.fetch().await.unwrap().age, Age::Late, "somebody should hear of it");
}

#[tokio::test]
async fn what_a_store_has_is_not_fetched_while_it_is_fresh() {
    let bench = Bench::new(Act::Serve(list())).await;
    let document = |bytes| Document {
        kind: Kind::AmdCrl,
        key: "milan/vcek".to_owned(),
        bytes,
        issued: issued(),
        expires: expires(),
    };
    let mut changed = list();
    changed[100] ^= 1;
    assert!(bench.fetcher.keep(document(changed), None).is_err(), "judged like any other");
    bench.fetcher.keep(document(list()), None).unwrap();
    assert_eq!(bench.fetch().await.unwrap().origin, Origin::Kept);
    assert_eq!(bench.service.asked(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Service::start(Act::Serve(list())).await;
    let bench = Bench::new(Act::Status(302, "location: /elsewhere\r\n")).await;
    let refused = bench.fetch().await.unwrap_err();
    assert!(matches!(refused, FetchError::Redirected { status: 302, .. }), "{refused}");
    assert_eq!((bench.service.asked(), elsewhere.asked()), (1, 0));
    bench.service.does(Act::Status(307, "location: https://example.com/\r\n"));
    assert!(matches!(bench.fetch().await, Err(FetchError::Redirected { status: 307, .. })));
}

#[tokio::test]
async fn what_is_larger_than_such_a_document_is_not_read() {
    let bench = Bench::new(Act::Announce((1 << 20) + 1)).await;
    assert!(matches!(bench.fetch().await, Err(FetchError::TooLarge { limit, .. }) if limit == 1 << 20));
    bench.service.does(Act::Pour((1 << 20) + 1));
    assert!(matches!(bench.fetch().await, Err(FetchError::TooLarge { .. })), "also when nobody said so");
}

/// The runtime's clock is stopped, and moves only when everybody waits.
#[tokio::test(start_paused = true)]
async fn who_does_not_answer_in_time_has_failed() {
    let bench = Bench::new(Act::Never).await;
    let refused = bench.fetch().await.unwrap_err();
    assert!(matches!(refused, FetchError::Timeout { .. }), "{refused}");
}

#[tokio::test]
async fn what_is_not_the_document_is_refused() {
    let genoa = Lab::fixture().amd_lists().swap_remove(2);
    let mut unsigned = list();
    let last = unsigned.len() - 1;
    unsigned[last] ^= 1;
    for wrong in [b"<html>busy</html>".to_vec(), Vec::new(), genoa, unsigned, [list(), vec![0]].concat()] {
        let bench = Bench::new(Act::Serve(wrong)).await;
        let refused = bench.fetch().await.unwrap_err();
        assert!(matches!(refused, FetchError::Refused { .. }), "{refused}");
    }
}

#[tokio::test]
async fn what_is_out_of_date_is_refused() {
    let bench = Bench::new(Act::Serve(list())).await;
    bench.set(expires().after(Duration::from_secs(1)));
    let refused = bench.fetch().await.unwrap_err();
    assert!(matches!(refused, FetchError::Refused { error: DocumentError::Vendor(_), .. }), "{refused}");
}

#[tokio::test]
async fn a_missing_document_is_no_outage() {
    let bench = Bench::new(Act::Status(404, "")).await;
    for _ in 0..5 {
        assert!(matches!(bench.fetch().await, Err(FetchError::NotFound { .. })));
    }
    assert_eq!((bench.service.asked(), bench.fetcher.phase(Vendor::Amd)), (5, Phase::Closed));
}

#[tokio::test]
async fn a_vendor_that_fails_is_left_alone_and_then_asked_once() {
    let bench = Bench::new(Act::Status(500, "")).await;
    for _ in 0..3 {
        assert!(matches!(bench.fetch().await, Err(FetchError::Status { status: 500, .. })));
    }
    let until = issued().after(Duration::from_secs(60));
    let open = FetchError::CircuitOpen { vendor: Vendor::Amd, until };
    bench.service.does(Act::Serve(list()));
    bench.set(issued().after(Duration::from_secs(59)));
    assert_eq!(bench.fetch().await, Err(open));
    assert_eq!((bench.service.asked(), bench.fetcher.phase(Vendor::Amd)), (3, Phase::Open { until }));
    assert_eq!(bench.fetcher.phase(Vendor::Intel), Phase::Closed, "the other vendor's is its own");
    bench.set(until);
    assert_eq!(bench.fetch().await.unwrap().origin, Origin::Vendor);
    assert_eq!((bench.service.asked(), bench.fetcher.phase(Vendor::Amd)), (4, Phase::Closed));
}

#[tokio::test]
async fn what_is_at_hand_serves_while_its_vendor_fails_within_the_bound() {
    let bench = Bench::new(Act::Serve(list())).await;
    bench.fetch().await.unwrap();
    bench.service.does(Act::Status(503, ""));
    bench.set(sixths(5, 0));
    let kept = bench.fetch().await.unwrap();
    assert!(matches!(kept.origin, Origin::KeptOnError { error: FetchError::Status { status: 503, .. } }));
    assert_eq!(kept.age, Age::Late);
    bench.set(expires().after(Duration::from_secs(3600)));
    let stale = bench.fetch().await.unwrap();
    assert_eq!(stale.age, Age::Expired, "and whoever uses it must know");
    bench.set(expires().after(Duration::from_secs(3601)));
    assert!(bench.fetch().await.is_err());
}

#[tokio::test]
async fn many_who_want_one_document_cause_one_request() {
    let release = Arc::new(Notify::new());
    for act in [Act::Hold(release.clone(), list()), Act::Hold(release.clone(), b"nonsense".to_vec())] {
        let bench = Bench::new(act).await;
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let fetcher = bench.fetcher.clone();
                tokio::spawn(async move { fetcher.fetch(&LIST).await })
            })
            .collect();
        while bench.service.asked() == 0 {
            tokio::task::yield_now().await;
        }
        release.notify_one();
        let mut ends = Vec::new();
        for task in waiting {
            ends.push(task.await.unwrap());
        }
        assert_eq!(bench.service.asked(), 1, "good or bad, its end is everybody's");
        assert!(ends.iter().all(|end| end.is_ok() == ends[0].is_ok()));
    }
}

/// A certificate authority, and a server that it vouches for.
async fn over_tls(body: Vec<u8>) -> (String, u16) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route(PATH, axum::routing::get(move || async move { body.clone() }));
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(config))).unwrap();
    tokio::spawn(async move { server.serve(router.into_make_service()).await });
    (authority, port)
}

#[tokio::test]
async fn a_mirror_is_asked_over_tls_that_somebody_named_vouches_for() {
    let (authority, port) = over_tls(list()).await;
    let hosts = || Hosts::new(Some(&format!("https://localhost:{port}")), None, false).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(issued().seconds())));
    let trusted = fetcher(hosts(), TlsTrust::Authority(authority.into_bytes()), clock.clone());
    assert_eq!(trusted.fetch(&LIST).await.unwrap().origin, Origin::Vendor);
    let (other, _) = over_tls(Vec::new()).await;
    let stranger = fetcher(hosts(), TlsTrust::Authority(other.into_bytes()), clock);
    let refused = stranger.fetch(&LIST).await.unwrap_err();
    assert!(matches!(refused, FetchError::Unreachable { .. }), "{refused}");
}
