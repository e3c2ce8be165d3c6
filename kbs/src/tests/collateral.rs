//! A store of collateral under a running broker: read again when it changes, kept when it cannot be, and no
//! judgement before the time that it proves.

use super::World;
use super::world::{Options, START};
use crate::config::{AttestationConfig, Config, StoreConfig};
use crate::serve::{Reload, read_grounds, reload};
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation::{IntelDocument, Roots};
use hanzo_attestation_collateral::bundle::{
    Algorithm, BundleSigner, Container, Deny, Draft, EdnFloors, Kind, Trust, seal,
};
use hanzo_attestation_collateral::{Document, Store};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{AkCertificate, AkUsage, Lab, ListDefect, SnpOrder, TdxOrder, TpmOrder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whoever makes bundles, and the broker's configuration that believes them.
struct Desk {
    key: String,
    folder: PathBuf,
}

impl Desk {
    fn new(folder: &Path) -> Self {
        let desk = Self {
            key: BundleSigner::generate(Algorithm::Ed25519).unwrap().to_string(),
            folder: folder.to_owned(),
        };
        Lab::fixture().write(&folder.join("lab")).unwrap();
        let public = desk.signer().public().unwrap();
        std::fs::write(folder.join("bundle.pub"), public.to_pem()).unwrap();
        desk
    }

    fn signer(&self) -> BundleSigner {
        BundleSigner::from_pem(self.key.as_bytes()).unwrap()
    }

    fn config(&self) -> AttestationConfig {
        let text = "environment = \"development\"\npublic_url = \"https://kbs.example\"\n\
             [tls]\ncert = \"c\"\nkey = { file = \"k\" }\n[store]\nsqlite = \"d\"\n\
             [seal]\nkey = { file = \"s\" }\n[admin]\ntoken = { file = \"t\" }\n\
             [attestation]\nextra_roots = \"lab\"\n\
             [attestation.collateral]\nstore = \"collateral\"\nkeys = [\"bundle.pub\"]\n";
        Config::parse(text, &self.folder).unwrap().attestation
    }

    fn bundle(&self, sequence: u64, list: Vec<u8>, deny: Deny) -> Container {
        self.bundle_of(sequence, list, deny, Vec::new())
    }

    fn bundle_of(&self, sequence: u64, list: Vec<u8>, deny: Deny, more: Vec<Document>) -> Container {
        let list_of = hanzo_attestation_evidence::x509::Crl::parse(&list).unwrap();
        let (issued, expires) = (list_of.this_update(), list_of.next_update());
        let document =
            Document { kind: Kind::AmdCrl, key: "milan/vcek".to_owned(), bytes: list, issued, expires };
        let draft = Draft {
            bundle_id: format!("lab-{sequence}"),
            sequence,
            created: at(START),
            not_before: at(START),
            not_after: at(START + 86_400),
            edn_floors: EdnFloors::default(),
            deny,
            documents: [vec![document], more].concat(),
        };
        seal(draft, &[self.signer()]).unwrap()
    }

    /// Everything that the lab's Intel says for TDX and platforms of the Platform CA, as its service would
    /// answer.
    fn intel_bundle(&self, sequence: u64, edn_floors: EdnFloors) -> Container {
        self.intel_bundle_denying(sequence, edn_floors, Deny::default())
    }

    fn intel_bundle_denying(&self, sequence: u64, edn_floors: EdnFloors, deny: Deny) -> Container {
        let lab = Lab::fixture();
        let all = lab.intel_collateral();
        let (info, identity) = (all.tdx_tcb_info.as_ref().unwrap(), all.td_qe_identity.as_ref().unwrap());
        let answer = |member: &str, document: &IntelDocument| {
            let body = String::from_utf8(document.body.clone()).unwrap();
            format!("{{\"{member}\":{body},\"signature\":\"{}\"}}", hex::encode(document.signature))
                .into_bytes()
        };
        let fmspc = hex::encode(lab.intel_order().tdx_tcb_info.unwrap().fmspc);
        let received = [
            (Kind::IntelChain, "tcb-info".to_owned(), info.issuer_chain.clone()),
            (Kind::IntelChain, "qe-identity".to_owned(), identity.issuer_chain.clone()),
            (Kind::IntelChain, "pck-crl/platform".to_owned(), all.platform_chain.clone().into_bytes()),
            (Kind::IntelTcbInfo, format!("tdx/{fmspc}"), answer("tcbInfo", info)),
            (Kind::IntelQeIdentity, "tdx".to_owned(), answer("enclaveIdentity", identity)),
            (Kind::IntelPckCrl, "platform".to_owned(), all.platform_list.clone().unwrap()),
            (Kind::IntelRootCrl, "root".to_owned(), all.root_list.clone().unwrap()),
        ];
        let mut documents = Vec::new();
        for (kind, key, bytes) in received {
            let document = Document::received(kind, key, bytes, &documents, &lab_roots()).unwrap();
            documents.push(document);
        }
        let draft = Draft {
            bundle_id: format!("intel-{sequence}"),
            sequence,
            created: at(START),
            not_before: at(START),
            not_after: at(START + 86_400),
            edn_floors,
            deny,
            documents,
        };
        seal(draft, &[self.signer()]).unwrap()
    }

    /// Takes Intel's collateral out of the lab's directory: its root alone stays.
    fn without_intel(&self) {
        let path = self.folder.join("lab/lab.json");
        let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for vendor in index["intel"].as_array_mut().unwrap() {
            *vendor = json!({"root": vendor["root"]});
        }
        std::fs::write(path, index.to_string()).unwrap();
    }

    fn import(&self, files: Container) {
        let trust = Trust::new(vec![self.signer().public().unwrap()], 1).unwrap();
        self.store().import(files, &trust, &lab_roots(), at(START)).unwrap();
    }

    fn store(&self) -> Store {
        Store::at(self.folder.join("collateral"))
    }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn lab_roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

fn list() -> Vec<u8> {
    Lab::fixture().amd_lists().remove(0)
}

fn revoking() -> Vec<u8> {
    Lab::fixture().amd_lists_with(ListDefect::IntermediateRevoked).unwrap().remove(0)
}

#[tokio::test]
async fn a_new_bundle_is_in_force_without_a_restart_and_on_the_record() {
    let world = World::furnished().await;
    let desk = Desk::new(world.dir.path());
    desk.import(desk.bundle(1, list(), Deny::default()));
    let config = desk.config();
    assert_eq!(reload(&world.broker, &config).await.unwrap(), Reload::Changed);
    let row = world.newest().await;
    assert_eq!((&row["action"], &row["subject"]), (&json!("collateral.load"), &json!("lab-1")));
    assert_eq!(row["subject_version"], 1);
    let health = world.get("/healthz").await;
    assert_eq!(health.body["collateral"]["sequence"], 1);
    assert_eq!(reload(&world.broker, &config).await.unwrap(), Reload::Same);
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    // The next bundle's list revokes the intermediate of the very same chip.
    desk.import(desk.bundle(2, revoking(), Deny::default()));
    assert_eq!(reload(&world.broker, &config).await.unwrap(), Reload::Changed);
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "SnpIntermediateRevoked").await;
}

#[tokio::test]
async fn what_is_not_signed_as_configured_changes_nothing() {
    let world = World::furnished().await;
    let desk = Desk::new(world.dir.path());
    desk.import(desk.bundle(1, list(), Deny::default()));
    let config = desk.config();
    reload(&world.broker, &config).await.unwrap();
    // Somebody who can write the store, and has no bundle key.
    desk.store().add(Vec::new(), &lab_roots(), at(START)).unwrap();
    let error = reload(&world.broker, &config).await.unwrap_err();
    assert!(error.to_string().contains("not signed"), "{error}");
    assert!(read_grounds(&config).is_err(), "nor does a broker start with it");
    assert_eq!(world.get("/healthz").await.body["collateral"]["bundle_id"], "lab-1");
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    std::fs::write(world.dir.path().join("bundle.pub"), "no key").unwrap();
    let error = read_grounds(&config).unwrap_err();
    assert!(error.to_string().contains("bundle.pub"), "{error}");
}

/// COL-09: floors and deny lists of a bundle that is over are no longer known to be whole.
#[tokio::test]
async fn a_bundle_that_is_over_judges_nothing() {
    let world = World::furnished().await;
    let desk = Desk::new(world.dir.path());
    desk.import(desk.bundle(1, list(), Deny::default()));
    reload(&world.broker, &desk.config()).await.unwrap();
    world.advance(86_400);
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "the last second: {granted:?}");
    world.advance(1);
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "CollateralExpired").await;
    // With a grace it still counts, for as long as configured.
    let mut config = desk.config();
    let store = config.store.take().unwrap();
    config.store = Some(StoreConfig { grace: Duration::from_secs(86_400), ..store });
    world.broker.judge().replace(read_grounds(&config).unwrap());
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let waived = world.newest().await["waivers"][0].as_str().unwrap().to_owned();
    assert!(waived.starts_with("COL-09 ") && waived.contains("grace_days"), "{waived}");
}

