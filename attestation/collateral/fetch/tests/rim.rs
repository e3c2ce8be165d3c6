//! NVIDIA's service of manifests, played by a server of this machine: what is taken, and each refusal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use axum::Router;
use hanzo_attestation::Roots;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral_fetch::{
    Clock, FetchError, Fetched, Fetcher, Hosts, Limits, Origin, Settings, TlsTrust, Wanted,
};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::nvidia::rim::{MAX_RIM, Rim, RimId};
use hanzo_attestation_evidence::{Broken as _, UnixTime};
use hanzo_attestation_lab::{RimDefect, RimOrder, RimProduct, RimVendor, Validity};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DRIVER: &str = "NV_GPU_DRIVER_GH100_590.12";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::parse("2026-06-01T12:00:00Z").unwrap()
    }
}

/// A vendor, its service, and a fetcher that asks it.
struct Bench {
    vendor: RimVendor,
    answer: Arc<Mutex<Vec<u8>>>,
    fetcher: Fetcher,
}

impl Bench {
    async fn new() -> Self {
        let at = |text| UnixTime::parse(text).unwrap();
        let validity =
            Validity { not_before: at("2026-01-01T00:00:00Z"), not_after: at("2027-01-01T00:00:00Z") };
        let vendor = RimVendor::generate(validity).unwrap();
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let served = Arc::clone(&answer);
        let router = Router::new().fallback(move || {
            let body = served.lock().unwrap().clone();
            async move { body }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mirror = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let settings = Settings {
            hosts: Hosts::new(None, None, true).unwrap().with_nvidia_mirror(&mirror).unwrap(),
            trust: TlsTrust::SystemStore,
            limits: Limits::default(),
            stale_if_error: Duration::ZERO,
        };
        let extra = ExtraRoots { nvidia_rim: vec![vendor.root().to_vec()], ..ExtraRoots::default() };
        let fetcher = Fetcher::new(settings, Roots::vendor().with_extra(extra), Arc::new(Noon)).unwrap();
        Self { vendor, answer, fetcher }
    }

    /// What the fetcher makes of an answer.
    async fn fetch(&self, id: &str, answer: Vec<u8>) -> Result<Fetched, FetchError> {
        *self.answer.lock().unwrap() = answer;
        self.fetcher.fetch(&Wanted::NvidiaRim { id: RimId::parse(id).unwrap() }).await
    }

    fn manifest(&self, order: &RimOrder) -> Vec<u8> {
        self.vendor.manifest(order).unwrap()
    }
}

fn envelope(id: &str, xml: &[u8]) -> Value {
    let sha256 = Rim::parse(xml).unwrap().sha256().to_string();
    json!({"id": id, "rim": base64_encode(xml), "sha256": sha256, "rim_format": "TCG", "request_id": "1"})
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[tokio::test]
async fn a_manifest_of_the_id_is_taken_under_its_own_key() {
    let bench = Bench::new().await;
    let orders = [
        (DRIVER, RimOrder::default()),
        (
            "NV_GPU_VBIOS_1010_0200_882_96005E0001",
            RimOrder { version: "96.00.5E.00.01".to_owned(), ..RimOrder::default() },
        ),
        (
            "NV_SWITCH_BIOS_5612_0002_890_9610550001",
            RimOrder {
                product: RimProduct::Ls10,
                version: "96.10.55.00.01".to_owned(),
                ..RimOrder::default()
            },
        ),
    ];
    for (id, order) in orders {
        let xml = bench.manifest(&order);
        let fetched = bench.fetch(id, bytes(&envelope(id, &xml))).await.unwrap();
        let [document] = fetched.documents.as_slice() else { panic!("one document") };
        let product = if order.product == RimProduct::Ls10 { "LS10" } else { "GH100" };
        let key = format!("{product}/{}/{}", order.version, Rim::parse(&xml).unwrap().sha256());
        assert_eq!((document.kind, &document.key, &document.bytes), (Kind::NvidiaRim, &key, &xml));
        assert_eq!(fetched.origin, Origin::Vendor);
    }
}

/// NVR-42: asked for a driver of Blackwell, the service has answered with a signed manifest of Hopper.
#[tokio::test]
async fn an_answer_to_another_question_is_refused() {
    let other = "NV_GPU_CC_DRIVER_GB100_590.12";
    for (asked, answered, problem) in [
        (other, other, "is for GH100 590.12"),
        (other, DRIVER, "the answer is for"),
        ("NV_GPU_DRIVER_GH100_590.13", "NV_GPU_DRIVER_GH100_590.13", "not for"),
        ("NV_GPU_VBIOS_1_2_3_9600", "NV_GPU_VBIOS_1_2_3_9600", "not for"),
    ] {
        // A vendor that fails is left alone: each has its own.
        let bench = Bench::new().await;
        let answer = envelope(answered, &bench.manifest(&RimOrder::default()));
        let refused = bench.fetch(asked, bytes(&answer)).await.unwrap_err();
        assert!(matches!(&refused, FetchError::Envelope { .. }), "{refused}");
        assert!(refused.to_string().contains(problem), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_in_another_form_is_refused() {
    let xml = {
        let bench = Bench::new().await;
        bench.manifest(&RimOrder::default())
    };
    let good = envelope(DRIVER, &xml);
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        bytes(&changed)
    };
    for wrong in [
        Vec::new(),
        b"<html>".to_vec(),
        b"{}".to_vec(),
        with("rim", json!("*")),
        with("rim", json!(base64_encode(b"<a/>"))),
        with("sha256", json!("00")),
        with("sha256", json!("00".repeat(32))),
        with("id", json!(null)),
    ] {
        // A vendor that fails is left alone: each has its own.
        let bench = Bench::new().await;
        let refused = bench.fetch(DRIVER, wrong).await.unwrap_err();
        assert!(matches!(&refused, FetchError::Envelope { .. }), "{refused}");
    }
    let bench = Bench::new().await;
    let refused = bench.fetch(DRIVER, vec![b' '; 2 * MAX_RIM + 1]).await.unwrap_err();
    assert!(matches!(refused, FetchError::TooLarge { .. }), "{refused}");
}

/// NVR-22, NVR-28, COL-09: nothing is stored that its vendor does not vouch for.
#[tokio::test]
async fn a_manifest_that_is_not_trusted_is_refused_by_its_rule() {
    for (defect, rule) in [
        (RimDefect::OwnRoot, "NVR-22 RimRootNotPinned"),
        (RimDefect::OtherKey, "NVR-28 RimSignature"),
        (RimDefect::OtherFamily, "NVR-26 RimFamilyMismatch"),
        (RimDefect::Expired, "COL-09 CollateralExpired"),
    ] {
        let bench = Bench::new().await;
        let xml = bench.manifest(&RimOrder::default().with_defect(defect));
        let refused = bench.fetch(DRIVER, bytes(&envelope(DRIVER, &xml))).await.unwrap_err();
        let FetchError::Refused { error, .. } = &refused else { panic!("{refused}") };
        assert_eq!(error.rule().to_string(), rule);
    }
}
