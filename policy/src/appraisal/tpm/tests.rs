//! Each rule alone: one claim or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::appraised::proved;
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation::tpm::{AkTrust, Bytes, Claims, GceInstance};
use hanzo_attestation_evidence::Severity;

type Change = fn(&mut Claims);
type Limit = fn(&mut Thresholds);

fn refusals(claims: &Claims, thresholds: &Thresholds) -> Vec<String> {
    let (claims, facts) = sample::tpm_item(claims.clone());
    let appraisal = Appraisal { tpm: thresholds.clone(), ..Appraisal::strict() };
    let findings = appraise_claims(&claims, &facts, &appraisal);
    let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
    refusals.map(|finding| finding.rule.to_string()).collect()
}

fn with(change: Change) -> Claims {
    let mut claims = sample::tpm();
    change(&mut claims);
    claims
}

fn limits(change: Limit) -> Thresholds {
    let mut thresholds = Thresholds::strict();
    change(&mut thresholds);
    thresholds
}

fn none(_: &mut Claims) {}

const NOTHING: [&str; 0] = [];

#[test]
fn a_measured_machine_with_a_trusted_key_is_acceptable() {
    assert_eq!(refusals(&sample::tpm(), &Thresholds::strict()), NOTHING);
    assert_eq!(refusals(&sample::tpm(), &Thresholds::corpus()), NOTHING);
}

/// TPM-11: no threshold switches it off.
#[test]
fn an_untrusted_key_is_always_refused() {
    let untrusted = with(|c| c.ak_trust = AkTrust::Untrusted);
    for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
        assert_eq!(refusals(&untrusted, &thresholds), ["TPM-11 TpmAkUntrusted"]);
    }
}

/// TPM-37: a trusted TPM is a hardware root, and no TEE; an untrusted one is nothing.
#[test]
fn a_tpm_proves_the_second_tier_and_no_tee() {
    for (trust, tier) in [
        (AkTrust::AllowList, Tier::Confidential),
        (AkTrust::Activation { ek_sha256: Hex([1; 32]) }, Tier::Confidential),
        (AkTrust::Untrusted, Tier::Open),
    ] {
        let mut claims = sample::tpm();
        claims.ak_trust = trust;
        let (claims, facts) = sample::tpm_item(claims);
        let found = proved([(&claims, &facts)].into_iter(), &Default::default());
        assert_eq!((found.tier, found.cpu_tee), (tier, false));
    }
}

/// TPM-15, TPM-18, TPM-35: what `corpus` does not ask for.
#[test]
fn strict_refuses_by_default_what_corpus_lets_pass() {
    let partial = |bitmap| sample::tpm_over(&[(Hash::Sha256, bitmap)], |_, index| 0x40 | index);
    let cases = [
        (with(|c| c.extra_data = Bytes(vec![1; 15])), vec!["TPM-15 TpmNonceTooShort"]),
        (with(|c| c.extra_data = Bytes(Vec::new())), vec!["TPM-15 TpmNonceTooShort"]),
        (partial(0xFF_FF_EF), vec!["TPM-18 TpmSelectionIncomplete"]),
        (partial(0x00_00_FC), vec!["TPM-18 TpmSelectionIncomplete"; 2]),
        (with(|c| c.pcrs = None), vec!["TPM-18 TpmSelectionIncomplete"; 8]),
        (sample::tpm_over(&[(Hash::Sha256, 0xFF)], |_, index| index), vec!["TPM-35 TpmPcrUnextended"]),
        (sample::tpm_over(&[(Hash::Sha256, 0xFF)], |_, _| 0), vec!["TPM-35 TpmPcrUnextended"; 8]),
    ];
    for (claims, rules) in cases {
        assert_eq!(refusals(&claims, &Thresholds::strict()), rules);
        assert_eq!(refusals(&claims, &Thresholds::corpus()), NOTHING);
    }
    assert_eq!(refusals(&with(|c| c.extra_data = Bytes(vec![1; 16])), &Thresholds::strict()), NOTHING);
}

/// TPM-35: EV_SEPARATOR alone, where firmware's own measurement is expected.
#[test]
fn a_bare_separator_is_no_measurement() {
    for bank in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let bare = check::bare_separator(bank);
        let bare = hanzo_attestation_evidence::Digest::try_from(bare.as_slice()).unwrap();
        assert!(check::is_unextended(0, &bare, bank));
        assert!(!check::is_unextended(1, &bare, bank), "a board without options");
    }
    // SHA-256(0^32 || SHA-256(0^4)), as machines show it in registers that nothing but the separator
    // extended.
    assert_eq!(
        Bytes(check::bare_separator(Hash::Sha256)).to_string(),
        "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"
    );
}

/// TPM-22: facts rest on the strongest-named bank, never on SHA-1.
#[test]
fn facts_never_rest_on_sha_1() {
    let sha1 = sample::tpm_over(&[(Hash::Sha1, 0xFF)], |_, index| 0x40 | index);
    assert!(refusals(&sha1, &Thresholds::strict()).contains(&"TPM-22 TpmPcrBankNotAllowed".to_owned()));
    assert_eq!(refusals(&sha1, &Thresholds::corpus()), ["TPM-22 TpmPcrBankNotAllowed"]);
    let both = sample::tpm_over(&[(Hash::Sha1, 0xFF), (Hash::Sha384, 0xFF)], |_, index| 0x40 | index);
    assert_eq!(refusals(&both, &Thresholds::strict()), NOTHING);
    let narrow = limits(|l| l.banks = vec![Bank::Sha256]);
    assert_eq!(refusals(&both, &narrow), ["TPM-22 TpmPcrBankNotAllowed"]);
}