/// COL-07: a clock that was set back, to before what the store has seen, or before this program's release.
#[tokio::test]
async fn a_clock_that_was_set_back_judges_nothing() {
    let world = World::furnished().await;
    let desk = Desk::new(world.dir.path());
    let files = desk.bundle(1, list(), Deny::default());
    desk.import(files);
    reload(&world.broker, &desk.config()).await.unwrap();
    let mut grounds = read_grounds(&desk.config()).unwrap();
    grounds.store.as_mut().unwrap().newest_issue = Some(at(START + 301));
    world.broker.judge().replace(grounds);
    let refused = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    refused.assert_problem(503, "Unavailable");
    assert_eq!(world.newest().await["code"], "ClockUntrusted");
    world.advance(1);
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
}

/// SNP-37, by a bundle: the deny list names the chip's certificate.
#[tokio::test]
async fn a_bundles_deny_list_is_enforced() {
    let world = World::furnished().await;
    let desk = Desk::new(world.dir.path());
    desk.import(desk.bundle(1, list(), Deny { veks: vec![Hex([1; 32])], ..Deny::default() }));
    reload(&world.broker, &desk.config()).await.unwrap();
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "another chip's: {granted:?}");
    let vek = world.newest().await["claims"][0]["claims"]["vek_cert_sha256"].as_str().map(str::to_owned);
    let vek: Hex<32> = serde_json::from_value(json!(vek.unwrap())).unwrap();
    desk.import(desk.bundle(2, list(), Deny { veks: vec![vek], ..Deny::default() }));
    reload(&world.broker, &desk.config()).await.unwrap();
    // Each report of the lab has a certificate of its own, so that the list is compared, not met (SNP-37).
    let denied = world.broker.judge().grounds().appraisal.snp.denied_certificates.clone();
    assert_eq!(denied, [vek]);
}

