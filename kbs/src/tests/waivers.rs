//! Checks that configuration waives: every decision that rests on one names it, and a refusal that one would
//! turn says so.

use super::World;
use super::gpu::{Vendor, alone, proof};
use super::incidents::judged_by;
use super::world::{Options, START, with};
use crate::explain::waivers;
use crate::judge::Grounds;
use hanzo_attestation::{Revocation, RimHold};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_attestation_lab::{SnpDefect, SnpOrder};
use hanzo_kbs_log::{Action, Decision, Door, NewDecision};
use hanzo_kbs_vault::{DeviceRules, DeviceSessions};
use hanzo_policy::Appraisal;
use hanzo_policy::explain::{Change, Explanation};
use serde_json::{Value, json};

const LAB: &str = "a chain ends in a lab's root, which configuration accepts";

/// The waivers that the newest row has, and those that its explanation lists.
async fn told(world: &World) -> (Value, Vec<String>, Explanation) {
    let row = world.newest().await;
    let answer = world.admin("GET", &format!("/kbs/v1/audit/{}/explanation", row["seq"]), Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let waivers = answer.body.get("waivers").cloned().unwrap_or(json!([]));
    let waivers = serde_json::from_value(waivers).unwrap();
    let explanation = serde_json::from_value(answer.body["explanation"].clone()).unwrap();
    (row, waivers, explanation)
}

async fn show(world: &World, vendor: &Vendor, key: &str) -> u16 {
    let nonce = world.nonce().await;
    let gpu = [vendor.gpu(&alone(world, &nonce), *b"lab-gpu0")];
    world.authorize(proof(world, &nonce, &gpu, &gpu), &[key]).await.status.as_u16()
}

#[tokio::test]
async fn a_decision_without_a_waiver_names_none() {
    let world = World::furnished().await;
    world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    let (row, waivers, _) = told(&world).await;
    assert_eq!(row.get("waivers"), None, "{row}");
    assert_eq!(waivers, [LAB]);
}

/// Verification: revocation of devices and of manifests.
#[tokio::test]
async fn revocation_that_was_not_checked_is_named() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    assert_eq!(show(&world, &vendor, "acme/weights").await, 200);
    let (row, waivers, explanation) = told(&world).await;
    assert!(explanation.granted);
    for rule in ["NV-21 ", "NVR-29 "] {
        let named = |waiver: &&String| {
            waiver.starts_with(rule) && waiver.ends_with("waived: the lab answers no OCSP here")
        };
        assert!(waivers.iter().any(|waiver| named(&waiver)), "{rule}: {waivers:#?}");
    }
    assert_eq!(waivers.last().unwrap(), LAB);
    assert_eq!(row["waivers"].as_array().unwrap().len(), waivers.len() - 1);
    // A refusal by policies names them as well.
    world.policy("no", "forbid (principal, action, resource) when { principal.tier == 3 };").await;
    assert_eq!(show(&world, &vendor, "acme/weights").await, 403);
    assert_eq!(told(&world).await.1, waivers);
}

/// Appraisal: a threshold that is looser than strict, only where the evidence needs it.
#[tokio::test]
async fn a_looser_threshold_is_named_where_it_counts() {
    let mut appraisal = Appraisal::strict();
    appraisal.snp.allow_masked_chip = true;
    let world = World::furnished_with(Options { appraisal, ..Options::default() }).await;
    world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(told(&world).await.1, [LAB]);
    let masked = SnpOrder::default().with_defect(SnpDefect::ChipIdMasked);
    let granted = world.authorize(world.proof(masked).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let (_, waivers, _) = told(&world).await;
    let [threshold, LAB] = &waivers.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("{waivers:#?}")
    };
    assert!(threshold.starts_with("SNP-29 "), "{threshold}");
    assert!(threshold.ends_with("the configured thresholds accept it"), "{threshold}");
}