fn instance(project: &str) -> Option<GceInstance> {
    Some(GceInstance {
        zone: "z".to_owned(),
        project_id: project.to_owned(),
        project_number: 1,
        instance_id: 2,
        name: "n".to_owned(),
    })
}

/// TPM-24 to TPM-27, TPM-29, TPM-32, TPM-34, TPM-37.
#[test]
fn thresholds_refuse_below_and_accept_at_the_limit() {
    let cases: [(&str, Limit, Change, Change); 12] = [
        ("TPM-24 TpmClockUnsafe", |l| l.require_safe_clock = true, |c| c.clock_safe = false, none),
        ("TPM-24 TpmClockUnsafe", |l| l.minimum_clock_ms = Some(9), |c| c.clock_safe = false, none),
        ("TPM-26 TpmClockRollback", |l| l.minimum_clock_ms = Some(9), |c| c.attest_clock_ms = 8, none),
        (
            "TPM-25 TpmRebooted",
            |l| l.boot = Some(Boot { reset_count: 7, restart_count: 0 }),
            |c| c.reset_count = 8,
            none,
        ),
        (
            "TPM-25 TpmRebooted",
            |l| l.boot = Some(Boot { reset_count: 7, restart_count: 0 }),
            |c| c.restart_count = 1,
            none,
        ),
        (
            "TPM-27 TpmFirmwareVersionNotAllowed",
            |l| l.firmware = Some(vec![Hex([0, 0, 0, 0, 0, 0, 0, 3])]),
            |c| c.firmware_version = Hex([0; 8]),
            none,
        ),
        (
            "TPM-29 TpmEkRevoked",
            |l| l.denied_eks = vec![Hex([1; 32])],
            |c| c.ak_trust = AkTrust::Activation { ek_sha256: Hex([1; 32]) },
            |c| c.ak_trust = AkTrust::Activation { ek_sha256: Hex([2; 32]) },
        ),
        (
            "TPM-32 TpmInstanceNotAllowed",
            |l| {
                let wanted = Instance { project_id: Some("hanzo".to_owned()), ..Instance::default() };
                l.instances = Some(vec![wanted]);
            },
            |c| c.instance = instance("other"),
            |c| c.instance = instance("hanzo"),
        ),
        (
            "TPM-32 TpmInstanceNotAllowed",
            |l| {
                let wanted = Instance { instance_id: Some("2".to_owned()), ..Instance::default() };
                l.instances = Some(vec![wanted]);
            },
            none,
            |c| c.instance = instance("hanzo"),
        ),
        (
            "TPM-37 TpmTrustTier",
            |l| l.kinds = Allowed::Listed(vec![TpmKind::Discrete]),
            |c| c.tpm_kind = Some(TpmKind::VirtualHost),
            |c| c.tpm_kind = Some(TpmKind::Discrete),
        ),
        (
            "TPM-37 TpmTrustTier",
            |l| l.kinds = Allowed::Listed(vec![TpmKind::Discrete]),
            none,
            |c| c.tpm_kind = Some(TpmKind::Discrete),
        ),
        (
            "TPM-35 TpmPcrUnextended",
            |l| l.required_pcrs = vec![Pcr(10)],
            none,
            |c| *c = sample::tpm_over(&[(Hash::Sha256, 1 << 10)], |_, _| 1),
        ),
    ];
    for (rule, limit, breaks, keeps) in cases {
        assert_eq!(refusals(&with(breaks), &limits(limit)), [rule]);
        assert_eq!(refusals(&with(keeps), &limits(limit)), NOTHING, "{rule}");
    }
    // An empty list admits nobody.
    assert_eq!(
        refusals(&with(none), &limits(|l| l.instances = Some(Vec::new()))),
        ["TPM-32 TpmInstanceNotAllowed"]
    );
}

/// TPM-34: registers that can be reset satisfy nothing; those of a dynamic launch only where that is
/// accepted.
#[test]
fn registers_that_can_be_reset_are_no_facts() {
    for index in [16, 23, 24, 255] {
        assert!(Pcr::try_from(index).is_err());
        assert!(toml::from_str::<Thresholds>(&format!("required_pcrs = [{index}]")).is_err());
    }
    let launched = sample::tpm_over(&[(Hash::Sha256, 1 << 17)], |_, _| 1);
    let mut thresholds = limits(|l| l.required_pcrs = vec![Pcr(17)]);
    assert_eq!(refusals(&launched, &thresholds), ["TPM-34 TpmResettablePcr"]);
    thresholds.dynamic_launch = true;
    assert_eq!(refusals(&launched, &thresholds), NOTHING);
    // As after a reset without any launch.
    let idle = sample::tpm_over(&[(Hash::Sha256, 1 << 17)], |_, _| 0xFF);
    assert_eq!(refusals(&idle, &thresholds), ["TPM-35 TpmPcrUnextended"]);
}

/// COL-26: misspelt thresholds are errors.
#[test]
fn thresholds_are_read_by_name() {
    let read = |text: &str| toml::from_str::<Thresholds>(text);
    let text = "minimum_nonce = 32\nrequired_pcrs = [0, 4, 7]\nbanks = [\"sha384\"]\nkinds = [\"discrete\"]\n\
                boot = { reset_count = 1, restart_count = 2 }\ninstances = [{ project_id = \"p\" }]";
    let thresholds = read(text).unwrap();
    assert_eq!((thresholds.minimum_nonce, thresholds.banks), (32, vec![Bank::Sha384]));
    assert_eq!(read("").unwrap(), Thresholds::strict());
    for slip in [
        "banks = [\"sha1\"]",
        "boot = { reset_count = 1 }",
        "nonce = 1",
        "kinds = \"all\"",
        "minimum_nonce = -1",
    ] {
        assert!(read(slip).is_err(), "{slip}");
    }
}