/// COL-10, DCAP-59: without Intel's collateral no TD is let in; with a store of it a TD reaches its tier;
/// under a bundle's floor it does not.
#[tokio::test]
async fn a_td_reaches_its_tier_by_a_stores_collateral() {
    let world = World::furnished().await;
    let values = json!([{"tee": "tdx", "register": "mr_td", "digest": hex::encode(TdxOrder::usual_mr_td())}]);
    let put = world
        .admin("PUT", "/kbs/v1/references/images", json!({"values": values, "expected_version": 1}))
        .await;
    assert_eq!(put.status, 200, "{put:?}");
    let desk = Desk::new(world.dir.path());
    desk.without_intel();
    let order = || TdxOrder::default().with_log(&LabLog::usual_td());
    let mut config = desk.config();
    config.store = None;
    world.broker.judge().replace(read_grounds(&config).unwrap());
    let refused = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "CollateralMissing").await;
    desk.import(desk.intel_bundle(1, EdnFloors::default()));
    assert_eq!(reload(&world.broker, &desk.config()).await.unwrap(), Reload::Changed);
    let granted = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    assert_eq!((granted.status.as_u16(), &granted.body["tier"]), (200, &json!(2)), "{granted:?}");
    desk.import(desk.intel_bundle(2, EdnFloors { sgx: 0, tdx: 10_000 }));
    assert_eq!(reload(&world.broker, &desk.config()).await.unwrap(), Reload::Changed);
    let refused = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TcbEvaluationTooOld").await;
}