/// NV-90: devices that may be in any number of sessions.
#[tokio::test]
async fn devices_that_anybody_may_hold_are_named() {
    let vendor = Vendor::new();
    let devices = DeviceRules { sessions: DeviceSessions::Any, ..DeviceRules::default() };
    let options = Options { devices, ..vendor.options(vendor.manifests([1; 48])) };
    let world = World::furnished_with(options).await;
    world.key("acme/weights", 3).await;
    assert_eq!(show(&world, &vendor, "acme/weights").await, 200);
    let (_, waivers, _) = told(&world).await;
    assert!(waivers.iter().any(|waiver| waiver.starts_with("NV-90: ")), "{waivers:#?}");
    // Without devices there is nothing to waive.
    world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(told(&world).await.1, [LAB]);
}

/// NVIDIA's answers say from now on that the manifests are on hold.
fn hold_manifests(grounds: &mut Grounds, vendor: &Vendor) {
    let answers = vendor.on_hold(UnixTime::from_seconds(START).unwrap());
    grounds.collateral =
        answers.into_iter().fold(grounds.collateral.clone(), |all, answer| all.with_nvidia_ocsp(answer));
}

/// NVR-30: a manifest on hold. The refusal proposes the waiver; made for real it turns the decision, and the
/// decision names it.
#[tokio::test]
async fn a_manifest_on_hold_could_be_accepted() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    judged_by(&world, |grounds| {
        hold_manifests(grounds, &vendor);
    });
    assert_eq!(show(&world, &vendor, "acme/weights").await, 403);
    let (_, waivers, explanation) = told(&world).await;
    assert!(
        waivers.iter().any(|waiver| waiver.starts_with("NV-21 ")),
        "what the proof rests on: {waivers:#?}"
    );
    let held =
        explanation.proposals.iter().find(|proposal| proposal.changes[0].change == Change::ManifestHold);
    assert!(held.is_some_and(|held| held.changes.len() == 1), "{explanation:#?}");
    judged_by(&world, |grounds| {
        grounds.collateral = grounds.collateral.clone().with_nvidia_rim_hold(RimHold::Accept);
    });
    assert_eq!(show(&world, &vendor, "acme/weights").await, 200);
    let (_, waivers, _) = told(&world).await;
    assert!(waivers.iter().any(|waiver| waiver.starts_with("NVR-30 RimOnHold: ")), "{waivers:#?}");
}

/// Two waivers together, where neither is enough: none of the two is proposed alone.
#[tokio::test]
async fn waivers_that_are_needed_together_are_proposed_together() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    judged_by(&world, |grounds| {
        hold_manifests(grounds, &vendor);
        grounds.revocation = Revocation::Required;
    });
    assert_eq!(show(&world, &vendor, "acme/weights").await, 403);
    let (_, _, explanation) = told(&world).await;
    let loosened: Vec<Vec<&Change>> = explanation
        .proposals
        .iter()
        .map(|proposal| proposal.changes.iter().map(|change| &change.change).collect())
        .filter(|changes: &Vec<&Change>| {
            changes.iter().any(|change| matches!(change, Change::Revocation | Change::ManifestHold))
        })
        .collect();
    assert_eq!(loosened, [[&Change::Revocation, &Change::ManifestHold]], "{explanation:#?}");
}

/// A lab's root and rules that were changed without their quorum are waivers too.
#[test]
fn a_row_names_what_was_let_pass() {
    let at = UnixTime::from_seconds(START).unwrap();
    let mut entry = NewDecision::granted(at, Door::Native, Action::Authorize, "recipient:x", "r");
    let row = |entry: &NewDecision| Decision { seq: 1, hash: Hex([0; 32]), entry: entry.clone() };
    assert_eq!(waivers(&row(&entry)), [""; 0]);
    entry.waivers = vec!["SNP-33 SnpCrlMissing: why".to_owned()];
    entry.lab = true;
    entry.break_glass = vec![Hex([7; 32])];
    let told = waivers(&row(&entry));
    assert_eq!(told[..2], ["SNP-33 SnpCrlMissing: why", LAB]);
    assert!(told[2].contains(&"07".repeat(32)) && told[2].contains("without its quorum"), "{told:?}");
    let written = serde_json::to_value(row(&entry)).unwrap();
    assert_eq!(written["waivers"], json!(["SNP-33 SnpCrlMissing: why"]));
    assert!(serde_json::from_value::<Decision>(with(written, "waiver", json!([]))).is_err());
}
