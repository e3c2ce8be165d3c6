//! The whole line of types on lab evidence: bytes, verified, bound, appraised, permitted or denied.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hanzo_attestation::identity::{PublicKey, RegisteredKey};
use hanzo_attestation::{Attested, Cache, Collateral, Context, Refused, Revocation, Roots, verify};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Binding, Document, Hex, Kem, Recipient, Severity, UnixTime};
use hanzo_attestation_lab::{Lab, SnpDefect, SnpOrder, SnpProduct, TdxOrder, Vek};
use hanzo_policy::{
    Appraisal, Appraised, Circumstances, Denial, KeyId, KeyScope, Limit, Permit, Policies, PolicySource,
    ReferenceSet, ReferenceValue, References, Tier, Validity, appraise, authorize, tier_of,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const IMAGES: &str = "permit (principal, action == Action::\"release\", resource in Tenant::\"acme\") when { principal.measurement in ReferenceSet::\"images\" };";
const ALL: &str = "permit (principal, action, resource);";

struct Bench {
    lab: Lab,
    roots: Roots,
    runner: Ed25519KeyPair,
    binding: Binding,
    collateral: Collateral,
    now: UnixTime,
}

impl Bench {
    fn new() -> Self {
        Self::with_collateral(Lab::collateral)
    }

    fn with_collateral(of: impl FnOnce(&Lab) -> Collateral) -> Self {
        let lab = Lab::fixture();
        let runner = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = RegisteredKey {
            key_id: "runner".to_owned(),
            public_key: PublicKey::Ed25519(runner.public_key().as_ref().try_into().unwrap()),
        };
        let roots = Roots::vendor().with_extra(lab.extra_roots()).with_registered_key(key);
        let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
        let binding = Binding::new("a nonce", &recipient, None, &[]).unwrap();
        let now = lab.validity().not_before.after(HOUR * 24);
        Self { collateral: of(&lab), lab, roots, runner, binding, now }
    }

    fn snp(&self, order: SnpOrder) -> Value {
        self.lab.snp(&SnpOrder { report_data: *self.binding.cpu_report_data(), ..order }).unwrap()
    }

    fn td(&self, order: TdxOrder) -> Value {
        self.lab.tdx(&TdxOrder { report_data: *self.binding.cpu_report_data(), ..order }).unwrap()
    }

    fn identity(&self) -> Value {
        let signature = self.runner.sign(self.binding.identity_message());
        json!({"type": "registered-key", "key_id": "runner", "signature": base64_encode(signature.as_ref())})
    }

    fn attest(&self, items: Vec<Value>) -> Result<Attested, Refused> {
        let document = Document::from_json(Lab::document(items).to_string().as_bytes()).unwrap();
        let context = Context {
            roots: &self.roots,
            collateral: &self.collateral,
            revocation: &Revocation::Required,
            now: self.now,
            cache: Cache::off(),
        };
        verify(document.parse().unwrap(), &context)?.bind(&self.binding)
    }

    fn appraise(&self, items: Vec<Value>) -> Result<Appraised, Refused> {
        appraise(self.attest(items)?, &Appraisal::strict())
    }

    fn ask(&self, appraised: &Appraised, scope: &KeyScope, texts: &[&str]) -> Result<Permit, Denial> {
        let sources: Vec<_> = texts
            .iter()
            .zip(1..)
            .map(|(text, n)| PolicySource { name: format!("p{n}"), version: 1, text: (*text).to_owned() })
            .collect();
        let policies = Policies::compile(&sources).unwrap();
        authorize(appraised, scope, &policies, &images(), when(self.now), HOUR)
    }
}

/// No grant of the key is live.
const fn when(now: UnixTime) -> Circumstances {
    Circumstances { now, live_grants: Some(0) }
}

fn images() -> References {
    let value = |tee: &str, register: &str, digest| ReferenceValue {
        tee: tee.into(),
        register: register.into(),
        digest: Hex(digest).into(),
        entry: None,
        note: None,
        validity: Validity::ALWAYS,
    };
    let values = vec![
        value("sev-snp", "measurement", SnpOrder::usual_measurement()),
        value("tdx", "mr_td", TdxOrder::usual_mr_td()),
    ];
    References::new(vec![ReferenceSet { name: "images".into(), values }]).unwrap()
}

fn scope(minimum: Tier) -> KeyScope {
    KeyScope { key: KeyId::parse("acme/disk").unwrap(), minimum, require_cpu_tee: false }
}

#[test]
fn a_known_guest_gets_a_permit_that_says_what_it_rests_on() {
    let bench = Bench::new();
    for product in SnpProduct::ALL {
        let appraised = bench.appraise(vec![bench.snp(SnpOrder { product, ..SnpOrder::default() })]).unwrap();
        assert_eq!((appraised.tier(), appraised.lab()), (Tier::Confidential, true));
        assert_eq!((appraised.nonce(), appraised.appraised_at()), ("a nonce", bench.now));
        let permit = bench.ask(&appraised, &scope(Tier::Confidential), &[IMAGES]).unwrap();
        assert_eq!(permit.key().as_str(), "acme/disk");
        assert_eq!((permit.tier(), permit.minimum()), (Tier::Confidential, Tier::Confidential));
        assert_eq!(permit.recipient(), bench.binding.recipient());
        assert_eq!(permit.expires_at(), bench.now.after(HOUR));
        assert_eq!(permit.evidence_digest(), appraised.evidence_digest());
        assert_eq!(permit.reference_digest(), images().digest());
        assert_eq!(permit.policies(), ["p1"]);
        assert!(permit.lab());
    }
}

#[test]
fn a_permit_never_outlives_the_evidence() {
    let bench = Bench::new();
    let appraised = bench.appraise(vec![bench.snp(SnpOrder::default())]).unwrap();
    let end = appraised.not_after();
    let policies =
        Policies::compile(&[PolicySource { name: "p".into(), version: 1, text: ALL.into() }]).unwrap();
    let ask = |now, lifetime| {
        authorize(&appraised, &scope(Tier::Confidential), &policies, &images(), when(now), lifetime)
    };
    let second = Duration::from_secs(1);
    assert_eq!(ask(end.before(second), HOUR).unwrap().expires_at(), end);
    for (now, lifetime) in [(end, HOUR), (end.after(second), HOUR), (bench.now, Duration::ZERO)] {
        assert_eq!(ask(now, lifetime).unwrap_err().code, "EvidenceExpired");
    }
}

/// A permit ends with the first reference value that the decision needs, and says so.
#[test]
fn a_permit_never_outlives_its_reference_values() {
    let bench = Bench::new();
    let appraised = bench.appraise(vec![bench.snp(SnpOrder::default())]).unwrap();
    let (soon, second) = (bench.now.after(Duration::from_secs(60)), Duration::from_secs(1));
    let references = |expires_at| {
        let value = ReferenceValue {
            tee: "sev-snp".into(),
            register: "measurement".into(),
            digest: Hex(SnpOrder::usual_measurement()).into(),
            entry: None,
            note: None,
            validity: Validity { not_before: None, expires_at: Some(expires_at) },
        };
        References::new(vec![ReferenceSet { name: "images".into(), values: vec![value] }]).unwrap()
    };
    let ask = |text: &str, end, now, lifetime| {
        let source = PolicySource { name: "p".into(), version: 1, text: text.into() };
        let policies = Policies::compile(&[source]).unwrap();
        authorize(&appraised, &scope(Tier::Confidential), &policies, &references(end), when(now), lifetime)
    };
    let shortened = ask(IMAGES, soon, bench.now, HOUR).unwrap();
    assert_eq!(shortened.expires_at(), soon);
    assert!(
        matches!(shortened.limit(), Limit::References(why) if why.contains("of the set `images` expired at"))
    );
    assert_eq!(ask(IMAGES, soon, soon.before(second), HOUR).unwrap().expires_at(), soon);
    assert_eq!(ask(IMAGES, soon, soon, HOUR).unwrap_err().code, "ReferenceExpired");
    // What the decision does not need, or what ends later, shortens nothing.
    let free = ask(ALL, soon, bench.now, HOUR).unwrap();
    assert_eq!((free.expires_at(), free.limit()), (bench.now.after(HOUR), &Limit::Lifetime));
    let brief = ask(IMAGES, soon, bench.now, Duration::from_secs(60)).unwrap();
    assert_eq!((brief.expires_at(), brief.limit()), (soon, &Limit::Lifetime));
    let late = ask(ALL, soon, appraised.not_after().before(second), HOUR);
    assert_eq!(late.unwrap().limit(), &Limit::Evidence);
}

#[test]
fn unacceptable_evidence_is_refused_by_the_rule_that_it_breaks() {
    let bench = Bench::new();
    let refused = |order| bench.appraise(vec![bench.snp(order)]).unwrap_err().finding.rule.code;
    assert_eq!(refused(SnpOrder { debug: true, ..SnpOrder::default() }), "SnpDebugAllowed");
    assert_eq!(refused(SnpOrder { vmpl: 1, ..SnpOrder::default() }), "SnpVmplNotAllowed");
    assert_eq!(refused(SnpOrder { host_data: [1; 32], ..SnpOrder::default() }), "SnpHostDataMismatch");
    assert_eq!(
        refused(SnpOrder { platform_info: Some(1 << 40 | 1), ..SnpOrder::default() }),
        "SnpPlatformInfoUnknown"
    );
    assert_eq!(refused(SnpOrder::default().with_defect(SnpDefect::ChipIdMasked)), "SnpChipIdMasked");
    let test_csp =
        SnpOrder { vek: Vek::Vlek, csp_id: "CN=cc-test.amazonaws.com".into(), ..SnpOrder::default() };
    assert_eq!(refused(test_csp), "SnpCspNotAllowed");
    // What passes the parser and the verifier with a defect is for appraisal to name.
    let mut named = Vec::new();
    for defect in SnpDefect::ALL {
        let item = bench.snp(SnpOrder::default().with_defect(*defect));
        let document = Lab::document(vec![item.clone()]).to_string();
        let parses = Document::from_json(document.as_bytes()).is_ok_and(|document| document.parse().is_ok());
        if parses && let Ok(attested) = bench.attest(vec![item]) {
            let refused = appraise(attested, &Appraisal::strict()).unwrap_err();
            assert_eq!(refused.finding.rule.code, defect.expects(), "{}", defect.name());
            named.push(defect.name());
        }
    }
    assert!(named.contains(&"chip-id-masked"), "{named:?}");
}

#[test]
fn provisional_firmware_is_a_warning_that_travels() {
    let bench = Bench::new();
    let appraised =
        bench.appraise(vec![bench.snp(SnpOrder { provisional: true, ..SnpOrder::default() })]).unwrap();
    let found = appraised.findings().iter().find(|finding| finding.rule.id == "SNP-69").unwrap();
    assert_eq!(found.severity, Severity::Warn);
    let forbid =
        "forbid (principal, action, resource) when { principal has snp && principal.snp.provisional };";
    let denial = bench.ask(&appraised, &scope(Tier::Confidential), &[ALL, forbid]).unwrap_err();
    assert_eq!((denial.code, denial.reasons), ("PolicyForbids", vec!["policy `p2` forbids".to_owned()]));
}

#[test]
fn each_denial_has_its_code() {
    let bench = Bench::new();
    let guest = bench.appraise(vec![bench.snp(SnpOrder::default())]).unwrap();
    let other =
        bench.appraise(vec![bench.snp(SnpOrder { measurement: [3; 48], ..SnpOrder::default() })]).unwrap();
    let runner = bench.appraise(vec![bench.identity()]).unwrap();
    let nobody = bench.appraise(vec![]).unwrap();
    assert_eq!(runner.tier(), Tier::Encrypted);
    assert_eq!(nobody.tier(), Tier::Open);
    let cpu = KeyScope { require_cpu_tee: true, ..scope(Tier::Encrypted) };
    for (appraised, scope, texts, code) in [
        (&guest, scope(Tier::GpuCc), &[ALL][..], "TierTooLow"),
        (&runner, scope(Tier::Confidential), &[ALL], "TierTooLow"),
        (&nobody, scope(Tier::Encrypted), &[ALL], "TierTooLow"),
        (&runner, cpu.clone(), &[ALL], "CpuTeeRequired"),
        (&guest, scope(Tier::Confidential), &[], "NoPolicy"),
        (&other, scope(Tier::Confidential), &[IMAGES], "MeasurementUnknown"),
        (
            &guest,
            scope(Tier::Confidential),
            &[ALL, "forbid (principal, action, resource) when { principal.lab };"],
            "PolicyForbids",
        ),
        (
            &guest,
            scope(Tier::Confidential),
            &["permit (principal, action, resource) unless { principal.lab };"],
            "PolicyDenied",
        ),
        (
            &guest,
            scope(Tier::Confidential),
            &[ALL, "permit (principal, action, resource) when { context.now * 9223372036854775807 > 0 };"],
            "PolicyError",
        ),
    ] {
        assert_eq!(bench.ask(appraised, &scope, texts).unwrap_err().code, code);
    }
    assert!(bench.ask(&guest, &cpu, &[ALL]).is_ok());
    assert!(bench.ask(&runner, &scope(Tier::Encrypted), &[ALL]).is_ok());
    assert!(bench.ask(&nobody, &scope(Tier::Open), &[ALL]).is_ok());
}

#[test]
fn a_known_td_gets_a_permit() {
    let bench = Bench::new();
    let appraised = bench.appraise(vec![bench.td(TdxOrder::default())]).unwrap();
    assert_eq!((appraised.tier(), appraised.lab()), (Tier::Confidential, true));
    assert!(bench.ask(&appraised, &scope(Tier::Confidential), &[IMAGES]).is_ok());
    let unknown = bench.appraise(vec![bench.td(TdxOrder { mr_td: [9; 48], ..TdxOrder::default() })]).unwrap();
    assert!(bench.ask(&unknown, &scope(Tier::Confidential), &[IMAGES]).is_err());
    let debug = bench.attest(vec![bench.td(TdxOrder { debug: true, ..TdxOrder::default() })]).unwrap();
    assert_eq!(appraise(debug, &Appraisal::corpus()).unwrap_err().finding.rule.code, "TdDebug");
}

/// COL-10: a TD without collateral is genuine, and no tier: nobody has rated its platform.
#[test]
fn an_unrated_td_proves_nothing() {
    let bench = Bench::with_collateral(Lab::amd_collateral);
    let attested = bench.attest(vec![bench.td(TdxOrder::default())]).unwrap();
    assert_eq!(tier_of(attested.items(), &Appraisal::strict()), Tier::Open);
    assert_eq!(appraise(attested, &Appraisal::strict()).unwrap_err().finding.rule.code, "CollateralMissing");
}

proptest! {
    // Each case signs and verifies real chains; the many shapes of policies are tried without them.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Released implies tier(evidence) ≥ minimum(key).
    #[test]
    fn released_implies_the_tier(
        cpu in any::<bool>(),
        identity in any::<bool>(),
        debug in prop::bool::weighted(0.2),
        minimum in 0_u8..5,
        require_cpu_tee in any::<bool>(),
        known in any::<bool>(),
        texts in prop::sample::subsequence(vec![ALL, IMAGES, "permit (principal, action, resource) when { principal.tier >= 0 };", "forbid (principal, action, resource) when { principal.tier > resource.minimum_tier };"], 0..=4),
    ) {
        let bench = Bench::new();
        let measurement = if known { SnpOrder::usual_measurement() } else { [1; 48] };
        let order = SnpOrder { measurement, debug, ..SnpOrder::default() };
        let items = [cpu.then(|| bench.snp(order)), identity.then(|| bench.identity())];
        let Ok(appraised) = bench.appraise(items.into_iter().flatten().collect()) else {
            prop_assert!(cpu && debug);
            return Ok(());
        };
        prop_assert!(!(cpu && debug));
        let proved = if cpu { 2 } else { u8::from(identity) };
        prop_assert_eq!(appraised.tier().number(), proved);
        let scope = KeyScope { require_cpu_tee, ..scope(Tier::from_number(minimum).unwrap()) };
        if let Ok(permit) = bench.ask(&appraised, &scope, &texts) {
            prop_assert!(proved >= minimum && (cpu || !require_cpu_tee) && !texts.is_empty());
            prop_assert_eq!(permit.tier().number(), proved);
            prop_assert!(permit.tier() >= permit.minimum());
        }
    }
}