/// DCAP-31, by a bundle: the deny list names the platform's PCK certificate.
#[tokio::test]
async fn a_bundles_denied_pck_certificates_are_refused() {
    let world = World::furnished().await;
    let values = json!([{"tee": "tdx", "register": "mr_td", "digest": hex::encode(TdxOrder::usual_mr_td())}]);
    let body = json!({"values": values, "expected_version": 1});
    assert_eq!(world.admin("PUT", "/kbs/v1/references/images", body).await.status, 200);
    let desk = Desk::new(world.dir.path());
    desk.without_intel();
    let order = || TdxOrder::default().with_log(&LabLog::usual_td());
    let serials = |serials: &[&str]| Deny {
        pck_serials: serials.iter().map(ToString::to_string).collect(),
        ..Deny::default()
    };
    desk.import(desk.intel_bundle_denying(1, EdnFloors::default(), serials(&["0badc0de"])));
    reload(&world.broker, &desk.config()).await.unwrap();
    let granted = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "another platform's: {granted:?}");
    let claims = world.newest().await["claims"][0]["claims"].clone();
    let serial = claims["dcap"]["pck_serial"].as_str().unwrap_or_else(|| panic!("{claims}")).to_owned();
    desk.import(desk.intel_bundle_denying(2, EdnFloors::default(), serials(&["0badc0de", &serial])));
    reload(&world.broker, &desk.config()).await.unwrap();
    let refused = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "PckRevoked").await;
    desk.import(desk.intel_bundle_denying(3, EdnFloors::default(), serials(&[])));
    reload(&world.broker, &desk.config()).await.unwrap();
    let granted = world.authorize(world.td_proof(order()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "taken back: {granted:?}");
}

/// TPM-29, by a bundle: the deny list names an endorsement key, which is not activated, and neither is what
/// was.
#[tokio::test]
async fn a_bundles_denied_endorsement_keys_are_refused() {
    let world = World::new().await;
    let desk = Desk::new(world.dir.path());
    let record = super::tpm::activated(&world).await;
    let ek = super::tpm::activated_ek(&world).await;
    desk.import(desk.bundle(1, list(), Deny { eks: vec![Hex([1; 32])], ..Deny::default() }));
    reload(&world.broker, &desk.config()).await.unwrap();
    assert_eq!(super::tpm::attest(&world, &record).await.status, 200, "another one is denied");
    desk.import(desk.bundle(2, list(), Deny { eks: vec![ek], ..Deny::default() }));
    reload(&world.broker, &desk.config()).await.unwrap();
    let refused = super::tpm::attest(&world, &record).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
    let refused = world.post("/kbs/v1/tpm/credential", &super::tpm::lab_request(None)).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
    // Of a bundle that is over nobody knows whom it denied: nothing is activated, either.
    world.advance(86_401);
    let refused = world.post("/kbs/v1/tpm/credential", &super::tpm::lab_request(None)).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "CollateralExpired").await;
}

