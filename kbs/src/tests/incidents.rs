//! Incidents, from the operator's chair: something is refused, the explanation names the cause first, and
//! the change that it proposes, made for real, turns the decision.

use super::World;
use super::gpu::{self, Vendor};
use super::world::{Options, START, with};
use crate::judge::Grounds;
use hanzo_attestation::{Collateral, Revocation};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{ListDefect, SnpOrder, SnpProduct, TdxOrder, Vek};
use hanzo_policy::Appraisal;
use hanzo_policy::appraisal::ChipId;
use hanzo_policy::appraisal::snp::{PerProduct, TcbFloor};
use hanzo_policy::explain::{By, Change, Explanation, Mark};
use serde_json::{Value, json};
use std::sync::Arc;

/// What was found out about a refusal.
struct Incident {
    row: Value,
    explanation: Explanation,
}

impl Incident {
    /// The key is refused with this code, and the refusal explained.
    async fn of(world: &World, proof: Value, key: &str, code: &str) -> Self {
        let refused = world.authorize(proof, &[key]).await;
        let row = world.newest().await;
        assert_eq!((row["outcome"].as_str(), row["code"].as_str()), (Some("refused"), Some(code)), "{row}");
        // The node learns a code that says nothing of the cause.
        let told = refused.body["code"].as_str().unwrap();
        assert!(["KeyNotGranted", "EvidenceRefused"].contains(&told), "{refused:?}");
        assert!(refused.body.get("explanation").is_none() && !refused.text.contains("snp."), "{refused:?}");
        let path = format!("/kbs/v1/audit/{}/explanation", row["seq"]);
        let explained = world.admin("GET", &path, Value::Null).await;
        assert_eq!(explained.status, 200, "{explained:?}");
        let explanation: Explanation = serde_json::from_value(explained.body["explanation"].clone()).unwrap();
        assert!(!explanation.granted);
        assert_eq!(explanation.code, code, "{explanation:#?}");
        Self { row, explanation }
    }

    /// The first rule that does not hold.
    fn cause(&self) -> String {
        fn first(steps: &[hanzo_policy::explain::Step]) -> Option<String> {
            let step = steps.iter().find(|step| step.mark == Mark::No)?;
            first(&step.steps).or_else(|| Some(step.text.clone()))
        }
        first(&self.explanation.steps).unwrap()
    }

    /// Asserts the cause, and who can make the proposed change; returns the changes.
    fn proposes(&self, cause: &str, by: By, text: &str) -> Vec<Change> {
        assert!(self.cause().contains(cause), "{} in {:#?}", self.cause(), self.explanation);
        let proposal =
            self.explanation.proposals.first().unwrap_or_else(|| panic!("{:#?}", self.explanation));
        let (first, texts) = (&proposal.changes[0], &self.explanation.proposals);
        assert!(first.by == by && first.text.contains(text), "{texts:#?}");
        proposal.changes.iter().map(|change| change.change.clone()).collect()
    }
}

async fn granted(world: &World, proof: Value, key: &str) {
    let reply = world.authorize(proof, &[key]).await;
    assert_eq!(reply.status, 200, "the proposed change does not turn the decision: {reply:?}");
}

/// The code under which a proof is refused.
async fn refusal(world: &World, proof: Value) -> String {
    world.authorize(proof, &["acme/disk"]).await.assert_problem(403, "EvidenceRefused");
    world.newest().await["code"].as_str().unwrap().to_owned()
}

fn usual() -> SnpOrder {
    SnpOrder::default()
}

/// The same broker with other grounds.
pub(super) fn judged_by(world: &World, change: impl FnOnce(&mut Grounds)) {
    let now = world.broker.judge().grounds();
    let mut grounds = Grounds {
        roots: now.roots.clone(),
        collateral: now.collateral.clone(),
        revocation: now.revocation.clone(),
        appraisal: now.appraisal.clone(),
        second_reader: now.second_reader,
        cache: Arc::clone(&now.cache),
        store: None,
        grace: now.grace,
    };
    change(&mut grounds);
    world.broker.judge().replace(grounds);
}

async fn strict(change: impl FnOnce(&mut Appraisal)) -> World {
    let mut appraisal = Appraisal::strict();
    change(&mut appraisal);
    World::furnished_with(Options { appraisal, ..Options::default() }).await
}

