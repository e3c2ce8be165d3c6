//! The real TPM's quote under the verifier.

use crate::machine::{Machine, binding};
use hanzo_attestation::roots::{AkId, Parent, TrustedAk};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Claims, Collateral, Refused, Revocation, Roots, verify};
use hanzo_attestation_evidence::tpm::{Hierarchy, Name};
use hanzo_attestation_evidence::{Binding, Document, UnixTime};
use hanzo_node_attester::tpm::KeyKind;
use hanzo_node_attester::{EvidenceSource as _, Source, Tpm, WithTpm};
use hanzo_policy::{Appraisal, Appraised, Tier, appraise};
use serde_json::{Value, json};
use std::path::Path;

/// 2026-11-01T00:00:00Z.
const NOW: i64 = 1_793_491_200;

/// bytes → Verified → Attested → Appraised, as a broker does it.
pub(crate) fn judge(document: &Value, binding: &Binding, roots: &Roots) -> Result<Appraised, &'static str> {
    let document = Document::from_json(document.to_string().as_bytes()).unwrap();
    let evidence = document.parse().map_err(|error| hanzo_attestation_evidence::Broken::rule(&error).code)?;
    let context = Context {
        roots,
        collateral: &Collateral::default(),
        revocation: &Revocation::Required,
        now: UnixTime::from_seconds(NOW).unwrap(),
        cache: Cache::off(),
    };
    let code = |refused: Refused| refused.finding.rule.code;
    let attested = verify(evidence, &context).and_then(|verified| verified.bind(binding)).map_err(code)?;
    appraise(attested, &Appraisal::strict()).map_err(code)
}

async fn document(tpm: &Tpm, binding: &Binding) -> Value {
    WithTpm::new(Source::Nothing, Some(tpm.clone())).collect(binding).await.unwrap()
}

async fn trusted(tpm: &Tpm) -> TrustedAk {
    let name = tpm.attestation_key().await.unwrap().name;
    TrustedAk::new(AkId::Name(Name::from_bytes(&name).unwrap()))
}

/// TPM-11, TPM-13, TPM-14, TPM-21: a quote by a key on the allow list proves a hardware root, and no TEE
/// (TPM-37).
#[tokio::test]
async fn a_quote_by_a_trusted_key_is_accepted() {
    let machine = Machine::start();
    machine.boot();
    for key in [KeyKind::EcdsaP256, KeyKind::Rsa2048] {
        let settings = hanzo_node_attester::tpm::Settings { key: Some(key), ..machine.settings() };
        let tpm = Tpm::new(settings, Path::new("/"));
        let binding = binding("a challenge");
        let roots = Roots::vendor().with_trusted_ak(trusted(&tpm).await);
        let appraised = judge(&document(&tpm, &binding).await, &binding, &roots).unwrap();
        assert_eq!(appraised.tier(), Tier::Confidential);
        let Claims::Tpm(claims) = appraised.items()[0].claims() else { panic!("no TPM") };
        assert_eq!(claims.ak_hierarchy, Some(Hierarchy::Endorsement));
        assert!(claims.clock_safe && claims.reset_count > 0);
    }
}

/// TPM-11: TpmAkUntrusted: the same quote, and nobody who trusts its key.
#[tokio::test]
async fn a_quote_by_an_untrusted_key_is_refused() {
    let (machine, other) = (Machine::start(), Machine::start());
    machine.boot();
    let binding = binding("a challenge");
    let document = document(&machine.tpm(), &binding).await;
    assert_eq!(judge(&document, &binding, &Roots::vendor()).unwrap_err(), "TpmAkUntrusted");
    let roots = Roots::vendor().with_trusted_ak(trusted(&other.tpm()).await);
    assert_eq!(judge(&document, &binding, &roots).unwrap_err(), "TpmAkUntrusted");
}

/// TPM-12: TpmSignerNameMismatch: the key is a primary key of the endorsement hierarchy, and of no other.
#[tokio::test]
async fn the_key_hangs_where_the_owner_says() {
    let machine = Machine::start();
    machine.boot();
    let binding = binding("a challenge");
    let (document, key) = (document(&machine.tpm(), &binding).await, trusted(&machine.tpm()).await);
    for hierarchy in Hierarchy::ALL {
        let key = key.clone().below(Parent::Hierarchy(hierarchy));
        let judged = judge(&document, &binding, &Roots::vendor().with_trusted_ak(key)).map(|a| a.tier());
        let expected = if hierarchy == Hierarchy::Endorsement {
            Ok(Tier::Confidential)
        } else {
            Err("TpmSignerNameMismatch")
        };
        assert_eq!(judged, expected, "{hierarchy:?}");
    }
}

/// TPM-14: TpmNonceMismatch: a quote for another challenge.
#[tokio::test]
async fn a_quote_for_another_challenge_is_refused() {
    let machine = Machine::start();
    machine.boot();
    let roots = Roots::vendor().with_trusted_ak(trusted(&machine.tpm()).await);
    let document = document(&machine.tpm(), &binding("one")).await;
    assert_eq!(judge(&document, &binding("two"), &roots).unwrap_err(), "TpmNonceMismatch");
}

/// TPM-21: TpmPcrDigest: the values of a later moment beside the quote of an earlier one.
#[tokio::test]
async fn registers_that_were_extended_since_do_not_fit_the_old_quote() {
    let machine = Machine::start();
    machine.boot();
    let binding = binding("a challenge");
    let roots = Roots::vendor().with_trusted_ak(trusted(&machine.tpm()).await);
    let before = document(&machine.tpm(), &binding).await;
    machine.swtpm.extend(4, &"11".repeat(32), &"22".repeat(48)).unwrap();
    let after = document(&machine.tpm(), &binding).await;
    let pcrs = |document: &Value| document["evidence"][0]["pcrs"].clone();
    assert_ne!(pcrs(&before)["sha256"]["4"], pcrs(&after)["sha256"]["4"]);
    assert_ne!(pcrs(&before)["sha384"]["4"], pcrs(&after)["sha384"]["4"]);
    assert!(judge(&before, &binding, &roots).is_ok() && judge(&after, &binding, &roots).is_ok());
    let mut mixed = before;
    mixed["evidence"][0]["pcrs"] = pcrs(&after);
    assert_eq!(judge(&mixed, &binding, &roots).unwrap_err(), "TpmPcrDigest");
}

/// TPM-35: TpmPcrUnextended: a TPM that no firmware measured anything into.
#[tokio::test]
async fn a_tpm_without_a_boot_is_refused() {
    let machine = Machine::start();
    let binding = binding("a challenge");
    let roots = Roots::vendor().with_trusted_ak(trusted(&machine.tpm()).await);
    let document = document(&machine.tpm(), &binding).await;
    assert_eq!(judge(&document, &binding, &roots).unwrap_err(), "TpmPcrUnextended");
    assert_eq!(judge(&json!({"evidence": []}), &binding, &roots).map(|a| a.tier()), Ok(Tier::Open));
}