/// TPM-11, TPM-28: roots of a signed bundle are trusted as configured ones are; without bundle keys nobody
/// vouches for them, and they are not.
#[tokio::test]
async fn roots_of_tpms_count_from_a_signed_bundle_alone() {
    let world = World::with(Options { lab: false, ..Options::default() }).await;
    let desk = Desk::new(world.dir.path());
    let lab = Lab::fixture();
    let root = |der: &[u8]| {
        let (key, bytes) = (hex::encode(digest(&SHA256, der)), der.to_vec());
        let validity = lab.validity();
        Document { kind: Kind::TpmRoot, key, bytes, issued: validity.not_before, expires: validity.not_after }
    };
    let roots = vec![root(lab.tpm_manufacturer()), root(lab.tpm_authority())];
    desk.import(desk.bundle_of(1, list(), Deny::default(), roots));
    let mut config = desk.config();
    config.extra_roots = None;
    let certified = || world.tpm_proof(TpmOrder::default(), json!({}));
    let unsigned = StoreConfig { keys: Vec::new(), ..config.store.clone().unwrap() };
    let unsigned = AttestationConfig { store: Some(unsigned), ..config.clone() };
    world.broker.judge().replace(read_grounds(&unsigned).unwrap());
    let refused = world.post("/kbs/v1/attest", &certified().await).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmAkUntrusted").await;
    let refused = world.post("/kbs/v1/tpm/credential", &super::tpm::lab_request(None)).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkCertificateInvalid").await;

    world.broker.judge().replace(read_grounds(&config).unwrap());
    let granted = world.post("/kbs/v1/attest", &certified().await).await;
    assert_eq!((granted.status.as_u16(), &granted.body["tier"]), (200, &json!(2)), "{granted:?}");
    let record = super::tpm::activated(&world).await;
    assert_eq!(super::tpm::attest(&world, &record).await.status, 200);
}

/// TPM-30: a certificate that states no purpose counts below an authority that is excepted by name, and no
/// other.
#[tokio::test]
async fn an_authority_is_excepted_by_name() {
    let world = World::with(Options { lab: false, ..Options::default() }).await;
    let desk = Desk::new(world.dir.path());
    let mut config = desk.config();
    (config.store, config.extra_roots) = (None, None);
    let authority = vec![world.dir.path().join("lab/tpm/authority.der")];
    let order = |usage| TpmOrder {
        certificate: Some(AkCertificate { usage, ..AkCertificate::default() }),
        ..TpmOrder::default()
    };
    for (usage, strict) in [(AkUsage::Attestation, 200), (AkUsage::Absent, 403), (AkUsage::Endorsement, 403)]
    {
        (config.tpm.ak_cas, config.tpm.ak_cas_any_usage) = (Vec::new(), Vec::new());
        world.broker.judge().replace(read_grounds(&config).unwrap());
        let judged = world.post("/kbs/v1/attest", &world.tpm_proof(order(usage), json!({})).await).await;
        world.assert_refused(&judged, 403, "EvidenceRefused", "TpmAkUntrusted").await;
        config.tpm.ak_cas = authority.clone();
        world.broker.judge().replace(read_grounds(&config).unwrap());
        let judged = world.post("/kbs/v1/attest", &world.tpm_proof(order(usage), json!({})).await).await;
        assert_eq!(judged.status, strict, "{usage:?}: {judged:?}");
        if strict != 200 {
            world.assert_refused(&judged, 403, "EvidenceRefused", "TpmAkCertificateInvalid").await;
        }
        (config.tpm.ak_cas, config.tpm.ak_cas_any_usage) = (Vec::new(), authority.clone());
        world.broker.judge().replace(read_grounds(&config).unwrap());
        let judged = world.post("/kbs/v1/attest", &world.tpm_proof(order(usage), json!({})).await).await;
        assert_eq!(judged.status, 200, "{usage:?}: {judged:?}");
    }
}

/// TPM-11: keys and authorities that a configuration names are read, and what is none is named.
#[test]
fn trust_in_tpms_is_read_where_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let mut config = desk.config();
    config.store = None;
    let before = read_grounds(&config).unwrap().roots;
    let authority = folder.path().join("lab/tpm/authority.der");
    let key = folder.path().join("ak.pem");
    let item = Lab::fixture().tpm(&TpmOrder::default()).unwrap();
    std::fs::write(&key, item["ak_public"].as_str().unwrap()).unwrap();
    config.tpm.ak_cas = vec![authority.clone()];
    config.tpm.ek_roots = vec![authority.clone()];
    config.tpm.trusted_aks = vec![key];
    let after = read_grounds(&config).unwrap().roots;
    let more = format!("{:?}", after.tpm()).len() - format!("{:?}", before.tpm()).len();
    assert!(more > 0);
    config.tpm.trusted_aks = vec![authority];
    let error = read_grounds(&config).unwrap_err();
    assert!(error.to_string().contains("authority.der"), "{error}");
}