/// A world in which `acme/disk` is there by this policy alone.
async fn by_policy(text: &str) -> World {
    let world = World::furnished().await;
    world.policy("acme-disk", text).await;
    world
}

/// SNP-65: an advisory raised the floor.
#[tokio::test]
async fn old_firmware() {
    let tcb = SnpProduct::Milan.tcb();
    let (bootloader, tee, snp, microcode) = (tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode);
    let floor = TcbFloor { bootloader, tee, snp, microcode };
    let world = strict(|appraisal| {
        appraisal.snp.reported_tcb_floor = Some(PerProduct { milan: Some(floor), genoa: None, turin: None });
    })
    .await;
    let old = SnpOrder { tcb_below: true, ..usual() };
    let incident =
        Incident::of(&world, world.proof(old).await, "acme/disk", "SnpReportedTcbBelowFloor").await;
    incident.proposes("SNP-65", By::Node, "firmware to the floor of REPORTED_TCB");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// SNP-43.
#[tokio::test]
async fn a_guest_launched_for_debugging() {
    let world = World::furnished().await;
    let debug = SnpOrder { debug: true, ..usual() };
    let incident = Incident::of(&world, world.proof(debug).await, "acme/disk", "SnpDebugAllowed").await;
    incident.proposes("SNP-43", By::Node, "debugging off");
    let texts = incident.explanation.proposals.iter().flat_map(|p| &p.changes);
    assert!(texts.clone().all(|change| change.by == By::Node), "no threshold admits it");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

#[tokio::test]
async fn an_image_that_nobody_listed() {
    let world = World::furnished().await;
    let image = || SnpOrder { measurement: [9; 48], ..usual() };
    let incident = Incident::of(&world, world.proof(image()).await, "acme/disk", "MeasurementUnknown").await;
    let changes = incident.proposes("principal.measurement in", By::Administrator, "reference set `images`");
    let [Change::Reference { set, measurement }] = &changes[..] else { panic!("{changes:?}") };
    let digest = measurement.rsplit('/').next().unwrap();
    let values = json!([{"tee": "sev-snp", "register": "measurement", "digest": digest}]);
    let path = format!("/kbs/v1/references/{set}");
    let put = world.admin("PUT", &path, json!({"values": values, "expected_version": 1})).await;
    assert_eq!(put.status, 200, "{put:?}");
    granted(&world, world.proof(image()).await, "acme/disk").await;
    // The past decision is explained by the reference values of then.
    let path = format!("/kbs/v1/audit/{}/explanation", incident.row["seq"]);
    let again = world.admin("GET", &path, Value::Null).await;
    assert_eq!(again.body["explanation"]["code"], "MeasurementUnknown");
}

/// Nobody fetched the lists.
#[tokio::test]
async fn collateral_that_ended() {
    let world = td_world().await;
    let mut order = world.lab.intel_order();
    order.pck_lists.not_after = UnixTime::from_seconds(START - 1000).unwrap();
    let stale = world.lab.collateral_with_intel(&order).unwrap();
    judged_by(&world, |grounds| grounds.collateral = stale);
    let code = refusal(&world, world.td_proof(td()).await).await;
    let incident = Incident::of(&world, world.td_proof(td()).await, "acme/disk", &code).await;
    let changes = incident.proposes("signatures, chains", By::Administrator, "renew what ended");
    let [Change::Renewed { at }] = &changes[..] else { panic!("{changes:?}") };
    assert!(at.seconds() < START, "it held earlier: {at}");
    judged_by(&world, |grounds| grounds.collateral = world.lab.collateral());
    granted(&world, world.td_proof(td()).await, "acme/disk").await;
}

#[tokio::test]
async fn a_revocation_list_that_is_not_at_hand() {
    let world = World::furnished().await;
    judged_by(&world, |grounds| grounds.collateral = Collateral::default());
    let code = ListDefect::Missing.expects();
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/disk", code).await;
    let changes = incident.proposes("signatures, chains", By::Administrator, "missing revocation list");
    assert_eq!(changes, [Change::Revocation]);
    judged_by(&world, |grounds| {
        grounds.revocation = Revocation::Waived { reason: "until the lists are back".to_owned() };
    });
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// The broker's clock is an hour behind: the chip's certificate has not begun.
#[tokio::test]
async fn a_clock_that_is_behind() {
    let world = World::furnished().await;
    let issued_at = Some(UnixTime::from_seconds(START + 3000).unwrap());
    let order = || SnpOrder { issued_at, ..usual() };
    let code = refusal(&world, world.proof(order()).await).await;
    let incident = Incident::of(&world, world.proof(order()).await, "acme/disk", &code).await;
    let changes = incident.proposes("signatures, chains", By::Administrator, "set the clock");
    let [Change::Renewed { at }] = &changes[..] else { panic!("{changes:?}") };
    assert!(at.seconds() > START, "it will hold later: {at}");
    world.advance(at.seconds() - START);
    granted(&world, world.proof(order()).await, "acme/disk").await;
}

#[tokio::test]
async fn a_gpu_that_was_not_shown() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/weights", "TierTooLow").await;
    incident.proposes("tier 2 (confidential) is at least", By::Node, "prove tier 3 (gpu-cc)");
    let nonce = world.nonce().await;
    let devices = [vendor.gpu(&gpu::alone(&world, &nonce), *b"lab-gpu0")];
    granted(&world, gpu::proof(&world, &nonce, &devices, &devices), "acme/weights").await;
}

/// SNP-37: the operator denied the chip.
#[tokio::test]
async fn a_chip_on_the_deny_list() {
    let world = World::furnished().await;
    granted(&world, world.proof(usual()).await, "acme/disk").await;
    let chip = world.newest().await["claims"][0]["claims"]["chip_id"].as_str().unwrap().to_owned();
    judged_by(&world, |grounds| {
        grounds.appraisal.snp.denied_chips = vec![ChipId::try_from(chip).unwrap()];
    });
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/disk", "SnpVekDenied").await;
    incident.proposes("SNP-37", By::Node, "run on another chip");
    granted(&world, world.proof(SnpOrder { chip: 2, ..usual() }).await, "acme/disk").await;
}

#[tokio::test]
async fn a_key_of_another_tenant() {
    let world = by_policy(
        "permit (principal, action == Action::\"release\", resource in Tenant::\"acme\")\n\
         when { principal.measurement in ReferenceSet::\"images\" };",
    )
    .await;
    let created = world.admin("POST", "/kbs/v1/keys", json!({"id": "other/disk", "minimum_tier": 2})).await;
    assert_eq!(created.status, 201);
    let incident = Incident::of(&world, world.proof(usual()).await, "other/disk", "NoPolicy").await;
    let changes =
        incident.proposes("a policy that permits anything", By::Caller, "ask for the key acme/disk");
    let [Change::Key { key }] = &changes[..] else { panic!("{changes:?}") };
    granted(&world, world.proof(usual()).await, key).await;
}

#[tokio::test]
async fn a_key_without_a_policy() {
    let world = World::furnished().await;
    let created = world.admin("POST", "/kbs/v1/keys", json!({"id": "acme/lonely", "minimum_tier": 2})).await;
    assert_eq!(created.status, 201);
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/lonely", "NoPolicy").await;
    let changes = incident.proposes("a policy that permits anything", By::Administrator, "add the policy");
    let [Change::Permit { cedar }] = &changes[..] else { panic!("{changes:?}") };
    world.policy("lonely", cedar).await;
    granted(&world, world.proof(usual()).await, "acme/lonely").await;
}

/// SNP-60.
#[tokio::test]
async fn a_report_from_within_the_guest() {
    let world = World::furnished().await;
    let order = SnpOrder { vmpl: 1, ..usual() };
    let incident = Incident::of(&world, world.proof(order).await, "acme/disk", "SnpVmplNotAllowed").await;
    incident.proposes("SNP-60", By::Node, "an accepted VMPL");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// SNP-41.
#[tokio::test]
async fn host_data_that_nobody_expects() {
    let world = World::furnished().await;
    let order = SnpOrder { host_data: [1; 32], ..usual() };
    let incident = Incident::of(&world, world.proof(order).await, "acme/disk", "SnpHostDataMismatch").await;
    incident.proposes("SNP-41", By::Node, "without host data");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// SNP-46, SNP-44.
#[tokio::test]
async fn a_guest_that_can_be_migrated() {
    let world = World::furnished().await;
    let order = SnpOrder { migration_agent: Some([7; 32]), ..usual() };
    let proof = world.proof(order).await;
    let incident = Incident::of(&world, proof, "acme/disk", "SnpMigrationAllowed").await;
    incident.proposes("SNP-44", By::Node, "cannot be migrated");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// SNP-69.
#[tokio::test]
async fn firmware_that_the_host_can_roll_back() {
    let world = strict(|appraisal| appraisal.snp.require_committed_firmware = true).await;
    let order = SnpOrder { provisional: true, ..usual() };
    let incident =
        Incident::of(&world, world.proof(order).await, "acme/disk", "SnpProvisionalFirmware").await;
    incident.proposes("SNP-69", By::Node, "commit the firmware");
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

/// SNP-74: only the administrator can accept the provider's keys.
#[tokio::test]
async fn a_kind_of_key_that_is_not_accepted() {
    let world = strict(|appraisal| appraisal.snp.allow_vlek = false).await;
    let order = || SnpOrder { vek: Vek::Vlek, ..usual() };
    let incident =
        Incident::of(&world, world.proof(order()).await, "acme/disk", "SnpVekKindNotAllowed").await;
    incident.proposes("SNP-74", By::Administrator, "`snp.allow_vlek` to true");
    judged_by(&world, |grounds| grounds.appraisal.snp.allow_vlek = true);
    granted(&world, world.proof(order()).await, "acme/disk").await;
}

#[tokio::test]
async fn a_guest_below_the_version_that_a_policy_forbids() {
    let world = World::furnished().await;
    let forbid =
        "forbid (principal, action, resource) when { principal has snp && principal.snp.guest_svn < 5 };";
    world.policy("svn", forbid).await;
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/disk", "PolicyForbids").await;
    incident.proposes("policy `svn` forbids", By::Node, "`snp.guest_svn` is 5");
    granted(&world, world.proof(SnpOrder { guest_svn: 5, ..usual() }).await, "acme/disk").await;
}

#[tokio::test]
async fn another_processor_than_the_policy_names() {
    let world = by_policy(
        "permit (principal, action == Action::\"release\", resource == Key::\"acme/disk\")\n\
         when { principal has product && principal.product == \"genoa\" };",
    )
    .await;
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/disk", "PolicyDenied").await;
    incident.proposes("principal.product == \"genoa\"", By::Node, "`product` is \"genoa\"");
    let genoa = SnpOrder { product: SnpProduct::Genoa, ..usual() };
    granted(&world, world.proof(genoa).await, "acme/disk").await;
}

#[tokio::test]
async fn a_policy_that_has_not_begun() {
    let begin = START + 1000;
    let world = by_policy(&format!(
        "permit (principal, action == Action::\"release\", resource == Key::\"acme/disk\")\n\
         when {{ context.now >= {begin} }};"
    ))
    .await;
    let incident = Incident::of(&world, world.proof(usual()).await, "acme/disk", "PolicyDenied").await;
    let changes = incident.proposes("context.now >=", By::Time, "it is ");
    let [Change::Now { at }] = &changes[..] else { panic!("{changes:?}") };
    world.advance(at.seconds() - START);
    granted(&world, world.proof(usual()).await, "acme/disk").await;
}

#[tokio::test]
async fn an_identity_where_a_machine_is_asked_for() {
    let world = World::new().await;
    let key = json!({"id": "acme/ci", "minimum_tier": 1, "require_cpu_tee": true});
    assert_eq!(world.admin("POST", "/kbs/v1/keys", key).await.status, 201);
    world
        .policy("ci", "permit (principal, action == Action::\"release\", resource == Key::\"acme/ci\");")
        .await;
    let incident = Incident::of(&world, world.identity_proof().await, "acme/ci", "CpuTeeRequired").await;
    incident.proposes("the CPU TEE that the key demands", By::Node, "the evidence of a CPU TEE");
    granted(&world, world.proof(usual()).await, "acme/ci").await;
}

#[tokio::test]
async fn two_causes_at_once() {
    let world = by_policy(
        "permit (principal, action == Action::\"release\", resource == Key::\"acme/disk\")\n\
         when { principal.measurement in ReferenceSet::\"images\" && principal has snp && \
         principal.snp.guest_svn >= 7 };",
    )
    .await;
    let order = |guest_svn| SnpOrder { measurement: [9; 48], guest_svn, ..usual() };
    let incident = Incident::of(&world, world.proof(order(0)).await, "acme/disk", "PolicyDenied").await;
    let changes = incident.proposes("principal.measurement in", By::Administrator, "reference set `images`");
    assert_eq!(changes.len(), 2, "{changes:?}");
    let values = json!([{"tee": "sev-snp", "register": "measurement", "digest": "09".repeat(48)}]);
    let put = json!({"values": values, "expected_version": 1});
    assert_eq!(world.admin("PUT", "/kbs/v1/references/images", put).await.status, 200);
    world.authorize(world.proof(order(0)).await, &["acme/disk"]).await.assert_problem(403, "KeyNotGranted");
    granted(&world, world.proof(order(7)).await, "acme/disk").await;
}

async fn td_world() -> World {
    let world = World::furnished().await;
    world.policy("all", "permit (principal, action, resource) when { principal.tier >= 2 };").await;
    world
}

fn td() -> TdxOrder {
    TdxOrder::default().with_log(&LabLog::usual_td())
}

/// DCAP-58.
#[tokio::test]
async fn a_platform_that_intel_rates_out_of_date() {
    let world = td_world().await;
    let proof = world.td_proof(TdxOrder { tcb_below: true, ..td() }).await;
    let incident = Incident::of(&world, proof, "acme/disk", "TcbStatusNotAllowed").await;
    incident.proposes("DCAP-58", By::Node, "up to date");
    granted(&world, world.td_proof(td()).await, "acme/disk").await;
}

/// TDX-09.
#[tokio::test]
async fn a_td_launched_for_debugging() {
    let world = td_world().await;
    let proof = world.td_proof(TdxOrder { debug: true, ..td() }).await;
    let incident = Incident::of(&world, proof, "acme/disk", "TdDebug").await;
    incident.proposes("TDX-09", By::Node, "debugging off");
    granted(&world, world.td_proof(td()).await, "acme/disk").await;
}

/// Where nothing helps, that is the answer, and no threshold or policy is made up.
#[tokio::test]
async fn a_proof_for_somebody_else() {
    let world = World::furnished().await;
    let proof = with(world.proof(usual()).await, "runtime_data", json!({"a": 1}));
    let incident = Incident::of(&world, proof, "acme/disk", "SnpReportDataMismatch").await;
    assert!(incident.cause().contains("signatures, chains, freshness and binding"));
    assert_eq!(incident.explanation.proposals, []);
    assert!(incident.explanation.tried > 20);
}

#[tokio::test]
async fn only_the_administrator_is_told() {
    let world = World::furnished().await;
    world.authorize(world.proof(SnpOrder { debug: true, ..usual() }).await, &["acme/disk"]).await;
    let path = format!("/kbs/v1/audit/{}/explanation", world.newest().await["seq"]);
    world.get(&path).await.assert_problem(401, "Unauthenticated");
    world.admin("GET", "/kbs/v1/audit/9999/explanation", Value::Null).await.assert_problem(404, "NotFound");
}

#[tokio::test]
async fn what_is_no_longer_kept_is_explained_by_its_row() {
    let limits = crate::config::Limits { refused_proofs: 0, ..crate::config::Limits::default() };
    let world = World::furnished_with(Options { limits, ..Options::default() }).await;
    world.authorize(world.proof(SnpOrder { debug: true, ..usual() }).await, &["acme/disk"]).await;
    let path = format!("/kbs/v1/audit/{}/explanation", world.newest().await["seq"]);
    let told = world.admin("GET", &path, Value::Null).await.body;
    assert_eq!(
        (told["basis"].as_str(), told["explanation"]["code"].as_str()),
        (Some("record"), Some("SnpDebugAllowed"))
    );
    // A key that does not exist was decided by no policy.
    world.authorize(world.proof(usual()).await, &["acme/nothing"]).await;
    let path = format!("/kbs/v1/audit/{}/explanation", world.newest().await["seq"]);
    let told = world.admin("GET", &path, Value::Null).await.body;
    assert_eq!(
        (told["basis"].as_str(), told["explanation"]["code"].as_str()),
        (Some("record"), Some("KeyAbsent"))
    );
    // And a grant says what it hangs on.
    granted(&world, world.proof(usual()).await, "acme/disk").await;
    let path = format!("/kbs/v1/audit/{}/explanation", world.newest().await["seq"]);
    let told = world.admin("GET", &path, Value::Null).await.body;
    assert_eq!((told["basis"].as_str(), &told["explanation"]["granted"]), (Some("facts"), &json!(true)));
}
